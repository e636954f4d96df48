//! The output folder: written whole beside its final place, then renamed into it. An existing
//! folder is replaced only when it is one of ours; files in it that its manifest does not list
//! belong to the user and are carried over.

use super::figure::{self, Figure, Look};
use super::manifest::{self, Hashes, Manifest};
use super::{Finished, Report, csv, events, json, npz};
use crate::error::Error;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

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

/// Writes the whole output folder and returns the paths of its files.
///
/// # Errors
/// `NotOurs` when `folder` holds anything that is not an output folder of this program, `Io` when
/// a file cannot be written. Either way what was there stays as it was.
pub fn write(
    report: &Report,
    folder: &Path,
    extras: &Extras,
    keep: Keep,
) -> Result<Vec<PathBuf>, Error> {
    let mut staging = Staging::begin(folder)?;
    staging.files.fill(report, extras, keep)?;
    staging.commit(folder)
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
/// the scenario that says so; returns their paths.
///
/// # Errors
/// `NotOurs`, `Io`, or `Damaged` with file and line.
pub fn redraw(
    folder: &Path,
    finished: &Finished,
    look: &Look,
    scenario_toml: &str,
) -> Result<Vec<PathBuf>, Error> {
    let mut manifest = Manifest::read(folder)?;
    let figures = figure::all(&finished.drawing(), look)?;
    let mut files: Vec<_> = figures.into_iter().flat_map(Figure::files).collect();
    let drawn = files.len();
    forget_others(folder, &files, &mut manifest.outputs)?;
    files.push((
        "scenario.toml".to_owned(),
        scenario_toml.as_bytes().to_vec(),
    ));
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(&name);
        write_file(&path, &bytes)?;
        manifest.outputs.insert(name, manifest::hash(&bytes));
        paths.push(path);
    }
    replace_manifest(folder, &manifest)?;
    paths.truncate(drawn);
    Ok(paths)
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
/// As [`write`](fn@write), and `Damaged` when the manifest is.
pub fn add_file(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    extras: &Extras,
) -> Result<PathBuf, Error> {
    let mut staging = Staging::begin(folder)?;
    if staging.replaced.is_some() {
        let mut manifest = Manifest::read(folder)?;
        write_file(&folder.join(name), bytes)?;
        manifest
            .outputs
            .insert(name.to_owned(), manifest::hash(bytes));
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

/// Removes what else was made of these figures before, such as a PDF that is no longer asked for.
fn forget_others(
    folder: &Path,
    files: &[(String, Vec<u8>)],
    outputs: &mut Hashes,
) -> Result<(), Error> {
    let stem = |name: &str| Path::new(name).with_extension("");
    let drawn: BTreeSet<PathBuf> = files.iter().map(|(name, _)| stem(name)).collect();
    let is_drawn = |name: &String| files.iter().any(|(kept, _)| kept == name);
    let old = |name: &&String| drawn.contains(&stem(name)) && !is_drawn(name);
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
    tempfile::Builder::new().prefix(SCRATCH).tempdir_in(parent)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A folder being written. Files go to `scratch/new`, made with the user's default permissions.
struct Staging {
    /// The final place, links resolved.
    target: PathBuf,
    /// What an existing folder's manifest lists.
    replaced: Option<Hashes>,
    scratch: TempDir,
    files: Files,
}

/// Files written so far.
struct Files {
    /// Where they will be, for messages.
    target: PathBuf,
    /// Where they are.
    aside: PathBuf,
    names: Vec<String>,
    hashes: Hashes,
}

impl Files {
    fn new(target: &Path, aside: &Path) -> Self {
        Self {
            target: target.to_owned(),
            aside: aside.to_owned(),
            names: Vec::new(),
            hashes: Hashes::new(),
        }
    }

    fn fill(&mut self, report: &Report, extras: &Extras, keep: Keep) -> Result<(), Error> {
        self.add("scenario.toml", |out| {
            out.write_all(extras.scenario_toml.as_bytes())
        })?;
        for input in &extras.inputs {
            self.add(&format!("inputs/{}", input.name), |out| {
                out.write_all(&input.bytes)
            })?;
        }
        if keep.trajectory {
            self.add("trajectory.csv", |out| csv::write(&report.trajectory, out))?;
        }
        self.add("events.jsonl", |out| events::write(&report.events, out))?;
        self.add("report.json", |out| json::write(report, out))?;
        if keep.weights && !report.final_weights.is_empty() {
            self.add("weights.npz", |out| npz::write(report, out))?;
        }
        if keep.figures {
            let figures = figure::all(&report.into(), &report.look)?;
            for (name, bytes) in figures.into_iter().flat_map(Figure::files) {
                self.add(&name, |out| out.write_all(&bytes))?;
            }
        }
        for (name, bytes) in &extras.files {
            self.add(name, |out| out.write_all(bytes))?;
        }
        let manifest = Manifest::new(report, extras, self.hashes.clone());
        self.add(manifest::NAME, |out| manifest.write(out))
    }

    fn staged(&self, name: &str) -> PathBuf {
        self.aside.join(name)
    }

    fn add(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let hash = self.try_add(name, content);
        let hash = hash.map_err(|e| Error::io(&self.target.join(name), e))?;
        self.names.push(name.to_owned());
        self.hashes.insert(name.to_owned(), hash);
        Ok(())
    }

    fn try_add(
        &self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<String> {
        if !name.split('/').all(is_plain) {
            return Err(io::Error::other("the name leaves the output folder"));
        }
        let path = self.staged(name);
        if let Some(parent) = path.parent().filter(|_| name.contains('/')) {
            fs::create_dir_all(parent)?;
        }
        let mut out = BufWriter::new(File::create(&path)?);
        content(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        manifest::hash_file(&path)
    }
}

impl Staging {
    fn begin(folder: &Path) -> Result<Self, Error> {
        let failed = |e| Error::io(folder, e);
        let target = resolved(folder).map_err(failed)?;
        let _alone = alone_beside(&target);
        let replaced = outputs_to_replace(&target, folder)?;
        if let Some(listed) = &replaced {
            for file in theirs(&target, listed)? {
                let path = target.join(file);
                can_be_kept(&path).map_err(|e| Error::io(&path, e))?;
            }
        }
        if target.exists() {
            // A folder that cannot be written to cannot be replaced either.
            let mut probe = tempfile::Builder::new();
            let probe = probe.prefix(SCRATCH).tempfile_in(&target);
            probe.map_err(failed)?;
        }
        let scratch = scratch_beside(&target).map_err(failed)?;
        let aside = scratch.path().join("new");
        fs::create_dir(&aside).map_err(failed)?;
        Ok(Self {
            files: Files::new(&target, &aside),
            target,
            replaced,
            scratch,
        })
    }

    fn commit(mut self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let names = self.files.names.iter();
        let paths = names.map(|name| folder.join(name)).collect();
        match self.take_place(folder) {
            Ok(()) => Ok(paths),
            Err(error) => {
                let staged = self.scratch.keep().join("new");
                let reason = match error {
                    Error::Io { reason, .. } => reason,
                    other => other.to_string(),
                };
                let place = staged.display();
                let reason = format!("{reason}; the results are in {place}");
                Err(Error::io(folder, reason))
            }
        }
    }

    fn take_place(&mut self, folder: &Path) -> Result<(), Error> {
        let _alone = alone_beside(&self.target);
        // Another process may have written its results there meanwhile.
        self.replaced = outputs_to_replace(&self.target, folder)?;
        self.carry_over()?;
        self.swap().map_err(|e| Error::io(folder, e))
    }

    /// Copies what the user put into the old folder; only a copy, so that a failure harms nothing.
    fn carry_over(&self) -> Result<(), Error> {
        let Some(listed) = &self.replaced else {
            return Ok(());
        };
        for file in theirs(&self.target, listed)? {
            let (source, staged) = (self.target.join(&file), self.files.aside.join(&file));
            if fs::symlink_metadata(&staged).is_ok() {
                continue;
            }
            let parent = staged.parent().unwrap_or(&staged);
            let copied = can_be_kept(&source)
                .and_then(|()| fs::create_dir_all(parent))
                .and_then(|()| copy(&source, &staged));
            copied.map_err(|e| Error::io(&source, e))?;
        }
        Ok(())
    }

    /// Puts the new folder in the place of the old one, and of those that others put there between: where
    /// nothing keeps them apart the last one stays.
    fn swap(&self) -> io::Result<()> {
        let new = self.scratch.path().join("new");
        for attempt in 0..MOST_TRIES {
            let old = self.scratch.path().join(format!("old{attempt}"));
            let moved = match fs::rename(&self.target, &old) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => false,
                moved => moved.map(|()| true)?,
            };
            let error = match fs::rename(&new, &self.target) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if is_taken(&error) {
                continue;
            }
            if moved && fs::rename(&old, &self.target).is_err() {
                let place = old.display();
                let reason = format!("{error}; the folder that was there is now {place}");
                return Err(io::Error::other(reason));
            }
            return Err(error);
        }
        Err(io::Error::other("other processes write it all the time"))
    }
}

/// Attempts to take a place that another process takes at the same time.
const MOST_TRIES: u32 = 100;

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// The place that `folder` names, links resolved; nothing need be there.
fn resolved(folder: &Path) -> io::Result<PathBuf> {
    let resolve = || match fs::symlink_metadata(folder) {
        Ok(_) => fs::canonicalize(folder),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(folder.to_owned()),
        Err(e) => Err(e),
    };
    // Another process may be replacing what is there: for a moment there is nothing.
    for _ in 0..MOST_TRIES {
        match resolve() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                std::thread::sleep(Duration::from_millis(1));
            }
            found => return found,
        }
    }
    resolve()
}

/// While this is held no other process that asks for it replaces a folder beside `target`; `None` where
/// folders cannot be locked.
fn alone_beside(target: &Path) -> Option<File> {
    let beside = File::open(parent(target)).ok()?;
    beside.lock().ok()?;
    Some(beside)
}

/// Whether a part of a path is a name, not `..`, a root or nothing.
fn is_plain(part: &str) -> bool {
    let mut components = Path::new(part).components();
    matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none()
}

/// What the manifest of the folder at `target` lists; `None` when there is nothing to replace.
fn outputs_to_replace(target: &Path, folder: &Path) -> Result<Option<Hashes>, Error> {
    if !target.exists() {
        return Ok(None);
    }
    let foreign = || Error::NotOurs {
        path: folder.to_owned(),
    };
    if !target.is_dir() {
        return Err(foreign());
    }
    let mut entries = fs::read_dir(target).map_err(|e| Error::io(folder, e))?;
    match manifest::outputs(target) {
        None if entries.next().is_none() => Ok(None),
        None => Err(foreign()),
        listed => Ok(listed),
    }
}

/// What the user put into the folder of ours at `target`, which lists `listed`; paths relative to it.
fn theirs(target: &Path, listed: &Hashes) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    collect_files(target, Path::new(""), &mut files)?;
    files.retain(|file| {
        let name = file.to_string_lossy().replace('\\', "/");
        name != manifest::NAME && !listed.contains_key(&name)
    });
    Ok(files)
}

/// Everything below a folder but folders; links are not followed.
fn collect_files(root: &Path, below: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let folder = root.join(below);
    let failed = |e| Error::io(&folder, e);
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        match entry.file_type().map_err(failed)?.is_dir() {
            true => collect_files(root, &path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// Whether a copy of what stands at `path` can be made.
fn can_be_kept(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        return Ok(());
    }
    // A pipe might never end.
    if !kind.is_file() {
        return Err(io::Error::other(
            "neither a file nor a link, so that it cannot be kept when the output folder is replaced; \
             move it away",
        ));
    }
    File::open(path).map(drop)
}

/// A copy of a file, or a link to where `source` leads.
fn copy(source: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(source)?.is_symlink() {
        true => link(source, to),
        false => fs::copy(source, to).map(drop),
    }
}

#[cfg(unix)]
fn link(source: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(source)?, to)
}

#[cfg(windows)]
fn link(source: &Path, to: &Path) -> io::Result<()> {
    let leads_to = fs::read_link(source)?;
    match source.is_dir() {
        true => std::os::windows::fs::symlink_dir(leads_to, to),
        false => std::os::windows::fs::symlink_file(leads_to, to),
    }
}
