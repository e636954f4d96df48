//! A document against the JSON Schema of the scenario types: unknown and missing keys, wrong types
//! and names, numbers out of range, all of them at once.

use super::document::{Document, Entry, Node, Value};
use super::error::{InputError, nearest};
use super::schema::ScenarioSpec;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// JSON Schema of a scenario.
pub fn json_schema() -> Json {
    schemars::schema_for!(ScenarioSpec).to_value()
}

/// What `check` found.
pub(super) struct Findings {
    pub errors: Vec<InputError>,
    /// The document has the right form; errors, if any, are numbers out of range.
    pub well_formed: bool,
}

/// A schema without references, as `check` reads it.
pub(super) fn inlined<T: schemars::JsonSchema>() -> Json {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let generator = settings
        .with(|s| s.inline_subschemas = true)
        .into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

/// Compares a document with the scenario's schema.
pub(super) fn check(document: &Document) -> Findings {
    // A sweep reads thousands of scenarios.
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    check_against(document, SCHEMA.get_or_init(inlined::<ScenarioSpec>))
}

/// Compares a document with an inlined schema.
pub(super) fn check_against(document: &Document, schema: &Json) -> Findings {
    let mut checker = Checker {
        document,
        findings: Findings {
            errors: Vec::new(),
            well_formed: true,
        },
    };
    checker.node(&document.root, schema, "");
    checker.findings
}

struct Checker<'a> {
    document: &'a Document,
    findings: Findings,
}

type Table = BTreeMap<String, Entry>;

