//! The fast directions `V = Gᵀ Fᵀ Q Λ^{−1/2}`: orthonormal eigenvectors of the stiff part of the
//! Jacobian, from the eigenpairs `Q Λ Qᵀ` of the small tangent kernel `F G Gᵀ Fᵀ`.

use super::eigenbasis::Eigenbasis;
use crate::integrate::Tangent;
use crate::linalg::Mat;
use std::cell::RefCell;

/// `V : n × r` at a frozen point; nothing of that size is stored.
pub(super) struct Directions<'a> {
    tangent: Box<dyn Tangent + 'a>,
    basis: Eigenbasis,
    /// A vector of the length of the kernel.
    dual: RefCell<Vec<f64>>,
}

impl<'a> Directions<'a> {
    /// Rates above `cut` at `y`, sorted, with their directions; the tangent back when there is none.
    pub fn new(
        mut tangent: Box<dyn Tangent + 'a>,
        y: &[f64],
        cut: f64,
    ) -> Result<(Vec<f64>, Self), Box<dyn Tangent + 'a>> {
        tangent.freeze(y);
        let Some((rates, basis)) = Eigenbasis::of(&*tangent, cut) else {
            return Err(tangent);
        };
        let dual = RefCell::new(vec![0.0; tangent.rank()]);
        let directions = Self {
            tangent,
            basis,
            dual,
        };
        Ok((rates, directions))
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
    pub fn project(&self, v: &[f64], c: &mut [f64]) {
        let dual = &mut *self.dual.borrow_mut();
        self.tangent.forward(v, dual);
        self.basis.coordinates(dual, c);
    }

    /// `c = Vᵀ f(y)` where the field was evaluated last, `f = f(y)`.
    pub fn project_flow(&self, y: &[f64], f: &[f64], c: &mut [f64]) {
        let dual = &mut *self.dual.borrow_mut();
        self.tangent.forward_flow(y, f, dual);
        self.basis.coordinates(dual, c);
    }

    /// `y += V c`.
    pub fn lift(&self, c: &[f64], y: &mut [f64]) {
        let dual = &mut *self.dual.borrow_mut();
        self.basis.combine(c, dual);
        self.tangent.backward(dual, y);
    }

    /// `V ← V P`.
    pub fn rotate(&mut self, rotation: &Mat<f64>) {
        self.basis = self.basis.rotated(rotation);
    }
}
