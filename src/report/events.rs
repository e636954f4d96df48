//! `events.jsonl`: one event a line, keys in the order of docs/conventions.md. Numbers that are not
//! finite are written `null`.

use super::names::{DIRECTIONS, KINDS, QUANTITIES, name, value};
use crate::error::Error;
use crate::observe::Event;
use serde::{Deserialize, Deserializer, Serialize};
use std::io::{self, BufRead, Write};
use std::path::Path;

/// Part of the time since the previous event below which a lost low part of the time is not missed.
const NEEDED: f64 = 1e-12;

/// An event as it stands in `events.jsonl` and `report.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    kind: String,
    index: Option<usize>,
    quantity: String,
    #[serde(deserialize_with = "number")]
    level: f64,
    direction: String,
    #[serde(deserialize_with = "number")]
    time: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_low: Option<f64>,
    #[serde(deserialize_with = "pair")]
    bracket: [f64; 2],
    #[serde(deserialize_with = "number")]
    since_previous: f64,
    #[serde(deserialize_with = "number")]
    cost: f64,
    #[serde(deserialize_with = "number")]
    gradient_norm: f64,
    #[serde(deserialize_with = "numbers")]
    singular_values: Vec<f64>,
    at_start: bool,
    duration: Option<f64>,
}

impl From<&Event> for Line {
    fn from(event: &Event) -> Self {
        Self {
            kind: name(&KINDS, &event.kind).to_owned(),
            index: event.index,
            quantity: name(&QUANTITIES, &event.quantity).to_owned(),
            level: event.level,
            direction: name(&DIRECTIONS, &event.direction).to_owned(),
            time: event.time,
            time_low: Some(event.time_low).filter(|low| low.abs() > NEEDED * event.since_previous),
            bracket: event.bracket,
            since_previous: event.since_previous,
            cost: event.cost,
            gradient_norm: event.gradient_norm,
            singular_values: event.singular_values.clone(),
            at_start: event.at_start,
            duration: event.duration,
        }
    }
}

impl TryFrom<Line> for Event {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        Ok(Self {
            kind: value(&KINDS, &line.kind).map_err(|e| format!("kind: {e}"))?,
            index: line.index,
            quantity: value(&QUANTITIES, &line.quantity).map_err(|e| format!("quantity: {e}"))?,
            level: line.level,
            direction: value(&DIRECTIONS, &line.direction)
                .map_err(|e| format!("direction: {e}"))?,
            time: line.time,
            time_low: line.time_low.unwrap_or(0.0),
            bracket: line.bracket,
            since_previous: line.since_previous,
            at_start: line.at_start,
            duration: line.duration,
            cost: line.cost,
            gradient_norm: line.gradient_norm,
            singular_values: line.singular_values,
        })
    }
}

/// Writes one line per event.
///
/// # Errors
/// Those of `out`.
pub fn write(events: &[Event], out: &mut impl Write) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut *out, &Line::from(event))?;
        writeln!(out)?;
    }
    Ok(())
}

/// Reads the lines back; `path` only names the file in messages.
///
/// # Errors
/// `Damaged` with the line that is not an event; `Io` when reading fails.
pub fn read(source: impl BufRead, path: &Path) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for (text, line) in source.lines().zip(1..) {
        let text = text.map_err(|e| Error::io(path, e))?;
        if !text.is_empty() {
            events.push(parse(&text).map_err(|reason| Error::Damaged {
                path: path.to_owned(),
                line,
                reason,
            })?);
        }
    }
    Ok(events)
}

fn parse(text: &str) -> Result<Event, String> {
    let line: Line = serde_json::from_str(text).map_err(|e| e.to_string())?;
    Event::try_from(line)
}

/// A number, `null` standing for NaN.
pub(super) fn number<'de, D: Deserializer<'de>>(source: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(source)?;
    Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

fn pair<'de, D: Deserializer<'de>>(source: D) -> Result<[f64; 2], D::Error> {
    let values = <[Option<f64>; 2]>::deserialize(source)?;
    Ok(values.map(|v| v.unwrap_or(f64::NAN)))
}
