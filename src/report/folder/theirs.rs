//! What the user put into an output folder, which is kept when the folder is replaced.

use crate::error::Error;
use crate::report::manifest::{self, Hashes};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What the user put into the folder of ours at `target`, which lists `listed`; paths relative to it.
pub(super) fn theirs(target: &Path, listed: &Hashes) -> Result<Vec<PathBuf>, Error> {
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
pub(super) fn can_be_kept(path: &Path) -> io::Result<()> {
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
pub(super) fn copy(source: &Path, to: &Path) -> io::Result<()> {
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
