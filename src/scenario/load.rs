//! File → [`Scenario`]: TOML with overrides applied, compared with the schema, deserialised.

use super::document::Document;
use super::error::{InputError, InputErrors};
use super::files::read_failure;
use super::kind;
use super::schema::ScenarioSpec;
use super::structure;
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A scenario whose form is right; [`Scenario::build`] checks what its numbers mean together.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(super) spec: ScenarioSpec,
    pub(super) document: Document,
    pub(super) folder: PathBuf,
    name: String,
}

impl Scenario {
    /// Reads a scenario file, or standard input when `path` is `-`, and applies overrides of the
    /// form `key.path=VALUE`.
    ///
    /// # Errors
    /// Everything that is wrong with the form of the file, at once; when only numbers are out of
    /// range, also what [`Scenario::build`] would find.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, InputErrors> {
        let source = Source::read(path)?;
        let Source { file, name, .. } = &source;
        Self::parse(file, name, &source.folder, &source.bytes, overrides)
    }

    /// A scenario from bytes. `file` is how messages call it, `name` is its default title, paths
    /// inside are relative to `folder`.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn parse(
        file: &str,
        name: &str,
        folder: &Path,
        bytes: &[u8],
        overrides: &[String],
    ) -> Result<Self, InputErrors> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(unreadable(file, "found bytes that are not text"));
        };
        let document = Document::parse(file, text, overrides)?;
        Self::from_document(document, name, folder)
    }

    /// A scenario from a document, overrides applied.
    pub(super) fn from_document(
        document: Document,
        name: &str,
        folder: &Path,
    ) -> Result<Self, InputErrors> {
        let findings = structure::check(&document);
        if !findings.well_formed {
            let other = kind::refuse_sweep(&document);
            return Err(other.unwrap_or_else(|| document.errors(findings.errors)));
        }
        let spec = match ScenarioSpec::deserialize(document.root.to_toml()) {
            Ok(spec) => spec,
            Err(error) => {
                let found = format!("not a scenario: {}", error.message());
                return Err(unreadable(&document.file, &found));
            }
        };
        let scenario = Self {
            spec,
            document,
            folder: folder.to_path_buf(),
            name: name.to_string(),
        };
        if findings.errors.is_empty() {
            Ok(scenario)
        } else {
            Err(scenario.with_build_errors(findings.errors))
        }
    }

    /// The same file with more overrides, applied after those it was loaded with.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn with(&self, overrides: &[String]) -> Result<Self, InputErrors> {
        Self::from_document(self.document.with(overrides)?, &self.name, &self.folder)
    }

    /// The scenario as data.
    pub fn spec(&self) -> &ScenarioSpec {
        &self.spec
    }

    /// The file's stem: the default title and the default name of the output folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The title, the name when none is given.
    pub fn title(&self) -> &str {
        self.spec.title.as_deref().unwrap_or(&self.name)
    }

    /// Numbers out of range do not hide other mistakes; what follows from them is left out.
    fn with_build_errors(&self, mut errors: Vec<InputError>) -> InputErrors {
        if let Err(more) = self.build() {
            for error in more.errors {
                let related =
                    |e: &InputError| e.key.starts_with(&error.key) || error.key.starts_with(&e.key);
                if !errors.iter().any(related) {
                    errors.push(error);
                }
            }
        }
        self.document.errors(errors)
    }
}

/// A file of the user, read.
pub(super) struct Source {
    /// How messages call it.
    pub file: String,
    /// Its stem.
    pub name: String,
    /// What paths inside are relative to.
    pub folder: PathBuf,
    pub bytes: Vec<u8>,
}

impl Source {
    /// Reads a file, or standard input when `path` is `-`.
    pub fn read(path: &Path) -> Result<Self, InputErrors> {
        let stdin = path == Path::new("-");
        let mut bytes = Vec::new();
        let read = if stdin {
            std::io::stdin().read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
        };
        let (file, name) = if stdin {
            ("<stdin>".to_string(), "stdin".to_string())
        } else {
            let stem = path.file_stem().unwrap_or_default();
            let stem = stem.to_string_lossy().into_owned();
            (path.display().to_string(), stem)
        };
        if let Err(error) = read {
            return Err(unreadable(
                &file,
                &format!("cannot be read: {}", read_failure(&error)),
            ));
        }
        Ok(Self {
            file,
            name,
            folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            bytes,
        })
    }
}

pub(super) fn unreadable(file: &str, found: &str) -> InputErrors {
    let error = InputError {
        file: file.to_string(),
        line: None,
        column: None,
        key: String::new(),
        found: found.to_string(),
        allowed: "a scenario is a TOML text file".to_string(),
        hint: None,
        span: None,
    };
    InputErrors {
        source_text: String::new(),
        errors: vec![error],
    }
}
