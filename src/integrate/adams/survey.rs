//! What splitting off the fast directions at some point would cost.

use super::eigenbasis::{Eigenbasis, Eigenpairs};
use super::pairs::{MOST_COUPLED, Pairs};
use crate::integrate::Tangent;
use std::cell::RefCell;

/// Products with the directions or their transposes in a step.
const PRODUCTS: f64 = 4.0;

/// A tangent frozen at some point, with what its kernel is narrowed to; cheap beside the eigenvectors.
pub(super) struct Survey<'a> {
    tangent: Box<dyn Tangent + 'a>,
    /// Slowest rate wanted.
    cut: f64,
    /// What the kernel is narrowed to; `None` where it is decomposed as a whole.
    pairs: Option<Pairs>,
    pub costs: Costs,
}

/// Of the fast directions, in right-hand sides.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    /// To find them; infinite where there are too many.
    pub price: f64,
    /// Products with them in a step.
    pub step: f64,
}

impl<'a> Survey<'a> {
    /// Of rates above `cut` at `y`.
    pub fn new(mut tangent: Box<dyn Tangent + 'a>, y: &[f64], cut: f64) -> Self {
        tangent.freeze(y);
        let observed = tangent.observation();
        let part = cut / observed.unwrap_or(1.0);
        let pairs = Pairs::of(&tangent.kernel_terms(), part, observed.is_some());
        let whole = match observed {
            Some(_) if tangent.rank() <= MOST_COUPLED => tangent.price(tangent.rank(), 0),
            _ => f64::INFINITY,
        };
        let rows = pairs.as_ref().map_or(0, Pairs::coupled);
        let narrowed = match &pairs {
            None => f64::INFINITY,
            Some(pairs) if pairs.are_too_many() => f64::INFINITY,
            Some(_) if observed.is_none() => tangent.price(rows, 0),
            // Two decompositions, of which the second is of at most as many rows.
            Some(_) => tangent.price(rows, rows) + tangent.price(rows, 0),
        };
        let pairs = pairs.filter(|_| narrowed < whole);
        let rows = if pairs.is_some() {
            rows
        } else {
            tangent.rank()
        };
        let costs = Costs {
            price: narrowed.min(whole),
            step: PRODUCTS * tangent.pass(rows * rows),
        };
        Self {
            tangent,
            cut,
            pairs,
            costs,
        }
    }

    /// Gives the tangent back for another point.
    pub fn into_tangent(self) -> Box<dyn Tangent + 'a> {
        self.tangent
    }

    /// Gives the tangent back, with the eigenvectors of its kernel unless there are none or too many.
    pub fn decompose(self) -> (Box<dyn Tangent + 'a>, Option<Eigenpairs>) {
        let found = match self.pairs {
            _ if self.costs.price.is_infinite() => None,
            Some(pairs) => narrowed(&*self.tangent, pairs, self.cut),
            None => Eigenbasis::of_matrix(&self.tangent.kernel(), self.cut),
        };
        (self.tangent, found)
    }
}

/// Eigenvectors of the kernel between `pairs`.
fn narrowed(tangent: &dyn Tangent, pairs: Pairs, cut: f64) -> Option<Eigenpairs> {
    let (rates, basis) = match tangent.observation() {
        None => Eigenbasis::of_pairs(pairs, cut)?,
        Some(_) => {
            let z = RefCell::new(vec![0.0; tangent.rank()]);
            let seen = |d: &[f64], out: &mut [f64]| {
                let z = &mut *z.borrow_mut();
                tangent.observe(d, z);
                tangent.observe_transpose(z, out);
            };
            Eigenbasis::of_observed(pairs, &seen, cut)?
        }
    };
    let see = |d: &[f64], z: &mut [f64]| tangent.observe(d, z);
    Some((rates, basis.written_out(tangent.rank(), &see)))
}
