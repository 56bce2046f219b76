//! The segments of instances, and the order in which they and start functions take effect.

use wasm_encoder::reencode::Reencode;
use wasm_encoder::{ConstExpr, DataSection, ElementSection, Elements, Instruction as I};
use wasmparser::{DataKind, ElementItems, ElementKind};

use crate::constants::Constant;
use crate::error::Rewriting;
use crate::helpers::{check, emit};
use crate::module::Module;
use crate::regions::Regions;
use crate::spaces::Space;

/// The segments of all instances, and the start function.
#[derive(Default)]
pub(crate) struct Segments {
    pub(crate) elements: ElementSection,
    pub(crate) data: DataSection,
    /// What is done after the segments that the module itself writes, without the end.
    pub(crate) start: Vec<u8>,
    /// An instance so far has a start function, which must not see segments of later ones.
    has_started: bool,
}

/// A segment cannot be fused.
pub(crate) enum Refusal {
    Outside,
    Rewriting(Rewriting),
}

impl From<Rewriting> for Refusal {
    fn from(error: Rewriting) -> Refusal {
        Refusal::Rewriting(error)
    }
}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Refusal {
        Refusal::Rewriting(error.into())
    }
}

impl Segments {
    pub(crate) fn add(
        &mut self,
        module: &Module<'_>,
        space: &Space,
        globals: &[Option<Constant>],
        regions: &Regions,
    ) -> Result<(), Refusal> {
        for element in &module.elements {
            self.add_element(element, space, globals)?;
        }
        for data in &module.data {
            self.add_data(data, space, globals, regions)?;
        }
        if let Some(start) = module.start {
            emit(&mut self.start, [I::Call(space.functions[start as usize])]);
            self.has_started = true;
        }
        Ok(())
    }

    fn add_element(
        &mut self,
        element: &wasmparser::Element<'_>,
        space: &Space,
        globals: &[Option<Constant>],
    ) -> Result<(), Refusal> {
        let (items, len) = items(&element.items, space, globals)?;
        match &element.kind {
            ElementKind::Passive => {
                self.elements.passive(items);
            }
            ElementKind::Declared => {
                self.elements.declared(items);
            }
            ElementKind::Active { table_index, offset_expr } => {
                let table = space.tables[table_index.unwrap_or(0) as usize];
                let offset = Constant::of(offset_expr, space, globals)?.as_u32().cast_signed();
                if self.has_started {
                    let segment = self.elements.len();
                    self.elements.passive(items);
                    let init = I::TableInit { elem_index: segment, table };
                    let operands = [offset, 0, len.cast_signed()].map(I::I32Const);
                    emit(&mut self.start, operands.into_iter().chain([init, I::ElemDrop(segment)]));
                } else {
                    self.elements.active(Some(table), &ConstExpr::i32_const(offset), items);
                }
            }
        }
        Ok(())
    }

    fn add_data(
        &mut self,
        data: &wasmparser::Data<'_>,
        space: &Space,
        globals: &[Option<Constant>],
        regions: &Regions,
    ) -> Result<(), Refusal> {
        let bytes = || data.data.iter().copied();
        let DataKind::Active { memory_index, offset_expr } = &data.kind else {
            self.data.passive(bytes());
            return Ok(());
        };
        let number = space.memories[*memory_index as usize];
        let region = &regions.all[number];
        let offset = Constant::of(offset_expr, space, globals)?.as_u32();
        let end = u64::from(offset) + data.data.len() as u64;
        // The sum is within the one memory if the segment is within its region.
        let address = region.base.wrapping_add(offset).cast_signed();
        if self.has_started {
            let segment = self.data.len();
            self.data.passive(bytes());
            let len = I::I32Const((data.data.len() as u32).cast_signed());
            let code = &mut self.start;
            check(code, number, I::I32Const(offset.cast_signed()), len.clone());
            emit(code, [I::I32Const(address), I::I32Const(0), len]);
            emit(code, [I::MemoryInit { mem: 0, data_index: segment }, I::DataDrop(segment)]);
        } else if end > u64::from(region.initial_bytes()) {
            return Err(Refusal::Outside);
        } else {
            self.data.active(0, &ConstExpr::i32_const(address), bytes());
        }
        Ok(())
    }
}

/// The elements of a segment, and their number.
fn items(
    items: &ElementItems<'_>,
    space: &Space,
    globals: &[Option<Constant>],
) -> Result<(Elements<'static>, u32), Refusal> {
    match items {
        ElementItems::Functions(functions) => {
            let functions: Result<Vec<u32>, wasmparser::Error> =
                functions.clone().into_iter().map(|it| Ok(space.functions[it? as usize])).collect();
            let functions = functions?;
            let len = functions.len() as u32;
            Ok((Elements::Functions(functions.into()), len))
        }
        ElementItems::Expressions(ty, expressions) => {
            let mut values = Vec::new();
            for expression in expressions.clone() {
                values.push(Constant::of(&expression?, space, globals)?.expression());
            }
            let len = values.len() as u32;
            let mut indices = space;
            Ok((Elements::Expressions(indices.ref_type(*ty)?, values.into()), len))
        }
    }
}
