//! A sweep file: one scenario, run at every point of a product of axes.
//!
//! `sweep.toml → Sweep → scenario(0), scenario(1), …`, each a [`Scenario`] with a few keys set.

mod axis;
mod blame;
mod look;
mod modes;
mod questions;
mod schema;
mod written;

pub use questions::{COLUMNS, Questions};
pub use schema::{
    Align, BandsSpec, Columns, CurvesSpec, FamilySpec, FitSpec, KeepSpec, MapSpec, Only, SweepSpec,
    TimeUnit, Transform,
};

use super::build::Built;
use super::document::{Document, Node, Place, Value};
use super::error::InputErrors;
use super::kind;
use super::load::{Scenario, Source, unreadable};
use super::structure;
use axis::{Axis, Block, Reader};
use serde::Deserialize;
use std::path::Path;
use written::Written;

/// So many values of one block are built before anything runs.
const BUILT: usize = 64;

/// So many are read: all that anyone writes one by one.
const READ: usize = 10_000;

/// With so many rows of another block a value is tried before it is refused.
const TRIED: usize = 8;

/// A row of each block; `None` where the base stands as it is.
type Rows = Vec<Option<usize>>;

/// A sweep whose every axis has been held against the base.
#[derive(Debug, Clone)]
pub struct Sweep {
    pub spec: SweepSpec,
    /// The file's stem, the default name of the output folder.
    pub name: String,
    document: Document,
    base: Scenario,
    blocks: Vec<Block>,
}

/// JSON Schema of a sweep.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(SweepSpec).to_value()
}

