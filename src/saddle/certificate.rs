//! Proofs, in interval arithmetic, that a critical point of given rank lies next to a computed one.
//!
//! **The slice.** A matrix of rank `k` is `A = X Yᵀ` with `X : n_L × k`, `Y : n_0 × k`, up to
//! `X S, Y S⁻ᵀ` for regular `S : k × k`. Fixing `k` independent rows `X_1` of `X` leaves no such `S`
//! but the identity; what is left, `z = (X_2, Y)`, are `m = k (n_0 + n_L − k)` coordinates of the
//! matrices of rank `k` near `A`. With `G = ∇C(A)`, the function `f(z) = C(X Yᵀ)` has
//!
//! `F(z) = ∇f = ((G Y)_2, Gᵀ X)`,
//! `J(z) [dX, dY] = ((∇²C[dA] Y + G dY)_2, ∇²C[dA]ᵀ X + Gᵀ dX)`,  `dA = dX Yᵀ + X dYᵀ`.
//!
//! **Zeros are critical points of the network.** `F = 0` says `XᵀG = 0` and `(G Y)_2 = 0`. Then
//! `0 = XᵀG Y = X_1ᵀ (G Y)_1`, and as `X_1` is regular, `G Y = 0`. Weights of rank `k` with
//! `W_L … W_1 = A` have `W_L … W_{l+1}` with the columns of `A` in its range and `W_{l−1} … W_1` with
//! the rows of `A` in its own; balanced ones have nothing else there, so that every layer's gradient
//! `(W_L … W_{l+1})ᵀ G (W_{l−1} … W_1)ᵀ` vanishes, at every depth `L ≥ 2`.
//!
//! **Existence.** For a box `Z ∋ z_0` and any matrix `R` (an approximate inverse of `J`), if
//!
//! `K = z_0 − R F(z_0) + (I − R J(Z)) (Z − z_0)`  lies in the interior of `Z`,
//!
//! then `Z` holds exactly one zero of `F`, and it lies in `K` (Krawczyk, Computing 4 (1969); Rump, Acta
//! Numerica 19 (2010), section 13). `F(z_0)` and `J(Z)` are evaluated in intervals.
//!
//! **Rank.** `k` rows of `X` and `k` of `Y` are regular everywhere in the box.
//!
//! **Index.** At balanced weights of rank `k` the second variation of the cost is
//! `⟨dA, ∇²C[dA]⟩ + 2⟨G, dW_L (W_{L−1} … W_2) dW_1⟩`: all other pairs of layers have a factor at which
//! `G` vanishes. For `L ≥ 3` the middle has rank `k`, only `k` neurons take part, and what `dA` gains
//! from the middle layers is gained from `X` alone. The form is then that of `f` on all `(X, Y)`, with
//! the directions of `S` as null directions, which the slice crosses: the index is that of `J`. For
//! `L = 2` the middle is the identity, and each of the `n_1 − k` silent neurons adds
//! `2⟨G, x yᵀ⟩`, with `rank G` negative eigenvalues. Since `XᵀG = 0` and `G Y = 0`,
//! `rank G ≤ min(n_0, n_L) − k`.
//!
//! **Continua of minima.** Let the cost be a positive definite form of residuals `r_1(A), …, r_p(A)`
//! (entries seen, or measurements), up to a constant. If `p ≤ m`, the equations `r(z) = 0` can be
//! solved for `p` of the unknowns, the others at given numbers: Krawczyk's test on these `p × p`
//! equations proves a zero. It is a global minimum of the cost, so that `∇C = 0` and no weights with
//! this product, balanced or not, have a direction of descent: the index is 0 at every depth. The test
//! also proves that `∂r/∂z` has rank `p` there. With the positive definite `W` of the form,
//! `F = (∂r/∂z)ᵀ W r` then vanishes nearby where `r` does and nowhere else: critical points of rank `k`
//! near `A*` form a manifold of dimension `m − p`, and `J = (∂r/∂z)ᵀ W ∂r/∂z` has as many zero
//! eigenvalues, and none that is negative.

mod enclosure;
mod fit;
mod krawczyk;
mod refusal;
mod residual;
mod slice;
mod spectrum;

