//! `A_k = argmin { C(A) : rank A ≤ k }` near `A_{k−1} + s u vᵀ`, `(u, v)` the top singular pair of
//! `−∇C(A_{k−1})`, `A_0 = 0`: the greedy path of Jacot et al. (2021) and Li, Luo & Lyu (2021).
//!
//! The fit works on `A = W_2 W_1` with `k` hidden neurons, by Newton's method in a trust region.

use super::trust_region::minimise;
use crate::linalg::{Mat, SingularValues, norm, svd, zeros};
use crate::model::{Cost, Network, Problem};

/// `σ_k` of the next saddle, where the greedy fit settled.
pub type SaddleLevel = Option<f64>;

/// Modes whose levels are found where they are not the target's own and no larger one is named.
const FIRST_MODES: usize = 10;
/// Multiplications that all fits together may take: about a second.
const MOST_WORK: f64 = 2e9;
/// Cost, relative to that of `A = 0`, below which nothing is left to learn.
const LEARNED: f64 = 1e-20;

/// The levels of escapes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SaddleLevels {
    /// The level that `σ_k` has at the saddle of the cost alone, `λ = 0`, that it escapes to, `k = 1, 2, …`; `None` where mode `k`
    /// has nothing to learn or its level is not known.
    pub of_mode: Vec<SaddleLevel>,
    /// From this mode on levels are not known: the fit did not settle, since the critical point
    /// lies at infinity or is too far to walk to.
    pub lost_at: Option<usize>,
}

/// The levels of a problem: the target's `σ_k` for squared error, `σ_k(A_k)` of the greedy path
/// for other costs, of the first ten modes and those up to `named`.
pub fn saddle_levels(problem: &Problem, named: usize) -> SaddleLevels {
    let modes = problem.network.modes();
    let rank = problem.network.max_rank();
    let mut found = SaddleLevels {
        of_mode: vec![None; modes],
        lost_at: None,
    };
    if let Cost::SquaredError { target } = &problem.cost {
        let values = svd(target.as_ref()).map_or(Vec::new(), |t| t.s);
        let floor = values.first().map_or(0.0, |s| s * 1e-14);
        for (level, &s) in found.of_mode.iter_mut().zip(&values).take(rank) {
            *level = (s > floor).then_some(s);
        }
        return found;
    }
    let (rows, cols) = problem.cost.shape();
    let cost = explainable(&problem.cost);
    let mut path = Path::new(&cost);
    let mut values = SingularValues::new(rows, cols);
    for k in 1..=rank.min(FIRST_MODES.max(named)) {
        let Some(steepest) = path.add_direction() else {
            break;
        };
        let Some(a) = path.next_saddle(k, steepest) else {
            found.lost_at = Some(k);
            break;
        };
        found.of_mode[k - 1] = Some(values.of(a.as_ref())[k - 1]);
    }
    found
}

/// The cost without what no map can explain, beside which what is left to learn would be roundoff.
fn explainable(cost: &Cost) -> Cost {
    let mut cost = cost.clone();
    if let Cost::Regression { floor, .. } = &mut cost {
        *floor = 0.0;
    }
    cost
}

/// The greedy path up to some rank.
struct Path<'a> {
    cost: &'a Cost,
    /// Columns `u_i √s_i` and `v_i √s_i` of the current `A_k = Σ s_i u_i v_iᵀ`.
    left: Vec<Vec<f64>>,
    right: Vec<Vec<f64>>,
    at: Mat<f64>,
    cost_at_zero: f64,
    work_left: f64,
}

impl<'a> Path<'a> {
    fn new(cost: &'a Cost) -> Self {
        let (rows, cols) = cost.shape();
        let at = zeros(rows, cols);
        Self {
            cost,
            left: Vec::new(),
            right: Vec::new(),
            cost_at_zero: cost.value(at.as_ref()),
            at,
            work_left: MOST_WORK,
        }
    }

    /// Goes on to `A_rank` from the direction added; `None` when the fit does not settle.
    fn next_saddle(&mut self, rank: usize, steepest: f64) -> Option<&Mat<f64>> {
        let problem = factored(self.cost, &self.left, &self.right);
        let start = problem.initial_weights.clone();
        let scale = steepest * norm(&start);
        let work = work(self.cost, rank);
        let before = (self.work_left / work) as usize;
        let mut products = before;
        let fitted = minimise(&problem, start, scale, &mut products)?;
        self.work_left -= (before - products) as f64 * work;
        self.at = problem.network.end_to_end(&fitted);
        let decomposition = svd(self.at.as_ref())?;
        (self.left, self.right) = (
            scaled_columns(&decomposition.u, &decomposition.s, rank),
            scaled_columns(&decomposition.v, &decomposition.s, rank),
        );
        Some(&self.at)
    }

