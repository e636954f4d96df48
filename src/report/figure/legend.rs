//! The legend stands above the axes, where it covers nothing, in as many rows as it needs.

use super::canvas::{Anchor, Canvas, Place, pt};
use super::chart::{Sample, Shape};
use super::palette;
use std::io;

const TEXT: i32 = pt(7.5);
const ROW: i32 = 370;
const SAMPLE: i32 = 520;
const MARK_SAMPLE: i32 = 200;
const GAP: i32 = 90;
const BETWEEN: i32 = 210;

/// Radius of a mark's circle.
pub const MARK_RADIUS: i32 = 62;

/// A legend laid out in rows.
pub struct Legend<'a> {
    rows: Vec<Vec<&'a (Sample, String)>>,
}

impl<'a> Legend<'a> {
    /// Breaks the entries into rows of at most `width` units.
    pub fn new(entries: &'a [(Sample, String)], width: i32) -> Self {
        let mut rows: Vec<Vec<_>> = Vec::new();
        let mut used = 0;
        for entry in entries {
            let needed = entry_width(entry);
            match rows.last_mut() {
                Some(row) if used + needed <= width + BETWEEN => row.push(entry),
                _ => {
                    rows.push(vec![entry]);
                    used = 0;
                }
            }
            used += needed;
        }
        Self { rows }
    }

    /// Height in units.
    pub fn height(&self) -> i32 {
        self.rows.len() as i32 * ROW
    }

    /// Draws the legend; `origin` is its upper left corner.
    pub fn draw(&self, canvas: &mut Canvas, origin: Place) -> io::Result<()> {
        let mut y = origin.1 + ROW / 2;
        for row in &self.rows {
            let mut x = origin.0;
            for entry in row {
                draw_sample(canvas, entry.0, (x, y))?;
                let baseline = y + (0.3 * f64::from(TEXT)) as i32;
                let at = (x + sample_width(entry.0) + GAP, baseline);
                canvas.text(&entry.1, at, TEXT, Anchor::Start)?;
                x += entry_width(entry);
            }
            y += ROW;
        }
        Ok(())
    }
}

fn sample_width(sample: Sample) -> i32 {
    match sample {
        Sample::Mark(..) => MARK_SAMPLE,
        Sample::Line(_) | Sample::Band => SAMPLE,
    }
}

fn entry_width((sample, text): &(Sample, String)) -> i32 {
    sample_width(*sample) + GAP + Canvas::text_width(text, TEXT) + BETWEEN
}

fn draw_sample(canvas: &mut Canvas, sample: Sample, (x, y): Place) -> io::Result<()> {
    match sample {
        Sample::Line(pen) => canvas.path(&[(x, y), (x + SAMPLE, y)], pen),
        Sample::Mark(shape, pen) => draw_mark(canvas, shape, (x + MARK_SAMPLE / 2, y), pen),
        Sample::Band => canvas.area((x, y - 110), (x + SAMPLE, y + 110), palette::PALE),
    }
}

/// Draws a mark at its place.
pub fn draw_mark(
    canvas: &mut Canvas,
    shape: Shape,
    at: Place,
    pen: super::canvas::Pen,
) -> io::Result<()> {
    match shape {
        Shape::Circle => canvas.circle(at, MARK_RADIUS, pen),
        Shape::Square => canvas.square(at, MARK_RADIUS * 9 / 10, pen),
    }
}
