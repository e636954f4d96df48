//! Errors of straight lines between points of several curves, and the points that matter most.

use super::adaptive::Point;

/// Rows spread evenly over each time axis whatever the curves do, as a part of all.
const EVEN_PART: usize = 8;

/// The axes of all curves: the first half are linear values, the second their logarithms.
pub(super) struct Curves {
    modes: usize,
    /// Least and largest value of each curve so far.
    ranges: Vec<[f64; 2]>,
    /// Size of a singular value that fills the axis, where a target says so.
    sigma_scale: f64,
}

impl Curves {
    /// The first `modes` curves are singular values and share one linear axis, at least
    /// `sigma_scale` long.
    pub fn new(modes: usize, sigma_scale: f64) -> Self {
        Self {
            modes,
            ranges: Vec::new(),
            sigma_scale,
        }
    }

    /// Widens the axes.
    pub fn include(&mut self, values: &[f64]) {
        self.ranges
            .resize(values.len(), [f64::INFINITY, f64::NEG_INFINITY]);
        for (range, &v) in self.ranges.iter_mut().zip(values) {
            *range = [range[0].min(v), range[1].max(v)];
        }
        if let Some(first) = self.ranges.first() {
            self.sigma_scale = self.sigma_scale.max(first[1]);
        }
    }

    /// Length of the axis of curve `j`.
    pub fn scale(&self, j: usize) -> f64 {
        let [least, largest] = self.ranges[j];
        let scale = if j < self.modes {
            self.sigma_scale
        } else if j < self.ranges.len() / 2 {
            largest
        } else {
            // A logarithmic axis shows at least a decade.
            (largest - least).max(std::f64::consts::LN_10)
        };
        scale.max(f64::MIN_POSITIVE)
    }

    /// How far a parabola through three points leaves the chord from `b` to `c`: the largest over
    /// all curves and both time axes, in units of an axis.
    pub fn bend(&self, a: &Point, b: &Point, c: &Point) -> f64 {
        let linear = self.sag([a.0, b.0, c.0], a, b, c);
        if a.0 > 0.0 {
            linear.max(self.sag([a.0.ln(), b.0.ln(), c.0.ln()], a, b, c))
        } else {
            linear
        }
    }

    fn sag(&self, x: [f64; 3], a: &Point, b: &Point, c: &Point) -> f64 {
        let (left, right) = (x[1] - x[0], x[2] - x[1]);
        (0..self.ranges.len())
            .map(|j| {
                let turn = (c.1[j] - b.1[j]) / right - (b.1[j] - a.1[j]) / left;
                turn.abs() / (left + right) * right * right / 4.0 / self.scale(j)
            })
            .fold(0.0, f64::max)
    }

    /// Largest distance of `p` from the chord `a b` at abscissas `x`, in units of an axis.
    fn distance(&self, x: [f64; 3], a: &Point, p: &Point, b: &Point) -> f64 {
        let part = (x[1] - x[0]) / (x[2] - x[0]);
        (0..self.ranges.len())
            .map(|j| {
                let chord = a.1[j] + part * (b.1[j] - a.1[j]);
                (p.1[j] - chord).abs() / self.scale(j)
            })
            .fold(0.0, f64::max)
    }

    /// The point between `first` and `last` that their chord misses most.
    fn worst(&self, points: &[Point], first: usize, last: usize) -> Segment {
        let (a, b) = (&points[first], &points[last]);
        let mut worst = Segment {
            first,
            last,
            split: first,
            error: 0.0,
        };
        for (split, p) in points.iter().enumerate().take(last).skip(first + 1) {
            let mut error = self.distance([a.0, p.0, b.0], a, p, b);
            if a.0 > 0.0 {
                error = error.max(self.distance([a.0.ln(), p.0.ln(), b.0.ln()], a, p, b));
            }
            if error > worst.error {
                (worst.split, worst.error) = (split, error);
            }
        }
        worst
    }
}

/// A chord and the point that it misses most.
struct Segment {
    first: usize,
    last: usize,
    split: usize,
    error: f64,
}

/// Increasing indices of at most about `count` points, first and last among them: some spread
/// evenly over linear and logarithmic time, the rest where chords are most in error.
pub(super) fn most_telling(points: &[Point], curves: &Curves, count: usize) -> Vec<usize> {
    if points.len() <= count.max(2) {
        return (0..points.len()).collect();
    }
    let mut keep = evenly_spread(points, count / EVEN_PART);
    let mut segments: Vec<Segment> = keep
        .windows(2)
        .map(|w| curves.worst(points, w[0], w[1]))
        .collect();
    while keep.len() < count {
        let Some(worst) = (0..segments.len())
            .max_by(|&i, &j| segments[i].error.total_cmp(&segments[j].error))
            .filter(|&i| segments[i].error > 0.0)
        else {
            break;
        };
        let Segment {
            first, last, split, ..
        } = segments.swap_remove(worst);
        keep.push(split);
        segments.push(curves.worst(points, first, split));
        segments.push(curves.worst(points, split, last));
    }
    keep.sort_unstable();
    keep
}

/// First, last and the points next to `number` equally spaced times on either axis.
fn evenly_spread(points: &[Point], number: usize) -> Vec<usize> {
    let last = points.len() - 1;
    let (early, end) = (points[1].0, points[last].0);
    let mut keep = vec![0, 1, last];
    for i in 1..number {
        let part = i as f64 / number as f64;
        for t in [end * part, early * (end / early).powf(part)] {
            keep.push(points.partition_point(|p| p.0 < t).min(last));
        }
    }
    keep.sort_unstable();
    keep.dedup();
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `y = t` is straight in linear time but exponential in log time: only the second axis asks
    /// for points. A chord over `d = ln(t₂/t₁)` misses it by about `t d²/8`; 32 points placed so
    /// that all errors are alike make it `(∫√t d ln t)²/(8·32²) = 4/8192 = 5e-4`, greedy splitting
    /// at most a few times that.
    #[test]
    fn log_time_is_drawn_smoothly_too() {
        let mut points: Vec<Point> = vec![(0.0, vec![0.0, 0.0])];
        points.extend((0..2000).map(|i| {
            let t = 10.0_f64.powf(-6.0 + 6.0 * f64::from(i) / 1999.0);
            (t, vec![t, 0.0])
        }));
        let mut curves = Curves::new(1, 0.0);
        for (_, values) in &points {
            curves.include(values);
        }
        let keep = most_telling(&points, &curves, 40);
        assert_eq!(keep.len(), 40);
        let worst = keep
            .windows(2)
            .map(|w| curves.worst(&points, w[0], w[1]).error)
            .fold(0.0, f64::max);
        assert!(worst > 0.0 && worst < 2e-3, "{worst}");
    }
}
