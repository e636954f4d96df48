//! What a sweep file asks of its table: fits, quantile bands, families of trajectories, curves, heat maps.

mod bands;
mod curves;
mod family;
mod fit;
mod map;
mod stale;
mod student;

use super::plan::Plan;
use super::store::Store;
use super::table::{Cells, Table};
use crate::digest::sha256;
use crate::error::Error;
use crate::report::manifest::Hashes;
use crate::report::summary::Summary;
use crate::report::write_file;
use crate::scenario::sweep::{Align, Only};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files by name, and tables that become files.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub files: Vec<(String, Vec<u8>)>,
    pub tables: Vec<(String, Table)>,
}

impl Answer {
    /// All of it as files by name below `root`, the tables first.
    fn into_files(self, root: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let csv = |(name, table): (String, Table)| {
            let (name, mut csv) = (format!("{name}.csv"), Vec::new());
            let written = table.write_csv(&mut csv);
            written.map_err(|e| Error::io(&root.join(&name), e))?;
            Ok((name, csv))
        };
        let mut files = self
            .tables
            .into_iter()
            .map(csv)
            .collect::<Result<Vec<_>, Error>>()?;
        files.extend(self.files);
        Ok(files)
    }
}

/// Rows, or runs, with the same values of some columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub values: Vec<String>,
    pub rows: Vec<usize>,
}

/// Answers everything that the plan asks and removes answers to what it asks no more; returns the files written.
pub(super) fn answer_all(
    plan: &Plan,
    store: &Store,
    table: &Table,
    jobs: usize,
) -> Result<Vec<PathBuf>, Error> {
    let mut answers = Vec::new();
    for (spec, number) in plan.questions.fit.iter().zip(1..) {
        answers.push(fit::answer(spec, number, plan, table)?);
    }
    for (spec, number) in plan.questions.bands.iter().zip(1..) {
        answers.push(bands::answer(spec, number, plan, store, jobs)?);
    }
    for (spec, number) in plan.questions.family.iter().zip(1..) {
        answers.push(family::answer(spec, number, plan, store, jobs)?);
    }
    for (spec, number) in plan.questions.curves.iter().zip(1..) {
        answers.push(curves::answer(spec, number, plan, table)?);
    }
    for (spec, number) in plan.questions.map.iter().zip(1..) {
        answers.push(map::answer(spec, number, plan, table)?);
    }
    let mut written = Vec::new();
    let mut hashes = Hashes::new();
    for answer in answers {
        for (name, bytes) in answer.into_files(&store.root)? {
            let path = store.root.join(&name);
            write_file(&path, &bytes)?;
            hashes.insert(name, sha256(&bytes));
            written.push(path);
        }
    }
    stale::remove(&store.root, &hashes)?;
    Ok(written)
}

/// Rows of the table by the values of columns, in the order of their first rows.
pub(super) fn groups(table: &Table, by: &[String]) -> Vec<Group> {
    let cell = |row: usize, name: &String| {
        let cells = table.column(name);
        cells.and_then(|cells| cells.text(row)).unwrap_or_default()
    };
    gather(table.rows(), |row| {
        by.iter().map(|name| cell(row, name)).collect()
    })
}

/// Whether a row of the table is one of `only`.
pub(super) fn counts(only: &Only, table: &Table, row: usize) -> bool {
    only.takes(|name| table.column(name).and_then(|cells| cells.text(row)))
}

/// Runs of the plan by the values of swept keys, as the table shows them.
pub(super) fn runs_by(plan: &Plan, by: &[String]) -> Vec<Group> {
    let (count, keys) = (plan.runs.len(), plan.keys.iter());
    let places = by
        .iter()
        .filter_map(|name| keys.clone().position(|key| key == name));
    let columns: Vec<Cells> = places.map(|place| plan.cells(place, 0..count)).collect();
    gather(count, |run| {
        let cells = columns.iter().map(|cells| cells.text(run));
        cells.map(Option::unwrap_or_default).collect()
    })
}

fn gather(count: usize, values: impl Fn(usize) -> Vec<String>) -> Vec<Group> {
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for row in 0..count {
        let values = values(row);
        let place = *places.entry(values.clone()).or_insert(groups.len());
        if place == groups.len() {
            let rows = Vec::new();
            groups.push(Group { values, rows });
        }
        groups[place].rows.push(row);
    }
    groups
}

/// The time that counts as 0; `None` for a run without the escape of `mode`.
fn origin(align: Align, mode: usize, summary: &Summary) -> Option<f64> {
    match align {
        Align::Clock => Some(0.0),
        Align::Event => summary.escape_time(mode),
    }
}

/// `depth 3, mode 1`.
pub(super) fn label(by: &[String], values: &[String]) -> String {
    let parts = by.iter().zip(values);
    let parts = parts.map(|(name, value)| {
        let name = name.rsplit('.').next().unwrap_or(name);
        format!("{name} {value}")
    });
    parts.collect::<Vec<_>>().join(", ")
}
