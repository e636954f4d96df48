//! Would `dlnflow verify` notice that the program is wrong? A gradient flow written here from the
//! equations, `dW_l/dt = −(W_L … W_{l+1})ᵀ ∇C(A) (W_{l−1} … W_1)ᵀ − 2λ W_l`, passes every check;
//! the same with one mistake fails at least one.

use dlnflow::integrate::VectorField;
use dlnflow::linalg::{Mat, view_mut};
use dlnflow::model::Problem;
use dlnflow::report::{Check, Outcome, Report};
use dlnflow::run::{Watch, run_flow};
use dlnflow::scenario::Scenario;
use dlnflow::verify;
use std::path::Path;

/// Errors of the runs are a hundred times this at most; the smallest mistake below is 1e-6.
const RTOL: f64 = 1e-10;

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// Uphill.
    Sign,
    /// The whole flow, decay included.
    Faster(f64),
    /// The decay is this many times `λ W_l` instead of 2.
    Decay(f64),
    /// One layer, from 1, moves this many times as fast.
    Layer(usize, f64),
    /// `∇C(A)ᵀ` for `∇C(A)`.
    TransposedResidual,
    /// `(W_{l−1} … W_1)ᵀ` on the left and `(W_L … W_{l+1})ᵀ` on the right.
    SwappedSides,
    /// `(W_{l−1} … W_1)ᵀ` of the last layer as it was at the start.
    StaleFactor,
    /// The last layer misses the first factor of the product below it.
    MissingFactor,
    /// This much is added to every velocity of the first layer.
    Drift(f64),
    /// Every entry of the target is off by this.
    Target(f64),
    /// The hidden layer turns at this rate; `A` and a balance of zero do not notice.
    Spin(f64),
}

/// The gradient flow with a mistake.
struct Flow<'p> {
    problem: &'p Problem,
    mistake: Mistake,
}

/// `W_high … W_low`, layers from 1; the identity of `size` where there is none.
fn product(layers: &[Mat<f64>], low: usize, high: usize, size: usize) -> Mat<f64> {
    let wanted = (low..=high).map(|l| &layers[l - 1]);
    wanted.fold(Mat::identity(size, size), |p, w| w * p)
}

impl Flow<'_> {
    fn layers(&self, w: &[f64]) -> Vec<Mat<f64>> {
        let network = &self.problem.network;
        let layer = |l| network.layer(w, l).to_owned();
        (1..=network.depth()).map(layer).collect()
    }

    /// `∇C(A)`.
    fn residual(&self, layers: &[Mat<f64>]) -> Mat<f64> {
        let widths = self.problem.network.widths();
        let a = product(layers, 1, layers.len(), widths[0]);
        let cost = &self.problem.cost;
        let mut g = Mat::zeros(a.nrows(), a.ncols());
        cost.gradient(a.as_ref(), g.as_mut(), &mut cost.scratch());
        match self.mistake {
            Mistake::TransposedResidual => g.transpose().to_owned(),
            Mistake::Target(off) => Mat::from_fn(g.nrows(), g.ncols(), |i, j| g[(i, j)] - off),
            _ => g,
        }
    }

    /// `−(W_L … W_{l+1})ᵀ ∇C(A) (W_{l−1} … W_1)ᵀ`.
    fn descent(&self, layers: &[Mat<f64>], g: &Mat<f64>, l: usize) -> Mat<f64> {
        let (depth, widths) = (layers.len(), self.problem.network.widths());
        let above = product(layers, l + 1, depth, widths[l]);
        let below = match self.mistake {
            Mistake::StaleFactor if l == depth => {
                let start = self.layers(&self.problem.initial_weights);
                product(&start, 1, l - 1, widths[0])
            }
            Mistake::MissingFactor if l == depth => product(layers, 2, l - 1, widths[1]),
            _ => product(layers, 1, l - 1, widths[0]),
        };
        let (left, right) = match self.mistake {
            Mistake::SwappedSides => (&below, &above),
            _ => (&above, &below),
        };
        faer::Scale(-1.0) * (left.transpose() * g * right.transpose())
    }

    /// What the mistake makes of the right velocity of layer `l`.
    fn spoil(&self, layers: &[Mat<f64>], l: usize, velocity: Mat<f64>) -> Mat<f64> {
        // Antisymmetric, entries ±1.
        let turn = |n| Mat::from_fn(n, n, |i: usize, j: usize| f64::from(i.cmp(&j) as i8));
        match self.mistake {
            Mistake::Sign => faer::Scale(-1.0) * velocity,
            Mistake::Faster(factor) => faer::Scale(factor) * velocity,
            Mistake::Layer(which, factor) if which == l => faer::Scale(factor) * velocity,
            Mistake::Drift(by) if l == 1 => {
                Mat::from_fn(velocity.nrows(), velocity.ncols(), |i, j| {
                    velocity[(i, j)] + by
                })
            }
            Mistake::Spin(rate) if l == 1 => {
                let w = &layers[0];
                velocity + faer::Scale(rate) * (turn(w.nrows()) * w)
            }
            Mistake::Spin(rate) if l == 2 => {
                let w = &layers[1];
                velocity - faer::Scale(rate) * (w * turn(w.ncols()))
            }
            _ => velocity,
        }
    }
}

