//! Every access, at the borders of regions and elsewhere: the fused module computes and traps as the linked
//! one does, and leaves the same bytes.

mod common;

use std::cell::RefCell;

use common::{Outcome, Twice, export, program};
use leakbench_fuse::{Isolation, Options};
use leakbench_runtime::Val;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Loads with the type of their result, and whether a lane of a vector is replaced.
const LOADS: [(&str, &str); 27] = [
    ("i32.load", "i32"),
    ("i32.load8_s", "i32"),
    ("i32.load8_u", "i32"),
    ("i32.load16_s", "i32"),
    ("i32.load16_u", "i32"),
    ("i64.load", "i64"),
    ("i64.load8_s", "i64"),
    ("i64.load8_u", "i64"),
    ("i64.load16_s", "i64"),
    ("i64.load16_u", "i64"),
    ("i64.load32_s", "i64"),
    ("i64.load32_u", "i64"),
    ("f32.load", "f32"),
    ("f64.load", "f64"),
    ("v128.load", "v128"),
    ("v128.load8x8_s", "v128"),
    ("v128.load8x8_u", "v128"),
    ("v128.load16x4_s", "v128"),
    ("v128.load16x4_u", "v128"),
    ("v128.load32x2_s", "v128"),
    ("v128.load32x2_u", "v128"),
    ("v128.load8_splat", "v128"),
    ("v128.load16_splat", "v128"),
    ("v128.load32_splat", "v128"),
    ("v128.load64_splat", "v128"),
    ("v128.load32_zero", "v128"),
    ("v128.load64_zero", "v128"),
];

/// Stores, and how their value is made of a local of 64 bits.
const STORES: [(&str, &str); 10] = [
    ("i32.store", "(i32.wrap_i64 (local.get 1))"),
    ("i32.store8", "(i32.wrap_i64 (local.get 1))"),
    ("i32.store16", "(i32.wrap_i64 (local.get 1))"),
    ("i64.store", "(local.get 1)"),
    ("i64.store8", "(local.get 1)"),
    ("i64.store16", "(local.get 1)"),
    ("i64.store32", "(local.get 1)"),
    ("f32.store", "(f32.convert_i64_u (local.get 1))"),
    ("f64.store", "(f64.convert_i64_u (local.get 1))"),
    ("v128.store", "(i64x2.splat (local.get 1))"),
];

/// Offsets of accesses: none, small ones, around the end of a page, and beyond every memory.
const OFFSETS: [u64; 7] = [0, 1, 13, 65_535, 65_536, 40 << 20, u32::MAX as u64];

