//! Minimal residuals for `A x = b`, `A` symmetric, definite or not   (Paige & Saunders 1975)
//!
//! Lanczos vectors and Givens rotations need one product with `A` and a few vectors; the residual
//! itself is carried along, so that the iteration can stop in another norm than the one it
//! minimises. Here that is the norm of the error control: components many orders smaller than
//! the rest are solved to the same relative accuracy.

/// Storage for systems of one size.
#[derive(Debug, Default)]
pub(super) struct Minres {
    lanczos: [Vec<f64>; 3],
    directions: [Vec<f64>; 2],
    solution: Vec<f64>,
    residual: Vec<f64>,
}

/// When to stop: at a weighted root-mean-square residual `≤ max(relative · initial, absolute)`,
/// or after so many products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop<'a> {
    pub weights: &'a [f64],
    pub relative: f64,
    pub absolute: f64,
    pub products: usize,
}

/// The last two plane rotations.
struct Rotations {
    cos: [f64; 2],
    sin: [f64; 2],
}

impl Rotations {
    /// Takes in the next column `(beta, alpha, beta_next)` of the tridiagonal matrix; returns its
    /// three entries above and on the diagonal after rotation. The diagonal vanishes only when
    /// the matrix is singular on the space built so far.
    fn push(&mut self, beta: f64, alpha: f64, beta_next: f64) -> [f64; 3] {
        let ([c0, c1], [s0, s1]) = (self.cos, self.sin);
        let delta = c1 * alpha - c0 * s1 * beta;
        let diagonal = delta.hypot(beta_next);
        self.cos = [c1, delta / diagonal];
        self.sin = [s1, beta_next / diagonal];
        [s0 * beta, s1 * alpha + c0 * c1 * beta, diagonal]
    }
}

impl Minres {
    /// Overwrites `b` with the solution of `A x = b`; false when the system is singular or not
    /// finite. Running out of products is no failure: `b` is then the best found.
    pub fn solve(
        &mut self,
        apply: impl Fn(&[f64], &mut [f64]),
        b: &mut [f64],
        stop: Stop<'_>,
    ) -> bool {
        let mut eta = self.start(b);
        let target = (stop.relative * weighted_rms(b, stop.weights)).max(stop.absolute);
        let mut rotations = Rotations {
            cos: [1.0; 2],
            sin: [0.0; 2],
        };
        let mut beta = 0.0;
        for _ in 0..stop.products {
            if eta == 0.0 || weighted_rms(&self.residual, stop.weights) <= target {
                break;
            }
            let (alpha, beta_next) = self.extend(&apply, beta);
            let column = rotations.push(beta, alpha, beta_next);
            if !(column[2].is_finite() && column[2] > 0.0) {
                return false;
            }
            let (cos, sin) = (rotations.cos[1], rotations.sin[1]);
            self.advance(column, cos * eta);
            eta *= -sin;
            self.update_residual(sin, eta * cos);
            beta = beta_next;
        }
        b.copy_from_slice(&self.solution);
        b.iter().all(|v| v.is_finite())
    }

    /// First Lanczos vector `b / ‖b‖`; returns `‖b‖`.
    fn start(&mut self, b: &[f64]) -> f64 {
        let n = b.len();
        let all = self.lanczos.iter_mut().chain(&mut self.directions);
        for v in all.chain([&mut self.solution, &mut self.residual]) {
            v.clear();
            v.resize(n, 0.0);
        }
        self.residual.copy_from_slice(b);
        let eta = norm(b);
        if eta > 0.0 {
            for (v, b) in self.lanczos[1].iter_mut().zip(b) {
                *v = b / eta;
            }
        }
        eta
    }

    /// Next Lanczos vector, into the last of the three; returns the new column's
    /// `(alpha, beta_next)`. The three rotate, so that the current one is the middle one again.
    fn extend(&mut self, apply: &impl Fn(&[f64], &mut [f64]), beta: f64) -> (f64, f64) {
        let [before, current, next] = &mut self.lanczos;
        apply(current, next);
        axpy(-beta, before, next);
        let alpha = dot(current, next);
        axpy(-alpha, current, next);
        let beta_next = norm(next);
        if beta_next > 0.0 {
            for v in next.iter_mut() {
                *v /= beta_next;
            }
        }
        (alpha, beta_next)
    }

