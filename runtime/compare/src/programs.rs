//! Real programs, whose imports return 0, on inputs of which the results are known.

use super::super::wasm::{
    Engine, Error, Instance, Linker, Memory, Module, Store, TypedFunc, WasmParams, WasmResults,
};
use super::text;
use crate::peer::Run;
use crate::rows::Program;

/// Counts words in an object, and sorts them.
const SCRIPT: &str = "(() => {
    const words = {};
    let seed = 7;
    for (let i = 0; i < 20000; i++) {
        seed = (seed * 16807) % 2147483647;
        const word = 'w' + (seed % 997);
        words[word] = (words[word] || 0) + 1;
    }
    const keys = Object.keys(words).sort();
    return keys.reduce((sum, key) => (sum * 31 + words[key]) % 1000003, 0);
})()";
const SCRIPT_RESULT: i64 = 309_818;

const TABLE: &str = "CREATE TABLE words(word TEXT, place INTEGER);
    WITH RECURSIVE seed(n, x) AS (SELECT 1, 7 UNION ALL
        SELECT n + 1, x * 16807 % 2147483647 FROM seed WHERE n < 20000)
    INSERT INTO words SELECT 'w' || (x % 997), n FROM seed;
    CREATE INDEX by_word ON words(word);";
/// Counts the words that match a pattern, and sorts them.
const QUERY: &str = "SELECT sum(count * place) FROM (
    SELECT word, count(*) AS count, max(place) AS place FROM words
    WHERE word LIKE 'w%7%' GROUP BY word ORDER BY count DESC, word LIMIT 200)";
const QUERY_RESULT: i64 = 83_082_701;

/// The most that the module hashes at one time. Byte `i` is `i % 251`.
const HASHED_BYTES: usize = 16 << 10;
/// The first eight bytes of the hash.
const HASH: i64 = 0x4348_e3b9_8e8a_327b;

/// Prepares a program.
///
/// # Errors
/// If the module does not have the exports that the program calls.
pub(super) fn prepare(program: Program, engine: &Engine, binary: &[u8]) -> Result<Run, Error> {
    let guest = |memory| Guest::new(engine, binary, memory);
    let (mut run, expected) = match program {
        Program::Quickjs => (script(guest("memory")?)?, SCRIPT_RESULT),
        Program::Sqlite => (query(guest("O")?)?, QUERY_RESULT),
        Program::Sha256 => (hash(guest("memory")?)?, HASH),
    };
    Ok(Box::new(move |times, _| {
        for _ in 0..times {
            let result = run().map_err(text)?;
            if result != expected {
                return Err(format!("the result is {result}, expected {expected}"));
            }
        }
        Ok(expected)
    }))
}

type Once = Box<dyn FnMut() -> Result<i64, Error>>;

/// An instance of a program.
struct Guest {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    fn new(engine: &Engine, binary: &[u8], memory: &str) -> Result<Guest, Error> {
        let module = Module::from_binary(engine, binary)?;
        let mut store = Store::new(engine, ());
        let mut linker = Linker::new(engine);
        linker.define_unknown_imports_as_default_values(&mut store, &module)?;
        let instance = linker.instantiate(&mut store, &module)?;
        let memory = instance.get_memory(&mut store, memory);
        let memory = memory.ok_or_else(|| Error::msg("the module exports no memory"))?;
        Ok(Guest { store, instance, memory })
    }

    fn func<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Error> {
        self.instance.get_typed_func(&mut self.store, name)
    }

    fn write(&mut self, place: i32, bytes: &[u8]) {
        self.memory.data_mut(&mut self.store)[place as usize..][..bytes.len()]
            .copy_from_slice(bytes);
    }

