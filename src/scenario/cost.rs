//! `[cost]` → [`Cost`]: matrices made and measured, shapes and entries checked.

use super::context::{Context, Shape};
use super::files::MAX_ENTRIES;
use super::schema::{CostSpec, Matrix, Measurements, Numbers, Observed};
use crate::linalg::{Mat, MatRef, frobenius, multiply, svd};
use crate::model::draws::{Stream, haar, mask};
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
        CostSpec::Regression { .. } => regression(context, network, shape),
        CostSpec::MatrixSensing {
            measurements,
            target,
            observations,
        } => {
            let target = target
                .as_ref()
                .map(|t| context.matrix("cost.target", t, shape, "target"));
            let measurements = measured(context, measurements, shape);
            let target = match target {
                Some(built) => Some(built?),
                None => None,
            };
            let measurements = measurements?;
            let m = measurements.as_ref();
            let observations = observe(context, observations.as_ref(), m, target.as_ref())?;
            Some(Cost::MatrixSensing {
                measurements,
                observations,
                target,
                shape: (network.output_width(), network.input_width()),
            })
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

fn regression(context: &mut Context<'_>, network: &Network, shape: Shape) -> Option<Cost> {
    let CostSpec::Regression {
        inputs,
        outputs,
        input_covariance,
        target,
        samples,
    } = &context.spec.cost
    else {
        return None;
    };
    let wide = |rows, cols, symbols| Shape {
        rows,
        cols,
        symbols,
    };
    let n = inputs.as_ref().and_then(columns).or(*samples);
    let n = n.or(outputs.as_ref().and_then(columns));
    let x_shape = wide(network.input_width(), n, "n_0 × N");
    let target =
        |context: &mut Context<'_>, t: &Matrix| context.matrix("cost.target", t, shape, "target");
    match (
        inputs,
        outputs,
        input_covariance,
        target_of(&context.spec.cost),
    ) {
        (Some(x), Some(y), None, None) => {
            let x = context.matrix("cost.inputs", x, x_shape, "inputs");
            let n = x.as_ref().map(Mat::ncols).or(n);
            let y_shape = wide(network.output_width(), n, "n_L × N");
            let y = context.matrix("cost.outputs", y, y_shape, "outputs");
            least_squares(context, x?.as_ref(), y?.as_ref())
        }
        (Some(x), None, None, Some(t)) => {
            let t = target(context, t);
            let x = context.matrix("cost.inputs", x, x_shape, "inputs")?;
            Some(Cost::Regression {
                target: t?,
                covariance: covariance(x.as_ref()),
                floor: 0.0,
            })
        }
        (None, None, Some(covariance), Some(t)) => {
            let t = target(context, t);
            let covariance = given_covariance(context, covariance, network.input_width());
            Some(Cost::Regression {
                target: t?,
                covariance: covariance?,
                floor: 0.0,
            })
        }
        _ => {
            let given = [
                ("inputs", inputs.is_some()),
                ("outputs", outputs.is_some()),
                ("input_covariance", input_covariance.is_some()),
                ("target", target_of(&context.spec.cost).is_some()),
            ];
            let given: Vec<&str> = given.iter().filter(|g| g.1).map(|g| g.0).collect();
            let found = match given.as_slice() {
                [] => "found neither inputs nor input_covariance".to_string(),
                names => format!("found {}", names.join(" and ")),
            };
            let allowed = "must be given by inputs and outputs, by inputs and target, or by \
                           input_covariance and target";
            context.found("cost", found, allowed);
            None
        }
    }
}

fn target_of(cost: &CostSpec) -> Option<&Matrix> {
    match cost {
        CostSpec::Regression { target, .. } => target.as_ref(),
        _ => None,
    }
}

/// Number of columns of a matrix whose entries are written out.
fn columns(matrix: &Matrix) -> Option<usize> {
    match matrix {
        Matrix::Rows(rows) => rows.first().map(Vec::len),
        _ => None,
    }
}

/// `Σ = X Xᵀ/N`.
fn covariance(x: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(x.nrows(), x.nrows());
    multiply(
        product.as_mut(),
        false,
        1.0 / x.ncols() as f64,
        x,
        x.transpose(),
    );
    // Symmetric to the last bit, so that the flow's Jacobian is.
    Mat::from_fn(x.nrows(), x.nrows(), |i, j| product[(i.max(j), i.min(j))])
}

/// `T = Y X⁺` and `floor = (1/2N)‖T X − Y‖²`.
fn least_squares(
    context: &mut Context<'_>,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
) -> Option<Cost> {
    let Some(factors) = svd(x) else {
        context.found(
            "cost.inputs",
            "found entries too large",
            "must have finite squares",
        );
        return None;
    };
    let largest = factors.s.first().copied().unwrap_or(0.0);
    let cutoff = largest * x.nrows().max(x.ncols()) as f64 * f64::EPSILON;
    let mut right = factors.v;
    for (k, &s) in factors.s.iter().enumerate() {
        for i in 0..right.nrows() {
            right[(i, k)] = if s > cutoff { right[(i, k)] / s } else { 0.0 };
        }
    }
    let mut scores = Mat::zeros(y.nrows(), right.ncols());
    multiply(scores.as_mut(), false, 1.0, y, right.as_ref());
    let mut target = Mat::zeros(y.nrows(), x.nrows());
    multiply(
        target.as_mut(),
        false,
        1.0,
        scores.as_ref(),
        factors.u.transpose(),
    );
    let mut residual = y.to_owned();
    multiply(residual.as_mut(), true, -1.0, target.as_ref(), x);
    let norm = frobenius(residual.as_ref());
    Some(Cost::Regression {
        target,
        covariance: covariance(x),
        floor: 0.5 * norm * norm / x.ncols() as f64,
    })
}

fn given_covariance(context: &mut Context<'_>, matrix: &Matrix, n: usize) -> Option<Mat<f64>> {
    let (key, shape) = ("cost.input_covariance", Shape::new(n, n, "n_0 × n_0"));
    let sigma = match matrix {
        // Eigenvalues: the same Haar vectors on both sides.
        Matrix::SingularValues(s) if s.len() <= n => {
            let q = haar(
                n,
                s.len(),
                &mut Stream::new(context.spec.seed, "input_covariance"),
            );
            let entry = |i: usize, j: usize| -> f64 {
                (0..s.len()).map(|k| q[(i, k)] * s[k] * q[(j, k)]).sum()
            };
            Mat::from_fn(n, n, |i, j| entry(i.max(j), i.min(j)))
        }
        _ => context.matrix(key, matrix, shape, "input_covariance")?,
    };
    let size = frobenius(sigma.as_ref());
    // Decimal files carry covariances rounded in the last digits.
    let tolerance = 1e-12 * size;
    let asymmetric = |(i, j): (usize, usize)| (sigma[(i, j)] - sigma[(j, i)]).abs() > tolerance;
    if let Some((i, j)) = (0..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .find(|&p| asymmetric(p))
    {
        let (a, b) = (sigma[(i, j)], sigma[(j, i)]);
        let found = format!(
            "found {a} and {b} opposite each other in row {} and {}",
            i + 1,
            j + 1
        );
        context.found(key, found, "must be symmetric");
        return None;
    }
    let trace: f64 = (0..n).map(|i| sigma[(i, i)]).sum();
    // The sum of all |eigenvalues| exceeds the trace by twice the negative ones.
    let nuclear: f64 = svd(sigma.as_ref()).map_or(f64::NAN, |f| f.s.iter().sum());
    let negative = nuclear - trace > n as f64 * tolerance;
    if negative || !nuclear.is_finite() || size == 0.0 {
        let found = if size == 0.0 {
            "found only zeros"
        } else {
            "found a negative eigenvalue"
        };
        context.found(key, found, "must be positive semidefinite and not zero");
        return None;
    }
    Some(Mat::from_fn(n, n, |i, j| sigma[(i.max(j), i.min(j))]))
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
                let found = format!("found {} numbers", y.len());
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
