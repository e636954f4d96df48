//! Narrowing of wide hidden layers: the way there and back, and whole runs beside runs of the
//! wide network itself.

use crate::common::run_text;
use crate::generic::{KINDS, problem};
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Method, Observer, Options, Outcome, Step, integrate};
use dlnflow::linalg::{Mat, MatRef, dot, multiply, norm, svd};
use dlnflow::model::{Cost, Network, Problem, Reduction};
use dlnflow::observe::{Event, EventKind};
use dlnflow::report::{self, Report};
use dlnflow::scenario::Scenario;
use dlnflow::theory::mode_strength::time_between;
use std::ops::ControlFlow;
use std::path::Path;

fn reduced(widths: &[usize]) -> Option<Vec<usize>> {
    let p = problem(widths.to_vec(), 0, 0.0, 1.0, 3);
    Reduction::of(&p).map(|r| r.problem.network.widths().to_vec())
}

#[test]
fn only_layers_wider_than_their_neighbours_together_are_narrowed() {
    for widths in [&[3, 5][..], &[3, 6, 3], &[2, 200, 200, 2], &[9, 1, 9]] {
        assert_eq!(reduced(widths), None, "{widths:?}");
    }
    for (widths, narrow) in [
        (&[3, 7, 3][..], &[3, 6, 3][..]),
        (&[1, 100, 1], &[1, 2, 1]),
        (&[2, 50, 60, 3], &[2, 50, 53, 3]),
        (&[2, 100, 70, 3], &[2, 72, 70, 3]),
        (&[2, 60, 3, 40, 2], &[2, 5, 3, 5, 2]),
        (&[1, 9, 2, 7, 3, 8, 1], &[1, 3, 2, 5, 3, 4, 1]),
    ] {
        assert_eq!(reduced(widths).as_deref(), Some(narrow), "{widths:?}");
    }
}

#[test]
fn a_start_that_is_not_finite_is_left_alone() {
    let mut p = problem(vec![2, 9, 2], 0, 0.0, 1.0, 3);
    p.initial_weights[4] = f64::NAN;
    assert!(Reduction::of(&p).is_none());
}

/// Narrowable at one layer, at one of two neighbours, and at several layers at once.
const WIDTHS: [&[usize]; 4] = [
    &[3, 40, 4],
    &[2, 50, 60, 3],
    &[2, 60, 3, 40, 2],
    &[3, 30, 4, 4],
];

#[test]
fn the_narrow_start_expands_to_the_start() {
    for widths in WIDTHS {
        for size in [1.0, 1e-6, 1e-100, 0.0] {
            let p = problem(widths.to_vec(), 0, 0.0, size, 5);
            let r = Reduction::of(&p).expect("a wide layer");
            let back = r.expand(&r.problem.initial_weights);
            let miss = difference(&back, &p.initial_weights);
            // Rounding of a singular value decomposition.
            assert!(
                miss <= 1e-14 * norm(&p.initial_weights),
                "{widths:?}: {miss:e}"
            );
        }
    }
}

/// Layers of 1e-20 beside layers of one: every layer comes back to its own accuracy, and so does each singular
/// value of `A`, which the roundoff of the larger layer would drown.
#[test]
fn small_layers_keep_their_digits_beside_large_ones() {
    for sizes in [[1e-20, 1.0], [1.0, 1e-20], [1e-3, 1e-150]] {
        let mut p = problem(vec![3, 40, 4], 0, 0.0, 1.0, 5);
        let network = p.network.clone();
        for (layer, size) in (1..).zip(sizes) {
            for w in &mut p.initial_weights[network.range(layer)] {
                *w *= size;
            }
        }
        let r = Reduction::of(&p).expect("a wide layer");
        let back = r.expand(&r.problem.initial_weights);
        for layer in 1..=2 {
            let range = network.range(layer);
            let miss = difference(&back[range.clone()], &p.initial_weights[range.clone()]);
            assert!(miss <= 1e-14 * norm(&p.initial_weights[range]), "{sizes:?}");
        }
        let values = |p: &Problem| {
            let scaled: Vec<f64> = (1..=2)
                .flat_map(|l| {
                    p.initial_weights[p.network.range(l)]
                        .iter()
                        .map(move |w| w / sizes[l - 1])
                })
                .collect();
            let mut products = p.network.product_storage();
            p.network.prefix_products(&scaled, &mut products);
            svd(products[1].as_ref()).expect("a decomposition").s
        };
        for (narrow, wide) in values(&r.problem).into_iter().zip(values(&p)) {
            assert!(
                (narrow / wide - 1.0).abs() < 1e-12,
                "{sizes:?}: {narrow:e} for {wide:e}"
            );
        }
    }
}

