//! The module `spectest`, which the specification's tests import.

use leakbench_runtime::{
    Error, Extern, FuncType, Global, GlobalType, Linker, Memory, MemoryType, MemoryTypeBuilder,
    Mutability, Ref, RefType, SharedMemory, Store, Table, TableType, Val, ValType,
};

pub(crate) fn define(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<(), Error> {
    use ValType::{F32, F64, I32, I64};
    for (name, params) in [
        ("print", &[][..]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ] {
        let ty = FuncType::new(linker.engine(), params.iter().copied(), []);
        linker.func_new("spectest", name, ty, |_, _, _| Ok(()))?;
    }
    for (name, value) in [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::from(666.6f32)),
        ("global_f64", Val::from(666.6f64)),
    ] {
        let ty = GlobalType::new(value.ty(&*store)?, Mutability::Const);
        let global = Global::new(&mut *store, ty, value)?;
        linker.define(&*store, "spectest", name, global)?;
    }
    let ty = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table: Extern = Table::new(&mut *store, ty, Ref::Func(None))?.into();
    linker.define(&*store, "spectest", "table", table)?;
    let ty = MemoryType::new(1, Some(2));
    let memory = Memory::new(&mut *store, ty)?;
    linker.define(&*store, "spectest", "memory", memory)?;
    let ty = MemoryTypeBuilder::new().min(1).max(Some(2)).shared(true).build()?;
    let shared = SharedMemory::new(linker.engine(), ty)?;
    linker.define(&*store, "spectest", "shared_memory", shared)?;
    Ok(())
}
