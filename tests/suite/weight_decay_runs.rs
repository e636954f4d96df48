//! What weight decay does to runs: the Schatten gap against the imbalance, traps at the origin, thresholds.

use crate::common::run_text;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::report::Report;
use dlnflow::scenario::Scenario;
use dlnflow::theory::origin;
use dlnflow::verify;
use std::path::Path;

fn law<'r>(report: &'r Report, name: &str) -> &'r dlnflow::observe::Law {
    let found = report.laws.iter().find(|l| l.name == name);
    found.unwrap_or_else(|| panic!("{name} in {:?}", report.laws))
}

/// `W = (w_1, w_2)`: `‖θ‖² − 2|w_1w_2| = (|w_1| − |w_2|)² = D²/(|w_1| + |w_2|)²` with `D = e^{−4λt}D(0)`.
#[test]
fn the_gap_of_two_scalar_layers_is_that_of_their_imbalance() {
    let report = run_text(
        "network = { widths = [1, 1, 1] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [1.0] } }\n\
         init = { kind = \"matrices\", rows = [[[2.0]], [[0.5]]] }\n\
         regularization = { l2 = 0.05 }\n\
         solver = { rtol = 1e-10, horizon = 40.0 }\n",
    );
    let imbalance = (0.25_f64 - 4.0) * (-4.0 * 0.05 * 40.0_f64).exp();
    // At rest s = 1 − 2λ = 0.9 = w_1 w_2, and the sum of the balanced weights is 2√s.
    let exact = imbalance * imbalance / (4.0 * 0.9);
    let found = report.schatten_gap.expect("a row");
    assert!((found / exact - 1.0).abs() < 1e-3, "{found} {exact}");
    // At the start the gap is 2.25, and |D| bounds it by 3.75.
    let along = law(&report, "the norm is that of A up to the imbalance");
    assert!(along.found / along.allowed > 0.59 && along.found <= along.allowed);
    let end = law(&report, "the norm is that of A at the end");
    assert!((end.found - found).abs() < 1e-15, "{end:?}");
    assert!(
        (end.allowed / imbalance.abs() - 1.0).abs() < 1e-3,
        "{end:?}"
    );
    let checks = verify::theory(&report, 1e-10);
    let gaps = checks.iter().filter(|c| c.name.contains("at the end"));
    assert!(gaps.clone().count() == 1 && gaps.into_iter().all(|c| c.passed));
}

/// Every start, costs and depths; the gap ends at roundoff although it begins at half of the norm.
#[test]
fn the_gap_of_generic_runs_dies_with_their_imbalance() {
    for (depth, cost) in [
        (
            2,
            "{ kind = \"squared_error\", target = { diagonal = [3.0, 1.0] } }",
        ),
        (
            3,
            "{ kind = \"squared_error\", target = { diagonal = [3.0, 1.0] } }",
        ),
        (
            4,
            "{ kind = \"matrix_completion\", target = { gaussian = 2.0 }, observed = { fraction = 0.8 } }",
        ),
    ] {
        let mut widths = vec![5; depth + 1];
        (widths[0], widths[depth]) = (4, 4);
        let report = run_text(&format!(
            "seed = 3\nnetwork = {{ widths = {widths:?} }}\ncost = {cost}\n\
             init = {{ kind = \"gaussian\", std = 0.6 }}\nregularization = {{ l2 = 0.05 }}\n\
             solver = {{ rtol = 1e-9, horizon = 200.0 }}\n"
        ));
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        let norm_sq = |row: &dlnflow::observe::Row| row.parameter_norm_sq;
        let first = report.trajectory.rows.first().expect("rows");
        let last = report.trajectory.rows.last().expect("rows");
        let start = norm_sq(first) - first.schatten;
        assert!(start > 0.1 * norm_sq(first), "{start}");
        // e^{−4λt} = 4e-18: roundoff and tolerance are left.
        let end = report.schatten_gap.expect("a row");
        assert!(end.abs() < 1e-6 * norm_sq(last), "{depth}: {end}");
        assert!(law(&report, "the norm is that of A at the end").allowed < 1e-3 * start);
    }
}

const COMPLETION: &str = "seed = 2\nnetwork = { widths = [4, 4, 4, 4] }\n\
    cost = { kind = \"matrix_completion\", target = { singular_values = [2.0, 1.0] }, observed = { fraction = 0.8 } }\n\
    solver = { rtol = 1e-8, horizon = 2e3 }\nregularization = { l2 = 0.05 }\n";

#[test]
fn a_small_start_of_three_layers_is_trapped_and_a_large_one_is_not() {
    for (std, trapped) in [(0.01, true), (0.8, false)] {
        let report = run_text(&format!(
            "{COMPLETION}init = {{ kind = \"gaussian\", std = {std} }}\n"
        ));
        let decay = report.decay.expect("weight decay");
        assert_eq!(decay.tends_to_origin, trapped, "{std}");
        assert!(decay.thresholds.is_empty());
        let last = report.trajectory.rows.last().expect("rows");
        assert_eq!(last.parameter_norm_sq < 1e-20, trapped, "{std}");
        assert_eq!(report.outcome_detail.contains("origin"), trapped);
    }
}

