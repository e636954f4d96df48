//! Paper figures of a run as SVG, each with the numbers it draws:
//!
//! ```text
//! singular_values_linear, singular_values_log   σ_k against t, and log σ_k against log t
//! cost_linear, cost_log                         C, C_test and ‖∇‖ (log) against t and log t
//! ```
//!
//! of measured errors against a parameter, for the benchmarks (`errors`), and of sweeps (`plot`).
//!
//! `singular_values` and `cost` choose what is drawn, a `Chart`; `render` places it on a
//! `canvas` of hundredths of a millimetre; `svg` gives the document its size, title and dashes.

mod axis;
mod canvas;
mod chart;
mod cost;
mod errors;
mod legend;
mod markup;
mod onset;
mod palette;
mod polyline;
mod regimes;
mod render;
mod saddles;
mod scale;
mod singular_values;
mod svg;
mod sweep;
mod ticks;

use super::{Prediction, Report};
use crate::error::Error;
use crate::observe::{Event, Trajectory};
pub use errors::{Errors, errors};
pub use regimes::regimes;
pub use saddles::{Study, saddles};
use scale::Kind;
pub use sweep::{Line, Plot, Tile, Upright, plot};

/// What the figures are made from.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    pub title: &'a str,
    pub trajectory: &'a Trajectory,
    pub events: &'a [Event],
    pub predictions: &'a [Prediction],
    /// Whether tiny singular values have their own digits; otherwise they are roundoff of the largest.
    pub graded: bool,
}

impl<'a> From<&'a Report> for Drawing<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            title: &report.title,
            trajectory: &report.trajectory,
            events: &report.events,
            predictions: &report.predictions,
            graded: report.solver.frame_rotations.is_some(),
        }
    }
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// File name without extension.
    pub name: &'static str,
    /// The SVG document.
    pub svg: String,
    /// A table `series, x, y` of the vertices of everything drawn.
    pub numbers: String,
}

/// All figures of a run.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn all(drawing: &Drawing) -> Result<Vec<Figure>, Error> {
    [
        singular_values::chart(drawing, Kind::Linear),
        singular_values::chart(drawing, Kind::Log),
        cost::chart(drawing, Kind::Linear),
        cost::chart(drawing, Kind::Log),
    ]
    .into_iter()
    .map(|chart| render::figure(&chart))
    .collect()
}
