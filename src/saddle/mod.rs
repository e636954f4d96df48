//! Saddles of the flow without a run: the critical points that a greedy low-rank fit visits.

mod greedy;

pub use greedy::{SaddleLevel, saddle_levels};
