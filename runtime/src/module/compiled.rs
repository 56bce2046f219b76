//! Compiled modules: declarations, code and image plan, shared by modules with the same code.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tracing::debug_span;

use super::image::ImagePlan;
use super::info::{ExportItem, ModuleInfo, SegmentMode};
use super::parse::parse;
use crate::engine::Engine;
use crate::error::{Error, FunctionName};
use crate::signature::Signature;
use crate::sys::code_memory::CodePtr;
use crate::sys::instance::InstanceAllocator;
use crate::vm::code::LoadedCode;
use crate::vm::layout::VmLayout;

/// A compiled module without the bytes of its data.
#[derive(Debug)]
pub(crate) struct CompiledModule {
    pub(crate) info: ModuleInfo,
    pub(crate) layout: VmLayout,
    /// Allocates the instances.
    pub(crate) allocator: InstanceAllocator,
    pub(crate) code: Arc<LoadedCode>,
    /// The signatures of `info.types`, in order.
    pub(crate) signatures: Box<[Arc<Signature>]>,
    /// The engine's ids of `info.types` for each instance's context.
    pub(crate) type_ids: Box<[u32]>,
    /// The function references for each instance's context, in its order.
    pub(crate) func_refs: Box<[FuncRefTemplate]>,
    /// For each element segment that instantiation writes, if it has only the module's own functions:
    /// the offsets of their references in a context. Empty for others.
    pub(crate) element_refs: Box<[Box<[u32]>]>,
    /// Indices into `info.exports`, sorted by name.
    exports_by_name: Box<[u32]>,
    pub(crate) image: ImagePlan,
    /// For each data segment that instances need beside the image: the start and length of its
    /// bytes among those that a module keeps.
    kept_data: Box<[Option<(usize, usize)>]>,
    kept_bytes: usize,
}

/// A function reference without its context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FuncRefTemplate {
    pub(crate) code: CodePtr,
    pub(crate) type_id: u32,
}

impl CompiledModule {
    /// Validates and compiles `binary`.
    pub(crate) fn new(engine: &Engine, binary: &[u8]) -> Result<Arc<Self>, Error> {
        let _span = debug_span!("compile", bytes = binary.len()).entered();
        engine.compiler().check_length(binary)?;
        let module = parse(binary, engine.config().features)?;
        let layout = VmLayout::new(&module.info);
        let parallel = engine.config().parallel_compilation;
        let code = engine.compiler().compile_module(&module, &layout, parallel)?;
        let code = LoadedCode::new(code, engine.code_spares())?;
        let image = ImagePlan::new(&module.info);
        Ok(Self::with_code(engine, module.info, layout, code, image))
    }

    /// A module with these declarations, in which the ids of types are indices into `info.types`.
    pub(super) fn with_code(
        engine: &Engine,
        mut info: ModuleInfo,
        layout: VmLayout,
        code: Arc<LoadedCode>,
        image: ImagePlan,
    ) -> Arc<Self> {
        let mut signatures = Vec::with_capacity(info.types.len());
        info.replace_type_ids(|group, ids| {
            let Some(group) = engine.signatures().intern_group(group) else {
                unreachable!("the list has the types in it")
            };
            ids.extend(group.iter().map(|signature| signature.id()));
            let types = group.iter().map(|signature| signature.ty().clone()).collect();
            signatures.extend(group);
            types
        });
        let signatures: Box<[Arc<Signature>]> = signatures.into();
        let type_ids = signatures.iter().map(|signature| signature.id());
        let type_ids = type_ids.take(layout.num_type_ids() as usize).collect();

        let func_refs = (info.num_imported_funcs..info.funcs.len())
            .filter(|&func| info.escapes[func])
            .map(|func| FuncRefTemplate {
                code: code.at(func - info.num_imported_funcs),
                type_id: signatures[info.funcs[func] as usize].id(),
            })
            .collect();
        let element_refs =
            info.elements.iter().map(|segment| layout.own_func_refs(segment)).collect();
        let mut exports_by_name: Box<[u32]> = (0..info.exports.len() as u32).collect();
        exports_by_name.sort_unstable_by_key(|&i| &info.exports[i as usize].name);
        let mut kept_bytes = 0;
        let kept_data = info
            .data
            .iter()
            .enumerate()
            .map(|(i, segment)| {
                let needed =
                    matches!(segment.mode, SegmentMode::Passive) || i >= image.covered_segments();
                let len = segment.bytes.len();
                let start = kept_bytes;
                needed.then(|| {
                    kept_bytes += len;
                    (start, len)
                })
            })
            .collect();
        let module = CompiledModule {
            info,
            allocator: InstanceAllocator::new(&layout),
            layout,
            code,
            signatures,
            type_ids,
            func_refs,
            element_refs,
            exports_by_name,
            image,
            kept_data,
            kept_bytes,
        };
        if let Some(perf_map) = engine.perf_map() {
            perf_map.add_module(&module);
        }
        Arc::new(module)
    }

    /// The export named `name`.
    pub(crate) fn export(&self, name: &str) -> Option<ExportItem> {
        let exports = &self.info.exports;
        let place = self
            .exports_by_name
            .binary_search_by_key(&name, |&i| &exports[i as usize].name)
            .ok()?;
        Some(exports[self.exports_by_name[place] as usize].item)
    }

    /// The signature of function `func`.
    pub(crate) fn signature(&self, func: u32) -> &Arc<Signature> {
        &self.signatures[self.info.funcs[func as usize] as usize]
    }

    /// The index and name of a function, given its index among those that the module defines.
    pub(crate) fn function_name(&self, defined: usize) -> FunctionName {
        let func = self.info.num_imported_funcs + defined;
        let by_section = self.info.func_names.get(func).map(str::to_owned);
        let by_export = || {
            let item = ExportItem::Func(func as u32);
            let export = self.info.exports.iter().find(|e| e.item == item)?;
            Some(export.name.clone())
        };
        FunctionName { index: func as u32, name: by_section.or_else(by_export) }
    }

    /// The place of each data segment in what [`Self::data_to_keep`] returns. Empty for a segment
    /// that the image covers.
    pub(super) fn kept_places(&self) -> Vec<Range<usize>> {
        let places = self.kept_data.iter().map(|kept| match *kept {
            Some((start, len)) => start..start + len,
            None => 0..0,
        });
        places.collect()
    }

    /// The types of the module's own functions that the host may call, as indices in order.
    pub(super) fn types_of_escaping_funcs(&self) -> BTreeSet<u32> {
        let info = &self.info;
        let funcs = info.funcs.iter().zip(&info.escapes).skip(info.num_imported_funcs);
        funcs.filter(|&(_, &escapes)| escapes).map(|(&ty, _)| ty).collect()
    }

    /// The bytes of the data segments that instances need beside the image.
    pub(crate) fn data_to_keep(&self, binary: &[u8]) -> Box<[u8]> {
        let mut bytes = Vec::with_capacity(self.kept_bytes);
        if self.kept_bytes > 0 {
            for (segment, kept) in self.info.data.iter().zip(&self.kept_data) {
                if kept.is_some() {
                    bytes.extend_from_slice(&binary[segment.bytes.clone()]);
                }
            }
        }
        bytes.into()
    }

    /// The bytes of data segment `segment` among those that [`Self::data_to_keep`] returned.
    pub(crate) fn kept_data<'a>(&self, kept: &'a [u8], segment: u32) -> &'a [u8] {
        match self.kept_data[segment as usize] {
            Some((start, len)) => &kept[start..start + len],
            None => &[],
        }
    }
}
