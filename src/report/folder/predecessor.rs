//! What stands where results are to go: finished results of one command give way to finished results of the
//! same command only.

use crate::error::Error;
use crate::report::manifest::{self, Hashes, Manifest};
use std::path::{Path, PathBuf};

/// A command and the file that tells its results from those of `run`.
const COMMANDS: [(&str, &str); 3] = [
    ("saddles", "saddles.json"),
    ("regimes", "regimes.json"),
    ("landscape", "landscape.json"),
];

/// The command whose results these files are.
pub(super) fn command(files: &Hashes) -> &'static str {
    let found = COMMANDS.iter().find(|(_, file)| files.contains_key(*file));
    found.map_or("run", |(command, _)| command)
}

/// Where the results of a command that was interrupted go: beside finished ones.
pub(super) fn of_interrupted(folder: &Path) -> Result<PathBuf, Error> {
    let finished = Manifest::read(folder).is_ok_and(|there| !there.is_interrupted());
    match finished {
        true => beside(folder, "interrupted"),
        false => Ok(folder.to_owned()),
    }
}

/// The first of `folder-word`, `folder-word-2`, … that is free or ours. Beside what a link leads to: what is there
/// may be on another disk.
pub(super) fn beside(folder: &Path, word: &str) -> Result<PathBuf, Error> {
    let unnamed = folder.file_name().is_none() || folder.is_symlink();
    let folder = match unnamed {
        true => folder.canonicalize().map_err(|e| Error::io(folder, e))?,
        false => folder.to_owned(),
    };
    let name = folder.file_name().unwrap_or_default();
    let mut number = 1;
    loop {
        let mut name = name.to_owned();
        name.push(format!("-{word}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let place = folder.with_file_name(name);
        if !place.exists() || manifest::outputs_of(&place)?.is_some() {
            return Ok(place);
        }
        number += 1;
    }
}
