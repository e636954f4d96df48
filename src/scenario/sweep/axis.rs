//! The axes of a sweep: which keys take which values together.

use super::super::document::{Document, Entry, Node, Place, Value};
use super::super::error::{InputError, nearest};
use super::written::{Written, float};
use crate::error::counted;
use crate::model::draws::child_seed;
use std::collections::BTreeMap;

/// More runs than this are a mistake.
pub(super) const MOST_RUNS: usize = 1_000_000;

const FORMS: [&str; 4] = ["list", "log", "linear", "count"];

const ALLOWED: &str = "must be a list, { list = [...] }, { log = [a, b], count = n }, \
    { linear = [a, b], count = n } or, for seed, { count = n }";

/// Keys that move together: a product of blocks is a sweep.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub axes: Vec<Axis>,
}

/// One key and its values.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub key: String,
    /// `grid`, `zip` or `list`.
    pub table: &'static str,
    pub values: Vec<Written>,
}

impl Block {
    pub fn len(&self) -> usize {
        self.axes.first().map_or(0, |axis| axis.values.len())
    }
}

/// What reading the axes found.
pub(super) struct Reader<'a> {
    pub document: &'a Document,
    /// Seed of the base, which child seeds derive from.
    pub seed: u64,
    pub errors: Vec<InputError>,
}

