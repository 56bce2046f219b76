//! Blocks and branches.
//!
//! The results of a block are the parameters of the IR block that follows it, its *exit*. The exit
//! is created only if something branches there. Otherwise translation continues in place.

use std::collections::HashMap;

use cranelift_codegen::ir::{self, BlockArg, InstBuilder, JumpTableData, Value};
use wasmparser::{BlockType, Operator};

use super::super::abi::machine_type;
use super::FuncTranslator;
use crate::limits::Exceeded;
use crate::module::parse::val_type;
use crate::types::ValType;

/// A block that has begun and not ended.
pub(super) struct Frame {
    kind: FrameKind,
    ty: BlockType,
    num_params: usize,
    num_results: usize,
    /// Number of operands below the block's parameters.
    base: usize,
    /// The IR block after the end, if something branches there.
    exit: Option<ir::Block>,
}

#[derive(Clone, Copy)]
pub(super) enum FrameKind {
    /// `block`, the function itself, or the arm after an `else`.
    Block,
    Loop {
        header: ir::Block,
    },
    /// `try_table`. Outside of it, there are as many catch clauses.
    Try {
        outer_clauses: usize,
    },
    /// `if`, before its `else`. Its parameters are on the operand stack twice. `otherwise`, the IR
    /// block for a condition of zero, uses the lower ones.
    If {
        otherwise: ir::Block,
    },
}

/// The blocks between a `br_table` and its targets, each of which passes the operands on. So a table
/// takes memory for its targets and for the operands, and not for the product.
#[derive(Default)]
pub(super) struct Detours {
    of_target: HashMap<ir::Block, ir::Block>,
    /// Targets and detours, in order.
    list: Vec<(ir::Block, ir::Block)>,
}

