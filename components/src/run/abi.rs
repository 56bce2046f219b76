//! Lowering and lifting of values by the canonical ABI, with 32-bit memories and strings of UTF-8.

use std::vec::IntoIter;

use leakbench_runtime::{Error, Func, Memory, Store, Val};

use super::host::ComponentState;
use crate::data::Data;
use crate::value_type::{ValueType, discriminant_bytes, layout_of_fields, payload_align};

/// Maximum number of arguments that are no pointer to all of them.
pub(super) const FLAT_PARAMS_MAX: usize = 16;

/// Bytes of a result, with those that several pointers share. The host needs up to a hundred times as many.
const LIFTED_BYTES_MAX: usize = 8 << 20;

fn wrong(reason: &str) -> Error {
    Error::msg(reason)
}

/// Writes arguments into the memory of a component instance.
pub(super) struct Lowering<'a> {
    pub(super) store: &'a mut Store<ComponentState>,
    pub(super) memory: Option<Memory>,
    pub(super) realloc: Option<Func>,
}

impl Lowering<'_> {
    /// The bits of the core values of `data`.
    pub(super) fn flat(
        &mut self,
        ty: &ValueType,
        data: &Data,
        out: &mut Vec<u64>,
    ) -> Result<(), Error> {
        match data {
            Data::Scalar(bits) => out.push(*bits),
            Data::Text(text) => {
                let at = self.bytes(text.as_bytes(), 1)?;
                out.extend([at as u64, text.len() as u64]);
            }
            Data::List(elements) => {
                let at = self.elements(ty, elements)?;
                out.extend([at as u64, elements.len() as u64]);
            }
            Data::Fields(fields) => {
                for (ty, data) in ty.fields().unwrap_or_default().into_iter().zip(fields) {
                    self.flat(ty, data, out)?;
                }
            }
            Data::Case(case, payload) => {
                let len = out.len() + ty.flatten().len();
                out.push(*case as u64);
                let cases = ty.cases().unwrap_or_default();
                if let (Some(Some(ty)), Some(payload)) = (cases.get(*case), payload) {
                    self.flat(ty, payload, out)?;
                }
                // The places of other cases.
                out.resize(len, 0);
            }
        }
        Ok(())
    }

    /// Writes all arguments to one place, and returns it.
    pub(super) fn spilled(&mut self, types: &[&ValueType], data: &[Data]) -> Result<usize, Error> {
        let (size, align) = layout_of_fields(types.iter().copied());
        let at = self.allocate(size, align)?;
        self.fields(types, data, at)?;
        Ok(at)
    }

    fn fields(&mut self, types: &[&ValueType], data: &[Data], mut at: usize) -> Result<(), Error> {
        for (ty, data) in types.iter().zip(data) {
            let (size, align) = ty.layout();
            at = at.next_multiple_of(align);
            self.store(ty, data, at)?;
            at += size;
        }
        Ok(())
    }

    fn elements(&mut self, ty: &ValueType, elements: &[Data]) -> Result<usize, Error> {
        let ValueType::List(ty) = ty else { return Err(wrong("a list of another type")) };
        let (size, align) = ty.layout();
        let at = self.allocate(size.saturating_mul(elements.len()), align)?;
        for (nth, element) in elements.iter().enumerate() {
            self.store(ty, element, at + nth * size)?;
        }
        Ok(at)
    }

    fn store(&mut self, ty: &ValueType, data: &Data, at: usize) -> Result<(), Error> {
        match data {
            Data::Scalar(bits) => self.write(&bits.to_le_bytes()[..ty.layout().0], at),
            Data::Text(text) => {
                let place = self.bytes(text.as_bytes(), 1)?;
                self.pair(place, text.len(), at)
            }
            Data::List(elements) => {
                let place = self.elements(ty, elements)?;
                self.pair(place, elements.len(), at)
            }
            Data::Fields(data) => self.fields(&ty.fields().unwrap_or_default(), data, at),
            Data::Case(case, payload) => {
                let cases = ty.cases().unwrap_or_default();
                let tag = discriminant_bytes(cases.len());
                self.write(&(*case as u32).to_le_bytes()[..tag], at)?;
                match (cases.get(*case), payload) {
                    (Some(Some(of_case)), Some(payload)) => self.store(
                        of_case,
                        payload,
                        at + tag.next_multiple_of(payload_align(&cases)),
                    ),
                    _ => Ok(()),
                }
            }
        }
    }

    fn pair(&mut self, place: usize, len: usize, at: usize) -> Result<(), Error> {
        self.write(&(place as u32).to_le_bytes(), at)?;
        self.write(&(len as u32).to_le_bytes(), at + 4)
    }

    fn bytes(&mut self, bytes: &[u8], align: usize) -> Result<usize, Error> {
        let at = self.allocate(bytes.len(), align)?;
        self.write(bytes, at)?;
        Ok(at)
    }

    fn write(&mut self, bytes: &[u8], at: usize) -> Result<(), Error> {
        let memory = self.memory.ok_or_else(|| wrong("a function without a memory"))?;
        memory.write(&mut *self.store, at, bytes)
    }

    /// Asks the guest for memory.
    fn allocate(&mut self, size: usize, align: usize) -> Result<usize, Error> {
        let realloc = self.realloc.ok_or_else(|| wrong("a function without realloc"))?;
        let size = i32::try_from(size).map_err(|_| wrong("an argument of more than 2 GiB"))?;
        let params = [Val::I32(0), Val::I32(0), Val::I32(align as i32), Val::I32(size)];
        let mut result = [Val::I32(0)];
        realloc.call(&mut *self.store, &params, &mut result)?;
        let at = result[0].i32().unwrap_or_default() as u32 as usize;
        if !at.is_multiple_of(align) {
            return Err(wrong("realloc returned a place that is not aligned"));
        }
        Ok(at)
    }
}

