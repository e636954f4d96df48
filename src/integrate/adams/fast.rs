//! The fast eigenspace of the Jacobian, frozen for some steps.
//!
//! `−Gᵀ M G = −V Λ Vᵀ` with orthonormal `V = Gᵀ Fᵀ Q Λ^{−1/2}` from the eigenpairs `Q Λ Qᵀ` of the
//! small tangent kernel `F G Gᵀ Fᵀ`. Along `V` the solution is `c' = −Λ c + N`, one number each,
//! with `N = Vᵀ f + Λ c`; nothing of size `n × m` is stored.

use super::history::History;
use super::weights::{Basis, MAX_ORDER, TERMS};
use crate::integrate::Tangent;
use crate::linalg::{Mat, multiply, symmetric_eigen, view, view_mut};
use std::cell::RefCell;

pub(super) struct Fast<'a> {
    tangent: Box<dyn Tangent + 'a>,
    /// `λ_1 …`, the largest first.
    rates: Vec<f64>,
    /// `Q Λ^{−1/2} : m × r`.
    basis: Mat<f64>,
    dual: RefCell<Vec<f64>>,
    /// Coordinates of the solution along `V` relative to where `V` was made.
    position: Vec<f64>,
    /// The same as predicted for the end of the step.
    predicted: Vec<f64>,
    /// `N`.
    drive: History,
    /// `Vᵀ f`, kept so that another `V` can take over.
    motion: History,
    /// `weights[j][i]`: weight of difference `j` for rate `i`, times the step.
    weights: Vec<Vec<f64>>,
    /// The formula that `weights` are for: equal steps share it.
    weights_of: Option<(f64, Basis)>,
    /// `N` at the predicted, then at the new point.
    value: Vec<f64>,
    flow: Vec<f64>,
    lifted: RefCell<Vec<f64>>,
}

