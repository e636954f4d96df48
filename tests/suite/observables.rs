//! Observables of whole runs against closed forms and independent computations.

use crate::common::run_text;
use dlnflow::linalg::{Mat, view};
use dlnflow::model::Network;
use dlnflow::observe::{Observable, Trajectory};
use dlnflow::report::Report;

const ALL: &str = r#"["kernel_norm", "kernel_alignment", "effective_rank", "nuclear_norm",
    "arc_length", "mode_speed_residual"]"#;

/// A run of `widths` that records all observables; `more` are keys of `[record]` and further tables.
fn run(widths: &str, target: &str, init: &str, horizon: f64, more: &str) -> Report {
    run_text(&format!(
        "[network]\nwidths = {widths}\n\
         [cost]\nkind = \"squared_error\"\ntarget = {target}\n\
         [init]\n{init}\n\
         [solver]\nhorizon = {horizon:e}\n\
         [record]\nobservables = {ALL}\n{more}\n"
    ))
}

/// The column of an observable.
fn column(trajectory: &Trajectory, name: &str) -> Vec<f64> {
    let value = |row| trajectory.value(row, name).expect("recorded");
    trajectory.rows.iter().map(value).collect()
}

fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, f64::max)
}

const DIAGONAL: &str = "{ diagonal = [3.0, 2.0, 1.0] }";

#[test]
fn a_run_that_asks_for_nothing_records_nothing() {
    let text = "[network]\nwidths = [2, 2]\n[cost]\nkind = \"squared_error\"\n\
        target = { diagonal = [1.0] }\n[init]\nkind = \"identity\"\n[solver]\nhorizon = 1.0\n";
    let report = run_text(text);
    assert!(report.trajectory.observables.is_empty());
    let rows = &report.trajectory.rows;
    assert!(rows.iter().all(|row| row.observables.is_empty()));
    assert_eq!(report.trajectory.value(&rows[0], "kernel_norm"), None);
}

#[test]
fn values_stand_in_the_order_of_the_scenario() {
    let report = run_text(
        "[network]\nwidths = [2, 2]\n[cost]\nkind = \"squared_error\"\n\
         target = { diagonal = [1.0] }\n[init]\nkind = \"identity\"\n[solver]\nhorizon = 1.0\n\
         [record]\nobservables = [\"nuclear_norm\", \"kernel_norm\"]\n",
    );
    let names = [Observable::NuclearNorm, Observable::KernelNorm];
    assert_eq!(report.trajectory.observables, names);
    let first = &report.trajectory.rows[0];
    // One layer: K is the identity on 2 × 2 matrices.
    assert_eq!(first.observables, [2.0, 2.0]);
}

/// `A` is linear in each single weight, so that differences give the columns of `G` exactly.
fn formed_kernel(network: &Network, weights: &[f64]) -> Mat<f64> {
    let at = |weights: &[f64]| {
        let layers = (1..=network.depth()).rev();
        let layer = |l| network.layer(weights, l).to_owned();
        layers.map(layer).reduce(|a, b| a * b).expect("layers")
    };
    let base = at(weights);
    let rows = base.nrows();
    let mut g = Mat::zeros(rows * base.ncols(), weights.len());
    for k in 0..weights.len() {
        let mut moved = weights.to_vec();
        moved[k] += 1.0;
        let difference = at(&moved) - &base;
        for i in 0..g.nrows() {
            g[(i, k)] = difference[(i % rows, i / rows)];
        }
    }
    &g * g.transpose()
}

#[test]
fn kernel_norm_and_alignment_are_those_of_the_formed_kernel() {
    // Wide enough to be narrowed, and not.
    for widths in ["[3, 4, 3]", "[3, 20, 3]", "[3, 4, 5, 3]"] {
        let init = "kind = \"gaussian\"\nstd = 0.3";
        let more = "grid = \"linear\"\ncount = 6\nweights = true";
        let report = run(widths, DIAGONAL, init, 2.0, more);
        let network = Network::new(report.widths.clone());
        let trajectory = &report.trajectory;
        let target = [3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0];
        let y = view(&target, 9, 1);
        for (row, weights) in trajectory.rows.iter().zip(&trajectory.weights) {
            let kernel = formed_kernel(&network, weights);
            let norm = trajectory.value(row, "kernel_norm").expect("recorded");
            assert!((norm / kernel.norm_l2() - 1.0).abs() < 1e-12, "{widths}");
            let form = (y.transpose() * &kernel * y)[(0, 0)];
            let exact = form / (kernel.norm_l2() * 14.0);
            let found = trajectory.value(row, "kernel_alignment").expect("recorded");
            assert!((found / exact - 1.0).abs() < 1e-12, "{widths}");
        }
    }
}

