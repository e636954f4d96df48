//! What is trained: the network, the cost and the start, every random draw made.

mod cost;
mod curvature;
pub mod draws;
mod frame;
pub mod init;
mod network;
mod point_kind;
mod problem;
mod reduction;
mod tangent_kernel;

pub use cost::{Cost, CostScratch};
pub use curvature::CurvatureFactor;
pub use frame::Frame;
pub use network::Network;
pub use point_kind::PointKind;
pub use problem::Problem;
pub use reduction::Reduction;
pub use tangent_kernel::{KernelTerm, TangentKernel};
