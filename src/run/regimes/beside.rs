//! One run beside its linearised model.

use crate::flow::{LayerFlow, LayerTangent};
use crate::integrate::{Method, Observer, Options, Step, Tangent, VectorField, integrate};
use crate::linalg::{
    Mat, SingularValues, effective_rank, frobenius, norm, product, root, svd, zeros,
};
use crate::model::{Cost, CostScratch, Network, Problem, Reduction};
use crate::observe::StopRules;
use crate::regime::{LARGEST, LinearModel, Refused, alignment};
use crate::report::{self, regimes::Sample};
use crate::run::{ending::ending, exact::SolvedFlow};
use crate::scenario::Built;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Times at which rows are taken, `t = 0` not counted.
const ROWS: usize = 360;
/// The first of them, relative to the horizon.
const FIRST: f64 = 1e-6;
/// Cost, relative to that of the start, at which a run is over.
const LEARNED: f64 = 1e-16;
/// The same from which on a run that its own stop rule ends counts as at rest.
const RESTS: f64 = 1e-10;
/// Width of the bracket of a crossing, relative to its step.
const BRACKET: f64 = 1e-10;

/// What was seen of a run.
pub(super) struct Seen {
    /// How it ended, in a word and in a sentence.
    pub outcome: report::Outcome,
    pub outcome_detail: String,
    pub samples: Vec<Sample>,
    /// `sup ‖A − A_lin‖_F` over rows and steps, and `‖A_lin(T) − A(0)‖_F`.
    pub largest_distance: f64,
    pub linear_length: f64,
    /// When the target's first mode has half its strength.
    pub first_half_time: Option<f64>,
}

/// Integrates the flow until the horizon and holds it against `linear`.
pub(super) fn integrate_beside(
    built: &Built,
    linear: &LinearModel,
    interrupt: &AtomicBool,
) -> Result<Seen, Refused> {
    let reduction = Reduction::of(&built.problem);
    let problem = reduction.as_ref().map_or(&built.problem, |r| &r.problem);
    let atol = reduction
        .as_ref()
        .map(|r| r.tolerances(&built.solver.atol))
        .unwrap_or_else(|| built.solver.atol.clone());
    let options = Options {
        atol,
        ..built.solver.clone()
    };
    let mut beside = Beside::new(problem, linear, &built.stop, options.horizon, interrupt)?;
    let stepped = LayerFlow::new(problem);
    let solved = (options.method == Method::Exact).then(|| SolvedFlow::new(problem));
    let flow: &dyn VectorField = match &solved {
        Some(solved) => solved,
        None => &stepped,
    };
    let end = integrate(flow, &problem.initial_weights, &options, &mut beside);
    let (outcome, outcome_detail) = ending(&end, &options);
    if beside.is_at_rest && !interrupt.load(Ordering::Relaxed) {
        beside.rest_at(&end.state);
    }
    let origin = linear.at(0.0);
    let length = (&linear.at(options.horizon) - &origin).norm_l2();
    Ok(Seen {
        outcome,
        outcome_detail,
        samples: beside.samples,
        largest_distance: beside.largest_distance,
        linear_length: length,
        first_half_time: beside.first_half_time,
    })
}

/// `u_1`, `v_1` and `s_1/2` of the target.
struct FirstMode {
    u: Mat<f64>,
    v: Mat<f64>,
    half: f64,
}

struct Beside<'a> {
    network: &'a Network,
    cost: &'a Cost,
    linear: &'a LinearModel,
    tangent: LayerTangent<'a>,
    stop: &'a StopRules,
    interrupt: &'a AtomicBool,
    times: Vec<f64>,
    samples: Vec<Sample>,
    largest_distance: f64,
    mode: Option<FirstMode>,
    /// Strength of the first mode above its half at the last step.
    excess: f64,
    first_half_time: Option<f64>,
    start_cost: f64,
    /// Whether so little is left to learn that `A` stays where it is.
    is_at_rest: bool,
    state: Vec<f64>,
    products: Vec<Mat<f64>>,
    gradient: Mat<f64>,
    scratch: CostScratch,
    spectrum: SingularValues,
}

impl<'a> Beside<'a> {
    fn new(
        problem: &'a Problem,
        linear: &'a LinearModel,
        stop: &'a StopRules,
        horizon: f64,
        interrupt: &'a AtomicBool,
    ) -> Result<Self, Refused> {
        let network = &problem.network;
        let (rows, cols) = problem.cost.shape();
        let refused = Refused::KernelTooLarge(rows * cols);
        Ok(Self {
            network,
            cost: &problem.cost,
            linear,
            tangent: LayerTangent::of_network(network, LARGEST).ok_or(refused)?,
            stop,
            interrupt,
            times: times(horizon),
            samples: Vec::new(),
            largest_distance: 0.0,
            mode: first_mode(&problem.cost),
            excess: 0.0,
            first_half_time: None,
            start_cost: 0.0,
            is_at_rest: false,
            state: vec![0.0; network.parameters()],
            products: network.product_storage(),
            gradient: zeros(rows, cols),
            scratch: problem.cost.scratch(),
            spectrum: SingularValues::new(rows, cols),
        })
    }

