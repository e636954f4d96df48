//! Runs from starts far below the rounding of `f64`, against runs with 60 digits (asymptotic.json, which
//! says for each how good it is) and, below the smallest of those, against the laws by which escape
//! times depend on the start.

use crate::common::run_text;
use crate::decimals::{matrix, number, numbers};
use dlnflow::linalg::svd;
use dlnflow::observe::EventKind;
use dlnflow::report::{Outcome, Report};
use serde_json::Value;

fn items(prefix: &str) -> Vec<Value> {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("../data/asymptotic.json")).expect("a list of items");
    let named = |item: &Value| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    all.into_iter().filter(named).collect()
}

fn items_of(list: &Value) -> &Vec<Value> {
    list.as_array().expect("a list")
}

/// The rows of a matrix in TOML.
fn rows(matrix: &Value) -> String {
    let rows: Vec<Vec<f64>> = items_of(matrix).iter().map(numbers).collect();
    format!("{rows:?}")
}

/// `kind = "crossing"` of `σ_1 …` through the levels.
fn crossings(levels: &[f64]) -> String {
    let one = |(k, level): (usize, &f64)| {
        format!(
            "{{ kind = \"crossing\", quantity = \"singular_value\", index = {}, level = {level:?}, \
             direction = \"rising\" }}",
            k + 1
        )
    };
    let all: Vec<String> = levels.iter().enumerate().map(one).collect();
    format!("events = [{}]\n", all.join(", "))
}

fn solver(method: &str, rtol: f64, horizon: f64) -> String {
    format!(
        "solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = {horizon:e} }}\n\
         record = {{ grid = \"linear\", count = 2 }}\n"
    )
}

fn with_frame(solver: String, frame: &str) -> String {
    solver.replace(" }\nrecord", &format!(", frame = \"{frame}\" }}\nrecord"))
}

/// Times of the first events of `σ_1, σ_2, …`.
fn times(report: &Report, modes: usize) -> Vec<f64> {
    let of = |k| report.events.iter().find(|e| e.index == Some(k));
    let time = |k| {
        of(k)
            .unwrap_or_else(|| panic!("σ_{k}: {}", report.outcome_detail))
            .time
    };
    (1..=modes).map(time).collect()
}

fn assert_close(found: &[f64], exact: &[f64], tolerance: f64, what: &str) {
    for (k, (f, e)) in found.iter().zip(exact).enumerate() {
        let off = (f / e - 1.0).abs();
        assert!(
            off <= tolerance,
            "{what}: mode {}: {f:e} against {e:e}, {off:.1e}",
            k + 1
        );
    }
    assert_eq!(found.len(), exact.len());
}

/// Example A of the references: two layers, weighted cost.
fn example_a(item: &Value, method: &str, rtol: f64, frame: &str) -> Report {
    let inputs = &item["inputs"];
    let last = numbers(&item["value"])[2];
    let layers = [rows(&inputs["W1"]), rows(&inputs["W2"])].join(", ");
    run_text(&format!(
        "network = {{ widths = [3, 3, 3] }}\n\
         cost = {{ kind = \"weighted\", target = {{ rows = {} }}, weights = {{ rows = {} }} }}\n\
         init = {{ kind = \"matrices\", rows = [{layers}], scale = {} }}\n{}{}",
        rows(&inputs["A_star"]),
        rows(&inputs["M"]),
        number(&inputs["alpha"]),
        with_frame(solver(method, rtol, 1.05 * last), frame),
        crossings(&numbers(&inputs["threshold"])),
    ))
}

/// `factor · rtol`: what is asked of a run, 1000 at 1e-12 and 100 at 1e-8, far above what is reached.
#[test]
fn two_layers_meet_runs_with_sixty_digits() {
    for item in items("jump_times_A_") {
        let exact = numbers(&item["value"]);
        for method in ["auto", "bdf"] {
            for (rtol, tolerance) in [(1e-12, 1e-9), (1e-8, 1e-6)] {
                let report = example_a(&item, method, rtol, "auto");
                let what = format!("{} {method} {rtol:e}", item["id"]);
                assert_close(&times(&report, 3), &exact, tolerance, &what);
                assert_eq!(report.warnings, Vec::<String>::new(), "{what}");
            }
        }
    }
}

