//! `trajectory.csv`: one line per row, 17 significant digits, which restore every `f64` exactly.
//! `schatten` is `L Σ σ_i^{2/L}`; `test_cost` is empty where there is no test set. Observables come
//! after the singular values, each by its name, and are empty where they are 0/0.

use crate::error::Error;
use crate::observe::{Observable, Row, Trajectory};
use std::io::{self, Read, Write};
use std::path::Path;

/// A field of a row.
enum Field {
    Number(f64),
    Whole(usize),
    Empty,
}

use Field::{Empty, Number, Whole};

/// The name of a column and its field.
type Column = (&'static str, fn(&Row) -> Field);

/// The columns before `sigma_1, sigma_2, …`.
const COLUMNS: [Column; 9] = [
    ("time", |row| Number(row.time)),
    ("cost", |row| Number(row.cost)),
    ("test_cost", |row| row.test_cost.map_or(Empty, Number)),
    ("loss", |row| Number(row.loss)),
    ("gradient_norm", |row| Number(row.gradient_norm)),
    ("parameter_norm_sq", |row| Number(row.parameter_norm_sq)),
    ("schatten", |row| Number(row.schatten)),
    ("imbalance_drift", |row| Number(row.imbalance_drift)),
    ("rank", |row| Whole(row.rank)),
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
    write!(out, "{}", names(","))?;
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

/// The names of the fixed columns.
fn names(separator: &str) -> String {
    COLUMNS.map(|(name, _)| name).join(separator)
}

fn write_row(row: &Row, out: &mut impl Write) -> io::Result<()> {
    for (place, (_, field)) in COLUMNS.iter().enumerate() {
        if place > 0 {
            write!(out, ",")?;
        }
        match field(row) {
            Number(value) => write!(out, "{value:.16e}")?,
            Whole(count) => write!(out, "{count}")?,
            Empty => {}
        }
    }
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
        return Err(format!("expected the columns {}, …", names(", ")));
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
        |(name, _)| (*name).to_owned(),
    )
}

fn parse_row(record: &::csv::StringRecord, observables: &[Observable]) -> Result<Row, String> {
    let modes_end = record.len() - observables.len();
    let field = |name: &str| {
        let place = COLUMNS.iter().position(|(known, _)| *known == name);
        place.map_or("", |place| &record[place])
    };
    let number = |name: &str| parse(field(name), name);
    let (test_cost, rank) = (field("test_cost"), field("rank"));
    let sigma = |place: usize| parse(&record[place], &fixed_column(place));
    let asked = observables.iter().zip(record.iter().skip(modes_end));
    Ok(Row {
        time: number("time")?,
        cost: number("cost")?,
        test_cost: (!test_cost.is_empty())
            .then(|| number("test_cost"))
            .transpose()?,
        loss: number("loss")?,
        gradient_norm: number("gradient_norm")?,
        parameter_norm_sq: number("parameter_norm_sq")?,
        schatten: number("schatten")?,
        imbalance_drift: number("imbalance_drift")?,
        rank: rank
            .parse()
            .map_err(|_| format!("rank: found \"{rank}\", expected a whole number"))?,
        singular_values: (COLUMNS.len()..modes_end)
            .map(sigma)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked of a trajectory by the name of a column is what the file has there.
    #[test]
    fn columns_are_those_of_the_trajectory() {
        let row = Row {
            time: 1.0,
            cost: 2.0,
            test_cost: Some(3.0),
            loss: 4.0,
            gradient_norm: 5.0,
            parameter_norm_sq: 6.0,
            schatten: 7.0,
            imbalance_drift: 8.0,
            rank: 9,
            singular_values: Vec::new(),
            observables: Vec::new(),
        };
        for (place, (name, field)) in COLUMNS.iter().enumerate() {
            let written = match field(&row) {
                Number(value) => value,
                Whole(count) => count as f64,
                Empty => f64::NAN,
            };
            assert_eq!(written, (place + 1) as f64, "{name}");
            assert_eq!(Trajectory::default().value(&row, name), Some(written));
        }
    }
}
