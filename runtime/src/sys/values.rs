//! Values in the form in which compiled code passes them: bits without their type.

use std::ptr::NonNull;

use crate::exception::ExnRef;
use crate::externref::ExternRef;
use crate::func::Func;
use crate::sys::context::{FuncHandle, FuncRef};
use crate::sys::exception::ExceptionHandle;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::types::{HeapType, RefType, ValType};
use crate::val::{V128, Val};

/// A value in the form in which trampolines pass it and globals keep it: in the low bits.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default)]
pub struct RawVal {
    low: u64,
    high: u64,
}

impl RawVal {
    pub(crate) fn new(bits: u64) -> Self {
        RawVal { low: bits, high: 0 }
    }

    /// Sets the low half.
    pub(crate) fn set_low(&mut self, bits: u64) {
        self.low = bits;
    }

    /// The bits of a value that is not a vector; the low half of a vector.
    pub(crate) fn bits(self) -> u64 {
        self.low
    }

    pub(crate) fn of_vector(vector: V128) -> Self {
        let bits = vector.as_u128();
        RawVal { low: bits as u64, high: (bits >> 64) as u64 }
    }

    pub(crate) fn vector(self) -> V128 {
        (u128::from(self.high) << 64 | u128::from(self.low)).into()
    }
}

/// The bits of a function reference: the address of its [`FuncRef`].
pub(super) fn func_bits(func_ref: NonNull<FuncRef>) -> u64 {
    func_ref.as_ptr().expose_provenance() as u64
}

impl Val {
    /// The value in the form of code of store `store`.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub(super) fn to_raw(self, store: StoreId) -> RawVal {
        RawVal::new(match self {
            Val::I32(value) => value as u32 as u64,
            Val::I64(value) => value as u64,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits,
            Val::V128(vector) => return RawVal::of_vector(vector),
            Val::FuncRef(func) => func.map_or(0, |func| func_bits(func.handle().func_ref(store))),
            Val::ExternRef(reference) => reference.map_or(0, |reference| reference.raw(store)),
            Val::ExnRef(exception) => exception.map_or(0, |exception| {
                exception.handle().address(store).as_ptr().expose_provenance() as u64
            }),
        })
    }

    /// Returns true if it is of type `ty`.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub(crate) fn is_of_type(self, ty: ValType, store: &StoreInner) -> bool {
        // SAFETY: the store is borrowed.
        unsafe { self.is_of_type_in(ty, store.id()) }
    }

    /// As [`Self::is_of_type`].
    ///
    /// # Safety
    /// Store `store` exists while this runs.
    unsafe fn is_of_type_in(self, ty: ValType, store: StoreId) -> bool {
        let ValType::Ref(ty) = ty else {
            return self.top_ty() == ty;
        };
        match (self, ty.heap_type()) {
            (Val::FuncRef(None), heap_type) => ty.is_nullable() && heap_type.is_func(),
            (Val::FuncRef(Some(_)), HeapType::Func) => true,
            (Val::FuncRef(Some(func)), HeapType::ConcreteFunc(id)) => {
                // SAFETY: the store keeps the function reference, and exists by the contract.
                unsafe { func.handle().func_ref(store).as_ref() }.type_id == id.get()
            }
            (Val::ExternRef(reference), HeapType::Extern) => {
                ty.is_nullable() || reference.is_some()
            }
            (Val::ExnRef(Some(_)), HeapType::Exn) => true,
            (Val::ExnRef(None), HeapType::Exn | HeapType::NoExn) => ty.is_nullable(),
            _ => false,
        }
    }

    /// As [`Self::to_raw`], of a value that must be of type `ty`.
    ///
    /// # Panics
    /// If it is of another type, or a reference of another store.
    ///
    /// # Safety
    /// Store `store` exists while this runs.
    pub(super) unsafe fn to_typed_raw(self, ty: ValType, store: StoreId) -> RawVal {
        // SAFETY: by the contract.
        assert!(unsafe { self.is_of_type_in(ty, store) }, "a value of another type than {ty}");
        self.to_raw(store)
    }

    /// The bits of a reference, which must be of type `ty`.
    ///
    /// # Panics
    /// If it is of another type, or of another store.
    ///
    /// # Safety
    /// Store `store` exists while this runs.
    pub(super) unsafe fn to_ref_bits(self, ty: RefType, store: StoreId) -> u64 {
        // SAFETY: by the contract.
        unsafe { self.to_typed_raw(ValType::Ref(ty), store) }.bits()
    }

    /// The value of type `ty` that code of store `store` has in the form `raw`.
    ///
    /// # Safety
    /// If `ty` is a reference to functions, then `raw` is 0 or the address of a function reference that
    /// the store keeps until it is dropped. If it is a reference to exceptions, then `raw` is 0 or
    /// the address of an exception of the store. The store is exclusively borrowed then, or keeps
    /// the exception.
    pub(super) unsafe fn from_raw(ty: ValType, raw: RawVal, store: StoreId) -> Self {
        let bits = raw.bits();
        match ty {
            ValType::V128 => Val::V128(raw.vector()),
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(bits as i64),
            ValType::F32 => Val::F32(bits as u32),
            ValType::F64 => Val::F64(bits),
            ValType::Ref(ty) if ty.heap_type().is_func() => {
                let address = std::ptr::with_exposed_provenance_mut(bits as usize);
                Val::FuncRef(NonNull::new(address).map(|func_ref| {
                    // SAFETY: by the contract.
                    Func::new_in(unsafe { FuncHandle::new(store, func_ref) })
                }))
            }
            ValType::Ref(ty) if ty.heap_type().top() == HeapType::Exn => {
                let address = std::ptr::with_exposed_provenance_mut(bits as usize);
                Val::ExnRef(NonNull::new(address).map(|exception| {
                    // SAFETY: by the contract.
                    ExnRef::new_in(unsafe { ExceptionHandle::new(store, exception) })
                }))
            }
            ValType::Ref(_) => Val::ExternRef(ExternRef::from_raw(store, bits)),
        }
    }
}
