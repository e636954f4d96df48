//! What scenarios promise about their problems, against the definitions: balancedness, alignment,
//! imbalance, standard deviations, least squares, tolerances.

use dlnflow::linalg::{Mat, svd};
use dlnflow::model::init::spanning_layers;
use dlnflow::model::{Cost, Network};
use dlnflow::scenario::{Built, Scenario};
use std::path::Path;

/// A few roundings of products of matrices with entries of order one.
const ROUNDING: f64 = 1e-13;

fn build(widths: &str, cost: &str, init: &str) -> Built {
    let text = format!(
        "seed = 3\n[network]\nwidths = {widths}\n[cost]\n{cost}\n[init]\n{init}\n[solver]\nhorizon = 1.0\n"
    );
    let scenario = Scenario::parse("x.toml", "x", Path::new(""), text.as_bytes(), &[]);
    scenario
        .and_then(|s| s.build())
        .unwrap_or_else(|e| panic!("{e}"))
}

const SQUARED: &str = "kind = \"squared_error\"\ntarget = { singular_values = [3.0, 1.0] }";

fn layer(built: &Built, l: usize) -> Mat<f64> {
    built
        .problem
        .network
        .layer(&built.problem.initial_weights, l)
        .to_owned()
}

fn end_to_end(built: &Built) -> Mat<f64> {
    let depth = built.problem.network.depth();
    (2..=depth).fold(layer(built, 1), |product, l| layer(built, l) * product)
}

fn imbalance(built: &Built, l: usize) -> Mat<f64> {
    let (upper, lower) = (layer(built, l + 1), layer(built, l));
    upper.transpose() * &upper - &lower * lower.transpose()
}

fn close(a: &Mat<f64>, b: &Mat<f64>) {
    let error = (a - b).norm_max();
    assert!(error < ROUNDING, "{error:e}");
}

/// Moments of products of Gaussian layers: those of Wishart matrices (Muirhead 1982, §3.2).
#[test]
fn a_drawn_width_has_the_law_of_that_many_neurons() {
    let (inputs, outputs, width, std) = (2_usize, 3_usize, 7_u64, [0.5, 2.0]);
    let network = Network::new(vec![inputs, inputs + outputs, outputs]);
    let (n, m, w) = (inputs as f64, outputs as f64, width as f64);
    let (a, b) = (std[0] * std[0], std[1] * std[1]);
    let draw = |seed: u64| {
        let weights = spanning_layers(&network, &std, width, seed);
        let (low, high) = (network.layer(&weights, 1), network.layer(&weights, 2));
        let gram = low.transpose() * low;
        [
            (high * low).squared_norm_l2(),
            gram.squared_norm_l2(),
            high.squared_norm_l2(),
            (high * low * gram).squared_norm_l2(),
        ]
    };
    // Given W_1 the rows of W_2 are independent; E tr S³ of a Wishart matrix S of w degrees, n × n.
    let cubes = n * w * (w * w + n * n + 3.0 * w * (n + 1.0) + 3.0 * n + 4.0);
    let expected = [
        a * b * n * m * w,
        a * a * n * w * (w + n + 1.0),
        b * m * w,
        a * a * a * b * m * cubes,
    ];
    let count = 20_000;
    let drawn: Vec<[f64; 4]> = (0..count).map(draw).collect();
    for k in 0..4 {
        let count = count as f64;
        let mean = drawn.iter().map(|d| d[k]).sum::<f64>() / count;
        let variance = drawn.iter().map(|d| (d[k] - mean).powi(2)).sum::<f64>() / count;
        let band = 5.0 * (variance / count).sqrt();
        let off = (mean - expected[k]).abs();
        assert!(off < band, "{k}: {mean} for {}", expected[k]);
    }
}

#[test]
fn balanced_starts_are_balanced_with_the_product_asked_for() {
    for rotation in [false, true] {
        let init = format!(
            "kind = \"balanced\"\nend_to_end = {{ rows = [[1, 2, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0.5]] }}\n\
             hidden_rotation = {rotation}"
        );
        let built = build("[4, 5, 3, 6, 3]", SQUARED, &init);
        for l in 1..4 {
            assert!(imbalance(&built, l).norm_max() < ROUNDING, "layer {l}");
        }
        let rows = [
            [1.0, 2.0, 0.0, 0.0],
            [0.0, 1.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 0.5],
        ];
        close(&end_to_end(&built), &Mat::from_fn(3, 4, |i, j| rows[i][j]));
    }
}

#[test]
fn aligned_starts_have_the_targets_vectors_and_the_strengths_asked_for() {
    let init =
        "kind = \"aligned\"\nmode_strengths = [0.5, 0.25]\nscale = 0.1\nhidden_rotation = true";
    let built = build("[4, 5, 3]", SQUARED, init);
    let target = svd(built.problem.cost.target().expect("target")).expect("finite");
    let strengths = target.u.transpose() * end_to_end(&built) * &target.v;
    // Two layers: the product carries scale².
    let expected = [0.005, 0.0025, 0.0];
    close(
        &strengths,
        &Mat::from_fn(3, 3, |i, j| if i == j { expected[i] } else { 0.0 }),
    );
    assert!(imbalance(&built, 1).norm_max() < ROUNDING);
}

