//! `method = "exact"` against time stepping, multiple precision and what must hold of any method.

use crate::common::run_text;
use dlnflow::integrate::{Method, Observer, Options, Outcome, Step, VectorField, integrate};
use dlnflow::linalg::{Mat, multiply};
use dlnflow::observe::EventKind;
use dlnflow::report::{self, Report};
use dlnflow::run::{Watch, run};
use dlnflow::scenario::{Built, Scenario};
use dlnflow::theory::riccati::Riccati;
use dlnflow::verify;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::Path;

fn build(text: &str) -> (Scenario, Built) {
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    (scenario, built)
}

/// Two layers towards a random target.
fn two_layers(widths: [usize; 3], seed: u64, init: &str, l2: f64, solver: &str) -> String {
    format!(
        "seed = {seed}\nnetwork = {{ widths = {widths:?} }}\n\
         cost = {{ kind = \"squared_error\", target = {{ gaussian = 1.0 }} }}\n\
         init = {init}\nregularization = {{ l2 = {l2} }}\nsolver = {{ {solver} }}\n\
         record = {{ grid = \"linear\", count = 41 }}\n\
         events = [{{ kind = \"escape\" }}, {{ kind = \"crossing\", quantity = \"cost\", level = 1.0, \
         direction = \"both\" }}]\n"
    )
}

fn times(report: &Report, kind: EventKind) -> Vec<f64> {
    let events = report.events.iter().filter(|e| e.kind == kind);
    events.map(|e| e.time).collect()
}

fn close(a: f64, b: f64, size: f64, what: &str) {
    // Time stepping at rtol = 1e-12 is good to 100 of them; the closed form to roundoff.
    assert!((a - b).abs() <= 1e-10 * size, "{what}: {a:e} and {b:e}");
}

const BALANCED: &str = "{ kind = \"balanced\", std = 1e-3, hidden_rotation = true }";
const EXCESS: &str =
    "{ kind = \"lambda_balanced\", lambda = 0.7, std = 0.1, hidden_rotation = true }";
const DEFICIT: &str =
    "{ kind = \"lambda_balanced\", lambda = -0.4, std = 0.1, hidden_rotation = true }";
const ONE_NEURON: &str = "{ kind = \"gaussian\", std = 1e-3 }";
const LARGE: &str = "{ kind = \"balanced\", std = 5.0, hidden_rotation = true }";

#[test]
fn agrees_with_time_stepping() {
    let cases = [
        ([3, 4, 3], BALANCED, 0.0),
        ([4, 12, 5], BALANCED, 0.0),
        ([5, 5, 3], BALANCED, 0.1),
        ([3, 3, 4], EXCESS, 0.0),
        ([4, 3, 3], DEFICIT, 0.0),
        ([4, 1, 3], ONE_NEURON, 0.0),
        ([3, 3, 3], LARGE, 0.0),
    ];
    let mut escapes = 0;
    for (widths, init, l2) in cases {
        for seed in 1..=3 {
            let solver = |name| format!("method = \"{name}\", rtol = 1e-12, horizon = 12.0");
            let of = |name| run_text(&two_layers(widths, seed, init, l2, &solver(name)));
            let (exact, stepped) = (of("exact"), of("auto"));
            let name = format!("{widths:?} {init} l2 = {l2} seed {seed}");
            assert_eq!(exact.outcome_detail, "reached the horizon t = 12", "{name}");
            assert!(exact.warnings.is_empty(), "{name}: {:?}", exact.warnings);
            for kind in [EventKind::Escape, EventKind::Crossing] {
                let (t, s) = (times(&exact, kind), times(&stepped, kind));
                assert_eq!(t.len(), s.len(), "{name}: {kind:?}");
                escapes += t.len();
                for (t, s) in t.iter().zip(&s) {
                    close(*t, *s, *s, &format!("{name}: time of {kind:?}"));
                }
            }
            let rows = exact.trajectory.rows.iter().zip(&stepped.trajectory.rows);
            assert_eq!(rows.len(), 41);
            let start = stepped.trajectory.rows[0].clone();
            for (a, b) in rows {
                let at = format!("{name}: t = {}", a.time);
                assert_eq!(a.time, b.time);
                let size = b.singular_values[0].max(1.0);
                for (s, t) in a.singular_values.iter().zip(&b.singular_values) {
                    close(*s, *t, size, &at);
                }
                close(a.cost, b.cost, start.cost, &at);
                close(a.parameter_norm_sq, b.parameter_norm_sq, 2.0 * size, &at);
                let steepest = start.gradient_norm.max(size.powf(1.5));
                close(a.gradient_norm, b.gradient_norm, steepest, &at);
            }
        }
    }
    assert!(escapes > 50, "only {escapes} events compared");
}

fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| v.as_str().map_or(v.as_f64(), |text| text.parse().ok());
    let list = value.as_array().expect("a list").iter();
    list.map(|v| number(v).expect("a number")).collect()
}

fn matrix(value: &Value) -> Mat<f64> {
    let list = value.as_array().expect("rows").iter();
    let rows: Vec<Vec<f64>> = list.map(numbers).collect();
    Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

/// A matrix as TOML.
fn rows(a: &Mat<f64>) -> String {
    let row = |i| {
        let entries: Vec<String> = (0..a.ncols()).map(|j| format!("{:e}", a[(i, j)])).collect();
        format!("[{}]", entries.join(", "))
    };
    let all: Vec<String> = (0..a.nrows()).map(row).collect();
    format!("[{}]", all.join(", "))
}

fn product(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    multiply(out.as_mut(), false, 1.0, a.as_ref(), b.as_ref());
    out
}

/// References by 500-digit arithmetic; starts down to 1e-150.
#[test]
fn final_weights_agree_with_multiple_precision() {
    let text = include_str!("../data/riccati.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    for item in &items {
        let (id, inputs) = (&item["id"], &item["inputs"]);
        let one = |v: &Value| numbers(&Value::Array(vec![v.clone()]))[0];
        let alpha = inputs.get("alpha").map_or(1.0, one);
        let (w1, w2) = (matrix(&inputs["W1"]), matrix(&inputs["W2"]));
        let (scenario, mut built) = build(&format!(
            "network = {{ widths = {:?} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = {} }} }}\n\
             init = {{ kind = \"matrices\", rows = [{}, {}] }}\n\
             solver = {{ method = \"exact\", horizon = {:e} }}\n",
            [w1.ncols(), w1.nrows(), w2.nrows()],
            rows(&matrix(&inputs["A_star"])),
            rows(&w1),
            rows(&w2),
            one(&inputs["t"]),
        ));
        // A scenario does not allow the smallest of them.
        let weights = &mut built.problem.initial_weights;
        weights.iter_mut().for_each(|w| *w *= alpha);
        let report = run(&scenario, &built, Watch::default());
        assert_eq!(report.outcome, report::Outcome::HorizonReached, "{id}");
        let found = |k: usize| {
            let (rows, cols, w) = &report.final_weights[k];
            Mat::from_fn(*rows, *cols, |i, j| w[j * rows + i])
        };
        let (w1, w2) = (found(0), found(1));
        let blocks = [
            ("value", product(&w2, &w1)),
            ("W1tW1", product(&w1.transpose().to_owned(), &w1)),
            ("W2W2t", product(&w2, &w2.transpose().to_owned())),
        ];
        for (name, block) in blocks {
            if item.get(name).is_some() {
                let exact = matrix(&item[name]);
                let error = (&block - &exact).norm_max() / exact.norm_max();
                println!("{id} {name}: {error:.1e}");
                assert!(error <= 1e-12, "{id} {name}: {error:e}");
            }
        }
    }
    assert_eq!(items.len(), 6);
}

/// Aligned: `ln(s/a_0 − 1)/(2s)`. Not aligned: the level is met where the graded singular values of
/// `P` say, which no roundoff of the leading mode reaches.
#[test]
fn weights_of_1e_20_escape_on_time() {
    let aligned = run_text(
        "network = { widths = [4, 6, 3] }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [3.0, 2.0, 0.5] } }\n\
         init = { kind = \"aligned\", mode_strengths = 1e-40, hidden_rotation = true }\n\
         solver = { method = \"exact\", horizon = 120.0 }\nevents = [{ kind = \"escape\" }]\n",
    );
    let found = times(&aligned, EventKind::Escape);
    assert_eq!(found.len(), 3);
    for (t, s) in found.iter().zip([3.0, 2.0, 0.5]) {
        let exact = (s / 1e-40_f64 - 1.0).ln() / (2.0 * s);
        assert!((t / exact - 1.0).abs() <= 1e-12, "{t} instead of {exact}");
    }
    let solver = "method = \"exact\", horizon = 4000.0";
    let init = "{ kind = \"balanced\", std = 1e-40, hidden_rotation = true }";
    let mut sides = [0, 0];
    for seed in 1..=3 {
        let (scenario, built) = build(&two_layers([3, 4, 3], seed, init, 0.0, solver));
        let report = run(&scenario, &built, Watch::default());
        assert_eq!(
            report.outcome,
            report::Outcome::HorizonReached,
            "{}",
            report.outcome_detail
        );
        let exact = Riccati::new(&built.problem).expect("balanced");
        let escape = |e: &&dlnflow::observe::Event| e.kind == EventKind::Escape;
        let escapes: Vec<_> = report.events.iter().filter(escape).collect();
        // From a balanced start of rank 3 det A keeps its sign: the last mode may have to stay.
        let network = &built.problem.network;
        let mut products = network.product_storage();
        network.prefix_products(&built.problem.initial_weights, &mut products);
        let target = built.problem.cost.target().expect("a target");
        let start = faer::Scale(1e40) * &products[1];
        let same_side = target.determinant() * start.determinant() > 0.0;
        sides[usize::from(same_side)] += 1;
        assert_eq!(escapes.len(), if same_side { 3 } else { 2 }, "seed {seed}");
        for event in escapes {
            let k = event.index.expect("a mode") - 1;
            let passed = |t: f64| exact.at(t).singular_values[k] >= event.level;
            let slack = 1e-9 * event.time;
            assert!(!passed(event.time - slack) && passed(event.time + slack));
        }
    }
    assert!(sides[0] > 0 && sides[1] > 0);
}

#[test]
fn repetitions_give_the_same_bytes() {
    let text = two_layers(
        [4, 5, 3],
        2,
        BALANCED,
        0.0,
        "method = \"exact\", horizon = 9.0",
    );
    let shown = || {
        let report = run_text(&text);
        let seen = (&report.trajectory, &report.events, &report.final_weights);
        (format!("{seen:?}"), report.solver.steps)
    };
    assert_eq!(shown(), shown());
}

/// After the reduction nothing of size `w` is left: steps are those of a narrow layer.
#[test]
fn a_wide_layer_takes_the_steps_of_a_narrow_one() {
    let of = |width| {
        let solver = "method = \"exact\", horizon = 9.0";
        run_text(&two_layers([3, width, 4], 5, BALANCED, 0.0, solver))
    };
    let (narrow, wide) = (of(100), of(4000));
    // A balanced start spans as many directions as it has modes.
    assert_eq!(wide.solver.reduced_widths, Some(vec![3, 3, 4]));
    assert_eq!(narrow.solver.reduced_widths, wide.solver.reduced_widths);
    assert_eq!(narrow.solver.steps, wide.solver.steps);
    let (a, b) = (
        times(&narrow, EventKind::Escape),
        times(&wide, EventKind::Escape),
    );
    assert_eq!(a.len(), 3);
    for (a, b) in a.iter().zip(&b) {
        assert!((a / b - 1.0).abs() <= 1e-12, "{a} and {b}");
    }
}

/// The rotation of the hidden layer is one that moves with time, from the start given.
#[test]
fn weights_move_without_jumps() {
    let largest_jump = |count: usize| {
        let solver = "method = \"exact\", horizon = 6.0";
        let text = two_layers([4, 5, 3], 3, BALANCED, 0.0, solver)
            .replace("count = 41", &format!("count = {count}, weights = true"));
        let (scenario, built) = build(&text);
        let weights = run(&scenario, &built, Watch::default()).trajectory.weights;
        assert_eq!(weights[0], built.problem.initial_weights);
        let step = |w: &[Vec<f64>]| {
            let squares = w[0].iter().zip(&w[1]).map(|(a, b)| (a - b).powi(2));
            squares.sum::<f64>().sqrt()
        };
        weights.windows(2).map(step).fold(0.0, f64::max)
    };
    let (coarse, fine) = (largest_jump(201), largest_jump(2001));
    assert!(coarse < 0.3, "{coarse}");
    assert!(fine < 0.13 * coarse, "{fine} after {coarse}");
}

#[test]
fn ends_where_roundoff_takes_over() {
    let report = run_text(
        "network = { widths = [2, 2, 2] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [1.0, 1e-12] } }\n\
         init = { kind = \"aligned\", mode_strengths = 1e-30 }\n\
         solver = { method = \"exact\", horizon = 1e14 }\n\
         events = [{ kind = \"escape\", modes = [1] }]\n",
    );
    assert_eq!(report.outcome, report::Outcome::Failed);
    let detail = &report.outcome_detail;
    assert!(detail.starts_with("exact gave up at t = "), "{detail}");
    assert!(detail.contains("roundoff of the closed form"), "{detail}");
    // 2.2e-16 · 1 · t = 1e-6.
    assert!(report.time > 1e9 && report.time < 4.6e9, "{}", report.time);
    assert_eq!(times(&report, EventKind::Escape).len(), 1);
}

#[test]
fn nothing_moves_from_the_origin_and_zero_is_forgotten_like_one_over_t() {
    let solver = "solver = { method = \"exact\", horizon = 1000.0 }\n";
    let rest = run_text(&format!(
        "network = {{ widths = [2, 2, 2] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.0] }} }}\n\
         init = {{ kind = \"matrices\", rows = [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]] }}\n\
         {solver}"
    ));
    assert_eq!(rest.outcome, report::Outcome::HorizonReached);
    assert!(rest.trajectory.rows.iter().all(|row| row.cost == 2.5));
    let fading = run_text(&format!(
        "network = {{ widths = [2, 2, 2] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ diagonal = [0.0, 0.0] }} }}\n\
         init = {{ kind = \"balanced\", end_to_end = {{ diagonal = [1.0, 0.5] }} }}\n{solver}"
    ));
    for row in &fading.trajectory.rows {
        let exact = 1.0 / (1.0 + 2.0 * row.time);
        assert!((row.singular_values[0] / exact - 1.0).abs() <= 1e-13);
    }
    assert!(fading.trajectory.rows.len() > 20);
}

/// `A = |W_1|²` cannot come to a negative target (`tests/suite/riccati.rs`); nor can `A = ab` from
/// `a² = b²`, `ab > 0`, in hidden bases of any kind. `exact`, time stepping and the prediction agree.
#[test]
fn a_mode_that_cancels_does_not_escape() {
    let inits = [
        "{ kind = \"matrices\", rows = [[[0.6], [0.8]], [[0.6, 0.8]]], scale = 1e-4 }",
        "{ kind = \"balanced\", end_to_end = { rows = [[1e-8]] }, hidden_rotation = true }",
    ];
    for init in inits {
        for method in ["exact", "auto"] {
            let report = run_text(&format!(
                "network = {{ widths = [1, 2, 1] }}\n\
                 cost = {{ kind = \"squared_error\", target = {{ rows = [[-2.0]] }} }}\n\
                 init = {init}\nsolver = {{ method = \"{method}\", horizon = 60.0 }}\n\
                 events = [{{ kind = \"escape\" }}]\n"
            ));
            assert_eq!(report.outcome, report::Outcome::HorizonReached);
            assert_eq!(
                times(&report, EventKind::Escape).len(),
                0,
                "{init} {method}"
            );
            let warned = report.warnings.iter().any(|w| w.contains("absent"));
            assert_eq!(warned, method == "exact", "{:?}", report.warnings);
            let [prediction] = &report.predictions[..] else {
                panic!("{:?}", report.predictions)
            };
            assert_eq!(prediction.quantity, "final_singular_value");
            // e^{−4 · 60} is 6e-105.
            assert!(prediction.value < 1e-100, "{prediction:?}");
            assert!(report.declined.iter().any(|d| d.reason.contains("absent")));
            for check in verify::theory(&report, 1e-9) {
                assert!(check.passed, "{check:?}");
            }
        }
    }
}

/// The first mode is absent, the second comes to rest at half of the first one's target: in exact arithmetic it
/// never is at the level of `σ_1`.
#[test]
fn a_mode_that_rests_at_the_level_of_another_does_not_escape() {
    for (method, rtol) in [
        ("exact", 1e-9),
        ("auto", 1e-9),
        ("auto", 1e-5),
        ("tsit45", 1e-5),
    ] {
        let report = run_text(&format!(
            "network = {{ widths = [2, 2, 2] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.0] }} }}\n\
             init = {{ kind = \"aligned\", mode_strengths = [0.0, 0.01] }}\n\
             solver = {{ method = \"{method}\", rtol = {rtol}, horizon = 200.0 }}\n\
             events = [{{ kind = \"escape\" }}]\n"
        ));
        assert!(times(&report, EventKind::Escape).is_empty(), "{method}");
        let foretold = |p: &&report::Prediction| p.quantity == "escape_time";
        assert!(report.predictions.iter().find(foretold).is_none());
        let reason = "mode 1: roundoff decides";
        assert!(report.declined.iter().any(|d| d.reason.contains(reason)));
    }
}

struct Decay;

impl VectorField for Decay {
    fn dim(&self) -> usize {
        1
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        dy[0] = -y[0];
    }

    fn jvp(&self, _: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = -v[0];
    }
}

struct Nobody;

impl Observer for Nobody {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, _: &Step<'_>) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }
}

#[test]
fn a_field_without_a_closed_form_is_told_so() {
    let options = Options {
        method: Method::Exact,
        rtol: 1e-9,
        atol: vec![0.0],
        horizon: 1.0,
        max_steps: 10,
    };
    let end = integrate(&Decay, &[1.0], &options, &mut Nobody);
    let Outcome::Failed { error } = end.outcome else {
        panic!("{:?}", end.outcome)
    };
    assert!(error.to_string().contains("no closed form"), "{error}");
}

/// A mode with 1e-8 of the largest target has a level of its own and escapes when the logistic says, at
/// `ln(s/a − 1)/(2 s)`.
#[test]
fn a_mode_far_weaker_than_the_first_escapes() {
    let report = run_text(
        "network = { widths = [2, 2, 2] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [1.0, 1e-8] } }\n\
         init = { kind = \"aligned\", mode_strengths = [0.1, 1e-12] }\n\
         solver = { method = \"exact\", horizon = 1e9 }\nevents = [{ kind = \"escape\" }]\n",
    );
    let exact = [9_f64.ln() / 2.0, (1e4_f64 - 1.0).ln() / 2e-8];
    let found = times(&report, EventKind::Escape);
    assert_eq!(found.len(), 2, "{found:?}");
    for (t, s) in found.iter().zip(exact) {
        close(*t, s, s, "time of escape");
    }
}

/// `ds/dt = 2 s (s* − 2λ − s)` decays to 1e-394, below all numbers, and `‖∂loss‖ = √(2s) (s + 2λ − s*)` is not.
#[test]
fn the_gradient_of_a_product_below_the_range_is_its_own() {
    let report = run_text(
        "network = { widths = [1, 1, 1] }\nregularization = { l2 = 1.0 }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [0.5] } }\n\
         init = { kind = \"aligned\", mode_strengths = [1e-3] }\n\
         solver = { method = \"exact\", horizon = 300.0 }\n",
    );
    // 1/s + 1/1.5 grows as e^{3t}.
    let log_s = -3.0 * 300.0 - (1e3_f64 + 1.0 / 1.5).ln();
    let exact = 2_f64.sqrt() * (0.5 * log_s).exp() * 1.5;
    let last = report.trajectory.rows.last().expect("rows");
    assert_eq!(last.singular_values, [0.0]);
    assert!(exact > 1e-197, "{exact:e}");
    close(last.gradient_norm, exact, exact, "gradient norm");
}

/// `W_1 + W_2 = 1e-8` grows, of weights near 0.1: half a unit in the last place of each is 1.4e-9 of it.
#[test]
fn inputs_and_outputs_that_nearly_cancel_are_warned_of() {
    let of = |second: &str| {
        let report = run_text(&format!(
            "network = {{ widths = [1, 1, 1] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [1.0] }} }}\n\
             init = {{ kind = \"matrices\", rows = [[[0.1]], [[{second}]]] }}\n\
             solver = {{ method = \"exact\", horizon = 40.0 }}\n"
        ));
        report.warnings.iter().any(|w| w.contains("nearly cancel"))
    };
    assert!(of("-0.09999999"));
    assert!(!of("-0.09"));
}
