//! `trajectory.csv`: one line per row, 17 significant digits, which restore every `f64` exactly.
//! `schatten` is `L Σ σ_i^{2/L}`; `test_cost` is empty where there is no test set.

use crate::error::Error;
use crate::observe::{Row, Trajectory};
use std::io::{self, Read, Write};
use std::path::Path;

/// The columns before `sigma_1, sigma_2, …`.
pub const COLUMNS: [&str; 9] = [
    "time",
    "cost",
    "test_cost",
    "loss",
    "gradient_norm",
    "parameter_norm_sq",
    "schatten",
    "imbalance_drift",
    "rank",
];

/// Writes the table; every row has as many singular values as the first.
///
/// # Errors
/// Those of `out`.
pub fn write(trajectory: &Trajectory, out: &mut impl Write) -> io::Result<()> {
    let modes = trajectory
        .rows
        .first()
        .map_or(0, |r| r.singular_values.len());
    write!(out, "{}", COLUMNS.join(","))?;
    for mode in 1..=modes {
        write!(out, ",sigma_{mode}")?;
    }
    writeln!(out)?;
    trajectory
        .rows
        .iter()
        .try_for_each(|row| write_row(row, out))
}

fn write_row(row: &Row, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{:.16e},{:.16e},", row.time, row.cost)?;
    if let Some(test_cost) = row.test_cost {
        write!(out, "{test_cost:.16e}")?;
    }
    for value in [
        row.loss,
        row.gradient_norm,
        row.parameter_norm_sq,
        row.schatten,
        row.imbalance_drift,
    ] {
        write!(out, ",{value:.16e}")?;
    }
    write!(out, ",{}", row.rank)?;
    for sigma in &row.singular_values {
        write!(out, ",{sigma:.16e}")?;
    }
    writeln!(out)
}

/// Reads the table back; `path` only names it in messages.
///
/// # Errors
/// `Damaged` with the line when the columns are not ours or a field is not a number.
pub fn read(source: impl Read, path: &Path) -> Result<Trajectory, Error> {
    let mut reader = ::csv::Reader::from_reader(source);
    let header = reader.headers().map_err(|e| damaged_csv(path, &e))?;
    check_header(header).map_err(|reason| damaged(path, 1, reason))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| damaged_csv(path, &e))?;
        let line = record.position().map_or(0, |p| p.line());
        rows.push(parse_row(&record).map_err(|reason| damaged(path, line, reason))?);
    }
    Ok(Trajectory {
        rows,
        weights: Vec::new(),
    })
}

fn check_header(header: &::csv::StringRecord) -> Result<(), String> {
    let sigmas = (1..).map(|mode| format!("sigma_{mode}"));
    let expected = COLUMNS.iter().map(|c| (*c).to_owned()).chain(sigmas);
    if header.len() < COLUMNS.len() {
        return Err(format!("expected the columns {}, …", COLUMNS.join(", ")));
    }
    match header
        .iter()
        .zip(expected)
        .find(|(found, want)| found != want)
    {
        Some((found, want)) => Err(format!("found column \"{found}\", expected \"{want}\"")),
        None => Ok(()),
    }
}

fn parse_row(record: &::csv::StringRecord) -> Result<Row, String> {
    let number = |column: usize| parse(record, column);
    let rank = &record[8];
    Ok(Row {
        time: number(0)?,
        cost: number(1)?,
        test_cost: (!record[2].is_empty()).then(|| number(2)).transpose()?,
        loss: number(3)?,
        gradient_norm: number(4)?,
        parameter_norm_sq: number(5)?,
        schatten: number(6)?,
        imbalance_drift: number(7)?,
        rank: rank
            .parse()
            .map_err(|_| format!("rank: found \"{rank}\", expected a whole number"))?,
        singular_values: (COLUMNS.len()..record.len())
            .map(number)
            .collect::<Result<_, _>>()?,
    })
}

fn parse(record: &::csv::StringRecord, column: usize) -> Result<f64, String> {
    let field = &record[column];
    field.parse().map_err(|_| {
        let name = COLUMNS.get(column).map_or_else(
            || format!("sigma_{}", column + 1 - COLUMNS.len()),
            |name| (*name).to_owned(),
        );
        format!("{name}: found \"{field}\", expected a number")
    })
}

fn damaged(path: &Path, line: u64, reason: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        line,
        reason,
    }
}

fn damaged_csv(path: &Path, error: &::csv::Error) -> Error {
    let line = error.position().map_or(1, |p| p.line());
    damaged(path, line, error.to_string())
}
