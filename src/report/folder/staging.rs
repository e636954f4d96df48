//! A folder being written beside its final place, and its way there.

use super::predecessor::{beside, command};
use super::theirs::{added, can_be_kept, changed, copy, differs, is_plain, name, odd, spare_name};
use super::{
    Extras, Keep, SCRATCH, Written, are_of_one_problem, parent, replace_manifest, scratch_beside,
    unplaced,
};
use crate::digest::sha256_of_file;
use crate::error::Error;
use crate::report::figure::{self, Figure};
use crate::report::landscape::LANDSCAPE;
use crate::report::manifest::{self, Hashes, Manifest};
use crate::report::{Report, csv, events, json, npz};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A folder being written. Files go to `scratch/new`, made with the user's default permissions.
pub(super) struct Staging {
    /// The final place, links resolved.
    target: PathBuf,
    /// What an existing folder's manifest lists.
    pub replaced: Option<Hashes>,
    scratch: TempDir,
    pub files: Files,
}

/// Files written so far.
pub(super) struct Files {
    /// Where they will be, for messages.
    target: PathBuf,
    /// Where they are.
    aside: PathBuf,
    names: Vec<String>,
    pub hashes: Hashes,
}

impl Files {
    pub fn new(target: &Path, aside: &Path) -> Self {
        Self {
            target: target.to_owned(),
            aside: aside.to_owned(),
            names: Vec::new(),
            hashes: Hashes::new(),
        }
    }

    pub fn fill(&mut self, report: &Report, extras: &Extras, keep: Keep) -> Result<(), Error> {
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

    pub fn add(
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
        if !is_plain(name) {
            return Err(io::Error::other("the name leaves the output folder"));
        }
        let path = self.staged(name);
        if let Some(parent) = path.parent().filter(|_| name.contains('/')) {
            fs::create_dir_all(parent)?;
        }
        let mut out = BufWriter::new(File::create(&path)?);
        content(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        sha256_of_file(&path)
    }
}

impl Staging {
    pub fn begin(folder: &Path) -> Result<Self, Error> {
        let failed = |e| Error::io(folder, e);
        let target = resolved(folder).map_err(failed)?;
        let _alone = alone_beside(&target);
        let replaced = outputs_to_replace(&target, folder)?;
        if let Some(listed) = &replaced {
            for file in added(&target, listed)?
                .into_iter()
                .chain(odd(&target, listed))
            {
                let path = target.join(file);
                can_be_kept(&path).map_err(|e| Error::io(&path, e))?;
            }
        }
        if target.exists() {
            // A folder that cannot be written to cannot be replaced either.
            let mut probe = tempfile::Builder::new();
            let probe = probe.prefix(SCRATCH).tempfile_in(&target);
            probe.map_err(|e| failed(unplaced(e)))?;
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

    pub fn commit(mut self, folder: &Path) -> Result<Written, Error> {
        match self.take_place(folder) {
            Ok(written) => Ok(written),
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

    fn take_place(&mut self, folder: &Path) -> Result<Written, Error> {
        let _alone = alone_beside(&self.target);
        // Another process may have written its results there meanwhile.
        self.replaced = outputs_to_replace(&self.target, folder)?;
        let renamed = self.carry_over()?;
        let set_aside = self.set_aside(folder)?;
        if let Err(error) = self.swap() {
            if let Some((_, place)) = &set_aside {
                // The reason is what counts; at worst the old results stay aside.
                let _ = fs::rename(place, &self.target);
            }
            return Err(Error::io(folder, error));
        }
        let names = self.files.names.iter();
        Ok(Written {
            folder: folder.to_owned(),
            files: names.map(|name| folder.join(name)).collect(),
            renamed: renamed.iter().map(|file| folder.join(file)).collect(),
            set_aside,
        })
    }

    /// Moves the results of another command away.
    fn set_aside(&self, folder: &Path) -> Result<Option<(&'static str, PathBuf)>, Error> {
        let old = match self.replaced.as_ref().map(command) {
            Some(old) if old != command(&self.files.hashes) => old,
            _ => return Ok(None),
        };
        let place = beside(folder, old)?;
        fs::rename(&self.target, &place).map_err(|e| Error::io(&place, e))?;
        Ok(Some((old, place)))
    }

    /// Copies what the user put into the old folder; only a copy, so that a failure harms nothing. What is in the
    /// way of a new file gets another name; returned are these.
    fn carry_over(&self) -> Result<Vec<PathBuf>, Error> {
        let mut renamed = Vec::new();
        let listed = match &self.replaced {
            Some(listed) if command(listed) == command(&self.files.hashes) => listed,
            _ => return Ok(renamed),
        };
        let landscape = self.keep_landscape(listed)?;
        let is_kept = |file: &PathBuf| landscape.is_some() && file == Path::new(LANDSCAPE);
        renamed.extend(landscape.clone().filter(|to| to != Path::new(LANDSCAPE)));
        let theirs = added(&self.target, listed)?.into_iter();
        let theirs = theirs.chain(changed(&self.target, listed));
        for file in theirs.filter(|file| !is_kept(file)) {
            let source = self.target.join(&file);
            let mut to = file;
            if fs::symlink_metadata(self.files.aside.join(&to)).is_ok() {
                if !self.is_news(&source, &to) {
                    continue;
                }
                to = spare_name(&self.files.aside, &to);
                renamed.push(to.clone());
            }
            let staged = self.files.aside.join(&to);
            let parent = staged.parent().unwrap_or(&staged);
            let copied = can_be_kept(&source)
                .and_then(|()| fs::create_dir_all(parent))
                .and_then(|()| copy(&source, &staged));
            copied.map_err(|e| Error::io(&source, e))?;
        }
        Ok(renamed)
    }

    /// Takes the critical points along that were added to the run, under their name if its problem is still the
    /// same. A scenario that cannot be read is of another one.
    fn keep_landscape(&self, listed: &Hashes) -> Result<Option<PathBuf>, Error> {
        let source = self.target.join(LANDSCAPE);
        let is_there = listed.contains_key(LANDSCAPE) && fs::symlink_metadata(&source).is_ok();
        if !is_there || self.files.hashes.contains_key(LANDSCAPE) {
            return Ok(None);
        }
        let scenario = |folder: &Path| fs::read_to_string(folder.join("scenario.toml"));
        let same = match (scenario(&self.target), scenario(&self.files.aside)) {
            (Ok(old), Ok(new)) => are_of_one_problem(&old, &new),
            _ => false,
        };
        let to = match same {
            true => PathBuf::from(LANDSCAPE),
            false => spare_name(&self.target, Path::new(LANDSCAPE)),
        };
        let staged = self.files.aside.join(&to);
        copy(&source, &staged).map_err(|e| Error::io(&source, e))?;
        if same {
            let mut manifest = Manifest::read(&self.files.aside)?;
            let hash = sha256_of_file(&staged).map_err(|e| Error::io(&source, e))?;
            manifest.outputs.insert(LANDSCAPE.to_owned(), hash);
            replace_manifest(&self.files.aside, &manifest)?;
        }
        Ok(Some(to))
    }

    /// Whether a file of the user's has other contents than the new one of its name.
    fn is_news(&self, source: &Path, file: &Path) -> bool {
        let hash = self.files.hashes.get(&name(file));
        hash.is_none_or(|hash| differs(source, hash))
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
    match manifest::outputs_of(target)? {
        None if entries.next().is_none() => Ok(None),
        None => Err(foreign()),
        listed => Ok(listed),
    }
}
