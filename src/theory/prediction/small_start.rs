//! Escapes from a small start of any shape: the leading terms as the start shrinks.

use super::{Declined, Prediction, Predictions, Quantity, Question, Reach};
use crate::linalg::Mat;
use crate::model::{Cost, Problem, Reduction};
use crate::theory::blow_up::{DeepEscape, deep_escapes_while};
use crate::theory::escape_sequence::escape_times;
use crate::theory::saddle_sequence::jump_slopes;
use crate::theory::unmet::Unmet;

const TWO: &str = "small start, two layers";
const DEEP: &str = "small start, three and more layers";
/// An escape is predicted where the neglected terms are below this part of its time.
const SMALL: f64 = 0.01;
/// Weights of a deep network that is still followed to its blow-up in a second.
const LARGEST: usize = 2_000;

/// Escapes of a deep network whose error estimates have held: in the third, runs were seen to be off
/// by four times the estimate.
const DEEP_ESCAPES: usize = 2;

/// `T_k` and the estimate of its error.
type Times = Vec<(f64, f64)>;

pub(super) fn predict(question: &Question<'_>) -> Predictions {
    if question.fraction.is_none() {
        return declined("escape times", "no event of kind escape is asked for");
    }
    let reduction = Reduction::with_ends(question.problem);
    let problem = reduction.as_ref().map_or(question.problem, |r| &r.problem);
    match problem.network.depth() {
        1 => Predictions::default(),
        2 => two_layers(question, problem),
        _ => deep(question, problem),
    }
}

fn two_layers(question: &Question<'_>, problem: &Problem) -> Predictions {
    let (network, weights) = (&problem.network, &problem.initial_weights);
    let (w1, w2) = (network.layer(weights, 1), network.layer(weights, 2));
    let levels = question.levels();
    let reached = escape_times(&problem.cost, problem.l2, [w1, w2], &levels, &is_small);
    let formula = "T_k = O_k + t_k, O_k from ln|x_k| and the rates at the saddles before";
    let mut all = offered(TWO, formula, reached.times, reached.end);
    let count = all.offered.len();
    let hidden = network.widths()[1];
    let slopes = jump_slopes(&problem.cost, problem.l2, hidden, &reached.saddles);
    // The slope of an escape needs the saddles before it alone.
    for (i, &slope) in slopes.iter().flatten().enumerate().take(count) {
        let formula = "d T_k / d ln(1/alpha) from the exponents at the saddles before";
        all.offered.push(offer(
            Quantity::JumpSlope,
            i,
            (slope, 1e-9 * slope),
            formula,
        ));
    }
    all
}

fn deep(question: &Question<'_>, problem: &Problem) -> Predictions {
    let network = &problem.network;
    let Cost::SquaredError { target } = &problem.cost else {
        return declined(DEEP, "the cost is not the squared error");
    };
    if problem.l2 > 0.0 {
        return declined(DEEP, "l2 is positive, so that the origin is stable");
    }
    if network.parameters() > LARGEST {
        return declined(
            DEEP,
            "the network has more than 2000 weights after narrowing",
        );
    }
    let layer = |l| network.layer(&problem.initial_weights, l).to_owned();
    let layers: Vec<Mat<f64>> = (1..=network.depth()).map(layer).collect();
    let wanted = |e: &DeepEscape| is_small(e.time, e.error);
    let mut levels = question.levels();
    let more = levels.len() > DEEP_ESCAPES;
    levels.truncate(DEEP_ESCAPES);
    let (escapes, end) = deep_escapes_while(target.as_ref(), &layers, &levels, &wanted);
    let times: Times = escapes.iter().map(|e| (e.time, e.error)).collect();
    let formula = "T_k = sum of blow-up times of the homogeneous flow + s^(2/L-2) Phi_L(x)";
    let mut all = offered(DEEP, formula, times, end);
    if more && all.declined.is_empty() {
        let reason = "from mode 3 on: the error of later escapes is not known well enough";
        all.declined.push(Declined::new(DEEP, reason));
    }
    all
}

fn declined(result: &'static str, reason: &str) -> Predictions {
    Predictions {
        offered: Vec::new(),
        declined: vec![Declined::new(result, reason)],
    }
}

fn is_small(time: f64, error: f64) -> bool {
    time > 0.0 && error <= SMALL * time
}

/// How much is neglected in the escape time of a mode.
fn neglected(mode: usize, time: f64, error: f64) -> String {
    let percent = 100.0 * error / time;
    match time > 0.0 && percent < 100.0 {
        true => format!("the neglected terms may be worth {percent:.0} % of T_{mode} = {time:.4}"),
        false => format!("the neglected terms may be worth more than T_{mode} itself"),
    }
}

/// The escapes up to the first whose neglected terms are not small.
fn offered(
    result: &'static str,
    formula: &'static str,
    times: Times,
    end: Option<Unmet>,
) -> Predictions {
    let mut all = Predictions::default();
    let mut reason = end.map(|unmet| unmet.to_string());
    let mut next = times.len() + 1;
    for (i, &(time, error)) in times.iter().enumerate() {
        if !is_small(time, error) {
            reason = Some(format!(
                "the start is not small enough: {}",
                neglected(i + 1, time, error)
            ));
            next = i + 1;
            break;
        }
        all.offered
            .push(offer(Quantity::EscapeTime, i, (time, error), formula));
    }
    if let Some(reason) = reason {
        let reason = format!("from mode {next} on: {reason}");
        all.declined.push(Declined::new(result, reason));
    }
    all
}

fn offer(
    quantity: Quantity,
    i: usize,
    (value, error): (f64, f64),
    formula: &'static str,
) -> Prediction {
    Prediction {
        quantity,
        mode: i + 1,
        value,
        error,
        reach: Reach::Asymptotic,
        formula,
        assumptions: vec![
            "small start",
            "no repeated top singular value",
            "no zero overlap",
        ],
        curve: Vec::new(),
    }
}