    /// Appends the top singular pair of `−∇C`, scaled to the best fit along `u vᵀ`; returns its
    /// singular value. `None` where the path ends because nothing is left to learn.
    fn add_direction(&mut self) -> Option<f64> {
        let (rows, cols) = self.cost.shape();
        let mut gradient = zeros(rows, cols);
        let mut scratch = self.cost.scratch();
        let cost = self
            .cost
            .gradient(self.at.as_ref(), gradient.as_mut(), &mut scratch);
        if cost <= LEARNED * self.cost_at_zero {
            return None;
        }
        let g = svd(gradient.as_ref())?;
        let (u, v) = (g.u.col(0), g.v.col(0));
        let pair = Mat::from_fn(rows, cols, |i, j| -u[i] * v[j]);
        let bend = self.cost.bend(pair.as_ref());
        if !(g.s[0] > 0.0 && bend > 0.0) {
            return None;
        }
        let root = (g.s[0] / bend).sqrt();
        self.left.push(u.iter().map(|x| -x * root).collect());
        self.right.push(v.iter().map(|x| x * root).collect());
        Some(g.s[0])
    }
}

/// The two-layer problem started at `A = Σ left_k right_kᵀ`, a hidden neuron for each pair.
pub(super) fn factored(cost: &Cost, left: &[Vec<f64>], right: &[Vec<f64>]) -> Problem {
    let (rows, cols) = cost.shape();
    let network = Network::new(vec![cols, left.len(), rows]);
    let mut initial_weights = vec![0.0; network.parameters()];
    let mut w1 = network.layer_mut(&mut initial_weights, 1);
    for (k, v) in right.iter().enumerate() {
        v.iter().enumerate().for_each(|(j, &x)| w1[(k, j)] = x);
    }
    let mut w2 = network.layer_mut(&mut initial_weights, 2);
    for (k, u) in left.iter().enumerate() {
        u.iter().enumerate().for_each(|(i, &x)| w2[(i, k)] = x);
    }
    Problem {
        network,
        cost: cost.clone(),
        l2: 0.0,
        initial_weights,
    }
}

/// Multiplications in one product with the Hessian at `rank` hidden neurons.
fn work(cost: &Cost, rank: usize) -> f64 {
    let (rows, cols) = cost.shape();
    let each = match cost {
        Cost::Regression { .. } => cols,
        Cost::MatrixSensing { measurements, .. } => 2 * measurements.nrows(),
        _ => 1,
    };
    // Two products for each layer and each factor that the direction replaces.
    (rows * cols) as f64 * (8 * rank + each) as f64
}

