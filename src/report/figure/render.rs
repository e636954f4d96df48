//! From charts to an SVG document and the table of the numbers in it.

use super::Figure;
use super::axis::{draw_bar, draw_x, draw_y, fitting};
use super::canvas::{Anchor, Canvas, Place};
use super::chart::{Chart, Curve, Shape};
use super::layout::{Layout, Placed};
use super::legend::draw_mark;
use super::palette;
use super::polyline::Run;
use super::scale::Scale;
use super::style::{Extra, Style};
use super::svg::{Head, document};
use super::thinning::{is_empty, thin_curve};
use super::{end_labels, export, script};
use crate::error::Error;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// Deviation of a thinned curve that no one can see: 0.01 mm.
const TOLERANCE: f64 = 1.0;
/// Coarsest thinning, where noise or many curves would make the file large: 0.08 mm, half the width of a line. What
/// is larger for all that is written as it is.
const COARSEST: f64 = 8.0;
/// About 10 bytes each keep a figure below 200 kB; a run costs as much as some vertices.
const MOST_VERTICES: usize = 11_000;
const VERTICES_PER_RUN: usize = 16;

/// Draws one chart.
///
/// # Errors
/// `Io` when the backend fails.
pub fn figure(chart: Chart, style: &Style) -> Result<Figure, Error> {
    let name = chart.name.clone();
    panels(&name, &[chart], style)
}

/// Draws charts side by side.
///
/// # Errors
/// `Io` when the backend fails.
pub fn panels(name: &str, charts: &[Chart], style: &Style) -> Result<Figure, Error> {
    let legends: Vec<_> = charts
        .iter()
        .map(|chart| end_labels::unnamed(chart, style))
        .collect();
    let layout = Layout::new(charts, &legends, style);
    if layout.cramped && style.names_beside() {
        return panels(name, charts, &style.with_names_above());
    }
    let curves = thinned(&layout);
    let svg = svg(&layout, &curves, style);
    let svg = svg.map_err(|e| Error::io(Path::new(name), e))?;
    Ok(Figure {
        name: name.to_owned(),
        extras: extras(name, &svg, (&layout, &curves), style)?,
        svg,
        numbers: numbers(&layout, &curves),
    })
}

/// What is asked for beside the SVG and its numbers, by the end of the file name.
fn extras(
    name: &str,
    svg: &str,
    (layout, curves): (&Layout, &[Vec<Vec<Run>>]),
    style: &Style,
) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
    let mut files = Vec::new();
    for extra in &style.extras {
        files.push(match extra {
            Extra::Pdf => (".pdf", export::pdf(name, svg, style.font)?),
            Extra::Png => (".png", export::png(name, svg, style.font)?),
            Extra::Matplotlib => (
                "_matplotlib.py",
                script::matplotlib(name, layout, style).into_bytes(),
            ),
            Extra::Pgfplots => (
                "_pgfplots.tex",
                script::pgfplots(layout, curves, style).into_bytes(),
            ),
        });
    }
    Ok(files)
}

fn svg(layout: &Layout, curves: &[Vec<Vec<Run>>], style: &Style) -> io::Result<String> {
    let mut raw = String::new();
    let mut canvas = Canvas::new(&mut raw, layout.size, style);
    canvas.area((0, 0), layout.size, palette::WHITE)?;
    for ((panel, curves), letter) in layout.panels.iter().zip(curves).zip('a'..='z') {
        panel.draw(curves, style, &mut canvas)?;
        if style.letters && layout.panels.len() > 1 {
            let (at, size) = (panel.letter_at, style.label());
            canvas.text(&format!("({letter})"), at, size, Anchor::Start)?;
        }
    }
    let drawn = canvas.finish()?;
    let charts = || layout.panels.iter().map(|p| p.chart);
    let titles: Vec<&str> = charts().map(|c| c.title.as_str()).collect();
    let descriptions: Vec<&str> = charts().map(|c| c.description.as_str()).collect();
    let head = Head {
        size: layout.size,
        title: &titles.join("; "),
        description: &descriptions.join(" "),
    };
    Ok(document(&raw, &head, drawn, style))
}

