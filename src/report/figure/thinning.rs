//! Curves of a chart as vertices on the canvas, and the places that they leave no room at.

use super::canvas::Place;
use super::chart::{Chart, Curve, Sample};
use super::polyline::{Frame, Run, Vertex, runs, thin};
use std::collections::BTreeSet;

/// Positions are cut at this many axis lengths from the axes.
const FAR: f64 = 1e4;
/// How finely places are told apart when room is looked for.
const GRAIN: i32 = 40;
/// From one place along a line to the next: no legend fits between.
const STEP: i32 = 60;

/// The vertices of a curve that matter at `tolerance`.
pub fn thin_curve(chart: &Chart, frame: &Frame, curve: &Curve, tolerance: f64) -> Vec<Run> {
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

/// The ends of all lines that touch the horizontal axis: the points over it, one neighbour on each side, and two
/// points with the whole axis between them.
fn visible<'a>(
    points: &'a [(f64, f64)],
    chart: &'a Chart,
) -> impl Iterator<Item = (usize, &'a (f64, f64))> {
    let side = |&(x, _): &(f64, f64)| match chart.x.scale.position(x) {
        Some(p) if p > 1.0 => 1,
        Some(p) if p >= 0.0 => 0,
        _ => -1,
    };
    let sides: Vec<i32> = points.iter().map(side).collect();
    let touches = |ends: &[i32]| ends[0] != ends[1] || ends[0] == 0;
    let range = match sides.len() {
        1 => 0..1,
        _ => {
            let mut lines = sides.windows(2);
            let first = lines.clone().position(touches).unwrap_or(0);
            let last = lines.rposition(touches);
            first..last.map_or(first, |last| last + 2)
        }
    };
    points
        .iter()
        .enumerate()
        .filter(move |(i, _)| range.contains(i))
}

/// Axes of any size: whether a curve crosses them does not depend on it.
const ANY_FRAME: Frame = Frame {
    left: 0.0,
    right: 1e4,
    top: 0.0,
    bottom: 1e4,
};

/// Whether any of a curve lies within the axes.
fn is_within(chart: &Chart, curve: &Curve) -> bool {
    let runs = thin_curve(chart, &ANY_FRAME, curve, 1.0);
    runs.iter().any(|run| !ANY_FRAME.clip(run).is_empty())
}

/// The legend without lines and marks of which nothing lies within the axes.
pub fn legend_within(chart: &Chart) -> Vec<(Sample, String)> {
    let shown = |sample: &Sample| match sample {
        Sample::Line(pen) => {
            let mut curves = chart.curves.iter().filter(|c| c.pen == *pen).peekable();
            curves.peek().is_none() || curves.any(|c| is_within(chart, c))
        }
        Sample::Mark(shape, _) => {
            let mut marks = chart.marks.iter().filter(|m| m.shape == *shape).peekable();
            marks.peek().is_none() || marks.any(|m| chart.place(m.at).is_some())
        }
        _ => true,
    };
    let entries = chart.legend.iter().filter(|(sample, _)| shown(sample));
    entries.cloned().collect()
}

/// Whether the axes have nothing in them.
pub fn is_empty(chart: &Chart) -> bool {
    chart.tiles.is_empty()
        && !chart.curves.iter().any(|c| is_within(chart, c))
        && !chart.marks.iter().any(|m| chart.place(m.at).is_some())
}

/// From one place in a shaded interval to the next.
const COARSE_STEP: usize = 200;

/// Places at which something is drawn, for one that looks for room: along curves and verticals, marks, and in
/// shaded intervals.
pub fn taken(chart: &Chart, frame: &Frame) -> BTreeSet<Place> {
    let curves = chart.curves.iter();
    let runs = curves.flat_map(|curve| thin_curve(chart, frame, curve, f64::from(GRAIN) / 4.0));
    let parts = runs.flat_map(|run| frame.clip(&run));
    let mut places: BTreeSet<Place> = parts.flat_map(|part| along(&part)).collect();
    for vertical in &chart.verticals {
        if let Some(p) = chart.x.scale.inside(vertical.x) {
            let x = frame.across(p) as i32;
            places.extend(along(&[(x, frame.top as i32), (x, frame.bottom as i32)]));
        }
    }
    for band in &chart.bands {
        let end = |t: f64| chart.x.scale.position(t).unwrap_or(0.0).clamp(0.0, 1.0);
        let (from, to) = (
            frame.across(end(band.from)) as i32,
            frame.across(end(band.to)) as i32,
        );
        for x in (from..to).step_by(COARSE_STEP).chain([to]) {
            let column = (frame.top as i32..frame.bottom as i32).step_by(COARSE_STEP);
            places.extend(column.map(|y| grained((x, y))));
        }
    }
    for mark in &chart.marks {
        let (x, y) = (
            chart.x.scale.inside(mark.at.0),
            chart.y.scale.inside(mark.at.1),
        );
        if let (Some(x), Some(y)) = (x, y) {
            places.insert(grained((frame.across(x) as i32, frame.up(y) as i32)));
        }
    }
    places
}

fn grained((x, y): Place) -> Place {
    (x - x.rem_euclid(GRAIN), y - y.rem_euclid(GRAIN))
}

/// Places along a polygon line.
fn along(part: &[Place]) -> BTreeSet<Place> {
    let mut places: BTreeSet<Place> = part.iter().copied().map(grained).collect();
    for pair in part.windows(2) {
        let ((x, y), (dx, dy)) = (pair[0], (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
        let steps = (dx.abs().max(dy.abs()) / STEP).max(1);
        places.extend((0..steps).map(|i| grained((x + i * dx / steps, y + i * dy / steps))));
    }
    places
}
