//! Imbalance, the norm behind `‖θ‖²`, and distances from wide Gaussian starts.

use dlnflow::linalg::{Mat, MatRef, symmetric_eigen};
use dlnflow::model::draws::{Stream, gaussian, with_singular_values};
use dlnflow::model::init::{Factors, balanced_layers, gaussian_layers};
use dlnflow::model::{Network, Problem};
use dlnflow::run::{Watch, run};
use dlnflow::scenario::Scenario;
use dlnflow::theory::conservation::imbalance;
use dlnflow::theory::lazy::{Status, distance_to_minimum, distance_to_saddle};
use dlnflow::theory::schatten::{gap, representation_cost};
use std::path::Path;

/// `W_{l+1}ᵀW_{l+1} − W_l W_lᵀ`.
fn difference(low: MatRef<'_, f64>, high: MatRef<'_, f64>) -> Mat<f64> {
    high.transpose() * high - low * low.transpose()
}

/// Integration of the layers knows no conservation law.
#[test]
fn imbalance_decays_at_its_rate() {
    for l2 in [0.0, 0.07] {
        let text = format!(
            "network = {{ widths = [3, 4, 2, 5] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ gaussian = 1.0 }} }}\n\
             init = {{ kind = \"gaussian\", std = 0.5 }}\nregularization = {{ l2 = {l2} }}\n\
             solver = {{ method = \"dop853\", rtol = 1e-12, horizon = 3.0 }}\n"
        );
        let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
            .unwrap_or_else(|e| panic!("{e}"));
        let built = scenario.build().unwrap_or_else(|e| panic!("{e}"));
        let report = run(&scenario, &built, Watch::default());
        let Problem {
            network,
            initial_weights,
            ..
        } = &built.problem;
        let end: Vec<Mat<f64>> = (report.final_weights.iter())
            .map(|(rows, columns, w)| Mat::from_fn(*rows, *columns, |i, j| w[j * rows + i]))
            .collect();
        for l in 1..network.depth() {
            let layer = |l| network.layer(initial_weights, l);
            let exact = imbalance(difference(layer(l), layer(l + 1)).as_ref(), l2, 3.0);
            let found = difference(end[l - 1].as_ref(), end[l].as_ref());
            let error = (&found - &exact).norm_max() / exact.norm_max();
            println!("λ = {l2}, l = {l}: {error:.1e}");
            // About a hundred steps, each accurate to 1e-12.
            assert!(error < 1e-10, "λ = {l2}, l = {l}: {error:e}");
        }
    }
    let one = Mat::<f64>::identity(2, 2);
    assert_eq!(imbalance(one.as_ref(), 0.0, f64::INFINITY), one);
}

#[test]
fn balanced_weights_are_the_shortest() {
    for depth in 1..=5 {
        let mut widths = vec![4; depth + 1];
        widths[depth] = 3;
        let network = Network::new(widths);
        let s = [2.0, 0.7, 0.3];
        let a = with_singular_values(3, 4, &s, 5, "a");
        let factors = Factors::of(a.as_ref()).expect("finite");
        let mut weights = balanced_layers(&network, &factors, Some(7));
        let norm: f64 = weights.iter().map(|w| w * w).sum();
        // Roundoff of powers and products of a few matrices.
        assert!((norm / representation_cost(depth, s) - 1.0).abs() < 1e-13);
        assert!(gap(&network, &weights).expect("finite").abs() < 1e-12);
        if depth > 1 {
            // The same product from longer weights: 2 W_1 and W_2/2 add 3‖W_1‖² − ¾‖W_2‖².
            let part = norm / depth as f64;
            weights[network.range(1)].iter_mut().for_each(|w| *w *= 2.0);
            weights[network.range(2)].iter_mut().for_each(|w| *w *= 0.5);
            let longer = gap(&network, &weights).expect("finite");
            assert!(
                (longer - 2.25 * part).abs() < 1e-12,
                "L = {depth}: {longer}"
            );
        }
    }
    assert_eq!(gap(&Network::new(vec![1, 1]), &[f64::NAN]), None);
}

/// `W_b … W_a`, the identity of `n` for `a > b`.
fn product(network: &Network, weights: &[f64], a: usize, b: usize, n: usize) -> Mat<f64> {
    let start = Mat::<f64>::identity(n, n);
    (a..=b).fold(start, |p, l| network.layer(weights, l) * p)
}

