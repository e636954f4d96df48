//! The hot path allocates nothing: right-hand side, Jacobian product, magnitudes, and the
//! accepted steps of the explicit integrator.

use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Method, Observer, Options, Step, VectorField, integrate};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use std::ops::ControlFlow;

fn problem(widths: Vec<usize>) -> Problem {
    let network = Network::new(widths);
    let (rows, cols) = (network.output_width(), network.input_width());
    let target = Mat::from_fn(rows, cols, |i, j| f64::from(i == j) * 2.0);
    let initial_weights = (0..network.parameters())
        .map(|i| 1e-2 * (i as f64).sin())
        .collect();
    let cost = Cost::SquaredError { target };
    Problem {
        network,
        cost,
        l2: 0.01,
        initial_weights,
    }
}

fn allocations(f: impl FnMut()) -> u64 {
    let mut f = f;
    f(); // first calls may fill caches of the matrix library
    allocation_counter::measure(f).count_total
}

#[test]
fn vector_field_does_not_allocate() {
    for widths in [
        vec![3, 3],
        vec![4, 7, 5, 3],
        vec![10, 100, 100, 10],
        vec![20, 300, 300, 20],
    ] {
        let p = problem(widths);
        let flow = LayerFlow::new(&p);
        let (w, mut out) = (&p.initial_weights, vec![0.0; flow.dim()]);
        assert_eq!(allocations(|| flow.eval(w, &mut out)), 0, "eval");
        assert_eq!(allocations(|| flow.jvp(w, w, &mut out)), 0, "jvp");
        assert_eq!(allocations(|| flow.magnitude(w, &mut out)), 0, "magnitude");
    }
}

struct Blind;

impl Observer for Blind {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, _: &Step<'_>) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }
}

#[test]
fn explicit_steps_do_not_allocate() {
    let p = problem(vec![10, 100, 10]);
    let flow = LayerFlow::new(&p);
    let count = |steps: usize| {
        let options = Options {
            method: Method::Dop853,
            rtol: 1e-9,
            atol: vec![1e-14; flow.dim()],
            horizon: 1e6,
            max_steps: steps,
        };
        allocations(|| {
            integrate(&flow, &p.initial_weights, &options, &mut Blind);
        })
    };
    assert_eq!(
        count(5),
        count(50),
        "more steps must not mean more allocations"
    );
}
