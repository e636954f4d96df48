//! A finished output folder, read back for its figures: `trajectory.csv`, `events.jsonl` and the
//! title and predictions of `report.json`.

use super::json::PredictionObject;
use super::{Prediction, csv, events, figure::Drawing, manifest};
use crate::error::Error;
use crate::observe::{Event, Trajectory};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// What the figures need of a finished run.
#[derive(Debug)]
pub struct Finished {
    pub title: String,
    pub trajectory: Trajectory,
    pub events: Vec<Event>,
    pub predictions: Vec<Prediction>,
    /// Whether hidden bases followed the modes.
    pub graded: bool,
}

impl Finished {
    /// The same, as the figures take it.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing {
            title: &self.title,
            trajectory: &self.trajectory,
            events: &self.events,
            predictions: &self.predictions,
            graded: self.graded,
        }
    }
}

#[derive(Deserialize)]
struct Stored {
    title: String,
    predictions: Vec<PredictionObject>,
    #[serde(default)]
    solver: StoredSolver,
}

#[derive(Default, Deserialize)]
struct StoredSolver {
    #[serde(default)]
    frame_rotations: Option<usize>,
}

/// Reads an output folder.
///
/// # Errors
/// `NotARun` without our manifest, `Io` for a missing or unreadable file, `Damaged` with file and
/// line for one that does not hold what it should.
pub fn finished(folder: &Path) -> Result<Finished, Error> {
    is_folder(folder)?;
    if manifest::outputs_of(folder)?.is_none() {
        return Err(Error::NotARun {
            path: folder.to_owned(),
        });
    }
    let stored = stored(&folder.join("report.json"))?;
    let graded = stored.solver.frame_rotations.is_some_and(|n| n > 0);
    let (title, predictions) = told(stored);
    Ok(Finished {
        title,
        trajectory: trajectory(&folder.join("trajectory.csv"))?,
        events: event_list(&folder.join("events.jsonl"))?,
        predictions,
        graded,
    })
}

/// Whether this program has written a run into a folder.
pub fn is_output(folder: &Path) -> bool {
    manifest::outputs(folder).is_some()
}

/// Whether there is a folder to be read.
///
/// # Errors
/// `Io` with what is there instead, or why that cannot be said.
pub(crate) fn is_folder(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::io(path, "is a file, not a folder")),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            Err(Error::io(path, "there is no such folder"))
        }
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Reads `trajectory.csv`.
///
/// # Errors
/// `Io`, `Damaged`.
pub fn trajectory(path: &Path) -> Result<Trajectory, Error> {
    csv::read(open(path)?, path)
}

/// Reads `events.jsonl`.
///
/// # Errors
/// `Io`, `Damaged`.
pub fn event_list(path: &Path) -> Result<Vec<Event>, Error> {
    events::read(open(path)?, path)
}

/// Title and predictions of `report.json`.
///
/// # Errors
/// `Io`, `Damaged`.
pub fn report(path: &Path) -> Result<(String, Vec<Prediction>), Error> {
    stored(path).map(told)
}

fn told(stored: Stored) -> (String, Vec<Prediction>) {
    let predictions = stored.predictions.into_iter().map(Prediction::from);
    (stored.title, predictions.collect())
}

fn stored(path: &Path) -> Result<Stored, Error> {
    serde_json::from_reader(open(path)?).map_err(|e| Error::Damaged {
        path: path.to_owned(),
        line: e.line() as u64,
        reason: e.to_string(),
    })
}

fn open(path: &Path) -> Result<BufReader<File>, Error> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    Ok(BufReader::new(file))
}
