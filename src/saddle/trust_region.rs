//! `min C(W_L … W_1) + λ‖θ‖²` by a trust-region Newton method: the step minimises the quadratic model
//! `−⟨d, p⟩ + ½⟨p, H p⟩` over `‖p‖ ≤ radius`, `d = −∇`, by Steihaug's truncated conjugate
//! gradients (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 4.1 and 7.2). Products
//! with the Hessian `H` are exact.

use crate::flow::LayerFlow;
use crate::integrate::VectorField;
use crate::linalg::{dot, norm};
use crate::model::Problem;

const NEWTON_STEPS: usize = 200;
/// Gradient norm, in units of `scale`, at which the fit has settled.
const SETTLED: f64 = 1e-11;
/// The same where roundoff stops the fit.
const ROUNDOFF: f64 = 1e-7;
/// Decrease, relative to the loss, that roundoff hides.
const HIDDEN: f64 = 1e-13;
/// Weights this much larger than at the start are on their way to infinity.
const FARTHEST: f64 = 1e4;

/// Weights with the loss and the descent direction there.
struct Place {
    weights: Vec<f64>,
    loss: f64,
    descent: Vec<f64>,
}

impl Place {
    fn new(problem: &Problem, flow: &LayerFlow<'_>, weights: Vec<f64>) -> Self {
        let mut descent = vec![0.0; weights.len()];
        flow.eval(&weights, &mut descent);
        let loss = loss_at(problem, &weights);
        Self {
            weights,
            loss,
            descent,
        }
    }

    fn moved(&self, problem: &Problem, flow: &LayerFlow<'_>, step: &[f64]) -> Self {
        let weights = self.weights.iter().zip(step).map(|(w, p)| w + p).collect();
        Self::new(problem, flow, weights)
    }

    fn slope(&self) -> f64 {
        norm(&self.descent)
    }
}

/// Minimises the loss over the weights. `scale` is a gradient norm that counts as large;
/// `products` is how many products with the Hessian there may still be. `None` when the fit does
/// not settle within them or goes to infinity.
pub fn minimise(
    problem: &Problem,
    start: Vec<f64>,
    scale: f64,
    products: &mut usize,
) -> Option<Vec<f64>> {
    let flow = LayerFlow::new(problem);
    let mut radius = norm(&start);
    let limit = FARTHEST * radius;
    let mut at = Place::new(problem, &flow, start);
    for _ in 0..NEWTON_STEPS {
        let slope = at.slope();
        if slope <= SETTLED * scale {
            return Some(at.weights);
        }
        let step = truncated_cg(&flow, &at, radius, scale, products)?;
        let trial = at.moved(problem, &flow, &step.by);
        let ratio = (at.loss - trial.loss) / step.promised;
        // Close to the minimum the decrease drowns in roundoff and the gradient has to judge.
        let drowned = step.promised <= HIDDEN * at.loss;
        let better = trial.slope() < slope;
        if drowned && !better {
            return (slope <= ROUNDOFF * scale).then_some(at.weights);
        }
        if !drowned {
            radius = next_radius(radius, ratio, norm(&step.by));
        }
        if if drowned { better } else { ratio > 0.1 } {
            at = trial;
        }
        let size = norm(&at.weights);
        if !(size <= limit && radius >= 1e-14 * size) {
            return None;
        }
    }
    None
}

fn next_radius(radius: f64, ratio: f64, length: f64) -> f64 {
    // A ratio that is not a number is a bad step too.
    if ratio > 0.75 && length > 0.9 * radius {
        2.0 * radius
    } else if ratio >= 0.25 {
        radius
    } else {
        0.25 * length
    }
}

fn loss_at(problem: &Problem, weights: &[f64]) -> f64 {
    let a = problem.network.end_to_end(weights);
    problem.cost.value(a.as_ref()) + problem.l2 * dot(weights, weights)
}

/// A step and the decrease that the quadratic model promises.
struct Step {
    by: Vec<f64>,
    promised: f64,
}

/// Conjugate gradients on `H p = d` inside the radius, out to its edge along negative curvature.
fn truncated_cg(
    flow: &LayerFlow<'_>,
    at: &Place,
    radius: f64,
    scale: f64,
    products: &mut usize,
) -> Option<Step> {
    let n = at.descent.len();
    let (mut p, mut r) = (vec![0.0; n], at.descent.clone());
    let (mut d, mut image) = (r.clone(), vec![0.0; n]);
    let mut rr = dot(&r, &r);
    // The closer to the minimum, the more of the gradient a step removes; but never so much that
    // rotations of the hidden layer, to which the gradient is orthogonal, would come in.
    let goal = rr * (rr.sqrt() / scale).clamp(1e-4, 1e-2).powi(2);
    let (mut promised, mut steepest) = (0.0, 0.0_f64);
    for _ in 0..2 * n {
        *products = products.checked_sub(1)?;
        flow.jvp(&at.weights, &d, &mut image);
        let (curvature, dd) = (-dot(&d, &image), dot(&d, &d));
        steepest = steepest.max(curvature.abs() / dd);
        if curvature.abs() <= 1e-12 * steepest * dd {
            break; // a rotation of the hidden layer: nothing to gain
        }
        let to_edge = edge(&p, &d, radius);
        let length = rr / curvature;
        let leaves = curvature < 0.0 || length >= to_edge;
        let length = if leaves { to_edge } else { length };
        promised += length * dot(&r, &d) - 0.5 * length * length * curvature;
        add(&mut p, length, &d);
        add(&mut r, length, &image);
        let next = dot(&r, &r);
        if leaves || next <= goal {
            break;
        }
        for (d, r) in d.iter_mut().zip(&r) {
            *d = r + next / rr * *d;
        }
        rr = next;
    }
    Some(Step { by: p, promised })
}

/// `x += a y`.
fn add(x: &mut [f64], a: f64, y: &[f64]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += a * y;
    }
}

/// The positive `τ` with `‖p + τ d‖ = radius`.
fn edge(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    (root - b) / a
}
