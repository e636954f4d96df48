//! `[cost]` → [`Cost`]: matrices made and measured, shapes and entries checked.

use super::context::{Context, Shape};
use super::schema::{CostSpec, Matrix, Observed};
use super::{regression, sensing};
use crate::linalg::Mat;
use crate::model::draws::{Stream, mask};
use crate::model::{Cost, Network};

/// The cost, or `None` with the reasons in `context`.
pub(super) fn build(context: &mut Context<'_>, network: &Network) -> Option<Cost> {
    let spec = context.spec;
    let shape = Shape::new(network.output_width(), network.input_width(), "n_L × n_0");
    match &spec.cost {
        CostSpec::SquaredError { target } => {
            let target = context.matrix("cost.target", target, shape, "target")?;
            Some(Cost::SquaredError { target })
        }
        CostSpec::Weighted { target, weights } => {
            let target = context.matrix("cost.target", target, shape, "target");
            let weights = context.matrix("cost.weights", weights, shape, "weights");
            let weights = nonnegative(context, weights?)?;
            Some(Cost::Weighted {
                target: target?,
                weights,
            })
        }
        CostSpec::MatrixCompletion { target, observed } => {
            let target = context.matrix("cost.target", target, shape, "target");
            let observed = observed_entries(context, observed, shape);
            Some(Cost::MatrixCompletion {
                target: target?,
                observed: observed?,
            })
        }
        CostSpec::Regression {
            inputs,
            outputs,
            input_covariance,
            target,
            samples,
        } => {
            let data = regression::Data {
                inputs: inputs.as_ref(),
                outputs: outputs.as_ref(),
                input_covariance: input_covariance.as_ref(),
                target: target.as_ref(),
                samples: *samples,
            };
            regression::build(context, network, &data)
        }
        CostSpec::MatrixSensing {
            measurements,
            target,
            observations,
        } => {
            let (target, observations) = (target.as_ref(), observations.as_ref());
            sensing::build(context, shape, measurements, target, observations)
        }
    }
}

fn nonnegative(context: &mut Context<'_>, weights: Mat<f64>) -> Option<Mat<f64>> {
    match find(&weights, |w| w < 0.0) {
        Some((i, j)) => {
            let found = format!(
                "found {} at row {}, column {}",
                weights[(i, j)],
                i + 1,
                j + 1
            );
            context.found("cost.weights", found, "must have no negative entry");
            None
        }
        None if find(&weights, |w| w > 0.0).is_none() => {
            context.found(
                "cost.weights",
                "found only zeros",
                "must have a positive entry",
            );
            None
        }
        None => Some(weights),
    }
}

fn observed_entries(
    context: &mut Context<'_>,
    observed: &Observed,
    shape: Shape,
) -> Option<Mat<f64>> {
    let key = "cost.observed";
    let mask = match observed {
        Observed::Fraction(fraction) => return drawn_mask(context, *fraction, shape),
        Observed::Rows(rows) => context.rows(&format!("{key}.rows"), rows, shape)?,
        Observed::Diagonal(d) => {
            context.matrix(key, &Matrix::Diagonal(d.clone()), shape, "observed")?
        }
        Observed::File(path) => context.file(&format!("{key}.file"), path, shape)?,
    };
    if let Some((i, j)) = find(&mask, |w| w != 0.0 && w != 1.0) {
        let found = format!("found {} at row {}, column {}", mask[(i, j)], i + 1, j + 1);
        context.found(key, found, "must be 0 or 1 everywhere");
        return None;
    }
    if find(&mask, |w| w == 1.0).is_none() {
        context.found(key, "found only zeros", "must observe at least one entry");
        return None;
    }
    Some(mask)
}

fn drawn_mask(context: &mut Context<'_>, fraction: f64, shape: Shape) -> Option<Mat<f64>> {
    let (rows, cols) = (shape.rows, shape.cols?);
    let count = (fraction * (rows * cols) as f64).round() as usize;
    if count == 0 || count > rows * cols {
        let allowed = format!("must observe at least one of {rows} × {cols} entries");
        context.wrong("cost.observed.fraction", allowed);
        return None;
    }
    Some(mask(
        rows,
        cols,
        count,
        &mut Stream::new(context.spec.seed, "observed"),
    ))
}

/// First entry, row by row, for which `is` holds.
fn find(matrix: &Mat<f64>, is: impl Fn(f64) -> bool) -> Option<(usize, usize)> {
    (0..matrix.nrows())
        .flat_map(|i| (0..matrix.ncols()).map(move |j| (i, j)))
        .find(|&place| is(matrix[place]))
}
