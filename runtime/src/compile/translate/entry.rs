//! The start of a function: the check of the stack, the parameters and the locals.

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8X16};
use cranelift_codegen::ir::{self, ConstantData, GlobalValueData, InstBuilder, Type, Value};
use cranelift_frontend::FunctionBuilder;
use wasmparser::FunctionBody;

use super::{ModuleEnv, TranslateError};
use crate::compile::abi::{FIRST_PARAM, POINTER, constant_flags, machine_type};
use crate::limits::Exceeded;
use crate::module::parse::val_type;
use crate::vm::layout::{LIMITS_STACK_LIMIT, VMCTX_LIMITS};

/// Makes the prologue trap if the frame would extend below the thread's stack limit. Cranelift
/// omits this in functions that call nothing and need no stack.
pub(super) fn limit_stack(builder: &mut FunctionBuilder<'_>) {
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
pub(super) fn declare_locals(
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