/// One mode of an aligned start moves on a straight line: the length of its path is `|σ(T) − σ(0)|`.
#[test]
fn the_path_of_one_mode_is_as_long_as_the_mode_rises() {
    for (widths, scale) in [
        ("[3, 4, 3]", 0.1),
        ("[3, 4, 3]", 1e-8),
        ("[3, 3, 3, 3]", 0.1),
    ] {
        let init = format!("kind = \"aligned\"\nmode_strengths = [1.0]\nscale = {scale}");
        let report = run(widths, "{ diagonal = [2.0] }", &init, 40.0, "");
        let rows = &report.trajectory.rows;
        let lengths = column(&report.trajectory, "arc_length");
        let rise =
            |row: &dlnflow::observe::Row| row.singular_values[0] - rows[0].singular_values[0];
        let off = rows
            .iter()
            .zip(&lengths)
            .map(|(row, s)| (s - rise(row)).abs());
        // rtol = 1e-9 of rounding and error at the target.
        assert!(largest(off) < 1e-8, "{widths} {scale}");
        assert!(lengths.windows(2).all(|s| s[1] >= s[0]), "{widths} {scale}");
        assert!((lengths[lengths.len() - 1] - 2.0).abs() < 0.2);
    }
}

/// Three modes that rise one after the other bend the path. Beside it the polyline through forty
/// thousand states, which cuts its corners by a few parts in 10⁹.
#[test]
fn a_bent_path_has_the_length_of_a_fine_polyline() {
    let init = "kind = \"gaussian\"\nstd = 0.05";
    let fine = run(
        "[3, 4, 3]",
        DIAGONAL,
        init,
        12.0,
        "grid = \"linear\"\ncount = 40001\nweights = true",
    );
    let network = Network::new(fine.widths.clone());
    let product = |w: &Vec<f64>| network.layer(w, 2) * network.layer(w, 1);
    let states: Vec<Mat<f64>> = fine.trajectory.weights.iter().map(product).collect();
    let polyline: f64 = states.windows(2).map(|a| (&a[1] - &a[0]).norm_l2()).sum();
    for grid in [
        "grid = \"adaptive\"",
        "grid = \"steps\"",
        "grid = \"linear\"\ncount = 7",
    ] {
        let report = run("[3, 4, 3]", DIAGONAL, init, 12.0, grid);
        let lengths = column(&report.trajectory, "arc_length");
        let length = lengths[lengths.len() - 1];
        assert!(
            (length / polyline - 1.0).abs() < 5e-8,
            "{grid}: {length} {polyline}"
        );
    }
}

/// Weight decay pulls one unbalanced weight back after `A` has risen above its rest: the path turns at
/// `t = 0.92975`, within a step. Reference: classical Runge–Kutta, 24,000 steps, which agrees with 6,000 to 1e-13.
#[test]
fn a_path_that_turns_within_a_step_has_both_its_ways() {
    for (method, rtol) in [("dop853", 1e-12), ("auto", 1e-12), ("bdf", 1e-9)] {
        let report = run_text(&format!(
            "[network]\nwidths = [1, 1, 1]\n[cost]\nkind = \"squared_error\"\ntarget = {{ rows = [[1.0]] }}\n\
             [init]\nkind = \"matrices\"\nrows = [[[1.5]], [[0.02]]]\n[regularization]\nl2 = 0.3\n\
             [solver]\nmethod = \"{method}\"\nrtol = {rtol:e}\nhorizon = 6.0\n\
             [record]\ngrid = \"linear\"\ncount = 61\nobservables = [\"arc_length\"]\n"
        ));
        let lengths = column(&report.trajectory, "arc_length");
        let length = lengths[lengths.len() - 1];
        // The errors of some hundred steps.
        let off = (length - 0.593034390051).abs();
        assert!(off < 100.0 * rtol, "{method}: {length} {off:e}");
        // Rows on both sides of the turn too: up to it the path is as long as `A` rises.
        let rows = report.trajectory.rows.iter().zip(&lengths);
        for (row, length) in rows.filter(|(row, _)| row.time < 0.92) {
            let rise = row.singular_values[0] - 0.03;
            assert!(
                (length - rise).abs() < 100.0 * rtol,
                "{method}: {}",
                row.time
            );
        }
    }
}

