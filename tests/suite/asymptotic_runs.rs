//! Escape times of runs from small generic starts against the asymptotic theory.
//!
//! The prediction knows the start, the cost and the level, not the run. What may differ is the
//! error that the theory states and that of the integration: relative errors of the size of `rtol`
//! in the growth of a mode over a few hundred steps, so `100 · rtol · T`.

use crate::common::run_text;
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Problem};
use dlnflow::observe::EventKind;
use dlnflow::report::Report;
use dlnflow::run::{Watch, run};
use dlnflow::scenario::Scenario;
use dlnflow::theory::blow_up::{blow_up, deep_escapes};
use dlnflow::theory::escape_sequence::escape_sequence;
use dlnflow::theory::first_escape::first_escape;
use dlnflow::theory::saddle_sequence::jump_slopes;
use serde_json::Value;
use std::path::Path;

const RTOL: f64 = 1e-12;

/// Problem and report of a run; what `text` does not say is the same for all.
fn solve(text: &str, horizon: f64) -> (Problem, Report) {
    let text = format!(
        "{text}\nsolver = {{ method = \"auto\", rtol = {RTOL:e}, horizon = {horizon:?} }}\n\
         record = {{ grid = \"linear\", count = 2 }}\n\
         events = [{{ kind = \"escape\", fraction = 0.5 }}]\n"
    );
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    let report = run(&scenario, &built, Watch::default());
    (built.problem, report)
}

/// Time and level of the escape of mode `k`.
fn escape(report: &Report, k: usize) -> (f64, f64) {
    let mut events = report.events.iter();
    let found = events.find(|e| e.kind == EventKind::Escape && e.index == Some(k));
    let event = found.unwrap_or_else(|| panic!("mode {k} did not escape by {}", report.time));
    (event.time, event.level)
}

fn layers(problem: &Problem) -> Vec<Mat<f64>> {
    let layer = |l| problem.network.layer(&problem.initial_weights, l);
    (1..=problem.network.depth())
        .map(|l| layer(l).to_owned())
        .collect()
}

/// `rows` of TOML, the entries by a formula.
fn rows(n: usize, entry: impl Fn(f64, f64) -> f64) -> String {
    let row = |i| (0..n).map(|j| entry(i as f64, j as f64)).collect();
    let rows: Vec<Vec<f64>> = (0..n).map(row).collect();
    format!("{{ rows = {rows:?} }}")
}

/// Costs with `r_2/r_1` = 1/3, 0.16 and 0.15. The error of the theory falls as `α^{1 − r_2/r_1}`, as
/// the square of that for squared error: below 2e-7 for starts of 1e-8.
fn costs() -> [String; 3] {
    let target = rows(6, |i, j| 1.0 + 0.1 * (3.0 * i + 5.0 * j).sin());
    let weights = rows(6, |i, j| 1.0 + 0.3 * (2.0 * i - j).cos());
    let all_but_one = rows(6, |i, j| f64::from(u8::from(i + j > 0.0)));
    [
        "{ kind = \"squared_error\", target = { singular_values = [3.0, 1.0, 0.4] } }".to_owned(),
        format!("{{ kind = \"weighted\", target = {target}, weights = {weights} }}"),
        format!("{{ kind = \"matrix_completion\", target = {target}, observed = {all_but_one} }}"),
    ]
}

#[test]
fn first_escape_of_two_layers_from_gaussian_starts() {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for cost in costs() {
        for seed in 1..=3 {
            let (problem, report) = solve(
                &format!(
                    "seed = {seed}\nnetwork = {{ widths = [6, 8, 6] }}\ncost = {cost}\n\
                     init = {{ kind = \"gaussian\", std = 1e-8 }}"
                ),
                8.0,
            );
            let (measured, level) = escape(&report, 1);
            let start = layers(&problem);
            let (w1, w2) = (start[0].as_ref(), start[1].as_ref());
            let predicted = first_escape(&problem.cost, problem.l2, w1, w2, level)
                .unwrap_or_else(|reason| panic!("{reason}\n{cost}"));
            let error = (measured - predicted.time).abs();
            println!(
                "seed {seed}: T {measured:.9} error {error:.1e} estimate {:.1e}",
                predicted.error
            );
            assert!(error <= predicted.error + 100.0 * RTOL * measured);
            assert!(error <= 1e-6 * measured.min(1.0), "{error:e}");
            worst = worst.max(error);
            compared += 1;
        }
    }
    println!("worst of {compared}: {worst:.1e}");
    assert_eq!(compared, 9);
}

