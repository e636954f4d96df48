//! Critical points found by Newton's method and their counts: against complex-step Hessians of squared
//! error (tests/data/theory.json), saddles of weighted and completion costs computed with many digits
//! (tests/data/asymptotic.json), and Hessians of the whole network for every cost.

use crate::decimals::{matrix, number, numbers};
use crate::generic;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::VectorField;
use dlnflow::linalg::{Mat, distance, symmetric_eigen, to_vec};
use dlnflow::model::{Cost, Frame, Network, PointKind, Problem};
use dlnflow::saddle::{GreedyPath, Morse, PathEnd, Saddle};
use serde_json::Value;
use std::sync::atomic::AtomicBool;

fn items(file: &str, prefix: &str) -> Vec<Value> {
    let items: Vec<Value> = serde_json::from_str(file).expect("reference data");
    let wanted = |item: &Value| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    items.into_iter().filter(wanted).collect()
}

fn theory(prefix: &str) -> Vec<Value> {
    items(include_str!("../data/theory.json"), prefix)
}

fn asymptotic(prefix: &str) -> Vec<Value> {
    items(include_str!("../data/asymptotic.json"), prefix)
}

fn problem(widths: Vec<usize>, cost: Cost, l2: f64) -> Problem {
    let network = Network::new(widths);
    Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        cost,
        l2,
    }
}

/// Balanced layers whose neuron `n` carries mode `active[n]` with `strengths[n]`.
fn weights(network: &Network, active: &[usize], strengths: &[f64]) -> Vec<f64> {
    let depth = network.depth();
    let mut all = vec![0.0; network.parameters()];
    for layer in 1..=depth {
        let mut w = network.layer_mut(&mut all, layer);
        for (n, (&mode, s)) in active.iter().zip(strengths).enumerate() {
            let row = if layer == depth { mode } else { n };
            let column = if layer == 1 { mode } else { n };
            w[(row, column)] = s.powf(1.0 / depth as f64);
        }
    }
    all
}

/// One layer has no saddles, and a map no rank above the smallest width.
#[test]
fn there_is_no_saddle_where_there_can_be_none() {
    for (widths, ranks) in [(vec![3, 4], 0..6), (vec![3, 5, 4], 4..7)] {
        let target = Mat::from_fn(4, 3, |i, j| (1.0 + 2.0 * i as f64 + 0.7 * j as f64).sin());
        let problem = problem(widths, Cost::SquaredError { target }, 0.0);
        let weights = generic::entries(3, problem.network.parameters());
        for rank in ranks {
            assert!(Saddle::near(&problem, &weights, rank).is_none(), "{rank}");
        }
    }
}