/// Three modes in forty neurons, every neuron carrying some of each: what the rounding of that rotation leaves
/// in other directions is no mode of its own.
#[test]
fn directions_that_are_roundoff_are_left_out() {
    let text = "network = { widths = [3, 40, 3] }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [3.0, 2.0, 1.0] } }\n\
         init = { kind = \"aligned\", mode_strengths = [0.5, 0.3, 1e-9], hidden_rotation = true }\n\
         solver = { horizon = 1.0 }\n";
    let r = Reduction::of(&built_problem(text)).expect("a wide layer");
    assert_eq!(r.problem.network.widths(), [3, 3, 3]);
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&d)
}

#[test]
fn the_narrow_problem_keeps_cost_decay_and_norms() {
    let p = problem(vec![2, 60, 3, 40, 2], 3, 0.07, 0.4, 5);
    let r = Reduction::of(&p).expect("two wide layers");
    let narrow = &r.problem;
    assert_eq!(narrow.l2, 0.07);
    let (n, w) = (&narrow.initial_weights, &p.initial_weights);
    assert!((dot(n, n) / dot(w, w) - 1.0).abs() < 1e-14);
    for l in 1..=4 {
        let (a, b) = (narrow.network.layer(n, l), p.network.layer(w, l));
        assert!((a.norm_l2() / b.norm_l2() - 1.0).abs() < 1e-14, "layer {l}");
    }
    let (a, b) = (narrow.network.end_to_end(n), p.network.end_to_end(w));
    assert!((&a - &b).norm_l2() < 1e-14 * (1.0 + b.norm_l2()));
}

/// A layer whose weights may be wrong by `atol` each is wrong by `atol √entries` as a whole.
#[test]
fn tolerances_allow_each_layer_the_same_error() {
    let p = problem(vec![2, 60, 3, 40, 2], 0, 0.0, 1.0, 5);
    let r = Reduction::of(&p).expect("two wide layers");
    let mut wide = vec![0.0; p.network.parameters()];
    for l in 1..=4 {
        wide[p.network.range(l)].fill(10f64.powi(-(l as i32)));
    }
    let narrow = r.tolerances(&wide);
    for l in 1..=4 {
        let (a, b) = (
            &narrow[r.problem.network.range(l)],
            &wide[p.network.range(l)],
        );
        assert!((norm(a) / norm(b) - 1.0).abs() < 1e-14, "layer {l}");
        assert!(a.iter().all(|&x| x == a[0]));
    }
}

/// States at equally spaced times.
struct Sample {
    times: Vec<f64>,
    states: Vec<Vec<f64>>,
}

impl Observer for Sample {
    fn start(&mut self, y0: &[f64], _: &[f64]) -> ControlFlow<String> {
        self.states.push(y0.to_vec());
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        while let Some(&t) = self.times.get(self.states.len()).filter(|&&t| t <= step.t1) {
            let mut y = vec![0.0; step.y1.len()];
            step.state_at(t, &mut y);
            self.states.push(y);
        }
        ControlFlow::Continue(())
    }
}

const RTOL: f64 = 1e-9;

fn options(p: &Problem, method: Method, [rtol, atol]: [f64; 2], horizon: f64) -> Options {
    Options {
        method,
        rtol,
        atol: vec![atol; p.network.parameters()],
        horizon,
        max_steps: 100_000,
    }
}

