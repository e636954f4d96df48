//! Exponential Adams against closed forms and other methods: accuracy at step ends and inside
//! steps, stiff problems whose step only accuracy may limit, extreme starts, and failures.

use crate::common::run_text;
use dlnflow::error::Error;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{
    Integration, Method, Observer, Options, Outcome, Step, Tangent, VectorField, integrate,
};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::observe::{Event, EventKind};
use dlnflow::report::Report;
use std::cell::Cell;
use std::f64::consts::PI;
use std::ops::ControlFlow;

/// The exact solution at time `t`.
type Exact<'a> = &'a dyn Fn(f64) -> Vec<f64>;

/// Checks every step for what all observers rely on, and measures errors against `exact`, relative
/// to each component or to the largest one.
struct Inspect<'a> {
    field: &'a dyn VectorField,
    exact: Option<Exact<'a>>,
    read: &'a dyn Fn(&[f64]) -> Vec<f64>,
    /// Errors are relative to the component or to the largest component.
    componentwise: bool,
    last: Option<(f64, Vec<f64>)>,
    ends: f64,
    inside: f64,
    steps: usize,
    /// Largest jump of the continuous extension at the ends of its step.
    jump: f64,
}

impl<'a> Inspect<'a> {
    fn new(field: &'a dyn VectorField, read: &'a dyn Fn(&[f64]) -> Vec<f64>) -> Self {
        Self {
            field,
            exact: None,
            read,
            componentwise: true,
            last: None,
            ends: 0.0,
            inside: 0.0,
            steps: 0,
            jump: 0.0,
        }
    }

    fn error(&self, y: &[f64], t: f64) -> f64 {
        let Some(exact) = self.exact else {
            return 0.0;
        };
        let (found, exact) = ((self.read)(y), exact(t));
        let largest = exact.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
        let pairs = found.iter().zip(&exact);
        let errors = pairs.map(|(f, e)| {
            let unit = if self.componentwise { e.abs() } else { largest };
            (f - e).abs() / unit
        });
        errors.fold(0.0, f64::max)
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

impl Observer for Inspect<'_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        let mut f = vec![0.0; y0.len()];
        self.field.eval(y0, &mut f);
        assert_eq!(f, f0);
        self.last = Some((0.0, y0.to_vec()));
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        let (t, y) = self.last.take().expect("start comes first");
        assert_eq!((t, &y[..]), (step.t0, step.y0), "steps are contiguous");
        assert!(step.t1 > step.t0);
        let mut f = vec![0.0; y.len()];
        self.field.eval(step.y1, &mut f);
        assert_eq!(f, step.f1);
        let size = step.y1.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let mut y = y;
        for (theta, end) in [(0.0, step.y0), (1.0, step.y1)] {
            step.inside.state(theta, &mut y);
            self.jump = self.jump.max(distance(&y, end) / size.max(1e-300));
        }
        self.ends = self.ends.max(self.error(step.y1, step.t1));
        for i in 1..8 {
            let t = step.t0 + (step.t1 - step.t0) * f64::from(i) / 8.0;
            step.state_at(t, &mut y);
            self.inside = self.inside.max(self.error(&y, t));
        }
        self.steps += 1;
        self.last = Some((step.t1, step.y1.to_vec()));
        ControlFlow::Continue(())
    }
}

/// Looks at accepted steps only.
struct Look<F: FnMut(&Step<'_>)>(F);

impl<F: FnMut(&Step<'_>)> Observer for Look<F> {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        (self.0)(step);
        ControlFlow::Continue(())
    }
}

fn options(n: usize, rtol: f64, atol: f64, horizon: f64) -> Options {
    Options {
        method: Method::ExponentialAdams,
        rtol,
        atol: vec![atol; n],
        horizon,
        max_steps: 200_000,
    }
}

/// A field that tells how often its tangent kernel was looked at.
struct Watched<'a> {
    inner: LayerFlow<'a>,
    kernels: Cell<usize>,
}

struct WatchedTangent<'a> {
    inner: Box<dyn Tangent + 'a>,
    kernels: &'a Cell<usize>,
}

impl<'a> Watched<'a> {
    fn new(problem: &'a Problem) -> Self {
        Self {
            inner: LayerFlow::new(problem),
            kernels: Cell::new(0),
        }
    }
}