/// Index, nullity and extreme eigenvalues at every orbit of the references, found from weights that are
/// off by 1e-7 and in other hidden bases.
#[test]
fn counts_equal_those_of_complex_step_hessians() {
    let mut seen = 0;
    for item in theory("hess_") {
        let inputs = &item["inputs"];
        let widths: Vec<usize> = numbers(&inputs["dims"])
            .iter()
            .map(|n| *n as usize)
            .collect();
        let targets = numbers(&inputs["s_star"]);
        let (rows, cols) = (widths[widths.len() - 1], widths[0]);
        let mut target = Mat::zeros(rows, cols);
        targets
            .iter()
            .enumerate()
            .for_each(|(i, s)| target[(i, i)] = *s);
        let problem = problem(
            widths,
            Cost::SquaredError { target },
            number(&inputs["lambda"]),
        );
        let active: Vec<usize> = numbers(&inputs["active"])
            .iter()
            .map(|n| *n as usize)
            .collect();
        let strengths = numbers(&item["active_s"]);
        let noise = generic::entries(3, problem.network.parameters());
        let exact = weights(&problem.network, &active, &strengths);
        let mut near: Vec<f64> = exact
            .iter()
            .zip(&noise)
            .map(|(w, e)| w + 1e-7 * e)
            .collect();
        Frame::new(&problem.network).regrade(&mut near);
        let saddle = Saddle::near(&problem, &near, active.len()).expect("a critical point");
        let morse = Morse::at(&problem, &saddle).expect("small");
        let value = &item["value"];
        let counts = (morse.index as f64, morse.nullity as f64);
        let id = &item["id"];
        assert_eq!(
            counts,
            (number(&value["index"]), number(&value["nullity"])),
            "{id} {morse:?} {value}"
        );
        // With λ the point is isolated up to rotations and polished to roundoff. Without, its neighbours
        // of other imbalance are critical too: off by the noise, which a third derivative below 20 sees.
        let band = if problem.l2 > 0.0 { 1e-11 } else { 20.0 * 1e-7 };
        let extremes = [(morse.smallest, "min_eig"), (morse.largest, "max_eig")];
        for (found, key) in extremes {
            assert!(
                (found - number(&value[key])).abs() < band,
                "{id} {morse:?} {value}"
            );
        }
        assert!(
            morse.zero_gap[0] < 1e-11 && morse.zero_gap[1] > 1e-5,
            "{id} {morse:?}"
        );
        if problem.l2 > 0.0 {
            assert_eq!(morse.nullity, morse.symmetry, "{id} {morse:?} {value}");
        }
        seen += 1;
    }
    assert_eq!(seen, 51);
}

/// Eigenvalues of the Hessian of the whole network at a saddle whose weights are put into it.
fn whole_spectrum(problem: &Problem, saddle: &Saddle) -> Vec<f64> {
    let n = problem.network.parameters();
    let mut weights = vec![0.0; n];
    if let Some(core) = &saddle.core {
        for layer in 1..=problem.network.depth() {
            let small = core.network.layer(&core.initial_weights, layer);
            let mut w = problem.network.layer_mut(&mut weights, layer);
            w.as_mut()
                .submatrix_mut(0, 0, small.nrows(), small.ncols())
                .copy_from(small);
        }
    }
    let flow = LayerFlow::new(problem);
    let (mut unit, mut image) = (vec![0.0; n], vec![0.0; n]);
    let hessian = Mat::from_fn(n, n, |i, j| {
        if i == 0 {
            unit.fill(0.0);
            unit[j] = 1.0;
            flow.jvp(&weights, &unit, &mut image);
        }
        -image[i]
    });
    symmetric_eigen(hessian.as_ref()).expect("finite").0
}

