//! `σ_k(t)`: linear against linear time, where the steps of the staircase show; logarithmic
//! against logarithmic time, where the growth of the modes still to come shows.

use super::Drawing;
use super::canvas::Pen;
use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape, Vertical};
use super::mode_pens::ModePens;
use super::onset::log_time;
use super::palette::{self, DISTINCT};
use super::scale::{Kind, Scale};
use crate::observe::{Event, EventKind, Quantity, Row};

/// Computed singular values below this part of `σ_1` are roundoff.
const ROUNDOFF: f64 = f64::EPSILON;
/// A mode that never rises above this part of the largest singular value of the run is the
/// roundoff of a matrix of lower rank, where singular values have no digits of their own, and nothing to see
/// against a linear axis.
const NEGLIGIBLE: f64 = 1e-12;
/// A mode that rises above this part of the largest singular value of the run is one of those that the
/// figure is about.
const GROWN: f64 = 1e-2;
/// Curves in one figure: more could not be told apart.
const MOST_MODES: usize = 47;
/// Escapes that the description lists.
const MOST_TIMES: usize = 7;

/// The figure for one kind of time axis.
pub fn chart(drawing: &Drawing, kind: Kind) -> Chart {
    let mut modes = drawn_modes(drawing);
    if kind == Kind::Linear {
        // What stays at zero in this figure has its place in the other.
        let seen = modes_above(drawing, NEGLIGIBLE);
        modes.retain(|k| *k <= seen);
    }
    let pens = mode_pens(drawing, &modes, 0);
    let curve = |k: usize| measured(drawing, k, pens.of(k), kind);
    let mut curves: Vec<Curve> = pens.in_order().into_iter().map(curve).collect();
    let x = match kind {
        Kind::Linear => Scale::linear_over(drawing.trajectory.rows.iter().map(|row| row.time)),
        Kind::Log => log_time(drawing.trajectory),
    };
    curves.extend(predicted(drawing, &modes, &x));
    let y = match kind {
        Kind::Linear => Scale::linear_from_zero(heights(&curves)),
        Kind::Log => Scale::log_around(heights(&curves)),
    };
    let marks: Vec<Mark> = drawing
        .events
        .iter()
        .filter_map(|e| mark(e, &pens))
        .collect();
    let verticals = predicted_times(drawing, &pens, &x, |_| true);
    Chart {
        name: match kind {
            Kind::Linear => "singular_values_linear",
            Kind::Log => "singular_values_log",
        }
        .to_owned(),
        title: format!("{}: singular values", drawing.title),
        description: description(drawing, modes.len(), kind),
        x: Axis {
            label: "time t".to_owned(),
            scale: x,
        },
        y: Axis {
            label: "singular values σ_{k}".to_owned(),
            scale: y,
        },
        tiles: Vec::new(),
        bar: None,
        bands: Vec::new(),
        legend: legend(&curves, kind, &marks, &verticals),
        verticals,
        curves,
        marks,
    }
}

pub fn mode_count(drawing: &Drawing) -> usize {
    let rows = &drawing.trajectory.rows;
    rows.first().map_or(0, |row| row.singular_values.len())
}

/// The modes with something to show; all of them in a run that stays at zero.
fn visible_modes(drawing: &Drawing) -> usize {
    modes_above(drawing, if drawing.graded { 0.0 } else { NEGLIGIBLE })
}

/// How many modes rise above a part of the largest singular value of the run.
fn modes_above(drawing: &Drawing, part: f64) -> usize {
    let rows = &drawing.trajectory.rows;
    let largest = |k: usize| {
        let values = rows
            .iter()
            .filter_map(move |row| row.singular_values.get(k));
        values.copied().fold(0.0, f64::max)
    };
    let count = mode_count(drawing);
    let top = if count > 0 { largest(0) } else { 0.0 };
    // Sorted: where one mode is too small all later ones are.
    let above = |&k: &usize| top == 0.0 || largest(k) > part * top;
    (0..count).take_while(above).count()
}

/// The pens of `modes` beside `others` lines of other quantities.
pub fn mode_pens(drawing: &Drawing, modes: &[usize], others: usize) -> ModePens {
    ModePens::new(modes, modes_above(drawing, GROWN), others)
}

/// The first modes and an even choice of the others where there are too many.
pub fn drawn_modes(drawing: &Drawing) -> Vec<usize> {
    let count = visible_modes(drawing);
    let others = count.saturating_sub(DISTINCT);
    let drawn = others.min(MOST_MODES - DISTINCT);
    let spread = |i: usize| DISTINCT + 1 + i * (others - 1) / (drawn - 1).max(1);
    let first = 1..=count.min(DISTINCT);
    first.chain((0..drawn).map(spread)).collect()
}

fn heights(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|c| &c.points).map(|p| p.1)
}

pub fn measured(drawing: &Drawing, k: usize, pen: Pen, kind: Kind) -> Curve {
    let value = |row: &Row| {
        let sigma = row.singular_values.get(k - 1).copied().unwrap_or(f64::NAN);
        let floor = ROUNDOFF * row.singular_values.first().copied().unwrap_or(0.0);
        match kind == Kind::Log && !drawing.graded && sigma < floor {
            true => f64::NAN,
            false => sigma,
        }
    };
    let rows = drawing.trajectory.rows.iter();
    Curve {
        series: series(k),
        pen,
        points: rows.map(|row| (row.time, value(row))).collect(),
    }
}

fn series(k: usize) -> String {
    format!("sigma_{k}")
}

