//! The linearised model, distances from the start, and the study that holds runs against them.

use dlnflow::flow::LayerTangent;
use dlnflow::integrate::Tangent;
use dlnflow::linalg::{Mat, norm, product};
use dlnflow::model::draws::{Stream, gaussian};
use dlnflow::model::init::gaussian_layers;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::regime::{
    LinearModel, Refused, nearest_minimum, nearest_over, nearest_saddle, tangent_kernel,
};
use dlnflow::report::regimes::{CorrectedPower, FitEntry, RegimesReport};
use dlnflow::run::{NoStudy, RegimesAsk, regimes};
use dlnflow::scenario::Scenario;
use dlnflow::theory::schatten::representation_cost;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

fn diagonal(s: &[f64]) -> Mat<f64> {
    Mat::from_fn(s.len(), s.len(), |i, j| if i == j { s[i] } else { 0.0 })
}

fn random(rows: usize, cols: usize, name: &str) -> Mat<f64> {
    gaussian(rows, cols, 1.0, &mut Stream::new(3, name))
}

fn problem(widths: &[usize], std: f64, cost: Cost) -> Problem {
    let network = Network::new(widths.to_vec());
    let initial_weights = gaussian_layers(&network, &vec![std; network.depth()], 11);
    Problem {
        network,
        cost,
        l2: 0.0,
        initial_weights,
    }
}

