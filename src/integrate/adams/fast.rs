//! The fast eigenspace of the Jacobian, frozen for some steps.
//!
//! `−Gᵀ M G = −V Λ Vᵀ` with orthonormal `V = Gᵀ Fᵀ Q Λ^{−1/2}` from the eigenpairs `Q Λ Qᵀ` of the
//! small tangent kernel `F G Gᵀ Fᵀ`. Along `V` the solution is `c' = −Λ c + N`, one number each,
//! with `N = Vᵀ f + Λ c`.

use super::combinations::{add_combination, combine, error_squares};
use super::directions::Directions;
use super::formula::{Coefficients, Formula};
use super::history::History;
use super::kernels::add_products;
use super::nodes::{backward_integrals, modified_differences};
use super::past::{NODES, Past};
use super::survey::{Costs, Survey};
use super::weights::{Basis, TERMS, all_scaled_phis};
use crate::integrate::{Tangent, VectorField};
use crate::linalg::{Mat, multiply, symmetric_eigen, view, view_mut, zeros};
use std::cell::RefCell;

/// Squares of what the fast part adds to a trial step.
#[derive(Default)]
pub(super) struct Shares {
    /// What the corrector moves.
    pub moved: f64,
    /// Its own error.
    pub local: f64,
    /// The drive's last difference at the order and at the two below it, as far as a step lets it
    /// act, for a unit of time.
    pub errors: [f64; 3],
}

pub(super) struct Fast<'a> {
    /// `V`.
    directions: Directions<'a>,
    /// `λ_1 …`, sorted.
    rates: Vec<f64>,
    /// Coordinates of the solution along `V` relative to where `V` was made.
    position: Vec<f64>,
    /// The same as predicted for the end of the step.
    predicted: Vec<f64>,
    /// `N`.
    drive: History,
    /// The last values of `Vᵀ f`: the slow part of `f` is what they leave of it.
    motion: Past,
    /// `Vᵀ f` as the past continues it.
    extrapolated: Vec<f64>,
    /// `moments[q][i]`: `scaled_phi` of rate `i` and the step `moments_of`.
    moments: [Vec<f64>; TERMS],
    moments_of: f64,
    /// `weights[j][i]`: weight of difference `j` for rate `i`, times the step.
    weights: Vec<Vec<f64>>,
    /// The formula that `weights` are for: equal steps share it.
    weights_of: Option<(f64, Basis)>,
    /// `N` at the predicted, then at the new point.
    value: Vec<f64>,
    /// `Vᵀ f` at the predicted point.
    flow: Vec<f64>,
    /// The same at the new point.
    new_flow: Vec<f64>,
    lifted: RefCell<Vec<f64>>,
}

impl<'a> Fast<'a> {
    /// The eigenspace that was surveyed; the tangent back when there is none.
    pub fn new(survey: Survey<'a>) -> Result<Self, Box<dyn Tangent + 'a>> {
        let (rates, directions) = Directions::new(survey)?;
        let r = rates.len();
        Ok(Self {
            directions,
            position: vec![0.0; r],
            predicted: vec![0.0; r],
            drive: History::new(r),
            motion: Past::new(r),
            extrapolated: vec![0.0; r],
            moments: std::array::from_fn(|_| vec![0.0; r]),
            moments_of: f64::NAN,
            weights: vec![vec![0.0; r]; TERMS],
            weights_of: None,
            value: vec![0.0; r],
            flow: vec![0.0; r],
            new_flow: vec![0.0; r],
            lifted: RefCell::new(vec![0.0; r]),
            rates,
        })
    }

    /// Largest rate in size.
    pub fn radius(&self) -> f64 {
        self.rates.iter().fold(0.0, |r, rate| r.max(rate.abs()))
    }

    /// Of its directions.
    pub fn costs(&self) -> Costs {
        self.directions.costs
    }

    /// Gives the tangent back for another point.
    pub fn into_tangent(self) -> Box<dyn Tangent + 'a> {
        self.directions.into_tangent()
    }

    /// Takes up `Vᵀ` of the last values of `f`. `back` as in `Basis::new`.
    pub fn take_up(&mut self, past: &Past, back: &[f64], order: usize) {
        for f in past.values().iter().rev() {
            let mut c = std::mem::take(&mut self.new_flow);
            self.directions.project(f, &mut c);
            self.motion.push(&mut c, NODES);
            self.new_flow = c;
        }
        self.rebuild_drive(back, order);
    }

