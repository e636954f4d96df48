//! The gradient flow of a problem as a vector field.

mod layers;
mod tangent;

pub use layers::{LayerFlow, magnitudes, pull_back};
pub use tangent::LayerTangent;