fn squared(target: Mat<f64>) -> Cost {
    Cost::SquaredError { target }
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    norm(&x.iter().zip(y).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// The distance from `(a, b)` to `x y = s` with `x > 0`, by a scan and bisection of its refinement.
fn to_hyperbola(a: f64, b: f64, s: f64) -> f64 {
    let at = |x: f64| (x - a).hypot(s / x - b);
    let (mut best, mut width) = (1.0, 20.0);
    for _ in 0..60 {
        let grid = (-100..=100).map(|k| best + width * f64::from(k) / 100.0);
        let found = grid
            .filter(|x| *x > 1e-6)
            .min_by(|x, y| at(*x).total_cmp(&at(*y)));
        best = found.expect("a grid");
        width *= 0.5;
    }
    at(best)
}

#[test]
fn two_scalar_layers_are_as_far_as_their_hyperbola() {
    for (a, b, s) in [
        (1.0, 0.5, 2.0),
        (0.3, 0.2, 1.0),
        (2.0, 0.1, 0.05),
        (3.0, 2.0, 1.0),
    ] {
        let network = Network::new(vec![1, 1, 1]);
        let target = diagonal(&[s]);
        let found = nearest_over(&network, &[a, b], target.as_ref(), f64::INFINITY);
        let found = found.expect("a distance");
        let exact = to_hyperbola(a, b, s);
        // The scan is good to the square of its last step.
        assert!(
            found.is_found() && (found.distance - exact).abs() < 1e-9,
            "{a} {b} {s}: {found:?}"
        );
    }
}

/// Points over the same target that are reached from nearby are farther away.
#[test]
fn the_nearest_minimum_is_one_and_no_neighbour_is_nearer() {
    for (widths, std) in [
        (vec![3, 5, 2], 0.6),
        (vec![3, 6, 5, 2], 0.4),
        (vec![2, 4, 4, 4, 2], 0.5),
    ] {
        let (outputs, inputs) = (widths[widths.len() - 1], widths[0]);
        let target = random(outputs, inputs, "target");
        let problem = problem(&widths, std, squared(target.clone()));
        let found = nearest_minimum(&problem).expect("a distance");
        assert!(found.is_found(), "{}", found.residual);
        let defect = (problem.network.end_to_end(&found.weights) - &target).norm_l2();
        assert!(defect < 1e-6 * target.norm_l2());
        let measured = distance(&found.weights, &problem.initial_weights);
        assert!((measured - found.distance).abs() < 1e-9 * measured);
        for k in 0..20 {
            let noise = random(found.weights.len(), 1, &format!("noise{k}"));
            let moved: Vec<f64> = (0..found.weights.len())
                .map(|i| found.weights[i] + 0.02 * noise[(i, 0)])
                .collect();
            let other = nearest_over(&problem.network, &moved, target.as_ref(), f64::INFINITY);
            let other = distance(&other.expect("near").weights, &problem.initial_weights);
            assert!(
                other > found.distance,
                "{widths:?}: {other} < {}",
                found.distance
            );
        }
    }
}

/// `‖θ‖² = L Σ s^{2/L}` is the least norm over a map (Srebro et al. 2004; Dai et al. 2021).
#[test]
fn from_a_tiny_start_the_nearest_minimum_is_that_of_least_norm() {
    let s = [2.0, 1.0, 0.5];
    for depth in [2, 3, 4] {
        let mut widths = vec![4; depth + 1];
        (widths[0], widths[depth]) = (3, 3);
        let problem = problem(&widths, 1e-4, squared(diagonal(&s)));
        let found = nearest_minimum(&problem).expect("a distance");
        let exact = representation_cost(depth, s).sqrt();
        // The start is about 1e-4 √parameters away from the origin.
        assert!(
            (found.distance / exact - 1.0).abs() < 2e-3,
            "{depth}: {}",
            found.distance
        );
    }
}

#[test]
fn narrowing_a_wide_layer_changes_no_distance() {
    let target = diagonal(&[1.0, 0.6, 0.3]);
    let problem = problem(&[3, 40, 3], 0.3, squared(target.clone()));
    let narrow = nearest_minimum(&problem).expect("a distance");
    let start = &problem.initial_weights;
    let wide = nearest_over(&problem.network, start, target.as_ref(), f64::INFINITY);
    let wide = wide.expect("a distance");
    assert!((narrow.distance - wide.distance).abs() < 1e-10 * wide.distance);
    assert!(distance(&narrow.weights, &wide.weights) < 1e-8);
}

/// Two decoupled scalar modes: either is put to zero and the other goes to its hyperbola, or both are.
#[test]
fn the_nearest_saddle_of_a_diagonal_start_is_that_of_its_modes() {
    let (first, second, s) = ([0.9, 0.2], [0.4, 0.5], [2.0, 0.7]);
    let network = Network::new(vec![2, 2, 2]);
    let initial_weights = [
        vec![first[0], 0.0, 0.0, second[0]],
        vec![first[1], 0.0, 0.0, second[1]],
    ];
    let problem = Problem {
        network,
        cost: squared(diagonal(&s)),
        l2: 0.0,
        initial_weights: initial_weights.concat(),
    };
    let found = nearest_saddle(&problem).expect("a distance");
    let zero = [first, second].map(|m| m[0].hypot(m[1]));
    let without = [
        zero[0].hypot(to_hyperbola(second[0], second[1], s[1])),
        zero[1].hypot(to_hyperbola(first[0], first[1], s[0])),
        zero[0].hypot(zero[1]),
    ];
    let exact = without.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        (found.distance - exact).abs() < 1e-9,
        "{found:?} {without:?}"
    );
    assert!(!found.is_bound);
}

/// A target of rank one: without its mode the product of what is left, `b · a`, goes to zero. With
/// `s, d = (a ± b)/√2`, `2 b·a = |s|² − |d|²`: both go to `(|s| + |d|)/2`, `| |s| − |d| |/√2` away.
#[test]
fn the_nearest_saddle_without_any_mode_has_a_product_of_zero() {
    for seed in ["one", "two", "three"] {
        let mut problem = problem(&[2, 5, 2], 1.0, squared(diagonal(&[40.0, 0.0])));
        let (low, high) = (random(5, 2, seed), random(2, 5, &format!("{seed} high")));
        let network = problem.network.clone();
        let weights = &mut problem.initial_weights;
        network.layer_mut(weights, 1).copy_from(&low);
        network.layer_mut(weights, 2).copy_from(&high);
        let found = nearest_saddle(&problem).expect("a distance");
        let mode = low.col(0).squared_norm_l2() + high.row(0).squared_norm_l2();
        let [sum, difference] = [1.0, -1.0].map(|sign| {
            let entries = (0..5).map(|i| low[(i, 1)] + sign * high[(1, i)]);
            (0.5 * entries.map(|x| x * x).sum::<f64>()).sqrt()
        });
        let rest = (sum - difference).abs() / 2_f64.sqrt();
        let exact = mode.sqrt().hypot(rest);
        assert_eq!(found.missing, [1]);
        assert!(!found.is_bound);
        assert!(
            (found.distance - exact).abs() < 1e-9 * exact,
            "{found:?} {exact}"
        );
    }
}

/// A target of rank two and a small start: both modes are given up, which costs `‖W_1 v_i‖² + ‖W_2ᵀ u_i‖²` each, and the
/// product of what is left goes to zero, `(|p| − |q|)²/2` with `p, q = (a ± b)/√2` as above.
#[test]
fn the_nearest_saddle_of_a_small_start_is_without_several_modes() {
    for seed in ["one", "two", "three"] {
        let mut problem = problem(&[3, 4, 3], 1.0, squared(diagonal(&[2.0, 1.0, 0.0])));
        let mut low = random(4, 3, seed);
        let mut high = random(3, 4, &format!("{seed} high"));
        low *= faer::Scale(0.2);
        high *= faer::Scale(0.2);
        let network = problem.network.clone();
        let weights = &mut problem.initial_weights;
        network.layer_mut(weights, 1).copy_from(&low);
        network.layer_mut(weights, 2).copy_from(&high);
        let found = nearest_saddle(&problem).expect("a distance");
        let modes = [0, 1].map(|i| low.col(i).squared_norm_l2() + high.row(i).squared_norm_l2());
        let [p, q] = [1.0, -1.0].map(|sign| {
            let entries = (0..4).map(|i| low[(i, 2)] + sign * high[(2, i)]);
            (0.5 * entries.map(|x| x * x).sum::<f64>()).sqrt()
        });
        let exact = (modes[0] + modes[1] + 0.5 * (p - q) * (p - q)).sqrt();
        let mut missing = found.missing.clone();
        missing.sort_unstable();
        assert_eq!(missing, [1, 2], "{found:?}");
        assert!(
            (found.distance - exact).abs() < 1e-9 * exact,
            "{found:?} {exact}"
        );
    }
}

/// `W_1ᵀW_1 = W_2W_2ᵀ = c² I`: the kernel is `2c² I`, and `A_lin(t) = T + e^{−2c²t}(A(0) − T)`.
#[test]
fn an_isotropic_kernel_closes_every_gap_at_one_rate() {
    let (c, target) = (1.3, random(3, 3, "target"));
    let mut problem = problem(&[3, 6, 3], 1.0, squared(target.clone()));
    let network = problem.network.clone();
    let low = Mat::from_fn(6, 3, |i, j| if i == j { c } else { 0.0 });
    let high = Mat::from_fn(3, 6, |i, j| if i + 3 == j { c } else { 0.0 });
    network
        .layer_mut(&mut problem.initial_weights, 1)
        .copy_from(&low);
    network
        .layer_mut(&mut problem.initial_weights, 2)
        .copy_from(&high);
    let linear = LinearModel::of(&problem).expect("a model");
    let identity = Mat::from_fn(9, 9, |i, j| if i == j { 2.0 * c * c } else { 0.0 });
    assert!((linear.kernel() - &identity).norm_l2() < 1e-13);
    for t in [0.0, 0.1, 1.0, 7.0] {
        let factor = -(-2.0 * c * c * t).exp_m1();
        let exact = Mat::from_fn(3, 3, |i, j| factor * target[(i, j)]);
        assert!((linear.at(t) - exact).norm_l2() < 1e-13, "t = {t}");
    }
}

/// Gradient descent on the weights of the linearised model, `A_0 + J(θ − θ_0)`, with `J` frozen.
fn linear_descent(problem: &Problem, horizon: f64, steps: usize) -> Mat<f64> {
    let network = &problem.network;
    let mut tangent = LayerTangent::of_network(network, 100).expect("a small kernel");
    tangent.freeze(&problem.initial_weights);
    let start = tangent.end_to_end().clone();
    let (rows, cols) = (start.nrows(), start.ncols());
    let mut moved = vec![0.0; network.parameters()];
    let (mut z, mut gradient) = (vec![0.0; rows * cols], Mat::zeros(rows, cols));
    for _ in 0..steps {
        tangent.forward(&moved, &mut z);
        let a = Mat::from_fn(rows, cols, |i, j| start[(i, j)] + z[i + rows * j]);
        problem
            .cost
            .gradient(a.as_ref(), gradient.as_mut(), &mut problem.cost.scratch());
        let rate = horizon / steps as f64;
        let down: Vec<f64> = dlnflow::linalg::to_vec(gradient.as_ref())
            .iter()
            .map(|g| -rate * g)
            .collect();
        tangent.backward(&down, &mut moved);
    }
    tangent.forward(&moved, &mut z);
    Mat::from_fn(rows, cols, |i, j| start[(i, j)] + z[i + rows * j])
}

#[test]
fn the_linear_model_is_the_limit_of_linearised_gradient_descent() {
    let target = || random(2, 3, "target");
    let half = random(3, 3, "covariance");
    let costs = [
        squared(target()),
        Cost::MatrixCompletion {
            target: target(),
            observed: Mat::from_fn(2, 3, |i, j| if (i, j) == (1, 1) { 0.0 } else { 1.0 }),
        },
        Cost::regression(target(), product(half.as_ref(), half.transpose()), 0.1),
        Cost::MatrixSensing {
            measurements: random(4, 6, "measurements"),
            observations: vec![0.3, -0.2, 0.9, 1.1],
            target: None,
            shape: (2, 3),
        },
    ];
    for cost in costs {
        let problem = problem(&[3, 4, 5, 2], 0.5, cost);
        let exact = LinearModel::of(&problem).expect("a model").at(0.8);
        let coarse = linear_descent(&problem, 0.8, 2000);
        let fine = linear_descent(&problem, 0.8, 4000);
        let error = (&fine - &exact).norm_l2();
        // Euler's error is proportional to the step, and extrapolation takes it away.
        let ratio = (&coarse - &exact).norm_l2() / error;
        assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
        let limit = Mat::from_fn(2, 3, |i, j| 2.0 * fine[(i, j)] - coarse[(i, j)]);
        assert!((&limit - &exact).norm_l2() < 1e-2 * error);
        assert!((&exact - &problem.network.end_to_end(&problem.initial_weights)).norm_l2() > 0.1);
        // What the cost does not see stays where it ends, and time runs backwards too.
        let model = LinearModel::of(&problem).expect("a model");
        assert!((model.at(1e5) - model.at(1e13)).norm_l2() < 1e-12);
        let kernel = model.kernel().clone();
        let back =
            LinearModel::with_kernel(&problem.cost, kernel, model.at(-0.1)).expect("a model");
        assert!((back.at(0.1) - model.at(0.0)).norm_l2() < 1e-12);
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let observed = Mat::from_fn(2, 2, |i, _| i as f64);
    let target = diagonal(&[1.0, 0.5]);
    let completion = Cost::MatrixCompletion {
        target: target.clone(),
        observed,
    };
    let unseen = problem(&[2, 3, 2], 0.5, completion);
    assert_eq!(
        nearest_minimum(&unseen).err(),
        Some(Refused::NotSquaredError)
    );
    let narrow = problem(&[2, 1, 2], 0.5, squared(target.clone()));
    assert_eq!(
        nearest_minimum(&narrow).err(),
        Some(Refused::RankOutOfReach(2))
    );
    let mut decaying = problem(&[2, 3, 2], 0.5, squared(target.clone()));
    decaying.l2 = 0.01;
    assert_eq!(LinearModel::of(&decaying).err(), Some(Refused::WeightDecay));
    assert_eq!(nearest_minimum(&decaying).err(), Some(Refused::Regularised));
    assert_eq!(nearest_saddle(&decaying).err(), Some(Refused::Regularised));
    let one = problem(&[2, 2], 0.5, squared(target));
    assert_eq!(nearest_saddle(&one).err(), Some(Refused::OneLayer));
    let large = Network::new(vec![30, 2, 30]);
    let kernel = tangent_kernel(&large, &vec![0.1; large.parameters()]);
    assert_eq!(kernel.err(), Some(Refused::KernelTooLarge(900)));
}

/// From zero the nearest minimum costs `L Σ s_i^{2/L} = 2(2 + 1)`, with neurons that the flow would never use.
#[test]
fn neurons_that_are_zero_can_be_used() {
    let start = problem(&[2, 3, 2], 0.0, squared(diagonal(&[2.0, 1.0])));
    let found = nearest_minimum(&start).expect("a distance");
    assert!((found.distance - 6f64.sqrt()).abs() < 1e-9, "{found:?}");
}

/// Each layer more is stored: what cannot be is refused before.
#[test]
fn a_study_of_too_many_layers_is_refused() {
    let scenario = shipped("basics/two_layer_staircase.toml", &[]);
    let ask = RegimesAsk {
        depths: vec![2, usize::MAX],
        ..RegimesAsk::default()
    };
    let none = regimes(&scenario, &ask, &AtomicBool::new(false), &|_, _| {});
    assert_eq!(
        none.err().map(|e| e.to_string()),
        Some(format!("{} layers; at most 1000", usize::MAX))
    );
}

fn shipped(name: &str, overrides: &[&str]) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    Scenario::load(&root.join(name), &overrides).expect("scenario")
}

fn study(scenario: &Scenario, ask: &RegimesAsk) -> RegimesReport {
    let never = AtomicBool::new(false);
    regimes(scenario, ask, &never, &|_, _| {}).expect("a study")
}

#[test]
fn one_layer_is_its_linear_model() {
    let scenario = shipped("limits/depth_1.toml", &["solver.rtol=1e-9"]);
    let report = study(&scenario, &RegimesAsk::default());
    let run = &report.runs[0];
    assert!(
        run.largest_kernel_drift.is_some_and(|d| d < 1e-14),
        "{run:?}"
    );
    assert!(run.lazy_distance.is_some_and(|d| d < 1e-7), "{run:?}");
    assert!(run.saddle.reason.is_some() && run.minimum.value.is_some());
}

#[test]
fn the_half_time_of_an_aligned_mode_is_its_closed_form() {
    let scenario = shipped("basics/two_layer_staircase.toml", &["solver.rtol=1e-9"]);
    let report = study(&scenario, &RegimesAsk::default());
    let time = report.runs[0].first_half_time.expect("a half time");
    // scenarios/README.md: escape of mode 1 at half its strength, closed form.
    assert!((time / 1.9002255836 - 1.0).abs() < 1e-7, "{time}");
}

fn fit<'r>(report: &'r RegimesReport, quantity: &str) -> &'r FitEntry {
    let found = report.fits.iter().find(|f| f.quantity == quantity);
    found.unwrap_or_else(|| panic!("no fit of {quantity}"))
}

