//! The conversation between supervisor and subject. A driver needs none of this: [`main`](crate::main)
//! has the subject's side.
//!
//! - [`serve`]: the subject's side, from the first request to the exit.
//! - [`Request`] and [`Event`]: the messages, in the order that the module [`protocol`] draws.
//! - [`Channel`]: the socket with its lines, and [`json_lines`]: the codec for them.
//! - [`SharedPage`]: the [`StatusPage`] that both processes map.

mod channel;
pub mod json_lines;
pub mod protocol;
mod status_page;

pub use crate::serve::{ServeError, serve};
pub use crate::sys::SharedPage;
pub use channel::{Channel, ChannelError};
pub use protocol::{BarrierReached, Event, FailureCause, Lingering, OfferLine, Request};
pub use status_page::{
    NO_COUNTS, Readings, ReadingsSeen, StatusPage, StepKind, ThreadStatus, add_counts,
};
