//! What a figure shows, in the units of the data.

use super::canvas::Pen;
use super::scale::{Kind, Scale, transform};

/// A curve through `points`; a point that is not finite, or not positive on a logarithmic axis,
/// leaves a gap.
pub struct Curve {
    /// Its name in the table of numbers.
    pub series: String,
    pub pen: Pen,
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Whether any of it has a place on a vertical axis of this kind.
    pub fn is_visible(&self, kind: Kind) -> bool {
        self.points.iter().any(|p| transform(kind, p.1).is_some())
    }
}

/// The shape of a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Circle,
    Square,
}

/// A mark at one point.
pub struct Mark {
    pub series: String,
    pub shape: Shape,
    pub pen: Pen,
    pub at: (f64, f64),
}

/// A line over the whole height at one `x`.
pub struct Vertical {
    pub series: String,
    pub pen: Pen,
    pub x: f64,
}

/// A shaded interval of `x`.
pub struct Band {
    pub series: String,
    pub from: f64,
    pub to: f64,
}

/// The picture in front of a legend text.
#[derive(Clone)]
pub enum Sample {
    Line(Pen),
    Mark(Shape, Pen),
    /// A vertical bar.
    Bar(Pen),
    Band,
    /// The colours of many lines side by side, between the name of the first and the text, that of the last.
    Ramp(String, Vec<Pen>),
}

/// One axis.
pub struct Axis {
    pub label: String,
    pub scale: Scale,
}

/// A filled rectangle of a heat map.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    pub x: (f64, f64),
    pub y: (f64, f64),
    /// The point that it stands for.
    pub at: (f64, f64),
    pub value: f64,
    /// From 0, dark, to 1, bright.
    pub shade: f64,
}

/// One panel. Things are drawn in the order tiles, bands, verticals, curves, marks.
pub struct Chart {
    pub name: String,
    pub title: String,
    pub description: String,
    pub x: Axis,
    pub y: Axis,
    pub tiles: Vec<Tile>,
    /// What the shades of the tiles stand for: `0 … 1` on its scale.
    pub bar: Option<Axis>,
    pub bands: Vec<Band>,
    pub verticals: Vec<Vertical>,
    pub curves: Vec<Curve>,
    pub marks: Vec<Mark>,
    pub legend: Vec<(Sample, String)>,
}

impl Chart {
    /// The legend's word for curves of this pen.
    pub fn name_of(&self, pen: Pen) -> Option<&str> {
        let line = |sample: &Sample| matches!(sample, Sample::Line(p) if *p == pen);
        let entry = self.legend.iter().find(|(sample, _)| line(sample));
        entry.map(|(_, text)| text.as_str())
    }

    /// Where a point lies along both axes, when it lies within them.
    pub fn place(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        self.x.scale.inside(x).zip(self.y.scale.inside(y))
    }

    /// Axes with nothing in them.
    pub fn new(name: &str, title: String, description: String, (x, y): (Axis, Axis)) -> Self {
        Self {
            name: name.to_owned(),
            title,
            description,
            x,
            y,
            tiles: Vec::new(),
            bar: None,
            bands: Vec::new(),
            verticals: Vec::new(),
            curves: Vec::new(),
            marks: Vec::new(),
            legend: Vec::new(),
        }
    }
}
