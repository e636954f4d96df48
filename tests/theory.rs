//! The mode equation's escape times against 40-digit reference values (tests/data).

use dlnflow::theory::mode_strength::time_between;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| value.as_f64())
        .expect("a number or its decimal expansion")
}

#[test]
fn escape_times_match_the_reference() {
    let text = include_str!("data/escape_times.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    let mut compared = 0;
    for item in &items {
        let id = item["id"].as_str().expect("an id");
        if !id.starts_with("escape_L") {
            continue;
        }
        let inputs = &item["inputs"];
        let depth = inputs["L"].as_u64().expect("a depth") as usize;
        let (target, start) = (number(&inputs["s_star"]), number(&inputs["s0"]));
        let exact = number(&item["value"]);
        let time = time_between(depth, target, start, number(&inputs["f"]) * target);
        // Two powers and a short series: a few ulp each.
        assert!(
            (time / exact - 1.0).abs() < 1e-13,
            "{id}: {time} against {exact}"
        );
        compared += 1;
    }
    assert_eq!(compared, 6);
}
