//! Depth `L ≥ 3` below the target. With `u = s/s*`, `a = 2/L` and the time in units of
//! `s*^{−(2−2/L)}`, a strength is reached at `Φ(u) = −u^{−(1−a)}/(L−2) + B_a(u)/L`.
//!
//! The inverse is found by Newton's method in `y = ln(u/(1−u))`, where `dΦ/dy = u^{−(1−a)}/L`:
//! `Φ` is increasing and concave, so every step after the first comes from below.

use super::beta::incomplete;

/// Time at which the leading term puts the departure, `s^{−(1−2/L)} / ((L−2) s*)`.
pub(super) fn lead(depth: usize, target: f64, s: f64) -> f64 {
    let l = depth as f64;
    s.powf(2.0 / l - 1.0) / ((l - 2.0) * target)
}

/// What `Φ` adds to the leading term, in time units: `s*^{−(2−2/L)} B_a(u)/L`.
pub(super) fn rest(depth: usize, target: f64, s: f64) -> f64 {
    approach(depth, s / target, (target - s) / target) / scale(depth, target)
}

/// `s*^{2−2/L}`.
fn scale(depth: usize, target: f64) -> f64 {
    target.powf(2.0 - 2.0 / depth as f64)
}

/// `B_a(u)/L`, `w = 1 − u`.
fn approach(depth: usize, u: f64, w: f64) -> f64 {
    incomplete(2.0 / depth as f64, u, w) / depth as f64
}

/// `s` with `Φ(s/s*) = s*^{2−2/L} clock`.
pub(super) fn strength(depth: usize, target: f64, clock: f64) -> f64 {
    let goal = clock * scale(depth, target);
    let (l, c) = (depth as f64, 1.0 - 2.0 / depth as f64);
    let mut y = guess(depth, goal);
    // The guess is at most 1 too high, and e^{−40} is nothing beside 1.
    if y > 41.0 {
        return target;
    }
    for _ in 0..100 {
        let (u, phi) = phi(depth, y);
        let step = (goal - phi) * l * u.powf(c);
        y += step;
        if step.abs() <= 1e-15 * (1.0 + y.abs()) {
            break;
        }
    }
    let (u, w) = (logistic(y), logistic(-y));
    // Far below the target `y` is large and its last digit is worth more than one of `u`; solving
    // for the leading term contracts by `u`.
    match y < -5.0 {
        true => target * ((l - 2.0) * (approach(depth, u, w) - goal)).powf(-1.0 / c),
        false => target * u,
    }
}

/// `u` and `Φ` at `y`.
fn phi(depth: usize, y: f64) -> (f64, f64) {
    let (u, l) = (logistic(y), depth as f64);
    let lead = u.powf(2.0 / l - 1.0) / (l - 2.0);
    (u, approach(depth, u, logistic(-y)) - lead)
}

/// From the leading term below one half, from the slope at the target above.
fn guess(depth: usize, goal: f64) -> f64 {
    let l = depth as f64;
    let (_, half) = phi(depth, 0.0);
    if goal >= half {
        return l * (goal - half);
    }
    let log = -(l / (l - 2.0)) * ((l - 2.0) * -goal).ln();
    // Positive goals below that of one half do not exist at every depth: then from one half.
    match log < -0.7 {
        true => log,
        false => 0.0,
    }
}

fn logistic(y: f64) -> f64 {
    1.0 / (1.0 + (-y).exp())
}
