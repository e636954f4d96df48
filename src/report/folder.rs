//! The output folder: written whole beside its final place, then renamed into it. An existing
//! folder is replaced only when it is one of ours and holds results of the same command; files in it that its
//! manifest does not list, or that are not as it says, belong to the user and are carried over.

mod predecessor;
mod staging;
mod theirs;

use super::figure::{self, Figure, Look};
use super::manifest::{self, Hashes, Manifest};
use super::{Finished, Outcome, Report};
use crate::digest::sha256;
use crate::error::Error;
use staging::{Files, Staging};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use theirs::{differs, spare_name};

/// A file that the scenario read, kept under `inputs/`.
#[derive(Debug, Clone)]
pub struct Input {
    /// Relative path below `inputs/`.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What an output folder holds besides the report.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The resolved scenario.
    pub scenario_toml: String,
    pub inputs: Vec<Input>,
    /// SHA-256 of all files that were read, by their paths in the scenario.
    pub input_hashes: Hashes,
    /// Further files, by their names in the folder.
    pub files: Vec<(String, Vec<u8>)>,
    pub seed: u64,
    /// Wall time of the whole command.
    pub wall: Duration,
    /// A command that makes many runs was interrupted.
    pub interrupted: bool,
}

impl Extras {
    /// Whether the command or its run was interrupted.
    pub fn is_interrupted(&self, report: &Report) -> bool {
        self.interrupted || report.outcome == Outcome::Interrupted
    }
}

/// Where results are now, and what became of what was there.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Not the one that was asked for, if an interrupted command would have replaced finished results.
    pub folder: PathBuf,
    pub files: Vec<PathBuf>,
    /// Files of the user's that were in the way of new ones, by the names they have now.
    pub renamed: Vec<PathBuf>,
    /// Another command whose results were there, and where they are now.
    pub set_aside: Option<(&'static str, PathBuf)>,
}

/// Which of the large files to write; report.json, events.jsonl and the manifest always are.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    pub trajectory: bool,
    pub weights: bool,
    pub figures: bool,
}

impl Keep {
    /// Everything.
    pub const ALL: Self = Self {
        trajectory: true,
        weights: true,
        figures: true,
    };
}

/// Writes the whole output folder. Results of the same command that are there are replaced, those of another one
/// moved to `folder-command`; what was interrupted goes to `folder-interrupted` where `folder` has finished results.
///
/// # Errors
/// `NotOurs` when `folder` holds anything that is not an output folder of this program, `Io` when
/// a file cannot be written. Either way what was there stays as it was.
pub fn write(
    report: &Report,
    folder: &Path,
    extras: &Extras,
    keep: Keep,
) -> Result<Written, Error> {
    let folder = match extras.is_interrupted(report) {
        true => predecessor::of_interrupted(folder)?,
        false => folder.to_owned(),
    };
    let mut staging = Staging::begin(&folder)?;
    staging.files.fill(report, extras, keep)?;
    staging.commit(&folder)
}

/// Writes a new output folder in `aside`, which is on the same file system, and renames it to
/// `folder`, where nothing may be. A sweep writes thousands: one `aside` after the other in one
/// private folder, which need not be made and removed each time.
///
/// # Errors
/// `Io`; nothing is left in `aside`.
pub fn write_new(
    report: &Report,
    folder: &Path,
    extras: &Extras,
    keep: Keep,
    aside: &Path,
) -> Result<(), Error> {
    let mut files = Files::new(folder, aside);
    let written = fs::create_dir_all(aside)
        .map_err(|e| Error::io(folder, e))
        .and_then(|()| files.fill(report, extras, keep))
        .and_then(|()| fs::rename(aside, folder).map_err(|e| Error::io(folder, e)));
    if written.is_err() {
        // The reason is what counts; what stays here is swept up later.
        let _ = fs::remove_dir_all(aside);
    }
    written
}

/// Whether `write` would find its place, asked before a long run rather than after it.
///
/// # Errors
/// As `write`.
pub fn writable(folder: &Path) -> Result<(), Error> {
    Staging::begin(folder).map(drop)
}

/// Draws the figures of a finished output folder again from the files in it, as `look` says, and keeps
/// the scenario that says so. `files` of what is returned are the figures.
///
/// # Errors
/// `NotOurs`, `Io`, or `Damaged` with file and line.
pub fn redraw(
    folder: &Path,
    finished: &Finished,
    look: &Look,
    scenario_toml: &str,
) -> Result<Written, Error> {
    let mut manifest = Manifest::read(folder)?;
    let figures = figure::all(&finished.drawing(), look)?;
    let mut files: Vec<_> = figures.into_iter().flat_map(Figure::files).collect();
    let drawn = files.len();
    forget_others(folder, &files, &mut manifest.outputs)?;
    files.push((
        "scenario.toml".to_owned(),
        scenario_toml.as_bytes().to_vec(),
    ));
    let renamed = rename_theirs(folder, &files, &manifest.outputs)?;
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(&name);
        write_file(&path, &bytes)?;
        manifest.outputs.insert(name, sha256(&bytes));
        paths.push(path);
    }
    replace_manifest(folder, &manifest)?;
    paths.truncate(drawn);
    Ok(Written {
        folder: folder.to_owned(),
        files: paths,
        renamed,
        set_aside: None,
    })
}

