//! Errors of problems, runs and files. Other refusals have types of their own, beside what refuses.

use std::path::PathBuf;

/// Why there is no result, or why an integration could not go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Options that no method can work with.
    #[error("options: {0}")]
    Options(&'static str),
    /// Parts of a problem that do not belong together.
    #[error("a problem needs {0}")]
    Problem(&'static str),
    /// The step size fell below what `f64` times can resolve.
    #[error("step size {step:.3e} at t = {time:.9e} is below the resolution of the time variable")]
    StepTooSmall { time: f64, step: f64 },
    /// A weight or derivative became NaN or infinite, or with gradient descent its square.
    #[error("the solution stopped being finite at t = {time:.9e}")]
    NotFinite { time: f64 },
    /// The step limit was reached.
    #[error("{steps} steps were not enough: reached t = {time:.9e}")]
    TooManySteps { steps: usize, time: f64 },
    /// Modes wait for longer than steps last, and cannot be told from those that have escaped.
    #[error(
        "not resolved: at t = {time:.9e} some modes wait while others are neither escaped nor at rest \
         (σ_1 = {largest:.1e}), and the horizon lies more than max_steps = {max_steps} steps away; events from \
         here on are missing"
    )]
    NotResolved {
        time: f64,
        largest: f64,
        max_steps: usize,
    },
    /// An implicit method could not solve its nonlinear or linear system.
    #[error("{method} gave up at t = {time:.9e}: {reason}")]
    SolverFailed {
        method: &'static str,
        time: f64,
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {reason}", path = path.display())]
    Io { path: PathBuf, reason: String },
    /// A file of an output folder does not hold what it should.
    #[error("{path}:{line}: {reason}", path = path.display())]
    Damaged {
        path: PathBuf,
        line: u64,
        reason: String,
    },
    /// A folder to be written that this program did not write.
    #[error(
        "{path} is not an output folder of dlnflow (no manifest.json that says \"program\": \"dlnflow\"); \
         it is left as it is: choose another folder or move it away",
        path = path.display()
    )]
    NotOurs { path: PathBuf },
    /// A folder to be added to that holds the run of another problem.
    #[error("{path} holds a run of another problem: choose another folder", path = path.display())]
    OtherProblem { path: PathBuf },
    /// A folder to be read that holds no run.
    #[error(
        "{path} is not an output folder of dlnflow (no manifest.json that says \"program\": \"dlnflow\")",
        path = path.display()
    )]
    NotARun { path: PathBuf },
    /// A folder to be written that holds other things than a sweep.
    #[error(
        "{path} is not the folder of a sweep (no plan.jsonl) and holds other things; it is left as it is: \
         choose another folder or move it away",
        path = path.display()
    )]
    NotOurSweep { path: PathBuf },
    /// A folder to be read that holds no sweep.
    #[error("{path} is not the folder of a sweep (no plan.jsonl)", path = path.display())]
    NotASweep { path: PathBuf },
}

impl Error {
    /// A failed file operation on `path`, whatever scratch file it failed on.
    pub fn io(path: &std::path::Path, error: impl std::fmt::Display) -> Self {
        Self::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// A count in a message: `1 file`, `2 files`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

/// A number in a message: as short as it can be read back from, in powers of ten when it is very large or small.
pub fn plainly(x: f64) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{counted, plainly};

    #[test]
    fn one_is_singular() {
        let counts = [0, 1, 2].map(|n| counted(n, "entry", "entries"));
        assert_eq!(counts, ["0 entries", "1 entry", "2 entries"]);
    }

    #[test]
    fn long_numbers_are_written_in_powers_of_ten() {
        let cases = [
            (200.0, "200"),
            (-0.05, "-0.05"),
            (1e15, "1000000000000000"),
            (1e200, "1e200"),
            (2.5e-7, "2.5e-7"),
        ];
        for (x, text) in cases {
            assert_eq!(plainly(x), text);
        }
    }
}
