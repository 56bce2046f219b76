//! Every operator that accesses a memory or a table does so up to the last byte or element, and traps one
//! further: in memories of every kind, and at constant offsets. The list of operators is the validator's.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_runtime::{Config, Engine, Instance, Memories, Module, OptLevel, Store, Trap, Val};

/// The validator's operators with their arguments.
macro_rules! operators {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        const OPERATORS: &[(&str, &str, &[&str])] = &[
            $( (stringify!($proposal), stringify!($visit), &[$( $(stringify!($arg)),* )?]) ),*
        ];
    };
}
wasmparser::for_each_operator!(operators);

/// The operands beside the address.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Load,
    Store(&'static str),
    LoadLane,
    StoreLane,
    AtomicLoad,
    AtomicStore(&'static str),
    ReadModifyWrite(&'static str),
    CompareExchange(&'static str),
    Notify,
    Wait(&'static str),
}

impl Shape {
    fn is_atomic(self) -> bool {
        !matches!(self, Shape::Load | Shape::Store(_) | Shape::LoadLane | Shape::StoreLane)
    }

    /// The operator applied to the address in local 0.
    fn body(self, name: &str, offset: u64) -> String {
        let zero = |ty: &str| match ty {
            "v128" => "(v128.const i64x2 0 0)".to_owned(),
            ty => format!("({ty}.const 0)"),
        };
        let head = format!("{name} offset={offset}");
        match self {
            Shape::Load | Shape::AtomicLoad => format!("(drop ({head} (local.get 0)))"),
            Shape::Store(ty) | Shape::AtomicStore(ty) => {
                format!("({head} (local.get 0) {})", zero(ty))
            }
            Shape::LoadLane => format!("(drop ({head} 0 (local.get 0) {}))", zero("v128")),
            Shape::StoreLane => format!("({head} 0 (local.get 0) {})", zero("v128")),
            Shape::ReadModifyWrite(ty) => format!("(drop ({head} (local.get 0) {}))", zero(ty)),
            Shape::CompareExchange(ty) => {
                format!("(drop ({head} (local.get 0) {} {}))", zero(ty), zero(ty))
            }
            Shape::Notify => format!("(drop ({head} (local.get 0) (i32.const 1)))"),
            // The memory has another value, so it does not wait.
            Shape::Wait(ty) => {
                format!("(drop ({head} (local.get 0) ({ty}.const 1) (i64.const -1)))")
            }
        }
    }
}

/// The operators that access a memory at an address, with the number of bytes.
fn accesses() -> Vec<(String, u64, Shape)> {
    let mut all = Vec::new();
    let mut add = |name: &str, bytes: u64, shape: Shape| all.push((name.to_owned(), bytes, shape));
    for (ty, bytes) in [("i32", 4), ("i64", 8), ("f32", 4), ("f64", 8), ("v128", 16)] {
        add(&format!("{ty}.load"), bytes, Shape::Load);
        add(&format!("{ty}.store"), bytes, Shape::Store(ty));
    }
    for (ty, parts) in [("i32", &[8, 16][..]), ("i64", &[8, 16, 32])] {
        for &bits in parts {
            add(&format!("{ty}.load{bits}_s"), bits / 8, Shape::Load);
            add(&format!("{ty}.load{bits}_u"), bits / 8, Shape::Load);
            add(&format!("{ty}.store{bits}"), bits / 8, Shape::Store(ty));
        }
        let whole = if ty == "i32" { 4 } else { 8 };
        let parts = parts.iter().map(|bits| (format!("{bits}"), "_u", bits / 8));
        for (bits, unsigned, bytes) in parts.chain([(String::new(), "", whole)]) {
            add(&format!("{ty}.atomic.load{bits}{unsigned}"), bytes, Shape::AtomicLoad);
            add(&format!("{ty}.atomic.store{bits}"), bytes, Shape::AtomicStore(ty));
            for op in ["add", "sub", "and", "or", "xor", "xchg"] {
                let name = format!("{ty}.atomic.rmw{bits}.{op}{unsigned}");
                add(&name, bytes, Shape::ReadModifyWrite(ty));
            }
            let name = format!("{ty}.atomic.rmw{bits}.cmpxchg{unsigned}");
            add(&name, bytes, Shape::CompareExchange(ty));
        }
    }
    for parts in ["8x8_s", "8x8_u", "16x4_s", "16x4_u", "32x2_s", "32x2_u"] {
        add(&format!("v128.load{parts}"), 8, Shape::Load);
    }
    for bits in [8, 16, 32, 64] {
        add(&format!("v128.load{bits}_splat"), bits / 8, Shape::Load);
        add(&format!("v128.load{bits}_lane"), bits / 8, Shape::LoadLane);
        add(&format!("v128.store{bits}_lane"), bits / 8, Shape::StoreLane);
    }
    add("v128.load32_zero", 4, Shape::Load);
    add("v128.load64_zero", 8, Shape::Load);
    add("memory.atomic.notify", 4, Shape::Notify);
    add("memory.atomic.wait32", 4, Shape::Wait("i32"));
    add("memory.atomic.wait64", 8, Shape::Wait("i64"));
    all
}

/// No operator of the validator is missing in the list, and none is invented.
#[test]
fn the_list_of_accesses_is_complete() {
    let supported = ["mvp", "simd", "relaxed_simd", "threads"];
    let has_address = |args: &&[&str]| args.contains(&"memarg");
    let mut expected: Vec<&str> = OPERATORS
        .iter()
        .filter(|(proposal, _, args)| supported.contains(proposal) && has_address(args))
        .map(|(_, visit, _)| visit.trim_start_matches("visit_"))
        .collect();
    let mut found: Vec<String> =
        accesses().iter().map(|(name, ..)| name.replace('.', "_")).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(found.len() > 100);
}

/// A memory: its declaration, the type of its addresses, and its length.
const MEMORIES: [(&str, &str, u64); 6] = [
    ("1", "i32", 65_536),
    ("i64 1", "i64", 65_536),
    ("4112 (pagesize 1)", "i32", 4112),
    ("i64 4112 (pagesize 1)", "i64", 4112),
    ("1 4 shared", "i32", 65_536),
    ("i64 1 4 shared", "i64", 65_536),
];

fn engines() -> Vec<Engine> {
    let of = |memories, opt_level| {
        Engine::new(&Config { memories, opt_level, ..Config::default() }).unwrap()
    };
    vec![
        of(Memories::Pooled, OptLevel::None),
        of(Memories::Pooled, OptLevel::Speed),
        of(Memories::OnDemand, OptLevel::Speed),
    ]
}

/// A guest whose functions take one address, or more.
struct Guest {
    store: Store<()>,
    instance: Instance,
}

impl Guest {
    fn new(engine: &Engine, text: &str) -> Guest {
        let module = Module::new(engine, text).unwrap();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Guest { store, instance }
    }

    /// Calls a function with numbers of its parameters' types. Returns the trap, if it traps.
    fn call(&mut self, name: &str, args: &[u64]) -> Option<Trap> {
        let func = self.instance.get_func(&self.store, name).unwrap();
        let ty = func.ty(&self.store);
        let args: Vec<Val> = ty
            .params()
            .iter()
            .zip(args)
            .map(|(ty, &arg)| match ty.to_string().as_str() {
                "i32" => Val::I32(arg as i32),
                _ => Val::I64(arg as i64),
            })
            .collect();
        let outcome = func.call(&mut self.store, &args, &mut []);
        outcome.err().map(|error| error.trap().unwrap_or_else(|| panic!("{name}: {error}")))
    }
}

#[test]
fn every_access_ends_at_the_last_byte() {
    // Beyond the guard behind a memory, which some accesses rely on.
    let far = leakbench_runtime::allocator::GUARD_BYTES as u64 + 16;
    for engine in engines() {
        for (memory, index, len) in MEMORIES {
            let mut text = format!("(module (memory {memory})");
            for (name, bytes, shape) in accesses() {
                for offset in [0, len - bytes, far] {
                    let body = shape.body(&name, offset);
                    text += &format!("(func (export \"{name} {offset}\") (param {index}) {body})");
                }
            }
            let mut guest = Guest::new(&engine, &(text + ")"));
            for (name, bytes, shape) in accesses() {
                // An atomic access at another address would trap for that.
                let step = if shape.is_atomic() { bytes } else { 1 };
                let top = if index == "i32" { u32::MAX.into() } else { u64::MAX };
                let top = top - top % step;
                let valid = match shape {
                    Shape::Wait(_) if !memory.contains("shared") => {
                        Some(Trap::AtomicWaitNonSharedMemory)
                    }
                    _ => None,
                };
                let beyond = Some(Trap::MemoryOutOfBounds);
                for (offset, at, expected) in [
                    (0, 0, valid),
                    (0, len - bytes, valid),
                    (0, len - bytes + step, beyond),
                    (0, len, beyond),
                    (0, top, beyond),
                    (len - bytes, 0, valid),
                    (len - bytes, step, beyond),
                    (len - bytes, top, beyond),
                    (far, 0, beyond),
                    (far, top, beyond),
                ] {
                    let found = guest.call(&format!("{name} {offset}"), &[at]);
                    assert_eq!(found, expected, "{memory}: {name} offset={offset} at {at:#x}");
                }
            }
        }
    }
}

/// A range in a memory or table of `len`: its start, its length, and whether it is in bounds.
fn ranges(len: u64, top: u64) -> Vec<(u64, u64, bool)> {
    let ranges = [
        (0, 0),
        (0, len),
        (0, len + 1),
        (len, 0),
        (len + 1, 0),
        (len - 1, 1),
        (len, 1),
        (1, len),
        (1, len - 1),
        (top, 0),
        (top, 1),
        (0, top),
        (1, top),
        (top, top),
    ];
    ranges
        .map(|(at, count)| (at, count, at.checked_add(count).is_some_and(|end| end <= len)))
        .into()
}

#[test]
fn every_range_of_a_memory_ends_at_the_last_byte() {
    for engine in engines() {
        for (memory, index, len) in MEMORIES {
            // Of the lengths, those that are handled in place and one that is not.
            let constant = [1, 8, 100, 200];
            let mut text = format!(
                r#"(module (memory {memory}) (data $d "0123456789")
                (func (export "fill") (param {index} {index})
                    (memory.fill (local.get 0) (i32.const 0) (local.get 1)))
                (func (export "copy to") (param {index} {index})
                    (memory.copy (local.get 0) ({index}.const 0) (local.get 1)))
                (func (export "copy from") (param {index} {index})
                    (memory.copy ({index}.const 0) (local.get 0) (local.get 1)))
                (func (export "init") (param {index} i32)
                    (memory.init $d (local.get 0) (i32.const 0) (local.get 1)))
                (func (export "init from") (param i32 i32)
                    (memory.init $d ({index}.const 0) (local.get 0) (local.get 1)))"#
            );
            for bytes in constant {
                text += &format!(
                    r#"(func (export "fill {bytes}") (param {index})
                        (memory.fill (local.get 0) (i32.const 0) ({index}.const {bytes})))
                    (func (export "copy to {bytes}") (param {index})
                        (memory.copy (local.get 0) ({index}.const 0) ({index}.const {bytes})))
                    (func (export "copy from {bytes}") (param {index})
                        (memory.copy ({index}.const 0) (local.get 0) ({index}.const {bytes})))"#
                );
            }
            let mut guest = Guest::new(&engine, &(text + ")"));
            let beyond = |fits: bool| (!fits).then_some(Trap::MemoryOutOfBounds);
            let top = if index == "i32" { u32::MAX.into() } else { u64::MAX };
            for (at, count, fits) in ranges(len, top) {
                for name in ["fill", "copy to", "copy from"] {
                    let found = guest.call(name, &[at, count]);
                    assert_eq!(found, beyond(fits), "{memory}: {name} {at:#x} {count:#x}");
                }
            }
            for (at, count) in [(len - 10, 10), (len - 9, 10), (len, 0), (len + 1, 0), (top, 10)] {
                let found = guest.call("init", &[at, count]);
                let fits = at.checked_add(count).is_some_and(|end| end <= len);
                assert_eq!(found, beyond(fits), "{memory}: init {at:#x} {count}");
            }
            for (at, count, fits) in ranges(10, u32::MAX.into()) {
                let found = guest.call("init from", &[at, count]);
                assert_eq!(found, beyond(fits), "{memory}: init from {at:#x} {count:#x}");
            }
            for bytes in constant {
                for name in ["fill", "copy to", "copy from"] {
                    for (at, fits) in [
                        (0, true),
                        (len - bytes, true),
                        (len - bytes + 1, false),
                        (len, false),
                        (top, false),
                    ] {
                        let found = guest.call(&format!("{name} {bytes}"), &[at]);
                        assert_eq!(found, beyond(fits), "{memory}: {name} {bytes} at {at:#x}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_access_to_a_table_ends_at_the_last_element() {
    const LEN: u64 = 7;
    for engine in engines() {
        for (prefix, index) in [("", "i32"), ("i64", "i64")] {
            let text = format!(
                r#"(module
                (type $f (func))
                (table $t {prefix} {LEN} {LEN} funcref)
                (elem ({index}.const 0) $f $f $f $f $f $f $f)
                (elem $e func $f $f $f)
                (func $f)
                (func (export "get") (param {index}) (drop (table.get $t (local.get 0))))
                (func (export "set") (param {index})
                    (table.set $t (local.get 0) (ref.func $f)))
                (func (export "call") (param {index})
                    (call_indirect $t (type $f) (local.get 0)))
                (func (export "tail call") (param {index})
                    (return_call_indirect $t (type $f) (local.get 0)))
                (func (export "fill") (param {index} {index})
                    (table.fill $t (local.get 0) (ref.func $f) (local.get 1)))
                (func (export "copy to") (param {index} {index})
                    (table.copy $t $t (local.get 0) ({index}.const 0) (local.get 1)))
                (func (export "copy from") (param {index} {index})
                    (table.copy $t $t ({index}.const 0) (local.get 0) (local.get 1)))
                (func (export "init") (param {index} i32)
                    (table.init $t $e (local.get 0) (i32.const 0) (local.get 1)))
                (func (export "init from") (param i32 i32)
                    (table.init $t $e ({index}.const 0) (local.get 0) (local.get 1)))
                (func (export "grow") (param {index})
                    (if ({index}.ne ({index}.const -1) (table.grow $t (ref.func $f) (local.get 0)))
                        (then unreachable))))"#
            );
            let mut guest = Guest::new(&engine, &text);
            let top = if index == "i32" { u32::MAX.into() } else { u64::MAX };
            for at in [0, LEN - 1, LEN, LEN + 1, top] {
                let beyond = |trap| (at >= LEN).then_some(trap);
                for name in ["get", "set"] {
                    let found = guest.call(name, &[at]);
                    assert_eq!(found, beyond(Trap::TableOutOfBounds), "{index}: {name} {at:#x}");
                }
                for name in ["call", "tail call"] {
                    let found = guest.call(name, &[at]);
                    assert_eq!(found, beyond(Trap::UndefinedElement), "{index}: {name} {at:#x}");
                }
            }
            let beyond = |fits: bool| (!fits).then_some(Trap::TableOutOfBounds);
            for (at, count, fits) in ranges(LEN, top) {
                for name in ["fill", "copy to", "copy from"] {
                    let found = guest.call(name, &[at, count]);
                    assert_eq!(found, beyond(fits), "{index}: {name} {at:#x} {count:#x}");
                }
            }
            for (at, count, fits) in
                [(LEN - 3, 3, true), (LEN - 2, 3, false), (LEN, 0, true), (top, 1, false)]
            {
                let found = guest.call("init", &[at, count]);
                assert_eq!(found, beyond(fits), "{index}: init {at:#x} {count}");
            }
            for (at, count, fits) in ranges(3, u32::MAX.into()) {
                let found = guest.call("init from", &[at, count]);
                assert_eq!(found, beyond(fits), "{index}: init from {at:#x} {count:#x}");
            }
            for delta in [1, top] {
                assert_eq!(guest.call("grow", &[delta]), None, "{index}: grow {delta:#x}");
            }
        }
    }
}