impl Placed<'_> {
    fn draw(&self, curves: &[Vec<Run>], style: &Style, canvas: &mut Canvas) -> io::Result<()> {
        self.draw_tiles(style, canvas)?;
        self.draw_background(canvas)?;
        for (curve, runs) in self.chart.curves.iter().zip(curves) {
            self.draw_curve(curve, runs, canvas)?;
        }
        let place = (&self.frame, self.cell);
        draw_x(canvas, place, (&self.chart.x, &self.x), style)?;
        draw_y(canvas, &self.frame, (&self.chart.y, &self.y), style)?;
        // The corners of a square show around a circle at the same place.
        for shape in [Shape::Square, Shape::Circle] {
            for mark in self.chart.marks.iter().filter(|m| m.shape == shape) {
                if let Some(at) = self.inside(mark.at) {
                    draw_mark(canvas, mark.shape, at, mark.pen)?;
                }
            }
        }
        if let Some(bar) = &self.chart.bar {
            draw_bar(canvas, &self.frame, bar, style)?;
        }
        end_labels::draw(canvas, self, style)?;
        self.draw_note(style, canvas)?;
        match &self.legend {
            Some(legend) if self.legend_inside => legend.draw_inside(canvas, self.legend_at),
            Some(legend) => legend.draw(canvas, self.legend_at),
            None => Ok(()),
        }
    }

    fn draw_tiles(&self, style: &Style, canvas: &mut Canvas) -> io::Result<()> {
        let place = |scale: &Scale, v: f64| scale.position(v).unwrap_or(0.0).clamp(0.0, 1.0);
        let corner = |x: f64, y: f64| {
            let (x, y) = (place(&self.chart.x.scale, x), place(&self.chart.y.scale, y));
            (self.frame.across(x) as i32, self.frame.up(y) as i32)
        };
        let limit = (self.frame.right as i32, self.frame.bottom as i32);
        // Left to right and down, so that each covers what its neighbour reaches under it.
        let mut tiles: Vec<_> = self.chart.tiles.iter().collect();
        tiles.sort_by(|a, b| b.y.0.total_cmp(&a.y.0).then(a.x.0.total_cmp(&b.x.0)));
        for tile in tiles {
            let (low, high) = (corner(tile.x.0, tile.y.0), corner(tile.x.1, tile.y.1));
            let shade = palette::shade(style.color_map, tile.shade);
            canvas.tile((low.0, high.1), (high.0, low.1), limit, shade)?;
        }
        Ok(())
    }

    fn draw_background(&self, canvas: &mut Canvas) -> io::Result<()> {
        let (top, bottom) = (self.frame.top as i32, self.frame.bottom as i32);
        let chart = self.chart;
        for band in &chart.bands {
            // An interval may begin at t = 0, which a logarithmic axis does not have.
            let end = |t: f64| chart.x.scale.position(t).unwrap_or(0.0).clamp(0.0, 1.0);
            let (from, to) = (end(band.from), end(band.to));
            if from < to {
                let (from, to) = (self.frame.across(from), self.frame.across(to));
                let (from, to) = ((from as i32, top), (to as i32, bottom));
                canvas.area(from, to, palette::PALE)?;
            }
        }
        for vertical in &chart.verticals {
            if let Some(p) = chart.x.scale.inside(vertical.x) {
                let x = self.frame.across(p) as i32;
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

    fn inside(&self, at: (f64, f64)) -> Option<Place> {
        let (x, y) = self.chart.place(at)?;
        Some((self.frame.across(x) as i32, self.frame.up(y) as i32))
    }

    /// Says why the axes are empty where they are.
    fn draw_note(&self, style: &Style, canvas: &mut Canvas) -> io::Result<()> {
        const NOTE: &str = "nothing lies within these axes";
        if !is_empty(self.chart) {
            return Ok(());
        }
        let (x, y) = (self.frame.across(0.5) as i32, self.frame.up(0.5) as i32);
        let size = fitting(NOTE, (self.frame.right - self.frame.left) as i32, style);
        canvas.text(NOTE, (x, y), size.min(style.small()), Anchor::Middle)
    }
}

/// The vertices to draw of every curve of every panel: as fine as the eye can see, a little coarser where the
/// file would be large.
fn thinned(layout: &Layout) -> Vec<Vec<Vec<Run>>> {
    let mut tolerance = TOLERANCE;
    loop {
        let panels = layout.panels.iter().map(|p| p.thinned(tolerance));
        let panels: Vec<Vec<Vec<Run>>> = panels.collect();
        let runs = panels.iter().flatten().flatten();
        let size: usize = runs.map(|run| run.len() + VERTICES_PER_RUN).sum();
        if size <= MOST_VERTICES || tolerance >= COARSEST {
            return panels;
        }
        tolerance *= 2.0;
    }
}

impl Placed<'_> {
    fn thinned(&self, tolerance: f64) -> Vec<Vec<Run>> {
        let curves = self.chart.curves.iter();
        curves
            .map(|c| thin_curve(self.chart, &self.frame, c, tolerance))
            .collect()
    }
}

/// `series, x, y` of everything drawn, and the `value` of tiles; with several panels `a/series`.
fn numbers(layout: &Layout, curves: &[Vec<Vec<Run>>]) -> String {
    if let [only] = &layout.panels[..]
        && !only.chart.tiles.is_empty()
    {
        return tile_numbers(only.chart);
    }
    let mut out = String::from("series,x,y\n");
    for ((panel, prefix), curves) in layout.prefixed().zip(curves) {
        panel_numbers(panel.chart, curves, &prefix, &mut out);
    }
    out
}

/// Heat maps have nothing beside their tiles.
fn tile_numbers(chart: &Chart) -> String {
    let mut out = String::from("series,x,y,value\n");
    for tile in &chart.tiles {
        let (x, y) = tile.at;
        let _ = writeln!(out, "tile,{x:.16e},{y:.16e},{:.16e}", tile.value);
    }
    out
}

/// A row without numbers is a gap between two parts of a curve.
fn panel_numbers(chart: &Chart, curves: &[Vec<Run>], prefix: &str, out: &mut String) {
    let mut row = |series: &str, x: Option<f64>, y: Option<f64>| {
        let [x, y] = [x, y].map(|v| v.map_or_else(String::new, |v| format!("{v:.16e}")));
        // Writing to a string cannot fail.
        let name = quoted(&format!("{prefix}{series}"));
        let _ = writeln!(out, "{name},{x},{y}");
    };
    for (curve, runs) in chart.curves.iter().zip(curves) {
        for (i, run) in runs.iter().enumerate() {
            if i > 0 {
                row(&curve.series, None, None);
            }
            for vertex in run {
                let (x, y) = curve.points[vertex.index];
                row(&curve.series, Some(x), Some(y));
            }
        }
    }
    for mark in &chart.marks {
        row(&mark.series, Some(mark.at.0), Some(mark.at.1));
    }
    for vertical in &chart.verticals {
        row(&vertical.series, Some(vertical.x), None);
    }
    for band in &chart.bands {
        row(&format!("{}_from", band.series), Some(band.from), None);
        row(&format!("{}_to", band.series), Some(band.to), None);
    }
}

/// A field of a CSV file.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
