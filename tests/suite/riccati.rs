//! The closed form of two layers against multiple-precision values (tests/data) and against
//! integration of the layer weights, which knows nothing of it.

use crate::decimals::{matrix, number, numbers};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::run::{Watch, run};
use dlnflow::scenario::{Built, Scenario};
use dlnflow::theory::riccati::Riccati;
use serde_json::Value;
use std::path::Path;

/// Largest difference of entries, relative to the largest entry of `exact`.
fn distance(a: &Mat<f64>, exact: &Mat<f64>) -> f64 {
    (a - exact).norm_max() / exact.norm_max()
}

/// Two layers `scale · (W_1, W_2)` under squared error.
fn two_layers(w1: &Mat<f64>, w2: &Mat<f64>, scale: f64, target: Mat<f64>, l2: f64) -> Problem {
    let network = Network::new(vec![w1.ncols(), w1.nrows(), w2.nrows()]);
    let mut initial_weights = vec![0.0; network.parameters()];
    for (layer, w) in [(1, w1), (2, w2)] {
        let mut into = network.layer_mut(&mut initial_weights, layer);
        into.copy_from(faer::Scale(scale) * w);
    }
    Problem {
        network,
        cost: Cost::SquaredError { target },
        l2,
        initial_weights,
    }
}

/// Values of the references: `A` to 20 digits by 500-digit arithmetic; the singular values by the
/// formula with an explicit inverse in 700 digits.
#[test]
fn agrees_with_multiple_precision() {
    let text = include_str!("../data/riccati.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    for item in &items {
        let (id, inputs) = (&item["id"], &item["inputs"]);
        let alpha = match inputs.get("alpha") {
            Some(alpha) => number(alpha),
            None => 1.0,
        };
        let (w1, w2) = (matrix(&inputs["W1"]), matrix(&inputs["W2"]));
        let problem = two_layers(&w1, &w2, alpha, matrix(&inputs["A_star"]), 0.0);
        let gram = Riccati::new(&problem)
            .unwrap_or_else(|assumption| panic!("{id}: {assumption}"))
            .at(number(&inputs["t"]));
        let blocks = [
            ("value", &gram.a),
            ("W1tW1", &gram.w1_gram),
            ("W2W2t", &gram.w2_gram),
        ];
        for (name, block) in blocks {
            if item.get(name).is_some() {
                let error = distance(block, &matrix(&item[name]));
                println!("{id} {name}: {error:.1e}");
                assert!(error <= 1e-12, "{id} {name}: {error:e}");
            }
        }
        for (k, exact) in numbers(&item["singular_values"]).into_iter().enumerate() {
            let s = gram.singular_values[k];
            println!("{id} s_{}: {s:.3e} {:.1e}", k + 1, s - exact);
            // Roundoff of rate × time, up to 400 ulp, and the conditioning of generic bases.
            assert!(
                (s - exact).abs() <= 1e-11 * exact,
                "{id}: {s:e} against {exact:e}"
            );
        }
    }
    assert_eq!(items.len(), 6);
}

/// A scenario of two layers, at an accuracy of 1e-13.
fn scenario(widths: [usize; 3], seed: u64, init: &str, l2: f64) -> (Scenario, Built) {
    let text = format!(
        "seed = {seed}\nnetwork = {{ widths = {widths:?} }}\n\
         cost = {{ kind = \"squared_error\", target = {{ gaussian = 1.0 }} }}\n\
         init = {init}\nregularization = {{ l2 = {l2} }}\n\
         solver = {{ method = \"dop853\", rtol = 1e-13, horizon = 6.0 }}\n\
         record = {{ grid = \"linear\", count = 13 }}\n"
    );
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    (scenario, built)
}

const BALANCED: &str = "{ kind = \"balanced\", std = 0.1, hidden_rotation = true }";
const ONE_NEURON: &str = "{ kind = \"gaussian\", std = 0.2 }";

