//! The gradient flow of a problem as a vector field.

mod layers;

pub use layers::LayerFlow;
