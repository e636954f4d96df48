//! The tangent kernel of the end-to-end map, `K = G Gᵀ` with `G = dA/dθ`, as its Kronecker terms:
//!
//! `K = Σ_l (R_lᵀ R_l) ⊗ (L_l L_lᵀ)`, `L_l = W_L … W_{l+1}`, `R_l = W_{l−1} … W_1`.
//!
//! The terms do not change under rotations of hidden layers. Norm and products need the terms only,
//! `⟨A ⊗ B, C ⊗ D⟩ = ⟨A, C⟩⟨B, D⟩`: nothing larger than `n_0 × n_0` or `n_L × n_L` is formed.

use super::Network;
use crate::linalg::{Mat, MatRef, frobenius, inner, multiply, product, zeros};

/// `K` at one point.
#[derive(Debug, Clone)]
pub struct TangentKernel {
    terms: Vec<KernelTerm>,
}

/// `right ⊗ left`.
#[derive(Debug, Clone)]
pub struct KernelTerm {
    /// `L_l L_lᵀ : n_L × n_L`.
    pub left: Mat<f64>,
    /// `R_lᵀ R_l : n_0 × n_0`.
    pub right: Mat<f64>,
}

impl TangentKernel {
    /// At `weights`.
    pub fn of(network: &Network, weights: &[f64]) -> Self {
        let mut prefix = network.product_storage();
        let mut suffix = network.suffix_storage();
        network.prefix_products(weights, &mut prefix);
        network.suffix_products(weights, &mut suffix);
        Self::from_products(network, &prefix, &suffix)
    }

    /// From the prefix and suffix products.
    pub fn from_products(network: &Network, prefix: &[Mat<f64>], suffix: &[Mat<f64>]) -> Self {
        let term = |layer: usize| KernelTerm {
            left: suffix_gram(network, suffix, layer),
            right: prefix_gram(network, prefix, layer),
        };
        let terms = (1..=network.depth()).rev().map(term).collect();
        Self { terms }
    }

    /// The terms of the layers `L … 1`.
    pub fn terms(&self) -> &[KernelTerm] {
        &self.terms
    }

    /// The terms of the layers `L … 1`.
    pub fn into_terms(self) -> Vec<KernelTerm> {
        self.terms
    }

    /// `‖K‖_F`.
    pub fn norm(&self) -> f64 {
        let sizes: Vec<f64> = self.terms.iter().map(KernelTerm::size).collect();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 || !largest.is_finite() {
            return largest;
        }
        let mut square = 0.0;
        for (a, &size_a) in self.terms.iter().zip(&sizes) {
            for (b, &size_b) in self.terms.iter().zip(&sizes) {
                square += (size_a / largest) * (size_b / largest) * a.cosine(b);
            }
        }
        largest * square.sqrt()
    }

    /// Kernel–target alignment `⟨K, y yᵀ⟩ / (‖K‖_F ‖y‖²)`, `y = vec(target)`, of Cristianini et al.
    /// (2001) and Atanasov, Bordelon & Pehlevan (2022). `None` where it is 0/0.
    pub fn alignment(&self, target: MatRef<'_, f64>) -> Option<f64> {
        let (norm, length) = (self.norm(), frobenius(target));
        if !(norm > 0.0 && length > 0.0) {
            return None;
        }
        let unit = Mat::from_fn(target.nrows(), target.ncols(), |i, j| {
            target[(i, j)] / length
        });
        let forms = self.terms.iter().map(|term| term.form(&unit) / norm);
        Some(forms.sum())
    }
}

impl KernelTerm {
    fn size(&self) -> f64 {
        frobenius(self.left.as_ref()) * frobenius(self.right.as_ref())
    }

    /// `⟨K_a, K_b⟩ / (‖K_a‖‖K_b‖)`, 0 where one is zero.
    fn cosine(&self, other: &Self) -> f64 {
        cosine(&self.left, &other.left) * cosine(&self.right, &other.right)
    }

    /// `⟨Y, left Y right⟩`.
    fn form(&self, y: &Mat<f64>) -> f64 {
        let half = product(self.left.as_ref(), y.as_ref());
        inner(
            y.as_ref(),
            product(half.as_ref(), self.right.as_ref()).as_ref(),
        )
    }
}

