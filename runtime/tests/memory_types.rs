//! Memories with pages of one byte or indices of 64 bits, tables with indices of 64 bits, and
//! several memories in a module.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_runtime::{
    Config, Engine, Error, Instance, Memory, MemoryType, MemoryTypeBuilder, Module, OptLevel, Ref,
    RefType, Store, Table, TableType, Trap, Val,
};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

fn store(opt_level: OptLevel) -> Store<()> {
    let config = Config { opt_level, ..Config::default() };
    Store::new(&Engine::new(&config).unwrap(), ())
}

fn module(store: &Store<()>, text: &str) -> Result<Module, Error> {
    Module::new(store.engine(), wat::parse_str(text).unwrap())
}

fn instance(store: &mut Store<()>, text: &str) -> Instance {
    let module = module(store, text).unwrap();
    Instance::new(store, &module, &[]).unwrap()
}

/// An access traps if and only if its last byte is beyond the length, whatever index and constant
/// offset are.
#[test]
fn accesses_are_bounded_exactly() {
    let lens: [u64; 11] = [0, 1, 7, 15, 16, 17, 4095, 4096, 65_535, 65_536, 65_537];
    for (index_type, page_size, is_64) in
        [("i32", 1, false), ("i64", 1, true), ("i64", 65_536, true), ("i32", 65_536, false)]
    {
        let top = if is_64 { u64::MAX } else { u32::MAX.into() };
        for opt_level in LEVELS {
            let mut store = store(opt_level);
            let offsets = [0, 1, 15, 16, 4096, 65_535, 65_536, 1 << 31, u32::MAX.into()];
            let long = [1 << 32, (1 << 32) + 1, 1 << 63, u64::MAX - 16, u64::MAX];
            let long = long.into_iter().filter(|_| is_64);
            let offsets: Vec<u64> = offsets.into_iter().chain(long).collect();
            let mut text = String::new();
            for (n, offset) in offsets.iter().enumerate() {
                for (bytes, load, store) in [
                    (1, "i64.load8_u", "i64.store8"),
                    (2, "i64.load16_s", "i64.store16"),
                    (8, "i64.load", "i64.store"),
                ] {
                    text += &format!(
                        r#"(func (export "load {bytes} {n}") (param {index_type}) (result i64)
                            ({load} offset={offset} (local.get 0)))
                        (func (export "store {bytes} {n}") (param {index_type})
                            ({store} offset={offset} (local.get 0) (i64.const -1)))"#
                    );
                }
                text += &format!(
                    r#"(func (export "load 16 {n}") (param {index_type}) (result i64)
                        (i64x2.extract_lane 0 (v128.load offset={offset} (local.get 0))))
                    (func (export "store 16 {n}") (param {index_type})
                        (v128.store offset={offset} (local.get 0) (v128.const i64x2 -1 -1)))"#
                );
            }
            // With a minimum, some comparisons need no sum that may overflow.
            for (min, len) in
                [(0, 0), (17, 17), (17, 70_000_u64)].into_iter().chain(lens.map(|len| (0, len)))
            {
                let (min, pages) = match page_size {
                    1 => (min, len),
                    _ => (u64::from(min > 0), len.div_ceil(65_536).max(u64::from(min > 0))),
                };
                let len = pages * page_size;
                let text = format!(
                    r#"(module
                        (memory (export "memory") {} {min} (pagesize {page_size}))
                        {text})"#,
                    if is_64 { "i64" } else { "" }
                );
                let instance = instance(&mut store, &text);
                let memory = instance.get_memory(&store, "memory").unwrap();
                memory.grow(&mut store, pages - min).unwrap();
                assert_eq!(memory.data(&store).len() as u64, len);
                for (n, &offset) in offsets.iter().enumerate() {
                    for bytes in [1, 2, 8, 16] {
                        let end = len.wrapping_sub(offset);
                        let near = [end.wrapping_sub(bytes), end, end.wrapping_sub(1)];
                        let near = near
                            .into_iter()
                            .flat_map(|i| [i.wrapping_sub(1), i, i.wrapping_add(1)]);
                        let far = [0, 1, top, top - 7, top - 16, 1 << 31, offset.wrapping_neg()];
                        for index in near.chain(far).map(|index| index & top) {
                            let reach = u128::from(index) + u128::from(offset) + u128::from(bytes);
                            let fits = reach <= u128::from(len);
                            let argument = match is_64 {
                                true => Val::I64(index as i64),
                                false => Val::I32(index as i32),
                            };
                            let case = format!(
                                "{index_type} {opt_level:?} {len} {index} {offset} {bytes}"
                            );
                            let load =
                                instance.get_func(&store, &format!("load {bytes} {n}")).unwrap();
                            let loaded = load.call(&mut store, &[argument], &mut [Val::I64(1)]);
                            check(loaded, fits, &case);
                            let stored =
                                instance.get_func(&store, &format!("store {bytes} {n}")).unwrap();
                            check(stored.call(&mut store, &[argument], &mut []), fits, &case);
                            let data = memory.data_mut(&mut store);
                            let at = (index as usize).wrapping_add(offset as usize);
                            let end = at.wrapping_add(bytes as usize);
                            if fits {
                                assert!(data[at..end].iter().all(|&byte| byte == 0xff), "{case}");
                                data[at..end].fill(0);
                            }
                            // A store that traps writes nothing, and others nothing else.
                            let tail = data.len().saturating_sub(64);
                            assert!(data[tail..].iter().all(|&byte| byte == 0), "{case}");
                        }
                    }
                }
            }
        }
    }
}

