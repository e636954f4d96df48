//! Training dynamics of deep linear networks.
//!
//! A network `A = W_L … W_1`, `W_l : n_l × n_{l-1}`, is trained by gradient flow
//! `dW_l/dt = −∂/∂W_l [C(A) + λ‖θ‖²]`. A scenario is data; a problem is a scenario with every
//! random draw made; a reduction is the same problem with wide hidden layers narrowed exactly; a
//! flow is a vector field that knows nothing of time steps; one driver advances any vector field
//! and shows each accepted step to observers; observers become a trajectory and a list of events;
//! a report is inert and writers only format it.
//!
//! ```text
//! file.toml -> Scenario -> Built -> Reduction -> LayerFlow -> integrate() -> Step -> Observer
//!                            |                                                            |
//!                            +--> saddle levels, predictions, expectations -> checks -> Report
//! ```
//!
//! One run, its escape times beside the closed form:
//!
//! ```
//! use dlnflow::observe::EventKind;
//! use dlnflow::run::{Watch, run};
//! use dlnflow::scenario::Scenario;
//! use std::path::Path;
//!
//! let file = Path::new("scenarios/basics/two_layer_staircase.toml");
//! let scenario = Scenario::load(file, &["solver.rtol=1e-9".to_string()])?;
//! let built = scenario.build()?; // every random draw is made, every mistake found
//! let report = run(&scenario, &built, Watch::default());
//! let escapes = report.events.iter().filter(|e| e.kind == EventKind::Escape);
//! for (escape, prediction) in escapes.zip(&report.predictions) {
//!     println!("mode {:?}: {} (theory: {})", escape.index, escape.time, prediction.value);
//!     assert!((escape.time / prediction.value - 1.0).abs() < 2e-8); // 20 rtol
//! }
//! # assert_eq!(report.predictions.len(), 8); // four escapes, four final values
//! # Ok::<(), dlnflow::scenario::InputErrors>(())
//! ```
//!
//! Thousands of runs in one folder: [`sweep`]. The documents in `docs/` are for users of the program; `docs/architecture.md` says what each
//! module may know.

pub mod digest;
pub mod error;
pub mod flow;
pub mod gallery;
pub mod integrate;
pub mod linalg;
pub mod model;
pub mod observe;
pub mod regime;
pub mod report;
pub mod run;
pub mod saddle;
pub mod scenario;
pub mod sweep;
pub mod theory;
pub mod verify;
