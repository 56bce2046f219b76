//! Memory that supervisor and subject share.

#![expect(unsafe_code, reason = "a shared mapping is made and read through a pointer")]

mod shared_page;

pub use shared_page::SharedPage;
