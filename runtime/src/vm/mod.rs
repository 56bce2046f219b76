//! The memory that compiled code and the runtime share: layout, code, and segments.

pub(crate) mod code;
pub(crate) mod const_expr;
pub(crate) mod dropped;
pub(crate) mod layout;
pub(crate) mod segments;
