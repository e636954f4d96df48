//! Depth `L ≥ 3` above the target, which may be 0. With `b = 2 − 2/L` a strength is reached at
//! `K(s) = (s^{−b}/L) Σ_k (s*/s)^k/(k+b) = s*^{−b} B_b(s*/s)/L`.
//!
//! The inverse is found by Newton's method in `r = ln(s − s*)`, where `dK/dr = −s^{−b}/L`: `K` is
//! decreasing and convex, so every step after the first comes from below.

use super::beta::{head, incomplete};

/// `K` at `s = s* + gap`.
pub(super) fn clock(depth: usize, target: f64, gap: f64) -> f64 {
    let (l, b, s) = (depth as f64, exponent(depth), target + gap);
    match target <= 0.5 * s {
        true => s.powf(-b) * head(b, target / s) / l,
        false => target.powf(-b) * incomplete(b, target / s, gap / s) / l,
    }
}

fn exponent(depth: usize) -> f64 {
    2.0 - 2.0 / depth as f64
}

/// `s` with `K(s) = goal > 0`.
pub(super) fn strength(depth: usize, target: f64, goal: f64) -> f64 {
    let (l, b) = (depth as f64, exponent(depth));
    let mut r = guess(depth, target, goal);
    // The guess is at most 2 too low, and e^{−40} is nothing beside 1.
    if r < target.ln() - 42.0 {
        return target;
    }
    for _ in 0..100 {
        let gap = r.exp();
        let step = (clock(depth, target, gap) - goal) * l * (target + gap).powf(b);
        r += step;
        if step.abs() <= 1e-15 * (1.0 + r.abs()) {
            break;
        }
    }
    target + r.exp()
}

/// From the first term of the series above twice the target, from the slope at the target below.
fn guess(depth: usize, target: f64, goal: f64) -> f64 {
    let (l, b) = (depth as f64, exponent(depth));
    let twice = clock(depth, target, target);
    if target > 0.0 && goal > twice {
        return target.ln() - l * target.powf(b) * (goal - twice);
    }
    let s = (l * b * goal).powf(-1.0 / b);
    (s - target).max(target).ln()
}