fn cosine(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let (of_a, of_b) = (frobenius(a.as_ref()), frobenius(b.as_ref()));
    if of_a == 0.0 || of_b == 0.0 {
        return 0.0;
    }
    let entries = a.col_iter().flat_map(|c| c.iter());
    let others = b.col_iter().flat_map(|c| c.iter());
    entries
        .zip(others)
        .map(|(x, y)| (x / of_a) * (y / of_b))
        .sum()
}

/// `L_l L_lᵀ`.
fn suffix_gram(network: &Network, suffix: &[Mat<f64>], layer: usize) -> Mat<f64> {
    let n = network.output_width();
    match suffix.get(layer - 1) {
        Some(l) => product(l.as_ref(), l.transpose()),
        None => Mat::identity(n, n),
    }
}

/// `R_lᵀ R_l`.
fn prefix_gram(network: &Network, prefix: &[Mat<f64>], layer: usize) -> Mat<f64> {
    let n = network.input_width();
    if layer == 1 {
        return Mat::identity(n, n);
    }
    let r = &prefix[layer - 2];
    let mut gram = zeros(n, n);
    multiply(gram.as_mut(), false, 1.0, r.transpose(), r.as_ref());
    gram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::to_vec;

    /// `A` is linear in each single weight: the columns of `G` are exact differences.
    fn jacobian(network: &Network, weights: &[f64]) -> Mat<f64> {
        let at = |weights: &[f64]| to_vec(network.end_to_end(weights).as_ref());
        let base = at(weights);
        let column = |k: usize| {
            let mut moved = weights.to_vec();
            moved[k] += 1.0;
            at(&moved)
        };
        let columns: Vec<Vec<f64>> = (0..weights.len()).map(column).collect();
        Mat::from_fn(base.len(), columns.len(), |i, k| columns[k][i] - base[i])
    }

    fn generic(network: &Network) -> Vec<f64> {
        let weights = 0..network.parameters();
        weights.map(|i| (1.7 * i as f64 + 0.3).sin()).collect()
    }

    #[test]
    fn norm_and_alignment_are_those_of_the_formed_kernel() {
        for widths in [vec![2, 3], vec![3, 4, 2], vec![2, 3, 5, 3]] {
            let network = Network::new(widths);
            let weights = generic(&network);
            let g = jacobian(&network, &weights);
            let dense = &g * g.transpose();
            let kernel = TangentKernel::of(&network, &weights);
            assert!((kernel.norm() / dense.norm_l2() - 1.0).abs() < 1e-13);
            let (rows, cols) = (network.output_width(), network.input_width());
            let target = Mat::from_fn(rows, cols, |i, j| 1.0 + i as f64 - 0.7 * j as f64);
            let y = crate::linalg::to_vec(target.as_ref());
            let mut form = 0.0;
            for a in 0..y.len() {
                for b in 0..y.len() {
                    form += y[a] * dense[(a, b)] * y[b];
                }
            }
            let exact = form / (dense.norm_l2() * target.norm_l2().powi(2));
            let found = kernel.alignment(target.as_ref()).expect("not zero");
            assert!((found / exact - 1.0).abs() < 1e-13);
        }
    }

    #[test]
    fn tiny_weights_keep_their_digits() {
        let network = Network::new(vec![3, 4, 2]);
        let weights = generic(&network);
        let tiny: Vec<f64> = weights.iter().map(|w| 1e-120 * w).collect();
        let (large, small) = (
            TangentKernel::of(&network, &weights),
            TangentKernel::of(&network, &tiny),
        );
        assert!((small.norm() / large.norm() / 1e-240 - 1.0).abs() < 1e-12);
        let target: Mat<f64> = Mat::identity(2, 3);
        let alignments = [large, small].map(|k| k.alignment(target.as_ref()).expect("not zero"));
        assert!((alignments[0] - alignments[1]).abs() < 1e-13);
        let none = TangentKernel::of(&network, &vec![0.0; network.parameters()]);
        assert_eq!((none.norm(), none.alignment(target.as_ref())), (0.0, None));
    }
}