/// What the frame is for: without it the third escape from 1e-20 is off in the first digit, in a run
/// that nothing else tells from a good one.
#[test]
fn without_the_frame_the_third_escape_is_lost() {
    let item = &items("jump_times_A_1e-20")[0];
    let exact = numbers(&item["value"])[2];
    let report = example_a(item, "dop853", 1e-12, "off");
    let plain = times(&report, 3)[2];
    assert!(
        report
            .warnings
            .iter()
            .any(|w| w.contains("escapes may come at wrong times"))
    );
    assert!(
        (plain / exact - 1.0).abs() > 0.01,
        "{plain} against {exact}"
    );
}

/// Dense targets, two and three layers; what is asked is stated in the table.
#[test]
fn dense_targets_meet_runs_with_sixty_digits() {
    for item in items("small_init_") {
        let inputs = &item["inputs"];
        let exact = numbers(&item["value"]);
        let depth = if inputs["W3"].is_null() { 2 } else { 3 };
        let layers: Vec<String> = (1..=depth)
            .map(|l| rows(&inputs[format!("W{l}")]))
            .collect();
        let widths = if depth == 2 {
            "[3, 4, 3]"
        } else {
            "[3, 4, 4, 3]"
        };
        let report = run_text(&format!(
            "network = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = {} }} }}\n\
             init = {{ kind = \"matrices\", rows = [{}] }}\n{}{}",
            rows(&inputs["A_star"]),
            layers.join(", "),
            solver("auto", 1e-12, 1.2 * exact[2]),
            crossings(&numbers(&inputs["levels"])),
        ));
        let tolerance = if depth == 2 { 1e-9 } else { 1e-10 };
        let what = item["id"].to_string();
        assert_close(&times(&report, 3), &exact, tolerance, &what);
        assert!(report.solver.frame_rotations.is_some(), "{what}");
        assert_eq!(report.warnings, Vec::<String>::new(), "{what}");
    }
}

/// Three layers from moderate to small starts, with hidden bases that follow the modes and without, by a
/// one-step method and by two multistep ones.
#[test]
fn generic_starts_of_three_layers_meet_the_table() {
    let item = &items("escape_L3_generic")[0];
    let inputs = &item["inputs"];
    let layers: Vec<String> = items_of(&inputs["Theta"]).iter().map(rows).collect();
    let targets = svd(matrix(&inputs["A_star"]).as_ref()).expect("finite").s;
    let levels = [0.5 * targets[0], 0.5 * targets[1]];
    let rtol = 1e-12;
    for row in items_of(&item["table_log10inv_alpha_T1_T2"]) {
        let row = numbers(row);
        for (method, frame) in [("auto", "auto"), ("auto", "on"), ("bdf", "on")] {
            let report = run_text(&format!(
                "network = {{ widths = [3, 3, 3, 3] }}\n\
                 cost = {{ kind = \"squared_error\", target = {{ rows = {} }} }}\n\
                 init = {{ kind = \"matrices\", rows = [{}], scale = {:e} }}\n{}{}",
                rows(&inputs["A_star"]),
                layers.join(", "),
                10f64.powf(-row[0]),
                with_frame(solver(method, rtol, 1.05 * row[2]), frame),
                crossings(&levels),
            ));
            let what = format!("1e-{} {method} {frame}", row[0]);
            // The table is good to 1e-10; 100 rtol for the run.
            let tolerance = 1e-10 + 100.0 * rtol;
            assert_close(&times(&report, 2), &row[1..], tolerance, &what);
        }
    }
}

const SQUARED: &str =
    "{ kind = \"squared_error\", target = { singular_values = [3.0, 2.0, 1.0] } }";
const DENSE: &str = "{ kind = \"squared_error\", \
     target = { rows = [[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]] } }";
const WEIGHTED: &str = "{ kind = \"weighted\", \
     target = { rows = [[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]] }, \
     weights = { rows = [[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]] } }";
const COMPLETION: &str = "{ kind = \"matrix_completion\", \
     target = { rows = [[1.2, 0.5, -1.75], [0.3, 0.9, -0.6], [-0.46, 0.4, 0.55]] }, \
     observed = { rows = [[1, 1, 0], [1, 1, 1], [0, 1, 1]] } }";

/// Escape times from a Gaussian start of size `scale`.
fn gaussian(depth: usize, cost: &str, scale: f64, rtol: f64, modes: usize) -> Vec<f64> {
    times(&gaussian_run(depth, cost, scale, rtol), modes)
}

