//! What the user put into an output folder, which is kept when the folder is replaced.

use crate::digest::sha256_of_file;
use crate::error::Error;
use crate::report::manifest::{self, Hashes};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// What the user put into the folder of ours at `target`, which lists `listed`; paths relative to it.
pub(super) fn added(target: &Path, listed: &Hashes) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    collect_files(target, Path::new(""), &mut files)?;
    files.retain(|file| {
        let name = name(file);
        name != manifest::NAME && !listed.contains_key(&name)
    });
    files.sort();
    Ok(files)
}

/// The files of ours that the user changed; paths relative to `target`.
pub(super) fn changed(target: &Path, listed: &Hashes) -> impl Iterator<Item = PathBuf> {
    let inside = listed.iter().filter(|(name, _)| is_plain(name));
    let changed = inside.filter(|(name, hash)| differs(&target.join(name), hash));
    changed.map(|(name, _)| PathBuf::from(name))
}

/// What stands under the name of a file of ours and is neither a file nor a link.
pub(super) fn odd(target: &Path, listed: &Hashes) -> impl Iterator<Item = PathBuf> {
    let inside = listed.keys().filter(|name| is_plain(name));
    let odd = inside.filter(|name| {
        let kind = fs::symlink_metadata(target.join(name)).map(|found| found.file_type());
        kind.is_ok_and(|kind| !kind.is_file() && !kind.is_symlink())
    });
    odd.map(PathBuf::from)
}

/// Whether a name stays within its folder: no `..`, root or empty part.
pub(super) fn is_plain(name: &str) -> bool {
    name.split('/').all(|part| {
        let mut components = Path::new(part).components();
        matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none()
    })
}

/// A path in the form of the manifest.
pub(super) fn name(file: &Path) -> String {
    file.to_string_lossy().replace('\\', "/")
}

/// Whether a file can be read and is not the one with this hash, or a link stands there.
pub(super) fn differs(path: &Path, hash: &str) -> bool {
    let kind = fs::symlink_metadata(path).map(|found| found.file_type());
    // A pipe might never end.
    kind.is_ok_and(|kind| {
        kind.is_symlink() || (kind.is_file() && sha256_of_file(path).is_ok_and(|h| h != hash))
    })
}

/// The first of `file~`, `file~2`, … of which there is none in `folder`.
pub(super) fn spare_name(folder: &Path, file: &Path) -> PathBuf {
    let spare = |number: usize| {
        let mut name = file.as_os_str().to_owned();
        name.push("~");
        if number > 1 {
            name.push(number.to_string());
        }
        PathBuf::from(name)
    };
    first_free(folder, spare)
}

/// The first of `name(1)`, `name(2)`, … of which there is none in `folder`.
pub(super) fn first_free(folder: &Path, name: impl Fn(usize) -> PathBuf) -> PathBuf {
    let mut number = 1;
    while fs::symlink_metadata(folder.join(name(number))).is_ok() {
        number += 1;
    }
    name(number)
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
