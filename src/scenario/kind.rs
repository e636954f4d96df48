//! A sweep where a scenario is asked for, and the reverse: said at once, not as a list of keys that are
//! unknown there.

use super::document::{Document, Entry, Place, Value};
use super::error::InputErrors;

/// Keys at the top that only a sweep has.
const SWEEP: [&str; 4] = ["base", "grid", "zip", "list"];

/// Keys at the top that only a scenario has.
const SCENARIO: [&str; 5] = ["network", "cost", "init", "solver", "record"];

/// Why a document that is no scenario is refused, where it is a sweep.
pub(super) fn refuse_sweep(document: &Document) -> Option<InputErrors> {
    let allowed = "a scenario is asked for here: `dlnflow sweep` runs a sweep";
    refuse(document, ("sweep", &SWEEP), &SCENARIO, allowed)
}

/// Why a document that is no sweep is refused, where it is a scenario.
pub(super) fn refuse_scenario(document: &Document) -> Option<InputErrors> {
    let allowed = "a sweep is asked for here: `dlnflow run` runs a scenario";
    refuse(document, ("scenario", &SCENARIO), &SWEEP, allowed)
}

/// Where the file has keys of the kind that it must not be and none of the kind that it should be.
fn refuse(
    document: &Document,
    (kind, keys): (&str, &[&str]),
    asked_for: &[&str],
    allowed: &str,
) -> Option<InputErrors> {
    let Value::Table(root) = &document.root.value else {
        return None;
    };
    let written = |key: &&&str| {
        let entry: Option<&Entry> = root.get(**key);
        entry.is_some_and(|e| matches!(e.key, Place::Text(_)))
    };
    if asked_for.iter().any(|key| written(&key)) {
        return None;
    }
    let has: Vec<&str> = keys.iter().filter(written).copied().collect();
    let place = &root.get(*has.first()?)?.key;
    let found = format!("this is a {kind}: it has {}", has.join(", "));
    let error = document.error_at(place, "", found, allowed.to_string());
    Some(document.errors(vec![error]))
}
