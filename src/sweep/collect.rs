//! One tidy table of a sweep: a row for each run and mode.

use super::plan::Plan;
use super::store::{State, Store};
use super::table::{Column, Table};
use super::{analysis, in_parallel, parquet};
use crate::error::Error;
use crate::linalg::effective_rank;
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

/// Reads the finished runs of a sweep's folder and writes `table.csv`, `table.parquet` and what the plan asks
/// of the table. It may be called while the sweep runs.
///
/// # Errors
/// `Damaged`, `Io`.
pub fn collect(root: &Path, plan: Plan, jobs: usize) -> Result<Collected, Error> {
    let store = Store::of(root, &plan);
    let states = in_parallel(plan.runs.len(), jobs, |run| {
        store.state(&plan.runs[run].hash)
    });
    let rows: Vec<Row> = (0..).zip(&states).flat_map(rows).collect();
    let pending = |state: &&State| matches!(state, State::Pending);
    let runs = states.len() - states.iter().filter(pending).count();
    let table = table(&plan, &rows);
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

/// What a row is about: a mode of a run.
struct Row<'s> {
    run: usize,
    /// None where there is no result.
    mode: Option<usize>,
    /// None when the run was refused.
    summary: Option<&'s Summary>,
}

/// The rows of a run: one per mode, one without a mode when there is no result, none when it is
/// not done.
fn rows<'s>((run, state): (usize, &'s State)) -> Vec<Row<'s>> {
    let row = |mode, summary| Row { run, mode, summary };
    match state {
        State::Pending => Vec::new(),
        State::Refused(_) => vec![row(None, None)],
        State::Done(summary) => match summary.singular_values.len() {
            0 => vec![row(None, Some(summary))],
            modes => (1..=modes)
                .map(|mode| row(Some(mode), Some(summary)))
                .collect(),
        },
    }
}

impl Row<'_> {
    /// One of the values that a run has for each mode.
    fn of_mode<T: Copy>(&self, values: fn(&Summary) -> &[T]) -> Option<T> {
        values(self.summary?).get(self.mode? - 1).copied()
    }

    fn final_sigma(&self) -> Option<f64> {
        let sigma = self.of_mode(|s| &s.singular_values);
        sigma.filter(|s| s.is_finite())
    }

    fn time(&self) -> Option<f64> {
        Some(self.summary?.time).filter(|t| t.is_finite())
    }

    /// The rank at the end; 0 on the way to the origin, where that of the remains says nothing.
    fn limit_rank(&self) -> Option<usize> {
        match self.summary?.tends_to_origin {
            true => Some(0),
            false => self.summary?.rank,
        }
    }

    fn outcome(&self) -> &'static str {
        match self.summary {
            None => "refused",
            Some(summary) if summary.trapped() && !summary.failed() => "trapped",
            Some(summary) => summary.outcome.name(),
        }
    }
}

/// A column and how its cells are read off.
struct Entry {
    name: &'static str,
    of: Of,
}

enum Of {
    Whole(fn(&Row<'_>) -> Option<usize>),
    Float(fn(&Row<'_>) -> Option<f64>),
    Text(fn(&Row<'_>) -> Option<String>),
}

const fn whole(name: &'static str, of: fn(&Row<'_>) -> Option<usize>) -> Entry {
    let of = Of::Whole(of);
    Entry { name, of }
}

const fn float(name: &'static str, of: fn(&Row<'_>) -> Option<f64>) -> Entry {
    let of = Of::Float(of);
    Entry { name, of }
}

const fn text(name: &'static str, of: fn(&Row<'_>) -> Option<String>) -> Entry {
    let of = Of::Text(of);
    Entry { name, of }
}

/// The columns between the swept keys and `seed`. Those of numbers are known to
/// `scenario::sweep::COLUMNS`.
const COLUMNS: [Entry; 27] = [
    whole("run", |row| Some(row.run + 1)),
    whole("mode", |row| row.mode),
    float("escape_time", |row| row.summary?.escape_time(row.mode?)),
    float("relative_wait", |row| row.summary?.relative_wait(row.mode?)),
    float("plateau_cost", |row| row.summary?.plateau_cost(row.mode?)),
    float("final_sigma", |row| row.final_sigma()),
    float("critical_l2", |row| row.of_mode(|s| &s.critical_l2)?),
    float("global_l2", |row| row.of_mode(|s| &s.global_l2)?),
    float("final_cost", |row| row.summary?.final_cost),
    float("final_test_cost", |row| row.summary?.final_test_cost),
    float("best_test_cost", |row| row.summary?.best_test_cost),
    float("best_test_time", |row| row.summary?.best_test_time),
    float("final_loss", |row| row.summary?.final_loss),
    float("schatten_gap", |row| row.summary?.schatten_gap),
    whole("rank", |row| row.limit_rank()),
    float("effective_rank", |row| {
        Some(effective_rank(&row.summary?.singular_values))
    }),
    whole("depth", |row| row.summary?.widths.len().checked_sub(1)),
    whole("width", |row| row.summary?.hidden_width()),
    float("time", |row| row.time()),
    text("outcome", |row| Some(row.outcome().to_owned())),
    whole("checks", |row| Some(row.summary?.checks)),
    whole("checks_failed", |row| Some(row.summary?.checks_failed)),
    text("method", |row| Some(row.summary?.method.clone())),
    whole("steps", |row| Some(row.summary?.steps)),
    whole("rejected", |row| Some(row.summary?.rejected)),
    whole("rhs_evaluations", |row| Some(row.summary?.rhs_evaluations)),
    whole("jvp_evaluations", |row| Some(row.summary?.jvp_evaluations)),
];

fn table(plan: &Plan, rows: &[Row<'_>]) -> Table {
    let keys = plan.keys.iter().enumerate().map(|(place, key)| Column {
        name: key.clone(),
        cells: plan.cells(place, rows.iter().map(|row| row.run)),
    });
    let mut columns: Vec<Column> = keys.collect();
    columns.extend(COLUMNS.iter().map(|Entry { name, of }| match of {
        Of::Whole(of) => {
            let cells = rows.iter().map(|row| of(row).map(|n| n as i64));
            Column::integer(name, cells.collect())
        }
        Of::Float(of) => Column::float(name, rows.iter().map(of).collect()),
        Of::Text(of) => Column::text(name, rows.iter().map(of).collect()),
    }));
    if !plan.keys.iter().any(|key| key == "seed") {
        let seeds = rows.iter().map(|row| Some(row.summary?.seed as i64));
        columns.push(Column::integer("seed", seeds.collect()));
    }
    let hashes = rows.iter().map(|row| Some(plan.runs[row.run].hash.clone()));
    columns.push(Column::text("hash", hashes.collect()));
    Table { columns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::sweep;

    /// What a sweep file may ask for is what the table has.
    #[test]
    fn columns_of_numbers_are_those_that_can_be_asked_for() {
        let numbers = COLUMNS.iter().filter(|c| !matches!(c.of, Of::Text(_)));
        let names: Vec<&str> = numbers.map(|c| c.name).chain(["seed"]).collect();
        assert_eq!(names, sweep::COLUMNS);
    }
}
