//! The encoding of declarations: fixed-width integers in the machine's byte order, lists with their
//! length first.

use std::collections::HashMap;
use std::ops::Range;

/// Writes the declarations of one module.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// The module's index of each of the engine's types that was written so far.
    pub(super) types: HashMap<u32, u32>,
}

/// Reads what a [`Writer`] wrote. `None` if the bytes end too early or a value is not possible.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// A value in the declarations.
pub(super) trait Item: Sized {
    fn write(&self, to: &mut Writer);

    fn read(from: &mut Reader<'_>) -> Option<Self>;

    /// Reads a list of `len` items.
    fn read_list(from: &mut Reader<'_>, len: usize) -> Option<Vec<Self>> {
        // A damaged length must not reserve more than there can be.
        let mut items = Vec::with_capacity(len.min(from.0.len()));
        for _ in 0..len {
            items.push(Self::read(from)?);
        }
        Some(items)
    }
}

impl Writer {
    pub(super) fn list<T: Item>(&mut self, items: &[T]) {
        items.len().write(self);
        items.iter().for_each(|item| item.write(self));
    }
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

macro_rules! integers {
    ($($type:ty)+) => { $(
        impl Item for $type {
            fn write(&self, to: &mut Writer) {
                to.bytes.extend_from_slice(&self.to_ne_bytes());
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                let bytes = from.take(size_of::<Self>())?;
                Some(Self::from_ne_bytes(bytes.try_into().ok()?))
            }

            fn read_list(from: &mut Reader<'_>, len: usize) -> Option<Vec<Self>> {
                let bytes = from.take(len.checked_mul(size_of::<Self>())?)?;
                let (items, _) = bytes.as_chunks();
                Some(items.iter().map(|&item| Self::from_ne_bytes(item)).collect())
            }
        }
    )+ };
}

integers! { u8 u32 u64 u128 i32 i64 usize }

impl Item for bool {
    fn write(&self, to: &mut Writer) {
        u8::from(*self).write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(u8::read(from)? != 0)
    }

    fn read_list(from: &mut Reader<'_>, len: usize) -> Option<Vec<Self>> {
        Some(from.take(len)?.iter().map(|&byte| byte != 0).collect())
    }
}

impl Item for String {
    fn write(&self, to: &mut Writer) {
        self.len().write(to);
        to.bytes.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = usize::read(from)?;
        Some(str::from_utf8(from.take(len)?).ok()?.to_owned())
    }
}

impl<T: Item> Item for Option<T> {
    fn write(&self, to: &mut Writer) {
        self.is_some().write(to);
        if let Some(item) = self {
            item.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(match bool::read(from)? {
            true => Some(T::read(from)?),
            false => None,
        })
    }
}

impl<T: Item> Item for Vec<T> {
    fn write(&self, to: &mut Writer) {
        to.list(self);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = usize::read(from)?;
        T::read_list(from, len)
    }
}

impl<T: Item> Item for Box<[T]> {
    fn write(&self, to: &mut Writer) {
        to.list(self);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Vec::read(from).map(Vec::into_boxed_slice)
    }
}

impl<T: Item> Item for Range<T> {
    fn write(&self, to: &mut Writer) {
        self.start.write(to);
        self.end.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(T::read(from)?..T::read(from)?)
    }
}