    fn read<const N: usize>(&self, place: i32) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.memory.data(&self.store)[place as usize..][..N]);
        bytes
    }

    /// Writes texts, one after the other and each with a zero at its end, to memory of `allocate`.
    /// Returns their places.
    fn write_texts<const N: usize>(
        &mut self,
        allocate: &str,
        texts: [&str; N],
    ) -> Result<[i32; N], Error> {
        let allocate = self.func::<i32, i32>(allocate)?;
        let mut places = [0; N];
        for (place, text) in places.iter_mut().zip(texts) {
            let bytes = format!("{text}\0").into_bytes();
            *place = allocate.call(&mut self.store, bytes.len() as i32)?;
            self.write(*place, &bytes);
        }
        Ok(places)
    }
}

/// Evaluates [`SCRIPT`] in quickjs.
fn script(mut guest: Guest) -> Result<Once, Error> {
    guest.func::<(), ()>("_initialize")?.call(&mut guest.store, ())?;
    guest.func::<(), i32>("qjs_init")?.call(&mut guest.store, ())?;
    let [script, name] = guest.write_texts("wasm_malloc", [SCRIPT, ""])?;
    let eval = guest.func::<(i32, i32, i32, i32), i32>("qjs_eval")?;
    let number = guest.func::<i32, f64>("qjs_get_float64")?;
    let free = guest.func::<i32, ()>("qjs_free_value")?;
    Ok(Box::new(move || {
        let result = eval.call(&mut guest.store, (script, SCRIPT.len() as i32, name, 0))?;
        let value = number.call(&mut guest.store, result)? as i64;
        free.call(&mut guest.store, result)?;
        Ok(value)
    }))
}

/// Runs [`QUERY`] on a database in memory. The exports' names are those that `sql-wasm.js` gives to the
/// functions of sqlite.
fn query(mut guest: Guest) -> Result<Once, Error> {
    let [open, prepare, step] = ["Ka", "U", "V"];
    let [exec, column_double, reset] = ["X", "wa", "W"];
    let [initialize, allocate] = ["P", "La"];
    const ROW: i32 = 100;

    guest.func::<(), ()>(initialize)?.call(&mut guest.store, ())?;
    // The pointers of the database and the statement go to the place of the last text.
    let [name, table, query, out] =
        guest.write_texts(allocate, [":memory:", TABLE, QUERY, "four"])?;
    guest.func::<(i32, i32), i32>(open)?.call(&mut guest.store, (name, out))?;
    let database = i32::from_le_bytes(guest.read(out));
    let exec = guest.func::<(i32, i32, i32, i32, i32), i32>(exec)?;
    let created = exec.call(&mut guest.store, (database, table, 0, 0, 0))?;
    let prepare = guest.func::<(i32, i32, i32, i32, i32), i32>(prepare)?;
    let prepared = prepare.call(&mut guest.store, (database, query, -1, out, 0))?;
    if (created, prepared) != (0, 0) {
        return Err(Error::msg(format!("sqlite refused: {created}, {prepared}")));
    }
    let statement = i32::from_le_bytes(guest.read(out));
    let step = guest.func::<i32, i32>(step)?;
    let column_double = guest.func::<(i32, i32), f64>(column_double)?;
    let reset = guest.func::<i32, i32>(reset)?;
    Ok(Box::new(move || {
        let outcome = step.call(&mut guest.store, statement)?;
        if outcome != ROW {
            return Err(Error::msg(format!("sqlite answered {outcome}")));
        }
        let value = column_double.call(&mut guest.store, (statement, 0))? as i64;
        reset.call(&mut guest.store, statement)?;
        Ok(value)
    }))
}

/// Hashes a buffer with SHA-256. The hash replaces the buffer's first bytes.
fn hash(mut guest: Guest) -> Result<Once, Error> {
    const BITS: i32 = 256;
    let buffer = guest.func::<(), i32>("Hash_GetBuffer")?.call(&mut guest.store, ())?;
    let calculate = guest.func::<(i32, i32), ()>("Hash_Calculate")?;
    let bytes: Vec<u8> = (0..HASHED_BYTES).map(|i| (i % 251) as u8).collect();
    Ok(Box::new(move || {
        guest.write(buffer, &bytes);
        calculate.call(&mut guest.store, (HASHED_BYTES as i32, BITS))?;
        Ok(i64::from_be_bytes(guest.read(buffer)))
    }))
}