fn sampled(p: &Problem, method: Method, horizon: f64, count: usize) -> Sample {
    let times = (0..=count).map(|i| horizon * i as f64 / count as f64);
    let mut sample = Sample {
        times: times.collect(),
        states: Vec::new(),
    };
    let options = options(p, method, [RTOL, 1e-13], horizon);
    let field = LayerFlow::new(p);
    let end = integrate(&field, &p.initial_weights, &options, &mut sample);
    assert!(matches!(end.outcome, Outcome::HorizonReached));
    assert_eq!(sample.states.len(), sample.times.len());
    sample
}

/// The wide run uses another method, so that nothing is shared but the right-hand side.
#[test]
fn narrow_and_wide_runs_are_the_same() {
    for widths in WIDTHS {
        for kind in 0..KINDS {
            let l2 = if kind % 2 == 0 { 0.0 } else { 0.02 };
            let p = problem(widths.to_vec(), kind, l2, 0.3, 8);
            let r = Reduction::of(&p).expect("a wide layer");
            let wide = sampled(&p, Method::Dop853, 4.0, 20);
            let narrow = sampled(&r.problem, Method::ExponentialAdams, 4.0, 20);
            for (w, n) in wide.states.iter().zip(&narrow.states) {
                // Both within 20 tolerances of the weights' size, which A inherits by products of
                // up to four layers of norm below 10.
                let size = norm(w);
                assert!(difference(w, &r.expand(n)) <= 100.0 * RTOL * size);
                assert!((dot(n, n) / dot(w, w) - 1.0).abs() <= 100.0 * RTOL);
                let (a, b) = (p.network.end_to_end(w), r.problem.network.end_to_end(n));
                assert!((&a - &b).norm_l2() <= 100.0 * RTOL * (1.0 + b.norm_l2()));
                let (c, d) = (cost(&p, w), cost(&r.problem, n));
                assert!((c - d).abs() <= 100.0 * RTOL * (1.0 + d));
            }
        }
    }
}

fn cost(p: &Problem, w: &[f64]) -> f64 {
    let a = p.network.end_to_end(w);
    let mut g = Mat::zeros(a.nrows(), a.ncols());
    p.cost
        .gradient(a.as_ref(), g.as_mut(), &mut p.cost.scratch())
}

/// `W_{l+1}ᵀW_{l+1} − W_l W_lᵀ`.
fn imbalance(network: &Network, w: &[f64], l: usize) -> Mat<f64> {
    let n = network.widths()[l];
    let mut d = Mat::zeros(n, n);
    let (low, high) = (network.layer(w, l), network.layer(w, l + 1));
    multiply(d.as_mut(), false, 1.0, high.transpose(), high);
    multiply(d.as_mut(), true, -1.0, low, low.transpose());
    d
}

#[test]
fn expanded_weights_keep_the_imbalance_of_the_wide_start() {
    for widths in WIDTHS {
        let l2 = 0.05;
        let p = problem(widths.to_vec(), 0, l2, 0.3, 2);
        let r = Reduction::of(&p).expect("a wide layer");
        let narrow = sampled(&r.problem, Method::ExponentialAdams, 4.0, 1);
        let end = r.expand(&narrow.states[1]);
        for l in 1..p.network.depth() {
            let before = imbalance(&p.network, &p.initial_weights, l);
            let after = imbalance(&p.network, &end, l);
            let law = before * faer::Scale((-4.0 * l2 * 4.0_f64).exp());
            // An error of 20 tolerances in weights enters twice.
            let size = 1.0 + dot(&end, &end);
            assert!(
                (&after - &law).norm_l2() < 50.0 * RTOL * size,
                "{widths:?} {l}"
            );
        }
    }
}

fn scenario(widths: &str, rest: &str) -> String {
    format!(
        "seed = 5\nnetwork = {{ widths = {widths} }}\n\
         cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 1.5, 0.8] }} }}\n\
         init = {{ kind = \"gaussian\", std = 0.01 }}\n\
         record = {{ grid = \"linear\", count = 5 }}\n{rest}"
    )
}

fn built_problem(text: &str) -> Problem {
    let parsed = Scenario::parse("x.toml", "x", Path::new("."), text.as_bytes(), &[]);
    let built = parsed.and_then(|s| s.build());
    built.unwrap_or_else(|e| panic!("{e}")).problem
}

