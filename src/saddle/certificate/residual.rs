//! Residuals of a cost: affine functions `r_i(A)` of which it is a positive definite form, up to a
//! constant, so that their common zeros are the matrices of least cost, and all of them.

use super::enclosure;
use super::spectrum::Spectrum;
use crate::linalg::{
    Interval, Mat, MatRef, interval_matrix, interval_product, negative_eigenvalues,
};
use crate::model::Cost;

/// `r(A)`, one for each entry or measurement that the cost sees.
pub enum Residual<'a> {
    /// `(A − T)_ij`.
    Entries {
        target: &'a Mat<f64>,
        seen: Vec<(usize, usize)>,
    },
    /// `⟨M_k, A⟩ − y_k`.
    Measurements {
        measurements: &'a Mat<f64>,
        observations: &'a [f64],
    },
}

impl<'a> Residual<'a> {
    /// `None` when the cost is not proved to be a positive definite form: a negative weight, a
    /// covariance that is singular or nearly so.
    pub fn of(cost: &'a Cost) -> Option<Self> {
        match cost {
            Cost::SquaredError { target } => Self::entries(target, |_, _| 1.0),
            Cost::Weighted { target, weights } => Self::entries(target, |i, j| weights[(i, j)]),
            Cost::MatrixCompletion { target, observed } => {
                Self::entries(target, |i, j| observed[(i, j)])
            }
            Cost::Regression {
                target, covariance, ..
            } => is_positive_definite(covariance.as_ref())
                .then(|| Self::entries(target, |_, _| 1.0))
                .flatten(),
            Cost::MatrixSensing {
                measurements,
                observations,
                ..
            } => (measurements.nrows() == observations.len()).then_some(Self::Measurements {
                measurements,
                observations,
            }),
        }
    }

    /// Entries of positive weight; `None` when there is a negative one.
    fn entries(target: &'a Mat<f64>, weight: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let all = (0..target.ncols()).flat_map(|j| (0..target.nrows()).map(move |i| (i, j)));
        if !all.clone().all(|(i, j)| weight(i, j) >= 0.0) {
            return None;
        }
        let seen = all.filter(|&(i, j)| weight(i, j) > 0.0).collect();
        Some(Self::Entries { target, seen })
    }

    /// Number of residuals.
    pub fn count(&self) -> usize {
        match self {
            Self::Entries { seen, .. } => seen.len(),
            Self::Measurements { observations, .. } => observations.len(),
        }
    }

    /// Holds `r(A)` for all `A` in `a`.
    pub fn at(&self, a: &Mat<Interval>) -> Vec<Interval> {
        match self {
            Self::Entries { target, seen } => {
                let entry = |&(i, j): &(usize, usize)| a[(i, j)] - Interval::point(target[(i, j)]);
                seen.iter().map(entry).collect()
            }
            Self::Measurements {
                measurements,
                observations,
            } => enclosure::measured(measurements, Some(observations), a),
        }
    }

    /// Holds the change of `r` along `D` for all `D` in `d`.
    pub fn along(&self, d: &Mat<Interval>) -> Vec<Interval> {
        match self {
            Self::Entries { seen, .. } => seen.iter().map(|&at| d[at]).collect(),
            Self::Measurements { measurements, .. } => enclosure::measured(measurements, None, d),
        }
    }
}

/// Whether `(Σ + Σᵀ)/2` is proved to have positive eigenvalues only.
fn is_positive_definite(covariance: MatRef<'_, f64>) -> bool {
    let Some(spectrum) = Spectrum::of(covariance) else {
        return false;
    };
    let basis = interval_matrix(spectrum.scaled_vectors().as_ref());
    let form = enclosure::symmetric_part(covariance);
    let half = interval_product(form.as_ref(), basis.as_ref());
    negative_eigenvalues(interval_product(basis.transpose(), half.as_ref()).as_ref()) == Some(0)
}
