//! `manifest.json`: who wrote the folder, from what, and the hash of every file in it. Its
//! `"program": "dlnflow"` is what makes a folder ours.

use super::folder::Extras;
use super::json::SolverObject;
use super::{Outcome, Report};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// The marker of our folders.
pub const PROGRAM: &str = "dlnflow";

/// The file's name.
pub const NAME: &str = "manifest.json";

/// SHA-256 in hexadecimal by file name, `/` between folders.
pub type Hashes = BTreeMap<String, String>;

#[derive(Debug, Serialize, Deserialize)]
struct Platform {
    os: String,
    arch: String,
}

/// The contents of `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    program: String,
    version: String,
    commit: Option<String>,
    platform: Platform,
    seed: u64,
    // Of a run; a search for critical points has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// The command was interrupted; its run need not have been.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    solver: Option<SolverObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wall_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_seconds: Option<f64>,
    /// By their paths in the scenario; the copies of them are `outputs`.
    inputs: Hashes,
    /// Every file of the folder but the manifest itself.
    pub outputs: Hashes,
}

impl Manifest {
    /// The manifest of a report whose files are `outputs`.
    pub fn new(report: &Report, extras: &Extras, outputs: Hashes) -> Self {
        Self {
            outcome: Some(report.outcome),
            interrupted: extras.is_interrupted(report),
            solver: Some((&report.solver).into()),
            wall_seconds: Some(extras.wall.as_secs_f64()),
            cpu_seconds: Some(report.solver.cpu.as_secs_f64()),
            ..Self::without_run(extras.seed, extras.input_hashes.clone(), outputs)
        }
    }

    /// The manifest of a folder that holds no run.
    pub fn without_run(seed: u64, inputs: Hashes, outputs: Hashes) -> Self {
        Self {
            program: PROGRAM.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("DLNFLOW_COMMIT").map(str::to_owned),
            platform: Platform {
                os: std::env::consts::OS.to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
            },
            seed,
            outcome: None,
            interrupted: false,
            solver: None,
            wall_seconds: None,
            cpu_seconds: None,
            inputs,
            outputs,
        }
    }

    /// Whether what was computed is not all that was asked for, since someone pressed Ctrl-C.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    /// The manifest in `folder`.
    ///
    /// # Errors
    /// `Io` when it cannot be read, `Damaged` with the line when it is not a manifest.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let text = std::fs::read(&path).map_err(|e| Error::io(&path, e))?;
        serde_json::from_slice(&text).map_err(|e| Error::Damaged {
            path,
            line: e.line() as u64,
            reason: e.to_string(),
        })
    }
}

/// The part of a manifest that is read back.
#[derive(Deserialize)]
struct Marker {
    program: String,
    #[serde(default)]
    outputs: Hashes,
}

/// The files that the manifest in `folder` lists; `None` when the folder is not ours or cannot be read.
pub fn outputs(folder: &Path) -> Option<Hashes> {
    outputs_of(folder).ok()?
}

/// The files that the manifest in `folder` lists; `None` when the folder is not ours.
///
/// # Errors
/// `Io` for a manifest that is there and cannot be read.
pub(super) fn outputs_of(folder: &Path) -> Result<Option<Hashes>, Error> {
    let path = folder.join(NAME);
    let text = match std::fs::read(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| Error::io(&path, e))?,
    };
    let marker: Option<Marker> = serde_json::from_slice(&text).ok();
    Ok(marker.filter(|m| m.program == PROGRAM).map(|m| m.outputs))
}

/// What a whole manifest says of a finished run.
#[derive(Deserialize)]
struct Contents {
    program: String,
    seed: u64,
    outputs: Hashes,
}

/// Seed and files of a finished folder; `None` when the manifest is not whole or not ours.
pub(super) fn contents(folder: &Path) -> Option<(u64, Hashes)> {
    let text = std::fs::read(folder.join(NAME)).ok()?;
    let contents: Contents = serde_json::from_slice(&text).ok()?;
    (contents.program == PROGRAM).then_some((contents.seed, contents.outputs))
}
