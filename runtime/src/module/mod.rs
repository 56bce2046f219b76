//! Modules: declarations, code and memory image.

pub(crate) mod artifact;
pub(crate) mod compiled;
pub(crate) mod cost;
pub(crate) mod image;
pub(crate) mod info;
pub(crate) mod inspect;
mod names;
pub(crate) mod parse;
mod text;
mod unsupported;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use leakbench_allocator::{Image, ModuleId, PoolModule};

use crate::engine::Engine;
use crate::error::Error;
use crate::types::{ExternType, FuncType, TagType};
use compiled::CompiledModule;
use info::{Export, ExportItem, Import, ImportKind, ModuleInfo};

/// A compiled module with its memory image. Clones are cheap and share the image, which lives as
/// long as any clone or any store with an instance of the module.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    compiled: Arc<CompiledModule>,
    /// The bytes of the data segments that instances need beside the image.
    data: Box<[u8]>,
    pool: PoolModule,
    engine: Engine,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// An import of a module.
#[derive(Clone, Copy, Debug)]
pub struct ImportType<'a> {
    import: &'a Import,
    info: &'a ModuleInfo,
}

impl<'a> ImportType<'a> {
    /// The module name.
    pub fn module(&self) -> &'a str {
        &self.import.module
    }

    /// The item name.
    pub fn name(&self) -> &'a str {
        &self.import.name
    }

    /// The type.
    pub fn ty(&self) -> ExternType {
        self.info.import_type(self.import.kind)
    }
}

/// An export of a module.
#[derive(Clone, Copy, Debug)]
pub struct ExportType<'a> {
    export: &'a Export,
    info: &'a ModuleInfo,
}

impl<'a> ExportType<'a> {
    /// The name.
    pub fn name(&self) -> &'a str {
        &self.export.name
    }

    /// The type.
    pub fn ty(&self) -> ExternType {
        self.info.export_type(self.export.item)
    }
}

impl Module {
    /// Validates and compiles a module in the binary format or as text, and creates its memory
    /// image. Code in the cache is not compiled again; the image is always new.
    ///
    /// # Errors
    /// If the bytes are not a module that this runtime can load, the compiler cannot compile it, or
    /// the kernel refuses code memory or the image. If only the image fails, the code stays in the
    /// engine's cache for the next attempt. Nothing else remains.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Self, Error> {
        Module::from_binary(engine, &text::assembled(bytes.as_ref())?)
    }

    /// As [`Module::new`], from a file.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, and those of [`Module::new`].
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Module::new(engine, bytes)
    }

    /// As [`Module::new`], but only from the binary format.
    ///
    /// # Errors
    /// Those of [`Module::new`].
    pub fn from_binary(engine: &Engine, binary: &[u8]) -> Result<Self, Error> {
        let compiled = compiled(engine, binary)?;
        let pool =
            compiled.image.with_initial(binary, |initial| engine.pool().add_module(initial))?;
        let data = compiled.data_to_keep(binary);
        Ok(Module::assembled(engine, compiled, pool, data))
    }

    /// A module of its parts. `data` is what [`CompiledModule::data_to_keep`] returns.
    fn assembled(
        engine: &Engine,
        compiled: Arc<CompiledModule>,
        pool: PoolModule,
        data: Box<[u8]>,
    ) -> Self {
        Module(Arc::new(Inner { compiled, data, pool, engine: engine.clone() }))
    }

    /// The compiled module as bytes, which [`Module::deserialize`] and
    /// [`Module::deserialize_file`] load without compiling. [`Engine::precompile_module`] makes the
    /// same bytes without a module.
    ///
    /// # Errors
    /// If the kernel refuses to read the image, or code for the host's calls cannot be compiled.
    pub fn serialize(&self) -> Result<Vec<u8>, Error> {
        let compiled = self.compiled();
        let span = compiled.image.span();
        let mut image = vec![0; span.len()];
        if let Some(contents) = self.image() {
            contents.read(span.start, &mut image)?;
        }
        artifact::write(self.engine(), compiled, &image, &self.0.data)
    }

    /// Validates a module in the binary format without compiling it.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine can load.
    pub fn validate(engine: &Engine, binary: &[u8]) -> Result<(), Error> {
        parse::parse(binary, engine.config().features)?;
        Ok(())
    }

    /// The module's name in its name section.
    pub fn name(&self) -> Option<&str> {
        self.info().name.as_deref()
    }

    /// The imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let info = self.info();
        info.imports.iter().map(move |import| ImportType { import, info })
    }

    /// The exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let info = self.info();
        info.exports.iter().map(move |export| ExportType { export, info })
    }

    /// The type of the export named `name`.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
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

    /// The image of the first memory's initial contents. The pool keeps it in a memfd or as bytes.
    ///
    /// `None` if the module defines no memory of its own, or no data segment with bytes goes into
    /// the image. The image takes active segments in order. It stops at the first segment whose
    /// offset is not constant, out of bounds or too far from the others, or that is for another
    /// memory. Later segments are copied at instantiation.
    pub fn image(&self) -> Option<&Image> {
        self.0.pool.image()
    }

    /// The module's number in the engine's pool.
    pub fn id(&self) -> ModuleId {
        self.0.pool.id()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn compiled(&self) -> &CompiledModule {
        &self.0.compiled
    }

    pub(crate) fn pool_module(&self) -> &PoolModule {
        &self.0.pool
    }

    /// The bytes of data segment `segment`. Empty if no instance needs them beside the image.
    pub(crate) fn segment_bytes(&self, segment: u32) -> &[u8] {
        self.0.compiled.kept_data(&self.0.data, segment)
    }

    fn info(&self) -> &ModuleInfo {
        &self.0.compiled.info
    }
}

/// The code of `binary`, from the engine's cache if it has it.
fn compiled(engine: &Engine, binary: &[u8]) -> Result<Arc<CompiledModule>, Error> {
    let compile = || CompiledModule::new(engine, binary);
    match engine.cache() {
        Some(cache) => cache.get_or_compile(binary, compile),
        None => compile(),
    }
}

/// The artifact of a module in the binary format or as text.
pub(crate) fn precompile(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let binary = text::assembled(bytes)?;
    let compiled = compiled(engine, &binary)?;
    let kept = compiled.data_to_keep(&binary);
    compiled.image.with_initial(&binary, |initial| {
        let image = initial.map_or(&[][..], |initial| initial.bytes);
        artifact::write(engine, &compiled, image, &kept)
    })
}

impl ModuleInfo {
    pub(crate) fn import_type(&self, kind: ImportKind) -> ExternType {
        match kind {
            ImportKind::Func(ty) => ExternType::Func(self.types[ty as usize].clone()),
            ImportKind::Table(ty) => ExternType::Table(ty),
            ImportKind::Memory(ty) => ExternType::Memory(ty),
            ImportKind::Global(ty) => ExternType::Global(ty),
            ImportKind::Tag(ty) => ExternType::Tag(TagType::new(self.types[ty as usize].clone())),
        }
    }

    fn export_type(&self, item: ExportItem) -> ExternType {
        match item {
            ExportItem::Func(func) => ExternType::Func(self.func_type(func).clone()),
            ExportItem::Table(table) => ExternType::Table(self.tables[table as usize]),
            ExportItem::Memory(memory) => ExternType::Memory(self.memories[memory as usize]),
            ExportItem::Global(global) => ExternType::Global(self.globals[global as usize]),
            ExportItem::Tag(tag) => {
                let ty = self.tags[tag as usize] as usize;
                ExternType::Tag(TagType::new(self.types[ty].clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
