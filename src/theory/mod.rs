//! What theory says before a run: predictions from the problem alone, offered only where their
//! assumptions hold.

mod balance;
pub mod blow_up;
pub mod conservation;
pub mod critical_point;
pub mod escape_sequence;
pub mod first_escape;
pub mod growth;
mod heteroclinic;
mod homogeneous;
pub mod lazy;
pub mod minimum;
pub mod mode_strength;
pub mod origin;
mod prediction;
mod quadrature;
mod rank_stability;
pub mod riccati;
pub mod saddle_sequence;
pub mod schatten;
pub mod schatten_minimum;
mod straightening;
mod taylor;
pub mod unmet;
pub mod weight_decay;

pub use prediction::{Declined, Prediction, Predictions, Quantity, Question, Reach, predictions};
