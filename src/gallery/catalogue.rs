//! `gallery.toml`: for each paper the claim, the commands, the numbers to check and the figures.

use super::measure::Measure;
use crate::scenario::nearest;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Folders beside those of the entries.
const TAKEN: [&str; 2] = ["scenarios", "figures"];

/// Commands that leave an output folder.
const COMMANDS: [&str; 6] = ["run", "verify", "saddles", "landscape", "regimes", "sweep"];

/// All entries, in the order of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Heading of the page.
    pub title: String,
    /// What stands below it.
    #[serde(default)]
    pub introduction: String,
    #[serde(rename = "entry")]
    pub entries: Vec<Entry>,
}

/// One experiment of a paper.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Letters, digits and `_`: the name of its folder.
    pub id: String,
    /// Authors, year, title.
    pub paper: String,
    /// Identifier on arXiv.
    #[serde(default)]
    pub arxiv: Option<String>,
    /// One sentence.
    pub claim: String,
    /// Which settings are ours, and what is not shown.
    pub settings: String,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    #[serde(rename = "check")]
    pub checks: Vec<CheckSpec>,
    #[serde(default, rename = "figure")]
    pub figures: Vec<Figure>,
}

/// One command, whose output folder is named after it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// Command and arguments; files (`….toml`) relative to the folder of scenarios.
    pub run: Vec<String>,
}

/// A figure of a step's output folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub step: String,
    pub file: String,
    /// What is to be seen.
    pub caption: String,
}

/// A number that an entry must show.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "CheckTable")]
pub struct CheckSpec {
    pub name: String,
    pub measured: Measure,
    /// `None` when the file does not say exactly one thing.
    pub expected: Option<Expected>,
    /// Where the expected number and its tolerance come from.
    pub source: String,
}

/// What a measurement is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// Within `max(rel_tol·|value|, abs_tol)` of a number.
    Value { value: f64, tolerance: Tolerance },
    /// Likewise of another measurement.
    Measured {
        measure: Measure,
        tolerance: Tolerance,
    },
    /// At least, at most.
    Range { min: Option<f64>, max: Option<f64> },
    /// A word.
    Equals(String),
}

/// The accepted error.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Tolerance {
    /// Of the number `value`.
    pub fn of(self, value: f64) -> f64 {
        (self.relative * value.abs()).max(self.absolute)
    }
}

/// A check as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckTable {
    name: String,
    measured: Measure,
    value: Option<f64>,
    predicted: Option<Measure>,
    rel_tol: Option<f64>,
    abs_tol: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    equals: Option<String>,
    source: String,
}

impl From<CheckTable> for CheckSpec {
    fn from(table: CheckTable) -> Self {
        let expected = table.expected();
        Self {
            name: table.name,
            measured: table.measured,
            expected,
            source: table.source,
        }
    }
}

impl CheckTable {
    /// The one thing that is expected.
    fn expected(&self) -> Option<Expected> {
        let tolerance = self.tolerance();
        let value = self.value.zip(tolerance);
        let measured = self.predicted.clone().zip(tolerance);
        let bounds = (self.min.is_some() || self.max.is_some()).then_some((self.min, self.max));
        let said: Vec<Expected> = [
            value.map(|(value, tolerance)| Expected::Value { value, tolerance }),
            measured.map(|(measure, tolerance)| Expected::Measured { measure, tolerance }),
            bounds.map(|(min, max)| Expected::Range { min, max }),
            self.equals.clone().map(Expected::Equals),
        ]
        .into_iter()
        .flatten()
        .collect();
        let wanted = usize::from(self.value.is_some() || self.predicted.is_some());
        let needless = tolerance.is_some() && wanted == 0;
        match <[Expected; 1]>::try_from(said) {
            Ok([one]) if !needless => Some(one),
            _ => None,
        }
    }

    fn tolerance(&self) -> Option<Tolerance> {
        let given = self.rel_tol.is_some() || self.abs_tol.is_some();
        given.then(|| Tolerance {
            relative: self.rel_tol.unwrap_or(0.0),
            absolute: self.abs_tol.unwrap_or(0.0),
        })
    }
}

/// Mistakes in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The file is no catalogue.
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    /// What it says cannot be carried out.
    #[error("{file}: entry \"{entry}\": {problem}")]
    Entry {
        file: String,
        entry: String,
        problem: String,
    },
}

/// An entry that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no entry \"{name}\" in the gallery, which `dlnflow gallery` lists{hint}")]
pub struct UnknownEntry {
    pub name: String,
    hint: String,
}

