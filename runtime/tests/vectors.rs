//! Vectors between host and guest, and between the shapes in which the compiler keeps them.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_runtime::{
    Caller, Config, Engine, Func, FuncType, Global, GlobalType, Instance, Linker, Module,
    Mutability, OptLevel, Store, V128, Val, ValType,
};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

fn engine(opt_level: OptLevel) -> Engine {
    Engine::new(&Config { opt_level, ..Config::default() }).unwrap()
}

fn instance(store: &mut Store<()>, text: &str) -> Instance {
    let module = Module::new(store.engine(), wat::parse_str(text).unwrap()).unwrap();
    Instance::new(store, &module, &[]).unwrap()
}

/// Four lanes of 32 bits, the first in the low bits.
fn lanes(lanes: [u32; 4]) -> u128 {
    lanes.iter().rev().fold(0, |bits, &lane| bits << 32 | u128::from(lane))
}

#[test]
fn vectors_are_values_of_rust_types() {
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut linker = Linker::new(&engine);
        let swap = |x: V128, n: i64, y: u128| (y, n + 1, x);
        linker.func_wrap("host", "swap", swap).unwrap();
        let text = r#"(module
            (import "host" "swap" (func $swap (param v128 i64 v128) (result v128 i64 v128)))
            (func (export "swap") (param v128 i64 v128) (result v128 i64 v128)
                (call $swap (i32x4.neg (local.get 0)) (local.get 1) (local.get 2))))"#;
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let swap = instance
            .get_typed_func::<(u128, i64, V128), (V128, i64, u128)>(&store, "swap")
            .unwrap();
        let (x, y) = (lanes([1, 2, 3, 4]), u128::MAX - 7);
        let (first, n, last) = swap.call(&mut store, (x, 41, y.into())).unwrap();
        assert_eq!((first.as_u128(), n), (y, 42));
        assert_eq!(last, lanes([1, 2, 3, 4].map(|lane: u32| lane.wrapping_neg())));
    }
}

/// The first argument and the first result take another way than the rest.
#[test]
fn a_first_value_of_any_type_passes_through_a_host_function() {
    let values = [
        (Val::I32(-2), "i32"),
        (Val::I64(i64::MIN + 3), "i64"),
        (Val::F32((-0.5f32).to_bits()), "f32"),
        (Val::F64(1e300f64.to_bits()), "f64"),
        (Val::V128(lanes([1, u32::MAX, 3, 1 << 31]).into()), "v128"),
        (Val::ExternRef(None), "externref"),
    ];
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        for (first, name) in values {
            for (second, other) in values {
                let mut store = Store::new(&engine, ());
                let [a, b] = [first, second].map(|value| value.ty(&store).unwrap());
                let ty = FuncType::new(&engine, [a, b], [b, a]);
                let swap = Func::new(&mut store, ty, |_, params, results| {
                    results.copy_from_slice(&[params[1], params[0]]);
                    Ok(())
                });
                let text = format!(
                    "(module (func $swap (import \"\" \"swap\") (param {name} {other})
                            (result {other} {name}))
                        (func (export \"swap\") (param {name} {other}) (result {other} {name})
                            (call $swap (local.get 0) (local.get 1))))"
                );
                let module = Module::new(&engine, text).unwrap();
                let instance = Instance::new(&mut store, &module, &[swap.into()]).unwrap();
                let swap = instance.get_func(&store, "swap").unwrap();
                let mut results = [first, second];
                swap.call(&mut store, &[first, second], &mut results).unwrap();
                assert_eq!(format!("{results:?}"), format!("{:?}", [second, first]));
            }
        }
    }
}

/// More vectors than registers, in each direction.
#[test]
fn many_vectors_pass_through_host_and_guest() {
    const COUNT: usize = 40;
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let ty = |_| [ValType::V128, ValType::I32];
        let types = || (0..COUNT).flat_map(ty).take(COUNT);
        let mut linker = Linker::new(&engine);
        let func_type = FuncType::new(&engine, types(), types());
        linker
            .func_new("host", "echo", func_type.clone(), |_: Caller<'_, ()>, params, results| {
                results.copy_from_slice(params);
                Ok(())
            })
            .unwrap();
        let list = types().map(|ty| format!(" {ty}")).collect::<String>();
        let gets = (0..COUNT).map(|i| format!("(local.get {i}) ")).collect::<String>();
        let text = format!(
            r#"(module
                (import "host" "echo" (func $echo (param {list}) (result {list})))
                (func $inner (param {list}) (result {list}) {gets} call $echo)
                (func (export "echo") (param {list}) (result {list}) {gets} call $inner))"#
        );
        let module = Module::new(&engine, wat::parse_str(&text).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let echo = instance.get_func(&store, "echo").unwrap();
        assert_eq!(echo.ty(&store), func_type);
        let params: Vec<Val> = (0..COUNT)
            .map(|i| match i % 2 {
                0 => Val::from(u128::MAX / (i as u128 + 3)),
                _ => Val::I32(i as i32),
            })
            .collect();
        let mut results = vec![Val::I32(0); COUNT];
        echo.call(&mut store, &params, &mut results).unwrap();
        assert_eq!(results, params);
    }
}

