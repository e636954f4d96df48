//! The weights that join waiting modes to escaped ones, as functions of the waiting weights.
//!
//! In hidden bases in which the escaped modes come first, and singular bases of the saddle at the ends,
//! `W_l = [[A_l, B_l], [C_l, D_l]]`. The flow keeps `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ`, of which `M_l` be the block
//! between escaped and waiting neurons of hidden layer `l`. In a frame in which the neurons stay orthogonal,
//! `A_{l+1}ᵀ B_{l+1} + C_{l+1}ᵀ D_{l+1} = M_l/2 = −(A_l C_lᵀ + B_l D_lᵀ)`, so that
//!
//! `B_{l+1} = A_{l+1}⁻ᵀ (M_l/2 − C_{l+1}ᵀ D_{l+1})`,  `C_lᵀ = −A_l⁻¹ (M_l/2 + B_l D_lᵀ)`,
//!
//! and `B_1`, `C_L` are what keeps `A` block-diagonal, as the cost does once the escaped modes have
//! settled. With `D ~ α` and `M ~ α²` the paths `C_{l+j} A … A B_l` change the motion of the waiting modes by
//! `α^{6−L}`, or `α³` if `L = 3`; the rotation of the frame and the lag of `B_1`, `C_L` by `α⁴`, which is
//! neglected.

use crate::linalg::{Mat, MatRef, multiply, norm, product, svd, zeros};
use crate::model::Network;
use std::cell::RefCell;

/// Most rounds of iteration; they are as many only where `D` is nearly as large as `A`, and not felt.
const MOST_ROUNDS: usize = 12;

/// What the joining weights are made of.
#[derive(Debug)]
pub(super) struct Joints {
    network: Network,
    /// Widths `n_l − k`.
    inner: Network,
    rank: usize,
    /// `A_l : k × k` and `A_l⁻¹`.
    escaped: Vec<Mat<f64>>,
    inverse: Vec<Mat<f64>>,
    /// `(A_L … A_2)⁻¹` and `(A_{L−1} … A_1)⁻¹`.
    above: Mat<f64>,
    below: Mat<f64>,
    /// `M_l/2 : k × (n_l − k)`.
    halves: Vec<Mat<f64>>,
    /// `max ‖A_l⁻¹‖`.
    largest_inverse: f64,
    /// At the start of the wait.
    start: Blocks,
    scratch: RefCell<Option<Scratch>>,
}

/// `B_l : k × (n_{l−1} − k)` and `C_lᵀ : k × (n_l − k)`.
#[derive(Debug, Clone)]
struct Blocks {
    b: Vec<Mat<f64>>,
    c: Vec<Mat<f64>>,
}

/// Storage for the weights of all layers with their joints.
#[derive(Debug)]
pub(super) struct Scratch {
    blocks: Blocks,
    /// `W_l` in the singular bases, packed.
    pub weights: Vec<f64>,
    pub products: Vec<Mat<f64>>,
    sides: Vec<Mat<f64>>,
}

impl Joints {
    /// From `A_l` at a saddle of rank `rank`, the waiting weights `part` and `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ`;
    /// `None` when some `A_l` is singular or the joints are not finite.
    pub fn new(
        (network, inner): (&Network, &Network),
        escaped: Vec<Mat<f64>>,
        part: &[f64],
        imbalances: &[Mat<f64>],
    ) -> Option<Self> {
        let (rank, depth) = (escaped[0].nrows(), network.depth());
        let inverses = escaped.iter().map(|a| inverse(a.as_ref()));
        let inverse = inverses.collect::<Option<Vec<_>>>()?;
        let chain = |layers: &[Mat<f64>]| {
            let one = Mat::identity(rank, rank);
            let next = |all: Mat<f64>, m: &Mat<f64>| product(all.as_ref(), m.as_ref());
            layers.iter().fold(one, next)
        };
        let zeros = |n: usize| zeros(rank, n);
        let widths = inner.widths();
        let half =
            |m: &Mat<f64>| Mat::from_fn(rank, m.ncols() - rank, |i, j| 0.5 * m[(i, rank + j)]);
        let norms = inverse.iter().map(|m| m.norm_l2());
        let mut joints = Self {
            largest_inverse: norms.fold(0.0, f64::max),
            scratch: RefCell::new(None),
            above: chain(&inverse[1..]),
            below: chain(&inverse[..depth - 1]),
            network: network.clone(),
            inner: inner.clone(),
            rank,
            escaped,
            inverse,
            halves: imbalances.iter().map(half).collect(),
            start: Blocks {
                b: widths[..depth].iter().map(|&n| zeros(n)).collect(),
                c: widths[1..].iter().map(|&n| zeros(n)).collect(),
            },
        };
        let mut scratch = joints.scratch();
        joints.iterate(part, &mut scratch);
        joints.start = scratch.blocks.clone();
        joints.scratch = RefCell::new(Some(scratch));
        joints.are_finite().then_some(joints)
    }

    pub fn scratch(&self) -> Scratch {
        let hidden = &self.inner.widths()[1..self.inner.depth()];
        Scratch {
            blocks: self.start.clone(),
            weights: vec![0.0; self.network.parameters()],
            products: self.network.product_storage(),
            sides: hidden.iter().map(|&n| zeros(self.rank, n)).collect(),
        }
    }

    /// Relative size of what is neglected, `‖B_l‖²/‖A_l⁻¹‖⁻²` at most, likewise `C_l`.
    pub fn neglected(&self) -> f64 {
        let ratio = |(m, inverse): (&Mat<f64>, &Mat<f64>)| m.norm_l2() * inverse.norm_l2();
        let blocks = self.start.b.iter().zip(&self.inverse);
        let blocks = blocks.chain(self.start.c.iter().zip(&self.inverse));
        blocks.map(ratio).fold(0.0, f64::max).powi(2)
    }