/// From anywhere inside the ball the squared norm falls from the first moment on.
#[test]
fn inside_the_ball_the_norm_falls() {
    let text = format!("{COMPLETION}init = {{ kind = \"gaussian\", std = 1.0 }}\n");
    let scenario = Scenario::parse("t.toml", "t", Path::new("."), text.as_bytes(), &[]);
    let problem = scenario
        .expect("scenario")
        .build()
        .expect("problem")
        .problem;
    let slope = origin::slope(&problem.cost);
    let radius_sq = 3.0 * (2.0 * 0.05 / slope).powi(2);
    let size: f64 = problem.initial_weights.iter().map(|w| w * w).sum();
    let scale = (0.99 * radius_sq / size).sqrt();
    assert!(origin::tends_to_origin(3, 0.05, slope, 0.99 * radius_sq));
    assert!(!origin::tends_to_origin(3, 0.05, slope, 1.01 * radius_sq));
    let run = run_text(&format!(
        "{COMPLETION}init = {{ kind = \"gaussian\", std = 1.0, scale = {scale:e} }}\n"
    ));
    // Below the tolerance, relative to the start, weights are what integration leaves of zero.
    let norms = run.trajectory.rows.iter().map(|row| row.parameter_norm_sq);
    let floor = 1e-16 * 0.99 * radius_sq;
    let norms: Vec<f64> = norms.take_while(|norm| *norm > floor).collect();
    assert!(norms.windows(2).all(|w| w[1] < w[0]) && norms.len() > 10);
    assert!(run.decay.is_some_and(|d| d.tends_to_origin));
}

/// Presence of a scalar mode: stationary for `2λ < max s^{1−2/L}(s* − s)`, worth its norm for
/// `λ < max [½s*² − ½(s* − s)²]/(L s^{2/L})`, both by a scan.
#[test]
fn thresholds_are_those_of_a_scan() {
    for depth in [2, 3, 4, 7] {
        let (l, target) = (depth as f64, 1.7);
        let scan = |f: &dyn Fn(f64) -> f64| {
            let grid = (1..100_000).map(|k| f(target * f64::from(k) / 1e5));
            grid.fold(0.0, f64::max)
        };
        let critical = scan(&|s| 0.5 * s.powf(1.0 - 2.0 / l) * (target - s));
        let global = scan(&|s| 0.5 * (2.0 * target - s) * s / (l * s.powf(2.0 / l)));
        let problem = Problem {
            network: Network::new(vec![1; depth + 1]),
            cost: Cost::SquaredError {
                target: dlnflow::linalg::Mat::from_fn(1, 1, |_, _| target),
            },
            l2: 0.1,
            initial_weights: vec![1.0; depth],
        };
        let found = origin::thresholds(&problem);
        // The scan misses the maximum of L = 2, at s = 0, by one step.
        assert!((found[0].critical / critical - 1.0).abs() < 2e-5, "{depth}");
        assert!((found[0].global / global - 1.0).abs() < 2e-5, "{depth}");
        assert_eq!(found.len(), 1);
    }
}

/// At a minimum under weight decay everything is stiff, by rates of `2λ` that no eigenvectors of the fit tell: a
/// horizon a thousand times as far costs a few steps more, not a thousand times as many. One layer ends at
/// `T/(1 + 2λ)`, two at `s_k − 2λ`.
#[test]
fn long_horizons_at_a_minimum_cost_little() {
    let run = |widths: &str, l2: f64, horizon: f64| {
        run_text(&format!(
            "[network]\nwidths = {widths}\n\
             [cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [3.0, 1.0] }}\n\
             [init]\nkind = \"gaussian\"\nstd = 0.5\n[regularization]\nl2 = {l2:e}\n\
             [solver]\nrtol = 1e-6\nhorizon = {horizon:e}\n"
        ))
    };
    let l2 = 1e-2;
    let one = |s: f64| s / (1.0 + 2.0 * l2);
    let two = |s: f64| s - 2.0 * l2;
    for (widths, ends) in [
        ("[3, 3]", [3.0, 1.0].map(one)),
        ("[3, 3, 3]", [3.0, 1.0].map(two)),
    ] {
        let [near, far] = [1e5, 1e8].map(|horizon| run(widths, l2, horizon));
        let steps = [&near, &far].map(|report| report.solver.steps);
        assert!(steps[1] < steps[0].max(1000), "{widths} {steps:?}");
        let last = far.trajectory.rows.last().expect("rows");
        assert_eq!(last.time, 1e8);
        for (found, exact) in last.singular_values.iter().zip(ends) {
            // 100 rtol.
            assert!(
                (found / exact - 1.0).abs() < 1e-4,
                "{widths} {found} {exact}"
            );
        }
    }
}

/// Four layers `v vᵀ/10` with `|v|² = 14`: `‖θ‖² = 4 · 1.4²`, and `A` has the one singular value `1.4⁴`. Rounding of the
/// product leaves 1e-16 in the others, whose square roots are not in the sum; the gap of balanced layers stays 0.
#[test]
fn rounding_of_a_product_is_not_in_its_schatten_norm() {
    let layer = "[[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.3, 0.6, 0.9]]";
    let report = run_text(&format!(
        "network = {{ widths = [3, 3, 3, 3, 3] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.0, 0.5] }} }}\n\
         init = {{ kind = \"matrices\", rows = [{layer}, {layer}, {layer}, {layer}] }}\n\
         solver = {{ horizon = 1e-3, frame = \"off\" }}\n"
    ));
    let first = report.trajectory.rows.first().expect("rows");
    let exact = 4.0 * 1.4_f64.powi(2);
    assert!((first.schatten - exact).abs() < 1e-13, "{}", first.schatten);
    let gap = report.schatten_gap.expect("a row");
    assert!(gap.abs() < 1e-9, "{gap:e}");
}