impl Catalogue {
    /// Reads a catalogue; `file` stands in messages.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogueError> {
        let read: Result<Self, _> = toml::from_str(text);
        let catalogue = read.map_err(|e| CatalogueError::Syntax {
            file: file.to_owned(),
            reason: e.to_string().trim_end().to_owned(),
        })?;
        match catalogue.mistake() {
            None => Ok(catalogue),
            Some((entry, problem)) => Err(CatalogueError::Entry {
                file: file.to_owned(),
                entry: entry.to_owned(),
                problem,
            }),
        }
    }

    /// The entry of a name.
    ///
    /// # Errors
    /// With the nearest name there is.
    pub fn entry(&self, name: &str) -> Result<&Entry, UnknownEntry> {
        self.entries.iter().find(|e| e.id == name).ok_or_else(|| {
            let ids: Vec<&str> = self.entries.iter().map(|e| e.id.as_str()).collect();
            UnknownEntry {
                name: name.to_owned(),
                hint: hint(name, &ids),
            }
        })
    }

    /// The first mistake and the entry it is in.
    fn mistake(&self) -> Option<(&str, String)> {
        let mut ids = BTreeSet::new();
        self.entries.iter().find_map(|entry| {
            let twice = (!ids.insert(&entry.id)).then(|| "stands twice".to_owned());
            let problem = twice.or_else(|| entry.mistake())?;
            Some((entry.id.as_str(), problem))
        })
    }
}

impl Entry {
    /// Authors and years without titles.
    pub fn authors(&self) -> String {
        let short = |one: &str| match one.split_once("), ") {
            Some((authors, _)) => format!("{authors})"),
            None => one.to_owned(),
        };
        let papers: Vec<String> = self.paper.split("; ").map(short).collect();
        papers.join("; ")
    }

    /// The files that its checks and figures read in the folder of a step.
    pub fn files(&self, step: &str) -> BTreeSet<&str> {
        let figures = self
            .figures
            .iter()
            .map(|f| (f.step.as_str(), f.file.as_str()));
        let measures = self.checks.iter().flat_map(CheckSpec::places);
        let all = figures.chain(measures);
        all.filter(|(of, _)| *of == step)
            .map(|(_, file)| file)
            .collect()
    }

    fn mistake(&self) -> Option<String> {
        if !is_name(&self.id) {
            return Some("an id is made of letters, digits and _".to_owned());
        }
        if TAKEN.contains(&self.id.as_str()) {
            return Some("this id is the name of a folder beside those of the entries".to_owned());
        }
        let mut names = BTreeSet::new();
        let steps = self.steps.iter().find_map(|step| {
            let twice = !names.insert(step.name.as_str());
            let twice = twice.then(|| format!("step \"{}\" stands twice", step.name));
            twice.or_else(|| step.mistake())
        });
        steps
            .or_else(|| self.checks.iter().find_map(CheckSpec::mistake))
            .or_else(|| self.nowhere())
    }

    /// A check or figure whose step there is not.
    fn nowhere(&self) -> Option<String> {
        let names: Vec<&str> = self.steps.iter().map(|s| s.name.as_str()).collect();
        let figures = self
            .figures
            .iter()
            .map(|f| (f.step.as_str(), f.file.as_str()));
        let mut all = figures.chain(self.checks.iter().flat_map(CheckSpec::places));
        all.find_map(|(step, file)| {
            let known = names.contains(&step);
            (!known).then(|| format!("{file}: there is no step \"{step}\"{}", hint(step, &names)))
        })
    }
}

impl Step {
    /// Whether `argument` is a file, relative to the folder of scenarios.
    pub fn is_file(argument: &str) -> bool {
        argument.ends_with(".toml") && !argument.starts_with('-')
    }

    /// The command as it would be typed where files are in `folder` (`"scenarios/"`, `""`).
    pub fn typed(&self, folder: &str) -> String {
        let mut line = "dlnflow".to_owned();
        for argument in &self.run {
            let place = if Self::is_file(argument) { folder } else { "" };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:".contains(c);
            let quote = if argument.chars().all(plain) { "" } else { "'" };
            let _ = write!(line, " {quote}{place}{argument}{quote}");
        }
        line
    }

    fn mistake(&self) -> Option<String> {
        let command = self.run.first().map_or("", String::as_str);
        if !is_name(&self.name) {
            Some(format!(
                "\"{}\": a step's name is made of letters, digits and _",
                self.name
            ))
        } else if !COMMANDS.contains(&command) {
            let all = COMMANDS.join(", ");
            let hint = hint(command, &COMMANDS);
            Some(format!(
                "step \"{}\": found \"{command}\"; must be one of {all}{hint}",
                self.name
            ))
        } else {
            None
        }
    }
}

impl CheckSpec {
    /// Steps and files that are read.
    fn places(&self) -> Vec<(&str, &str)> {
        let mut places = self.measured.places();
        if let Some(Expected::Measured { measure, .. }) = &self.expected {
            places.extend(measure.places());
        }
        places
    }

    fn mistake(&self) -> Option<String> {
        self.expected.is_none().then(|| {
            format!(
                "check \"{}\" needs exactly one of value (with rel_tol or abs_tol), predicted (likewise), \
                 min and max, equals",
                self.name
            )
        })
    }
}

/// Whether a name can be that of a folder.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(plain)
}

/// `; did you mean …?` where something is near.
fn hint(name: &str, candidates: &[&str]) -> String {
    let near = nearest(name, candidates);
    near.map_or_else(String::new, |n| format!("; did you mean \"{n}\"?"))
}
