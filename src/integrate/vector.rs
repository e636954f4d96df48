//! Fused updates of state vectors: one pass through memory, blocked to stay in the first-level
//! cache.

use super::tableau::Row;

const BLOCK: usize = 512;

/// `out = base + h Σ a_j k_j`, stage `j` at `stages[j n .. (j+1) n]`.
pub(super) fn combine(out: &mut [f64], base: &[f64], h: f64, row: Row, stages: &[f64]) {
    let n = base.len();
    for start in (0..n).step_by(BLOCK) {
        let block = start..(start + BLOCK).min(n);
        let out = &mut out[block.clone()];
        out.copy_from_slice(&base[block.clone()]);
        for &(stage, a) in row {
            let k = &stages[stage * n + block.start..stage * n + block.end];
            add_scaled(out, h * a, k);
        }
    }
}

/// `out = Σ a_j k_j`.
pub(super) fn combine_only(out: &mut [f64], h: f64, row: Row, stages: &[f64]) {
    let n = out.len();
    out.fill(0.0);
    for &(stage, a) in row {
        add_scaled(out, h * a, &stages[stage * n..(stage + 1) * n]);
    }
}

/// `y += a x`.
pub(super) fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Mean of `((Σ a_j k_j)_i / scale_i)²` over the components.
pub(super) fn weighted_mean_square(row: Row, stages: &[f64], scale: &[f64]) -> f64 {
    let n = scale.len();
    let mut buffer = [0.0; BLOCK];
    let mut sum = 0.0;
    for start in (0..n).step_by(BLOCK) {
        let block = start..(start + BLOCK).min(n);
        let part = &mut buffer[..block.len()];
        part.fill(0.0);
        for &(stage, a) in row {
            add_scaled(
                part,
                a,
                &stages[stage * n + block.start..stage * n + block.end],
            );
        }
        sum += scaled_square(part, &scale[block]);
    }
    sum / n as f64
}

/// `Σ (x_i / scale_i)²`, in eight interleaved partial sums.
pub(super) fn scaled_square(x: &[f64], scale: &[f64]) -> f64 {
    sum_pairs(x, scale, |x, s| (x / s) * (x / s))
}

/// `‖x − y‖²`.
pub(super) fn distance_squared(x: &[f64], y: &[f64]) -> f64 {
    sum_pairs(x, y, |a, b| (a - b) * (a - b))
}

/// `Σ f(x_i, y_i)`; interleaved because a plain sum cannot be vectorised.
fn sum_pairs(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut partial = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let tail = xs.remainder().iter().zip(ys.remainder());
    let tail: f64 = tail.map(|(&a, &b)| f(a, b)).sum();
    for (a, b) in xs.zip(ys) {
        for i in 0..8 {
            partial[i] += f(a[i], b[i]);
        }
    }
    partial.iter().sum::<f64>() + tail
}
