//! `A_k = argmin { C(A) : rank A ≤ k }` near `A_{k−1} + s u vᵀ`, `(u, v)` the top singular pair of
//! `−∇C(A_{k−1})`, `A_0 = 0`: the greedy path of Jacot et al. (2021) and Li, Luo & Lyu (2021).
//!
//! The fit works on `A = W_2 W_1` with `k` hidden neurons by a trust-region Newton method whose
//! inner solver (Steihaug's truncated conjugate gradients) uses exact Hessian–vector products.

use crate::flow::LayerFlow;
use crate::integrate::VectorField;
use crate::linalg::{Mat, MatRef, SingularValues, dot, norm, svd};
use crate::model::{Cost, Network, Problem};

/// `σ_k` of the next saddle, where the greedy fit settled.
pub type SaddleLevel = Option<f64>;

/// Modes watched when a scenario names none and the levels are not the target's own.
const DEFAULT_MODES: usize = 10;
const NEWTON_STEPS: usize = 200;
/// Gradient norm, relative to that of the start, at which the fit has settled.
const SETTLED: f64 = 1e-11;
/// The same where roundoff stops the fit.
const ROUNDOFF: f64 = 1e-7;
/// Cost, relative to that of `A = 0`, below which nothing is left to learn.
const LEARNED: f64 = 1e-20;

/// The level that `σ_k` has at the saddle it escapes to, `k = 1, 2, …`: the target's `σ_k` for
/// squared error, `σ_k(A_k)` of the greedy path for other costs. `None` where mode `k` has
/// nothing to learn or the fit does not settle (a critical point at infinity).
pub fn saddle_levels(problem: &Problem) -> Vec<SaddleLevel> {
    let modes = problem.network.modes();
    let rank = problem.network.max_rank();
    let mut levels = vec![None; modes];
    if let Cost::SquaredError { target } = &problem.cost {
        let values = svd(target.as_ref()).map_or(Vec::new(), |t| t.s);
        let floor = values.first().map_or(0.0, |s| s * 1e-14);
        for (level, &s) in levels.iter_mut().zip(&values).take(rank) {
            *level = (s > floor).then_some(s);
        }
        return levels;
    }
    let (rows, cols) = problem.cost.shape();
    let mut path = Path::new(&problem.cost);
    let mut values = SingularValues::new(rows, cols);
    for (k, level) in levels.iter_mut().enumerate().take(rank.min(DEFAULT_MODES)) {
        match path.next_saddle(k + 1) {
            Some(a) => *level = Some(values.of(a.as_ref())[k]),
            None => break,
        }
    }
    levels
}

/// The greedy path up to some rank.
struct Path<'a> {
    cost: &'a Cost,
    /// Columns `u_i √s_i` and `v_i √s_i` of the current `A_k = Σ s_i u_i v_iᵀ`.
    left: Vec<Vec<f64>>,
    right: Vec<Vec<f64>>,
    at: Mat<f64>,
    cost_at_zero: f64,
}

impl<'a> Path<'a> {
    fn new(cost: &'a Cost) -> Self {
        let (rows, cols) = cost.shape();
        let at = Mat::zeros(rows, cols);
        let mut gradient = Mat::zeros(rows, cols);
        let cost_at_zero = cost.gradient(at.as_ref(), gradient.as_mut(), &mut cost.scratch());
        Self {
            cost,
            left: Vec::new(),
            right: Vec::new(),
            at,
            cost_at_zero,
        }
    }

    /// Goes on to `A_rank`; `None` when the path ends or does not settle.
    fn next_saddle(&mut self, rank: usize) -> Option<&Mat<f64>> {
        self.add_direction()?;
        let (problem, start) = self.fit(rank);
        let fitted = minimise(&problem, start)?;
        let mut products = problem.network.product_storage();
        problem.network.prefix_products(&fitted, &mut products);
        self.at = products.pop()?;
        let decomposition = svd(self.at.as_ref())?;
        (self.left, self.right) = (
            scaled_columns(&decomposition.u, &decomposition.s, rank),
            scaled_columns(&decomposition.v, &decomposition.s, rank),
        );
        Some(&self.at)
    }