#[test]
fn agrees_with_the_layer_flow() {
    let cases = [
        ([3, 4, 3], BALANCED, 0.0),
        ([5, 4, 4], BALANCED, 0.0),
        ([2, 9, 3], BALANCED, 0.0),
        ([4, 3, 3], BALANCED, 0.15),
        ([4, 1, 3], ONE_NEURON, 0.0),
        (
            [3, 3, 3],
            "{ kind = \"lambda_balanced\", lambda = 0.7, std = 0.1, hidden_rotation = true }",
            0.0,
        ),
        (
            [3, 3, 4],
            "{ kind = \"lambda_balanced\", lambda = -0.4, std = 0.1, hidden_rotation = true }",
            0.0,
        ),
    ];
    let mut worst = 0.0_f64;
    for (widths, init, l2) in cases {
        for seed in 1..=3 {
            let (scenario, built) = scenario(widths, seed, init, l2);
            let exact = Riccati::new(&built.problem)
                .unwrap_or_else(|assumption| panic!("{widths:?} {init}: {assumption}"));
            let report = run(&scenario, &built, Watch::default());
            let (rows, columns, a) = report.final_weights.last().expect("A");
            let a = Mat::from_fn(*rows, *columns, |i, j| a[j * rows + i]);
            let error = distance(&a, &exact.at(report.time).a);
            worst = worst.max(error);
            // A few hundred steps, each accurate to a part of 1e-13; measured: 8e-15.
            assert!(error <= 1e-12, "{widths:?} {init} seed {seed}: {error:e}");
            for row in &report.trajectory.rows {
                let s = exact.at(row.time).singular_values;
                for (s, t) in s.iter().zip(&row.singular_values) {
                    // The dense output between steps is of lower order.
                    assert!(
                        (s - t).abs() <= 1e-11,
                        "{widths:?} {init}: t = {}",
                        row.time
                    );
                }
            }
        }
    }
    println!("largest difference of A: {worst:.1e}");
}

#[test]
fn begins_at_the_start_and_ends_at_the_target() {
    let (_, built) = scenario([4, 5, 3], 2, BALANCED, 0.0);
    let exact = Riccati::new(&built.problem).expect("balanced");
    let network = &built.problem.network;
    let mut products = network.product_storage();
    network.prefix_products(&built.problem.initial_weights, &mut products);
    let start = products.pop().expect("A(0)");
    assert!(distance(&exact.at(0.0).a, &start) <= 1e-13);
    let Cost::SquaredError { target } = &built.problem.cost else {
        panic!("squared error was asked for")
    };
    // No growth factor exists at this time in double precision.
    let end = exact.at(1e9);
    assert!(distance(&end.a, target) <= 1e-13);
    assert!(distance(&exact.at(f64::MAX / 1e9).a, target) <= 1e-13);
    assert!(end.singular_values.iter().all(|s| *s > 0.0));
}

/// `W_2 = W_1ᵀ` is kept by the flow, so `A = |W_1|²` obeys `dA/dt = 2A(T − A)` and for `T = −2` goes to 0 as
/// `2 / ((1 + 2/A_0) e^{4t} − 1)`. Roundoff of the cancelling halves must not grow into a mode.
#[test]
fn a_start_opposite_to_its_target_decays() {
    let w1 = Mat::from_fn(2, 1, |i, _| [0.6, 0.8][i]);
    let w2 = w1.transpose().to_owned();
    for scale in [1.0, 1e-4, 1e-20, 1e-150] {
        let problem = two_layers(&w1, &w2, scale, Mat::full(1, 1, -2.0), 0.0);
        let exact = Riccati::new(&problem).expect("balanced");
        assert_eq!(exact.absent(), 1);
        for t in [0.0, 1.0, 30.0] {
            let [found] = exact.at(t).singular_values[..] else {
                panic!("one mode")
            };
            let a0 = scale * scale;
            // (1 + 2/A_0) e^{4t} − 1 = (A_0 e^{4t} − A_0 + 2 e^{4t}) / A_0
            let growth = (4.0 * t).exp();
            let value = 2.0 * a0 / (a0 * (4.0 * t).exp_m1() + 2.0 * growth);
            // Sizes are kept as logarithms, each to an ulp, in each of some ten steps.
            let roundoff = 10.0 * f64::EPSILON * (1.0 + value.ln().abs());
            assert!(
                found == value || (found - value).abs() <= roundoff * value,
                "scale {scale:e}, t = {t}: {found:e} against {value:e}"
            );
        }
        // The same start with the target on its side escapes.
        let problem = two_layers(&w1, &w2, scale, Mat::full(1, 1, 2.0), 0.0);
        let towards = Riccati::new(&problem).expect("balanced");
        assert_eq!(towards.absent(), 0);
        assert!((towards.at(1e3).a[(0, 0)] - 2.0).abs() <= 1e-12);
    }
}

