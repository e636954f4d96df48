//! The local engine: runs of a plan on several threads, one thread a run, nothing kept in memory.

use super::plan::Plan;
use super::store::Store;
use crate::error::Error;
use crate::report::Outcome;
use crate::run::{Watch, extras, measure, run};
use crate::scenario::Sweep;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Runs a plan.
#[derive(Debug)]
pub struct Engine<'a> {
    pub sweep: &'a Sweep,
    pub plan: &'a Plan,
    pub store: &'a Store,
    pub jobs: usize,
    /// Set it to end the sweep; runs in flight are given up.
    pub interrupt: &'a AtomicBool,
}

/// How the runs of one call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub done: usize,
    /// Done, but the integration failed.
    pub failed: usize,
    /// Without a result.
    pub refused: usize,
    pub checks_failed: usize,
}

/// How one run ended.
enum Ended {
    Done { failed: bool, checks_failed: bool },
    Refused,
    Interrupted,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            done: self.done + other.done,
            failed: self.failed + other.failed,
            refused: self.refused + other.refused,
            checks_failed: self.checks_failed + other.checks_failed,
        }
    }

    fn count(&mut self, ended: &Ended) {
        match ended {
            Ended::Done {
                failed,
                checks_failed,
            } => {
                self.done += 1;
                self.failed += usize::from(*failed);
                self.checks_failed += usize::from(*checks_failed);
            }
            Ended::Refused => self.refused += 1,
            Ended::Interrupted => {}
        }
    }
}

impl Engine<'_> {
    /// Carries out the runs with these numbers; `progress` sees the tally after each.
    ///
    /// # Errors
    /// `Io` when a result could not be written: the disk is full, the folder is gone. The first such
    /// error ends the sweep; what was finished stays.
    pub fn run(&self, runs: &[usize], progress: &(dyn Fn(&Tally) + Sync)) -> Result<Tally, Error> {
        let next = AtomicUsize::new(0);
        let shared = Mutex::new((Tally::default(), None));
        let note = |ended: Result<Ended, Error>| {
            let Ok(mut shared) = shared.lock() else {
                return false;
            };
            match ended {
                Ok(ended) => {
                    shared.0.count(&ended);
                    progress(&shared.0);
                    shared.1.is_none()
                }
                Err(error) => {
                    shared.1.get_or_insert(error);
                    false
                }
            }
        };
        let work = || {
            while !self.interrupt.load(Ordering::Relaxed) {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(&index) = runs.get(place) else { break };
                if !note(self.one(index)) {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            (1..self.jobs.min(runs.len())).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        match shared.into_inner().unwrap_or_else(PoisonError::into_inner) {
            (_, Some(error)) => Err(error),
            (tally, None) => Ok(tally),
        }
    }

    /// One run, from its values to its folder.
    fn one(&self, index: usize) -> Result<Ended, Error> {
        let hash = &self.plan.runs[index].hash;
        // A fault of the program in one run must not cost the others.
        let attempt = catch_unwind(AssertUnwindSafe(|| self.attempt(index, hash)));
        attempt.unwrap_or_else(|panic| {
            let reason = format!("the program panicked: {}", told(&*panic));
            self.store.refuse(hash, &reason).map(|()| Ended::Refused)
        })
    }

    fn attempt(&self, index: usize, hash: &str) -> Result<Ended, Error> {
        let begin = Instant::now();
        let (scenario, built) = match self.sweep.build(index) {
            Ok(built) => built,
            Err(errors) => {
                self.store.refuse(hash, &errors.to_string())?;
                return Ok(Ended::Refused);
            }
        };
        let watch = Watch {
            interrupt: Some(self.interrupt),
            progress: None,
        };
        let report = match self.plan.keep.predictions {
            true => run(&scenario, &built, watch),
            false => measure(&scenario, &built, watch),
        };
        if report.outcome == Outcome::Interrupted {
            return Ok(Ended::Interrupted);
        }
        self.store
            .put(hash, &report, &extras(&scenario, &built, begin.elapsed()))?;
        Ok(Ended::Done {
            failed: report.outcome == Outcome::Failed,
            checks_failed: report.checks.iter().any(|c| !c.passed),
        })
    }
}

/// What a panic said.
fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message")
}