impl Sweep {
    /// Reads a sweep file and its base; `overrides` apply to the base, before the axes.
    ///
    /// # Errors
    /// Every mistake in the form of the file; every value of an axis that the base does not take,
    /// with its line in the sweep file.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, InputErrors> {
        let source = Source::read(path)?;
        let Ok(text) = std::str::from_utf8(&source.bytes) else {
            return Err(unreadable(&source.file, "found bytes that are not text"));
        };
        let document = Document::parse(&source.file, text, &[])?;
        let schema = structure::inlined::<SweepSpec>();
        let findings = structure::check_against(&document, &schema);
        if !findings.errors.is_empty() {
            let other = kind::refuse_scenario(&document);
            return Err(other.unwrap_or_else(|| document.errors(findings.errors)));
        }
        let spec = SweepSpec::deserialize(document.root.to_toml()).map_err(|error| {
            unreadable(&source.file, &format!("not a sweep: {}", error.message()))
        })?;
        let base = base(&document, &source, overrides)?;
        let mut reader = Reader {
            document: &document,
            seed: base.spec().seed,
            errors: Vec::new(),
        };
        let blocks = reader.blocks();
        if !reader.errors.is_empty() {
            return Err(document.errors(reader.errors));
        }
        let sweep = Self {
            spec,
            name: source.name,
            document,
            base,
            blocks,
        };
        let observables = &sweep.base.spec().record.observables;
        let keys = (&sweep.keys()[..], &sweep.numbers()[..]);
        // A misspelt key is one that questions do not find.
        sweep.check()?;
        questions::check(&sweep.document, &sweep.spec, keys, observables)?;
        let missing = sweep.missing_modes();
        if !missing.is_empty() {
            return Err(sweep.document.errors(missing));
        }
        Ok(sweep)
    }

    /// The title, the name when none is given.
    pub fn title(&self) -> &str {
        self.spec.title.as_deref().unwrap_or(&self.name)
    }

    /// The sweep file.
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// Number of runs.
    pub fn count(&self) -> usize {
        self.blocks.iter().map(Block::len).product()
    }

    /// The swept keys.
    pub fn keys(&self) -> Vec<&str> {
        let axes = self.blocks.iter().flat_map(|block| &block.axes);
        axes.map(|axis| axis.key.as_str()).collect()
    }

    /// The swept keys whose values are numbers, one and all.
    fn numbers(&self) -> Vec<&str> {
        let axes = self.blocks.iter().flat_map(|block| &block.axes);
        let number = |value: &Written| value.toml.parse::<f64>().is_ok();
        let axes = axes.filter(|axis| axis.values.iter().all(number));
        axes.map(|axis| axis.key.as_str()).collect()
    }

    /// The values of the swept keys in run `index`, as TOML; the last axis of the file moves fastest.
    pub fn values(&self, index: usize) -> Vec<&str> {
        let applied = self.applied(&self.rows(index));
        applied.iter().map(|(_, v)| v.toml.as_str()).collect()
    }

    /// The overrides that make run `index` of the base.
    pub fn overrides(&self, index: usize) -> Vec<String> {
        overrides(&self.applied(&self.rows(index)))
    }

    /// The scenario of run `index`.
    ///
    /// # Errors
    /// When these values cannot stand together.
    pub fn scenario(&self, index: usize) -> Result<Scenario, InputErrors> {
        let rows = self.rows(index);
        let scenario = self.base.with(&overrides(&self.applied(&rows)));
        scenario.map_err(|errors| self.relocate(&rows, false, errors))
    }

    /// The scenario of run `index`, built.
    ///
    /// # Errors
    /// When these values cannot stand together.
    pub fn build(&self, index: usize) -> Result<(Scenario, Built), InputErrors> {
        let scenario = self.scenario(index)?;
        let built = scenario.build();
        let built = built.map_err(|errors| self.relocate(&self.rows(index), true, errors))?;
        Ok((scenario, built))
    }

    /// Row of each block in run `index`.
    fn rows(&self, index: usize) -> Rows {
        let mut rest = index;
        let mut rows: Rows = Vec::with_capacity(self.blocks.len());
        for block in self.blocks.iter().rev() {
            rows.push(Some(rest % block.len().max(1)));
            rest /= block.len().max(1);
        }
        rows.reverse();
        rows
    }

    fn applied(&self, rows: &[Option<usize>]) -> Vec<(&Axis, &Written)> {
        let blocks = self.blocks.iter().zip(rows);
        let axes = blocks.flat_map(|(block, &row)| block.axes.iter().map(move |axis| (axis, row)));
        axes.filter_map(|(axis, row)| Some((axis, axis.values.get(row?)?)))
            .collect()
    }

    /// Holds every value of every block against the base. Where every one is refused the base is to blame,
    /// which is said once.
    fn check(&self) -> Result<(), InputErrors> {
        let (mut refused, mut taken) = (Vec::new(), false);
        for (place, block) in self.blocks.iter().enumerate() {
            // Any seed builds as the first one does.
            let seeds = block.axes.iter().all(|axis| axis.key == "seed");
            let last = block.len().saturating_sub(1);
            let among = |row: usize, most: usize| {
                row == last || row.is_multiple_of(block.len().div_ceil(most).max(1))
            };
            for row in (0..block.len()).filter(|&row| among(row, READ)) {
                let build = among(row, BUILT) && (row == 0 || !seeds);
                match self.refusal((place, row), build) {
                    Some(errors) => refused.push(errors.errors),
                    None => taken = true,
                }
            }
        }
        if !taken {
            refused.truncate(1);
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(self.document.errors(refused.concat())),
        }
    }

    /// Why a row of a block is refused: it builds neither alone, nor with the first rows of the other blocks,
    /// nor with another row of one of them. What builds with some is refused, where it does not, with its run.
    fn refusal(&self, (place, row): (usize, usize), build: bool) -> Option<InputErrors> {
        let mut alone: Rows = vec![None; self.blocks.len()];
        let mut first: Rows = vec![Some(0); self.blocks.len()];
        (alone[place], first[place]) = (Some(row), Some(row));
        self.try_rows(&alone, build).err()?;
        let reason = self.try_rows(&first, build).err()?;
        for (other, block) in self.blocks.iter().enumerate() {
            for row in (1..block.len().min(TRIED)).filter(|_| other != place) {
                let mut rows = first.clone();
                rows[other] = Some(row);
                self.try_rows(&rows, build).err()?;
            }
        }
        Some(self.relocate(&first, build, reason))
    }

    fn try_rows(&self, rows: &[Option<usize>], build: bool) -> Result<(), InputErrors> {
        let scenario = self.base.with(&overrides(&self.applied(rows)))?;
        match build {
            true => scenario.build().map(drop),
            false => Ok(()),
        }
    }
}

fn text(axis: &Axis, value: &Written) -> String {
    format!("{}={}", axis.key, value.toml)
}

fn overrides(applied: &[(&Axis, &Written)]) -> Vec<String> {
    let each = applied.iter();
    each.map(|(axis, value)| text(axis, value)).collect()
}

/// The scenario that every run begins from.
fn base(
    document: &Document,
    source: &Source,
    overrides: &[String],
) -> Result<Scenario, InputErrors> {
    let node = match &document.root.value {
        Value::Table(root) => root.get("base").map(|entry| &entry.node),
        _ => None,
    };
    match node.map(|node| &node.value) {
        Some(Value::String(path)) => {
            let path = source.folder.join(path);
            if !path.is_file() {
                let allowed = match path.exists() {
                    true => "must be a scenario file, relative to the sweep",
                    false => {
                        "must be a scenario file, relative to the sweep; there is none of this name"
                    }
                };
                let error = document.error("base", None, allowed.to_string());
                return Err(document.errors(vec![error]));
            }
            Scenario::load(&path, overrides)
        }
        _ => {
            let root = node.cloned().unwrap_or(Node {
                value: Value::Table(Default::default()),
                place: Place::Whole,
            });
            let document = document.part(root).with(overrides)?;
            Scenario::from_document(document, &source.name, &source.folder)
        }
    }
}
