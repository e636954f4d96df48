//! Exponential Adams: variable step, variable order 1 … 12, predict–evaluate–correct–evaluate.
//!
//! The slow part of the solution follows the formulas of Shampine & Gordon, *Computer Solution of
//! Ordinary Differential Equations*, 1975 (predictor of order `k`, corrector of order `k + 1`, error
//! estimates by modified divided differences), with steps of any size. Where the Jacobian has a known
//! stiff part, its fast eigenspace is split off and integrated with exponential weights, so the step
//! is limited by accuracy alone; see [`fast`].

mod combinations;
mod control;
mod directions;
mod eigenbasis;
mod fast;
mod formula;
mod history;
mod kernels;
mod nodes;
mod pairs;
mod past;
mod survey;
mod weights;

use super::driver::{Finished, Outcome, Watch};
use super::vector::{distance_squared, weighted_square};
use super::{Interpolant, Options, Step, TOGETHER, Tangent, VectorField, pace};
use combinations::{correct, error_squares, predict};
use fast::Fast;
use formula::Formula;
use kernels::{distances, set_units};
use past::Past;
use std::ops::ControlFlow;
use weights::{MAX_ORDER, TERMS};

/// Fraction of the requested tolerance that each step is held to.
const SAFETY: f64 = 0.02;
/// Largest `h κ` of what is left to the slow part, κ its measured contraction rate.
const STIFF: f64 = 0.25;
/// Rates below this part of `1/h` stay in the slow part.
const SLOW: f64 = 0.03;
/// The sizes that errors refer to are measured again after so many steps.
const SCALE_AGE: usize = 3;
/// An order that has been confirmed is questioned again after so many steps.
const CHOICE_AGE: usize = 2;
/// The order rises only when the step has not grown for so many steps: until then differences
/// carry the change along.
const SETTLED: usize = 4;
/// `γ*_1 …`: error constants of the formulas of order 1, 2, … for equal steps.
const GAMMA: [f64; TERMS] = [
    0.5, 0.0833, 0.0417, 0.0264, 0.0188, 0.0143, 0.0114, 0.009_36, 0.007_89, 0.006_79, 0.005_92,
    0.005_24, 0.004_68,
];

/// To the horizon; with `Method::Auto` to where BDF is expected to cost less.
pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut method = Adams::new(field, y0, options);
    let end = method.advance(watch);
    Finished {
        end,
        state: method.y,
        rejected: method.rejected,
    }
}

struct Adams<'a> {
    field: &'a dyn VectorField,
    options: &'a Options,
    time: f64,
    step: f64,
    order: usize,
    /// Steps made since the last that was larger than the one before.
    settled: usize,
    /// While starting, order and step rise at every step.
    starting: bool,
    /// `known` from which on the order is chosen anew.
    next_choice: usize,
    /// `t_n − t_{n−j−1}`.
    back: [f64; TERMS + 1],
    /// Points known besides the present one.
    known: usize,
    y: Vec<f64>,
    predicted: Vec<f64>,
    y1: Vec<f64>,
    /// `f` at the predicted point.
    f: Vec<f64>,
    /// `f` at the new point.
    f1: Vec<f64>,
    /// `f` as the past continues it.
    extrapolated: Vec<f64>,
    /// One over the error allowed to each component in a step.
    unit: Vec<f64>,
    /// Mean square of the allowed errors, for the coordinates of the fast part.
    mean_scale: f64,
    /// Square of the roundoff of the state.
    noise: f64,
    past: Past,
    fast: Option<Fast<'a>>,
    tangent: Option<Box<dyn Tangent + 'a>>,
    /// Steps that were too stiff since the fast part was last made.
    borne: f64,
    /// `borne` from which on the kernel is looked at again.
    next_survey: f64,
    /// The last fast part left the steps stiff, or nothing was fast that could be split off, as where weight decay
    /// makes everything stiff; and the stiff steps since.
    unsplittable: bool,
    in_vain: f64,
    /// Contraction left to the slow part when the fast part was new.
    fresh: Option<f64>,
    /// `auto` goes on by another method.
    leaves_off: bool,
    /// The fast part carries the whole Jacobian.
    refined: bool,
    rejected: usize,
}

