//! One number out of the files of a step: rows, a condition, a column, a choice.

use crate::report::quantiles::quantile;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where a number stands. Rows are the lines of a `.csv` or `.jsonl` file or the elements of a list
/// in a `.json` file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    pub step: String,
    /// In the output folder of the step.
    pub file: String,
    /// JSON pointer to the rows, or to the number itself.
    #[serde(default)]
    pub at: String,
    /// Only rows where every column is as said.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, Condition>,
    /// Column of the rows; `a/b` goes deeper.
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub pick: Pick,
    /// Taken away row by row, before `pick`.
    #[serde(default)]
    pub minus: Option<Box<Measure>>,
    /// Divided by at the end.
    #[serde(default)]
    pub over: Option<Box<Measure>>,
    /// Multiplied with at the end.
    #[serde(default = "one")]
    pub times: f64,
}

fn one() -> f64 {
    1.0
}

/// What a column must be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    Flag(bool),
    Number(f64),
    Text(String),
    Range(Range),
}

/// At least, at most.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
}

/// What becomes of several rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// There must be exactly one.
    #[default]
    Only,
    First,
    Last,
    Least,
    Largest,
    /// The largest absolute value.
    LargestSize,
    Median,
    Count,
}

/// A number or a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    Number(f64),
    Text(String),
}

/// Why there is no measurement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
    #[error("{file}: nothing at \"{at}\"")]
    Nowhere { file: String, at: String },
    #[error("{file}: no row meets the condition")]
    NoRow { file: String },
    #[error("{file}: {count} rows meet the condition, one was asked for")]
    Several { file: String, count: usize },
    #[error("{file}: found {found}, not a number")]
    NotANumber { file: String, found: String },
    #[error("{file}: {here} rows, {there} in the other file")]
    Unequal {
        file: String,
        here: usize,
        there: usize,
    },
}

impl Range {
    /// Whether `value` lies in it.
    pub fn contains(self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Condition::Flag(flag) => value.as_bool() == Some(*flag),
            Condition::Number(number) => value.as_f64() == Some(*number),
            Condition::Text(text) => value.as_str() == Some(text),
            Condition::Range(range) => value.as_f64().is_some_and(|v| range.contains(v)),
        }
    }
}

impl Measure {
    /// The measurement in the folders of the steps, which are `folder/<step>`.
    ///
    /// # Errors
    /// What is missing.
    pub fn read(&self, folder: &Path) -> Result<Measured, Unmeasured> {
        let values = self.values(folder)?;
        if self.pick == Pick::Count {
            return Ok(Measured::Number(values.len() as f64));
        }
        if let [Value::String(text)] = &values[..] {
            return Ok(Measured::Text(text.clone()));
        }
        let picked = self.pick(&self.series(&values, folder)?)?;
        let over = match &self.over {
            Some(other) => other.number(folder)?,
            None => 1.0,
        };
        Ok(Measured::Number(picked * self.times / over))
    }

    /// The measurement, if it is a number.
    ///
    /// # Errors
    /// Likewise.
    pub fn number(&self, folder: &Path) -> Result<f64, Unmeasured> {
        match self.read(folder)? {
            Measured::Number(number) => Ok(number),
            Measured::Text(found) => Err(self.not_a_number(found)),
        }
    }

    /// Steps and files that are read.
    pub fn places(&self) -> Vec<(&str, &str)> {
        let others = [&self.minus, &self.over].into_iter().flatten();
        let others = others.flat_map(|other| other.places());
        std::iter::once((self.step.as_str(), self.file.as_str()))
            .chain(others)
            .collect()
    }

    /// The chosen cells, as numbers, less those of `minus`.
    fn series(&self, values: &[Value], folder: &Path) -> Result<Vec<f64>, Unmeasured> {
        let numbers: Result<Vec<f64>, _> = values.iter().map(|v| self.as_number(v)).collect();
        match (&self.minus, numbers) {
            (Some(other), Ok(numbers)) => {
                let others = other.series(&other.values(folder)?, folder)?;
                self.minus(numbers, &others)
            }
            (_, numbers) => numbers,
        }
    }

