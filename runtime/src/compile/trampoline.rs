//! Trampolines: code between the calling conventions of wasm and of the host.

use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{
    Function, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Type, UserFuncName, Value,
};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::abi::{
    self, CALLEE_VMCTX, CALLER_VMCTX, FIRST_PARAM, POINTER, constant_flags, machine_type,
    trusted_flags,
};
use crate::trap::HOST_ERROR;
use crate::types::{FuncType, ValType};
use crate::vm::layout::{Builtin, HOST_CTX_CALL, RAW_VAL_BYTES, VMCTX_BUILTINS};

/// Builds the trampoline by which the host calls wasm code of type `ty`.
pub(super) fn entry(
    ty: &FuncType,
    target: TargetFrontendConfig,
    func: &mut Function,
    builder: &mut FunctionBuilderContext,
) {
    func.name = UserFuncName::default();
    func.signature = abi::entry_signature(target.default_call_conv);
    let mut builder = FunctionBuilder::new(func, builder);
    let params = start(&mut builder);
    let [callee_vmctx, caller_vmctx, code, values] = params[..] else {
        unreachable!("an entry trampoline has four parameters");
    };
    let mut args = vec![callee_vmctx, caller_vmctx];
    args.extend(load_all(&mut builder, ty.params(), 0, values));
    let signature = builder.import_signature(abi::wasm_signature(ty));
    let call = builder.ins().call_indirect(signature, code, &args);
    let results = builder.inst_results(call).to_vec();
    store_all(&mut builder, &results, 0, values);
    builder.ins().return_(&[]);
    builder.finalize(target);
}

/// Builds the trampoline by which wasm code calls a host function of type `ty`.
///
/// It does not check the stack. Functions, also those of the host, have at most a thousand
/// parameters and results, so its frame is at most some 16 KiB. The reserve below the limit of wasm
/// frames has room for it and the host's code.
pub(super) fn host(
    ty: &FuncType,
    target: TargetFrontendConfig,
    func: &mut Function,
    builder: &mut FunctionBuilderContext,
) {
    func.name = UserFuncName::default();
    func.signature = abi::wasm_signature(ty);
    let mut builder = FunctionBuilder::new(func, builder);
    let params = start(&mut builder);
    let num_values = ty.params().len().max(ty.results().len());
    let bytes = num_values as u32 * RAW_VAL_BYTES;
    let slot = builder.create_sized_stack_slot(StackSlotData::new(
        StackSlotKind::ExplicitSlot,
        bytes,
        RAW_VAL_BYTES.ilog2() as u8,
    ));
    let values = builder.ins().stack_addr(POINTER, slot, 0);
    let args = &params[FIRST_PARAM..];
    // The first argument and the first result are in registers, because passing them through memory
    // takes longer than the rest of the call.
    let first = match (ty.params(), args) {
        ([], _) | (_, []) => builder.ins().iconst(I64, 0),
        // A vector is in memory, and its low half also in the register.
        ([ValType::V128, ..], _) => {
            store_all(&mut builder, args, 0, values);
            builder.ins().load(I64, trusted_flags(), values, 0)
        }
        (_, &[scalar, ..]) => {
            store_all(&mut builder, args, 1, values);
            to_bits(&mut builder, scalar)
        }
    };
    let host_ctx = params[CALLEE_VMCTX];
    let call = builder.ins().load(POINTER, constant_flags(), host_ctx, HOST_CTX_CALL as i32);
    let signature = builder.import_signature(abi::host_signature(target.default_call_conv));
    let args = [host_ctx, params[CALLER_VMCTX], values, first];
    let call = builder.ins().call_indirect(signature, call, &args);
    let [status, first] = *builder.inst_results(call) else {
        unreachable!("a host function returns a status and a result");
    };
    let (failed, done) = (builder.create_block(), builder.create_block());
    builder.ins().brif(status, failed, &[], done, &[]);
    builder.seal_block(failed);
    builder.seal_block(done);
    builder.switch_to_block(failed);
    builder.set_cold_block(failed);
    throw_pending(&mut builder, params[CALLER_VMCTX], target);
    builder.ins().trap(HOST_ERROR);
    builder.switch_to_block(done);
    let mut results = Vec::with_capacity(ty.results().len());
    if let Some(&scalar) = ty.results().first().filter(|&&ty| ty != ValType::V128) {
        results.push(of_bits(&mut builder, machine_type(scalar), first));
    }
    let in_memory = results.len();
    results.extend(load_all(&mut builder, ty.results(), in_memory, values));
    builder.ins().return_(&results);
    builder.finalize(target);
}

/// The bits of a scalar, in the low part of an i64.
fn to_bits(builder: &mut FunctionBuilder<'_>, scalar: Value) -> Value {
    let flags = MemFlagsData::new();
    match builder.func.dfg.value_type(scalar) {
        F64 => builder.ins().bitcast(I64, flags, scalar),
        F32 => {
            let bits = builder.ins().bitcast(I32, flags, scalar);
            builder.ins().uextend(I64, bits)
        }
        I32 => builder.ins().uextend(I64, scalar),
        _ => scalar,
    }
}

/// The scalar of type `ty` with these bits.
fn of_bits(builder: &mut FunctionBuilder<'_>, ty: Type, bits: Value) -> Value {
    let flags = MemFlagsData::new();
    match ty {
        F64 => builder.ins().bitcast(F64, flags, bits),
        F32 => {
            let bits = builder.ins().ireduce(I32, bits);
            builder.ins().bitcast(F32, flags, bits)
        }
        I32 => builder.ins().ireduce(I32, bits),
        _ => bits,
    }
}

/// Throws the error that a host function returned. Does not return.
fn throw_pending(builder: &mut FunctionBuilder<'_>, context: Value, target: TargetFrontendConfig) {
    let flags = constant_flags();
    let table = builder.ins().load(POINTER, flags, context, VMCTX_BUILTINS as i32);
    let throw = builder.ins().load(POINTER, flags, table, Builtin::Throw.offset() as i32);
    let signature = abi::builtin_signature(Builtin::Throw, target.default_call_conv);
    let signature = builder.import_signature(signature);
    let pending = builder.ins().iconst(POINTER, 0);
    builder.ins().call_indirect(signature, throw, &[context, pending]);
}

/// Begins the only block, and returns the function's parameters.
fn start(builder: &mut FunctionBuilder<'_>) -> Vec<Value> {
    let block = builder.create_block();
    builder.append_block_params_for_function_params(block);
    builder.switch_to_block(block);
    builder.seal_block(block);
    builder.block_params(block).to_vec()
}

/// Loads values from the one with index `first` on.
fn load_all(
    builder: &mut FunctionBuilder<'_>,
    types: &[ValType],
    first: usize,
    values: Value,
) -> Vec<Value> {
    types
        .iter()
        .zip((0..).step_by(RAW_VAL_BYTES as usize))
        .skip(first)
        .map(|(&ty, offset)| builder.ins().load(machine_type(ty), trusted_flags(), values, offset))
        .collect()
}

/// Stores values from the one with index `first` on.
fn store_all(builder: &mut FunctionBuilder<'_>, from: &[Value], first: usize, values: Value) {
    for (&value, offset) in from.iter().zip((0..).step_by(RAW_VAL_BYTES as usize)).skip(first) {
        builder.ins().store(trusted_flags(), value, values, offset);
    }
}
