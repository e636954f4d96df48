//! What the next step will be: its order and size, and when a fast part is made, renewed or given
//! up.

use super::fast::Fast;
use super::survey::{Costs, Survey};
use super::weights::MAX_ORDER;
use super::{Adams, CHOICE_AGE, Neighbours, SLOW, STIFF, Trial};
use crate::integrate::Method;

/// Error that the next step aims at, in units of what is allowed.
const AIM: f64 = 0.15;
/// A step grows by this factor at least or not at all: each change disturbs the estimates for some
/// steps.
const GROWTH: f64 = 1.15;
/// A fast part is worn when the contraction left to the slow part has grown this much.
const AGED: f64 = 2.0;
/// Stiff steps that are borne at least: steps with a fast part cost about twice as much.
const PATIENCE: f64 = 10.0;
/// Right-hand sides that BDF takes for a stiff run at `rtol = 1e-6`, products with the Jacobian included; at other
/// tolerances as `rtol^{−1/7}`.
const BDF: f64 = 7000.0;
/// Steps of such a run whose stiff part is split off, at other tolerances as the square root of that.
const SPLIT: f64 = 300.0;
/// Stiff steps after which it counts that splitting does not help.
const IN_VAIN: f64 = 100.0;
/// More is no `h κ` of steps that are stable: it is roundoff, of a state at rest.
const UNSTABLE: f64 = 10.0;
/// Right-hand sides of a step.
const EVALUATIONS: f64 = 2.0;
/// Right-hand sides that the whole Jacobian costs for each rate: a lift, a Jacobian product and a
/// projection.
const REFINING: f64 = 4.5;
/// Rates of the largest fast part that takes in the whole Jacobian: that needs a matrix of them.
const MOST_REFINED: usize = 512;

impl<'a> Adams<'a> {
    /// Order and size of the next step (Shampine & Gordon, subroutine STEP).
    pub(super) fn choose(&mut self, h: f64, trial: &Trial, near: &Neighbours) {
        let (k, mut at) = (self.order, trial.at);
        let lower =
            (k > 2 && near.lower.max(near.lowest) <= at) || (k == 2 && near.lower <= 0.5 * at);
        self.starting &= !lower && k < MAX_ORDER;
        if self.starting {
            self.order = k + 1;
            self.step = 2.0 * h;
            self.settled = 0;
            return;
        }
        let raised = near.raised.unwrap_or(f64::INFINITY);
        if lower || (k > 1 && raised.is_finite() && near.lower <= at.min(raised)) {
            (self.order, at) = (k - 1, near.lower);
        } else if raised < if k > 1 { at } else { 0.5 * at } {
            (self.order, at) = (k + 1, raised);
        }
        let age = if self.order == k { CHOICE_AGE } else { 0 };
        self.next_choice = self.known + age;
        self.resize(h, trial.trend() * at);
    }

    /// Size of the next step: what brings the error to `AIM`, if it is no larger than before or
    /// larger by far.
    pub(super) fn resize(&mut self, h: f64, at: f64) {
        let power = (self.order + 1) as f64;
        let factor = (AIM / at).powf(1.0 / power);
        self.step = if factor >= GROWTH {
            self.settled = 0;
            h * factor.min(2.0)
        } else {
            h * factor.clamp(0.5, 1.0)
        };
    }

    /// Splits off the fast eigenspace where the slow part contracts too fast for the step, takes
    /// a new one where the old no longer fits, gives it up where nothing is fast any more.
    pub(super) fn split_or_merge(&mut self, contraction: f64) {
        let fresh = *self.fresh.get_or_insert(contraction);
        let stiff = self.step * contraction > STIFF;
        self.borne += f64::from(stiff);
        let in_vain = stiff && self.unsplittable && self.step * contraction < UNSTABLE;
        self.in_vain += f64::from(in_vain);
        if self.in_vain >= IN_VAIN {
            self.in_vain = 0.0;
            self.leaves_off = self.is_better_left(None, self.products());
            if self.leaves_off {
                return;
            }
        }
        let radius = self.fast.as_ref().map(Fast::radius);
        if radius.is_some_and(|radius| self.step * radius < SLOW) {
            self.merge();
            return;
        }
        match self.fast {
            _ if !stiff => {}
            None => self.consider_splitting(),
            Some(_) => {
                let aged = contraction > AGED * fresh;
                if self.borne >= self.patience(aged) {
                    self.renew(aged);
                }
            }
        }
    }

