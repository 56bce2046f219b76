//! Shared memory between supervisor and subject, and the descriptor that carries it.
#![allow(unsafe_code, reason = "a shared mapping is made and read through a pointer here")]

mod shared_page;

pub(crate) use shared_page::SharedPage;