/// Gives other names to files that the user changed or added and that are in the way of `files`; returns where
/// they are.
fn rename_theirs(
    folder: &Path,
    files: &[(String, Vec<u8>)],
    listed: &Hashes,
) -> Result<Vec<PathBuf>, Error> {
    let mut renamed = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        let ours = listed.get(name).is_some_and(|hash| !differs(&path, hash));
        if !ours && differs(&path, &sha256(bytes)) {
            let to = folder.join(spare_name(folder, Path::new(name)));
            fs::rename(&path, &to).map_err(|e| Error::io(&path, e))?;
            renamed.push(to);
        }
    }
    Ok(renamed)
}

fn replace_manifest(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let mut text = Vec::new();
    let path = folder.join(manifest::NAME);
    manifest.write(&mut text).map_err(|e| Error::io(&path, e))?;
    write_file(&path, &text)
}

/// Writes the file `name` into a folder of ours and lists it in the manifest there, or makes a folder that
/// holds nothing else; of `extras` inputs and seed count. Returns the file's path.
///
/// # Errors
/// As [`write`](fn@write), `OtherProblem` in the folder of a run with another network, cost or weight decay, and
/// `Damaged` when the manifest is.
pub fn add_file(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    extras: &Extras,
) -> Result<PathBuf, Error> {
    let mut staging = Staging::begin(folder)?;
    if staging.replaced.is_some() {
        let mut manifest = Manifest::read(folder)?;
        same_problem(folder, extras)?;
        rename_theirs(
            folder,
            &[(name.to_owned(), bytes.to_vec())],
            &manifest.outputs,
        )?;
        write_file(&folder.join(name), bytes)?;
        manifest.outputs.insert(name.to_owned(), sha256(bytes));
        replace_manifest(folder, &manifest)?;
        return Ok(folder.join(name));
    }
    let files = &mut staging.files;
    files.add(name, |out| out.write_all(bytes))?;
    let manifest = Manifest::without_run(
        extras.seed,
        extras.input_hashes.clone(),
        files.hashes.clone(),
    );
    files.add(manifest::NAME, |out| manifest.write(out))?;
    staging.commit(folder)?;
    Ok(folder.join(name))
}

/// Whether `folder` holds a run, if any, of the same problem.
fn same_problem(folder: &Path, extras: &Extras) -> Result<(), Error> {
    let path = folder.join("scenario.toml");
    let Ok(there) = fs::read_to_string(&path) else {
        return Ok(());
    };
    match are_of_one_problem(&there, &extras.scenario_toml) {
        true => Ok(()),
        false => Err(Error::OtherProblem {
            path: folder.to_owned(),
        }),
    }
}

/// Whether two scenarios, written out, have the same critical points.
fn are_of_one_problem(one: &str, other: &str) -> bool {
    let table = |text: &str| text.parse::<toml::Table>().ok();
    let (one, other) = (table(one), table(other));
    let alike = |key: &str| {
        let of = |all: &Option<toml::Table>| all.as_ref().and_then(|t| t.get(key).cloned());
        of(&one) == of(&other)
    };
    ["seed", "network", "cost", "regularization"]
        .into_iter()
        .all(alike)
}

/// Removes what else was made of these figures before, such as a PDF that is no longer asked for.
fn forget_others(
    folder: &Path,
    files: &[(String, Vec<u8>)],
    outputs: &mut Hashes,
) -> Result<(), Error> {
    let stem = |name: &str| Path::new(name).with_extension("");
    let drawn: BTreeSet<PathBuf> = files.iter().map(|(name, _)| stem(name)).collect();
    let is_drawn = |name: &String| files.iter().any(|(kept, _)| kept == name);
    let unchanged = |name: &String| !differs(&folder.join(name), &outputs[name]);
    let old = |name: &&String| drawn.contains(&stem(name)) && !is_drawn(name) && unchanged(name);
    let old: Vec<String> = outputs.keys().filter(old).cloned().collect();
    for name in old {
        let path = folder.join(&name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&path, error));
            }
            _ => outputs.remove(&name),
        };
    }
    Ok(())
}

/// Writes one file whole or not at all; its folder is made when there is none.
///
/// # Errors
/// `Io`; a file that was there stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |e| Error::io(path, e);
    let scratch = scratch_beside(path).map_err(failed)?;
    let aside = scratch.path().join("file");
    fs::write(&aside, bytes).map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)
}

/// How the names of folders begin that hold what is being written.
pub(crate) const SCRATCH: &str = ".dlnflow-";

/// A private folder next to `path`, on the same file system; gone when dropped.
pub(crate) fn scratch_beside(path: &Path) -> io::Result<TempDir> {
    let parent = parent(path);
    fs::create_dir_all(parent)?;
    let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(parent);
    scratch.map_err(unplaced)
}

/// The reason without the name of the scratch file, which nobody asked for and `tempfile` appends.
fn unplaced(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((reason, _)) => io::Error::new(error.kind(), reason),
        None => error,
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
