//! Measurements along a run: what each accepted step shows, what is kept, which events happened.

mod event;
mod options;
mod trajectory;

pub use event::{Direction, Event, EventKind, Quantity};
pub use options::{EventSpec, Grid, Recording, StopRules};
pub use trajectory::{Row, Trajectory};
