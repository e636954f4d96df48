//! What a run leaves behind: an inert report, the writers that format it, one file per format, and
//! the reader that takes a finished folder back for its figures.
//!
//! ```text
//! Report -> table                                  (standard output)
//!        -> csv, events, json, npz, figure, manifest -> folder   (written aside, then renamed)
//! folder -> read -> figure                         (nothing recomputed)
//! ```

pub mod csv;
pub mod events;
pub mod figure;
pub mod folder;
pub mod json;
pub mod landscape;
pub mod manifest;
pub mod npz;
pub mod quantiles;
pub mod read;
pub mod regimes;
pub mod saddles;
pub mod suite;
pub mod summary;
pub mod table;
pub mod theory;

mod names;
#[allow(clippy::module_inception)] // the folder is of writers, the file is what they write
mod report;

pub use folder::{
    Extras, Input, Keep, Written, add_file, redraw, writable, write, write_file, write_new,
};
pub(crate) use read::is_folder;
pub use read::{Finished, finished, is_output};
pub use report::{
    Check, Decay, Declined, Outcome, Prediction, Report, SolverReport, Source, Threshold,
};