fn gaussian_run(depth: usize, cost: &str, scale: f64, rtol: f64) -> Report {
    let hidden = ", 4".repeat(depth - 1);
    let horizon = 30.0 * scale.powi(2 - depth as i32) - 2000.0 * scale.ln();
    run_text(&format!(
        "seed = 3\nnetwork = {{ widths = [3{hidden}, 3] }}\ncost = {cost}\n\
         init = {{ kind = \"gaussian\", std = 1.0, scale = {scale:e} }}\n\
         {}events = [{{ kind = \"escape\" }}]\n",
        solver("auto", rtol, horizon)
    ))
}

/// Three layers: `T_k α` tends to a constant; at 1e-16 it is there to `α^{2/3}` and better.
#[test]
fn waits_of_three_layers_are_a_power_of_the_start() {
    let scaled = |scale: f64| -> Vec<f64> {
        let times = gaussian(3, SQUARED, scale, 1e-12, 3);
        times.iter().map(|t| t * scale).collect()
    };
    let at = scaled(1e-16);
    for scale in [1e-20, 1e-60, 1e-100] {
        assert_close(&scaled(scale), &at, 1e-9, &format!("{scale:e}"));
    }
}

/// A wait of 10⁹⁸ time units costs what one of 10² does, up to the part that is no power law.
#[test]
fn deep_waits_cost_the_same_whatever_their_length() {
    for (depth, smallest) in [(3, 1e-100), (4, 1e-60), (5, 1e-50)] {
        for cost in [SQUARED, DENSE] {
            let work = |scale: f64| {
                let solver = gaussian_run(depth, cost, scale, 1e-12).solver;
                solver.rhs_evaluations as f64
            };
            let ratio = work(smallest) / work(1e-4);
            assert!(ratio < 3.0, "{depth} layers: {ratio}");
        }
    }
}

/// Where neurons stay within the range in which rounding is not felt the frame does nothing, even if asked for.
#[test]
fn a_frame_without_use_does_nothing() {
    for (widths, std) in [("[3, 4, 3]", 1e-2), ("[3, 4, 4, 3]", 0.3)] {
        let run = |frame: &str| {
            run_text(&format!(
                "seed = 3\nnetwork = {{ widths = {widths} }}\ncost = {SQUARED}\n\
                 init = {{ kind = \"gaussian\", std = {std} }}\n\
                 solver = {{ frame = \"{frame}\", horizon = 40.0 }}\n\
                 events = [{{ kind = \"escape\" }}]\n"
            ))
        };
        let (off, on) = (run("off"), run("on"));
        assert_eq!(on.solver.frame_rotations, Some(0));
        // 100 rtol
        assert_close(&times(&on, 3), &times(&off, 3), 1e-7, widths);
    }
}

/// Deeper networks have no reference; two tolerances, whose waits also begin at different sizes, agree
/// to a hundred times the larger.
#[test]
fn waits_of_deeper_networks_do_not_depend_on_the_tolerance() {
    let starts = [(4, 1e-4), (4, 1e-8), (4, 1e-20), (5, 1e-3), (5, 1e-4)];
    for (depth, scale) in starts.into_iter().chain([(5, 1e-8), (5, 1e-12)]) {
        for (name, cost) in [("diagonal", SQUARED), ("dense", DENSE)] {
            let fine = gaussian(depth, cost, scale, 1e-12, 3);
            let coarse = gaussian(depth, cost, scale, 1e-10, 3);
            let what = format!("{depth} layers, {scale:e}, {name}");
            assert_close(&coarse, &fine, 1e-8, &what);
        }
    }
}

/// Four layers from a start whose waits a plain run can afford. Waits leave out the fourth power of
/// the start, some 1e-10; 100 rtol for the run in waits.
#[test]
fn waits_of_four_layers_meet_a_plain_run() {
    let run = |rest: &str| {
        let report = run_text(&format!(
            "seed = 3\nnetwork = {{ widths = [3, 4, 4, 4, 3] }}\ncost = {SQUARED}\n\
             init = {{ kind = \"gaussian\", std = 1.0, scale = 3e-3 }}\n\
             solver = {{ method = \"dop853\", horizon = 4.5e4, {rest} }}\n\
             record = {{ grid = \"linear\", count = 2 }}\nevents = [{{ kind = \"escape\" }}]\n"
        ));
        (times(&report, 3), report.solver.steps)
    };
    let (plain, many) = run("rtol = 1e-12, frame = \"off\"");
    let (waits, few) = run("rtol = 1e-10, frame = \"on\"");
    assert_close(&waits, &plain, 1e-8, "four layers");
    assert!(100 * few < many, "{few} steps against {many}");
}

