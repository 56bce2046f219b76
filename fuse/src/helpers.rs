//! Functions of the fused module that no input has. Each is made once, when it is used first.

use std::collections::HashMap;

use wasm_encoder::{BlockType, Encode, Function, Instruction as I, MemArg, MemArgTarget, ValType};
use wasmparser::FuncType;

use crate::fuse::Isolation;
use crate::regions::{Region, Regions};
use crate::resources::Resources;
use crate::utf8;

/// A function of the fused module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Helper {
    /// Traps. It has this type of the fused module.
    Trap(u32),
    /// `memory.grow` of a region.
    Grow(usize),
    /// `memory.fill` of a region.
    Fill(usize),
    /// `memory.copy` between regions.
    Copy {
        from: usize,
        to: usize,
    },
    /// The copy of a string between regions.
    CopyUtf8 {
        from: usize,
        to: usize,
    },
    /// Functions of [`crate::resources`]. `may_leave` is a global, and a destructor a function of the fused
    /// module.
    ResourceNew {
        resource: u32,
        may_leave: u32,
    },
    ResourceRep(u32),
    ResourceDrop {
        resource: u32,
        may_leave: u32,
        destructor: Option<u32>,
    },
    ResourceTransferOwn,
    ResourceTransferBorrow,
    EnterCall,
    ExitCall,
    InsertHandle,
    FindHandle,
    RemoveHandle,
}

/// The helpers that are used.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    /// The index of the first one in the fused module.
    pub(crate) first: u32,
    pub(crate) all: Vec<Helper>,
    index: HashMap<Helper, u32>,
}

impl Helpers {
    /// The index of a helper in the fused module.
    pub(crate) fn index(&mut self, helper: Helper) -> u32 {
        if let Some(index) = self.index.get(&helper) {
            return *index;
        }
        let index = self.first + self.all.len() as u32;
        self.all.push(helper);
        self.index.insert(helper, index);
        index
    }
}

/// The type of a helper; `None` for one that has the type of its place.
pub(crate) fn function_type(helper: Helper) -> Option<FuncType> {
    use wasmparser::ValType::I32;
    match helper {
        Helper::Trap(_) => None,
        Helper::Grow(_) => Some(FuncType::new([I32], [I32])),
        Helper::Fill(_) | Helper::Copy { .. } => Some(FuncType::new([I32; 3], [])),
        Helper::CopyUtf8 { .. } => Some(utf8::function_type()),
        Helper::ResourceNew { .. } | Helper::ResourceRep(_) => Some(FuncType::new([I32], [I32])),
        Helper::ResourceDrop { .. } => Some(FuncType::new([I32], [])),
        Helper::ResourceTransferOwn | Helper::ResourceTransferBorrow | Helper::FindHandle => {
            Some(FuncType::new([I32; 3], [I32]))
        }
        Helper::EnterCall => Some(FuncType::new([I32; 3], [])),
        Helper::ExitCall => Some(FuncType::new([], [])),
        Helper::InsertHandle => Some(FuncType::new([I32; 4], [I32])),
        Helper::RemoveHandle => Some(FuncType::new([I32; 2], [])),
    }
}

