//! Wasmtime 48.

use std::sync::OnceLock;

use wasmtime::{
    Collector, Config, Engine, Error, Extern, HeapType, Linker, Module, OptLevel, Store,
    ThrownException, Val, ValType,
};

use super::{Called, Guest, STACK_BYTES, observe};
use crate::outcome::{End, Kind, Outcome, State, Trap, Value, arguments};
use crate::sys;

/// Fuel of each module. A module that needs more proves nothing.
const FUEL: u64 = 100_000;

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        // Its handlers of signals would stand above those of the built-in runtime.
        config.signals_based_traps(false);
        config.cranelift_opt_level(OptLevel::None).max_wasm_stack(STACK_BYTES).consume_fuel(true);
        config.collector(Collector::Null).wasm_function_references(true).wasm_exceptions(true);
        config.wasm_tail_call(true).wasm_multi_memory(true).wasm_memory64(true);
        config.wasm_wide_arithmetic(true).wasm_custom_page_sizes(true).wasm_threads(true);
        config.wasm_extended_const(true).shared_memory(true);
        Engine::new(&config).expect("an engine")
    })
}

/// Runs a module.
pub fn run(binary: &[u8]) -> Outcome {
    let engine = engine();
    let module = match Module::from_binary(engine, binary) {
        Ok(module) => module,
        Err(error) => return Outcome::Refused(format!("{error:#}")),
    };
    let mut store = Store::new(engine, ());
    store.set_fuel(FUEL).expect("fuel is on");
    let mut linker = Linker::new(engine);
    if let Err(error) = linker.define_unknown_imports_as_default_values(&mut store, &module) {
        return Outcome::Refused(format!("{error:#}"));
    }
    let instance = match linker.instantiate(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) => return end(Err(error)).map_or(Outcome::Exhausted, Outcome::NotInstantiated),
    };
    let exports: Vec<(String, Extern)> = instance
        .exports(&mut store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .collect();
    observe(&mut store, &exports)
}

impl Guest for Store<()> {
    type Item = Extern;

    fn call(&mut self, item: &Extern, index: usize) -> Option<Called> {
        let Extern::Func(func) = item else { return None };
        let ty = func.ty(&*self);
        let params = arguments(ty.params().map(|ty| kind(&ty)), index)?;
        let params: Vec<Val> = ty.params().zip(params).map(|(ty, value)| val(&ty, value)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let called = func.call(&mut *self, &params, &mut results);
        if called.is_err() {
            self.take_pending_exception();
        }
        Some(end(called.map(|()| results.iter().map(value).collect())))
    }

    fn state(&mut self, item: &Extern) -> Option<State> {
        Some(match item {
            Extern::Func(_) | Extern::Tag(_) => return None,
            Extern::Global(global) => State::Global(value(&global.get(&mut *self))),
            Extern::Memory(memory) => State::of_memory(memory.data(&*self)),
            Extern::SharedMemory(memory) => State::of_memory(&sys::shared_bytes(memory.data())),
            Extern::Table(table) => {
                let len = table.size(&*self);
                let elements = (0..len).map_while(|index| table.get(&mut *self, index));
                State::of_table(elements.map(|element| element.is_null()))
            }
        })
    }
}

fn end(called: Result<Vec<Value>, Error>) -> Called {
    use wasmtime::Trap as Other;
    let error = match called {
        Ok(values) => return Some(End::Returned(values)),
        Err(error) => error,
    };
    if error.is::<ThrownException>() {
        return Some(End::Threw);
    }
    let trap = match error.downcast_ref::<Other>()? {
        Other::UnreachableCodeReached => Trap::Unreachable,
        Other::MemoryOutOfBounds | Other::HeapMisaligned => Trap::Address,
        Other::TableOutOfBounds => Trap::Table,
        Other::IndirectCallToNull => Trap::NullElement,
        Other::BadSignature => Trap::Signature,
        Other::NullReference => Trap::NullReference,
        Other::AtomicWaitNonSharedMemory => Trap::NotShared,
        Other::IntegerDivisionByZero => Trap::DivisionByZero,
        Other::IntegerOverflow => Trap::Overflow,
        Other::BadConversionToInteger => Trap::NotANumber,
        _ => return None,
    };
    Some(End::Trapped(trap))
}

fn kind(ty: &ValType) -> Kind {
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

fn val(ty: &ValType, value: Value) -> Val {
    match (value, ty) {
        (Value::I32(value), _) => Val::I32(value),
        (Value::I64(value), _) => Val::I64(value),
        (Value::F32(bits), _) => Val::F32(bits),
        (Value::F64(bits), _) => Val::F64(bits),
        (Value::V128(bits), _) => Val::V128(bits.into()),
        (Value::Ref { .. }, ValType::Ref(ty)) => match ty.heap_type().top() {
            HeapType::Extern => Val::ExternRef(None),
            HeapType::Exn => Val::ExnRef(None),
            _ => Val::FuncRef(None),
        },
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
        Val::AnyRef(_) | Val::ContRef(_) => unreachable!("of a proposal that is off"),
    }
}