/// The size at which a wait ends and every other switch depend on the tolerance.
#[test]
fn waits_under_other_costs_do_not_depend_on_the_switches() {
    for (cost, modes) in [(WEIGHTED, 3), (COMPLETION, 2)] {
        for scale in [1e-8, 1e-12] {
            let fine = gaussian(3, cost, scale, 1e-12, modes);
            let coarse = gaussian(3, cost, scale, 1e-10, modes);
            assert_close(&coarse, &fine, 1e-8, &format!("{scale:e}"));
        }
    }
}

/// Where a wait begins and where it ends, the escaped modes stand where the waiting ones drive them. Left at the
/// saddle they would raise the loss by `½⟨x, M x⟩` of their way `x`, 1e-10 here.
#[test]
fn the_loss_does_not_rise_where_a_wait_begins() {
    for scale in [1e-4, 1e-6] {
        for seed in [1, 2, 3] {
            let horizon = 30.0 / scale;
            let report = run_text(&format!(
                "seed = {seed}\nnetwork = {{ widths = [3, 3, 3, 3] }}\n\
                 cost = {{ kind = \"matrix_completion\", target = {{ singular_values = [2.261, 2.247, 2.025] }}, \
                 observed = {{ fraction = 0.8 }} }}\n\
                 init = {{ kind = \"orthogonal\", scale = {scale:e} }}\n\
                 solver = {{ horizon = {horizon:e} }}\nevents = [{{ kind = \"escape\", fraction = 0.5 }}]\n"
            ));
            for law in &report.laws {
                assert!(law.found <= law.allowed, "{seed} {scale:e}: {law:?}");
            }
            assert!(report.events.len() > 1, "{:?}", report.events);
        }
    }
}

/// Two layers: `T_k = τ_k ln(1/α) + c_k` up to `α^{1 − s_2/s_1}`, below 1e-10 from 1e-20 on. The slopes `τ_k` are
/// those of theory.json, good to 1e-10 of `τ_3`.
#[test]
fn escape_times_of_two_layers_follow_their_slopes_to_the_smallest_starts() {
    let slopes = numbers(&items("jump_exponents_A")[0]["value"]);
    let reference = &items("jump_times_A_1e-20")[0];
    let from = times(&example_a(reference, "auto", 1e-12, "auto"), 3);
    for scale in [1e-60_f64, 1e-100, 1e-150] {
        let mut item = reference.clone();
        item["inputs"]["alpha"] = format!("{scale:e}").into();
        let growth = (1e-20 / scale).ln();
        let predicted: Vec<f64> = from
            .iter()
            .zip(&slopes)
            .map(|(t, s)| t + s * growth)
            .collect();
        item["value"] = predicted.clone().into();
        let found = times(&example_a(&item, "auto", 1e-12, "auto"), 3);
        assert_close(&found, &predicted, 1e-8, &format!("{scale:e}"));
    }
}

/// `O` of a plane rotation of the first two of `n` hidden neurons after one of the last two.
fn turned(rows: &[Vec<f64>], angle: f64, columns: bool) -> Vec<Vec<f64>> {
    let mut out = rows.to_vec();
    let n = if columns { rows[0].len() } else { rows.len() };
    for (p, q) in (0..n - 1).map(|p| (p, p + 1)) {
        let (c, s) = (angle.cos(), angle.sin());
        let others = if columns { out.len() } else { out[0].len() };
        for i in 0..others {
            let (a, b) = if columns {
                ((i, p), (i, q))
            } else {
                ((p, i), (q, i))
            };
            let (x, y) = (out[a.0][a.1], out[b.0][b.1]);
            out[a.0][a.1] = c * x + s * y;
            out[b.0][b.1] = c * y - s * x;
        }
    }
    out
}

