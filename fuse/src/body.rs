//! The body of a function, with its accesses to memory moved into regions.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{BlockType, Function, Instruction as I, ValType};
use wasmparser::{FunctionBody, MemArgTarget, Operator};

use crate::error::Rewriting;
use crate::fuse::Isolation;
use crate::helpers::{Helper, Helpers, check, emit, length_global, trap_outside};
use crate::regions::{Region, Regions};
use crate::shape::Access;
use crate::spaces::Space;

/// Cranelift omits its own check of an access for offsets up to this: beyond the guard of a memory, which is
/// 32 MiB in Wasmtime, each access has one.
const OFFSET_MAX: u64 = 32 << 20;

/// What bodies are rewritten with.
#[derive(Debug)]
pub(crate) struct Rewriter<'a> {
    pub(crate) regions: &'a Regions,
    pub(crate) helpers: &'a mut Helpers,
    pub(crate) isolation: Isolation,
    /// Functions to which instructions refer by value, which the fused module must declare.
    pub(crate) referenced: &'a mut Vec<u32>,
}

/// The state of one body.
struct Body<'a> {
    space: &'a Space,
    code: Vec<u8>,
    /// The number of parameters and locals of the input.
    locals: u32,
    scratch: Vec<(ValType, usize)>,
}

impl Body<'_> {
    /// A local of this type, for values between two instructions. Two of one type differ by `which`.
    fn scratch(&mut self, ty: ValType, which: usize) -> u32 {
        let found = self.scratch.iter().position(|scratch| *scratch == (ty, which));
        let at = found.unwrap_or_else(|| {
            self.scratch.push((ty, which));
            self.scratch.len() - 1
        });
        self.locals + at as u32
    }
}

