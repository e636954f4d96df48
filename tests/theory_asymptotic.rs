//! Asymptotic escape times against multiple-precision integrations (tests/data).

use dlnflow::linalg::Mat;
use dlnflow::model::Cost;
use dlnflow::theory::escape_sequence::escape_sequence;
use dlnflow::theory::blow_up::deep_escapes;
use dlnflow::theory::saddle_sequence::jump_slopes;
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
    for item in items("jump_times") {
        let inputs = &item["inputs"];
        let alpha = number(&inputs["alpha"]);
        let scale = faer::Scale(alpha);
        let (w1, w2) = (matrix(&inputs["W1"]) * scale, matrix(&inputs["W2"]) * scale);
        let levels = numbers(&inputs["threshold"]);
        let exact = numbers(&item["value"]);
        let cost = weighted(&item);
        let (found, ended) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &levels);
        for (k, e) in found.iter().enumerate() {
            println!("   T{} {} {:e} error {:e}", k + 1, e.time, exact[k] - e.time, e.error);
        }
        println!("{ended:?}");
    }
    for item in items("small_init_L2") {
        let inputs = &item["inputs"];
        println!("{}", item["id"]);
        let (w1, w2) = (matrix(&inputs["W1"]), matrix(&inputs["W2"]));
        let levels = numbers(&inputs["levels"]);
        let exact = numbers(&item["value"]);
        let cost = Cost::SquaredError { target: matrix(&inputs["A_star"]) };
        let (found, ended) = escape_sequence(&cost, 0.0, w1.as_ref(), w2.as_ref(), &levels);
        for (k, e) in found.iter().enumerate() {
            println!("   T{} {} {:e} error {:e}", k + 1, e.time, exact[k] - e.time, e.error);
        }
        println!("{ended:?}");
    }
    for item in items("small_init_L3") {
        let inputs = &item["inputs"];
        println!("{}", item["id"]);
        let weights = ["W1", "W2", "W3"].map(|w| matrix(&inputs[w]));
        let levels = numbers(&inputs["levels"]);
        let exact = numbers(&item["value"]);
        let target = matrix(&inputs["A_star"]);
        let (found, ended) = deep_escapes(target.as_ref(), &weights, &levels);
        for (k, e) in found.iter().enumerate() {
            println!("   T{} {} {:e} error {:e}", k + 1, e.time, exact[k] - e.time, e.error);
        }
        println!("{ended:?}");
    }
    for item in items("escape_L3") {
        let inputs = &item["inputs"];
        let target = matrix(&inputs["A_star"]);
        for row in item["table_log10inv_alpha_T1_T2"].as_array().unwrap() {
            let row = numbers(row);
            let alpha = 10f64.powf(-row[0]);
            let theta: Vec<_> = inputs["Theta"].as_array().unwrap().iter().map(|w| matrix(w) * faer::Scale(alpha)).collect();
            let s = dlnflow::linalg::svd(target.as_ref()).unwrap().s;
            let levels: Vec<f64> = s.iter().map(|s| s * 0.5).collect();
            let (found, ended) = deep_escapes(target.as_ref(), &theta, &levels);
            println!("{row:?} Tb {} Tb2 {} K {} {ended:?}", found[0].wait * alpha, found[1].wait * alpha, found[0].passage);
            for k in 0..2 {
                println!("   T{} {} {:e} error {:e}", k + 1, found[k].time, row[k + 1] - found[k].time, found[k].error);
            }
        }
    }
    for name in ["jump_exponents_A", "jump_exponents_B"] {
        let item = &items(name)[0];
        let saddles: Vec<_> = item["saddles"].as_array().unwrap()[1..].iter().map(matrix).collect();
        println!("{name} {:?} {:?}", jump_slopes(&weighted(item), 0.0, 3, &saddles), item["value"]);
    }
}
