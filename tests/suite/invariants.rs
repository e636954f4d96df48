//! Laws that hold along every exact trajectory, over random depths, widths, costs and λ.
//!
//! Bands: each accepted step makes an error of at most rtol/10 of each weight (the methods' own
//! fraction), so after `n` steps a quantity with gradient `q` in weight space is off by at most
//! `n · rtol/10 · ‖q‖ ‖θ‖`, up to the growth of earlier errors, for which a factor 10 is allowed.

use crate::common::run_text;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Observer, Step, VectorField, integrate};
use dlnflow::linalg::{Mat, dot};
use dlnflow::model::Problem;
use dlnflow::scenario::Scenario;
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::Path;

const RTOL: f64 = 1e-9;

/// A scenario of random depth, widths, cost, λ and start; every cost kind occurs.
fn scenarios() -> impl Strategy<Value = String> {
    let widths = prop::collection::vec(2_usize..7, 2..6);
    let l2 = prop::sample::select(vec![0.0, 0.02]);
    let std = prop::sample::select(vec![0.05, 0.4]);
    (widths, 0_usize..5, l2, std, 0_u64..1000).prop_map(|(widths, kind, l2, std, seed)| {
        let cost = COSTS[kind];
        format!(
            "seed = {seed}\nevents = [{{ kind = \"plateau\" }}]\n\
             network = {{ widths = {widths:?} }}\ncost = {cost}\n\
             init = {{ kind = \"gaussian\", std = {std} }}\nregularization = {{ l2 = {l2} }}\n\
             solver = {{ method = \"dop853\", rtol = {RTOL:e}, horizon = 6.0 }}\n"
        )
    })
}

const COSTS: [&str; 5] = [
    "{ kind = \"squared_error\", target = { gaussian = 1.0 } }",
    "{ kind = \"weighted\", target = { gaussian = 1.0 }, weights = { diagonal = [1.0, 2.0] } }",
    "{ kind = \"matrix_completion\", target = { gaussian = 1.0 }, observed = { fraction = 0.7 } }",
    "{ kind = \"regression\", inputs = { gaussian = 1.0 }, target = { gaussian = 1.0 }, samples = 9 }",
    "{ kind = \"matrix_sensing\", target = { gaussian = 1.0 }, measurements = { count = 8 } }",
];

fn build(text: &str) -> (Problem, dlnflow::integrate::Options) {
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    (built.problem, built.solver)
}

fn loss(problem: &Problem, w: &[f64]) -> f64 {
    let mut products = problem.network.product_storage();
    problem.network.prefix_products(w, &mut products);
    let a = products[problem.network.depth() - 1].as_ref();
    let mut g = Mat::zeros(a.nrows(), a.ncols());
    let cost = problem
        .cost
        .gradient(a, g.as_mut(), &mut problem.cost.scratch());
    cost + problem.l2 * dot(w, w)
}

/// `∫ ‖f‖² dt` by five Gauss points in every step, read from the dense output.
struct Energy<'a> {
    flow: &'a LayerFlow<'a>,
    spent: f64,
    largest: f64,
}

const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_46, 0.239_314_335_249_683_23),
    (0.5, 0.284_444_444_444_444_44),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_23),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];

impl Observer for Energy<'_> {
    fn start(&mut self, _: &[f64], f0: &[f64]) -> ControlFlow<String> {
        self.largest = dot(f0, f0);
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        let h = step.t1 - step.t0;
        let (mut y, mut f) = (step.y0.to_vec(), step.y0.to_vec());
        for (x, weight) in GAUSS {
            step.state_at(step.t0 + x * h, &mut y);
            self.flow.eval(&y, &mut f);
            self.spent += h * weight * dot(&f, &f);
        }
        self.largest = self.largest.max(dot(step.f1, step.f1));
        ControlFlow::Continue(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn energy_identity_holds(text in scenarios()) {
        let (problem, options) = build(&text);
        let flow = LayerFlow::new(&problem);
        let inner = LayerFlow::new(&problem);
        let mut energy = Energy { flow: &inner, spent: 0.0, largest: 0.0 };
        let start = &problem.initial_weights;
        let end = integrate(&flow, start, &options, &mut energy);
        let lost = loss(&problem, start) - loss(&problem, &end.state);
        let size = dot(&end.state, &end.state).max(dot(start, start));
        let steps = end.statistics.steps as f64;
        let band = RTOL * steps * (size * energy.largest).sqrt() + 1e-13 * lost.abs();
        let defect = (lost - energy.spent).abs();
        prop_assert!(defect <= band, "defect {defect:e}, band {band:e}\n{text}");
    }

    #[test]
    fn imbalance_loss_and_norm_obey_their_laws(text in scenarios()) {
        let report = run_text(&text);
        prop_assert_eq!(&report.warnings, &Vec::<String>::new());
        let steps = report.solver.steps as f64;
        for row in &report.trajectory.rows {
            let band = 2.0 * RTOL * steps * row.parameter_norm_sq + 1e-14;
            prop_assert!(row.imbalance_drift <= band, "{} {band:e}", row.imbalance_drift);
            prop_assert!(row.parameter_norm_sq >= row.schatten * (1.0 - 1e-12));
        }
        // Rows are read inside steps, where dop853 is up to a hundred times less accurate: the
        // loss may rise by what an error of that size in the weights explains, to second order.
        for pair in report.trajectory.rows.windows(2) {
            let error = 10.0 * RTOL * pair[0].parameter_norm_sq.sqrt();
            let slope = pair[0].gradient_norm.max(pair[1].gradient_norm);
            let room = 1e-13 * pair[0].loss + error * (slope + 100.0 * error);
            prop_assert!(pair[1].loss <= pair[0].loss + room, "t = {}", pair[1].time);
        }
    }
}
