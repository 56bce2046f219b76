//! Types of values at the boundary of a component, and their form in the canonical ABI.

use wasm_wave::value::Type;

/// A type of values. Handles, streams and futures are none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<ValueType>),
    Record(Vec<(String, ValueType)>),
    Tuple(Vec<ValueType>),
    Variant(Vec<(String, Option<ValueType>)>),
    Enum(Vec<String>),
    Option(Box<ValueType>),
    Result { ok: Option<Box<ValueType>>, err: Option<Box<ValueType>> },
    Flags(Vec<String>),
}

/// A core type of a flat value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flat {
    I32,
    I64,
    F32,
    F64,
}

impl Flat {
    /// A type that holds values of both.
    fn join(self, other: Flat) -> Flat {
        match (self, other) {
            (a, b) if a == b => a,
            (Flat::I32, Flat::F32) | (Flat::F32, Flat::I32) => Flat::I32,
            _ => Flat::I64,
        }
    }
}

/// The cases of a type with a discriminant: the type of each payload.
pub(crate) type Cases<'a> = Vec<Option<&'a ValueType>>;

impl ValueType {
    /// The cases of a variant, an option, a result or an enum.
    pub(crate) fn cases(&self) -> Option<Cases<'_>> {
        Some(match self {
            ValueType::Variant(cases) => {
                cases.iter().map(|(_, payload)| payload.as_ref()).collect()
            }
            ValueType::Enum(names) => vec![None; names.len()],
            ValueType::Option(some) => vec![None, Some(&**some)],
            ValueType::Result { ok, err } => vec![ok.as_deref(), err.as_deref()],
            _ => return None,
        })
    }

    /// The fields of a record or a tuple.
    pub(crate) fn fields(&self) -> Option<Vec<&ValueType>> {
        match self {
            ValueType::Record(fields) => Some(fields.iter().map(|(_, ty)| ty).collect()),
            ValueType::Tuple(fields) => Some(fields.iter().collect()),
            _ => None,
        }
    }

    /// Size and alignment in a memory, in bytes.
    pub(crate) fn layout(&self) -> (usize, usize) {
        if let Some(fields) = self.fields() {
            return layout_of_fields(fields);
        }
        if let Some(cases) = self.cases() {
            let (size, align) = payload_layout(&cases);
            let tag = discriminant_bytes(cases.len());
            let align = align.max(tag);
            return (
                (tag.next_multiple_of(payload_align(&cases)) + size).next_multiple_of(align),
                align,
            );
        }
        match self {
            ValueType::Bool | ValueType::S8 | ValueType::U8 => (1, 1),
            ValueType::S16 | ValueType::U16 => (2, 2),
            ValueType::S64 | ValueType::U64 | ValueType::F64 => (8, 8),
            ValueType::String | ValueType::List(_) => (8, 4),
            ValueType::Flags(names) => flags_layout(names.len()),
            _ => (4, 4),
        }
    }

    /// The core types of a value that is no place in memory.
    pub(crate) fn flatten(&self) -> Vec<Flat> {
        if let Some(fields) = self.fields() {
            return fields.iter().flat_map(|field| field.flatten()).collect();
        }
        if let Some(cases) = self.cases() {
            let mut joined: Vec<Flat> = Vec::new();
            for case in cases.into_iter().flatten() {
                for (at, flat) in case.flatten().into_iter().enumerate() {
                    match joined.get_mut(at) {
                        Some(place) => *place = place.join(flat),
                        None => joined.push(flat),
                    }
                }
            }
            joined.insert(0, Flat::I32);
            return joined;
        }
        match self {
            ValueType::S64 | ValueType::U64 => vec![Flat::I64],
            ValueType::F32 => vec![Flat::F32],
            ValueType::F64 => vec![Flat::F64],
            ValueType::String | ValueType::List(_) => vec![Flat::I32, Flat::I32],
            _ => vec![Flat::I32],
        }
    }

    /// The type in the WAVE syntax; `None` for one without fields or cases, which has no values there.
    pub(crate) fn wave(&self) -> Option<Type> {
        Some(match self {
            ValueType::Bool => Type::BOOL,
            ValueType::S8 => Type::S8,
            ValueType::U8 => Type::U8,
            ValueType::S16 => Type::S16,
            ValueType::U16 => Type::U16,
            ValueType::S32 => Type::S32,
            ValueType::U32 => Type::U32,
            ValueType::S64 => Type::S64,
            ValueType::U64 => Type::U64,
            ValueType::F32 => Type::F32,
            ValueType::F64 => Type::F64,
            ValueType::Char => Type::CHAR,
            ValueType::String => Type::STRING,
            ValueType::List(element) => Type::list(element.wave()?),
            ValueType::Record(fields) => {
                let fields = fields.iter().map(|(name, ty)| Some((name.as_str(), ty.wave()?)));
                Type::record(fields.collect::<Option<Vec<_>>>()?)?
            }
            ValueType::Tuple(fields) => {
                Type::tuple(fields.iter().map(ValueType::wave).collect::<Option<Vec<_>>>()?)?
            }
            ValueType::Variant(cases) => {
                let mut of_wave = Vec::new();
                for (name, payload) in cases {
                    of_wave.push((name.as_str(), optional(payload.as_ref())?));
                }
                Type::variant(of_wave)?
            }
            ValueType::Enum(names) => Type::enum_ty(names.iter().map(String::as_str))?,
            ValueType::Option(some) => Type::option(some.wave()?),
            ValueType::Result { ok, err } => {
                Type::result(optional(ok.as_deref())?, optional(err.as_deref())?)
            }
            ValueType::Flags(names) => Type::flags(names.iter().map(String::as_str))?,
        })
    }
}

/// The inner `None` is a case without a payload; the outer one a type without values.
fn optional(payload: Option<&ValueType>) -> Option<Option<Type>> {
    match payload {
        None => Some(None),
        Some(payload) => payload.wave().map(Some),
    }
}

/// Size and alignment of fields one after the other.
pub(crate) fn layout_of_fields<'a>(
    fields: impl IntoIterator<Item = &'a ValueType>,
) -> (usize, usize) {
    let (mut size, mut align) = (0usize, 1);
    for field in fields {
        let (of_field, align_of_field) = field.layout();
        size = size.next_multiple_of(align_of_field) + of_field;
        align = align.max(align_of_field);
    }
    (size.next_multiple_of(align), align)
}

/// The size of a discriminant in bytes.
pub(crate) fn discriminant_bytes(cases: usize) -> usize {
    match cases {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

fn payload_layout(cases: &Cases<'_>) -> (usize, usize) {
    let layouts = cases.iter().flatten().map(|case| case.layout());
    layouts.fold((0, 1), |(size, align), (of_case, align_of_case)| {
        (size.max(of_case), align.max(align_of_case))
    })
}

/// The alignment of the payloads of a type with a discriminant.
pub(crate) fn payload_align(cases: &Cases<'_>) -> usize {
    payload_layout(cases).1
}

/// Flags are bits of a number of 8, 16 or 32 bits. A type has at most 32.
fn flags_layout(flags: usize) -> (usize, usize) {
    match flags {
        0..=8 => (1, 1),
        9..=16 => (2, 2),
        _ => (4, 4),
    }
}
