//! The diffsol methods against closed forms, against published escape times and against each
//! other, through the public interface alone.

use dlnflow::error::Error;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{
    Integration, Method, Observer, Options, Outcome, Step, VectorField, integrate,
};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use std::ops::ControlFlow;

const ALL: [Method; 4] = [
    Method::Tsit45,
    Method::Bdf,
    Method::Esdirk34,
    Method::TrBdf2,
];
/// What the implicit methods promise at each relative tolerance.
const PROMISE: [(f64, f64); 3] = [(1e-6, 1e-4), (1e-9, 1e-6), (1e-12, 1e-8)];

fn problem(widths: &[usize], cost: Cost, initial_weights: Vec<f64>) -> Problem {
    Problem {
        network: Network::new(widths.to_vec()),
        cost,
        l2: 0.0,
        initial_weights,
    }
}

/// `W_l = s0^{1/L} I`, target `diag(targets)`: every mode follows `ds/dt = L s^{2−2/L}(s* − s)`.
fn aligned(depth: usize, targets: &[f64], s0: f64) -> Problem {
    let n = targets.len();
    let diagonal = |i, j, v| if i == j { v } else { 0.0 };
    let target = Mat::from_fn(n, n, |i, j| diagonal(i, j, targets[i]));
    let layer = (0..n * n).map(|k| diagonal(k % n, k / n, s0.powf(1.0 / depth as f64)));
    let weights = layer.collect::<Vec<_>>().repeat(depth);
    let cost = Cost::SquaredError { target };
    problem(&vec![n; depth + 1], cost, weights)
}

/// Entries that look random, the same on every machine: a linear congruential generator.
fn scattered(count: usize, scale: f64) -> Vec<f64> {
    let mut state = 12345_u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        scale * ((state >> 33) as f64 / 2f64.powi(30) - 1.0)
    };
    (0..count).map(|_| next()).collect()
}

/// Completion of a rank-two target, two thirds observed, from small generic weights.
fn completion(widths: &[usize], scale: f64) -> Problem {
    let (rows, cols) = (widths[widths.len() - 1], widths[0]);
    let wave = |x: f64| x.sin();
    let target = Mat::from_fn(rows, cols, |i, j| {
        let (i, j) = (i as f64, j as f64);
        wave(1.0 + i) * wave(2.0 + 3.0 * j) + 0.5 * wave(2.0 * i) * wave(1.0 - j)
    });
    let observed = Mat::from_fn(rows, cols, |i, j| f64::from((i + 2 * j) % 3 != 0));
    let count = Network::new(widths.to_vec()).parameters();
    let cost = Cost::MatrixCompletion { target, observed };
    problem(widths, cost, scattered(count, scale))
}

fn run(
    problem: &Problem,
    method: Method,
    rtol: f64,
    horizon: f64,
    observer: &mut dyn Observer,
) -> Integration {
    let start = &problem.initial_weights;
    let squares: f64 = start.iter().map(|w| w * w).sum();
    let options = Options {
        method,
        rtol,
        atol: vec![1e-3 * rtol * (squares / start.len() as f64).sqrt(); start.len()],
        horizon,
        max_steps: 10_000_000,
    };
    integrate(&LayerFlow::new(problem), start, &options, observer)
}

/// Calls a closure with every step.
struct EachStep<F>(F);

impl<F: FnMut(&Step<'_>) -> ControlFlow<String>> Observer for EachStep<F> {
    fn start(&mut self, _y0: &[f64], _f0: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        (self.0)(step)
    }
}

/// `s(t) = s* / (1 + (s*/s0 − 1) e^{−2 s* t})`   (Saxe et al. 2014, L = 2)
fn logistic(target: f64, s0: f64, time: f64) -> f64 {
    target / (1.0 + (target / s0 - 1.0) * (-2.0 * target * time).exp())
}

/// Largest relative errors of `s` on the way to the horizon: at the ends of steps and inside.
fn logistic_errors(method: Method, rtol: f64) -> (f64, f64, Integration) {
    let (target, s0, horizon) = (2.0, 1e-3, 2.5);
    let (mut at_ends, mut inside) = (0.0_f64, 0.0_f64);
    let mut w = [0.0; 2];
    let mut watch = EachStep(|step: &Step<'_>| {
        let error = |w: &[f64], t: f64| (w[0] * w[1] / logistic(target, s0, t) - 1.0).abs();
        at_ends = at_ends.max(error(step.y1, step.t1));
        for k in 1..8 {
            let t = step.t0 + (step.t1 - step.t0) * f64::from(k) / 8.0;
            step.state_at(t, &mut w);
            inside = inside.max(error(&w, t));
        }
        ControlFlow::Continue(())
    });
    let end = run(
        &aligned(2, &[target], s0),
        method,
        rtol,
        horizon,
        &mut watch,
    );
    assert!(matches!(end.outcome, Outcome::HorizonReached));
    (at_ends, inside, end)
}

