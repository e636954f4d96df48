//! From a chart to its SVG document and the table of the numbers in it.

use super::Figure;
use super::axis::{bottom_room, draw_x, draw_y, left_room, right_room};
use super::canvas::{Canvas, MM, Place};
use super::chart::{Chart, Curve};
use super::legend::{Legend, draw_mark};
use super::palette;
use super::polyline::{Frame, Run, Vertex, runs, thin};
use super::scale::Scale;
use super::svg::{Head, document};
use super::sweep::Tile;
use super::ticks::{Ticks, ticks};
use crate::error::Error;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// One column of a two-column journal.
const WIDTH: i32 = 82 * MM + MM / 2;
/// Height between the axes' ends, the same in every figure.
const AXES_HEIGHT: i32 = 42 * MM;
const MARGIN: i32 = MM;
/// Deviation of a thinned curve that no one can see: 0.01 mm.
const TOLERANCE: f64 = 1.0;
/// About 10 bytes each keep a figure below 200 kB; a run costs as much as some vertices.
const MOST_VERTICES: usize = 11_000;
const VERTICES_PER_RUN: usize = 16;
/// Positions are cut at this many axis lengths from the axes.
const FAR: f64 = 1e4;

/// Draws a chart.
///
/// # Errors
/// `Io` when the backend fails.
pub fn figure(chart: &Chart) -> Result<Figure, Error> {
    figure_on(chart, &[])
}

/// Draws a chart over tiles.
///
/// # Errors
/// `Io` when the backend fails.
pub fn figure_on(chart: &Chart, tiles: &[Tile]) -> Result<Figure, Error> {
    let layout = Layout::new(chart);
    let curves = thinned(chart, &layout.frame);
    let svg = layout.svg(chart, &curves, tiles);
    Ok(Figure {
        name: chart.name,
        svg: svg.map_err(|e| Error::io(Path::new(chart.name), e))?,
        numbers: numbers(chart, &curves),
    })
}

struct Layout<'a> {
    size: Place,
    frame: Frame,
    x: Ticks,
    y: Ticks,
    legend: Legend<'a>,
}

impl<'a> Layout<'a> {
    fn new(chart: &'a Chart) -> Self {
        let (x, y) = (ticks(&chart.x.scale, 6), ticks(&chart.y.scale, 8));
        let (left, right) = (left_room(&y), WIDTH - right_room(&x));
        let legend = Legend::new(&chart.legend, WIDTH - MARGIN / 2 - left);
        let top = MARGIN + legend.height() + MM;
        let bottom = top + AXES_HEIGHT;
        let frame = Frame {
            left: f64::from(left),
            right: f64::from(right),
            top: f64::from(top),
            bottom: f64::from(bottom),
        };
        let size = (WIDTH, bottom + bottom_room());
        Self {
            size,
            frame,
            x,
            y,
            legend,
        }
    }

    fn svg(&self, chart: &Chart, curves: &[Vec<Run>], tiles: &[Tile]) -> io::Result<String> {
        let mut raw = String::new();
        let mut canvas = Canvas::new(&mut raw, self.size);
        canvas.area((0, 0), self.size, plotters::style::WHITE)?;
        for tile in tiles {
            self.draw_tile(chart, tile, &mut canvas)?;
        }
        self.draw(chart, curves, &mut canvas)?;
        let dashes = canvas.finish()?;
        let head = Head {
            size: self.size,
            title: &chart.title,
            description: &chart.description,
        };
        Ok(document(&raw, &head, &dashes))
    }

    fn draw(&self, chart: &Chart, curves: &[Vec<Run>], canvas: &mut Canvas) -> io::Result<()> {
        self.draw_background(chart, canvas)?;
        for (curve, runs) in chart.curves.iter().zip(curves) {
            self.draw_curve(curve, runs, canvas)?;
        }
        draw_x(canvas, &self.frame, &chart.x, &self.x)?;
        draw_y(canvas, &self.frame, &chart.y, &self.y)?;
        for mark in &chart.marks {
            if let Some(at) = self.inside(chart, mark.at) {
                draw_mark(canvas, mark.shape, at, mark.pen)?;
            }
        }
        let origin = (self.frame.left as i32, MARGIN);
        self.legend.draw(canvas, origin)
    }

    fn draw_tile(&self, chart: &Chart, tile: &Tile, canvas: &mut Canvas) -> io::Result<()> {
        let place = |scale: &Scale, v: f64| scale.position(v).unwrap_or(0.0).clamp(0.0, 1.0);
        let corner = |x: f64, y: f64| {
            let (x, y) = (place(&chart.x.scale, x), place(&chart.y.scale, y));
            (across(&self.frame, x) as i32, up(&self.frame, y) as i32)
        };
        let (low, high) = (corner(tile.x.0, tile.y.0), corner(tile.x.1, tile.y.1));
        let shade = palette::shade(tile.shade);
        canvas.area((low.0, high.1), (high.0, low.1), shade)
    }

