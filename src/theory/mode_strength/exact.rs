//! The depths at which the mode equation has elementary solutions, regularisation included: one
//! layer is linear, `ds/dt = r(c − s)`; two layers are logistic, `ds/dt = 2s(c − s)`
//! (Saxe, McClelland & Ganguli 2014).

/// `s(t)` of `ds/dt = rate (limit − s)`.
pub(in crate::theory) fn linear(limit: f64, rate: f64, start: f64, t: f64) -> f64 {
    start * (-rate * t).exp() - limit * (-rate * t).exp_m1()
}

/// Time from `start` to `end` of `ds/dt = rate (limit − s)`, both on one side of `limit`.
pub(in crate::theory) fn linear_time(limit: f64, rate: f64, start: f64, end: f64) -> f64 {
    let ratio = (end - start) / (limit - end);
    match ratio < -0.5 {
        // Backwards, where the logarithm would lose its digits.
        true => -linear_time(limit, rate, end, start),
        false => ratio.ln_1p() / rate,
    }
}

/// `s(t)` of `ds/dt = 2s(limit − s)` from `start > 0` for `t ≥ 0`, with any sign of `limit`:
/// `s_0 / (e^{−c} + s_0 (1 − e^{−c})/limit)`, `c = 2 limit t`.
pub(in crate::theory) fn logistic(limit: f64, start: f64, t: f64) -> f64 {
    let c = 2.0 * limit * t;
    let mean = match c == 0.0 {
        true => 2.0 * t,
        false => -(-c).exp_m1() / limit,
    };
    start / ((-c).exp() + start * mean)
}

/// Time from `start` to `end` of `ds/dt = 2s(limit − s)`, both positive and on one side of `limit`.
pub(in crate::theory) fn logistic_time(limit: f64, start: f64, end: f64) -> f64 {
    let gained = (end - start) / start / (limit - end);
    if limit == 0.0 {
        return 0.5 * gained;
    }
    let ratio = limit * gained;
    if ratio < -1.0 {
        // The limit lies between the two.
        return f64::NAN;
    }
    if ratio < -0.5 {
        return -logistic_time(limit, end, start);
    }
    let log = match ratio.is_finite() {
        true => ratio.ln_1p(),
        false => end.ln() - start.ln() + ((limit - start) / (limit - end)).ln(),
    };
    0.5 * log / limit
}
