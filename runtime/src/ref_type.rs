//! The types of references.

use std::fmt;

/// The type of a reference: what it refers to, and whether it can be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefType {
    is_nullable: bool,
    heap_type: HeapType,
}

/// The type of what a reference refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeapType {
    /// A function of any type.
    Func,
    /// An opaque value of the host.
    Extern,
    /// An exception.
    Exn,
    /// No exception: a reference of this type is null.
    NoExn,
    /// A function of one type.
    ConcreteFunc(FuncTypeId),
}

/// A function type of an engine. [`Engine::func_type`](crate::Engine::func_type) returns its
/// parameters and results, as long as a module, a store or a host function uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncTypeId(u32);

impl FuncTypeId {
    pub(crate) fn new(id: u32) -> Self {
        FuncTypeId(id)
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }

    /// The type at index `index` of the recursion group that is being interned, from the start of
    /// the group.
    pub(crate) fn in_group(index: u32) -> Self {
        FuncTypeId(IN_GROUP | index)
    }

    /// The index in the group that is being interned, if it is a type of that.
    pub(crate) fn index_in_group(self) -> Option<u32> {
        (self.0 & IN_GROUP != 0).then_some(self.0 & !IN_GROUP)
    }
}

/// Marks types of the group that is being interned. Engines have fewer ids.
const IN_GROUP: u32 = 1 << 31;

impl HeapType {
    /// Returns true for functions of any or of one type.
    pub fn is_func(self) -> bool {
        match self {
            HeapType::Func | HeapType::ConcreteFunc(_) => true,
            HeapType::Extern | HeapType::Exn | HeapType::NoExn => false,
        }
    }

    /// The widest type of its kind: any function for a function of one type.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Func | HeapType::ConcreteFunc(_) => HeapType::Func,
            HeapType::Extern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
        }
    }

    /// The type that has `f` applied to the id of a concrete type.
    pub(crate) fn map_id(self, f: impl FnOnce(FuncTypeId) -> FuncTypeId) -> Self {
        match self {
            HeapType::ConcreteFunc(id) => HeapType::ConcreteFunc(f(id)),
            abstract_type => abstract_type,
        }
    }
}

impl RefType {
    /// A reference to any function, or null.
    pub const FUNCREF: RefType = RefType::new(true, HeapType::Func);
    /// An opaque reference to a value of the host, or null.
    pub const EXTERNREF: RefType = RefType::new(true, HeapType::Extern);
    /// A reference to an exception, or null.
    pub const EXNREF: RefType = RefType::new(true, HeapType::Exn);

    /// A reference to a `heap_type`, or null if it is nullable.
    pub const fn new(is_nullable: bool, heap_type: HeapType) -> Self {
        RefType { is_nullable, heap_type }
    }

    /// Returns true if null is of this type.
    pub fn is_nullable(&self) -> bool {
        self.is_nullable
    }

    /// The type of what it refers to.
    pub fn heap_type(&self) -> HeapType {
        self.heap_type
    }

    /// Returns true if each value of this type is a value of type `other`.
    pub fn matches(&self, other: &RefType) -> bool {
        let is_nullable = other.is_nullable || !self.is_nullable;
        // Of each kind the widest type has all values.
        let is_wider = other.heap_type == self.heap_type.top();
        is_nullable && (self.heap_type == other.heap_type || is_wider)
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapType::Func => f.write_str("func"),
            HeapType::Extern => f.write_str("extern"),
            HeapType::Exn => f.write_str("exn"),
            HeapType::NoExn => f.write_str("noexn"),
            HeapType::ConcreteFunc(id) => write!(f, "type {}", id.0),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_nullable, self.heap_type) {
            (true, HeapType::Func) => f.write_str("funcref"),
            (true, HeapType::Extern) => f.write_str("externref"),
            (true, HeapType::Exn) => f.write_str("exnref"),
            (true, HeapType::NoExn) => f.write_str("nullexnref"),
            (true, heap_type) => write!(f, "(ref null {heap_type})"),
            (false, heap_type) => write!(f, "(ref {heap_type})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_matches_wider_types() {
        let concrete = |id| HeapType::ConcreteFunc(FuncTypeId(id));
        let (func, exn) = (HeapType::Func, HeapType::Exn);
        let all = [func, HeapType::Extern, concrete(1), concrete(2), exn, HeapType::NoExn]
            .map(|heap| [false, true].map(|null| RefType::new(null, heap)));
        let wider = [(concrete(1), func), (concrete(2), func), (HeapType::NoExn, exn)];
        for a in all.as_flattened() {
            for b in all.as_flattened() {
                let heap =
                    a.heap_type == b.heap_type || wider.contains(&(a.heap_type, b.heap_type));
                assert_eq!(a.matches(b), heap && a.is_nullable <= b.is_nullable, "{a} {b}");
            }
        }
        let texts = all.as_flattened().iter().map(RefType::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(
            texts,
            "(ref func) funcref (ref extern) externref (ref type 1) (ref null type 1) \
             (ref type 2) (ref null type 2) (ref exn) exnref (ref noexn) nullexnref"
        );
    }
}
