//! What theory says about a built scenario, without a run.

use crate::observe::EventSpec;
use crate::report::{Declined, Prediction, Source};
use crate::scenario::Built;
use crate::theory::{self, Quantity, Question, Reach, predictions};

/// Theory alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Theory {
    pub predictions: Vec<Prediction>,
    /// What does not apply, and why.
    pub declined: Vec<Declined>,
}

/// Every result of theory whose assumptions hold.
pub fn predict(built: &Built) -> Theory {
    from_levels(built, &super::levels(built).of_mode)
}

/// The same for known levels of escapes; their part is that of the first `escape` event, and times are
/// given for the modes that are watched at that part.
pub(super) fn from_levels(built: &Built, saddle_levels: &[Option<f64>]) -> Theory {
    let escapes = built.events.iter().filter_map(|e| match e {
        EventSpec::Escape { fraction, modes } => Some((*fraction, modes.as_deref())),
        _ => None,
    });
    let fraction = escapes.clone().next().map(|(fraction, _)| fraction);
    let watched = |mode: usize| {
        let mut same = escapes.clone().filter(|(f, _)| Some(*f) == fraction);
        same.any(|(_, modes)| modes.is_none_or(|all| all.contains(&mode)))
    };
    let level = |mode: usize| Some(fraction? * (*saddle_levels.get(mode.checked_sub(1)?)?)?);
    let all = predictions(&Question {
        problem: &built.problem,
        saddle_levels,
        fraction,
        horizon: built.solver.horizon,
    });
    let offered = all.offered.into_iter();
    Theory {
        predictions: offered
            .filter(|p| !is_passage(p) || watched(p.mode))
            .map(|p| {
                let level = level(p.mode).filter(|_| is_passage(&p));
                prediction(p, level)
            })
            .collect(),
        declined: all.declined.into_iter().map(declined).collect(),
    }
}

/// Whether it is about a level.
fn is_passage(p: &theory::Prediction) -> bool {
    matches!(p.quantity, Quantity::EscapeTime | Quantity::Trapped)
}

fn prediction(p: theory::Prediction, level: Option<f64>) -> Prediction {
    let kind = match p.reach {
        Reach::ClosedForm => "closed_form",
        Reach::Asymptotic => "asymptotic",
    };
    Prediction {
        quantity: p.quantity.name().to_owned(),
        mode: Some(p.mode),
        level,
        value: p.value,
        error: p.error,
        source: Source {
            kind: kind.to_owned(),
            note: p.formula.to_owned(),
        },
        assumptions: p.assumptions.iter().map(|&a| a.to_owned()).collect(),
        curve: p.curve,
    }
}

fn declined(d: theory::Declined) -> Declined {
    Declined {
        result: d.result.to_owned(),
        reason: d.reason,
    }
}
