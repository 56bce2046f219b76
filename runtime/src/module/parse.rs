//! Parses and validates a module: its declarations, and its function bodies for the compiler.
//!
//! wasmparser validates everything, bodies included. Users of a [`ParsedModule`] can rely on that.
//! Its implementation limits apply: a million functions, 7.6 MB for each body.

use leakbench_allocator::WASM_PAGE_BYTES;
use wasmparser::{
    AbstractHeapType, CompositeInnerType, DataKind, ElementKind, ExternalKind,
    FuncValidatorAllocations, FunctionBody, KnownCustom, Name, NameSectionReader, Operator, Parser,
    Payload, TableInit, TypeRef, ValidPayload, Validator,
};

use super::info::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementSegment, Export, ExportItem, Import,
    ImportKind, ModuleInfo, SegmentMode,
};
use super::unsupported::{GC, explain};
use crate::features::WasmFeatures;
use crate::types::{
    FuncType, FuncTypeId, GlobalType, HeapType, MemoryType, MemoryTypeBuilder, Mutability, RefType,
    TableType, ValType,
};

/// The bytes are not a module that this runtime can load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The bytes are not in WebAssembly's binary format.
    #[error("not a WebAssembly module: {found}")]
    NotWasm {
        /// A description of the bytes.
        found: String,
    },
    /// The text of a module is not well-formed.
    #[error("not the text of a module: {reason}")]
    Text {
        /// The place and the rule.
        reason: String,
    },
    /// The module breaks a rule of the specification, or exceeds a limit of the implementation.
    #[error("invalid module at offset {offset:#x}: {reason}")]
    Invalid {
        /// Offset in bytes from the start of the binary.
        offset: u64,
        /// The rule.
        reason: String,
    },
    /// The module needs a feature that this runtime does not support.
    #[error(
        "the module needs {feature} (at offset {offset:#x}), which this runtime does not support"
    )]
    Unsupported {
        /// The usual name of the proposal or feature.
        feature: String,
        /// Offset of its first use, in bytes from the start of the binary.
        offset: u64,
    },
    /// The module needs a feature that is turned off in the engine's configuration.
    #[error(
        "the module needs {feature} (at offset {offset:#x}), which the engine's configuration turns off"
    )]
    Disabled {
        /// The usual name of the proposal or feature.
        feature: String,
        /// Offset of its first use, in bytes from the start of the binary.
        offset: u64,
    },
}

/// A valid module.
#[derive(Debug)]
pub(crate) struct ParsedModule<'a> {
    /// The declarations.
    pub(crate) info: ModuleInfo,
    /// The bodies of the functions that the module defines, in order.
    pub(crate) bodies: Vec<FunctionBody<'a>>,
}

/// Parses and validates a module that may use `features`.
///
/// # Errors
/// A [`ModuleError`] with the reason and its offset.
pub(crate) fn parse(bytes: &[u8], features: WasmFeatures) -> Result<ParsedModule<'_>, ModuleError> {
    if !Parser::is_core_wasm(bytes) {
        return Err(super::unsupported::not_a_module(bytes));
    }
    match ModuleParser::default().read(bytes, features) {
        Ok(module) => Ok(module),
        Err(ParseError::Wasm(error)) => Err(explain(bytes, features, &error)),
        Err(ParseError::Module(error)) => Err(error),
    }
}

/// The reason why parsing stopped: an error of wasmparser to be explained, or one of this parser.
enum ParseError {
    Wasm(wasmparser::Error),
    Module(ModuleError),
}

impl From<wasmparser::Error> for ParseError {
    fn from(error: wasmparser::Error) -> Self {
        ParseError::Wasm(error)
    }
}

/// An error for a construct that validation should not have accepted.
fn unexpected(what: &str, offset: u64) -> ParseError {
    ParseError::Module(ModuleError::Unsupported { feature: what.to_owned(), offset })
}

#[derive(Default)]
struct ModuleParser<'a> {
    info: ModuleInfo,
    bodies: Vec<FunctionBody<'a>>,
    /// Functions to which something outside of bodies refers.
    referenced: Vec<u32>,
}

