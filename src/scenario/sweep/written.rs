//! Values of an axis as TOML.

use super::super::document::{Entry, Node, Place, Value};

/// A value as TOML and the place in the sweep file that it comes from.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub toml: String,
    pub place: Place,
}

impl Written {
    pub fn of(node: &Node) -> Self {
        Self {
            toml: toml_text(node),
            place: node.place.clone(),
        }
    }
}

/// A float as TOML writes it.
pub(super) fn float(x: f64) -> String {
    match x.is_nan() {
        true => "nan".to_string(),
        false => format!("{x:?}"),
    }
}

/// A value as TOML on one line.
fn toml_text(node: &Node) -> String {
    match &node.value {
        Value::Float(x) => float(*x),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml_text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(entries) => {
            let item = |(key, entry): (&String, &Entry)| {
                let key = toml::Value::String(key.clone());
                format!("{key} = {}", toml_text(&entry.node))
            };
            let items: Vec<String> = entries.iter().map(item).collect();
            format!("{{ {} }}", items.join(", "))
        }
        _ => node.to_toml().to_string(),
    }
}
