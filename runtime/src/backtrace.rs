//! The functions of guests that ran when a call stopped.

use std::fmt;

use crate::module::compiled::CompiledModule;
use crate::vm::code::Place;

/// The functions of guests that ran when a call trapped, threw an exception that nothing caught, or a
/// host function failed, the innermost first. It has at most 64 frames of each call by the host.
///
/// An [`Error`](crate::Error) gives it by [`downcast_ref`](crate::Error::downcast_ref).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WasmBacktrace(Vec<FrameInfo>);

impl WasmBacktrace {
    pub(crate) fn new(frames: Vec<FrameInfo>) -> Self {
        WasmBacktrace(frames)
    }

    /// Adds the frames of a call that contained this one.
    pub(crate) fn extend(&mut self, callers: WasmBacktrace) {
        self.0.extend(callers.0);
    }

    /// The frames, the innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.0
    }
}

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm backtrace:")?;
        for (number, frame) in self.0.iter().enumerate() {
            write!(f, "\n  {number:3}: {frame}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WasmBacktrace {}

/// A function of a guest that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    func_index: u32,
    func_name: Option<String>,
    module_name: Option<String>,
    module_offset: Option<u32>,
    func_offset: Option<u32>,
}

impl FrameInfo {
    pub(crate) fn new(module: &CompiledModule, place: &Place) -> Self {
        let function = module.function_name(place.func);
        FrameInfo {
            func_index: function.index,
            func_name: function.name,
            module_name: module.info.name.clone(),
            module_offset: place.module_offset,
            func_offset: place.func_offset,
        }
    }

    /// The index of the function in its module, with imported functions first.
    pub fn func_index(&self) -> u32 {
        self.func_index
    }

    /// The name in the name section, or else the name of an export.
    pub fn func_name(&self) -> Option<&str> {
        self.func_name.as_deref()
    }

    /// The module's name in its name section.
    pub fn module_name(&self) -> Option<&str> {
        self.module_name.as_deref()
    }

    /// The offset of the instruction in the module's binary, in bytes. `None` for code that belongs to
    /// no instruction, such as the check of the stack at the start of a function.
    pub fn module_offset(&self) -> Option<usize> {
        self.module_offset.map(|offset| offset as usize)
    }

    /// The offset of the instruction in the function's body, in bytes.
    pub fn func_offset(&self) -> Option<usize> {
        self.func_offset.map(|offset| offset as usize)
    }
}

impl fmt::Display for FrameInfo {
    /// `0x3c - module!function`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module_offset {
            Some(offset) => write!(f, "{offset:#6x} - ")?,
            None => write!(f, "     ? - ")?,
        }
        write!(f, "{}!", self.module_name.as_deref().unwrap_or("<unknown>"))?;
        match &self.func_name {
            Some(name) => f.write_str(name),
            None => write!(f, "<wasm function {}>", self.func_index),
        }
    }
}
