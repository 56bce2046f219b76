//! Exceptions: `try_table`, `throw` and `throw_ref`, and calls that may throw.
//!
//! Each catch clause has an IR block, its *landing*, which receives the exception and the address of
//! its values, and branches to the clause's label. Within a `try_table`, a call is the end of its
//! block: it continues in the next block, or in the landing of a clause. The runtime finds the
//! clause by the tables that the compiler makes of the list of landings.

use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    self, BlockArg, BlockCall, ExceptionTable, ExceptionTableData, ExceptionTableItem,
    ExceptionTag, InstBuilder, SigRef, Value,
};
use wasmparser::{Catch, Operator, TryTable};

use super::super::abi::{self, POINTER, constant_flags, machine_type, trusted_flags};
use super::FuncTranslator;
use super::control::FrameKind;
use crate::limits::Exceeded;
use crate::trap::{HOST_ERROR, Trap};
use crate::vm::layout::{Builtin, EXCEPTION_VALUES, RAW_VAL_BYTES, VMCTX_BUILTINS};

/// A catch clause whose `try_table` has not ended.
pub(super) struct Clause {
    /// `None` catches all exceptions.
    tag: Option<u32>,
    landing: ir::Block,
}

/// A call's callee.
pub(super) enum Callee {
    Direct(ir::FuncRef),
    Indirect(SigRef, Value),
}

