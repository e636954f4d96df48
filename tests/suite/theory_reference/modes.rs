//! Single modes: times, strengths, stationary strengths.

use super::data::{Tally, items, number};
use dlnflow::theory::mode_strength::{
    plateau_time, strength_after_plateau, strength_at, time_after_plateau, time_between,
};
use dlnflow::theory::weight_decay::{critical_l2, global_l2, objective, stationary};
use serde_json::Value;

/// Two powers and a short series: a few ulp each.
const SERIES: f64 = 1e-13;

/// `L` and `s*`.
fn mode(item: &Value) -> (usize, f64) {
    let inputs = &item["inputs"];
    let depth = inputs["L"].as_u64().expect("a depth") as usize;
    (depth, number(&inputs["s_star"]))
}

#[test]
fn escape_times() {
    let mut tally = Tally::default();
    for item in items("escape_") {
        let (depth, target) = mode(&item);
        let start = number(&item["inputs"]["s0"]);
        let end = number(&item["inputs"]["f"]) * target;
        let leading = item["id"].as_str().is_some_and(|id| id.contains("minus"));
        let time = match leading {
            true => time_after_plateau(depth, target, start, end),
            false => time_between(depth, target, start, end),
        };
        tally.entry(&item["id"], &[(time, number(&item["value"]))], SERIES);
    }
    tally.finish(9);
}

#[test]
fn strengths_in_time() {
    let mut tally = Tally::default();
    for item in items("logistic_").into_iter().chain(items("s_at_t_")) {
        let (depth, target) = mode(&item);
        let (start, t) = (number(&item["inputs"]["s0"]), number(&item["inputs"]["t"]));
        let s = strength_at(depth, target, start, t);
        // The exponent 2 s* t is up to 460, and its roundoff that of ln s.
        tally.entry(&item["id"], &[(s, number(&item["value"]))], 4.0 * SERIES);
    }
    tally.finish(7);
}

#[test]
fn strengths_in_the_transition() {
    let mut tally = Tally::default();
    for item in items("transition_") {
        let (depth, target) = mode(&item);
        let inputs = &item["inputs"];
        let (start, offset) = (number(&inputs["s0"]), number(&inputs["offset"]));
        let s = strength_after_plateau(depth, target, start, offset);
        tally.entry(&item["id"], &[(s, number(&item["value"]))], SERIES);
        assert!(plateau_time(depth, target, start) > 1e9);
    }
    tally.finish(9);
}

#[test]
fn stationary_strengths() {
    let mut tally = Tally::default();
    for item in items("reg_root_plus_") {
        let (depth, target) = mode(&item);
        let l2 = number(&item["inputs"]["lam"]);
        let found = stationary(depth, target, l2).expect("a root");
        let cost = objective(depth, target, l2, found.upper);
        let lower = match &item["s_minus"] {
            Value::Null => 0.0,
            value => number(value),
        };
        let pairs = [
            (found.upper, number(&item["value"])),
            (cost, number(&item["objective"])),
            (found.lower, lower),
        ];
        // Newton's method ends within a few ulp of the logarithm.
        tally.entry(&item["id"], &pairs, SERIES);
    }
    tally.finish(6);
}

#[test]
fn critical_regularisation() {
    let mut tally = Tally::default();
    for (prefix, critical) in [("lambda_c_", true), ("lambda_g_", false)] {
        for item in items(prefix) {
            let (depth, target) = mode(&item);
            let l2 = match critical {
                true => critical_l2(depth, target),
                false => global_l2(depth, target),
            };
            tally.entry(&item["id"], &[(l2, number(&item["value"]))], SERIES);
        }
    }
    tally.finish(6);
}