/// First time at which `σ_k` of the wide run reaches the level, by bisection inside the step.
struct Crossings<'a> {
    problem: &'a Problem,
    levels: [f64; 3],
    found: [Option<f64>; 3],
}

impl Crossings<'_> {
    fn sigma(&self, y: &[f64], k: usize) -> f64 {
        let a = self.problem.network.end_to_end(y);
        svd(a.as_ref()).expect("finite").s[k]
    }
}

impl Observer for Crossings<'_> {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        for k in 0..3 {
            let level = self.levels[k];
            if self.found[k].is_some() || self.sigma(step.y1, k) < level {
                continue;
            }
            let (mut low, mut high) = (step.t0, step.t1);
            let mut y = step.y1.to_vec();
            for _ in 0..60 {
                let mid = 0.5 * (low + high);
                step.state_at(mid, &mut y);
                if self.sigma(&y, k) < level {
                    low = mid
                } else {
                    high = mid
                }
            }
            self.found[k] = Some(high);
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_whole_run_of_a_wide_network_has_the_escapes_of_the_wide_flow() {
    let solver = "solver = { method = \"auto\", rtol = 1e-9, horizon = 12.0 }\n\
                  events = [{ kind = \"escape\", fraction = 0.5 }]\n";
    let text = scenario("[4, 120, 4]", solver);
    let report = run_text(&text);
    assert_eq!(report.solver.reduced_widths, Some(vec![4, 8, 4]));
    assert_eq!(report.widths, [4, 120, 4]);
    assert_eq!(report.warnings, [""; 0]);
    let p = built_problem(&text);
    let mut crossings = Crossings {
        problem: &p,
        levels: [1.5, 0.75, 0.4],
        found: [None; 3],
    };
    let options = options(&p, Method::Dop853, [1e-11, 1e-15], 12.0);
    let end = integrate(
        &LayerFlow::new(&p),
        &p.initial_weights,
        &options,
        &mut crossings,
    );
    for (k, found) in crossings.found.iter().enumerate() {
        let escape = report
            .events
            .iter()
            .find(|e| e.kind == EventKind::Escape && e.index == Some(k + 1));
        let (time, exact) = (escape.expect("an escape").time, found.expect("a crossing"));
        println!("mode {}: {time} {exact}", k + 1);
        assert!((time / exact - 1.0).abs() < 2e-8); // 20 rtol
    }
    // The weights of the report are those of the wide network.
    for (l, (rows, cols, w)) in report.final_weights[..2].iter().enumerate() {
        assert_eq!((*rows, *cols), p.network.shape(l + 1));
        let exact = &end.state[p.network.range(l + 1)];
        assert!(difference(w, exact) < 2e-8 * norm(exact));
    }
}

#[test]
fn recorded_weights_are_those_of_the_wide_network() {
    let text = scenario("[4, 50, 4]", "solver = { horizon = 3.0 }\n")
        .replace("count = 5", "count = 5, weights = true");
    let report = run_text(&text);
    let p = built_problem(&text);
    let weights = &report.trajectory.weights;
    assert_eq!(weights.len(), report.trajectory.rows.len());
    assert!(difference(&weights[0], &p.initial_weights) < 1e-14 * norm(&p.initial_weights));
    for (w, row) in weights.iter().zip(&report.trajectory.rows) {
        let a = p.network.end_to_end(w);
        let s = svd(a.as_ref()).expect("finite").s;
        assert!((s[0] - row.singular_values[0]).abs() < 1e-13 * (1.0 + s[0]));
        assert!((dot(w, w) / row.parameter_norm_sq - 1.0).abs() < 1e-13);
    }
}

#[test]
fn a_network_that_cannot_be_narrowed_says_so() {
    let report = run_text(&scenario("[4, 8, 4]", "solver = { horizon = 1.0 }\n"));
    assert_eq!(report.solver.reduced_widths, None);
}

