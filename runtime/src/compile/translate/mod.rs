//! Translates a function body to Cranelift's IR.
//!
//! [`FuncTranslator`] holds the IR function and wasm's operand stack, whose entries are IR values.
//! This file reads the operators and translates the simplest; each other file translates one
//! family. Validation has accepted the bodies, so the translation does not check them again.
//!
//! Unreachable code has no IR. While `reachable` is false, the translator only tracks the nesting
//! of blocks, up to an `else` or `end` that is reachable.

mod atomic;
mod bulk;
mod call;
mod control;
mod exception;
mod memory;
mod numeric;
mod simd;
mod table;
mod wide;

use std::collections::HashMap;
use std::time::Instant;

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I32, I64};
use cranelift_codegen::ir::{
    self, AliasRegion, AliasRegionData, BlockArg, BlockCall, ConstantData, GlobalValueData,
    InstBuilder, MemFlagsData, SourceLoc, Type, Value,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder, Variable};
use wasmparser::{FunctionBody, Operator, OperatorsReader, OperatorsReaderAllocations};

use self::control::{Detours, Frame};
use self::exception::Clause;
use super::abi::{CALLEE_VMCTX, FIRST_PARAM, POINTER, constant_flags, machine_type, trusted_flags};
use crate::limits::{CompileLimits, Exceeded};
use crate::module::info::ModuleInfo;
use crate::module::parse::val_type;
use crate::sys;
use crate::trap::Trap;
use crate::types::Mutability;
use crate::vm::layout::{GlobalPlace, LIMITS_STACK_LIMIT, VMCTX_LIMITS, VmLayout};

/// Shared by the functions of one module.
pub(super) struct ModuleEnv<'a> {
    pub(super) info: &'a ModuleInfo,
    pub(super) layout: &'a VmLayout,
    pub(super) isa: &'a dyn TargetIsa,
    pub(super) limits: &'a CompileLimits,
    /// The start of the module's compilation.
    pub(super) began: Instant,
}

impl ModuleEnv<'_> {
    /// The function index of the function that the module defines at index `defined`.
    pub(super) fn defined_func(&self, defined: u32) -> u32 {
        // Validation limits index spaces to far less than 2^32.
        self.info.num_imported_funcs as u32 + defined
    }
}