/// The decomposition of the Hessian against the Hessian of the whole network, at all saddles of greedy
/// paths of every cost kind.
#[test]
fn counts_equal_those_of_the_whole_network() {
    let mut seen = 0;
    for depth in 2..=4 {
        for kind in 0..generic::KINDS {
            let mut widths = vec![4; depth + 1];
            widths[1] = 5;
            widths[depth] = 3;
            let cost = generic::cost(kind, generic::matrix(11 + u64::from(kind), 3, 4), 5);
            let problem = problem(widths, cost, 0.0);
            let path = GreedyPath::of(&problem);
            for saddle in &path.saddles {
                let morse = Morse::at(&problem, saddle).expect("small");
                let whole = whole_spectrum(&problem, saddle);
                let largest = whole.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
                let zero = 1e-8 * largest;
                let index = whole.iter().filter(|v| **v < -zero).count();
                let nullity = whole.iter().filter(|v| v.abs() <= zero).count();
                let context = format!("L = {depth}, cost {kind}, rank {}", saddle.rank);
                assert_eq!((morse.index, morse.nullity), (index, nullity), "{context}");
                assert!(
                    (morse.smallest - whole[0]).abs() <= 1e-12 * largest,
                    "{context}"
                );
                assert!(morse.nullity >= morse.symmetry, "{context}");
                let over = matches!(path.end, PathEnd::Complete | PathEnd::NoRoom);
                let last = over && saddle.rank + 1 == path.saddles.len();
                let expected = match (last, depth) {
                    (true, _) => [PointKind::GlobalMinimum, PointKind::LocalMinimum].to_vec(),
                    (_, 2) => vec![PointKind::StrictSaddle],
                    _ => vec![PointKind::NonStrictSaddle],
                };
                assert!(
                    expected.contains(&morse.kind),
                    "{context}: {morse:?} {:?}",
                    path.end
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

/// Saddles and growth rates of examples A and B, good to 1e-10 there, at every depth.
#[test]
fn greedy_paths_meet_the_references() {
    for (id, completion) in [("jump_exponents_A", false), ("jump_exponents_B", true)] {
        let item = &asymptotic(id)[0];
        let (target, weights) = (
            matrix(&item["inputs"]["A_star"]),
            matrix(&item["inputs"]["M"]),
        );
        let cost = match completion {
            true => Cost::MatrixCompletion {
                target,
                observed: weights,
            },
            false => Cost::Weighted { target, weights },
        };
        for depth in 2..=4 {
            let problem = problem(vec![3; depth + 1], cost.clone(), 0.0);
            let path = GreedyPath::of(&problem);
            let saddles = item["saddles"].as_array().expect("a list");
            let rates = item["growth_rates"].as_array().expect("a list");
            assert_eq!(
                path.saddles.len(),
                saddles.len(),
                "{id} L = {depth}: {:?}",
                path.end
            );
            assert_eq!(path.end, PathEnd::Complete);
            // The minima of a completion form a family, and which of them is reached depends on the depth.
            let same = saddles.len() - usize::from(completion && depth > 2);
            for (found, (saddle, rates)) in path
                .saddles
                .iter()
                .zip(saddles.iter().zip(rates))
                .take(same)
            {
                let off = &found.end_to_end - matrix(saddle);
                println!(
                    "{id} L = {depth} rank {}: off by {:.1e}",
                    found.rank,
                    off.norm_max()
                );
                assert!(off.norm_max() < 1e-10, "{id} {}", off.norm_max());
                for (s, rate) in found.gradient_singular_values.iter().zip(numbers(rates)) {
                    assert!((s - rate).abs() < 1e-10, "{id} {s} {rate}");
                }
            }
        }
    }
}

/// The search that leaves out what cannot be closer against a look at every sample.
#[test]
fn the_nearest_sample_of_an_orbit_is_the_nearest_of_all() {
    let cost = generic::cost(1, generic::matrix(11, 3, 4), 5);
    let path = GreedyPath::of(&problem(vec![4, 5, 3], cost, 0.0));
    assert!(path.orbits.len() > 1);
    for orbit in &path.orbits {
        let count = orbit.samples.len();
        for seed in 0..20 {
            // Some near the orbit, some far from it.
            let off = to_vec(generic::matrix(100 + seed, 3, 4).as_ref());
            let size = 10.0_f64.powi(-(seed as i32 % 5));
            let beside = orbit.map(seed as usize * (count - 1) / 19);
            let map: Vec<f64> = beside.iter().zip(&off).map(|(a, b)| a + size * b).collect();
            let distances: Vec<f64> = (0..count).map(|i| distance(&orbit.map(i), &map)).collect();
            let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
            assert_eq!(distances[orbit.nearest(&map)], least);
        }
    }
}

#[test]
fn an_interrupted_path_keeps_what_it_found() {
    let problem = problem(
        vec![4, 5, 3],
        generic::cost(0, generic::matrix(11, 3, 4), 5),
        0.0,
    );
    let path = GreedyPath::until(&problem, &AtomicBool::new(true));
    assert!(path.saddles.len() == 1 && path.end == PathEnd::Interrupted);
    let path = GreedyPath::until(&problem, &AtomicBool::new(false));
    assert_eq!(path.saddles.len(), GreedyPath::of(&problem).saddles.len());
}
