//! Quantiles of a column over runs against another column, with values of further columns as verticals.

use super::{Answer, Group, counts, groups, label};
use crate::error::Error;
use crate::report::figure::{Line, Plot, Stands, Upright, plot, words, words_of_mode};
use crate::report::quantiles::quantile;
use crate::scenario::sweep::CurvesSpec;
use crate::sweep::plan::Plan;
use crate::sweep::table::{Cells, Column, Table};
use std::collections::BTreeMap;

/// All runs at one `x`.
struct Point {
    x: f64,
    /// Low, median, high.
    values: [f64; 3],
    runs: usize,
}

/// One curve.
struct Curve {
    group: Group,
    points: Vec<Point>,
}

/// Answers one `[[curves]]`.
///
/// # Errors
/// Those of drawing.
pub fn answer(
    spec: &CurvesSpec,
    number: usize,
    plan: &Plan,
    table: &Table,
) -> Result<Answer, Error> {
    let kept = kept(spec, plan, table);
    let all: Vec<Curve> = groups(table, &spec.by)
        .into_iter()
        .filter_map(|group| curve(spec, table, &kept, group))
        .collect();
    let uprights = uprights(spec, table, &all);
    let name = format!("curves_{number}");
    let drawn = plot(
        &picture(&name, spec, &plan.title, &all, &uprights),
        &plan.style(),
    )?;
    let mut tables = vec![(name.clone(), result(spec, &all))];
    if !uprights.is_empty() {
        tables.push((format!("{name}_verticals"), marked(spec, &all, &uprights)));
    }
    Ok(Answer {
        files: drawn.files(),
        tables,
    })
}

/// Whether there is a curve for each mode.
fn is_by_mode(spec: &CurvesSpec) -> bool {
    spec.by.iter().any(|key| key == "mode")
}

/// Whether each row counts: it is of the mode and has the values `only`, and is of the run with the least loss
/// over the keys `best_over`.
fn kept(spec: &CurvesSpec, plan: &Plan, table: &Table) -> Vec<bool> {
    let (modes, loss) = (table.column("mode"), table.column("final_loss"));
    let number = |cells: Option<&Cells>, row: usize| cells.and_then(|c| c.number(row));
    let wanted = |row: usize| is_by_mode(spec) || number(modes, row) == Some(spec.mode as f64);
    let mut kept: Vec<bool> = (0..table.rows())
        .map(|row| wanted(row) && counts(&spec.only, table, row))
        .collect();
    if spec.best_over.is_empty() {
        return kept;
    }
    let others = plan.keys.iter().filter(|k| !spec.best_over.contains(k));
    for group in groups(table, &others.cloned().collect::<Vec<_>>()) {
        let rows = group.rows.iter().copied().filter(|&row| kept[row]);
        let best = rows
            .filter_map(|row| Some((row, number(loss, row)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let run = |row: usize| table.column("run").and_then(|runs| runs.text(row));
        for &row in &group.rows {
            kept[row] &= best.is_some_and(|(best, _)| run(best) == run(row));
        }
    }
    kept
}

fn curve(spec: &CurvesSpec, table: &Table, kept: &[bool], group: Group) -> Option<Curve> {
    let (x, y) = (table.column(&spec.x)?, table.column(&spec.quantity)?);
    let rows = group.rows.iter().copied().filter(|&row| kept[row]);
    let mut pairs: Vec<(f64, f64)> = rows
        .filter_map(|row| Some((x.number(row)?, y.number(row)?)))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let points: Vec<Point> = pairs
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|chunk| point(spec, chunk))
        .collect();
    (!points.is_empty()).then_some(Curve { group, points })
}

/// Quantiles of pairs with one `x`, sorted by `y`.
fn point(spec: &CurvesSpec, pairs: &[(f64, f64)]) -> Option<Point> {
    let values: Vec<f64> = pairs.iter().map(|p| p.1).collect();
    let [low, high] = spec.quantiles;
    Some(Point {
        x: pairs.first()?.0,
        values: [
            quantile(&values, low)?,
            quantile(&values, 0.5)?,
            quantile(&values, high)?,
        ],
        runs: values.len(),
    })
}

/// The median of a column for one mode and one curve.
struct Vertical<'s> {
    column: &'s str,
    mode: usize,
    curve: usize,
    x: f64,
}

/// The verticals of every curve.
fn uprights<'s>(spec: &'s CurvesSpec, table: &Table, all: &[Curve]) -> Vec<Vertical<'s>> {
    let Some(modes) = table.column("mode") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for column in &spec.verticals {
        let Some(cells) = table.column(column) else {
            continue;
        };
        for (curve, of) in all.iter().enumerate() {
            let mut by_mode: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for &row in &of.group.rows {
                if let (Some(mode), Some(x)) = (modes.number(row), cells.number(row)) {
                    by_mode.entry(mode as usize).or_default().push(x);
                }
            }
            for (mode, mut values) in by_mode {
                values.sort_by(f64::total_cmp);
                let x = quantile(&values, 0.5);
                found.extend(x.map(|x| Vertical {
                    column,
                    mode,
                    curve,
                    x,
                }));
            }
        }
    }
    found
}