impl<'a> ModuleParser<'a> {
    fn read(
        mut self,
        bytes: &'a [u8],
        features: WasmFeatures,
    ) -> Result<ParsedModule<'a>, ParseError> {
        // Bodies are validated without the features that only recursion groups need.
        let mut validator = Validator::new_with_features(features.for_sections());
        let mut allocations = FuncValidatorAllocations::default();
        let mut parser = Parser::new(0);
        parser.set_features(features.for_sections());
        for payload in parser.parse_all(bytes) {
            let payload = payload?;
            if let ValidPayload::Func(mut func, body) = validator.payload(&payload)? {
                func.features = features.for_parser();
                let mut body_validator = func.into_validator(allocations);
                body_validator.validate(&body)?;
                allocations = body_validator.into_allocations();
                self.bodies.push(body);
                continue;
            }
            self.section(payload)?;
        }
        let mut escapes = vec![false; self.info.funcs.len()];
        for func in self.referenced {
            escapes[func as usize] = true;
        }
        self.info.escapes = escapes;
        Ok(ParsedModule { info: self.info, bodies: self.bodies })
    }

    /// Parses one validated section.
    fn section(&mut self, payload: Payload<'a>) -> Result<(), ParseError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.into_iter_with_offsets() {
                    let (offset, group) = group?;
                    let first = self.info.types.len();
                    for ty in group.into_types() {
                        let CompositeInnerType::Func(func) = ty.composite_type.inner else {
                            return Err(unexpected(GC, offset));
                        };
                        if !ty.is_final || !ty.supertype_idxs.is_empty() {
                            return Err(unexpected(GC, offset));
                        }
                        let ty = func;
                        let params = val_types(ty.params(), offset)?;
                        self.info
                            .types
                            .push(FuncType::of(params, val_types(ty.results(), offset)?));
                    }
                    self.info.type_groups.push((self.info.types.len() - first) as u32);
                }
            }
            Payload::ImportSection(section) => {
                let offset = section.range().start;
                for import in section.into_imports() {
                    let import = import?;
                    self.import(import, offset)?;
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.info.funcs.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    self.info.tables.push(table_type(table.ty, offset)?);
                    let init = match &table.init {
                        TableInit::RefNull => None,
                        TableInit::Expr(expr) => Some(self.const_expr(expr)?),
                    };
                    self.info.table_inits.push(init);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.into_iter_with_offsets() {
                    let (offset, memory) = memory?;
                    self.info.memories.push(memory_type(memory, offset)?);
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    self.info.tags.push(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    self.info.globals.push(global_type(global.ty, offset)?);
                    let init = self.const_expr(&global.init_expr)?;
                    self.info.global_inits.push(init);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let item = match export.kind {
                        ExternalKind::Func => {
                            self.referenced.push(export.index);
                            ExportItem::Func(export.index)
                        }
                        ExternalKind::Table => ExportItem::Table(export.index),
                        ExternalKind::Memory => ExportItem::Memory(export.index),
                        ExternalKind::Global => ExportItem::Global(export.index),
                        ExternalKind::Tag => ExportItem::Tag(export.index),
                        _ => return Err(unexpected("exported exact functions", offset)),
                    };
                    self.info.exports.push(Export { name: export.name.to_owned(), item });
                }
            }
            Payload::StartSection { func, .. } => {
                self.referenced.push(func);
                self.info.start = Some(func);
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    self.element(element)?;
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    let mode = match &data.kind {
                        DataKind::Passive => SegmentMode::Passive,
                        DataKind::Active { memory_index, offset_expr } => SegmentMode::Active {
                            target: *memory_index,
                            offset: self.const_expr(offset_expr)?,
                        },
                    };
                    // The bytes are the end of the segment.
                    let end = usize::try_from(data.range.end)
                        .map_err(|_| unexpected("a binary beyond the address space", 0))?;
                    self.info.data.push(DataSegment { mode, bytes: end - data.data.len()..end });
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.names(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: wasmparser::Import<'_>, offset: u64) -> Result<(), ParseError> {
        let info = &mut self.info;
        let kind = match import.ty {
            TypeRef::Func(ty) => {
                info.funcs.push(ty);
                info.num_imported_funcs += 1;
                ImportKind::Func(ty)
            }
            TypeRef::Table(ty) => {
                let ty = table_type(ty, offset)?;
                info.tables.push(ty);
                info.num_imported_tables += 1;
                ImportKind::Table(ty)
            }
            TypeRef::Memory(ty) => {
                let ty = memory_type(ty, offset)?;
                info.memories.push(ty);
                info.num_imported_memories += 1;
                ImportKind::Memory(ty)
            }
            TypeRef::Global(ty) => {
                let ty = global_type(ty, offset)?;
                info.globals.push(ty);
                info.num_imported_globals += 1;
                ImportKind::Global(ty)
            }
            TypeRef::Tag(ty) => {
                info.tags.push(ty.func_type_idx);
                info.num_imported_tags += 1;
                ImportKind::Tag(ty.func_type_idx)
            }
            TypeRef::FuncExact(_) => return Err(unexpected("imported exact functions", offset)),
        };
        info.imports.push(Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            kind,
        });
        Ok(())
    }

    fn element(&mut self, element: wasmparser::Element<'_>) -> Result<(), ParseError> {
        let mode = match &element.kind {
            ElementKind::Passive => SegmentMode::Passive,
            ElementKind::Declared => SegmentMode::Declared,
            ElementKind::Active { table_index, offset_expr } => SegmentMode::Active {
                target: table_index.unwrap_or(0),
                offset: self.const_expr(offset_expr)?,
            },
        };
        let items = match element.items {
            wasmparser::ElementItems::Functions(funcs) => {
                let funcs = funcs.into_iter().collect::<Result<Box<[u32]>, _>>()?;
                self.referenced.extend_from_slice(&funcs);
                ElementItems::Funcs(funcs)
            }
            wasmparser::ElementItems::Expressions(ty, exprs) => {
                ref_type(ty, element.range.start)?;
                let exprs = exprs
                    .into_iter()
                    .map(|expr| self.const_expr(&expr?))
                    .collect::<Result<_, ParseError>>()?;
                ElementItems::Exprs(exprs)
            }
        };
        self.info.elements.push(ElementSegment { mode, items });
        Ok(())
    }

    fn const_expr(&mut self, expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr, ParseError> {
        let mut ops = Vec::new();
        for op in expr.get_operators_reader().into_iter_with_offsets() {
            let (op, offset) = op?;
            ops.push(match op {
                Operator::I32Const { value } => ConstOp::I32Const(value),
                Operator::I64Const { value } => ConstOp::I64Const(value),
                Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
                Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
                Operator::V128Const { value } => {
                    ConstOp::V128Const(u128::from_le_bytes(*value.bytes()).into())
                }
                // All nulls of a kind are equal.
                Operator::RefNull { hty } => match heap_type(hty) {
                    Some(ty) => ConstOp::RefNull(ty.top()),
                    None => return Err(unexpected(&format!("{hty:?}"), offset)),
                },
                Operator::RefFunc { function_index } => {
                    self.referenced.push(function_index);
                    ConstOp::RefFunc(function_index)
                }
                Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
                Operator::I32Add => ConstOp::I32Add,
                Operator::I32Sub => ConstOp::I32Sub,
                Operator::I32Mul => ConstOp::I32Mul,
                Operator::I64Add => ConstOp::I64Add,
                Operator::I64Sub => ConstOp::I64Sub,
                Operator::I64Mul => ConstOp::I64Mul,
                Operator::End => continue,
                op => {
                    return Err(unexpected(&format!("{op:?} in a constant expression"), offset));
                }
            });
        }
        Ok(ConstExpr(ops.into_boxed_slice()))
    }

    /// Reads the names up to the first malformed one, because the specification ignores malformed
    /// name sections.
    fn names(&mut self, names: NameSectionReader<'_>) {
        for name in names.map_while(Result::ok) {
            match name {
                Name::Module { name, .. } => self.info.name = Some(name.to_owned()),
                Name::Function(map) => {
                    let known = self.info.funcs.len();
                    for naming in map.into_iter().map_while(Result::ok) {
                        let func = naming.index as usize;
                        if func < known {
                            self.info.func_names.set(func, naming.name);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The type of `ty`, a type that validation accepted. The id of a concrete type is its index in the
/// module.
pub(crate) fn val_type(ty: wasmparser::ValType) -> Option<ValType> {
    match ty {
        wasmparser::ValType::I32 => Some(ValType::I32),
        wasmparser::ValType::I64 => Some(ValType::I64),
        wasmparser::ValType::F32 => Some(ValType::F32),
        wasmparser::ValType::F64 => Some(ValType::F64),
        wasmparser::ValType::V128 => Some(ValType::V128),
        wasmparser::ValType::Ref(ty) => {
            Some(ValType::Ref(RefType::new(ty.is_nullable(), heap_type(ty.heap_type())?)))
        }
    }
}

/// The type of `ty`. The id of a concrete one is its index in the module.
fn heap_type(ty: wasmparser::HeapType) -> Option<HeapType> {
    match ty {
        wasmparser::HeapType::FUNC => Some(HeapType::Func),
        wasmparser::HeapType::EXTERN => Some(HeapType::Extern),
        wasmparser::HeapType::Abstract { shared: false, ty: AbstractHeapType::Exn } => {
            Some(HeapType::Exn)
        }
        wasmparser::HeapType::Abstract { shared: false, ty: AbstractHeapType::NoExn } => {
            Some(HeapType::NoExn)
        }
        wasmparser::HeapType::Concrete(index) => {
            Some(HeapType::ConcreteFunc(FuncTypeId::new(index.as_module_index()?)))
        }
        _ => None,
    }
}

fn known_type(ty: wasmparser::ValType, offset: u64) -> Result<ValType, ParseError> {
    // Validation accepts other types only for recursion groups, as a part of the GC proposal.
    val_type(ty).ok_or_else(|| unexpected(GC, offset))
}

fn val_types(types: &[wasmparser::ValType], offset: u64) -> Result<Vec<ValType>, ParseError> {
    types.iter().map(|&ty| known_type(ty, offset)).collect()
}

fn ref_type(ty: wasmparser::RefType, offset: u64) -> Result<RefType, ParseError> {
    match known_type(wasmparser::ValType::Ref(ty), offset)? {
        ValType::Ref(ty) => Ok(ty),
        number => Err(unexpected(&format!("a reference of type {number}"), offset)),
    }
}

fn table_type(ty: wasmparser::TableType, offset: u64) -> Result<TableType, ParseError> {
    let element = ref_type(ty.element_type, offset)?;
    if ty.table64 {
        return Ok(TableType::new64(element, ty.initial, ty.maximum));
    }
    let limit = |limit| u32::try_from(limit).map_err(|_| unexpected("a table this large", offset));
    Ok(TableType::new(element, limit(ty.initial)?, ty.maximum.map(limit).transpose()?))
}

fn memory_type(ty: wasmparser::MemoryType, offset: u64) -> Result<MemoryType, ParseError> {
    let page_size_log2 = ty.page_size_log2.unwrap_or(WASM_PAGE_BYTES.ilog2());
    MemoryTypeBuilder::new()
        .min(ty.initial)
        .max(ty.maximum)
        .memory64(ty.memory64)
        .shared(ty.shared)
        .page_size_log2(u8::try_from(page_size_log2).unwrap_or(u8::MAX))
        .build()
        .map_err(|error| unexpected(&error.to_string(), offset))
}

fn global_type(ty: wasmparser::GlobalType, offset: u64) -> Result<GlobalType, ParseError> {
    let mutability = if ty.mutable { Mutability::Var } else { Mutability::Const };
    Ok(GlobalType::new(known_type(ty.content_type, offset)?, mutability))
}