impl FuncTranslator<'_> {
    /// Begins the outermost block, that of the function, whose type has index `ty`.
    pub(super) fn begin_func(&mut self, ty: u32) {
        self.stacks.frames.push(Frame {
            kind: FrameKind::Block,
            ty: BlockType::FuncType(ty),
            // The parameters of the function are locals, not operands.
            num_params: 0,
            num_results: self.env.info.types[ty as usize].results().len(),
            base: 0,
            exit: None,
        });
    }

    /// Translates `op` if it is a control operator.
    pub(super) fn control(&mut self, op: &Operator<'_>) -> Result<bool, Exceeded> {
        match op {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.check_nesting()?;
            }
            _ => {}
        }
        match op {
            Operator::Block { blockty } => self.push_frame(FrameKind::Block, *blockty),
            Operator::Loop { blockty } => self.begin_loop(*blockty),
            Operator::If { blockty } => self.begin_if(*blockty),
            Operator::Else => self.begin_else(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => {
                let (target, arity) = self.branch_target(*relative_depth);
                self.jump(target, arity);
                self.reachable = false;
            }
            Operator::BrIf { relative_depth } => {
                let condition = self.pop();
                self.branch_if(condition, *relative_depth);
            }
            Operator::BrOnNull { relative_depth } => {
                let reference = self.pop();
                let (target, arity) = self.branch_target(*relative_depth);
                let next = self.builder.create_block();
                self.set_args(arity);
                self.builder.ins().brif(reference, next, &[], target, &self.stacks.args);
                self.builder.seal_block(next);
                self.builder.switch_to_block(next);
                self.push(reference);
            }
            Operator::BrOnNonNull { relative_depth } => {
                // The reference is the last argument of the branch, and dropped otherwise.
                let reference = self.peek();
                self.branch_if(reference, *relative_depth);
                self.pop();
            }
            Operator::BrTable { targets } => self.br_table(targets)?,
            Operator::Return => {
                let arity = self.stacks.frames[0].num_results;
                self.return_top(arity);
                self.reachable = false;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns an error if one more block would be nested too deep.
    pub(super) fn check_nesting(&self) -> Result<(), Exceeded> {
        let max = self.env.limits.nesting;
        Exceeded::check("blocks within each other", "nesting", self.stacks.frames.len(), max)
    }

    /// Tracks the nesting of blocks in unreachable code.
    pub(super) fn skip(&mut self, op: &Operator<'_>) {
        match op {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => self.unreachable_blocks += 1,
            Operator::Else if self.unreachable_blocks == 0 => self.begin_else(),
            Operator::End if self.unreachable_blocks == 0 => self.end(),
            Operator::End => self.unreachable_blocks -= 1,
            _ => {}
        }
    }

    pub(super) fn push_frame(&mut self, kind: FrameKind, ty: BlockType) {
        let (num_params, num_results) = match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(ty) => {
                let ty = &self.env.info.types[ty as usize];
                (ty.params().len(), ty.results().len())
            }
        };
        self.stacks.frames.push(Frame {
            kind,
            ty,
            num_params,
            num_results,
            base: self.stacks.operands.len() - num_params,
            exit: None,
        });
    }

    fn begin_loop(&mut self, ty: BlockType) {
        let header = self.builder.create_block();
        self.loops += 1;
        self.local_cells += self.loops * self.stacks.local_blocks.len();
        self.push_frame(FrameKind::Loop { header }, ty);
        if let BlockType::FuncType(ty) = ty {
            self.append_params(header, self.env.info.types[ty as usize].params());
        }
        let (base, num_params) = {
            let frame = self.innermost();
            (frame.base, frame.num_params)
        };
        self.jump(header, num_params);
        self.builder.switch_to_block(header);
        self.stacks.operands.truncate(base);
        self.push_block_params(header);
        self.check_fuel();
    }

    fn begin_if(&mut self, ty: BlockType) {
        let condition = self.pop();
        let then = self.builder.create_block();
        let otherwise = self.builder.create_block();
        self.builder.ins().brif(condition, then, &[], otherwise, &[]);
        self.builder.seal_block(then);
        self.builder.seal_block(otherwise);
        self.builder.switch_to_block(then);
        self.push_frame(FrameKind::If { otherwise }, ty);
        let base = self.innermost().base;
        self.stacks.operands.extend_from_within(base..);
    }

    fn begin_else(&mut self) {
        let frame = self.innermost();
        let (base, num_params, num_results) = (frame.base, frame.num_params, frame.num_results);
        let FrameKind::If { otherwise } = frame.kind else {
            // Validation ensures that `else` follows `if`.
            return;
        };
        if self.reachable {
            let exit = self.exit(self.stacks.frames.len() - 1);
            self.jump(exit, num_results);
        }
        self.innermost().kind = FrameKind::Block;
        self.stacks.operands.truncate(base + num_params);
        self.builder.switch_to_block(otherwise);
        self.reachable = true;
    }

    fn end(&mut self) {
        // An `if` without `else` returns its parameters as results.
        if let FrameKind::If { .. } = self.innermost().kind {
            self.begin_else();
        }
        let frame = self.innermost();
        let (kind, base, num_results) = (frame.kind, frame.base, frame.num_results);
        if let Some(exit) = frame.exit {
            if self.reachable {
                self.jump(exit, num_results);
            }
            self.builder.seal_block(exit);
            self.builder.switch_to_block(exit);
            self.stacks.operands.truncate(base);
            self.push_block_params(exit);
            self.reachable = true;
        } else if self.reachable {
            let results = self.stacks.operands.len() - num_results;
            self.stacks.operands.drain(base..results);
        } else {
            self.stacks.operands.truncate(base);
        }
        match kind {
            FrameKind::Loop { header } => {
                self.loops -= 1;
                self.builder.seal_block(header);
            }
            FrameKind::Try { outer_clauses } => self.end_try(outer_clauses),
            FrameKind::Block | FrameKind::If { .. } => {}
        }
        self.stacks.frames.pop();
        if self.stacks.frames.is_empty() && self.reachable {
            self.return_top(num_results);
        }
    }

    /// Branches if `condition` is not 0, and continues after the branch.
    fn branch_if(&mut self, condition: Value, depth: u32) {
        let (target, arity) = self.branch_target(depth);
        let next = self.builder.create_block();
        self.set_args(arity);
        self.builder.ins().brif(condition, target, &self.stacks.args, next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    fn br_table(&mut self, targets: &wasmparser::BrTable<'_>) -> Result<(), Exceeded> {
        let max = self.env.limits.branch_targets as usize;
        let what = "targets of a br_table";
        Exceeded::check(what, "branch_targets", targets.len() as usize, max)?;
        let index = self.pop();
        let mut calls = std::mem::take(&mut self.stacks.targets);
        calls.clear();
        let depths = targets.targets().map_while(Result::ok);
        let mut arity = 0;
        for depth in depths.chain([targets.default()]) {
            let (target, operands) = self.branch_target(depth);
            arity = operands;
            let target = if arity == 0 { target } else { self.detour(target) };
            calls.push(self.builder.func.dfg.block_call(target, &[]));
        }
        // Here and not in each detour, since a value of one does not reach another.
        self.cast_top(arity);
        let default = calls.pop().unwrap_or_else(|| unreachable!("the default is the last"));
        let table = self.builder.create_jump_table(JumpTableData::new(default, &calls));
        self.stacks.targets = calls;
        self.builder.ins().br_table(index, table);
        let mut detours = std::mem::take(&mut self.stacks.detours);
        detours.of_target.clear();
        for (target, detour) in detours.list.drain(..) {
            self.check_values()?;
            self.builder.seal_block(detour);
            self.builder.switch_to_block(detour);
            self.jump(target, arity);
        }
        self.stacks.detours = detours;
        self.reachable = false;
        Ok(())
    }

    /// The detour to a target of the present `br_table`.
    fn detour(&mut self, target: ir::Block) -> ir::Block {
        let Detours { of_target, list } = &mut self.stacks.detours;
        *of_target.entry(target).or_insert_with(|| {
            let detour = self.builder.create_block();
            list.push((target, detour));
            detour
        })
    }

    /// The target of a branch to the block `depth` levels out, and its number of operands.
    pub(super) fn branch_target(&mut self, depth: u32) -> (ir::Block, usize) {
        let at = self.stacks.frames.len() - 1 - depth as usize;
        let frame = &self.stacks.frames[at];
        match frame.kind {
            FrameKind::Loop { header } => (header, frame.num_params),
            FrameKind::Block | FrameKind::Try { .. } | FrameKind::If { .. } => {
                let arity = frame.num_results;
                (self.exit(at), arity)
            }
        }
    }

    /// The exit of frame `at`, created if it does not exist.
    fn exit(&mut self, at: usize) -> ir::Block {
        let frame = &self.stacks.frames[at];
        if let Some(exit) = frame.exit {
            return exit;
        }
        let exit = self.builder.create_block();
        match frame.ty {
            BlockType::Empty => {}
            BlockType::Type(ty) => {
                if let Some(ty) = val_type(ty) {
                    self.append_params(exit, &[ty]);
                }
            }
            BlockType::FuncType(ty) => {
                self.append_params(exit, self.env.info.types[ty as usize].results());
            }
        }
        self.stacks.frames[at].exit = Some(exit);
        exit
    }

    fn innermost(&mut self) -> &mut Frame {
        let last = self.stacks.frames.len() - 1;
        &mut self.stacks.frames[last]
    }

    fn append_params(&mut self, block: ir::Block, types: &[ValType]) {
        for &ty in types {
            self.builder.append_block_param(block, machine_type(ty));
        }
    }

    pub(super) fn push_block_params(&mut self, block: ir::Block) {
        let params: &[Value] = self.builder.block_params(block);
        self.stacks.operands.extend_from_slice(params);
    }

    /// Sets the arguments of a branch to the top `arity` operands.
    fn set_args(&mut self, arity: usize) {
        self.cast_top(arity);
        let operands = &self.stacks.operands;
        let top = &operands[operands.len() - arity..];
        self.copied += arity;
        self.stacks.args.clear();
        self.stacks.args.extend(top.iter().map(|&value| BlockArg::Value(value)));
    }

    pub(super) fn jump(&mut self, target: ir::Block, arity: usize) {
        self.set_args(arity);
        self.builder.ins().jump(target, &self.stacks.args);
    }

    fn return_top(&mut self, arity: usize) {
        self.cast_top(arity);
        self.copied += arity;
        let operands = &self.stacks.operands;
        let results = &operands[operands.len() - arity..];
        self.builder.ins().return_(results);
    }
}
