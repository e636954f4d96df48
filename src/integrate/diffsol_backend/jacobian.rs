//! `α I + β f'(x)` by its three ingredients: what diffsol handles as a matrix, never formed.

use super::Vector;
use diffsol::matrix::sparsity::{Dense, DenseRef};
use diffsol::{LaError, Matrix, MatrixCommon, NalgebraContext, Scale};
use std::ops::Mul;
use std::sync::Arc;

type Index = <Vector as diffsol::Vector>::Index;

/// `identity · I + slope · f'(point)`, `n × n`.
#[derive(Debug, Clone)]
pub(super) struct Jacobian {
    size: usize,
    pub identity: f64,
    pub slope: f64,
    pub point: Arc<[f64]>,
    context: NalgebraContext,
}

impl Jacobian {
    /// Becomes `f'(point)`.
    pub fn linearise(&mut self, point: &[f64]) {
        (self.identity, self.slope) = (0.0, 1.0);
        self.point = point.into();
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            identity: self.identity * factor,
            slope: self.slope * factor,
            ..self.clone()
        }
    }
}

impl MatrixCommon for Jacobian {
    type V = Vector;
    type T = f64;
    type C = NalgebraContext;
    type Inner = Arc<[f64]>;

    fn nrows(&self) -> usize {
        self.size
    }

    fn ncols(&self) -> usize {
        self.size
    }

    fn inner(&self) -> &Self::Inner {
        &self.point
    }
}

impl Mul<Scale<f64>> for Jacobian {
    type Output = Jacobian;

    fn mul(self, factor: Scale<f64>) -> Jacobian {
        self.scaled(factor.value())
    }
}

impl Mul<Scale<f64>> for &Jacobian {
    type Output = Jacobian;

    fn mul(self, factor: Scale<f64>) -> Jacobian {
        self.scaled(factor.value())
    }
}

/// The trait asks for entries in places that only direct solvers, mass matrices and sensitivities
/// visit; none of these is used here, so those methods have nothing to work on.
fn entries() -> ! {
    unreachable!("a matrix-free Jacobian has no entries")
}

impl Matrix for Jacobian {
    type Sparsity = Dense<Self>;
    type SparsityRef<'a> = DenseRef<'a, Self>;

    fn sparsity(&self) -> Option<Self::SparsityRef<'_>> {
        None
    }

    fn context(&self) -> &NalgebraContext {
        &self.context
    }

    fn inner_mut(&mut self) -> &mut Self::Inner {
        &mut self.point
    }

    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }

    fn zeros(rows: usize, _columns: usize, context: NalgebraContext) -> Self {
        Self {
            size: rows,
            identity: 0.0,
            slope: 0.0,
            point: Arc::new([]),
            context,
        }
    }

    fn new_from_sparsity(
        rows: usize,
        columns: usize,
        _sparsity: Option<Self::Sparsity>,
        context: NalgebraContext,
    ) -> Self {
        Self::zeros(rows, columns, context)
    }

    /// Asked for the identity only, as the mass matrix of a plain system.
    fn from_diagonal(diagonal: &Vector) -> Self {
        let entries = diagonal.batch_as_slice(0);
        Self {
            identity: entries.first().copied().unwrap_or(1.0),
            ..Self::zeros(entries.len(), entries.len(), NalgebraContext::default())
        }
    }

    /// `self = x + beta y`. Only one of the two carries a derivative: `M − c f'`.
    fn scale_add_and_assign(&mut self, x: &Self, beta: f64, y: &Self) {
        self.identity = x.identity + beta * y.identity;
        self.slope = x.slope + beta * y.slope;
        self.point = if y.slope != 0.0 { &y.point } else { &x.point }.clone();
    }

    fn partition_indices_by_zero_diagonal(&self) -> (Index, Index) {
        entries()
    }

    fn gemv(&self, _alpha: f64, _x: &Vector, _beta: f64, _y: &mut Vector) {
        entries()
    }

    fn set_column(&mut self, _j: usize, _v: &Vector) {
        entries()
    }

    fn add_column_to_vector(&self, _j: usize, _v: &mut Vector) {
        entries()
    }

    fn add_columns_to_batched_vector(&self, _v: &mut Vector) {
        entries()
    }

    fn set_data_with_indices(&mut self, _dst: &Index, _src: &Index, _data: &Vector) {
        entries()
    }

    fn gather(&mut self, _other: &Self, _indices: &Index) {
        entries()
    }

    fn triplet_iter(
        &self,
    ) -> (
        impl Iterator<Item = (usize, usize)> + '_,
        impl Iterator<Item = f64> + '_,
    ) {
        (std::iter::empty(), std::iter::empty())
    }

    fn try_from_triplets(
        _rows: usize,
        _columns: usize,
        _indices: Vec<(usize, usize)>,
        _values: Vec<f64>,
        _context: NalgebraContext,
    ) -> Result<Self, LaError> {
        Err(LaError::Other(String::from(
            "a matrix-free Jacobian has no entries",
        )))
    }
}
