//! One tidy table of a sweep: a row for each run and mode.

use super::plan::Plan;
use super::store::{State, Store};
use super::table::{Cells, Column, Table};
use super::{analysis, in_parallel, parquet};
use crate::error::Error;
use crate::report::summary::Summary;
use crate::report::write_file;
use std::path::{Path, PathBuf};

/// What `collect` made.
#[derive(Debug)]
pub struct Collected {
    pub plan: Plan,
    pub table: Table,
    /// Runs in the table.
    pub runs: usize,
    pub files: Vec<PathBuf>,
}

/// Reads the finished runs of a sweep's folder and writes `table.csv` and `table.parquet`. It may be
/// called while the sweep runs.
///
/// # Errors
/// `NotASweep`, `Damaged`, `Io`.
pub fn collect(root: &Path, jobs: usize) -> Result<Collected, Error> {
    let plan = Plan::read(root)?;
    let store = Store::of(root, &plan);
    let rows = in_parallel(plan.runs.len(), jobs, |run| {
        rows(run, &store.state(&plan.runs[run].hash))
    });
    let runs = rows.iter().filter(|of_run| !of_run.is_empty()).count();
    let table = table(&plan, &rows.concat());
    let mut csv = Vec::new();
    let path = root.join("table.csv");
    table.write_csv(&mut csv).map_err(|e| Error::io(&path, e))?;
    write_file(&path, &csv)?;
    let mut bytes = Vec::new();
    let columnar = root.join("table.parquet");
    parquet::write(&table, &mut bytes).map_err(|e| Error::io(&columnar, e))?;
    write_file(&columnar, &bytes)?;
    let mut files = vec![path, columnar];
    files.extend(analysis::answer_all(&plan, &store, &table, jobs)?);
    Ok(Collected {
        plan,
        table,
        runs,
        files,
    })
}

/// A row of the table but for the swept keys.
#[derive(Debug, Clone, Default)]
struct Row {
    run: usize,
    mode: Option<usize>,
    escape_time: Option<f64>,
    relative_wait: Option<f64>,
    plateau_cost: Option<f64>,
    final_sigma: Option<f64>,
    final_cost: Option<f64>,
    final_test_cost: Option<f64>,
    rank: Option<usize>,
    depth: Option<usize>,
    width: Option<usize>,
    time: Option<f64>,
    outcome: String,
    checks: Option<usize>,
    checks_failed: Option<usize>,
    method: Option<String>,
    steps: Option<usize>,
    rejected: Option<usize>,
    rhs_evaluations: Option<usize>,
    jvp_evaluations: Option<usize>,
    seed: Option<u64>,
}

/// The rows of a run: one per mode, one without a mode when there is no result, none when it is
/// not done.
fn rows(run: usize, state: &State) -> Vec<Row> {
    match state {
        State::Pending => Vec::new(),
        State::Refused(_) => vec![Row {
            run,
            outcome: "refused".to_owned(),
            ..Row::default()
        }],
        State::Done(summary) => {
            let modes = 1..=summary.singular_values.len();
            modes.map(|mode| row(run, mode, summary)).collect()
        }
    }
}

fn row(run: usize, mode: usize, summary: &Summary) -> Row {
    let sigma = summary.singular_values.get(mode - 1).copied();
    Row {
        run,
        mode: Some(mode),
        escape_time: summary.escape_time(mode),
        relative_wait: summary.relative_wait(mode),
        plateau_cost: summary.plateau_cost(mode),
        final_sigma: sigma.filter(|s| s.is_finite()),
        final_cost: summary.cost,
        final_test_cost: summary.test_cost,
        rank: summary.rank,
        depth: summary.widths.len().checked_sub(1),
        width: summary.hidden_width(),
        time: Some(summary.time).filter(|t| t.is_finite()),
        outcome: summary.outcome.clone(),
        checks: Some(summary.checks),
        checks_failed: Some(summary.checks_failed),
        method: Some(summary.method.clone()),
        steps: Some(summary.steps),
        rejected: Some(summary.rejected),
        rhs_evaluations: Some(summary.rhs_evaluations),
        jvp_evaluations: Some(summary.jvp_evaluations),
        seed: Some(summary.seed),
    }
}

fn table(plan: &Plan, rows: &[Row]) -> Table {
    let keys = plan.keys.iter().enumerate().map(|(place, key)| Column {
        name: key.clone(),
        cells: swept(
            rows.iter()
                .map(|row| plan.runs[row.run].values[place].as_str()),
        ),
    });
    let column = |name: &str, cells| Column {
        name: name.to_owned(),
        cells,
    };
    let whole = |name: &str, of: fn(&Row) -> Option<usize>| {
        let cells = rows.iter().map(|row| of(row).map(|n| n as i64));
        column(name, Cells::Integer(cells.collect()))
    };
    let float = |name: &str, of: fn(&Row) -> Option<f64>| {
        column(name, Cells::Float(rows.iter().map(of).collect()))
    };
    let text = |name: &str, of: &dyn Fn(&Row) -> Option<String>| {
        column(name, Cells::Text(rows.iter().map(of).collect()))
    };
    let seeds = rows.iter().map(|row| row.seed.map(|s| s as i64));
    let mut columns: Vec<Column> = keys.collect();
    columns.extend([
        whole("run", |row| Some(row.run + 1)),
        whole("mode", |row| row.mode),
        float("escape_time", |row| row.escape_time),
        float("relative_wait", |row| row.relative_wait),
        float("plateau_cost", |row| row.plateau_cost),
        float("final_sigma", |row| row.final_sigma),
        float("final_cost", |row| row.final_cost),
        float("final_test_cost", |row| row.final_test_cost),
        whole("rank", |row| row.rank),
        whole("depth", |row| row.depth),
        whole("width", |row| row.width),
        float("time", |row| row.time),
        text("outcome", &|row| Some(row.outcome.clone())),
        whole("checks", |row| row.checks),
        whole("checks_failed", |row| row.checks_failed),
        text("method", &|row| row.method.clone()),
        whole("steps", |row| row.steps),
        whole("rejected", |row| row.rejected),
        whole("rhs_evaluations", |row| row.rhs_evaluations),
        whole("jvp_evaluations", |row| row.jvp_evaluations),
    ]);
    if !plan.keys.iter().any(|key| key == "seed") {
        columns.push(column("seed", Cells::Integer(seeds.collect())));
    }
    columns.push(text("hash", &|row| Some(plan.runs[row.run].hash.clone())));
    Table { columns }
}

/// The values of a swept key: numbers when all are numbers, else text, strings without quotes.
fn swept<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Cells {
    let integers: Option<Vec<i64>> = values.clone().map(|v| v.parse().ok()).collect();
    if let Some(integers) = integers {
        return Cells::Integer(integers.into_iter().map(Some).collect());
    }
    let floats: Option<Vec<f64>> = values.clone().map(|v| v.parse().ok()).collect();
    if let Some(floats) = floats {
        return Cells::Float(floats.into_iter().map(Some).collect());
    }
    Cells::Text(values.map(|v| Some(plain(v))).collect())
}

/// A string without its quotes; anything else as it is written.
fn plain(value: &str) -> String {
    match value.parse::<toml::Value>() {
        Ok(toml::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}
