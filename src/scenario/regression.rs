//! `[cost] kind = "regression"`: `(1/2N)‖A X − Y‖² = ½ tr((A − T) Σ (A − T)ᵀ) + floor` with
//! `Σ = X Xᵀ/N`, `T = Y X⁺`.

use super::context::{Context, Shape};
use super::files::MAX_ENTRIES;
use super::schema::Matrix;
use crate::error::plainly;
use crate::linalg::{Mat, MatRef, frobenius, multiply, svd};
use crate::model::draws::{Stream, haar};
use crate::model::{Cost, Network};

/// What a regression may be given by.
pub(super) struct Data<'a> {
    pub inputs: Option<&'a Matrix>,
    pub outputs: Option<&'a Matrix>,
    pub input_covariance: Option<&'a Matrix>,
    pub target: Option<&'a Matrix>,
    pub samples: Option<usize>,
}

/// The cost, or `None` with the reasons in `context`.
pub(super) fn build(context: &mut Context<'_>, network: &Network, data: &Data<'_>) -> Option<Cost> {
    let n = network.input_width();
    if n.saturating_mul(n) > MAX_ENTRIES {
        let allowed = format!("must be few enough for {MAX_ENTRIES:e} entries of n_0 × n_0");
        context.found("network.widths", format!("found {n} inputs"), allowed);
        return None;
    }
    match (
        data.inputs,
        data.outputs,
        data.input_covariance,
        data.target,
    ) {
        (Some(x), Some(y), None, None) => {
            let n = columns(x).or(data.samples).or(columns(y));
            let x = inputs(context, network, x, n);
            let shape = Shape {
                rows: network.output_width(),
                cols: x.as_ref().map(Mat::ncols).or(n),
                symbols: "n_L × N",
            };
            let y = context.matrix("cost.outputs", y, shape, "outputs");
            least_squares(context, x?.as_ref(), y?.as_ref())
        }
        (Some(x), None, None, Some(t)) => {
            let t = target(context, network, t);
            let x = inputs(context, network, x, columns(x).or(data.samples));
            Some(exact(t?, covariance(x?.as_ref())))
        }
        (None, None, Some(_), Some(_)) if data.samples.is_some() => {
            context.wrong("cost.samples", "allowed only with inputs");
            None
        }
        (None, None, Some(sigma), Some(t)) => {
            let t = target(context, network, t);
            let sigma = given_covariance(context, sigma, network.input_width());
            Some(exact(t?, sigma?))
        }
        _ => {
            ill_given(context, data);
            None
        }
    }
}

fn ill_given(context: &mut Context<'_>, data: &Data<'_>) {
    let keys = [
        ("inputs", data.inputs.is_some()),
        ("outputs", data.outputs.is_some()),
        ("input_covariance", data.input_covariance.is_some()),
        ("target", data.target.is_some()),
    ];
    let given: Vec<&str> = keys.iter().filter(|k| k.1).map(|k| k.0).collect();
    let found = match given.as_slice() {
        [] => "found neither inputs nor input_covariance".to_string(),
        names => format!("found {}", names.join(" and ")),
    };
    let allowed = "must be given by inputs and outputs, by inputs and target, or by \
                   input_covariance and target";
    context.found("cost", found, allowed);
}

/// A regression that `T` solves without residual.
fn exact(target: Mat<f64>, covariance: Mat<f64>) -> Cost {
    Cost::regression(target, covariance, 0.0)
}

fn target(context: &mut Context<'_>, network: &Network, matrix: &Matrix) -> Option<Mat<f64>> {
    let shape = Shape::new(network.output_width(), network.input_width(), "n_L × n_0");
    context.matrix("cost.target", matrix, shape, "target")
}

fn inputs(
    context: &mut Context<'_>,
    network: &Network,
    matrix: &Matrix,
    cols: Option<usize>,
) -> Option<Mat<f64>> {
    let shape = Shape {
        rows: network.input_width(),
        cols,
        symbols: "n_0 × N",
    };
    context.matrix("cost.inputs", matrix, shape, "inputs")
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
    let floor = 0.5 * norm * norm / x.ncols() as f64;
    Some(Cost::regression(target, covariance(x), floor))
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
    // In units of the largest entry nothing below can overflow.
    let largest = sigma.norm_max();
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let scaled = Mat::from_fn(n, n, |i, j| sigma[(i, j)] / unit);
    let size = frobenius(scaled.as_ref());
    // Decimal files carry covariances rounded in the last digits.
    let tolerance = 1e-12 * size;
    let asymmetric = |(i, j): (usize, usize)| (scaled[(i, j)] - scaled[(j, i)]).abs() > tolerance;
    if let Some((i, j)) = (0..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .find(|&p| asymmetric(p))
    {
        let (a, b) = (plainly(sigma[(i, j)]), plainly(sigma[(j, i)]));
        let found = format!(
            "found {a} and {b} opposite each other in row {} and {}",
            i + 1,
            j + 1
        );
        context.found(key, found, "must be symmetric");
        return None;
    }
    let trace: f64 = (0..n).map(|i| scaled[(i, i)]).sum();
    // The sum of all |eigenvalues| exceeds the trace by twice the negative ones.
    let nuclear: f64 = svd(scaled.as_ref()).map_or(f64::NAN, |f| f.s.iter().sum());
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