impl FuncTranslator<'_> {
    /// Translates `op` if it throws or catches.
    pub(super) fn exception(&mut self, op: &Operator<'_>) -> Result<bool, Exceeded> {
        match op {
            Operator::TryTable { try_table } => {
                self.check_nesting()?;
                self.try_table(try_table);
            }
            Operator::Throw { tag_index } => {
                let exception = self.new_exception(*tag_index);
                self.throw(exception);
            }
            Operator::ThrowRef => {
                let exception = self.pop();
                self.builder.ins().trapz(exception, Trap::NullReference.code());
                self.throw(exception);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Calls `callee` with `stacks.values`, and pushes its results.
    pub(super) fn call_with_values(&mut self, callee: Callee, ty: u32) {
        if self.stacks.clauses.is_empty() {
            let call = match callee {
                Callee::Direct(func) => self.builder.ins().call(func, &self.stacks.values),
                Callee::Indirect(signature, code) => {
                    self.builder.ins().call_indirect(signature, code, &self.stacks.values)
                }
            };
            self.push_results(call);
            return;
        }
        let next = self.builder.create_block();
        for &ty in self.env.info.types[ty as usize].results() {
            self.builder.append_block_param(next, machine_type(ty));
        }
        let signature = match callee {
            Callee::Direct(func) => self.builder.func.dfg.ext_funcs[func].signature,
            Callee::Indirect(signature, _) => signature,
        };
        let table = self.exception_table(signature, next);
        match callee {
            Callee::Direct(func) => {
                self.builder.ins().try_call(func, &self.stacks.values, table);
            }
            Callee::Indirect(_, code) => {
                self.builder.ins().try_call_indirect(code, &self.stacks.values, table);
            }
        }
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.push_block_params(next);
    }

    /// The table of a call that continues in `next`, whose parameters are the results.
    fn exception_table(&mut self, signature: SigRef, next: ir::Block) -> ExceptionTable {
        let dfg = &mut self.builder.func.dfg;
        let results = (0..dfg.block_params(next).len() as u32).map(BlockArg::TryCallRet);
        let next = BlockCall::new(next, results, &mut dfg.value_lists);
        let mut items = vec![ExceptionTableItem::Context(self.vmctx)];
        self.copied += self.stacks.clauses.len();
        // The clauses of inner blocks are last.
        for clause in self.stacks.clauses.iter().rev() {
            let exception = [BlockArg::TryCallExn(0), BlockArg::TryCallExn(1)];
            let landing = BlockCall::new(clause.landing, exception, &mut dfg.value_lists);
            items.push(match clause.tag {
                // The runtime reads the tag's address in the context.
                Some(tag) => {
                    let offset = self.env.layout.tag_def(tag);
                    ExceptionTableItem::Tag(ExceptionTag::from_u32(offset), landing)
                }
                None => ExceptionTableItem::Default(landing),
            });
        }
        dfg.exception_tables.push(ExceptionTableData::new(signature, next, items))
    }

    fn try_table(&mut self, try_table: &TryTable) {
        // The labels of the clauses are those outside of this block.
        let body = self.builder.create_block();
        self.builder.ins().jump(body, &[]);
        self.builder.seal_block(body);
        let outer_clauses = self.stacks.clauses.len();
        // Reversed, so that the innermost clause is the last of all.
        for catch in try_table.catches.iter().rev() {
            let (tag, label, is_kept) = match *catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let landing = self.builder.create_block();
            self.stacks.clauses.push(Clause { tag, landing });
            self.land(landing, tag, label, is_kept);
        }
        self.builder.switch_to_block(body);
        self.push_frame(FrameKind::Try { outer_clauses }, try_table.ty);
    }

    /// Fills the block in which a clause begins.
    fn land(&mut self, landing: ir::Block, tag: Option<u32>, label: u32, is_kept: bool) {
        let exception = self.builder.append_block_param(landing, POINTER);
        let values = self.builder.append_block_param(landing, POINTER);
        self.builder.switch_to_block(landing);
        let below = self.stacks.operands.len();
        if let Some(tag) = tag {
            let info = self.env.info;
            let types = info.types[info.tags[tag as usize] as usize].params();
            for (&ty, offset) in types.iter().zip((0..).step_by(RAW_VAL_BYTES as usize)) {
                let value = self.load_at(machine_type(ty), trusted_flags(), values, offset);
                self.push(value);
            }
        }
        let keep = self.builder.ins().iconst(I32, i64::from(is_kept));
        self.call_builtin(Builtin::ExceptionCaught, &[exception, keep]);
        if is_kept {
            self.push(exception);
        }
        let (target, arity) = self.branch_target(label);
        self.jump(target, arity);
        self.stacks.operands.truncate(below);
    }

    /// Ends the clauses of a `try_table`, outside of which there were `outer_clauses`.
    pub(super) fn end_try(&mut self, outer_clauses: usize) {
        for clause in self.stacks.clauses.drain(outer_clauses..) {
            self.builder.seal_block(clause.landing);
        }
    }

    /// Creates an exception with values from the stack.
    fn new_exception(&mut self, tag: u32) -> Value {
        let info = self.env.info;
        let len = info.types[info.tags[tag as usize] as usize].params().len();
        let tag = self.index(tag);
        self.call_builtin_value(Builtin::ExceptionNew, &[tag]);
        let exception = self.pop();
        self.builder.ins().trapz(exception, Trap::TooManyExceptions.code());
        let values = self.load_at(POINTER, trusted_flags(), exception, EXCEPTION_VALUES);
        for i in (0..len as u32).rev() {
            let value = self.pop();
            let offset = (i * RAW_VAL_BYTES) as i32;
            self.builder.ins().store(trusted_flags(), value, values, offset);
        }
        exception
    }

    /// Continues in the handler of `exception`. If there is none, the caller of the guest receives
    /// it as the error of a host function.
    fn throw(&mut self, exception: Value) {
        let table = self.load_context(VMCTX_BUILTINS);
        let code = self.load_at(POINTER, constant_flags(), table, Builtin::Throw.offset());
        let signature = abi::builtin_signature(Builtin::Throw, self.env.isa.default_call_conv());
        let signature = self.builder.import_signature(signature);
        let args = [self.vmctx, exception];
        if self.stacks.clauses.is_empty() {
            self.builder.ins().call_indirect(signature, code, &args);
        } else {
            let next = self.builder.create_block();
            let table = self.exception_table(signature, next);
            self.builder.ins().try_call_indirect(code, &args, table);
            self.builder.seal_block(next);
            self.builder.switch_to_block(next);
        }
        // The builtin does not return.
        self.builder.ins().trap(HOST_ERROR);
        self.reachable = false;
    }
}
