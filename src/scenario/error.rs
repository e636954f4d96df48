//! What is wrong with an input file, for whoever wrote it.

use std::fmt;
use std::ops::Range;

/// One mistake in a scenario or in a file it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The scenario file as the user named it, or `--set KEY=VALUE` for an override.
    pub file: String,
    /// Line and column from 1; `None` for overrides and for keys missing at the top level.
    pub line: Option<usize>,
    pub column: Option<usize>,
    /// Path of the key, `init.mode_strengths[0]`; empty when the file as a whole is meant.
    pub key: String,
    /// `found 3.0`, `missing`, `unknown key`.
    pub found: String,
    /// What is allowed instead.
    pub allowed: String,
    /// The nearest valid name, for a misspelt one.
    pub hint: Option<String>,
    /// Bytes of the scenario file that are meant.
    pub span: Option<Range<usize>>,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", printable(&self.key))?;
        }
        write!(f, ": {}; {}", printable(&self.found), self.allowed)?;
        if let Some(hint) = &self.hint {
            write!(f, "; did you mean {hint}?")?;
        }
        Ok(())
    }
}

/// Keys and cells of tables may hold anything; a message is one line that does nothing to a terminal.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

impl std::error::Error for InputError {}

/// All mistakes that one reading of an input found, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputErrors {
    /// Text of the scenario file, for showing the lines that are meant.
    pub source_text: String,
    pub errors: Vec<InputError>,
}

impl fmt::Display for InputErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InputErrors {}

/// What was found and what is allowed instead.
#[derive(Debug)]
pub(super) struct Complaint {
    pub found: String,
    pub allowed: String,
}

/// The candidate nearest to `name`, when it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let score = |candidate: &str| {
        let swapped = strsim::normalized_damerau_levenshtein(name, candidate);
        let contained = candidate.len() > 3 && name.contains(candidate);
        if contained { swapped.max(0.6) } else { swapped }
    };
    let best = candidates
        .iter()
        .map(|c| (score(c), *c))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.5).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        let error = InputError {
            file: "a.toml".to_owned(),
            line: Some(2),
            column: Some(1),
            key: "k\u{1b}[31m".to_owned(),
            found: "found \"1\r\n\u{7}2\"".to_owned(),
            allowed: "must be a number".to_owned(),
            hint: None,
            span: None,
        };
        let shown = "a.toml:2: k\\u{1b}[31m: found \"1\\r\\n\\u{7}2\"; must be a number";
        assert_eq!(error.to_string(), shown);
    }
}
