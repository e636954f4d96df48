//! `plan.jsonl`: what a sweep's folder is to hold. The first line says what was swept, every other
//! line is a run: its hash and the values of the swept keys, as TOML.

use super::in_parallel;
use super::table::Cells;
use crate::digest::sha256;
use crate::error::Error;
use crate::report::figure::Style;
use crate::report::{is_folder, write_file};
use crate::run::style;
use crate::scenario::sweep::{KeepSpec, Questions};
use crate::scenario::{FileHashes, Sweep};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The file's name.
pub const NAME: &str = "plan.jsonl";

const PROGRAM: &str = "dlnflow sweep";

/// The runs of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub title: String,
    /// The swept keys.
    pub keys: Vec<String>,
    pub keep: KeepSpec,
    /// What is asked of the table.
    pub questions: Questions,
    pub runs: Vec<Planned>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Hash of all that the run depends on: the name of its folder.
    pub hash: String,
    /// Value of each swept key, as TOML.
    pub values: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    program: String,
    title: String,
    keys: Vec<String>,
    keep: KeepSpec,
    #[serde(default)]
    questions: Questions,
}

impl Plan {
    /// The plan of a sweep. A point whose scenario cannot be read gets a hash of its own; running
    /// it says why.
    pub fn of(sweep: &Sweep, jobs: usize) -> Self {
        let files = FileHashes::default();
        let planned = |index| Planned {
            hash: match sweep.scenario(index) {
                Ok(scenario) => scenario.identity(&files),
                Err(_) => sha256(sweep.overrides(index).join("\n").as_bytes())
                    .chars()
                    .take(32)
                    .collect(),
            },
            values: sweep.values(index).into_iter().map(str::to_owned).collect(),
        };
        Self {
            title: sweep.title().to_owned(),
            keys: sweep.keys().into_iter().map(str::to_owned).collect(),
            keep: sweep.spec.keep,
            questions: sweep.spec.questions(),
            runs: in_parallel(sweep.count(), jobs, planned),
        }
    }

    /// The values of swept key `place` in `runs`: numbers when all are numbers, else text, strings
    /// without quotes.
    pub fn cells(&self, place: usize, runs: impl Iterator<Item = usize> + Clone) -> Cells {
        let values = runs.map(|run| self.runs[run].values[place].as_str());
        let integers: Option<Vec<i64>> = values.clone().map(|v| v.parse().ok()).collect();
        if let Some(integers) = integers {
            return Cells::Integer(integers.into_iter().map(Some).collect());
        }
        let floats: Option<Vec<f64>> = values.clone().map(|v| v.parse().ok()).collect();
        if let Some(floats) = floats {
            return Cells::Float(floats.into_iter().map(Some).collect());
        }
        Cells::Text(values.map(|v| Some(unquoted(v))).collect())
    }

    /// How the figures look.
    pub fn style(&self) -> Style {
        style(&self.questions.figure)
    }

    /// Writes the plan into a sweep's folder; one that is there already is left alone.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, root: &Path) -> Result<(), Error> {
        let path = root.join(NAME);
        let text = self.text().map_err(|e| Error::io(&path, e))?;
        match fs::read(&path) {
            Ok(there) if there == text => Ok(()),
            _ => write_file(&path, &text),
        }
    }

    fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = Header {
            program: PROGRAM.to_owned(),
            title: self.title.clone(),
            keys: self.keys.clone(),
            keep: self.keep,
            questions: self.questions.clone(),
        };
        let mut text = serde_json::to_vec(&header)?;
        text.push(b'\n');
        for run in &self.runs {
            let line = std::iter::once(&run.hash).chain(&run.values);
            serde_json::to_writer(&mut text, &line.collect::<Vec<_>>())?;
            text.push(b'\n');
        }
        Ok(text)
    }

    /// The plan in a sweep's folder.
    ///
    /// # Errors
    /// `NotASweep` without one, `Io` for what cannot be read, `Damaged` with the line that is not a run.
    pub fn read(root: &Path) -> Result<Self, Error> {
        is_folder(root)?;
        let path = root.join(NAME);
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::NotASweep {
                path: root.to_owned(),
            },
            _ => Error::io(&path, e),
        })?;
        let damaged = |line: usize, reason: String| Error::Damaged {
            path: path.clone(),
            line: line as u64 + 1,
            reason,
        };
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().unwrap_or((0, ""));
        let header: Header = serde_json::from_str(first).map_err(|e| damaged(0, e.to_string()))?;
        let run = |(line, text): (usize, &str)| {
            let all: Vec<String> =
                serde_json::from_str(text).map_err(|e| damaged(line, e.to_string()))?;
            match all.split_first() {
                Some((hash, values)) if values.len() == header.keys.len() && is_hash(hash) => {
                    Ok(Planned {
                        hash: hash.clone(),
                        values: values.to_vec(),
                    })
                }
                _ => Err(damaged(line, "not a hash and one value per key".to_owned())),
            }
        };
        let runs = lines.map(run).collect::<Result<_, Error>>()?;
        Ok(Self {
            title: header.title,
            keys: header.keys,
            keep: header.keep,
            questions: header.questions,
            runs,
        })
    }

    /// Numbers of the runs of a shard: every `of`-th run.
    pub fn shard(&self, part: usize, of: usize) -> Vec<usize> {
        let of = of.max(1);
        (0..self.runs.len())
            .filter(|i| i % of == part % of)
            .collect()
    }
}

fn is_hash(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A string without its quotes; anything else as it is written.
fn unquoted(value: &str) -> String {
    match value.parse::<toml::Value>() {
        Ok(toml::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}