impl VectorField for Watched<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        self.inner.eval(y, dy);
    }

    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]) {
        self.inner.jvp(y, v, out);
    }

    fn tangent(&self) -> Option<Box<dyn Tangent + '_>> {
        Some(Box::new(WatchedTangent {
            inner: self.inner.tangent()?,
            kernels: &self.kernels,
        }))
    }

    fn magnitude(&self, y: &[f64], out: &mut [f64]) {
        self.inner.magnitude(y, out);
    }
}

impl Tangent for WatchedTangent<'_> {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn price(&self, rows: usize, images: usize) -> f64 {
        self.inner.price(rows, images)
    }

    fn pass(&self, entries: usize) -> f64 {
        self.inner.pass(entries)
    }

    fn freeze(&mut self, y: &[f64]) {
        self.inner.freeze(y);
    }

    fn kernel(&self) -> Mat<f64> {
        self.inner.kernel()
    }

    fn kernel_terms(&self) -> Vec<[Mat<f64>; 2]> {
        self.kernels.set(self.kernels.get() + 1);
        self.inner.kernel_terms()
    }

    fn observation(&self) -> Option<f64> {
        self.inner.observation()
    }

    fn observe(&self, d: &[f64], z: &mut [f64]) {
        self.inner.observe(d, z);
    }

    fn observe_transpose(&self, z: &[f64], d: &mut [f64]) {
        self.inner.observe_transpose(z, d);
    }

    fn forward(&self, v: &[f64], z: &mut [f64]) {
        self.inner.forward(v, z);
    }

    fn forward_flow(&self, y: &[f64], f: &[f64], z: &mut [f64]) {
        self.inner.forward_flow(y, f, z);
    }

    fn backward(&self, z: &[f64], y: &mut [f64]) {
        self.inner.backward(z, y);
    }
}

/// What a run was like.
struct Seen {
    end: Integration,
    ends: f64,
    inside: f64,
    jump: f64,
    kernels: usize,
}

impl Seen {
    /// The horizon was reached with errors of at most `band` at step ends and inside.
    fn within(&self, band: f64, name: &str) {
        let Seen { ends, inside, .. } = self;
        let statistics = &self.end.statistics;
        println!("{name}: ends {ends:.1e} inside {inside:.1e} of {band:.0e} {statistics:?}");
        let reached = matches!(self.end.outcome, Outcome::HorizonReached);
        assert!(reached, "{name}: {:?}", self.end.outcome);
        assert!(
            *ends <= band && *inside <= band,
            "{name}: {ends:e} {inside:e}"
        );
    }
}

fn run(
    problem: &Problem,
    options: &Options,
    read: &dyn Fn(&[f64]) -> Vec<f64>,
    exact: Option<Exact<'_>>,
    componentwise: bool,
) -> Seen {
    let field = Watched::new(problem);
    let mut inspect = Inspect::new(&field, read);
    inspect.exact = exact;
    inspect.componentwise = componentwise;
    let end = integrate(&field, &problem.initial_weights, options, &mut inspect);
    assert_eq!(inspect.steps, end.statistics.steps);
    if let Some((time, state)) = &inspect.last {
        assert_eq!((*time, state), (end.time, &end.state));
    }
    Seen {
        ends: inspect.ends,
        inside: inspect.inside,
        jump: inspect.jump,
        kernels: field.kernels.get(),
        end,
    }
}

/// Aligned balanced modes of strength `start` in a square network of the depth given.
fn aligned(depth: usize, targets: &[f64], start: f64) -> Problem {
    let n = targets.len();
    let network = Network::new(vec![n; depth + 1]);
    let root = start.powf(1.0 / depth as f64);
    let mut initial_weights = vec![0.0; network.parameters()];
    for layer in 0..depth {
        for i in 0..n {
            initial_weights[layer * n * n + i * n + i] = root;
        }
    }
    let target = Mat::from_fn(n, n, |i, j| if i == j { targets[i] } else { 0.0 });
    Problem {
        network,
        cost: Cost::SquaredError { target },
        l2: 0.0,
        initial_weights,
    }
}

/// Strengths of aligned modes in packed weights.
fn strengths(n: usize, depth: usize) -> impl Fn(&[f64]) -> Vec<f64> {
    move |w| {
        let strength = |i: usize| (0..depth).map(|l| w[l * n * n + i * n + i]).product();
        (0..n).map(strength).collect()
    }
}

/// `s(t)` of the two-layer mode, `s*/(1 + (s*/s0 − 1) e^{−2 s* t})` (Saxe et al. 2014).
fn logistic(target: f64, start: f64, t: f64) -> f64 {
    target / (1.0 + (target / start - 1.0) * (-2.0 * target * t).exp())
}

