//! The stiff part `−Gᵀ M G` of the layer flow: its pieces against each other, and against the
//! whole Jacobian where nothing else is left of it.

use crate::generic::{KINDS, cost, entries, matrix, problem};
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::VectorField;
use dlnflow::linalg::{Mat, dot, norm, to_vec};
use dlnflow::model::{Cost, Network, Problem};
use proptest::prelude::*;

fn problems() -> impl Strategy<Value = Problem> {
    (
        prop::collection::vec(1_usize..6, 2..6),
        0..KINDS,
        1_u64..1000,
    )
        .prop_map(|(widths, kind, seed)| problem(widths, kind, 0.0, 1.0, seed))
}

/// The same problem with the target moved to where the weights are, so that `∇C(A) = 0`.
fn fitted(p: Problem, kind: u8, l2: f64, seed: u64) -> Problem {
    let a = p.network.end_to_end(&p.initial_weights);
    let cost = cost(kind, a, seed);
    Problem { cost, l2, ..p }
}

/// `Gᵀ Fᵀ F G v` at the point.
fn stiff(p: &Problem, v: &[f64]) -> Vec<f64> {
    let flow = LayerFlow::new(p);
    let mut tangent = flow.tangent().expect("a small problem");
    tangent.freeze(&p.initial_weights);
    let mut z = vec![0.0; tangent.rank()];
    tangent.forward(v, &mut z);
    let mut out = vec![0.0; v.len()];
    tangent.backward(&z, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forward_and_backward_are_adjoint(p in problems(), seed in 1_u64..99) {
        let flow = LayerFlow::new(&p);
        let mut tangent = flow.tangent().expect("a small problem");
        tangent.freeze(&p.initial_weights);
        let (v, z) = (entries(seed, flow.dim()), entries(seed + 1, tangent.rank()));
        let (mut image, mut back) = (vec![0.0; z.len()], vec![0.0; v.len()]);
        tangent.forward(&v, &mut image);
        tangent.backward(&z, &mut back);
        // Roundoff of sums of a few hundred products.
        let size = norm(&image) * norm(&z) + norm(&v) * norm(&back);
        prop_assert!((dot(&image, &z) - dot(&v, &back)).abs() <= 1e-13 * size);
    }

    /// What an evaluation elsewhere left behind gives the same as the value that it returned; middle
    /// layers wider than twice the output and narrower ones, with weight decay and without.
    #[test]
    fn forward_of_the_flow_is_that_of_its_value(
        p in problems(),
        l2 in prop::sample::select(vec![0.0, 0.3]),
        seed in 1_u64..99,
    ) {
        let p = Problem { l2, ..p };
        let flow = LayerFlow::new(&p);
        let mut tangent = flow.tangent().expect("a small problem");
        tangent.freeze(&p.initial_weights);
        let y = entries(seed, flow.dim());
        let mut f = vec![0.0; flow.dim()];
        let mut exact = vec![0.0; tangent.rank()];
        let mut found = vec![f64::NAN; tangent.rank()];
        flow.eval(&y, &mut f);
        tangent.forward_flow(&y, &f, &mut found);
        tangent.forward(&f, &mut exact);
        // Products of up to eight layers of size ≤ 5 with entries ≤ 1 and a residual beside them.
        let size = 1.0 + norm(&exact) + norm(&f) * 5_f64.powi(4);
        for (found, exact) in found.iter().zip(&exact) {
            prop_assert!((found - exact).abs() <= 1e-14 * size, "{found} {exact}");
        }
    }

    #[test]
    fn backward_adds(p in problems(), seed in 1_u64..99) {
        let flow = LayerFlow::new(&p);
        let mut tangent = flow.tangent().expect("a small problem");
        tangent.freeze(&p.initial_weights);
        let (start, z) = (entries(seed, flow.dim()), entries(seed + 1, tangent.rank()));
        let (mut alone, mut onto) = (vec![0.0; flow.dim()], start.clone());
        tangent.backward(&z, &mut alone);
        tangent.backward(&z, &mut onto);
        let size = 1.0 + norm(&alone);
        for i in 0..start.len() {
            prop_assert!((onto[i] - start[i] - alone[i]).abs() <= 1e-14 * size);
        }
    }

    #[test]
    fn kernel_is_forward_of_backward(p in problems()) {
        let flow = LayerFlow::new(&p);
        let mut tangent = flow.tangent().expect("a small problem");
        tangent.freeze(&p.initial_weights);
        let kernel = tangent.kernel();
        let m = tangent.rank();
        prop_assert_eq!((kernel.nrows(), kernel.ncols()), (m, m));
        for i in 0..m {
            let mut unit = vec![0.0; m];
            unit[i] = 1.0;
            let (mut lifted, mut column) = (vec![0.0; flow.dim()], vec![0.0; m]);
            tangent.backward(&unit, &mut lifted);
            tangent.forward(&lifted, &mut column);
            for (j, c) in column.iter().enumerate() {
                prop_assert!((kernel[(j, i)] - c).abs() <= 1e-13 * kernel.norm_l2());
            }
        }
    }

    /// With `∇C(A) = 0` the Jacobian is `−Gᵀ M G − 2λ`; the product of the field shares no code
    /// with the tangent.
    #[test]
    fn the_whole_jacobian_at_a_fit(
        widths in prop::collection::vec(1_usize..6, 2..6),
        kind in 0..KINDS,
        l2 in prop::sample::select(vec![0.0, 0.3]),
        seed in 1_u64..999,
    ) {
        let p = fitted(problem(widths, kind, 0.0, 1.0, seed), kind, l2, seed);
        let flow = LayerFlow::new(&p);
        let v = entries(seed + 5, flow.dim());
        let mut jv = vec![0.0; flow.dim()];
        flow.jvp(&p.initial_weights, &v, &mut jv);
        let stiff = stiff(&p, &v);
        // The gradient is zero up to roundoff of A; it meets products of layers of size ≤ 5⁴.
        let size = 1.0 + norm(&jv) + norm(&stiff);
        for i in 0..v.len() {
            let expected = -stiff[i] - 2.0 * l2 * v[i];
            prop_assert!((jv[i] - expected).abs() <= 1e-11 * size, "{} {expected}", jv[i]);
        }
    }
}

/// Away from a fit the Jacobian has another part: the test above is not vacuous.
#[test]
fn residual_curvature_is_not_in_the_tangent() {
    let p = problem(vec![3, 4, 3], 0, 0.0, 1.0, 3);
    let flow = LayerFlow::new(&p);
    let v = entries(4, flow.dim());
    let mut jv = vec![0.0; flow.dim()];
    flow.jvp(&p.initial_weights, &v, &mut jv);
    let miss: Vec<f64> = jv.iter().zip(stiff(&p, &v)).map(|(j, s)| j + s).collect();
    assert!(norm(&miss) > 0.1 * norm(&jv));
}

/// `K = O (Σ right ⊗ left) Oᵀ`, column by column.
#[test]
fn the_terms_of_the_kernel_add_up_to_it() {
    let plain = [vec![3, 5, 4], vec![3, 4], vec![3, 4, 4, 2]].map(|widths| (widths, 0));
    let others = (1..KINDS).map(|kind| (vec![3, 5, 4, 3], kind));
    for (widths, kind) in plain.into_iter().chain(others) {
        let p = problem(widths, kind, 0.0, 1.0, 11);
        let flow = LayerFlow::new(&p);
        let mut tangent = flow.tangent().expect("a small problem");
        tangent.freeze(&p.initial_weights);
        let (terms, kernel) = (tangent.kernel_terms(), tangent.kernel());
        let (rows, cols) = (p.network.output_width(), p.network.input_width());
        let (mut d, mut column) = (vec![0.0; rows * cols], vec![0.0; tangent.rank()]);
        for k in 0..tangent.rank() {
            let mut unit = vec![0.0; tangent.rank()];
            unit[k] = 1.0;
            tangent.observe_transpose(&unit, &mut d);
            let seen = Mat::from_fn(rows, cols, |i, j| d[j * rows + i]);
            let mut moved = Mat::zeros(rows, cols);
            for [left, right] in &terms {
                moved += left * &seen * right;
            }
            tangent.observe(&to_vec(moved.as_ref()), &mut column);
            for (a, found) in column.iter().enumerate() {
                let exact = kernel[(a, k)];
                assert!((found - exact).abs() < 1e-13 * kernel.norm_l2());
            }
        }
    }
}

/// `‖F v‖² ≤ size ‖v‖²` where the cost leaves out or mixes entries; sensing states the norm to a tenth.
#[test]
fn an_observation_is_no_larger_than_it_says() {
    for kind in 0..KINDS {
        let p = problem(vec![3, 5, 4], kind, 0.0, 1.0, 11);
        let flow = LayerFlow::new(&p);
        let tangent = flow.tangent().expect("a small problem");
        let whole = matches!(p.cost, Cost::SquaredError { .. } | Cost::Regression { .. });
        let Some(size) = tangent.observation() else {
            assert!(whole);
            continue;
        };
        assert!(!whole);
        let mut seen = vec![0.0; tangent.rank()];
        for seed in 0..20 {
            let v = entries(seed, 12);
            tangent.observe(&v, &mut seen);
            assert!(dot(&seen, &seen) <= 1.1 * size * dot(&v, &v));
        }
    }
}

#[test]
fn freezing_again_forgets_the_old_point() {
    let p = problem(vec![2, 3, 4, 2], 3, 0.0, 1.0, 7);
    let flow = LayerFlow::new(&p);
    let mut tangent = flow.tangent().expect("a small problem");
    tangent.freeze(&entries(1, flow.dim()));
    tangent.kernel();
    tangent.freeze(&p.initial_weights);
    let mut fresh = flow.tangent().expect("a small problem");
    fresh.freeze(&p.initial_weights);
    assert_eq!(tangent.kernel(), fresh.kernel());
}

fn with_cost(rows: usize, cols: usize, cost: Cost) -> Problem {
    let network = Network::new(vec![cols, 3, rows]);
    let initial_weights = vec![0.1; network.parameters()];
    Problem {
        network,
        cost,
        l2: 0.0,
        initial_weights,
    }
}

fn rank(cost: Cost) -> Option<usize> {
    let (rows, cols) = cost.shape();
    let p = with_cost(rows, cols, cost);
    let flow = LayerFlow::new(&p);
    flow.tangent().map(|t| t.rank())
}

fn sensing(count: usize) -> Cost {
    Cost::MatrixSensing {
        measurements: matrix(1, count, 12),
        observations: vec![0.0; count],
        target: None,
        shape: (3, 4),
    }
}

#[test]
fn rank_counts_the_directions_that_the_cost_sees() {
    // 3 × 4 entries; one weight is zero; 8 of 12 places have (i + j) mod 3 ≠ 1.
    let target = || matrix(1, 3, 4);
    assert_eq!(rank(cost(0, target(), 1)), Some(12));
    assert_eq!(rank(cost(1, target(), 1)), Some(11));
    assert_eq!(rank(cost(2, target(), 1)), Some(8));
    assert_eq!(rank(cost(3, target(), 1)), Some(12));
    assert_eq!(rank(cost(4, target(), 1)), Some(7));
}

/// Kernels with many rows are narrowed; measurements, which are copied, and ends are limited in number.
#[test]
fn no_tangent_beyond_2048_measurements_inputs_or_outputs() {
    let (target, weights) = (Mat::zeros(46, 45), Mat::full(46, 45, 1.0));
    assert_eq!(rank(Cost::Weighted { target, weights }), Some(2070));
    let target = Mat::zeros(46, 45);
    assert_eq!(rank(Cost::SquaredError { target }), Some(2070));
    // 30 × 30 with 100 entries seen is small.
    let observed = Mat::from_fn(30, 30, |i, j| f64::from(i < 10 && j < 10));
    let target = Mat::zeros(30, 30);
    assert_eq!(rank(Cost::MatrixCompletion { target, observed }), Some(100));
    assert_eq!(rank(sensing(2048)), Some(2048));
    assert_eq!(rank(sensing(2049)), None);
    // The terms themselves are as large as the squares of inputs and outputs.
    let wide = |cols| Cost::SquaredError {
        target: Mat::zeros(1, cols),
    };
    assert_eq!(rank(wide(2048)), Some(2048));
    assert_eq!(rank(wide(2049)), None);
}

#[test]
fn a_cost_that_sees_nothing_has_a_tangent_of_rank_zero() {
    let (target, observed) = (Mat::zeros(2, 2), Mat::zeros(2, 2));
    assert_eq!(rank(Cost::MatrixCompletion { target, observed }), Some(0));
}