/// `T_1 = T_b + K`. With `s_2/s_1 = 1/4` the error is of order `α^{2(1 − s_2/s_1)} = α^{3/2}`, `K` of
/// order one; what the factors of a draw make of it is in the estimate.
#[test]
fn blow_up_and_offset_of_three_layers_from_gaussian_starts() {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for seed in 1..=3 {
        let (problem, report) = solve(
            &format!(
                "seed = {seed}\nnetwork = {{ widths = [4, 5, 5, 4] }}\n\
                 cost = {{ kind = \"squared_error\", target = {{ singular_values = [2.0, 0.5, 0.2] }} }}\n\
                 init = {{ kind = \"gaussian\", scale = 1e-3, std = 1.0 }}"
            ),
            2000.0,
        );
        let (measured, level) = escape(&report, 1);
        let Cost::SquaredError { target } = &problem.cost else {
            panic!("cost")
        };
        let (escapes, _) = deep_escapes(target.as_ref(), &layers(&problem), &[level]);
        let first = &escapes[0];
        let offset = measured - first.wait;
        let error = (offset - first.passage).abs();
        println!(
            "seed {seed}: T {measured:.6} offset {offset:.6} K {:.6} estimate {:.1e}",
            first.passage, first.error
        );
        assert!(error <= first.error + 100.0 * RTOL * measured, "{error:e}");
        let relative = error / first.passage.abs();
        assert!(relative <= 0.01, "{relative:e}");
        worst = worst.max(relative);
        compared += 1;
    }
    println!("worst of {compared}: {worst:.1e} of K");
    assert_eq!(compared, 3);
}

/// Of the second escape of three layers: the error of the theory, and the order that is expected.
fn second_escape(seed: u64, alpha: f64, s: [f64; 3]) -> [f64; 2] {
    let (problem, report) = solve(
        &format!(
            "seed = {seed}\nnetwork = {{ widths = [4, 5, 5, 4] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = {s:?} }} }}\n\
             init = {{ kind = \"gaussian\", scale = {alpha:e}, std = 1.0 }}"
        ),
        2.5 / alpha,
    );
    let Cost::SquaredError { target } = &problem.cost else {
        panic!("cost")
    };
    let measured = [1, 2].map(|k| escape(&report, k));
    let levels = measured.map(|m| m.1);
    let start = layers(&problem);
    let (escapes, _) = deep_escapes(target.as_ref(), &start, &levels);
    let first = blow_up(target, &start).unwrap_or_else(|reason| panic!("{reason}"));
    let squares = first.complement.iter().map(|w| w.squared_norm_l2());
    let pace = s[1] * squares.sum::<f64>().sqrt();
    let order = escapes[1].wait * pace * first.tilt.sqrt() * s[0].powf(-4.0 / 3.0);
    [(measured[1].0 - escapes[1].time).abs(), order]
}

