//! Shared memory between supervisor and subject and the descriptor that carries it, and processes
//! that end with their parent.
#![allow(
    unsafe_code,
    reason = "a shared mapping is made and read through a pointer, and a forked child asks to be \
              tied to its parent before it runs its program"
)]

#[cfg(feature = "cli")]
mod die_with_parent;
mod shared_page;

#[cfg(feature = "cli")]
pub(crate) use die_with_parent::die_with_parent;
pub(crate) use shared_page::SharedPage;
