//! The gradient flow of a problem as a vector field.

mod layers;
mod tangent;

pub use layers::LayerFlow;
pub use tangent::LayerTangent;
