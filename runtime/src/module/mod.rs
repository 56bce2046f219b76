//! Modules: what a binary declares, its code and its memory image.

pub(crate) mod compiled;
pub(crate) mod image;
pub(crate) mod info;
pub(crate) mod parse;
mod unsupported;

use std::sync::Arc;

use leakbench_allocator::{Image, ModuleId, PoolModule};

use crate::engine::Engine;
use crate::error::Error;
use crate::types::{ExternType, FuncType};
use compiled::CompiledModule;
use info::{ExportItem, ImportKind, ModuleInfo};

/// A compiled module with its memory image. Cheap to clone; the image goes with the last clone
/// and the last store that has an instance of it.
#[derive(Clone, Debug)]
pub struct Module(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    compiled: Arc<CompiledModule>,
    /// Bytes of the data segments that instances still need.
    data: Box<[u8]>,
    pool: PoolModule,
    engine: Engine,
}

/// What a module imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportType<'a> {
    /// First of its names.
    pub module: &'a str,
    /// Second of its names.
    pub name: &'a str,
    /// What is to be provided.
    pub ty: ExternType,
}

/// What a module exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportType<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub ty: ExternType,
}

impl Module {
    /// Validates and compiles a module in the binary format, and makes its memory image. Known
    /// code is not compiled again; the image is always new.
    ///
    /// # Errors
    /// When the bytes are not a module that can be loaded, its code is beyond what the compiler
    /// can do, or the kernel refuses code memory or the image. Nothing of the module stays behind
    /// then but its code, which the engine's cache keeps for the next attempt if it was only the
    /// image that was refused.
    pub fn new(engine: &Engine, binary: impl AsRef<[u8]>) -> Result<Self, Error> {
        let binary = binary.as_ref();
        let compile = || CompiledModule::new(engine, binary);
        let compiled = match engine.cache() {
            Some(cache) => cache.get_or_compile(binary, compile)?,
            None => compile()?,
        };
        let pool =
            compiled.image.with_initial(binary, |initial| engine.pool().add_module(initial))?;
        Ok(Module(Arc::new(Inner {
            data: compiled.data_to_keep(binary),
            compiled,
            pool,
            engine: engine.clone(),
        })))
    }

    /// Validates a module without compiling it.
    ///
    /// # Errors
    /// When the bytes are not a module that can be loaded.
    pub fn validate(binary: impl AsRef<[u8]>) -> Result<(), Error> {
        parse::parse(binary.as_ref())?;
        Ok(())
    }

    /// The name that the module gives itself.
    pub fn name(&self) -> Option<&str> {
        self.info().name.as_deref()
    }

    /// What instances of it need, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        self.info().imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: self.info().import_type(import.kind),
        })
    }

    /// What instances of it provide, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        self.info().exports.iter().map(|export| ExportType {
            name: &export.name,
            ty: self.info().export_type(export.item),
        })
    }

    /// The type of the export named `name`.
    pub fn export(&self, name: &str) -> Option<ExternType> {
        let item = self.compiled().export(name)?;
        Some(self.info().export_type(item))
    }

    /// The type of the exported function named `name`.
    pub fn exported_func(&self, name: &str) -> Option<&FuncType> {
        match self.compiled().export(name)? {
            ExportItem::Func(func) => Some(self.info().func_type(func)),
            _ => None,
        }
    }

    /// Its memory image, for whoever wants to watch it. Bytes make one, even if all are zero, and
    /// even if the pool keeps them as a copy, not in a file.
    ///
    /// `None` when there is no memory or the first is imported, and when none of the data segments
    /// that can go into an image has bytes: active ones, from the first on up to one that has an
    /// offset which is not constant, lies out of bounds or too far from the others, or is for
    /// another memory. Those are copied at instantiation.
    pub fn image(&self) -> Option<&Image> {
        self.0.pool.image()
    }

    /// By which its engine's pool knows it.
    pub fn id(&self) -> ModuleId {
        self.0.pool.id()
    }

    /// The engine that it was made with.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn compiled(&self) -> &CompiledModule {
        &self.0.compiled
    }

    pub(crate) fn pool_module(&self) -> &PoolModule {
        &self.0.pool
    }

    /// Bytes of data segment `segment`, unless the image makes them superfluous.
    pub(crate) fn segment_bytes(&self, segment: u32) -> &[u8] {
        self.0.compiled.kept_data(&self.0.data, segment)
    }

    fn info(&self) -> &ModuleInfo {
        &self.0.compiled.info
    }
}

impl ModuleInfo {
    pub(crate) fn import_type(&self, kind: ImportKind) -> ExternType {
        match kind {
            ImportKind::Func(ty) => ExternType::Func(self.types[ty as usize].clone()),
            ImportKind::Table(ty) => ExternType::Table(ty),
            ImportKind::Memory(ty) => ExternType::Memory(ty),
            ImportKind::Global(ty) => ExternType::Global(ty),
        }
    }

    fn export_type(&self, item: ExportItem) -> ExternType {
        match item {
            ExportItem::Func(func) => ExternType::Func(self.func_type(func).clone()),
            ExportItem::Table(table) => ExternType::Table(self.tables[table as usize]),
            ExportItem::Memory(memory) => ExternType::Memory(self.memories[memory as usize]),
            ExportItem::Global(global) => ExternType::Global(self.globals[global as usize]),
        }
    }
}

#[cfg(test)]
mod tests;
