//! Saddles of the flow: the critical points that a greedy low-rank fit visits, and the flow of the
//! modes that wait at one.

mod greedy;
mod joints;
mod plateau;
mod trust_region;
mod waiting;

pub use greedy::{SaddleLevel, SaddleLevels, saddle_levels};
pub use plateau::Plateau;
pub use waiting::{Waiting, WaitingFlow};
