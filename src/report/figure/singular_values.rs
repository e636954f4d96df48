//! `σ_k(t)`: linear against linear time, where the steps of the staircase show; logarithmic
//! against logarithmic time, where the growth of the modes still to come shows.

use super::Drawing;
use super::canvas::Pen;
use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape, Vertical};
use super::onset::log_time;
use super::palette::{self, NAMED_MODES};
use super::scale::{Kind, Scale};
use crate::observe::{Event, EventKind, Quantity, Row};

/// Computed singular values below this part of `σ_1` are roundoff.
const ROUNDOFF: f64 = f64::EPSILON;
/// A mode that never rises above this part of the largest singular value of the run is the
/// roundoff of a matrix of lower rank.
const NEGLIGIBLE: f64 = 1e-12;
/// Grey curves of modes beyond the named ones: more could not be told apart.
const MOST_OTHERS: usize = 40;

/// The figure for one kind of time axis.
pub fn chart(drawing: &Drawing, kind: Kind) -> Chart {
    let modes = drawn_modes(drawing);
    let mut curves: Vec<Curve> = modes.iter().map(|&k| measured(drawing, k, kind)).collect();
    curves.extend(predicted(drawing, &modes));
    let (x, y) = match kind {
        Kind::Linear => (
            Scale::linear_over(drawing.trajectory.rows.iter().map(|row| row.time)),
            Scale::linear_from_zero(heights(&curves)),
        ),
        Kind::Log => (
            log_time(drawing.trajectory),
            Scale::log_around(heights(&curves)),
        ),
    };
    let marks = marks(drawing);
    let verticals = predicted_times(drawing);
    Chart {
        name: match kind {
            Kind::Linear => "singular_values_linear",
            Kind::Log => "singular_values_log",
        }
        .to_owned(),
        title: format!("{}: singular values", drawing.title),
        description: description(drawing, kind),
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

fn mode_count(drawing: &Drawing) -> usize {
    let rows = &drawing.trajectory.rows;
    rows.first().map_or(0, |row| row.singular_values.len())
}

/// The modes with something to show; all of them in a run that stays at zero.
fn visible_modes(drawing: &Drawing) -> usize {
    let rows = &drawing.trajectory.rows;
    let largest = |k: usize| {
        let values = rows
            .iter()
            .filter_map(move |row| row.singular_values.get(k));
        values.copied().fold(0.0, f64::max)
    };
    let count = mode_count(drawing);
    let top = if count > 0 { largest(0) } else { 0.0 };
    // Sorted: where one mode is negligible all later ones are.
    let visible = |&k: &usize| top == 0.0 || largest(k) > NEGLIGIBLE * top;
    (0..count).take_while(visible).count()
}

/// An even choice of the modes without a pen of their own, then the named ones: where curves
/// coincide the dashes of the later one leave the earlier one visible.
pub fn drawn_modes(drawing: &Drawing) -> Vec<usize> {
    let count = visible_modes(drawing);
    let others = count.saturating_sub(NAMED_MODES);
    let drawn = others.min(MOST_OTHERS);
    let spread = |i: usize| NAMED_MODES + 1 + i * (others - 1) / (drawn - 1).max(1);
    (0..drawn)
        .map(spread)
        .chain(1..=count.min(NAMED_MODES))
        .collect()
}

fn heights(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|c| &c.points).map(|p| p.1)
}

pub fn measured(drawing: &Drawing, k: usize, kind: Kind) -> Curve {
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
        pen: palette::mode(k),
        points: rows.map(|row| (row.time, value(row))).collect(),
    }
}

fn series(k: usize) -> String {
    format!("sigma_{k}")
}

fn mode_of(series: &str) -> Option<usize> {
    series.strip_prefix("sigma_")?.parse().ok()
}

pub fn predicted<'a>(drawing: &'a Drawing, modes: &'a [usize]) -> impl Iterator<Item = Curve> + 'a {
    drawing.predictions.iter().filter_map(|p| {
        let k = p.mode.filter(|k| modes.contains(k))?;
        (!p.curve.is_empty()).then(|| Curve {
            series: format!("predicted_sigma_{k}"),
            pen: palette::prediction(),
            points: p.curve.clone(),
        })
    })
}

/// Predicted escape times as lines over the whole height.
pub fn predicted_times(drawing: &Drawing) -> Vec<Vertical> {
    let escapes = drawing
        .predictions
        .iter()
        .filter(|p| p.quantity == "escape_time");
    let verticals = escapes.filter_map(|p| {
        let k = p.mode?;
        Some(Vertical {
            series: format!("predicted_escape_{k}"),
            pen: palette::prediction_time(palette::mode(k).color),
            x: p.value,
        })
    });
    verticals.collect()
}

fn marks(drawing: &Drawing) -> Vec<Mark> {
    drawing.events.iter().filter_map(mark).collect()
}

pub fn mark(event: &Event) -> Option<Mark> {
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
        pen: palette::mark(palette::mode(k).color),
        at: (event.time, event.level),
    })
}

fn legend(
    curves: &[Curve],
    kind: Kind,
    marks: &[Mark],
    verticals: &[Vertical],
) -> Vec<(Sample, String)> {
    let drawn = |k: usize| {
        let series = series(k);
        curves
            .iter()
            .any(|c| c.series == series && c.is_visible(kind))
    };
    let named = (1..=NAMED_MODES)
        .filter(|&k| drawn(k))
        .map(|k| (Sample::Line(palette::mode(k)), format!("σ_{{{k}}}")));
    let mut entries: Vec<_> = named.collect();
    let last = curves.iter().filter_map(|c| mode_of(&c.series)).max();
    if let Some(last) = last.filter(|&last| last > NAMED_MODES) {
        let first = NAMED_MODES + 1;
        let others = match last == first {
            true => format!("σ_{{{first}}}"),
            false => format!("σ_{{{first}}}…σ_{{{last}}}"),
        };
        entries.push((Sample::Line(palette::others()), others));
    }
    let dotted = palette::prediction();
    let has_curve = curves.iter().any(|c| c.pen == dotted);
    entries.extend(event_entries(marks));
    entries.extend(prediction_entry(has_curve, verticals));
    entries
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

/// An entry when anything predicted is drawn.
pub fn prediction_entry(has_curve: bool, verticals: &[Vertical]) -> Option<(Sample, String)> {
    let pen: Option<Pen> = match has_curve {
        true => Some(palette::prediction()),
        false => verticals
            .first()
            .map(|_| palette::prediction_time(palette::BLACK)),
    };
    pen.map(|pen| (Sample::Line(pen), "predicted".to_owned()))
}

fn description(drawing: &Drawing, kind: Kind) -> String {
    let axes = match kind {
        Kind::Linear => "linear axes",
        Kind::Log => "logarithmic axes; values below the roundoff of the largest are left out",
    };
    let (drawn, all) = (visible_modes(drawing), mode_count(drawing));
    let which = match drawn == all {
        true => format!("The {all}"),
        false => format!("The {drawn} of {all} that are not roundoff:"),
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
        .take(NAMED_MODES)
        .collect();
    match times.is_empty() {
        true => String::new(),
        false => format!(" Escapes: {}.", times.join(", ")),
    }
}
