//! Errors of straight lines between points of several curves, and the points that matter most.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Rows spread evenly over each axis whatever the curves do, as a part of all.
const EVEN_PART: usize = 8;

/// A point on all curves.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub time: f64,
    pub log_time: f64,
    /// How far `A` has come, `Σ ‖ΔA‖_F` over the points so far: what happens in no time beside a long wait is
    /// still a way, and any two curves may be drawn against each other.
    pub path: f64,
    pub values: Vec<f64>,
}

/// The axes of all curves: the first half are linear values, the second their logarithms.
pub(super) struct Curves {
    modes: usize,
    /// Least and largest value of each curve so far.
    ranges: Vec<[f64; 2]>,
    /// Length of the path so far.
    path: f64,
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
            path: 0.0,
            sigma_scale,
        }
    }

    /// Widens the axes.
    pub fn include(&mut self, point: &Point) {
        let open = [f64::INFINITY, f64::NEG_INFINITY];
        self.ranges.resize(point.values.len(), open);
        self.path = self.path.max(point.path);
        for (range, &v) in self.ranges.iter_mut().zip(&point.values) {
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

    /// Length of the axis of the path.
    pub fn path_scale(&self) -> f64 {
        self.path.max(self.sigma_scale).max(f64::MIN_POSITIVE)
    }

    /// Of every curve.
    pub fn scales(&self) -> impl Iterator<Item = f64> {
        (0..self.ranges.len()).map(|j| self.scale(j))
    }

    /// How far a parabola through three points leaves the chord from `b` to `c`: the largest over
    /// all curves and both time axes, in units of an axis.
    pub fn bend(&self, a: &Point, b: &Point, c: &Point) -> f64 {
        let linear = self.sag([a.time, b.time, c.time], a, b, c);
        match a.time > 0.0 {
            true => linear.max(self.sag([a.log_time, b.log_time, c.log_time], a, b, c)),
            false => linear,
        }
    }

    fn sag(&self, x: [f64; 3], a: &Point, b: &Point, c: &Point) -> f64 {
        let (left, right) = (x[1] - x[0], x[2] - x[1]);
        let [a, b, c] = [a, b, c].map(|point| &point.values);
        let turns = self.scales().enumerate().map(|(j, scale)| {
            let turn = (c[j] - b[j]) / right - (b[j] - a[j]) / left;
            turn.abs() / (left + right) * right * right / 4.0 / scale
        });
        turns.fold(0.0, f64::max)
    }

    /// The point between `first` and `last` that their chord misses most.
    fn worst(&self, points: &[Point], first: usize, last: usize) -> Segment {
        let chord = Chord {
            from: &points[first],
            to: &points[last],
            units: self.scales().map(f64::recip).collect(),
            unit_of_path: self.path_scale().recip(),
        };
        let mut worst = Segment {
            first,
            last,
            split: first,
            error: 0.0,
        };
        for (split, p) in points.iter().enumerate().take(last).skip(first + 1) {
            let error = chord.error(p);
            if error > worst.error {
                (worst.split, worst.error) = (split, error);
            }
        }
        worst
    }
}

/// A straight line in place of all points between two.
struct Chord<'a> {
    from: &'a Point,
    to: &'a Point,
    /// One over the length of each curve's axis, and of that of the path.
    units: Vec<f64>,
    unit_of_path: f64,
}