/// While `s` grows, relative errors of `w_1` and `w_2` are carried along unchanged, later they
/// shrink, and a step makes at most `rtol` of them: `|δs|/s ≤ 2 · steps · rtol`.
#[test]
fn one_mode_follows_the_logistic_curve() {
    for method in ALL {
        let mut coarser = f64::INFINITY;
        for (rtol, promise) in PROMISE {
            let (error, _, end) = logistic_errors(method, rtol);
            let bound = promise.min(2.0 * end.statistics.steps as f64 * rtol);
            let name = method.name();
            assert!(error < bound, "{name} at {rtol:e}: {error:e}");
            // Order 2 gains a factor of 100 here, less what the start of the run adds.
            assert!(error < coarser / 10.0, "{name} gains nothing at {rtol:e}");
            coarser = error;
        }
    }
}

/// Inside a step the continuous extension has at least order 3, TR-BDF2's own order or more;
/// Tsitouras's and ESDIRK's lose one order, a factor `1/(hλ) < 50`, against the step itself.
#[test]
fn dense_output_follows_the_logistic_curve() {
    for method in ALL {
        for (rtol, promise) in PROMISE {
            let (_, inside, end) = logistic_errors(method, rtol);
            let bound = promise.min(100.0 * end.statistics.steps as f64 * rtol);
            assert!(inside < bound, "{} at {rtol:e}: {inside:e}", method.name());
        }
    }
}

#[test]
fn steps_join_and_end_at_the_horizon() {
    let start = completion(&[4, 6, 6, 4], 0.3);
    for method in ALL {
        let (mut time, mut state) = (0.0, start.initial_weights.clone());
        let (flow, mut f) = (LayerFlow::new(&start), vec![0.0; state.len()]);
        let mut inside = state.clone();
        let mut watch = EachStep(|step: &Step<'_>| {
            assert!(step.t0 == time && step.t1 > time && step.y0 == state);
            flow.eval(step.y1, &mut f);
            assert_eq!(f, step.f1);
            // The extension joins the step's ends to within rounding.
            for (theta, end) in [(0.0, step.y0), (1.0, step.y1)] {
                step.inside.state(theta, &mut inside);
                for (a, b) in inside.iter().zip(end) {
                    assert!((a - b).abs() < 1e-13, "{}: {a} against {b}", method.name());
                }
            }
            time = step.t1;
            state.copy_from_slice(step.y1);
            ControlFlow::Continue(())
        });
        let end = run(&start, method, 1e-7, 7.3, &mut watch);
        assert!(matches!(end.outcome, Outcome::HorizonReached));
        assert!(time == 7.3 && end.time == 7.3 && end.state == state);
    }
}

#[test]
fn methods_agree_on_a_generic_start() {
    let start = completion(&[4, 6, 6, 4], 0.3);
    let times = [1.0, 4.0, 9.5, 17.0, 29.9];
    let mut reference: Vec<Mat<f64>> = Vec::new();
    for method in ALL {
        let mut found: Vec<Mat<f64>> = Vec::new();
        let mut w = start.initial_weights.clone();
        let mut watch = EachStep(|step: &Step<'_>| {
            while found.len() < times.len() && times[found.len()] <= step.t1 {
                step.state_at(times[found.len()], &mut w);
                found.push(start.network.end_to_end(&w));
            }
            ControlFlow::Continue(())
        });
        let end = run(&start, method, 1e-9, 30.0, &mut watch);
        assert!(matches!(end.outcome, Outcome::HorizonReached));
        assert_eq!(found.len(), times.len());
        if reference.is_empty() {
            reference = found;
            continue;
        }
        for (a, b) in found.iter().zip(&reference) {
            let (difference, size) = ((a - b).norm_l2(), b.norm_l2());
            // Both keep the promise for 1e-9.
            let name = method.name();
            assert!(difference < 2e-6 * size, "{name}: {difference:e}");
        }
    }
}

/// 102,000 parameters: a dense Jacobian would take 83 GB.
#[test]
fn implicit_methods_need_no_matrix() {
    let start = completion(&[20, 300, 300, 20], 0.08);
    for method in [Method::Bdf, Method::Esdirk34, Method::TrBdf2] {
        let mut costs = Vec::new();
        let mut watch = EachStep(|step: &Step<'_>| {
            let a = start.network.end_to_end(step.y1);
            let mut gradient = Mat::zeros(20, 20);
            let mut scratch = start.cost.scratch();
            let cost = &start.cost;
            costs.push(cost.gradient(a.as_ref(), gradient.as_mut(), &mut scratch));
            ControlFlow::Continue(())
        });
        let end = run(&start, method, 1e-4, 0.2, &mut watch);
        assert!(matches!(end.outcome, Outcome::HorizonReached));
        assert!(end.statistics.steps > 5 && end.statistics.jvp_evaluations > 5);
        assert!(costs.windows(2).all(|pair| pair[1] < pair[0]));
    }
}

