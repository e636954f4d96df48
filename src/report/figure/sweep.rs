//! Figures of a sweep: lines through points, quantiles along time, tiles over a plane.

use super::canvas::{Dash, Pen, pt};
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
    /// Lines over the whole height at one `x`.
    pub verticals: Vec<Upright>,
    /// What the legend says beside the names of lines.
    pub key: Vec<(Stands, String)>,
    pub tiles: Vec<Tile>,
    pub bar: Option<Bar>,
}

/// A curve, and marks and bars in its colour.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub marks: Vec<(f64, f64)>,
    /// `x`, and where a vertical bar begins and ends.
    pub bars: Vec<(f64, f64, f64)>,
    /// Thin, in the colour of the line before it, and without a name in the legend.
    pub thin: bool,
}

/// What an entry of the legend explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Line,
    Thin,
    Mark,
    Bar,
    /// Verticals of this kind.
    Vertical(usize),
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
        self.scale().position(value).unwrap_or(0.0)
    }

    /// The bar; a single value stands in its middle.
    fn scale(&self) -> Scale {
        let (lo, hi) = match self.log {
            true => (self.range.0.log10(), self.range.1.log10()),
            false => self.range,
        };
        let half = match hi > lo {
            true => 0.0,
            false => 0.5_f64.max(0.5 * lo.abs()),
        };
        match self.log {
            true => Scale::exactly(Kind::Log, lo - half, hi + half),
            false => Scale::linear(lo - half, hi + half),
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
    /// Place of the line, among those that are not thin, that has its colour.
    pub line: usize,
    /// Each kind has its own dash.
    pub kind: usize,
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
        let bars = plot.lines.iter().flat_map(|l| &l.bars);
        let bars = bars.flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        let corners = plot
            .tiles
            .iter()
            .flat_map(|t| [(t.x.0, t.y.0), (t.x.1, t.y.1)]);
        lines.copied().chain(bars).chain(corners)
    };
    let axes = (
        axis(&plot.x, !plot.tiles.is_empty(), points().map(|p| p.0)),
        axis(&plot.y, !plot.tiles.is_empty(), points().map(|p| p.1)),
    );
    let (title, description) = (plot.title.clone(), plot.description.clone());
    let colors = plot.lines.iter().filter(|line| !line.thin).count();
    let verticals = plot.verticals.iter();
    let mut chart = Chart {
        tiles: plot.tiles.clone(),
        bar: plot.bar.as_ref().map(Bar::axis),
        verticals: verticals.map(|upright| vertical(upright, colors)).collect(),
        ..Chart::new(&plot.name, title, description, axes)
    };
    let mut number = 0;
    for line in &plot.lines {
        number += usize::from(!line.thin);
        add(&mut chart, line, number, colors);
    }
    let key = plot.key.iter();
    chart
        .legend
        .extend(key.map(|(stands, text)| (stands.sample(colors), text.clone())));
    render::figure(chart, style)
}

impl Stands {
    /// In the colour of the only line, else in black for all.
    fn sample(self, colors: usize) -> Sample {
        let pen = Pen {
            dash: Dash::Solid,
            ..palette::line(1, 1)
        };
        let color = if colors == 1 {
            pen.color
        } else {
            palette::BLACK
        };
        let pen = Pen { color, ..pen };
        match self {
            Stands::Line => Sample::Line(pen),
            Stands::Thin => Sample::Line(palette::thin(pen)),
            Stands::Mark => Sample::Mark(Shape::Circle, palette::mark(color)),
            Stands::Bar => Sample::Bar(bar_pen(pen)),
            Stands::Vertical(kind) => Sample::Line(vertical_pen(pen, kind)),
        }
    }
}

fn bar_pen(pen: Pen) -> Pen {
    Pen {
        width: pt(0.6),
        dash: Dash::Solid,
        ..pen
    }
}