/// The error for a body that exceeds a limit; or for one that validation should not have accepted,
/// which indicates a defect of this crate.
#[derive(Debug, thiserror::Error)]
pub(super) enum TranslateError {
    #[error(transparent)]
    Limit(#[from] Exceeded),
    #[error("it may need {bytes} bytes of memory, and there is less")]
    Memory { bytes: usize },
    #[error("{0}")]
    Malformed(#[from] wasmparser::Error),
    #[error("operator {0} is not implemented")]
    Operator(String),
}

/// The buffers of a translation, kept for the next.
#[derive(Default)]
pub(super) struct Stacks {
    operands: Vec<Value>,
    frames: Vec<Frame>,
    clauses: Vec<Clause>,
    refs: Refs,
    args: Vec<BlockArg>,
    values: Vec<Value>,
    /// Values of the context that do not change, by offset, which a block has loaded.
    loaded: Vec<(u32, Value)>,
    targets: Vec<BlockCall>,
    detours: Detours,
    /// For each local, the number of the last block in which it was used.
    local_blocks: Vec<u32>,
    reader: OperatorsReaderAllocations,
}

/// The references that a function has declared so far.
#[derive(Default)]
struct Refs {
    /// Indexed by the module's types.
    signatures: HashMap<u32, ir::SigRef>,
    /// Indexed by function.
    funcs: HashMap<u32, ir::FuncRef>,
}

impl Stacks {
    fn clear(&mut self) {
        self.operands.clear();
        self.frames.clear();
        self.clauses.clear();
        self.refs.signatures.clear();
        self.refs.funcs.clear();
        self.local_blocks.clear();
    }
}

/// Builds the IR of function `func` with `builder`. The builder's function has its name and
/// signature. Returns the number of its values, which [`CompileLimits::values_per_byte`] limits.
pub(super) fn translate(
    env: &ModuleEnv<'_>,
    func: u32,
    body: &FunctionBody<'_>,
    mut builder: FunctionBuilder<'_>,
    stacks: &mut Stacks,
) -> Result<usize, TranslateError> {
    stacks.clear();
    let body_bytes = body.as_bytes().len();
    Exceeded::check("bytes", "body_bytes", body_bytes, env.limits.body_bytes)?;
    limit_stack(&mut builder);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    let vmctx = builder.block_params(entry)[CALLEE_VMCTX];
    let locals = declare_locals(env, func, body, &mut builder, entry)?;
    stacks.local_blocks.resize(locals, 0);

    let mut reader = OperatorsReader::new_with_allocs(
        body.get_binary_reader_for_operators()?,
        std::mem::take(&mut stacks.reader),
    );
    let regions = Regions::new(&mut builder.func.dfg);
    let mut translator = FuncTranslator {
        env,
        builder,
        stacks,
        vmctx,
        regions,
        loaded_in: None,
        reachable: true,
        unreachable_blocks: 0,
        copied: 0,
        loops: 0,
        local_cells: 0,
        values_max: env.limits.values(body_bytes),
        parts_ensured: PARTS_UNASKED,
    };
    translator.begin_func(env.info.funcs[func as usize]);
    while !reader.eof() {
        // Offsets fit, because the validator limits the size of modules.
        translator.builder.set_srcloc(SourceLoc::new(reader.original_position() as u32));
        let op = reader.read()?;
        translator.operator(&op)?;
        translator.check_values()?;
        translator.ensure_memory()?;
    }
    let values = translator.values();
    let FuncTranslator { builder, stacks, .. } = translator;
    builder.finalize(env.isa.frontend_config());
    stacks.reader = reader.into_allocations();
    Ok(values)
}

/// Makes the prologue trap if the frame would extend below the thread's stack limit. Cranelift
/// omits this in functions that call nothing and need no stack.
fn limit_stack(builder: &mut FunctionBuilder<'_>) {
    let flags = builder.func.dfg.mem_flags.insert_unchecked(constant_flags());
    let vmctx = builder.create_global_value(GlobalValueData::VMContext);
    let limits = builder.create_global_value(GlobalValueData::Load {
        base: vmctx,
        offset: (VMCTX_LIMITS as i32).into(),
        global_type: POINTER,
        flags,
    });
    let limit = builder.create_global_value(GlobalValueData::Load {
        base: limits,
        offset: (LIMITS_STACK_LIMIT as i32).into(),
        global_type: POINTER,
        flags,
    });
    builder.func.stack_limit = Some(limit);
}

/// Declares the parameters and then the locals, which are zero. Local `i` is variable `i`. Returns
/// their number.
fn declare_locals(
    env: &ModuleEnv<'_>,
    func: u32,
    body: &FunctionBody<'_>,
    builder: &mut FunctionBuilder<'_>,
    entry: ir::Block,
) -> Result<usize, TranslateError> {
    let params = env.info.func_type(func).params();
    let mut locals = params.len();
    for (i, &ty) in params.iter().enumerate() {
        let variable = builder.declare_var(machine_type(ty));
        let value = builder.block_params(entry)[FIRST_PARAM + i];
        builder.def_var(variable, value);
    }
    for group in body.get_locals_reader()? {
        let (count, ty) = group?;
        let Some(ty) = val_type(ty) else {
            return Err(TranslateError::Operator(format!("a local of type {ty}")));
        };
        let ty = machine_type(ty);
        if count == 0 {
            continue;
        }
        locals += count as usize;
        Exceeded::check("parameters and locals", "locals", locals, env.limits.locals)?;
        let zero = zero(builder, ty);
        for _ in 0..count {
            let variable = builder.declare_var(ty);
            builder.def_var(variable, zero);
        }
    }
    Ok(locals)
}

fn zero(builder: &mut FunctionBuilder<'_>, ty: Type) -> Value {
    match ty {
        F32 => builder.ins().f32const(Ieee32::with_bits(0)),
        F64 => builder.ins().f64const(Ieee64::with_bits(0)),
        I8X16 => {
            let bytes = builder.func.dfg.constants.insert(ConstantData::from(&[0; 16][..]));
            builder.ins().vconst(I8X16, bytes)
        }
        ty => builder.ins().iconst(ty, 0),
    }
}

/// Kinds of places that never are the same, so that the compiler may keep a value in a register while
/// code stores to another kind. All of them change in calls.
#[derive(Clone, Copy)]
struct Regions {
    /// The guest's memories.
    memory: AliasRegion,
    /// Cells of globals.
    global: AliasRegion,
    /// Elements of tables.
    element: AliasRegion,
    /// Lengths and addresses of memories and tables. Only the runtime writes them.
    definition: AliasRegion,
}

impl Regions {
    fn new(dfg: &mut ir::DataFlowGraph) -> Regions {
        let mut region = |user_id, description: &'static str| {
            let description = description.into();
            dfg.alias_regions.insert(AliasRegionData { user_id, description })
        };
        Regions {
            memory: region(0, "memory"),
            global: region(1, "global"),
            element: region(2, "element"),
            definition: region(3, "definition"),
        }
    }
}

/// A function being translated.
struct FuncTranslator<'a> {
    env: &'a ModuleEnv<'a>,
    builder: FunctionBuilder<'a>,
    stacks: &'a mut Stacks,
    /// The instance's context.
    vmctx: Value,
    regions: Regions,
    /// The block to which `stacks.loaded` belongs.
    loaded_in: Option<ir::Block>,
    /// False in code that cannot be executed.
    reachable: bool,
    /// Number of open blocks that began in unreachable code.
    unreachable_blocks: u32,
    /// Number of operands that branches, calls and catch clauses have taken so far. One operator can
    /// take many.
    copied: usize,
    /// Number of loops that are open.
    loops: usize,
    /// Size of the map from locals and blocks to values that the frontend keeps; and for each loop the
    /// locals that it may pass on, once for each loop around it.
    local_cells: usize,
    values_max: usize,
    /// There was memory for so many parts of the function.
    parts_ensured: usize,
}

