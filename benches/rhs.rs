//! One right-hand side and one Jacobian–vector product at three sizes.

use criterion::{Criterion, criterion_group, criterion_main};
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::VectorField;
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use std::hint::black_box;

fn problem(widths: &[usize]) -> Problem {
    let network = Network::new(widths.to_vec());
    let (rows, cols) = (network.output_width(), network.input_width());
    let target = Mat::from_fn(rows, cols, |i, j| 1.0 / (1 + i + j) as f64);
    let initial_weights = (0..network.parameters())
        .map(|i| 0.1 * (i as f64).sin())
        .collect();
    Problem {
        network,
        cost: Cost::SquaredError { target },
        l2: 0.0,
        initial_weights,
    }
}

fn right_hand_side(c: &mut Criterion) {
    for widths in [&[10, 50, 10][..], &[10, 100, 100, 10], &[20, 300, 300, 20]] {
        let p = problem(widths);
        let flow = LayerFlow::new(&p);
        let (w, mut out) = (p.initial_weights.clone(), vec![0.0; flow.dim()]);
        let name = format!("{widths:?}");
        c.bench_function(&format!("rhs {name}"), |b| {
            b.iter(|| flow.eval(black_box(&w), &mut out));
        });
        c.bench_function(&format!("jvp {name}"), |b| {
            b.iter(|| flow.jvp(black_box(&w), &w, &mut out));
        });
        c.bench_function(&format!("magnitude {name}"), |b| {
            b.iter(|| flow.magnitude(black_box(&w), &mut out));
        });
    }
}

criterion_group!(benches, right_hand_side);
criterion_main!(benches);