/// The mode that a curve with this name measures.
fn mode_of(series: &str) -> Option<usize> {
    series.strip_prefix("sigma_")?.parse().ok()
}

/// Predicted singular values against time. The start has no place on a logarithmic axis: there a curve
/// begins where the axis does, at the value it started with.
pub fn predicted<'a>(
    drawing: &'a Drawing,
    modes: &'a [usize],
    time: &Scale,
) -> impl Iterator<Item = Curve> + 'a {
    let first = match time.kind {
        Kind::Log => 10f64.powf(time.lo),
        Kind::Linear => f64::NEG_INFINITY,
    };
    drawing.predictions.iter().filter_map(move |p| {
        let k = p.mode.filter(|k| modes.contains(k))?;
        (!p.curve.is_empty()).then(|| Curve {
            series: format!("predicted_sigma_{k}"),
            pen: palette::prediction(),
            points: p.curve.iter().map(|&(t, s)| (t.max(first), s)).collect(),
        })
    })
}

/// Predicted escape times of the modes that are `shown`, as lines over the whole height; those within the axes.
pub fn predicted_times(
    drawing: &Drawing,
    pens: &ModePens,
    time: &Scale,
    shown: impl Fn(usize) -> bool,
) -> Vec<Vertical> {
    let escapes = drawing
        .predictions
        .iter()
        .filter(|p| p.quantity == "escape_time");
    let verticals = escapes.filter_map(|p| {
        let k = p.mode.filter(|k| shown(*k))?;
        time.inside(p.value)?;
        Some(Vertical {
            series: format!("predicted_escape_{k}"),
            pen: palette::prediction_time(pens.of(k).color),
            x: p.value,
        })
    });
    verticals.collect()
}

pub fn mark(event: &Event, pens: &ModePens) -> Option<Mark> {
    let k = event
        .index
        .filter(|_| event.quantity == Quantity::SingularValue)?;
    let (name, shape) = match event.kind {
        EventKind::Escape => ("escape", Shape::Circle),
        EventKind::Crossing => ("crossing", Shape::Square),
        _ => return None,
    };
    Some(Mark {
        series: format!("{name}_{k}"),
        shape,
        pen: palette::mark(pens.of(k).color),
        at: (event.time, event.level),
    })
}

fn legend(
    curves: &[Curve],
    kind: Kind,
    marks: &[Mark],
    verticals: &[Vertical],
) -> Vec<(Sample, String)> {
    let mut entries = mode_entries(curves, kind);
    let dotted = palette::prediction();
    let has_curve = curves.iter().any(|c| c.pen == dotted);
    entries.extend(event_entries(marks));
    entries.extend(prediction_entries(has_curve, verticals));
    entries
}

/// One entry for each mode that can be seen on a vertical axis of this kind, in their order.
pub fn mode_entries(curves: &[Curve], kind: Kind) -> Vec<(Sample, String)> {
    let visible = curves.iter().filter(|c| c.is_visible(kind));
    let mut modes: Vec<(usize, Pen)> = visible
        .filter_map(|c| Some((mode_of(&c.series)?, c.pen)))
        .collect();
    modes.sort_by_key(|mode| mode.0);
    let entry = |(k, pen): (usize, Pen)| (Sample::Line(pen), format!("σ_{{{k}}}"));
    modes.into_iter().map(entry).collect()
}

/// One entry for each shape among the marks.
pub fn event_entries(marks: &[Mark]) -> Vec<(Sample, String)> {
    let pen = palette::mark(palette::BLACK);
    let shapes = [(Shape::Circle, "escape"), (Shape::Square, "crossing")];
    let present = shapes
        .into_iter()
        .filter(|(shape, _)| marks.iter().any(|m| m.shape == *shape));
    present
        .map(|(shape, name)| (Sample::Mark(shape, pen), name.to_owned()))
        .collect()
}

/// Entries for what is predicted: curves, and times.
pub fn prediction_entries(has_curve: bool, verticals: &[Vertical]) -> Vec<(Sample, String)> {
    let curve = has_curve.then(|| (Sample::Line(palette::prediction()), "predicted".to_owned()));
    let times = verticals.first().map(|_| {
        let pen = palette::prediction_time(palette::BLACK);
        (Sample::Line(pen), "predicted escape".to_owned())
    });
    curve.into_iter().chain(times).collect()
}

fn description(drawing: &Drawing, curves: usize, kind: Kind) -> String {
    let axes = match kind {
        Kind::Linear => "linear axes",
        Kind::Log => "logarithmic axes; values below the roundoff of the largest are left out",
    };
    let (visible, all) = (visible_modes(drawing), mode_count(drawing));
    let chosen = match curves < visible {
        true => format!("{curves} of the"),
        false => "The".to_owned(),
    };
    let which = match visible == all {
        true => format!("{chosen} {all}"),
        false => format!("{chosen} {visible} of {all} that are not roundoff:"),
    };
    format!(
        "{which} singular values of the end-to-end matrix against time, {axes}.{}",
        escapes(drawing)
    )
}

/// A sentence with the escape times.
pub fn escapes(drawing: &Drawing) -> String {
    let escapes = drawing
        .events
        .iter()
        .filter(|e| e.kind == EventKind::Escape);
    let times: Vec<_> = escapes
        .filter_map(|e| Some(format!("mode {} at t = {:.6e}", e.index?, e.time)))
        .take(MOST_TIMES)
        .collect();
    match times.is_empty() {
        true => String::new(),
        false => format!(" Escapes: {}.", times.join(", ")),
    }
}
