//! One gradient flow at three levels: the layer weights (any start), the end-to-end matrix (balanced
//! start) and the mode amplitudes (balanced and aligned start). Where two hold they agree.
//!
//! The flows of the matrix and of the modes are written here, from the equations, and share nothing
//! with the flow of the layers but the integrator.

use crate::common::run_text;
use dlnflow::integrate::{Method, Observer, Options, Outcome, Step, VectorField, integrate};
use dlnflow::linalg::{Mat, MatRef, SingularValues, multiply, svd, to_vec, view};
use dlnflow::report::Report;
use dlnflow::scenario::Scenario;
use std::ops::ControlFlow;
use std::path::Path;

const RTOL: f64 = 1e-11;

/// Two runs of a few hundred steps, each step accurate to a part of `rtol`, whose errors escapes
/// carry on unchanged relative to the mode: 300 tolerances bound the sum of both.
const BAND: f64 = 300.0 * RTOL;

/// `da_r/dt = a_r^{L−1} (s*_r − a_r^L) − 2λ a_r`, `s_r = a_r^L`   (Saxe, McClelland & Ganguli 2014).
struct ModeFlow {
    depth: i32,
    targets: Vec<f64>,
    l2: f64,
}

impl VectorField for ModeFlow {
    fn dim(&self) -> usize {
        self.targets.len()
    }

    fn eval(&self, a: &[f64], da: &mut [f64]) {
        let l = self.depth;
        for ((da, a), target) in da.iter_mut().zip(a).zip(&self.targets) {
            *da = a.powi(l - 1) * (target - a.powi(l)) - 2.0 * self.l2 * a;
        }
    }

    fn jvp(&self, a: &[f64], v: &[f64], out: &mut [f64]) {
        let l = self.depth;
        for (r, target) in self.targets.iter().enumerate() {
            let growth = f64::from(l - 1) * target * a[r].powi(l - 2);
            let decay = f64::from(2 * l - 1) * a[r].powi(2 * l - 2) + 2.0 * self.l2;
            out[r] = (growth - decay) * v[r];
        }
    }
}

/// `dA/dt = −Σ_l (AAᵀ)^{(L−l)/L} ∇C(A) (AᵀA)^{(l−1)/L} − 2λL A`, `∇C = A − T`   (Arora, Cohen &
/// Hazan 2018).
struct MatrixFlow {
    depth: usize,
    target: Mat<f64>,
    l2: f64,
}

/// `X diag(s^power) Xᵀ Y`; a zeroth power is the identity.
fn power(x: &Mat<f64>, s: &[f64], power: f64, y: MatRef<'_, f64>) -> Mat<f64> {
    if power == 0.0 {
        return y.to_owned();
    }
    let (mut half, mut out) = (
        Mat::zeros(s.len(), y.ncols()),
        Mat::zeros(x.nrows(), y.ncols()),
    );
    multiply(half.as_mut(), false, 1.0, x.transpose(), y);
    let half = Mat::from_fn(s.len(), y.ncols(), |i, j| s[i].powf(power) * half[(i, j)]);
    multiply(out.as_mut(), false, 1.0, x.as_ref(), half.as_ref());
    out
}

impl VectorField for MatrixFlow {
    fn dim(&self) -> usize {
        self.target.nrows() * self.target.ncols()
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        let a = view(y, self.target.nrows(), self.target.ncols());
        let parts = svd(a).expect("finite");
        let gradient = a - &self.target;
        let depth = self.depth as f64;
        let mut rate = faer::Scale(-2.0 * self.l2 * depth) * a;
        for l in 1..=self.depth {
            let [left, right] = [self.depth - l, l - 1].map(|n| 2.0 * n as f64 / depth);
            let half = power(&parts.u, &parts.s, left, gradient.as_ref());
            rate -= power(&parts.v, &parts.s, right, half.transpose()).transpose();
        }
        dy.copy_from_slice(&to_vec(rate.as_ref()));
    }

    /// Explicit methods do not ask for it.
    fn jvp(&self, _: &[f64], _: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
    }
}

/// Keeps the states at given times.
struct Sampler {
    times: Vec<f64>,
    states: Vec<Vec<f64>>,
}

impl Observer for Sampler {
    fn start(&mut self, y0: &[f64], _: &[f64]) -> ControlFlow<String> {
        assert_eq!(self.times[0], 0.0);
        self.states.push(y0.to_vec());
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        while let Some(&t) = self.times.get(self.states.len()).filter(|t| **t <= step.t1) {
            let mut state = step.y1.to_vec();
            step.state_at(t, &mut state);
            self.states.push(state);
        }
        ControlFlow::Continue(())
    }
}

