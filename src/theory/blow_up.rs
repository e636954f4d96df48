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
use super::homogeneous::{Escaping, Place, log_saturation};
use super::mode_strength::time_after_blow_up;
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, svd, zeros};
use crate::model::Cost;

/// What roundoff leaves of the layers relatively: about a hundred steps with errors of a few ulp.
const ROUNDOFF: f64 = 1e-13;
/// Part of a wait that roundoff may be worth. Beyond it what escapes is roundoff: the start has no part of its own
/// along the unstable direction.
const KNOWN: f64 = 1e-3;
/// Factor of the changes of the complement in a passage, of which the order alone is derived.
const DRAG: f64 = 2.0;
/// The same of the time that they lose while the mode turns, for each layer.
const TURNING: f64 = 2.0;
/// What the steps of `straightening` leave in units of the square of the tangent that they take away.
const STEPS: f64 = 1e-4;
/// Changed starts from which it is seen how much a wait depends on its start; one for roundoff, where it is either
/// harmless or all that there is.
const PROBES: usize = 2;

/// The blow-up of the homogeneous flow.
#[derive(Debug, Clone)]
pub struct BlowUp {
    /// `T_b`.
    pub time: f64,
    /// `s_1`, `s_2` of the drive `G`.
    pub top: [f64; 2],
    /// `1 − H/max H` where `ρ` is that of the saturated mode.
    pub tilt: f64,
    /// Square of the tangent of the angle between the mode there and the top singular pair.
    pub lean: f64,
    /// `‖M‖`, the blocks of the conserved imbalances between the mode and the others.
    pub joints: f64,
    /// Relative error of `complement`.
    pub unsettled: f64,
    /// The layers orthogonal to what escapes, `(n_l − 1) × (n_{l−1} − 1)`, at the blow-up.
    pub complement: Vec<Mat<f64>>,
    /// `G` between the complements.
    pub complement_drive: Mat<f64>,
    depth: usize,
    path: Vec<Place>,
}

/// The blow-up from `weights` `W_1 … W_L`, `L ≥ 3`, under the drive `g = −∇C` of a saddle.
///
/// A step of the flow takes about a thousand products of each layer.
///
/// # Errors
/// Fewer than three layers, shapes that do not fit, a repeated or vanishing top singular value, a
/// start that does not find the top singular pair.
pub fn blow_up(g: &Mat<f64>, weights: &[Mat<f64>]) -> Result<BlowUp, Unmet> {
    let way = straight(g, weights)?;
    let mut found = BlowUp {
        time: way.time + way.rest,
        top: way.top,
        tilt: 0.0,
        lean: 0.0,
        joints: way.joints(),
        unsettled: STEPS * way.path.last().map_or(0.0, |place| place.lean),
        complement: way.complement()?,
        complement_drive: way.complement_drive(),
        depth: weights.len(),
        path: way.path,
    };
    (found.tilt, found.lean) = found.tilt_at(way.top[0]);
    Ok(found)
}

/// The flow up to where the rest of the way is straight.
fn straight(g: &Mat<f64>, weights: &[Mat<f64>]) -> Result<Escaping, Unmet> {
    let mut way = Escaping::new(g, weights)?;
    way.run()?;
    Ok(way)
}

impl BlowUp {
    /// `1 − H/max H` and the lean where `ρ` is that of a mode of this strength, from the last step before.
    fn tilt_at(&self, strength: f64) -> (f64, f64) {
        let log_size = log_saturation(self.depth as f64, strength);
        let before = self
            .path
            .iter()
            .rev()
            .find(|place| place.log_size <= log_size);
        let Some(place) = before.or(self.path.first()) else {
            return (1.0, f64::INFINITY);
        };
        // Both fall as ρ^{−2(1 − s_2/s_1)}.
        let further = (log_size - place.log_size).max(0.0);
        let fall = (-2.0 * self.gap() * further).exp();
        (place.defect * fall, place.lean * fall)
    }

    /// `1 − s_2/s_1`.
    fn gap(&self) -> f64 {
        1.0 - self.top[1] / self.top[0]
    }

    /// What the homogeneous flow and a mode without tilt miss of the time at which the strength is `level`.
    ///
    /// Let `δ(a) = δ_1 a^{−2g}`, `g = 1 − s_2/s_1`, be the relative loss of drive by the tilt, at the level and at
    /// saturation. The blow-up counts what it costs from the level on, `δ x^{2−L}/(L − 2)`, and a part of the size
    /// that is not the mode's own, `δ x^{2−L}/L`. Then the strength follows `s(1 − δ)`, which nears `s` at the pace
    /// `2g` while the strength follows at `L`: `δ/((L − 2g)(1 − x^L))`.
    fn passage_error(&self, level: f64) -> f64 {
        let (depth, strength) = (self.depth as f64, self.top[0]);
        // H saturates as the mode leans towards another pair, the loss of drive does not.
        let whole = |(defect, lean): (f64, f64)| defect * (1.0 + lean);
        let (early, late) = (whole(self.tilt_at(level)), whole((self.tilt, self.lean)));
        let part = level / strength;
        let before = part.powf(2.0 / depth - 1.0) * (1.0 / (depth - 2.0) + 1.0 / depth);
        let after = 1.0 / ((depth - 2.0 * self.gap()) * (1.0 - part));
        self.passage() * (early * before + late * after)
    }

