use leakbench_runtime::{Error, Instance, Module, OptLevel, Store, Trap};

use crate::guest;

#[test]
fn each_kind_is_named_with_its_function() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let module = guest::module(&guest::engine(opt_level));
        for &(name, expected) in guest::TRAPS {
            let error = guest::trap(&module, name);
            assert_eq!(error.trap, expected, "{name}");
            assert_eq!(error.module.as_deref(), Some("guest"));
            let function = error.function.clone().unwrap();
            let place = module.exports().position(|export| export.name() == name).unwrap();
            // The guest's exported functions are its first ones, in order.
            assert_eq!(function.index as usize, place, "{name}");
            let (index, called) = (function.index, function.name.unwrap());
            assert_eq!(
                error.to_string(),
                format!("{expected} in function {index} '{called}' of module 'guest'")
            );
        }
    }
}

#[test]
fn functions_that_do_not_trap_return() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let ok = instance.get_typed_func::<(), i32>(&store, "ok").unwrap();
    let trap = instance.get_typed_func::<(), ()>(&store, "load").unwrap();
    // An instance works on after a trap.
    for _ in 0..100 {
        assert_eq!(trap.call(&mut store, ()).unwrap_err().trap(), Some(Trap::MemoryOutOfBounds));
        assert_eq!(ok.call(&mut store, ()).unwrap(), 1);
    }
}

#[test]
fn a_start_function_and_a_segment_trap_at_instantiation() {
    let engine = guest::engine(OptLevel::Speed);
    let instantiate = |text: &str| {
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        Instance::new(Store::new(&engine, ()), &module, &[]).unwrap_err()
    };
    assert_eq!(
        instantiate("(module (func $init unreachable) (start $init))").to_string(),
        "unreachable in function 0 'init'"
    );
    assert_eq!(
        instantiate(r#"(module $m (memory 1) (data (i32.const 65536) "x"))"#).to_string(),
        "out of bounds memory access of module 'm'"
    );
    let error = instantiate("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))");
    assert!(matches!(error, Error::Trap(error) if error.trap == Trap::TableOutOfBounds));
}

#[test]
fn callee_saved_registers_survive_a_trap() {
    // Sums that are kept in registers across calls that trap.
    let module = guest::module(&guest::engine(OptLevel::Speed));
    let mut sums = [0u64; 6];
    for i in 0..1000u64 {
        let trapped = guest::call(&module, "div_u").is_err();
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = sum.wrapping_mul(31).wrapping_add(i * j as u64 + u64::from(trapped));
        }
    }
    let mut expected = [0u64; 6];
    for i in 0..1000u64 {
        for (j, sum) in expected.iter_mut().enumerate() {
            *sum = sum.wrapping_mul(31).wrapping_add(i * j as u64 + 1);
        }
    }
    assert_eq!(sums, expected);
}
