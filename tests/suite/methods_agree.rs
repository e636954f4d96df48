//! Two unrelated methods on the same generic Gaussian start, for every cost kind.

use crate::common::run_text;
use dlnflow::report::Report;

const COSTS: [&str; 7] = [
    "{ kind = \"squared_error\", target = { singular_values = [2.0, 1.2, 0.7] } }",
    "{ kind = \"weighted\", target = { gaussian = 1.0 }, weights = { rows = [[1.0, 0.5, 2.0, 1.0], [1.5, 1.0, 0.7, 0.2], [1.0, 1.0, 0.4, 3.0], [0.6, 2.0, 1.0, 1.0]] } }",
    "{ kind = \"matrix_completion\", target = { singular_values = [2.0, 1.2] }, observed = { fraction = 0.7 } }",
    "{ kind = \"regression\", inputs = { gaussian = 1.0 }, outputs = { gaussian = 1.0 }, samples = 9 }",
    "{ kind = \"regression\", input_covariance = { diagonal = [2.0, 1.0, 0.5, 0.3] }, target = { gaussian = 1.0 } }",
    "{ kind = \"matrix_sensing\", target = { singular_values = [2.0, 1.2] }, measurements = { count = 10 } }",
    "{ kind = \"matrix_sensing\", observations = [0.3, -1.0, 0.8], measurements = { count = 3 } }",
];

fn report(cost: &str, depth: usize, l2: f64, method: &str, rtol: f64) -> Report {
    let widths = [&[4][..], &vec![6; depth - 1], &[4]].concat();
    run_text(&format!(
        "seed = 5\nnetwork = {{ widths = {widths:?} }}\ncost = {cost}\n\
         init = {{ kind = \"gaussian\", std = 0.1 }}\nregularization = {{ l2 = {l2} }}\n\
         solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = 8.0 }}\n\
         record = {{ grid = \"linear\", count = 40 }}\n"
    ))
}

/// Largest difference of any singular value at any recorded time, relative to the largest σ.
fn distance(a: &Report, b: &Report) -> f64 {
    assert_eq!(a.trajectory.rows.len(), b.trajectory.rows.len());
    let mut worst = 0.0_f64;
    for (p, q) in a.trajectory.rows.iter().zip(&b.trajectory.rows) {
        assert_eq!(p.time, q.time);
        for (x, y) in p.singular_values.iter().zip(&q.singular_values) {
            worst = worst.max((x - y).abs());
        }
    }
    let largest = |r: &Report| {
        let rows = &r.trajectory.rows;
        rows.iter()
            .map(|r| r.singular_values[0])
            .fold(0.0, f64::max)
    };
    worst / largest(a)
}

/// Each method accumulates at most a few hundred local errors of its tolerance, and errors made
/// before an escape grow with it by at most `e^{σ t}` relative to the mode, a factor near 1 in
/// relative terms: 300 tolerances bound the sum of both errors.
fn agree(first: &str, second: &str, rtol: f64) {
    let mut compared = 0;
    for cost in COSTS {
        for (depth, l2) in [(2, 0.0), (3, 0.01)] {
            let a = report(cost, depth, l2, first, rtol);
            let b = report(cost, depth, l2, second, rtol);
            let d = distance(&a, &b);
            println!(
                "{first} {second} L = {depth} rtol {rtol:e}: {:.1} rtol  {cost}",
                d / rtol
            );
            assert!(
                d <= 300.0 * rtol,
                "{first} and {second} differ by {d:e}: {cost}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 14);
}

#[test]
fn explicit_and_multistep_agree() {
    agree("dop853", "bdf", 1e-7);
}

#[test]
fn two_explicit_methods_agree_tightly() {
    agree("dop853", "tsit45", 1e-10);
}

#[test]
fn two_implicit_methods_agree() {
    agree("esdirk34", "tr_bdf2", 1e-6);
}

/// Nothing moves where nothing is left to learn: not in 10⁸ times the time that learning took, in which the roundoff
/// of gradients would carry states along directions in which nothing pulls back, and with explicit methods not for
/// the price of steps that stability allows.
#[test]
fn states_rest_where_nothing_is_left_to_learn() {
    let run = |method: &str, horizon: f64| {
        run_text(&format!(
            "seed = 20\n[network]\nwidths = [6, 10, 10, 6]\n\
             [cost]\nkind = \"matrix_sensing\"\ntarget = {{ singular_values = [300.0] }}\nmeasurements = {{ count = 12 }}\n\
             [init]\nkind = \"gaussian\"\nstd = 0.8\n\
             [solver]\nmethod = \"{method}\"\nrtol = 1e-8\nhorizon = {horizon:e}\n"
        ))
    };
    for method in ["auto", "bdf", "dop853"] {
        let [near, far] = [1e2, 1e10].map(|horizon| run(method, horizon));
        let steps = [&near, &far].map(|report| report.solver.steps);
        assert!(steps[1] <= steps[0] + 2000, "{method} {steps:?}");
        assert_eq!(far.time, 1e10);
        let ends = [&near, &far].map(|report| report.trajectory.rows.last().expect("rows"));
        let pairs = ends[0].singular_values.iter().zip(&ends[1].singular_values);
        for (near, far) in pairs {
            assert!((near / far - 1.0).abs() < 1e-8, "{method} {near} {far}");
        }
    }
}