impl Reader<'_> {
    /// All blocks: the points of `list`, `zip`, then each axis of `grid` in the order of the file.
    pub fn blocks(&mut self) -> Vec<Block> {
        let list = self.list();
        let zip = self.zip();
        let grid = self.axes("grid");
        let grid = grid.into_iter().map(|axis| Block { axes: vec![axis] });
        let blocks: Vec<Block> = list.into_iter().chain(zip).chain(grid).collect();
        self.distinct(&blocks);
        if blocks.is_empty() && self.errors.is_empty() {
            let allowed = "a sweep needs an axis in [grid], [zip] or [[list]]";
            self.at(&Place::Whole, "", "found no axis".into(), allowed);
        }
        let runs = blocks
            .iter()
            .try_fold(1_usize, |n, block| n.checked_mul(block.len()));
        if runs.is_none_or(|n| n > MOST_RUNS) {
            let found = runs.map_or("found more runs than can be counted".into(), |n| {
                format!("found {}", counted(n, "run", "runs"))
            });
            let allowed = format!("a sweep has at most {MOST_RUNS} runs");
            self.at(&Place::Whole, "", found, &allowed);
        }
        blocks
    }

    fn at(&mut self, place: &Place, key: &str, found: String, allowed: &str) {
        let error = self
            .document
            .error_at(place, key, found, allowed.to_string());
        self.errors.push(error);
    }

    fn wrong(&mut self, node: &Node, key: &str, allowed: &str) {
        let found = format!("found {}", self.document.excerpt(node));
        self.at(&node.place, key, found, allowed);
    }

    fn table(&self, name: &str) -> Option<&Node> {
        match &self.document.root.value {
            Value::Table(root) => root.get(name).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The axes of `[grid]` or `[zip]`.
    fn axes(&mut self, table: &'static str) -> Vec<Axis> {
        let mut found = Vec::new();
        if let Some(Value::Table(entries)) = self.table(table).map(|node| node.value.clone()) {
            self.flatten(table, "", &entries, &mut found);
        }
        found
    }

    /// Axes below a table: `init.scale = …` is the same as `"init.scale" = …`.
    fn flatten(
        &mut self,
        table: &'static str,
        above: &str,
        entries: &BTreeMap<String, Entry>,
        found: &mut Vec<Axis>,
    ) {
        for (name, entry) in in_order(entries) {
            let key = match above {
                "" => name.clone(),
                above => format!("{above}.{name}"),
            };
            match &entry.node.value {
                Value::Table(inner) if !is_form(inner) && !inner.is_empty() => {
                    self.flatten(table, &key, inner, found);
                }
                _ => {
                    let path = format!("{table}.{key}");
                    if let Some(values) = self.values(&entry.node, &key, &path) {
                        found.push(Axis { key, table, values });
                    }
                }
            }
        }
    }

    /// The values of one axis; `path` is its place in the sweep file.
    fn values(&mut self, node: &Node, key: &str, path: &str) -> Option<Vec<Written>> {
        match &node.value {
            Value::Array(items) => self.items(node, items, path),
            Value::Table(form) if is_form(form) => self.form(node, form, key, path),
            _ => {
                self.wrong(node, path, ALLOWED);
                None
            }
        }
    }

    fn items(&mut self, node: &Node, items: &[Node], path: &str) -> Option<Vec<Written>> {
        if items.is_empty() {
            self.wrong(node, path, "must have at least one value");
            return None;
        }
        Some(items.iter().map(Written::of).collect())
    }

    fn form(
        &mut self,
        node: &Node,
        form: &BTreeMap<String, Entry>,
        key: &str,
        path: &str,
    ) -> Option<Vec<Written>> {
        for (name, entry) in in_order(form) {
            if !FORMS.contains(&name.as_str()) {
                let allowed = format!("allowed here: {}", FORMS.join(", "));
                let path = format!("{path}.{name}");
                self.at(&entry.key, &path, "unknown key".into(), &allowed);
                if let Some(error) = self.errors.last_mut() {
                    error.hint = nearest(name, &FORMS).map(str::to_string);
                }
                return None;
            }
        }
        let get = |name: &str| form.get(name).map(|entry| &entry.node);
        match (get("list"), get("log"), get("linear"), get("count")) {
            (Some(list), None, None, None) => self.values(list, key, &format!("{path}.list")),
            (None, Some(ends), None, Some(count)) => self.range(node, ends, count, true, path),
            (None, None, Some(ends), Some(count)) => self.range(node, ends, count, false, path),
            (None, None, None, Some(count)) if key == "seed" => self.seeds(node, count, path),
            _ => {
                self.wrong(node, path, ALLOWED);
                None
            }
        }
    }

    fn count(&mut self, node: &Node, least: usize, path: &str) -> Option<usize> {
        let count = match node.value {
            Value::Integer(n) => usize::try_from(n).ok(),
            _ => None,
        };
        let count = count.filter(|n| (least..=MOST_RUNS).contains(n));
        if count.is_none() {
            let allowed = format!("must be a whole number from {least} to {MOST_RUNS}");
            self.wrong(node, &format!("{path}.count"), &allowed);
        }
        count
    }

    fn seeds(&mut self, node: &Node, count: &Node, path: &str) -> Option<Vec<Written>> {
        let count = self.count(count, 1, path)?;
        let seed = self.seed;
        let written = |index| Written {
            toml: child_seed(seed, index as u64).to_string(),
            place: node.place.clone(),
        };
        Some((0..count).map(written).collect())
    }

    /// `count` values from one end to the other, both included.
    fn range(
        &mut self,
        node: &Node,
        ends: &Node,
        count: &Node,
        log: bool,
        path: &str,
    ) -> Option<Vec<Written>> {
        let count = self.count(count, 2, path);
        let (name, allowed) = match log {
            true => ("log", "must be two positive numbers [a, b]"),
            false => ("linear", "must be two finite numbers [a, b]"),
        };
        let fine = |x: f64| x.is_finite() && (!log || x > 0.0);
        let pair = match &ends.value {
            Value::Array(items) => match items.as_slice() {
                [a, b] => a
                    .number()
                    .zip(b.number())
                    .filter(|p| fine(p.0) && fine(p.1)),
                _ => None,
            },
            _ => None,
        };
        let Some((a, b)) = pair else {
            self.wrong(ends, &format!("{path}.{name}"), allowed);
            return None;
        };
        let count = count?;
        let whole = matches!(&ends.value, Value::Array(items)
            if items.iter().all(|i| matches!(i.value, Value::Integer(_))));
        let values: Vec<f64> = (0..count).map(|i| between(a, b, i, count, log)).collect();
        let whole = whole && values.iter().all(|v| v.fract() == 0.0 && v.abs() < 9e15);
        let written = |value: f64| Written {
            toml: match whole {
                true => format!("{value:.0}"),
                false => float(value),
            },
            place: node.place.clone(),
        };
        Some(values.into_iter().map(written).collect())
    }

    fn zip(&mut self) -> Option<Block> {
        let axes = self.axes("zip");
        let first = axes.first()?;
        let (key, length) = (first.key.clone(), first.values.len());
        for axis in &axes {
            if axis.values.len() != length {
                let path = format!("zip.{}", axis.key);
                let found = format!("found {}", counted(axis.values.len(), "value", "values"));
                let allowed = format!("must have as many as zip.{key}: {length}");
                let place = axis
                    .values
                    .first()
                    .map_or(Place::Whole, |v| v.place.clone());
                self.at(&place, &path, found, &allowed);
            }
        }
        Some(Block { axes })
    }

    /// The points of `[[list]]`, which must all set the same keys.
    fn list(&mut self) -> Option<Block> {
        let Some(Value::Array(points)) = self.table("list").map(|node| node.value.clone()) else {
            return None;
        };
        let mut axes: Vec<Axis> = Vec::new();
        for (index, point) in points.iter().enumerate() {
            let mut keys = Vec::new();
            leaves(point, "", &mut keys);
            if index == 0 {
                axes.extend(keys.iter().map(|(key, _)| Axis {
                    key: key.clone(),
                    table: "list",
                    values: Vec::new(),
                }));
            }
            let same = keys.len() == axes.len()
                && axes.iter().all(|a| keys.iter().any(|(k, _)| *k == a.key));
            if !same || keys.is_empty() {
                let names = |keys: Vec<&str>| keys.join(", ");
                let found = names(keys.iter().map(|(k, _)| k.as_str()).collect());
                let allowed = match index {
                    0 => "must set a key".to_string(),
                    _ => format!(
                        "must set the keys of list[0]: {}",
                        names(axes.iter().map(|a| a.key.as_str()).collect())
                    ),
                };
                let found = format!("found {}", if keys.is_empty() { "no key" } else { &found });
                self.at(&point.place, &format!("list[{index}]"), found, &allowed);
                return None;
            }
            for axis in &mut axes {
                let node = keys.iter().find(|(key, _)| *key == axis.key);
                axis.values.extend(node.map(|(_, node)| Written::of(node)));
            }
        }
        (!axes.is_empty()).then_some(Block { axes })
    }

    /// No key may be set twice, nor a table and a key in it.
    fn distinct(&mut self, blocks: &[Block]) {
        let axes: Vec<&Axis> = blocks.iter().flat_map(|b| &b.axes).collect();
        for (i, axis) in axes.iter().enumerate() {
            let inside = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}."));
            let before = axes[..i]
                .iter()
                .find(|b| inside(&axis.key, &b.key) || inside(&b.key, &axis.key));
            if let Some(before) = before {
                let place = axis
                    .values
                    .first()
                    .map_or(Place::Whole, |v| v.place.clone());
                let path = format!("{}.{}", axis.table, axis.key);
                let allowed = format!("{}.{} sets it already", before.table, before.key);
                self.at(&place, &path, "found a second axis".into(), &allowed);
            }
        }
    }
}