    /// Makes a fast part when enough stiff steps were borne for its price.
    fn consider_splitting(&mut self) {
        let Some(tangent) = self.tangent.take() else {
            self.leaves_off = self.is_better_left(None, 0.0);
            return;
        };
        if self.borne < self.bearable(tangent.price(0, 0)).max(self.next_survey) {
            self.tangent = Some(tangent);
            return;
        }
        let survey = Survey::new(tangent, &self.y, SLOW / self.step);
        let patience = self.bearable(survey.costs.price);
        self.leaves_off = self.is_better_left(Some(survey.costs), 0.0);
        if self.borne >= patience && !self.leaves_off {
            let borne = self.borne;
            self.split(survey, false);
            // Where nothing is fast that could be split off, that is not looked for again and again.
            self.note_unsplittable(self.fast.is_none());
            self.next_survey = if self.unsplittable { 2.0 * borne } else { 0.0 };
        } else {
            self.next_survey = patience.min(2.0 * self.borne);
            self.tangent = Some(survey.into_tangent());
        }
    }

    /// Replaces the fast part by one at the present point, of the whole Jacobian where it has not aged.
    fn renew(&mut self, aged: bool) {
        let (products, whole) = (self.products(), !aged && self.is_refinable());
        let Some(fast) = self.fast.take() else {
            return;
        };
        self.note_unsplittable(!aged && (self.refined || !whole));
        let survey = Survey::new(fast.into_tangent(), &self.y, SLOW / self.step);
        self.leaves_off = self.is_better_left(Some(survey.costs), products);
        if !self.leaves_off {
            self.split(survey, whole);
        }
    }

    fn note_unsplittable(&mut self, unsplittable: bool) {
        self.unsplittable = unsplittable;
        if !unsplittable {
            self.in_vain = 0.0;
        }
    }

    /// Products with the fast directions in a step, in right-hand sides.
    fn products(&self) -> f64 {
        self.fast.as_ref().map_or(0.0, |fast| fast.costs().step)
    }

    /// Whether BDF is expected to cost less than splitting at the costs `offered`, and less than what is left of the
    /// run at the present step, of which `products` with the fast directions are a part; then `auto` leaves the run
    /// to it.
    fn is_better_left(&self, offered: Option<Costs>, products: f64) -> bool {
        let finer = (1e-6 / self.options.rtol).powf(1.0 / 7.0);
        let bdf = BDF * finer;
        let steps = SPLIT * finer.sqrt();
        let split = |costs: Costs| costs.price + steps * (EVALUATIONS + costs.step);
        let left = (self.options.horizon - self.time) / self.step;
        let left = left * (EVALUATIONS + products);
        self.options.method == Method::Auto
            && self.borne >= PATIENCE
            && left.min(offered.map_or(f64::INFINITY, split)) > bdf
    }

    /// Whether there is a fast part that can take in the whole Jacobian.
    fn is_refinable(&self) -> bool {
        let fast = self.fast.as_ref();
        fast.is_some_and(|fast| fast.dimension() <= MOST_REFINED)
    }

    /// Stiff steps to bear before another fast part is made. One that has aged is replaced by one
    /// of its kind, one that never did enough by one of the whole Jacobian; where that did not do
    /// enough either, another is tried now and then.
    fn patience(&self, aged: bool) -> f64 {
        let Some(fast) = &self.fast else {
            return f64::INFINITY;
        };
        let price = fast.costs().price;
        if aged {
            self.bearable(price)
        } else if !self.refined && self.is_refinable() {
            self.bearable(price + REFINING * fast.dimension() as f64)
        } else {
            10.0 * price.max(10.0)
        }
    }

    /// Stiff steps to bear before eigenvectors are worth their price: when what is left of the
    /// run costs little at this step, as much as they would cost; the least when it costs far more.
    fn bearable(&self, price: f64) -> f64 {
        const STEP: f64 = 4.0; // right-hand sides and vector work of a step, in right-hand sides
        let steps = price / STEP;
        let left = (self.options.horizon - self.time) / self.step;
        (steps * (steps / left).min(1.0)).max(PATIENCE)
    }

    fn merge(&mut self) {
        if let Some(fast) = self.fast.take() {
            self.tangent = Some(fast.into_tangent());
        }
    }

    /// Makes the fast part that was surveyed, of the whole Jacobian or of its stiff part alone.
    fn split(&mut self, survey: Survey<'a>, whole: bool) {
        match Fast::new(survey) {
            Ok(mut fast) => {
                self.past.keep(self.order + 2);
                fast.take_up(&self.past, &self.back, self.order);
                if whole {
                    fast.refine(self.field, &self.y, &self.back, self.order);
                }
                self.fast = Some(fast);
            }
            Err(tangent) => self.tangent = Some(tangent),
        }
        self.borne = 0.0;
        self.next_survey = 0.0;
        self.fresh = None;
        self.refined = whole;
    }
}
