//! Calling conventions: machine types and signatures.
//!
//! Wasm functions take two contexts before their own parameters: the callee's and the caller's.
//! They use Cranelift's `Tail` convention. Functions of the host and of the runtime use the host's
//! convention.

use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, MemFlagsData, Signature, Type};
use cranelift_codegen::isa::CallConv;

use crate::types::{FuncType, ValType};
use crate::vm::layout::{Abi, Builtin, Ret};

/// The type of pointers and references.
pub(super) const POINTER: Type = I64;

/// Index of the callee's context among the parameters of a wasm function.
pub(super) const CALLEE_VMCTX: usize = 0;
/// Index of the caller's context.
pub(super) const CALLER_VMCTX: usize = 1;
/// Index of the first of the function's own parameters.
pub(super) const FIRST_PARAM: usize = 2;

/// The machine type of values of type `ty`.
pub(super) fn machine_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        // The shape of vectors in variables, parameters and results.
        ValType::V128 => I8X16,
        ValType::Ref(_) => POINTER,
    }
}

/// The signature of wasm code of type `ty`.
pub(super) fn wasm_signature(ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    // The stack check of the prologue finds the context by this purpose.
    signature.params.push(AbiParam::special(POINTER, ArgumentPurpose::VMContext));
    signature.params.push(AbiParam::new(POINTER));
    let param = |&ty| AbiParam::new(machine_type(ty));
    signature.params.extend(ty.params().iter().map(param));
    signature.returns.extend(ty.results().iter().map(param));
    signature
}

/// The signature of an entry trampoline: callee's context, caller's context, code, values.
pub(super) fn entry_signature(call_conv: CallConv) -> Signature {
    let mut signature = Signature::new(call_conv);
    signature.params.extend([AbiParam::new(POINTER); 4]);
    signature
}

/// The signature of a host function: its context, the caller's context, values, and the first argument;
/// returns a status and the first result.
pub(super) fn host_signature(call_conv: CallConv) -> Signature {
    let mut signature = Signature::new(call_conv);
    signature.params.extend([AbiParam::new(POINTER); 3]);
    signature.params.push(AbiParam::new(I64));
    signature.returns.extend([AbiParam::new(I64); 2]);
    signature
}

/// The signature of a builtin.
pub(super) fn builtin_signature(builtin: Builtin, call_conv: CallConv) -> Signature {
    // A call in wasm's convention expects that an exception preserves no register.
    let call_conv = if builtin == Builtin::Throw { CallConv::Tail } else { call_conv };
    let mut signature = Signature::new(call_conv);
    signature.params.push(AbiParam::new(POINTER));
    let param = |param: &Abi| {
        AbiParam::new(match param {
            Abi::U32 => I32,
            Abi::U64 => I64,
        })
    };
    signature.params.extend(builtin.params().iter().map(param));
    match builtin.ret() {
        Ret::Nothing => {}
        Ret::Status => signature.returns.push(AbiParam::new(I32)),
        Ret::Value => signature.returns.push(AbiParam::new(I64)),
    }
    signature
}

/// Flags for accesses to the runtime's own structures: always mapped and aligned.
pub(super) fn trusted_flags() -> MemFlagsData {
    MemFlagsData::trusted()
}

/// Flags for loads of values that do not change while a function runs, so that the compiler can
/// move or merge them.
pub(super) fn constant_flags() -> MemFlagsData {
    trusted_flags().with_readonly().with_can_move()
}
