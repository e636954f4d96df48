//! What is small beside something else and counts all the same, or must not.

use crate::common::run_text;
use dlnflow::observe::EventKind;
use dlnflow::report::Report;
use dlnflow::run::predict;
use dlnflow::scenario::Scenario;
use dlnflow::theory::minimum::global_minimum;
use dlnflow::theory::weight_decay::stationary;
use std::path::Path;

fn squared(widths: &str, target: &str, init: &str, more: &str) -> String {
    format!(
        "network = {{ widths = {widths} }}\ncost = {{ kind = \"squared_error\", target = {target} }}\n\
         init = {{ {init} }}\n{more}\n"
    )
}

fn escape_time(report: &Report, mode: usize) -> f64 {
    let mut escapes = report.events.iter();
    let escape = escapes.find(|e| e.kind == EventKind::Escape && e.index == Some(mode));
    escape.expect("an escape").time
}

/// Two aligned layers: `ln(s/a − 1)/(2s)` to half of `s`.
fn logistic_time(s: f64, a: f64) -> f64 {
    (s / a - 1.0).ln() / (2.0 * s)
}

#[test]
fn a_mode_of_1e_minus_20_survives_narrowing_and_rotation() {
    let report = run_text(&squared(
        "[2, 6, 2]",
        "{ singular_values = [1.0, 0.5] }",
        "kind = \"aligned\", mode_strengths = [0.1, 1e-20], hidden_rotation = true",
        "solver = { rtol = 1e-9, horizon = 100.0 }",
    ));
    let exact = logistic_time(0.5, 1e-20);
    // 100 rtol.
    assert!((escape_time(&report, 2) / exact - 1.0).abs() < 1e-7);
}

#[test]
fn a_mode_of_1e_minus_8_of_the_target_escapes() {
    let report = run_text(&squared(
        "[2, 2, 2]",
        "{ diagonal = [1.0, 1e-8] }",
        "kind = \"aligned\", mode_strengths = [0.1, 1e-12]",
        "solver = { method = \"exact\", horizon = 1e9 }",
    ));
    let exact = logistic_time(1e-8, 1e-12);
    assert!((escape_time(&report, 2) / exact - 1.0).abs() < 1e-10);
}

/// Inputs in one direction: what is left of the outputs is the part across, `6 − 25/14` of their square.
#[test]
fn inputs_that_depend_on_each_other_leave_the_residual_of_the_projection() {
    let report = run_text(
        "network = { widths = [2, 2, 1] }\n\
         cost = { kind = \"regression\", inputs = { rows = [[0.1, 0.2, 0.3], [0.3, 0.6, 0.9]] }, outputs = { rows = [[1.0, -1.0, 2.0]] } }\n\
         init = { kind = \"gaussian\", std = 0.3 }\nsolver = { horizon = 500.0 }\n",
    );
    let exact = (6.0 - 25.0 / 14.0) / 6.0;
    let last = report.trajectory.rows.last().expect("rows");
    assert!((last.cost / exact - 1.0).abs() < 1e-9, "{}", last.cost);
}

/// `v vᵀ/10`, `v = (1, 2, 3)`, has one singular value, 1.4; roots of the roundoff of the others would be seen.
const ONE_MODE: &str = "[[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.3, 0.6, 0.9]]";

#[test]
fn roots_of_roundoff_are_no_weights() {
    let start = |end_to_end: &str| {
        let init = format!("kind = \"balanced\", end_to_end = {end_to_end}");
        let report = run_text(&squared(
            "[3, 3, 3, 3, 3]",
            "{ diagonal = [1.0, 1.0, 1.0] }",
            &init,
            "solver = { horizon = 0.01 }",
        ));
        report.trajectory.rows[0].parameter_norm_sq
    };
    // ‖θ‖² = L Σ σ^{2/L}.
    let one = start(&format!("{{ rows = {ONE_MODE} }}"));
    assert!((one / (4.0 * 1.4_f64.sqrt()) - 1.0).abs() < 1e-13, "{one}");
    // What is a thousand times roundoff is a mode.
    let two = start("{ diagonal = [1.0, 1e-13, 0.0] }");
    let exact = 4.0 * (1.0 + 1e-13_f64.sqrt());
    assert!((two - exact).abs() < 1e-9, "{two}");
}

/// Four layers `v vᵀ/10` make `σ_1 = 1.4⁴`.
#[test]
fn powers_of_roundoff_are_no_norm() {
    let layers = [ONE_MODE; 4].join(", ");
    let report = run_text(&squared(
        "[3, 3, 3, 3, 3]",
        "{ diagonal = [1.0, 1.0, 1.0] }",
        &format!("kind = \"matrices\", rows = [{layers}]"),
        "solver = { frame = \"off\", horizon = 0.01 }",
    ));
    let schatten = report.trajectory.rows[0].schatten;
    assert!((schatten / 7.84 - 1.0).abs() < 1e-13, "{schatten}");
    let gap = report.schatten_gap.expect("rows");
    assert!(gap.abs() < 1e-9, "{gap:e}");
}