#[test]
fn logistic_error_is_near_the_tolerance_at_ends_and_inside() {
    let problem = aligned(2, &[1.7], 1e-4);
    let exact = |t: f64| vec![logistic(1.7, 1e-4, t)];
    let mut before = f64::INFINITY;
    for exponent in [4, 6, 8, 10, 12] {
        let rtol = 10f64.powi(-exponent);
        let o = options(2, rtol, rtol * 1e-4, 6.0);
        let s = run(&problem, &o, &strengths(1, 2), Some(&exact), true);
        s.within(20.0 * rtol, "logistic");
        // Two more digits asked for give at least one.
        assert!(s.inside < 0.1 * before);
        before = s.inside;
    }
}

/// One layer under weights 10⁴ … 1: `W_ij(t) = T_ij (1 − e^{−w_ij t})`.
fn one_stiff_layer() -> (Problem, impl Fn(f64) -> Vec<f64>) {
    let rate = |k: usize| 10f64.powf(4.0 - 4.0 * k as f64 / 11.0);
    let goal = |k: usize| 1.0 + 0.5 * (k as f64).sin();
    let problem = Problem {
        network: Network::new(vec![4, 3]),
        cost: Cost::Weighted {
            target: Mat::from_fn(3, 4, |i, j| goal(3 * j + i)),
            weights: Mat::from_fn(3, 4, |i, j| rate(3 * j + i)),
        },
        l2: 0.0,
        initial_weights: vec![0.0; 12],
    };
    let exact = move |t: f64| {
        (0..12)
            .map(|k| -goal(k) * (-rate(k) * t).exp_m1())
            .collect()
    };
    (problem, exact)
}

#[test]
fn one_layer_with_rates_over_four_decades() {
    let (problem, exact) = one_stiff_layer();
    for (rtol, steps) in [(1e-4, 300), (1e-6, 400), (1e-8, 500), (1e-10, 1000)] {
        let o = options(12, rtol, rtol * 1e-3, 1e3);
        let s = run(&problem, &o, &|w| w.to_vec(), Some(&exact), false);
        s.within(20.0 * rtol, "four decades");
        // The fastest rate alone would hold an explicit method to 10⁷ steps.
        assert!(s.kernels > 0 && s.end.statistics.steps < steps);
    }
}

/// Explicit methods need about `λ T/3` steps, 10⁵ … 10⁷ here; accuracy alone needs a few hundred.
#[test]
fn two_layers_far_beyond_their_escapes() {
    for targets in [[3.0, 1.7, 0.9], [300.0, 170.0, 90.0]] {
        let problem = aligned(2, &targets, 1e-3);
        let exact = |t: f64| targets.map(|s| logistic(s, 1e-3, t)).to_vec();
        for (rtol, steps) in [(1e-5, 300), (1e-8, 500), (1e-11, 900)] {
            let o = options(18, rtol, rtol * 1e-4, 1e5);
            let s = run(&problem, &o, &strengths(3, 2), Some(&exact), true);
            s.within(20.0 * rtol, "two layers");
            assert!(s.kernels > 0 && s.end.statistics.steps < steps);
        }
    }
}

/// The inverse of the three-layer mode from 1e-3: with `x = s^{1/3}`, `c = s*^{1/3}` the equation
/// `dx/dt = x² (c³ − x³)` integrates to `t = F(x) − F(x₀)` with
/// `F(x) = c^{−3} [−1/x + c^{-1} G(x/c)]`, `G(u) = ∫_0^u v/(1 − v³) dv` by partial fractions.
fn three_layer_time(target: f64, start: f64, s: f64) -> f64 {
    let c = target.cbrt();
    let root = 3f64.sqrt();
    // v/(1−v³) = (1/3)[1/(1−v) + (v−1)/(1+v+v²)]
    let g = |u: f64| {
        let angle = ((2.0 * u + 1.0) / root).atan() - (1.0 / root).atan();
        (-(-u).ln_1p() + 0.5 * (u + u * u).ln_1p() - root * angle) / 3.0
    };
    let f = |x: f64| (-1.0 / x + g(x / c) / c) / (c * c * c);
    f(s.cbrt()) - f(start.cbrt())
}

