//! Answers to questions that are asked no more.

use crate::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const KINDS: [&str; 5] = ["fit_", "bands_", "family_", "curves_", "map_"];
const ENDS: [&str; 7] = [
    ".csv",
    "_verticals.csv",
    ".svg",
    ".pdf",
    ".png",
    "_matplotlib.py",
    "_pgfplots.tex",
];

/// Removes files named as answers are that are not among those `written`.
///
/// # Errors
/// `Io`.
pub(super) fn remove(root: &Path, written: &[PathBuf]) -> Result<(), Error> {
    for folder in [root.to_owned(), root.join("figures")] {
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            entries => entries.map_err(|e| Error::io(&folder, e))?,
        };
        for entry in entries {
            let entry = entry.map_err(|e| Error::io(&folder, e))?;
            let path = entry.path();
            if is_answer(&entry.file_name().to_string_lossy()) && !written.contains(&path) {
                fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
            }
        }
    }
    Ok(())
}

/// Whether a file is named `fit_1.csv`, `map_2_matplotlib.py`, …
fn is_answer(name: &str) -> bool {
    let number = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
    let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    let ended = |rest: &str| {
        ENDS.iter()
            .any(|end| rest.strip_suffix(end).is_some_and(digits))
    };
    number.is_some_and(ended)
}

#[cfg(test)]
mod tests {
    use super::is_answer;

    #[test]
    fn names_of_answers_are_known() {
        for name in [
            "fit_1.csv",
            "curves_12_verticals.csv",
            "map_3_matplotlib.py",
            "bands_2.svg",
        ] {
            assert!(is_answer(name), "{name}");
        }
        for name in [
            "fit_1.csv~",
            "fit_a.csv",
            "fit_.csv",
            "mine_1.csv",
            "fit_1_new.svg",
            "table.csv",
        ] {
            assert!(!is_answer(name), "{name}");
        }
    }
}
