//! The context of the instance: what functions load from it, and its globals.

use cranelift_codegen::ir::{
    self, AliasRegion, AliasRegionData, InstBuilder, MemFlagsData, Type, Value,
};

use super::FuncTranslator;
use crate::compile::abi::{POINTER, constant_flags, machine_type, trusted_flags};
use crate::types::Mutability;
use crate::vm::layout::GlobalPlace;

/// Kinds of places that never are the same, so that the compiler may keep a value in a register while
/// code stores to another kind. All of them change in calls.
#[derive(Clone, Copy)]
pub(super) struct Regions {
    /// The guest's memories.
    pub(super) memory: AliasRegion,
    /// Cells of globals.
    pub(super) global: AliasRegion,
    /// Elements of tables.
    pub(super) element: AliasRegion,
    /// Lengths and addresses of memories and tables. Only the runtime writes them.
    pub(super) definition: AliasRegion,
    /// The fuel of the store.
    pub(super) fuel: AliasRegion,
}

impl Regions {
    pub(super) fn new(dfg: &mut ir::DataFlowGraph) -> Regions {
        let mut region = |user_id, description: &'static str| {
            let description = description.into();
            dfg.alias_regions.insert(AliasRegionData { user_id, description })
        };
        Regions {
            memory: region(0, "memory"),
            global: region(1, "global"),
            element: region(2, "element"),
            definition: region(3, "definition"),
            fuel: region(4, "fuel"),
        }
    }
}

impl FuncTranslator<'_> {
    /// Loads a pointer in the context that does not change. The compiler would merge loads of one block,
    /// but each would take it time.
    pub(super) fn load_context(&mut self, offset: u32) -> Value {
        let block = self.builder.current_block();
        if self.loaded_in != block {
            self.loaded_in = block;
            self.stacks.loaded.clear();
        }
        if let Some(&(_, value)) = self.stacks.loaded.iter().find(|(known, _)| *known == offset) {
            return value;
        }
        let value = self.load_at(POINTER, constant_flags(), self.vmctx, offset);
        self.stacks.loaded.push((offset, value));
        value
    }

    /// Loads a part of the definition of a memory or table.
    pub(super) fn load_definition(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        let flags = trusted_flags().with_alias_region(Some(self.regions.definition));
        self.load_at(ty, flags, base, offset)
    }

    pub(super) fn load_at(
        &mut self,
        ty: Type,
        flags: MemFlagsData,
        base: Value,
        offset: u32,
    ) -> Value {
        self.builder.ins().load(ty, flags, base, offset as i32)
    }

    pub(super) fn global_get(&mut self, global: u32) {
        let ty = self.env.info.globals[global as usize];
        let flags = match ty.mutability() {
            Mutability::Var => trusted_flags().with_alias_region(Some(self.regions.global)),
            Mutability::Const => constant_flags(),
        };
        let (base, offset) = self.global_place(global);
        let value = self.load_at(machine_type(ty.content()), flags, base, offset);
        self.push(value);
    }

    pub(super) fn global_set(&mut self, global: u32) {
        let value = self.pop();
        let (base, offset) = self.global_place(global);
        let flags = trusted_flags().with_alias_region(Some(self.regions.global));
        self.builder.ins().store(flags, value, base, offset as i32);
    }

    /// The cell of a global, as an address and an offset.
    fn global_place(&mut self, global: u32) -> (Value, u32) {
        match self.env.layout.global(global) {
            GlobalPlace::Defined(offset) => (self.vmctx, offset),
            GlobalPlace::Imported(offset) => (self.load_context(offset), 0),
        }
    }
}