/// Modes that zeros keep apart: what is absent stays absent, however strong it would be, and tiny ones keep their
/// digits. Each `a' = 2a(s − a)` by itself, `a(t) = s/(1 + (s/a_0 − 1) e^{−2st})`; the targets are such that
/// eigenvectors of all of `F` at once are off by 1e-17 where they are 0.
#[test]
fn modes_that_do_not_meet_do_not_know_of_each_other() {
    let cases: [(&[f64], &[f64]); 4] = [
        (&[7.9, 0.99], &[0.0, 0.02]),
        (&[7.9, 0.99], &[1e-30, 0.02]),
        (
            &[7.926328424529166, 0.9896996568760105],
            &[0.0, 0.018521113599577196],
        ),
        (
            &[4.40635033238059, 3.2797882950504254, 0.6577784741433462],
            &[0.05169227067445684, 0.0, 0.05064020904781041],
        ),
    ];
    for (target, start) in cases {
        let n = target.len();
        let diagonal =
            |of: &dyn Fn(usize) -> f64| Mat::from_fn(n, n, |i, j| if i == j { of(i) } else { 0.0 });
        let w = diagonal(&|i| start[i].sqrt());
        let problem = two_layers(&w, &w, 1.0, diagonal(&|i| target[i]), 0.0);
        let exact = Riccati::new(&problem).expect("balanced");
        for t in [1.0, 5.0, 30.0] {
            let a = exact.at(t).a;
            for (i, (&s, &a0)) in target.iter().zip(start).enumerate() {
                let value = match a0 == 0.0 {
                    true => 0.0,
                    false => s / (1.0 + (s / a0 - 1.0) * (-2.0 * s * t).exp()),
                };
                // Exponents of up to 2st carry roundoff of their size; logarithms of sizes too.
                let roundoff = 10.0 * f64::EPSILON * (1.0 + 2.0 * s * t);
                let off = (a[(i, i)] - value).abs();
                assert!(
                    off <= roundoff * value,
                    "{target:?} {start:?} t = {t}, {i}: {a:?}"
                );
            }
        }
    }
}

/// A part of `10⁻²⁰` of the target that would carry one mode into an absent one is less than is known of
/// eigenvectors: the mode counts as absent, and is said to.
#[test]
fn what_roundoff_of_eigenvectors_would_start_counts_as_absent() {
    let target = Mat::from_fn(2, 2, |i, j| [[7.9, 1e-20], [1e-20, 0.99]][i][j]);
    let w = Mat::from_fn(2, 2, |i, j| if i == 1 && j == 1 { 0.1 } else { 0.0 });
    let problem = two_layers(&w, &w, 1.0, target, 0.0);
    let exact = Riccati::new(&problem).expect("balanced");
    assert_eq!(exact.absent(), 1);
    assert!((exact.at(40.0).singular_values[0] - 0.99).abs() < 1e-14);
}

