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
    critical_l2: Option<f64>,
    global_l2: Option<f64>,
    final_cost: Option<f64>,
    final_test_cost: Option<f64>,
    final_loss: Option<f64>,
    schatten_gap: Option<f64>,
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
            let mut rows: Vec<Row> = modes.map(|mode| row(run, Some(mode), summary)).collect();
            if rows.is_empty() {
                rows.push(row(run, None, summary));
            }
            rows
        }
    }
}

/// What a run says as a whole and, with `mode`, of that.
fn row(run: usize, mode: Option<usize>, summary: &Summary) -> Row {
    let of_mode = |values: &[Option<f64>]| values.get(mode? - 1).copied().flatten();
    let sigma = mode.and_then(|mode| summary.singular_values.get(mode - 1).copied());
    Row {
        run,
        mode,
        escape_time: mode.and_then(|mode| summary.escape_time(mode)),
        relative_wait: mode.and_then(|mode| summary.relative_wait(mode)),
        plateau_cost: mode.and_then(|mode| summary.plateau_cost(mode)),
        final_sigma: sigma.filter(|s| s.is_finite()),
        critical_l2: of_mode(&summary.critical_l2),
        global_l2: of_mode(&summary.global_l2),
        final_cost: summary.final_cost,
        final_test_cost: summary.final_test_cost,
        final_loss: summary.final_loss,
        schatten_gap: summary.schatten_gap,
        rank: limit_rank(summary),
        depth: summary.widths.len().checked_sub(1),
        width: summary.hidden_width(),
        time: Some(summary.time).filter(|t| t.is_finite()),
        outcome: outcome(summary),
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

/// The rank at the end; 0 on the way to the origin, where that of the remains says nothing.
fn limit_rank(summary: &Summary) -> Option<usize> {
    match summary.tends_to_origin {
        true => Some(0),
        false => summary.rank,
    }
}

fn outcome(summary: &Summary) -> String {
    match summary.trapped() && !summary.failed() {
        true => "trapped".to_owned(),
        false => summary.outcome.name().to_owned(),
    }
}

fn table(plan: &Plan, rows: &[Row]) -> Table {
    let keys = plan.keys.iter().enumerate().map(|(place, key)| Column {
        name: key.clone(),
        cells: plan.cells(place, rows.iter().map(|row| row.run)),
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
        float("critical_l2", |row| row.critical_l2),
        float("global_l2", |row| row.global_l2),
        float("final_cost", |row| row.final_cost),
        float("final_test_cost", |row| row.final_test_cost),
        float("final_loss", |row| row.final_loss),
        float("schatten_gap", |row| row.schatten_gap),
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
