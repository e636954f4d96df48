//! A panel of the user's own: columns of the trajectory against each other.

use super::Drawing;
use super::canvas::Pen;
use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape};
use super::mode_pens::ModePens;
use super::onset::log_time;
use super::palette;
use super::scale::{Kind, Scale, inverse, transform};
use super::singular_values::{
    self, event_entries, mode_entries, mode_pens, predicted_times, prediction_entries,
};
use super::words::words;
use crate::observe::{Event, EventKind, Observable, Quantity, Row, Trajectory};
use crate::report::names::{QUANTITIES, name};

/// Columns with a pen of their own.
const KNOWN: usize = 3;

/// What stands along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column {
    Time,
    Of(Quantity),
    Seen(Observable),
}

/// What a panel shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub x: Side,
    pub y: Side,
    pub columns: (Column, Vec<Column>),
    /// Of singular values; empty for all.
    pub modes: Vec<usize>,
    pub predictions: bool,
    pub events: bool,
}

/// One axis as asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Side {
    pub log: bool,
    pub range: Option<(f64, f64)>,
    pub label: Option<String>,
}

impl Side {
    fn kind(&self) -> Kind {
        if self.log { Kind::Log } else { Kind::Linear }
    }

    /// The axis over `values`, unless its ends or its name are given.
    fn axis(&self, name: &str, scale: Scale) -> Axis {
        let scale = match self.range {
            Some((lo, hi)) if self.log => Scale::log(lo.log10(), hi.log10()),
            Some((lo, hi)) => Scale::linear(lo, hi),
            None => scale,
        };
        let label = self.label.clone().unwrap_or_else(|| name.to_owned());
        Axis { label, scale }
    }
}

impl Column {
    fn value(self, trajectory: &Trajectory, row: &Row) -> f64 {
        trajectory.value(row, self.name()).unwrap_or(f64::NAN)
    }

    /// Name in the numbers.
    fn name(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Of(Quantity::SingularValue) => "sigma_1",
            Column::Of(quantity) => name(&QUANTITIES, &quantity),
            Column::Seen(observable) => observable.name(),
        }
    }

    fn words(self) -> String {
        match self {
            Column::Of(Quantity::SingularValue) => "singular values σ_{k}".to_owned(),
            _ => words(self.name()),
        }
    }

    /// The pen that other figures give this.
    fn known_pen(self) -> Option<Pen> {
        match self {
            Column::Of(Quantity::Cost) => Some(palette::cost()),
            Column::Of(Quantity::TestCost) => Some(palette::test_cost()),
            Column::Of(Quantity::GradientNorm) => Some(palette::gradient_norm()),
            _ => None,
        }
    }
}

/// Pens of a panel: of its modes, and of its other columns.
struct Pens {
    modes: ModePens,
    columns: Vec<(Column, Pen)>,
}

impl Pens {
    fn new(drawing: &Drawing, panel: &Panel) -> Self {
        let sigmas = Column::Of(Quantity::SingularValue);
        let columns = panel.columns.1.iter().copied();
        let others: Vec<Column> = columns.filter(|c| *c != sigmas).collect();
        let shown = match shows_sigmas(panel) {
            true => modes(drawing, panel),
            false => Vec::new(),
        };
        let modes = mode_pens(drawing, &shown, others.len());
        // A quantity looks the same everywhere, unless the pens that are left would not suffice.
        let known = others.iter().filter(|c| c.known_pen().is_some()).count();
        let usual = shown.is_empty() && others.len() - known <= palette::DISTINCT - KNOWN;
        let mut next = KNOWN;
        let pen = |(number, column): (usize, &Column)| match (usual, column.known_pen()) {
            _ if usual && others.len() == 1 => palette::cost(),
            (true, Some(pen)) => pen,
            (true, None) => {
                next += 1;
                palette::line(next, palette::DISTINCT)
            }
            (false, _) => modes.other(number + 1),
        };
        let pens: Vec<Pen> = others.iter().enumerate().map(pen).collect();
        let columns = others.into_iter().zip(pens).collect();
        Self { modes, columns }
    }

