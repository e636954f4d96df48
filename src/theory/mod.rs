//! What theory says before a run: predictions from the problem alone, offered only where their
//! assumptions hold.

mod balance;
pub mod mode_strength;
mod prediction;
pub mod riccati;

pub use prediction::{Prediction, predictions};
