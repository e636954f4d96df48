//! `[cost] kind = "matrix_sensing"`: `(1/2m) Σ (⟨M_k, A⟩ − y_k)²` with matrices drawn or read.

use super::context::{Context, Shape};
use super::files::MAX_ENTRIES;
use super::schema::{Matrix, Measurements, Numbers};
use crate::error::counted;
use crate::linalg::{Mat, MatRef};
use crate::model::Cost;
use crate::model::draws::Stream;

/// The cost, or `None` with the reasons in `context`.
pub(super) fn build(
    context: &mut Context<'_>,
    shape: Shape,
    measurements: &Measurements,
    target: Option<&Matrix>,
    observations: Option<&Numbers>,
) -> Option<Cost> {
    let built = target.map(|t| context.matrix("cost.target", t, shape, "target"));
    let measurements = measured(context, measurements, shape)?;
    let target = match built {
        Some(target) => Some(target?),
        None => None,
    };
    let y = observe(
        context,
        observations,
        measurements.as_ref(),
        target.as_ref(),
    )?;
    Some(Cost::MatrixSensing {
        measurements,
        observations: y,
        target,
        shape: (shape.rows, shape.cols?),
    })
}

/// Row `k` is `M_k` column-major.
fn measured(context: &mut Context<'_>, spec: &Measurements, shape: Shape) -> Option<Mat<f64>> {
    let (rows, cols) = (shape.rows, shape.cols?);
    let key = "cost.measurements";
    let count = match (spec.count, &spec.files) {
        (Some(count), None) => count,
        (None, Some(files)) => files.len(),
        (count, _) => {
            let found = if count.is_some() {
                "found count and files"
            } else {
                "found neither count nor files"
            };
            context.found(key, found, "must have exactly one of count, files");
            return None;
        }
    };
    if count.saturating_mul(rows).saturating_mul(cols) > MAX_ENTRIES {
        let found = format!("found {count} matrices of {rows} × {cols} entries");
        context.found(
            key,
            found,
            format!("must have at most {MAX_ENTRIES} entries together"),
        );
        return None;
    }
    let mut all = Mat::zeros(count, rows * cols);
    let mut stream = Stream::new(context.spec.seed, "measurements");
    let mut complete = true;
    for k in 0..count {
        let one = match &spec.files {
            None => None,
            Some(files) => {
                let one = context.file(&format!("{key}.files[{k}]"), &files[k], shape);
                complete &= one.is_some();
                one
            }
        };
        for entry in 0..rows * cols {
            all[(k, entry)] = match (&one, &spec.files) {
                (Some(one), _) => one[(entry % rows, entry / rows)],
                (None, None) => stream.normal(),
                (None, Some(_)) => 0.0,
            };
        }
    }
    complete.then_some(all)
}

/// `y`: as given, or `y_k = ⟨M_k, T⟩`.
fn observe(
    context: &mut Context<'_>,
    given: Option<&Numbers>,
    measurements: MatRef<'_, f64>,
    target: Option<&Mat<f64>>,
) -> Option<Vec<f64>> {
    let m = measurements.nrows();
    match (given, target) {
        (Some(numbers), _) => {
            let y = context.numbers("cost.observations", numbers)?;
            if y.len() != m {
                let found = format!("found {}", counted(y.len(), "number", "numbers"));
                context.found(
                    "cost.observations",
                    found,
                    format!("must be {m}, one for each measurement"),
                );
                return None;
            }
            Some(y)
        }
        (None, Some(t)) => {
            let inner = |k: usize| {
                let entries =
                    (0..measurements.ncols()).map(|e| (e, t[(e % t.nrows(), e / t.nrows())]));
                entries.map(|(e, t)| measurements[(k, e)] * t).sum()
            };
            Some((0..m).map(inner).collect())
        }
        (None, None) => {
            context.found(
                "cost",
                "found neither target nor observations",
                "must have one of them",
            );
            None
        }
    }
}
