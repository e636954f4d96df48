//! Dormand–Prince 8(5,3) against closed forms: order, dense output and accumulated error.

use crate::common::run_text;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Integration, Method, Observer, Options, Outcome, Step, integrate};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use std::ops::ControlFlow;

/// One neuron in each layer: `s = Π w_l`, all `w_l = s0^{1/L}`, target `s*`.
fn scalar(depth: usize, target: f64, start: f64) -> Problem {
    let network = Network::new(vec![1; depth + 1]);
    let initial_weights = vec![start.powf(1.0 / depth as f64); depth];
    let target = Mat::from_fn(1, 1, |_, _| target);
    let cost = Cost::SquaredError { target };
    Problem {
        network,
        cost,
        l2: 0.0,
        initial_weights,
    }
}

/// `s(t)` of the two-layer mode, `s*/(1 + (s*/s0 − 1) e^{−2 s* t})`.
fn logistic(target: f64, start: f64, t: f64) -> f64 {
    target / (1.0 + (target / start - 1.0) * (-2.0 * target * t).exp())
}

/// Largest relative errors of `s` at step ends and inside steps.
#[derive(Default)]
struct Compare {
    ends: f64,
    inside: f64,
    times: Vec<f64>,
}

impl Observer for Compare {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        let error = |y: &[f64], t: f64| (y[0] * y[1] / logistic(1.7, 1e-4, t) - 1.0).abs();
        self.ends = self.ends.max(error(step.y1, step.t1));
        let mut y = vec![0.0; 2];
        for i in 1..8 {
            let t = step.t0 + (step.t1 - step.t0) * f64::from(i) / 8.0;
            step.state_at(t, &mut y);
            self.inside = self.inside.max(error(&y, t));
        }
        self.times.extend([step.t0, step.t1]);
        ControlFlow::Continue(())
    }
}

fn run(rtol: f64) -> (Compare, Integration) {
    let problem = scalar(2, 1.7, 1e-4);
    let options = Options {
        method: Method::Dop853,
        rtol,
        atol: vec![rtol * 1e-4; 2],
        horizon: 6.0,
        max_steps: 100_000,
    };
    let mut compare = Compare::default();
    let field = LayerFlow::new(&problem);
    let end = integrate(&field, &problem.initial_weights, &options, &mut compare);
    (compare, end)
}

#[test]
fn error_is_near_the_tolerance_at_ends_and_inside() {
    for exponent in [4, 6, 8, 10, 12] {
        let rtol = 10f64.powi(-exponent);
        let (c, end) = run(rtol);
        println!(
            "{rtol:.0e} ends {:.2e} inside {:.2e} {:?}",
            c.ends, c.inside, end.statistics
        );
        assert!(matches!(end.outcome, Outcome::HorizonReached));
        assert!(c.ends < 20.0 * rtol && c.inside < 20.0 * rtol);
    }
}

/// At rest steps show slow rates only, and none of them may grow beyond what the fast ones bear. Every row but the
/// first comes from inside a step. `bdf` is another method, at `rtol` 1e-12 and in other bases.
#[test]
fn states_inside_steps_at_rest_are_those_of_the_flow() {
    let rows = |solver: &str| {
        run_text(&format!(
            "seed = 453\nnetwork = {{ widths = [2, 2, 2, 2] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.78, 0.32] }} }}\n\
             init = {{ kind = \"gaussian\", std = 1.0, scale = 0.001 }}\n\
             solver = {{ {solver}, horizon = 5760.0 }}\n\
             record = {{ grid = \"times\", times = [5749.8, 5750.3, 5750.8, 5752.0] }}\n"
        ))
        .trajectory
        .rows
    };
    let exact = rows("method = \"bdf\", rtol = 1e-12, frame = \"off\"");
    for solver in [
        "rtol = 1e-9",
        "method = \"dop853\", rtol = 1e-9, frame = \"off\"",
    ] {
        for (row, exact) in rows(solver).iter().zip(&exact).skip(1) {
            println!(
                "{} {:e} {:e}",
                row.time, row.gradient_norm, exact.gradient_norm
            );
            // The slow rate there, 1.1, times the error of the weights, up to 100 rtol, relative to what is left.
            let allowed = 1.1e-7 / exact.gradient_norm;
            let error = (row.gradient_norm / exact.gradient_norm - 1.0).abs();
            assert!(
                error < allowed.min(1.0),
                "{solver} t = {}: {error:e}",
                row.time
            );
        }
    }
}