#[test]
fn three_layers_far_beyond_their_escapes() {
    let targets = [3.0, 1.7, 0.9];
    let problem = aligned(3, &targets, 1e-3);
    for (rtol, steps) in [(1e-5, 400), (1e-8, 700), (1e-11, 1200)] {
        let o = options(27, rtol, rtol * 1e-4, 1e5);
        let field = Watched::new(&problem);
        let mut worst = [0.0_f64; 2];
        let mut late = 0;
        let end = integrate(
            &field,
            &problem.initial_weights,
            &o,
            &mut Look(|step: &Step<'_>| {
                let s = strengths(3, 3)(step.y1);
                for (s, target) in s.iter().zip(targets) {
                    if *s < 0.99 * target {
                        let t = three_layer_time(target, 1e-3, *s);
                        worst[0] = worst[0].max((t - step.t1).abs() / step.t1.max(1.0));
                    } else if step.t1 > 300.0 {
                        worst[1] = worst[1].max((s / target - 1.0).abs());
                        late += 1;
                    }
                }
            }),
        );
        println!("three layers {rtol:e}: {worst:?} {:?}", end.statistics);
        assert!(matches!(end.outcome, Outcome::HorizonReached));
        assert!(worst[0] <= 20.0 * rtol && worst[1] <= rtol && late > 0);
        assert!(field.kernels.get() > 0 && end.statistics.steps < steps);
    }
}

#[test]
fn continuous_extension_meets_both_ends() {
    let (stiff, _) = one_stiff_layer();
    let generic = common_start(vec![3, 5, 4, 3]);
    let mut split = 0;
    for (problem, horizon) in [
        (stiff, 1e3),
        (generic, 1e-2),
        (aligned(2, &[9.0, 4.0], 1e-6), 1e4),
    ] {
        let o = options(problem.network.parameters(), 1e-7, 1e-12, horizon);
        let s = run(&problem, &o, &|w| w.to_vec(), None, true);
        // Coefficients of order 12 add up to 10³ steps in size. In one of the last steps, which may have
        // been ten times shorter, a fast weight may have moved by 1: sums are rounded at 10⁴ ε/2.
        assert!(s.jump < 1.2e-12, "jump {:e}", s.jump);
        split += usize::from(s.kernels > 0);
    }
    assert_eq!(split, 2, "both with and without a fast part");
}

/// Weights without structure.
fn common_start(widths: Vec<usize>) -> Problem {
    let network = Network::new(widths);
    let (rows, cols) = (network.output_width(), network.input_width());
    let target = Mat::from_fn(rows, cols, |i, j| 2.0 * f64::from((i == j) as u8));
    let start = |i: usize| 0.3 * (1.3 * i as f64).sin();
    Problem {
        initial_weights: (0..network.parameters()).map(start).collect(),
        cost: Cost::SquaredError { target },
        l2: 0.0,
        network,
    }
}

#[test]
fn an_exact_critical_point_stays() {
    let mut problem = common_start(vec![3, 4, 3]);
    problem.initial_weights.fill(0.0);
    for atol in [0.0, 1e-12] {
        let o = options(24, 1e-9, atol, 1e6);
        let s = run(&problem, &o, &|w| w.to_vec(), None, true);
        assert!(matches!(s.end.outcome, Outcome::HorizonReached));
        assert_eq!(s.end.time, 1e6);
        assert!(s.end.state.iter().all(|&w| w == 0.0));
        assert!(s.end.statistics.steps < 100);
    }
}

#[test]
fn tiny_weights_escape_on_time() {
    for start in [1e-100_f64, 1e-200, 1e-280] {
        let problem = aligned(2, &[1.7], start);
        let exact = |t: f64| vec![logistic(1.7, start, t)];
        let s = run(
            &problem,
            &options(2, 1e-8, 0.0, 300.0),
            &strengths(1, 2),
            Some(&exact),
            true,
        );
        // The growth by 10¹⁰⁰ … 10²⁸⁰ is 230 … 650 e-folds, each with an error of its own.
        s.within(100.0 * 1e-8, "tiny");
    }
}

#[test]
fn huge_gradients_shorten_the_first_step() {
    for (target, start) in [(1e4, 1.0), (1e8, 1.0), (1e12, 1.0), (1.7, 1e4), (1.7, 1e8)] {
        let problem = aligned(2, &[target], start);
        let exact = |t: f64| vec![logistic(target, start, t)];
        let s = run(
            &problem,
            &options(2, 1e-8, 1e-12, 1.0),
            &strengths(1, 2),
            Some(&exact),
            true,
        );
        s.within(20.0 * 1e-8, "huge");
    }
}