use crate::linalg::{
    Interval, Mat, MatRef, frobenius, frobenius_bound, interval_difference, interval_matrix,
    interval_product, is_regular, midpoints, svd,
};
use crate::model::{Cost, Network, Problem};
use fit::Fit;
use krawczyk::Equations;
pub use refusal::Uncertified;
use slice::Slice;

/// Distance of the critical point from the given matrix, relative to the norm of the matrix, up to
/// which the two count as the same.
const NEAR: f64 = 1e-8;
/// Most unknowns of a slice, and rows or columns of `A`.
const MOST_UNKNOWNS: usize = 200;
/// Most multiplications in one slice Hessian, of which a certificate takes about seven: ten seconds.
const MOST_WORK: usize = 100_000_000;
/// Singular value of `G`, relative to `‖∇C(0)‖_F`, from which on `rank G` is tried to be proved.
const STEEP: f64 = 1e-9;

/// A proven critical point `A*` of the network with balanced weights; everything here is proved. The
/// data of the cost count as exact.
///
/// `A*` is alone among critical points of its rank near it, or it is a global minimum of the cost in a
/// continuum of them: `continuum` tells which.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// Upper bound on `‖A* − A‖_F`, where `A` is the matrix that was given.
    pub radius: f64,
    /// `lower ≤ A* ≤ upper`, entry by entry.
    pub lower: Mat<f64>,
    pub upper: Mat<f64>,
    /// `rank A*`, exactly.
    pub rank: usize,
    /// Dimension of the manifold that the critical points of this rank near `A*` form, exactly: 0 when
    /// `A*` is alone. Otherwise all of them are global minima of the cost, and the bounds hold one.
    pub continuum: usize,
    /// Negative eigenvalues of the cost on the matrices of this rank near `A*`, exactly; `continuum`
    /// eigenvalues are zero.
    pub slice_index: usize,
    /// Lower bound on `rank ∇C(A*)`.
    pub gradient_rank: usize,
    /// Negative eigenvalues of the cost in the weights of the network.
    pub index: ProvenIndex,
}

impl Certificate {
    /// Whether no other critical point of this rank is near `A*`.
    pub fn is_isolated(&self) -> bool {
        self.continuum == 0
    }
}

/// What is proved about the Morse index in the weights.
///
/// Two layers wider than the rank count `rank ∇C(A*)`, which intervals can bound from below only: that
/// a singular value is zero is no open condition. The index is exact when the bound meets the
/// largest rank possible, `min(n_0, n_L) − k`, and when the residuals of the cost are proved to vanish.
/// With more residuals than unknowns that is no open condition either: at the minimum of the squared
/// error for a target of rank `k < min(n_0, n_L)`, `AtLeast(0)` is all that can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenIndex {
    Exactly(usize),
    AtLeast(usize),
}

impl ProvenIndex {
    /// The number proved, as the index or as a lower bound on it.
    pub fn least(self) -> usize {
        match self {
            Self::Exactly(n) | Self::AtLeast(n) => n,
        }
    }
}

/// Proves that a critical point of rank `rank` lies within `1e-8 ‖a‖_F` of `a`, and counts its
/// directions of descent. The point is isolated or a global minimum.
///
/// # Errors
/// The reason when there is no proof, which says nothing against the point except
/// `NotCritical`: Newton's method went elsewhere. When a global minimum is not proved either, the
/// reason is that of the isolated critical point.
pub fn certify(
    problem: &Problem,
    a: MatRef<'_, f64>,
    rank: usize,
) -> Result<Certificate, Uncertified> {
    check_request(problem, a, rank)?;
    let found = if rank == 0 {
        at_zero(a)?
    } else {
        in_slice(&problem.cost, a, rank)?
    };
    let (widest, cost) = (problem.network.modes() - rank, &problem.cost);
    let (gradient_rank, index) = if found.minima.is_some() {
        (0, ProvenIndex::Exactly(0))
    } else {
        let gradient_rank = gradient_rank(cost, &found.at, widest);
        let index = network_index(&problem.network, rank, found.index, gradient_rank);
        (gradient_rank, index)
    };
    let end = |end: &dyn Fn(Interval) -> f64| {
        Mat::from_fn(a.nrows(), a.ncols(), |i, j| end(found.at[(i, j)]))
    };
    Ok(Certificate {
        radius: found.radius,
        lower: end(&|x| x.lo()),
        upper: end(&|x| x.hi()),
        rank,
        slice_index: found.index,
        continuum: found.minima.unwrap_or(0),
        gradient_rank,
        index,
    })
}

