//! Values that pass between host and guest.

use std::fmt;

use crate::error::Error;
use crate::exception::ExnRef;
use crate::externref::ExternRef;
use crate::func::Func;
use crate::store::AsContext;
use crate::types::{FuncTypeId, HeapType, RefType, ValType};

/// A vector of 128 bits. WebAssembly's operators interpret it as lanes of integers or floats.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct V128([u8; 16]);

impl V128 {
    /// The bits. Lane 0 is in the low ones.
    pub const fn as_u128(self) -> u128 {
        u128::from_le_bytes(self.0)
    }
}

impl From<u128> for V128 {
    fn from(bits: u128) -> V128 {
        V128(bits.to_le_bytes())
    }
}

impl From<V128> for u128 {
    fn from(vector: V128) -> u128 {
        vector.as_u128()
    }
}

impl fmt::Debug for V128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V128({:#034x})", self.as_u128())
    }
}

/// A WebAssembly value. Floats are kept as bits, so that NaN payloads do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Val {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// Bits of a 32-bit float.
    F32(u32),
    /// Bits of a 64-bit float.
    F64(u64),
    /// Vector of 128 bits.
    V128(V128),
    /// A function, or null.
    FuncRef(Option<Func>),
    /// A value of the host, or null.
    ExternRef(Option<ExternRef>),
    /// An exception, or null.
    ExnRef(Option<ExnRef>),
}

