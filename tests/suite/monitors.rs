//! Monitors: silent on motions that obey the flow, loud on motions that break one law.

use crate::common::run_text;
use crate::curves::{Setup, drive, knots, squared_error, two_layers};
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Method, Options, VectorField, integrate};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::observe::{Grid, Observation, Recording, RunObserver, StopRules};

const START: f64 = 1e-3;
const ENDS: [f64; 2] = [2.0, 0.75];

fn exact(t: f64) -> (Vec<f64>, Vec<f64>) {
    two_layers(START, &ENDS, t)
}

/// Warnings on weights `motion(t)`, with the true gradient at those weights.
fn warnings(motion: &dyn Fn(f64) -> Vec<f64>) -> Vec<String> {
    let problem = squared_error(&ENDS, 2, motion(0.0));
    let flow = LayerFlow::new(&problem);
    let with_gradient = |t: f64| {
        let weights = motion(t);
        let mut derivative = vec![0.0; weights.len()];
        flow.eval(&weights, &mut derivative);
        (weights, derivative)
    };
    let mut setup = Setup::new(&flow, 8.0);
    setup.grid = Grid::Linear { count: 50 };
    let (_, observed) = setup.observe(&problem, &with_gradient, &knots(8.0, 400));
    observed.warnings
}

fn assert_only(warnings: &[String], word: &str) {
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with(word), "{warnings:?}");
}

#[test]
fn silent_on_the_closed_form() {
    assert_eq!(warnings(&|t| exact(t).0), Vec::<String>::new());
}

/// `W_2 → c W_2, W_1 → W_1/c` keeps `A` and the loss: at first order only the imbalance moves,
/// by `4(c − 1) s`. The energy changes with `(c − 1)²` and stays under its allowance.
#[test]
fn imbalance_that_drifts() {
    let warnings = warnings(&|t| {
        let mut weights = exact(t).0;
        let c = 1.0 + 1e-5 * t / 8.0;
        for (i, w) in weights.iter_mut().enumerate() {
            *w *= if i < 4 { 1.0 / c } else { c };
        }
        weights
    });
    assert_only(&warnings, "imbalance drifted by");
}

#[test]
fn a_loss_that_rises() {
    let warnings = warnings(&|t| exact(8.0 - t).0);
    assert!(
        warnings.iter().any(|w| w.starts_with("loss rose by")),
        "{warnings:?}"
    );
}

/// The right path at a thousandth more than the right speed.
#[test]
fn energy_that_does_not_add_up() {
    let warnings = warnings(&|t| exact(1.001 * t).0);
    assert_only(
        &warnings,
        "loss and integral of squared gradient norm differ",
    );
}

/// A general start of every layer, not balanced and not aligned.
fn general(widths: &[usize], cost: Cost, l2: f64) -> Problem {
    let network = Network::new(widths.to_vec());
    let initial_weights = (0..network.parameters())
        .map(|i| 0.4 * (1.3 * (i * i) as f64 + i as f64).sin())
        .collect();
    Problem {
        network,
        cost,
        l2,
        initial_weights,
    }
}

fn problems() -> Vec<Problem> {
    let target = |r: usize, c: usize| Mat::from_fn(r, c, |i, j| ((i + 2 * j) as f64).cos());
    let squared = |r, c| Cost::SquaredError {
        target: target(r, c),
    };
    let completion = Cost::MatrixCompletion {
        target: target(3, 4),
        observed: Mat::from_fn(3, 4, |i, j| if (i + j) % 3 == 0 { 0.0 } else { 1.0 }),
    };
    vec![
        general(&[3, 2], squared(2, 3), 0.0),
        general(&[3, 5, 3], squared(3, 3), 0.0),
        general(&[4, 6, 5, 3], completion.clone(), 0.0),
        general(&[4, 6, 5, 3], completion, 0.05),
        general(&[2, 3, 3, 3, 2], squared(2, 2), 0.1),
    ]
}

