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
mod context;
mod control;
mod entry;
mod exception;
mod fuel;
mod memory;
mod numeric;
mod simd;
mod size;
mod table;
mod wide;

use std::collections::HashMap;
use std::time::Instant;

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{self, BlockArg, BlockCall, InstBuilder, SourceLoc, Value};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder};
use wasmparser::{FunctionBody, Operator, OperatorsReader, OperatorsReaderAllocations};

use self::context::Regions;
use self::control::{Detours, Frame};
use self::entry::{declare_locals, limit_stack};
use self::exception::Clause;
use self::size::PARTS_UNASKED;
use super::abi::{CALLEE_VMCTX, POINTER, trusted_flags};
use crate::limits::{CompileLimits, Exceeded};
use crate::module::info::ModuleInfo;
use crate::trap::Trap;
use crate::vm::layout::VmLayout;

/// Shared by the functions of one module.
pub(super) struct ModuleEnv<'a> {
    pub(super) info: &'a ModuleInfo,
    pub(super) layout: &'a VmLayout,
    pub(super) isa: &'a dyn TargetIsa,
    pub(super) limits: &'a CompileLimits,
    /// True if functions count the fuel of their store.
    pub(super) consumes_fuel: bool,
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
        fuel_due: 0,
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
    translator.begin_fuel();
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

/// A function being translated.
struct FuncTranslator<'a> {
    env: &'a ModuleEnv<'a>,
    builder: FunctionBuilder<'a>,
    stacks: &'a mut Stacks,
    /// The instance's context.
    vmctx: Value,
    regions: Regions,
    /// The fuel of the straight code so far.
    fuel_due: i64,
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

impl<'a> FuncTranslator<'a> {
    fn operator(&mut self, op: &Operator<'_>) -> Result<(), TranslateError> {
        if !self.reachable {
            self.forget_fuel();
            self.skip(op);
            return Ok(());
        }
        self.count(op);
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
}
