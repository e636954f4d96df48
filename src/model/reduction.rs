//! Exact reduction of wide layers.
//!
//! A hidden layer touches the flow only through `S = [W_l, W_{l+1}ᵀ] : n_l × (n_{l−1} + n_{l+1})`,
//! and the flow moves each column of `S` within the span of its columns. With `S = O R`,
//! `OᵀO = I`, the flow of the narrower network `R` times `O` is the flow of `S`: the cost of a
//! step no longer depends on `n_l` once it exceeds `n_{l−1} + n_{l+1}`. A neuron whose row of `S` is
//! zero stays zero and is left out first: that mixes no modes of different size, as `O` does.
//!
//! Under squared error many inputs are narrowed in the same way: `dW_1/dt = −Bᵀ(A − T)` moves the rows of `W_1`
//! within their span and that of the rows of `T`, and outside of it `A = T = 0`. So for outputs, with columns.

use super::{Cost, Network, Problem};
use crate::linalg::{Mat, MatRef, SingularValues, multiply, orthonormal_basis, product, svd};

/// Roundings that a weight may carry after two changes of basis.
const ROUNDINGS: f64 = 16.0;

/// Singular value of `A(0)`, relative to the largest, that is roundoff of the product.
const LACKING: f64 = 1e-13;
/// Square of a neuron, relative to the largest, that is not small beside it.
const ALIKE: f64 = 1e-10;

/// Inputs or outputs are narrowed where that leaves at most this part of them.
const WORTH: f64 = 0.5;

/// A problem with narrower layers and the way back.
#[derive(Debug)]
pub struct Reduction {
    /// The narrower problem; its trajectory of `A`, of all norms and of the loss is the same.
    pub problem: Problem,
    wide: Network,
    /// `O_l : n_l × r_l` for the layers that were narrowed, in order; layer 0 are the inputs.
    bases: Vec<(usize, Mat<f64>)>,
}

impl Reduction {
    /// Leaves out neurons that are zero, then narrows every hidden layer wider than its neighbours
    /// together, and those that span fewer directions where `A(0)` lacks rank; `None` when there is nothing to do.
    ///
    /// The narrow neurons are orthogonal and sorted by size.
    pub fn of(problem: &Problem) -> Option<Self> {
        Self::within(problem, true, false)
    }

    /// The same without leaving out neurons that are zero: the flow never moves them, but other motions may.
    pub fn of_wide(problem: &Problem) -> Option<Self> {
        Self::within(problem, false, false)
    }

    /// The same after inputs and outputs were narrowed to what the target and the outer layers span, under squared
    /// error where that is worth it. `A` and `T` lose singular values that are zero, the tangent kernel its part
    /// outside of the spans.
    pub fn with_ends(problem: &Problem) -> Option<Self> {
        Self::within(problem, true, true)
    }

    fn within(problem: &Problem, zeros: bool, ends: bool) -> Option<Self> {
        let mut narrow = problem.clone();
        let mut bases = Vec::new();
        for layer in (1..problem.network.depth()).filter(|_| zeros) {
            if let Some(basis) = drop_zero_neurons(&mut narrow, layer) {
                bases.push((layer, basis));
            }
        }
        if ends {
            for layer in [0, problem.network.depth()] {
                bases.extend(narrow_end(&mut narrow, layer).map(|basis| (layer, basis)));
            }
        }
        let deficient = zeros && lacks_rank(problem);
        for layer in 1..problem.network.depth() {
            let widths = narrow.network.widths();
            if deficient || widths[layer] > widths[layer - 1] + widths[layer + 1] {
                bases.extend(narrow_layer(&mut narrow, layer).map(|basis| (layer, basis)));
            }
        }
        (!bases.is_empty()).then(|| Self {
            problem: narrow,
            wide: problem.network.clone(),
            bases,
        })
    }

    /// Absolute tolerances of the wide problem turned into those of the narrow one: the same
    /// error of a whole layer is spread over fewer entries.
    pub fn tolerances(&self, wide: &[f64]) -> Vec<f64> {
        let narrow = &self.problem.network;
        let mut out = vec![0.0; narrow.parameters()];
        for layer in 1..=narrow.depth() {
            let (from, to) = (self.wide.range(layer), narrow.range(layer));
            let spread = (from.len() as f64 / to.len() as f64).sqrt();
            out[to].fill(wide[from.start] * spread);
        }
        out
    }

