//! The built-in runtime.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::OnceLock;

use leakbench_runtime::{
    Config, Engine, Error, Extern, Linker, Memories, Module, OptLevel, PoolConfig, Ref, Store, Val,
    ValType,
};

use super::{Called, Guest, STACK_BYTES, observe};
use crate::outcome::{End, Kind, Outcome, State, Trap, Value, arguments};
use crate::sys;

/// More fuel than a guest that ends on Wasmtime needs.
const FUEL: u64 = 1 << 40;

/// The engines: fast code in slots; and quick compilation, with mappings of their own, fuel and epochs.
fn engines() -> &'static [Engine; 2] {
    static ENGINES: OnceLock<[Engine; 2]> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let pooled = Config {
            pool: PoolConfig {
                slots: NonZeroU32::new(64).expect("not zero"),
                ..PoolConfig::default()
            },
            // A small one, so that modules come and go.
            code_cache_modules: NonZeroUsize::new(4),
            parallel_compilation: false,
            max_wasm_stack_bytes: STACK_BYTES,
            ..Config::default()
        };
        let on_demand = Config {
            memories: Memories::OnDemand,
            opt_level: OptLevel::None,
            // Counting must not change what a guest does.
            consume_fuel: true,
            epoch_interruption: true,
            ..pooled.clone()
        };
        [pooled, on_demand].map(|config| Engine::new(&config).expect("an engine"))
    })
}

/// Runs a module at both levels of optimization.
pub fn run(binary: &[u8]) -> [Outcome; 2] {
    engines().each_ref().map(|engine| run_on(engine, binary))
}

fn run_on(engine: &Engine, binary: &[u8]) -> Outcome {
    let module = match Module::from_binary(engine, binary) {
        Ok(module) => module,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1);
    if engine.config().consume_fuel {
        store.set_fuel(FUEL).expect("fuel is on");
    }
    let mut linker = Linker::new(engine);
    if let Err(error) = linker.define_unknown_imports_as_default_values(&mut store, &module) {
        return Outcome::Refused(error.to_string());
    }
    let instance = match linker.instantiate(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) => return end(Err(error)).map_or(Outcome::Exhausted, Outcome::NotInstantiated),
    };
    let exports: Vec<(String, Extern)> = instance
        .exports(&store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .collect();
    observe(&mut store, &exports)
}

impl Guest for Store<()> {
    type Item = Extern;

    fn call(&mut self, item: &Extern, index: usize) -> Option<Called> {
        let Extern::Func(func) = item else { return None };
        let ty = func.ty(&*self);
        let params = arguments(ty.params().iter().map(|ty| kind(*ty)), index)?;
        let params: Vec<Val> =
            ty.params().iter().zip(params).map(|(ty, value)| val(*ty, value)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let called = func.call(&mut *self, &params, &mut results);
        Some(end(called.map(|()| results.iter().map(value).collect())))
    }

    fn state(&mut self, item: &Extern) -> Option<State> {
        Some(match item {
            Extern::Func(_) | Extern::Tag(_) => return None,
            Extern::Global(global) => State::Global(value(&global.get(&*self))),
            Extern::Memory(memory) => State::of_memory(memory.data(&*self)),
            Extern::SharedMemory(memory) => State::of_memory(&sys::shared_bytes(memory.data())),
            Extern::Table(table) => {
                let elements = (0..table.size(&*self)).map_while(|index| table.get(&*self, index));
                State::of_table(elements.map(|element| is_null(&element)))
            }
        })
    }
}

fn end(called: Result<Vec<Value>, Error>) -> Called {
    use leakbench_runtime::Trap as Own;
    let error = match called {
        Ok(values) => return Some(End::Returned(values)),
        Err(error) => error,
    };
    Some(match (&error, error.trap()) {
        (Error::Exception(_), _) => End::Threw,
        (_, Some(trap)) => End::Trapped(match trap {
            Own::UnreachableCodeReached => Trap::Unreachable,
            Own::MemoryOutOfBounds | Own::HeapMisaligned => Trap::Address,
            Own::TableOutOfBounds | Own::UndefinedElement => Trap::Table,
            Own::IndirectCallToNull => Trap::NullElement,
            Own::BadSignature => Trap::Signature,
            Own::NullReference => Trap::NullReference,
            Own::AtomicWaitNonSharedMemory => Trap::NotShared,
            Own::IntegerDivisionByZero => Trap::DivisionByZero,
            Own::IntegerOverflow => Trap::Overflow,
            Own::BadConversionToInteger => Trap::NotANumber,
            Own::TooManyExceptions | Own::StackOverflow => return None,
            Own::OutOfFuel | Own::Interrupt => panic!("a guest that ends is stopped: {trap}"),
        }),
        (Error::Memory(_) | Error::Table { .. } | Error::Image(_), None) => return None,
        (error, None) => panic!("the built-in runtime fails: {error}"),
    })
}

fn kind(ty: ValType) -> Kind {
    match ty {
        ValType::I32 => Kind::I32,
        ValType::I64 => Kind::I64,
        ValType::F32 => Kind::F32,
        ValType::F64 => Kind::F64,
        ValType::V128 => Kind::V128,
        ValType::Ref(ty) if ty.is_nullable() => Kind::Nullable,
        ValType::Ref(_) => Kind::NotNull,
    }
}

fn val(ty: ValType, value: Value) -> Val {
    match (value, ty) {
        (Value::I32(value), _) => Val::I32(value),
        (Value::I64(value), _) => Val::I64(value),
        (Value::F32(bits), _) => Val::F32(bits),
        (Value::F64(bits), _) => Val::F64(bits),
        (Value::V128(bits), _) => bits.into(),
        (Value::Ref { .. }, ValType::Ref(ty)) => Val::null_ref(&ty.heap_type()),
        (Value::Ref { .. }, _) => unreachable!("a reference of no reference type"),
    }
}

fn value(val: &Val) -> Value {
    match val {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(vector) => Value::V128(vector.as_u128()),
        Val::FuncRef(func) => Value::Ref { is_null: func.is_none() },
        Val::ExternRef(value) => Value::Ref { is_null: value.is_none() },
        Val::ExnRef(exception) => Value::Ref { is_null: exception.is_none() },
    }
}

fn is_null(element: &Ref) -> bool {
    match element {
        Ref::Func(func) => func.is_none(),
        Ref::Extern(value) => value.is_none(),
        Ref::Exn(exception) => exception.is_none(),
    }
}
