//! What compiled code and the runtime share in memory.

pub(crate) mod layout;
