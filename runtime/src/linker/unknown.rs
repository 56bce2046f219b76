//! Items for the imports that a linker does not have.

use super::Linker;
use crate::error::Error;
use crate::exception::Tag;
use crate::externs::{Extern, Global, Memory, Table};
use crate::func::Func;
use crate::module::Module;
use crate::store::AsContextMut;
use crate::sys::shared_memory::SharedMemory;
use crate::types::{ExternType, ValType};
use crate::val::Val;

impl<T: Send + 'static> Linker<T> {
    /// Defines a function that fails for each function that `module` imports and the linker does not
    /// have. Its error names the import.
    ///
    /// # Errors
    /// If the trampoline for a type cannot be compiled or mapped.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<(), Error> {
        let info = &module.compiled().info;
        for import in &info.imports {
            let ExternType::Func(ty) = info.import_type(import.kind) else { continue };
            let (module, name) = (&import.module, &import.name);
            if self.lookup(module, name).is_some() {
                continue;
            }
            let message = format!("the guest called '{module}' '{name}', which nothing provides");
            self.func_new(module, name, ty, move |_, _, _| Err(Error::msg(&message)))?;
        }
        Ok(())
    }

    /// Defines an item of `store` for each import of `module` that the linker does not have: a function
    /// that returns zeroes and nulls, or a memory, table or global of these, of the smallest size; or a
    /// new tag.
    ///
    /// # Errors
    /// If a type has no such value, or an item cannot be created.
    pub fn define_unknown_imports_as_default_values(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<(), Error> {
        for import in module.imports() {
            if self.lookup(import.module(), import.name()).is_some() {
                continue;
            }
            let no_default = || {
                let (module, name) = (import.module(), import.name());
                Error::msg(format!("an import without a default value: '{module}' '{name}'"))
            };
            let item: Extern = match import.ty() {
                ExternType::Func(ty) => {
                    let results = ty.results().iter().map(Val::default_for_ty);
                    let results: Option<Vec<Val>> = results.collect();
                    let values = results.ok_or_else(no_default)?;
                    Func::try_new(&mut store, ty, move |_, _, results| {
                        results.copy_from_slice(&values);
                        Ok(())
                    })?
                    .into()
                }
                ExternType::Global(ty) => {
                    let value = Val::default_for_ty(&ty.content()).ok_or_else(no_default)?;
                    Global::new(&mut store, ty, value)?.into()
                }
                ExternType::Table(ty) => {
                    let element = Val::default_for_ty(&ValType::Ref(ty.element()));
                    let element = element.and_then(|null| null.ref_()).ok_or_else(no_default)?;
                    Table::new(&mut store, ty, element)?.into()
                }
                ExternType::Memory(ty) if ty.is_shared() => {
                    SharedMemory::new(&self.engine, ty)?.into()
                }
                ExternType::Memory(ty) => Memory::new(&mut store, ty)?.into(),
                ExternType::Tag(ty) => Tag::new(&mut store, &ty)?.into(),
            };
            self.define(&store, import.module(), import.name(), item)?;
        }
        Ok(())
    }
}
