//! Generated modules: what each mode and feature adds to one module that checks its own memory.

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FieldType, Function, FunctionSection, GlobalType, ImportSection,
    InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, RefType,
    StartSection, StorageType, TableSection, TableType, TypeSection, ValType,
};

use crate::mode::{Feature, Mode};

/// The export of generated modules: `() -> i64`, which returns the stamp that it finds in its
/// memory, or something else if the memory is not as it was made.
pub const GUEST_EXPORT: &str = "check";

const WASM_PAGE_BYTES: u64 = 64 << 10;

/// Elements of each table.
const TABLE_ELEMENTS: u64 = 4;
/// Elements by which a guest grows its table.
const TABLE_GROWTH: i32 = 100;
/// Objects that a call makes in the heap of the garbage collector.
const OBJECTS: i32 = 100;
/// Maximum pages of the shared memory.
const SHARED_PAGES_MAX: u64 = 4;

/// Types by index.
const CHECK_TYPE: u32 = 0;
const DIRTY_TYPE: u32 = 1;
const START_TYPE: u32 = 2;
const OBJECT_TYPE: u32 = 3;

/// Functions by index. The last is for the start function, or invalid.
const DIRTY: u32 = 1;
const EXTRA: u32 = 2;

/// A generated module, stamped anew for each cycle without allocating.
///
/// Its memory begins with a stamp (u64, the module's number mixed with the run's seed), then a
/// scratch cell (u64, 0), a cell that is only written, then filler. `check` adds the scratch cell
/// to the stamp, calls a second function that dirties the cell, and returns the sum: the stamp
/// alone, unless the slot still shows what an earlier instance wrote.
#[derive(Clone, Debug)]
pub struct GeneratedGuest {
    binary: Vec<u8>,
    stamp_at: usize,
    key: u64,
}

impl GeneratedGuest {
    /// A guest for cycles of `mode` that use `features`, with `image_bytes` of initial memory, whose
    /// stamps depend on `seed`.
    ///
    /// # Panics
    /// If `image_bytes` is below [`crate::Scenario::IMAGE_SIZE_MIN`] or does not fit a memory of
    /// 4 GiB.
    pub fn new(mode: Mode, features: &[Feature], image_bytes: u64, seed: u64) -> GeneratedGuest {
        assert!(image_bytes >= crate::Scenario::IMAGE_SIZE_MIN, "{image_bytes} bytes have no room");
        let filler = (0..image_bytes).map(|i| (i % 251) as u8 | 1);
        let mut image: Vec<u8> = filler.collect();
        image[..24].fill(0);
        let plan = Plan { mode, features, image: &image };
        let binary = plan.module().finish();
        // The first segment has the stamp. Nothing before it has as many zeroes, and the length before
        // its payload does not end in one.
        let stamped = binary.windows(24).position(|bytes| bytes == &image[..24]);
        let stamp_at = stamped.expect("the image is in the binary");
        // Odd, so that multiplication by it maps different numbers to different stamps.
        let key = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        GeneratedGuest { binary, stamp_at, key }
    }

    /// The number that `check` of module `number` returns.
    pub fn stamp(&self, number: u64) -> u64 {
        number.wrapping_add(1).wrapping_mul(self.key)
    }

    /// The binary of module `number`.
    pub fn binary(&mut self, number: u64) -> &[u8] {
        let stamp = self.stamp(number);
        self.binary[self.stamp_at..self.stamp_at + 8].copy_from_slice(&stamp.to_le_bytes());
        &self.binary
    }
}

/// A module before it is encoded.
struct Plan<'a> {
    mode: Mode,
    features: &'a [Feature],
    image: &'a [u8],
}

