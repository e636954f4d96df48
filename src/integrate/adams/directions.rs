//! The fast directions `V = Gᵀ Fᵀ Q Λ^{−1/2}`: orthonormal eigenvectors of the stiff part of the
//! Jacobian, from the eigenpairs `Q Λ Qᵀ` of the small tangent kernel `F G Gᵀ Fᵀ`.

use super::eigenbasis::Eigenbasis;
use super::survey::{Costs, Survey};
use crate::integrate::Tangent;
use crate::linalg::Mat;
use std::cell::RefCell;

/// `V : n × r` at a frozen point; nothing of that size is stored.
pub(super) struct Directions<'a> {
    tangent: Box<dyn Tangent + 'a>,
    basis: Eigenbasis,
    /// The basis acts on what is in front of the observation.
    observed: bool,
    pub costs: Costs,
    /// A vector of the length of the kernel and one of the length of `A`.
    dual: RefCell<[Vec<f64>; 2]>,
}

impl<'a> Directions<'a> {
    /// The rates, sorted, with their directions; the tangent back when there is none or there are too
    /// many.
    pub fn new(survey: Survey<'a>) -> Result<(Vec<f64>, Self), Box<dyn Tangent + 'a>> {
        let costs = survey.costs;
        let (tangent, found) = survey.decompose();
        let Some((rates, basis)) = found else {
            return Err(tangent);
        };
        let dual = [tangent.rank(), basis.rank()].map(|n| vec![0.0; n]);
        let directions = Self {
            observed: basis.is_narrowed() && tangent.observation().is_some(),
            tangent,
            basis,
            costs,
            dual: RefCell::new(dual),
        };
        Ok((rates, directions))
    }

    /// Gives the tangent back for another point.
    pub fn into_tangent(self) -> Box<dyn Tangent + 'a> {
        self.tangent
    }

    /// `c = Vᵀ v`.
    pub fn project(&self, v: &[f64], c: &mut [f64]) {
        self.coordinates(|dual| self.tangent.forward(v, dual), c);
    }

    /// `c = Vᵀ f(y)` where the field was evaluated last, `f = f(y)`.
    pub fn project_flow(&self, y: &[f64], f: &[f64], c: &mut [f64]) {
        self.coordinates(|dual| self.tangent.forward_flow(y, f, dual), c);
    }

    fn coordinates(&self, forward: impl FnOnce(&mut [f64]), c: &mut [f64]) {
        let [dual, image] = &mut *self.dual.borrow_mut();
        forward(dual);
        if self.observed {
            self.tangent.observe_transpose(dual, image);
            self.basis.coordinates(image, c);
        } else {
            self.basis.coordinates(dual, c);
        }
    }

    /// `y += V c`.
    pub fn lift(&self, c: &[f64], y: &mut [f64]) {
        let [dual, image] = &mut *self.dual.borrow_mut();
        if self.observed {
            self.basis.combine(c, image);
            self.tangent.observe(image, dual);
        } else {
            self.basis.combine(c, dual);
        }
        self.tangent.backward(dual, y);
    }

    /// `V ← V P`.
    pub fn rotate(&mut self, rotation: &Mat<f64>) {
        self.basis.rotate(rotation);
    }
}