/// `A*` between bounds, its distance from the matrix given and its index among matrices of its rank.
struct Found {
    at: Mat<Interval>,
    radius: f64,
    index: usize,
    /// Dimension of the set of minima around `A*`, where `A*` was proved by its cost.
    minima: Option<usize>,
}

/// What can be refused before any arithmetic.
fn check_request(problem: &Problem, a: MatRef<'_, f64>, rank: usize) -> Result<(), Uncertified> {
    let (network, cost) = (&problem.network, &problem.cost);
    let (rows, cols) = (network.output_width(), network.input_width());
    if problem.l2 != 0.0 {
        return Err(Uncertified::Regularised);
    }
    if network.depth() < 2 {
        return Err(Uncertified::OneLayer);
    }
    if (a.nrows(), a.ncols()) != (rows, cols) || cost.shape() != (rows, cols) {
        return Err(Uncertified::Shape {
            found_rows: a.nrows(),
            found_cols: a.ncols(),
            rows,
            cols,
            cost_rows: cost.shape().0,
            cost_cols: cost.shape().1,
        });
    }
    if rank > network.max_rank() {
        return Err(Uncertified::RankTooHigh {
            rank,
            narrowest: network.max_rank(),
        });
    }
    if !a.is_all_finite() || !enclosure::is_finite(cost) {
        return Err(Uncertified::NotFinite);
    }
    check_size(cost, rank)
}

fn check_size(cost: &Cost, rank: usize) -> Result<(), Uncertified> {
    let (rows, cols) = cost.shape();
    let unknowns = rank * (rows + cols - rank);
    let work = unknowns.max(1).saturating_mul(enclosure::work(cost));
    if unknowns.max(rows).max(cols) > MOST_UNKNOWNS || work > MOST_WORK {
        return Err(Uncertified::TooLarge {
            unknowns,
            rows,
            cols,
            limit: MOST_UNKNOWNS,
        });
    }
    Ok(())
}

/// `A = 0` is critical for every cost, and alone of its rank.
fn at_zero(a: MatRef<'_, f64>) -> Result<Found, Uncertified> {
    if a.norm_max() > 0.0 {
        return Err(Uncertified::NotCritical {
            rank: 0,
            distance: frobenius(a),
        });
    }
    Ok(Found {
        at: Mat::from_fn(a.nrows(), a.ncols(), |_, _| Interval::ZERO),
        radius: 0.0,
        index: 0,
        minima: None,
    })
}

/// The critical point of positive rank next to `a`.
fn in_slice(cost: &Cost, a: MatRef<'_, f64>, rank: usize) -> Result<Found, Uncertified> {
    let (x, y) = balanced_factors(a, rank).ok_or(Uncertified::NotFinite)?;
    let (slice, start) = Slice::through(cost, &x, &y);
    if !slice.is_proper() {
        return Err(Uncertified::RankNotProven { rank });
    }
    if !slice.is_finite(&start) {
        return Err(Uncertified::NotFinite);
    }
    use Uncertified::{IndexNotProven, NotCritical, NotEnclosed, Singular};
    match alone(&slice, start.clone(), a, rank) {
        Err(reason @ (Singular | NotCritical { .. } | NotEnclosed | IndexNotProven)) => {
            let best = Fit::through(&slice, &start).and_then(|fit| of_least_cost(&slice, &fit, a));
            best.ok_or(reason)
        }
        // As many residuals as unknowns: alone, and of least cost.
        Ok(found) if found.index == 0 => {
            let fit = Fit::through(&slice, &start).filter(|fit| fit.kept() == 0);
            let best = fit.and_then(|fit| of_least_cost(&slice, &fit, a));
            Ok(best.unwrap_or(found))
        }
        other => other,
    }
}