/// What a trial step says about itself before the new point is evaluated.
struct Trial {
    /// Error of the step and the error that its size follows, in units of what is allowed.
    local: f64,
    at: f64,
    /// `‖y_1 − p‖²`.
    moved: f64,
    /// `Shares::errors` of the fast part.
    fast: [f64; 3],
}

impl Trial {
    /// How much the error grows from step to step. Where steps shrink towards an escape `at`, seen
    /// from shorter steps than those before, falls behind `local`.
    fn trend(&self) -> f64 {
        if self.local > self.at {
            (self.local / self.at).min(3.0)
        } else {
            1.0
        }
    }
}

/// Errors of the neighbouring orders in units of what is allowed.
struct Neighbours {
    lower: f64,
    lowest: f64,
    raised: Option<f64>,
}

impl<'a> Adams<'a> {
    fn new(field: &'a dyn VectorField, y0: &[f64], options: &'a Options) -> Self {
        let n = y0.len();
        let zeros = || vec![0.0; n];
        Self {
            field,
            options,
            time: 0.0,
            step: 0.0,
            order: 1,
            settled: 0,
            starting: true,
            next_choice: 0,
            back: [0.0; TERMS + 1],
            known: 0,
            y: y0.to_vec(),
            predicted: zeros(),
            y1: zeros(),
            f: zeros(),
            f1: zeros(),
            extrapolated: zeros(),
            unit: zeros(),
            mean_scale: 0.0,
            noise: 0.0,
            past: Past::new(n),
            fast: None,
            tangent: field.tangent(),
            borne: 0.0,
            next_survey: 0.0,
            unsplittable: false,
            in_vain: 0.0,
            fresh: None,
            leaves_off: false,
            refined: false,
            rejected: 0,
        }
    }

    fn advance(&mut self, watch: &mut Watch<'_>) -> ControlFlow<Outcome> {
        self.field.eval(&self.y, &mut self.f1);
        watch.start(&self.y, &self.f1)?;
        self.set_unit();
        self.step = self.first_step();
        self.past.push(&mut self.f1, 1);
        let mut failures = 0;
        while self.time < self.options.horizon && !self.leaves_off {
            let (h, end) = pace::next(self.time, self.step, self.options.horizon);
            pace::resolvable(self.time, h, &self.f)?;
            let formula = Formula::new(h, self.order, &self.back, self.past.values().len());
            let trial = self.attempt(&formula);
            if trial.local <= 1.0 {
                failures = 0;
                self.accept(&formula, &trial, end, watch)?;
            } else {
                failures += 1;
                self.reject(&formula, &trial, failures);
            }
        }
        ControlFlow::Continue(())
    }

    fn set_unit(&mut self) {
        self.field.magnitude(&self.y, &mut self.unit);
        let rtol = SAFETY * self.options.rtol;
        let atol = &self.options.atol;
        let [allowed, size] = set_units(&mut self.unit, &self.y, atol, SAFETY, rtol);
        self.mean_scale = (allowed / self.unit.len() as f64).max(f64::MIN_POSITIVE);
        self.noise = 1e-28 * size;
    }

    /// A step after which the quadratic term is a small part of the tolerance.
    fn first_step(&self) -> f64 {
        let size = weighted_square(&self.y, &self.unit).sqrt();
        let slope = weighted_square(&self.f1, &self.unit).sqrt();
        let step = if self.options.rtol == 0.0 && slope > 0.0 {
            // A quarter of what is allowed.
            0.25 / slope
        } else if slope > 0.0 && size > 0.0 {
            0.25 * (SAFETY * self.options.rtol).sqrt() * size / slope
        } else {
            1e-6 * self.options.horizon
        };
        step.min(self.options.horizon)
    }

