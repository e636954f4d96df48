//! A TOML document whose every value knows where it was written: at a place in the file or in a
//! `--set KEY.PATH=VALUE` override.

use super::error::{Complaint, InputError, InputErrors};
use crate::error::counted;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Bytes of the file.
    Text(Range<usize>),
    /// Number of an override.
    Override(usize),
    /// The document as a whole.
    Whole,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A date, or an integer too large for 64 bits: never allowed in a scenario.
    Other(&'static str),
    Array(Vec<Node>),
    Table(BTreeMap<String, Entry>),
}

/// A key's own place and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: Place,
    pub node: Node,
}

/// A parsed file with overrides applied.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub file: String,
    pub text: String,
    overrides: Vec<String>,
    pub root: Node,
}

impl Document {
    /// Parses `text` and applies `overrides`.
    ///
    /// # Errors
    /// Everything that is not TOML, in the file or in an override.
    pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Self, InputErrors> {
        let mut document = Self {
            file: file.to_string(),
            text: text.to_string(),
            overrides: overrides.to_vec(),
            root: Node {
                value: Value::Table(BTreeMap::new()),
                place: Place::Whole,
            },
        };
        match DeTable::parse(text) {
            Ok(table) => {
                document.root.value = Value::Table(entries(table.into_inner(), &Place::Text));
            }
            Err(error) => return Err(document.syntax_error(&error)),
        }
        document.apply_from(0)
    }

    /// A part of this document as a document of its own: its places are those in the same file.
    pub fn part(&self, root: Node) -> Self {
        Self {
            overrides: Vec::new(),
            root,
            ..self.clone()
        }
    }

    /// The same with more overrides, applied after those it has.
    ///
    /// # Errors
    /// Overrides that are not TOML or lead nowhere.
    pub fn with(&self, overrides: &[String]) -> Result<Self, InputErrors> {
        let mut document = self.clone();
        let first = document.overrides.len();
        document.overrides.extend_from_slice(overrides);
        document.apply_from(first)
    }

    /// Applies the overrides from number `first` on.
    fn apply_from(mut self, first: usize) -> Result<Self, InputErrors> {
        let errors: Vec<InputError> = (first..self.overrides.len())
            .filter_map(|index| {
                let complaint = self.apply(index).err()?;
                let place = Place::Override(index);
                Some(self.error_at(&place, "", complaint.found, complaint.allowed))
            })
            .collect();
        if errors.is_empty() {
            Ok(self)
        } else {
            Err(self.errors(errors))
        }
    }

    /// The first one only: what follows a mistake of syntax is rarely another one.
    fn syntax_error(&self, error: &toml::de::Error) -> InputErrors {
        let place = error.span().map_or(Place::Whole, Place::Text);
        let slip = error.span().and_then(|span| self.text.get(span));
        let message = match slip.and_then(unquoted) {
            Some(slip) if error.message().contains("must be quoted") => slip.to_owned(),
            _ => error.message().replace('\n', " "),
        };
        self.errors(vec![self.error_at(
            &place,
            "",
            "not TOML".to_string(),
            message,
        )])
    }

    /// Sorts errors by line, overrides last.
    pub fn errors(&self, mut errors: Vec<InputError>) -> InputErrors {
        errors.sort_by_key(|e| (e.file != self.file, e.line, e.column));
        InputErrors {
            source_text: self.text.clone(),
            errors,
        }
    }

    /// An error at `place`.
    pub fn error_at(&self, place: &Place, key: &str, found: String, allowed: String) -> InputError {
        let mut error = InputError {
            file: self.file.clone(),
            line: None,
            column: None,
            key: key.to_string(),
            found,
            allowed,
            hint: None,
            span: None,
        };
        match place {
            Place::Text(span) => {
                let (line, column) = line_and_column(&self.text, span.start);
                error.line = Some(line);
                error.column = Some(column);
                error.span = Some(span.clone());
            }
            Place::Override(index) => error.file = format!("--set {}", self.overrides[*index]),
            Place::Whole => {}
        }
        error
    }

    /// An error at `key`, or at the nearest table around it when the key is not written. `found`
    /// is the text written there unless given.
    pub fn error(&self, key: &str, found: Option<String>, allowed: String) -> InputError {
        let (node, complete) = self.locate(key);
        let found = match (found, complete) {
            (Some(found), _) => found,
            (None, true) => format!("found {}", self.excerpt(node)),
            (None, false) => "missing".to_string(),
        };
        self.error_at(&node.place, key, found, allowed)
    }