    fn draw_background(&self, chart: &Chart, canvas: &mut Canvas) -> io::Result<()> {
        let (top, bottom) = (self.frame.top as i32, self.frame.bottom as i32);
        for band in &chart.bands {
            // An interval may begin at t = 0, which a logarithmic axis does not have.
            let end = |t: f64| chart.x.scale.position(t).unwrap_or(0.0).clamp(0.0, 1.0);
            let (from, to) = (end(band.from), end(band.to));
            if from < to {
                let (from, to) = (across(&self.frame, from), across(&self.frame, to));
                let (from, to) = ((from as i32, top), (to as i32, bottom));
                canvas.area(from, to, palette::PALE)?;
            }
        }
        for vertical in &chart.verticals {
            if let Some(p) = chart.x.scale.inside(vertical.x) {
                let x = across(&self.frame, p) as i32;
                canvas.path(&[(x, bottom), (x, top)], vertical.pen)?;
            }
        }
        Ok(())
    }

    fn draw_curve(&self, curve: &Curve, runs: &[Run], canvas: &mut Canvas) -> io::Result<()> {
        for part in runs.iter().flat_map(|run| self.frame.clip(run)) {
            match part[..] {
                [only] => canvas.dot(only, curve.pen.width, curve.pen.color)?,
                _ => canvas.path(&part, curve.pen)?,
            }
        }
        Ok(())
    }

    fn inside(&self, chart: &Chart, (x, y): (f64, f64)) -> Option<Place> {
        let (x, y) = (chart.x.scale.inside(x)?, chart.y.scale.inside(y)?);
        Some((across(&self.frame, x) as i32, up(&self.frame, y) as i32))
    }
}

fn across(frame: &Frame, position: f64) -> f64 {
    (frame.left + position * (frame.right - frame.left)).round()
}

fn up(frame: &Frame, position: f64) -> f64 {
    (frame.bottom - position * (frame.bottom - frame.top)).round()
}

/// The vertices to draw of every curve: as fine as the eye can see, coarser only where noise
/// would make the file too large.
fn thinned(chart: &Chart, frame: &Frame) -> Vec<Vec<Run>> {
    let mut tolerance = TOLERANCE;
    loop {
        let curves = chart
            .curves
            .iter()
            .map(|c| thin_curve(chart, frame, c, tolerance));
        let curves: Vec<Vec<Run>> = curves.collect();
        let runs = curves.iter().flatten();
        let size: usize = runs.map(|run| run.len() + VERTICES_PER_RUN).sum();
        if size <= MOST_VERTICES || tolerance > f64::from(WIDTH) {
            return curves;
        }
        tolerance *= 2.0;
    }
}

fn thin_curve(chart: &Chart, frame: &Frame, curve: &Curve, tolerance: f64) -> Vec<Run> {
    let points = visible(&curve.points, chart).map(|(index, &(x, y))| {
        let (px, py) = (chart.x.scale.position(x)?, chart.y.scale.position(y)?);
        // Far outside is outside; squares of coordinates must stay finite.
        let (px, py) = (px.clamp(-FAR, FAR), py.clamp(-FAR, FAR));
        Some(Vertex {
            x: frame.left + px * (frame.right - frame.left),
            y: frame.bottom - py * (frame.bottom - frame.top),
            index,
        })
    });
    runs(points, tolerance)
        .iter()
        .map(|run| thin(run, tolerance))
        .collect()
}

/// The points over the horizontal axis and one neighbour on each side, for the line to them.
fn visible<'a>(
    points: &'a [(f64, f64)],
    chart: &'a Chart,
) -> impl Iterator<Item = (usize, &'a (f64, f64))> {
    let within = |&(x, _): &(f64, f64)| chart.x.scale.inside(x).is_some();
    let first = points.iter().position(within).unwrap_or(0);
    let last = points.iter().rposition(within).map_or(0, |last| last + 1);
    let range = first.saturating_sub(1)..(last + 1).min(points.len());
    points
        .iter()
        .enumerate()
        .filter(move |(i, _)| range.contains(i))
}

/// `series, x, y` of everything drawn.
fn numbers(chart: &Chart, curves: &[Vec<Run>]) -> String {
    let mut out = String::from("series,x,y\n");
    let mut row = |series: &str, x: f64, y: Option<f64>| {
        let y = y.map_or_else(String::new, |y| format!("{y:.16e}"));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{series},{x:.16e},{y}");
    };
    for (curve, runs) in chart.curves.iter().zip(curves) {
        for vertex in runs.iter().flatten() {
            let (x, y) = curve.points[vertex.index];
            row(&curve.series, x, Some(y));
        }
    }
    for mark in &chart.marks {
        row(&mark.series, mark.at.0, Some(mark.at.1));
    }
    for vertical in &chart.verticals {
        row(&vertical.series, vertical.x, None);
    }
    for band in &chart.bands {
        row(&format!("{}_from", band.series), band.from, None);
        row(&format!("{}_to", band.series), band.to, None);
    }
    out
}
