//! Asymptotic escape times against multiple-precision integrations (tests/data).

use crate::decimals::{matrix, number, numbers};
use dlnflow::linalg::{Mat, svd};
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::theory::blow_up::{deep_escapes, first_blow_up};
use dlnflow::theory::escape_sequence::escape_sequence;
use dlnflow::theory::first_escape::first_escape;
use dlnflow::theory::riccati::Riccati;
use dlnflow::theory::saddle_sequence::{jump_slopes, sorted_pairing};
use dlnflow::theory::unmet::Unmet;
use serde_json::Value;

fn items(prefix: &str) -> Vec<Value> {
    let text = include_str!("../data/asymptotic.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    let named = |item: &Value| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    items.into_iter().filter(named).collect()
}

fn weighted(item: &Value) -> Cost {
    Cost::Weighted {
        target: matrix(&item["inputs"]["A_star"]),
        weights: matrix(&item["inputs"]["M"]),
    }
}

fn rows(value: &Value) -> &Vec<Value> {
    value.as_array().expect("rows")
}

/// The start of the escape times, at α = 1.
fn unit_start() -> Value {
    let mut item = items("jump_times_A_1e-4").remove(0);
    item["inputs"]["alpha"] = Value::from(1.0);
    item
}

fn two_layers(item: &Value) -> (Mat<f64>, Mat<f64>) {
    let alpha = item["inputs"].get("alpha").map_or(1.0, number);
    let scale = faer::Scale(alpha);
    let layer = |name: &str| matrix(&item["inputs"][name]) * scale;
    (layer("W1"), layer("W2"))
}

/// `ln(1/α)` and the errors of the escape times of the sequence for each start of cost A; checks
/// that they are below their estimates.
fn errors_of_cost_a() -> Vec<(f64, Vec<f64>)> {
    let mut found = Vec::new();
    for item in items("jump_times_A") {
        let (w1, w2) = two_layers(&item);
        let (levels, exact) = (
            numbers(&item["inputs"]["threshold"]),
            numbers(&item["value"]),
        );
        let cost = weighted(&item);
        let (escapes, ended) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &levels);
        assert_eq!((escapes.len(), ended), (3, None));
        let errors = escapes.iter().zip(&exact).map(|(e, exact)| {
            let error = (e.time - exact).abs();
            assert!(error <= e.error, "{}: {error:e} {e:?}", item["id"]);
            error
        });
        let alpha = number(&item["inputs"]["alpha"]);
        found.push((-alpha.ln(), errors.collect()));
    }
    assert_eq!(found.len(), 5);
    found
}

/// Values: 36- to 62-digit Taylor integration. The estimates are the first neglected terms with
/// their coefficients, so errors stay below them and fall with them.
#[test]
fn escape_times_of_a_weighted_cost() {
    let found = errors_of_cost_a();
    // Between 1e-4 and 1e-20 the error of T_1 falls as α^{1 − s_2/s_1}, = α^0.50198 here; the term
    // after it is smaller by α^0.5, a percent at 1e-4, which changes the exponent by 0.01/9.2.
    for pair in found[..4].windows(2) {
        let ((x, before), (y, after)) = (&pair[0], &pair[1]);
        let exponent = (before[0] / after[0]).ln() / (y - x);
        assert!((exponent - 0.50198).abs() < 0.004, "{exponent}");
        // T_2 and T_3: e^{−r(T_2 − T_1)} with the rate r = 0.7067 of the approach to A_1 gives
        // α^0.365, the factor T_2 − T_1 makes it slower by at most 1/ln(1/α).
        for k in [1, 2] {
            let exponent = (before[k] / after[k]).ln() / (y - x);
            assert!(exponent > 0.365 - 1.5 / x && exponent < 0.38, "{exponent}");
        }
    }
}

/// With targets `f` times and weights `√f` times as large the flow is the same, `f` times as fast.
#[test]
fn the_unit_of_the_target_changes_nothing_else() {
    let item = items("jump_times_A_1e-4").remove(0);
    let Cost::Weighted { target, weights } = weighted(&item) else {
        panic!("a weighted cost")
    };
    let (w1, w2) = two_layers(&item);
    let scaled = |m: &Mat<f64>, by: f64| Mat::from_fn(m.nrows(), m.ncols(), |i, j| by * m[(i, j)]);
    let find = |exponent: i32| {
        let (root, f) = (2_f64.powi(exponent), 4_f64.powi(exponent));
        let cost = Cost::Weighted {
            target: scaled(&target, f),
            weights: weights.clone(),
        };
        let (w1, w2) = (scaled(&w1, root), scaled(&w2, root));
        let level = 0.3 * f;
        let (first, end) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &[level]);
        assert!(end.is_none(), "{exponent}: {end:?}");
        [first[0].time * f, first[0].error * f]
    };
    let [time, error] = find(0);
    // Powers of units near 10⁻²⁴ leave the range of f64 within a series of 28 terms.
    for exponent in [-40, -20, 20, 40] {
        let found = find(exponent);
        assert!(
            (found[0] / time - 1.0).abs() < 1e-12,
            "{exponent}: {found:?} {time}"
        );
        assert!(
            (found[1] / error - 1.0).abs() < 1e-4,
            "{exponent}: {found:?} {error}"
        );
    }
}