impl Checker<'_> {
    fn node(&mut self, node: &Node, schema: &Json, key: &str) {
        if let Some(options) = schema["anyOf"].as_array() {
            return match options.iter().find(|option| admits(option, &node.value)) {
                // A word that may also be a number: what else it may be is said with the names.
                Some(option) if is_other_name(&node.value, option) => {
                    self.wrong(node, schema, key);
                    self.hint(node, &names(option));
                }
                Some(option) => self.node(node, option, key),
                None => self.wrong(node, schema, key),
            };
        }
        if !admits(schema, &node.value) {
            return self.wrong(node, schema, key);
        }
        match &node.value {
            Value::Table(table) => match schema["oneOf"].as_array() {
                Some(variants) => self.variant(node, table, variants, key),
                None => self.table(node, table, schema, key),
            },
            Value::Array(items) => self.array(node, items, schema, key),
            Value::String(name) => self.name(node, name, schema, key),
            Value::Integer(i) => self.number(node, *i as f64, schema, key),
            Value::Float(x) => self.number(node, *x, schema, key),
            Value::Boolean(_) | Value::Other(_) => {}
        }
    }

    fn table(&mut self, node: &Node, table: &Table, schema: &Json, key: &str) {
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut misspelt = Vec::new();
        for (name, entry) in table {
            match properties.get(name) {
                Some(property) => self.node(&entry.node, property, &join(key, name)),
                None => {
                    self.unknown(entry, name, &names, key);
                    misspelt.extend(nearest(name, &names));
                }
            }
        }
        for name in strings(&schema["required"]) {
            if !table.contains_key(name) && !misspelt.contains(&name) {
                let phrase = format!("must be {}", describe(&properties[name]));
                self.form_error(node, &join(key, name), "missing".into(), phrase);
            }
        }
    }

    /// A table that is one of several: told apart by `kind`, or by its only key.
    fn variant(&mut self, node: &Node, table: &Table, variants: &[Json], key: &str) {
        if variants.iter().all(|v| tag(v).is_some()) {
            let kinds: Vec<&str> = variants.iter().filter_map(tag).collect();
            return match table.get("kind").map(|entry| &entry.node) {
                None => {
                    let phrase = format!("must be {}", one_of(&kinds));
                    self.form_error(node, &join(key, "kind"), "missing".into(), phrase);
                }
                Some(kind) => match &kind.value {
                    Value::String(name) => match variants.iter().find(|v| tag(v) == Some(name)) {
                        Some(variant) => self.table(node, table, variant, key),
                        None => self.misnamed(kind, &kinds, &join(key, "kind")),
                    },
                    _ => {
                        let phrase = format!("must be {}", one_of(&kinds));
                        let found = format!("found {}", self.document.excerpt(kind));
                        self.form_error(kind, &join(key, "kind"), found, phrase);
                    }
                },
            };
        }
        let names: Vec<&str> = variants
            .iter()
            .flat_map(|v| strings(&v["required"]))
            .collect();
        for (name, entry) in table {
            match variants.iter().find(|v| !v["properties"][name].is_null()) {
                Some(variant) => {
                    self.node(&entry.node, &variant["properties"][name], &join(key, name));
                }
                None => self.unknown(entry, name, &names, key),
            }
        }
        if table.len() != 1 {
            let found = match table.keys().map(String::as_str).collect::<Vec<_>>() {
                none if none.is_empty() => "found an empty table".to_string(),
                several => format!("found {}", several.join(" and ")),
            };
            let phrase = format!("must have exactly one key: {}", names.join(", "));
            self.form_error(node, key, found, phrase);
        }
    }

    fn array(&mut self, node: &Node, items: &[Node], schema: &Json, key: &str) {
        let length = items.len() as u64;
        let bound = |name: &str| schema[name].as_u64();
        let (least, most) = (bound("minItems"), bound("maxItems"));
        let phrase = match (least, most) {
            (Some(n), Some(m)) if n == m && length != n => Some(format!("must have length {n}")),
            (Some(n), _) if length < n => Some(format!("must be at least {n} long")),
            (_, Some(m)) if length > m => Some(format!("must be at most {m} long")),
            _ => None,
        };
        if let Some(phrase) = phrase {
            let found = format!("found a list of length {length}");
            self.form_error(node, key, found, phrase);
        }
        for (i, item) in items.iter().enumerate() {
            self.node(item, &schema["items"], &format!("{key}[{i}]"));
        }
    }

    fn name(&mut self, node: &Node, name: &str, schema: &Json, key: &str) {
        let names = names(schema);
        if !names.is_empty() && !names.contains(&name) {
            self.misnamed(node, &names, key);
        }
    }

    fn number(&mut self, node: &Node, x: f64, schema: &Json, key: &str) {
        let bound = |name: &str| schema[name].as_f64();
        let inside = x.is_finite()
            && bound("minimum").is_none_or(|b| x >= b)
            && bound("exclusiveMinimum").is_none_or(|b| x > b)
            && bound("maximum").is_none_or(|b| x <= b)
            && bound("exclusiveMaximum").is_none_or(|b| x < b);
        if inside {
            return;
        }
        // A negative or oversized whole number does not fit the field's type at all.
        self.findings.well_formed &= !is(schema, "integer");
        let error = self.document.error_at(
            &node.place,
            key,
            format!("found {}", self.document.excerpt(node)),
            format!("must be {}", describe(schema)),
        );
        self.findings.errors.push(error);
    }

    fn wrong(&mut self, node: &Node, schema: &Json, key: &str) {
        let found = match &node.value {
            Value::Other(what) => format!("found {} ({what})", self.document.excerpt(node)),
            _ => format!("found {}", self.document.excerpt(node)),
        };
        self.form_error(node, key, found, format!("must be {}", describe(schema)));
    }

    fn unknown(&mut self, entry: &Entry, name: &str, names: &[&str], key: &str) {
        let allowed = format!("allowed here: {}", names.join(", "));
        let key = join(key, name);
        let mut error = self
            .document
            .error_at(&entry.key, &key, "unknown key".into(), allowed);
        error.hint = nearest(name, names).map(str::to_string);
        self.findings.errors.push(error);
        self.findings.well_formed = false;
    }

    fn misnamed(&mut self, node: &Node, names: &[&str], key: &str) {
        let found = format!("found {}", self.document.excerpt(node));
        self.form_error(node, key, found, format!("must be {}", one_of(names)));
        self.hint(node, names);
    }

    /// Adds the nearest of `names` to the last error.
    fn hint(&mut self, node: &Node, names: &[&str]) {
        if let (Value::String(name), Some(error)) = (&node.value, self.findings.errors.last_mut()) {
            error.hint = nearest(name, names).map(|n| format!("\"{n}\""));
        }
    }

    fn form_error(&mut self, node: &Node, key: &str, found: String, allowed: String) {
        let error = self.document.error_at(&node.place, key, found, allowed);
        self.findings.errors.push(error);
        self.findings.well_formed = false;
    }
}

fn join(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_string()
    } else {
        format!("{key}.{name}")
    }
}

fn strings(list: &Json) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
}

