//! Explicit Euler with a fixed step: gradient descent `y ← y + η f(y)`, time `t = k η`.

use super::driver::{Finished, Outcome, Watch, failed};
use super::{Interpolant, Options, Step, VectorField};
use crate::error::Error;
use crate::linalg::dot;
use std::ops::ControlFlow;

/// Straight line between two iterates.
struct Line<'a> {
    y0: &'a [f64],
    y1: &'a [f64],
}

impl Interpolant for Line<'_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        for ((y, a), b) in y.iter_mut().zip(self.y0).zip(self.y1) {
            *y = a + theta * (b - a);
        }
    }
}

pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    learning_rate: f64,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut state = y0.to_vec();
    let end = descend(field, &mut state, learning_rate, options, watch);
    Finished {
        end,
        state,
        rejected: 0,
    }
}

fn descend(
    field: &dyn VectorField,
    y0: &mut Vec<f64>,
    learning_rate: f64,
    options: &Options,
    watch: &mut Watch<'_>,
) -> ControlFlow<Outcome> {
    let (mut y1, mut f) = (y0.clone(), vec![0.0; y0.len()]);
    field.eval(y0, &mut f);
    watch.start(y0, &f)?;
    let mut count = 0_usize;
    let time = |count: usize| count as f64 * learning_rate;
    // A last step that would end past the horizon is not taken: iterates exist at k η only.
    let exists = |count: usize| time(count) <= options.horizon * (1.0 + 4.0 * f64::EPSILON);
    while exists(count + 1) {
        let t0 = time(count);
        count += 1;
        let t1 = time(count);
        if !exists(count + 1) {
            watch.ends_at(t1);
        }
        for ((y1, y0), f) in y1.iter_mut().zip(&*y0).zip(&f) {
            *y1 = y0 + learning_rate * f;
        }
        field.eval(&y1, &mut f);
        // The squares: costs and norms of an iterate overflow long before the iterate itself.
        if ![&y1, &f].iter().all(|v| dot(v, v).is_finite()) {
            return failed(Error::NotFinite { time: t1 });
        }
        watch.accept(&Step {
            t0,
            t1,
            y0,
            y1: &y1,
            f1: &f,
            inside: &Line { y0, y1: &y1 },
        })?;
        std::mem::swap(y0, &mut y1);
    }
    ControlFlow::Continue(())
}