impl VectorField for Flow<'_> {
    fn dim(&self) -> usize {
        self.problem.network.parameters()
    }

    fn eval(&self, w: &[f64], dw: &mut [f64]) {
        let layers = self.layers(w);
        let g = self.residual(&layers);
        let decay = match self.mistake {
            Mistake::Decay(factor) => factor,
            _ => 2.0,
        };
        for l in 1..=layers.len() {
            let shrink = faer::Scale(decay * self.problem.l2) * &layers[l - 1];
            let velocity = self.descent(&layers, &g, l) - shrink;
            let velocity = self.spoil(&layers, l, velocity);
            let (rows, cols) = self.problem.network.shape(l);
            let into = &mut dw[self.problem.network.range(l)];
            view_mut(into, rows, cols).copy_from(velocity);
        }
    }

    /// Central differences over a thousandth of the weights: the flow is a polynomial, so that a
    /// method whose Newton iterations ask for this still converges.
    fn jvp(&self, w: &[f64], v: &[f64], out: &mut [f64]) {
        let size = |x: &[f64]| x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let h = 1e-3 * size(w).max(f64::MIN_POSITIVE) / size(v).max(f64::MIN_POSITIVE);
        let moved = |by: f64| w.iter().zip(v).map(|(w, v)| w + by * v).collect::<Vec<_>>();
        let mut back = vec![0.0; w.len()];
        self.eval(&moved(h), out);
        self.eval(&moved(-h), &mut back);
        for (out, back) in out.iter_mut().zip(back) {
            *out = (*out - back) / (2.0 * h);
        }
    }
}

/// A small problem on which mistakes may show.
struct Small {
    name: &'static str,
    text: &'static str,
    horizon: f64,
    method: &'static str,
}