impl Chord<'_> {
    /// How far it misses `p`: the largest over all curves and axes, in units of an axis.
    fn error(&self, p: &Point) -> f64 {
        let (a, b) = (self.from, self.to);
        let linear = self.miss([a.time, p.time, b.time], p);
        let logarithmic = match a.time > 0.0 {
            true => self.miss([a.log_time, p.log_time, b.log_time], p),
            false => 0.0,
        };
        linear.max(logarithmic).max(self.miss_of_path(p))
    }

    /// At abscissas `x`, vertically. Where no time passes the path alone tells: NaN is never the largest.
    fn miss(&self, x: [f64; 3], p: &Point) -> f64 {
        let part = (x[1] - x[0]) / (x[2] - x[0]);
        let ends = self.from.values.iter().zip(&self.to.values);
        let curves = ends.zip(&p.values).zip(&self.units);
        let misses = curves.map(|(((a, b), p), unit)| (p - a - part * (b - a)).abs() * unit);
        misses.fold(0.0, f64::max)
    }

    /// Against the path, where curves may be vertical: the distance from the nearest point of the chord.
    fn miss_of_path(&self, p: &Point) -> f64 {
        let ends = self.from.values.iter().zip(&self.to.values);
        let curves = ends.zip(&p.values).zip(&self.units);
        let (x, u) = (p.path - self.from.path, self.to.path - self.from.path);
        let (x, u) = (x * self.unit_of_path, u * self.unit_of_path);
        let misses = curves.map(|(((a, b), p), unit)| {
            let (y, v) = ((p - a) * unit, (b - a) * unit);
            let length = (u * u + v * v).max(f64::MIN_POSITIVE);
            let part = ((x * u + y * v) / length).clamp(0.0, 1.0);
            (x - part * u).powi(2) + (y - part * v).powi(2)
        });
        misses.fold(0.0, f64::max).sqrt()
    }
}

/// A chord and the point that it misses most; the more it misses it, the greater, and the earlier of two.
struct Segment {
    first: usize,
    last: usize,
    split: usize,
    error: f64,
}

impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        let earlier = || other.first.cmp(&self.first);
        self.error.total_cmp(&other.error).then_with(earlier)
    }
}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Segment {}

/// Increasing indices of at most about `count` points, first and last among them: some spread
/// evenly over linear and logarithmic time and over the path, the rest where chords are most in error.
pub(super) fn most_telling(points: &[Point], curves: &Curves, count: usize) -> Vec<usize> {
    if points.len() <= count.max(2) {
        return (0..points.len()).collect();
    }
    let mut keep = evenly_spread(points, count / EVEN_PART);
    let worst = |ends: &[usize]| curves.worst(points, ends[0], ends[1]);
    let mut segments: BinaryHeap<Segment> = keep.windows(2).map(worst).collect();
    while keep.len() < count
        && let Some(Segment {
            first, last, split, ..
        }) = segments.pop().filter(|segment| segment.error > 0.0)
    {
        keep.push(split);
        segments.extend([worst(&[first, split]), worst(&[split, last])]);
    }
    keep.sort_unstable();
    keep
}

/// First, last and the points next to `number` equally spaced places on each axis.
fn evenly_spread(points: &[Point], number: usize) -> Vec<usize> {
    let last = points.len() - 1;
    let (early, end, way) = (points[1].time, points[last].time, points[last].path);
    let mut keep = vec![0, 1, last];
    for i in 1..number {
        let part = i as f64 / number as f64;
        for t in [end * part, early * (end / early).powf(part)] {
            keep.push(points.partition_point(|p| p.time < t).min(last));
        }
        keep.push(points.partition_point(|p| p.path < way * part).min(last));
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
        let point = |time: f64| Point {
            time,
            log_time: time.ln(),
            path: time,
            values: vec![time, 0.0],
        };
        let times = (0..2000).map(|i| 10.0_f64.powf(-6.0 + 6.0 * f64::from(i) / 1999.0));
        let points: Vec<Point> = std::iter::once(0.0).chain(times).map(point).collect();
        let mut curves = Curves::new(1, 0.0);
        points.iter().for_each(|point| curves.include(point));
        let keep = most_telling(&points, &curves, 40);
        assert_eq!(keep.len(), 40);
        let worst = keep
            .windows(2)
            .map(|w| curves.worst(&points, w[0], w[1]).error)
            .fold(0.0, f64::max);
        assert!(worst > 0.0 && worst < 2e-3, "{worst}");
    }
}