/// Rotating hidden layers of the start changes nothing but rounding, which a mode of 1e-30 must not
/// feel.
#[test]
fn escapes_do_not_depend_on_the_basis_of_the_start() {
    let layer = |rows: usize, cols: usize, phase: f64| -> Vec<Vec<f64>> {
        let entry = |i: usize, j: usize| (phase + 1.3 * i as f64 + 2.1 * (j * j) as f64).sin();
        (0..rows)
            .map(|i| (0..cols).map(|j| entry(i, j)).collect())
            .collect()
    };
    for depth in [2, 3] {
        let mut layers = vec![layer(5, 3, 0.3)];
        if depth == 3 {
            layers.push(layer(5, 5, 0.9));
        }
        layers.push(layer(3, 5, 1.7));
        let run = |layers: &[Vec<Vec<f64>>]| {
            let hidden = ", 5".repeat(depth - 1);
            let horizon = if depth == 2 { 600.0 } else { 1e32 };
            let report = run_text(&format!(
                "network = {{ widths = [3{hidden}, 3] }}\ncost = {COMPLETION}\n\
                 init = {{ kind = \"matrices\", rows = {layers:?}, scale = 1e-30 }}\n\
                 {}events = [{{ kind = \"escape\" }}]\n",
                solver("auto", 1e-10, horizon)
            ));
            times(&report, 2)
        };
        let plain = run(&layers);
        for hidden in 0..depth - 1 {
            layers[hidden] = turned(&layers[hidden], 0.7, false);
            layers[hidden + 1] = turned(&layers[hidden + 1], 0.7, true);
        }
        assert_close(&run(&layers), &plain, 1e-8, &format!("{depth} layers"));
    }
}

/// Singular values far below the largest: two methods with nothing in common but the frame agree on
/// them relative to themselves. At 1e-20 all of `σ_3` but its first digits would be noise of `A`.
#[test]
fn tiny_singular_values_are_measured() {
    let item = &items("jump_times_A_1e-20")[0];
    let last = |method: &str| {
        let mut item = item.clone();
        // Half-way between the second escape and the third.
        item["value"][2] = 200.0.into();
        let report = example_a(&item, method, 1e-10, "auto");
        report
            .trajectory
            .rows
            .last()
            .expect("rows")
            .singular_values
            .clone()
    };
    let (explicit, implicit) = (last("dop853"), last("bdf"));
    assert!(explicit[2] < 1e-20 * explicit[0], "{explicit:?}");
    // Relative errors of growth over a few thousand steps.
    assert_close(&explicit, &implicit, 1e-6, "singular values");
}

/// Nothing happens after the last escape, and while stiffness alone would bound an explicit method (some
/// two steps for a unit of time) a thousand times the horizon is reached in hardly more steps.
#[test]
fn the_time_after_the_last_escape_costs_nothing() {
    let steps = |widths: &str, scale: f64, horizon: f64| {
        let report = run_text(&format!(
            "seed = 3\nnetwork = {{ widths = {widths} }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 2.0, 1.0] }} }}\n\
             init = {{ kind = \"gaussian\", std = {scale:e} }}\n\
             {}events = [{{ kind = \"escape\" }}]\n",
            with_frame(solver("auto", 1e-9, horizon), "on")
        ));
        assert_eq!(times(&report, 3).len(), 3, "{}", report.outcome_detail);
        report.solver.steps as f64
    };
    for (widths, scale, horizon) in [("[4, 6, 4]", 1e-10, 200.0), ("[4, 6, 6, 4]", 1e-3, 2e3)] {
        let (short, long) = (
            steps(widths, scale, horizon),
            steps(widths, scale, 1e3 * horizon),
        );
        assert!(long < 1.5 * short, "{widths}: {short} and {long} steps");
    }
}

/// With weight decay the escaped modes of a deep network rest while others wait, and no network of
/// the waiting ones alone is known. The same without the frame, which is another method all along.
#[test]
fn rests_under_weight_decay_are_passed_in_few_steps() {
    let escapes = |frame: &str, rtol: f64| {
        let report = run_text(&format!(
            "seed = 3\nnetwork = {{ widths = [4, 6, 6, 4] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 2.0, 1.0] }} }}\n\
             init = {{ kind = \"gaussian\", std = 1e-3 }}\nregularization = {{ l2 = 1e-7 }}\n\
             {}events = [{{ kind = \"escape\" }}]\n",
            with_frame(solver("auto", rtol, 1e4), frame)
        ));
        (times(&report, 3), report.solver.steps)
    };
    let (found, steps) = escapes("on", 1e-9);
    let (plain, _) = escapes("off", 1e-12);
    assert_close(&found, &plain, 1e-7, "weight decay");
    // `dop853` needs two steps for a unit of time.
    assert!(steps < 4000, "{steps} steps");
}

