//! wasmi 2.0, which shares no compiler with the other two.

use std::sync::OnceLock;

use wasmi::{
    Config, Engine, Error, Extern, ExternType, Func, Global, Linker, Memory, Module, Nullable, Ref,
    Store, Table, TrapCode, Val, ValType,
};

use super::{Called, Guest, observe};
use crate::outcome::{End, Kind, Outcome, State, Trap, Value, arguments};

/// Fuel of each module. Its instructions cost about what they cost on Wasmtime, but bulk operations cost by their bytes
/// here: with Wasmtime's fuel alone, an interpreter with coverage can take minutes.
const FUEL: u64 = 10_000_000;

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::default();
        config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true);
        config.set_max_stack_height(16 << 20).set_max_recursion_depth(50_000).consume_fuel(true);
        Engine::new(&config)
    })
}

/// Runs a module. It is refused if it needs a proposal that wasmi lacks.
pub fn run(binary: &[u8]) -> Outcome {
    let refused = |error: Error| Outcome::Refused(error.to_string());
    let module = match Module::new(engine(), binary) {
        Ok(module) => module,
        Err(error) => return refused(error),
    };
    let mut store = Store::new(engine(), ());
    store.set_fuel(FUEL).expect("fuel is on");
    let mut linker = Linker::new(engine());
    for import in module.imports() {
        let (name, field) = (import.module().to_owned(), import.name().to_owned());
        let item = match import_value(&mut store, import.ty()) {
            Ok(item) => item,
            Err(error) => return refused(error),
        };
        // Of imports with one name the first defines it.
        if linker.get(&store, &name, &field).is_none()
            && let Err(error) = linker.define(&name, &field, item)
        {
            return Outcome::Refused(error.to_string());
        }
    }
    let instance = match linker.instantiate_and_start(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) => return end(Err(error)).map_or(Outcome::Exhausted, Outcome::NotInstantiated),
    };
    // In the order of the module, unlike those of the instance.
    let exports: Vec<(String, Extern)> = module
        .exports()
        .filter_map(|export| {
            let item = instance.get_export(&store, export.name())?;
            Some((export.name().to_owned(), item))
        })
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
        let mut results: Vec<Val> =
            ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
        let called = func.call(&mut *self, &params, &mut results);
        Some(end(called.map(|()| results.iter().map(value).collect())))
    }

    fn state(&mut self, item: &Extern) -> Option<State> {
        Some(match item {
            Extern::Func(_) => return None,
            Extern::Global(global) => State::Global(value(&global.get(&*self))),
            Extern::Memory(memory) => State::of_memory(memory.data(&*self)),
            Extern::Table(table) => {
                let elements = (0..table.size(&*self)).map_while(|index| table.get(&*self, index));
                State::of_table(elements.map(|element| element.is_null()))
            }
        })
    }
}

/// The value of an import: zero, null, or the smallest item of its type.
fn import_value(store: &mut Store<()>, ty: &ExternType) -> Result<Extern, Error> {
    Ok(match ty {
        ExternType::Func(ty) => {
            let zeroes: Vec<Val> = ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
            Func::new(&mut *store, ty.clone(), move |_, _, results| {
                results.clone_from_slice(&zeroes);
                Ok(())
            })
            .into()
        }
        ExternType::Global(ty) => {
            Global::new(&mut *store, Val::default_for_ty(ty.content()), ty.mutability()).into()
        }
        ExternType::Memory(ty) => Memory::new(&mut *store, *ty)?.into(),
        ExternType::Table(ty) => Table::new(&mut *store, *ty, Ref::null(ty.element()))?.into(),
    })
}

fn end(called: Result<Vec<Value>, Error>) -> Called {
    let error = match called {
        Ok(values) => return Some(End::Returned(values)),
        Err(error) => error,
    };
    Some(End::Trapped(match error.as_trap_code()? {
        TrapCode::UnreachableCodeReached => Trap::Unreachable,
        TrapCode::MemoryOutOfBounds => Trap::Address,
        TrapCode::TableOutOfBounds => Trap::Table,
        TrapCode::IndirectCallToNull => Trap::NullElement,
        TrapCode::BadSignature => Trap::Signature,
        TrapCode::IntegerDivisionByZero => Trap::DivisionByZero,
        TrapCode::IntegerOverflow => Trap::Overflow,
        TrapCode::BadConversionToInteger => Trap::NotANumber,
        _ => return None,
    }))
}

fn kind(ty: ValType) -> Kind {
    match ty {
        ValType::I32 => Kind::I32,
        ValType::I64 => Kind::I64,
        ValType::F32 => Kind::F32,
        ValType::F64 => Kind::F64,
        ValType::V128 => Kind::V128,
        ValType::FuncRef | ValType::ExternRef => Kind::Nullable,
    }
}

fn val(ty: ValType, value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(wasmi::F32::from_bits(bits)),
        Value::F64(bits) => Val::F64(wasmi::F64::from_bits(bits)),
        Value::V128(bits) => Val::V128(bits.into()),
        Value::Ref { .. } if ty == ValType::FuncRef => Val::FuncRef(Nullable::Null),
        Value::Ref { .. } => Val::ExternRef(Nullable::Null),
    }
}

fn value(val: &Val) -> Value {
    match val {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32(value.to_bits()),
        Val::F64(value) => Value::F64(value.to_bits()),
        Val::V128(vector) => Value::V128(vector.as_u128()),
        Val::FuncRef(func) => Value::Ref { is_null: func.is_null() },
        Val::ExternRef(value) => Value::Ref { is_null: value.is_null() },
    }
}