fn check(outcome: Result<(), Error>, fits: bool, case: &str) {
    match outcome {
        Ok(()) => assert!(fits, "no trap: {case}"),
        Err(error) => {
            assert_eq!(error.trap(), Some(Trap::MemoryOutOfBounds), "{case}");
            assert!(!fits, "a trap: {case}");
        }
    }
}

/// Pages of one byte share pages of the kernel; new bytes are zero, and the host sees the length.
#[test]
fn memories_grow_by_bytes() {
    let mut store = store(OptLevel::Speed);
    let ty = MemoryTypeBuilder::new().min(3).max(Some(70_000)).page_size_log2(0).build().unwrap();
    let memory = Memory::new(&mut store, ty).unwrap();
    memory.data_mut(&mut store).fill(0xff);
    assert_eq!(memory.grow(&mut store, 2).unwrap(), 3);
    assert_eq!(memory.data(&store), [0xff, 0xff, 0xff, 0, 0]);
    assert!(memory.write(&mut store, 4, &[1, 2]).is_err());
    assert_eq!(memory.grow(&mut store, 65_536).unwrap(), 5);
    assert_eq!(memory.size(&store), 65_541);
    assert!(memory.data(&store)[5..].iter().all(|&byte| byte == 0));
    let error = memory.grow(&mut store, 70_000).unwrap_err().to_string();
    assert!(error.starts_with("cannot grow by 70000 from 65541"), "{error}");
    assert_eq!(memory.ty(&store).minimum(), 65_541);
    assert_eq!(memory.ty(&store).page_size(), 1);

    // As large as a slot: one more byte cannot be counted with 32 bits.
    let ty = MemoryTypeBuilder::new().page_size_log2(0).build().unwrap();
    let memory = Memory::new(&mut store, ty).unwrap();
    assert_eq!(memory.grow(&mut store, u32::MAX.into()).unwrap(), 0);
    assert!(memory.grow(&mut store, 1).is_err());
    let last = u32::MAX as usize - 1;
    memory.write(&mut store, last, &[7]).unwrap();
    assert_eq!(memory.data(&store)[last], 7);
}

