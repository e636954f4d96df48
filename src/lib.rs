//! Training dynamics of deep linear networks.
//!
//! A network `A = W_L … W_1`, `W_l : n_l × n_{l-1}`, is trained by gradient flow
//! `dW_l/dt = −∂/∂W_l [C(A) + λ‖θ‖²]`. A scenario is data; a problem is a scenario with every
//! random draw made; a flow is a vector field that knows nothing of time steps; one driver
//! advances any vector field and shows each accepted step to observers; observers become a
//! trajectory and a list of events; a report is inert and writers only format it.

pub mod error;
pub mod flow;
pub mod integrate;
pub mod linalg;
pub mod model;
pub mod observe;
pub mod report;
pub mod run;
pub mod saddle;
pub mod scenario;
pub mod theory;
pub mod verify;