impl<'a> Fast<'a> {
    /// The eigenspace of rates above `cut` at `y`; the tangent back when there is none.
    pub fn new(
        mut tangent: Box<dyn Tangent + 'a>,
        y: &[f64],
        cut: f64,
    ) -> Result<Self, Box<dyn Tangent + 'a>> {
        tangent.freeze(y);
        let Some((values, vectors)) = symmetric_eigen(tangent.kernel().as_ref()) else {
            return Err(tangent);
        };
        let m = values.len();
        let floor = cut.max(1e-10 * values.last().copied().unwrap_or(0.0));
        // Eigenvalues come in increasing order.
        let r = values.iter().rev().take_while(|&&v| v > floor).count();
        if r == 0 {
            return Err(tangent);
        }
        let rates: Vec<f64> = values.iter().rev().take(r).copied().collect();
        let basis = Mat::from_fn(m, r, |i, j| vectors[(i, m - 1 - j)] / rates[j].sqrt());
        Ok(Self {
            tangent,
            basis,
            dual: RefCell::new(vec![0.0; m]),
            position: vec![0.0; r],
            predicted: vec![0.0; r],
            drive: History::new(r),
            motion: History::new(r),
            weights: vec![vec![0.0; r]; TERMS],
            weights_of: None,
            value: vec![0.0; r],
            flow: vec![0.0; r],
            lifted: RefCell::new(vec![0.0; r]),
            rates,
        })
    }

    /// Largest rate.
    pub fn radius(&self) -> f64 {
        self.rates[0]
    }

    /// `Tangent::price`.
    pub fn price(&self) -> f64 {
        self.tangent.price()
    }

    /// Gives the tangent back for another point.
    pub fn into_tangent(self) -> Box<dyn Tangent + 'a> {
        self.tangent
    }

    /// `c = Vᵀ v`.
    fn project(&self, v: &[f64], c: &mut [f64]) {
        let dual = &mut *self.dual.borrow_mut();
        self.tangent.forward(v, dual);
        let (m, r) = (dual.len(), c.len());
        let out = view_mut(c, r, 1);
        multiply(out, false, 1.0, self.basis.transpose(), view(dual, m, 1));
    }

    /// `y += a V c`.
    fn lift(&self, a: f64, c: &[f64], y: &mut [f64]) {
        let dual = &mut *self.dual.borrow_mut();
        let (m, r) = (dual.len(), c.len());
        let out = view_mut(dual, m, 1);
        multiply(out, false, a, self.basis.as_ref(), view(c, r, 1));
        self.tangent.backward(dual, y);
    }

    /// Takes `Vᵀ` of every difference of `f` out of the slow history into this one. `back` as in
    /// `Basis::new`.
    pub fn take_over(&mut self, slow: &mut History, back: &[f64], order: usize) {
        let mut c = vec![0.0; self.rates.len()];
        for i in 0..order + 2 {
            let d = &mut slow.differences_mut()[i];
            self.project(d, &mut c);
            self.lift(-1.0, &c, d);
            self.motion.differences_mut()[i].copy_from_slice(&c);
        }
        self.rebuild_drive(back, order);
    }

    /// Gives every difference back to the slow history.
    pub fn give_back(&self, slow: &mut History) {
        let pairs = slow
            .differences_mut()
            .iter_mut()
            .zip(self.motion.differences());
        for (d, c) in pairs {
            self.lift(1.0, c, d);
        }
    }

    /// `N = Vᵀ f + Λ c` at the old times, with `c` from integrating the polynomial of `Vᵀ f`.
    fn rebuild_drive(&mut self, back: &[f64], order: usize) {
        let integrals = backward_integrals(back, order + 1);
        for i in 0..self.rates.len() {
            let motion = |j: usize| self.motion.differences()[j][i];
            let moved = |node: usize| -> f64 {
                let row = &integrals[node];
                -(0..order + 1).map(|j| row[j] * motion(j)).sum::<f64>()
            };
            let mut c = [0.0; MAX_ORDER + 2];
            for (node, c) in c.iter_mut().enumerate().take(order + 1) {
                *c = moved(node);
            }
            modified_differences(&mut c[..order + 1], back);
            for j in 0..order + 2 {
                self.drive.differences_mut()[j][i] = motion(j) + self.rates[i] * c[j];
            }
        }
    }

    /// Coordinates at the end of the step; what they move is added to the slow prediction `p`.
    pub fn predict(&mut self, h: f64, basis: &Basis, beta: &[f64], p: &mut [f64]) {
        self.set_weights(h, basis);
        self.drive.extrapolate(beta);
        self.motion.extrapolate(beta);
        let lifted = &mut *self.lifted.borrow_mut();
        for i in 0..self.rates.len() {
            lifted[i] = (-self.rates[i] * h).exp_m1() * self.position[i];
        }
        for (j, &b) in beta.iter().enumerate() {
            let (d, w) = (&self.drive.differences()[j], &self.weights[j]);
            for i in 0..d.len() {
                lifted[i] += w[i] * b * d[i];
            }
        }
        for i in 0..self.rates.len() {
            self.predicted[i] = self.position[i] + lifted[i];
        }
        self.lift(1.0, lifted, p);
    }

    fn set_weights(&mut self, h: f64, basis: &Basis) {
        let known = self.weights_of.as_ref();
        if known.is_some_and(|(step, known)| *step == h && known == basis) {
            return;
        }
        for (i, &rate) in self.rates.iter().enumerate() {
            let w = basis.weights(1.0, rate * h);
            for (weights, w) in self.weights.iter_mut().zip(w) {
                weights[i] = h * w;
            }
        }
        self.weights_of = Some((h, basis.clone()));
    }

    /// Takes the fast part out of `f = f(p)`.
    pub fn split_predicted(&mut self, f: &mut [f64]) {
        let (mut flow, at) = (std::mem::take(&mut self.flow), &self.predicted);
        self.project(f, &mut flow);
        self.lift(-1.0, &flow, f);
        for i in 0..flow.len() {
            self.value[i] = flow[i] + self.rates[i] * at[i];
        }
        self.flow = flow;
    }

    /// Adds the fast part of the corrector to `y`.
    pub fn correct(&mut self, order: usize, y: &mut [f64]) {
        let lifted = &mut *self.lifted.borrow_mut();
        for i in 0..self.rates.len() {
            let e = self.value[i] - self.drive.extrapolated[i];
            lifted[i] = self.weights[order][i] * e;
            self.predicted[i] += lifted[i];
        }
        self.lift(1.0, lifted, y);
    }

    /// Squares of the same three errors as `difference_sizes`, and of the corrector's own: the
    /// drive's differences as far as a step lets them act.
    pub fn error_squares(&self, h: f64, order: usize, beta: &[f64]) -> ([f64; 3], f64) {
        let mut sums = [0.0; 3];
        let mut local = 0.0;
        for i in 0..self.rates.len() {
            let act = self.weights[0][i] / h;
            let mut e = self.value[i] - self.drive.extrapolated[i];
            let slip = (self.weights[order - 1][i] - self.weights[order][i]) * e;
            local += slip * slip;
            sums[0] += (act * e) * (act * e);
            for (back, total) in sums.iter_mut().enumerate().skip(1).take(order) {
                e += beta[order - back] * self.drive.differences()[order - back][i];
                *total += (act * e) * (act * e);
            }
        }
        (sums, local)
    }

    /// Square of the highest difference, for raising the order.
    pub fn raised_square(&self, h: f64, order: usize) -> f64 {
        let d = &self.drive.differences()[order + 1];
        let acting = d.iter().zip(&self.weights[0]);
        acting.map(|(d, w)| (d * w / h) * (d * w / h)).sum()
    }

    /// Takes in the new point: the fast part leaves `f = f(y)`. Returns `‖N(y) − N(p)‖²`.
    pub fn accept(&mut self, f: &mut [f64], beta: &[f64]) -> f64 {
        let mut flow = std::mem::take(&mut self.flow);
        self.project(f, &mut flow);
        self.lift(-1.0, &flow, f);
        let mut change = 0.0;
        for i in 0..flow.len() {
            self.position[i] = self.predicted[i];
            let value = flow[i] + self.rates[i] * self.position[i];
            change += (value - self.value[i]) * (value - self.value[i]);
            self.value[i] = value;
        }
        self.drive.advance(&self.value, beta);
        self.motion.advance(&flow, beta);
        self.flow = flow;
        change
    }

    /// Adds what the coordinates move within the part `s` of the step to `y`.
    pub fn interpolate(&self, s: f64, h: f64, basis: &Basis, beta: &[f64], y: &mut [f64]) {
        let order = beta.len();
        let lifted = &mut *self.lifted.borrow_mut();
        for (i, &rate) in self.rates.iter().enumerate() {
            let w = basis.weights(s, rate * h);
            let e = self.value[i] - self.drive.extrapolated[i];
            let mut move_by = (-rate * h * s).exp_m1() * self.position[i] + h * w[order] * e;
            for (j, b) in beta.iter().enumerate() {
                move_by += h * w[j] * b * self.drive.differences()[j][i];
            }
            lifted[i] = move_by;
        }
        self.lift(1.0, lifted, y);
    }
}