    fn of(&self, column: Column) -> Pen {
        let found = self.columns.iter().find(|(known, _)| *known == column);
        found.map_or(palette::cost(), |(_, pen)| *pen)
    }
}

/// The chart of a panel.
pub fn chart(drawing: &Drawing, panel: &Panel) -> Chart {
    let (x_column, y_columns) = (panel.columns.0, &panel.columns.1);
    let against_time = x_column == Column::Time;
    let pens = Pens::new(drawing, panel);
    let (mut curves, mut legend) = (Vec::new(), Vec::new());
    for column in y_columns {
        match column {
            Column::Of(Quantity::SingularValue) => {
                curves.extend(sigmas(drawing, panel, &pens.modes));
            }
            _ => {
                let curve = curve(drawing, (x_column, *column), pens.of(*column));
                legend.push((Sample::Line(curve.pen), column.words()));
                curves.push(curve);
            }
        }
    }
    legend.extend(mode_entries(&curves, panel.y.kind()));
    let mut chart = Chart::new(
        "panels",
        title(drawing, panel),
        String::new(),
        axes(drawing, panel, &curves),
    );
    if against_time && panel.events {
        let marks = drawing.events.iter();
        chart.marks = marks.filter_map(|e| mark(e, panel, &pens)).collect();
        legend.extend(event_entries(&chart.marks));
    }
    if against_time && panel.predictions && shows_sigmas(panel) {
        let (first, modes) = (curves.len(), modes(drawing, panel));
        let time = &chart.x.scale;
        curves.extend(singular_values::predicted(drawing, &modes, time));
        let shown = |k: usize| panel.modes.is_empty() || panel.modes.contains(&k);
        chart.verticals = predicted_times(drawing, &pens.modes, time, shown);
        legend.extend(prediction_entries(curves.len() > first, &chart.verticals));
    }
    // One curve needs no legend: the axis names it.
    if legend.len() > 1 {
        chart.legend = legend;
    }
    chart.description = format!("{} against {}.", chart.y.label, chart.x.label);
    chart.curves = curves;
    chart
}

fn title(drawing: &Drawing, panel: &Panel) -> String {
    let names: Vec<_> = panel.columns.1.iter().map(|c| c.name()).collect();
    format!("{}: {}", drawing.title, names.join(", "))
}

fn shows_sigmas(panel: &Panel) -> bool {
    panel
        .columns
        .1
        .contains(&Column::Of(Quantity::SingularValue))
}

/// Those that the panel names, however small; else those that the other figures draw.
fn modes(drawing: &Drawing, panel: &Panel) -> Vec<usize> {
    if panel.modes.is_empty() {
        return singular_values::drawn_modes(drawing);
    }
    let all = 1..=singular_values::mode_count(drawing);
    all.filter(|k| panel.modes.contains(k)).collect()
}

fn sigmas(drawing: &Drawing, panel: &Panel, pens: &ModePens) -> Vec<Curve> {
    let x = panel.columns.0;
    let curve = |k: usize| {
        let curve = singular_values::measured(drawing, k, pens.of(k), panel.y.kind());
        let rows = drawing.trajectory.rows.iter();
        let points = rows
            .zip(&curve.points)
            .map(|(row, p)| (x.value(drawing.trajectory, row), p.1));
        Curve {
            points: points.collect(),
            ..curve
        }
    };
    pens.in_order().into_iter().map(curve).collect()
}

fn curve(drawing: &Drawing, (x, y): (Column, Column), pen: Pen) -> Curve {
    let rows = drawing.trajectory.rows.iter();
    Curve {
        series: y.name().to_owned(),
        pen,
        points: rows
            .map(|row| {
                (
                    x.value(drawing.trajectory, row),
                    y.value(drawing.trajectory, row),
                )
            })
            .collect(),
    }
}

