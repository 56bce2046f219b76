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