/// 160,000 weights integrated as 64: memory stays at a few copies of the weights.
#[test]
fn a_very_wide_layer_costs_little() {
    let text = scenario("[4, 20000, 4]", "solver = { horizon = 10.0 }\n");
    // What the first run of a process sets up once is not of interest.
    run_text(&scenario("[4, 9, 4]", "solver = { horizon = 10.0 }\n"));
    let mut report: Option<Report> = None;
    let memory = allocation_counter::measure(|| report = Some(run_text(&text)));
    let report = report.expect("a report");
    assert_eq!(report.outcome, report::Outcome::HorizonReached);
    assert_eq!(report.solver.reduced_widths, Some(vec![4, 8, 4]));
    // An integration of the wide network would hold some 28 copies of 1.28 MB.
    assert!(memory.bytes_max < 10 * 1_280_000, "{}", memory.bytes_max);
    let last = report.trajectory.rows.last().expect("rows");
    assert!((last.singular_values[0] - 3.0).abs() < 1e-6);
}

fn plain_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    a * b
}

/// `W ← W − η ∂C` of two wide layers, written out; rotations commute with it.
#[test]
fn gradient_descent_commutes_with_narrowing() {
    let eta = 0.05;
    let steps = 400;
    let horizon = eta * f64::from(steps);
    let solver = format!(
        "solver = {{ method = \"gradient_descent\", learning_rate = {eta}, horizon = {horizon} }}\n"
    );
    let text = scenario("[4, 60, 4]", &solver);
    let report = run_text(&text);
    assert_eq!(report.solver.reduced_widths, Some(vec![4, 8, 4]));
    assert_eq!(report.solver.steps, steps as usize);
    let p = built_problem(&text);
    let Cost::SquaredError { target } = &p.cost else {
        panic!("the cost is a squared error");
    };
    let mut first = p.network.layer(&p.initial_weights, 1).to_owned();
    let mut second = p.network.layer(&p.initial_weights, 2).to_owned();
    for _ in 0..steps {
        let error = plain_product(second.as_ref(), first.as_ref()) - target;
        let down = plain_product(second.transpose(), error.as_ref());
        let up = plain_product(error.as_ref(), first.transpose());
        first -= faer::Scale(eta) * down;
        second -= faer::Scale(eta) * up;
    }
    let a = plain_product(second.as_ref(), first.as_ref());
    let (rows, _, found) = &report.final_weights[2];
    let mut learned = 0;
    for j in 0..4 {
        for i in 0..4 {
            // Roundoff of the start, magnified by the growth from 0.01 to 1.
            assert!((found[j * rows + i] - a[(i, j)]).abs() < 1e-11);
            learned += usize::from(a[(i, j)].abs() > 0.1);
        }
    }
    assert!(learned > 4, "the descent has left its start");
}

