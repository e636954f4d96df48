//! What theory says about a built scenario, without a run.

use crate::observe::EventSpec;
use crate::report::{Declined, Prediction, Source};
use crate::scenario::Built;
use crate::theory::{self, Question, Reach, predictions};

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

/// The same for known levels of escapes; their part is that of the first `escape` event.
pub(super) fn from_levels(built: &Built, saddle_levels: &[Option<f64>]) -> Theory {
    let fraction = built.events.iter().find_map(|e| match e {
        EventSpec::Escape { fraction, .. } => Some(*fraction),
        _ => None,
    });
    let all = predictions(&Question {
        problem: &built.problem,
        saddle_levels,
        fraction,
        horizon: built.solver.horizon,
    });
    Theory {
        predictions: all.offered.into_iter().map(prediction).collect(),
        declined: all.declined.into_iter().map(declined).collect(),
    }
}

fn prediction(p: theory::Prediction) -> Prediction {
    let kind = match p.reach {
        Reach::ClosedForm => "closed_form",
        Reach::Asymptotic => "asymptotic",
    };
    Prediction {
        quantity: p.quantity.name().to_owned(),
        mode: Some(p.mode),
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
