//! Where the catalogue, its scenarios and its output folders are.

use super::super::failure::Failure;
use dlnflow::digest::sha256_of_file;
use dlnflow::error::Error;
use dlnflow::gallery::{Catalogue, Entry, shipped};
use dlnflow::report::write_file;
use std::fs;
use std::path::{Path, PathBuf};

/// Where results go unless told otherwise.
const OUT: &str = "out/gallery";

pub struct Shelf {
    pub catalogue: Catalogue,
    /// Folder that the files of steps are relative to.
    pub scenarios: PathBuf,
    /// What a user types before their names: the repository's folder, or nothing.
    pub typed: &'static str,
    /// What a user types to get at this catalogue.
    pub option: String,
    /// Whether the scenarios are the program's own.
    shipped: bool,
    pub out: PathBuf,
    /// This program, and the hash of its file.
    pub program: PathBuf,
    pub program_hash: String,
}

impl Shelf {
    /// The shipped catalogue, its scenarios to be unpacked below `out`; or one of the user's own, its
    /// scenarios where they are.
    pub fn open(own: Option<&Path>, out: Option<&Path>) -> Result<Self, Failure> {
        let out = out.unwrap_or(Path::new(OUT)).to_owned();
        let program = std::env::current_exe().map_err(|e| Error::io(Path::new("dlnflow"), e))?;
        let program_hash = sha256_of_file(&program).map_err(|e| Error::io(&program, e))?;
        let option = own.map_or_else(String::new, |o| format!(" --catalogue {}", o.display()));
        let (catalogue, scenarios, typed) = match own {
            Some(file) => (read(file)?, beside(file), ""),
            None => (shipped_catalogue()?, out.join("scenarios"), "scenarios/"),
        };
        Ok(Self {
            catalogue,
            scenarios,
            typed,
            option,
            shipped: own.is_none(),
            out,
            program,
            program_hash,
        })
    }

    /// Writes the scenarios that the program holds where they differ from what is there.
    pub fn unpack(&self) -> Result<(), Failure> {
        let files = shipped::FILES.iter().filter(|_| self.shipped);
        for (name, text) in files {
            let path = self.scenarios.join(name);
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                write_file(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Holds a folder for each step of an entry.
    pub fn folder(&self, entry: &Entry) -> PathBuf {
        self.out.join(&entry.id)
    }
}

fn parse(name: &str, text: &str) -> Result<Catalogue, Failure> {
    Catalogue::parse(name, text).map_err(|mistake| Failure::Usage(mistake.to_string()))
}

fn read(file: &Path) -> Result<Catalogue, Failure> {
    let text = fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    parse(&file.display().to_string(), &text)
}

fn beside(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn shipped_catalogue() -> Result<Catalogue, Failure> {
    let files = shipped::FILES.iter();
    let text = files
        .filter(|(name, _)| *name == shipped::CATALOGUE)
        .map(|f| f.1);
    parse(shipped::CATALOGUE, &text.collect::<String>())
}