/// A module with a memory, and a function for each access at each offset. With a second memory every access
/// is of either.
fn text(memories: &str, count: usize) -> String {
    let mut text = format!("(module {memories} (data $data \"{}\")\n", "0123456789".repeat(9));
    for memory in 0..count {
        for offset in OFFSETS {
            let place = format!("{memory} offset={offset}");
            let mut add = |name: &str, signature: &str, body: &str| {
                text +=
                    &format!("(func (export \"{name} {memory} {offset}\") {signature} {body})\n");
            };
            for (load, ty) in LOADS {
                let body = format!("({load} {place} (local.get 0))");
                add(load, &format!("(param i32) (result {ty})"), &body);
            }
            for (store, value) in STORES {
                let body = format!("({store} {place} (local.get 0) {value})");
                add(store, "(param i32 i64)", &body);
            }
            for bits in [8, 16, 32, 64] {
                let vector = "(local.get 0) (i64x2.splat (local.get 1))";
                let load = format!("v128.load{bits}_lane");
                let body = format!("({load} {place} 1 {vector})");
                add(&load, "(param i32 i64) (result v128)", &body);
                let store = format!("v128.store{bits}_lane");
                add(&store, "(param i32 i64)", &format!("({store} {place} 1 {vector})"));
            }
        }
        text += &format!(
            "(func (export \"size {memory}\") (result i32) (memory.size {memory}))
             (func (export \"grow {memory}\") (param i32) (result i32)
               (memory.grow {memory} (local.get 0)))
             (func (export \"fill {memory}\") (param i32 i32 i32)
               (memory.fill {memory} (local.get 0) (local.get 1) (local.get 2)))
             (func (export \"init {memory}\") (param i32 i32 i32)
               (memory.init {memory} $data (local.get 0) (local.get 1) (local.get 2)))\n"
        );
        for from in 0..count {
            text += &format!(
                "(func (export \"copy {memory} {from}\") (param i32 i32 i32)
                   (memory.copy {memory} {from} (local.get 0) (local.get 1) (local.get 2)))\n"
            );
        }
    }
    text + ")"
}

/// A step: an instance, a function, and its arguments.
#[derive(Clone, Debug)]
struct Step {
    instance: usize,
    name: String,
    args: Vec<Val>,
}

/// Addresses in each part of a memory, above all around the ends of pages and of numbers.
fn address() -> impl Strategy<Value = i32> {
    prop_oneof![
        0..64i32,
        (0..4i32, -40..40i32).prop_map(|(page, near)| (page << 16) + near),
        -70_000..0i32,
        any::<i32>(),
    ]
}

fn length() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0..200i32, 1 => Just(65_536), 1 => address()]
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..3usize, 0..2usize, prop::sample::select(OFFSETS.to_vec()));
    let access = prop_oneof![
        prop::sample::select(LOADS.map(|(name, _)| name).to_vec())
            .prop_map(|it| (it.to_owned(), false)),
        prop::sample::select(STORES.map(|(name, _)| name).to_vec())
            .prop_map(|it| (it.to_owned(), true)),
        (prop::sample::select(vec![8, 16, 32, 64]), any::<bool>()).prop_map(|(bits, stores)| {
            let verb = if stores { "store" } else { "load" };
            (format!("v128.{verb}{bits}_lane"), true)
        }),
    ];
    let accesses = (place, access, address(), any::<i64>()).prop_map(
        |((instance, memory, offset), (name, has_value), address, value)| {
            let memory = if instance == 2 { memory } else { 0 };
            let mut args = vec![Val::I32(address)];
            args.extend(has_value.then_some(Val::I64(value)));
            Step { instance, name: format!("{name} {memory} {offset}"), args }
        },
    );
    let bulk = (0..3usize, 0..2usize, 0..2usize, 0..5u8, address(), address(), length()).prop_map(
        |(instance, memory, from, kind, to, other, len)| {
            let (memory, from) = if instance == 2 { (memory, from) } else { (0, 0) };
            let three = vec![Val::I32(to), Val::I32(other), Val::I32(len)];
            let in_data = vec![Val::I32(to), Val::I32(other & 127), Val::I32(len)];
            let (name, args) = match kind {
                0 => (format!("fill {memory}"), three),
                1 => (format!("init {memory}"), in_data),
                2 => (format!("copy {memory} {from}"), three),
                3 => (format!("grow {memory}"), vec![Val::I32(len & 3)]),
                _ => (format!("size {memory}"), vec![]),
            };
            Step { instance, name, args }
        },
    );
    prop_oneof![3 => accesses, 2 => bulk]
}

/// Two instances with a memory each, the first of which is not at address 0, and a third one that uses both.
fn three_instances() -> leakbench_fuse::Program {
    // The second one grows most and stands last, beyond the offset at which a base is added to the address.
    let first = text("(memory (export \"memory\") 1 3)", 1);
    let second = text("(memory (export \"memory\") 2 900)", 1);
    let both = text("(import \"a\" \"m\" (memory 1)) (import \"b\" \"m\" (memory 2))", 2);
    let large = "(module (memory (export \"memory\") 1 600))";
    program(vec![
        (&first, vec![]),
        (&second, vec![]),
        (&both, vec![export(0, "memory"), export(1, "memory")]),
        (large, vec![]),
    ])
}

/// Runs `steps` linked and fused. With `Trusted`, those that trap are left out of the fused one.
fn run(twice: &mut Twice, isolation: Isolation, steps: &[Step]) -> Result<(), TestCaseError> {
    for Step { instance, name, args } in steps {
        let linked = twice.call_linked(*instance, name, args);
        if isolation == Isolation::Trusted && matches!(linked, Outcome::Trapped(_)) {
            continue;
        }
        let fused = twice.call_fused(*instance, name, args);
        prop_assert_eq!(linked, fused, "{} of {} with {:?}", name, instance, args);
    }
    for instance in [0, 1, 3] {
        let [linked, fused] = twice.memories(instance);
        prop_assert!(linked == fused, "the bytes of instance {} differ", instance);
    }
    Ok(())
}

fn compare(isolation: Isolation) {
    let program = three_instances();
    // The modules are compiled once, and the memories live through all cases.
    let twice = Twice::new(program, &Options { isolation, ..Options::default() });
    let bases: Vec<u32> = twice.fused.regions.iter().map(|region| region.base >> 20).collect();
    assert_eq!(bases, [0, 37, 0], "one base is beyond the offsets, and two are not");
    // A case is a closure that may not change what it captures.
    let twice = RefCell::new(twice);
    let mut runner =
        TestRunner::new(Config { cases: 200, max_shrink_iters: 0, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..60);
    let outcome = runner.run(&steps, |steps| run(&mut twice.borrow_mut(), isolation, &steps));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn checked_accesses_are_those_of_memories_of_their_own() {
    compare(Isolation::Checked);
}

#[test]
fn trusted_accesses_within_their_memory_are_the_same() {
    compare(Isolation::Trusted);
}
