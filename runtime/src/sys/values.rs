//! Values in the form in which compiled code passes them: bits without their type.

use std::ptr::NonNull;

use crate::externref::ExternRef;
use crate::func::Func;
use crate::sys::context::{FuncHandle, FuncRef};
use crate::sys::store_id::StoreId;
use crate::types::ValType;
use crate::val::Val;

/// A value in the form in which trampolines pass it: in the low bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RawVal {
    bits: u64,
    _vector: u64,
}

impl RawVal {
    pub(crate) fn new(bits: u64) -> Self {
        RawVal { bits, _vector: 0 }
    }

    pub(crate) fn bits(self) -> u64 {
        self.bits
    }
}

/// The bits of a function reference: the address of its [`FuncRef`].
pub(super) fn func_bits(func_ref: NonNull<FuncRef>) -> u64 {
    func_ref.as_ptr().expose_provenance() as u64
}

impl Val {
    /// The value's bits in code of store `store`.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub(super) fn to_bits(self, store: StoreId) -> u64 {
        match self {
            Val::I32(value) => value as u32 as u64,
            Val::I64(value) => value as u64,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits,
            Val::FuncRef(func) => func.map_or(0, |func| func_bits(func.handle().func_ref(store))),
            Val::ExternRef(reference) => reference.map_or(0, |reference| reference.raw(store)),
        }
    }

    /// As [`Self::to_bits`], of a value that must be of type `ty`.
    ///
    /// # Panics
    /// If it is of another type, or a reference of another store.
    pub(super) fn to_typed_bits(self, ty: ValType, store: StoreId) -> u64 {
        assert_eq!(self.ty(), ty, "a value of another type");
        self.to_bits(store)
    }

    /// The value of type `ty` that has these bits in code of store `store`.
    ///
    /// # Safety
    /// If `ty` is a function type, then `bits` is 0 or the address of a function reference that
    /// the store keeps until it is dropped.
    pub(super) unsafe fn from_bits(ty: ValType, bits: u64, store: StoreId) -> Self {
        match ty {
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(bits as i64),
            ValType::F32 => Val::F32(bits as u32),
            ValType::F64 => Val::F64(bits),
            ValType::FuncRef => {
                let address = std::ptr::with_exposed_provenance_mut(bits as usize);
                Val::FuncRef(NonNull::new(address).map(|func_ref| {
                    // SAFETY: by the contract.
                    Func::new_in(unsafe { FuncHandle::new(store, func_ref) })
                }))
            }
            ValType::ExternRef => Val::ExternRef(ExternRef::from_raw(store, bits)),
        }
    }
}
