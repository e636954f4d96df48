//! Straight lines `y = slope · f(x) + intercept` by least squares, with Student intervals.

use super::student;
use super::{Answer, Group, counts, groups, label};
use crate::error::Error;
use crate::linalg::Line;
use crate::report::figure::{self, Plot, Stands, plot};
use crate::scenario::sweep::{FitSpec, Transform};
use crate::sweep::plan::Plan;
use crate::sweep::table::{Cells, Column, Table};

/// A fitted line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    pub points: usize,
    pub slope: f64,
    /// Half width of the slope's interval; none with fewer than three points.
    pub slope_error: Option<f64>,
    pub intercept: f64,
    pub intercept_error: Option<f64>,
    /// Root mean square distance from the line, `sqrt(Σr²/(n − 2))`.
    pub residual: Option<f64>,
}

/// Least squares through points; `None` when they have no two different abscissas.
pub fn line(points: &[(f64, f64)], confidence: f64) -> Option<Fit> {
    let Line {
        mean: (x, y),
        spread,
        slope,
    } = Line::through(points);
    if spread.is_nan() || spread <= 0.0 {
        return None;
    }
    let (n, intercept) = (points.len() as f64, y - slope * x);
    let rest = |p: &(f64, f64)| (p.1 - intercept - slope * p.0) * (p.1 - intercept - slope * p.0);
    let residual =
        (points.len() > 2).then(|| (points.iter().map(rest).sum::<f64>() / (n - 2.0)).sqrt());
    let band = residual.map(|r| r * student::quantile(confidence, n - 2.0));
    Some(Fit {
        points: points.len(),
        slope,
        slope_error: band.map(|b| b / spread.sqrt()),
        intercept,
        intercept_error: band.map(|b| b * (1.0 / n + x * x / spread).sqrt()),
        residual,
    })
}

fn transformed(transform: Transform, x: f64) -> f64 {
    match transform {
        Transform::Identity => x,
        Transform::Log => libm::log(x),
        Transform::LogInverse => -libm::log(x),
    }
}

/// One fitted group, and what it was fitted to.
struct Fitted {
    group: Group,
    fit: Fit,
    measured: Vec<(f64, f64)>,
}

/// Answers one `[[fit]]`.
///
/// # Errors
/// Those of drawing.
pub fn answer(spec: &FitSpec, number: usize, plan: &Plan, table: &Table) -> Result<Answer, Error> {
    let by: Vec<String> = spec.by.iter().cloned().chain(["mode".to_owned()]).collect();
    let (Some(xs), Some(ys)) = (table.column(&spec.x), table.column(&spec.quantity)) else {
        return Ok(Answer::default());
    };
    let mut all = Vec::new();
    for mut group in groups(table, &by) {
        group.rows.retain(|&row| counts(&spec.only, table, row));
        let mode = group.values.last().and_then(|text| text.parse().ok());
        let asked = |mode| {
            spec.modes
                .as_ref()
                .is_none_or(|modes| modes.contains(&mode))
        };
        if !mode.is_some_and(asked) {
            continue;
        }
        let measured: Vec<(f64, f64)> = points(spec, &group, xs, ys);
        let straight: Vec<(f64, f64)> = measured
            .iter()
            .map(|&(x, y)| (transformed(spec.transform, x), height(spec, y)))
            .collect();
        if let Some(fit) = line(&straight, spec.confidence) {
            all.push(Fitted {
                group,
                fit,
                measured,
            });
        }
    }
    let name = format!("fit_{number}");
    let drawn = plot(&picture(&name, spec, &plan.title, &by, &all), &plan.style())?;
    Ok(Answer {
        files: drawn.files(),
        tables: vec![(name, result(&by, &all))],
    })
}

fn height(spec: &FitSpec, y: f64) -> f64 {
    if spec.log_quantity { libm::log(y) } else { y }
}

/// The points of a group that have a place on the axes.
fn points(spec: &FitSpec, group: &Group, xs: &Cells, ys: &Cells) -> Vec<(f64, f64)> {
    let pairs = group.rows.iter();
    let pairs = pairs.filter_map(|&row| Some((xs.number(row)?, ys.number(row)?)));
    pairs
        .filter(|&(x, y)| transformed(spec.transform, x).is_finite() && height(spec, y).is_finite())
        .collect()
}