fn vertical_pen(pen: Pen, kind: usize) -> Pen {
    const DASHES: [Dash; 3] = [Dash::Solid, Dash::Short, Dash::TwoDots];
    Pen {
        width: pt(0.6),
        dash: DASHES[kind % DASHES.len()],
        ..pen
    }
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
            let room = match hi > lo {
                true => 0.04 * (hi - lo),
                false => 0.5 * lo.abs().max(1.0),
            };
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

fn vertical(upright: &Upright, colors: usize) -> Vertical {
    Vertical {
        series: upright.name.clone(),
        pen: vertical_pen(palette::line(upright.line + 1, colors), upright.kind),
        x: upright.x,
    }
}

/// Draws line `number` of `count`.
fn add(chart: &mut Chart, line: &Line, number: usize, count: usize) {
    let pen = palette::line(number, count);
    // One line needs no name: the axes have it.
    if count > 1 && !line.thin && !line.name.is_empty() {
        chart.legend.push((Sample::Line(pen), line.name.clone()));
    }
    let mark = |&at: &(f64, f64)| Mark {
        series: named(line, "measured"),
        shape: Shape::Circle,
        pen: palette::mark(pen.color),
        at,
    };
    chart.marks.extend(line.marks.iter().map(mark));
    chart.curves.extend(bars(line, bar_pen(pen)));
    chart.curves.push(Curve {
        series: line.name.clone(),
        pen: if line.thin { palette::thin(pen) } else { pen },
        points: line.points.clone(),
    });
}

/// The bars of a line, with a gap after each.
fn bars(line: &Line, pen: Pen) -> Option<Curve> {
    const GAP: (f64, f64) = (f64::NAN, f64::NAN);
    let ends = line.bars.iter();
    let points = ends.flat_map(|&(x, low, high)| [(x, low), (x, high), GAP]);
    (!line.bars.is_empty()).then(|| Curve {
        series: named(line, "bar"),
        pen,
        points: points.collect(),
    })
}

fn named(line: &Line, what: &str) -> String {
    format!("{} {what}", line.name).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_constant_lies_in_the_middle_of_its_axis() {
        for value in [5.0, -3e4, 0.0, 1e-9] {
            let label = ("cost".to_owned(), false);
            let axis = axis(&label, false, [value; 3].into_iter());
            assert!((axis.scale.position(value).expect("linear") - 0.5).abs() < 1e-9);
        }
    }

    #[test]
    fn every_kind_of_line_is_named() {
        let line = |name: &str, thin| Line {
            name: name.to_owned(),
            points: vec![(0.0, 1.0), (1.0, 2.0)],
            marks: vec![(0.0, 1.0)],
            bars: vec![(0.0, 0.5, 1.5)],
            thin,
        };
        let upright = |kind| Upright {
            name: format!("kind {kind}"),
            x: 0.5,
            line: 1,
            kind,
        };
        let key = [
            (Stands::Thin, "quantiles"),
            (Stands::Mark, "measured"),
            (Stands::Bar, "bars"),
            (Stands::Vertical(0), "first"),
            (Stands::Vertical(1), "second"),
        ];
        let shown = Plot {
            lines: vec![line("a", false), line("a 0.1", true), line("b", false)],
            verticals: vec![upright(0), upright(1)],
            key: key.map(|(stands, text)| (stands, text.to_owned())).to_vec(),
            ..Plot::default()
        };
        let figure = plot(&shown, &Style::default()).expect("a figure");
        for name in ["a", "b", "quantiles", "measured", "bars", "first", "second"] {
            assert!(figure.svg.contains(&format!(">{name}</text>")), "{name}");
        }
        assert!(!figure.svg.contains(">a 0.1</text>"));
        for series in ["a bar", "a 0.1", "b measured", "kind 1"] {
            assert!(figure.numbers.contains(&format!("\n{series},")), "{series}");
        }
        // A thin line has the colour of the one before it; two colours are enough.
        for color in ["#0072B2", "#D55E00"] {
            assert!(figure.svg.contains(color));
        }
        assert!(!figure.svg.contains("#009E73"));
    }
}