    fn are_finite(&self) -> bool {
        let blocks = self.start.b.iter().chain(&self.start.c);
        blocks.map(|m| m.norm_max()).all(f64::is_finite)
    }

    /// All weights at the waiting weights `part`, in the singular bases.
    pub fn joined(&self, part: &[f64]) -> Vec<f64> {
        let mut kept = self.scratch.borrow_mut();
        let scratch = kept.get_or_insert_with(|| self.scratch());
        self.iterate(part, scratch);
        self.place(part, 0.0, scratch);
        scratch.weights.clone()
    }

    /// All weights at the waiting weights `e^s ω`, in the singular bases and in units in which the waiting
    /// ones are `ω`: layer `l` is `T_l W_l T_{l−1}⁻¹` with `T_l = diag(1, e^{−ls})`, which products keep.
    pub fn scaled(&self, omega: &[f64], log_size: f64, scratch: &mut Scratch, part: &mut [f64]) {
        let size = log_size.exp();
        for (d, x) in part.iter_mut().zip(omega) {
            *d = size * x;
        }
        self.iterate(part, scratch);
        self.place(omega, log_size, scratch);
    }

    /// From the start of the wait on.
    fn iterate(&self, part: &[f64], scratch: &mut Scratch) {
        let Blocks { b, c } = &mut scratch.blocks;
        for (now, start) in b.iter_mut().zip(&self.start.b) {
            now.copy_from(start);
        }
        for (now, start) in c.iter_mut().zip(&self.start.c) {
            now.copy_from(start);
        }
        for _ in 0..self.rounds(part) {
            self.balance(part, scratch);
            self.place(part, 0.0, scratch);
            self.settle(scratch);
        }
    }

    /// Rounds to roundoff: the error falls by `‖A⁻¹‖ ‖D‖` in each, and `B_1` and `C_L` come one round later
    /// where they are felt in the others.
    fn rounds(&self, part: &[f64]) -> usize {
        let factor = self.largest_inverse * norm(part);
        let rounds = if factor < 1.0 {
            (f64::EPSILON.ln() / factor.ln()).ceil()
        } else {
            f64::INFINITY
        };
        let rounds = (rounds as usize).clamp(1, MOST_ROUNDS - 1);
        rounds + usize::from(rounds > 1)
    }

    /// `B_{l+1}` and `C_l` from the imbalance of layer `l`.
    fn balance(&self, part: &[f64], scratch: &mut Scratch) {
        let Blocks { b, c } = &mut scratch.blocks;
        for (hidden, (half, side)) in self.halves.iter().zip(&mut scratch.sides).enumerate() {
            let next = hidden + 1;
            side.copy_from(half);
            let d = self.inner.layer(part, next + 1);
            multiply(side.as_mut(), true, -1.0, c[next].as_ref(), d);
            let inverse = self.inverse[next].transpose();
            multiply(b[next].as_mut(), false, 1.0, inverse, side.as_ref());
            side.copy_from(half);
            let d = self.inner.layer(part, next).transpose();
            multiply(side.as_mut(), true, 1.0, b[hidden].as_ref(), d);
            let inverse = self.inverse[hidden].as_ref();
            multiply(c[hidden].as_mut(), false, -1.0, inverse, side.as_ref());
        }
    }

    /// `B_1` and `C_L` from the blocks of `A` that are to vanish.
    fn settle(&self, scratch: &mut Scratch) {
        let (k, net, depth) = (self.rank, &self.network, self.network.depth());
        net.prefix_products(&scratch.weights, &mut scratch.products);
        let a = scratch.products[depth - 1].as_ref();
        let right = a.submatrix(0, k, k, a.ncols() - k);
        let low = a.submatrix(k, 0, a.nrows() - k, k);
        let Blocks { b, c } = &mut scratch.blocks;
        multiply(b[0].as_mut(), true, -1.0, self.above.as_ref(), right);
        multiply(
            c[depth - 1].as_mut(),
            true,
            -1.0,
            self.below.transpose(),
            low.transpose(),
        );
    }

    /// Packs `A_l`, `e^{(l−1)s} B_l`, `e^{−ls} C_l` and the waiting weights.
    fn place(&self, waiting: &[f64], log_size: f64, scratch: &mut Scratch) {
        let k = self.rank;
        for layer in 1..=self.network.depth() {
            let (b, c) = (&scratch.blocks.b[layer - 1], &scratch.blocks.c[layer - 1]);
            let up = ((layer - 1) as f64 * log_size).exp();
            let down = (-(layer as f64) * log_size).exp();
            let a = &self.escaped[layer - 1];
            let d = self.inner.layer(waiting, layer);
            let mut w = self.network.layer_mut(&mut scratch.weights, layer);
            for j in 0..w.ncols() {
                for i in 0..w.nrows() {
                    w[(i, j)] = match (i < k, j < k) {
                        (true, true) => a[(i, j)],
                        (true, false) => up * b[(i, j - k)],
                        (false, true) => down * c[(j, i - k)],
                        (false, false) => d[(i - k, j - k)],
                    };
                }
            }
        }
    }
}

/// `None` when `m` is singular to roundoff.
fn inverse(m: MatRef<'_, f64>) -> Option<Mat<f64>> {
    let parts = svd(m)?;
    let (largest, smallest) = (*parts.s.first()?, *parts.s.last()?);
    let singular = smallest <= m.nrows() as f64 * f64::EPSILON * largest;
    (!singular).then(|| parts.inverse())
}