    /// New direction from the current Lanczos vector, and a step of `length` along it.
    fn advance(&mut self, [upper, middle, diagonal]: [f64; 3], length: f64) {
        let [older, newer] = &mut self.directions;
        let current = &self.lanczos[1];
        for i in 0..current.len() {
            let d = (current[i] - upper * older[i] - middle * newer[i]) / diagonal;
            older[i] = d;
            self.solution[i] += length * d;
        }
        self.directions.swap(0, 1);
        self.lanczos.rotate_left(1);
    }

    /// `r ← sin² r + factor · v_next`.
    fn update_residual(&mut self, sin: f64, factor: f64) {
        for (r, v) in self.residual.iter_mut().zip(&self.lanczos[1]) {
            *r = sin * sin * *r + factor * v;
        }
    }
}

/// `Σ term(x_i, y_i)` in eight partial sums, which run several times faster than one.
fn sum(x: &[f64], y: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in x.iter().zip(y) {
        for (sum, (&x, &y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += term(x, y);
        }
    }
    let rest = x_rest.iter().zip(y_rest).map(|(&x, &y)| term(x, y));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x, y, |x, y| x * y)
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `√(mean (w_i x_i)²)`.
pub(super) fn weighted_rms(x: &[f64], weights: &[f64]) -> f64 {
    let squares = sum(x, weights, |x, w| (x * w) * (x * w));
    (squares / x.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIAGONAL: [f64; 6] = [-3.0, -0.5, 1.0, 1.5, 40.0, 1000.0];

    /// `A = H D H` with a Householder reflection `H`, so that `A⁻¹ = H D⁻¹ H` in closed form.
    fn reflect(x: &[f64]) -> Vec<f64> {
        let u = [1.0, 2.0, -1.0, 0.5, 3.0, -2.0];
        let scale = 2.0 * dot(&u, x) / dot(&u, &u);
        x.iter().zip(u).map(|(x, u)| x - scale * u).collect()
    }

    fn product(x: &[f64], out: &mut [f64]) {
        let y: Vec<f64> = reflect(x)
            .iter()
            .zip(DIAGONAL)
            .map(|(x, d)| x * d)
            .collect();
        out.copy_from_slice(&reflect(&y));
    }

    #[test]
    fn solves_an_indefinite_system() {
        let b = [1.0, -2.0, 0.3, 4.0, 0.0, 1.0];
        let half: Vec<f64> = reflect(&b)
            .iter()
            .zip(DIAGONAL)
            .map(|(x, d)| x / d)
            .collect();
        let exact = reflect(&half);
        let mut x = b;
        let stop = Stop {
            weights: &[1.0; 6],
            relative: 0.0,
            absolute: 0.0,
            products: 12,
        };
        assert!(Minres::default().solve(product, &mut x, stop));
        for (x, e) in x.iter().zip(&exact) {
            // Six eigenvalues take six products; rounding, which costs the Lanczos vectors their
            // orthogonality, takes a few more. Condition number 2000: 1e4 ε of ‖x‖ ≈ 3 is left.
            assert!((x - e).abs() < 1e-11, "{x} against {e}");
        }
    }

    #[test]
    fn stops_on_the_weighted_residual() {
        let weights = [1.0, 1.0, 1e6, 1.0, 1.0, 1.0];
        let b = [1.0, -2.0, 1e-6, 4.0, 0.0, 1.0];
        let mut x = b;
        let stop = Stop {
            weights: &weights,
            relative: 1e-3,
            absolute: 0.0,
            products: 50,
        };
        assert!(Minres::default().solve(product, &mut x, stop));
        let mut residual = [0.0; 6];
        product(&x, &mut residual);
        for (r, b) in residual.iter_mut().zip(b) {
            *r = b - *r;
        }
        let ratio = weighted_rms(&residual, &weights) / weighted_rms(&b, &weights);
        assert!(ratio <= 1.01e-3, "weighted residual fell to {ratio:e} only");
    }

    #[test]
    fn a_singular_system_is_reported() {
        let mut x = [1.0, 1.0];
        let stop = Stop {
            weights: &[1.0; 2],
            relative: 1e-3,
            absolute: 0.0,
            products: 5,
        };
        assert!(!Minres::default().solve(|_, out| out.fill(0.0), &mut x, stop));
    }
}
