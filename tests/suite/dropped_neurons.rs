//! Narrower hidden layers change nothing that is measured.

use crate::common::run_text;
use dlnflow::report::Report;

/// Two modes of very different size in a hidden layer of the given width, seen by a target of
/// rank two; the basis of the hidden layer is that of the modes.
fn graded(width: usize, strengths: [&str; 2]) -> Report {
    let [first, second] = strengths;
    run_text(&format!(
        "network = {{ widths = [4, {width}, 4] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ singular_values = [3.0, 2.0] }} }}\n\
         init = {{ kind = \"aligned\", mode_strengths = [{first}, {second}] }}\n\
         solver = {{ method = \"dop853\", rtol = 1e-10, atol = 1e-45, horizon = 40.0 }}\n\
         events = [{{ kind = \"escape\", fraction = 0.5 }}]\n"
    ))
}

/// The second escape is that of the closed form `ln(s*/s_0 − 1)/(2 s*)`, `s* = 2`   (Saxe,
/// McClelland & Ganguli 2014): a mode far below roundoff of another one survives the narrowing.
#[test]
fn modes_far_below_roundoff_of_others_survive() {
    let exact = (2.0_f64.ln() + 60.0 * 10.0_f64.ln()) / 4.0;
    for width in [4, 8, 16] {
        let report = graded(width, ["1e-2", "1e-60"]);
        // Neurons without weights are left out; those of the modes stay.
        assert_eq!(report.solver.reduced_widths, Some(vec![4, 2, 4]));
        let escape = report.events.iter().find(|e| e.index == Some(2));
        let time = escape.expect("the second escape").time;
        // 20 tolerances, as for every aligned start.
        assert!(
            (time / exact - 1.0).abs() <= 2e-9,
            "{width}: {time}, not {exact}"
        );
    }
}

/// The product of the layers has no digits of the second mode: nothing is predicted from it.
#[test]
fn no_prediction_from_roundoff() {
    let predicted = |strengths| -> Vec<Option<usize>> {
        let report = graded(4, strengths);
        let escapes = report.predictions.iter();
        let escapes = escapes.filter(|p| p.quantity == "escape_time");
        escapes.map(|p| p.mode).collect()
    };
    assert_eq!(predicted(["1e-2", "1e-60"]), [Some(1)]);
    assert_eq!(predicted(["1e-2", "1e-6"]), [Some(1), Some(2)]);
}

/// A start of low rank in wide hidden layers, against the same start in layers as wide as its rank.
#[test]
fn neurons_without_weights_do_not_matter() {
    let run = |hidden: [usize; 2], l2: f64| {
        let [h1, h2] = hidden;
        run_text(&format!(
            "seed = 4\nnetwork = {{ widths = [3, {h1}, {h2}, 3] }}\nregularization = {{ l2 = {l2} }}\n\
             cost = {{ kind = \"matrix_completion\", target = {{ gaussian = 1.0 }}, observed = {{ fraction = 0.7 }} }}\n\
             init = {{ kind = \"balanced\", std = 0.3 }}\n\
             solver = {{ method = \"dop853\", rtol = 1e-10, horizon = 6.0 }}\n\
             record = {{ grid = \"linear\", count = 20 }}\n"
        ))
    };
    for l2 in [0.0, 0.01] {
        let (narrow, wide) = (run([3, 3], l2), run([20, 11], l2));
        assert_eq!(narrow.solver.reduced_widths, None);
        assert_eq!(wide.solver.reduced_widths, Some(vec![3, 3, 3, 3]));
        assert_eq!(wide.trajectory.rows, narrow.trajectory.rows);
        let shapes: Vec<_> = wide.final_weights.iter().map(|w| (w.0, w.1)).collect();
        assert_eq!(shapes, [(20, 3), (11, 20), (3, 11), (3, 3)]);
        assert_eq!(wide.final_weights[3], narrow.final_weights[3]);
    }
}

/// The neuron without weights stands first: the others keep their places.
#[test]
fn weights_come_back_in_their_places() {
    let run = |width: usize, w1: &str, w2: &str| {
        run_text(&format!(
            "network = {{ widths = [2, {width}, 2] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = [[1.0, 0.3], [-0.2, 0.6]] }} }}\n\
             init = {{ kind = \"matrices\", rows = [{w1}, {w2}] }}\n\
             solver = {{ method = \"dop853\", rtol = 1e-10, horizon = 3.0 }}\n"
        ))
    };
    let wide = run(
        3,
        "[[0.0, 0.0], [0.3, 0.1], [0.2, -0.4]]",
        "[[0.0, 0.5, 0.1], [0.0, -0.2, 0.3]]",
    );
    let narrow = run(2, "[[0.3, 0.1], [0.2, -0.4]]", "[[0.5, 0.1], [-0.2, 0.3]]");
    assert_eq!(wide.solver.reduced_widths, Some(vec![2, 2, 2]));
    assert_eq!(narrow.solver.reduced_widths, None);
    let (w1, w2) = (&narrow.final_weights[0].2, &narrow.final_weights[1].2);
    let first = vec![0.0, w1[0], w1[1], 0.0, w1[2], w1[3]];
    let second = [vec![0.0; 2], w2.clone()].concat();
    assert_eq!(wide.final_weights[0].2, first);
    assert_eq!(wide.final_weights[1].2, second);
    assert_eq!(wide.final_weights[2], narrow.final_weights[2]);
}
