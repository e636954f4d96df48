//! A zero of the gradient by Newton's method with steps of least norm.
//!
//! Critical points of a deep linear network are never isolated: `W_{l+1} X⁻¹, X W_l` has the same map,
//! and at a saddle the steps must go up as well as down. The step `−H⁺ ∇` moves along no direction in
//! which the Hessian `H` is flat, so it leads to the critical point next to the start, of any index.

use super::trust_region::minimise;
use crate::flow::LayerFlow;
use crate::integrate::VectorField;
use crate::linalg::{Mat, dot, norm, symmetric_eigen, zeros};
use crate::model::Problem;

/// Weights up to which the Hessian's eigenvectors are affordable.
const DENSE: usize = 400;
const STEPS: usize = 60;
/// Curvature, relative to the largest, below which a direction is flat. A family of critical points bends:
/// next to it its own directions have a little curvature, so that steps along them lead astray, and are
/// taken only where nothing else helps.
const FLAT: [f64; 2] = [1e-8, 1e-12];
/// Gradient, in units of the largest curvature times the weights, at which roundoff takes over …
const ROUNDOFF: f64 = 1e-15;
/// … and above which the point is not critical.
const CRITICAL: f64 = 1e-11;
/// Products with the Hessian that a large problem may take.
const PRODUCTS: usize = 50_000;

/// The critical point of `problem` next to its initial weights; `None` where there is none within
/// reach. Networks of more than [`DENSE`] weights are searched for minima only.
pub(super) fn critical_weights(problem: &Problem) -> Option<Vec<f64>> {
    let start = problem.initial_weights.clone();
    if start.len() > DENSE {
        let flow = LayerFlow::new(problem);
        let mut image = vec![0.0; start.len()];
        flow.jvp(&start, &start, &mut image);
        let scale = 1e-3 * norm(&image).max(f64::MIN_POSITIVE);
        return minimise(problem, start, scale, &mut PRODUCTS.clone());
    }
    let flow = LayerFlow::new(problem);
    let mut at = Point::new(&flow, start);
    for _ in 0..STEPS {
        let curvature = Curvature::at(&flow, &at.weights)?;
        let unit = curvature.steepest * norm(&at.weights);
        if at.slope <= ROUNDOFF * unit {
            return Some(at.weights);
        }
        let steps = FLAT.iter().map(|cut| curvature.least_norm_step(&at, *cut));
        match better(&flow, &at, steps) {
            Some(next) => at = next,
            None => return (at.slope <= CRITICAL * unit).then_some(at.weights),
        }
    }
    None
}

/// The first of the steps that halves the gradient, else the best that lowers it.
fn better(
    flow: &LayerFlow<'_>,
    at: &Point,
    steps: impl Iterator<Item = Vec<f64>>,
) -> Option<Point> {
    let mut best: Option<Point> = None;
    for step in steps {
        if let Some(next) = at.advanced(flow, &step)
            && best.as_ref().is_none_or(|b| next.slope < b.slope)
        {
            best = Some(next);
        }
        if best.as_ref().is_some_and(|b| b.slope < 0.5 * at.slope) {
            break;
        }
    }
    best
}

/// Weights and the descent direction there.
struct Point {
    weights: Vec<f64>,
    descent: Vec<f64>,
    slope: f64,
}

impl Point {
    fn new(flow: &LayerFlow<'_>, weights: Vec<f64>) -> Self {
        let mut descent = vec![0.0; weights.len()];
        flow.eval(&weights, &mut descent);
        Self {
            slope: norm(&descent),
            weights,
            descent,
        }
    }

    /// The largest of the steps `1, ½, ¼, …` times `step` that lowers the gradient.
    fn advanced(&self, flow: &LayerFlow<'_>, step: &[f64]) -> Option<Self> {
        (0..12).find_map(|halvings| {
            let part = 0.5_f64.powi(halvings);
            let pairs = self.weights.iter().zip(step);
            let next = Self::new(flow, pairs.map(|(w, s)| w + part * s).collect());
            (next.slope < self.slope).then_some(next)
        })
    }
}

/// The Hessian's eigenvectors.
struct Curvature {
    values: Vec<f64>,
    vectors: Mat<f64>,
    /// The largest `|μ|`.
    steepest: f64,
}

impl Curvature {
    fn at(flow: &LayerFlow<'_>, weights: &[f64]) -> Option<Self> {
        let (values, vectors) = symmetric_eigen(hessian(flow, weights).as_ref())?;
        Some(Self {
            steepest: values.iter().fold(0.0_f64, |m, v| m.max(v.abs())),
            values,
            vectors,
        })
    }

    /// `−H⁺ ∇`, `H⁺` without the directions whose curvature is below `cut` of the largest.
    fn least_norm_step(&self, at: &Point, cut: f64) -> Vec<f64> {
        let mut step = vec![0.0; at.weights.len()];
        for (value, vector) in self.values.iter().zip(self.vectors.col_iter()) {
            if value.abs() > cut * self.steepest {
                let vector: Vec<f64> = vector.iter().copied().collect();
                let along = dot(&vector, &at.descent) / value;
                step.iter_mut()
                    .zip(&vector)
                    .for_each(|(s, v)| *s += along * v);
            }
        }
        step
    }
}

/// The Hessian of the loss, column by column.
pub(super) fn hessian(flow: &LayerFlow<'_>, weights: &[f64]) -> Mat<f64> {
    let n = weights.len();
    let (mut unit, mut image) = (vec![0.0; n], vec![0.0; n]);
    let mut all = zeros(n, n);
    for j in 0..n {
        unit[j] = 1.0;
        flow.jvp(weights, &unit, &mut image);
        unit[j] = 0.0;
        for (i, x) in image.iter().enumerate() {
            all[(i, j)] = -x;
        }
    }
    all
}