/// The states of a field at the times of the report's rows.
fn sample(field: &dyn VectorField, start: &[f64], report: &Report) -> Vec<Vec<f64>> {
    let times: Vec<f64> = report.trajectory.rows.iter().map(|row| row.time).collect();
    let options = Options {
        method: Method::Dop853,
        rtol: RTOL,
        atol: start.iter().map(|y| 1e-2 * RTOL * y.abs()).collect(),
        horizon: times[times.len() - 1],
        max_steps: 100_000,
    };
    let mut sampler = Sampler {
        times,
        states: Vec::new(),
    };
    let end = integrate(field, start, &options, &mut sampler);
    assert!(matches!(end.outcome, Outcome::HorizonReached));
    sampler.states
}

/// Largest difference of a singular value, relative to the largest of the run.
fn distance(report: &Report, states: &[Vec<f64>]) -> f64 {
    let rows = &report.trajectory.rows;
    assert_eq!(rows.len(), states.len());
    let (mut worst, mut largest) = (0.0_f64, 0.0_f64);
    for (row, values) in rows.iter().zip(states) {
        for (s, other) in row.singular_values.iter().zip(values) {
            worst = worst.max((s - other).abs());
            largest = largest.max(*s);
        }
    }
    worst / largest
}

fn solver(horizon: f64) -> String {
    format!(
        "solver = {{ method = \"dop853\", rtol = {RTOL:e}, horizon = {horizon} }}\n\
         record = {{ grid = \"linear\", count = 60 }}\n"
    )
}

#[test]
fn modes_and_layers_agree() {
    let targets = [3.0, 1.7, 0.9];
    let (strength, cases) = (
        1e-2_f64,
        [(1, 0.0), (2, 0.0), (2, 0.1), (3, 0.0), (3, 0.02), (5, 0.0)],
    );
    for (depth, l2) in cases {
        let report = run_text(&format!(
            "network = {{ widths = {:?} }}\nregularization = {{ l2 = {l2} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = {targets:?} }} }}\n\
             init = {{ kind = \"aligned\", mode_strengths = {strength}, hidden_rotation = true }}\n{}",
            vec![3; depth + 1],
            solver(12.0),
        ));
        let modes = ModeFlow {
            depth: depth as i32,
            targets: targets.to_vec(),
            l2,
        };
        let amplitudes = sample(&modes, &[strength.powf(1.0 / depth as f64); 3], &report);
        let strengths: Vec<Vec<f64>> = amplitudes
            .iter()
            .map(|a| a.iter().map(|a| a.powi(depth as i32)).collect())
            .collect();
        let d = distance(&report, &strengths);
        println!("L = {depth}, l2 = {l2}: {:.1} rtol", d / RTOL);
        assert!(d <= BAND, "L = {depth}, l2 = {l2}: {d:e}");
        let learned = report.trajectory.rows.last().expect("rows").singular_values[0];
        assert!(learned > 1.5, "L = {depth}, l2 = {l2}: nothing happened");
    }
}

#[test]
fn matrix_and_layers_agree() {
    for (widths, l2) in [
        (vec![3, 4, 3], 0.0),
        (vec![3, 3, 4], 0.05),
        (vec![3, 5, 3, 3], 0.0),
        (vec![4, 3, 4, 3], 0.01),
    ] {
        let depth = widths.len() - 1;
        let text = format!(
            "seed = 3\nnetwork = {{ widths = {widths:?} }}\nregularization = {{ l2 = {l2} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ gaussian = 1.0 }} }}\n\
             init = {{ kind = \"balanced\", std = 0.3, hidden_rotation = true }}\n{}",
            solver(8.0),
        );
        let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
            .unwrap_or_else(|e| panic!("{e}\n{text}"));
        let problem = scenario.build().unwrap_or_else(|e| panic!("{e}")).problem;
        let mut products = problem.network.product_storage();
        problem
            .network
            .prefix_products(&problem.initial_weights, &mut products);
        let start = products.pop().expect("A(0)");
        let target = problem.cost.target().expect("a target").to_owned();
        let (rows, columns) = (target.nrows(), target.ncols());
        let report = run_text(&text);
        let flow = MatrixFlow { depth, target, l2 };
        let states = sample(&flow, &to_vec(start.as_ref()), &report);
        let mut spectrum = SingularValues::new(rows, columns);
        let values: Vec<Vec<f64>> = states
            .iter()
            .map(|a| spectrum.of(view(a, rows, columns)).to_vec())
            .collect();
        let d = distance(&report, &values);
        let (_, _, end) = report.final_weights.last().expect("A");
        let difference = end
            .iter()
            .zip(&states[states.len() - 1])
            .map(|(x, y)| (x - y).abs());
        let entries = difference.fold(0.0, f64::max) / values[values.len() - 1][0];
        println!(
            "{widths:?}, l2 = {l2}: {:.1} and {:.1} rtol",
            d / RTOL,
            entries / RTOL
        );
        assert!(
            d.max(entries) <= BAND,
            "{widths:?}, l2 = {l2}: {d:e}, {entries:e}"
        );
        assert!(
            distance(&report, &vec![values[0].clone(); values.len()]) > 0.1,
            "nothing happened"
        );
    }
}
