//! The parsers of what people and other programs write.

pub mod budget;
pub mod protocol;
pub mod recording;
pub mod scenario;
