//! Modules: what a binary declares, its code and its memory image.

pub(crate) mod info;
pub(crate) mod parse;
mod unsupported;

#[cfg(test)]
mod tests;