/// What is orthogonal to the mode that escapes moves at the pace `s_2 ‖W_⊥‖`, of order `α`, while the
/// mode passes in a time of order `s_1^{−4/3}`, and the mode is tilted by the root of `1 − H/max H`, of
/// order `α^{1 − s_2/s_1}`. The second wait, of order `1/α`, is off by the product: by
/// `α^{1 − s_2/s_1}`. An argument for the order only. Seen are exponents within 0.05 of 0.8 and 0.6;
/// the next order is `α^0.4` of the first or less, 6 % at 1e-3, a few times that from 1e-3 to 1e-4 if
/// factors are unlucky: 0.1. Of 24 draws none exceeds 1.2 of the order; 4 are allowed.
#[test]
fn second_escape_of_three_layers_from_gaussian_starts() {
    let mut compared = 0;
    for (s, gap) in [([3.0, 0.6, 0.2], 0.8), ([3.0, 1.2, 0.4], 0.6)] {
        for seed in [2, 4, 5] {
            let [large, small] = [1e-3, 1e-4].map(|alpha| second_escape(seed, alpha, s));
            let exponent = (large[0] / small[0]).log10();
            println!(
                "seed {seed}: errors {:.1e} {:.1e}, orders {:.1e} {:.1e}, exponent {exponent:.3}",
                large[0], small[0], large[1], small[1]
            );
            assert!((exponent - gap).abs() < 0.1, "{exponent}");
            assert!(large[0] < 4.0 * large[1] && small[0] < 4.0 * small[1]);
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
}

/// Escape times of runs within the errors that `predict` states, where something but the next mode makes
/// most of the error: the first two escapes where the passage mixes modes, a start that is not small beside
/// its target, hidden directions that are parallel, inputs without a partner, a single neuron.
#[test]
fn stated_errors_hold_where_the_next_mode_is_not_what_matters() {
    let gaussian = |std: f64| format!("{{ kind = \"gaussian\", std = {std:e} }}");
    let matrices = |rows: &str| format!("{{ kind = \"matrices\", rows = {rows} }}");
    let mixed = "{ kind = \"weighted\", \
        target = { rows = [[0, 0.1, -0.4], [0.2, 0.3, 1], [0, 0.1, -1], [-0.5, 0, -0.2]] }, \
        weights = { rows = [[1.3, 1.3, 0.2], [0.9, 0.2, 0.8], [1.8, 1, 1.4], [0.2, 2, 1.3]] } }";
    let row = "{ kind = \"squared_error\", target = { rows = [[1, 0.5, 0.2]] } }";
    let two = "{ kind = \"squared_error\", target = { diagonal = [2, 1.5] } }";
    let one = "{ kind = \"squared_error\", target = { rows = [[1]] } }";
    let parallel = matrices("[[[1e-4, 1e-4], [0, 1e-6]], [[2e-4, 0], [1e-4, 1e-6]]]");
    let deep = matrices("[[[0.1]], [[0.05]], [[0.07]]]");
    let cases = [
        (280, "[3, 5, 4]", mixed, gaussian(1e-8), 130.0, 2),
        (280, "[3, 5, 4]", mixed, gaussian(1e-16), 260.0, 2),
        (1, "[3, 4, 1]", row, gaussian(1e-2), 30.0, 1),
        (2, "[3, 4, 1]", row, gaussian(1e-2), 30.0, 1),
        (1, "[2, 2, 2]", two, parallel, 30.0, 1),
        (1, "[1, 1, 1, 1]", one, deep, 60.0, 1),
    ];
    for (seed, widths, cost, init, horizon, least) in cases {
        let text = format!(
            "seed = {seed}\nnetwork = {{ widths = {widths} }}\ncost = {cost}\ninit = {init}"
        );
        let (_, report) = solve(&text, horizon);
        let times = report.predictions.iter();
        let times = times.filter(|p| p.quantity == "escape_time" && p.value < 0.8 * horizon);
        let mut compared = 0;
        for p in times {
            let measured = escape(&report, p.mode.expect("a mode")).0;
            let off = (measured - p.value).abs();
            println!(
                "{widths}: T {measured:.7} off {off:.1e} stated {:.1e}",
                p.error
            );
            assert!(off <= p.error + 100.0 * RTOL * measured, "{widths}: {p:?}");
            compared += 1;
        }
        assert!(compared >= least, "{widths}: {:?}", report.declined);
    }
}

const BALANCED: &str = "\"balanced\", scale = 1e-3, std = 1.0";
const BALANCED_COARSE: &str = "\"balanced\", scale = 0.03, std = 1.0";
const ORTHOGONAL: &str = "\"orthogonal\", scale = 1e-5";
const IDENTITY: &str = "\"identity\", scale = 0.01";

fn gaussian(scale: f64) -> String {
    format!("\"gaussian\", scale = {scale:e}, std = 1.0")
}

/// Escape times of deep runs within the errors that `predict` states: modes of nearly equal strength, which share
/// what escapes; bottlenecks; levels near the saddles; four and five layers, where the weights between escaped
/// and waiting modes make most of the error; a start that is mostly along what is not to be learned. With how many are predicted at least.
#[test]
fn stated_errors_of_deep_escapes_hold() {
    let problem = |seed: u64, widths: &str, target: &str, init: &str| {
        format!(
            "seed = {seed}\nnetwork = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = {target} }} }}\n\
             init = {{ kind = {init} }}\n"
        )
    };
    let close = problem(
        965538,
        "[3, 3, 3, 3, 3]",
        "[0.946, 0.9339, 0.8629]",
        BALANCED,
    );
    let closer = problem(566223, "[5, 4, 2, 5]", "[1.643, 1.599, 1.143]", ORTHOGONAL);
    let deep = problem(
        178818,
        "[4, 5, 2, 5, 4, 2]",
        "[1.342, 1.16]",
        &gaussian(1e-3),
    );
    let apart = problem(
        3,
        "[2, 2, 2, 5, 2, 4]",
        "[2.18663, 0.59803]",
        &gaussian(1e-4),
    );
    let narrow = problem(
        406779,
        "[3, 1, 4, 3]",
        "[2.655, 2.651, 1.839]",
        &gaussian(0.01),
    );
    let coarse = problem(869480, "[2, 2, 1, 4]", "[2.306, 1.667]", IDENTITY);
    let askew = problem(95406, "[3, 5, 1, 4, 1]", "[0.43248]", BALANCED_COARSE);
    let cases = [
        (close, 0.5, 1e6, 2),
        (closer, 0.5, 7e6, 2),
        (deep, 0.5, 1e10, 1),
        (apart, 0.1, 1e15, 2),
        (narrow, 0.9, 1e9, 1),
        (coarse, 0.1, 1e9, 0),
        (askew, 0.1, 1e6, 1),
    ];
    for (text, fraction, horizon, least) in cases {
        let report = run_text(&format!(
            "{text}solver = {{ rtol = {RTOL:e}, horizon = {horizon:e} }}\n\
             record = {{ grid = \"linear\", count = 2 }}\n\
             events = [{{ kind = \"escape\", fraction = {fraction} }}]\n"
        ));
        let times: Vec<_> = report
            .predictions
            .iter()
            .filter(|p| p.quantity == "escape_time")
            .collect();
        for p in &times {
            let measured = escape(&report, p.mode.expect("a mode")).0;
            let off = (measured - p.value).abs();
            println!("T {measured:e} off {off:.1e} stated {:.1e}", p.error);
            assert!(off <= p.error + 100.0 * RTOL * measured, "{text}{p:?}");
        }
        assert!(times.len() >= least, "{text}{:?}", report.declined);
    }
}

/// Equal layers `w > 0` under a target `−2` follow `w' = −2 w² − w⁵` and decay: nothing escapes, whatever roundoff the
/// narrowing of the hidden layers or the bases of the target leave along the direction that grows.
#[test]
fn a_start_that_decays_gets_no_escape_time() {
    let cases = [
        ("[1, 2, 2, 1]", "[[-2.0]]", 0.01),
        ("[1, 3, 4, 1]", "[[-2.0]]", 0.01),
        ("[2, 2, 2, 2]", "[[-2.0, 0.0], [0.0, -1.0]]", 0.1),
        ("[2, 5, 3, 2]", "[[-1.2, 0.4], [0.4, -1.8]]", 0.1),
    ];
    for (widths, target, scale) in cases {
        let report = run_text(&format!(
            "network = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = {target} }} }}\n\
             init = {{ kind = \"identity\", scale = {scale} }}\nsolver = {{ horizon = 1e5 }}\n\
             events = [{{ kind = \"escape\", fraction = 0.5 }}]\n"
        ));
        let times = report
            .predictions
            .iter()
            .filter(|p| p.quantity == "escape_time");
        assert_eq!(times.count(), 0, "{widths}: {:?}", report.predictions);
        let reason = "no overlap with a direction that grows";
        assert!(
            report.declined.iter().any(|d| d.reason.contains(reason)),
            "{:?}",
            report.declined
        );
    }
}

fn number(value: &Value) -> f64 {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.or_else(|| value.as_f64()).expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(number).collect()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    let list = value.as_array().expect("rows");
    list.iter().map(numbers).collect()
}

fn reference(id: &str) -> Value {
    let text = include_str!("../data/asymptotic.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    let mut items = items.into_iter();
    items.find(|item| item["id"] == id).expect(id)
}

/// The run of a start of example A of size `alpha`; its three escape times, and the reference
/// values of the start of size `known`.
fn example_a(alpha: &str, known: &str) -> (Problem, Vec<f64>, Vec<f64>) {
    let item = reference(&format!("jump_times_A_{known}"));
    let rows = |name: &str| matrix(&item["inputs"][name]);
    let (problem, report) = solve(
        &format!(
            "network = {{ widths = [3, 3, 3] }}\n\
             cost = {{ kind = \"weighted\", target = {{ rows = {:?} }}, weights = {{ rows = {:?} }} }}\n\
             init = {{ kind = \"matrices\", scale = {alpha}, rows = [{:?}, {:?}] }}",
            rows("A_star"),
            rows("M"),
            rows("W1"),
            rows("W2")
        ),
        330.0,
    );
    // The levels of the run are halves of a fit, those of the reference are given to 17 digits.
    for (k, level) in numbers(&item["inputs"]["threshold"]).iter().enumerate() {
        let own = escape(&report, k + 1).1;
        assert!((own / level - 1.0).abs() < 1e-9, "{own} {level}");
    }
    let times = (1..=3).map(|k| escape(&report, k).0).collect();
    (problem, times, numbers(&item["value"]))
}

/// The saddles of example A.
fn saddles() -> Vec<Mat<f64>> {
    let item = reference("jump_exponents_A");
    let saddles = item["saddles"].as_array().expect("saddles").iter();
    let read = |a: Vec<Vec<f64>>| Mat::from_fn(3, 3, |i, j| a[i][j]);
    saddles.skip(1).map(|a| read(matrix(a))).collect()
}

/// Slopes in `ln(1/α)` from 1e-8 on. What is neglected falls as `α^0.50` in `T_1` and as
/// `α^0.365 ln(1/α)` in `T_2`, `T_3`; at 1e-8 it is 7e-7, 2e-4 and 1.2e-3, of differences of 4.5, 9.2
/// and 46: 1.5e-7, 2.2e-5 and 2.7e-5 of the slopes. Double precision adds little to `T_1` and `T_2` at
/// 1e-12. Mode 3 is 1e-8 of the others at the second escape from there, and roundoff in them is 1e-2
/// of `T_3`; from 1e-10 it is not a thousandth of that.
#[test]
fn slopes_of_jump_times_of_a_weighted_cost() {
    let (problem, before, exact_before) = example_a("1e-8", "1e-8");
    let slopes = jump_slopes(&problem.cost, 0.0, 3, &saddles()).expect("slopes");
    let (mut compared, mut worst) = (0, 0.0_f64);
    let mut compare = |k: usize, rise: f64, decades: f64| {
        let slope = rise / (decades * 10_f64.ln());
        let off = (slope / slopes[k] - 1.0).abs();
        println!(
            "mode {}: slope {slope:.9}, predicted {:.9}, off {off:.1e}",
            k + 1,
            slopes[k]
        );
        assert!(off < 1e-4, "mode {}: {off:e}", k + 1);
        worst = worst.max(off);
        compared += 1;
    };
    let (_, after, exact_after) = example_a("1e-12", "1e-12");
    for k in 0..2 {
        compare(k, after[k] - before[k], 4.0);
        // Twice 100 rtol T, of a rise that is a third of T; and the roundoff of mode 2, 1e-16 of the
        // neurons that carry mode 1 where it is 1e-6 of them.
        let exact = exact_after[k] - exact_before[k];
        let off = ((after[k] - before[k]) / exact - 1.0).abs();
        println!("mode {}: off {off:.1e} from the reference", k + 1);
        assert!(off < 600.0 * RTOL + 1e-10, "mode {}: {off:e}", k + 1);
    }
    let (_, after, _) = example_a("1e-10", "1e-8");
    compare(2, after[2] - before[2], 2.0);
    println!("worst of {compared}: {worst:.1e}");
    assert_eq!(compared, 3);
}

/// All escapes with their constants; the theory states errors from 1e-6 to a few thousandths.
#[test]
fn escape_sequence_of_a_weighted_cost() {
    let (problem, measured, _) = example_a("1e-8", "1e-8");
    let start = layers(&problem);
    let levels = numbers(&reference("jump_times_A_1e-8")["inputs"]["threshold"]);
    let (w1, w2) = (start[0].as_ref(), start[1].as_ref());
    let (escapes, ended) = escape_sequence(&problem.cost, 0.0, w1, w2, &levels);
    assert_eq!((escapes.len(), ended), (3, None));
    for (k, (e, measured)) in escapes.iter().zip(measured).enumerate() {
        let error = (measured - e.time).abs();
        println!(
            "mode {}: T {measured:.9} error {error:.1e} estimate {:.1e}",
            k + 1,
            e.error
        );
        assert!(
            error <= e.error + 100.0 * RTOL * measured,
            "{error:e} {e:?}"
        );
        assert!(error <= 1e-4 * measured, "mode {}: {error:e}", k + 1);
    }
}

/// What is predicted of escapes, and why there is no more.
fn escapes(text: &str) -> (Vec<usize>, String) {
    let report = run_text(&format!(
        "{text}[[events]]\nkind = \"escape\"\nfraction = 0.5\n"
    ));
    let of_time = |p: &&dlnflow::report::Prediction| p.quantity == "escape_time";
    let modes = report.predictions.iter().filter(of_time);
    let reasons: Vec<&str> = report.declined.iter().map(|d| d.reason.as_str()).collect();
    (modes.filter_map(|p| p.mode).collect(), reasons.join("; "))
}

/// `|z_v|² − |z_u|²` of a passive neuron is kept, and so is its product with the escaping one: with one
/// direction left it ends in the half that grows or in the half that decays. Where the determinants of the
/// target and of the weighted target differ in sign it is the latter, and what is seen to grow is roundoff.
#[test]
fn what_grows_out_of_roundoff_is_not_predicted() {
    let (modes, reason) = escapes(
        "network = { widths = [2, 4, 2] }\nsolver = { horizon = 20.0 }\n\
         [cost]\nkind = \"weighted\"\n\
         target = { rows = [[-0.65, 0.68], [-0.5, 1.36]] }\n\
         weights = { rows = [[1.44, 1.57], [2.39, 0.37]] }\n\
         [init]\nkind = \"matrices\"\nscale = 1e-6\n\
         rows = [[[-0.7, -1.47], [1.2, 1.59], [-1.26, -1.18], [-1.77, -0.96]], \
         [[-3.11, -1.14, 1.3, -0.35], [0.85, -0.49, 1.76, 0.2]]]\n",
    );
    assert_eq!(modes, [1], "{reason}");
    assert!(reason.contains("no overlap"), "{reason}");
}

/// No entry seen joins the two modes: at the first saddle the learned neuron can turn to the second mode.
#[test]
fn escapes_from_a_saddle_that_does_not_attract_are_not_predicted() {
    let (modes, reason) = escapes(
        "network = { widths = [2, 3, 3] }\nsolver = { horizon = 20.0 }\n\
         [cost]\nkind = \"matrix_completion\"\n\
         target = { rows = [[-1.47, -0.2], [-0.79, -2.86], [-1.05, 2.17]] }\n\
         observed = { rows = [[1, 0], [0, 1], [0, 0]] }\n\
         [init]\nkind = \"matrices\"\nscale = 1.9e-7\n\
         rows = [[[-0.77, -0.05], [0.13, 0.61], [-0.3, 0.75]], \
         [[-1.32, -1.38, -0.07], [1.54, 0.48, -0.65], [-0.82, 0.54, 0.24]]]\n",
    );
    assert_eq!(modes, [1], "{reason}");
    assert!(reason.contains("no strict minimum"), "{reason}");
}

/// With `r_2/r_1 = 0.03` the half of mode 2 that decays is as large at the escape as at the start and bends the
/// way out by a part of it.
#[test]
fn halves_that_decay_slowly_are_in_the_error() {
    let (_, report) = solve(
        "seed = 0\nnetwork = { widths = [2, 1, 2] }\n\
         init = { kind = \"gaussian\", std = 1e-4 }\n\
         cost = { kind = \"matrix_sensing\", measurements = { count = 2 }, target = { diagonal = [2.0, 1.0] } }",
        20.0,
    );
    let found = escape(&report, 1).0;
    let predicted = report.predictions.first().expect("an escape");
    assert_eq!(predicted.quantity, "escape_time");
    assert!((found - predicted.value).abs() < predicted.error);
}

/// Neglected terms are of order `(α²)^{1 − s_2/s_1}`: several per cent of times of order one from weights of 0.1, nothing
/// from weights of 1e-4.
#[test]
fn escapes_from_a_start_that_is_not_small_are_not_predicted() {
    let of = |std: &str| {
        escapes(&format!(
            "seed = 2\nnetwork = {{ widths = [3, 3, 3] }}\nsolver = {{ horizon = 40.0 }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [3.0, 2.0, 1.0] }} }}\n\
             init = {{ kind = \"gaussian\", std = {std} }}\n"
        ))
    };
    let (modes, reason) = of("0.1");
    assert_eq!(modes, [0; 0], "{reason}");
    assert!(reason.contains("terms may be worth"), "{reason}");
    let (modes, reason) = of("1e-4");
    assert_eq!(modes, [1, 2, 3], "{reason}");
}

/// Errors of three and more layers are known for two escapes; the third is said to be beyond them.
#[test]
fn two_escapes_of_three_layers_are_predicted() {
    let (modes, reason) = escapes(
        "seed = 3\nnetwork = { widths = [3, 4, 4, 3] }\nsolver = { horizon = 1e9 }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [3.0, 2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 1e-6 }\n",
    );
    assert_eq!(modes, [1, 2], "{reason}");
    assert!(reason.contains("from mode 3 on"), "{reason}");
}

/// A start beside the stable manifold of the origin, `W_3 u` against the rest, comes nearer to it first, and a little of
/// the start decides much of the end: the estimate knows. Escape time by DOP853 of scipy at `rtol = 1e-13`.
#[test]
fn starts_that_come_nearer_first_have_larger_errors() {
    let report = run_text(
        "seed = 16\nnetwork = { widths = [1, 2, 1, 3] }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [0.39] } }\n\
         init = { kind = \"gaussian\", per_layer_std = [0.00470511, 0.00642163, 0.00470511] }\n\
         solver = { rtol = 1e-9, horizon = 6000.0 }\n\
         events = [{ kind = \"escape\", fraction = 0.14226784871176823 }]\n",
    );
    let (time, _) = escape(&report, 1);
    assert!((time - 4882.944772).abs() < 1e-4, "{time}");
    let predicted = report
        .predictions
        .iter()
        .find(|p| p.quantity == "escape_time");
    let predicted = predicted.expect("a prediction");
    assert!(
        (predicted.value - time).abs() < predicted.error,
        "{predicted:?}"
    );
}

/// A level of three times `σ_1(A(0))`: half of the weights, which do not grow, are worth much of it.
#[test]
fn levels_next_to_the_start_are_not_predicted() {
    let report = run_text(
        "seed = 542\nnetwork = { widths = [1, 6, 3] }\nregularization = { l2 = 0.0308803961100734 }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [1.34] } }\n\
         init = { kind = \"gaussian\", std = 0.00580528 }\nsolver = { horizon = 10.0 }\n\
         events = [{ kind = \"escape\", fraction = 1.536e-4 }]\n",
    );
    let (time, _) = escape(&report, 1);
    let predicted = report
        .predictions
        .iter()
        .filter(|p| p.quantity == "escape_time");
    for p in predicted {
        assert!((p.value - time).abs() < p.error, "{p:?} {time}");
    }
    assert!(
        report
            .declined
            .iter()
            .any(|d| d.reason.contains("not small enough"))
    );
}

/// Problems whose second escapes were found outside of their error: an approach to the saddle that is slow and moves the
/// event (regression, λ = 0), and a mode that turns upright in five balanced layers. Runs at `rtol = 1e-12`; the first was
/// repeated with DOP853 of scipy, the second with its Radau.
#[test]
fn second_escapes_lie_within_their_errors() {
    let regression = "network = { widths = [3, 2, 3] }\n\
        [cost]\nkind = \"regression\"\n\
        inputs = { rows = [[-0.4515759710775136, 1.9501066718235966, 1.3321346219944399, -1.4027715178392217], \
        [-1.11826673005099, 0.6279943080959485, 1.4031340372048717, -0.6076353006193431], \
        [-1.059160222006601, -0.11488373686382662, -0.11727030602132058, 1.2564657215914115]] }\n\
        outputs = { rows = [[-0.19389646594671758, 0.700141785214334, 0.5101514634956965, -0.7610352273464978], \
        [2.07626422662104, 1.6491368451069843, 0.6898883691672525, -2.929012078793596], \
        [-1.3536764204297171, 0.6255870488368629, 2.353766197880746, -1.5243014029144957]] }\n\
        [init]\nkind = \"matrices\"\nscale = 1e-14\n\
        rows = [[[0.34736488778551794, -1.270200898220798, 0.6611673277458453], \
        [-0.433393841337274, -1.0250296841245572, 0.0015618852421602058]], \
        [[-1.5792398131484897, -0.6455840557157398], [0.4775965956197591, 0.464705667989755], \
        [0.1329291680165007, 1.317794116442302]]]\n\
        [solver]\nhorizon = 60.0\nrtol = 1e-12\n[[events]]\nkind = \"escape\"\nfraction = 0.7048248642891186\n";
    let balanced = "seed = 115\nnetwork = { widths = [4, 5, 2, 4, 5, 2] }\n\
        [cost]\nkind = \"squared_error\"\n\
        target = { rows = [[0.021923064271791158, -0.2337603168566946, -0.08272260840991773, 0.6645404348279004], \
        [-0.9986142370434191, 0.17678868329239436, 0.6204271278665222, 0.002065849860281949]] }\n\
        [init]\nkind = \"balanced\"\nhidden_rotation = true\nstd = 1.0003519022872823e-10\n\
        [solver]\nhorizon = 8680000.0\nrtol = 1e-12\n[[events]]\nkind = \"escape\"\nfraction = 0.518477262045224\n";
    for (text, exact) in [(regression, None), (balanced, Some(8667002.93412))] {
        let report = run_text(text);
        let (time, _) = escape(&report, 2);
        if let Some(exact) = exact {
            assert!((time / exact - 1.0).abs() < 1e-10, "{time}");
        }
        let of =
            |p: &&dlnflow::report::Prediction| p.quantity == "escape_time" && p.mode == Some(2);
        let predicted = report.predictions.iter().find(of).expect("a prediction");
        assert!(
            (predicted.value - time).abs() < predicted.error,
            "{predicted:?} {time}"
        );
    }
}