/// What is left of a direction is told from roundoff, but not to a digit: neither there nor absent for sure.
#[test]
fn what_is_left_to_a_digit_or_none_is_doubtful() {
    // W_2 W_1 = (1 + x)/4 against a target of −2 leaves x/4 of what meets.
    for (x, absent, doubtful) in [(1e-12, 0, 0), (3e-14, 1, 1), (0.0, 1, 0)] {
        let (w1, w2) = (Mat::full(1, 1, 0.5), Mat::full(1, 1, 0.5 * (1.0 + x)));
        let problem = two_layers(&w1, &w2, 1.0, Mat::full(1, 1, -2.0), 0.0);
        let exact = Riccati::new(&problem).expect("balanced to roundoff");
        assert_eq!(
            (exact.absent(), exact.doubtful()),
            (absent, doubtful),
            "{x}"
        );
        if absent == 0 {
            // ε of the halves, relative to their difference.
            let error = exact.start_error() * x / f64::EPSILON;
            assert!((1.0..10.0).contains(&error), "{error}");
        }
    }
}

#[test]
fn nothing_moves_from_the_origin() {
    let zero = Mat::zeros(3, 3);
    let problem = two_layers(&zero, &zero, 1.0, Mat::identity(3, 3), 0.0);
    let gram = Riccati::new(&problem).expect("balanced").at(7.0);
    assert_eq!(gram.a, zero);
    assert_eq!(gram.singular_values, [0.0; 3]);
}

#[test]
fn names_the_assumption_that_fails() {
    let refused = |problem: &Problem| Riccati::new(problem).err();
    let (_, built) = scenario([3, 3, 3], 1, ONE_NEURON, 0.0);
    let unbalanced = "an imbalance that is a multiple of the identity";
    assert_eq!(refused(&built.problem), Some(unbalanced));
    // The test is scaled: squares of these weights underflow.
    let mut tiny = built.problem.clone();
    tiny.initial_weights.iter_mut().for_each(|w| *w *= 1e-200);
    assert_eq!(refused(&tiny), Some(unbalanced));
    let (_, built) = scenario([4, 1, 3], 1, ONE_NEURON, 0.1);
    assert_eq!(
        refused(&built.problem),
        Some("a balanced start where l2 > 0")
    );
    let mut deep = built.problem.clone();
    deep.network = Network::new(vec![3, 3, 3, 3]);
    deep.initial_weights = vec![0.0; 27];
    assert_eq!(refused(&deep), Some("two layers"));
    let mut weighted = built.problem;
    weighted.cost = Cost::Weighted {
        target: Mat::identity(3, 4),
        weights: Mat::full(3, 4, 1.0),
    };
    assert_eq!(refused(&weighted), Some("squared error"));
}

/// A second mode that escapes after hundreds of times of the first: `T_2` from the same solution in mpmath.
#[test]
fn late_escapes_are_predicted() {
    let report = crate::common::run_text(
        "network = { widths = [2, 2, 2] }\n\
         cost = { kind = \"squared_error\", target = { rows = [[2.0, 0.3], [0.3, 0.1]] } }\n\
         init = { kind = \"balanced\", end_to_end = { rows = [[1.0, 0.2], [0.2, 1.0]] }, scale = 1e-12 }\n\
         solver = { horizon = 1000.0 }\n",
    );
    let of = |quantity: &str, mode| {
        let same =
            |p: &&dlnflow::report::Prediction| p.quantity == quantity && p.mode == Some(mode);
        report.predictions.iter().find(same).map(|p| p.value)
    };
    let second = of("escape_time", 2).expect("a prediction");
    assert!((second / 487.731922716 - 1.0).abs() < 1e-11, "{second}");
    // Eigenvalues of the target.
    let root = (0.95_f64 * 0.95 + 0.09).sqrt();
    for (mode, exact) in [(1, 1.05 + root), (2, 1.05 - root)] {
        let end = of("final_singular_value", mode).expect("a prediction");
        assert!((end / exact - 1.0).abs() < 1e-9, "{mode} {end} {exact}");
    }
}