    /// The deepest node on the path `a.b[0].c`, and whether it is the path's end.
    fn locate(&self, key: &str) -> (&Node, bool) {
        let mut node = &self.root;
        for segment in key.split(['.', '[']).map(|s| s.trim_end_matches(']')) {
            let next = match &node.value {
                Value::Table(table) => table.get(segment).map(|entry| &entry.node),
                Value::Array(items) => segment.parse().ok().and_then(|i: usize| items.get(i)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return (node, false),
            }
        }
        (node, true)
    }

    /// What is written at a node, on one line and not too long.
    pub fn excerpt(&self, node: &Node) -> String {
        let text = match (&node.place, &node.value) {
            (_, Value::Table(table)) => {
                return format!("a table with {}", counted(table.len(), "key", "keys"));
            }
            (Place::Text(span), _) => self.text.get(span.clone()).unwrap_or_default(),
            (Place::Override(index), _) => {
                let (path, value) = self.overrides[*index].split_once('=').unwrap_or_default();
                return match std::ptr::eq(self.locate(path.trim()).0, node) {
                    true => shorten(value),
                    // A part of it, which has no place in the text of its own.
                    false => shorten(&node.to_toml().to_string()),
                };
            }
            (Place::Whole, _) => "",
        };
        shorten(text)
    }

    fn apply(&mut self, index: usize) -> Result<(), Complaint> {
        let (place, text) = (Place::Override(index), self.overrides[index].clone());
        let complain = |found: String, allowed: &str| {
            Err(Complaint {
                found,
                allowed: allowed.to_string(),
            })
        };
        let Some((path, value)) = text.split_once('=') else {
            return complain("found no =".to_string(), "must be KEY.PATH=VALUE");
        };
        if path.trim().is_empty() {
            return complain("found no key".to_string(), "must be KEY.PATH=VALUE");
        }
        let mut parsed = match DeTable::parse(&format!("value = {value}")) {
            Ok(table) => entries(table.into_inner(), &|_| place.clone()),
            Err(_) => BTreeMap::new(),
        };
        let Some(entry) = parsed.remove("value").filter(|_| parsed.is_empty()) else {
            let allowed = "the value must be TOML: strings in quotes, lists in brackets";
            let found = match value.trim().is_empty() {
                true => "found no value".to_string(),
                false => format!("found {}", shorten(value)),
            };
            return complain(found, allowed);
        };
        // `events[0].fraction`, as messages write it, is `events.0.fraction`.
        let dotted = path.trim().replace('[', ".").replace(']', "");
        let slot = place_for(&mut self.root, &dotted, &place);
        *slot.map_err(|allowed| Complaint {
            found: format!("found {}", shorten(path)),
            allowed,
        })? = entry.node;
        Ok(())
    }
}

/// The slot that `path` (`init.scale`, `expect.0.value`) leads to; missing tables are made. Else what the
/// path must be.
fn place_for<'a>(root: &'a mut Node, path: &str, place: &Place) -> Result<&'a mut Node, String> {
    let mut node = root;
    let mut before = "";
    for segment in path.split('.') {
        let position = segment.parse::<usize>().ok();
        node = match &mut node.value {
            Value::Table(table)
                if position.is_some() && !before.is_empty() && !table.contains_key(segment) =>
            {
                return Err(no_element(before, segment));
            }
            Value::Table(table) if !segment.is_empty() => {
                let entry = table
                    .entry(segment.to_string())
                    .or_insert_with(|| Entry::new_table(place));
                entry.key = place.clone();
                &mut entry.node
            }
            Value::Array(items) => {
                let item = position.and_then(|i| items.get_mut(i));
                item.ok_or_else(|| no_element(before, segment))?
            }
            _ => {
                let allowed = "the path must lead through tables and list positions that exist";
                return Err(allowed.to_string());
            }
        };
        before = segment;
    }
    Ok(node)
}

/// No key is a number: one in a path counts the elements of a list, from 0.
fn no_element(list: &str, position: &str) -> String {
    format!("the file has no element {position} of a list {list}; the first is 0")
}

impl Entry {
    fn new_table(place: &Place) -> Self {
        Self {
            key: place.clone(),
            node: Node {
                value: Value::Table(BTreeMap::new()),
                place: place.clone(),
            },
        }
    }
}

fn entries(table: DeTable<'_>, place: &dyn Fn(Range<usize>) -> Place) -> BTreeMap<String, Entry> {
    let entry = |(key, value): (Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
        let name = key.get_ref().to_string();
        let key = place(key.span());
        (
            name,
            Entry {
                key,
                node: node(value, place),
            },
        )
    };
    table.into_iter().map(entry).collect()
}

fn node(value: Spanned<DeValue<'_>>, place: &dyn Fn(Range<usize>) -> Place) -> Node {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::String(s) => Value::String(s.to_string()),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).map_or(
            Value::Other("a whole number beyond 64 bits"),
            Value::Integer,
        ),
        DeValue::Float(x) => x
            .as_str()
            .parse()
            .map_or(Value::Float(f64::NAN), Value::Float),
        DeValue::Boolean(b) => Value::Boolean(b),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => Value::Array(items.into_iter().map(|v| node(v, place)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, place)),
    };
    Node {
        value,
        place: place(span),
    }
}

impl Node {
    /// The plain TOML value.
    pub fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::String(s) => toml::Value::String(s.clone()),
            Value::Integer(i) => toml::Value::Integer(*i),
            Value::Float(x) => toml::Value::Float(*x),
            Value::Boolean(b) => toml::Value::Boolean(*b),
            Value::Other(s) => toml::Value::String((*s).to_string()),
            Value::Array(items) => toml::Value::Array(items.iter().map(Node::to_toml).collect()),
            Value::Table(table) => toml::Value::Table(
                table
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_toml()))
                    .collect(),
            ),
        }
    }
}

/// One line of at most 48 characters.
fn shorten(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= 48 {
        line
    } else {
        line.chars().take(45).chain("...".chars()).collect()
    }
}

/// Line and column, both from 1, of a byte of `text`.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    let line_start = before
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    (before.iter().filter(|&&b| b == b'\n').count() + 1, column)
}

/// What is wrong where the parser takes `text` for a string without quotes and it is none.
fn unquoted(text: &str) -> Option<&'static str> {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else {
        return Some("a value is missing");
    };
    let is_number = first.replace('_', "").parse::<f64>().is_ok();
    (is_number && words.next().is_some()).then_some("a comma is missing between two numbers")
}
