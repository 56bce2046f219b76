//! Trampolines: code between the calling conventions of wasm and of the host.

use cranelift_codegen::ir::{
    Function, InstBuilder, StackSlotData, StackSlotKind, UserFuncName, Value,
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
    args.extend(load_all(&mut builder, ty.params(), values));
    let signature = builder.import_signature(abi::wasm_signature(ty));
    let call = builder.ins().call_indirect(signature, code, &args);
    let results = builder.inst_results(call).to_vec();
    store_all(&mut builder, &results, values);
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
    store_all(&mut builder, &params[FIRST_PARAM..], values);
    let host_ctx = params[CALLEE_VMCTX];
    let call = builder.ins().load(POINTER, constant_flags(), host_ctx, HOST_CTX_CALL as i32);
    let signature = builder.import_signature(abi::host_signature(target.default_call_conv));
    let call =
        builder.ins().call_indirect(signature, call, &[host_ctx, params[CALLER_VMCTX], values]);
    let status = builder.inst_results(call)[0];
    let (failed, done) = (builder.create_block(), builder.create_block());
    builder.ins().brif(status, failed, &[], done, &[]);
    builder.seal_block(failed);
    builder.seal_block(done);
    builder.switch_to_block(failed);
    builder.set_cold_block(failed);
    throw_pending(&mut builder, params[CALLER_VMCTX], target);
    builder.ins().trap(HOST_ERROR);
    builder.switch_to_block(done);
    let results = load_all(&mut builder, ty.results(), values);
    builder.ins().return_(&results);
    builder.finalize(target);
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

fn load_all(builder: &mut FunctionBuilder<'_>, types: &[ValType], values: Value) -> Vec<Value> {
    types
        .iter()
        .zip((0..).step_by(RAW_VAL_BYTES as usize))
        .map(|(&ty, offset)| builder.ins().load(machine_type(ty), trusted_flags(), values, offset))
        .collect()
}

fn store_all(builder: &mut FunctionBuilder<'_>, from: &[Value], values: Value) {
    for (&value, offset) in from.iter().zip((0..).step_by(RAW_VAL_BYTES as usize)) {
        builder.ins().store(trusted_flags(), value, values, offset);
    }
}