    /// Narrow weights back in the user's basis.
    pub fn expand(&self, narrow: &[f64]) -> Vec<f64> {
        let mut network = self.problem.network.clone();
        let mut weights = narrow.to_vec();
        for (layer, basis) in self.bases.iter().rev() {
            let wider = with_width(&network, *layer, basis.nrows());
            let mut out = copy_layers(&network, &weights, &wider, *layer);
            if *layer > 0 {
                let low = network.layer(&weights, *layer);
                let into = wider.layer_mut(&mut out, *layer);
                multiply(into, false, 1.0, basis.as_ref(), low);
            }
            if *layer < network.depth() {
                let high = network.layer(&weights, layer + 1);
                let into = wider.layer_mut(&mut out, layer + 1);
                multiply(into, false, 1.0, high, basis.transpose());
            }
            (network, weights) = (wider, out);
        }
        weights
    }
}

/// Leaves out the neurons of hidden layer `layer` with no weight other than zero, but for one if
/// all are such; returns the unit vectors of the others, `None` when there is nothing to leave out.
fn drop_zero_neurons(problem: &mut Problem, layer: usize) -> Option<Mat<f64>> {
    let network = &problem.network;
    let low = network.layer(&problem.initial_weights, layer);
    let high = network.layer(&problem.initial_weights, layer + 1);
    let is_used =
        |k: &usize| low.row(*k).iter().any(|w| *w != 0.0) || high.col(*k).iter().any(|w| *w != 0.0);
    let mut used: Vec<usize> = (0..low.nrows()).filter(is_used).collect();
    if used.is_empty() {
        used.push(0);
    }
    if used.len() == low.nrows() {
        return None;
    }
    let basis = unit_vectors(low.nrows(), &used);
    let narrower = with_width(network, layer, used.len());
    let mut weights = copy_layers(network, &problem.initial_weights, &narrower, layer);
    let mut w = narrower.layer_mut(&mut weights, layer);
    for (k, &neuron) in used.iter().enumerate() {
        w.as_mut().row_mut(k).copy_from(low.row(neuron));
    }
    let mut w = narrower.layer_mut(&mut weights, layer + 1);
    for (k, &neuron) in used.iter().enumerate() {
        w.as_mut().col_mut(k).copy_from(high.col(neuron));
    }
    (problem.network, problem.initial_weights) = (narrower, weights);
    Some(basis)
}

/// The unit vectors of these of `n` places, as columns.
fn unit_vectors(n: usize, places: &[usize]) -> Mat<f64> {
    Mat::from_fn(n, places.len(), |i, k| f64::from(u8::from(i == places[k])))
}

/// Whether `A(0)` lacks singular values but for roundoff, as where hidden layers span fewer directions than they
/// have: roundoff in the others would grow like modes. Not so where neurons are that small themselves, which may
/// carry a mode each.
fn lacks_rank(problem: &Problem) -> bool {
    let network = &problem.network;
    let a = network.end_to_end(&problem.initial_weights);
    let mut values = SingularValues::new(a.nrows(), a.ncols());
    let values = values.of(a.as_ref());
    let least = network.max_rank().checked_sub(1).map(|k| values[k]);
    let mut squares = vec![0.0; network.widths().iter().sum()];
    network.neuron_squares(&problem.initial_weights, &mut squares);
    let hidden = &squares[network.hidden_neurons()];
    let largest = hidden.iter().copied().fold(0.0, f64::max);
    let are_alike = hidden.iter().all(|s| *s == 0.0 || *s > ALIKE * largest);
    are_alike && least.is_some_and(|least| least <= LACKING * values[0])
}

/// Replaces hidden layer `layer` by its span; returns `O`, `None` where that is the whole layer.
fn narrow_layer(problem: &mut Problem, layer: usize) -> Option<Mat<f64>> {
    let network = &problem.network;
    let (inputs, outputs) = (network.widths()[layer - 1], network.widths()[layer + 1]);
    let stack = network.stack(&problem.initial_weights, layer);
    let (basis, rows) = sorted_span(&stack)?;
    if rows.nrows() >= stack.nrows() {
        return None;
    }
    let narrower = with_width(network, layer, rows.nrows());
    let mut weights = copy_layers(network, &problem.initial_weights, &narrower, layer);
    let below = rows.as_ref().subcols(0, inputs);
    narrower.layer_mut(&mut weights, layer).copy_from(below);
    let above = rows.as_ref().subcols(inputs, outputs).transpose();
    narrower.layer_mut(&mut weights, layer + 1).copy_from(above);
    (problem.network, problem.initial_weights) = (narrower, weights);
    Some(basis)
}

