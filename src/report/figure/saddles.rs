//! The figures of a study of saddles: cost with the levels of the saddles and the limit paths joined
//! on it, the projection on the plane of the first paths, distance against scale.

use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape};
use super::errors::{Errors, errors};
use super::scale::Scale;
use super::{Figure, Style, palette, render};
use crate::error::Error;

/// Part of the drop in cost along a path that counts as rest.
const RESTING: f64 = 3e-3;

/// What the figures draw; every list in order of time.
#[derive(Debug, Clone, Default)]
pub struct Study {
    pub title: String,
    /// `(t, C)` of the run.
    pub cost: Vec<(f64, f64)>,
    /// `C` at the predicted saddles.
    pub levels: Vec<f64>,
    /// When the run came closest to saddles, and `C` then.
    pub visits: Vec<(f64, f64)>,
    /// `(t, C)` along each limit path, at the run's times.
    pub path_costs: Vec<Vec<(f64, f64)>>,
    /// Coordinates in the plane through the first saddles.
    pub run_projection: Vec<(f64, f64)>,
    pub path_projections: Vec<Vec<(f64, f64)>>,
    pub saddle_projections: Vec<(f64, f64)>,
    /// For each path `(α, distance/length)`.
    pub distances: Vec<Vec<(f64, f64)>>,
}

/// All figures that there is something to draw for.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn saddles(study: &Study, style: &Style) -> Result<Vec<Figure>, Error> {
    let mut all = vec![render::figure(staircase(study), style)?];
    if !study.saddle_projections.is_empty() {
        all.push(render::figure(projection(study), style)?);
    }
    if study.distances.iter().any(|d| d.len() > 1) {
        all.push(distance(study, style)?);
    }
    Ok(all)
}

/// Cost against time, the levels of the saddles, and the limit paths in their places.
fn staircase(study: &Study) -> Chart {
    let end = shown_until(study);
    let run = curve("run", palette::cost(), study.cost.clone());
    let mut legend = vec![(Sample::Line(run.pen), "run".to_owned())];
    let mut curves = Vec::new();
    for (k, level) in study.levels.iter().enumerate() {
        let line = vec![(0.0, *level), (end, *level)];
        curves.push(curve(&format!("saddle {k}"), palette::level(), line));
    }
    legend.extend(
        curves
            .first()
            .map(|c| (Sample::Line(c.pen), "saddles".to_owned())),
    );
    curves.push(run);
    let mut paths = Vec::new();
    for (k, path) in study.path_costs.iter().enumerate() {
        let name = format!("path {k}");
        paths.push(curve(&name, palette::prediction(), moving(path).to_vec()));
    }
    legend.extend(
        paths
            .first()
            .map(|c| (Sample::Line(c.pen), "limit paths".to_owned())),
    );
    curves.extend(paths);
    let pen = palette::mark(palette::cost().color);
    let visit = |&at: &(f64, f64)| mark("visit", Shape::Circle, pen, at);
    let marks: Vec<Mark> = study.visits.iter().map(visit).collect();
    legend.extend(marks.first().map(|m| {
        (
            Sample::Mark(m.shape, m.pen),
            "closest to a saddle".to_owned(),
        )
    }));
    let heights = study.cost.iter().map(|p| p.1);
    Chart {
        name: "saddle_staircase".to_owned(),
        title: format!("{}: cost and saddles", study.title),
        description: format!(
            "Cost against time with the levels of {} saddles and {} limit paths.",
            study.levels.len(),
            study.path_costs.len()
        ),
        x: axis("time t", Scale::linear(0.0, end)),
        y: axis("cost C", Scale::linear_from_zero(heights)),
        tiles: Vec::new(),
        bar: None,
        bands: Vec::new(),
        verticals: Vec::new(),
        curves,
        marks,
        legend,
    }
}