/// First time that mode 1 of an aligned start reaches half its target.
fn escape_time(depth: usize, method: Method, rtol: f64) -> f64 {
    let (target, s0) = (1.7, 1e-6);
    let start = aligned(depth, &[target, 0.8], s0);
    let strength = |w: &[f64]| w.iter().step_by(4).product::<f64>();
    let (mut time, mut w) = (f64::NAN, start.initial_weights.clone());
    let mut watch = EachStep(|step: &Step<'_>| {
        if strength(step.y1) < 0.5 * target {
            return ControlFlow::Continue(());
        }
        let (mut before, mut after) = (step.t0, step.t1);
        for _ in 0..60 {
            time = 0.5 * (before + after);
            step.state_at(time, &mut w);
            *if strength(&w) < 0.5 * target {
                &mut before
            } else {
                &mut after
            } = time;
        }
        ControlFlow::Break(String::from("escaped"))
    });
    run(&start, method, rtol, 1e9, &mut watch);
    time
}

/// Escape times to 12 digits for `s* = 1.7`, `s0 = 1e-6`, half of `s*`. Depths 2, 3 and 6 by
/// 60-digit quadrature; depth 1 is `ln((s* − s0)/(s*/2))`, depth 4 is
/// `s*^{−3/2} [Φ(x)]`, `Φ(x) = −1/(2x²) + ½ artanh x²`, `x = (s/s*)^{1/4}`.
fn exact_escape_times() -> [(usize, f64); 5] {
    let (target, s0) = (1.7_f64, 1e-6_f64);
    let phi = |square: f64| -0.5 / square + 0.5 * square.atanh();
    let four = target.powf(-1.5) * (phi(0.5_f64.sqrt()) - phi((s0 / target).sqrt()));
    [
        (1, ((target - s0) / (0.5 * target)).ln()),
        (2, 4.219452417879699),
        (3, 58.40444674863942),
        (4, four),
        (6, 1470.616240362205),
    ]
}

#[test]
fn escape_times_of_an_aligned_start() {
    for (depth, exact) in exact_escape_times() {
        for method in ALL {
            for (rtol, promise) in PROMISE {
                // Order 2 at 1e-12 takes 1e5 steps; one depth shows that it can.
                if method == Method::TrBdf2 && rtol < 1e-10 && depth != 3 {
                    continue;
                }
                let error = (escape_time(depth, method, rtol) / exact - 1.0).abs();
                let name = method.name();
                assert!(error < promise, "{name} L={depth} {rtol:e}: {error:e}");
            }
        }
    }
}

/// A scalar field with derivative `slope`.
struct Scalar<F, D> {
    value: F,
    slope: D,
}

impl<F: Fn(f64) -> f64, D: Fn(f64) -> f64> VectorField for Scalar<F, D> {
    fn dim(&self) -> usize {
        1
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        dy[0] = (self.value)(y[0]);
    }

    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = (self.slope)(y[0]) * v[0];
    }
}

/// Integrates a field that has no solution up to the horizon.
fn doomed(field: &dyn VectorField, method: Method) -> (f64, Error) {
    let options = Options {
        method,
        rtol: 1e-6,
        atol: vec![1e-9],
        horizon: 2.0,
        max_steps: 1_000_000,
    };
    let mut watch = EachStep(|_: &Step<'_>| ControlFlow::Continue(()));
    let end = integrate(field, &[1.0], &options, &mut watch);
    match end.outcome {
        Outcome::Failed { error } => (end.time, error),
        outcome => panic!("{} ended with {outcome:?}", method.name()),
    }
}

/// `dy/dt = y²` leaves every bound at `t = 1`.
#[test]
fn a_blow_up_is_an_error_at_its_time() {
    let square = Scalar {
        value: |y| y * y,
        slope: |y| 2.0 * y,
    };
    for method in ALL {
        let (time, error) = doomed(&square, method);
        let told = matches!(error, Error::StepTooSmall { .. } | Error::NotFinite { .. });
        assert!(told, "{}: {error}", method.name());
        assert!((time - 1.0).abs() < 1e-4, "{}: {time}", method.name());
    }
}

/// `dy/dt = y` that ceases to exist above 2: steps into nothing are retried shorter, and the last
/// good one ends less than an ordinary step (0.01 to 0.05) before `t = ln 2`.
#[test]
fn steps_into_nan_are_rejected() {
    let torn = Scalar {
        value: |y| if y < 2.0 { y } else { f64::NAN },
        slope: |y| if y < 2.0 { 1.0 } else { f64::NAN },
    };
    for method in ALL {
        let (time, error) = doomed(&torn, method);
        let name = method.name();
        assert!(matches!(error, Error::NotFinite { .. }), "{name}: {error}");
        assert!((time - 2f64.ln()).abs() < 0.02, "{name}: {time}");
    }
}