/// 900 entries of `A`: the kernel of two layers is a sum, so its size does not matter.
#[test]
fn thirty_modes_of_two_layers_are_split_off() {
    let targets: Vec<f64> = (0..30).map(|k| 6.0 * 0.9_f64.powi(k)).collect();
    let problem = aligned(2, &targets, 1e-3);
    let (rtol, horizon) = (1e-8, 1e4);
    let exact = |t: f64| targets.iter().map(|&s| logistic(s, 1e-3, t)).collect();
    let o = options(problem.network.parameters(), rtol, rtol * 1e-5, horizon);
    let s = run(&problem, &o, &strengths(30, 2), Some(&exact), false);
    s.within(20.0 * rtol, "thirty modes");
    // ρ = 12: explicit methods would need more than 10⁴ steps.
    assert!(s.kernels > 0 && s.end.statistics.steps < 1000);
}

/// Both layers equal: `s' = 2 s (s* − 2λ − s)`. The decay is not in the part that is split off.
#[test]
fn weight_decay_shifts_the_logistic() {
    for (target, l2, horizon) in [(1.7, 0.01, 30.0), (1.7, 0.3, 30.0), (200.0, 50.0, 3.0)] {
        let problem = Problem {
            l2,
            ..aligned(2, &[target], 1e-4)
        };
        let exact = |t: f64| vec![logistic(target - 2.0 * l2, 1e-4, t)];
        let s = run(
            &problem,
            &options(2, 1e-8, 1e-12, horizon),
            &strengths(1, 2),
            Some(&exact),
            true,
        );
        s.within(20.0 * 1e-8, "decay");
    }
}

/// One layer, `W(t) = T (1 − e^{−(1+2λ)t})/(1 + 2λ)`, and with nothing observed `W₀ e^{−2λt}`:
/// a stiffness that the tangent knows nothing of.
#[test]
fn stiff_weight_decay_is_slow_but_right() {
    let l2 = 50.0;
    let target = || Mat::from_fn(2, 2, |i, j| 1.0 + i as f64 + 2.0 * j as f64);
    let problem = |observed: f64, start: f64| Problem {
        network: Network::new(vec![2, 2]),
        cost: Cost::MatrixCompletion {
            target: target(),
            observed: Mat::from_fn(2, 2, |_, _| observed),
        },
        l2,
        initial_weights: vec![start; 4],
    };
    let o = options(4, 1e-6, 1e-9, 20.0);
    let exact = |t: f64| {
        (1..=4)
            .map(|k| -f64::from(k) * (-101.0 * t).exp_m1() / 101.0)
            .collect()
    };
    run(&problem(1.0, 0.0), &o, &|w| w.to_vec(), Some(&exact), false).within(20.0 * 1e-6, "seen");
    // The absolute tolerance takes over as the weights vanish: compare what is added to 1.
    let lifted = |w: &[f64]| w.iter().map(|w| 1.0 + w).collect();
    let exact = |t: f64| vec![1.0 + (-100.0 * t).exp(); 4];
    run(&problem(0.0, 1.0), &o, &lifted, Some(&exact), false).within(20.0 * 1e-6, "unseen");
}

/// A field given by a function.
struct Plain<F: Fn(&[f64], &mut [f64])> {
    dim: usize,
    f: F,
}

impl<F: Fn(&[f64], &mut [f64])> VectorField for Plain<F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        (self.f)(y, dy);
    }

    fn jvp(&self, _: &[f64], _: &[f64], _: &mut [f64]) {
        unreachable!("exponential Adams asks for no Jacobian products");
    }
}

fn run_plain(field: &dyn VectorField, y0: &[f64], o: &Options, exact: Option<Exact<'_>>) -> Seen {
    let read = |y: &[f64]| y.to_vec();
    let mut inspect = Inspect::new(field, &read);
    inspect.exact = exact;
    inspect.componentwise = false;
    let end = integrate(field, y0, o, &mut inspect);
    Seen {
        ends: inspect.ends,
        inside: inspect.inside,
        jump: inspect.jump,
        kernels: 0,
        end,
    }
}

#[test]
fn an_oscillator_without_tangent() {
    let field = Plain {
        dim: 2,
        f: |y: &[f64], dy: &mut [f64]| dy.copy_from_slice(&[y[1], -y[0]]),
    };
    let exact = |t: f64| vec![t.cos(), -t.sin()];
    for rtol in [1e-5, 1e-8, 1e-11] {
        let o = options(2, rtol, rtol, 20.0 * PI);
        let s = run_plain(&field, &[1.0, 0.0], &o, Some(&exact));
        // Phase errors add up over ten periods.
        s.within(100.0 * rtol, "oscillator");
    }
}