/// Memory that the compiler may need for a part of a function, in bytes: at most some 600 were measured.
const BYTES_PER_PART: usize = 640;

/// Parts of a function for which there is memory without asking.
const PARTS_UNASKED: usize = 4_096;

/// Parts that a block counts for.
const PARTS_PER_BLOCK: usize = 4;

/// Local cells that take as much memory or time as a value.
const LOCAL_CELLS_PER_VALUE: usize = 16;

impl<'a> FuncTranslator<'a> {
    /// The size of the function so far.
    fn values(&self) -> usize {
        let cells = self.local_cells / LOCAL_CELLS_PER_VALUE;
        self.builder.func.dfg.num_values() + self.copied + cells
    }

    fn check_values(&self) -> Result<(), Exceeded> {
        let what = "values in the compiler's intermediate form";
        Exceeded::check(what, "values_per_byte", self.values(), self.values_max)
    }

    /// Asks for the memory to compile a function of twice the present size, and gives it back. Without
    /// memory the compiler would end the process.
    fn ensure_memory(&mut self) -> Result<(), TranslateError> {
        let dfg = &self.builder.func.dfg;
        let blocks = dfg.num_blocks() * PARTS_PER_BLOCK;
        let parts = self.values() + dfg.num_insts() + blocks;
        if parts <= self.parts_ensured {
            return Ok(());
        }
        self.parts_ensured = 2 * parts;
        let bytes = self.parts_ensured.saturating_mul(BYTES_PER_PART);
        if sys::has_memory(bytes) { Ok(()) } else { Err(TranslateError::Memory { bytes }) }
    }

    /// Adds to the local cells that a use of this local in the present block needs: the frontend has
    /// a list of all blocks up to this one for each local.
    fn use_local(&mut self, local: u32) -> Variable {
        let block = self.builder.current_block().map_or(0, |block| block.as_u32());
        let last = &mut self.stacks.local_blocks[local as usize];
        if block > *last {
            self.local_cells += (block - *last) as usize;
            *last = block;
        }
        Variable::from_u32(local)
    }

