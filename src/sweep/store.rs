//! The folder of a sweep: `runs/<hash>/`, each an output folder renamed into place, and
//! `failed/<hash>.json` for runs that gave none.

use super::in_parallel;
use super::plan::{self, Plan};
use crate::error::Error;
use crate::report::folder::{SCRATCH, scratch_beside};
use crate::report::summary::{self, Summary};
use crate::report::{Extras, Keep, Report, write_file, write_new};
use crate::scenario::sweep::KeepSpec;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Nothing takes so long to write: scratch folders older than this are left over.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// What may stand in the folder of a sweep that has not begun: runs made one by one, a batch script.
const OURS: [&str; 3] = ["runs", "failed", "slurm"];

/// Where the results of a sweep are.
#[derive(Debug)]
pub struct Store {
    pub root: PathBuf,
    keep: KeepSpec,
    /// What is being written, once there is something.
    scratch: OnceLock<TempDir>,
    written: AtomicUsize,
}

/// What is known of a run.
#[derive(Debug, Clone)]
pub enum State {
    /// Never finished.
    Pending,
    /// Its folder is whole.
    Done(Box<Summary>),
    /// Tried, without a result; the reason.
    Refused(String),
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub runs: usize,
    pub done: usize,
    /// Done, but the integration failed.
    pub failed: usize,
    /// Tried, without a result.
    pub refused: usize,
    pub pending: usize,
    pub checks_failed: usize,
}

#[derive(Serialize, Deserialize)]
struct Refusal {
    reason: String,
}

impl Store {
    /// The store of a plan in a new folder, an empty one or one of a sweep.
    ///
    /// # Errors
    /// `NotOurSweep` for a folder with other things in it, `Io`.
    pub fn create(root: &Path, plan: &Plan, text: &str) -> Result<Self, Error> {
        if root.exists() && !root.join(plan::NAME).is_file() {
            let mut entries = fs::read_dir(root).map_err(|e| Error::io(root, e))?;
            let foreign = |e: io::Result<fs::DirEntry>| {
                e.is_ok_and(|e| {
                    let name = e.file_name();
                    let name = name.to_string_lossy();
                    !name.starts_with(SCRATCH) && !OURS.contains(&&*name)
                })
            };
            if entries.any(foreign) {
                return Err(Error::NotOurSweep {
                    path: root.to_owned(),
                });
            }
        }
        let store = Self::of(root, plan);
        fs::create_dir_all(root.join("runs")).map_err(|e| Error::io(root, e))?;
        plan.write(root)?;
        store.write_once("sweep.toml", text.as_bytes())?;
        store.clean();
        Ok(store)
    }

    /// The store of a plan that was read from `root`.
    pub fn of(root: &Path, plan: &Plan) -> Self {
        Self {
            root: root.to_owned(),
            keep: plan.keep,
            scratch: OnceLock::new(),
            written: AtomicUsize::new(0),
        }
    }

    /// Writes a file unless it is there with the same contents.
    fn write_once(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.root.join(name);
        match fs::read(&path) {
            Ok(there) if there == bytes => Ok(()),
            _ => write_file(&path, bytes),
        }
    }

    /// The output folder of a run.
    pub fn folder(&self, hash: &str) -> PathBuf {
        self.root.join("runs").join(hash)
    }

    fn refusal(&self, hash: &str) -> PathBuf {
        self.root.join("failed").join(format!("{hash}.json"))
    }

