//! Measurements along a run: what each accepted step shows, what is kept, which events happened,
//! which laws of the flow were broken.
//!
//! [`RunObserver`] is handed to the driver and becomes [`Observed`]. It reads steps through their
//! dense output and never disturbs the integration.

mod adaptive;
mod allowance;
mod arc_length;
mod cones;
mod definite;
mod determinant;
mod energy;
mod event;
mod events;
mod gap;
mod imbalance;
mod instruments;
mod law;
mod levels;
mod locate;
mod measure;
mod mode_speed;
mod monitors;
mod observable;
mod options;
mod plateau;
mod polyline;
mod rank;
mod recorder;
mod run_observer;
mod sample;
mod trajectory;
mod view;
mod watch;

pub use event::{Direction, Event, EventKind, Quantity};
pub use gap::schatten_gap;
pub use law::Law;
pub use observable::Observable;
pub use options::{EventSpec, Grid, Recording, StopRules};
pub use recorder::grid_times;
pub use run_observer::{Observation, Observed, Progress, RunObserver};
pub use trajectory::{Row, Trajectory};
