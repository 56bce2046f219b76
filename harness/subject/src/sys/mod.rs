//! Shared memory between supervisor and subject and the descriptor that carries it, and processes
//! that end with their parent.
#![allow(
    unsafe_code,
    reason = "a shared mapping is made and read through a pointer, and a forked child asks to be \
              tied to its parent before it runs its program"
)]

mod die_with_parent;
mod shared_page;

pub use die_with_parent::die_with_parent;
pub use shared_page::SharedPage;