fn axes(drawing: &Drawing, panel: &Panel, curves: &[Curve]) -> (Axis, Axis) {
    let (x, ys) = (panel.columns.0, &panel.columns.1);
    let points = || curves.iter().flat_map(|c| &c.points);
    let across = || points().map(|p| p.0);
    let x_scale = match (panel.x.kind(), x) {
        (Kind::Log, Column::Time) => log_time(drawing.trajectory),
        (Kind::Log, _) => Scale::log_around(across()),
        (Kind::Linear, _) => Scale::linear_over(across()),
    };
    let x_axis = panel.x.axis(&x.words(), x_scale);
    let kind = panel.y.kind();
    let up = || {
        let heights = |c| heights_over(c, &x_axis.scale, kind);
        curves.iter().flat_map(heights)
    };
    let y_scale = match kind {
        Kind::Log => Scale::log_around(up()),
        Kind::Linear => Scale::linear_from_zero(up()),
    };
    let y_name = match ys.as_slice() {
        [only] => only.words(),
        _ => ys.iter().map(|c| c.words()).collect::<Vec<_>>().join(", "),
    };
    (x_axis, panel.y.axis(&y_name, y_scale))
}

/// Heights of a curve over an axis, with those at which its lines enter and leave.
fn heights_over(curve: &Curve, axis: &Scale, kind: Kind) -> Vec<f64> {
    let inside = curve.points.iter().filter(|p| axis.inside(p.0).is_some());
    let mut heights: Vec<f64> = inside.map(|p| p.1).collect();
    for pair in curve.points.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        let (Some(from), Some(to)) = (axis.position(x0), axis.position(x1)) else {
            continue;
        };
        let (Some(low), Some(high)) = (transform(kind, y0), transform(kind, y1)) else {
            continue;
        };
        for edge in [0.0, 1.0] {
            if (from < edge) != (to < edge) {
                let height = low + (high - low) * (edge - from) / (to - from);
                heights.push(inverse(kind, height));
            }
        }
    }
    heights
}

/// Escapes and crossings of a quantity that the panel shows; escapes on the curve of the cost where it shows no
/// singular values.
fn mark(event: &Event, panel: &Panel, pens: &Pens) -> Option<Mark> {
    let shows = |quantity| panel.columns.1.contains(&Column::Of(quantity));
    let shown = shows(event.quantity);
    if event.quantity == Quantity::SingularValue {
        let k = event.index?;
        let wanted = panel.modes.is_empty() || panel.modes.contains(&k);
        let escapes = event.kind == EventKind::Escape && shows(Quantity::Cost);
        return match shown {
            true => singular_values::mark(event, &pens.modes).filter(|_| wanted),
            false if escapes && wanted => Some(Mark {
                series: format!("escape_{k}"),
                shape: Shape::Circle,
                pen: palette::mark(pens.of(Column::Of(Quantity::Cost)).color),
                at: (event.time, event.cost),
            }),
            false => None,
        };
    }
    if event.kind != EventKind::Crossing || !shown {
        return None;
    }
    Some(Mark {
        series: format!("crossing_{}", Column::Of(event.quantity).name()),
        shape: Shape::Square,
        pen: palette::mark(pens.of(Column::Of(event.quantity)).color),
        at: (event.time, event.level),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window between two rows: where the line from one to the other enters and leaves.
    #[test]
    fn heights_are_those_in_the_window() {
        let curve = |points: &[(f64, f64)]| Curve {
            series: String::new(),
            pen: palette::cost(),
            points: points.to_vec(),
        };
        let axis = Scale::linear(4.0, 6.0);
        let line = curve(&[(0.0, 0.0), (10.0, 20.0)]);
        assert_eq!(heights_over(&line, &axis, Kind::Linear), [8.0, 12.0]);
        let falling = curve(&[(3.0, 1.0), (5.0, 1e-2), (7.0, 1e-4)]);
        let heights = heights_over(&falling, &axis, Kind::Log);
        for (found, exact) in heights.iter().zip([1e-2, 1e-1, 1e-3]) {
            assert!((found / exact - 1.0).abs() < 1e-14, "{heights:?}");
        }
        assert_eq!(heights.len(), 3);
    }
}