impl Plan<'_> {
    fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Pages of each memory with an image.
    fn pages(&self) -> u64 {
        (self.image.len() as u64).div_ceil(WASM_PAGE_BYTES)
    }

    /// Memories that begin with an image.
    fn memories(&self) -> u32 {
        if self.has(Feature::Memories) { 2 } else { 1 }
    }

    fn tables(&self) -> u32 {
        match (self.has(Feature::Memories), self.mode) {
            (true, _) => 2,
            (false, Mode::Grow) => 1,
            (false, _) => 0,
        }
    }

    /// Returns true if there is a third function.
    fn has_extra(&self) -> bool {
        matches!(self.mode, Mode::StartTrap | Mode::Invalid)
    }

    fn module(&self) -> Module {
        let mut module = Module::new();
        module.section(&self.types());
        if self.mode == Mode::MissingImport {
            // A global moves the index of no function and no memory.
            let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
            let mut imports = ImportSection::new();
            imports.import("missing", "import", EntityType::Global(ty));
            module.section(&imports);
        }
        let mut functions = FunctionSection::new();
        functions.function(CHECK_TYPE).function(DIRTY_TYPE);
        if self.has_extra() {
            functions.function(START_TYPE);
        }
        module.section(&functions);
        let mut tables = TableSection::new();
        for _ in 0..self.tables() {
            tables.table(TableType {
                element_type: RefType::FUNCREF,
                table64: false,
                minimum: TABLE_ELEMENTS,
                maximum: None,
                shared: false,
            });
        }
        if self.tables() > 0 {
            module.section(&tables);
        }
        module.section(&self.memory_section());
        let mut exports = ExportSection::new();
        exports.export(GUEST_EXPORT, ExportKind::Func, 0).export("memory", ExportKind::Memory, 0);
        module.section(&exports);
        if self.mode == Mode::StartTrap {
            module.section(&StartSection { function_index: EXTRA });
        }
        if self.tables() > 0 {
            let mut elements = ElementSection::new();
            for table in 0..self.tables() {
                let functions = Elements::Functions(Cow::Borrowed(&[DIRTY]));
                elements.active(Some(table), &ConstExpr::i32_const(0), functions);
            }
            module.section(&elements);
        }
        module.section(&self.code());
        module.section(&self.data());
        module
    }

    fn types(&self) -> TypeSection {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I64]);
        types.ty().function([ValType::I64], []);
        if self.has_extra() || self.has(Feature::GcHeap) {
            types.ty().function([], []);
        }
        if self.has(Feature::GcHeap) {
            let element_type = StorageType::Val(ValType::I64);
            types.ty().struct_([FieldType { element_type, mutable: true }]);
        }
        types
    }

    fn memory_section(&self) -> MemorySection {
        let mut memories = MemorySection::new();
        let own = MemoryType {
            minimum: self.pages(),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        for _ in 0..self.memories() {
            memories.memory(own);
        }
        if self.has(Feature::SharedMemory) {
            let maximum = Some(SHARED_PAGES_MAX);
            memories.memory(MemoryType { minimum: 1, maximum, shared: true, ..own });
        }
        memories
    }

    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();
        let mut check = Function::new([]);
        self.check(&mut check.instructions());
        let mut dirty = Function::new([]);
        dirty.instructions().i32_const(0).local_get(0).i64_store(cell(0, 8)).end();
        code.function(&check).function(&dirty);
        if self.has_extra() {
            let mut extra = Function::new([]);
            match self.mode {
                Mode::StartTrap => extra.instructions().unreachable().end(),
                // It leaves a value and returns none.
                _ => extra.instructions().i32_const(1).end(),
            };
            code.function(&extra);
        }
        code
    }

    /// The body of `check`.
    fn check(&self, body: &mut InstructionSink<'_>) {
        // The page is written before it is read, so that the copy costs one fault, not two.
        body.i32_const(0).i64_const(1).i64_store(cell(0, 16));
        body.i32_const(0).i64_load(cell(0, 0)).i32_const(0).i64_load(cell(0, 8)).i64_add();
        if self.has(Feature::Memories) {
            self.use_second_memory(body);
        }
        if self.has(Feature::SharedMemory) {
            let shared = self.memories();
            body.i32_const(0).i64_load(cell(shared, 8)).i64_add();
            body.i32_const(0).i64_const(1).i64_store(cell(shared, 8));
        }
        if self.has(Feature::GcHeap) {
            for object in 0..OBJECTS {
                body.i64_const(object.into()).struct_new(OBJECT_TYPE);
                body.struct_get(OBJECT_TYPE, 0).i64_const(object.into()).i64_sub().i64_add();
            }
        }
        if self.mode == Mode::Grow {
            self.grow(body);
        }
        body.i64_const(1).call(DIRTY);
        if self.mode == Mode::Trap {
            body.unreachable();
        }
        body.end();
    }

    /// Adds the scratch cell of the second memory, which is 0, and dirties it; and the difference of the
    /// second table's length from what it should be.
    fn use_second_memory(&self, body: &mut InstructionSink<'_>) {
        body.i32_const(0).i64_load(cell(1, 8)).i64_add();
        body.i32_const(0).i64_const(1).i64_store(cell(1, 8));
        body.table_size(1).i64_extend_i32_u().i64_add();
        body.i64_const(TABLE_ELEMENTS as i64).i64_sub();
    }

    /// Grows each memory by a page and each table by some elements, and adds the differences of the
    /// lengths before from what they should be. Growth that is refused returns another number.
    fn grow(&self, body: &mut InstructionSink<'_>) {
        let pages = self.pages();
        for memory in 0..self.memories() {
            body.i32_const(1).memory_grow(memory).i64_extend_i32_u().i64_add();
            body.i64_const(pages as i64).i64_sub();
            // The new page can be written.
            let first = pages * WASM_PAGE_BYTES;
            body.i32_const(first as i32).i64_const(1).i64_store(cell(memory, 0));
        }
        for table in 0..self.tables() {
            body.ref_func(DIRTY).i32_const(TABLE_GROWTH).table_grow(table);
            body.i64_extend_i32_u().i64_add().i64_const(TABLE_ELEMENTS as i64).i64_sub();
        }
    }

    /// The segment with the stamp is the first, so that runtimes that put segments into an image until
    /// one does not fit have it there.
    fn data(&self) -> DataSection {
        let mut data = DataSection::new();
        for memory in 0..self.memories() {
            data.active(memory, &ConstExpr::i32_const(0), self.image.iter().copied());
        }
        if self.mode == Mode::DataOutOfBounds {
            let end = self.pages() * WASM_PAGE_BYTES;
            data.active(0, &ConstExpr::i32_const(end as i32), [1]);
        }
        data
    }
}

/// A u64 of a memory.
fn cell(memory: u32, offset: u64) -> MemArg {
    MemArg { offset, align: 3, target: MemArgTarget::Memory(memory), ordering: None }
}
