//! Order statistics of a few values.

use serde::Serialize;

/// The quantile `q` of sorted values, linear between them.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q * last as f64;
    let below = place.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let part = place - below as f64;
    Some(if part > 0.0 { a + part * (b - a) } else { a })
}

/// The 10 %, 50 % and 90 % quantiles over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Quantiles {
    /// Of values that are numbers; `None` without any.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|v| !v.is_nan());
        values.sort_by(f64::total_cmp);
        Some(Self {
            low: quantile(&values, 0.1)?,
            median: quantile(&values, 0.5)?,
            high: quantile(&values, 0.9)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_order_statistics() {
        let q = Quantiles::of((0..=10).map(f64::from).rev().collect()).expect("values");
        assert_eq!((q.low, q.median, q.high), (1.0, 5.0, 9.0));
        let q = Quantiles::of(vec![3.0, f64::NAN, 1.0]).expect("values");
        assert!((q.low - 1.2).abs() < 1e-15 && q.median == 2.0);
        assert_eq!(Quantiles::of(Vec::new()), None);
    }

    /// Hyndman & Fan (1996), definition 7: of 1, 2, 3, 4 the first quartile is 1.75.
    #[test]
    fn quantiles_are_linear_between_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let found = [0.0, 0.25, 0.5, 1.0].map(|q| quantile(&values, q));
        assert_eq!(found, [Some(1.0), Some(1.75), Some(2.5), Some(4.0)]);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