/// Modes of very different sizes against their closed form: rounding of the decomposition, which
/// knows the size of the largest mode only, must not reach the small ones.
#[test]
fn tiny_modes_beside_a_large_one_escape_on_time() {
    let mut compared = 0;
    for rotation in [false, true] {
        for small in ["1e-6", "1e-12"] {
            let solver = "solver = { rtol = 1e-9, horizon = 20.0 }\n\
                          events = [{ kind = \"escape\", fraction = 0.5 }]\n";
            let start = format!(
                "kind = \"aligned\", mode_strengths = [0.1, {small}, {small}], hidden_rotation = {rotation}"
            );
            let text = scenario("[4, 50, 4]", solver)
                .replace(
                    "singular_values = [3.0, 1.5, 0.8]",
                    "diagonal = [3.0, 1.5, 0.8]",
                )
                .replace("kind = \"gaussian\", std = 0.01", &start);
            let report = run_text(&text);
            assert!(report.solver.reduced_widths.is_some());
            let small: f64 = small.parse().expect("a number");
            for (k, target, start) in [(1, 3.0, 0.1), (2, 1.5, small), (3, 0.8, small)] {
                let exact = time_between(2, target, start, 0.5 * target);
                let escape = |e: &&Event| e.kind == EventKind::Escape && e.index == Some(k);
                let event = report.events.iter().find(escape).expect("an escape");
                assert!((event.time / exact - 1.0).abs() < 2e-8); // 20 rtol
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 12);
}

/// Many inputs and outputs under squared error, with three modes in the target and two hidden neurons: the run on the
/// spans has the events, rows and weights of the flow of the whole network.
#[test]
fn inputs_and_outputs_are_narrowed_to_what_is_spanned() {
    let text = "[network]\nwidths = [30, 3, 4, 25]\n\
                [cost]\nkind = \"squared_error\"\ntarget = { singular_values = [3.0, 1.5, 0.8] }\n\
                [init]\nkind = \"gaussian\"\nstd = 0.1\n\
                [solver]\nrtol = 1e-10\nhorizon = 12.0\n\
                [record]\ngrid = \"linear\"\ncount = 7\nweights = true\n";
    let report = run_text(text);
    assert_eq!(report.solver.reduced_widths, Some(vec![6, 3, 4, 7]));
    assert_eq!(report.warnings, [""; 0]);
    let p = built_problem(text);
    let mut flow_of_all = Sample {
        times: report.trajectory.rows.iter().map(|r| r.time).collect(),
        states: Vec::new(),
    };
    let options = options(&p, Method::Dop853, [1e-12, 1e-16], 12.0);
    let flow = LayerFlow::new(&p);
    integrate(&flow, &p.initial_weights, &options, &mut flow_of_all);
    assert_eq!(flow_of_all.states.len(), 7);
    let rows = report
        .trajectory
        .rows
        .iter()
        .zip(&report.trajectory.weights);
    for ((row, weights), exact) in rows.zip(&flow_of_all.states) {
        // 20 rtol of the largest layer, and the same of singular values.
        assert!(
            difference(weights, exact) < 2e-9 * norm(exact),
            "t = {}",
            row.time
        );
        let s = svd(p.network.end_to_end(exact).as_ref()).expect("finite").s;
        assert_eq!(row.singular_values.len(), 25);
        for (value, exact) in row.singular_values.iter().zip(&s) {
            assert!((value - exact).abs() < 2e-9 * s[0], "t = {}", row.time);
        }
    }
    // The tangent kernel is that of all inputs and outputs.
    let kernel = text.replace("count = 7", "count = 7\nobservables = [\"kernel_norm\"]");
    assert_eq!(run_text(&kernel).solver.reduced_widths, None);
}

/// A target of full rank, or layers that span half of what there is, leave inputs and outputs as they are.
#[test]
fn ends_that_are_spanned_stay() {
    for (widths, values) in [
        (vec![12, 2, 12], vec![1.0; 12]),
        (vec![12, 6, 12], vec![1.0, 0.5]),
        (vec![12, 4, 12], vec![1.0, 0.5, 0.2]),
    ] {
        let mut p = problem(widths.clone(), 0, 0.0, 1.0, 3);
        p.cost = Cost::SquaredError {
            target: Mat::from_fn(12, 12, |i, j| {
                if i == j {
                    values.get(i).copied().unwrap_or(0.0)
                } else {
                    0.0
                }
            }),
        };
        assert!(Reduction::with_ends(&p).is_none(), "{widths:?}");
    }
}

/// Inputs without weights or target are left out as they are: no turn mixes what is exactly apart, as in an aligned start
/// without its second mode.
#[test]
fn unused_inputs_are_left_out_without_a_turn() {
    let mut p = problem(vec![12, 6, 10], 0, 0.0, 1.0, 3);
    let (second, fourth) = (2, 7);
    p.cost = Cost::SquaredError {
        target: Mat::from_fn(10, 12, |i, j| match (i, j) {
            (0, 2) => 2.0,
            (1, 7) => 1.0,
            _ => 0.0,
        }),
    };
    p.initial_weights.fill(0.0);
    p.network.layer_mut(&mut p.initial_weights, 1)[(0, second)] = 0.1;
    p.network.layer_mut(&mut p.initial_weights, 2)[(0, 0)] = 0.1;
    let r = Reduction::with_ends(&p).expect("narrower ends");
    assert_eq!(r.problem.network.widths(), [2, 1, 2]);
    let w = r.problem.network.layer(&r.problem.initial_weights, 1);
    assert_eq!([w[(0, 0)], w[(0, 1)]], [0.1, 0.0]);
    assert_eq!(r.expand(&r.problem.initial_weights), p.initial_weights);
    let mut seen = vec![0.0; r.problem.network.parameters()];
    r.problem.network.layer_mut(&mut seen, 1)[(0, 1)] = 1.0;
    let back = r.expand(&seen);
    assert_eq!(p.network.layer(&back, 1)[(0, fourth)], 1.0);
}

/// A mode of 1e-20 beside one of 0.1 in turned hidden neurons: narrowing keeps it, and it escapes when the logistic
/// says, at `ln(s/a − 1)/(2 s)`.
#[test]
fn a_mode_of_the_start_below_all_rounding_is_not_narrowed_away() {
    let report = run_text(
        "network = { widths = [2, 6, 2] }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [1.0, 0.5] } }\n\
         init = { kind = \"aligned\", mode_strengths = [0.1, 1e-20], hidden_rotation = true }\n\
         solver = { rtol = 1e-9, horizon = 100.0 }\n\
         events = [{ kind = \"escape\", fraction = 0.5 }]\n",
    );
    assert!(report.solver.reduced_widths.is_some());
    for (k, (target, start)) in [(1, (1.0, 0.1)), (2, (0.5, 1e-20))] {
        let exact = (target / start - 1.0_f64).ln() / (2.0 * target);
        let escape = |e: &&Event| e.kind == EventKind::Escape && e.index == Some(k);
        let event = report.events.iter().find(escape).expect("an escape");
        assert!((event.time / exact - 1.0).abs() < 2e-8); // 20 rtol
    }
}

/// The narrow target has the singular values that the scenario gives the wide one, however weak the second is.
#[test]
fn a_weak_mode_of_the_target_is_not_narrowed_away() {
    let text = "network = { widths = [20, 3, 20] }\n\
                cost = { kind = \"squared_error\", target = { singular_values = [1.0, 1e-7] } }\n\
                init = { kind = \"gaussian\", std = 0.1 }\nsolver = { horizon = 1.0 }\n";
    let r = Reduction::with_ends(&built_problem(text)).expect("narrower ends");
    assert_eq!(r.problem.network.widths(), [5, 3, 5]);
    let s = svd(r.problem.cost.target().expect("a target"))
        .expect("finite")
        .s;
    // Roundoff of the largest.
    assert!(
        (s[0] - 1.0).abs() < 1e-14 && (s[1] - 1e-7).abs() < 1e-14,
        "{s:?}"
    );
    assert!(s[2..].iter().all(|s| *s < 1e-14), "{s:?}");
}

/// From a balanced start the rank of `A` is kept: roundoff in hidden directions that no mode uses is none.
#[test]
fn modes_that_a_balanced_start_lacks_do_not_escape() {
    for widths in ["[3, 3, 3]", "[3, 3, 3, 3]", "[3, 8, 3]"] {
        let report = run_text(&format!(
            "network = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 2.0, 1.0] }} }}\n\
             init = {{ kind = \"balanced\", end_to_end = {{ singular_values = [0.01] }}, hidden_rotation = true }}\n\
             solver = {{ horizon = 60.0 }}\n"
        ));
        let escaped = report.events.iter().filter(|e| e.kind == EventKind::Escape);
        let modes: Vec<_> = escaped.map(|e| e.index).collect();
        assert_eq!(modes, [Some(1)], "{widths}");
        let last = report.trajectory.rows.last().expect("rows");
        assert!(
            last.singular_values[1] < 1e-14,
            "{widths} {:?}",
            last.singular_values
        );
    }
}

/// Two modes of a start that differ by 1e-20 are both there where neurons carry one each.
#[test]
fn weak_neurons_are_kept() {
    let network = Network::new(vec![2, 2, 2]);
    let mut weights = vec![0.0; network.parameters()];
    for layer in 1..=2 {
        let mut w = network.layer_mut(&mut weights, layer);
        (w[(0, 0)], w[(1, 1)]) = (1.0, 1e-20);
    }
    let problem = Problem {
        network,
        cost: Cost::SquaredError {
            target: Mat::from_fn(2, 2, |i, j| f64::from(u8::from(i == j))),
        },
        l2: 0.0,
        initial_weights: weights,
    };
    assert!(Reduction::of(&problem).is_none());
}