impl Node {
    fn number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(i) => Some(i as f64),
            Value::Float(x) => Some(x),
            _ => None,
        }
    }
}

/// Whether a table says how to make the values of an axis.
fn is_form(table: &BTreeMap<String, Entry>) -> bool {
    table.iter().any(|(name, entry)| match name.as_str() {
        "list" | "log" | "linear" => true,
        "count" => !matches!(entry.node.value, Value::Array(_) | Value::Table(_)),
        _ => false,
    })
}

/// Keys and values of a point, tables opened.
fn leaves<'a>(node: &'a Node, above: &str, found: &mut Vec<(String, &'a Node)>) {
    let Value::Table(entries) = &node.value else {
        return;
    };
    for (name, entry) in in_order(entries) {
        let key = match above {
            "" => name.clone(),
            above => format!("{above}.{name}"),
        };
        match &entry.node.value {
            Value::Table(inner) if !inner.is_empty() => leaves(&entry.node, &key, found),
            _ => found.push((key, &entry.node)),
        }
    }
}

/// Entries in the order in which the file has them.
fn in_order(entries: &BTreeMap<String, Entry>) -> Vec<(&String, &Entry)> {
    let mut all: Vec<_> = entries.iter().collect();
    all.sort_by_key(|(_, entry)| match &entry.key {
        Place::Text(span) => span.start,
        Place::Override(index) => *index,
        Place::Whole => 0,
    });
    all
}

/// Value `i` of `count` between two ends, rounded to 12 digits so that decades are decades.
fn between(a: f64, b: f64, i: usize, count: usize, log: bool) -> f64 {
    let part = i as f64 / (count - 1) as f64;
    let inside = match (i, log) {
        (0, _) => return a,
        (i, _) if i + 1 == count => return b,
        (_, true) => {
            let (lo, hi) = (libm::log10(a), libm::log10(b));
            libm::pow(10.0, lo + (hi - lo) * part)
        }
        (_, false) => a + (b - a) * part,
    };
    format!("{inside:.11e}").parse().unwrap_or(inside)
}