/// Decay alone, `w' = −w(s + 3/2)`: `w² = s = 1.5/((1.5/s_0 + 1)e^{3t} − 1)` has no square in `f64`.
#[test]
fn gradients_whose_squares_underflow_are_no_zeros() {
    let report = run_text(&squared(
        "[1, 1, 1]",
        "{ diagonal = [0.5] }",
        "kind = \"aligned\", mode_strengths = 1e-3",
        "regularization = { l2 = 1.0 }\nsolver = { method = \"exact\", horizon = 300.0 }",
    ));
    let exact = 1.5 * (2.0 * 1.5 / 1501.0_f64).sqrt() * (-450.0_f64).exp();
    let found = report.trajectory.rows.last().expect("rows").gradient_norm;
    assert!((found / exact - 1.0).abs() < 1e-9, "{found:e} {exact:e}");
}

/// Modes that end at a level come as near as roundoff and never pass it.
#[test]
fn a_limit_is_not_passed() {
    let report = run_text(&squared(
        "[2, 2, 2]",
        "{ diagonal = [1.0, 0.5] }",
        "kind = \"aligned\", mode_strengths = 0.1",
        "solver = { horizon = 60.0 }\n\
         events = [{ kind = \"crossing\", quantity = \"singular_value\", index = 1, level = 1.0 }, \
         { kind = \"crossing\", quantity = \"singular_value\", index = 2, level = 0.5 }]",
    ));
    assert!(report.events.is_empty(), "{:?}", report.events);
}

#[test]
fn roundoff_that_is_felt_without_frames_is_warned_of() {
    let report = run_text(&squared(
        "[2, 2, 2]",
        "{ diagonal = [2.0, 1.0] }",
        "kind = \"gaussian\", std = 1e-7",
        "solver = { frame = \"off\", horizon = 1.0 }",
    ));
    let warned = |warning: &String| warning.contains("solver.frame = \"off\"");
    assert!(report.warnings.iter().any(warned), "{:?}", report.warnings);
}

/// All steps of a run in stretches count.
#[test]
fn a_run_that_is_cut_off_says_after_how_many_steps() {
    let report = run_text(&squared(
        "[2, 2, 2]",
        "{ diagonal = [2.0, 1.0] }",
        "kind = \"gaussian\", std = 1e-9",
        "solver = { max_steps = 90, horizon = 100.0 }",
    ));
    let said = &report.outcome_detail;
    assert!(said.contains("90 steps"), "{said}");
}

fn predicted(seed: usize, text: &str) -> (usize, Vec<String>) {
    let text = format!("seed = {seed}\n{text}");
    let scenario = Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]);
    let said = predict(&scenario.expect("a scenario").build().expect("a problem"));
    let times = said
        .predictions
        .iter()
        .filter(|p| p.quantity == "escape_time");
    (
        times.count(),
        said.declined.into_iter().map(|d| d.reason).collect(),
    )
}

/// Times of small starts are asymptotic: from a start that is not so small, neglected terms are worth more than the
/// digits; with three layers the third mode waits for two others.
#[test]
fn asymptotic_times_are_offered_where_they_are_known() {
    let text = squared(
        "[3, 3, 3]",
        "{ diagonal = [3.0, 2.0, 1.0] }",
        "kind = \"gaussian\", std = 0.1",
        "solver = { horizon = 20.0 }",
    );
    let (times, reasons) = predicted(2, &text);
    assert_eq!(times, 0);
    let worth = |reason: &String| reason.contains("may be worth");
    assert!(reasons.iter().any(worth), "{reasons:?}");
    let text = squared(
        "[3, 4, 4, 3]",
        "{ diagonal = [3.0, 2.0, 1.0] }",
        "kind = \"gaussian\", std = 1e-6",
        "solver = { horizon = 1e9 }",
    );
    assert_eq!(predicted(3, &text).0, 2);
}

/// `λ = s/2` takes the last mode of two layers away; with three the lower root of `s^{1/3}(1 − s) = 2λ` is
/// `(2λ)³` for small `λ`.
#[test]
fn thresholds_and_roots_at_their_ends() {
    let minimum = global_minimum(&[1, 1, 1], &[2.0], 1.0);
    assert_eq!(minimum.rank, 0);
    let found = stationary(3, 1.0, 1e-100).expect("roots").lower;
    assert!((found / 8e-300 - 1.0).abs() < 1e-13, "{found:e}");
}
