//! The Hessian of `½‖A − A*‖² + λ‖θ‖²` at a balanced critical point falls into blocks. With the
//! active set `S`, `k = |S|`, `a_i = s_i^{1/L}`, and `⟨·⟩_l` for an entry of layer `l`:
//!
//! 1. `i ∈ S`: `4λ`, `L − 1` times; `L a_i^{2L−2} − 2λ(L−2)`.
//! 2. Pairs `i < j` in `S`: `2L × 2L` on `⟨ij⟩_l`, `⟨ji⟩_l`: `p pᵀ + 2λI` on the first,
//!    `q qᵀ + 2λI` on the second, `p_l = a_i^{L−l} a_j^{l−1}`, `q` its reverse; and for `l < m` the
//!    coupling of `⟨ij⟩_m` with `⟨ji⟩_l`, `(s_i − s*_i) a_i^{L−1−m+l} a_j^{m−l−1}`, and with `i` and `j`
//!    exchanged. `L − 1` of its eigenvalues are 0, `2L − 2` for `λ = 0`; one is negative if and only if
//!    `L ≥ 3` and `(s*_i − s*_j)(s_i − s_j) < 0`.
//! 3. `i ∈ S`, `j ∉ S`: `a_i^{L−2}(s*_i ∓ s*_j)`; for each input or output beyond `min(n_0, n_L)`,
//!    `a_i^{L−2} s*_i`.
//! 4. `i ∈ S` and each of the `n_l − k` other neurons of hidden layer `l`: `4λ` and 0.
//! 5. Inactive with inactive: `L = 2`: `2λ ∓ s*_j`, `n_1 − k` times each, and `2λ` beyond
//!    `min(n_0, n_L)`; `L ≥ 3`: `2λ`, `Σ_l (n_l − k)(n_{l−1} − k)` times; `L = 1`: `1 + 2λ`.
//!
//! Derived from the second derivatives of a product; tests/suite/theory_reference holds it against
//! dense Hessians. For `λ = 0` compare Achour, Malgouyres & Gerchinovitz 2024.

use super::{Active, CriticalPoint};
use crate::linalg::{Mat, symmetric_eigen};

/// An eigenvalue of the Hessian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eigenvalue {
    pub value: f64,
    pub multiplicity: usize,
}

/// All eigenvalues of the Hessian, one for each weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// In increasing order; the same value may occur more than once. Signs and zeros are exact;
    /// values from blocks of two active modes are accurate to roundoff of the block's largest, others
    /// to a few ulp.
    pub eigenvalues: Vec<Eigenvalue>,
}

impl Spectrum {
    /// Number of negative eigenvalues (Morse index).
    pub fn index(&self) -> usize {
        self.count(|value| value < 0.0)
    }

    /// Number of zeros. For `λ > 0` and distinct targets these are the rotations of the hidden layers,
    /// `Σ_{l=1}^{L−1} k(k−1)/2 + k(n_l − k)`.
    pub fn nullity(&self) -> usize {
        self.count(|value| value == 0.0)
    }

    /// Sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        let parts = self.eigenvalues.iter();
        parts.map(|e| e.value * e.multiplicity as f64).sum()
    }

    /// The smallest eigenvalue, infinite if there is none.
    pub fn smallest(&self) -> f64 {
        self.eigenvalues.first().map_or(f64::INFINITY, |e| e.value)
    }

    /// The largest eigenvalue, −infinite if there is none.
    pub fn largest(&self) -> f64 {
        let last = self.eigenvalues.last();
        last.map_or(f64::NEG_INFINITY, |e| e.value)
    }

    fn count(&self, wanted: impl Fn(f64) -> bool) -> usize {
        let parts = self.eigenvalues.iter().filter(|e| wanted(e.value));
        parts.map(|e| e.multiplicity).sum()
    }
}

pub(super) fn of(point: &CriticalPoint) -> Option<Spectrum> {
    let mut list = List(Vec::new());
    for (k, mode) in point.active.iter().enumerate() {
        own(point, mode, &mut list);
        active_inactive(point, mode, &mut list);
        for other in &point.active[..k] {
            pair(point, other, mode, &mut list)?;
        }
    }
    unused_neurons(point, &mut list);
    inactive(point, &mut list);
    let List(mut eigenvalues) = list;
    eigenvalues.sort_by(|a, b| a.value.total_cmp(&b.value));
    Some(Spectrum { eigenvalues })
}

struct List(Vec<Eigenvalue>);

impl List {
    fn push(&mut self, value: f64, multiplicity: usize) {
        if multiplicity > 0 {
            // No −0.
            let value = value + 0.0;
            self.0.push(Eigenvalue {
                value,
                multiplicity,
            });
        }
    }
}