/// Two layers, `γ = 1/2`: drift and distance fall as `1/w`.
#[test]
fn a_wide_start_becomes_lazy_at_the_predicted_powers() {
    let scenario = shipped("papers/jacot2021/jacot2021_e5_large_start.toml", &[]);
    let ask = RegimesAsk {
        widths: vec![256, 1024, 4096, 16384],
        gammas: vec![0.5],
        seeds: 8,
        threads: 1,
        ..RegimesAsk::default()
    };
    let report = study(&scenario, &ask);
    for quantity in ["kernel_drift", "lazy_distance"] {
        let fit = fit(&report, quantity);
        assert_eq!(fit.predicted, Some(-1.0));
        let off = (fit.power + 1.0).abs();
        assert!(
            fit.standard_error < 0.08 && off < 2.5 * fit.standard_error,
            "{fit:?}"
        );
    }
    assert!(
        report
            .groups
            .iter()
            .all(|g| g.regime.as_deref() == Some("lazy"))
    );
    let last = report.groups.last().expect("groups");
    let ratio = last.minimum_ratio.expect("distances").median;
    assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
}

/// Two layers, `γ = 3/4`: drift and distance have no free constant, and corrections fall as `w^{−1/2}`.
#[test]
fn a_start_that_vanishes_meets_its_leading_order() {
    let scenario = shipped("papers/jacot2021/jacot2021_e5_large_start.toml", &[]);
    let ask = RegimesAsk {
        widths: vec![256, 1024, 4096, 16384, 65536],
        gammas: vec![0.75],
        seeds: 10,
        no_distances: true,
        threads: 1,
        ..RegimesAsk::default()
    };
    let report = study(&scenario, &ask);
    let ratios = report.groups.iter().map(|g| {
        let ratios = [g.lazy_ratio, g.drift_ratio];
        (g.width, ratios.map(|r| r.expect("an estimate").median))
    });
    for (width, [lazy, drift]) in ratios {
        // The draws' part is of size w^{−1/4}; its median over ten seeds, a third of that.
        let band = 2.0 * (width as f64).powf(-0.5) + (width as f64).powf(-0.25) / 3.0;
        assert!((lazy - 1.0).abs() < 2.0 * band, "{width}: {lazy}");
        assert!((drift - 1.0).abs() < band, "{width}: {drift}");
    }
    for quantity in ["kernel_drift", "lazy_distance"] {
        let fit = fit(&report, quantity);
        let exponents = |c: &CorrectedPower| c.corrections.iter().map(|c| c.exponent).collect();
        let found: Vec<Vec<f64>> = fit.corrected.iter().map(exponents).collect();
        assert_eq!(found, [vec![-0.5], vec![-0.5, -1.0]]);
        let corrected = &fit.corrected[0];
        assert_eq!(corrected.seeds, 10);
        let off = (corrected.power + 0.5).abs();
        assert!(
            corrected.standard_error < 0.03 && off < 3.0 * corrected.standard_error,
            "{fit:?}"
        );
    }
    let fit = fit(&report, "kernel_drift");
    // The correction itself is seen.
    assert!(
        (fit.power + 0.5).abs() > 3.0 * fit.standard_error,
        "{fit:?}"
    );
}

