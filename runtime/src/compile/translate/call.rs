//! Calls: of the module's functions, of imported ones, through tables, and of builtins. A tail call
//! replaces the frame of its caller; all code of wasm's calling convention can be reached so, also
//! trampolines to host functions.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    self, ExtFuncData, ExternalName, Inst, InstBuilder, UserExternalName, Value,
};
use wasmparser::Operator;

use super::super::abi::{self, POINTER, constant_flags, trusted_flags};
use super::FuncTranslator;
use super::exception::Callee;
use crate::trap::Trap;
use crate::vm::layout::{
    Builtin, FUNC_REF_CODE, FUNC_REF_TYPE, FUNC_REF_VMCTX, Ret, VMCTX_BUILTINS,
};

impl FuncTranslator<'_> {
    /// Translates `op` if it is a call.
    pub(super) fn call(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::Call { function_index } => {
                let func = *function_index;
                if (func as usize) < self.env.info.num_imported_funcs {
                    let callee = self.func_ref(func);
                    self.call_func_ref(callee, self.env.info.funcs[func as usize]);
                } else {
                    self.call_defined(func);
                }
            }
            Operator::CallIndirect { type_index, table_index } => {
                let (callee, ty) = self.callee_in_table(*type_index, *table_index);
                self.call_func_ref(callee, ty);
            }
            Operator::ReturnCall { function_index } => {
                let func = *function_index;
                if (func as usize) < self.env.info.num_imported_funcs {
                    let callee = self.func_ref(func);
                    self.return_call_func_ref(callee, self.env.info.funcs[func as usize]);
                } else {
                    self.return_call_defined(func);
                }
            }
            Operator::CallRef { type_index } => {
                let callee = self.pop_callee();
                self.call_func_ref(callee, *type_index);
            }
            Operator::ReturnCallRef { type_index } => {
                let callee = self.pop_callee();
                self.return_call_func_ref(callee, *type_index);
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                let (callee, ty) = self.callee_in_table(*type_index, *table_index);
                self.return_call_func_ref(callee, ty);
            }
            _ => return false,
        }
        true
    }

    fn call_defined(&mut self, func: u32) {
        let ty = self.env.info.funcs[func as usize];
        let callee = self.declare_func(func, ty);
        self.take_args(ty, self.vmctx);
        self.call_with_values(Callee::Direct(callee), ty);
    }

    fn return_call_defined(&mut self, func: u32) {
        let ty = self.env.info.funcs[func as usize];
        let callee = self.declare_func(func, ty);
        self.take_args(ty, self.vmctx);
        self.builder.ins().return_call(callee, &self.stacks.values);
        self.reachable = false;
    }

    /// Pops a reference to a function, which must not be null.
    fn pop_callee(&mut self) -> Value {
        let callee = self.pop();
        self.builder.ins().trapz(callee, Trap::NullReference.code());
        callee
    }

    /// Pops an index into table `table`. Returns the `FuncRef` there, whose type must be `ty`, and
    /// the type.
    fn callee_in_table(&mut self, ty: u32, table: u32) -> (Value, u32) {
        let index = self.pop();
        let (element, flags) = self.element(table, index, Trap::UndefinedElement);
        let callee = self.load_at(POINTER, flags, element, 0);
        // Of a null reference, this load faults.
        let or_null = constant_once_known().with_trap_code(Some(Trap::IndirectCallToNull.code()));
        let actual = self.load_at(I32, or_null, callee, FUNC_REF_TYPE);
        // Each engine numbers types itself, and the code must not depend on the engine. The load stays
        // here, as an operand of the comparison: before a loop it would take a register.
        let place = self.env.layout.type_id(ty);
        let expected = self.load_at(I32, constant_once_known(), self.vmctx, place);
        let differs = self.builder.ins().icmp(IntCC::NotEqual, actual, expected);
        self.builder.ins().trapnz(differs, Trap::BadSignature.code());
        (callee, ty)
    }

    /// Calls the function of the `FuncRef` at `callee`, whose type has index `ty`.
    fn call_func_ref(&mut self, callee: Value, ty: u32) {
        let (signature, code) = self.take_call(callee, ty);
        self.call_with_values(Callee::Indirect(signature, code), ty);
    }

    /// The signature and the code of the function of the `FuncRef` at `callee`. Takes the arguments.
    fn take_call(&mut self, callee: Value, ty: u32) -> (ir::SigRef, Value) {
        let code = self.load_at(POINTER, constant_once_known(), callee, FUNC_REF_CODE);
        let vmctx = self.load_at(POINTER, constant_once_known(), callee, FUNC_REF_VMCTX);
        let signature = self.declare_signature(ty);
        self.take_args(ty, vmctx);
        (signature, code)
    }

    /// As [`Self::call_func_ref`], in place of the function that calls.
    fn return_call_func_ref(&mut self, callee: Value, ty: u32) {
        let (signature, code) = self.take_call(callee, ty);
        self.builder.ins().return_call_indirect(signature, code, &self.stacks.values);
        self.reachable = false;
    }

    /// Calls a builtin that returns a value for the guest.
    pub(super) fn call_builtin_value(&mut self, builtin: Builtin, args: &[Value]) {
        let call = self.emit_builtin(builtin, args);
        self.push_results(call);
    }

    /// Calls a builtin that returns nothing or a status. Traps if the status is not 0.
    pub(super) fn call_builtin(&mut self, builtin: Builtin, args: &[Value]) {
        let call = self.emit_builtin(builtin, args);
        let trap = match builtin {
            Builtin::MemoryInit
            // The others return no status.
            | Builtin::MemoryGrow
            | Builtin::MemoryFill
            | Builtin::MemoryCopy
            | Builtin::DataDrop
            | Builtin::AtomicNotify
            | Builtin::AtomicWait32
            | Builtin::AtomicWait64
            | Builtin::ExceptionNew
            | Builtin::ExceptionCaught
            | Builtin::Throw => Trap::MemoryOutOfBounds,
            Builtin::TableGrow
            | Builtin::TableFill
            | Builtin::TableCopy
            | Builtin::TableInit
            | Builtin::ElemDrop => Trap::TableOutOfBounds,
        };
        if builtin.ret() == Ret::Status {
            let status = self.builder.inst_results(call)[0];
            self.builder.ins().trapnz(status, trap.code());
        }
    }

    fn emit_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Inst {
        self.count_builtin(builtin, args);
        let table = self.load_context(VMCTX_BUILTINS);
        let code = self.load_at(POINTER, constant_flags(), table, builtin.offset());
        let signature = abi::builtin_signature(builtin, self.env.isa.default_call_conv());
        let signature = self.builder.import_signature(signature);
        let values = &mut self.stacks.values;
        values.clear();
        values.push(self.vmctx);
        values.extend_from_slice(args);
        self.builder.ins().call_indirect(signature, code, values)
    }

    /// A constant with the index of a memory, table or segment.
    pub(super) fn index(&mut self, index: u32) -> Value {
        self.builder.ins().iconst(I32, i64::from(index))
    }

    /// Sets `stacks.values` to the arguments of a call of type `ty`: the contexts, and operands
    /// from the stack.
    fn take_args(&mut self, ty: u32, callee_vmctx: Value) {
        let num_params = self.env.info.types[ty as usize].params().len();
        self.cast_top(num_params);
        self.copied += num_params;
        let operands = &mut self.stacks.operands;
        let first = operands.len() - num_params;
        let values = &mut self.stacks.values;
        values.clear();
        values.extend([callee_vmctx, self.vmctx]);
        values.extend(operands.drain(first..));
    }

    pub(super) fn push_results(&mut self, call: Inst) {
        let results = self.builder.inst_results(call);
        self.stacks.operands.extend_from_slice(results);
    }

    fn declare_signature(&mut self, ty: u32) -> ir::SigRef {
        let builder = &mut self.builder;
        let ty_of = &self.env.info.types[ty as usize];
        let signatures = &mut self.stacks.refs.signatures;
        *signatures
            .entry(ty)
            .or_insert_with(|| builder.import_signature(abi::wasm_signature(ty_of)))
    }

    /// Declares function `func`, which the module defines.
    fn declare_func(&mut self, func: u32, ty: u32) -> ir::FuncRef {
        if let Some(&known) = self.stacks.refs.funcs.get(&func) {
            return known;
        }
        let signature = self.declare_signature(ty);
        let defined = func - self.env.info.num_imported_funcs as u32;
        let name =
            self.builder.func.declare_imported_user_function(UserExternalName::new(0, defined));
        let declared = self.builder.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            // In the same text, so within reach of a relative call.
            colocated: true,
            patchable: false,
        });
        self.stacks.refs.funcs.insert(func, declared);
        declared
    }
}

/// Flags for loads from a `FuncRef`. It never changes, but a load must not move before its null
/// check.
fn constant_once_known() -> ir::MemFlagsData {
    trusted_flags().with_readonly()
}
