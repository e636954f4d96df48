//! `min Σ (y_i − a − b x_i)²`: `b = Σ (x_i − x̄)(y_i − ȳ) / Σ (x_i − x̄)²`, `a = ȳ − b x̄`.

/// The straight line through points by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// `x̄` and `ȳ`.
    pub mean: (f64, f64),
    /// `Σ (x_i − x̄)²`.
    pub spread: f64,
    /// `b`.
    pub slope: f64,
}

impl Line {
    /// Without two different abscissas the spread is 0 (or NaN) and the slope is not a number.
    pub fn through(points: &[(f64, f64)]) -> Self {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
        let products: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        Self {
            mean: (x, y),
            spread,
            slope: products / spread,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: x = 0, 1, 2, 3; y = 1, 3, 2, 5: x̄ = 1.5, ȳ = 2.75, Sxx = 5, Sxy = 5.5.
    #[test]
    fn the_line_is_that_of_the_textbook() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 5.0)];
        let line = Line::through(&points);
        assert_eq!((line.mean, line.spread), ((1.5, 2.75), 5.0));
        assert!((line.slope - 1.1).abs() < 4.0 * f64::EPSILON);
    }

    #[test]
    fn one_abscissa_makes_no_line() {
        let line = Line::through(&[(1.0, 2.0), (1.0, 3.0)]);
        assert!(line.spread == 0.0 && line.slope.is_nan());
        assert!(Line::through(&[]).slope.is_nan());
    }
}