/// The columns `by` of a table whose rows belong to curves.
fn by_columns(spec: &CurvesSpec, rows: &[&Curve]) -> Vec<Column> {
    let column = |(place, name): (usize, &String)| {
        let cells = rows.iter().map(|c| c.group.values.get(place).cloned());
        Column::text(name, cells.collect())
    };
    spec.by.iter().enumerate().map(column).collect()
}

fn result(spec: &CurvesSpec, all: &[Curve]) -> Table {
    let rows: Vec<(&Curve, &Point)> = all
        .iter()
        .flat_map(|c| c.points.iter().map(move |p| (c, p)))
        .collect();
    let curves: Vec<&Curve> = rows.iter().map(|r| r.0).collect();
    let float = |name: &str, of: &dyn Fn(&Point) -> f64| {
        Column::float(name, rows.iter().map(|r| Some(of(r.1))).collect())
    };
    let mut columns = by_columns(spec, &curves);
    columns.extend([
        float(&spec.x, &|p| p.x),
        Column::integer("runs", rows.iter().map(|r| Some(r.1.runs as i64)).collect()),
        float(&format!("quantile_{}", spec.quantiles[0]), &|p| p.values[0]),
        float(&spec.quantity, &|p| p.values[1]),
        float(&format!("quantile_{}", spec.quantiles[1]), &|p| p.values[2]),
    ]);
    Table { columns }
}

fn marked(spec: &CurvesSpec, all: &[Curve], uprights: &[Vertical<'_>]) -> Table {
    let curves: Vec<&Curve> = uprights.iter().map(|u| &all[u.curve]).collect();
    let mut columns = by_columns(spec, &curves);
    let names = uprights.iter().map(|u| Some(u.column.to_owned()));
    columns.push(Column::text("column", names.collect()));
    if !is_by_mode(spec) {
        let modes = uprights.iter().map(|u| Some(u.mode as i64));
        columns.push(Column::integer("mode", modes.collect()));
    }
    let xs = uprights.iter().map(|u| Some(u.x));
    columns.push(Column::float(&spec.x, xs.collect()));
    Table { columns }
}

fn picture(
    name: &str,
    spec: &CurvesSpec,
    title: &str,
    all: &[Curve],
    uprights: &[Vertical<'_>],
) -> Plot {
    let best = match spec.best_over.is_empty() {
        true => String::new(),
        false => " at the least loss".to_owned(),
    };
    let lines: Vec<Line> = all.iter().map(|c| drawn(spec, c)).collect();
    let verticals = seen(spec, all, uprights);
    Plot {
        name: name.to_owned(),
        title: format!("{title}: {}{best}", spec.quantity),
        description: format!(
            "Medians of {} over runs against {}, bars between quantiles {} and {}.",
            spec.quantity, spec.x, spec.quantiles[0], spec.quantiles[1]
        ),
        x: (spec.x.clone(), spec.log_x),
        y: (name_of_quantity(spec), spec.log_quantity),
        key: key(spec, &lines, &verticals),
        lines,
        verticals,
        ..Plot::default()
    }
}

fn name_of_quantity(spec: &CurvesSpec) -> String {
    match is_by_mode(spec) {
        true => words(&spec.quantity),
        false => words_of_mode(&spec.quantity, spec.mode),
    }
}

/// Names of bars, and of each column of verticals.
fn key(spec: &CurvesSpec, lines: &[Line], verticals: &[Upright]) -> Vec<(Stands, String)> {
    let mut key = Vec::new();
    if lines.iter().any(|line| !line.bars.is_empty()) {
        let [low, high] = spec.quantiles;
        key.push((Stands::Mark, "median".to_owned()));
        key.push((Stands::Bar, format!("quantiles {low} to {high}")));
    }
    for (kind, column) in spec.verticals.iter().enumerate() {
        if verticals.iter().any(|upright| upright.kind == kind) {
            key.push((Stands::Vertical(kind), words(column)));
        }
    }
    key
}

/// The medians as a line, the quantiles as bars.
fn drawn(spec: &CurvesSpec, curve: &Curve) -> Line {
    let medians: Vec<(f64, f64)> = curve.points.iter().map(|p| (p.x, p.values[1])).collect();
    let wide = curve.points.iter().filter(|p| p.values[0] < p.values[2]);
    Line {
        name: label(&spec.by, &curve.group.values),
        points: medians.clone(),
        marks: medians,
        bars: wide.map(|p| (p.x, p.values[0], p.values[2])).collect(),
        thin: false,
    }
}

/// Verticals within the range of the curves.
fn seen(spec: &CurvesSpec, all: &[Curve], uprights: &[Vertical<'_>]) -> Vec<Upright> {
    let xs = || all.iter().flat_map(|c| c.points.iter().map(|p| p.x));
    let (lo, hi) = (
        xs().fold(f64::INFINITY, f64::min),
        xs().fold(f64::NEG_INFINITY, f64::max),
    );
    let within = uprights.iter().filter(|u| lo <= u.x && u.x <= hi);
    let upright = |u: &Vertical<'_>| Upright {
        name: format!("{} of mode {}", u.column, u.mode),
        x: u.x,
        line: u.curve,
        kind: spec
            .verticals
            .iter()
            .position(|c| c == u.column)
            .unwrap_or(0),
    };
    within.map(upright).collect()
}