#[test]
fn globals_hold_vectors() {
    let mut store = Store::new(&engine(OptLevel::Speed), ());
    let (first, second) = (lanes([1, 2, 3, 4]), lanes([5, 6, 7, 8]));
    let ty = GlobalType::new(ValType::V128, Mutability::Var);
    let imported = Global::new(&mut store, ty, Val::from(first)).unwrap();
    let text = r#"(module
        (import "host" "imported" (global $imported (mut v128)))
        (global $padding i32 (i32.const 7))
        (global $own (export "own") (mut v128) (v128.const i32x4 5 6 7 8))
        (global $constant (export "constant") v128 (v128.const i64x2 -1 1))
        (func (export "swap") (local $kept v128)
            (local.set $kept (global.get $own))
            (global.set $own (f32x4.abs (global.get $imported)))
            (global.set $imported (local.get $kept))))"#;
    let module = Module::new(store.engine(), wat::parse_str(text).unwrap()).unwrap();
    let instance = Instance::new(&mut store, &module, &[imported.into()]).unwrap();
    let own = instance.get_global(&store, "own").unwrap();
    assert_eq!(own.get(&store).v128(), Some(second.into()));
    let constant = instance.get_global(&store, "constant").unwrap();
    assert_eq!(constant.get(&store), Val::from(1u128 << 64 | u128::from(u64::MAX)));
    let swap = instance.get_typed_func::<(), ()>(&store, "swap").unwrap();
    swap.call(&mut store, ()).unwrap();
    assert_eq!(own.get(&store), Val::from(first));
    assert_eq!(imported.get(&store), Val::from(second));
    own.set(&mut store, Val::from(3u128 << 100)).unwrap();
    assert_eq!(own.get(&store), Val::from(3u128 << 100));
    assert!(own.set(&mut store, Val::I64(3)).is_err());
    assert_eq!(Val::default_for_ty(&ValType::V128), Some(Val::from(0u128)));
}

/// Blocks, branches, loops, locals and selections whose vectors come from operators of different
/// shapes.
#[test]
fn vectors_of_different_shapes_meet() {
    let text = r#"(module
        (func (export "block") (param i32 v128) (result v128)
            (block $out (result v128)
                (drop (br_if $out (i32x4.add (local.get 1) (local.get 1)) (local.get 0)))
                (i8x16.neg (local.get 1))))
        (func (export "table") (param i32 v128) (result v128)
            (block $a (result v128) (block $b (result v128)
                (br_table $a $b (f64x2.abs (local.get 1)) (local.get 0)))
                (i64x2.neg)))
        (func (export "if") (param i32 v128) (result v128)
            (i16x8.add (local.get 1) (local.get 1))
            (if (param v128) (result v128) (local.get 0)
                (then (f32x4.abs))
                (else (i32x4.neg))))
        (func (export "loop") (param i32 v128) (result v128) (local $i i32)
            (i64x2.add (local.get 1) (local.get 1))
            (loop $again (param v128) (result v128)
                (i8x16.add (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1))
                (br_if $again
                    (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                        (local.get 0)))))
        (func (export "select") (param i32 v128) (result v128)
            (select (i32x4.add (local.get 1) (local.get 1)) (f64x2.neg (local.get 1))
                (local.get 0)))
        (func (export "tee") (param i32 v128) (result v128) (local v128)
            (i16x8.add (local.tee 2 (i32x4.neg (local.get 1))) (local.get 2)))
        (func (export "return") (param i32 v128) (result v128)
            (if (local.get 0) (then (return (f32x4.neg (local.get 1)))))
            (i64x2.neg (local.get 1))))"#;
    let text_of = |name: &str, condition: i32, opt_level| {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        let func = instance.get_typed_func::<(i32, u128), u128>(&store, name).unwrap();
        func.call(&mut store, (condition, lanes([1, 2, 3, 0x8000_0004]))).unwrap()
    };
    let signed = |values: [i32; 4]| lanes(values.map(|value| value as u32));
    let x = lanes([1, 2, 3, 0x8000_0004]);
    // 1 and 2 as one lane of 64 bits, then 3 and the last.
    let wide = |f: fn(u64) -> u64| u128::from(f(x as u64)) | u128::from(f((x >> 64) as u64)) << 64;
    for opt_level in LEVELS {
        for (name, condition, expected) in [
            ("block", 1, lanes([2, 4, 6, 8])),
            ("block", 0, lanes([0xff, 0xfe, 0xfd, 0x8000_00fc])),
            ("table", 0, lanes([1, 2, 3, 4])),
            ("table", 1, {
                let cleared = u128::MAX >> 1 & x;
                let neg = |bits: u128| u128::from((bits as u64).wrapping_neg());
                neg(cleared) | neg(cleared >> 64) << 64
            }),
            ("if", 1, lanes([2, 4, 6, 8])),
            ("if", 0, signed([-2, -4, -6, -8])),
            ("loop", 2, lanes([0x0202_0204, 0x0202_0206, 0x0202_0208, 0x0202_020a])),
            ("select", 1, lanes([2, 4, 6, 8])),
            ("select", 0, wide(|lane| lane ^ 1 << 63)),
            ("tee", 0, lanes([0xfffe_fffe, 0xfffe_fffc, 0xfffe_fffa, 0xfffe_fff8])),
            ("return", 1, x ^ lanes([1 << 31; 4])),
            ("return", 0, wide(u64::wrapping_neg)),
        ] {
            let found = text_of(name, condition, opt_level);
            assert_eq!(
                format!("{found:032x}"),
                format!("{expected:032x}"),
                "{name} {condition} {opt_level:?}"
            );
        }
    }
}

