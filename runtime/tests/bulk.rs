//! `memory.copy` and `memory.fill` beside a model in Rust: lengths that are constant in the guest, which
//! have no call, and others; ranges that overlap, that end with the memory, and that end beyond it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;
use std::sync::LazyLock;

use leakbench_runtime::{
    Config, Engine, Instance, Memory, Module, OptLevel, Store, Trap, TypedFunc,
};

const LEN: usize = 65536;
/// Lengths on both sides of each size of access, and of the limit of what is done in place.
const LENGTHS: [usize; 21] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 100, 127, 128, 129];

/// Each kind of memory, and how a guest makes its index from an i32.
const MEMORIES: [(&str, &str, &str); 3] = [
    ("(memory (export \"memory\") 1)", "", "i32"),
    ("(memory (export \"memory\") i64 1)", "i64.extend_i32_s", "i64"),
    ("(memory (export \"memory\") 65536 (pagesize 1))", "", "i32"),
];

struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

type Op = TypedFunc<(i32, i32), ()>;

impl Guest {
    fn new(opt_level: OptLevel, (memory, extend, index): (&str, &str, &str)) -> Guest {
        let mut text = format!("(module {memory} (global $len (mut {index}) ({index}.const 0))");
        let of = |local: u32| match extend {
            "" => format!("(local.get {local})"),
            extend => format!("({extend} (local.get {local}))"),
        };
        let lengths = LENGTHS.map(|len| (len.to_string(), format!("({index}.const {len})")));
        let variable = ("variable".to_owned(), "(global.get $len)".to_owned());
        for (name, len) in lengths.iter().chain([&variable]) {
            write!(
                text,
                "(func (export \"copy-{name}\") (param i32 i32) (memory.copy {} {} {len}))
                 (func (export \"fill-{name}\") (param i32 i32)
                    (memory.fill {} (local.get 1) {len}))",
                of(0),
                of(1),
                of(0),
            )
            .unwrap();
        }
        write!(text, "(func (export \"set-len\") (param i32 i32) (global.set $len {})))", of(0))
            .unwrap();
        let config = Config { opt_level, ..Config::default() };
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        Guest { store, instance, memory }
    }

    fn func(&self, name: &str) -> Op {
        self.instance.get_typed_func(&self.store, name).unwrap()
    }

    /// Calls `op`, and compares the memory with what the specification says: `expected` is the memory
    /// after the call, or `None` if the call traps.
    fn check(&mut self, op: &Op, args: (i32, i32), expected: Option<Vec<u8>>, what: &str) {
        self.memory.data_mut(&mut self.store).copy_from_slice(&INITIAL);
        let result = op.call(&mut self.store, args);
        match expected {
            Some(expected) => {
                result.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(self.memory.data(&self.store) == expected, "{what}");
            }
            None => {
                let trap = result.expect_err(what).trap();
                assert_eq!(trap, Some(Trap::MemoryOutOfBounds), "{what}");
                assert!(self.memory.data(&self.store) == *INITIAL, "{what}: a part was written");
            }
        }
    }
}

static INITIAL: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LEN).map(|i| (i * 7 + i / 256) as u8).collect());

fn copied(dst: usize, src: usize, len: usize) -> Option<Vec<u8>> {
    let mut memory = INITIAL.clone();
    let fits = |start: usize| start.checked_add(len).is_some_and(|end| end <= LEN);
    if !fits(dst) || !fits(src) {
        return None;
    }
    memory.copy_within(src..src + len, dst);
    Some(memory)
}

fn filled(dst: usize, value: u8, len: usize) -> Option<Vec<u8>> {
    let mut memory = INITIAL.clone();
    memory.get_mut(dst..dst.checked_add(len)?)?.fill(value);
    Some(memory)
}

#[test]
fn copies_and_fills_of_every_length_do_what_the_model_does() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        for memory in MEMORIES {
            let mut guest = Guest::new(opt_level, memory);
            let (copy, fill) = (guest.func("copy-variable"), guest.func("fill-variable"));
            let set_len = guest.func("set-len");
            for len in LENGTHS {
                set_len.call(&mut guest.store, (len as i32, 0)).unwrap();
                let copies = [copy, guest.func(&format!("copy-{len}"))];
                let fills = [fill, guest.func(&format!("fill-{len}"))];
                // The last index is that of -1, and the one before does not fit by one byte.
                let starts = [0, 1, 100, 101, 100 + len / 2, LEN - len, LEN - len + 1, usize::MAX];
                for dst in starts {
                    for src in starts {
                        for (i, op) in copies.iter().enumerate() {
                            let what = format!(
                                "{opt_level:?} {memory:?}: copy {i} of {len} from {src} to {dst}"
                            );
                            let args = (dst as i32, src as i32);
                            guest.check(op, args, copied(dst, src, len), &what);
                        }
                    }
                    for (i, op) in fills.iter().enumerate() {
                        let what =
                            format!("{opt_level:?} {memory:?}: fill {i} of {len} from {dst}");
                        let expected = filled(dst, 0xa5, len);
                        guest.check(op, (dst as i32, 0x7fff_ffa5), expected, &what);
                    }
                }
            }
        }
    }
}