/// Seven-point Gauss rule on `[0, 1]`, exact to degree 13.
const GAUSS: [(f64, f64); 7] = [
    (0.025_446_043_828_620_757, 0.064_742_483_084_434_85),
    (0.129_234_407_200_302_77, 0.139_852_695_744_638_33),
    (0.297_077_424_311_301_4, 0.190_915_025_252_559_46),
    (0.5, 0.208_979_591_836_734_7),
    (0.702_922_575_688_698_6, 0.190_915_025_252_559_46),
    (0.870_765_592_799_697_2, 0.139_852_695_744_638_33),
    (0.974_553_956_171_379_2, 0.064_742_483_084_434_85),
];

type Square = [[f64; MAX_ORDER + 2]; MAX_ORDER + 2];

/// `out[node][j] = ∫_{−ψ_node}^0 Π_{l<j} (u + ψ_l)/ψ_{l+1} du`, `ψ_0 = 0`, `ψ_l = back[l − 1]`.
fn backward_integrals(back: &[f64], count: usize) -> Square {
    let mut out: Square = [[0.0; MAX_ORDER + 2]; MAX_ORDER + 2];
    let psi = |l: usize| if l == 0 { 0.0 } else { back[l - 1] };
    for node in 1..count {
        let (from, to) = (-psi(node), -psi(node - 1));
        out[node] = out[node - 1];
        for (x, weight) in GAUSS {
            let u = from + (to - from) * x;
            let mut term = (to - from) * weight;
            for j in 0..count {
                out[node][j] += term;
                term *= (u + psi(j)) / psi(j + 1);
            }
        }
    }
    out
}

/// Values at `t_n, t_{n−1}, …` into modified divided differences, in place.
fn modified_differences(values: &mut [f64], back: &[f64]) {
    let psi = |l: usize| if l == 0 { 0.0 } else { back[l - 1] };
    let count = values.len();
    for level in 1..count {
        for i in (level..count).rev() {
            values[i] = (values[i - 1] - values[i]) / (psi(i) - psi(i - level));
        }
    }
    let mut product = 1.0;
    for (l, value) in values.iter_mut().enumerate().skip(1) {
        product *= psi(l);
        *value *= product;
    }
}