/// The restricted three-body problem on its closed orbit of period 17.0652165601579625588917206249
/// (Hairer, Nørsett & Wanner, *Solving Ordinary Differential Equations I*, eqs. 0.1 and 0.2).
#[test]
fn the_arenstorf_orbit_closes() {
    let field = Plain {
        dim: 4,
        f: arenstorf,
    };
    let y0 = [0.994, 0.0, 0.0, -2.001_585_106_379_082_5];
    let period = 17.065_216_560_157_96;
    let mut before = f64::INFINITY;
    // The orbit passes the Earth closely and magnifies errors by about 10⁵: of roundoff, a few
    // dozen units in the last place, that much is left whatever the tolerance.
    let roundoff = 1e5 * 1e-14;
    for rtol in [1e-8, 1e-10, 1e-12] {
        let s = run_plain(&field, &y0, &options(4, rtol, rtol, period), None);
        assert!(matches!(s.end.outcome, Outcome::HorizonReached));
        let miss = distance(&s.end.state[..2], &y0[..2]);
        println!("arenstorf {rtol:e}: {miss:.1e} {:?}", s.end.statistics);
        assert!(miss < (0.1 * before).max(roundoff));
        before = miss;
    }
    assert!(before < 1e-6);
}

fn arenstorf(y: &[f64], dy: &mut [f64]) {
    let moon = 0.012_277_471;
    let earth = 1.0 - moon;
    let d1 = ((y[0] + moon).powi(2) + y[1] * y[1]).powf(1.5);
    let d2 = ((y[0] - earth).powi(2) + y[1] * y[1]).powf(1.5);
    dy[0] = y[2];
    dy[1] = y[3];
    dy[2] = y[0] + 2.0 * y[3] - earth * (y[0] + moon) / d1 - moon * (y[0] - earth) / d2;
    dy[3] = y[1] - 2.0 * y[2] - earth * y[1] / d1 - moon * y[1] / d2;
}

/// `y = 1/(1 − t)` ends at `t = 1`.
#[test]
fn blow_up_fails_at_its_time() {
    let field = Plain {
        dim: 1,
        f: |y: &[f64], dy: &mut [f64]| dy[0] = y[0] * y[0],
    };
    let s = run_plain(&field, &[1.0], &options(1, 1e-9, 0.0, 2.0), None);
    println!("blow-up at {} {:?}", s.end.time, s.end.outcome);
    let Outcome::Failed { error } = &s.end.outcome else {
        panic!("{:?}", s.end.outcome);
    };
    assert!(matches!(
        error,
        Error::StepTooSmall { .. } | Error::NotFinite { .. }
    ));
    assert!((s.end.time - 1.0).abs() < 1e-6);
    assert!(s.end.state[0].is_finite());
}

#[test]
fn a_field_that_is_not_a_number_fails() {
    // From the start, and beyond y = 1/2, which y' = 1 reaches at t = 1/2.
    for (limit, time) in [(-1.0, 0.0), (0.5, 0.5)] {
        let field = Plain {
            dim: 1,
            f: move |y: &[f64], dy: &mut [f64]| dy[0] = if y[0] > limit { f64::NAN } else { 1.0 },
        };
        let mut o = options(1, 1e-9, 1e-9, 2.0);
        o.max_steps = 10_000;
        let end = integrate(&field, &[0.0], &o, &mut Look(|_| {}));
        let Outcome::Failed { error } = &end.outcome else {
            panic!("{:?}", end.outcome);
        };
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        assert!((end.time - time).abs() < 1e-6, "{}", end.time);
        assert!(end.state[0].is_finite());
    }
}

#[test]
fn the_step_limit_and_the_observer_end_a_run() {
    let problem = aligned(2, &[1.7], 1e-4);
    let field = LayerFlow::new(&problem);
    let mut o = options(2, 1e-9, 0.0, 50.0);
    o.max_steps = 7;
    let end = integrate(&field, &problem.initial_weights, &o, &mut Look(|_| {}));
    let too_many = matches!(
        &end.outcome,
        Outcome::Failed {
            error: Error::TooManySteps { steps: 7, .. }
        }
    );
    assert!(too_many, "{:?}", end.outcome);
    assert_eq!(end.statistics.steps, 7);
}

