//! What theory says before a run: predictions from the problem alone, offered only where their
//! assumptions hold.

mod balance;
pub mod conservation;
pub mod critical_point;
pub mod lazy;
pub mod minimum;
pub mod mode_strength;
mod prediction;
mod quadrature;
pub mod riccati;
pub mod schatten;
pub mod weight_decay;

pub use prediction::{Prediction, predictions};