#[test]
fn equal_singular_values_count_as_many() {
    let init = "kind = \"aligned\"\nmode_strengths = 0.1";
    let report = run(
        "[3, 4, 3]",
        "{ diagonal = [2.0, 2.0, 2.0] }",
        init,
        20.0,
        "",
    );
    let ranks = column(&report.trajectory, "effective_rank");
    assert!(largest(ranks.iter().map(|r| (r - 3.0).abs())) < 1e-10);
    let norms = column(&report.trajectory, "nuclear_norm");
    assert!((norms[norms.len() - 1] - 6.0).abs() < 1e-7);
}

#[test]
fn only_balanced_weights_have_the_speeds_of_balanced_weights() {
    let residuals = |widths: &str, init: &str, more: &str| {
        let report = run(widths, DIAGONAL, init, 2.0, more);
        column(&report.trajectory, "mode_speed_residual")
    };
    let penalty = "[regularization]\nl2 = 0.05";
    for widths in ["[3, 4, 3]", "[3, 4, 5, 3]", "[3, 20, 3]"] {
        for more in ["", penalty] {
            let init = "kind = \"balanced\"\nstd = 0.5\nhidden_rotation = true";
            let balanced = largest(residuals(widths, init, more));
            assert!(balanced < 1e-7, "{widths}: {balanced:e}");
            assert!(residuals(widths, init, more)[0] < 1e-12);
            let init = "kind = \"gaussian\"\nstd = 0.5";
            let start = residuals(widths, init, more)[0];
            assert!(start > 1e-2, "{widths}: {start:e}");
        }
    }
}

/// The residual is of the order of the imbalance: `W_2ᵀW_2 − W_1W_1ᵀ = λI` with `λ → 0`.
#[test]
fn the_residual_falls_with_the_imbalance() {
    let residual = |lambda: f64| {
        let init = format!(
            "kind = \"lambda_balanced\"\nlambda = {lambda}\nend_to_end = {{ diagonal = [1.0, 0.5, 0.2] }}"
        );
        let report = run("[3, 3, 3]", DIAGONAL, &init, 1.0, "");
        column(&report.trajectory, "mode_speed_residual")[0]
    };
    // σ' of a mode is √(λ² + 4σ²) instead of 2σ times its pull: the square of λ.
    let exact = |lambda: f64| {
        let fast = |s: f64| (lambda * lambda + 4.0 * s * s).sqrt();
        let modes = [(1.0, 2.0), (0.5, 1.5), (0.2, 0.8)];
        let off = largest(modes.map(|(s, pull)| (fast(s) - 2.0 * s) * pull));
        off / largest(modes.map(|(s, pull)| fast(s) * pull))
    };
    for lambda in [0.5, 0.05] {
        assert!((residual(lambda) / exact(lambda) - 1.0).abs() < 1e-9);
    }
}

/// Hidden bases that follow the modes, and narrowed layers, leave every observable as it is.
#[test]
fn hidden_bases_do_not_matter() {
    // Small enough for the bases to follow, large enough for a run without to be right.
    let cases = [
        ("[3, 5, 3]", 1e-6, 12.0),
        ("[3, 30, 3]", 1e-6, 12.0),
        ("[3, 4, 4, 3]", 2e-3, 400.0),
    ];
    for (widths, std, horizon) in cases {
        let values = |frame: &str| {
            let report = run_text(&format!(
                "[network]\nwidths = {widths}\n[cost]\nkind = \"squared_error\"\ntarget = {DIAGONAL}\n\
                 [init]\nkind = \"gaussian\"\nstd = {std}\n[solver]\nhorizon = {horizon}\nframe = \"{frame}\"\nrtol = 1e-11\n\
                 [record]\ngrid = \"linear\"\ncount = 9\nobservables = {ALL}\n"
            ));
            let rotations = report.solver.frame_rotations;
            assert_eq!(rotations.is_some_and(|n| n > 3), frame == "on");
            report.trajectory
        };
        let (on, off) = (values("on"), values("off"));
        for (a, b) in on.rows.iter().zip(&off.rows) {
            for ((x, y), name) in a
                .observables
                .iter()
                .zip(&b.observables)
                .zip(Observable::ALL)
            {
                let miss = (x - y).abs() / y.abs().max(1e-3);
                assert!(
                    miss < 1e-7,
                    "{widths} {}: {x} {y} at {}",
                    name.name(),
                    a.time
                );
            }
        }
    }
}

/// A start far below the floor of `f64`, where waits are integrated in a time of their own.
#[test]
fn tiny_starts_have_observables() {
    let init = "kind = \"gaussian\"\nstd = 1e-20";
    for (widths, horizon) in [("[3, 5, 3]", 120.0), ("[3, 4, 4, 3]", 1e22)] {
        let report = run(widths, DIAGONAL, init, horizon, "");
        let trajectory = &report.trajectory;
        let last = trajectory.rows.last().expect("rows");
        let value = |name: &str| trajectory.value(last, name).expect("recorded");
        // From saddle to saddle on straight lines.
        assert!(
            (value("arc_length") - 6.0).abs() < 0.01,
            "{}",
            value("arc_length")
        );
        assert!((value("nuclear_norm") - 6.0).abs() < 1e-6);
        assert!(trajectory.value(&trajectory.rows[0], "kernel_norm") > Some(0.0));
    }
}