/// A run that needs all its steps to reach the horizon has reached it.
#[test]
fn as_many_steps_as_are_needed_suffice() {
    let problem = aligned(2, &[1.7], 1e-4);
    let field = LayerFlow::new(&problem);
    let mut o = options(2, 1e-6, 0.0, 50.0);
    let run = |o: &Options| integrate(&field, &problem.initial_weights, o, &mut Look(|_| {}));
    let needed = run(&o).statistics.steps;
    for (limit, reached) in [(needed, true), (needed - 1, false)] {
        o.max_steps = limit;
        let end = run(&o);
        let found = matches!(end.outcome, Outcome::HorizonReached);
        assert_eq!(found, reached, "{:?}", end.outcome);
    }
}

/// Without a relative tolerance the absolute one holds: `s = s*/(1 + (s*/s_0 − 1) e^{−2 s* t})`.
#[test]
fn an_absolute_tolerance_is_enough() {
    let problem = aligned(2, &[1.7], 1e-2);
    let field = LayerFlow::new(&problem);
    let o = options(2, 0.0, 1e-10, 3.0);
    let end = integrate(&field, &problem.initial_weights, &o, &mut Look(|_| {}));
    assert!(
        matches!(end.outcome, Outcome::HorizonReached),
        "{:?}",
        end.outcome
    );
    let exact = 1.7 / (1.0 + (1.7 / 1e-2 - 1.0) * (-2.0_f64 * 1.7 * 3.0).exp());
    let found = end.state[0] * end.state[1];
    assert!((found / exact - 1.0).abs() < 1e-7, "{found} {exact}");
}

/// Ten iterates of 0.1 fit below 1.05, and an eleventh is none that was refused.
#[test]
fn descent_is_over_at_its_last_iterate() {
    let problem = aligned(2, &[1.7], 1e-4);
    let field = LayerFlow::new(&problem);
    let mut o = options(2, 1e-6, 0.0, 1.05);
    o.method = Method::GradientDescent { learning_rate: 0.1 };
    for (limit, reached) in [(11, true), (10, true), (9, false)] {
        o.max_steps = limit;
        let end = integrate(&field, &problem.initial_weights, &o, &mut Look(|_| {}));
        let found = matches!(end.outcome, Outcome::HorizonReached);
        assert_eq!((found, end.statistics.steps), (reached, limit.min(10)));
    }
}

/// Before anything is evaluated.
#[test]
fn options_that_no_method_can_work_with_are_refused() {
    let problem = aligned(2, &[1.7], 1e-4);
    let field = LayerFlow::new(&problem);
    let refused = |start: &[f64], change: &dyn Fn(&mut Options)| {
        for method in [Method::Auto, Method::Dop853, Method::Tsit45, Method::Bdf] {
            let mut o = options(2, 1e-6, 0.0, 1.0);
            o.method = method;
            change(&mut o);
            let end = integrate(&field, start, &o, &mut Look(|_| {}));
            let Outcome::Failed { error } = &end.outcome else {
                panic!("{:?}", end.outcome);
            };
            assert!(matches!(error, Error::Options(_)), "{error}");
            assert_eq!(end.statistics.rhs_evaluations, 0);
        }
    };
    let start = &problem.initial_weights;
    refused(&start[1..], &|_| {});
    refused(start, &|o| o.atol = vec![1e-12]);
    refused(start, &|o| o.atol = vec![1e-12; 3]);
    refused(start, &|o| o.atol[1] = f64::NAN);
    refused(start, &|o| o.rtol = -1e-6);
    refused(start, &|o| o.rtol = 0.0);
    for horizon in [f64::INFINITY, f64::NAN, -1.0] {
        refused(start, &|o| o.horizon = horizon);
    }
    for learning_rate in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        refused(start, &|o| {
            o.method = Method::GradientDescent { learning_rate }
        });
    }
    refused(start, &|o| o.horizon = f64::NAN);
    refused(start, &|o| o.horizon = -1.0);
}