#[test]
fn lambda_balanced_starts_have_that_imbalance() {
    for (widths, lambda) in [
        ("[4, 3, 5]", 2.0),
        ("[4, 5, 6]", 0.7),
        ("[6, 5, 4]", -0.7),
        ("[4, 3, 5]", -2.0),
        ("[3, 3, 3]", 0.0),
    ] {
        let init = format!(
            "kind = \"lambda_balanced\"\nlambda = {lambda:?}\nend_to_end = {{ singular_values = [1.0, 0.3] }}\n\
             hidden_rotation = true"
        );
        let built = build(widths, SQUARED, &init);
        let hidden = built.problem.network.widths()[1];
        let expected = Mat::from_fn(hidden, hidden, |i, j| if i == j { lambda } else { 0.0 });
        close(&imbalance(&built, 1), &expected);
        let s = svd(end_to_end(&built).as_ref()).expect("finite").s;
        assert!(
            (s[0] - 1.0).abs() < ROUNDING && (s[1] - 0.3).abs() < ROUNDING,
            "{s:?}"
        );
        assert!(s[2..].iter().all(|s| *s < ROUNDING));
    }
}

#[test]
fn gaussian_starts_have_the_variance_asked_for() {
    // std² = w^−γ with w = 80, the widest hidden layer; 3 · 80 + 80 · 60 + 60 · 3 entries.
    let built = build(
        "[3, 80, 60, 3]",
        SQUARED,
        "kind = \"gaussian\"\ngamma = 1.5\nscale = 2.0",
    );
    let weights = &built.problem.initial_weights;
    let n = weights.len() as f64;
    let variance = weights.iter().map(|w| w * w).sum::<f64>() / n;
    let expected = 4.0 * 80_f64.powf(-1.5);
    assert!(
        (variance / expected - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
        "{variance}"
    );
}

#[test]
fn orthogonal_and_identity_layers_are_what_they_say() {
    let built = build("[4, 6, 3]", SQUARED, "kind = \"orthogonal\"\nscale = 0.5");
    let (w1, w2) = (layer(&built, 1), layer(&built, 2));
    close(
        &(w1.transpose() * &w1),
        &Mat::from_fn(4, 4, |i, j| if i == j { 0.25 } else { 0.0 }),
    );
    close(
        &(&w2 * w2.transpose()),
        &Mat::from_fn(3, 3, |i, j| if i == j { 0.25 } else { 0.0 }),
    );
    let built = build("[4, 6, 3]", SQUARED, "kind = \"identity\"\nscale = 0.5");
    let identity = |i, j| if i == j { 0.5 } else { 0.0 };
    assert_eq!(layer(&built, 1), Mat::from_fn(6, 4, identity));
    assert_eq!(layer(&built, 2), Mat::from_fn(3, 6, identity));
}

#[test]
fn a_regression_is_the_mean_squared_error_of_its_data() {
    let cost = "kind = \"regression\"\ninputs = { rows = [[1, 2, 0, 1], [0, 1, 1, 3]] }\n\
                outputs = { rows = [[1, 0, 2, 1], [0, 1, 1, 5]] }";
    let built = build("[2, 2, 2]", cost, "kind = \"identity\"");
    let x = [[1.0_f64, 2.0, 0.0, 1.0], [0.0, 1.0, 1.0, 3.0]];
    let y = [[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, 5.0]];
    for a in [[[0.0, 0.0], [0.0, 0.0]], [[1.0, -2.0], [0.5, 3.0]]] {
        let error = |i: usize, k: usize| a[i][0] * x[0][k] + a[i][1] * x[1][k] - y[i][k];
        let squares = (0..2)
            .flat_map(|i| (0..4).map(move |k| (i, k)))
            .map(|(i, k)| error(i, k).powi(2));
        let expected = squares.sum::<f64>() / 8.0;
        let a = Mat::from_fn(2, 2, |i, j| a[i][j]);
        let mut gradient = Mat::zeros(2, 2);
        let cost = &built.problem.cost;
        let found = cost.gradient(a.as_ref(), gradient.as_mut(), &mut cost.scratch());
        assert!(
            (found - expected).abs() < ROUNDING * expected,
            "{found} for {expected}"
        );
    }
}

#[test]
fn a_regression_without_enough_data_takes_the_least_norm_solution() {
    // One sample x = (1, 2), y = 5: T = y xᵀ/‖x‖² = (1, 2), nothing left over.
    let cost = "kind = \"regression\"\ninputs = { rows = [[1], [2]] }\noutputs = { rows = [[5]] }";
    let built = build("[2, 2, 1]", cost, "kind = \"identity\"");
    let Cost::Regression { target, floor, .. } = &built.problem.cost else {
        panic!("not a regression");
    };
    close(target, &Mat::from_fn(1, 2, |_, j| (j + 1) as f64));
    assert!(*floor < ROUNDING);
}

#[test]
fn sensing_measures_its_target() {
    let cost = "kind = \"matrix_sensing\"\nmeasurements = { count = 4 }\ntarget = { rows = [[1, 2], [3, 4]] }";
    let built = build("[2, 2, 2]", cost, "kind = \"identity\"");
    let Cost::MatrixSensing {
        measurements,
        observations,
        target,
        ..
    } = &built.problem.cost
    else {
        panic!("not sensing");
    };
    let target = target.as_ref().expect("target");
    let mut gradient = Mat::zeros(2, 2);
    let cost = &built.problem.cost;
    let value = cost.gradient(target.as_ref(), gradient.as_mut(), &mut cost.scratch());
    assert!(value < 1e-28 && gradient.norm_max() < ROUNDING);
    // ⟨M_1, T⟩ with row 1 of the measurements column-major: 11, 21, 12, 22.
    let row: Vec<f64> = (0..4).map(|e| measurements[(0, e)]).collect();
    let inner = row[0] + 3.0 * row[1] + 2.0 * row[2] + 4.0 * row[3];
    assert!((observations[0] - inner).abs() < ROUNDING);
}

#[test]
fn more_measurements_do_not_change_the_first() {
    let measured = |count: usize| {
        let cost = format!(
            "kind = \"matrix_sensing\"\nmeasurements = {{ count = {count} }}\ntarget = {{ diagonal = [1] }}"
        );
        match build("[2, 2, 2]", &cost, "kind = \"identity\"")
            .problem
            .cost
        {
            Cost::MatrixSensing { measurements, .. } => measurements,
            _ => panic!("not sensing"),
        }
    };
    let (few, many) = (measured(2), measured(5));
    assert!((0..2).all(|k| (0..4).all(|e| few[(k, e)] == many[(k, e)])));
}

#[test]
fn absolute_tolerances_follow_each_layer() {
    let init = "kind = \"matrices\"\nrows = [[[2, 2], [2, 2]], [[0, 0], [0, 0]], [[0.5, 0.5], [0.5, 0.5]]]";
    let built = build("[2, 2, 2, 2]", SQUARED, init);
    let atol = &built.solver.atol;
    // rtol/100 times the root mean square; zeros take the smallest of the others.
    let expected = [2.0, 2.0, 2.0, 2.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5].map(|s| 1e-11 * s);
    assert_eq!(atol.len(), 12);
    assert!(
        atol.iter()
            .zip(expected)
            .all(|(a, e)| (a / e - 1.0).abs() < 1e-14),
        "{atol:?}"
    );
}

#[test]
fn tolerances_of_an_all_zero_start_follow_rtol() {
    let init = "kind = \"matrices\"\nrows = [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]";
    let built = build("[2, 2, 2]", SQUARED, init);
    assert!(
        built
            .solver
            .atol
            .iter()
            .all(|a| (a / 1e-21 - 1.0).abs() < 1e-14)
    );
}

/// Inputs are `(0.1, 0.3)` times `x = (1, 2, 3)`: a map sees `x` alone and leaves `|y|² − (x·y)²/|x|² = 59/14`, over twice
/// the samples.
#[test]
fn a_regression_with_dependent_inputs_keeps_what_they_cannot_explain() {
    let cost = "kind = \"regression\"\ninputs = { rows = [[0.1, 0.2, 0.3], [0.3, 0.6, 0.9]] }\n\
                outputs = { rows = [[1.0, -1.0, 2.0]] }";
    let built = build("[2, 2, 1]", cost, "kind = \"identity\"");
    let Cost::Regression { target, floor, .. } = &built.problem.cost else {
        panic!("not a regression");
    };
    assert!((floor - 59.0 / 84.0).abs() < ROUNDING, "{floor}");
    // The least T with T (0.1, 0.3)ᵀ = x·y/|x|² = 5/14, a multiple of (1, 3).
    close(
        target,
        &Mat::from_fn(1, 2, |_, j| [1.0, 3.0][j] * 5.0 / 14.0),
    );
}

/// Balanced layers of `A` have `‖θ‖² = L Σ s^{2/L}`: of `v vᵀ/10` with `|v|² = 14` there is one `s`, 1.4, and no trace of
/// rounding, whose fourth roots would be 1e-4.
#[test]
fn balanced_layers_of_one_mode_have_no_other() {
    let init = "kind = \"balanced\"\nend_to_end = { rows = [[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.3, 0.6, 0.9]] }";
    let built = build("[3, 3, 3, 3, 3]", SQUARED, init);
    let square: f64 = built.problem.initial_weights.iter().map(|w| w * w).sum();
    assert!((square - 4.0 * 1.4_f64.sqrt()).abs() < ROUNDING, "{square}");
}

/// The same identity of singular values 1 and 1e-13: the second is far above rounding and kept.
#[test]
fn balanced_layers_keep_a_mode_of_a_trillionth() {
    let init = "kind = \"balanced\"\nend_to_end = { diagonal = [1.0, 1e-13, 0.0] }";
    let built = build("[3, 3, 3, 3, 3]", SQUARED, init);
    let square: f64 = built.problem.initial_weights.iter().map(|w| w * w).sum();
    let exact = 4.0 * (1.0 + 1e-13_f64.sqrt());
    assert!((square - exact).abs() < ROUNDING, "{square}");
}