/// Two modes of equal strength never come to rest, since any two directions of their plane would do. With
/// three layers all waits grow as one over the start all the same, up to what the transitions take, a few
/// units of time of some 2·10⁵.
#[test]
fn waits_of_equal_modes_are_a_power_of_the_start() {
    let scaled = |scale: f64| -> Vec<f64> {
        let report = run_text(&format!(
            "seed = 3\nnetwork = {{ widths = [3, 4, 4, 3] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 3.0, 1.0] }} }}\n\
             init = {{ kind = \"gaussian\", std = 1.0, scale = {scale:e} }}\n\
             {}events = [{{ kind = \"escape\" }}]\n",
            solver("auto", 1e-10, 1e9)
        ));
        times(&report, 3).iter().map(|t| t * scale).collect()
    };
    assert_close(&scaled(1e-6), &scaled(1e-8), 3e-5, "waits in units of 1/σ");
}

/// Two modes of equal strength relax towards each other like a power of time: the second is never
/// at rest while the third waits. No number is better than a wrong one.
#[test]
fn modes_that_cannot_be_told_apart_are_not_resolved() {
    let report = run_text(&format!(
        "seed = 3\nnetwork = {{ widths = [3, 4, 4, 3] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 3.0, 1.0] }} }}\n\
         init = {{ kind = \"gaussian\", std = 1.0, scale = 1e-12 }}\n\
         {}events = [{{ kind = \"escape\" }}]\n",
        solver("auto", 1e-10, 1e18)
    ));
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(
        report.outcome_detail.starts_with("not resolved"),
        "{}",
        report.outcome_detail
    );
    assert!(report.events.iter().all(|e| e.index != Some(3)));
}

/// Neurons that weight decay takes below 1e-154, where their squares underflow, are no reason to stop. The
/// weights that stay have long been those of the minimum: the gradient vanishes.
#[test]
fn neurons_that_decay_out_of_range_do_not_stop_a_run() {
    let report = run_text(&format!(
        "network = {{ widths = [2, 3, 2] }}\n\
         cost = {{ kind = \"weighted\", target = {{ rows = [[2.0, 0.5], [0.3, 1.0]] }}, \
         weights = {{ rows = [[1.0, 2.0], [0.5, 1.0]] }} }}\n\
         init = {{ kind = \"gaussian\", std = 1e-9 }}\nregularization = {{ l2 = 0.02 }}\n{}",
        with_frame(solver("auto", 1e-6, 5000.0), "on")
    ));
    assert_eq!(
        report.outcome,
        Outcome::HorizonReached,
        "{}",
        report.outcome_detail
    );
    // Rates at the minimum are 0 and −4λ, and e^{−0.08 t} of 1e-9 is below 1e-154 from t = 4170 on.
    let last = report.trajectory.rows.last().expect("rows");
    assert!(last.gradient_norm < 1e-5, "{last:?}");
}

/// Modes of an aligned start that are zero stay zero, and the others end at their targets: nothing is left to wait for,
/// with neurons that are zero or turned among the others (3 neurons) and without them (narrowed to those in use). The
/// absent ones are the weakest: beside a weaker one that is present rounding would turn its neuron to them.
#[test]
fn modes_that_are_absent_are_not_waited_for() {
    let ends = [3.0, 2.0, 1.5];
    for (depth, scale) in [(3, 1e-4), (5, 1e-4)] {
        for strengths in [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.5, 0.0]] {
            for rotation in [true, false] {
                // Waits are about 1/(σ α^{L−2}).
                let horizon = 100.0 / f64::powi(scale, depth - 2);
                let widths = vec![3; depth as usize + 1];
                let report = run_text(&format!(
                    "network = {{ widths = {widths:?} }}\n\
                     cost = {{ kind = \"squared_error\", target = {{ singular_values = {ends:?} }} }}\n\
                     init = {{ kind = \"aligned\", scale = {scale:e}, mode_strengths = {strengths:?}, \
                     hidden_rotation = {rotation} }}\n\
                     solver = {{ horizon = {horizon:e}, max_steps = 2000 }}\n"
                ));
                let what = format!("L = {depth}, {strengths:?}, {rotation}");
                assert_eq!(report.outcome, Outcome::HorizonReached, "{what}");
                let last = report.trajectory.rows.last().expect("rows");
                let mut expected: Vec<f64> = (0..3)
                    .map(|k| if strengths[k] > 0.0 { ends[k] } else { 0.0 })
                    .collect();
                expected.sort_by(|a, b| b.total_cmp(a));
                // rtol 1e-9 of the weights.
                for (found, exact) in last.singular_values.iter().zip(expected) {
                    assert!((found - exact).abs() < 1e-8, "{what}: {found} {exact}");
                }
            }
        }
    }
}