    /// Appends the top singular pair of `−∇C`, scaled to the best fit along `u vᵀ`.
    fn add_direction(&mut self) -> Option<()> {
        let (rows, cols) = self.cost.shape();
        let (mut gradient, mut image) = (Mat::zeros(rows, cols), Mat::zeros(rows, cols));
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
        self.cost
            .curvature(pair.as_ref(), image.as_mut(), &mut scratch);
        let bend = inner(pair.as_ref(), image.as_ref());
        if !(g.s[0] > 0.0 && bend > 0.0) {
            return None;
        }
        let root = (g.s[0] / bend).sqrt();
        self.left.push(u.iter().map(|x| -x * root).collect());
        self.right.push(v.iter().map(|x| x * root).collect());
        Some(())
    }

    /// The two-layer problem of width `rank`, started at the current factors.
    fn fit(&self, rank: usize) -> (Problem, Vec<f64>) {
        let (rows, cols) = self.cost.shape();
        let network = Network::new(vec![cols, rank, rows]);
        let mut start = vec![0.0; network.parameters()];
        let mut w1 = network.layer_mut(&mut start, 1);
        for (k, v) in self.right.iter().enumerate() {
            v.iter().enumerate().for_each(|(j, &x)| w1[(k, j)] = x);
        }
        let mut w2 = network.layer_mut(&mut start, 2);
        for (k, u) in self.left.iter().enumerate() {
            u.iter().enumerate().for_each(|(i, &x)| w2[(i, k)] = x);
        }
        let problem = Problem {
            network,
            cost: self.cost.clone(),
            l2: 0.0,
            initial_weights: start.clone(),
        };
        (problem, start)
    }
}

fn scaled_columns(vectors: &Mat<f64>, values: &[f64], count: usize) -> Vec<Vec<f64>> {
    (0..count)
        .map(|k| {
            let root = values[k].sqrt();
            vectors.col(k).iter().map(|x| x * root).collect()
        })
        .collect()
}

/// `⟨A, B⟩ = Σ a_ij b_ij`.
fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    a.col_iter()
        .zip(b.col_iter())
        .map(|(x, y)| x.iter().zip(y.iter()).map(|(p, q)| p * q).sum::<f64>())
        .sum()
}

/// Minimises the cost over the weights by trust-region Newton–CG; `None` when it does not settle.
fn minimise(problem: &Problem, mut w: Vec<f64>) -> Option<Vec<f64>> {
    let flow = LayerFlow::new(problem);
    let mut descent = vec![0.0; w.len()];
    flow.eval(&w, &mut descent);
    let start = norm(&descent);
    let mut radius = norm(&w);
    let limit = 1e4 * radius;
    let mut value = value_at(problem, &w);
    for _ in 0..NEWTON_STEPS {
        let slope = norm(&descent);
        if slope <= SETTLED * start {
            return Some(w);
        }
        let (step, predicted) = truncated_cg(&flow, &w, &descent, radius);
        let mut trial: Vec<f64> = w.iter().zip(&step).map(|(a, b)| a + b).collect();
        let trial_value = value_at(problem, &trial);
        let ratio = (value - trial_value) / predicted;
        let mut trial_descent = vec![0.0; w.len()];
        flow.eval(&trial, &mut trial_descent);
        // Close to the minimum the decrease drowns in roundoff and the gradient has to judge.
        let drowned = predicted <= 1e-13 * value;
        let better = norm(&trial_descent) < slope;
        if drowned && !better {
            return (slope <= ROUNDOFF * start).then_some(w);
        }
        if if drowned { better } else { ratio > 0.1 } {
            std::mem::swap(&mut w, &mut trial);
            (descent, value) = (trial_descent, trial_value);
        }
        let length = norm(&step);
        if ratio < 0.25 && !drowned {
            radius = 0.25 * length;
        } else if ratio > 0.75 && length > 0.9 * radius {
            radius *= 2.0;
        }
        if norm(&w) > limit || radius < 1e-14 * norm(&w) {
            return None;
        }
    }
    None
}

