//! Newton's method and Krawczyk's test for as many equations `F(z) = 0` as unknowns; the test stands
//! in the module above.

use crate::linalg::{
    Interval, Mat, identity, interval_matrix, interval_product, midpoints, product,
};

/// Boxes tried, each twice as large as the image of the one before.
const INFLATIONS: usize = 8;
/// Newton steps that sharpen the centre.
const SHARPENINGS: usize = 4;

/// `F(z) = 0`, as many equations as unknowns.
pub trait Equations {
    /// Holds `F(z)` for all `z` in the box.
    fn values(&self, z: &[Interval]) -> Vec<Interval>;

    /// Holds `J(z)`, the derivative of `F`, for all `z` in the box.
    fn derivative(&self, z: &[Interval]) -> Mat<Interval>;

    /// `J(z)⁻¹` in floating point; `None` when `J` is not finite or singular to roundoff.
    fn inverse(&self, z: &[f64]) -> Option<Mat<f64>>;

    /// The unknowns after a few Newton steps; `None` when `J` is singular on the way.
    fn sharpened(&self, mut z: Vec<f64>) -> Option<Vec<f64>> {
        for _ in 0..SHARPENINGS {
            let inverse = self.inverse(&z)?;
            let values = midpoints(column(&self.values(&points(&z))).as_ref());
            let step = product(inverse.as_ref(), values.as_ref());
            z.iter_mut()
                .enumerate()
                .for_each(|(p, x)| *x -= step[(p, 0)]);
            if step.norm_max() <= roundoff(&z) {
                break;
            }
        }
        Some(z)
    }

    /// A box that holds a zero of `F`, the only one in a somewhat larger box, by Krawczyk's test on
    /// growing boxes around `z`. `None` when the test fails on all.
    fn zero_near(&self, z: &[f64]) -> Option<Vec<Interval>> {
        let inverse = interval_matrix(self.inverse(z)?.as_ref());
        let values = column(&self.values(&points(z)));
        let shift = interval_product(inverse.as_ref(), values.as_ref());
        // A box must have an interior, also where F vanishes exactly.
        let floor = roundoff(z);
        let mut radii: Vec<f64> = (0..z.len())
            .map(|p| 2.0 * shift[(p, 0)].magnitude() + floor)
            .collect();
        for _ in 0..INFLATIONS {
            let around: Vec<Interval> = z.iter().zip(&radii).map(ball).collect();
            let derivative = self.derivative(&around);
            let image = krawczyk(z, &around, &derivative, &inverse, &shift);
            if image.iter().zip(&around).all(|(k, b)| k.is_inside(*b)) {
                return Some(image);
            }
            for (radius, (k, x)) in radii.iter_mut().zip(image.iter().zip(z)) {
                *radius = 2.0 * (*k - Interval::point(*x)).magnitude() + floor;
            }
        }
        None
    }
}

/// `K = z − R F(z) + (I − R J(Z))(Z − z)`.
fn krawczyk(
    z: &[f64],
    around: &[Interval],
    derivative: &Mat<Interval>,
    inverse: &Mat<Interval>,
    shift: &Mat<Interval>,
) -> Vec<Interval> {
    let near_one = interval_product(inverse.as_ref(), derivative.as_ref());
    let centre = points(z);
    (0..z.len())
        .map(|p| {
            let terms =
                (0..z.len()).map(|q| (identity(p, q) - near_one[(p, q)]) * (around[q] - centre[q]));
            terms.fold(centre[p] - shift[(p, 0)], |sum, x| sum + x)
        })
        .collect()
}

/// What rounding may move in an unknown of the usual size.
fn roundoff(z: &[f64]) -> f64 {
    4.0 * f64::EPSILON * z.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

/// Each number as an interval.
pub fn points(z: &[f64]) -> Vec<Interval> {
    z.iter().map(|&x| Interval::point(x)).collect()
}

fn column(z: &[Interval]) -> Mat<Interval> {
    Mat::from_fn(z.len(), 1, |i, _| z[i])
}

/// `[x − r, x + r]`, rounded outwards.
fn ball((&x, &r): (&f64, &f64)) -> Interval {
    Interval::point(x) + Interval::between(-r, r)
}