#[test]
fn memories_with_long_indices_end_at_four_gib() {
    let mut store = store(OptLevel::Speed);
    let instance = instance(
        &mut store,
        r#"(module (memory i64 1)
            (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
            (func (export "size") (result i64) (memory.size))
            (func (export "load") (param i64) (result i32) (i32.load8_u (local.get 0))))"#,
    );
    let grow = instance.get_typed_func::<u64, i64>(&store, "grow").unwrap();
    let size = instance.get_typed_func::<(), u64>(&store, "size").unwrap();
    let load = instance.get_typed_func::<u64, i32>(&store, "load").unwrap();
    for too_much in [65_536, 1 << 32, 1 << 48, u64::MAX] {
        assert_eq!(grow.call(&mut store, too_much).unwrap(), -1);
    }
    assert_eq!(grow.call(&mut store, 65_535).unwrap(), 1);
    assert_eq!(size.call(&mut store, ()).unwrap(), 65_536);
    assert_eq!(load.call(&mut store, u32::MAX.into()).unwrap(), 0);
    assert!(load.call(&mut store, 1 << 32).is_err());
    // The module is valid; only its memory is too large.
    let module =
        module(&store, r#"(module (memory i64 65537) (data (i64.const 0x1_0000_0000) "x"))"#)
            .unwrap();
    assert!(module.image().is_none());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err().to_string();
    assert!(error.contains("4295032832 bytes"), "{error}");
}

#[test]
fn imports_have_the_index_and_page_size_of_their_items() {
    let mut store = store(OptLevel::Speed);
    let bytes = MemoryTypeBuilder::new().min(1).page_size_log2(0).build().unwrap();
    let types = [MemoryType::new(1, None), MemoryType::new64(1, None), bytes];
    let texts = ["(memory 1)", "(memory i64 1)", "(memory 1 (pagesize 1))"];
    let names = ["memory 1.. pages", "64-bit memory 1.. pages", "memory 1.. bytes"];
    for (i, ty) in types.into_iter().enumerate() {
        let memory = Memory::new(&mut store, ty).unwrap();
        for (k, text) in texts.iter().enumerate() {
            let text = format!(r#"(module (import "a" "b" {text}))"#);
            let module = module(&store, &text).unwrap();
            let outcome = Instance::new(&mut store, &module, &[memory.into()]);
            assert_eq!(outcome.is_ok(), i == k);
            if let Err(error) = outcome {
                let expected = format!("is a {}, and the module expects a {}", names[i], names[k]);
                assert!(error.to_string().ends_with(&expected), "{error}");
            }
        }
    }
    let short = Table::new(&mut store, TableType::new(RefType::FUNCREF, 1, None), Ref::Func(None));
    let module = module(&store, r#"(module (import "a" "b" (table i64 1 funcref)))"#).unwrap();
    assert!(Instance::new(&mut store, &module, &[short.unwrap().into()]).is_err());
    let long = TableType::new64(RefType::FUNCREF, 1, None);
    let long = Table::new(&mut store, long, Ref::Func(None)).unwrap();
    Instance::new(&mut store, &module, &[long.into()]).unwrap();
}

#[test]
fn tables_have_long_indices() {
    let text = r#"(module
        (type $f (func (result i32)))
        (table $t (export "t") i64 4 20 funcref)
        (table $short 4 funcref)
        (elem $e func $seven $eight)
        (elem (table $t) (i64.const 2) func $seven)
        (func $seven (result i32) (i32.const 7))
        (func $eight (result i32) (i32.const 8))
        (func (export "call") (param i64) (result i32)
            (call_indirect $t (type $f) (local.get 0)))
        (func (export "null") (param i64) (result i32) (ref.is_null (table.get $t (local.get 0))))
        (func (export "set") (param i64) (table.set $t (local.get 0) (ref.func $eight)))
        (func (export "size") (result i64) (table.size $t))
        (func (export "grow") (param i64) (result i64)
            (table.grow $t (ref.func $eight) (local.get 0)))
        (func (export "fill") (param i64 i64)
            (table.fill $t (local.get 0) (ref.func $seven) (local.get 1)))
        (func (export "init") (param i64 i32 i32)
            (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
        (func (export "copy") (param i64 i64 i64)
            (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
        (func (export "copy short") (param i32 i64 i32)
            (table.copy $short $t (local.get 0) (local.get 1) (local.get 2))))"#;
    for opt_level in LEVELS {
        let mut store = store(opt_level);
        let instance = instance(&mut store, text);
        let mut call = |name: &str, args: &[Val], result: Option<Val>| {
            let func = instance.get_func(&store, name).unwrap();
            let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
            let outcome = func.call(&mut store, args, &mut results);
            match (outcome, result) {
                (Ok(()), result) => assert_eq!(results.first().copied(), result, "{name}"),
                (Err(error), Some(Val::FuncRef(None))) => assert!(error.trap().is_some()),
                (Err(error), _) => panic!("{name}: {error}"),
            }
        };
        // Stands for a trap: no function here returns one.
        const TRAP: Option<Val> = Some(Val::FuncRef(None));
        let (long, int) = (Val::I64, |value| Some(Val::I32(value)));
        call("call", &[long(2)], int(7));
        call("call", &[long(0)], TRAP);
        for beyond in [4, 1 << 32, (1 << 32) + 2, -1] {
            call("call", &[long(beyond)], TRAP);
            call("null", &[long(beyond)], TRAP);
            call("set", &[long(beyond)], TRAP);
            call("fill", &[long(beyond), long(1)], TRAP);
            call("copy", &[long(0), long(beyond), long(1)], TRAP);
            call("init", &[long(beyond), Val::I32(0), Val::I32(1)], TRAP);
        }
        call("fill", &[long(1), long(-1)], TRAP);
        call("set", &[long(0)], None);
        call("call", &[long(0)], int(8));
        call("grow", &[long(1 << 32)], Some(long(-1)));
        call("grow", &[long(17)], Some(long(-1)));
        call("grow", &[long(2)], Some(long(4)));
        call("size", &[], Some(long(6)));
        call("call", &[long(5)], int(8));
        call("fill", &[long(4), long(2)], None);
        call("call", &[long(5)], int(7));
        call("init", &[long(3), Val::I32(1), Val::I32(1)], None);
        call("call", &[long(3)], int(8));
        call("copy", &[long(4), long(3), long(1)], None);
        call("call", &[long(4)], int(8));
        call("copy short", &[Val::I32(3), long(0), Val::I32(1)], None);
        call("copy short", &[Val::I32(4), long(0), Val::I32(1)], TRAP);
        let table = instance.get_table(&store, "t").unwrap();
        assert_eq!((table.size(&store), table.ty(&store).is_64()), (6, true));
        assert!(table.get(&store, 1 << 32).is_none());
    }
}

/// Bytes move between memories of every kind. The length has 32 bits if one of the indices has.
#[test]
fn bytes_move_between_memories_of_every_kind() {
    let text = r#"(module
        (memory $usual (export "0") 1) (memory $long (export "1") i64 1)
        (memory $bytes (export "2") 9 (pagesize 1))
        (memory $long_bytes (export "3") i64 9 (pagesize 1))
        (data $d "0123456789")
        (func (export "init") (param i64)
            (memory.init $usual $d (i32.const 0) (i32.const 0) (i32.const 9))
            (memory.init $long $d (local.get 0) (i32.const 1) (i32.const 9)))
        (func (export "copy") (param i64 i32)
            (memory.copy $bytes $usual (i32.const 1) (i32.const 0) (local.get 1))
            (memory.copy $long_bytes $long (local.get 0) (i64.const 0) (i64.const 8))
            (memory.copy $usual $long_bytes (i32.const 100) (i64.const 0) (local.get 1))
            (memory.copy $long $usual (i64.const 200) (i32.const 100) (local.get 1)))
        (func (export "fill") (param i64) (memory.fill $long (local.get 0) (i32.const 7) (i64.const 3))))"#;
    for opt_level in LEVELS {
        let mut store = store(opt_level);
        let instance = instance(&mut store, text);
        let init = instance.get_typed_func::<u64, ()>(&store, "init").unwrap();
        let copy = instance.get_typed_func::<(u64, u32), ()>(&store, "copy").unwrap();
        let fill = instance.get_typed_func::<u64, ()>(&store, "fill").unwrap();
        init.call(&mut store, 0).unwrap();
        copy.call(&mut store, (1, 8)).unwrap();
        fill.call(&mut store, 1).unwrap();
        let bytes = |store: &Store<()>, memory: &str, at: usize| {
            let memory = instance.get_memory(store, memory).unwrap();
            String::from_utf8_lossy(&memory.data(store)[at..]).into_owned()
        };
        assert!(bytes(&store, "0", 0).starts_with("012345678\0"));
        assert!(bytes(&store, "0", 100).starts_with("\x001234567\0"));
        assert!(bytes(&store, "1", 0).starts_with("1\x07\x07\x0756789\0"));
        assert!(bytes(&store, "1", 200).starts_with("\x001234567\0"));
        assert_eq!(bytes(&store, "2", 0), "\x0001234567");
        assert_eq!(bytes(&store, "3", 0), "\x0012345678");
        for at in [65_528, 1 << 32, u64::MAX] {
            assert_eq!(
                init.call(&mut store, at).unwrap_err().trap(),
                Some(Trap::MemoryOutOfBounds)
            );
        }
        assert!(copy.call(&mut store, (2, 8)).is_err());
        assert!(copy.call(&mut store, (1, 9)).is_err());
        assert!(fill.call(&mut store, 65_534).is_err());
        assert!(fill.call(&mut store, u64::MAX).is_err());
    }
}

/// Each memory that a module defines takes a slot. The image is that of memory 0, also if its
/// indices are long or its pages short; the data of others is copied.
#[test]
fn each_memory_has_a_slot_and_the_first_an_image() {
    let mut store = store(OptLevel::Speed);
    let pool = store.engine().pool().clone();
    let free = || pool.stats().free;
    let all = free();
    for (first, offset) in [("1", "i32"), ("i64 1", "i64"), ("5 (pagesize 1)", "i32")] {
        let text = format!(
            r#"(module (memory (export "0") {first}) (memory (export "1") 1) (memory (export "2") i64 0)
                (data (memory 0) ({offset}.const 1) "zero") (data (memory 1) (i32.const 2) "one"))"#
        );
        let module = module(&store, &text).unwrap();
        let image = module.image().unwrap();
        assert_eq!((image.offset_bytes(), image.len_bytes()), (0, 4096));
        let before = free();
        let instances = [(); 2].map(|()| Instance::new(&mut store, &module, &[]).unwrap());
        assert_eq!(free(), before - 6);
        for instance in instances {
            let bytes = |name: &str| {
                let memory = instance.get_memory(&store, name).unwrap();
                memory.data(&store).iter().copied().take(5).collect::<Vec<u8>>()
            };
            assert_eq!(bytes("0"), b"\0zero");
            assert_eq!(bytes("1"), b"\0\0one");
            assert!(bytes("2").is_empty());
            instance.get_memory(&store, "0").unwrap().data_mut(&mut store)[1..5].fill(0xff);
        }
    }
    drop(store);
    assert_eq!(free(), all);
}
