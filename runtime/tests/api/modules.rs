//! Modules: their sources, imports and exports.

use leakbench_runtime::{Engine, Error, ExternType, Module};

const TEXT: &str = r#"(module $counter
    (import "host" "tick" (func (param i64) (result i64)))
    (memory (export "memory") 2 5)
    (global (export "count") (mut i32) (i32.const 0))
    (table (export "table") 3 funcref)
    (func (export "run")))"#;

#[test]
fn text_binary_and_files_make_the_same_module() -> Result<(), Error> {
    let engine = Engine::default();
    let binary = wat::parse_str(TEXT).unwrap();
    let folder = std::env::temp_dir().join(format!("leakbench-modules-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (as_text, as_binary) = (folder.join("counter.wat"), folder.join("counter.wasm"));
    std::fs::write(&as_text, TEXT).unwrap();
    std::fs::write(&as_binary, &binary).unwrap();
    for module in [
        Module::new(&engine, TEXT)?,
        Module::new(&engine, format!("\n ;; a comment first\n{TEXT}"))?,
        Module::new(&engine, &binary)?,
        Module::from_binary(&engine, &binary)?,
        Module::from_file(&engine, &as_text)?,
        Module::from_file(&engine, &as_binary)?,
    ] {
        assert_eq!(module.name(), Some("counter"));
        assert_eq!(module.exports().len(), 4);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let error = Module::from_file(&engine, &as_text).unwrap_err().to_string();
    assert!(error.contains("counter.wat: No such file"), "{error}");
    assert!(Module::from_binary(&engine, TEXT.as_bytes()).is_err());
    let error = Module::new(&engine, "(module (func (i32.add)").unwrap_err().to_string();
    assert!(error.starts_with("not the text of a module: ") && !error.contains('\n'), "{error}");
    Ok(())
}

#[test]
fn validation_without_compilation() {
    let engine = Engine::default();
    assert!(Module::validate(&engine, &wat::parse_str(TEXT).unwrap()).is_ok());
    let invalid = wat::parse_str("(module (func (result i32)))").unwrap();
    let error = Module::validate(&engine, &invalid).unwrap_err().to_string();
    assert!(error.contains("type mismatch"), "{error}");
    assert!(Module::new(&engine, invalid).is_err());
}

#[test]
fn imports_and_exports_have_names_and_types() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, TEXT)?;
    let import = module.imports().next().unwrap();
    assert_eq!((import.module(), import.name()), ("host", "tick"));
    let ExternType::Func(ty) = import.ty() else { panic!("{:?}", import.ty()) };
    assert_eq!((ty.params().len(), ty.results().len()), (1, 1));
    for export in module.exports() {
        match export.ty() {
            ExternType::Memory(_) => assert_eq!(export.name(), "memory"),
            ExternType::Global(_) => assert_eq!(export.name(), "count"),
            ExternType::Table(_) => assert_eq!(export.name(), "table"),
            ExternType::Func(_) => assert_eq!(export.name(), "run"),
            ExternType::Tag(_) => panic!("the module has no tag"),
        }
    }
    assert!(matches!(module.get_export("memory"), Some(ExternType::Memory(_))));
    assert!(module.get_export("tick").is_none());
    Ok(())
}

#[test]
fn the_required_resources_are_those_of_an_instance() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
             (import "" "m" (memory 9)) (import "" "t" (table 9 funcref))
             (memory 2) (memory 5 7) (table 3 funcref))"#,
    )?;
    let required = module.resources_required();
    assert_eq!((required.num_memories, required.max_initial_memory_size), (2, Some(5)));
    assert_eq!((required.num_tables, required.max_initial_table_size), (1, Some(3)));
    let empty = Module::new(&engine, "(module)")?.resources_required();
    assert_eq!((empty.num_memories, empty.max_initial_memory_size), (0, None));
    assert_eq!((empty.num_tables, empty.max_initial_table_size), (0, None));
    Ok(())
}

#[test]
fn functions_and_instructions_have_places_in_the_code() -> Result<(), Error> {
    let engine = Engine::default();
    let binary = wat::parse_str(
        r#"(module
             (import "" "f" (func))
             (func $divide (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
             (func (nop)))"#,
    )
    .unwrap();
    let module = Module::new(&engine, &binary)?;
    module.initialize_copy_on_write_image()?;
    let functions: Vec<_> = module.functions().collect();
    let described: Vec<_> = functions.iter().map(|f| (f.index, f.name)).collect();
    assert_eq!(described, [(1, Some("divide")), (2, None)]);
    assert!(functions.iter().all(|f| f.len > 0 && f.offset + f.len <= module.text().len()));
    let range = module.image_range();
    assert_eq!(range.end.addr() - range.start.addr(), module.text().len());
    // The code of the division is within the first function.
    let divide = functions[0].offset..functions[0].offset + functions[0].len;
    let mut map = module.address_map().unwrap();
    let (place, _) = map
        .find(|&(_, offset)| offset.is_some_and(|offset| binary[offset as usize] == 0x6e))
        .unwrap();
    assert!(divide.contains(&place));
    Ok(())
}

#[test]
fn clones_are_the_same_module() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, TEXT)?;
    assert!(Module::same(&module, &module.clone()));
    assert!(!Module::same(&module, &Module::new(&engine, TEXT)?));
    assert!(Engine::same(&engine, module.engine()));
    Ok(())
}

#[test]
fn a_weak_engine_lives_as_long_as_its_users() -> Result<(), Error> {
    let engine = Engine::default();
    assert!(engine.target().starts_with("x86_64-"), "{}", engine.target());
    let weak = engine.weak();
    let module = Module::new(&engine, TEXT)?;
    drop(engine);
    assert!(weak.upgrade().is_some_and(|engine| Engine::same(&engine, module.engine())));
    drop(module);
    assert!(weak.upgrade().is_none());
    Ok(())
}
