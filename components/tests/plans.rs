//! Plans of small compositions: what is defined where, what is an alias, and in which order it is made.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_components::{Definition, ModuleSource, Origin, Plan};
use proptest::prelude::*;

/// A component whose function `double` takes and returns a list, with a memory of its own.
const PROVIDER: &str = r#"
    (component $provider
        (core module $memory-module
            (memory (export "memory") 2 10)
            (table 5 funcref)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "double") (param i32 i32) (result i32) (local.get 0)))
        (core instance $i (instantiate $memory-module))
        (func (export "double") (param "values" (list u32)) (result u32)
            (canon lift (core func $i "double")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;

/// A component that imports such a function, and calls it in `run`.
const USER: &str = r#"
    (component $user
        (import "double" (func $double (param "values" (list u32)) (result u32)))
        (core module $libc
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core module $main
            (import "host" "double" (func $double (param i32 i32) (result i32)))
            (import "libc" "memory" (memory 1))
            (func (export "run") (result i32) (call $double (i32.const 8) (i32.const 2))))
        (core instance $libc (instantiate $libc))
        (core func $lowered (canon lower (func $double)
            (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
        (core instance $main (instantiate $main
            (with "host" (instance (export "double" (func $lowered))))
            (with "libc" (instance $libc))))
        (func (export "run") (result u32) (canon lift (core func $main "run"))))"#;

fn composition() -> String {
    format!(
        r#"(component $composed {PROVIDER} {USER}
            (instance $p (instantiate $provider))
            (instance $u (instantiate $user (with "double" (func $p "double"))))
            (export "run" (func $u "run")))"#
    )
}

fn plan(text: &str) -> Plan {
    Plan::new(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_composition_has_the_modules_of_its_file_and_adapters() {
    let text = composition();
    let plan = plan(&text);
    let Definition { name, offset, modules, components, .. } = &plan.definition;
    assert_eq!((name.as_deref(), *offset, modules.len()), (Some("composed"), 0, 0));
    let names: Vec<_> = components.iter().map(|inner| inner.name.as_deref()).collect();
    assert_eq!(names, [Some("provider"), Some("user")]);
    assert_eq!(plan.definition.count(), 3);
    assert_eq!((&components[0].modules[..], &components[1].modules[..]), (&[0][..], &[1, 2][..]));

    let names: Vec<_> = plan.modules.iter().map(|module| module.name.as_deref()).collect();
    assert_eq!(names, [Some("memory-module"), Some("libc"), Some("main"), None]);
    assert_eq!(plan.adapters().collect::<Vec<_>>(), [3]);
    let binary = wat::parse_str(&text).unwrap();
    for module in &plan.modules[..3] {
        let Origin::File(offset) = module.origin else { panic!("{:?}", module.origin) };
        let place = offset as usize..(offset + module.len_bytes) as usize;
        assert_eq!(binary[place], module.binary);
    }
    assert!(plan.modules[3].binary.starts_with(b"\0asm"));
    assert_eq!((plan.modules[0].functions, plan.modules[2].functions), (2, 1));
    // Without asynchronous calls the adapter needs no task.
    let kinds: Vec<&str> = plan.trampolines.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["trap"]);
}

#[test]
fn aliases_and_imports_are_no_memories() {
    let plan = plan(&composition());
    let memories: Vec<_> = plan.memories().collect();
    let [(provider, of_provider), (libc, of_libc)] = memories[..] else { panic!("{memories:?}") };
    assert_eq!((of_provider.minimum_pages, of_provider.maximum_pages), (2, Some(10)));
    assert_eq!((of_libc.minimum_pages, of_libc.maximum_pages), (1, None));
    assert_eq!(of_libc.page_bytes, 1 << 16);
    assert!(!of_libc.is_64 && !of_libc.is_shared);
    assert_eq!(plan.instances[provider].module, ModuleSource::Module(0));
    assert_eq!(plan.instances[libc].module, ModuleSource::Module(1));
    let tables: Vec<_> = plan.tables().collect();
    let [(of, table)] = tables[..] else { panic!("{tables:?}") };
    assert_eq!((of, table.minimum, table.maximum), (provider, 5, None));
    // The adapter uses both memories and defines none.
    assert_eq!((plan.modules[3].memories.len(), plan.modules[3].tables.len()), (0, 0));
}

#[test]
fn instances_are_made_after_what_they_import() {
    let plan = plan(&composition());
    let at = |module| {
        let is = |instance: &leakbench_components::CoreInstance| {
            instance.module == ModuleSource::Module(module)
        };
        plan.instances.iter().position(is).unwrap()
    };
    assert_eq!(plan.instances.len(), 4);
    assert!(at(0) < at(3) && at(1) < at(3) && at(3) < at(2), "{:?}", plan.instances);
    // The composition, the provider, the user.
    assert_eq!(plan.component_instances, 3);
    assert_eq!(plan.instances[at(3)].component_instance, None);
    let of = |module| plan.instances[at(module)].component_instance.unwrap();
    assert_eq!(of(1), of(2));
    assert_ne!(of(0), of(1));
    assert!(plan.imports.is_empty());
    assert_eq!(plan.exports.len(), 1);
    assert_eq!((plan.exports[0].name.as_str(), plan.exports[0].kind), ("run", "function"));
}

#[test]
fn a_module_with_several_instances_is_one_module() {
    let plan = plan(
        r#"(component
            (core module $m (memory 1))
            (core instance (instantiate $m))
            (core instance (instantiate $m))
            (component $never (core module (memory 3))))"#,
    );
    assert_eq!((plan.modules.len(), plan.instances.len(), plan.memories().count()), (2, 2, 2));
    assert_eq!(plan.definition.components[0].modules, [1]);
}

#[test]
fn imports_are_named_with_the_items_in_use() {
    let plan = plan(
        r#"(component
            (import "wasi:clocks/clock@0.2.0" (instance $clock
                (export "now" (func (result u64)))
                (export "unused" (func))))
            (import "log" (func $log (param "text" string)))
            (core module $libc (memory (export "memory") 1))
            (core instance $libc (instantiate $libc))
            (core func $now (canon lower (func $clock "now")))
            (core func $logs (canon lower (func $log) (memory (core memory $libc "memory"))))
            (core module $main
                (import "host" "now" (func (result i64)))
                (import "host" "log" (func (param i32 i32))))
            (core instance (instantiate $main (with "host" (instance
                (export "now" (func $now)) (export "log" (func $logs)))))))"#,
    );
    let [clock, log] = &plan.imports[..] else { panic!("{:?}", plan.imports) };
    assert_eq!((clock.name.as_str(), clock.kind), ("wasi:clocks/clock@0.2.0", "instance"));
    assert_eq!(clock.items, ["now"]);
    assert_eq!((log.name.as_str(), log.kind, log.items.len()), ("log", "function", 0));
    assert_eq!(plan.trampolines.get("lowered import"), Some(&2));
}

#[test]
fn trampolines_are_counted_by_kind() {
    let resource = r#"
        (component $provider
            (core module $m (func (export "run") (param i32) (result i32) (local.get 0)))
            (type $r (resource (rep i32)))
            (export $public "r" (type $r))
            (core func $new (canon resource.new $r))
            (core func $drop (canon resource.drop $r))
            (core instance $i (instantiate $m))
            (core module $user
                (import "r" "new" (func (param i32) (result i32)))
                (import "r" "drop" (func (param i32))))
            (core instance (instantiate $user (with "r" (instance
                (export "new" (func $new)) (export "drop" (func $drop)))))))"#;
    let plan = plan(&format!("(component {resource} (instance (instantiate $provider)))"));
    let kinds: Vec<_> =
        plan.trampolines.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(kinds, [("resource drop", 1), ("resource new", 1)]);
}

/// A chain of components: each imports the function of the one before it. All have memories of their own,
/// of these pages, and the first ones lie within another component of the file.
fn chain(pages: &[u64], nested: usize) -> String {
    let mut text = String::new();
    for (at, pages) in pages.iter().enumerate() {
        if at == 0 && nested > 0 {
            text += "(component $outer ";
        }
        let import = match at {
            0 => "",
            _ => {
                r#"(import "f" (func $f (param "s" string)))
                (core func $g (canon lower (func $f) (memory (core memory $i "memory"))))
                (core module $caller (import "" "g" (func (param i32 i32))))
                (core instance (instantiate $caller (with "" (instance (export "g" (func $g))))))"#
            }
        };
        // An import stands first.
        let (first, rest) = import.split_once('\n').unwrap_or((import, ""));
        text += &format!(
            r#"(component $c{at} {first}
                (core module $m (memory (export "memory") {pages})
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
                    (func (export "f") (param i32 i32)))
                (core instance $i (instantiate $m)) {rest}
                (func (export "f") (param "s" string) (canon lift (core func $i "f")
                    (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
            "#
        );
        let with = match at {
            0 => String::new(),
            _ => format!(r#"(with "f" (func $x{} "f"))"#, at - 1),
        };
        text += &format!("(instance $x{at} (instantiate $c{at} {with}))");
        if at + 1 == nested {
            text += &format!(
                "(export \"f\" (func $x{at} \"f\"))) (instance $x{at} (instantiate $outer))"
            );
        }
    }
    format!("(component {text})")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Each component has its memory once, however deep it lies and however many adapters use it.
    #[test]
    fn a_chain_has_a_memory_for_each_component(
        pages in prop::collection::vec(0u64..100, 1..7), nested in 0usize..7,
    ) {
        let nested = nested.min(pages.len());
        let plan = plan(&chain(&pages, nested));
        let found: Vec<u64> = plan.memories().map(|(_, memory)| memory.minimum_pages).collect();
        prop_assert_eq!(&found, &pages);
        let calls = pages.len() - 1;
        prop_assert_eq!(plan.adapters().count(), calls);
        let of_file = pages.len() + calls;
        prop_assert_eq!(plan.modules.len(), of_file + calls);
        prop_assert_eq!(plan.instances.len(), of_file + calls);
        prop_assert_eq!(plan.definition.count(), 1 + pages.len() + usize::from(nested > 0));
        // Each adapter copies its string.
        let copies = plan.trampolines.get("string utf8-to-utf8").copied().unwrap_or(0);
        prop_assert_eq!(copies, calls);
    }
}
