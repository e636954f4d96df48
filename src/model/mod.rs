//! What is trained: the network, the cost and the start, every random draw made.

mod cost;
mod curvature;
pub mod draws;
mod frame;
pub mod init;
mod network;
mod point_kind;
mod reduction;
mod tangent_kernel;

pub use cost::{Cost, CostScratch};
pub use curvature::CurvatureFactor;
pub use frame::Frame;
pub use network::Network;
pub use point_kind::PointKind;
pub use reduction::Reduction;
pub use tangent_kernel::{KernelTerm, TangentKernel};

/// A network, a cost `C(A)`, the regularisation `λ` and the initial weights.
#[derive(Debug, Clone)]
pub struct Problem {
    pub network: Network,
    pub cost: Cost,
    /// `λ` of `C(A) + λ‖θ‖²`.
    pub l2: f64,
    /// Packed weights at `t = 0`, as `Network` lays them out.
    pub initial_weights: Vec<f64>,
}