fn value_at(problem: &Problem, w: &[f64]) -> f64 {
    let mut products = problem.network.product_storage();
    problem.network.prefix_products(w, &mut products);
    let a = products[problem.network.depth() - 1].as_ref();
    let mut gradient = Mat::zeros(a.nrows(), a.ncols());
    problem
        .cost
        .gradient(a, gradient.as_mut(), &mut problem.cost.scratch())
}

/// Steihaug: CG on `H p = −g` inside the radius, out to its edge along negative curvature.
/// Returns the step and the decrease that the quadratic model promises.
fn truncated_cg(flow: &LayerFlow<'_>, w: &[f64], descent: &[f64], radius: f64) -> (Vec<f64>, f64) {
    let n = w.len();
    let (mut p, mut r) = (vec![0.0; n], descent.to_vec());
    let mut d = r.clone();
    let mut image = vec![0.0; n];
    let mut rr = dot(&r, &r);
    let goal = rr * (1e-2_f64).min(rr.sqrt()).powi(2);
    let (mut predicted, mut steepest) = (0.0, 0.0_f64);
    for _ in 0..2 * n {
        flow.jvp(w, &d, &mut image);
        let curvature = -dot(&d, &image);
        steepest = steepest.max(curvature.abs() / dot(&d, &d));
        let flat = 1e-12 * steepest * dot(&d, &d);
        if curvature.abs() <= flat {
            break; // a rotation of the hidden layer: nothing to gain
        }
        let to_edge = edge(&p, &d, radius);
        let step = rr / curvature;
        let leaves = curvature < 0.0 || step >= to_edge;
        let step = if leaves { to_edge } else { step };
        predicted += step * dot(&r, &d) - 0.5 * step * step * curvature;
        for i in 0..n {
            p[i] += step * d[i];
            r[i] += step * image[i];
        }
        let next = dot(&r, &r);
        if leaves || next <= goal {
            break;
        }
        for (d, r) in d.iter_mut().zip(&r) {
            *d = r + next / rr * *d;
        }
        rr = next;
    }
    (p, predicted)
}

/// The positive `τ` with `‖p + τ d‖ = radius`.
fn edge(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    (root - b) / a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a covariance `Σ = R²` the rank-k minima are `[T R]_k R^{−1}` (Eckart–Young); here `R`
    /// is diagonal.
    #[test]
    fn regression_levels_are_those_of_eckart_young() {
        let target = Mat::from_fn(3, 3, |i, j| {
            [[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]][i][j]
        });
        let r = [1.0, 0.5, 2.0];
        let covariance = Mat::from_fn(3, 3, |i, j| if i == j { r[i] * r[i] } else { 0.0 });
        let scaled = Mat::from_fn(3, 3, |i, j| target[(i, j)] * r[j]);
        let Some(basis) = svd(scaled.as_ref()) else {
            panic!("finite matrix")
        };
        let network = Network::new(vec![3, 5, 5, 3]);
        let initial_weights = vec![0.0; network.parameters()];
        let cost = Cost::Regression {
            target,
            covariance,
            floor: 0.0,
        };
        let problem = Problem {
            network,
            cost,
            l2: 0.0,
            initial_weights,
        };
        let levels = saddle_levels(&problem);
        for k in 1..=3 {
            let a = Mat::from_fn(3, 3, |i, j| {
                (0..k)
                    .map(|m| basis.u[(i, m)] * basis.s[m] * basis.v[(j, m)] / r[j])
                    .sum::<f64>()
            });
            let exact = SingularValues::new(3, 3).of(a.as_ref())[k - 1];
            // The fit stops at a relative gradient of 1e-11; the cost's condition number is 16.
            let found = levels[k - 1].unwrap_or(f64::NAN);
            assert!(
                (found / exact - 1.0).abs() < 1e-9,
                "{k}: {found} against {exact}"
            );
        }
    }
}
