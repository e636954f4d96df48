//! `trajectory.csv`: one line per row, 17 significant digits, which restore every `f64` exactly.
//! `schatten` is `L Σ σ_i^{2/L}`; `test_cost` is empty where there is no test set. Observables come
//! after the singular values, each by its name, and are empty where they are 0/0.

use crate::error::Error;
use crate::observe::{Observable, Row, Trajectory};
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
    for observable in &trajectory.observables {
        write!(out, ",{}", observable.name())?;
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
    for value in &row.observables {
        match value.is_nan() {
            true => write!(out, ",")?,
            false => write!(out, ",{value:.16e}")?,
        }
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
    let observables = read_header(header).map_err(|reason| damaged(path, 1, reason))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| damaged_csv(path, &e))?;
        let line = record.position().map_or(0, |p| p.line());
        let row = parse_row(&record, &observables);
        rows.push(row.map_err(|reason| damaged(path, line, reason))?);
    }
    Ok(Trajectory {
        rows,
        observables,
        weights: Vec::new(),
    })
}

/// The observables at the end of the header.
fn read_header(header: &::csv::StringRecord) -> Result<Vec<Observable>, String> {
    if header.len() < COLUMNS.len() {
        return Err(format!("expected the columns {}, …", COLUMNS.join(", ")));
    }
    let mut observables = Vec::new();
    for (place, found) in header.iter().enumerate() {
        if let Some(observable) = Observable::named(found).filter(|_| place >= COLUMNS.len()) {
            observables.push(observable);
            continue;
        }
        let want = fixed_column(place);
        if found != want || !observables.is_empty() {
            return Err(format!("found column \"{found}\", expected \"{want}\""));
        }
    }
    Ok(observables)
}

/// The column at a place before the observables.
fn fixed_column(place: usize) -> String {
    COLUMNS.get(place).map_or_else(
        || format!("sigma_{}", place + 1 - COLUMNS.len()),
        |name| (*name).to_owned(),
    )
}

fn parse_row(record: &::csv::StringRecord, observables: &[Observable]) -> Result<Row, String> {
    let modes_end = record.len() - observables.len();
    let number = |column: usize| parse(&record[column], &fixed_column(column));
    let rank = &record[8];
    let asked = observables.iter().zip(record.iter().skip(modes_end));
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
        singular_values: (COLUMNS.len()..modes_end)
            .map(number)
            .collect::<Result<_, _>>()?,
        observables: asked
            .map(|(observable, field)| value(field, observable.name()))
            .collect::<Result<_, _>>()?,
    })
}

/// An observable; NaN where the field is empty.
fn value(field: &str, name: &str) -> Result<f64, String> {
    match field.is_empty() {
        true => Ok(f64::NAN),
        false => parse(field, name),
    }
}

fn parse(field: &str, name: &str) -> Result<f64, String> {
    field
        .parse()
        .map_err(|_| format!("{name}: found \"{field}\", expected a number"))
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
