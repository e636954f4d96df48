//! Train and test cost with the gradient norm, logarithmic, against time. Plateaus are shaded,
//! escapes are marked on the cost.

use super::Drawing;
use super::canvas::Pen;
use super::chart::{Axis, Band, Chart, Curve, Mark, Sample, Shape};
use super::onset::log_time;
use super::palette;
use super::scale::{Kind, Scale};
use super::singular_values::{
    drawn_modes, escapes, event_entries, mode_pens, predicted_times, prediction_entries,
};
use crate::observe::{Event, EventKind, Quantity, Row};

const GRADIENT_NORM: &str = "gradient_norm";
/// Costs below this part of their largest value do not stretch the axis.
const DEEPEST_COST: f64 = 1e-20;

/// The figure for one kind of time axis.
pub fn chart(drawing: &Drawing, kind: Kind) -> Chart {
    let curves = curves(drawing);
    let y = Scale::log_around(heights(&curves));
    let marks: Vec<Mark> = drawing.events.iter().filter_map(mark).collect();
    let pens = mode_pens(drawing, &drawn_modes(drawing), 0);
    let time = match kind {
        Kind::Linear => Scale::linear_over(drawing.trajectory.rows.iter().map(|row| row.time)),
        Kind::Log => log_time(drawing.trajectory),
    };
    let verticals = predicted_times(drawing, &pens, &time, |_| true);
    let bands = plateaus(drawing);
    let lines = curves
        .iter()
        .filter(|(_, c)| c.is_visible(Kind::Log))
        .map(|(label, c)| (Sample::Line(c.pen), (*label).to_owned()));
    let mut legend: Vec<_> = lines.collect();
    legend.extend(event_entries(&marks));
    legend.extend(bands.first().map(|_| (Sample::Band, "plateau".to_owned())));
    legend.extend(prediction_entries(false, &verticals));
    Chart {
        name: match kind {
            Kind::Linear => "cost_linear",
            Kind::Log => "cost_log",
        }
        .to_owned(),
        title: format!("{}: cost and gradient norm", drawing.title),
        description: description(drawing, kind),
        x: Axis {
            label: "time t".to_owned(),
            scale: time,
        },
        y: Axis {
            label: "cost, gradient norm ‖∇‖".to_owned(),
            scale: y,
        },
        tiles: Vec::new(),
        bar: None,
        bands,
        verticals,
        curves: curves.into_iter().map(|(_, curve)| curve).collect(),
        marks,
        legend,
    }
}

/// What the vertical axis has to hold. A cost is quadratic in its error, so that what it does
/// far below its largest value is the roundoff of `A`; only the gradient norm may go deeper,
/// since it begins small.
fn heights<'a>(curves: &'a [(&str, Curve)]) -> impl Iterator<Item = f64> + 'a {
    curves.iter().flat_map(|(_, curve)| {
        let values = curve.points.iter().map(|p| p.1);
        let largest = values.clone().fold(0.0, f64::max);
        let floor = match curve.series == GRADIENT_NORM {
            true => 0.0,
            false => DEEPEST_COST * largest,
        };
        values.filter(move |v| *v >= floor)
    })
}

/// The curves with their names in the legend.
fn curves(drawing: &Drawing) -> Vec<(&'static str, Curve)> {
    let has_test = drawing
        .trajectory
        .rows
        .iter()
        .any(|row| row.test_cost.is_some());
    let curve = |series: &str, pen: Pen, value: fn(&Row) -> f64| {
        let rows = drawing.trajectory.rows.iter();
        Curve {
            series: series.to_owned(),
            pen,
            points: rows.map(|row| (row.time, value(row))).collect(),
        }
    };
    let cost = curve("cost", palette::cost(), |row| row.cost);
    let gradient = curve(GRADIENT_NORM, palette::gradient_norm(), |row| {
        row.gradient_norm
    });
    let mut curves = vec![(if has_test { "train cost" } else { "cost" }, cost)];
    if has_test {
        let value = |row: &Row| row.test_cost.unwrap_or(f64::NAN);
        curves.push(("test cost", curve("test_cost", palette::test_cost(), value)));
    }
    curves.push(("gradient norm", gradient));
    curves
}

fn mark(event: &Event) -> Option<Mark> {
    let (series, shape, pen, height) = match (event.kind, event.quantity) {
        (EventKind::Escape, _) => ("escape", Shape::Circle, palette::cost(), event.cost),
        (EventKind::Crossing, Quantity::Cost) => {
            ("crossing_cost", Shape::Square, palette::cost(), event.level)
        }
        (EventKind::Crossing, Quantity::TestCost) => (
            "crossing_test_cost",
            Shape::Square,
            palette::test_cost(),
            event.level,
        ),
        (EventKind::Crossing, Quantity::GradientNorm) => (
            "crossing_gradient_norm",
            Shape::Square,
            palette::gradient_norm(),
            event.level,
        ),
        _ => return None,
    };
    let index = event.index.map_or_else(String::new, |k| format!("_{k}"));
    Some(Mark {
        series: format!("{series}{index}"),
        shape,
        pen: palette::mark(pen.color),
        at: (event.time, height),
    })
}

/// From each entry into a plateau to the next leave; the last one may last to the end.
fn plateaus(drawing: &Drawing) -> Vec<Band> {
    let end = drawing
        .trajectory
        .rows
        .last()
        .map_or(f64::NAN, |row| row.time);
    let mut bands = Vec::new();
    let mut entered = None;
    let mut close = |from: f64, to: f64| {
        let series = format!("plateau_{}", bands.len() + 1);
        bands.push(Band { series, from, to });
    };
    for event in drawing.events {
        match event.kind {
            EventKind::PlateauEnter => entered = Some(event.time),
            EventKind::PlateauLeave => {
                let since = event.duration.map(|d| event.time - d);
                if let Some(from) = entered.take().or(since) {
                    close(from, event.time);
                }
            }
            _ => {}
        }
    }
    if let Some(from) = entered {
        close(from, end);
    }
    bands
}

fn description(drawing: &Drawing, kind: Kind) -> String {
    let axis = match kind {
        Kind::Linear => "linear",
        Kind::Log => "logarithmic",
    };
    format!(
        "Cost and gradient norm, logarithmic, against time, {axis}.{}",
        escapes(drawing)
    )
}