    /// Replaces `Λ` by the whole Jacobian within the eigenspace, `Vᵀ f'(y) V = −P Θ Pᵀ`: on a
    /// plateau what `−Gᵀ M G` leaves out acts there too, and rates that were equal split into
    /// faster, slower and growing ones. Costs a Jacobian product for each rate.
    pub fn refine(&mut self, field: &dyn VectorField, y: &[f64], back: &[f64], order: usize) {
        let r = self.rates.len();
        let (mut v, mut image) = (vec![0.0; y.len()], vec![0.0; y.len()]);
        let (mut unit, mut column) = (vec![0.0; r], vec![0.0; r]);
        let mut small = zeros(r, r);
        for j in 0..r {
            unit.fill(0.0);
            unit[j] = 1.0;
            v.fill(0.0);
            self.directions.lift(&unit, &mut v);
            field.jvp(y, &v, &mut image);
            self.directions.project(&image, &mut column);
            for i in 0..r {
                small[(i, j)] -= 0.5 * column[i];
                small[(j, i)] -= 0.5 * column[i];
            }
        }
        if let Some((rates, rotation)) = symmetric_eigen(small.as_ref()) {
            self.rotate(&rotation);
            self.rates = rates;
            self.rebuild_drive(back, order);
        }
    }

    /// `V ← V P`.
    fn rotate(&mut self, rotation: &Mat<f64>) {
        let r = rotation.nrows();
        self.directions.rotate(rotation);
        let mut turned = vec![0.0; r];
        for d in self.motion.values_mut() {
            let out = view_mut(&mut turned, r, 1);
            multiply(out, false, 1.0, rotation.transpose(), view(d, r, 1));
            d.copy_from_slice(&turned);
        }
        self.position.fill(0.0);
        self.weights_of = None;
        self.moments_of = f64::NAN;
    }

    /// Number of rates.
    pub fn dimension(&self) -> usize {
        self.rates.len()
    }

    /// `N = Vᵀ f + Λ c` at the old times, with `c` from integrating the polynomial of `Vᵀ f`.
    fn rebuild_drive(&mut self, back: &[f64], order: usize) {
        let nodes = self.motion.values().len().min(order + 2);
        let count = nodes.min(order + 1);
        let integrals = backward_integrals(back, count);
        for i in 0..self.rates.len() {
            let mut motion = [0.0; NODES];
            for (m, value) in motion.iter_mut().zip(self.motion.values()) {
                *m = value[i];
            }
            modified_differences(&mut motion[..nodes], back);
            let mut c = [0.0; NODES];
            for (row, c) in integrals.iter().zip(&mut c[..count]) {
                *c = -(0..count).map(|j| row[j] * motion[j]).sum::<f64>();
            }
            modified_differences(&mut c[..count], back);
            for j in 0..nodes {
                self.drive.differences_mut()[j][i] = motion[j] + self.rates[i] * c[j];
            }
        }
    }

    /// Coordinates at the end of the step. What they move is added to `p`, which the slow part has
    /// moved by the whole of the last values of `f`.
    pub fn predict(&mut self, formula: &Formula, p: &mut [f64]) {
        self.set_weights(formula.h, &formula.basis);
        let beta = formula.beta();
        self.drive.extrapolate(beta);
        let lifted = &mut *self.lifted.borrow_mut();
        // e^{−λh} − 1.
        let decays = self.rates.iter().zip(&self.moments[0]);
        let parts = decays.zip(&self.position).zip(lifted.iter_mut());
        for (((rate, moment), position), lifted) in parts {
            *lifted = -rate * formula.h * moment * position;
        }
        add_products(lifted, beta, self.drive.differences(), &self.weights);
        let parts = self.predicted.iter_mut().zip(&self.position).zip(&*lifted);
        for ((predicted, position), lifted) in parts {
            *predicted = position + lifted;
        }
        let motion = self.motion.values();
        let slow = formula.predictor.map(|a| -a);
        add_combination(lifted, &slow[..formula.order], motion);
        let row = &formula.continuation[..formula.order];
        combine(&mut self.extrapolated, row, motion);
        self.directions.lift(lifted, p);
    }

    fn set_weights(&mut self, h: f64, basis: &Basis) {
        let known = self.weights_of.as_ref();
        if known.is_some_and(|(step, known)| *step == h && known == basis) {
            return;
        }
        if h != self.moments_of {
            self.set_moments(h);
        }
        for (weights, row) in self.weights.iter_mut().zip(basis.rows()) {
            let mut scaled = [0.0; TERMS];
            for (s, a) in scaled.iter_mut().zip(row) {
                *s = h * a;
            }
            combine(weights, &scaled[..row.len()], &self.moments);
        }
        self.weights_of = Some((h, basis.clone()));
    }

    fn set_moments(&mut self, h: f64) {
        all_scaled_phis(&self.rates, h, &mut self.moments);
        self.moments_of = h;
    }

