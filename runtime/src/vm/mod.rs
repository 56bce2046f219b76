//! What compiled code and the runtime share in memory.

pub(crate) mod code;
pub(crate) mod const_expr;
pub(crate) mod dropped;
pub(crate) mod layout;
pub(crate) mod segments;
