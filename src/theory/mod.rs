//! What theory says before a run: predictions from the problem alone, offered only where their
//! assumptions hold.

mod balance;
pub mod blow_up;
pub mod escape_sequence;
pub mod first_escape;
pub mod growth;
mod heteroclinic;
mod homogeneous;
pub mod mode_strength;
mod prediction;
pub mod riccati;
pub mod saddle_sequence;
mod taylor;
pub mod unmet;

pub use prediction::{Prediction, predictions};
