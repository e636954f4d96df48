//! Saddles of the flow without a run: the critical points that a greedy low-rank fit visits.

mod greedy;
mod trust_region;

pub use greedy::{SaddleLevel, SaddleLevels, saddle_levels};