fn result(by: &[String], all: &[Fitted]) -> Table {
    let mut columns: Vec<Column> = by
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let cells = all.iter().map(|f| f.group.values.get(place).cloned());
            Column::text(name, cells.collect())
        })
        .collect();
    let float = |name: &str, of: fn(&Fit) -> Option<f64>| {
        Column::float(name, all.iter().map(|f| of(&f.fit)).collect())
    };
    let points = all.iter().map(|f| Some(f.fit.points as i64));
    columns.extend([
        Column::integer("points", points.collect()),
        float("slope", |f| Some(f.slope)),
        float("slope_low", |f| Some(f.slope - f.slope_error?)),
        float("slope_high", |f| Some(f.slope + f.slope_error?)),
        float("intercept", |f| Some(f.intercept)),
        float("intercept_low", |f| Some(f.intercept - f.intercept_error?)),
        float("intercept_high", |f| Some(f.intercept + f.intercept_error?)),
        float("residual", |f| f.residual),
    ]);
    Table { columns }
}

fn picture(name: &str, spec: &FitSpec, title: &str, by: &[String], all: &[Fitted]) -> Plot {
    let curve = |f: &Fitted| {
        let mut line: Vec<(f64, f64)> = f
            .measured
            .iter()
            .map(|p| (p.0, on_line(spec, f, p.0)))
            .collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        line.dedup_by(|a, b| a.0 == b.0);
        figure::Line {
            name: label(by, &f.group.values),
            points: line,
            marks: f.measured.clone(),
            ..figure::Line::default()
        }
    };
    Plot {
        name: name.to_owned(),
        title: format!("{title}: {} against {}", spec.quantity, spec.x),
        description: format!("{} fitted lines through measured points.", all.len()),
        x: (spec.x.clone(), spec.transform != Transform::Identity),
        y: (spec.quantity.clone(), spec.log_quantity),
        lines: all.iter().map(curve).collect(),
        key: vec![
            (Stands::Mark, "measured".to_owned()),
            (Stands::Line, "least-squares fit".to_owned()),
        ],
        ..Plot::default()
    }
}

fn on_line(spec: &FitSpec, fitted: &Fitted, x: f64) -> f64 {
    let y = fitted.fit.slope * transformed(spec.transform, x) + fitted.fit.intercept;
    if spec.log_quantity { libm::exp(y) } else { y }
}

#[cfg(test)]
mod tests {
    use super::line;

    /// Ordinary least squares by hand: x = 0, 1, 2, 3; y = 1, 3, 2, 5. Sxx = 5, Sxy = 5.5,
    /// slope 1.1, intercept 1.1, Σr² = 2.7, s = sqrt(1.35), t(0.95, 2) = 4.302653.
    #[test]
    fn slope_and_interval_are_those_of_the_textbook() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 5.0)];
        let fit = line(&points, 0.95).expect("a line");
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(fit.slope, 1.1) && near(fit.intercept, 1.1), "{fit:?}");
        let s = 1.35_f64.sqrt();
        assert!(near(fit.residual.expect("rest"), s), "{fit:?}");
        let error = 4.302_653 * s / 5.0_f64.sqrt();
        assert!(near(fit.slope_error.expect("interval"), error), "{fit:?}");
    }

    /// The same points: `(XᵀX)⁻¹` has `Σx²/(nΣx² − (Σx)²) = 14/20` for the intercept.
    #[test]
    fn the_interval_of_the_intercept_knows_where_the_points_lie() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 5.0)];
        let fit = line(&points, 0.95).expect("a line");
        let error = 4.302_653 * (1.35_f64 * 14.0 / 20.0).sqrt();
        let found = fit.intercept_error.expect("interval");
        assert!((found - error).abs() < 1e-6, "{fit:?}");
    }

    #[test]
    fn no_line_without_two_abscissas() {
        assert_eq!(line(&[], 0.95), None);
        assert_eq!(line(&[(1.0, 2.0), (1.0, 3.0)], 0.95), None);
        let two = line(&[(0.0, 0.0), (1.0, 2.0)], 0.95).expect("a line");
        assert_eq!((two.slope, two.slope_error), (2.0, None));
    }
}