/// Reads results from the memory of a component instance.
pub(super) struct Lifting<'a> {
    pub(super) memory: &'a [u8],
    /// Bytes that were read.
    pub(super) lifted_bytes: usize,
}

impl Lifting<'_> {
    /// The data of core values, whose bits `flat` has.
    pub(super) fn flat(&mut self, ty: &ValueType, flat: &mut IntoIter<u64>) -> Result<Data, Error> {
        match ty {
            ValueType::String => {
                let (at, len) = (next(flat)?, next(flat)?);
                self.text(at as u32 as usize, len as u32 as usize)
            }
            ValueType::List(element) => {
                let (at, len) = (next(flat)?, next(flat)?);
                self.list(element, at as u32 as usize, len as u32 as usize)
            }
            ty => {
                if let Some(fields) = ty.fields() {
                    let fields = fields.into_iter().map(|ty| self.flat(ty, flat));
                    return Ok(Data::Fields(fields.collect::<Result<_, _>>()?));
                }
                let bits = next(flat)?;
                match ty.cases() {
                    None => scalar(bits, ty),
                    Some(cases) => {
                        let rest = ty.flatten().len() - 1;
                        let rest: Vec<u64> = flat.by_ref().take(rest).collect();
                        let case = bits as u32 as usize;
                        match cases.get(case) {
                            None => Err(wrong("a case that its type does not have")),
                            Some(None) => Ok(Data::Case(case, None)),
                            Some(Some(ty)) => {
                                let payload = self.flat(ty, &mut rest.into_iter())?;
                                Ok(Data::Case(case, Some(Box::new(payload))))
                            }
                        }
                    }
                }
            }
        }
    }

    /// The data at a place of the memory.
    pub(super) fn load(&mut self, ty: &ValueType, at: usize) -> Result<Data, Error> {
        let (size, align) = ty.layout();
        if !at.is_multiple_of(align) {
            return Err(wrong("a pointer that is not aligned"));
        }
        match ty {
            ValueType::String | ValueType::List(_) => {
                let (place, len) = (self.number(at, 4)? as usize, self.number(at + 4, 4)? as usize);
                match ty {
                    ValueType::List(element) => self.list(element, place, len),
                    _ => self.text(place, len),
                }
            }
            ty => {
                if let Some(fields) = ty.fields() {
                    let mut at = at;
                    let mut data = Vec::with_capacity(fields.len());
                    for ty in fields {
                        let (size, align) = ty.layout();
                        at = at.next_multiple_of(align);
                        data.push(self.load(ty, at)?);
                        at += size;
                    }
                    return Ok(Data::Fields(data));
                }
                let Some(cases) = ty.cases() else { return scalar(self.number(at, size)?, ty) };
                let tag = discriminant_bytes(cases.len());
                let case = self.number(at, tag)? as usize;
                match cases.get(case) {
                    None => Err(wrong("a case that its type does not have")),
                    Some(None) => Ok(Data::Case(case, None)),
                    Some(Some(ty)) => {
                        let place = at + tag.next_multiple_of(payload_align(&cases));
                        Ok(Data::Case(case, Some(Box::new(self.load(ty, place)?))))
                    }
                }
            }
        }
    }

    fn list(&mut self, ty: &ValueType, at: usize, len: usize) -> Result<Data, Error> {
        let (size, align) = ty.layout();
        if !at.is_multiple_of(align) {
            return Err(wrong("a list that is not aligned"));
        }
        // The elements are counted when they are read.
        let end = at.saturating_add(len.saturating_mul(size));
        self.memory.get(at..end).ok_or_else(|| wrong("a pointer beyond the memory"))?;
        let elements = (0..len).map(|nth| self.load(ty, at + nth * size));
        Ok(Data::List(elements.collect::<Result<_, _>>()?))
    }

    fn text(&mut self, at: usize, len: usize) -> Result<Data, Error> {
        let bytes = self.range(at, len)?;
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("a string that is not UTF-8"))?;
        Ok(Data::Text(text.to_owned()))
    }

    fn number(&mut self, at: usize, size: usize) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.range(at, size)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn range(&mut self, at: usize, len: usize) -> Result<&[u8], Error> {
        self.lifted_bytes = self.lifted_bytes.saturating_add(len);
        if self.lifted_bytes > LIFTED_BYTES_MAX {
            return Err(wrong("a result of more than 8 MiB"));
        }
        let end = at.saturating_add(len);
        self.memory.get(at..end).ok_or_else(|| wrong("a pointer beyond the memory"))
    }
}

fn next(flat: &mut IntoIter<u64>) -> Result<u64, Error> {
    flat.next().ok_or_else(|| wrong("too few core values"))
}

/// Of a type without cases and fields.
pub(super) fn scalar(bits: u64, ty: &ValueType) -> Result<Data, Error> {
    let bits = match ty {
        // Each number but 0 is true.
        ValueType::Bool => u64::from(bits as u32 != 0),
        ValueType::U8 | ValueType::S8 => bits & 0xff,
        ValueType::U16 | ValueType::S16 => bits & 0xffff,
        ValueType::S64 | ValueType::U64 | ValueType::F64 => bits,
        ValueType::Char if char::from_u32(bits as u32).is_none() => {
            return Err(wrong("a character that is no Unicode scalar value"));
        }
        ValueType::Flags(names) => bits & ((1 << names.len()) - 1),
        _ => bits & 0xffff_ffff,
    };
    Ok(Data::Scalar(bits))
}