/// To first order the nearest solution is `√(rᵀ K⁻¹ r)` away, `r = vec(A* − A(0))`,
/// `K = Σ_l (W_{l−1}…W_1)ᵀ(…) ⊗ (W_L…W_{l+1})(…)ᵀ`.
fn newton_distance(network: &Network, weights: &[f64], residual: &Mat<f64>) -> f64 {
    let (n, depth) = (residual.nrows(), network.depth());
    let mut kernel = Mat::<f64>::zeros(n * n, n * n);
    for l in 1..=depth {
        let below = product(network, weights, 1, l - 1, n);
        let above = match l == depth {
            true => Mat::identity(n, n),
            false => {
                let width = network.widths()[l];
                product(network, weights, l + 1, depth, width)
            }
        };
        let (right, left) = (below.transpose() * &below, &above * above.transpose());
        kernel += Mat::from_fn(n * n, n * n, |x, y| {
            right[(x / n, y / n)] * left[(x % n, y % n)]
        });
    }
    let (values, vectors) = symmetric_eigen(kernel.as_ref()).expect("finite");
    let r = Mat::from_fn(n * n, 1, |x, _| residual[(x % n, x / n)]);
    let coordinates = vectors.transpose() * r;
    let terms = (0..n * n).map(|k| coordinates[(k, 0)].powi(2) / values[k]);
    terms.sum::<f64>().sqrt()
}

#[test]
fn wide_starts_are_as_far_as_they_should_be() {
    const N: usize = 3;
    let target = gaussian(N, N, 1.0, &mut Stream::new(3, "target"));
    for (depth, width) in [(2, 4000), (3, 700)] {
        let mut widths = vec![width; depth + 1];
        (widths[0], widths[depth]) = (N, N);
        let network = Network::new(widths);
        let close = |estimate: f64, exact: f64, what: &str| {
            println!("L = {depth}, {what}: {estimate} against {exact}");
            // Sums of `w` squares fluctuate by √(2/w), 5 % at 700, and a few of them enter.
            let known = 4.0 * (2.0 / width as f64).sqrt();
            assert!(
                (estimate / exact - 1.0).abs() < known,
                "L = {depth}, {what}"
            );
        };
        let start = |gamma: f64| {
            let std = (width as f64).powf(-0.5 * gamma);
            gaussian_layers(&network, &vec![std; depth], 11)
        };
        let lazy = start(0.6);
        let residual = &target - product(&network, &lazy, 1, depth, N);
        let estimate = distance_to_minimum(depth, width, 0.6, residual.norm_l2(), &[]);
        let exact = newton_distance(&network, &lazy, &residual);
        close(estimate.expect("lazy").value, exact, "minimum");
        let saddle = distance_to_saddle(depth, width, 0.6, &[1.0; N]).expect("lazy");
        // The mode of one input and one output is removed by zeroing what it meets.
        let first = network.layer(&lazy, 1).subcols(0, 1).squared_norm_l2();
        let last = network.layer(&lazy, depth).subrows(0, 1).squared_norm_l2();
        close(saddle.value, (first + last).sqrt(), "saddle");
        let expected = if depth == 2 {
            Status::Observed
        } else {
            Status::Heuristic
        };
        assert_eq!(saddle.status, expected);
        let small = start(1.5);
        for rank in [1, N] {
            let saddle = distance_to_saddle(depth, width, 1.5, &[2.0; N][..rank]).expect("small");
            // All modes go; what is left of a small start's product is smaller by its size.
            let first = network.layer(&small, 1).subcols(0, rank);
            let last = network.layer(&small, depth).subrows(0, rank);
            let ends = first.squared_norm_l2() + last.squared_norm_l2();
            close(saddle.value, ends.sqrt(), "saddle of a small start");
            assert_eq!(saddle.status, Status::UpperBound);
        }
        let minimum = distance_to_minimum(depth, width, 1.5, 1.0, &[2.0, 0.5]).expect("small");
        let l = depth as f64;
        let norm = l * (2_f64.powf(2.0 / l) + 0.5_f64.powf(2.0 / l));
        close(minimum.value, norm.sqrt(), "minimum from the origin");
    }
    assert_eq!(distance_to_minimum(2, 10, 1.0, 1.0, &[]), None);
    assert_eq!(distance_to_saddle(2, 10, 1.0, &[1.0]), None);
    assert_eq!(distance_to_saddle(1, 10, 0.5, &[1.0]), None);
}
