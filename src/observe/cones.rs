//! Directions that straight lines from a point may take so as to pass close to all points since (swinging door).

use super::polyline::{Curves, Point};

/// For each curve the slopes, against `t` and against `ln t`, that chords from the last row may have, and
/// their directions against the path.
#[derive(Default)]
pub(super) struct Cones {
    linear: Vec<[f64; 2]>,
    logarithmic: Vec<[f64; 2]>,
    path: Vec<Sector>,
}

/// The directions `(x, y)`, `x ≥ 0`, from the lowest to the highest.
#[derive(Clone, Copy)]
struct Sector([(f64, f64); 2]);

impl Cones {
    /// For a new point, from which all directions are open.
    pub fn reset(&mut self, curves: usize) {
        let open = [f64::NEG_INFINITY, f64::INFINITY];
        for cones in [&mut self.linear, &mut self.logarithmic] {
            cones.clear();
            cones.resize(curves, open);
        }
        self.path.clear();
        self.path.resize(curves, Sector::OPEN);
    }

    /// Whether the line from `anchor` to `point` passes close to all points between.
    pub fn allow(&self, anchor: &Point, point: &Point, curves: &Curves) -> bool {
        let rises = || anchor.values.iter().zip(&point.values).map(|(a, b)| b - a);
        // No slope where no time has passed.
        let inside = |cones: &[[f64; 2]], dx: f64| {
            let slopes = rises().map(|rise| rise / dx);
            dx <= 0.0
                || cones
                    .iter()
                    .zip(slopes)
                    .all(|([low, high], slope)| slope >= *low && slope <= *high)
        };
        let way = (point.path - anchor.path) / curves.path_scale();
        let mut directions = rises().zip(curves.scales()).zip(&self.path);
        inside(&self.linear, point.time - anchor.time)
            && (anchor.time <= 0.0 || inside(&self.logarithmic, point.log_time - anchor.log_time))
            && directions.all(|((rise, scale), sector)| sector.holds((way, rise / scale)))
    }

    /// To lines that pass close to `point` too, within `tolerance` of an axis.
    pub fn narrow(&mut self, anchor: &Point, point: &Point, curves: &Curves, tolerance: f64) {
        let rises = || {
            let values = anchor.values.iter().zip(&point.values);
            values.map(|(a, b)| b - a).zip(curves.scales())
        };
        let narrow = |cones: &mut [[f64; 2]], dx: f64| {
            if dx <= 0.0 {
                return;
            }
            for (cone, (rise, scale)) in cones.iter_mut().zip(rises()) {
                let slack = tolerance * scale;
                cone[0] = cone[0].max((rise - slack) / dx);
                cone[1] = cone[1].min((rise + slack) / dx);
            }
        };
        narrow(&mut self.linear, point.time - anchor.time);
        if anchor.time > 0.0 {
            narrow(&mut self.logarithmic, point.log_time - anchor.log_time);
        }
        let way = (point.path - anchor.path) / curves.path_scale();
        for (sector, (rise, scale)) in self.path.iter_mut().zip(rises()) {
            sector.narrow((way, rise / scale), tolerance);
        }
    }
}

impl Sector {
    const OPEN: Self = Self([(0.0, -1.0), (0.0, 1.0)]);

    fn holds(&self, to: (f64, f64)) -> bool {
        let Self([low, high]) = *self;
        is_above(to, low) && is_above(high, to)
    }

    /// To directions whose lines pass closer to `(x, y)` than the tolerance.
    fn narrow(&mut self, (x, y): (f64, f64), tolerance: f64) {
        let square = x * x + y * y;
        let beyond = square - tolerance * tolerance;
        if beyond <= 0.0 {
            return;
        }
        // The tangents of the circle around it.
        let (along, across) = (beyond.sqrt(), tolerance);
        let low = (x * along + y * across, y * along - x * across);
        let high = (x * along - y * across, y * along + x * across);
        let Self(ends) = self;
        if is_above(low, ends[0]) {
            ends[0] = low;
        }
        if is_above(ends[1], high) {
            ends[1] = high;
        }
    }
}

/// Whether a direction lies above another, or is the same.
fn is_above(a: (f64, f64), b: (f64, f64)) -> bool {
    b.0 * a.1 >= b.1 * a.0
}
