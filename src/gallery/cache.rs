//! What is known of a step that was run: from which program and inputs, how it ended, and the hashes
//! of the files that are read from its folder.

use super::catalogue::Step;
use crate::digest::{sha256, sha256_of_file};
use crate::error::Error;
use crate::report::write_file;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The stamp of a step, beside its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Hash of program, arguments and inputs.
    pub key: String,
    /// Exit code; `None` while the step runs, or when it was cut off.
    pub exit: Option<i32>,
    /// Hashes of the files that are read.
    pub files: BTreeMap<String, String>,
}

impl Stamp {
    /// Of a step that begins.
    pub fn begun(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            exit: None,
            files: BTreeMap::new(),
        }
    }

    /// Of a step that ended; files that are not there are left out.
    pub fn ended(key: &str, exit: i32, folder: &Path, files: &BTreeSet<&str>) -> Self {
        let hashed =
            |name: &&str| Some(((*name).to_owned(), sha256_of_file(&folder.join(name)).ok()?));
        Self {
            key: key.to_owned(),
            exit: Some(exit),
            files: files.iter().filter_map(hashed).collect(),
        }
    }

    /// The file of the stamp for the step in `folder`.
    pub fn place(folder: &Path) -> PathBuf {
        folder.with_extension("json")
    }

    /// The stamp of the step in `folder`; `None` when there is none that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(Self::place(folder)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the stamp of the step in `folder`.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let place = Self::place(folder);
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::io(&place, e))?;
        write_file(&place, &text)
    }

    /// Whether the step is done with this key and all `files` are as they were left, or not there as then.
    pub fn holds(&self, key: &str, folder: &Path, files: &BTreeSet<&str>) -> bool {
        let same = |name: &&str| {
            let now = sha256_of_file(&folder.join(name)).ok();
            now.as_ref() == self.files.get(*name)
        };
        self.exit.is_some() && self.key == key && files.iter().all(same)
    }
}

/// What a step depends on: the program, the arguments, and all files beside those that it names.
///
/// # Errors
/// `Io` when one of them cannot be read.
pub fn key(program: &str, step: &Step, scenarios: &Path) -> Result<String, Error> {
    let mut text = format!("{program}\n");
    for argument in &step.run {
        text.push_str(&format!("{argument:?}\n"));
        if Step::is_file(argument) {
            let file = scenarios.join(argument);
            let beside = file.parent().unwrap_or(scenarios);
            for (name, hash) in hashes(beside)? {
                text.push_str(&format!("{name:?} {hash}\n"));
            }
        }
    }
    Ok(sha256(text.as_bytes()))
}

/// Hashes of the files of a folder, by name.
fn hashes(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let failed = |e| Error::io(folder, e);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            found.insert(
                name,
                sha256_of_file(&path).map_err(|e| Error::io(&path, e))?,
            );
        }
    }
    Ok(found)
}
