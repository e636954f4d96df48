//! `z(x) = e^{Jx} z(0)`, `J = [[0, Gᵀ], [G, 0]]/s_1`, `x = ln a`: how the ends `z = (w_1, w_L)` of the leading neuron
//! come to `(v_1, u_1)` while its size `a` blows up, and what is orthogonal to them moves along.
//!
//! Close to the blow-up the other neurons move through the leading one alone. What that adds to the part of a
//! neuron in the inputs is along `dw_1`, and since neurons stay orthogonal the part is carried along the path
//! of `w_1/‖w_1‖` without turning (parallel transport); likewise in the outputs. No time goes by.

use crate::linalg::{Mat, product, symmetric_eigen};

/// Distance of the points on the path in units of their place, …
const STRIDE: f64 = 0.02;
/// … beginning at this place, where what is fastest (`e^{−2x}`) has hardly moved.
const FIRST: f64 = 1e-3;
/// Where what is slowest has fallen to 1e-17.
const LAST: f64 = 40.0;

/// `W_1ᵀ` and `W_L`: the leading neuron in their first columns, the others orthogonal to it in the further ones.
pub(super) struct Ends {
    pub inputs: Mat<f64>,
    pub outputs: Mat<f64>,
}

/// The ends when the first columns are along the first unit vectors, for `g = [[top, 0], [0, G_⊥]]`.
pub(super) fn straighten(g: &Mat<f64>, top: f64, mut ends: Ends) -> Option<Ends> {
    let (rows, cols) = (g.nrows(), g.ncols());
    // The layers between the ends join them with the sign with which the neuron grows.
    let joined = (ends.inputs[(0, 0)] * g[(0, 0)] * ends.outputs[(0, 0)]).signum() / top;
    let generator = Mat::from_fn(cols + rows, cols + rows, |i, j| {
        match (i < cols, j < cols) {
            (true, false) => joined * g[(j - cols, i)],
            (false, true) => joined * g[(i - cols, j)],
            _ => 0.0,
        }
    });
    let (values, vectors) = symmetric_eigen(generator.as_ref())?;
    let start = Mat::from_fn(cols + rows, 1, |i, _| match i < cols {
        true => ends.inputs[(i, 0)],
        false => ends.outputs[(i - cols, 0)],
    });
    let parts = product(vectors.transpose(), start.as_ref());
    let slowest = values
        .iter()
        .rev()
        .nth(1)
        .map_or(1.0, |second| 1.0 - second);
    let at = |x: f64| {
        let grown = Mat::from_fn(values.len(), 1, |i, _| {
            ((values[i] - 1.0) * x).exp() * parts[(i, 0)]
        });
        product(vectors.as_ref(), grown.as_ref())
    };
    let mut x = FIRST;
    while x < LAST / slowest {
        let z = at(x);
        carry(&mut ends.inputs, |i| z[(i, 0)]);
        carry(&mut ends.outputs, |i| z[(cols + i, 0)]);
        x *= 1.0 + STRIDE;
    }
    let unit = |i: usize| f64::from(u8::from(i == 0));
    let sign = |m: &Mat<f64>| 1f64.copysign(m[(0, 0)]);
    let (left, right) = (sign(&ends.inputs), sign(&ends.outputs));
    carry(&mut ends.inputs, |i| left * unit(i));
    carry(&mut ends.outputs, |i| right * unit(i));
    Some(ends)
}

/// Turns the columns by the rotation that takes the first one into the direction `to` along the shorter arc, and
/// the plane orthogonal to both into itself.
fn carry(columns: &mut Mat<f64>, to: impl Fn(usize) -> f64) {
    let n = columns.nrows();
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut from: Vec<f64> = (0..n).map(|i| columns[(i, 0)]).collect();
    let mut to: Vec<f64> = (0..n).map(to).collect();
    for x in [&mut from, &mut to] {
        let size = length(x);
        if size == 0.0 || !size.is_finite() {
            return;
        }
        x.iter_mut().for_each(|x| *x /= size);
    }
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let middle: Vec<f64> = from.iter().zip(&to).map(|(x, y)| x + y).collect();
    let half = 1.0 + dot(&from, &to);
    if half <= 0.0 {
        return;
    }
    for j in 0..columns.ncols() {
        let column: Vec<f64> = (0..n).map(|i| columns[(i, j)]).collect();
        let (mean, along) = (dot(&middle, &column) / half, 2.0 * dot(&from, &column));
        for i in 0..n {
            columns[(i, j)] += along * to[i] - mean * middle[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one mode beside the first the path is an arc of a great circle: what is orthogonal to its plane stays,
    /// what is in the plane turns with it.
    #[test]
    fn one_mode_is_carried_along_a_great_circle() {
        let g = Mat::from_fn(3, 3, |i, j| if i == j { [1.0, 0.999, 0.2][i] } else { 0.0 });
        let end = || {
            Mat::from_fn(3, 3, |i, j| {
                [[3.0, -0.4, 0.0], [4.0, 0.3, 0.0], [0.0, 0.0, 0.7]][i][j]
            })
        };
        let ends = Ends {
            inputs: end(),
            outputs: end(),
        };
        let ends = straighten(&g, 1.0, ends).expect("finite");
        let exact = [[5.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.7]];
        for m in [&ends.inputs, &ends.outputs] {
            let exact = Mat::from_fn(3, 3, |i, j| exact[i][j]);
            // Two thousand rotations of a few ulp.
            assert!((m - exact).norm_max() < 1e-12, "{m:?}");
        }
    }
}
