//! Figures of a sweep: lines through points, quantiles along time, tiles over a plane.

use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape, Tile, Vertical};
use super::scale::{Kind, Scale, transform};
use super::words::{is_whole, words};
use super::{Figure, Style, palette, render};
use crate::error::Error;

/// What is drawn; empty lists are left out.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// File name without extension.
    pub name: String,
    pub title: String,
    pub description: String,
    /// Label, and whether the axis is logarithmic.
    pub x: (String, bool),
    pub y: (String, bool),
    pub lines: Vec<Line>,
    /// Lines over the whole height at one `x`, each in the colour of the line with this place.
    pub verticals: Vec<Upright>,
    pub tiles: Vec<Tile>,
    pub bar: Option<Bar>,
}

/// A curve and marks in its colour.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub marks: Vec<(f64, f64)>,
}

/// What the shades of tiles stand for, dark to bright.
#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub log: bool,
    pub range: (f64, f64),
}

impl Bar {
    /// The shade of a value: 0 at the lower end, 1 at the upper one.
    pub fn shade(&self, value: f64) -> f64 {
        let (lo, hi) = self.range;
        match hi > lo {
            true => self.scale().position(value).unwrap_or(0.0),
            false => 0.5,
        }
    }

    fn scale(&self) -> Scale {
        let (lo, hi) = self.range;
        match self.log {
            true => Scale::exactly(Kind::Log, lo.log10(), hi.log10()),
            false => Scale::linear(lo, hi),
        }
    }

    fn axis(&self) -> Axis {
        Axis {
            label: words(&self.label),
            scale: self.scale(),
        }
    }
}

/// A vertical line.
#[derive(Debug, Clone, PartialEq)]
pub struct Upright {
    pub name: String,
    pub x: f64,
    /// Place of the line that it belongs to.
    pub line: usize,
}

/// Draws a plot.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn plot(plot: &Plot, style: &Style) -> Result<Figure, Error> {
    let points = || {
        let lines = plot
            .lines
            .iter()
            .flat_map(|l| l.points.iter().chain(&l.marks));
        let corners = plot
            .tiles
            .iter()
            .flat_map(|t| [(t.x.0, t.y.0), (t.x.1, t.y.1)]);
        lines.copied().chain(corners)
    };
    let axes = (
        axis(&plot.x, !plot.tiles.is_empty(), points().map(|p| p.0)),
        axis(&plot.y, !plot.tiles.is_empty(), points().map(|p| p.1)),
    );
    let (title, description) = (plot.title.clone(), plot.description.clone());
    let mut chart = Chart {
        tiles: plot.tiles.clone(),
        bar: plot.bar.as_ref().map(Bar::axis),
        verticals: plot.verticals.iter().map(vertical).collect(),
        ..Chart::new(&plot.name, title, description, axes)
    };
    for (place, line) in plot.lines.iter().enumerate() {
        // One line needs no name: the axes have it.
        add(&mut chart, line, place + 1, plot.lines.len() > 1);
    }
    render::figure(chart, style)
}

/// Tiles fill their axes; curves have a little room around them.
fn axis(
    (label, log): &(String, bool),
    filled: bool,
    values: impl Iterator<Item = f64> + Clone,
) -> Axis {
    let kind = if *log { Kind::Log } else { Kind::Linear };
    let range = values.clone().filter_map(|v| transform(kind, v));
    let (lo, hi) = range.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
        (lo.min(v), hi.max(v))
    });
    let scale = match (log, filled && lo < hi) {
        (true, true) => Scale::exactly(kind, lo, hi),
        (true, false) => Scale::log_around(values),
        (false, true) => Scale::linear(lo, hi),
        (false, false) if lo <= hi => {
            let room = 0.04 * (hi - lo);
            Scale::linear(lo - room, hi + room)
        }
        (false, false) => Scale::linear(0.0, 1.0),
    };
    Axis {
        label: words(label),
        scale: Scale {
            whole: is_whole(label),
            ..scale
        },
    }
}

fn vertical(upright: &Upright) -> Vertical {
    Vertical {
        series: upright.name.clone(),
        pen: palette::mark(palette::mode(upright.line + 1).color),
        x: upright.x,
    }
}

/// Draws a line; `named`: with an entry in the legend.
fn add(chart: &mut Chart, line: &Line, number: usize, named: bool) {
    let pen = palette::mode(number);
    if number <= palette::NAMED_MODES && named && !line.name.is_empty() {
        chart.legend.push((Sample::Line(pen), line.name.clone()));
    }
    let mark = |&at: &(f64, f64)| Mark {
        series: format!("{} measured", line.name),
        shape: Shape::Circle,
        pen: palette::mark(pen.color),
        at,
    };
    chart.marks.extend(line.marks.iter().map(mark));
    chart.curves.push(Curve {
        series: line.name.clone(),
        pen,
        points: line.points.clone(),
    });
}

#[cfg(test)]
mod tests {
    use super::Bar;

    fn bar(log: bool, range: (f64, f64)) -> Bar {
        let label = String::new();
        Bar { label, log, range }
    }

    #[test]
    fn logarithmic_shades_are_equal_for_equal_quotients() {
        let shades = bar(true, (1e-4, 1e4));
        assert_eq!([0.0, 1e-4, 1e4].map(|v| shades.shade(v)), [0.0, 0.0, 1.0]);
        assert!((shades.shade(1.0) - 0.5).abs() < 1e-15);
        assert_eq!(bar(false, (-1.0, 3.0)).shade(1.0), 0.5);
        assert_eq!(bar(false, (2.0, 2.0)).shade(2.0), 0.5);
    }
}
