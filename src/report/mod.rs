//! What a run leaves behind: an inert report and the writers that format it.

mod report;

pub use report::{Check, Prediction, Report, SolverReport, Source};
