//! Measurements along a run: what each accepted step shows, what is kept, which events happened.

mod event;
mod trajectory;

pub use event::{Direction, Event, EventKind, Quantity};
pub use trajectory::{Row, Trajectory};
