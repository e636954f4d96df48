//! A drawing surface on plotters' SVG backend. plotters places things at whole units; a unit here
//! is 0.01 mm, about 1/26 of a screen pixel.

use super::markup::Text;
use super::style::Style;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::{BLACK, Color, RGBColor, ShapeStyle, TextStyle, WHITE};
use std::io;

/// How far tiles reach under their neighbours.
const OVERLAP: i32 = 12;

/// Units in a millimetre.
pub const MM: i32 = 100;

/// A place on the canvas, units right and down from the upper left corner.
pub type Place = (i32, i32);

/// `points` typographic points (1/72 inch) in units.
pub const fn pt(points: f64) -> i32 {
    (points * 25.4 / 72.0 * MM as f64 + 0.5) as i32
}

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    Solid,
    Dashed,
    OneDot,
    Short,
    Long,
    TwoDots,
    Sparse,
    Dotted,
    FineDotted,
}

impl Dash {
    /// Lengths of strokes and gaps in units; empty for a solid line.
    pub fn pattern(self) -> &'static str {
        match self {
            Dash::Solid => "",
            Dash::Dashed => "150 70",
            Dash::OneDot => "180 60 35 60",
            Dash::Short => "70 50",
            Dash::Long => "320 80",
            Dash::TwoDots => "180 55 35 55 35 55",
            Dash::Sparse => "80 160",
            Dash::Dotted => "1 119",
            Dash::FineDotted => "1 55",
        }
    }
}

/// Colour, width and dash of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pen {
    pub color: RGBColor,
    /// In units.
    pub width: i32,
    pub dash: Dash,
}

/// Where a text stands relative to its place; the place is always on the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
    /// Centred, turned to read upwards.
    Upwards,
}

/// A text and its place.
#[derive(Debug, Clone)]
pub struct Label {
    /// `^{…}` raises and `_{…}` lowers.
    pub text: String,
    pub at: Place,
    /// Height in units.
    pub size: i32,
    pub anchor: Anchor,
    pub color: RGBColor,
}

/// What plotters has no word for, in the order of drawing.
#[derive(Debug, Clone, Default)]
pub struct Drawn {
    /// Of polylines.
    pub dashes: Vec<Dash>,
    pub texts: Vec<Label>,
}

/// The surface.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
    drawn: Drawn,
    style: &'a Style,
}

impl<'a> Canvas<'a> {
    /// A white surface that writes plotters' SVG into `buffer`.
    pub fn new(buffer: &'a mut String, (width, height): Place, style: &'a Style) -> Self {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        Self {
            backend: SVGBackend::with_string(buffer, size),
            drawn: Drawn::default(),
            style,
        }
    }

    /// Closes the document; what its polylines and texts are.
    pub fn finish(mut self) -> io::Result<Drawn> {
        self.backend.present().map_err(io::Error::other)?;
        Ok(self.drawn)
    }

    /// A filled rectangle without outline.
    pub fn area(&mut self, from: Place, to: Place, color: RGBColor) -> io::Result<()> {
        let style = filled(color);
        self.backend
            .draw_rect(from, to, &style, true)
            .map_err(io::Error::other)
    }

    /// A filled rectangle in the colour of a line.
    pub fn line_area(&mut self, from: Place, to: Place, color: RGBColor) -> io::Result<()> {
        self.area(from, to, self.style.line_color(color))
    }

    /// A rectangle that reaches a little under its right and lower neighbours, which are drawn later, but not
    /// past `limit`: readers that smooth edges would let the ground shine through.
    pub fn tile(
        &mut self,
        from: Place,
        to: Place,
        limit: Place,
        color: RGBColor,
    ) -> io::Result<()> {
        let reach = |end: i32, limit: i32| (end + OVERLAP).min(limit).max(end);
        self.area(from, (reach(to.0, limit.0), reach(to.1, limit.1)), color)
    }

    /// A straight solid line.
    pub fn line(&mut self, from: Place, to: Place, pen: Pen) -> io::Result<()> {
        self.backend
            .draw_line(from, to, &self.stroke(pen))
            .map_err(io::Error::other)
    }

    /// An open polygon line, possibly dashed.
    pub fn path(&mut self, points: &[Place], pen: Pen) -> io::Result<()> {
        self.drawn.dashes.push(pen.dash);
        let points = points.iter().copied();
        self.backend
            .draw_path(points, &self.stroke(pen))
            .map_err(io::Error::other)
    }

    /// A filled disc.
    pub fn dot(&mut self, at: Place, radius: i32, color: RGBColor) -> io::Result<()> {
        let color = self.style.line_color(color);
        let (style, radius) = (filled(color), radius.unsigned_abs());
        self.backend
            .draw_circle(at, radius, &style, true)
            .map_err(io::Error::other)
    }

    /// A circle that is white inside.
    pub fn circle(&mut self, at: Place, radius: i32, pen: Pen) -> io::Result<()> {
        self.dot(at, radius, WHITE)?;
        let (style, radius) = (self.stroke(pen), radius.unsigned_abs());
        self.backend
            .draw_circle(at, radius, &style, false)
            .map_err(io::Error::other)
    }

    /// A square that is white inside.
    pub fn square(&mut self, (x, y): Place, half: i32, pen: Pen) -> io::Result<()> {
        self.area((x - half, y - half), (x + half, y + half), WHITE)?;
        let (left, right, top, bottom) = (x - half, x + half, y - half, y + half);
        let corners = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        self.path(
            &corners,
            Pen {
                dash: Dash::Solid,
                ..pen
            },
        )
    }

    fn stroke(&self, pen: Pen) -> ShapeStyle {
        ShapeStyle {
            color: self.style.line_color(pen.color).to_rgba(),
            filled: false,
            stroke_width: pen.width.unsigned_abs(),
        }
    }

    /// Black text of height `size` units.
    pub fn text(&mut self, text: &str, at: Place, size: i32, anchor: Anchor) -> io::Result<()> {
        self.label(Label {
            text: text.to_owned(),
            at,
            size,
            anchor,
            color: BLACK,
        })
    }

    /// A text in a colour of the palette.
    pub fn label(&mut self, label: Label) -> io::Result<()> {
        // The document replaces this element; plotters keeps its place among the others.
        let style = TextStyle::from(("sans-serif", label.size));
        self.backend
            .draw_text("·", &style, label.at)
            .map_err(io::Error::other)?;
        let color = self.style.line_color(label.color);
        self.drawn.texts.push(Label { color, ..label });
        Ok(())
    }
}

impl Style {
    /// The width of `text` at height `size`, both in canvas units.
    pub fn text_width(&self, text: &str, size: i32) -> i32 {
        (Text(text).width(self.font) * f64::from(size)).ceil() as i32
    }
}

fn filled(color: RGBColor) -> ShapeStyle {
    ShapeStyle {
        color: color.to_rgba(),
        filled: true,
        stroke_width: 0,
    }
}
