//! Trajectories of many runs in one figure: columns against time, which may have a unit and an origin
//! of its own in every run, or against another column.

use super::{Answer, Group, label, origin, runs_by};
use crate::error::Error;
use crate::observe::{Row, Trajectory};
use crate::report::figure::{Line, Plot, plot, words};
use crate::report::read;
use crate::report::summary::Summary;
use crate::scenario::sweep::{Align, FamilySpec, TimeUnit};
use crate::sweep::in_parallel;
use crate::sweep::plan::Plan;
use crate::sweep::store::Store;
use crate::sweep::table::{Column, Table};
use std::path::Path;

/// One column of one run.
struct Curve {
    /// From 0, in the plan.
    run: usize,
    points: Vec<(f64, f64)>,
}

/// The curves that share a pen.
struct Bundle<'c> {
    /// Values of the keys `by`.
    values: Vec<String>,
    column: String,
    curves: Vec<&'c Curve>,
}

/// Answers one `[[family]]` from the trajectories of finished runs.
///
/// # Errors
/// `Io`, `Damaged`, those of drawing.
pub fn answer(
    spec: &FamilySpec,
    number: usize,
    plan: &Plan,
    store: &Store,
    jobs: usize,
) -> Result<Answer, Error> {
    let curves = in_parallel(plan.runs.len(), jobs, |run| curves(spec, plan, store, run));
    let curves: Vec<Vec<Curve>> = curves.into_iter().collect::<Result<_, Error>>()?;
    let bundles = bundles(spec, plan, &curves);
    let name = format!("family_{number}");
    let drawn = plot(&picture(&name, spec, plan, &bundles), &plan.style())?;
    Ok(Answer {
        files: drawn.files(),
        tables: vec![(name, result(spec, &bundles))],
    })
}

/// The curves of one run; none when it is not done or has no such clock.
fn curves(spec: &FamilySpec, plan: &Plan, store: &Store, run: usize) -> Result<Vec<Curve>, Error> {
    let hash = &plan.runs[run].hash;
    let Some(summary) = store.summary(hash) else {
        return Ok(Vec::new());
    };
    let folder = store.folder(hash);
    let Some(clock) = Clock::of(spec, &summary, &folder)? else {
        return Ok(Vec::new());
    };
    let trajectory = read::trajectory(&folder.join("trajectory.csv"))?;
    let curve = |column: &String| Curve {
        run,
        points: points(&trajectory, &spec.x, column, &clock),
    };
    Ok(spec.y.names().iter().map(curve).collect())
}

/// Rows where one of the two is empty are left out.
fn points(trajectory: &Trajectory, x: &str, y: &str, clock: &Clock) -> Vec<(f64, f64)> {
    let horizontal = |row: &Row| match x {
        "time" => Some(clock.read(row.time)),
        column => trajectory.value(row, column),
    };
    let rows = trajectory.rows.iter();
    rows.filter_map(|row| Some((horizontal(row)?, trajectory.value(row, y)?)))
        .collect()
}

/// The time of a run as the family shows it.
struct Clock {
    origin: f64,
    unit: f64,
}

impl Clock {
    /// `None` where the run lacks the escape, or its scale is not below 1.
    fn of(spec: &FamilySpec, summary: &Summary, folder: &Path) -> Result<Option<Self>, Error> {
        let unit = match spec.time_unit {
            TimeUnit::Clock => Some(1.0),
            TimeUnit::Escape => summary.escape_time(spec.mode),
            TimeUnit::LogInverseScale => Some(-scale(&folder.join("scenario.toml"))?.ln()),
        };
        let origin = origin(spec.align, spec.mode, summary);
        let both = origin.zip(unit.filter(|&unit| unit > 0.0));
        Ok(both.map(|(origin, unit)| Self { origin, unit }))
    }

    fn read(&self, time: f64) -> f64 {
        (time - self.origin) / self.unit
    }
}

/// `init.scale` of a run.
fn scale(path: &Path) -> Result<f64, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        line: 1,
        reason,
    };
    let scenario: toml::Table = text.parse().map_err(|e| damaged(format!("{e}")))?;
    let scale = scenario.get("init").and_then(|init| init.get("scale"));
    let number = scale.and_then(toml::Value::as_float);
    number.ok_or_else(|| damaged("expected a number init.scale".to_owned()))
}

