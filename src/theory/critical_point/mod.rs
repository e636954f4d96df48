//! Critical points of `½‖A − A*‖² + λ‖θ‖²` and their Hessian. For `λ > 0` every critical point is
//! balanced, and its modes are modes of the target, each of strength 0, `s_+` or `s_−` (`L ≥ 3`), 0 or
//! `s* − 2λ` (`L = 2`). For `λ = 0` these are the balanced ones, with strengths 0 or `s*`; points
//! over the same `A` that are not balanced may have another Hessian (Achour, Malgouyres & Gerchinovitz
//! 2024). Saddles with a semi-definite Hessian: Kawaguchi 2016.

mod spectrum;

pub use spectrum::{Eigenvalue, Spectrum};

use super::minimum::{decreasing, global_minimum};
use super::weight_decay::{Stationary, objective, stationary};
use crate::model::PointKind;

/// Which stationary strength a mode has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `s_+`: the only one for `L ≤ 2` and for `λ = 0`.
    Upper,
    /// `s_−`.
    Lower,
}

/// A balanced critical point, up to rotations of the hidden layers.
#[derive(Debug, Clone)]
pub struct CriticalPoint {
    widths: Vec<usize>,
    /// `s*_i` of all `min(n_0, n_L)` modes.
    target: Vec<f64>,
    l2: f64,
    /// The active modes.
    active: Vec<Active>,
}

#[derive(Debug, Clone, Copy)]
struct Active {
    mode: usize,
    root: Root,
    /// `s*_i`.
    target: f64,
    /// `s_i`.
    strength: f64,
}

impl CriticalPoint {
    /// For `widths` `n_0 … n_L`, the singular values `target` of `A*` (in any order; missing ones are
    /// 0), `l2 ≥ 0`, and the active modes, each an index of `target` and a root.
    ///
    /// # Errors
    /// What does not exist.
    pub fn new(
        widths: &[usize],
        target: &[f64],
        l2: f64,
        active: &[(usize, Root)],
    ) -> Result<Self, &'static str> {
        let [first, .., last] = widths else {
            return Err("at least one layer");
        };
        let modes = *first.min(last);
        if widths.contains(&0) {
            return Err("positive widths");
        }
        if target.len() > modes {
            return Err("at most min(n_0, n_L) singular values of the target");
        }
        if !(l2 >= 0.0 && l2.is_finite() && target.iter().all(|s| *s >= 0.0 && s.is_finite())) {
            return Err("finite numbers, none negative");
        }
        let mut all = target.to_vec();
        all.resize(modes, 0.0);
        let mut found = Vec::new();
        for (k, &(mode, root)) in active.iter().enumerate() {
            if active[..k].iter().any(|other| other.0 == mode) {
                return Err("active modes without repetition");
            }
            let target = *all.get(mode).ok_or("active modes of the target")?;
            let strength = strength(widths.len() - 1, target, l2, root)?;
            found.push(Active {
                mode,
                root,
                target,
                strength,
            });
        }
        if widths.iter().any(|n| *n < found.len()) {
            return Err("no more active modes than the narrowest layer has neurons");
        }
        let present = all.iter().filter(|s| **s > 0.0).count();
        if widths.len() == 2 && found.len() < present {
            return Err("all modes active: one layer has one critical point");
        }
        Ok(Self {
            widths: widths.to_vec(),
            target: all,
            l2,
            active: found,
        })
    }

    /// `L`.
    pub fn depth(&self) -> usize {
        self.widths.len() - 1
    }

    /// Strength of each of the `min(n_0, n_L)` modes, in the order of the target.
    pub fn strengths(&self) -> Vec<f64> {
        let mut all = vec![0.0; self.target.len()];
        for mode in &self.active {
            all[mode.mode] = mode.strength;
        }
        all
    }

    /// `½‖A − A*‖² + λ‖θ‖²`.
    pub fn loss(&self) -> f64 {
        let modes = self.strengths().into_iter().zip(&self.target);
        modes
            .map(|(s, target)| objective(self.depth(), *target, self.l2, s))
            .sum()
    }

    /// The Hessian's eigenvalues. `None` only if a block of it is not finite.
    pub fn spectrum(&self) -> Option<Spectrum> {
        spectrum::of(self)
    }

    /// `None` where `spectrum` is.
    pub fn kind(&self) -> Option<PointKind> {
        let index = self.spectrum()?.index();
        Some(match (index, self.is_global(), self.l2 > 0.0) {
            (_, true, _) => PointKind::GlobalMinimum,
            (0, false, true) => PointKind::LocalMinimum,
            (0, false, false) => PointKind::NonStrictSaddle,
            _ => PointKind::StrictSaddle,
        })
    }

    /// Whether the modes of the global minimum are the active ones, all at `s_+`.
    fn is_global(&self) -> bool {
        let rank = global_minimum(&self.widths, &self.target, self.l2).rank;
        let active: Vec<f64> = self.active.iter().map(|mode| mode.target).collect();
        let best = decreasing(&self.target);
        self.active.iter().all(|mode| mode.root == Root::Upper)
            && decreasing(&active) == best[..rank.min(best.len())]
    }
}

/// The strength of an active mode.
fn strength(depth: usize, target: f64, l2: f64, root: Root) -> Result<f64, &'static str> {
    let Stationary { upper, lower } =
        stationary(depth, target, l2).ok_or("l2 below critical_l2 of each active mode")?;
    match root {
        Root::Upper => Ok(upper),
        Root::Lower if lower > 0.0 => Ok(lower),
        Root::Lower => Err("a lower root only for three layers or more and l2 > 0"),
    }
}
