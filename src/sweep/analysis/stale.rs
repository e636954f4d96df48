//! Answers to questions that are asked no more.

use crate::digest::sha256_of_file;
use crate::error::Error;
use crate::report::manifest::Hashes;
use crate::report::write_file;
use std::fs;
use std::path::Path;

/// Which answers there are: SHA-256 by name.
const NAME: &str = "collected.json";

/// Records the answers of this time and removes those of the last that were not given again, unless they were
/// changed since.
///
/// # Errors
/// `Io`.
pub(super) fn remove(root: &Path, answers: &Hashes) -> Result<(), Error> {
    let record = root.join(NAME);
    let before = fs::read(&record).ok();
    let before = before.and_then(|text| serde_json::from_slice::<Hashes>(&text).ok());
    for (name, hash) in before.unwrap_or_default() {
        let path = root.join(&name);
        let unchanged = || sha256_of_file(&path).is_ok_and(|found| found == hash);
        if is_answer(&name) && !answers.contains_key(&name) && path.is_file() && unchanged() {
            fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
        }
    }
    let text = serde_json::to_vec_pretty(answers).map_err(|e| Error::io(&record, e))?;
    write_file(&record, &text)
}

/// Whether a name of the record is one that answers have.
fn is_answer(name: &str) -> bool {
    const KINDS: [&str; 5] = ["fit_", "bands_", "family_", "curves_", "map_"];
    let name = name.strip_prefix("figures/").unwrap_or(name);
    !name.contains(['/', '\\']) && KINDS.iter().any(|kind| name.starts_with(kind))
}
