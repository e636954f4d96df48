//! The last of the way of the escaped modes to their saddle, while the waiting ones go on alone.
//!
//! With `A = A_k + E x`, `E` the entries `(a, b, c)` of the singular bases, and `J = dA/dθ` at the saddle the
//! escaped weights move by `δθ = Jᵀ E z`, `x = K z`, `K = Eᵀ J Jᵀ E`, and to first order
//!
//! `x' = −K M x`,  so that  `z(t) = Σ_i c_i e^{−λ_i t} z_i`,  `K M (K z_i) = λ_i K z_i`,
//!
//! where `M` is the curvature of the cost in `x` ([`Plateau`]). With `K = V D Vᵀ` and `Q Λ Qᵀ = D^{1/2} Vᵀ M V D^{1/2}`
//! the `z_i` are the columns of `V D^{−1/2} Q`. A wait begins when this is of the size of the tolerance; the
//! gradient of the waiting modes is smaller by many orders still.

use super::Plateau;
use super::paths::{Paths, column};
use crate::linalg::{Mat, norm, product, symmetric_eigen, zeros};
use crate::model::Network;

/// Deviation of `A`, relative to its size, below which it is roundoff.
const ROUNDOFF: f64 = 64.0 * f64::EPSILON;
/// Directions that the escaped weights hardly move, relative to the others: then nothing is said.
const STIFF: f64 = 1e-12;

/// One direction in which the escaped modes come to rest.
#[derive(Debug)]
struct Decay {
    /// `λ_i`.
    rate: f64,
    /// `c_i E z_i`, a column of entries of `A`.
    start: Mat<f64>,
    /// `‖Jᵀ E z_i c_i‖`.
    size: f64,
}

/// How the escaped weights come to rest.
#[derive(Debug)]
pub struct Settling {
    paths: Paths,
    decays: Vec<Decay>,
}

impl Settling {
    /// For `A` off by `deviation` from where the escaped weights `escaped` will be at `plateau`; `None` when that
    /// is roundoff, or the saddle does not hold them.
    pub(super) fn new(
        network: &Network,
        plateau: &Plateau,
        escaped: &[f64],
        deviation: &Mat<f64>,
    ) -> Option<Self> {
        let floor = ROUNDOFF * plateau.end_to_end.norm_max();
        let basis = plateau.escaped_basis();
        let start = product(basis.transpose(), column(deviation).as_ref());
        if start.norm_max() <= floor {
            return None;
        }
        let paths = Paths::new(network, escaped);
        let half = product(paths.kernel().as_ref(), basis.as_ref());
        let kernel = product(basis.transpose(), half.as_ref());
        let (sizes, vectors) = symmetric_eigen(kernel.as_ref())?;
        if sizes[0] <= STIFF * sizes.last()? {
            return None;
        }
        let scaled = |power: f64| {
            Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| {
                vectors[(i, j)] * sizes[j].powf(power)
            })
        };
        let (up, down) = (scaled(0.5), scaled(-0.5));
        let stiff = product(plateau.stiffness.as_ref(), up.as_ref());
        let (rates, turns) = symmetric_eigen(product(up.transpose(), stiff.as_ref()).as_ref())?;
        if rates[0] <= 0.0 {
            return None;
        }
        let modes = product(down.as_ref(), turns.as_ref());
        let parts = product(modes.transpose(), start.as_ref());
        let shapes = product(basis.as_ref(), modes.as_ref());
        let decays = rates.into_iter().enumerate().filter_map(|(i, rate)| {
            let part = parts[(i, 0)];
            // K^{1/2} carries this part to A.
            let is_roundoff = part.abs() * sizes[0].sqrt() <= floor;
            let start = Mat::from_fn(shapes.nrows(), 1, |q, _| part * shapes[(q, i)]);
            (!is_roundoff).then(|| Decay {
                rate,
                // The columns of Jᵀ E V D^{−1/2} Q are orthonormal.
                size: part.abs(),
                start,
            })
        });
        let decays: Vec<_> = decays.collect();
        (!decays.is_empty()).then_some(Self { paths, decays })
    }

    /// Adds `δθ(t)` to packed weights.
    pub fn add(&self, t: f64, weights: &mut [f64]) {
        self.add_sum(t, |_| 1.0, weights);
    }

    /// Adds `δθ'(t)`.
    pub fn add_slope(&self, t: f64, slope: &mut [f64]) {
        self.add_sum(t, |decay| -decay.rate, slope);
    }

    /// `‖δθ'(t)‖` and `−d ln‖δθ'‖/dt`.
    pub fn speed(&self, t: f64) -> (f64, f64) {
        let speeds = self
            .decays
            .iter()
            .map(|d| d.rate * d.size * (-d.rate * t).exp());
        let speeds: Vec<f64> = speeds.collect();
        let largest = speeds.iter().fold(0.0, |m: f64, s| m.max(*s));
        let (mut square, mut slower) = (0.0, 0.0);
        for (speed, decay) in speeds.iter().zip(&self.decays) {
            let part = (speed / largest).powi(2);
            square += part;
            slower += decay.rate * part;
        }
        (norm(&speeds), slower / square)
    }

    fn add_sum(&self, t: f64, factor: impl Fn(&Decay) -> f64, out: &mut [f64]) {
        let mut sum = zeros(self.decays[0].start.nrows(), 1);
        for decay in &self.decays {
            let part = factor(decay) * (-decay.rate * t).exp();
            for i in 0..sum.nrows() {
                sum[(i, 0)] += part * decay.start[(i, 0)];
            }
        }
        // Most of a wait is later than that.
        if sum.norm_max() > 0.0 {
            self.paths.add(&sum, out);
        }
    }
}