/// The same start: the first neglected term of `T_1` is known with its coefficient, the estimate
/// is twice that, and the next term is smaller by α^0.5.
#[test]
fn error_of_the_first_escape() {
    let mut compared = 0;
    for item in &items("jump_times_A")[..4] {
        let (w1, w2) = two_layers(item);
        let level = numbers(&item["inputs"]["threshold"])[0];
        let first = first_escape(&weighted(item), 0.0, w1.as_ref(), w2.as_ref(), level)
            .unwrap_or_else(|reason| panic!("{reason}"));
        let error = (first.time - numbers(&item["value"])[0]).abs();
        // 1e-14 of the terms of 22 is allowed for roundoff: a tenth of the error at 1e-20.
        let ratio = error / first.error;
        assert!((0.40..0.51).contains(&ratio), "{ratio}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}

/// Values: 60-digit integration (MPFR, GBS extrapolation) of squared error.
#[test]
fn escape_times_of_squared_error() {
    let items = items("small_init_L2");
    for item in &items {
        let (w1, w2) = two_layers(item);
        let levels = numbers(&item["inputs"]["levels"]);
        let target = matrix(&item["inputs"]["A_star"]);
        let cost = Cost::SquaredError { target };
        let (escapes, ended) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &levels);
        assert_eq!((escapes.len(), ended), (3, None));
        for (e, exact) in escapes.iter().zip(numbers(&item["value"])) {
            let error = (e.time - exact).abs();
            assert!(error <= e.error, "{}: {error:e} {e:?}", item["id"]);
            // 1 − s_2/s_1 ≥ 1/3 and a start of 1e-8: twice its square, 4.6e-6, over 2 s_1 ℓ = 9, for parts
            // of equal size: 1e-6. Later escapes inherit it from each before, times s_1/s_3 = 3 at most.
            assert!(e.error < 6e-6, "{e:?}");
        }
    }
    assert_eq!(items.len(), 3);
}

/// Values: greedy path with 60 digits, printed to 12 or 13 (slopes, rates, saddles) and 10
/// (constants) of them; the constants are escape times from the start at α = 1.
#[test]
fn slopes_rates_saddles_and_constants() {
    let start = two_layers(&unit_start());
    let items = items("jump_exponents");
    for item in &items {
        let (id, cost) = (&item["id"], weighted(item));
        let saddles: Vec<Mat<f64>> = rows(&item["saddles"]).iter().map(matrix).collect();
        let slopes = jump_slopes(&cost, 0.0, 3, &saddles[1..]).expect("slopes");
        let exact = numbers(&item["value"]);
        assert_eq!(slopes.len(), exact.len());
        // Saddles are given to 12 digits, the slowest rate of A is 25 times smaller than the
        // largest.
        for (slope, exact) in slopes.iter().zip(&exact) {
            assert!((slope / exact - 1.0).abs() < 1e-10, "{id}: {slope} {exact}");
        }
        let constants: Vec<f64> = rows(&item["constants_for_W"])
            .iter()
            .map(|pair| numbers(pair)[1])
            .collect();
        let levels: Vec<f64> = (1..=constants.len())
            .map(|k| 0.5 * svd(saddles[k].as_ref()).expect("finite").s[k - 1])
            .collect();
        let (w1, w2) = (start.0.as_ref(), start.1.as_ref());
        let (escapes, ended) = escape_sequence(&cost, 0.0, w1, w2, &levels);
        assert_eq!((escapes.len(), ended), (2, None), "{id}");
        for (k, e) in escapes.iter().enumerate() {
            // The second constant of B, whose overlap is small, is confirmed to 0.02 only; the
            // code's own is the same to 4e-12 from starts 1e-7 and 1e-9 beside the saddles.
            let known = if k == 1 && id == "jump_exponents_B" {
                1e-4
            } else {
                1e-9
            };
            let constant = (e.time / constants[k] - 1.0).abs();
            assert!(constant < known, "{id}: {} {}", e.time, constants[k]);
            let saddle = (&e.saddle - &saddles[k + 1]).norm_max();
            assert!(saddle < 1e-11, "{id}: {saddle:e}");
            let exact = numbers(&item["growth_rates"][k + 1]);
            for (rate, exact) in e.growth.rates.iter().zip(exact) {
                assert!((rate - exact).abs() < 1e-11, "{id}: {rate} {exact}");
            }
        }
    }
    assert_eq!(items.len(), 2);
}

/// Cost A beside a fourth mode that it does not mix with: that mode escapes at ln(1/α)/0.27, and
/// pairing in decreasing order would give another slope.
#[test]
fn blocks_keep_their_own_exponents() {
    let item = &items("jump_exponents_A")[0];
    let block = |m: &Mat<f64>, corner: f64, rest: f64| {
        Mat::from_fn(4, 4, |i, j| match (i < 3, j < 3) {
            (true, true) => m[(i, j)],
            (false, false) => corner,
            _ => rest,
        })
    };
    let cost = Cost::Weighted {
        target: block(&matrix(&item["inputs"]["A_star"]), 0.27, 0.0),
        weights: block(&matrix(&item["inputs"]["M"]), 1.0, 1.0),
    };
    let saddle = |k: usize, corner| block(&matrix(&item["saddles"][k]), corner, 0.0);
    let saddles = [saddle(1, 0.0), saddle(2, 0.0), saddle(2, 0.27)];
    let slopes = jump_slopes(&cost, 0.0, 4, &saddles).expect("slopes");
    let exact = numbers(&item["value"]);
    let expected = [exact[0], exact[1], 1.0 / 0.27, exact[2]];
    assert_eq!(slopes.len(), 4);
    for (slope, exact) in slopes.iter().zip(expected) {
        assert!((slope / exact - 1.0).abs() < 1e-10, "{slope} {exact}");
    }
    let mut rates: Vec<Vec<f64>> = (0..3)
        .map(|k| {
            numbers(&item["growth_rates"][k])
                .into_iter()
                .chain([0.27])
                .collect()
        })
        .collect();
    rates
        .iter_mut()
        .for_each(|r| r.sort_by(|x, y| y.total_cmp(x)));
    let sorted = sorted_pairing(&rates);
    assert!((sorted[2] - 3.6670).abs() < 5e-5, "{sorted:?}");
}

/// Values: DOP853 at tolerances of 1e-11 to 1e-12, and the same flow in projected coordinates.
#[test]
fn blow_up_of_three_layers() {
    let item = &items("escape_L3_generic")[0];
    let target = matrix(&item["inputs"]["A_star"]);
    let levels: Vec<f64> = svd(target.as_ref()).expect("finite").s[..2]
        .iter()
        .map(|s| 0.5 * s)
        .collect();
    let table = rows(&item["table_log10inv_alpha_T1_T2"]);
    for row in table {
        let row = numbers(row);
        let scale = 10f64.powf(-row[0]);
        let theta: Vec<Mat<f64>> = rows(&item["inputs"]["Theta"])
            .iter()
            .map(|w| matrix(w) * faer::Scale(scale))
            .collect();
        let (escapes, ended) = deep_escapes(target.as_ref(), &theta, &levels);
        assert_eq!((escapes.len(), ended), (2, None));
        let value = |name: &str| number(&item["value"][name]);
        // Given to 12 digits, 1e-5 and 14 digits; times scale as 1/α.
        assert!((escapes[0].wait * scale / value("T_b") - 1.0).abs() < 1e-11);
        assert!((escapes[1].wait * scale / value("T_b2") - 1.0).abs() < 1e-5);
        assert!((escapes[0].passage / value("K") - 1.0).abs() < 1e-13);
        for (k, e) in escapes.iter().enumerate() {
            let error = (e.time - row[k + 1]).abs();
            assert!(error <= e.error, "{row:?}: {error:e} {e:?}");
        }
    }
    assert_eq!(table.len(), 6);
}

/// Values: 60-digit integration (MPFR, linearly implicit extrapolation), relative error up to
/// 6e-12, which is added.
#[test]
fn escape_times_of_three_layers() {
    let items = items("small_init_L3");
    for item in &items {
        let weights = ["W1", "W2", "W3"].map(|name| matrix(&item["inputs"][name]));
        let levels = numbers(&item["inputs"]["levels"]);
        let target = matrix(&item["inputs"]["A_star"]);
        let (escapes, ended) = deep_escapes(target.as_ref(), &weights, &levels);
        assert_eq!((escapes.len(), ended), (3, None));
        for (e, exact) in escapes.iter().zip(numbers(&item["value"])) {
            let error = (e.time - exact).abs();
            assert!(
                error <= e.error + 6e-12 * exact,
                "{}: {error:e} {e:?}",
                item["id"]
            );
            // The complement changes by 2jε: j = ‖M‖/2a‖W_⊥‖ is of order α = 1e-4, a tilt ε of α^{1/3} below 0.1. That
            // is 2e-5 of the wait for each of a few directions, and as much again in the third escape.
            assert!(e.error < 1e-3 * exact, "{e:?}");
        }
    }
    assert_eq!(items.len(), 3);
}

/// Squared error with λ > 0 from a balanced start: the closed form reaches the level then.
#[test]
fn regularised_escape_is_that_of_the_closed_form() {
    let target = Mat::from_fn(3, 3, |i, j| if i == j { 2.0 - 0.6 * i as f64 } else { 0.0 });
    let start = Mat::from_fn(3, 3, |i, j| {
        1e-6 * (1.0 + (1.3 * i as f64 + 2.1 * j as f64).sin())
    });
    let cost = Cost::SquaredError { target };
    let (w1, w2) = (start.as_ref(), start.transpose());
    let first = first_escape(&cost, 0.15, w1, w2, 0.8).expect("escape");
    let network = Network::new(vec![3, 3, 3]);
    let mut initial_weights = vec![0.0; network.parameters()];
    network.layer_mut(&mut initial_weights, 1).copy_from(w1);
    network.layer_mut(&mut initial_weights, 2).copy_from(w2);
    let problem = Problem {
        network,
        cost,
        l2: 0.15,
        initial_weights,
    };
    let exact = Riccati::new(&problem).expect("balanced");
    // Strengths move at 2 s (r − s) there, at most 2.
    let reached = exact.at(first.time).singular_values[0];
    assert!(
        (reached - 0.8).abs() <= 2.0 * first.error + 1e-13,
        "{reached}"
    );
    assert!(first.error < 1e-4);
}

#[test]
fn assumptions_that_fail_are_named() {
    let diagonal = |s: [f64; 2]| Cost::SquaredError {
        target: Mat::from_fn(2, 2, |i, j| if i == j { s[i] } else { 0.0 }),
    };
    let small =
        |second: f64| Mat::from_fn(2, 2, |i, j| if i == j { [1e-3, second][i] } else { 0.0 });
    let reason = |cost: Cost, l2: f64, start: Mat<f64>, level: f64| {
        first_escape(&cost, l2, start.as_ref(), start.as_ref(), level).err()
    };
    let distinct = || diagonal([2.0, 1.0]);
    assert_eq!(
        reason(diagonal([1.0, 1.0]), 0.0, small(1e-3), 0.5),
        Some(Unmet::RepeatedTop)
    );
    assert_eq!(
        reason(distinct(), 1.0, small(1e-3), 0.5),
        Some(Unmet::NoGrowth)
    );
    assert_eq!(
        reason(diagonal([1.0, 2.0]), 0.0, small(0.0), 0.5),
        Some(Unmet::ZeroOverlap)
    );
    assert_eq!(
        reason(distinct(), 0.0, small(0.0) * faer::Scale(0.0), 0.5),
        Some(Unmet::ZeroOverlap)
    );
    assert_eq!(
        reason(distinct(), 0.0, small(1e-3), 2.5),
        Some(Unmet::LevelNotReached)
    );
    assert_eq!(
        reason(distinct(), 0.0, Mat::zeros(3, 3), 0.5),
        Some(Unmet::Shapes)
    );
    assert_eq!(
        reason(distinct(), 0.0, small(f64::NAN), 0.5),
        Some(Unmet::NotFinite)
    );
    assert_eq!(reason(distinct(), 0.0, small(1e-3), 0.5), None);
    let deep = |cost: &Cost, start: Mat<f64>| first_blow_up(cost, &vec![start; 3]).err();
    assert_eq!(
        deep(&diagonal([1.0, 1.0]), small(1e-3)),
        Some(Unmet::RepeatedTop)
    );
    assert_eq!(
        deep(&distinct(), Mat::zeros(2, 2)),
        Some(Unmet::ZeroOverlap)
    );
    assert_eq!(
        deep(&diagonal([1.0, 2.0]), small(0.0)),
        Some(Unmet::ZeroOverlap)
    );
    assert_eq!(deep(&distinct(), small(1e-3)), None);
    let two = vec![small(1e-3), small(1e-3)];
    assert_eq!(first_blow_up(&distinct(), &two).err(), Some(Unmet::Depth));
}
