//! A scenario that every test of the program can run in milliseconds.

/// Two aligned modes; `--set` and appended tables make it whatever a test needs.
pub const SCENARIO: &str = r#"schema = 1
title = "Two modes"
seed = 3
[network]
widths = [3, 4, 2]
[cost]
kind = "squared_error"
target = { singular_values = [2.0, 1.0] }
[init]
kind = "aligned"
mode_strengths = [1e-3, 1e-3]
[solver]
horizon = 10.0
"#;

/// `ln(s/a_0 − 1)/(2 s)` for `s = 2, a_0 = 1e-3`.
pub const ESCAPE: &str = r#"
[[expect]]
quantity = "escape_time"
mode = 1
value = 1.9001006
rel_tol = 1e-6
source = { kind = "closed_form" }
"#;