    fn wanted(&self) -> Vec<&'static str> {
        let all = [
            (self.keep.trajectory, "trajectory.csv"),
            (self.keep.weights, "weights.npz"),
            (self.keep.figures, "figures/cost_log.svg"),
        ];
        let kept = all.iter().filter(|(keep, _)| *keep);
        kept.map(|(_, name)| *name).collect()
    }

    /// The summary of a run that is done.
    pub fn summary(&self, hash: &str) -> Option<Summary> {
        summary::read(&self.folder(hash), &self.wanted())
    }

    /// What is known of a run.
    pub fn state(&self, hash: &str) -> State {
        if let Some(summary) = self.summary(hash) {
            return State::Done(Box::new(summary));
        }
        let refusal = fs::read(self.refusal(hash)).ok();
        let refusal = refusal.and_then(|text| serde_json::from_slice::<Refusal>(&text).ok());
        refusal.map_or(State::Pending, |refusal| State::Refused(refusal.reason))
    }

    /// How far the runs of a plan are.
    pub fn standing(&self, plan: &Plan, jobs: usize) -> Standing {
        let states = in_parallel(plan.runs.len(), jobs, |i| {
            Standing::of(&self.state(&plan.runs[i].hash))
        });
        states.iter().fold(Standing::default(), Standing::plus)
    }

    /// Writes the folder of a finished run.
    ///
    /// # Errors
    /// `Io`.
    pub fn put(&self, hash: &str, report: &Report, extras: &Extras) -> Result<(), Error> {
        let folder = self.folder(hash);
        if folder.exists() && self.summary(hash).is_none() {
            self.discard(&folder)?;
        }
        let keep = Keep {
            trajectory: self.keep.trajectory,
            weights: self.keep.weights,
            figures: self.keep.figures,
        };
        let write = || write_new(report, &folder, extras, keep, &self.aside());
        // Once more if someone has tidied up meanwhile.
        let written = write().or_else(|_| write());
        match written {
            // Another process was faster with the same run.
            Err(_) if self.summary(hash).is_some() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => match fs::remove_file(self.refusal(hash)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io(&self.refusal(hash), e))
                }
                _ => Ok(()),
            },
        }
    }

    /// A place for the next folder while it is written.
    fn aside(&self) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let inside = self.root.join("runs").join("scratch");
        let scratch = match self.scratch.get() {
            Some(scratch) => Some(scratch),
            // Two threads may come first at once; the one that loses drops its folder.
            None => scratch_beside(&inside)
                .ok()
                .map(|new| self.scratch.get_or_init(|| new)),
        };
        let scratch = scratch.map_or(inside, |scratch| scratch.path().to_owned());
        scratch.join(number.to_string())
    }

    /// Notes why a run has no result.
    ///
    /// # Errors
    /// `Io`.
    pub fn refuse(&self, hash: &str, reason: &str) -> Result<(), Error> {
        let path = self.refusal(hash);
        let refusal = Refusal {
            reason: reason.to_owned(),
        };
        let text = serde_json::to_vec(&refusal).map_err(|e| Error::io(&path, e))?;
        write_file(&path, &text)
    }

    /// Takes away a folder that is not whole: what a node left that died while writing.
    fn discard(&self, folder: &Path) -> Result<(), Error> {
        let failed = |e| Error::io(folder, e);
        let scratch = scratch_beside(folder).map_err(failed)?;
        match fs::rename(folder, scratch.path().join("broken")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(e)),
            _ => Ok(()),
        }
    }

    /// Removes what killed processes were writing. That it stays does no harm, so errors do not count.
    fn clean(&self) {
        let old = |entry: &fs::DirEntry| {
            let modified = entry.metadata().and_then(|m| m.modified()).ok();
            let age = modified.and_then(|time| time.elapsed().ok());
            let name = entry.file_name();
            name.to_string_lossy().starts_with(SCRATCH) && age.is_some_and(|a| a > LEFT_OVER)
        };
        let entries = fs::read_dir(self.root.join("runs")).into_iter().flatten();
        for entry in entries.flatten().filter(old) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Standing {
    /// That of one run.
    pub fn of(state: &State) -> Self {
        let mut one = Self {
            runs: 1,
            ..Self::default()
        };
        match state {
            State::Pending => one.pending = 1,
            State::Refused(_) => one.refused = 1,
            State::Done(summary) => {
                one.done = 1;
                one.failed = usize::from(summary.failed());
                one.checks_failed = usize::from(summary.checks_failed > 0);
            }
        }
        one
    }

    /// That of both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            done: self.done + other.done,
            failed: self.failed + other.failed,
            refused: self.refused + other.refused,
            pending: self.pending + other.pending,
            checks_failed: self.checks_failed + other.checks_failed,
        }
    }
}

/// Bytes in the files of a folder.
pub fn sample_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => sample_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
