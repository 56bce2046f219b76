//! Items that instances share: functions, tables, globals, memories, segments and start functions.

mod common;

use common::{Outcome, Twice, export, program};
use leakbench_fuse::{Definition, FuseError, Isolation, Options, fuse};
use leakbench_runtime::{Trap, Val};

fn both(twice: &mut Twice, instance: usize, name: &str, args: &[Val]) -> Outcome {
    let [linked, fused] = twice.call(instance, name, args);
    assert_eq!(linked, fused, "{instance}.{name} {args:?}");
    linked
}

#[test]
fn a_table_and_a_global_are_shared() {
    let owner = r#"(module
        (table (export "table") 4 funcref)
        (global (export "count") (mut i32) (i32.const 7))
        (global (export "base") i32 (i32.const 2))
        (type $f (func (param i32) (result i32)))
        (func (export "call") (param i32 i32) (result i32)
          (call_indirect (type $f) (local.get 1) (local.get 0))))"#;
    let user = r#"(module
        (import "o" "table" (table 4 funcref))
        (import "o" "count" (global $count (mut i32)))
        (import "o" "base" (global $base i32))
        (memory (export "memory") 1 1)
        (data (offset (i32.add (global.get $base) (i32.const 3))) "xyz")
        (elem (global.get $base) $add $load)
        (global $copy i32 (global.get $base))
        (func $add (param i32) (result i32)
          (global.set $count (i32.add (global.get $count) (local.get 0)))
          (i32.add (global.get $count) (global.get $copy)))
        (func $load (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "reference") (result i32) (ref.is_null (ref.func $load))))"#;
    let imports = vec![export(0, "table"), export(0, "count"), export(0, "base")];
    for isolation in [Isolation::Checked, Isolation::Trusted] {
        let program = program(vec![(owner, vec![]), (user, imports.clone())]);
        let mut twice = Twice::new(program, &Options { isolation, ..Options::default() });
        let call =
            |twice: &mut Twice, at, arg| both(twice, 0, "call", &[Val::I32(at), Val::I32(arg)]);
        assert_eq!(call(&mut twice, 2, 5), Outcome::Returned(vec![14]));
        assert_eq!(call(&mut twice, 3, 6), Outcome::Returned(vec![u128::from(b'y')]));
        assert_eq!(call(&mut twice, 0, 5), Outcome::Trapped(Trap::IndirectCallToNull));
        assert_eq!(both(&mut twice, 1, "reference", &[]), Outcome::Returned(vec![0]));
    }
}

/// A start function must not see what a later instance writes into a table or a memory.
#[test]
fn segments_after_a_start_function_are_written_after_it() {
    let first = r#"(module
        (memory (export "memory") 1 1) (table (export "table") 2 funcref)
        (global $seen (mut i32) (i32.const -1))
        (func (export "seen") (result i32) (global.get $seen))
        (func (export "look") (result i32)
          (i32.add (i32.load8_u (i32.const 8)) (ref.is_null (table.get (i32.const 1)))))
        (func $start (global.set $seen
          (i32.add (i32.load8_u (i32.const 8)) (ref.is_null (table.get (i32.const 1))))))
        (start $start))"#;
    let second = r#"(module
        (import "f" "memory" (memory 1)) (import "f" "table" (table 2 funcref))
        (data (i32.const 8) "\40") (elem (i32.const 1) $f)
        (data $passive "abc") (elem $dropped (i32.const 0) $f)
        (func $f)
        (func (export "init") (memory.init $passive (i32.const 9) (i32.const 1) (i32.const 2)))
        (func (export "again") (table.init $dropped (i32.const 0) (i32.const 0) (i32.const 1))))"#;
    let imports = vec![export(0, "memory"), export(0, "table")];
    let mut twice =
        Twice::new(program(vec![(first, vec![]), (second, imports)]), &Options::default());
    assert_eq!(both(&mut twice, 0, "seen", &[]), Outcome::Returned(vec![1]));
    assert_eq!(both(&mut twice, 0, "look", &[]), Outcome::Returned(vec![0x40]));
    assert_eq!(both(&mut twice, 1, "init", &[]), Outcome::Returned(vec![]));
    assert_eq!(both(&mut twice, 1, "again", &[]), Outcome::Trapped(Trap::TableOutOfBounds));
    let [linked, fused] = twice.memories(0);
    assert!(linked == fused);
}

/// An export declares a function that instructions refer to by value. It need not be one of the fused module.
#[test]
fn a_function_that_only_an_export_declared_is_declared() {
    let module = r#"(module (func $f (export "f")) (memory (export "memory") 1 1)
        (func (export "refers") (result i32) (ref.is_null (ref.func $f))))"#;
    let mut all = program(vec![(module, vec![])]);
    all.exports.retain(|export| export.name == "0.refers");
    let mut twice = Twice::new(all, &Options::default());
    assert_eq!(both(&mut twice, 0, "refers", &[]), Outcome::Returned(vec![0]));
}

