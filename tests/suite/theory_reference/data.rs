//! Reading of tests/data/theory.json.

pub use crate::decimals::{matrix, number, numbers};
use serde_json::Value;

/// The items whose `id` starts with `prefix`.
pub fn items(prefix: &str) -> Vec<Value> {
    let text = include_str!("../../data/theory.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    let wanted = |item: &Value| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    items.into_iter().filter(wanted).collect()
}

pub fn counts(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|n| n as usize).collect()
}

/// Compares, prints and counts.
#[derive(Default)]
pub struct Tally {
    pub compared: usize,
    worst: f64,
}

impl Tally {
    /// One entry whose quantities agree to `known`, relative to `size`.
    pub fn entry(&mut self, id: &Value, pairs: &[(f64, f64)], known: f64) {
        for &(value, exact) in pairs {
            let error = match exact {
                0.0 => value.abs(),
                _ => (value / exact - 1.0).abs(),
            };
            println!("{id}: {value:e}, relative error {error:.1e}");
            assert!(error <= known, "{id}: {value:e} against {exact:e}");
            self.worst = self.worst.max(error);
        }
        self.compared += 1;
    }

    pub fn finish(self, expected: usize) {
        println!("{} entries, worst error {:.1e}", self.compared, self.worst);
        assert_eq!(self.compared, expected);
    }
}