pub(super) fn scaled_columns(vectors: &Mat<f64>, values: &[f64], count: usize) -> Vec<Vec<f64>> {
    (0..count)
        .map(|k| {
            let root = values[k].sqrt();
            vectors.col(k).iter().map(|x| x * root).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full-rank 3×3 matrix.
    fn target() -> Mat<f64> {
        rows(&[[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]])
    }

    fn rows<const N: usize>(rows: &[[f64; N]]) -> Mat<f64> {
        Mat::from_fn(rows.len(), N, |i, j| rows[i][j])
    }

    fn levels(cost: Cost) -> SaddleLevels {
        let (rows, cols) = cost.shape();
        let network = Network::new(vec![cols, 50, 50, rows]);
        let initial_weights = vec![0.0; network.parameters()];
        let problem = Problem {
            network,
            cost,
            l2: 0.0,
            initial_weights,
        };
        saddle_levels(&problem, 0)
    }

    /// The fits stop at a relative gradient of 1e-11 and the costs' condition numbers are below
    /// 20; 1e-9 leaves room for both.
    fn assert_levels(found: &SaddleLevels, exact: &[f64]) {
        for (k, &exact) in exact.iter().enumerate() {
            let found = found.of_mode[k].unwrap_or(f64::NAN);
            assert!(
                (found / exact - 1.0).abs() < 1e-9,
                "level {}: {found:e} against {exact:e}",
                k + 1
            );
        }
    }

    /// What no map explains is not left to learn.
    #[test]
    fn a_floor_changes_no_level() {
        let target = rows(&[[2.0, 1.0], [4.0, 2.0], [-2.0, -1.0]]);
        let covariance = rows(&[[1.5, 0.2], [0.2, 0.7]]);
        let regression = |floor| Cost::regression(target.clone(), covariance.clone(), floor);
        let [bare, raised] = [0.0, 0.5].map(|floor| levels(regression(floor)));
        assert!(raised.of_mode[0].is_some() && raised.of_mode[1].is_none());
        assert_eq!(raised.of_mode, bare.of_mode);
        assert_eq!((raised.lost_at, bare.lost_at), (None, None));
    }

    /// With a covariance `Σ = R²` the rank-k minima are `[T R]_k R^{−1}` (Eckart–Young); here `R`
    /// is diagonal.
    #[test]
    fn regression_levels_are_those_of_eckart_young() {
        let target = target();
        let r = [1.0, 0.5, 2.0];
        let covariance = Mat::from_fn(3, 3, |i, j| if i == j { r[i] * r[i] } else { 0.0 });
        let scaled = Mat::from_fn(3, 3, |i, j| target[(i, j)] * r[j]);
        let Some(basis) = svd(scaled.as_ref()) else {
            panic!("finite matrix")
        };
        let exact: Vec<f64> = (1..=3)
            .map(|k| {
                let a = Mat::from_fn(3, 3, |i, j| {
                    (0..k)
                        .map(|m| basis.u[(i, m)] * basis.s[m] * basis.v[(j, m)] / r[j])
                        .sum::<f64>()
                });
                SingularValues::new(3, 3).of(a.as_ref())[k - 1]
            })
            .collect();
        let found = levels(Cost::regression(target, covariance, 0.0));
        assert_levels(&found, &exact);
    }

    /// Numbers from a computation of the same path with 60 digits.
    #[test]
    fn weighted_levels_are_those_of_multiple_precision() {
        let weights = rows(&[[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]]);
        let found = levels(Cost::Weighted {
            target: target(),
            weights,
        });
        let halves = [
            1.0406385228728188,
            0.570_976_004_092_509_1,
            0.052_807_015_899_311_48,
        ];
        assert_levels(&found, &halves.map(|half| 2.0 * half));
    }

    /// With every entry observed each greedy step is exact from the start (Eckart–Young).
    #[test]
    fn completion_of_a_known_matrix_has_its_singular_values() {
        let exact = SingularValues::new(3, 3).of(target().as_ref()).to_vec();
        let found = levels(Cost::MatrixCompletion {
            target: target(),
            observed: Mat::from_fn(3, 3, |_, _| 1.0),
        });
        assert_levels(&found, &exact);
    }

    /// `T` has rank 2 and 20 of 25 entries are seen, more than its 16 degrees of freedom: where
    /// the cost is 0 the matrix is `T`, and there is no third level.
    #[test]
    fn completion_recovers_a_matrix_of_rank_two() {
        let (x, y) = ([1.3, -0.7, 0.4, 0.9, -1.1], [0.8, 0.5, -1.2, 0.3, 0.7]);
        let (p, q) = ([0.2, 0.6, -0.5, 0.3, 0.4], [-0.4, 0.7, 0.1, 0.6, 0.3]);
        let target = Mat::from_fn(5, 5, |i, j| x[i] * y[j] + p[i] * q[j]);
        let observed = Mat::from_fn(5, 5, |i, j| f64::from(u8::from((i + 2 * j) % 5 > 0)));
        let exact = SingularValues::new(5, 5).of(target.as_ref()).to_vec();
        let found = levels(Cost::MatrixCompletion { target, observed });
        let second = found.of_mode[1].unwrap_or(f64::NAN);
        assert!((second / exact[1] - 1.0).abs() < 1e-9, "{found:?}");
        // Nothing is left to learn, which is not the same as a fit gone astray.
        assert_eq!((found.of_mode[2], found.lost_at), (None, None));
    }
    /// `a_12 + a_22/2 = 1, a_21 = 1, a_22 = 0` is convex in what it sees and solved by
    /// `[[?, 1], [1, 0]]` alone, which has rank 2: with rank 1 the cost falls to 0 only as
    /// `a_22 = a_12 a_21/a_11 → 0`, with `a_11` on its way to infinity.
    #[test]
    fn a_minimum_at_infinity_has_no_level() {
        let found = levels(Cost::MatrixSensing {
            // Columns a_11, a_21, a_12, a_22.
            measurements: rows(&[
                [0.0, 0.0, 1.0, 0.5],
                [0.0, 1.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ]),
            observations: vec![1.0, 1.0, 0.0],
            target: None,
            shape: (2, 2),
        });
        assert_eq!((found.of_mode[0], found.lost_at), (None, Some(1)));
    }
}
