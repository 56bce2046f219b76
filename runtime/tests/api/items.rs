//! Memories, tables and globals.

use leakbench_runtime::{
    Error, Func, FuncType, Global, GlobalType, Instance, Memory, MemoryType, Module, Mutability,
    Ref, RefType, Store, Table, TableType, Tag, TagType, Val, ValType,
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
    assert_eq!(
        (global.ty(&store).content(), global.ty(&store).mutability()),
        (ValType::I64, Mutability::Var)
    );
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
    assert!(Ref::null(&RefType::EXTERNREF.heap_type()).as_extern().is_some_and(|it| it.is_none()));
    assert!(table.set(&mut store, 0, Ref::Extern(None)).is_err());
    assert!(table.get(&mut store, 2).is_none() && table.grow(&mut store, 2, seven.into()).is_err());
    assert_eq!(table.size(&store), 2);
    Ok(())
}

#[test]
fn ranges_of_tables_are_filled_and_copied() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let [one, two] = [1, 2].map(|value| Func::wrap(&mut store, move || value));
    let ty = TableType::new(RefType::FUNCREF, 5, None);
    let (a, b) = (
        Table::new(&mut store, ty, Ref::Func(None))?,
        Table::new(&mut store, ty, Ref::Func(Some(two)))?,
    );
    a.fill(&mut store, 1, one.into(), 2)?;
    Table::copy(&mut store, &a, 3, &b, 0, 1)?;
    // The ranges overlap.
    Table::copy(&mut store, &a, 0, &a, 1, 3)?;
    let mut found = Vec::new();
    for index in 0..5 {
        let element = a.get(&mut store, index).unwrap();
        found.push(match element.as_func().flatten() {
            Some(func) => func.typed::<(), i32>(&store)?.call(&mut store, ())?,
            None => 0,
        });
    }
    assert_eq!(found, [1, 1, 2, 2, 0]);
    for error in [
        a.fill(&mut store, 4, one.into(), 2).unwrap_err(),
        Table::copy(&mut store, &a, 4, &b, 0, 2).unwrap_err(),
        Table::copy(&mut store, &a, 0, &b, 4, 2).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "index 6 is out of bounds: the length is 5");
    }
    let externs = TableType::new(RefType::EXTERNREF, 5, None);
    let externs = Table::new(&mut store, externs, Ref::Extern(None))?;
    assert!(Table::copy(&mut store, &a, 0, &externs, 0, 1).is_err());
    assert!(a.fill(&mut store, 0, Ref::Extern(None), 1).is_err());
    Ok(())
}

#[test]
fn a_memory_has_an_address_and_a_page_size() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let memory = Memory::new(&mut store, MemoryType::new(1, None))?;
    assert_eq!((memory.page_size(&store), memory.page_size_log2(&store)), (65_536, 16));
    let address = memory.data_ptr(&store);
    assert_eq!(address.cast_const(), memory.data(&store).as_ptr());
    memory.grow(&mut store, 3)?;
    assert_eq!(memory.data_ptr(&store), address);
    Ok(())
}

#[test]
fn a_tag_is_equal_to_itself_only() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let ty = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
    let (a, b) = (Tag::new(&mut store, &ty)?, Tag::new(&mut store, &ty)?);
    assert!(Tag::eq(&a, &a, &store) && !Tag::eq(&a, &b, &store));
    Ok(())
}

#[test]
fn values_have_types() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let func = Func::wrap(&mut store, |_: i64| 1i32);
    let Val::FuncRef(_) = Val::from(func) else { panic!("no reference") };
    let ty = Val::from(func).ty(&store)?;
    assert!(ty.matches(&ValType::FUNCREF) && ty != ValType::FUNCREF);
    assert!(Val::from(func).matches_ty(&store, &ty)?);
    assert!(!Val::null_func_ref().matches_ty(&store, &ty)?);
    assert!(Val::null_func_ref().matches_ty(&store, &ValType::FUNCREF)?);
    assert_eq!(Val::default_for_ty(&ty), None);
    assert_eq!(Val::default_for_ty(&ValType::EXTERNREF), Some(Val::null_extern_ref()));
    assert_eq!(Val::I64(3).ty(&store)?, ValType::I64);
    assert_eq!(Val::null_ref(&RefType::FUNCREF.heap_type()), Val::null_func_ref());
    assert_eq!(Val::from(func).funcref().flatten(), Some(&func));
    assert!(Val::from(func).externref().is_none() && Val::I32(0).funcref().is_none());
    assert!(Ref::from(func).is_func() && Ref::from(func).is_non_null());
    assert!(!Ref::Extern(None).is_func() && Ref::Extern(None).is_extern());
    let func_ty = func.ty(&store);
    assert_eq!((func_ty.param(0), func_ty.param(1)), (Some(ValType::I64), None));
    assert_eq!(func_ty.result(0), Some(ValType::I32));
    assert!(func.matches_ty(&store, &func_ty));
    assert!(!func.matches_ty(&store, &FuncType::new(store.engine(), [], [])));
    Ok(())
}
