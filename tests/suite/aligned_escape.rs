//! Escape times from balanced, aligned starts against the closed form of the mode equation, for
//! every depth and method.
//!
//! Reference: `T = s*^{−(2−2/L)} [Φ_L(f^{1/L}) − Φ_L(x_0)]` evaluated by 30-digit quadrature of
//! `dt = ds / (L s^{2−2/L} (s* − s))` (mpmath)..

use crate::common::run_text;
use dlnflow::observe::EventKind;

/// `(L, s_0, [T for s* = 3, 1.7, 0.9])`, level s*/2.
const CASES: [(usize, &str, [f64; 3]); 5] = [
    (
        1,
        "1e-6",
        [
            0.693_146_847_226_556_4,
            0.693_146_592_324_478_2,
            0.693_146_069_448_216_9,
        ],
    ),
    (
        2,
        "1e-6",
        [
            2.4856870855498325,
            4.219_452_417_879_699,
            7.616_749_406_219_289,
        ],
    ),
    (
        3,
        "1e-6",
        [
            33.136_817_476_636_95,
            58.404446748639415,
            110.132_558_053_492_4,
        ],
    ),
    (
        4,
        "1e-5",
        [
            52.653_179_436_651_33,
            92.887_422_424_737_22,
            175.36810539545074,
        ],
    ),
    (
        6,
        "1e-4",
        [
            38.688_866_779_358_47,
            68.280_363_941_377,
            128.990_195_708_459_4,
        ],
    ),
];

const TARGETS: [f64; 3] = [3.0, 1.7, 0.9];

/// Largest relative error of the three escape times.
fn worst_error(depth: usize, start: &str, exact: &[f64; 3], method: &str, rtol: f64) -> f64 {
    let widths = vec![5; depth + 1];
    let horizon = exact[2] * 1.05;
    let report = run_text(&format!(
        "network = {{ widths = {widths:?} }}\n\
         cost = {{ kind = \"squared_error\", target = {{ singular_values = {TARGETS:?} }} }}\n\
         init = {{ kind = \"aligned\", mode_strengths = [{start}, {start}, {start}] }}\n\
         solver = {{ method = \"{method}\", rtol = {rtol:e}, horizon = {horizon:?} }}\n\
         record = {{ grid = \"linear\", count = 2 }}\n\
         events = [{{ kind = \"escape\", fraction = 0.5 }}]\n"
    ));
    let error = |mode: usize| {
        let escape =
            |e: &&dlnflow::observe::Event| e.kind == EventKind::Escape && e.index == Some(mode);
        let event = report.events.iter().find(escape);
        let time = event
            .unwrap_or_else(|| panic!("mode {mode} did not escape"))
            .time;
        (time / exact[mode - 1] - 1.0).abs()
    };
    (1..=3).map(error).fold(0.0, f64::max)
}

fn every_depth_within(method: &str, bands: &[(f64, f64)]) {
    for (depth, start, exact) in &CASES {
        for &(rtol, band) in bands {
            let error = worst_error(*depth, start, exact, method, rtol);
            println!("{method} L = {depth} rtol {rtol:.0e}: {error:.1e} (band {band:.0e})");
            assert!(
                error <= band,
                "{method} L = {depth} rtol {rtol:e}: {error:e}"
            );
        }
    }
}

#[test]
fn dop853_within_twenty_tolerances() {
    every_depth_within("dop853", &[(1e-6, 2e-5), (1e-9, 2e-8), (1e-12, 2e-11)]);
}

#[test]
fn auto_within_twenty_tolerances() {
    every_depth_within("auto", &[(1e-6, 2e-5), (1e-9, 2e-8), (1e-12, 2e-11)]);
}

// Low order accumulates more: what a stiff method of order p ≤ 5 may lose over 10^3 to 10^5 steps.
#[test]
fn bdf_within_its_bands() {
    every_depth_within("bdf", &[(1e-6, 1e-4), (1e-9, 1e-6), (1e-12, 1e-8)]);
}

#[test]
fn esdirk34_within_its_bands() {
    every_depth_within("esdirk34", &[(1e-6, 1e-4), (1e-9, 1e-6), (1e-12, 1e-8)]);
}

#[test]
fn tr_bdf2_within_its_bands() {
    every_depth_within("tr_bdf2", &[(1e-6, 1e-4), (1e-9, 1e-6)]);
    // Order 2 needs 10^5 steps for 1e-12: one depth stands for all here.
    let (depth, start, exact) = &CASES[2];
    let error = worst_error(*depth, start, exact, "tr_bdf2", 1e-12);
    assert!(error <= 1e-8, "tr_bdf2 rtol 1e-12: {error:e}");
}

#[test]
fn tsit45_within_its_bands() {
    every_depth_within("tsit45", &[(1e-6, 1e-4), (1e-9, 1e-6), (1e-12, 1e-8)]);
}