    /// Takes notice of `f = f(p)`, right after it was evaluated.
    pub fn see_predicted(&mut self, p: &[f64], f: &[f64]) {
        let mut flow = std::mem::take(&mut self.flow);
        self.directions.project_flow(p, f, &mut flow);
        for i in 0..flow.len() {
            self.value[i] = flow[i] + self.rates[i] * self.predicted[i];
        }
        self.flow = flow;
    }

    /// Adds the fast part of the corrector to `y`, which the slow one has corrected by the whole
    /// of `f(p)`.
    pub fn correct(&mut self, formula: &Formula, y: &mut [f64]) {
        let lifted = &mut *self.lifted.borrow_mut();
        let (weights, last) = (&self.weights[formula.order], formula.last());
        for i in 0..self.rates.len() {
            let moved = weights[i] * (self.value[i] - self.drive.extrapolated[i]);
            self.predicted[i] += moved;
            lifted[i] = moved - last * (self.flow[i] - self.extrapolated[i]);
        }
        self.directions.lift(lifted, y);
    }

    /// The fast part's shares in a step and its errors.
    pub fn shares(&self, formula: &Formula) -> Shares {
        let (order, beta) = (formula.order, formula.beta());
        let mut shares = Shares::default();
        for i in 0..self.rates.len() {
            let act = self.weights[0][i] / (formula.h / formula.unit);
            let mut e = self.value[i] - self.drive.extrapolated[i];
            shares.moved += (self.weights[order][i] * e).powi(2);
            let slip = self.weights[order - 1][i] - self.weights[order][i];
            shares.local += (slip * e).powi(2);
            shares.errors[0] += (act * e).powi(2);
            for (back, total) in shares.errors.iter_mut().enumerate().skip(1).take(order) {
                e += beta[order - back] * self.drive.differences()[order - back][i];
                *total += (act * e).powi(2);
            }
        }
        shares
    }

    /// Square of the highest difference, for raising the order.
    pub fn raised_square(&self, formula: &Formula) -> f64 {
        let d = &self.drive.differences()[formula.order + 1];
        let acting = d.iter().zip(&self.weights[0]);
        let steps = formula.h / formula.unit;
        acting.map(|(d, w)| (d * w / steps).powi(2)).sum()
    }

    /// What is inside `Vᵀ` of the errors whose squares `error_squares` takes, once the new point is
    /// taken in.
    pub fn remainders(&self, terms: [&[f64]; 3]) -> [f64; 4] {
        let (new, old) = self.motion.values().split_at(1);
        let no_unit = &new[0];
        let squares = error_squares(&new[0], &self.extrapolated, terms, old, no_unit);
        squares.map(|[_, plain]| plain)
    }

    /// Takes notice of `f = f(y)` at the new point, right after it was evaluated.
    pub fn see_new(&mut self, y: &[f64], f: &[f64]) {
        let mut flow = std::mem::take(&mut self.new_flow);
        self.directions.project_flow(y, f, &mut flow);
        self.new_flow = flow;
    }

    /// Takes in the new point that was seen. From `‖f(y) − f(p)‖²` of the whole, that of the slow
    /// part together with `‖N(y) − N(p)‖²`.
    pub fn accept(&mut self, formula: &Formula, mut change: f64) -> f64 {
        let mut flow = std::mem::take(&mut self.new_flow);
        for i in 0..flow.len() {
            self.position[i] = self.predicted[i];
            let value = flow[i] + self.rates[i] * self.position[i];
            change -= (flow[i] - self.flow[i]).powi(2);
            change += (value - self.value[i]).powi(2);
            self.value[i] = value;
        }
        self.drive
            .advance(&self.value, formula.beta(), formula.next_beta());
        self.motion.push(&mut flow, NODES);
        self.new_flow = flow;
        change
    }

