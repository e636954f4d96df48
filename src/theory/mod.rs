//! What theory says before a run: predictions from the problem alone, offered only where their
//! assumptions hold.

pub mod mode_strength;
mod prediction;

pub use prediction::{Prediction, predictions};