impl Rewriter<'_> {
    /// The body of a function with so many parameters.
    ///
    /// # Errors
    /// If it cannot be parsed, which validation excludes.
    pub(crate) fn body(
        &mut self,
        space: &Space,
        parameters: usize,
        input: &FunctionBody<'_>,
    ) -> Result<Function, Rewriting> {
        let mut indices = space;
        let mut declared = Vec::new();
        let mut locals = parameters as u32;
        for group in input.get_locals_reader()? {
            let (count, ty) = group?;
            locals += count;
            declared.push((count, indices.val_type(ty)?));
        }
        let mut body = Body { space, code: Vec::new(), locals, scratch: Vec::new() };
        let mut reader = input.get_operators_reader()?;
        while !reader.eof() {
            self.instruction(&mut body, reader.read()?)?;
        }
        declared.extend(body.scratch.into_iter().map(|(ty, _)| (1, ty)));
        let mut function = Function::new(declared);
        function.raw(body.code);
        Ok(function)
    }

    fn instruction(
        &mut self,
        body: &mut Body<'_>,
        operator: Operator<'_>,
    ) -> Result<(), Rewriting> {
        if let Some(access) = Access::of(&operator) {
            return self.access(body, operator, access);
        }
        let space = body.space;
        let region = |memory: u32| space.memories[memory as usize];
        let code = &mut body.code;
        match operator {
            Operator::MemorySize { mem } => {
                let length = length_global(region(mem));
                emit(code, [I::GlobalGet(length), I::I32Const(16), I::I32ShrU]);
            }
            Operator::MemoryGrow { mem } => {
                emit(code, [I::Call(self.helpers.index(Helper::Grow(region(mem))))]);
            }
            Operator::MemoryFill { mem } => {
                emit(code, [I::Call(self.helpers.index(Helper::Fill(region(mem))))]);
            }
            Operator::MemoryCopy { dst_mem, src_mem } => {
                let helper = Helper::Copy { from: region(src_mem), to: region(dst_mem) };
                emit(code, [I::Call(self.helpers.index(helper))]);
            }
            Operator::MemoryInit { data_index, mem } => {
                let data = space.first_data + data_index;
                self.init(body, region(mem), data);
            }
            operator => {
                if let Operator::RefFunc { function_index } = operator {
                    self.referenced.push(space.functions[function_index as usize]);
                }
                let mut space = space;
                emit(code, [utils::instruction(&mut space, operator)?]);
            }
        }
        Ok(())
    }

    /// A load or a store. On the stack are the address and, of most that have two operands, a value.
    fn access(
        &mut self,
        body: &mut Body<'_>,
        operator: Operator<'_>,
        access: Access,
    ) -> Result<(), Rewriting> {
        // Arrays of the garbage collector have accesses of their own, and validation refuses them.
        let MemArgTarget::Memory(memory) = access.argument.target else { return Ok(()) };
        let number = body.space.memories[memory as usize];
        let region = &self.regions.all[number];
        let is_checked = self.isolation == Isolation::Checked;
        // The base is a part of the offset if that is small, and is added to the address otherwise.
        let offset = access.argument.offset + u64::from(region.base);
        let (offset, base) = match offset <= OFFSET_MAX {
            true => (offset, 0),
            false => (access.argument.offset, region.base),
        };
        if is_checked || base > 0 {
            let value = access.value.map(|ty| body.scratch(ty, usize::from(ty == ValType::I32)));
            if let Some(value) = value {
                emit(&mut body.code, [I::LocalSet(value)]);
            }
            if is_checked {
                let address = body.scratch(ValType::I32, 0);
                emit(&mut body.code, [I::LocalTee(address)]);
                check_access(&mut body.code, number, region, access.reach());
                emit(&mut body.code, [I::LocalGet(address)]);
            }
            if base > 0 {
                emit(&mut body.code, [I::I32Const(base.cast_signed()), I::I32Add]);
            }
            emit(&mut body.code, value.map(I::LocalGet));
        }
        let mut moved = Moved { offset };
        emit(&mut body.code, [utils::instruction(&mut moved, operator)?]);
        Ok(())
    }

    /// `memory.init`: on the stack are the address, the position in the segment, and the number of bytes.
    fn init(&mut self, body: &mut Body<'_>, number: usize, data: u32) {
        let region = &self.regions.all[number];
        let [address, position, bytes] = [0, 1, 2].map(|which| body.scratch(ValType::I32, which));
        let code = &mut body.code;
        emit(code, [I::LocalSet(bytes), I::LocalSet(position), I::LocalSet(address)]);
        if self.isolation == Isolation::Checked {
            check(code, number, I::LocalGet(address), I::LocalGet(bytes));
        }
        emit(code, [I::LocalGet(address), I::I32Const(region.base.cast_signed()), I::I32Add]);
        emit(code, [I::LocalGet(position), I::LocalGet(bytes)]);
        emit(code, [I::MemoryInit { mem: 0, data_index: data }]);
    }
}

/// Traps unless `reach` bytes at the address on the stack are within the region.
fn check_access(code: &mut Vec<u8>, number: usize, region: &Region, reach: u64) {
    let length = I::GlobalGet(length_global(number));
    if reach <= u64::from(region.initial_bytes()) {
        // A region never shrinks, so that the subtraction does not wrap around.
        let reach = I::I32Const((reach as u32).cast_signed());
        emit(code, [length, reach, I::I32Sub, I::I32GtU]);
    } else {
        emit(code, [I::I64ExtendI32U, I::I64Const(reach.cast_signed()), I::I64Add]);
        emit(code, [length, I::I64ExtendI32U, I::I64GtU]);
    }
    emit(code, [I::If(BlockType::Empty)]);
    trap_outside(code);
    emit(code, [I::End]);
}

/// An access with another offset, in the one memory.
struct Moved {
    offset: u64,
}

impl Reencode for Moved {
    type Error = std::convert::Infallible;

    fn memory_index(&mut self, _: u32) -> Result<u32, Error<Self::Error>> {
        Ok(0)
    }

    fn mem_arg(
        &mut self,
        argument: wasmparser::MemArg,
    ) -> Result<wasm_encoder::MemArg, Error<Self::Error>> {
        let argument = wasmparser::MemArg { offset: self.offset, ..argument };
        utils::mem_arg(self, argument)
    }
}
