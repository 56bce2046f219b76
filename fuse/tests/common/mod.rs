//! A program twice: its instances linked by the runtime, and fused.

#![allow(dead_code, reason = "no test uses all of it")]

use leakbench_fuse::{Definition, Export, Fused, Instance, Options, Program, fuse};
use leakbench_runtime::{
    Config, Engine, Extern, ExternType, Func, Instance as Running, Memory, Module, Store, Trap, Val,
};

/// A program whose instances have imports of other instances only.
pub(crate) struct Twice {
    store: Store<()>,
    linked: Vec<Running>,
    pub(crate) fused: Fused,
    running: Running,
}

/// What a call did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Results, with floats as bits.
    Returned(Vec<u128>),
    Trapped(Trap),
}

pub(crate) fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text of a module")
}

/// The export of an instance, for an import.
pub(crate) fn export(instance: usize, name: &str) -> Definition {
    Definition::Export { instance, name: name.to_owned() }
}

/// Instances of these modules. Every exported function is exported as `INSTANCE.NAME`.
pub(crate) fn program(instances: Vec<(&str, Vec<Definition>)>) -> Program {
    let mut program = Program::default();
    for (number, (text, imports)) in instances.into_iter().enumerate() {
        let binary = module(text);
        for item in functions(&binary) {
            program.exports.push(Export {
                name: format!("{number}.{item}"),
                instance: number,
                item,
            });
        }
        program.modules.push(binary);
        program.instances.push(Instance { module: number, imports });
    }
    program
}

fn functions(binary: &[u8]) -> Vec<String> {
    let module = Module::new(&engine(), binary).expect("a valid module");
    let exports = module.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
    exports.map(|export| export.name().to_owned()).collect()
}

fn engine() -> Engine {
    Engine::new(&Config::default()).expect("an engine")
}

impl Twice {
    pub(crate) fn new(program: Program, options: &Options) -> Twice {
        let options = Options { export_memory: Some("memory".to_owned()), ..options.clone() };
        let fused = fuse(&program, &options).unwrap_or_else(|error| panic!("{error}"));
        let engine = engine();
        let mut store = Store::new(&engine, ());
        let mut linked: Vec<Running> = Vec::new();
        for instance in &program.instances {
            let module =
                Module::new(&engine, &program.modules[instance.module]).expect("a valid module");
            let imports: Vec<Extern> = instance
                .imports
                .iter()
                .map(|definition| match definition {
                    Definition::Export { instance, name } => {
                        linked[*instance].get_export(&mut store, name).expect("an export")
                    }
                    other => panic!("the runtime has no {other:?}"),
                })
                .collect();
            linked.push(Running::new(&mut store, &module, &imports).expect("an instance"));
        }
        let module = Module::new(&engine, &fused.wasm).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(module.imports().count(), 0);
        let running = Running::new(&mut store, &module, &[]).expect("an instance");
        Twice { store, linked, fused, running }
    }

    /// Without the linked one, of which the runtime has not every definition.
    pub(crate) fn only_fused(program: &Program, options: &Options) -> Twice {
        let fused = fuse(program, options).unwrap_or_else(|error| panic!("{error}"));
        let engine = engine();
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, &fused.wasm).unwrap_or_else(|error| panic!("{error}"));
        let running = Running::new(&mut store, &module, &[]).expect("an instance");
        Twice { store, linked: Vec::new(), fused, running }
    }

    /// The calls of both, of the linked one first.
    pub(crate) fn call(&mut self, instance: usize, name: &str, args: &[Val]) -> [Outcome; 2] {
        [self.call_linked(instance, name, args), self.call_fused(instance, name, args)]
    }

    pub(crate) fn call_linked(&mut self, instance: usize, name: &str, args: &[Val]) -> Outcome {
        let function = self.linked[instance].get_func(&mut self.store, name).expect("a function");
        self.outcome(function, args)
    }

    pub(crate) fn call_fused(&mut self, instance: usize, name: &str, args: &[Val]) -> Outcome {
        let name = format!("{instance}.{name}");
        let function = self.running.get_func(&mut self.store, &name).expect("a function");
        self.outcome(function, args)
    }

    fn outcome(&mut self, function: Func, args: &[Val]) -> Outcome {
        let results = function.ty(&self.store).results().len();
        let mut values = vec![Val::I32(0); results];
        match function.call(&mut self.store, args, &mut values) {
            Ok(()) => Outcome::Returned(values.iter().map(bits).collect()),
            Err(error) => Outcome::Trapped(*error.downcast_ref::<Trap>().expect("a trap")),
        }
    }

    /// The bytes of the first memory that an instance exports as `memory`, linked and fused.
    pub(crate) fn memories(&mut self, instance: usize) -> [Vec<u8>; 2] {
        let memory = |running: &Running, store: &mut Store<()>| -> Memory {
            running.get_memory(store, "memory").expect("a memory")
        };
        let linked = memory(&self.linked[instance], &mut self.store);
        let linked = linked.data(&self.store).to_vec();
        let region = self.fused.regions.iter().find(|region| region.instance == instance);
        let base = region.expect("a region").base as usize;
        let fused = memory(&self.running, &mut self.store);
        let fused = fused.data(&self.store)[base..][..linked.len()].to_vec();
        [linked, fused]
    }
}

fn bits(value: &Val) -> u128 {
    match value {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned().into(),
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => (*bits).into(),
        Val::V128(value) => value.as_u128(),
        other => panic!("no number: {other:?}"),
    }
}
