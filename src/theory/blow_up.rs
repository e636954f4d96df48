//! `T_1 = T_b + K`: escapes of `L ≥ 3` layers from a small start   (Jacot et al. 2021).
//!
//! Near a saddle the layers follow the homogeneous flow of `homogeneous`,
//! which blows up at `T_b`; a start `α` times as large blows up at `α^{−(L−2)} T_b`. The strength
//! of the mode that escapes meets the level at `K = s^{−(2−2/L)} Φ_L((ℓ/s)^{1/L})` after that
//! (squared error). What is orthogonal to it has grown by a factor of order one only: it is the
//! start of a smaller network for the next escape, so that all plateaus last alike.
//!
//! That generic starts find the top singular pair, and the size of the error, are arguments
//! confirmed by integration, not theorems.

use super::growth::drive;
use super::homogeneous::{Escaping, log_saturation};
use super::mode_strength::time_after_blow_up;
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, svd, zeros};
use crate::model::Cost;

/// What roundoff leaves of a blow-up time: about a hundred steps with errors of a few ulp.
const ROUNDOFF: f64 = 1e-13;
/// What the change of the complement in a passage may be in units of `drag`, of which the order alone is
/// derived: in 300 random networks of three and four layers it was up to 26.
const DRAG: f64 = 32.0;

/// The blow-up of the homogeneous flow.
#[derive(Debug, Clone)]
pub struct BlowUp {
    /// `T_b`.
    pub time: f64,
    /// `s_1`, `s_2` of the drive `G`.
    pub top: [f64; 2],
    /// `1 − H/max H` where `ρ` is that of the saturated mode.
    pub tilt: f64,
    /// Relative error of `complement`.
    pub unsettled: f64,
    /// The layers orthogonal to what escapes, `(n_l − 1) × (n_{l−1} − 1)`, at the blow-up.
    pub complement: Vec<Mat<f64>>,
    /// `G` between the complements.
    pub complement_drive: Mat<f64>,
}

/// The blow-up from `weights` `W_1 … W_L`, `L ≥ 3`, under the drive `g = −∇C` of a saddle.
///
/// A step of the flow takes about a thousand products of each layer.
///
/// # Errors
/// Fewer than three layers, shapes that do not fit, a repeated or vanishing top singular value, a
/// start that does not find the top singular pair.
pub fn blow_up(g: &Mat<f64>, weights: &[Mat<f64>]) -> Result<BlowUp, Unmet> {
    let mut way = Escaping::new(g, weights)?;
    way.run()?;
    // The defect falls as ρ^{−2(1 − s_2/s_1)}.
    let exponent = 2.0 * (1.0 - way.top[1] / way.top[0]);
    let (log_size, defect) = way.saturating;
    let further = log_saturation(weights.len() as f64, way.top[0]) - log_size;
    Ok(BlowUp {
        time: way.time + way.rest,
        top: way.top,
        tilt: defect * (-exponent * further).exp(),
        unsettled: way.defect.max(0.0),
        complement: way.complement(),
        complement_drive: way.complement_drive(),
    })
}

/// The leading time of the first escape under any cost: `T_b` of the start, to which a time of
/// order one adds.
///
/// # Errors
/// Those of [`blow_up`].
pub fn first_blow_up(cost: &Cost, weights: &[Mat<f64>]) -> Result<BlowUp, Unmet> {
    let (rows, cols) = cost.shape();
    let zero = zeros(rows, cols);
    blow_up(&drive(cost, zero.as_ref()), weights)
}

/// One escape of a deep network.
#[derive(Debug, Clone)]
pub struct DeepEscape {
    /// `T_b` since the blow-up before.
    pub wait: f64,
    /// `K`.
    pub passage: f64,
    /// `T_k`.
    pub time: f64,
    /// Estimate of the error.
    pub error: f64,
}

/// The times at which `σ_k(A)` reaches `levels[k − 1]`, `k = 1, 2, …`, for squared error towards
/// `target` and `λ = 0`, until the first that has none; then why.
pub fn deep_escapes(
    target: MatRef<'_, f64>,
    weights: &[Mat<f64>],
    levels: &[f64],
) -> (Vec<DeepEscape>, Option<Unmet>) {
    deep_escapes_while(target, weights, levels, &|_| true)
}

/// Order of the relative change of the complement during a passage: it moves at the pace
/// `s_2 ‖W_⊥‖^{L−2}` for a time `s_1^{2/L−2}`, and differently by the tilt of the mode, the root of
/// `1 − H/max H`.
fn drag(step: &BlowUp, depth: usize) -> f64 {
    let square: f64 = step.complement.iter().map(Mat::squared_norm_l2).sum();
    let pace = step.top[1] * square.sqrt().powi(depth as i32 - 2);
    step.top[0].powf(2.0 / depth as f64 - 2.0) * pace * step.tilt.max(0.0).sqrt()
}

/// `a²/2s²`: by how much a mode is early that does not come all the way from 0 but begins with layers of
/// size `a`   (for a balanced mode the third term of
/// `T = s_0^{2/L−1}/((L−2)s) + s^{2/L−2} Φ_L − ½ s^{2/L−2} (s_0/s)^{2/L}`). Of layers of several neurons `a²`
/// is the largest `‖W_l‖₂²`.
fn begun(layers: &[Mat<f64>], strength: f64) -> f64 {
    let norm = |w: &Mat<f64>| svd(w.as_ref()).and_then(|parts| parts.s.first().copied());
    let largest = layers.iter().filter_map(norm).fold(0.0, f64::max);
    0.5 * (largest / strength).powi(2)
}

/// The same, ending with the first escape that is not wanted.
pub fn deep_escapes_while(
    target: MatRef<'_, f64>,
    weights: &[Mat<f64>],
    levels: &[f64],
    wanted: &dyn Fn(&DeepEscape) -> bool,
) -> (Vec<DeepEscape>, Option<Unmet>) {
    let mut found = Vec::new();
    let (mut g, mut layers) = (target.to_owned(), weights.to_vec());
    let (mut start, mut inherited, mut unsettled) = (0.0, 0.0, 0.0);
    for &level in levels {
        let step = match blow_up(&g, &layers) {
            Ok(step) if level > 0.0 && level < step.top[0] => step,
            Ok(_) => return (found, Some(Unmet::LevelNotReached)),
            Err(reason) => return (found, Some(reason)),
        };
        let (depth, strength) = (layers.len(), step.top[0]);
        start += step.time;
        // The time of the passage times the tilt; the errors of the complement, to which the
        // passage adds the square of the tilt and what it drags along.
        let own = strength.powf(2.0 / depth as f64 - 2.0) * step.tilt;
        let begun = begun(&layers, strength);
        inherited += 2.0 * (own + begun + unsettled * step.time) + ROUNDOFF * start;
        unsettled += step.unsettled + step.tilt * step.tilt + DRAG * drag(&step, depth);
        let passage = time_after_blow_up(depth, strength, level);
        found.push(DeepEscape {
            wait: step.time,
            passage,
            time: start + passage,
            error: inherited,
        });
        if !found.last().is_some_and(wanted) {
            break;
        }
        (g, layers) = (step.complement_drive, step.complement);
    }
    (found, None)
}
