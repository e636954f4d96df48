//! The observables of a row, each computed when it is asked for and not otherwise.

use crate::linalg::effective_rank;
use crate::model::TangentKernel;

use super::measure::{Measurement, Probe};
use super::mode_speed;
use super::observable::Observable;

/// Computes what is wanted, in its order.
pub(super) struct Instruments {
    wanted: Vec<Observable>,
}

impl Instruments {
    pub fn new(wanted: &[Observable]) -> Self {
        Self {
            wanted: wanted.to_vec(),
        }
    }

    /// The values at a resolved state; NaN where one is 0/0. None of them depends on the hidden
    /// basis of `weights`.
    pub fn read(
        &self,
        probe: &mut Probe<'_>,
        m: &Measurement,
        weights: &[f64],
        arc_length: f64,
    ) -> Vec<f64> {
        let of_kernel = [Observable::KernelNorm, Observable::KernelAlignment];
        let needed = self.wanted.iter().any(|o| of_kernel.contains(o));
        let kernel = needed.then(|| TangentKernel::of(probe.network(), weights));
        let kernel = kernel.as_ref();
        let mut values = Vec::with_capacity(self.wanted.len());
        for observable in &self.wanted {
            values.push(match observable {
                Observable::KernelNorm => kernel.map_or(f64::NAN, TangentKernel::norm),
                Observable::KernelAlignment => alignment(probe, kernel),
                Observable::EffectiveRank => effective_rank(m.singular_values()),
                Observable::NuclearNorm => m.singular_values().iter().sum(),
                Observable::ArcLength => arc_length,
                Observable::ModeSpeedResidual => mode_speed::residual(probe, m, weights),
            });
        }
        values
    }
}

fn alignment(probe: &Probe<'_>, kernel: Option<&TangentKernel>) -> f64 {
    let found = kernel.zip(probe.target());
    found
        .and_then(|(kernel, target)| kernel.alignment(target))
        .unwrap_or(f64::NAN)
}
