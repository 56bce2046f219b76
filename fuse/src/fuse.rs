//! The fused module, put together.

use std::collections::{BTreeMap, HashSet};

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, Instruction as I, MemorySection, MemoryType, NameMap,
    NameSection, StartSection, TableSection, TypeSection, ValType,
};
use wasmparser::ExternalKind;

use crate::body::Rewriter;
use crate::constants::Constant;
use crate::error::{FuseError, Rewriting};
use crate::helpers::{self, emit};
use crate::module::Module;
use crate::program::Program;
use crate::regions::{Region, Regions};
use crate::resources::{self, Resources};
use crate::segments::{Refusal, Segments};
use crate::spaces::{Space, Spaces};

/// Whether an instance is kept from the regions of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Each access is checked against its region.
    #[default]
    Checked,
    /// No access is checked: for modules of one owner. An access beyond a region reaches another one.
    Trusted,
}

/// The choices of a fusion.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// See [`Isolation`].
    pub isolation: Isolation,
    /// Pages of 64 KiB that a memory without a maximum may have.
    pub max_pages: Option<u32>,
    /// The name under which the memory is exported; it is not by default.
    pub export_memory: Option<String>,
}

/// A fused module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fused {
    /// The module in the binary format. It has no imports.
    pub wasm: Vec<u8>,
    /// The regions, in the order of the instances and their memories.
    pub regions: Vec<Region>,
}

/// Fuses a program.
///
/// # Errors
/// [`FuseError`]: a module is not valid or uses a proposal that cannot be fused, the program is not linked as
/// its modules demand, or its memories do not fit into one.
pub fn fuse(program: &Program, options: &Options) -> Result<Fused, FuseError> {
    let modules: Result<Vec<Module<'_>>, FuseError> = program
        .modules
        .iter()
        .enumerate()
        .map(|(number, binary)| Module::parse(number, binary))
        .collect();
    let modules = modules?;
    let mut spaces = Spaces::new(program, &modules)?;
    let internal_pages = resources::pages(&program.resources);
    let regions = Regions::new(&spaces.memories, options.max_pages, internal_pages)?;
    let resources = Resources {
        all: &program.resources,
        at: regions.internal,
        first_global: spaces.first_call_global(),
    };
    let mut referenced = Vec::new();
    let mut code = CodeSection::new();
    let mut names = BTreeMap::new();
    let all = std::mem::take(&mut spaces.all);

    let mut functions = 0;
    for (instance, space) in program.instances.iter().zip(&all) {
        let module = &modules[instance.module];
        let mut rewriter = Rewriter {
            regions: &regions,
            helpers: &mut spaces.helpers,
            isolation: options.isolation,
            referenced: &mut referenced,
        };
        for (ty, body) in module.functions.iter().zip(&module.bodies) {
            let parameters = module.types[*ty as usize].params().len();
            let body = rewriter.body(space, parameters, body);
            code.function(&body.map_err(in_module(instance.module))?);
        }
        let imported = space.functions.len() - module.functions.len();
        for (index, name) in &module.names {
            if let Some(function) = space.functions.get(*index as usize)
                && *index as usize >= imported
            {
                names.insert(*function, *name);
            }
        }
        functions += module.functions.len();
    }
    debug_assert_eq!(functions, spaces.functions.len(), "each function has one body");

    let globals = globals(program, &modules, &all, spaces.first_global())?;
    let mut segments = Segments::default();
    for (number, instance) in program.instances.iter().enumerate() {
        let module = &modules[instance.module];
        let added = segments.add(module, &all[number], &globals, &regions);
        added.map_err(|refusal| match refusal {
            Refusal::Outside => FuseError::SegmentOutside { instance: number },
            Refusal::Rewriting(error) => in_module(instance.module)(error),
        })?;
    }
    if let Some((at, bytes)) = resources.data() {
        segments.data.active(0, &ConstExpr::i32_const(at), bytes);
    }
    if !referenced.is_empty() {
        referenced.sort_unstable();
        referenced.dedup();
        segments.elements.declared(Elements::Functions(referenced.into()));
    }

    let mut exports = ExportSection::new();
    let mut exported: HashSet<&String> = options.export_memory.iter().collect();
    for export in &program.exports {
        let refused = |reason: String| FuseError::Export { name: export.name.clone(), reason };
        if !exported.insert(&export.name) {
            return Err(refused("there is another export of this name".to_owned()));
        }
        let number = export.instance;
        let found = match number < all.len() {
            true => spaces.export(program, &modules, all.len(), number, &export.item),
            false => Err(format!("there is no instance {number}")),
        };
        let (ExternalKind::Func, index) = found.map_err(refused)? else {
            return Err(refused(format!("{:?} of instance {number} is no function", export.item)));
        };
        exports.export(&export.name, ExportKind::Func, all[number].functions[index as usize]);
    }
    if let Some(name) = &options.export_memory
        && !regions.all.is_empty()
    {
        exports.export(name, ExportKind::Memory, 0);
    }

    let mut declared = FunctionSection::new();
    spaces.functions.iter().for_each(|ty| {
        declared.function(*ty);
    });
    // A helper may add others.
    let mut next = 0;
    while let Some(&helper) = spaces.helpers.all.get(next) {
        next += 1;
        let ty = match (helpers::function_type(helper), helper) {
            (Some(ty), _) => spaces.types.index(&ty),
            (None, helpers::Helper::Trap(ty)) => ty,
            (None, _) => continue,
        };
        declared.function(ty);
        let isolation = options.isolation;
        code.function(&helpers::body(helper, &regions, isolation, &resources, &mut spaces.helpers));
    }
    let start = (!segments.start.is_empty()).then(|| {
        declared.function(spaces.types.index(&wasmparser::FuncType::new([], [])));
        let mut function = Function::new([]);
        emit(&mut segments.start, [I::End]);
        function.raw(segments.start.iter().copied());
        code.function(&function);
        StartSection { function_index: declared.len() - 1 }
    });

    let mut output = wasm_encoder::Module::new();
    output.section(&types(&spaces)?);
    output.section(&declared);
    output.section(&tables(&spaces)?);
    output.section(&memory(&regions));
    output.section(&global_section(program, &spaces, &globals, &regions)?);
    output.section(&exports);
    if let Some(start) = start {
        output.section(&start);
    }
    output.section(&segments.elements);
    output.section(&DataCountSection { count: segments.data.len() });
    output.section(&code);
    output.section(&segments.data);
    if !names.is_empty() {
        let mut functions = NameMap::new();
        names.iter().for_each(|(function, name)| functions.append(*function, name));
        let mut section = NameSection::new();
        section.functions(&functions);
        output.section(&section);
    }
    Ok(Fused { wasm: output.finish(), regions: regions.all })
}

