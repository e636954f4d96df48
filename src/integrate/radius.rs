//! The spectral radius of the Jacobian along a run, by power iteration kept warm: the fastest direction that steps
//! have shown is remembered, and one Jacobian–vector product says how fast it is by now.
//!
//! What a step shows of itself is not enough where its own motion is slow: once the stiff part has died down the
//! radius seems to fall to the slow rates, and steps grow until roundoff in the stiff directions, amplified by
//! `(hρ)^8` and more inside a step, shows again.

use super::VectorField;
use crate::linalg::norm;

/// Products at the start, from a vector that favours no direction.
const FIRST: usize = 3;

/// Steps that a value remembered is believed for.
const BELIEVED: usize = 4;

pub(super) struct Radius {
    pub value: f64,
    /// Steps since it was seen or checked.
    age: usize,
    /// Of length one.
    direction: Vec<f64>,
    image: Vec<f64>,
}

impl Radius {
    /// At the start of a run.
    pub fn new(field: &dyn VectorField, y: &[f64]) -> Self {
        let start: Vec<f64> = (0..y.len()).map(|i| (1.0 + 1.7 * i as f64).sin()).collect();
        let mut radius = Self {
            value: 0.0,
            age: 0,
            direction: start,
            image: vec![0.0; y.len()],
        };
        for _ in 0..FIRST {
            radius.iterate(field, y);
        }
        radius
    }

    /// Follows the direction of `a − b` from now on, `‖f(a) − f(b)‖ = value ‖a − b‖`.
    pub fn turn_to(&mut self, value: f64, a: &[f64], b: &[f64]) {
        (self.value, self.age) = (value, 0);
        for ((d, a), b) in self.direction.iter_mut().zip(a).zip(b) {
            *d = a - b;
        }
        normalise(&mut self.direction);
    }

    /// Takes notice of a step to `y` that has shown no more than `seen`.
    pub fn remember(&mut self, field: &dyn VectorField, y: &[f64], seen: f64) {
        self.age += 1;
        if self.age == BELIEVED {
            self.iterate(field, y);
            self.value = self.value.max(seen);
        }
    }

    /// What the direction says at `y`; 0 where the field has no products.
    pub fn iterate(&mut self, field: &dyn VectorField, y: &[f64]) {
        normalise(&mut self.direction);
        field.jvp(y, &self.direction, &mut self.image);
        self.age = 0;
        let value = norm(&self.image);
        let known = value.is_finite() && value > 0.0;
        self.value = if known { value } else { 0.0 };
        if known {
            std::mem::swap(&mut self.direction, &mut self.image);
        }
    }
}

fn normalise(x: &mut [f64]) {
    let size = norm(x);
    if size > 0.0 {
        x.iter_mut().for_each(|x| *x /= size);
    }
}
