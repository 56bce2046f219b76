//! Calls of exported functions as text, in the syntax WAVE.

use wasm_wave::untyped::UntypedFuncCall;
use wasm_wave::value::{Type, Value};

use super::{Component, RunError};
use crate::data::Data;
use crate::program::Function;
use crate::value_type::ValueType;

/// A call of an exported function, with arguments of its types.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// Its place among the functions of the component.
    pub(super) function: usize,
    pub(super) arguments: Vec<Data>,
}

impl Component {
    /// The call that a text such as `run(1, 20000)` is.
    ///
    /// # Errors
    /// If it is none, or names no function of the component, or its arguments are of other types.
    pub fn call(&self, text: &str) -> Result<FunctionCall, RunError> {
        let wrong = |reason: String| RunError::Call { text: text.to_owned(), reason };
        let parsed = UntypedFuncCall::parse(text).map_err(|error| wrong(error.to_string()))?;
        let (at, function) = self.function(parsed.name())?;
        let Function { name, params, result, .. } = function;
        let unsupported = |what: &str| RunError::Type { name: name.clone(), what: what.to_owned() };
        let types = function.unsupported.as_deref();
        if let Some(what) = types {
            return Err(unsupported(what));
        }
        let types: Option<Vec<Type>> = params.iter().map(|(_, ty)| ty.wave()).collect();
        let types = types.ok_or_else(|| unsupported("a type without values"))?;
        if let Some(result) = result
            && result.wave().is_none()
        {
            return Err(unsupported("a type without values"));
        }
        let values: Vec<Value> =
            parsed.to_wasm_params(&types).map_err(|error| wrong(error.to_string()))?;
        let expected = params.len();
        if values.len() != expected {
            return Err(wrong(format!(
                "'{name}' takes {expected} arguments, not {}",
                values.len()
            )));
        }
        let arguments = values.iter().zip(params).map(|(value, (_, ty))| Data::of(value, ty));
        let arguments: Option<Vec<Data>> = arguments.collect();
        let arguments =
            arguments.ok_or_else(|| wrong("an argument is of another type".to_owned()))?;
        Ok(FunctionCall { function: at, arguments })
    }
}

/// The text of a result.
///
/// # Errors
/// The reason for which it has none.
pub(super) fn text(data: &Data, ty: &ValueType) -> Result<String, String> {
    let wave = ty.wave().ok_or("a type without values")?;
    let value = data.value(ty, &wave).map_err(|error| error.to_string())?;
    wasm_wave::to_string(&value).map_err(|error| error.to_string())
}