/// All singular values at all recorded times, and all escapes, with two methods that share no
/// formula with exponential Adams.
#[test]
fn completion_with_plateaus_agrees_with_other_methods() {
    let report = |method: &str, rtol: f64| {
        run_text(&format!(
            "seed = 11\nnetwork = {{ widths = [6, 6, 6, 6] }}\n\
             cost = {{ kind = \"matrix_completion\", target = {{ singular_values = [4.0, 2.0] }}, observed = {{ fraction = 0.75 }} }}\n\
             init = {{ kind = \"gaussian\", std = 0.05 }}\n\
             solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = 300.0 }}\n\
             record = {{ grid = \"linear\", count = 200 }}\n\
             events = [{{ kind = \"escape\", fraction = 0.5 }}, {{ kind = \"plateau\" }}]\n"
        ))
    };
    let auto = report("auto", 1e-9);
    let escapes = |r: &Report| -> Vec<(Option<usize>, f64)> {
        let kind = |e: &&Event| e.kind == EventKind::Escape;
        r.events
            .iter()
            .filter(kind)
            .map(|e| (e.index, e.time))
            .collect()
    };
    let plateaus = |r: &Report| {
        r.events
            .iter()
            .filter(|e| e.kind == EventKind::PlateauEnter)
            .count()
    };
    assert!(
        escapes(&auto).len() >= 2 && plateaus(&auto) >= 2,
        "{:?}",
        auto.events
    );
    for (method, rtol, band) in [("dop853", 1e-10, 1e-7), ("bdf", 1e-9, 1e-5)] {
        let other = report(method, rtol);
        assert_eq!(plateaus(&other), plateaus(&auto));
        let (ours, theirs) = (escapes(&auto), escapes(&other));
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(&theirs) {
            println!("{method} {a:?} {b:?} {:.1e}", a.1 / b.1 - 1.0);
            assert!(a.0 == b.0 && (a.1 / b.1 - 1.0).abs() < band);
        }
        for (p, q) in auto.trajectory.rows.iter().zip(&other.trajectory.rows) {
            assert_eq!(p.time, q.time);
            for (x, y) in p.singular_values.iter().zip(&q.singular_values) {
                assert!(
                    (x - y).abs() < band * 4.0,
                    "{method} at {}: {x} {y}",
                    p.time
                );
            }
        }
    }
}

/// Allocations of a run of so many steps, and how often a fast eigenspace was made.
fn allocations(problem: &Problem, steps: usize) -> (u64, usize) {
    let field = Watched::new(problem);
    let n = problem.network.parameters();
    let o = Options {
        max_steps: steps,
        ..options(n, 1e-9, 1e-14, 1e6)
    };
    let count = || {
        field.kernels.set(0);
        integrate(&field, &problem.initial_weights, &o, &mut Look(|_| {}));
    };
    count(); // first calls may fill caches of the matrix library
    let counted = allocation_counter::measure(count).count_total;
    (counted, field.kernels.get())
}

#[test]
fn steps_do_not_allocate() {
    let problem = common_start(vec![6, 20, 6]);
    let (few, none) = allocations(&problem, 5);
    let (some, still_none) = allocations(&problem, 35);
    assert_eq!((none, still_none), (0, 0));
    println!("{few} {some}");
    assert_eq!(few, some);
    // A step at which no eigenspace is made allocates nothing with a fast part either.
    let mut before: Option<(u64, usize)> = None;
    let mut compared = 0;
    for steps in (100..200).step_by(10) {
        let now = allocations(&problem, steps);
        println!("{steps} {now:?}");
        if let Some(before) = before.filter(|b| b.1 == now.1 && now.1 > 0) {
            assert_eq!(before.0, now.0);
            compared += 1;
        }
        before = Some(now);
    }
    assert!(compared > 2);
}

/// At rest steps double up to any horizon: squares of steps, and of what is left of `f`, leave the range of
/// `f64` long before times do.
#[test]
fn a_run_at_rest_reaches_every_horizon() {
    let run = |horizon: f64| {
        run_text(&format!(
            "[network]\nwidths = [3, 4, 3]\n[cost]\nkind = \"squared_error\"\n\
             target = {{ singular_values = [2.0, 1.0] }}\n[init]\nkind = \"gaussian\"\nstd = 0.01\n\
             [solver]\nhorizon = {horizon:e}\nmax_steps = 20000\n"
        ))
    };
    for horizon in [1e150, 1e200, 1e308] {
        let report = run(horizon);
        assert_eq!(
            report.outcome,
            dlnflow::report::Outcome::HorizonReached,
            "{}",
            report.outcome_detail
        );
        assert_eq!(report.time, horizon);
        let said = format!("reached the horizon t = {horizon:e}");
        assert_eq!(report.outcome_detail, said);
        let sigma = &report.trajectory.rows.last().expect("rows").singular_values;
        // rtol = 1e-9 of the largest.
        assert!((sigma[0] - 2.0).abs() < 2e-9 && (sigma[1] - 1.0).abs() < 2e-9);
    }
}
