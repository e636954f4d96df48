//! The legend: above the axes in as many rows as it needs, inside them where nothing is drawn,
//! or in one column to their right.

use super::canvas::{Anchor, Canvas, Pen, Place};
use super::chart::{Sample, Shape};
use super::key::compact;
use super::palette;
use super::polyline::Frame;
use super::style::Style;
use std::collections::BTreeSet;
use std::io;

/// Lengths at the default font size.
const ROW: i32 = 370;
const SAMPLE: i32 = 520;
const MARK_SAMPLE: i32 = 200;
/// Of one colour in a key.
const COLOR: i32 = 90;
const GAP: i32 = 90;
const BETWEEN: i32 = 210;
/// Above the axes, where a key can stand for more.
const MOST_ROWS: usize = 2;
/// A legend is not made smaller than this part of what is asked for.
const LEAST_PART: f64 = 0.3;
/// Room between an inner legend and what stands around it.
const INNER: i32 = 60;
/// Places that an inner legend tries along each axis.
const GRID: i32 = 16;

/// Radius of a mark's circle.
pub const MARK_RADIUS: i32 = 62;

/// A legend laid out in rows.
pub struct Legend<'a> {
    rows: Vec<Vec<(Sample, String)>>,
    style: &'a Style,
    /// Of the size that `style` asks for.
    part: f64,
}

impl<'a> Legend<'a> {
    /// Breaks the entries into rows of at most `width` units.
    pub fn rows(entries: &[(Sample, String)], width: i32, style: &'a Style) -> Self {
        let all = Self::broken(entries, width, style);
        match all.rows.len() > MOST_ROWS {
            true => Self::broken(&compact(entries), width, style),
            false => all,
        }
    }

    fn broken(entries: &[(Sample, String)], width: i32, style: &'a Style) -> Self {
        let mut legend = Self {
            rows: Vec::new(),
            style,
            part: 1.0,
        };
        let mut used = 0;
        for entry in entries {
            let needed = legend.entry_width(entry);
            match legend.rows.last_mut() {
                Some(row) if used + needed <= width + style.scaled(BETWEEN) => {
                    row.push(entry.clone());
                }
                _ => {
                    legend.rows.push(vec![entry.clone()]);
                    used = 0;
                }
            }
            used += needed;
        }
        legend
    }

    /// One entry below the other, `height` units at most where a key can stand for many.
    pub fn column(entries: &[(Sample, String)], height: i32, style: &'a Style) -> Self {
        let all = |entries: &[(Sample, String)]| Self {
            rows: entries.iter().map(|entry| vec![entry.clone()]).collect(),
            style,
            part: 1.0,
        };
        match entries.len() as i32 * style.scaled(ROW) > height {
            true => all(&compact(entries)),
            false => all(entries),
        }
    }

    /// Smaller where it would be wider than `width` units.
    pub fn within(mut self, width: i32) -> Self {
        let wide = self.size().0;
        if wide > width {
            self.part = (f64::from(width) / f64::from(wide)).max(LEAST_PART);
        }
        self
    }

    /// How many entries stand in each row.
    pub fn row_lengths(&self) -> Vec<usize> {
        self.rows.iter().map(Vec::len).collect()
    }

    fn small(&self) -> i32 {
        (self.part * f64::from(self.style.small())).floor() as i32
    }

    fn scaled(&self, length: i32) -> i32 {
        (self.part * f64::from(self.style.scaled(length))).floor() as i32
    }

    /// Width and height in units.
    pub fn size(&self) -> Place {
        let rows = self.rows.iter();
        let width = rows.map(|row| row.iter().map(|e| self.entry_width(e)).sum::<i32>());
        let last = self.scaled(BETWEEN);
        (
            width.max().map_or(0, |w| w - last),
            self.rows.len() as i32 * self.scaled(ROW),
        )
    }

    /// Draws the legend; `origin` is its upper left corner.
    pub fn draw(&self, canvas: &mut Canvas, origin: Place) -> io::Result<()> {
        let row_height = self.scaled(ROW);
        let mut y = origin.1 + row_height / 2;
        for row in &self.rows {
            let mut x = origin.0;
            for entry in row {
                self.draw_entry(canvas, entry, (x, y))?;
                x += self.entry_width(entry);
            }
            y += row_height;
        }
        Ok(())
    }

    fn draw_entry(
        &self,
        canvas: &mut Canvas,
        (sample, text): &(Sample, String),
        (x, y): Place,
    ) -> io::Result<()> {
        let size = self.small();
        let baseline = y + (0.36 * f64::from(size)) as i32;
        if let Sample::Ramp(first, _) = sample {
            canvas.text(first, (x, baseline), size, Anchor::Start)?;
        }
        let at = x + self.before(sample);
        self.draw_sample(canvas, sample, (at, y))?;
        let after = at + self.sample_width(sample) + self.scaled(GAP);
        canvas.text(text, (after, baseline), size, Anchor::Start)
    }

    /// Draws the legend on a white ground.
    pub fn draw_inside(&self, canvas: &mut Canvas, (x, y): Place) -> io::Result<()> {
        let (width, height) = self.size();
        canvas.area((x, y), (x + width, y + height), palette::WHITE)?;
        self.draw(canvas, (x, y))
    }

