//! Observations of any process, with no help from it: what was recorded, what it means, and what
//! is drawn from it.

mod record;
mod resource;

pub use record::*;
pub use resource::Resource;