/// Sixteen orthogonal layers, the eighth with one neuron: `σ_1 = 1` and no other mode, so that
/// `L Σ σ_i^{2/L}` is 16. Roundoff of the product, 1e-16, would count as a hundredth of a mode each; and the
/// sum never exceeds `‖θ‖²`.
#[test]
fn modes_behind_a_bottleneck_do_not_count() {
    let mut widths = vec![3; 17];
    widths[8] = 1;
    let report = run_text(&format!(
        "network = {{ widths = {widths:?} }}\n\
         cost = {{ kind = \"squared_error\", target = {DIAGONAL} }}\n\
         init = {{ kind = \"orthogonal\" }}\nsolver = {{ horizon = 0.5 }}\n"
    ));
    let rows = &report.trajectory.rows;
    // Seventeen roundings of σ_1 to the power 1/8.
    assert!(
        (rows[0].schatten - 16.0).abs() <= 1e-14 * 16.0,
        "{}",
        rows[0].schatten
    );
    for row in rows {
        assert!(row.schatten <= row.parameter_norm_sq, "t = {}", row.time);
        let one = 16.0 * row.singular_values[0].powf(0.125);
        assert!((row.schatten - one).abs() <= 1e-14 * one);
    }
}

/// Two modes of four layers that wait 10⁷ times as long as they rise: against the way of `A`, which is that of one
/// mode after the other, the cost is a parabola in two pieces. Straight lines between rows draw both.
#[test]
fn what_happens_in_no_time_is_drawn_against_the_path() {
    let rows = |count: usize| {
        run_text(&format!(
            "[network]\nwidths = [2, 2, 2, 2, 2]\n\
             [cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [2.0, 1.0] }}\n\
             [init]\nkind = \"aligned\"\nmode_strengths = 1e-16\n\
             [solver]\nhorizon = 1e8\n\
             [record]\nobservables = [\"arc_length\"]\ncount = {count}\n"
        ))
        .trajectory
    };
    let exact = |way: f64| match way < 2.0 {
        true => 0.5 * (2.0 - way).powi(2) + 0.5,
        false => 0.5 * (3.0 - way).powi(2),
    };
    for count in [100, 400, 2000] {
        let trajectory = rows(count);
        let found = trajectory.rows.len();
        assert!((9 * count / 10..=count).contains(&found), "{found}");
        let ways = column(&trajectory, "arc_length");
        let ends = ways.iter().zip(&trajectory.rows);
        let points: Vec<(f64, f64)> = ends.map(|(&way, row)| (way, row.cost)).collect();
        let middles = points.windows(2).map(|pair| {
            let [(x, a), (y, b)] = [pair[0], pair[1]];
            (0.5 * (a + b) - exact(0.5 * (x + y))).abs()
        });
        // 0.2 % of the axis with as many rows as by default; a chord misses by the square of its length.
        let finer = (400.0 / count as f64).powi(2);
        let worst = largest(middles);
        assert!(worst < 2e-3 * 2.5 * finer, "{count}: {worst:e}");
    }
}

/// An escape after 10²⁰ units of time has no time of its own in `f64`: a run that is stopped in it ends where it was
/// stopped all the same.
#[test]
fn the_last_row_is_the_last_state() {
    for stop in [1.2, 0.6, 1e-6] {
        let report = run_text(&format!(
            "[network]\nwidths = [2, 2, 2, 2, 2]\n\
             [cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [2.0, 1.0] }}\n\
             [init]\nkind = \"aligned\"\nmode_strengths = 1e-40\n\
             [solver]\nhorizon = 1e24\n[stop]\ncost = {stop:e}\n"
        ));
        let last = report.trajectory.rows.last().expect("rows");
        assert!(last.cost <= stop, "{stop} {}", last.cost);
        let (rows, cols, a) = report.final_weights.last().expect("A");
        let half_square = |i: usize| 0.5 * (a[i * (rows + 1)] - [2.0, 1.0][i]).powi(2);
        assert_eq!((*rows, *cols), (2, 2));
        let exact = half_square(0) + half_square(1);
        assert!(
            (last.cost / exact - 1.0).abs() < 1e-9,
            "{} {exact}",
            last.cost
        );
    }
}