/// Block 1.
fn own(point: &CriticalPoint, mode: &Active, list: &mut List) {
    let l = point.depth() as f64;
    let curvature = l * mode.strength.powf(2.0 - 2.0 / l);
    list.push(4.0 * point.l2, point.depth() - 1);
    list.push(curvature - 2.0 * point.l2 * (l - 2.0), 1);
}

/// Block 3.
fn active_inactive(point: &CriticalPoint, mode: &Active, list: &mut List) {
    let l = point.depth() as f64;
    let factor = mode.strength.powf((l - 2.0) / l);
    for &target in inactive_targets(point).iter() {
        list.push(factor * (mode.target - target), 1);
        list.push(factor * (mode.target + target), 1);
    }
    list.push(factor * mode.target, unpaired(point));
}

/// Block 4.
fn unused_neurons(point: &CriticalPoint, list: &mut List) {
    let k = point.active.len();
    let hidden = &point.widths[1..point.depth()];
    let pairs = hidden.iter().map(|n| k * (n - k)).sum();
    list.push(4.0 * point.l2, pairs);
    list.push(0.0, pairs);
}

/// Block 5.
fn inactive(point: &CriticalPoint, list: &mut List) {
    let (k, twice) = (point.active.len(), 2.0 * point.l2);
    let free: Vec<usize> = point.widths.iter().map(|n| n - k).collect();
    let entries = free.windows(2).map(|pair| pair[0] * pair[1]).sum();
    match point.depth() {
        1 => list.push(1.0 + twice, entries),
        2 => {
            for &target in inactive_targets(point).iter() {
                list.push(twice - target, free[1]);
                list.push(twice + target, free[1]);
            }
            list.push(twice, free[1] * unpaired(point));
        }
        _ => list.push(twice, entries),
    }
}

/// Block 2. `None` if it is not finite.
fn pair(point: &CriticalPoint, i: &Active, j: &Active, list: &mut List) -> Option<()> {
    let (depth, l2) = (point.depth(), point.l2);
    let block = pair_block(depth, l2, i, j);
    let (mut values, _) = symmetric_eigen(block.as_ref())?;
    let order = (i.target - j.target) * (i.strength - j.strength);
    let negative = usize::from(depth >= 3 && l2 > 0.0 && order < 0.0);
    // The same target at different roots: its rotation is one more symmetry.
    let symmetry = usize::from(i.target == j.target && i.strength != j.strength);
    let zeros = symmetry
        + match l2 > 0.0 {
            true => depth - 1,
            false => 2 * depth - 2,
        };
    for (n, value) in values.iter_mut().enumerate() {
        *value = match n {
            n if n < negative => value.min(-f64::MIN_POSITIVE),
            n if n < negative + zeros => 0.0,
            _ => value.max(f64::MIN_POSITIVE),
        };
        list.push(*value, 1);
    }
    Some(())
}

/// Entries `⟨ij⟩_1 … ⟨ij⟩_L`, `⟨ji⟩_1 … ⟨ji⟩_L`.
fn pair_block(depth: usize, l2: f64, i: &Active, j: &Active) -> Mat<f64> {
    let [a, b] = [i, j].map(|mode| mode.strength.powf(1.0 / depth as f64));
    let power = |x: f64, n: usize| x.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let p: Vec<f64> = (0..depth)
        .map(|l| power(a, depth - 1 - l) * power(b, l))
        .collect();
    let coupling = |gap: f64, x: f64, y: f64, distance: usize| {
        gap * power(x, depth - 1 - distance) * power(y, distance - 1)
    };
    let (gap_i, gap_j) = (i.strength - i.target, j.strength - j.target);
    Mat::from_fn(2 * depth, 2 * depth, |row, column| {
        let (m, l) = (row % depth, column % depth);
        let own = if row == column { 2.0 * l2 } else { 0.0 };
        match (row < depth, column < depth) {
            (true, true) => own + p[m] * p[l],
            (false, false) => own + p[depth - 1 - m] * p[depth - 1 - l],
            _ => {
                // `⟨ij⟩` of layer `first` and `⟨ji⟩` of layer `second`.
                let (first, second) = if row < depth { (m, l) } else { (l, m) };
                match first.cmp(&second) {
                    std::cmp::Ordering::Greater => coupling(gap_i, a, b, first - second),
                    std::cmp::Ordering::Less => coupling(gap_j, b, a, second - first),
                    std::cmp::Ordering::Equal => 0.0,
                }
            }
        }
    })
}

/// `s*_j` of the inactive modes.
fn inactive_targets(point: &CriticalPoint) -> Vec<f64> {
    let is_active = |j: usize| point.active.iter().any(|mode| mode.mode == j);
    let modes = point.target.iter().enumerate();
    modes
        .filter(|(j, _)| !is_active(*j))
        .map(|(_, target)| *target)
        .collect()
}

/// Inputs or outputs beyond `min(n_0, n_L)`.
fn unpaired(point: &CriticalPoint) -> usize {
    point.widths[0].abs_diff(point.widths[point.depth()])
}
