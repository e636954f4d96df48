//! What stands where results are to go: finished results of one command give way to finished results of the
//! same command only, all others get a place beside.

use super::theirs::first_free;
use crate::error::Error;
use crate::report::landscape::LANDSCAPE;
use crate::report::manifest::{self, Hashes, Manifest};
use std::path::{Path, PathBuf};

/// A study and the file that tells its results from those of `run`.
const STUDIES: [(&str, &str); 2] = [("saddles", "saddles.json"), ("regimes", "regimes.json")];

/// The command whose results these files are.
pub(super) fn command(files: &Hashes) -> &'static str {
    let study = STUDIES.iter().find(|(_, file)| files.contains_key(*file));
    match study {
        Some((command, _)) => command,
        None if files.contains_key(LANDSCAPE) && !files.contains_key("report.json") => "landscape",
        None => "run",
    }
}

/// Where the results of a command that was interrupted go: beside finished ones.
pub(super) fn of_interrupted(folder: &Path) -> Result<PathBuf, Error> {
    let ours = manifest::outputs(folder).is_some();
    let interrupted = Manifest::read(folder).is_ok_and(|there| there.is_interrupted());
    match ours && !interrupted {
        true => beside(folder, "interrupted"),
        false => Ok(folder.to_owned()),
    }
}

/// The first of `folder-word`, `folder-word-2`, … that is free. Beside what a link leads to: what is there may be
/// on another disk.
pub(super) fn beside(folder: &Path, word: &str) -> Result<PathBuf, Error> {
    // Without a slash at the end, which a link would be followed for.
    let folder: PathBuf = folder.components().collect();
    let unnamed = folder.file_name().is_none() || folder.is_symlink();
    let folder = match unnamed {
        true => folder.canonicalize().map_err(|e| Error::io(&folder, e))?,
        false => folder,
    };
    let name = folder.file_name().unwrap_or_default();
    let place = |number: usize| {
        let mut name = name.to_owned();
        name.push(format!("-{word}"));
        if number > 1 {
            name.push(format!("-{number}"));
        }
        folder.with_file_name(name)
    };
    Ok(first_free(Path::new(""), place))
}
