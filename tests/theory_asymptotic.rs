//! Asymptotic escape times against multiple-precision integrations (tests/data).

use dlnflow::linalg::Mat;
use dlnflow::model::Cost;
use dlnflow::theory::escape_sequence::escape_sequence;
use dlnflow::theory::first_escape::first_escape;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| value.as_f64())
        .expect("a number or its decimal expansion")
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect()
}

fn matrix(value: &Value) -> Mat<f64> {
    let rows: Vec<Vec<f64>> = value
        .as_array()
        .expect("rows")
        .iter()
        .map(numbers)
        .collect();
    Mat::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

fn items(prefix: &str) -> Vec<Value> {
    let text = include_str!("data/asymptotic.json");
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

#[test]
fn explore() {
    for item in items("jump_times_A") {
        let inputs = &item["inputs"];
        let alpha = number(&inputs["alpha"]);
        let scale = faer::Scale(alpha);
        let (w1, w2) = (matrix(&inputs["W1"]) * scale, matrix(&inputs["W2"]) * scale);
        let levels = numbers(&inputs["threshold"]);
        let exact = numbers(&item["value"]);
        let cost = weighted(&item);
        let first = first_escape(&cost, 0.0, w1.as_ref(), w2.as_ref(), levels[0]).unwrap();
        println!("{alpha:e} T1 {} diff {:e} error {:e}", first.time, exact[0]-first.time, first.error);
        let (found, ended) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &levels);
        for (k, e) in found.iter().enumerate() {
            println!("   T{} {} {:e} rates {:?}", k + 1, e.time, exact[k] - e.time, e.growth.rates);
        }
        println!("{ended:?}");
    }
}