/// Layers of up to 10⁹ neurons, of which the flow needs eight: at `γ = 0.6`, where corrections fall as `w^{−0.2}`,
/// the powers show only there.
#[test]
fn the_widest_layers_meet_the_powers() {
    let scenario = shipped("papers/jacot2021/jacot2021_e5_any_width.toml", &[]);
    let ask = RegimesAsk {
        widths: [1e5, 5e5, 2e6, 1e7, 5e7, 2e8, 1e9]
            .map(|w| w as usize)
            .to_vec(),
        gammas: vec![0.6, 0.75],
        seeds: 40,
        no_distances: true,
        threads: 2,
        ..RegimesAsk::default()
    };
    let report = study(&scenario, &ask);
    let fits = report.fits.iter().filter(|f| f.predicted.is_some());
    let mut seen = 0;
    for fit in fits {
        let last = fit.corrected.last().expect("corrections");
        let off = (last.power - fit.predicted.expect("a power")).abs();
        assert_eq!((last.corrections.len(), last.seeds), (3, 40));
        assert!(
            last.standard_error < 0.005 && off < 3.0 * last.standard_error,
            "{fit:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// A drawn width is that of the layer, not of the neurons that span it.
#[test]
fn a_drawn_width_stands_in_for_the_layer() {
    let path = "papers/jacot2021/jacot2021_e5_any_width.toml";
    let report = study(
        &shipped(path, &[]),
        &RegimesAsk {
            threads: 1,
            ..RegimesAsk::default()
        },
    );
    let run = &report.runs[0];
    assert_eq!((run.width, run.gamma), (1_000_000, Some(0.75)));
    let ratio = run.minimum.ratio.expect("a distance");
    // Corrections are of size w^{−1/4}.
    assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
    let never = AtomicBool::new(false);
    let deep = RegimesAsk {
        depths: vec![3],
        threads: 1,
        ..RegimesAsk::default()
    };
    let found = regimes(&shipped(path, &[]), &deep, &never, &|_, _| {});
    assert!(matches!(found, Err(NoStudy::Input(_))));
}

#[test]
fn a_small_start_passes_saddles() {
    let scenario = shipped("papers/jacot2021/jacot2021_e3_distances.toml", &[]);
    let ask = RegimesAsk {
        widths: vec![256],
        gammas: vec![0.75, 2.0],
        seeds: 2,
        distances_only: true,
        threads: 2,
        ..RegimesAsk::default()
    };
    let report = study(&scenario, &ask);
    let names: Vec<_> = report.groups.iter().map(|g| g.regime.as_deref()).collect();
    assert_eq!(names, [Some("lazy"), Some("saddle_to_saddle")]);
    assert!(
        report
            .runs
            .iter()
            .all(|r| r.outcome.is_none() && r.saddle.ratio.is_some())
    );
}

#[test]
fn weight_decay_has_no_study() {
    let scenario = shipped(
        "basics/two_layer_staircase.toml",
        &["regularization.l2=0.01"],
    );
    let never = AtomicBool::new(false);
    let found = regimes(&scenario, &RegimesAsk::default(), &never, &|_, _| {});
    assert!(matches!(found, Err(NoStudy::Refused(Refused::WeightDecay))));
}

fn dlnflow(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(arguments).output().expect("the program")
}

#[test]
fn the_command_writes_the_same_study_with_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = "scenarios/papers/jacot2021/jacot2021_e5_large_start.toml";
    let mut texts = Vec::new();
    for threads in ["1", "2"] {
        let out = dir.path().join(threads);
        let out = out.to_str().expect("a name");
        let done = dlnflow(&[
            "regimes",
            file,
            "--widths",
            "16,32",
            "--gammas",
            "0.75,1",
            "--seeds",
            "2",
            "--threads",
            threads,
            "--out",
            out,
        ]);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let table = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(
            table.contains("lazy distance") && table.contains("kernel drift"),
            "{table}"
        );
        let read = |name: &str| fs::read_to_string(Path::new(out).join(name)).expect(name);
        assert_eq!(read("regimes.csv").lines().count(), 1 + 8);
        assert!(read("regimes_curves.csv").lines().count() > 400);
        for name in [
            "loss_L2_gamma0.75",
            "loss_L2_gamma1",
            "lazy_distance",
            "kernel_drift",
            "minimum",
            "saddle",
            "distance_ratio",
        ] {
            let svg = read(&format!("figures/regimes_{name}.svg"));
            assert!(svg.contains("</svg>"));
            let thin = svg.contains(">10 %, 90 % of seeds</text>");
            assert_eq!(thin, name.starts_with("loss"), "{name}");
            let bars = svg.contains(">quantiles 0.1 to 0.9</text>");
            assert_ne!(bars, name.starts_with("loss"), "{name}");
        }
        texts.push(read("regimes.json"));
    }
    assert_eq!(texts[0], texts[1]);
}

/// What is left of a run that failed is its reason: numbers of a part are none of the whole.
#[test]
fn a_run_that_fails_is_said_and_has_no_numbers() {
    let dir = tempfile::tempdir().expect("a folder");
    let done = dlnflow(&[
        "regimes",
        "scenarios/basics/two_layer_staircase.toml",
        "--set",
        "solver.max_steps=3",
        "--json",
        "--out",
        dir.path().join("o").to_str().expect("a name"),
    ]);
    assert_eq!(done.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&done.stderr).contains("1 of 1 runs failed"));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let run = &report["runs"][0];
    assert_eq!(run["failed"], true);
    assert_eq!(run["outcome"], "failed");
    assert!(
        run["outcome_detail"]
            .as_str()
            .is_some_and(|o| o.contains("3 steps"))
    );
    assert!(run["lazy_distance"].is_null() && run["final_cost"].is_null());
    assert!(run["distance_ratio"].is_number());
}

/// The closed form beside the linear model: the times of `auto`, which steps.
#[test]
fn the_exact_method_has_a_study_too() {
    let half_time = |method: &str| {
        let scenario = shipped("basics/two_layer_exact.toml", &[method]);
        let run = study(&scenario, &RegimesAsk::default()).runs.remove(0);
        assert!(!run.failed, "{run:?}");
        run.first_half_time.expect("a half time")
    };
    let exact = half_time("solver.method=\"exact\"");
    // docs/integrators.md: `auto` at rtol 1e-9 is within 1.1e-11 of it.
    assert!((half_time("solver.method=\"auto\"") / exact - 1.0).abs() < 1e-9);
}

/// Leading orders are those of the variance `w^{−γ}`, which a scale takes away.
#[test]
fn a_scaled_start_has_no_leading_order() {
    let ratio = |scale: &str| {
        let scenario = shipped("papers/jacot2021/jacot2021_e5_large_start.toml", &[scale]);
        let ask = RegimesAsk {
            gammas: vec![0.75],
            distances_only: true,
            ..RegimesAsk::default()
        };
        let run = study(&scenario, &ask).runs.remove(0);
        assert_eq!(run.gamma, Some(0.75));
        run.minimum.ratio
    };
    assert!(ratio("init.scale=1.0").is_some());
    assert_eq!(ratio("init.scale=0.5"), None);
}

#[test]
fn one_layer_has_no_width() {
    let done = dlnflow(&["regimes", "scenarios/limits/depth_1.toml", "--widths", "8"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("no hidden width"));
    let done = dlnflow(&["regimes", "scenarios/limits/depth_1.toml", "--widths", "0"]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("positive whole number"));
}

fn from_text(text: &str) -> Scenario {
    Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]).expect("scenario")
}