/// By the values of swept keys, and within them by column; `curves` are those of each run, in the order
/// of the columns.
fn bundles<'c>(spec: &FamilySpec, plan: &Plan, curves: &'c [Vec<Curve>]) -> Vec<Bundle<'c>> {
    let groups = runs_by(plan, &spec.by);
    let columns = |group: Group| {
        let names = spec.y.names().iter().enumerate();
        names.map(move |(place, column)| Bundle {
            values: group.values.clone(),
            column: column.clone(),
            curves: {
                let runs = group.rows.iter().filter_map(|&run| curves[run].get(place));
                runs.filter(|curve| !curve.points.is_empty()).collect()
            },
        })
    };
    let all = groups.into_iter().flat_map(columns);
    all.filter(|bundle| !bundle.curves.is_empty()).collect()
}

fn result(spec: &FamilySpec, bundles: &[Bundle<'_>]) -> Table {
    let curves = || {
        bundles
            .iter()
            .flat_map(|b| b.curves.iter().map(move |c| (b, c)))
    };
    let rows = || curves().flat_map(|(b, c)| c.points.iter().map(move |&p| (b, c, p)));
    let keys = spec.by.iter().enumerate().map(|(place, name)| {
        let cells = rows().map(|(b, _, _)| b.values.get(place).cloned());
        Column::text(name, cells.collect())
    });
    let mut columns: Vec<Column> = keys.collect();
    let runs = rows().map(|(_, c, _)| Some(c.run as i64 + 1));
    let names = rows().map(|(b, _, _)| Some(b.column.clone()));
    columns.extend([
        Column::integer("run", runs.collect()),
        Column::text("column", names.collect()),
        Column::float("x", rows().map(|(_, _, p)| Some(p.0)).collect()),
        Column::float("y", rows().map(|(_, _, p)| Some(p.1)).collect()),
    ]);
    Table { columns }
}

fn picture(name: &str, spec: &FamilySpec, plan: &Plan, bundles: &[Bundle<'_>]) -> Plot {
    let y = spec.y.names().join(", ");
    let x = horizontal(spec);
    let grouped = bundles.iter().any(|b| b.values != bundles[0].values);
    Plot {
        name: name.to_owned(),
        title: format!("{}: {y}", plan.title),
        description: format!("{y} of every run against {x}."),
        x: (x, spec.log_x),
        y: (y, spec.log_y),
        lines: bundles
            .iter()
            .map(|bundle| line(spec, bundle, grouped))
            .collect(),
        ..Plot::default()
    }
}

/// Runs one after the other, with a gap between two; `grouped`: named by the values of swept keys.
fn line(spec: &FamilySpec, bundle: &Bundle<'_>, grouped: bool) -> Line {
    const GAP: (f64, f64) = (f64::NAN, f64::NAN);
    let curves = bundle.curves.iter();
    let points: Vec<&[(f64, f64)]> = curves.map(|curve| &curve.points[..]).collect();
    let group = match grouped {
        true => label(&spec.by, &bundle.values),
        false => String::new(),
    };
    let several = spec.y.names().len() > 1;
    let column = match several {
        true => words(&bundle.column),
        false => String::new(),
    };
    let mut parts = vec![group, column];
    parts.retain(|part| !part.is_empty());
    Line {
        name: parts.join(", "),
        points: points.join(&[GAP][..]),
        ..Line::default()
    }
}

/// What stands under the figure.
fn horizontal(spec: &FamilySpec) -> String {
    if spec.x != "time" {
        return spec.x.clone();
    }
    let (mode, since) = (spec.mode, spec.align == Align::Event);
    let time = match since {
        true => format!("time since the escape of mode {mode}"),
        false => "time t".to_owned(),
    };
    match spec.time_unit {
        TimeUnit::Clock => time,
        TimeUnit::LogInverseScale => format!("{time}, in units of ln(1/scale)"),
        TimeUnit::Escape => format!("{time}, in units of the escape time of mode {mode}"),
    }
}
