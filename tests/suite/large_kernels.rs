//! `auto` where the tangent kernel has more rows than could be decomposed: it is narrowed to where it is
//! fast, or the run is left to BDF.

use crate::common::run_text;
use dlnflow::observe::EventKind;
use dlnflow::report::{Outcome, Report};

const MODES: &str = "{ singular_values = [3.0, 2.2, 1.5] }";

fn report(cost: &str, method: &str, rtol: f64) -> Report {
    run_text(&format!(
        "seed = 5\nnetwork = {{ widths = [46, 20, 20, 46] }}\ncost = {cost}\n\
         init = {{ kind = \"gaussian\", std = 0.02 }}\n\
         solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = 400.0 }}\n\
         record = {{ grid = \"linear\", count = 41 }}\n"
    ))
}

/// Largest relative difference of singular values above 1e-3 of the largest and of event times.
fn distance(a: &Report, b: &Report) -> f64 {
    let mut worst = 0.0_f64;
    for (p, q) in a.trajectory.rows.iter().zip(&b.trajectory.rows) {
        let largest = q.singular_values[0];
        let pairs = p.singular_values.iter().zip(&q.singular_values);
        for (x, y) in pairs.filter(|(_, y)| **y > 1e-3 * largest) {
            worst = worst.max((x / y - 1.0).abs());
        }
    }
    let escapes = |r: &Report| {
        let events = r.events.iter();
        let times = events.filter(|event| event.kind == EventKind::Escape);
        times.map(|event| event.time).collect::<Vec<_>>()
    };
    let (of_a, of_b) = (escapes(a), escapes(b));
    assert_eq!(of_a.len(), of_b.len());
    for (x, y) in of_a.iter().zip(&of_b) {
        worst = worst.max((x / y - 1.0).abs());
    }
    worst
}

/// Against an explicit method of another kind. Three modes that have escaped to about 3 put `σ^{4/3}` three
/// times into the spectral radius, ρ = 13; predictor and corrector are stable for `h ρ < 2` at most, so
/// without splitting 400 units of time take 2600 steps.
#[test]
fn narrowed_kernels_make_large_networks_free_of_stiffness() {
    for cost in [
        format!("{{ kind = \"squared_error\", target = {MODES} }}"),
        format!(
            "{{ kind = \"regression\", target = {MODES}, inputs = {{ gaussian = 1.0 }}, samples = 400 }}"
        ),
        format!(
            "{{ kind = \"matrix_completion\", target = {MODES}, observed = {{ fraction = 0.98 }} }}"
        ),
    ] {
        let exact = report(&cost, "dop853", 1e-10);
        for rtol in [1e-5, 1e-7] {
            let adams = report(&cost, "exponential_adams", rtol);
            let (steps, error) = (adams.solver.steps, distance(&adams, &exact));
            println!("{rtol:e} {steps} steps, error {error:.1e}, {cost}");
            assert!(steps < 1000);
            // What the method promises.
            assert!(error < 100.0 * rtol, "{error:e} {cost}");
        }
    }
}

/// A lazy start: every rate is fast, so all 2116 products would have to be kept. Adams alone takes 7500 steps.
#[test]
fn auto_leaves_to_bdf_what_it_cannot_split() {
    let report_with = |frame: &str, method: &str, most: usize| {
        run_text(&format!(
            "seed = 5\nnetwork = {{ widths = [46, 46, 46, 46] }}\n\
             cost = {{ kind = \"squared_error\", target = {MODES} }}\n\
             init = {{ kind = \"gaussian\", std = 0.15 }}\n\
             solver = {{ method = \"{method}\", rtol = 1e-6, horizon = 1000.0, max_steps = {most}, \
             frame = \"{frame}\" }}\n\
             record = {{ grid = \"log\", count = 20 }}\n"
        ))
    };
    let report = |method: &str, most: usize| report_with("auto", method, most);
    let auto = report("auto", 1000);
    assert!(auto.solver.bdf_from.is_some_and(|t| 0.0 < t && t < 20.0));
    assert!(auto.outcome == Outcome::HorizonReached && auto.solver.jvp_evaluations > 0);
    let error = distance(&auto, &report("dop853", 100_000));
    println!("{:?}, error {error:.1e}", auto.solver);
    assert!(error < 1e-4);
    let adams = report("exponential_adams", auto.solver.steps);
    assert_eq!(adams.solver.bdf_from, None);
    let graded = report_with("on", "auto", 1000);
    assert!(graded.solver.bdf_from.is_some());
}