impl Val {
    /// The type: of a function that of its parameters and results, of null that of any reference of
    /// its kind.
    ///
    /// # Errors
    /// None.
    ///
    /// # Panics
    /// If it is a function of another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType, Error> {
        let not_null = |heap_type| ValType::Ref(RefType::new(false, heap_type));
        Ok(match self {
            Val::FuncRef(Some(func)) => {
                let id = func.handle().type_id(store.as_context().into_inner());
                not_null(HeapType::ConcreteFunc(FuncTypeId::new(id)))
            }
            Val::ExternRef(Some(_)) => not_null(HeapType::Extern),
            Val::ExnRef(Some(_)) => not_null(HeapType::Exn),
            other => other.top_ty(),
        })
    }

    /// Returns true if it is of type `ty`.
    ///
    /// # Errors
    /// None.
    ///
    /// # Panics
    /// If it is a reference of another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool, Error> {
        Ok(self.is_of_type(*ty, store.as_context().into_inner()))
    }

    /// The type. Of a reference, that of any reference of its kind, or null.
    pub(crate) fn top_ty(&self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::V128(_) => ValType::V128,
            Val::FuncRef(_) => ValType::FUNCREF,
            Val::ExternRef(_) => ValType::EXTERNREF,
            Val::ExnRef(_) => ValType::EXNREF,
        }
    }

    /// Null of a type that refers to `heap_type`.
    pub fn null_ref(heap_type: &HeapType) -> Self {
        Val::null(*heap_type)
    }

    /// Null instead of a function.
    pub fn null_func_ref() -> Self {
        Val::FuncRef(None)
    }

    /// Null instead of a value of the host.
    pub fn null_extern_ref() -> Self {
        Val::ExternRef(None)
    }

    pub(crate) fn null(heap_type: HeapType) -> Self {
        match heap_type {
            HeapType::Func | HeapType::ConcreteFunc(_) => Val::FuncRef(None),
            HeapType::Extern => Val::ExternRef(None),
            HeapType::Exn | HeapType::NoExn => Val::ExnRef(None),
        }
    }

    /// Zero or null; `None` if null is not of the type.
    pub fn default_for_ty(ty: &ValType) -> Option<Self> {
        let has_default = match ty {
            ValType::Ref(ty) => ty.is_nullable(),
            _ => true,
        };
        has_default.then(|| Val::default_for(*ty))
    }

    /// Zero or null, even if null is not of the type.
    pub(crate) fn default_for(ty: ValType) -> Self {
        match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(V128::default()),
            ValType::Ref(ty) => Val::null(ty.heap_type()),
        }
    }

    /// The value, if it is an i32.
    pub fn i32(&self) -> Option<i32> {
        match self {
            Val::I32(value) => Some(*value),
            _ => None,
        }
    }

    /// The value, if it is an i64.
    pub fn i64(&self) -> Option<i64> {
        match self {
            Val::I64(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as an index of a memory or table.
    pub(crate) fn index(&self) -> Option<u64> {
        match *self {
            Val::I32(value) => Some(value.cast_unsigned().into()),
            Val::I64(value) => Some(value.cast_unsigned()),
            _ => None,
        }
    }

    /// The value, if it is an f32.
    pub fn f32(&self) -> Option<f32> {
        match self {
            Val::F32(bits) => Some(f32::from_bits(*bits)),
            _ => None,
        }
    }

    /// The value, if it is an f64.
    pub fn f64(&self) -> Option<f64> {
        match self {
            Val::F64(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    /// The value, if it is a vector.
    pub fn v128(&self) -> Option<V128> {
        match self {
            Val::V128(vector) => Some(*vector),
            _ => None,
        }
    }
}

/// A reference: an element of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ref {
    /// A function, or null.
    Func(Option<Func>),
    /// A value of the host, or null.
    Extern(Option<ExternRef>),
    /// An exception, or null.
    Exn(Option<ExnRef>),
}

impl Ref {
    /// Null of a type that refers to `heap_type`.
    pub fn null(heap_type: &HeapType) -> Self {
        match heap_type {
            HeapType::Func | HeapType::ConcreteFunc(_) => Ref::Func(None),
            HeapType::Extern => Ref::Extern(None),
            HeapType::Exn | HeapType::NoExn => Ref::Exn(None),
        }
    }

    /// Returns true for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Ref::Func(None) | Ref::Extern(None) | Ref::Exn(None))
    }

    /// Returns true for every other reference than null.
    pub fn is_non_null(&self) -> bool {
        !self.is_null()
    }

    /// Returns true for a function, and for null instead of one.
    pub fn is_func(&self) -> bool {
        matches!(self, Ref::Func(_))
    }

    /// Returns true for a value of the host, and for null instead of one.
    pub fn is_extern(&self) -> bool {
        matches!(self, Ref::Extern(_))
    }

    /// Returns true for an exception, and for null instead of one.
    pub fn is_exn(&self) -> bool {
        matches!(self, Ref::Exn(_))
    }

    /// The function or null, if it is one of these.
    pub fn as_func(&self) -> Option<Option<&Func>> {
        match self {
            Ref::Func(func) => Some(func.as_ref()),
            Ref::Extern(_) | Ref::Exn(_) => None,
        }
    }

    /// The value of the host or null, if it is one of these.
    pub fn as_extern(&self) -> Option<Option<&ExternRef>> {
        match self {
            Ref::Extern(value) => Some(value.as_ref()),
            Ref::Func(_) | Ref::Exn(_) => None,
        }
    }

    /// The exception or null, if it is one of these.
    pub fn as_exn(&self) -> Option<Option<&ExnRef>> {
        match self {
            Ref::Exn(exception) => Some(exception.as_ref()),
            Ref::Func(_) | Ref::Extern(_) => None,
        }
    }
}

impl From<Ref> for Val {
    fn from(reference: Ref) -> Val {
        match reference {
            Ref::Func(func) => Val::FuncRef(func),
            Ref::Extern(value) => Val::ExternRef(value),
            Ref::Exn(exception) => Val::ExnRef(exception),
        }
    }
}

impl From<Func> for Ref {
    fn from(func: Func) -> Ref {
        Ref::Func(Some(func))
    }
}

impl From<ExnRef> for Ref {
    fn from(exception: ExnRef) -> Ref {
        Ref::Exn(Some(exception))
    }
}

impl From<ExternRef> for Ref {
    fn from(value: ExternRef) -> Ref {
        Ref::Extern(Some(value))
    }
}

macro_rules! unwrap {
    ($($name:ident $get:ident $ty:ty;)+) => {
        impl Val { $(
            /// The value of this type.
            ///
            /// # Panics
            /// If it has another type.
            pub fn $name(&self) -> $ty {
                match self.$get() {
                    Some(value) => value,
                    None => panic!("{}: the value is {self:?}", stringify!($name)),
                }
            }
        )+ }
    };
}

unwrap! {
    unwrap_i32 i32 i32;
    unwrap_i64 i64 i64;
    unwrap_f32 f32 f32;
    unwrap_f64 f64 f64;
    unwrap_v128 v128 V128;
    unwrap_funcref funcref Option<&Func>;
    unwrap_externref externref Option<&ExternRef>;
    unwrap_exnref exnref Option<&ExnRef>;
}

impl Val {
    /// The function or null, if it is one of these.
    pub fn funcref(&self) -> Option<Option<&Func>> {
        match self {
            Val::FuncRef(func) => Some(func.as_ref()),
            _ => None,
        }
    }

    /// The value of the host or null, if it is one of these.
    pub fn externref(&self) -> Option<Option<&ExternRef>> {
        match self {
            Val::ExternRef(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// The exception or null, if it is one of these.
    pub fn exnref(&self) -> Option<Option<&ExnRef>> {
        match self {
            Val::ExnRef(exception) => Some(exception.as_ref()),
            _ => None,
        }
    }

    /// The reference, if it is one.
    pub fn ref_(&self) -> Option<Ref> {
        match self {
            Val::FuncRef(func) => Some(Ref::Func(*func)),
            Val::ExternRef(value) => Some(Ref::Extern(*value)),
            Val::ExnRef(exception) => Some(Ref::Exn(*exception)),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($ty:ty => |$value:ident| $val:expr;)+) => {
        $(impl From<$ty> for Val {
            fn from($value: $ty) -> Val {
                $val
            }
        })+
    };
}

from! {
    i32 => |value| Val::I32(value);
    i64 => |value| Val::I64(value);
    f32 => |value| Val::F32(value.to_bits());
    f64 => |value| Val::F64(value.to_bits());
    u128 => |bits| Val::V128(bits.into());
    V128 => |vector| Val::V128(vector);
    Func => |func| Val::FuncRef(Some(func));
    ExternRef => |reference| Val::ExternRef(Some(reference));
    Option<Func> => |func| Val::FuncRef(func);
    Option<ExternRef> => |reference| Val::ExternRef(reference);
    ExnRef => |exception| Val::ExnRef(Some(exception));
    Option<ExnRef> => |exception| Val::ExnRef(exception);
}
