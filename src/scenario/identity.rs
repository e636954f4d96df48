//! What makes two runs the same run.

use super::load::Scenario;
use crate::digest::sha256;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Hexadecimal digits of an identity: 128 bits, so that no two of any number of runs meet.
const DIGITS: usize = 32;

/// Hashes of the files that scenarios name, each read once.
#[derive(Debug, Default)]
pub struct FileHashes {
    known: Mutex<BTreeMap<PathBuf, String>>,
}

impl FileHashes {
    /// The hash of a file, of the weights in an output folder, or what stands for none.
    fn of(&self, path: &Path) -> String {
        let mut known = match self.known.lock() {
            Ok(known) => known,
            // Another thread panicked between two insertions: the map is whole.
            Err(poisoned) => poisoned.into_inner(),
        };
        let hash = || {
            let file = match path.is_dir() {
                true => path.join("weights.npz"),
                false => path.to_path_buf(),
            };
            std::fs::read(file).map_or_else(|_| "unreadable".to_string(), |b| sha256(&b))
        };
        known.entry(path.to_path_buf()).or_insert_with(hash).clone()
    }
}

impl Scenario {
    /// A hash of everything that a run depends on: all keys with their defaults and the contents of
    /// the files they name. Title, reference and figures are left out, as is where the files lie.
    pub fn identity(&self, files: &FileHashes) -> String {
        let mut spec = self.spec.clone();
        (spec.title, spec.reference, spec.figure) = (None, None, None);
        spec.for_each_path(&mut |path| *path = files.of(&self.folder.join(&*path)));
        // Every type of the schema is a table of plain values, which TOML can always write.
        let mut hash = sha256(toml::to_string(&spec).unwrap_or_default().as_bytes());
        hash.truncate(DIGITS);
        hash
    }
}