/// Vectors are spilled and read back around calls, with 16 bytes each.
#[test]
fn vectors_survive_calls_and_memory() {
    let text = r#"(module
        (memory 1)
        (table funcref (elem $nothing))
        (func $nothing)
        (func (export "sum") (param v128 v128 v128 v128) (result v128)
            (v128.store offset=3 (i32.const 65517) (local.get 0))
            (call_indirect (i32.const 0))
            (drop (memory.grow (i32.const 1)))
            (i32x4.add
                (i32x4.add (v128.load (i32.const 65520)) (local.get 1))
                (i32x4.add (local.get 2) (local.get 3)))))"#;
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        let sum = instance.get_typed_func::<(u128, u128, u128, u128), u128>(&store, "sum").unwrap();
        let args =
            (lanes([1; 4]), lanes([2, 3, 4, 5]), lanes([10; 4]), lanes([100, 200, 300, 400]));
        assert_eq!(sum.call(&mut store, args).unwrap(), lanes([113, 214, 315, 416]));
    }
}

#[test]
fn a_host_function_of_vectors_is_called_by_the_host() {
    let mut store = Store::new(&engine(OptLevel::Speed), ());
    let xor = Func::wrap(&mut store, |x: u128, y: V128| x ^ y.as_u128());
    let params = [Val::from(0xf0u128 << 90), Val::from(0xffu128 << 90)];
    let mut results = [Val::I32(0)];
    xor.call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[0], Val::from(0x0fu128 << 90));
    assert_eq!(xor.ty(&store).to_string(), "func (v128, v128) -> (v128)");
}

/// Relaxed operators have the results of the processor's instructions: on every machine the same,
/// except for the rounding of products that are added.
#[test]
fn relaxed_operators_have_the_results_of_instructions() {
    let text = r#"(module
        (func (export "min") (param v128 v128) (result v128)
            (f32x4.relaxed_min (local.get 0) (local.get 1)))
        (func (export "max") (param v128 v128) (result v128)
            (f32x4.relaxed_max (local.get 0) (local.get 1)))
        (func (export "trunc") (param v128 v128) (result v128)
            (i32x4.relaxed_trunc_f32x4_s (local.get 0)))
        (func (export "swizzle") (param v128 v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))
        (func (export "select") (param v128 v128) (result v128)
            (i32x4.relaxed_laneselect (local.get 0) (v128.const i64x2 0 0) (local.get 1)))
        (func (export "product") (param v128 v128) (result v128)
            (i16x8.relaxed_q15mulr_s (local.get 0) (local.get 1)))
        (func (export "dot") (param v128 v128) (result v128)
            (i16x8.relaxed_dot_i8x16_i7x16_s (local.get 0) (local.get 1))))"#;
    const NAN: u32 = 0x7fc0_0000;
    const ONE: u32 = 0x3f80_0000;
    const MINUS: u32 = 1 << 31;
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        for (name, x, y, expected) in [
            // The right lane if one is NaN, or both are zero.
            ("min", [NAN, ONE, 0, MINUS], [ONE, NAN, MINUS, 0], [ONE, NAN, MINUS, 0]),
            ("max", [NAN, ONE, 0, MINUS], [ONE, NAN, MINUS, 0], [ONE, NAN, MINUS, 0]),
            ("trunc", [NAN, ONE, 0x4f80_0000, 0xcf80_0000], [0; 4], [MINUS, 1, MINUS, MINUS]),
            ("swizzle", [0x0302_0100, 7, 8, 9], [0x8003_1001, 0, 0, 0], [0x0003_0001, 0, 0, 0]),
            ("select", [1, 2, 3, 4], [MINUS, !MINUS, u32::MAX, 0], [1, 0, 3, 0]),
            ("product", [0x8000_8000; 4], [0x8000_4000; 4], [0x8000_c000; 4]),
            ("dot", [0x7f7f_0201; 4], [0xffff_0403; 4], [0x7fff_000b; 4]),
        ] {
            let func = instance.get_typed_func::<(u128, u128), u128>(&store, name).unwrap();
            let found = func.call(&mut store, (lanes(x), lanes(y))).unwrap();
            assert_eq!(format!("{found:032x}"), format!("{:032x}", lanes(expected)), "{name}");
        }
    }
}
