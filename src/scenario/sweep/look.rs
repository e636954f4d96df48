//! How the figures of a sweep look.

use super::super::document::Document;
use super::super::error::{InputError, InputErrors};
use super::super::figure::contradictions;
use super::super::load::unreadable;
use super::super::schema::FigureSpec;
use super::super::structure;
use super::Questions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Look {
    figure: FigureSpec,
}

impl Questions {
    /// The same questions, their figures in another look: `overrides` of keys of `[figure]`.
    ///
    /// # Errors
    /// Values that the keys do not take, and those that cannot stand together.
    pub fn in_look(&self, overrides: &[String]) -> Result<Self, InputErrors> {
        const PLACE: &str = "plan.jsonl";
        let own = Look {
            figure: self.figure.clone(),
        };
        let unwritable = |e: &dyn Display| unreadable(PLACE, &e.to_string());
        let text = toml::to_string(&own).map_err(|e| unwritable(&e))?;
        let document = Document::parse(PLACE, &text, overrides)?;
        let findings = structure::check_against(&document, &structure::inlined::<Look>());
        if !findings.errors.is_empty() {
            return Err(document.errors(findings.errors));
        }
        let new = Look::deserialize(document.root.to_toml()).map_err(|e| unwritable(&e))?;
        let wrong = wrong_look(&document, &new.figure);
        match wrong.is_empty() {
            true => Ok(Self {
                figure: new.figure,
                ..self.clone()
            }),
            false => Err(document.errors(wrong)),
        }
    }
}

/// The errors of `[figure]`: figures of a sweep are those of its questions, which have one panel each.
pub(super) fn wrong_look(document: &Document, figure: &FigureSpec) -> Vec<InputError> {
    let mut wrong = contradictions(figure);
    if !figure.panels.is_empty() {
        let allowed = "allowed only in scenarios; figures of a sweep are those of \
                       [[fit]], [[bands]], [[family]], [[curves]] and [[map]]";
        wrong.push(("figure.panels", allowed));
    }
    let errors = wrong.into_iter();
    errors
        .map(|(key, allowed)| document.error(key, None, allowed.to_owned()))
        .collect()
}