    fn minus(&self, mut numbers: Vec<f64>, others: &[f64]) -> Result<Vec<f64>, Unmeasured> {
        if numbers.len() != others.len() {
            return Err(Unmeasured::Unequal {
                file: self.file.clone(),
                here: numbers.len(),
                there: others.len(),
            });
        }
        numbers.iter_mut().zip(others).for_each(|(a, b)| *a -= b);
        Ok(numbers)
    }

    /// The cells of the rows that meet the conditions.
    fn values(&self, folder: &Path) -> Result<Vec<Value>, Unmeasured> {
        let content = content(&folder.join(&self.step).join(&self.file), &self.file)?;
        let there = content
            .pointer(&self.at)
            .ok_or_else(|| self.nowhere(&self.at))?;
        let rows = match there {
            Value::Array(rows) => rows.as_slice(),
            single => std::slice::from_ref(single),
        };
        let meets = |row: &&Value| {
            let mut conditions = self.filter.iter();
            conditions.all(|(name, condition)| cell(row, name).is_some_and(|v| condition.holds(v)))
        };
        let rows = rows.iter().filter(meets);
        match &self.column {
            None => Ok(rows.cloned().collect()),
            Some(name) => rows
                .map(|row| cell(row, name).cloned().ok_or_else(|| self.nowhere(name)))
                .collect(),
        }
    }

    fn pick(&self, series: &[f64]) -> Result<f64, Unmeasured> {
        let mut sorted = series.to_vec();
        sorted.sort_by(f64::total_cmp);
        let picked = match self.pick {
            Pick::Only if series.len() > 1 => {
                return Err(Unmeasured::Several {
                    file: self.file.clone(),
                    count: series.len(),
                });
            }
            Pick::Only | Pick::First => series.first().copied(),
            Pick::Last => series.last().copied(),
            Pick::Least => sorted.first().copied(),
            Pick::Largest => sorted.last().copied(),
            Pick::LargestSize => series.iter().map(|v| v.abs()).reduce(f64::max),
            Pick::Median => quantile(&sorted, 0.5),
            Pick::Count => Some(series.len() as f64),
        };
        picked.ok_or_else(|| Unmeasured::NoRow {
            file: self.file.clone(),
        })
    }

    fn as_number(&self, value: &Value) -> Result<f64, Unmeasured> {
        let number = value.as_f64().filter(|v| v.is_finite());
        number.ok_or_else(|| self.not_a_number(value.to_string()))
    }

    fn not_a_number(&self, found: String) -> Unmeasured {
        Unmeasured::NotANumber {
            file: self.file.clone(),
            found,
        }
    }

    fn nowhere(&self, at: &str) -> Unmeasured {
        Unmeasured::Nowhere {
            file: self.file.clone(),
            at: at.to_owned(),
        }
    }
}

/// The cell of a row; names of columns may hold dots.
fn cell<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    row.pointer(&format!("/{name}"))
}

/// A file as JSON: a table is a list of objects.
fn content(path: &Path, name: &str) -> Result<Value, Unmeasured> {
    let failed = |reason: String| Unmeasured::File {
        file: name.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let extension = path
        .extension()
        .map_or_else(String::new, |e| e.to_string_lossy().into_owned());
    match extension.as_str() {
        "csv" => table(&text).map_err(|e| failed(e.to_string())),
        "jsonl" => {
            let lines = text.lines().map(serde_json::from_str);
            let rows: Result<Vec<Value>, _> = lines.collect();
            rows.map(Value::Array).map_err(|e| failed(e.to_string()))
        }
        _ => serde_json::from_str(&text).map_err(|e| failed(e.to_string())),
    }
}

fn table(text: &str) -> Result<Value, csv::Error> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let rows = reader.records().map(|record| {
        let record = record?;
        let cells = header
            .iter()
            .map(str::to_owned)
            .zip(record.iter().map(parsed));
        Ok(Value::Object(cells.collect::<Map<_, _>>()))
    });
    rows.collect()
}

/// A number where it is one, nothing where the cell is empty.
fn parsed(cell: &str) -> Value {
    match cell.parse::<f64>() {
        Ok(number) => Value::from(number),
        Err(_) if cell.is_empty() => Value::Null,
        Err(_) => Value::from(cell),
    }
}