/// Replaces the inputs, layer 0, or the outputs by what the target and the layer beside them span; returns `O`.
fn narrow_end(problem: &mut Problem, layer: usize) -> Option<Mat<f64>> {
    let network = &problem.network;
    let Cost::SquaredError { target } = &problem.cost else {
        return None;
    };
    let (inputs, beside) = (layer == 0, layer.max(1));
    let turned = |m| if inputs { MatRef::transpose(m) } else { m };
    let w = turned(network.layer(&problem.initial_weights, beside));
    let most = (WORTH * w.nrows() as f64) as usize;
    let (basis, own) = plain_span(w, turned(target.as_ref()), most)
        .or_else(|| span_with(w, turned(target.as_ref()), most))?;
    let narrower = with_width(network, layer, basis.ncols());
    let mut weights = copy_layers(network, &problem.initial_weights, &narrower, layer);
    narrower
        .layer_mut(&mut weights, beside)
        .copy_from(turned(own.as_ref()));
    let target = match inputs {
        true => product(target.as_ref(), basis.as_ref()),
        false => product(basis.transpose(), target.as_ref()),
    };
    problem.cost = Cost::SquaredError { target };
    (problem.network, problem.initial_weights) = (narrower, weights);
    Some(basis)
}

/// The unit vectors where a row of `w` or `target` is not zero, and `Oᵀ w`, where these are at most `most`: they mix
/// nothing.
fn plain_span(
    w: MatRef<'_, f64>,
    target: MatRef<'_, f64>,
    most: usize,
) -> Option<(Mat<f64>, Mat<f64>)> {
    let is_used = |m: MatRef<'_, f64>, i: usize| m.row(i).iter().any(|x| *x != 0.0);
    let used: Vec<usize> = (0..w.nrows())
        .filter(|&i| is_used(w, i) || is_used(target, i))
        .collect();
    if used.is_empty() || used.len() > most {
        return None;
    }
    let basis = unit_vectors(w.nrows(), &used);
    let own = Mat::from_fn(used.len(), w.ncols(), |k, j| w[(used[k], j)]);
    Some((basis, own))
}

/// `O` that spans the columns of `w` and of `target`, and `Oᵀ w`, where it has at most `most` columns.
fn span_with(
    w: MatRef<'_, f64>,
    target: MatRef<'_, f64>,
    most: usize,
) -> Option<(Mat<f64>, Mat<f64>)> {
    // The target's decomposition costs more than all that follows.
    if w.ncols() >= most {
        return None;
    }
    let parts = svd(target)?;
    let roundoff = ROUNDINGS * f64::EPSILON * (w.nrows() as f64).sqrt() * parts.s.first()?;
    let rank = parts.s.iter().take_while(|s| **s > roundoff).count();
    if w.ncols() + rank > most {
        return None;
    }
    let stack = Mat::from_fn(w.nrows(), w.ncols() + rank, |i, j| match j < w.ncols() {
        true => w[(i, j)],
        false => parts.u[(i, j - w.ncols())],
    });
    let (basis, rows) = sorted_span(&stack)?;
    Some((basis, rows.subcols(0, w.ncols()).to_owned()))
}

/// `O` and `R` with `S = O R`, `OᵀO = 1`, the rows of `R` orthogonal and the largest first, without those that are
/// roundoff in every column. Layers may differ by many orders of magnitude: each column keeps its own
/// accuracy, since the span is that of columns of length one and `R` is a product with it.
fn sorted_span(stack: &Mat<f64>) -> Option<(Mat<f64>, Mat<f64>)> {
    let lengths: Vec<f64> = stack.col_iter().map(|c| c.norm_l2()).collect();
    let length = |j: usize| if lengths[j] > 0.0 { lengths[j] } else { 1.0 };
    let unit = Mat::from_fn(stack.nrows(), stack.ncols(), |i, j| {
        stack[(i, j)] / length(j)
    });
    let span = orthonormal_basis(unit);
    let inner = product(span.transpose(), stack.as_ref());
    let turn = svd(inner.as_ref())?.u;
    let rows = product(turn.transpose(), inner.as_ref());
    let roundoff = ROUNDINGS * f64::EPSILON * (stack.nrows() as f64).sqrt();
    let counts = |k: &usize| {
        rows.row(*k)
            .iter()
            .enumerate()
            .any(|(j, x)| x.abs() > roundoff * length(j))
    };
    let kept: Vec<usize> = (0..rows.nrows()).filter(|k| *k == 0 || counts(k)).collect();
    let turn = Mat::from_fn(turn.nrows(), kept.len(), |i, k| turn[(i, kept[k])]);
    let rows = Mat::from_fn(kept.len(), rows.ncols(), |k, j| rows[(kept[k], j)]);
    Some((product(span.as_ref(), turn.as_ref()), rows))
}

fn with_width(network: &Network, layer: usize, width: usize) -> Network {
    let mut widths = network.widths().to_vec();
    widths[layer] = width;
    Network::new(widths)
}

/// The weights of all layers that do not touch these `neurons`, those of one layer, in another network.
fn copy_layers(from: &Network, weights: &[f64], to: &Network, neurons: usize) -> Vec<f64> {
    let mut out = vec![0.0; to.parameters()];
    for layer in (1..=from.depth()).filter(|&l| l != neurons && l != neurons + 1) {
        out[to.range(layer)].copy_from_slice(&weights[from.range(layer)]);
    }
    out
}
