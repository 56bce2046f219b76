//! The parts of a module for tools: exports by index, functions, code, and what instances need.

use std::ops::Range;
use std::sync::{Arc, Weak};

use super::info::ExportItem;
use super::{Inner, Module};
use crate::error::Error;

/// An export of a module, found once for many instances: see
/// [`Instance::get_module_export`](crate::Instance::get_module_export).
#[derive(Clone, Debug)]
pub struct ModuleExport {
    /// Does not keep the module, or its image, alive.
    module: Weak<Inner>,
    item: ExportItem,
}

impl ModuleExport {
    /// The item, if it is one of `module` or of a clone of it.
    pub(crate) fn of(&self, module: &Module) -> Option<ExportItem> {
        std::ptr::eq(self.module.as_ptr(), Arc::as_ptr(&module.0)).then_some(self.item)
    }
}

/// A function that a module defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleFunction<'a> {
    /// The index in the module, with imported functions first.
    pub index: u32,
    /// The name in the name section.
    pub name: Option<&'a str>,
    /// Offset of its code in [`Module::text`].
    pub offset: usize,
    /// Length of its code in bytes.
    pub len: usize,
}

/// What an instance of a module allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourcesRequired {
    /// Number of memories that the module defines.
    pub num_memories: u32,
    /// The largest initial size of these, in pages of 64 KiB or, if it has others, of one byte.
    pub max_initial_memory_size: Option<u64>,
    /// Number of tables that the module defines.
    pub num_tables: u32,
    /// The largest initial number of elements of these.
    pub max_initial_table_size: Option<u64>,
}

impl Module {
    /// Returns true if both are clones of one module.
    pub fn same(a: &Module, b: &Module) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }

    /// The export named `name`, for [`Instance::get_module_export`](crate::Instance::get_module_export),
    /// which finds no names.
    pub fn get_export_index(&self, name: &str) -> Option<ModuleExport> {
        let item = self.compiled().export(name)?;
        Some(ModuleExport { module: Arc::downgrade(&self.0), item })
    }

    /// The functions that the module defines, in order.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = ModuleFunction<'_>> {
        let info = self.info();
        let code = self.compiled().code.funcs().iter();
        code.enumerate().map(|(defined, code)| {
            let func = info.num_imported_funcs + defined;
            ModuleFunction {
                index: func as u32,
                name: info.func_names.get(func),
                offset: code.start as usize,
                len: code.len as usize,
            }
        })
    }

    /// The machine code.
    pub fn text(&self) -> &[u8] {
        self.compiled().code.text()
    }

    /// The addresses of the machine code.
    pub fn image_range(&self) -> Range<*const u8> {
        self.text().as_ptr_range()
    }

    /// The instructions in the order of their code: the offset in [`Module::text`] at which the code
    /// of an instruction begins, and the instruction's offset in the binary; `None` for code that
    /// belongs to no instruction. The code ends where the next one begins.
    pub fn address_map(&self) -> Option<impl Iterator<Item = (usize, Option<u32>)> + '_> {
        let sites = self.compiled().code.sources().iter();
        Some(sites.map(|site| (site.offset as usize, site.module_offset())))
    }

    /// Memories and tables that an instance allocates.
    pub fn resources_required(&self) -> ResourcesRequired {
        let info = self.info();
        let memories = &info.memories[info.num_imported_memories..];
        let tables = &info.tables[info.num_imported_tables..];
        ResourcesRequired {
            num_memories: memories.len() as u32,
            max_initial_memory_size: memories.iter().map(|memory| memory.minimum()).max(),
            num_tables: tables.len() as u32,
            max_initial_table_size: tables.iter().map(|table| table.minimum()).max(),
        }
    }

    /// Does nothing: a module has its image from the start.
    ///
    /// # Errors
    /// None.
    pub fn initialize_copy_on_write_image(&self) -> Result<(), Error> {
        Ok(())
    }
}
