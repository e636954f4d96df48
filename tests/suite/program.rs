//! The program run in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with `scenario.toml`, where the program runs.
pub struct Place(pub TempDir);

impl Place {
    pub fn new(scenario: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("temporary folder"));
        fs::write(place.path("scenario.toml"), scenario).expect("scenario");
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::new(&self.command(arguments).output().expect("program"))
    }
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Ended with `code`, with every one of `said` on stderr.
    pub fn expect(self, code: i32, said: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in said {
            assert!(self.stderr.contains(part), "{part:?} in {self:#?}");
        }
        self
    }
}