    /// By how much the wait is longer since the drive is `G − A`, beyond what `K` has of that: `‖θ‖²` grows by
    /// `2L(⟨G, A⟩ − ‖A‖²)`, and what it lacks changes the rest of the wait, of order `−(L−2)`. On the way of `K`, where
    /// nothing is tilted, that is the term of [`begun`]; it ends where the mode saturates.
    fn early(&self) -> f64 {
        let depth = self.depth as f64;
        let part = |place: &Place| {
            let square = (2.0 * place.log_size).exp();
            let left = (self.time - place.time) * ((depth - 2.0) * place.log_size).exp();
            place.defect * (depth - 2.0) * depth * place.square * square * left * place.step
        };
        let saturated = log_saturation(depth, self.top[0]);
        let way = self
            .path
            .iter()
            .take_while(|place| place.log_size < saturated);
        way.map(part).sum()
    }

    /// `s^{2/L−2}`, the unit of passages.
    fn passage(&self) -> f64 {
        self.top[0].powf(2.0 / self.depth as f64 - 2.0)
    }

    /// How much time the others may lose or win while the mode turns upright, at first order in its tangent, with
    /// four and more layers. It turns in `1/g` of its passage, the others feel its drive `s_1` beside their own `s_2`;
    /// the factor is not derived: integrations from balanced starts show up to half of it, with three layers
    /// nothing at all.
    fn turning(&self) -> f64 {
        let depth = self.depth as f64;
        let part = match self.depth {
            ..4 => 0.0,
            _ => TURNING * depth * self.lean.sqrt() * self.top[0] / (self.top[1] * self.gap()),
        };
        part * self.passage()
    }

    /// Relative change of the complement that the homogeneous flow misses.
    ///
    /// The weights between the mode, of layers `a`, and the others are `M/2a`. Through them the others feel the
    /// mode: while it turns by its lean, at first order in that; later by the paths that leave and meet it again,
    /// at second order in `M`.
    fn drag(&self) -> f64 {
        let size = self.top[0].powf(1.0 / self.depth as f64);
        let least = self
            .complement
            .iter()
            .map(Mat::norm_l2)
            .fold(f64::INFINITY, f64::min);
        let joint = self.joints / (2.0 * size * least);
        joint * self.lean.sqrt() + joint * joint
    }
}

/// How much the blow-up time of `weights` changes when each layer changes by `part` of its size: the root of the
/// sum of squares over directions that have nothing to do with the flow.
fn sensitivity(g: &Mat<f64>, weights: &[Mat<f64>], time: f64, part: f64, probes: usize) -> f64 {
    let change = |probe: usize| {
        let layers = weights.iter().enumerate();
        let changed: Vec<_> = layers
            .map(|(l, w)| jolted(w, part, l + 31 * probe))
            .collect();
        straight(g, &changed).map_or(f64::INFINITY, |way| way.time + way.rest - time)
    };
    (0..probes)
        .map(|probe| change(probe).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// `W` and `part` of its size of something else, the same on every call.
fn jolted(w: &Mat<f64>, part: f64, phase: usize) -> Mat<f64> {
    let noise = |i: usize, j: usize| {
        ((1.0 + 5.3 * i as f64 + 2.9 * j as f64 + 7.7 * phase as f64).powi(2)).sin()
    };
    let noise = Mat::from_fn(w.nrows(), w.ncols(), noise);
    let size = noise.norm_l2();
    match size > 0.0 {
        true => w + noise * faer::Scale(part * w.norm_l2() / size),
        false => w.clone(),
    }
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
        let mut begun = 2.0 * (begun(&layers, strength) + step.early());
        let passing = 2.0 * step.passage_error(level);
        let passage = time_after_blow_up(depth, strength, level);
        let escape = |start: f64, error: f64| DeepEscape {
            wait: step.time,
            passage,
            time: start + passage,
            error,
        };
        // What depends on the start costs as much again as the escape.
        let known = escape(start + step.time, inherited + passing + begun);
        if !wanted(&known) {
            found.push(known);
            break;
        }
        let noise = sensitivity(&g, &layers, step.time, ROUNDOFF, 1);
        if noise > KNOWN * step.time {
            return (found, Some(Unmet::ZeroOverlap));
        }
        // On a way along another saddle a little of a start is much of the end.
        begun *= (noise / (ROUNDOFF * step.time)).max(1.0);
        start += step.time;
        inherited += noise + ROUNDOFF * start;
        if unsettled > 0.0 {
            let changed = sensitivity(&g, &layers, step.time, unsettled, PROBES);
            inherited += 2.0 * changed + (depth - 2) as f64 * unsettled * step.time;
        }
        found.push(escape(start, inherited + passing + begun));
        if !found.last().is_some_and(wanted) {
            break;
        }
        // What leans comes upright only after the passage, and meanwhile the others see another drive.
        inherited += begun + 2.0 * step.lean * step.passage() + step.turning();
        unsettled += step.unsettled + DRAG * step.drag();
        (g, layers) = (step.complement_drive, step.complement);
    }
    (found, None)
}
