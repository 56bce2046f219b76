//! Runs one file of the specification's tests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::iter::Sum;
use std::num::NonZeroU32;
use std::ops::Add;

use leakbench_runtime::allocator::Strategy;
use leakbench_runtime::{
    Config, Engine, Error, Instance, Linker, Memories, Module, OptLevel, PoolConfig,
    RegallocAlgorithm, Store, Trap, Val, WasmFeatures,
};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, WastRet};

use crate::death_watch::DeathWatch;
use crate::{spectest, sys, values};

/// Number of assertions of each kind that held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) returned: usize,
    pub(crate) trapped: usize,
    pub(crate) thrown: usize,
    pub(crate) exhausted: usize,
    pub(crate) invalid: usize,
    pub(crate) malformed: usize,
    pub(crate) unlinkable: usize,
}

impl Counts {
    /// The counts of one of `runs` equal runs.
    pub(crate) fn divided_by(self, runs: usize) -> Counts {
        let one = |count: usize| {
            assert_eq!(count % runs, 0, "runs of the same files count differently");
            count / runs
        };
        Counts {
            returned: one(self.returned),
            trapped: one(self.trapped),
            thrown: one(self.thrown),
            exhausted: one(self.exhausted),
            invalid: one(self.invalid),
            malformed: one(self.malformed),
            unlinkable: one(self.unlinkable),
        }
    }

    pub(crate) fn total(self) -> usize {
        let Counts { returned, trapped, thrown, exhausted, invalid, malformed, unlinkable } = self;
        returned + trapped + thrown + exhausted + invalid + malformed + unlinkable
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            returned: self.returned + other.returned,
            trapped: self.trapped + other.trapped,
            thrown: self.thrown + other.thrown,
            exhausted: self.exhausted + other.exhausted,
            invalid: self.invalid + other.invalid,
            malformed: self.malformed + other.malformed,
            unlinkable: self.unlinkable + other.unlinkable,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Counts::add)
    }
}

/// The engine's settings for a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) features: WasmFeatures,
    pub(crate) opt_level: OptLevel,
    pub(crate) place: Place,
    /// True if each module is written as bytes, and the one that is loaded from them runs.
    pub(crate) loads: bool,
}

/// The place of memories.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// A slot that the pool chooses by this strategy.
    Slot(Strategy),
    Own,
}

/// Runs the file `name`. An error names the line.
pub(crate) fn run(name: &str, text: &str, setting: Setting) -> Result<Counts, String> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(|error| format!("{name}: {error}"))?;
    let wast = parser::parse::<Wast<'_>>(&buffer).map_err(|error| format!("{name}: {error}"))?;
    let mut file = File::new(setting).map_err(|error| format!("{name}: {error}"))?;
    for directive in wast.directives {
        let line = directive.span().linecol_in(text).0 + 1;
        file.directive(directive).map_err(|why| format!("{name}:{line}: {why}"))?;
    }
    let File { counts, watch, engine, linker, store, definitions, .. } = file;
    drop((store, linker, definitions, engine));
    let (images, destroyed) = watch.into_inner().watched_and_destroyed();
    if destroyed != images {
        return Err(format!("{name}: {destroyed} of {images} images are destroyed at the end"));
    }
    Ok(counts)
}

struct File {
    engine: Engine,
    loads: bool,
    linker: Linker<()>,
    store: Store<()>,
    /// The instance for directives without a name.
    current: Option<Instance>,
    named: HashMap<String, Instance>,
    definitions: HashMap<String, Module>,
    watch: RefCell<DeathWatch>,
    counts: Counts,
}

