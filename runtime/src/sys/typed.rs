//! Conversion of Rust types to values and back, without a check at each call.

use crate::externref::ExternRef;
use crate::func::Func;
use crate::sys::store_id::StoreId;
use crate::sys::values::RawVal;
use crate::types::ValType;
use crate::val::{V128, Val};

pub(crate) mod sealed {
    use super::*;

    /// A Rust type that corresponds to a WebAssembly type.
    pub trait Raw: Copy + 'static {
        const TYPE: ValType;

        /// # Panics
        /// If it is a reference of another store.
        fn into_raw(self, store: StoreId) -> RawVal;

        /// # Safety
        /// `raw` is a value of type [`Self::TYPE`] in code of the store.
        unsafe fn from_raw(raw: RawVal, store: StoreId) -> Self;
    }

    /// Parameters or results.
    pub trait List: 'static {
        /// Their number.
        const LEN: usize;

        fn types() -> Vec<ValType>;

        fn matches(types: &[ValType]) -> bool;

        /// # Panics
        /// If there is a reference of another store, or too little room in `values`.
        fn write(self, values: &mut [RawVal], store: StoreId);

        /// # Safety
        /// `values` starts with values of [`Self::types`] in code of the store.
        unsafe fn read(values: &[RawVal], store: StoreId) -> Self;
    }
}

use sealed::{List, Raw};

macro_rules! scalars {
    ($($ty:ty = $name:ident, |$value:ident| $into:expr, |$bits:ident| $from:expr;)+) => { $(
        impl Raw for $ty {
            const TYPE: ValType = ValType::$name;

            fn into_raw(self, _: StoreId) -> RawVal {
                let $value = self;
                RawVal::new($into)
            }

            unsafe fn from_raw(raw: RawVal, _: StoreId) -> Self {
                let $bits = raw.bits();
                $from
            }
        }
    )+ };
}

scalars! {
    i32 = I32, |value| value as u32 as u64, |bits| bits as i32;
    u32 = I32, |value| value.into(), |bits| bits as u32;
    i64 = I64, |value| value as u64, |bits| bits as i64;
    u64 = I64, |value| value, |bits| bits;
    f32 = F32, |value| value.to_bits().into(), |bits| f32::from_bits(bits as u32);
    f64 = F64, |value| value.to_bits(), |bits| f64::from_bits(bits);
}

macro_rules! vectors {
    ($($ty:ty)+) => { $(
        impl Raw for $ty {
            const TYPE: ValType = ValType::V128;

            fn into_raw(self, _: StoreId) -> RawVal {
                RawVal::of_vector(self.into())
            }

            unsafe fn from_raw(raw: RawVal, _: StoreId) -> Self {
                raw.vector().into()
            }
        }
    )+ };
}

vectors! { V128 u128 }

macro_rules! references {
    ($($ty:ident = $name:ident, $ty_const:ident;)+) => { $(
        impl Raw for Option<$ty> {
            const TYPE: ValType = ValType::$ty_const;

            fn into_raw(self, store: StoreId) -> RawVal {
                Val::$name(self).to_raw(store)
            }

            unsafe fn from_raw(raw: RawVal, store: StoreId) -> Self {
                // SAFETY: by the contract.
                match unsafe { Val::from_raw(Self::TYPE, raw, store) } {
                    Val::$name(reference) => reference,
                    _ => None,
                }
            }
        }
    )+ };
}

references! {
    Func = FuncRef, FUNCREF;
    ExternRef = ExternRef, EXTERNREF;
}

impl<V: Raw> List for V {
    const LEN: usize = 1;

    fn types() -> Vec<ValType> {
        vec![V::TYPE]
    }

    fn matches(types: &[ValType]) -> bool {
        types == [V::TYPE]
    }

    fn write(self, values: &mut [RawVal], store: StoreId) {
        values[0] = self.into_raw(store);
    }

    unsafe fn read(values: &[RawVal], store: StoreId) -> Self {
        // SAFETY: by the contract.
        unsafe { V::from_raw(values[0], store) }
    }
}

impl List for () {
    const LEN: usize = 0;

    fn types() -> Vec<ValType> {
        Vec::new()
    }

    fn matches(types: &[ValType]) -> bool {
        types.is_empty()
    }

    fn write(self, _: &mut [RawVal], _: StoreId) {}

    unsafe fn read(_: &[RawVal], _: StoreId) -> Self {}
}

macro_rules! tuples {
    ($(($($V:ident $v:ident $i:tt),+))+) => { $(
        impl<$($V: Raw),+> List for ($($V,)+) {
            const LEN: usize = [$($i),+].len();

            fn types() -> Vec<ValType> {
                vec![$($V::TYPE),+]
            }

            fn matches(types: &[ValType]) -> bool {
                types == [$($V::TYPE),+]
            }

            fn write(self, values: &mut [RawVal], store: StoreId) {
                $( values[$i] = self.$i.into_raw(store); )+
            }

            unsafe fn read(values: &[RawVal], store: StoreId) -> Self {
                // SAFETY: by the contract.
                $( let $v = unsafe { $V::from_raw(values[$i], store) }; )+
                ($($v,)+)
            }
        }
    )+ };
}

tuples! {
    (V1 v1 0)
    (V1 v1 0, V2 v2 1)
    (V1 v1 0, V2 v2 1, V3 v3 2)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10, V12 v12 11)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10, V12 v12 11, V13 v13 12)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10, V12 v12 11, V13 v13 12, V14 v14 13)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10, V12 v12 11, V13 v13 12, V14 v14 13, V15 v15 14)
    (V1 v1 0, V2 v2 1, V3 v3 2, V4 v4 3, V5 v5 4, V6 v6 5, V7 v7 6, V8 v8 7, V9 v9 8, V10 v10 9, V11 v11 10, V12 v12 11, V13 v13 12, V14 v14 13, V15 v15 14, V16 v16 15)
}