    fn operator(&mut self, op: &Operator<'_>) -> Result<(), TranslateError> {
        if !self.reachable {
            self.skip(op);
            return Ok(());
        }
        match op {
            Operator::LocalGet { local_index } => {
                let variable = self.use_local(*local_index);
                let value = self.builder.use_var(variable);
                self.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                let value = self.cast_for_variable(value);
                let variable = self.use_local(*local_index);
                self.builder.def_var(variable, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.peek();
                let value = self.cast_for_variable(value);
                let variable = self.use_local(*local_index);
                self.builder.def_var(variable, value);
            }
            Operator::GlobalGet { global_index } => self.global_get(*global_index),
            Operator::GlobalSet { global_index } => self.global_set(*global_index),
            Operator::I32Const { value } => {
                // Zero-extended, as immediates of 32-bit values are stored.
                let value = i64::from(value.cast_unsigned());
                let value = self.builder.ins().iconst(I32, value);
                self.push(value);
            }
            Operator::I64Const { value } => {
                let value = self.builder.ins().iconst(I64, *value);
                self.push(value);
            }
            Operator::F32Const { value } => {
                let value = Ieee32::with_bits(value.bits());
                let value = self.builder.ins().f32const(value);
                self.push(value);
            }
            Operator::F64Const { value } => {
                let value = Ieee64::with_bits(value.bits());
                let value = self.builder.ins().f64const(value);
                self.push(value);
            }
            Operator::Nop => {}
            Operator::Drop => {
                self.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => {
                let condition = self.pop();
                let (if_true, if_false) = self.pop2();
                let (if_true, if_false) = self.in_one_type(if_true, if_false);
                let value = self.builder.ins().select(condition, if_true, if_false);
                self.push(value);
            }
            Operator::Unreachable => {
                // A page fault takes less time than the trap instruction: a hypervisor handles an invalid
                // instruction before the kernel does.
                let code = Trap::UnreachableCodeReached.code();
                let null = self.builder.ins().iconst(POINTER, 0);
                self.load_at(I8, trusted_flags().with_trap_code(Some(code)), null, 0);
                self.builder.ins().trap(code);
                self.reachable = false;
            }
            op => {
                let known = self.control(op)?
                    || self.numeric(op)
                    || self.memory(op)
                    || self.call(op)
                    || self.table(op)
                    || self.simd(op)
                    || self.wide(op)
                    || self.atomic(op)
                    || self.exception(op)?;
                if !known {
                    return Err(TranslateError::Operator(format!("{op:?}")));
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stacks.operands.push(value);
    }

    #[expect(clippy::expect_used, reason = "validation has counted the operands of every operator")]
    fn pop(&mut self) -> Value {
        self.stacks.operands.pop().expect("an operand")
    }

    /// The top two operands, the lower one first.
    fn pop2(&mut self) -> (Value, Value) {
        let upper = self.pop();
        (self.pop(), upper)
    }

    /// The top three operands, the lowest first.
    fn pop3(&mut self) -> [Value; 3] {
        let third = self.pop();
        let (first, second) = self.pop2();
        [first, second, third]
    }

    fn peek(&self) -> Value {
        self.stacks.operands[self.stacks.operands.len() - 1]
    }

    /// Replaces the top operand.
    fn unary(&mut self, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value) {
        let value = self.pop();
        let value = build(self.builder.ins(), value);
        self.push(value);
    }

    /// Replaces the top two operands.
    fn binary(&mut self, build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value) {
        let (left, right) = self.pop2();
        let value = build(self.builder.ins(), left, right);
        self.push(value);
    }

    /// Loads a pointer in the context that does not change. The compiler would merge loads of one block,
    /// but each would take it time.
    fn load_context(&mut self, offset: u32) -> Value {
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
    fn load_definition(&mut self, ty: Type, base: Value, offset: u32) -> Value {
        let flags = trusted_flags().with_alias_region(Some(self.regions.definition));
        self.load_at(ty, flags, base, offset)
    }

    fn load_at(&mut self, ty: Type, flags: MemFlagsData, base: Value, offset: u32) -> Value {
        self.builder.ins().load(ty, flags, base, offset as i32)
    }

    fn global_get(&mut self, global: u32) {
        let ty = self.env.info.globals[global as usize];
        let flags = match ty.mutability() {
            Mutability::Var => trusted_flags().with_alias_region(Some(self.regions.global)),
            Mutability::Const => constant_flags(),
        };
        let (base, offset) = self.global_place(global);
        let value = self.load_at(machine_type(ty.content()), flags, base, offset);
        self.push(value);
    }

    fn global_set(&mut self, global: u32) {
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
