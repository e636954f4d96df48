//! Saddles of the flow: the critical points that a greedy low-rank fit visits, and the flow of the
//! modes that wait at one.

mod greedy;
mod greedy_path;
mod morse;
mod newton;
mod orbit;
mod plateau;
mod point;
mod trust_region;
mod waiting;

pub use greedy::{SaddleLevel, SaddleLevels, saddle_levels};
pub use greedy_path::GreedyPath;
pub use morse::{Kind, Morse};
pub use orbit::{Orbit, PathEnd, orbit};
pub use plateau::Plateau;
pub use point::Saddle;
pub use waiting::{Waiting, WaitingFlow};