    /// Adds what the coordinates move within the part `s` of the step to `y`, which the slow
    /// part has moved by the whole of `f`, with `row` the coefficients of its last values.
    pub fn interpolate(&self, s: f64, formula: &Formula, row: &Coefficients, y: &mut [f64]) {
        let (h, order) = (formula.h, formula.order);
        let last = h * formula.basis.weights(s, 0.0)[order];
        let lifted = &mut *self.lifted.borrow_mut();
        for (i, &rate) in self.rates.iter().enumerate() {
            let w = formula.basis.weights(s, rate * h);
            let e = self.value[i] - self.drive.extrapolated[i];
            let mut move_by = (-rate * h * s).exp_m1() * self.position[i] + h * w[order] * e;
            for (j, b) in formula.beta().iter().enumerate() {
                move_by += h * w[j] * b * self.drive.differences()[j][i];
            }
            for (c, a) in self.motion.values().iter().zip(row).take(order) {
                move_by -= a * c[i];
            }
            lifted[i] = move_by - last * (self.flow[i] - self.extrapolated[i]);
        }
        self.directions.lift(lifted, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ψ_1 …` of uneven steps.
    const BACK: [f64; 8] = [0.3, 0.4, 1.1, 1.35, 2.0, 2.9, 3.0, 3.6];

    fn psi(l: usize) -> f64 {
        if l == 0 { 0.0 } else { BACK[l - 1] }
    }

    /// Two variables that decay at known rates; `F G` is the diagonal of their roots.
    struct Diagonal([f64; 2]);

    impl Tangent for Diagonal {
        fn rank(&self) -> usize {
            2
        }

        fn price(&self, _: usize, _: usize) -> f64 {
            1.0
        }

        fn pass(&self, _: usize) -> f64 {
            0.0
        }

        fn freeze(&mut self, _: &[f64]) {}

        fn kernel_terms(&self) -> Vec<[Mat<f64>; 2]> {
            vec![[self.kernel(), Mat::identity(1, 1)]]
        }

        fn kernel(&self) -> Mat<f64> {
            Mat::from_fn(2, 2, |i, j| if i == j { self.0[i] } else { 0.0 })
        }

        fn forward(&self, v: &[f64], z: &mut [f64]) {
            for i in 0..2 {
                z[i] = self.0[i].sqrt() * v[i];
            }
        }

        fn forward_flow(&self, _: &[f64], f: &[f64], z: &mut [f64]) {
            self.forward(f, z);
        }

        fn backward(&self, z: &[f64], y: &mut [f64]) {
            for i in 0..2 {
                y[i] += self.0[i].sqrt() * z[i];
            }
        }
    }

    fn fast(rates: [f64; 2], cut: f64) -> Option<Fast<'static>> {
        Fast::new(Survey::new(Box::new(Diagonal(rates)), &[0.0; 2], cut)).ok()
    }

    #[test]
    fn only_rates_above_the_cut_are_fast() {
        assert!(fast([3.0, 1.0], 4.0).is_none());
        assert!(fast([0.0, 0.0], 0.0).is_none());
        let one = fast([3.0, 40.0], 10.0).expect("one fast rate");
        assert_eq!(one.rates, [40.0]);
        let both = fast([3.0, 40.0], 1.0).expect("two fast rates");
        assert!((both.rates[0] - 40.0).abs() < 1e-13 && (both.rates[1] - 3.0).abs() < 1e-13);
    }

    #[test]
    fn coordinates_are_orthonormal() {
        let fast = fast([3.0, 40.0], 1.0).expect("two fast rates");
        let (mut c, mut y) = ([0.0; 2], [0.0; 2]);
        fast.directions.project(&[0.6, -0.8], &mut c);
        assert!((c[0] * c[0] + c[1] * c[1] - 1.0).abs() < 1e-14);
        fast.directions.lift(&c, &mut y);
        assert!((y[0] - 0.6).abs() < 1e-14 && (y[1] + 0.8).abs() < 1e-14);
    }

    /// A past of the values, the newest first.
    fn past(values: &[[f64; 2]]) -> Past {
        let mut past = Past::new(2);
        for value in values.iter().rev() {
            past.push(&mut value.to_vec(), NODES);
        }
        past
    }

    /// With `c' = −λ c + N` and `N` a polynomial, `c` a polynomial too, the rebuilt differences
    /// are those of `N = c' + λ c` at the old times, `c = 0` at the present one.
    #[test]
    fn rebuilt_drive_is_the_motion_plus_the_decay() {
        let (rate, order) = (40.0, 4);
        let mut fast = fast([3.0, rate], 10.0).expect("one fast rate");
        // c' = 1 + 2u − 3u² + u³, c = u + u² − u³ + u⁴/4.
        let motion = |u: f64| 1.0 + 2.0 * u - 3.0 * u * u + u.powi(3);
        let moved = |u: f64| u + u * u - u.powi(3) + u.powi(4) / 4.0;
        let differences = |f: &dyn Fn(f64) -> f64| {
            let mut values: Vec<f64> = (0..order + 1).map(|node| f(-psi(node))).collect();
            modified_differences(&mut values, &BACK);
            values
        };
        let nodes = std::array::from_fn::<_, 6, _>(|node| [0.0, motion(-psi(node))]);
        let slow = past(&nodes);
        fast.take_up(&slow, &BACK, order);
        let exact = differences(&|u| motion(u) + rate * moved(u));
        let sign = if fast.motion.values()[0][0] > 0.0 {
            1.0
        } else {
            -1.0
        };
        for (found, exact) in fast.drive.differences().iter().zip(&exact) {
            let found = sign * found[0];
            assert!((found - exact).abs() < 1e-10, "{found} {exact}");
        }
    }
}
