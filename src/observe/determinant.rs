//! The sign of `det A` in two balanced layers with as many outputs as inputs. Where `D = 0` the flow is one of `A` alone,
//! `dA/dt = −(√(AAᵀ) ∇C + ∇C √(AᵀA)) − 4λA` (Arora, Cohen & Hazan 2018), so that `d ln|det A|/dt` is finite and `det A`
//! never passes zero, whatever the cost. In `f64` a mode on its way to zero turns round in roundoff and escapes with the
//! other sign, at a time that means nothing.

use super::imbalance::balanced;
use super::law::Worst;
use super::measure::Measurement;
use crate::linalg::{MatRef, determinant, svd};
use crate::model::Problem;

/// Singular values below this part of the largest have no sign to speak of.
const ROUNDOFF: f64 = 1e-12;

/// Holds the sign at the end against that of the start.
#[derive(Default)]
pub(super) struct DeterminantLaw {
    /// As [`start`] finds it.
    start: Option<(f64, f64)>,
    worst: Worst,
}

impl DeterminantLaw {
    pub fn new(problem: &Problem) -> Self {
        Self {
            start: start(problem),
            worst: Worst::default(),
        }
    }

    /// Checks the end of a run. What has decayed to the roundoff of the start has no sign to speak of either.
    pub fn end(&mut self, m: &Measurement) {
        let Some((before, size)) = self.start else {
            return;
        };
        let Some((sign, [least, largest])) = signed(m.end_to_end.as_ref()) else {
            return;
        };
        let roundoff = ROUNDOFF * largest.max(size);
        if least > roundoff {
            let kept = sign == before;
            let found = if kept { f64::MIN_POSITIVE } else { least };
            self.worst.note(m.time, found, roundoff);
        }
    }

    pub fn worst(&self) -> &Worst {
        &self.worst
    }
}

/// Sign and `σ_1` of the start, where the law applies.
fn start(problem: &Problem) -> Option<(f64, f64)> {
    let network = &problem.network;
    if network.depth() != 2 || network.input_width() != network.output_width() {
        return None;
    }
    // In units of the largest: squares and products of tiny weights vanish.
    let weights = &problem.initial_weights;
    let unit = weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
    let weights: Vec<f64> = weights.iter().map(|w| w / unit).collect();
    if !balanced(network, &weights) {
        return None;
    }
    let (sign, [least, largest]) = signed(network.end_to_end(&weights).as_ref())?;
    (least > ROUNDOFF * largest).then_some((sign, largest * unit * unit))
}

/// The sign of `det A`, `σ_n` and `σ_1`.
fn signed(a: MatRef<'_, f64>) -> Option<(f64, [f64; 2])> {
    let factors = svd(a)?;
    let ends = [*factors.s.last()?, factors.s[0]];
    let sign = (determinant(factors.u) * determinant(factors.v)).signum();
    Some((sign, ends))
}