/// A run that its own rule ends has no rows after that: the linearised model would go on alone.
#[test]
fn a_comparison_ends_where_the_run_is_stopped() {
    let text = |stop: &str| {
        format!(
            "[network]\nwidths = [3, 100, 3]\n[cost]\nkind = \"squared_error\"\n\
             target = {{ diagonal = [2.0, 1.0, 0.5] }}\n[init]\nkind = \"gaussian\"\ngamma = 0.75\n\
             [solver]\nhorizon = 10.0\n{stop}"
        )
    };
    let ask = RegimesAsk {
        no_distances: true,
        threads: 1,
        ..RegimesAsk::default()
    };
    let distance = |stop: &str| {
        let report = study(&from_text(&text(stop)), &ask);
        report.runs[0].lazy_distance.expect("a run")
    };
    let whole = distance("");
    assert!(distance("[stop]\ncost = 1.0\n") <= whole);
    // At rest, what the linearised model still does counts.
    assert_eq!(distance("[stop]\ncost = 1e-14\n"), whole);
}

/// Leading orders know one width; a point asked for twice is one.
#[test]
fn estimates_are_for_layers_of_one_width() {
    let text = |widths: &str| {
        format!(
            "[network]\nwidths = {widths}\n[cost]\nkind = \"squared_error\"\n\
             target = {{ diagonal = [2.0, 1.0, 0.5] }}\n[init]\nkind = \"gaussian\"\ngamma = 0.75\n\
             [solver]\nhorizon = 10.0\n"
        )
    };
    let ask = RegimesAsk {
        distances_only: true,
        threads: 1,
        ..RegimesAsk::default()
    };
    let estimate = |widths: &str| {
        study(&from_text(&text(widths)), &ask).runs[0]
            .minimum
            .estimate
    };
    assert_eq!(estimate("[3, 4, 40, 3]"), None);
    assert!(estimate("[3, 40, 40, 3]").is_some());
    let twice = RegimesAsk {
        widths: vec![8, 8, 16],
        gammas: vec![0.75, 0.75],
        ..ask
    };
    let report = study(&from_text(&text("[3, 4, 3]")), &twice);
    assert_eq!(
        report.runs.iter().map(|r| r.width).collect::<Vec<_>>(),
        [8, 16]
    );
}