/// The zero of `F` next to `a`, with no other near it.
fn alone(
    slice: &Slice<'_>,
    start: Vec<f64>,
    a: MatRef<'_, f64>,
    rank: usize,
) -> Result<Found, Uncertified> {
    let centre = slice.sharpened(start).ok_or(Uncertified::Singular)?;
    let distance = slice.distance(&centre, a);
    let close = distance <= NEAR * frobenius(a);
    if !close {
        return Err(Uncertified::NotCritical { rank, distance });
    }
    let around = slice.zero_near(&centre).ok_or(Uncertified::NotEnclosed)?;
    if !slice.has_full_rank(&around) {
        return Err(Uncertified::RankNotProven { rank });
    }
    let index = slice.index(&around).ok_or(Uncertified::IndexNotProven)?;
    let (at, radius) = located(slice, &around, a).ok_or(Uncertified::NotEnclosed)?;
    Ok(Found {
        at,
        radius,
        index,
        minima: None,
    })
}

/// A zero of all residuals next to `a`, which may be one of many.
fn of_least_cost(slice: &Slice<'_>, fit: &Fit<'_>, a: MatRef<'_, f64>) -> Option<Found> {
    let centre = fit.sharpened(fit.start())?;
    let around = fit.unknowns(&fit.zero_near(&centre)?);
    let (at, radius) = located(slice, &around, a)?;
    slice.has_full_rank(&around).then(|| Found {
        at,
        radius,
        index: 0,
        minima: Some(fit.kept()),
    })
}

/// `A*` between bounds and its distance from `a`; `None` when that is not small.
fn located(
    slice: &Slice<'_>,
    around: &[Interval],
    a: MatRef<'_, f64>,
) -> Option<(Mat<Interval>, f64)> {
    let at = slice.end_to_end(around);
    let radius =
        frobenius_bound(interval_difference(at.as_ref(), interval_matrix(a).as_ref()).as_ref());
    (radius <= NEAR * frobenius(a)).then_some((at, radius))
}

/// `X = U √S`, `Y = V √S` of the `rank` largest singular values of `a`.
fn balanced_factors(a: MatRef<'_, f64>, rank: usize) -> Option<(Mat<f64>, Mat<f64>)> {
    let parts = svd(a)?;
    let scaled = |vectors: &Mat<f64>| {
        Mat::from_fn(vectors.nrows(), rank, |i, c| {
            vectors[(i, c)] * parts.s[c].sqrt()
        })
    };
    Some((scaled(&parts.u), scaled(&parts.v)))
}

/// A proven lower bound on `rank ∇C(A)` for all `A` in `at`, which is at most `most`: `q` for which
/// `PᵀG S : q × q` is regular, `P` and `S` the leading singular vectors of `G`.
fn gradient_rank(cost: &Cost, at: &Mat<Interval>, most: usize) -> usize {
    let gradient = enclosure::gradient(cost, at);
    let middle = midpoints(gradient.as_ref());
    if !middle.is_all_finite() {
        return 0;
    }
    let Some(parts) = svd(middle.as_ref()) else {
        return 0;
    };
    let zero = Mat::from_fn(at.nrows(), at.ncols(), |_, _| Interval::ZERO);
    let start = frobenius(midpoints(enclosure::gradient(cost, &zero).as_ref()).as_ref());
    let steep = parts.s.iter().take(most);
    let steep = steep.take_while(|&&s| s > STEEP * start).count();
    let leading = |vectors: &Mat<f64>, q| interval_matrix(vectors.as_ref().subcols(0, q));
    let regular = |&q: &usize| {
        let half = interval_product(gradient.as_ref(), leading(&parts.v, q).as_ref());
        let block = interval_product(leading(&parts.u, q).transpose(), half.as_ref());
        is_regular(block.as_ref())
    };
    (1..=steep).rev().find(regular).unwrap_or(0)
}

/// The index in the weights; the module says why.
fn network_index(network: &Network, rank: usize, slice: usize, gradient: usize) -> ProvenIndex {
    let silent = network.widths()[1] - rank;
    if network.depth() > 2 || silent == 0 {
        return ProvenIndex::Exactly(slice);
    }
    let proven = slice + silent * gradient;
    if gradient == network.modes() - rank {
        ProvenIndex::Exactly(proven)
    } else {
        ProvenIndex::AtLeast(proven)
    }
}

#[cfg(test)]
mod tests;