fn in_module(module: usize) -> impl Fn(Rewriting) -> FuseError {
    move |error| FuseError::Module { module, offset: 0, reason: error.to_string() }
}

/// The initial value of each global of the fused module; `None` for those that no instance defines.
fn globals(
    program: &Program,
    modules: &[Module<'_>],
    spaces: &[Space],
    first: u32,
) -> Result<Vec<Option<Constant>>, FuseError> {
    let mut globals = vec![None; first as usize];
    for (instance, space) in program.instances.iter().zip(spaces) {
        for global in &modules[instance.module].globals {
            let value = Constant::of(&global.init_expr, space, &globals);
            globals.push(Some(value.map_err(in_module(instance.module))?));
        }
    }
    Ok(globals)
}

fn types(spaces: &Spaces) -> Result<TypeSection, FuseError> {
    let mut section = TypeSection::new();
    for ty in &spaces.types.all {
        let ty = RoundtripReencoder.func_type(ty.clone()).map_err(in_module(0))?;
        section.ty().func_type(&ty);
    }
    Ok(section)
}

fn tables(spaces: &Spaces) -> Result<TableSection, FuseError> {
    let mut section = TableSection::new();
    for table in &spaces.tables {
        section.table(RoundtripReencoder.table_type(*table).map_err(in_module(0))?);
    }
    Ok(section)
}

fn memory(regions: &Regions) -> MemorySection {
    let mut section = MemorySection::new();
    let [minimum, maximum] = regions.pages();
    if !regions.all.is_empty() || maximum > 0 {
        section.memory(MemoryType {
            minimum,
            maximum: Some(maximum),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    section
}

/// The lengths of regions, the flags, the globals of calls, and those of instances.
fn global_section(
    program: &Program,
    spaces: &Spaces,
    globals: &[Option<Constant>],
    regions: &Regions,
) -> Result<GlobalSection, FuseError> {
    let mut section = GlobalSection::new();
    let lengths = regions.all.iter().map(|region| region.initial_bytes().cast_signed());
    let mutable = wasm_encoder::GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    let call_globals = spaces.first_global() - spaces.first_call_global();
    let flags = program.flags.iter().copied();
    for value in lengths.chain(flags).chain((0..call_globals).map(|_| 0)) {
        section.global(mutable, &ConstExpr::i32_const(value));
    }
    for (ty, value) in spaces.globals.iter().zip(globals.iter().flatten()) {
        let ty = RoundtripReencoder.global_type(*ty).map_err(in_module(0))?;
        section.global(ty, &value.expression());
    }
    Ok(section)
}
