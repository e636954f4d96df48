//! A drawing surface on plotters' SVG backend. plotters places things at whole units; a unit here
//! is 0.01 mm, about 1/26 of a screen pixel.

use super::markup::Text;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, RGBColor, ShapeStyle, TextStyle, WHITE};
use plotters::style::{FontDesc, FontFamily, FontStyle, FontTransform};
use std::io;

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
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
    /// Centred, turned to read upwards.
    Upwards,
}

/// The surface.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
    /// Dashes of the polylines drawn so far, in order: plotters has no word for them.
    dashes: Vec<Dash>,
}

impl<'a> Canvas<'a> {
    /// A white surface that writes plotters' SVG into `buffer`.
    pub fn new(buffer: &'a mut String, (width, height): Place) -> Self {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        Self {
            backend: SVGBackend::with_string(buffer, size),
            dashes: Vec::new(),
        }
    }

    /// Closes the document; the dashes of its polylines in order.
    pub fn finish(mut self) -> io::Result<Vec<Dash>> {
        self.backend.present().map_err(io::Error::other)?;
        Ok(self.dashes)
    }

    /// A filled rectangle without outline.
    pub fn area(&mut self, from: Place, to: Place, color: RGBColor) -> io::Result<()> {
        let style = filled(color);
        self.backend
            .draw_rect(from, to, &style, true)
            .map_err(io::Error::other)
    }

    /// A straight solid line.
    pub fn line(&mut self, from: Place, to: Place, pen: Pen) -> io::Result<()> {
        self.backend
            .draw_line(from, to, &stroke(pen))
            .map_err(io::Error::other)
    }

    /// An open polygon line, possibly dashed.
    pub fn path(&mut self, points: &[Place], pen: Pen) -> io::Result<()> {
        self.dashes.push(pen.dash);
        let points = points.iter().copied();
        self.backend
            .draw_path(points, &stroke(pen))
            .map_err(io::Error::other)
    }

    /// A filled disc.
    pub fn dot(&mut self, at: Place, radius: i32, color: RGBColor) -> io::Result<()> {
        let (style, radius) = (filled(color), radius.unsigned_abs());
        self.backend
            .draw_circle(at, radius, &style, true)
            .map_err(io::Error::other)
    }

    /// A circle that is white inside.
    pub fn circle(&mut self, at: Place, radius: i32, pen: Pen) -> io::Result<()> {
        self.dot(at, radius, WHITE)?;
        let (style, radius) = (stroke(pen), radius.unsigned_abs());
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

    /// Text of height `size` units; `^{…}` raises and `_{…}` lowers.
    pub fn text(&mut self, text: &str, at: Place, size: i32, anchor: Anchor) -> io::Result<()> {
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle | Anchor::Upwards => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let turn = match anchor {
            Anchor::Upwards => FontTransform::Rotate270,
            _ => FontTransform::None,
        };
        // plotters divides sizes by 1.24 when it writes them.
        let size = f64::from(size) * 1.24;
        let font = FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal);
        let style = TextStyle {
            font: font.transform(turn),
            color: BLACK.to_backend_color(),
            pos: Pos::new(h_pos, VPos::Top),
        };
        self.backend
            .draw_text(text, &style, at)
            .map_err(io::Error::other)
    }

    /// The width that `text` takes at `size`, estimated generously: fonts differ.
    pub fn text_width(text: &str, size: i32) -> i32 {
        (Text(text).ems() * f64::from(size)).ceil() as i32
    }
}

fn stroke(pen: Pen) -> ShapeStyle {
    ShapeStyle {
        color: pen.color.to_rgba(),
        filled: false,
        stroke_width: pen.width.unsigned_abs(),
    }
}

fn filled(color: RGBColor) -> ShapeStyle {
    ShapeStyle {
        color: color.to_rgba(),
        filled: true,
        stroke_width: 0,
    }
}
