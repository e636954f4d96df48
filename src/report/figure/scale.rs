//! An axis maps values to positions `0 … 1`: `(f(v) − lo)/(hi − lo)` with `f` the identity or the
//! decimal logarithm.

/// Linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Linear,
    Log,
}

/// A range of an axis; `lo < hi` are logarithms on a logarithmic axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub kind: Kind,
    pub lo: f64,
    pub hi: f64,
    /// Only whole numbers are labelled.
    pub whole: bool,
}

/// Of powers of ten: what is labelled on a logarithmic axis with fewer than two decades.
pub const MULTIPLES: [f64; 3] = [1.0, 2.0, 5.0];

/// Largest magnitude on a linear axis: differences must not overflow.
const LINEAR_LIMIT: f64 = 1e300;

/// The value an axis is linear in; `None` when it has no place there.
pub fn transform(kind: Kind, value: f64) -> Option<f64> {
    match kind {
        Kind::Linear => (value.abs() <= LINEAR_LIMIT).then_some(value),
        Kind::Log => (value > 0.0 && value.is_finite()).then(|| value.log10()),
    }
}

/// The value that [`transform`] takes to `v`.
pub fn inverse(kind: Kind, v: f64) -> f64 {
    match kind {
        Kind::Linear => v,
        Kind::Log => 10f64.powf(v),
    }
}

/// Smallest and largest transformed value.
fn extent(kind: Kind, values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter_map(|v| transform(kind, v))
        .fold(None, |range, v| {
            let (lo, hi) = range.unwrap_or((v, v));
            Some((f64::min(lo, v), f64::max(hi, v)))
        })
}

impl Scale {
    /// A linear axis from `lo` to `hi`; one unit wide when there is nothing between them.
    pub fn linear(lo: f64, hi: f64) -> Self {
        let resolved = hi - lo > 1e-300 && hi - lo > 1e-12 * lo.abs().max(hi.abs());
        let wide = 1f64.max(lo.abs());
        Self {
            kind: Kind::Linear,
            lo,
            hi: if resolved { hi } else { lo + wide },
            whole: false,
        }
    }

    /// A linear axis from zero to the largest of `values`, with a little room on both sides.
    pub fn linear_from_zero(values: impl Iterator<Item = f64>) -> Self {
        let top = extent(Kind::Linear, values).map_or(0.0, |(_, hi)| hi);
        let top = if top > 0.0 { top } else { 1.0 };
        Self::linear(-0.03 * top, 1.06 * top)
    }

    /// A linear axis over exactly the range of `values`.
    pub fn linear_over(values: impl Iterator<Item = f64>) -> Self {
        let (lo, hi) = extent(Kind::Linear, values).unwrap_or((0.0, 1.0));
        Self::linear(lo, hi)
    }

    /// An axis from `lo` to `hi`, logarithms where it is logarithmic.
    pub fn exactly(kind: Kind, lo: f64, hi: f64) -> Self {
        let whole = false;
        Self {
            kind,
            lo,
            hi,
            whole,
        }
    }

    /// A logarithmic axis from `lo` to `hi` (logarithms), widened to whole decades when it would
    /// have fewer than two labels.
    pub fn log(lo: f64, hi: f64) -> Self {
        let labels = (lo.floor() as i32..=hi.ceil() as i32)
            .flat_map(|decade| MULTIPLES.map(|m| f64::from(decade) + m.log10()))
            .filter(|v| (lo..=hi).contains(v))
            .count();
        match labels >= 2 {
            true => Self::exactly(Kind::Log, lo, hi),
            false => Self::exactly(Kind::Log, lo.floor(), hi.ceil().max(lo.floor() + 1.0)),
        }
    }

    /// A logarithmic axis with a little room around the positive ones of `values`.
    pub fn log_around(values: impl Iterator<Item = f64>) -> Self {
        let (lo, hi) = extent(Kind::Log, values).unwrap_or((-1.0, 0.0));
        let room = 0.03 * (hi - lo);
        Self::log(lo - room, hi + room)
    }

    /// Where `value` lies; outside `0 … 1` beyond the ends.
    pub fn position(&self, value: f64) -> Option<f64> {
        transform(self.kind, value).map(|v| (v - self.lo) / (self.hi - self.lo))
    }

    /// The value at a position.
    pub fn value(&self, position: f64) -> f64 {
        inverse(self.kind, self.lo + position * (self.hi - self.lo))
    }

    /// Where `value` lies, when it lies on the axis.
    pub fn inside(&self, value: f64) -> Option<f64> {
        self.position(value).filter(|p| (0.0..=1.0).contains(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_gets_a_range_of_its_own() {
        let scale = Scale::log_around([5.0, 5.0].into_iter());
        assert_eq!((scale.lo, scale.hi), (0.0, 1.0));
        assert!(Scale::linear_over([3.0].into_iter()).inside(3.0).is_some());
        assert!(
            Scale::linear_over([1e17, 1e17 + 16.0].into_iter())
                .inside(1.5e17)
                .is_some()
        );
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        let scale = Scale::log_around([0.0, -1.0, f64::NAN, 1e-300, 1e10].into_iter());
        assert!(scale.lo < -300.0 && scale.hi > 10.0 && scale.hi < 20.0);
        assert_eq!(scale.position(0.0), None);
        assert_eq!(scale.position(f64::INFINITY), None);
        assert_eq!(Scale::linear(0.0, 1.0).position(f64::NAN), None);
        assert_eq!(Scale::linear(0.0, 1.0).position(f64::INFINITY), None);
    }
}