    fn sample_width(&self, sample: &Sample) -> i32 {
        self.scaled(match sample {
            Sample::Mark(..) | Sample::Bar(_) => MARK_SAMPLE,
            Sample::Line(_) | Sample::Band => SAMPLE,
            Sample::Ramp(_, pens) => (pens.len() as i32 * COLOR).clamp(2 * SAMPLE, 4 * SAMPLE),
        })
    }

    /// Room for what stands before the sample.
    fn before(&self, sample: &Sample) -> i32 {
        match sample {
            Sample::Ramp(first, _) => self.style.text_width(first, self.small()) + self.scaled(GAP),
            _ => 0,
        }
    }

    fn entry_width(&self, (sample, text): &(Sample, String)) -> i32 {
        let text = self.style.text_width(text, self.small());
        let sample = self.before(sample) + self.sample_width(sample);
        sample + self.scaled(GAP + BETWEEN) + text
    }

    fn draw_sample(&self, canvas: &mut Canvas, sample: &Sample, (x, y): Place) -> io::Result<()> {
        let width = self.sample_width(sample);
        match sample {
            Sample::Line(pen) => canvas.path(&[(x, y), (x + width, y)], *pen),
            Sample::Mark(shape, pen) => draw_mark(canvas, *shape, (x + width / 2, y), *pen),
            Sample::Bar(pen) => {
                let x = x + width / 2;
                canvas.path(&[(x, y + 110), (x, y - 110)], *pen)
            }
            Sample::Band => canvas.area((x, y - 110), (x + width, y + 110), palette::PALE),
            Sample::Ramp(_, pens) => {
                let count = pens.len().max(1) as i32;
                let edge = |i: usize| x + width * i as i32 / count;
                pens.iter().enumerate().try_for_each(|(i, pen)| {
                    let (from, to) = ((edge(i), y - 90), (edge(i + 1), y + 90));
                    canvas.line_area(from, to, pen.color)
                })
            }
        }
    }
}

/// Where in `frame` a box of this size covers none of `taken`: a corner, the upper right one first, else any
/// place on a grid.
pub fn free_place(size: Place, frame: &Frame, taken: &BTreeSet<Place>) -> Option<Place> {
    let [left, right, top, bottom] =
        [frame.left, frame.right, frame.top, frame.bottom].map(|v| v as i32);
    let first = (left + INNER, top + INNER);
    let last = (right - size.0 - INNER, bottom - size.1 - INNER);
    if last.0 < first.0 || last.1 < first.1 {
        return None;
    }
    let along = |from: i32, to: i32, part: i32| from + (to - from) * part / GRID;
    let corners = [(GRID, 0), (0, 0), (GRID, GRID), (0, GRID)];
    let grid = (0..=GRID).flat_map(|y| (0..=GRID).rev().map(move |x| (x, y)));
    let places = corners.into_iter().chain(grid);
    let mut places = places.map(|(x, y)| (along(first.0, last.0, x), along(first.1, last.1, y)));
    places.find(|&(x, y)| {
        let rows = y - INNER..=y + size.1 + INNER;
        let columns = (x - INNER, i32::MIN)..=(x + size.0 + INNER, i32::MAX);
        !taken.range(columns).any(|p| rows.contains(&p.1))
    })
}

/// Draws a mark at its place.
pub fn draw_mark(canvas: &mut Canvas, shape: Shape, at: Place, pen: Pen) -> io::Result<()> {
    match shape {
        Shape::Circle => canvas.circle(at, MARK_RADIUS, pen),
        Shape::Square => canvas.square(at, MARK_RADIUS * 9 / 10, pen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_break_at_the_width() {
        let style = Style::default();
        let entries = ["a", "b", "c"].map(|t| (Sample::Band, t.to_owned()));
        let one = Legend::rows(&entries, 10_000, &style);
        let three = Legend::rows(&entries, 0, &style);
        assert_eq!((one.rows.len(), three.rows.len()), (1, 3));
        assert_eq!(
            three.size(),
            Legend::column(&entries, 10_000, &style).size()
        );
        let wide = one.size().0;
        assert_eq!(Legend::rows(&entries, wide, &style).rows.len(), 1);
        assert_eq!(Legend::rows(&entries, wide - 1, &style).rows.len(), 2);
    }

    #[test]
    fn an_inner_legend_covers_nothing() {
        let frame = Frame {
            left: 0.0,
            right: 1000.0,
            top: 0.0,
            bottom: 1000.0,
        };
        let place =
            |taken: Vec<Place>| free_place((300, 200), &frame, &taken.into_iter().collect());
        let line = |of: fn(i32) -> Place| (0..100).map(of).collect::<Vec<Place>>();
        assert_eq!(place(Vec::new()), Some((640, 60)));
        assert_eq!(place(line(|i| (10 * i, 1000 - 10 * i))), Some((60, 60)));
        assert_eq!(place(line(|i| (10 * i, 10 * i))), Some((640, 60)));
        // Every corner is taken, the middle is not.
        let corners = vec![(100, 100), (900, 100), (100, 900), (900, 900)];
        let (x, y) = place(corners.clone()).expect("a place");
        assert!(
            corners
                .iter()
                .all(|p| !(x..x + 300).contains(&p.0) || !(y..y + 200).contains(&p.1))
        );
        let everywhere = (0..40).flat_map(|i| (0..40).map(move |j| (25 * i, 25 * j)));
        assert_eq!(place(everywhere.collect()), None);
        assert_eq!(free_place((950, 200), &frame, &BTreeSet::new()), None);
    }
}
