//! Paper figures of a run as SVG, each with the numbers it draws:
//!
//! ```text
//! singular_values_linear, singular_values_log   σ_k against t, and log σ_k against log t
//! cost_linear, cost_log                         C, C_test and ‖∇‖ (log) against t and log t
//! ```
//!
//! of measured errors against a parameter, for the benchmarks (`errors`), and of sweeps (`plot`).
//!
//! `singular_values` and `cost` choose what is drawn, a `Chart`; `layout` places one or several by a
//! `Style`; `render` draws them on a `canvas` of hundredths of a millimetre; `svg` makes the document;
//! `export` and `script` make PDF, PNG, and programs that draw the same numbers.

mod axis;
mod canvas;
mod chart;
mod cost;
mod end_labels;
mod errors;
mod export;
mod font;
mod key;
mod layout;
mod legend;
mod markup;
mod mode_pens;
mod onset;
mod palette;
mod panel;
mod polyline;
mod regimes;
mod render;
mod saddles;
mod scale;
mod script;
mod singular_values;
mod style;
mod svg;
mod sweep;
mod thinning;
mod ticks;
mod words;

use super::{Prediction, Report};
use crate::error::Error;
use crate::observe::{Event, Trajectory};
pub use chart::Tile;
pub use errors::{Errors, error_panels, errors};
pub use font::Family;
pub use panel::{Column, Panel, Side};
pub use regimes::regimes;
pub use saddles::{Study, saddles};
use scale::Kind;
use std::collections::BTreeSet;
pub use style::{ColorMap, Colors, Extra, Height, LegendPlace, Style, TextMode};
pub use sweep::{Bar, Line, Plot, Stands, Upright, plot};
pub use words::{words, words_of_mode};

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
            graded: report.solver.frame_rotations.is_some_and(|n| n > 0),
        }
    }
}

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// File name without extension.
    pub name: String,
    /// The SVG document.
    pub svg: String,
    /// A table `series, x, y` of the vertices of everything drawn.
    pub numbers: String,
    /// Further files, by the ends of their names.
    pub extras: Vec<(&'static str, Vec<u8>)>,
}

impl Figure {
    /// All files of the figure, by their names in the output folder.
    pub fn files(self) -> Vec<(String, Vec<u8>)> {
        let file = |end: &str| format!("figures/{}{end}", self.name);
        let mut files = vec![
            (file(".svg"), self.svg.into_bytes()),
            (file(".csv"), self.numbers.into_bytes()),
        ];
        let extras = self.extras.into_iter();
        files.extend(extras.map(|(end, bytes)| (file(end), bytes)));
        files
    }
}

/// Which figures of a run are drawn, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    pub style: Style,
    /// Of a further figure, `panels`, when there are any.
    pub panels: Vec<Panel>,
    /// The figures to draw; all when empty.
    pub only: Vec<String>,
}

impl Look {
    /// Signs in labels of panels that stay empty boxes where text is drawn with the bundled face: that does not have
    /// them.
    pub fn missing_signs(&self) -> Vec<char> {
        let drawn = self.style.text == TextMode::Paths
            || self
                .style
                .extras
                .iter()
                .any(|extra| matches!(extra, Extra::Pdf | Extra::Png));
        let sides = self.panels.iter().flat_map(|panel| [&panel.x, &panel.y]);
        let labels = sides
            .filter(|_| drawn)
            .filter_map(|side| side.label.as_deref());
        let unknown = |sign: &char| !self.style.font.has(*sign);
        let missing: BTreeSet<char> = labels.flat_map(str::chars).filter(unknown).collect();
        missing.into_iter().collect()
    }
}

/// The standard figures of a run.
pub const STANDARD: [&str; 4] = [
    "singular_values_linear",
    "singular_values_log",
    "cost_linear",
    "cost_log",
];
/// The figure of the user's own panels.
pub const PANELS: &str = "panels";

/// The figures of a run that `look` asks for.
///
/// # Errors
/// `Io` when the drawing backend or a conversion fails.
pub fn all(drawing: &Drawing, look: &Look) -> Result<Vec<Figure>, Error> {
    let wanted = |name: &str| look.only.is_empty() || look.only.iter().any(|n| n == name);
    let mut figures = Vec::new();
    for name in STANDARD.into_iter().filter(|name| wanted(name)) {
        figures.push(render::figure(standard(drawing, name), &look.style)?);
    }
    if !look.panels.is_empty() && wanted(PANELS) {
        let panels = look.panels.iter();
        let charts: Vec<_> = panels.map(|p| panel::chart(drawing, p)).collect();
        figures.push(render::panels(PANELS, &charts, &look.style)?);
    }
    Ok(figures)
}

fn standard(drawing: &Drawing, name: &str) -> chart::Chart {
    match name {
        "singular_values_linear" => singular_values::chart(drawing, Kind::Linear),
        "singular_values_log" => singular_values::chart(drawing, Kind::Log),
        "cost_linear" => cost::chart(drawing, Kind::Linear),
        _ => cost::chart(drawing, Kind::Log),
    }
}
