//! Memories, tables and globals.

use leakbench_runtime::{
    Error, Func, Global, GlobalType, Instance, Module, Mutability, Ref, RefType, Store, Table,
    TableType, Val, ValType,
};

#[test]
fn a_memory_is_read_written_and_grown() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let module = Module::new(
        store.engine(),
        r#"(module
             (memory (export "memory") 2 3)
             (func (export "size") (result i32) (memory.size))
             (func (export "load") (param i32) (result i32) (i32.load8_s (local.get 0)))
             (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
             (data (i32.const 0x1000) "\01\02\03\04"))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let load = instance.get_typed_func::<i32, i32>(&mut store, "load")?;
    let put = instance.get_typed_func::<(i32, i32), ()>(&mut store, "store")?;
    assert_eq!((memory.size(&store), memory.data_size(&store)), (2, 0x20000));
    assert_eq!(memory.page_size(&store), 0x10000);
    assert_eq!(memory.data_mut(&mut store)[0x1003], 4);
    assert_eq!(load.call(&mut store, 0x1ffff)?, 0);
    assert!(load.call(&mut store, 0x20000).is_err());
    memory.data_mut(&mut store)[0x1003] = 5;
    put.call(&mut store, (0x1002, 6))?;
    let mut bytes = [0; 2];
    memory.read(&store, 0x1002, &mut bytes)?;
    assert_eq!(bytes, [6, 5]);
    assert_eq!(memory.grow(&mut store, 1)?, 2);
    assert_eq!(load.call(&mut store, 0x20000)?, 0);
    assert!(memory.grow(&mut store, 1).is_err());
    assert!(memory.grow(&mut store, 1 << 40).is_err());
    assert_eq!(memory.grow(&mut store, 0)?, 3);
    assert!(memory.write(&mut store, 0x2ffff, &[1, 2]).is_err());
    Ok(())
}

#[test]
fn a_global_is_shared_by_host_and_guest() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let ty = GlobalType::new(ValType::I64, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::I64(5))?;
    assert_eq!((global.ty().content(), global.ty().mutability()), (ValType::I64, Mutability::Var));
    let module = Module::new(
        store.engine(),
        r#"(module (import "" "g" (global $g (mut i64)))
             (func (export "double") (global.set $g (i64.mul (global.get $g) (i64.const 2)))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[global.into()])?;
    instance.get_typed_func::<(), ()>(&mut store, "double")?.call(&mut store, ())?;
    assert_eq!(global.get(&mut store).i64(), Some(10));
    global.set(&mut store, Val::I64(7))?;
    assert!(global.set(&mut store, Val::I32(7)).is_err());
    assert_eq!(global.get(&mut store).i64(), Some(7));
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let constant = Global::new(&mut store, ty, Val::I32(1))?;
    assert!(constant.set(&mut store, Val::I32(2)).is_err());
    Ok(())
}

#[test]
fn a_table_of_functions_grows_and_is_called_through() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let ty = TableType::new(RefType::FUNCREF, 1, Some(3));
    let seven = Func::wrap(&mut store, || 7i32);
    let table = Table::new(&mut store, ty, Ref::Func(None))?;
    let module = Module::new(
        store.engine(),
        r#"(module (import "" "t" (table 1 funcref))
             (func (export "call") (param i32) (result i32)
               (call_indirect (result i32) (local.get 0))))"#,
    )?;
    let instance = Instance::new(&mut store, &module, &[table.into()])?;
    let call = instance.get_typed_func::<i32, i32>(&mut store, "call")?;
    assert!(call.call(&mut store, 0).is_err());
    table.set(&mut store, 0, Ref::Func(Some(seven)))?;
    assert_eq!(table.grow(&mut store, 1, seven.into())?, 1);
    assert_eq!((call.call(&mut store, 0)?, call.call(&mut store, 1)?), (7, 7));
    let found = table.get(&mut store, 1).unwrap();
    let found = found.as_func().flatten().expect("not null");
    assert_eq!(found.typed::<(), i32>(&store)?.call(&mut store, ())?, 7);
    assert!(Ref::null(RefType::EXTERNREF.heap_type()).as_extern().is_some_and(|it| it.is_none()));
    assert!(table.set(&mut store, 0, Ref::Extern(None)).is_err());
    assert!(table.get(&mut store, 2).is_none() && table.grow(&mut store, 2, seven.into()).is_err());
    assert_eq!(table.size(&store), 2);
    Ok(())
}
