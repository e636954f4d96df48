//! The layer flow: derivatives, conserved quantities and symmetries, without any integrator.

use dlnflow::flow::LayerFlow;
use dlnflow::integrate::VectorField;
use dlnflow::linalg::{Mat, dot, multiply, norm};
use dlnflow::model::{Cost, Network, Problem};
use proptest::prelude::*;

/// Entries in (−1, 1), different for every seed; tests only need them to be generic.
fn generic(seed: u64, n: usize) -> Vec<f64> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
        .collect()
}

fn matrix(seed: u64, rows: usize, cols: usize) -> Mat<f64> {
    let data = generic(seed, rows * cols);
    Mat::from_fn(rows, cols, |i, j| data[j * rows + i])
}

fn cost(kind: u8, seed: u64, rows: usize, cols: usize) -> Cost {
    let target = matrix(seed, rows, cols);
    match kind {
        0 => Cost::SquaredError { target },
        1 => {
            let weights = Mat::from_fn(rows, cols, |i, j| 0.5 + ((i + 2 * j) % 3) as f64);
            Cost::Weighted { target, weights }
        }
        2 => {
            let observed = Mat::from_fn(rows, cols, |i, j| f64::from((i + j) % 3 != 1));
            Cost::MatrixCompletion { target, observed }
        }
        3 => {
            let x = matrix(seed + 1, cols, cols + 3);
            let mut covariance = Mat::zeros(cols, cols);
            multiply(covariance.as_mut(), false, 0.2, x.as_ref(), x.transpose());
            Cost::regression(target, covariance, 0.3)
        }
        _ => Cost::MatrixSensing {
            measurements: matrix(seed + 2, 7, rows * cols),
            observations: generic(seed + 3, 7),
            target: None,
            shape: (rows, cols),
        },
    }
}

fn problem(widths: Vec<usize>, kind: u8, l2: f64, seed: u64) -> Problem {
    let network = Network::new(widths);
    let cost = cost(kind, seed, network.output_width(), network.input_width());
    let initial_weights = generic(seed + 9, network.parameters());
    Problem {
        network,
        cost,
        l2,
        initial_weights,
    }
}

fn loss(problem: &Problem, w: &[f64]) -> f64 {
    let mut products = problem.network.product_storage();
    problem.network.prefix_products(w, &mut products);
    let a = products[problem.network.depth() - 1].as_ref();
    let mut g = Mat::zeros(a.nrows(), a.ncols());
    let c = problem
        .cost
        .gradient(a, g.as_mut(), &mut problem.cost.scratch());
    c + problem.l2 * dot(w, w)
}

fn shifted(w: &[f64], v: &[f64], h: f64) -> Vec<f64> {
    w.iter().zip(v).map(|(w, v)| w + h * v).collect()
}

/// Derivative at 0 of a smooth function: central differences extrapolated to order 6, step 1e-2.
/// The functions here are polynomials with coefficients of order `size`; truncation is below
/// 1e-9 `size` and roundoff below 1e-12 `size`.
fn derivative(f: impl Fn(f64) -> f64) -> f64 {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    let (a, b, c) = (central(4e-2), central(2e-2), central(1e-2));
    let (ab, bc) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
    (16.0 * bc - ab) / 15.0
}

fn problems() -> impl Strategy<Value = Problem> {
    (
        prop::collection::vec(1_usize..5, 2..6),
        0_u8..5,
        prop::sample::select(vec![0.0, 0.07]),
        1_u64..1000,
    )
        .prop_map(|(widths, kind, l2, seed)| problem(widths, kind, l2, seed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn right_hand_side_is_minus_the_gradient(p in problems(), seed in 1_u64..99) {
        let flow = LayerFlow::new(&p);
        let v = generic(seed, flow.dim());
        let mut f = vec![0.0; flow.dim()];
        flow.eval(&p.initial_weights, &mut f);
        let slope = derivative(|h| loss(&p, &shifted(&p.initial_weights, &v, h)));
        let size = 1.0 + loss(&p, &p.initial_weights) + norm(&f) * norm(&v);
        prop_assert!((slope + dot(&f, &v)).abs() < 1e-7 * size);
    }

    #[test]
    fn jacobian_product_is_the_derivative_and_symmetric(p in problems(), seed in 1_u64..99) {
        let flow = LayerFlow::new(&p);
        let n = flow.dim();
        let (v, u) = (generic(seed, n), generic(seed + 1, n));
        let (mut jv, mut ju) = (vec![0.0; n], vec![0.0; n]);
        flow.jvp(&p.initial_weights, &v, &mut jv);
        flow.jvp(&p.initial_weights, &u, &mut ju);
        let along = derivative(|h| {
            let mut f = vec![0.0; n];
            flow.eval(&shifted(&p.initial_weights, &v, h), &mut f);
            dot(&f, &u)
        });
        let size = 1.0 + norm(&jv) * norm(&u) + norm(&ju) * norm(&v);
        prop_assert!((along - dot(&jv, &u)).abs() < 1e-7 * size);
        // Exact up to the roundoff of a few hundred operations.
        prop_assert!((dot(&jv, &u) - dot(&ju, &v)).abs() < 1e-13 * size);
    }

    /// `d(W_{l+1}ᵀW_{l+1} − W_lW_lᵀ)/dt = −4λ (…)` along the flow, pointwise.
    #[test]
    fn imbalance_decays_at_its_law(p in problems()) {
        let flow = LayerFlow::new(&p);
        let (net, w) = (&p.network, &p.initial_weights);
        let mut f = vec![0.0; flow.dim()];
        flow.eval(w, &mut f);
        for l in 1..net.depth() {
            let n = net.widths()[l];
            let mut rate = Mat::zeros(n, n);
            let mut add = |sign: f64, a: &[f64], b: &[f64]| {
                let (hi, hj) = (net.layer(a, l + 1), net.layer(b, l + 1));
                multiply(rate.as_mut(), true, sign, hi.transpose(), hj);
                let (lo, lj) = (net.layer(a, l), net.layer(b, l));
                multiply(rate.as_mut(), true, -sign, lo, lj.transpose());
            };
            add(1.0, w, &f);
            add(1.0, &f, w);
            add(4.0 * p.l2, w, w);
            prop_assert!(rate.norm_l2() < 1e-12 * (1.0 + norm(&f) * norm(w)));
        }
    }
}

#[test]
fn magnitude_separates_modes_and_ignores_single_entries() {
    // Two hidden neurons, one a million times smaller; entries (1,1) of both layers vanish.
    let mut p = problem(vec![2, 2, 2], 0, 0.0, 1);
    p.initial_weights = vec![0.0, 1e-6, 3.0, 2e-6, 4.0, 2.0, 2e-6, 1e-6];
    let flow = LayerFlow::new(&p);
    let mut m = vec![0.0; 8];
    flow.magnitude(&p.initial_weights, &mut m);
    let large = (29.0_f64 / 4.0).sqrt();
    let small = (10.0_f64 / 4.0).sqrt() * 1e-6;
    let expected = [large, small, large, small, large, large, small, small];
    for (m, e) in m.iter().zip(expected) {
        assert!((m / e - 1.0).abs() < 1e-14, "{m} against {e}");
    }
}