/// Squared error with targets 3, 2, 1: at the saddle of the first mode the slowest way back is a turn towards the
/// second, at the rate `σ_1^{1 − 2/L} (s_1 − s_2)`. So the gradient norm falls long after the waiting modes go on
/// alone, down to their own of some `10⁻¹⁵`.
#[test]
fn the_gradient_of_an_escaped_mode_decays_at_the_rate_of_its_saddle() {
    let levels: Vec<String> = (6..=11)
        .map(|k| {
            format!(
                "{{ kind = \"crossing\", quantity = \"gradient_norm\", level = 1e-{k}, direction = \"falling\" }}"
            )
        })
        .collect();
    let report = run_text(&format!(
        "seed = 3\nnetwork = {{ widths = [3, 3, 3, 3] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ diagonal = [3.0, 2.0, 1.0] }} }}\n\
         init = {{ kind = \"gaussian\", std = 1e-8 }}\n\
         solver = {{ horizon = 2.2e7 }}\nevents = [{}]\n",
        levels.join(", ")
    ));
    // The last of each level: at the start all but the first lie above.
    let last = |k: usize| {
        report
            .events
            .iter()
            .rfind(|e| e.level == 10f64.powi(-(k as i32)))
    };
    let times: Vec<f64> = (6..=11).map(|k| last(k).expect("passed").time).collect();
    let decade = 10f64.ln() / 3f64.cbrt();
    for pair in times.windows(2) {
        let off = (pair[1] - pair[0]) / decade - 1.0;
        // Steps that leave 1e-9 of the weights make 1 % of a gradient of 1e-7, one decade earlier and later alike.
        assert!(off.abs() < 2e-3, "{off:e} {times:?}");
    }
}

/// After waits of `10³⁹` the end of a plateau and the escape differ in the second half of their times only.
#[test]
fn plateaus_end_before_the_escape_however_late() {
    let report = run_text(
        "seed = 1\nnetwork = { widths = [3, 3, 3, 3, 3] }\n\
         cost = { kind = \"squared_error\", target = { singular_values = [3.0, 2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 1e-20 }\nsolver = { horizon = 1e43 }\n",
    );
    let kinds: Vec<EventKind> = report.events.iter().map(|e| e.kind).collect();
    let once = [
        EventKind::PlateauEnter,
        EventKind::PlateauLeave,
        EventKind::Escape,
    ];
    assert_eq!(kinds, [once, once, once].concat());
    let costs = report.events.windows(2).all(|e| e[1].cost <= e[0].cost);
    assert!(costs, "{:?}", report.events);
}

/// Rounding of escaped neurons is 1e-16 of them, and `α²` is 1e-14 of them from 1e-7 and 1e-4 from 1e-2: waiting modes feel
/// it in the first case alone, and only in the plain bases.
#[test]
fn starts_that_rounding_reaches_are_warned_of() {
    let warned = |std: &str, frame: &str| {
        let report = run_text(&format!(
            "network = {{ widths = [2, 2, 2] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.0] }} }}\n\
             init = {{ kind = \"gaussian\", std = {std} }}\n{}",
            with_frame(solver("auto", 1e-9, 30.0), frame)
        ));
        let said = "escapes may come at wrong times";
        report.warnings.iter().any(|w| w.contains(said))
    };
    assert!(warned("1e-7", "off"));
    assert!(!warned("1e-7", "auto"));
    assert!(!warned("1e-2", "off"));
}

/// The run is integrated piece by piece, and its limit of steps and their number are those of the whole.
#[test]
fn a_run_without_steps_left_counts_them_all() {
    let report = run_text(
        "network = { widths = [2, 2, 2] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 1e-9 }\n\
         solver = { horizon = 60.0, max_steps = 90 }\n",
    );
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.solver.steps, 90);
    let detail = &report.outcome_detail;
    assert!(detail.starts_with("90 steps were not enough"), "{detail}");
}