impl File {
    fn new(setting: Setting) -> Result<Self, Error> {
        let (memories, strategy) = match setting.place {
            Place::Slot(strategy) => (Memories::Pooled, strategy),
            Place::Own => (Memories::OnDemand, Strategy::NextAvailable),
        };
        let engine = Engine::new(&Config {
            memories,
            pool: PoolConfig {
                slots: const { NonZeroU32::new(500).unwrap() },
                strategy,
                ..PoolConfig::default()
            },
            opt_level: setting.opt_level,
            regalloc_algorithm: match setting.opt_level {
                OptLevel::None => RegallocAlgorithm::SinglePass,
                OptLevel::Speed => RegallocAlgorithm::Backtracking,
            },
            features: setting.features,
            ..Config::default()
        })?;
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        let mut store = Store::new(&engine, ());
        spectest::define(&mut linker, &mut store)?;
        Ok(File {
            engine,
            loads: setting.loads,
            linker,
            store,
            current: None,
            named: HashMap::new(),
            definitions: HashMap::new(),
            watch: RefCell::new(DeathWatch::new()),
            counts: Counts::default(),
        })
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                let module = self.module(&mut module).map_err(text_of)?;
                self.instantiate(name, &module)?;
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name().map(|id| id.name().to_owned()).unwrap_or_default();
                let module = self.module(&mut module).map_err(text_of)?;
                self.definitions.insert(name, module);
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let definition = module.map_or("", |id| id.name());
                let module = self.definitions.get(definition).ok_or("no such definition")?.clone();
                self.instantiate(instance.map(|id| id.name().to_owned()), &module)?;
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module.map(|id| id.name()))?;
                self.linker.instance(&self.store, name, instance).map_err(text_of)?;
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(&invoke)?.map_err(text_of)?;
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let found = self.execute(exec)?.map_err(text_of)?;
                self.check_results(&found, &results)?;
                self.counts.returned += 1;
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                check_trap(self.execute(exec)?, message)?;
                self.counts.trapped += 1;
            }
            WastDirective::AssertException { exec, .. } => {
                match self.execute(exec)? {
                    Err(Error::Exception(_)) => {}
                    other => return Err(format!("expected an exception, got {other:?}")),
                }
                self.counts.thrown += 1;
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let outcome = self.invoke(&call)?;
                if message != Trap::StackOverflow.name() {
                    return Err(format!("unknown exhaustion '{message}'"));
                }
                check_trap(outcome, message)?;
                self.counts.exhausted += 1;
            }
            WastDirective::AssertInvalid { mut module, message, .. } => {
                self.refused(&mut module, message)?;
                self.counts.invalid += 1;
            }
            WastDirective::AssertMalformed { mut module, message, .. } => {
                // The test's assembler refuses text, and the runtime refuses binaries.
                self.refused(&mut module, message)?;
                self.counts.malformed += 1;
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                let module = self.module(&mut QuoteWat::Wat(module)).map_err(text_of)?;
                match self.linker.instantiate(&mut self.store, &module) {
                    Err(Error::Link(error)) if error.to_string().starts_with(message) => {}
                    other => return Err(format!("expected '{message}', got {other:?}")),
                }
                self.counts.unlinkable += 1;
            }
            other => return Err(format!("a directive that is not known: {other:?}")),
        }
        Ok(())
    }

    fn module(&self, module: &mut QuoteWat<'_>) -> Result<Module, Error> {
        let binary = module.encode().map_err(Error::msg)?;
        let module = Module::new(&self.engine, binary)?;
        self.watch.borrow_mut().watch(&module);
        if !self.loads {
            return Ok(module);
        }
        let bytes = module.serialize()?;
        let loaded = sys::load(&self.engine, &bytes)?;
        self.watch.borrow_mut().watch(&loaded);
        match loaded.serialize()? == bytes {
            true => Ok(loaded),
            false => Err(Error::msg("a loaded module is written otherwise")),
        }
    }

    fn instantiate(&mut self, name: Option<String>, module: &Module) -> Result<(), String> {
        let instance = self.linker.instantiate(&mut self.store, module).map_err(text_of)?;
        self.current = Some(instance);
        if let Some(name) = name {
            self.named.insert(name, instance);
        }
        Ok(())
    }

    fn instance(&self, name: Option<&str>) -> Result<Instance, String> {
        match name {
            None => self.current.ok_or_else(|| "no instance yet".to_owned()),
            Some(name) => {
                self.named.get(name).copied().ok_or_else(|| format!("no instance '{name}'"))
            }
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Result<Vec<Val>, Error>, String> {
        let instance = self.instance(invoke.module.map(|id| id.name()))?;
        let func = instance
            .get_func(&self.store, invoke.name)
            .ok_or_else(|| format!("no function '{}'", invoke.name))?;
        let arguments = invoke
            .args
            .iter()
            .map(|arg| values::argument(&mut self.store, arg))
            .collect::<Result<Vec<Val>, String>>()?;
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        let outcome = func.call(&mut self.store, &arguments, &mut results);
        Ok(outcome.map(|()| results))
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Result<Vec<Val>, Error>, String> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module.map(|id| id.name()))?;
                let global = instance
                    .get_global(&self.store, global)
                    .ok_or_else(|| format!("no global '{global}'"))?;
                Ok(Ok(vec![global.get(&self.store)]))
            }
            WastExecute::Wat(module) => {
                let module = self.module(&mut QuoteWat::Wat(module)).map_err(text_of)?;
                let outcome = self.linker.instantiate(&mut self.store, &module);
                Ok(outcome.map(|_| Vec::new()))
            }
        }
    }

    fn check_results(&self, found: &[Val], expected: &[WastRet<'_>]) -> Result<(), String> {
        if found.len() != expected.len() {
            return Err(format!("{} results, expected {}", found.len(), expected.len()));
        }
        for (value, pattern) in found.iter().zip(expected) {
            if !values::matches(&self.store, value, pattern) {
                return Err(format!("{value:x?}, expected {pattern:x?}"));
            }
        }
        Ok(())
    }

    fn refused(&self, module: &mut QuoteWat<'_>, message: &str) -> Result<(), String> {
        // The assembler refuses malformed text, and text without a binary form.
        let Ok(binary) = module.encode() else {
            return Ok(());
        };
        match Module::new(&self.engine, binary) {
            Err(Error::Module(_)) => Ok(()),
            Err(other) => Err(format!("expected '{message}', got {other}")),
            Ok(_) => Err(format!("accepted, but is: {message}")),
        }
    }
}

fn text_of(error: Error) -> String {
    error.to_string()
}

/// Checks that a trap has the expected message: one of message and trap name begins with the other.
/// Calls of null references have a message of their own, for which Wasmtime too has no trap.
fn check_trap(outcome: Result<Vec<Val>, Error>, message: &str) -> Result<(), String> {
    let message = match message {
        "null function reference" => Trap::NullReference.name(),
        other => other,
    };
    match outcome {
        Err(Error::Trap(error))
            if message.starts_with(error.trap.name()) || error.trap.name().starts_with(message) =>
        {
            Ok(())
        }
        other => Err(format!("expected the trap '{message}', got {other:?}")),
    }
}