/// The part of a path where the cost is between the levels of its saddles, a little of each included.
fn moving(path: &[(f64, f64)]) -> &[(f64, f64)] {
    let (Some(first), Some(last)) = (path.first(), path.last()) else {
        return path;
    };
    let little = RESTING * (first.1 - last.1);
    let begin = path.partition_point(|p| p.1 > first.1 - little);
    let end = path.partition_point(|p| p.1 > last.1 + little);
    &path[begin.min(end)..end.max(begin)]
}

/// Past the last limit path, the end of the run at most.
fn shown_until(study: &Study) -> f64 {
    let end = study.cost.last().map_or(1.0, |p| p.0);
    let last = study.path_costs.last().and_then(|path| moving(path).last());
    last.map_or(end, |p| (1.25 * p.0).min(end))
}

/// An axis with room on both sides.
fn padded(values: &[f64]) -> Scale {
    let (lo, hi) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |m, v| {
            (m.0.min(*v), m.1.max(*v))
        });
    let room = 0.04 * (hi - lo);
    Scale::linear(lo - room, hi + room)
}

/// The run and the limit paths in the plane through the first saddles.
fn projection(study: &Study) -> Chart {
    let paths = study.path_projections.iter();
    let points = paths.clone().flatten().chain(&study.run_projection);
    let (x, y): (Vec<f64>, Vec<f64>) = points.copied().unzip();
    let run = curve("run", palette::cost(), study.run_projection.clone());
    let mut legend = vec![(Sample::Line(run.pen), "run".to_owned())];
    let mut curves = vec![run];
    for (k, path) in paths.enumerate() {
        curves.push(curve(
            &format!("path {k}"),
            palette::prediction(),
            path.clone(),
        ));
    }
    legend.extend(
        curves
            .get(1)
            .map(|c| (Sample::Line(c.pen), "limit paths".to_owned())),
    );
    let pen = palette::mark(palette::BLACK);
    let saddle = |&at: &(f64, f64)| mark("saddle", Shape::Square, pen, at);
    let marks: Vec<Mark> = study.saddle_projections.iter().map(saddle).collect();
    legend.extend(
        marks
            .first()
            .map(|m| (Sample::Mark(m.shape, m.pen), "saddles".to_owned())),
    );
    Chart {
        name: "saddle_projection".to_owned(),
        title: format!("{}: plane of the first limit paths", study.title),
        description: "The end-to-end map on the plane through the first saddles.".to_owned(),
        x: axis("along A_{1} − A_{0}", padded(&x)),
        y: axis("across it, towards A_{2}", padded(&y)),
        tiles: Vec::new(),
        bar: None,
        bands: Vec::new(),
        verticals: Vec::new(),
        curves,
        marks,
        legend,
    }
}

/// Distance from each limit path against scale.
fn distance(study: &Study, style: &Style) -> Result<Figure, Error> {
    let named: Vec<(String, Vec<(f64, f64)>)> = study
        .distances
        .iter()
        .enumerate()
        .map(|(k, points)| (format!("path {k} to {}", k + 1), points.clone()))
        .collect();
    let curves: Vec<(&str, Vec<(f64, f64)>)> = named
        .iter()
        .map(|(name, points)| (name.as_str(), points.clone()))
        .collect();
    let shown = Errors {
        name: "saddle_distance",
        title: &format!("{}: distance from the limit paths", study.title),
        description: "Distance of the run from each limit path, relative to the path's length, against scale.",
        x: "initial scale α",
        y: "distance / length",
        curves: &curves,
    };
    errors(&shown, style)
}

fn curve(series: &str, pen: super::canvas::Pen, points: Vec<(f64, f64)>) -> Curve {
    Curve {
        series: series.to_owned(),
        pen,
        points,
    }
}

fn mark(series: &str, shape: Shape, pen: super::canvas::Pen, at: (f64, f64)) -> Mark {
    Mark {
        series: series.to_owned(),
        shape,
        pen,
        at,
    }
}

fn axis(label: &str, scale: Scale) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
    }
}
