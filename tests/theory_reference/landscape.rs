//! Critical points: their Hessian, their kind, and a case where the wrong minimum generalises.

use super::data::{Tally, counts, items, number, numbers};
use super::dense::Loss;
use dlnflow::linalg::Mat;
use dlnflow::theory::critical_point::{CriticalPoint, Kind, Root, Spectrum};
use dlnflow::theory::minimum::{global_minimum, local_minima};
use proptest::prelude::*;
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