const TWO: &str = "network = { widths = [4, 5, 3] }
cost = { kind = \"squared_error\", target = { singular_values = [3.0, 1.7, 0.9] } }
init = { kind = \"aligned\", mode_strengths = 1e-3, hidden_rotation = true }";

const THREE: &str = "network = { widths = [3, 3, 3, 3] }
cost = { kind = \"squared_error\", target = { singular_values = [3.0, 1.7, 0.9] } }
init = { kind = \"aligned\", mode_strengths = 0.03, hidden_rotation = true }";

const TWO_DECAYING: &str = "network = { widths = [3, 4, 3] }
cost = { kind = \"squared_error\", target = { singular_values = [3.0, 1.7, 0.9] } }
init = { kind = \"aligned\", mode_strengths = 1e-2, hidden_rotation = true }
regularization = { l2 = 0.1 }";

const THREE_DECAYING: &str = "network = { widths = [3, 3, 3, 3] }
cost = { kind = \"squared_error\", target = { singular_values = [3.0, 1.7] } }
init = { kind = \"aligned\", mode_strengths = [0.05, 0.05], hidden_rotation = true }
regularization = { l2 = 0.02 }";

const RICCATI: &str = "network = { widths = [3, 4, 3] }
cost = { kind = \"squared_error\", target = { rows = [[2.0, 0.7, 0.1], [-0.4, 1.5, 0.3], [0.2, -0.9, 1.0]] } }
init = { kind = \"balanced\", std = 0.1, hidden_rotation = true }";

/// No theory: laws alone.
const LAWS: &str = "network = { widths = [3, 3, 3, 3] }
cost = { kind = \"squared_error\", target = { rows = [[2.0, 0.7, 0.1], [-0.4, 1.5, 0.3], [0.2, -0.9, 1.0]] } }
init = { kind = \"gaussian\", std = 0.4 }
regularization = { l2 = 0.01 }";

impl Small {
    const fn new(name: &'static str, text: &'static str, horizon: f64) -> Self {
        Self {
            name,
            text,
            horizon,
            method: "dop853",
        }
    }

    const fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    fn run(&self, mistake: Mistake, more: &str) -> Report {
        run(&self.document(more), mistake)
    }

    fn document(&self, more: &str) -> String {
        let Self {
            text,
            horizon,
            method,
            ..
        } = self;
        format!(
            "seed = 3\n{text}\nsolver = {{ method = \"{method}\", rtol = {RTOL:e}, horizon = {horizon:?} }}\n{more}"
        )
    }
}

const STAIRCASE: Small = Small::new("two layers", TWO, 8.0);
const DEEP: Small = Small::new("three layers", THREE, 6.0);
const DECAYING: Small = Small::new("two layers, l2", TWO_DECAYING, 40.0);
const DEEP_DECAYING: Small = Small::new("three layers, l2", THREE_DECAYING, 20.0);
const GENERIC: Small = Small::new("generic balanced", RICCATI, 6.0);
const LAWS_ONLY: Small = Small::new("laws alone", LAWS, 5.0);

fn run(text: &str, mistake: Mistake) -> Report {
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    run_flow(
        &scenario,
        &built,
        &move |problem| Box::new(Flow { problem, mistake }),
        Watch::default(),
    )
}

/// All checks of `dlnflow verify`.
fn checks(report: &Report) -> Vec<Check> {
    let theory = verify::theory(report, RTOL);
    report.checks.iter().cloned().chain(theory).collect()
}

fn failed(checks: &[Check]) -> Vec<String> {
    let failed = checks.iter().filter(|c| !c.passed);
    failed.map(|c| c.name.clone()).collect()
}

#[test]
fn the_right_flow_passes_everything() {
    for (small, least) in [
        (STAIRCASE, 9),
        (STAIRCASE.by("auto"), 9),
        (DEEP, 9),
        (DEEP.by("auto"), 9),
        (DECAYING, 9),
        (DEEP_DECAYING, 7),
        (GENERIC, 9),
        (GENERIC.by("auto"), 9),
        (LAWS_ONLY, 2),
    ] {
        let report = small.run(Mistake::None, "");
        let all = checks(&report);
        println!("{} by {}: {} checks", small.name, small.method, all.len());
        for c in &all {
            println!(
                "    {} {:?} in {:e} of {}",
                c.name, c.measured, c.band, c.predicted
            );
        }
        assert_eq!(report.outcome, Outcome::HorizonReached, "{}", small.name);
        assert_eq!(failed(&all), [""; 0], "{} by {}", small.name, small.method);
        assert!(all.len() >= least, "{}: {:?}", small.name, report.declined);
    }
}

#[test]
fn every_wrong_flow_is_caught() {
    use Mistake::*;
    // The mistake, where it is made, and every kind of check that notices.
    let table: &[(&str, Mistake, Small, &str)] = &[
        ("the sign", Sign, STAIRCASE, "escape final falls energy"),
        ("the sign", Sign, DEEP, "escape final falls energy"),
        ("the sign", Sign, LAWS_ONLY, "imbalance falls energy"),
        (
            "times the depth",
            Faster(2.0),
            STAIRCASE,
            "escape final energy",
        ),
        ("times the depth", Faster(3.0), DEEP, "escape final energy"),
        (
            "times the depth",
            Faster(3.0),
            LAWS_ONLY,
            "imbalance energy",
        ),
        (
            "over the depth",
            Faster(1.0 / 2.0),
            STAIRCASE,
            "escape final energy",
        ),
        (
            "over the depth",
            Faster(1.0 / 3.0),
            DEEP,
            "escape final energy",
        ),
        (
            "over the depth",
            Faster(1.0 / 3.0),
            LAWS_ONLY,
            "imbalance energy",
        ),
        (
            "no decay",
            Decay(0.0),
            DECAYING,
            "escape final falls energy",
        ),
        (
            "no decay",
            Decay(0.0),
            DEEP_DECAYING,
            "escape final falls energy",
        ),
        ("no decay", Decay(0.0), LAWS_ONLY, "imbalance energy"),
        (
            "twice the decay",
            Decay(4.0),
            DECAYING,
            "escape final energy",
        ),
        (
            "twice the decay",
            Decay(4.0),
            DEEP_DECAYING,
            "escape final energy",
        ),
        ("twice the decay", Decay(4.0), LAWS_ONLY, "imbalance energy"),
        (
            "decay of lambda W, not 2 lambda W",
            Decay(1.0),
            DECAYING,
            "escape final falls energy",
        ),
        (
            "decay of lambda W, not 2 lambda W",
            Decay(1.0),
            DEEP_DECAYING,
            "escape final falls energy",
        ),
        (
            "decay of lambda W, not 2 lambda W",
            Decay(1.0),
            LAWS_ONLY,
            "imbalance energy",
        ),
        (
            "decay of the wrong sign",
            Decay(-2.0),
            DECAYING,
            "escape final falls energy",
        ),
        (
            "decay of the wrong sign",
            Decay(-2.0),
            DEEP_DECAYING,
            "escape final falls energy",
        ),
        (
            "the first layer at rest",
            Layer(1, 0.0),
            STAIRCASE,
            "escape final imbalance",
        ),
        (
            "the last layer at rest",
            Layer(2, 0.0),
            STAIRCASE,
            "escape final imbalance",
        ),
        (
            "the middle layer at rest",
            Layer(2, 0.0),
            DEEP,
            "escape final imbalance",
        ),
        (
            "the last layer at rest",
            Layer(3, 0.0),
            LAWS_ONLY,
            "imbalance",
        ),
        (
            "a layer 1.001 times as fast",
            Layer(1, 1.001),
            STAIRCASE,
            "escape final imbalance energy",
        ),
        (
            "a layer 1.001 times as fast",
            Layer(2, 1.001),
            DEEP,
            "escape final imbalance energy",
        ),
        (
            "a layer 1.001 times as fast",
            Layer(1, 1.001),
            LAWS_ONLY,
            "imbalance energy",
        ),
        (
            "the residual transposed",
            TransposedResidual,
            GENERIC,
            "escape falls energy",
        ),
        (
            "the residual transposed",
            TransposedResidual,
            LAWS_ONLY,
            "falls energy",
        ),
        (
            "products of the wrong sides",
            SwappedSides,
            DEEP,
            "escape imbalance falls energy",
        ),
        (
            "products of the wrong sides",
            SwappedSides,
            LAWS_ONLY,
            "imbalance falls energy",
        ),
        (
            "a factor of the start",
            StaleFactor,
            STAIRCASE,
            "escape final imbalance energy",
        ),
        (
            "a factor of the start",
            StaleFactor,
            DEEP,
            "escape final imbalance energy",
        ),
        (
            "a factor of the start",
            StaleFactor,
            LAWS_ONLY,
            "imbalance energy",
        ),
        (
            "a factor missing",
            MissingFactor,
            DEEP,
            "escape final imbalance energy",
        ),
        (
            "a drift of 1e-6",
            Drift(1e-6),
            STAIRCASE,
            "escape final imbalance",
        ),
        (
            "a drift of 1e-6",
            Drift(1e-6),
            DEEP,
            "escape final imbalance",
        ),
        (
            "a drift of 1e-6",
            Drift(1e-6),
            GENERIC,
            "escape final imbalance",
        ),
        ("a drift of 1e-6", Drift(1e-6), LAWS_ONLY, "imbalance"),
        (
            "a target off by 1e-4",
            Target(1e-4),
            STAIRCASE,
            "escape final energy",
        ),
        (
            "a target off by 1e-4",
            Target(1e-4),
            DEEP,
            "escape final energy",
        ),
        (
            "a target off by 1e-4",
            Target(1e-4),
            GENERIC,
            "escape final energy",
        ),
        ("a target off by 1e-4", Target(1e-4), LAWS_ONLY, "energy"),
        (
            "a layer 1.001 times as fast",
            Layer(1, 1.001),
            GENERIC.by("auto"),
            "escape final imbalance energy",
        ),
        (
            "a target off by 1e-4",
            Target(1e-4),
            DEEP.by("auto"),
            "escape final energy",
        ),
        ("the hidden layer turns", Spin(1e-3), STAIRCASE, "energy"),
        ("the hidden layer turns", Spin(1e-3), GENERIC, "energy"),
    ];
    for (name, mistake, small, classes) in table {
        let report = small.run(*mistake, "");
        let all = checks(&report);
        println!(
            "{name} | {} | {} | {}",
            small.name,
            report.outcome.name(),
            failed(&all).join(", ")
        );
        for class in classes.split(' ') {
            println!("    {class}: {:.1e} bands", excess(&all, class));
            assert!(
                excess(&all, class) > 1.0,
                "{name} ({}): {class}",
                small.name
            );
        }
    }
}

/// How many bands the worst check of a class is off by; nothing measured is infinitely far.
fn excess(checks: &[Check], class: &str) -> f64 {
    let name = match class {
        "escape" => "escape_time of mode",
        "final" => "final_singular_value of mode",
        "imbalance" => "imbalance is conserved",
        "falls" => "the loss falls",
        "energy" => "the loss falls by the squared gradient",
        other => panic!("no class {other}"),
    };
    let of_class = |c: &&Check| {
        !c.passed
            && c.name
                .trim_end_matches(|c: char| c == ' ' || c.is_ascii_digit())
                == name
    };
    let off = |c: &Check| {
        c.measured
            .map_or(f64::INFINITY, |m| (m - c.predicted).abs() / c.band)
    };
    checks.iter().filter(of_class).map(off).fold(0.0, f64::max)
}

/// `ln(s/a_0 − 1)/(2 s)` for `s = 3, a_0 = 1e-3`, with a band of 1e-8.
const EXPECT: &str = "[[expect]]
quantity = \"escape_time\"
mode = 1
value = 1.3343390297915008
abs_tol = 1e-8
source = { kind = \"closed_form\" }
";

/// The time at which a level is crossed that no run reaches.
const UNREACHED: &str = "[[events]]
kind = \"crossing\"
quantity = \"singular_value\"
index = 1
level = 5.0
[[expect]]
quantity = \"crossing_time\"";

#[test]
fn a_wrong_expectation_is_caught() {
    let name = "escape_time of mode 1";
    let report = STAIRCASE.run(Mistake::None, EXPECT);
    assert_eq!(report.checks.len(), 1);
    assert_eq!(failed(&checks(&report)), [""; 0]);
    // Ten bands more, and a quantity that was never measured.
    for (right, wrong, caught) in [
        ("1.3343390297915008", "1.3343391297915008", name),
        ("1.3343390297915008", "1.3343389297915008", name),
        // The target has no mode as strong as 5.
        (
            "[[expect]]\nquantity = \"escape_time\"",
            UNREACHED,
            "crossing_time of mode 1",
        ),
    ] {
        let report = STAIRCASE.run(Mistake::None, &EXPECT.replace(right, wrong));
        println!("{wrong} for {right} | {:?}", failed(&checks(&report)));
        assert_eq!(failed(&checks(&report)), [caught]);
    }
    // And the right one catches a wrong flow.
    let report = STAIRCASE.run(Mistake::Layer(1, 1.001), EXPECT);
    assert_eq!(failed(&report.checks), [name]);
}

/// Events of a fraction of 0.4 of the level, held against the predictions of 0.5.
#[test]
fn a_wrong_escape_fraction_is_caught() {
    for small in [STAIRCASE, DEEP, DECAYING, DEEP_DECAYING, GENERIC] {
        let of = |fraction: f64| {
            let events = format!("events = [{{ kind = \"escape\", fraction = {fraction:?} }}]");
            small.run(Mistake::None, &events)
        };
        let (half, mut other) = (of(0.5), of(0.4));
        assert_eq!(failed(&checks(&half)), [""; 0], "{}", small.name);
        assert_eq!(failed(&checks(&other)), [""; 0], "{}", small.name);
        let wanted: Vec<String> = half
            .predictions
            .iter()
            .filter(|p| p.quantity == "escape_time")
            .map(|p| format!("escape_time of mode {}", p.mode.expect("a mode")))
            .collect();
        assert!(wanted.len() >= 2, "{}: {:?}", small.name, half.declined);
        other.predictions = half.predictions;
        println!(
            "fraction 0.4 | {} | {}",
            small.name,
            failed(&checks(&other)).join(", ")
        );
        assert_eq!(failed(&checks(&other)), wanted, "{}", small.name);
    }
}