    /// A row at time `t` with weights `state`.
    fn row(&mut self, t: f64, state: &[f64]) {
        self.tangent.freeze(state);
        let kernel = self.tangent.kernel();
        let (a, linear) = (self.tangent.end_to_end(), self.linear.at(t));
        let start = self.linear.kernel();
        let drift = (&kernel - start).norm_l2() / frobenius(start.as_ref());
        let distance = (a - &linear).norm_l2();
        let (gradient, scratch) = (&mut self.gradient, &mut self.scratch);
        let cost = self.cost.gradient(a.as_ref(), gradient.as_mut(), scratch);
        let linear_cost = self
            .cost
            .gradient(linear.as_ref(), gradient.as_mut(), scratch);
        let target = self.cost.target();
        self.samples.push(Sample {
            time: t,
            cost,
            linear_cost,
            distance,
            drift,
            alignment: target.and_then(|target| alignment(&kernel, target)),
            effective_rank: effective_rank(self.spectrum.of(a.as_ref())),
            linear_effective_rank: effective_rank(self.spectrum.of(linear.as_ref())),
        });
        self.largest_distance = self.largest_distance.max(distance);
    }

    /// The rows that are left: the weights stay where they are.
    fn rest_at(&mut self, state: &[f64]) {
        for t in self
            .times
            .split_off(self.samples.len().min(self.times.len()))
        {
            self.row(t, state);
        }
    }

    /// Strength of the first mode less its half, of the products at hand.
    fn excess_at_hand(&self) -> Option<f64> {
        let (mode, a) = (self.mode.as_ref()?, self.products.last()?);
        let half = product(a.as_ref(), mode.v.as_ref());
        Some(product(mode.u.transpose(), half.as_ref())[(0, 0)] - mode.half)
    }

    fn excess_inside(&mut self, step: &Step<'_>, t: f64) -> f64 {
        let mut state = std::mem::take(&mut self.state);
        step.state_at(t, &mut state);
        self.network.prefix_products(&state, &mut self.products);
        self.state = state;
        self.excess_at_hand().unwrap_or(f64::NAN)
    }

    /// Where the first mode passes its half inside a step.
    fn crossing(&mut self, step: &Step<'_>, after: f64) -> f64 {
        let (begin, end) = ((step.t0, self.excess), (step.t1, after));
        let tolerance = BRACKET * (step.t1 - step.t0);
        root(|t| self.excess_inside(step, t), begin, end, tolerance).at
    }

    /// After `measure` of the end of the step.
    fn watch_first_mode(&mut self, step: &Step<'_>) {
        if self.first_half_time.is_some() {
            return;
        }
        let Some(after) = self.excess_at_hand() else {
            return;
        };
        if self.excess < 0.0 && after >= 0.0 {
            self.first_half_time = Some(self.crossing(step, after));
        }
        self.excess = after;
    }

    /// `C(A)` and `‖A − A_lin‖_F` at the end of a step.
    fn measure(&mut self, t: f64, state: &[f64]) -> f64 {
        self.network.prefix_products(state, &mut self.products);
        let Some(a) = self.products.last() else {
            return f64::NAN;
        };
        let distance = (a - self.linear.at(t)).norm_l2();
        self.largest_distance = self.largest_distance.max(distance);
        let (gradient, scratch) = (&mut self.gradient, &mut self.scratch);
        self.cost.gradient(a.as_ref(), gradient.as_mut(), scratch)
    }
}

impl Observer for Beside<'_> {
    fn start(&mut self, y0: &[f64], _f0: &[f64]) -> ControlFlow<String> {
        self.start_cost = self.measure(0.0, y0);
        self.row(0.0, y0);
        if let Some(excess) = self.excess_at_hand() {
            self.excess = excess;
            self.first_half_time = (excess >= 0.0).then_some(0.0);
        }
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        while let Some(&t) = self.times.get(self.samples.len()) {
            if t > step.t1 {
                break;
            }
            let mut state = std::mem::take(&mut self.state);
            step.state_at(t, &mut state);
            self.row(t, &state);
            self.state = state;
        }
        let cost = self.measure(step.t1, step.y1);
        self.is_at_rest = cost <= RESTS * self.start_cost;
        self.watch_first_mode(step);
        let learned = self.stop.cost.unwrap_or(LEARNED * self.start_cost);
        if self.interrupt.load(Ordering::Relaxed) {
            return ControlFlow::Break("interrupted".to_owned());
        }
        if cost <= learned {
            return ControlFlow::Break("cost".to_owned());
        }
        let flat = self.stop.gradient_norm.is_some_and(|g| norm(step.f1) <= g);
        match flat {
            true => ControlFlow::Break("gradient_norm".to_owned()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// `t = 0` and times in geometric progression up to the horizon.
fn times(horizon: f64) -> Vec<f64> {
    let rising = (0..ROWS).map(|k| {
        let part = 1.0 - k as f64 / (ROWS - 1) as f64;
        horizon * FIRST.powf(part)
    });
    std::iter::once(0.0).chain(rising).collect()
}

fn first_mode(cost: &Cost) -> Option<FirstMode> {
    let factors = svd(cost.target()?)?;
    let half = 0.5 * factors.s.first()?;
    (half > 0.0).then(|| FirstMode {
        u: factors.u.subcols(0, 1).to_owned(),
        v: factors.v.subcols(0, 1).to_owned(),
        half,
    })
}