    /// Predicts, evaluates, corrects; the new point into `y1`.
    fn attempt(&mut self, formula: &Formula) -> Trial {
        let (p, sum) = (&mut self.predicted, &mut self.extrapolated);
        let rows = [&formula.predictor, &formula.continuation];
        let rows = rows.map(|row| &row[..formula.order]);
        predict(p, sum, &self.y, rows, self.past.values());
        if let Some(fast) = &mut self.fast {
            fast.predict(formula, p);
        }
        self.field.eval(p, &mut self.f);
        let seen = [&self.f[..], sum];
        correct([&mut self.y1], p, [formula.last()], seen, [&[]], &[]);
        let mut fast = fast::Shares::default();
        if let Some(part) = &mut self.fast {
            part.see_predicted(p, &self.f);
            fast = part.shares(formula);
            part.correct(formula, &mut self.y1);
        }
        let [scaled, moved] = distances(&self.y1, &self.predicted, &self.unit);
        // What the fast part moved is taken off as if all allowed errors were equal; where they
        // are not, a tenth of what was seen is kept at least.
        let slow = (scaled - fast.moved / self.mean_scale).max(0.01 * scaled);
        let unit = formula.unit;
        let slow = slow / (formula.last() / unit).powi(2);
        let size = |square: f64| (square / self.y.len() as f64).sqrt();
        let local = (formula.slip() / unit).powi(2) * slow + fast.local / self.mean_scale;
        let at = size(slow + fast.errors[0] / self.mean_scale);
        Trial {
            local: size(local),
            at: at * formula.error_constant(formula.order, &self.back),
            moved,
            fast: fast.errors,
        }
    }

    /// Squares of what the formulas of this order, the two below and the one above leave of `f` at
    /// the new point, for a unit of time and in units of what is allowed, without the part in the fast
    /// space. Damping does not act on that part here, so it may be far larger than the rest: it is taken
    /// off as a share of the plain squares, where that is exact.
    fn remainders(&self, formula: &Formula) -> [f64; 4] {
        let terms = formula.terms.each_ref().map(|row| &row[..formula.nodes]);
        let (sum, values) = (&self.extrapolated, self.past.values());
        let squares = error_squares(&self.f1, sum, terms, values, &self.unit);
        let fast = self.fast.as_ref().map_or([0.0; 4], |f| f.remainders(terms));
        std::array::from_fn(|i| {
            let [scaled, plain] = squares[i];
            scaled * (1.0 - fast[i] / plain).max(1e-14) * formula.unit * formula.unit
        })
    }

    /// Errors of the formulas of neighbouring orders, in proportion to `at`.
    fn neighbours(&self, formula: &Formula, trial: &Trial) -> Neighbours {
        let k = formula.order;
        let squares = self.remainders(formula);
        let size = |slow: f64, fast: f64| (slow + fast / self.mean_scale).sqrt();
        // Of a step that moves the predicted point by less than roundoff `at` says nothing.
        let at =
            size(squares[0], trial.fast[0]) * formula.error_constant(formula.order, &self.back);
        let unit = (trial.at / at).max(1.0 / (self.y.len() as f64).sqrt());
        let lower = |back: usize| match k > back {
            true => {
                let constant = formula.error_constant(k - back, &self.back);
                unit * size(squares[back], trial.fast[back]) * constant
            }
            false => 0.0,
        };
        let raised = || {
            let fast = self.fast.as_ref().map_or(0.0, |f| f.raised_square(formula));
            let constant = formula.error_constant(k + 1, &self.back);
            unit * size(squares[3], fast) * constant
        };
        let raising = k < MAX_ORDER && formula.nodes > k && self.settled >= SETTLED;
        Neighbours {
            lower: lower(1),
            lowest: lower(2),
            raised: raising.then(raised),
        }
    }

    /// A higher order can be judged some steps after the step has grown only; until then a lower one
    /// is looked for less often.
    fn delay(&self) -> usize {
        if self.settled >= SETTLED { 0 } else { 2 }
    }

