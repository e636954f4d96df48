//! Escape times from ever smaller starts, with and without hidden bases that follow the modes.
//!
//! `cargo bench --bench small_initialisation` prints Markdown tables of relative errors against
//! multi-precision references (`tests/data/asymptotic.json`), and draws the first of them in
//! `docs/figures/small_initialisation.svg`.

use dlnflow::observe::EventKind;
use dlnflow::report::Report;
use dlnflow::report::figure::{Errors, Style, errors};
use dlnflow::run::{Watch, run};
use dlnflow::scenario::Scenario;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const ALPHAS: [&str; 5] = ["1e-4", "1e-8", "1e-12", "1e-20", "1e-30"];
const DEEP: [&str; 3] = ["0.0001", "1e-08", "1e-12"];
/// Starts of three layers at which `T_k σ` is compared with that at `10⁻¹⁶`.
const TINY: [&str; 5] = ["1e-16", "1e-20", "1e-30", "1e-45", "1e-60"];
const FRAMES: [&str; 2] = ["on", "off"];
const RTOL: f64 = 1e-12;
const FIGURE: &str = "docs/figures/small_initialisation.svg";

fn main() {
    let text = include_str!("../tests/data/asymptotic.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    two_layers(&items);
    three_layers(&items);
    scaling(&items);
}

/// Example A: a weighted 3 × 3 cost.
fn two_layers(items: &[Value]) {
    println!(
        "| α | frame | error of T_1 | error of T_2 | error of T_3 | T_3 | steps | bases | CPU s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut curves = FRAMES.map(|frame| (frame, Vec::new()));
    for alpha in ALPHAS {
        let item = item(items, &format!("jump_times_A_{alpha}"));
        let (inputs, exact) = (&item["inputs"], numbers(&item["value"]));
        let problem = format!(
            "network = {{ widths = [3, 3, 3] }}\n\
             cost = {{ kind = \"weighted\", target = {}, weights = {} }}\n\
             init = {{ kind = \"matrices\", scale = {alpha}, rows = [{}, {}] }}",
            rows(&inputs["A_star"]),
            rows(&inputs["M"]),
            matrix(&inputs["W1"]),
            matrix(&inputs["W2"])
        );
        for (frame, points) in &mut curves {
            let levels = numbers(&inputs["threshold"]);
            let report = solve(&problem, frame, &levels, 1.1 * exact[2]);
            let found = errors_of(&report, &exact);
            if let Some(error) = found[2] {
                // Zero has no place on a logarithmic axis.
                points.push((number(&Value::from(alpha)), error.max(f64::EPSILON)));
            }
            let last = times(&report)[2].map_or("-".to_owned(), |t| format!("{t:.9}"));
            println!(
                "| {alpha} | {frame} | {} | {last} | {} |",
                found.map(shown).join(" | "),
                work(&report)
            );
        }
    }
    let named = FRAMES.map(|frame| format!("frame = \"{frame}\""));
    let curves: Vec<_> = named.iter().map(String::as_str).zip(curves).collect();
    let curves: Vec<_> = curves.into_iter().map(|(n, (_, c))| (n, c)).collect();
    let shown = Errors {
        name: "small_initialisation",
        title: "Small initialisation",
        description: "Relative error of the third escape time of a 3 × 3 weighted cost with two \
                      layers against the size α of the start, rtol 1e-12, with hidden bases that \
                      follow the modes and without.",
        x: "size of the start α",
        y: "relative error of T_{3}",
        curves: &curves,
    };
    let figure = errors(&shown, &Style::default());
    std::fs::write(FIGURE, figure.expect("a figure").svg).expect(FIGURE);
}

/// Squared error with three layers.
fn three_layers(items: &[Value]) {
    println!("\n| σ | error of T_1 | error of T_2 | error of T_3 | T_3 | steps | bases | CPU s |");
    println!("|---|---|---|---|---|---|---|---|");
    for sigma in DEEP {
        let item = item(items, &format!("small_init_L3_s{sigma}"));
        let exact = numbers(&item["value"]);
        let report = deep(item, 1.0, 1.1 * exact[2]);
        println!(
            "| {sigma} | {} | {:.9e} | {} |",
            errors_of(&report, &exact).map(shown).join(" | "),
            times(&report)[2].unwrap_or(f64::NAN),
            work(&report)
        );
    }
}

/// `T_k σ` where all corrections are below roundoff.
fn scaling(items: &[Value]) {
    println!("\n| σ | T_1 σ | T_2 σ | T_3 σ | steps | bases | CPU s |");
    println!("|---|---|---|---|---|---|---|");
    let item = item(items, "small_init_L3_s1e-12");
    let mut first: Option<[f64; 3]> = None;
    let mut worst = 0.0_f64;
    for sigma in TINY {
        let size = number(&Value::from(sigma));
        let report = deep(item, 1e12 * size, 1.0 / size);
        let scaled = times(&report).map(|t| t.unwrap_or(f64::NAN) * size);
        let reference = first.get_or_insert(scaled);
        for (now, before) in scaled.iter().zip(reference) {
            worst = worst.max((now / *before - 1.0).abs());
        }
        println!(
            "| {sigma} | {} | {} |",
            scaled.map(|x| format!("{x:.14}")).join(" | "),
            work(&report)
        );
    }
    println!("\nlargest relative change of T_k σ: {worst:.1e}");
}

/// A run of an item with three layers, its start multiplied by `scale`.
fn deep(item: &Value, scale: f64, horizon: f64) -> Report {
    let inputs = &item["inputs"];
    let problem = format!(
        "network = {{ widths = [3, 4, 4, 3] }}\n\
         cost = {{ kind = \"squared_error\", target = {} }}\n\
         init = {{ kind = \"matrices\", scale = {scale:e}, rows = [{}, {}, {}] }}",
        rows(&inputs["A_star"]),
        matrix(&inputs["W1"]),
        matrix(&inputs["W2"]),
        matrix(&inputs["W3"])
    );
    solve(&problem, "on", &numbers(&inputs["levels"]), horizon)
}

/// A run that looks for the rise of `σ_k` through `levels[k − 1]`.
fn solve(problem: &str, frame: &str, levels: &[f64], horizon: f64) -> Report {
    let mut text = format!(
        "{problem}\nsolver = {{ rtol = {RTOL:e}, horizon = {horizon:e}, frame = \"{frame}\" }}\n\
         record = {{ grid = \"linear\", count = 2 }}\n"
    );
    for (k, level) in levels.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "[[events]]\nkind = \"crossing\"\nquantity = \"singular_value\"\nindex = {}\n\
             level = {level:e}\ndirection = \"rising\"",
            k + 1
        );
    }
    let scenario = Scenario::parse("bench.toml", "bench", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    run(&scenario, &built, Watch::default())
}

/// When each mode crossed its level.
fn times(report: &Report) -> [Option<f64>; 3] {
    [1, 2, 3].map(|k| {
        let crossing = |e: &&dlnflow::observe::Event| {
            e.kind == EventKind::Crossing && e.index == Some(k) && !e.at_start
        };
        report.events.iter().find(crossing).map(|e| e.time)
    })
}

/// Relative errors of the times, where there are any.
fn errors_of(report: &Report, exact: &[f64]) -> [Option<f64>; 3] {
    let found = times(report);
    [0, 1, 2].map(|k| found[k].map(|t| (t / exact[k] - 1.0).abs()))
}

fn shown(error: Option<f64>) -> String {
    error.map_or_else(|| "-".to_owned(), |e| format!("{e:.1e}"))
}

/// Steps, renewals of the bases and CPU seconds.
fn work(report: &Report) -> String {
    let solver = &report.solver;
    let bases = solver
        .frame_rotations
        .map_or("-".to_owned(), |n| n.to_string());
    format!(
        "{} | {bases} | {:.3}",
        solver.steps,
        solver.cpu.as_secs_f64()
    )
}

fn item<'a>(items: &'a [Value], id: &str) -> &'a Value {
    items.iter().find(|item| item["id"] == id).expect(id)
}

fn number(value: &Value) -> f64 {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.or_else(|| value.as_f64()).expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(number).collect()
}

fn matrix(value: &Value) -> String {
    let list = value.as_array().expect("rows");
    let rows: Vec<Vec<f64>> = list.iter().map(numbers).collect();
    format!("{rows:?}")
}

fn rows(value: &Value) -> String {
    format!("{{ rows = {} }}", matrix(value))
}