fn observe<'a>(
    problem: &'a Problem,
    flow: &'a LayerFlow<'a>,
    options: &Options,
    run: impl FnOnce(&mut RunObserver<'a>),
) -> Vec<String> {
    let recording = Recording {
        grid: Grid::Linear { count: 40 },
        weights: false,
        observables: Vec::new(),
    };
    let stop = StopRules {
        gradient_norm: None,
        cost: None,
    };
    let observation = Observation {
        recording: &recording,
        events: &[],
        saddle_levels: &[],
        stop: &stop,
    };
    let mut observer = RunObserver::new(problem, flow, options, &observation);
    run(&mut observer);
    observer.finish().warnings
}

fn options(flow: &LayerFlow<'_>, method: Method, rtol: f64) -> Options {
    Options {
        method,
        rtol,
        atol: vec![0.0; flow.dim()],
        horizon: 20.0,
        max_steps: usize::MAX,
    }
}

/// The classical Runge–Kutta method with `h = 1/200`; its error, `O(h⁴) = 1e-9`, is far below the
/// tolerance `1e-7` that the monitors are told of.
fn runge_kutta(flow: &LayerFlow<'_>, start: &[f64], steps: usize, h: f64) -> Vec<Vec<f64>> {
    let n = start.len();
    let rate = |y: &[f64]| {
        let mut f = vec![0.0; n];
        flow.eval(y, &mut f);
        f
    };
    let shifted = |y: &[f64], k: &[f64], by: f64| -> Vec<f64> {
        y.iter().zip(k).map(|(y, k)| y + by * k).collect()
    };
    let mut states = vec![start.to_vec()];
    for _ in 0..steps {
        let y = &states[states.len() - 1];
        let k1 = rate(y);
        let k2 = rate(&shifted(y, &k1, 0.5 * h));
        let k3 = rate(&shifted(y, &k2, 0.5 * h));
        let k4 = rate(&shifted(y, &k3, h));
        let next = (0..n)
            .map(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
            .collect();
        states.push(next);
    }
    states
}

#[test]
fn silent_on_general_starts() {
    let h = 1.0 / 200.0;
    let all = problems();
    assert_eq!(all.len(), 5);
    for problem in &all {
        let flow = LayerFlow::new(problem);
        // States at half steps too, so that the middle of a step of 2h is known; the cubic
        // through both ends and their rates is good to h⁴/384 elsewhere.
        let states = runge_kutta(&flow, &problem.initial_weights, 4000, h);
        let motion = |t: f64| {
            let i = ((t / h).floor() as usize).min(states.len() - 2);
            let (a, b) = (&states[i], &states[i + 1]);
            let (mut fa, mut fb) = (vec![0.0; a.len()], vec![0.0; a.len()]);
            flow.eval(a, &mut fa);
            flow.eval(b, &mut fb);
            let x = (t - i as f64 * h) / h;
            let hermite = |k: usize| {
                let rise = b[k] - a[k];
                a[k] + x * rise
                    + x * (x - 1.0) * ((1.0 - 2.0 * x) * rise + h * ((x - 1.0) * fa[k] + x * fb[k]))
            };
            let weights: Vec<f64> = (0..a.len()).map(hermite).collect();
            let mut derivative = vec![0.0; a.len()];
            flow.eval(&weights, &mut derivative);
            (weights, derivative)
        };
        let times: Vec<f64> = (0..=2000).map(|i| 0.01 * f64::from(i)).collect();
        let options = options(&flow, Method::Dop853, 1e-7);
        let warnings = observe(problem, &flow, &options, |observer| {
            let _ = drive(observer, &motion, &times);
        });
        assert_eq!(warnings, Vec::<String>::new());
    }
}

/// Gradient descent breaks conservation at order η: what its own step explains is no violation.
#[test]
fn silent_on_gradient_descent_until_the_loss_rises() {
    for problem in &problems() {
        let flow = LayerFlow::new(problem);
        for (learning_rate, sound) in [(0.002, true), (0.05, true), (8.0, false)] {
            let mut options = options(&flow, Method::GradientDescent { learning_rate }, 1e-9);
            if !sound {
                options.horizon = 40.0;
            }
            let warnings = observe(problem, &flow, &options, |observer| {
                let _ = integrate(&flow, &problem.initial_weights, &options, observer);
            });
            if sound {
                assert_eq!(warnings, Vec::<String>::new());
            } else {
                assert_only(&warnings, "loss rose by");
            }
        }
    }
}

/// Gradient descent with a wrong regularisation: the imbalance decays at another rate.
#[test]
fn gradient_descent_is_held_to_its_own_law() {
    let problem = general(
        &[2, 3, 2],
        Cost::SquaredError {
            target: Mat::from_fn(2, 2, |i, j| (i + j) as f64),
        },
        0.05,
    );
    let other = Problem {
        l2: 0.04,
        ..problem.clone()
    };
    let (flow, wrong) = (LayerFlow::new(&problem), LayerFlow::new(&other));
    let method = Method::GradientDescent {
        learning_rate: 1e-4,
    };
    let options = options(&flow, method, 1e-9);
    let warnings = observe(&problem, &flow, &options, |observer| {
        let _ = integrate(&wrong, &problem.initial_weights, &options, observer);
    });
    assert!(
        warnings
            .iter()
            .any(|w| w.starts_with("imbalance drifted by")),
        "{warnings:?}"
    );
}

/// Weights that decay to 0 end as noise of the size of the absolute tolerance, and the loss with them: a rise
/// by the square of that noise breaks no law.
#[test]
fn noise_at_the_origin_is_explained() {
    for method in ["auto", "dop853", "tsit45"] {
        for rtol in [1e-3, 1e-6] {
            let report = run_text(&format!(
                "seed = 1\nnetwork = {{ widths = [3, 4, 3] }}\n\
                 cost = {{ kind = \"squared_error\", target = {{ singular_values = [2.0, 1.0] }} }}\n\
                 init = {{ kind = \"gaussian\", std = 0.5 }}\nregularization = {{ l2 = 1.5 }}\n\
                 solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = 30.0 }}\n"
            ));
            for law in &report.laws {
                assert!(law.found <= law.allowed, "{method} {rtol}: {law:?}");
            }
            // 24 weights of 0.5 at rtol/100 each are 0.025 rtol; ten of them beside a Hessian below 50
            // explain 1.6 rtol² where the slope is gone: the law still says something.
            let loss = report.laws.iter().find(|l| l.name == "the loss falls");
            if let Some(law) = loss.filter(|l| l.time > 15.0) {
                assert!(law.allowed <= 2.0 * rtol * rtol, "{method} {rtol}: {law:?}");
            }
        }
    }
}

/// Two modes below what `λ` keeps decay as `e^{−2λ t}` in each layer, to singular values of 2e-322: forty times the
/// spacing of `f64` there, so that only one digit of `A` is left to hold against `‖θ‖²`, which has all of its own. With
/// five layers `A` vanishes before the weights do.
#[test]
fn products_below_the_range_of_f64_break_no_law() {
    for (widths, scale, horizon) in [
        ("[2, 2, 2, 2]", 1e-3, 400.0),
        ("[2, 2, 2, 2, 2, 2]", 1e-3, 250.0),
    ] {
        let report = run_text(&format!(
            "network = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.4, 0.5] }} }}\n\
             init = {{ kind = \"aligned\", scale = {scale:e}, mode_strengths = [1.0, 1.0] }}\n\
             regularization = {{ l2 = 0.3 }}\nsolver = {{ horizon = {horizon:?} }}\n"
        ));
        let values = &report
            .trajectory
            .rows
            .last()
            .expect("a row")
            .singular_values;
        assert!(values.iter().all(|&s| s < f64::MIN_POSITIVE), "{values:?}");
        for law in &report.laws {
            assert!(law.found <= law.allowed, "{widths}: {law:?}");
        }
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    }
}

/// One sample of three inputs: the cost is `½(A x − y)²`, positive, and falls to the square of rounding. What `A`
/// has beside `x` is of order one and must not show.
#[test]
fn directions_without_samples_add_nothing_to_the_cost() {
    let report = crate::common::run_text(
        "network = { widths = [3, 2, 2] }\ninit = { kind = \"gaussian\", std = 1.0 }\n\
         solver = { horizon = 100.0, rtol = 1e-11 }\n[cost]\nkind = \"regression\"\n\
         inputs = { rows = [[1.1], [0.7], [-0.3]] }\noutputs = { rows = [[1.0], [0.5]] }\n",
    );
    let rows = &report.trajectory.rows;
    assert!(rows.iter().all(|row| row.cost >= 0.0));
    // Rounding of residuals of order one: 1e-16 each, some twenty of them.
    let last = rows.last().expect("rows").cost;
    assert!(last < 1e-29, "{last:e}");
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

/// From balanced layers the flow is one of `A` alone, `dA/dt = −(√(AAᵀ) G + G √(AᵀA))`, and `det A` keeps its sign. Where
/// the target has the other one, roundoff lets the last mode out, also in wide layers and under other costs.
#[test]
fn a_determinant_that_changes_its_sign_is_reported() {
    let weights = "weights = { rows = [[1.0, 0.6], [1.3, 0.8]] }\n";
    let costs = [("squared_error", ""), ("weighted", weights)];
    for (kind, more) in costs {
        for (widths, method, last) in [
            ("[2, 2, 2]", "auto", -0.9),
            ("[2, 3, 2]", "bdf", -0.9),
            ("[2, 2, 2]", "auto", 0.9),
        ] {
            let text = format!(
                "[network]\nwidths = {widths}\n\
                 [cost]\nkind = \"{kind}\"\ntarget = {{ rows = [[1.2, 0.3], [0.1, {last}]] }}\n{more}\
                 [init]\nkind = \"balanced\"\nend_to_end = {{ rows = [[0.6, 0.1], [-0.2, 0.5]] }}\n\
                 [solver]\nhorizon = 200.0\nmethod = \"{method}\"\n"
            );
            let report = run_text(&text);
            let law = report
                .laws
                .iter()
                .find(|l| l.name == "det A keeps its sign");
            let law = law.expect("a law of balanced layers");
            assert_eq!(law.found > law.allowed, last < 0.0, "{text}");
            let said = report.warnings.iter().any(|w| w.starts_with("det A"));
            assert_eq!(said, last < 0.0, "{:?}", report.warnings);
        }
    }
}

/// `W_2 = W_1ᵀ` stays under a symmetric cost, and `A = W_1ᵀW_1` has no negative eigenvalue: also where two or four modes
/// of the target are negative, so that `det A` would keep its sign.
#[test]
fn a_negative_eigenvalue_of_mirrored_layers_is_reported() {
    // H diag(3, 2, ±1.5, ±0.8) H with a reflection H.
    let v = [1.0, 2.0, -1.0, 0.5];
    let square: f64 = v.iter().map(|x| x * x).sum();
    let reflection = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square;
    let target = |sign: f64| {
        let values = [3.0, 2.0, 1.5 * sign, 0.8 * sign];
        let entry = |i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            let parts = (0..4).map(|k| reflection(i, k) * values[k] * reflection(j, k));
            parts.sum::<f64>()
        };
        let row = |i: usize| format!("{:?}", [0, 1, 2, 3].map(|j| entry(i, j)));
        format!("{{ rows = [{}] }}", [0, 1, 2, 3].map(row).join(", "))
    };
    // The right-hand side mirrors to the last digit, and so do explicit steps.
    let diagonal = "{ diagonal = [3.0, 2.0, -1.5, -0.8] }".to_owned();
    for (target, width, method, broken) in [
        (target(-1.0), 4, "auto", true),
        (target(-1.0), 6, "auto", true),
        (target(-1.0), 4, "dop853", false),
        (target(1.0), 4, "auto", false),
        (diagonal, 4, "auto", false),
    ] {
        let report = run_text(&format!(
            "[network]\nwidths = [4, {width}, 4]\n\
             [cost]\nkind = \"squared_error\"\ntarget = {target}\n\
             [init]\nkind = \"identity\"\nscale = 0.1\n[solver]\nhorizon = 90.0\nmethod = \"{method}\"\n"
        ));
        let name = "A stays positive semidefinite";
        let law = report.laws.iter().find(|law| law.name == name);
        let law = law.expect("a law of mirrored layers");
        assert_eq!(law.found > law.allowed, broken, "{target}");
        let said = report
            .warnings
            .iter()
            .filter(|w| w.contains("fell to roundoff"));
        assert_eq!(said.count(), usize::from(broken), "{:?}", report.warnings);
    }
}

/// Nothing keeps `W_2 = W_1ᵀ` where the cost tells `A` from `Aᵀ`: by its target, its weights or its inputs.
#[test]
fn mirrored_layers_under_another_cost_have_no_such_law() {
    let symmetric = "target = { rows = [[1.0, 0.3], [0.3, -0.5]] }";
    for (cost, applies) in [
        (format!("kind = \"squared_error\"\n{symmetric}"), true),
        (
            "kind = \"squared_error\"\ntarget = { rows = [[1.0, 0.3], [0.2, -0.5]] }".to_owned(),
            false,
        ),
        (
            format!(
                "kind = \"weighted\"\n{symmetric}\nweights = {{ rows = [[1.0, 0.5], [0.5, 2.0]] }}"
            ),
            true,
        ),
        (
            format!(
                "kind = \"weighted\"\n{symmetric}\nweights = {{ rows = [[1.0, 0.5], [0.6, 2.0]] }}"
            ),
            false,
        ),
        (
            format!(
                "kind = \"regression\"\n{symmetric}\ninput_covariance = {{ diagonal = [2.0, 2.0] }}"
            ),
            true,
        ),
        (
            format!(
                "kind = \"regression\"\n{symmetric}\ninput_covariance = {{ diagonal = [2.0, 1.0] }}"
            ),
            false,
        ),
    ] {
        let report = run_text(&format!(
            "[network]\nwidths = [2, 2, 2]\n[cost]\n{cost}\n\
             [init]\nkind = \"identity\"\nscale = 0.1\n[solver]\nhorizon = 1.0\n"
        ));
        let held = report
            .laws
            .iter()
            .any(|law| law.name == "A stays positive semidefinite");
        assert_eq!(held, applies, "{cost}");
    }
}

/// What weight decay has taken to roundoff has no sign.
#[test]
fn a_determinant_that_decays_to_roundoff_breaks_nothing() {
    for seed in 1..=6 {
        let text = format!(
            "seed = {seed}\n[network]\nwidths = [3, 3, 3]\n\
             [cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [0.0, 0.0, 0.0] }}\n\
             [init]\nkind = \"orthogonal\"\n[regularization]\nl2 = 1.0\n[solver]\nhorizon = 60.0\n"
        );
        let report = run_text(&text);
        assert_eq!(report.warnings, [""; 0], "{seed}");
    }
}

/// A general start is not balanced, and its determinant is free.
#[test]
fn the_determinant_is_free_from_other_starts() {
    for (widths, init) in [
        ("[2, 2, 2]", "kind = \"gaussian\"\nstd = 0.1"),
        ("[2, 2, 2]", "kind = \"gaussian\"\nstd = 1e-120"),
        ("[2, 2, 2, 2]", "kind = \"identity\""),
    ] {
        let text = format!(
            "[network]\nwidths = {widths}\n\
             [cost]\nkind = \"squared_error\"\ntarget = {{ rows = [[1.2, 0.3], [0.1, -0.9]] }}\n\
             [init]\n{init}\n[solver]\nhorizon = 5.0\n"
        );
        let report = run_text(&text);
        assert!(
            report.laws.iter().all(|l| !l.name.starts_with("det")),
            "{text}"
        );
    }
}