    fn reject(&mut self, formula: &Formula, trial: &Trial, failures: usize) {
        self.rejected += 1;
        self.starting = false;
        self.settled = 0;
        self.next_choice = self.known;
        if failures >= 3 {
            self.order = 1;
        } else if failures == 2 && self.order > 1 {
            self.order -= 1;
        }
        let factor = if trial.at.is_finite() { 0.5 } else { 0.1 };
        self.step = formula.h * factor;
    }

    fn accept(
        &mut self,
        formula: &Formula,
        trial: &Trial,
        end: f64,
        watch: &mut Watch<'_>,
    ) -> ControlFlow<Outcome> {
        self.field.eval(&self.y1, &mut self.f1);
        if let Some(fast) = &mut self.fast {
            fast.see_new(&self.y1, &self.f1);
        }
        watch.accept(&Step {
            t0: self.time,
            t1: end,
            y0: &self.y,
            y1: &self.y1,
            f1: &self.f1,
            inside: &Inside {
                method: self,
                formula,
            },
        })?;
        let mut change = distance_squared(&self.f1, &self.f);
        if let Some(fast) = &mut self.fast {
            change = fast.accept(formula, change);
        }
        let choosing = self.starting || self.known >= self.next_choice + self.delay();
        let neighbours = choosing.then(|| self.neighbours(formula, trial));
        self.past.push(&mut self.f1, self.order + 2);
        std::mem::swap(&mut self.y, &mut self.y1);
        self.time = end;
        self.shift(formula.h);
        if self.starting || self.known.is_multiple_of(SCALE_AGE) {
            self.set_unit();
        }
        match neighbours {
            Some(neighbours) => self.choose(formula.h, trial, &neighbours),
            None => self.resize(formula.h, trial.trend() * trial.at),
        }
        // Below roundoff of the state the quotient says nothing.
        if trial.moved > self.noise {
            self.split_or_merge((change.max(0.0) / trial.moved).sqrt());
        }
        ControlFlow::Continue(())
    }

    fn shift(&mut self, h: f64) {
        for j in (1..self.back.len()).rev() {
            self.back[j] = h + self.back[j - 1];
        }
        self.back[0] = h;
        self.known += 1;
        self.settled += 1;
    }
}

/// The continuous extension: the corrector's own formula for a part of the step.
struct Inside<'a, 'b> {
    method: &'a Adams<'b>,
    formula: &'a Formula,
}

impl Inside<'_, '_> {
    fn read<const N: usize>(&self, thetas: &[f64; N], mut ys: [&mut [f64]; N]) {
        let (m, formula) = (self.method, self.formula);
        let found = thetas.map(|theta| formula.inside(theta));
        let rows = found.each_ref().map(|(row, _)| &row[..formula.order]);
        let last = found.each_ref().map(|(_, last)| *last);
        let outs = ys.each_mut().map(|y| &mut **y);
        let seen = [&m.f[..], &m.extrapolated];
        correct(outs, &m.y, last, seen, rows, m.past.values());
        let Some(fast) = &m.fast else {
            return;
        };
        for ((&theta, (row, _)), y) in thetas.iter().zip(&found).zip(ys) {
            fast.interpolate(theta, formula, row, y);
        }
    }
}

impl Interpolant for Inside<'_, '_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        self.read(&[theta], [y]);
    }

    fn states(&self, thetas: &[f64], ys: &mut [&mut [f64]]) {
        let (thetas, last_thetas) = thetas.as_chunks::<TOGETHER>();
        let (ys, last_ys) = ys.as_chunks_mut::<TOGETHER>();
        for (thetas, ys) in thetas.iter().zip(ys) {
            self.read(thetas, ys.each_mut().map(|y| &mut **y));
        }
        for (&theta, y) in last_thetas.iter().zip(last_ys) {
            self.state(theta, y);
        }
    }
}