/// Two instances of one module have memories and globals of their own.
#[test]
fn a_module_may_have_several_instances() {
    let module = r#"(module (memory (export "memory") 1 2) (global $calls (mut i32) (i32.const 0))
        (func (export "store") (param i32) (result i32)
          (i32.store (i32.const 0) (local.get 0))
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (global.get $calls)))"#;
    let mut twice =
        Twice::new(program(vec![(module, vec![]), (module, vec![])]), &Options::default());
    for (instance, value, calls) in [(0, 5, 1), (1, 6, 1), (0, 7, 2)] {
        let called = both(&mut twice, instance, "store", &[Val::I32(value)]);
        assert_eq!(called, Outcome::Returned(vec![calls]));
    }
    for instance in [0, 1] {
        let [linked, fused] = twice.memories(instance);
        assert!(linked == fused && linked[0] == [7, 6][instance]);
    }
}

#[test]
fn what_cannot_be_fused_is_refused_with_the_reason() {
    let reason = |instances, options: &Options| {
        fuse(&program(instances), options).expect_err("it is refused").to_string()
    };
    let plain = Options::default();
    let imports_function = r#"(module (import "a" "f" (func (param i32))))"#;
    let has_function = r#"(module (func (export "f")) (func (export "g") (param i32))
        (memory (export "memory") 1 1))"#;
    for (definition, words) in [
        (export(0, "f"), "it needs a function of its type"),
        (export(0, "memory"), "it needs a function of its type"),
        (export(0, "h"), "instance 0 has no export \"h\""),
        (export(1, "f"), "instance 1 is not made before it"),
        (Definition::Flag(0), "it needs a function of its type"),
    ] {
        let text =
            reason(vec![(has_function, vec![]), (imports_function, vec![definition])], &plain);
        assert!(text.starts_with("instance 1: import \"a\" \"f\": "), "{text}");
        assert!(text.ends_with(words), "{text}");
    }
    // A function that no module defines has the type of its import, also where it is exported again.
    let again = r#"(module (import "a" "t" (func $t (param i32))) (export "t" (func $t)))"#;
    let other = r#"(module (import "b" "t" (func (param i64))))"#;
    let trap = vec![Definition::Trap];
    assert!(
        fuse(
            &program(vec![(again, trap.clone()), (imports_function, vec![export(0, "t")])]),
            &plain
        )
        .is_ok()
    );
    let text = reason(vec![(again, trap), (other, vec![export(0, "t")])], &plain);
    assert!(text.ends_with("it needs a function of its type"), "{text}");
    let unlinked = reason(vec![(imports_function, vec![])], &plain);
    assert_eq!(unlinked, "instance 0: it has 0 imports linked, and its module needs 1");

    let mut twice = program(vec![(has_function, vec![])]);
    twice.exports.push(twice.exports[0].clone());
    let error = fuse(&twice, &plain).expect_err("a name twice").to_string();
    assert!(error.ends_with("there is another export of this name"), "{error}");

    let endless = r#"(module (memory 1))"#;
    assert!(reason(vec![(endless, vec![])], &plain).contains("has no maximum"));
    let options = Options { max_pages: Some(40_000), ..Options::default() };
    let large = reason(vec![(endless, vec![]), (endless, vec![])], &options);
    assert!(large.contains("may become 80000 pages in all"), "{large}");
    let outside = r#"(module (memory 1 1) (data (i32.const 65535) "ab"))"#;
    assert_eq!(
        fuse(&program(vec![(outside, vec![])]), &plain),
        Err(FuseError::SegmentOutside { instance: 0 })
    );
}

#[test]
fn proposals_that_cannot_be_fused_are_refused() {
    for (text, words) in [
        ("(module (memory i64 1))", "64"),
        ("(module (memory 1 1 shared))", "shared"),
        ("(module (tag))", "exceptions"),
        ("(module (memory 1 1 (pagesize 1)))", "page"),
        ("(module (type (struct)))", "gc"),
    ] {
        let binary = wat::parse_str(text).unwrap();
        let program = leakbench_fuse::Program {
            modules: vec![binary],
            instances: vec![leakbench_fuse::Instance { module: 0, imports: vec![] }],
            ..Default::default()
        };
        let error = fuse(&program, &Options::default()).expect_err(text).to_string();
        assert!(error.starts_with("module 0 at offset 0x") && error.contains(words), "{error}");
    }
}