/// The body of a helper, which may use others.
pub(crate) fn body(
    helper: Helper,
    regions: &Regions,
    isolation: Isolation,
    resources: &Resources<'_>,
    helpers: &mut Helpers,
) -> Function {
    let mut code = Vec::new();
    let mut locals: &[(u32, ValType)] = &[];
    match helper {
        Helper::Trap(_) => emit(&mut code, [I::Unreachable]),
        Helper::Grow(region) => grow(&mut code, regions, region),
        Helper::Fill(to) => {
            if isolation == Isolation::Checked {
                check(&mut code, to, I::LocalGet(0), I::LocalGet(2));
            }
            address(&mut code, &regions.all[to], 0);
            emit(&mut code, [I::LocalGet(1), I::LocalGet(2), I::MemoryFill(0)]);
        }
        Helper::Copy { from, to } => {
            if isolation == Isolation::Checked {
                check(&mut code, to, I::LocalGet(0), I::LocalGet(2));
                check(&mut code, from, I::LocalGet(1), I::LocalGet(2));
            }
            address(&mut code, &regions.all[to], 0);
            address(&mut code, &regions.all[from], 1);
            emit(&mut code, [I::LocalGet(2), I::MemoryCopy { src_mem: 0, dst_mem: 0 }]);
        }
        Helper::CopyUtf8 { from, to } => {
            locals = utf8::LOCALS;
            check(&mut code, from, I::LocalGet(0), I::LocalGet(1));
            check(&mut code, to, I::LocalGet(2), I::LocalGet(1));
            utf8::check(&mut code, &regions.all[from]);
            address(&mut code, &regions.all[to], 2);
            address(&mut code, &regions.all[from], 0);
            emit(&mut code, [I::LocalGet(1), I::MemoryCopy { src_mem: 0, dst_mem: 0 }]);
        }
        of_resources => locals = resources.body(&mut code, of_resources, helpers),
    }
    emit(&mut code, [I::End]);
    let mut function = Function::new(locals.iter().copied());
    function.raw(code);
    function
}

/// Adds instructions.
pub(crate) fn emit<'a>(code: &mut Vec<u8>, instructions: impl IntoIterator<Item = I<'a>>) {
    for instruction in instructions {
        instruction.encode(code);
    }
}

/// Traps as an access outside of a memory does, since none has its last four bytes.
pub(crate) fn trap_outside(code: &mut Vec<u8>) {
    emit(code, [I::I32Const(-1), I::I32Load8U(byte_at(u32::MAX.into())), I::Drop]);
}

/// The argument of an access of one byte.
pub(crate) fn byte_at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, target: MemArgTarget::Memory(0), ordering: None }
}

/// Traps unless so many bytes at the address are within the region.
pub(crate) fn check(code: &mut Vec<u8>, region: usize, address: I<'_>, bytes: I<'_>) {
    emit(code, [address, I::I64ExtendI32U, bytes, I::I64ExtendI32U, I::I64Add]);
    emit(code, [I::GlobalGet(length_global(region)), I::I64ExtendI32U, I::I64GtU]);
    emit(code, [I::If(BlockType::Empty)]);
    trap_outside(code);
    emit(code, [I::End]);
}

/// The global with the length of a region in bytes.
pub(crate) fn length_global(region: usize) -> u32 {
    region as u32
}

/// The address in the one memory of an address in a local.
fn address(code: &mut Vec<u8>, region: &Region, local: u32) {
    emit(code, [I::LocalGet(local)]);
    if region.base > 0 {
        emit(code, [I::I32Const(region.base.cast_signed()), I::I32Add]);
    }
}

fn grow(code: &mut Vec<u8>, regions: &Regions, number: usize) {
    let length = length_global(number);
    let max = regions.all[number].max_pages.cast_signed();
    let pages = [I::GlobalGet(length), I::I32Const(16), I::I32ShrU];
    let refuse = [I::If(BlockType::Empty), I::I32Const(-1), I::Return, I::End];
    // More pages than are left to the maximum.
    emit(code, [I::LocalGet(0), I::I32Const(max)]);
    emit(code, pages.clone());
    emit(code, [I::I32Sub, I::I32GtU]);
    emit(code, refuse.clone());
    if regions.last == Some(number) {
        emit(code, [I::LocalGet(0), I::MemoryGrow(0), I::I32Const(-1), I::I32Eq]);
        emit(code, refuse);
    }
    emit(code, pages);
    emit(code, [I::GlobalGet(length), I::LocalGet(0), I::I32Const(16), I::I32Shl, I::I32Add]);
    emit(code, [I::GlobalSet(length)]);
}