/// The names that a string may have; none when it is free.
fn names(schema: &Json) -> Vec<&str> {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let nested = variants.flat_map(|v| v["const"].as_str().into_iter().chain(strings(&v["enum"])));
    strings(&schema["enum"]).chain(nested).collect()
}

/// Whether a value is a string that is none of the names of a schema.
fn is_other_name(value: &Value, schema: &Json) -> bool {
    let names = names(schema);
    matches!(value, Value::String(name) if !names.is_empty() && !names.contains(&name.as_str()))
}

fn tag(variant: &Json) -> Option<&str> {
    variant["properties"]["kind"]["const"].as_str()
}

/// Whether the schema's `type` is or includes `name`.
fn is(schema: &Json, name: &str) -> bool {
    schema["type"] == name || strings(&schema["type"]).any(|t| t == name)
}

/// Whether a value has the kind (string, list, …) that a schema asks for.
fn admits(schema: &Json, value: &Value) -> bool {
    if let Some(options) = schema["anyOf"].as_array() {
        return options.iter().any(|option| admits(option, value));
    }
    let named = !names(schema).is_empty();
    match value {
        Value::String(_) => named || is(schema, "string"),
        Value::Integer(_) => is(schema, "integer") || is(schema, "number"),
        Value::Float(_) => is(schema, "number"),
        Value::Boolean(_) => is(schema, "boolean"),
        Value::Array(_) => is(schema, "array"),
        Value::Table(_) => is(schema, "object") || (schema["oneOf"].is_array() && !named),
        Value::Other(_) => false,
    }
}

/// What a schema asks for, to follow "must be".
fn describe(schema: &Json) -> String {
    if let Some(options) = schema["anyOf"].as_array() {
        let options = options.iter().filter(|option| option["type"] != "null");
        return options.map(describe).collect::<Vec<_>>().join(" or ");
    }
    let names = names(schema);
    if !names.is_empty() {
        return one_of(&names);
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let kinds: Vec<&str> = variants.iter().filter_map(tag).collect();
        return if kinds.is_empty() {
            let keys = variants.iter().flat_map(|v| strings(&v["required"]));
            format!(
                "a table with one of the keys {}",
                keys.collect::<Vec<_>>().join(", ")
            )
        } else {
            format!("a table whose kind is {}", one_of(&kinds))
        };
    }
    let range = describe_range(schema);
    if is(schema, "array") {
        format!("a list of {}", plural(&schema["items"]))
    } else if is(schema, "integer") {
        format!("a whole number{range}")
    } else if is(schema, "number") {
        match schema["x-unit"].as_str() {
            Some(unit) => format!("a number of {unit}{range}"),
            None => format!("a finite number{range}"),
        }
    } else if is(schema, "boolean") {
        "true or false".to_string()
    } else if is(schema, "string") {
        "a string".to_string()
    } else {
        let required: Vec<&str> = strings(&schema["required"]).collect();
        match required.as_slice() {
            [] => "a table".to_string(),
            keys => format!("a table with {}", keys.join(", ")),
        }
    }
}

fn plural(items: &Json) -> String {
    let names = names(items);
    if !names.is_empty() {
        return format!("names, {}", one_of(&names));
    }
    if is(items, "integer") {
        format!("whole numbers{}", describe_range(items))
    } else if is(items, "number") {
        format!("finite numbers{}", describe_range(items))
    } else if is(items, "array") {
        format!("lists of {}", plural(&items["items"]))
    } else if is(items, "string") {
        "strings".to_string()
    } else {
        "tables".to_string()
    }
}

fn describe_range(schema: &Json) -> String {
    if schema["minimum"].is_number() && schema["minimum"] == schema["maximum"] {
        return format!(" equal to {}", number(&schema["minimum"]));
    }
    let bounds = [
        ("minimum", "of at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    ];
    let given = bounds.iter().filter(|(name, _)| schema[name].is_number());
    let phrases: Vec<String> = given
        .map(|(name, phrase)| format!("{phrase} {}", number(&schema[name])))
        .collect();
    match phrases.as_slice() {
        [] => String::new(),
        phrases => format!(" {}", phrases.join(" and ")),
    }
}

/// `0.0` as `0`, everything else as written.
fn number(bound: &Json) -> String {
    let text = bound.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_string()
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        all => format!("one of {}", all.join(", ")),
    }
}
