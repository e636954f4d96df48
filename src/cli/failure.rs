//! Why a command has no result, told to whoever typed it.

use super::exit::Exit;
use super::print::message;
use dlnflow::error::Error;
use dlnflow::scenario::{InputError, InputErrors};
use miette::{LabeledSpan, MietteDiagnostic, NamedSource};
use std::io;

/// Where the message would stand above an excerpt.
const HEADING: &str = "\u{2192}";

/// A command that did not get as far as a result.
pub enum Failure {
    /// Mistakes in the scenario.
    Input(InputErrors),
    /// Arguments that do not go together.
    Usage(String),
    /// Files that could not be read or written.
    Library(Error),
    /// Standard output was closed or full.
    Output(io::Error),
}

impl From<InputErrors> for Failure {
    fn from(errors: InputErrors) -> Self {
        Failure::Input(errors)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl Failure {
    /// Prints the failure on stderr and gives the exit code.
    pub fn print(&self) -> Exit {
        match self {
            Failure::Input(errors) => {
                for error in &errors.errors {
                    message(&format!("error: {error}"));
                    if let Some(excerpt) = excerpt(error, &errors.source_text) {
                        message(&excerpt);
                    }
                }
                if errors.errors.len() > 1 {
                    message(&format!("{} errors", errors.errors.len()));
                }
                Exit::Input
            }
            Failure::Usage(problem) => {
                message(&format!("error: {problem}"));
                Exit::Input
            }
            Failure::Library(error) => {
                message(&format!("error: {error}"));
                Exit::Input
            }
            // A reader that has seen enough (`dlnflow … | head`) is no error.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Failure::Output(error) => {
                message(&format!("error: standard output: {error}"));
                Exit::Input
            }
        }
    }
}

/// The line that is meant, with the place underlined.
fn excerpt(error: &InputError, text: &str) -> Option<String> {
    let span = error.span.clone()?;
    let label = LabeledSpan::at(span, error.found.clone());
    // The message stands above the excerpt already; what is left of it here is cut away.
    let diagnostic = MietteDiagnostic::new(HEADING).with_label(label);
    let source = NamedSource::new(&error.file, text.to_owned()).with_language("toml");
    let report = miette::Report::new(diagnostic).with_source_code(source);
    let drawn = format!("{report:?}");
    let (_, excerpt) = drawn.split_once(HEADING)?;
    Some(format!("{}\n", excerpt.trim_matches('\n')))
}
