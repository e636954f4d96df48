//! Shapes of a deep linear network `A = W_L … W_1`, `W_l : n_l × n_{l-1}`, and the packing of its
//! weights: layers one after the other, each column-major.

use crate::linalg::{Mat, MatMut, MatRef, add_squares, multiply, view, view_mut, zeros};
use std::ops::Range;

/// The widths `n_0 … n_L`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    widths: Vec<usize>,
    offsets: Vec<usize>,
}

impl Network {
    /// `widths` has at least two entries, all positive.
    pub fn new(widths: Vec<usize>) -> Self {
        assert!(widths.len() >= 2 && widths.iter().all(|&n| n > 0));
        let mut offsets = vec![0];
        for pair in widths.windows(2) {
            offsets.push(offsets[offsets.len() - 1] + pair[0] * pair[1]);
        }
        Self { widths, offsets }
    }

    /// `n_0 … n_L`.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// `L`.
    pub fn depth(&self) -> usize {
        self.widths.len() - 1
    }

    /// `n_0`.
    pub fn input_width(&self) -> usize {
        self.widths[0]
    }

    /// `n_L`.
    pub fn output_width(&self) -> usize {
        self.widths[self.depth()]
    }

    /// Number of singular values of `A`, `min(n_0, n_L)`.
    pub fn modes(&self) -> usize {
        self.input_width().min(self.output_width())
    }

    /// Largest rank that `A` can have.
    pub fn max_rank(&self) -> usize {
        self.widths.iter().copied().min().unwrap_or(0)
    }

    /// Total number of weights.
    pub fn parameters(&self) -> usize {
        self.offsets[self.depth()]
    }

    /// `(n_l, n_{l-1})` of layer `l = 1 … L`.
    pub fn shape(&self, layer: usize) -> (usize, usize) {
        (self.widths[layer], self.widths[layer - 1])
    }

    /// Where layer `l = 1 … L` lies in the packed weights.
    pub fn range(&self, layer: usize) -> Range<usize> {
        self.offsets[layer - 1]..self.offsets[layer]
    }

    /// `W_l`, `l = 1 … L`.
    pub fn layer<'a>(&self, weights: &'a [f64], layer: usize) -> MatRef<'a, f64> {
        let (rows, cols) = self.shape(layer);
        view(&weights[self.range(layer)], rows, cols)
    }

    /// `W_l`, `l = 1 … L`.
    pub fn layer_mut<'a>(&self, weights: &'a mut [f64], layer: usize) -> MatMut<'a, f64> {
        let (rows, cols) = self.shape(layer);
        view_mut(&mut weights[self.range(layer)], rows, cols)
    }

    /// Prefix products `P_l = W_l … W_1 : n_l × n_0` for `l = 1 … L` into `products[l - 1]`; the
    /// last one is `A`.
    pub fn prefix_products(&self, weights: &[f64], products: &mut [Mat<f64>]) {
        products[0].copy_from(self.layer(weights, 1));
        self.upper_products(weights, products);
    }

    /// The same but for `P_1`, which is `W_1` itself; see `prefix`.
    pub fn upper_products(&self, weights: &[f64], products: &mut [Mat<f64>]) {
        for layer in 2..=self.depth() {
            let (done, rest) = products.split_at_mut(layer - 1);
            let (w, p) = (
                self.layer(weights, layer),
                self.prefix(weights, done, layer - 1),
            );
            multiply(rest[0].as_mut(), false, 1.0, w, p);
        }
    }

    /// `P_l` out of `upper_products`.
    pub fn prefix<'a>(
        &self,
        weights: &'a [f64],
        products: &'a [Mat<f64>],
        layer: usize,
    ) -> MatRef<'a, f64> {
        match layer {
            1 => self.layer(weights, 1),
            _ => products[layer - 1].as_ref(),
        }
    }

    /// `A`; allocates.
    pub fn end_to_end(&self, weights: &[f64]) -> Mat<f64> {
        let mut products = self.product_storage();
        self.prefix_products(weights, &mut products);
        products.swap_remove(self.depth() - 1)
    }

    /// Suffix products `W_L … W_{l+1} : n_L × n_l` for `l = 1 … L − 1` into `products[l - 1]`.
    pub fn suffix_products(&self, weights: &[f64], products: &mut [Mat<f64>]) {
        let Some((last, rest)) = products.split_last_mut() else {
            return;
        };
        last.copy_from(self.layer(weights, self.depth()));
        let mut above = last.as_ref();
        for (layer, product) in (2..self.depth()).zip(rest).rev() {
            multiply(
                product.as_mut(),
                false,
                1.0,
                above,
                self.layer(weights, layer),
            );
            above = product.as_ref();
        }
    }

    /// Storage for `suffix_products`.
    pub fn suffix_storage(&self) -> Vec<Mat<f64>> {
        self.widths[1..self.depth()]
            .iter()
            .map(|&cols| zeros(self.output_width(), cols))
            .collect()
    }

    /// `[W_l, W_{l+1}ᵀ] : n_l × (n_{l−1} + n_{l+1})` of hidden layer `l`, a row for each of its neurons. Allocates.
    pub fn stack(&self, weights: &[f64], hidden: usize) -> Mat<f64> {
        let (low, high) = (self.layer(weights, hidden), self.layer(weights, hidden + 1));
        let inputs = low.ncols();
        Mat::from_fn(low.nrows(), inputs + high.nrows(), |i, j| {
            if j < inputs {
                low[(i, j)]
            } else {
                high[(j - inputs, i)]
            }
        })
    }

    /// Places of the hidden neurons among all neurons, layer by layer.
    pub fn hidden_neurons(&self) -> Range<usize> {
        let all: usize = self.widths.iter().sum();
        self.input_width()..all - self.output_width()
    }

    /// Sum of squares of all weights of each neuron, layer by layer, into `squares`, as many as the
    /// widths together.
    pub fn neuron_squares(&self, weights: &[f64], squares: &mut [f64]) {
        squares.fill(0.0);
        let mut rest = squares;
        for layer in 1..=self.depth() {
            let (below, above) = rest.split_at_mut(self.widths[layer - 1]);
            let of_rows = &mut above[..self.widths[layer]];
            add_squares(&weights[self.range(layer)], of_rows, below);
            rest = above;
        }
    }

    /// Storage for `prefix_products`.
    pub fn product_storage(&self) -> Vec<Mat<f64>> {
        self.widths[1..]
            .iter()
            .map(|&rows| zeros(rows, self.input_width()))
            .collect()
    }
}
