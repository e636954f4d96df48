//! Critical points: their Hessian, their kind, and a case where the wrong minimum generalises.

use super::data::{Tally, counts, items, matrix, number, numbers};
use super::dense::Loss;
use dlnflow::linalg::Mat;
use dlnflow::theory::critical_point::{CriticalPoint, Root};
use serde_json::Value;

fn root(value: &Value) -> Root {
    match value.as_str() {
        Some("-") => Root::Lower,
        _ => Root::Upper,
    }
}

#[test]
fn hessians_at_critical_points() {
    let mut tally = Tally::default();
    for item in items("hess_") {
        let inputs = &item["inputs"];
        let roots = inputs["roots"].as_array().expect("roots").iter().map(root);
        let active: Vec<_> = counts(&inputs["active"]).into_iter().zip(roots).collect();
        let (widths, target) = (counts(&inputs["dims"]), numbers(&inputs["s_star"]));
        let l2 = number(&inputs["lambda"]);
        let point = CriticalPoint::new(&widths, &target, l2, &active).expect("a critical point");
        let spectrum = point.spectrum().expect("finite");
        let value = &item["value"];
        let (id, largest) = (&item["id"], spectrum.largest());
        assert_eq!(spectrum.index(), number(&value["index"]) as usize, "{id}");
        assert_eq!(
            spectrum.nullity(),
            number(&value["nullity"]) as usize,
            "{id}"
        );
        let size = largest - spectrum.smallest();
        let shifted = |x: f64| x + size;
        let mut pairs = vec![
            (shifted(spectrum.trace()), shifted(number(&value["trace"]))),
            (
                shifted(spectrum.smallest()),
                shifted(number(&value["min_eig"])),
            ),
            (shifted(largest), shifted(number(&value["max_eig"]))),
        ];
        for (&(mode, _), s) in active.iter().zip(numbers(&item["active_s"])) {
            pairs.push((point.strengths()[mode], s));
        }
        // Eigenvalues relative to the width of the spectrum; references have 15 digits.
        tally.entry(id, &pairs, 1e-12);
    }
    tally.finish(51);
}

/// Three layers, one entry of a rank-one matrix unobserved: the local minimum that is not global has
/// rank one and is closer to the truth.
#[test]
fn the_minimum_that_is_not_global_generalises() {
    let mut tally = Tally::default();
    for item in items("nonglobal_") {
        let inputs = &item["inputs"];
        let (truth, mask) = (matrix(&inputs["A_true"]), matrix(&inputs["mask"]));
        let mut test_errors = Vec::new();
        let mut pairs = Vec::new();
        for point in item["value"].as_array().expect("two points") {
            let layers = point["weights"].as_array().expect("layers");
            let layers: Vec<Mat<f64>> = layers.iter().map(matrix).collect();
            let loss = Loss {
                layers: &layers,
                target: &truth,
                mask: &mask,
                l2: number(&inputs["lambda"]),
            };
            let a = loss.product(&[]);
            // Roundoff of weights below 2 and sums of a few terms.
            assert!(loss.gradient().iter().all(|g| g.abs() < 1e-14));
            let spectrum = loss.spectrum();
            // The rotations of two hidden layers of two neurons, then nothing negative.
            assert!(spectrum[0].abs() < 1e-14 && spectrum[1].abs() < 1e-14);
            let stated = number(&point["min_nonzero_hessian_eig"]);
            assert!((spectrum[2] / stated - 1.0).abs() < 1e-5, "to 6 digits");
            let test_error = (a[(1, 1)] - truth[(1, 1)]).powi(2);
            test_errors.push(test_error);
            pairs.push((loss.value(), number(&point["loss"])));
            pairs.push((test_error, number(&point["test_error"])));
            let exact = matrix(&point["A"]);
            pairs.extend((0..4).map(|n| (a[(n / 2, n % 2)], exact[(n / 2, n % 2)])));
        }
        assert!(number(&item["value"][0]["loss"]) < number(&item["value"][1]["loss"]));
        assert!(test_errors[1] < 0.1 * test_errors[0]);
        // The test errors are given to 12 digits.
        tally.entry(&item["id"], &pairs, 5e-12);
    }
    tally.finish(1);
}
