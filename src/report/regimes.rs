//! Runs over widths, depths and `γ` beside their linearised models, as inert data; `regimes.json`,
//! `regimes.csv`, `regimes_curves.csv` and the tables on standard output.

mod table;

pub use table::write;

use super::Outcome;
use super::figure::{self, Figure, Style};
use super::quantiles::Quantiles;
use crate::error::Error;
use serde::Serialize;
use std::io::{self, Write};

/// One run at one of the common times.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub time: f64,
    pub cost: f64,
    pub linear_cost: f64,
    /// `‖A − A_lin‖_F`.
    pub distance: f64,
    /// `‖K − K_0‖_F/‖K_0‖_F`.
    pub drift: f64,
    pub alignment: Option<f64>,
    pub effective_rank: f64,
    pub linear_effective_rank: f64,
}

/// A distance from the start and its leading-order estimate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DistanceEntry {
    pub value: Option<f64>,
    /// What the value is.
    pub status: Option<String>,
    /// Of the conditions of Karush, Kuhn and Tucker, relative.
    pub residual: Option<f64>,
    /// The missing modes of the nearest saddle, from 1; none for `W_1 = 0`, `W_L = 0`.
    pub missing: Vec<usize>,
    pub estimate: Option<f64>,
    pub estimate_status: Option<String>,
    /// `value/estimate`.
    pub ratio: Option<f64>,
    /// Why there is no value.
    pub reason: Option<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunEntry {
    pub gamma: Option<f64>,
    pub depth: usize,
    /// Of the widest hidden layer.
    pub width: usize,
    pub seed: u64,
    /// How it ended, in a word and in a sentence.
    pub outcome: Option<Outcome>,
    pub outcome_detail: Option<String>,
    /// The integrator gave up: what needs the run is missing.
    pub failed: bool,
    /// When the target's first mode has half its strength.
    pub first_half_time: Option<f64>,
    /// `sup ‖A − A_lin‖_F / ‖A_lin(T) − A(0)‖_F` and its numerator.
    pub lazy_distance: Option<f64>,
    /// To its leading order, where that is known.
    pub lazy_ratio: Option<f64>,
    pub largest_distance: Option<f64>,
    pub final_distance: Option<f64>,
    /// `‖K − K_0‖_F/‖K_0‖_F` at the end and its largest value.
    pub kernel_drift: Option<f64>,
    /// To its leading order, where that is known.
    pub drift_ratio: Option<f64>,
    pub largest_kernel_drift: Option<f64>,
    pub alignment_at_start: Option<f64>,
    pub alignment: Option<f64>,
    pub effective_rank: Option<f64>,
    pub linear_effective_rank: Option<f64>,
    /// Over the whole run: low where modes are learned one after the other.
    pub smallest_effective_rank: Option<f64>,
    pub final_cost: Option<f64>,
    pub minimum: DistanceEntry,
    pub saddle: DistanceEntry,
    /// `d_min/d_saddle`.
    pub distance_ratio: Option<f64>,
    pub regime: Option<String>,
}

impl RunEntry {
    /// Whether two runs differ in their seeds at most.
    pub fn same_point(&self, other: &Self) -> bool {
        (self.gamma, self.depth, self.width) == (other.gamma, other.depth, other.width)
    }
}

/// Quantiles over the runs at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveRow {
    pub time: f64,
    pub cost: Quantiles,
    pub linear_cost: Quantiles,
    pub distance: Quantiles,
    pub drift: Quantiles,
    pub effective_rank: Quantiles,
}

/// The runs at one `(γ, L, w)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupEntry {
    pub gamma: Option<f64>,
    pub depth: usize,
    pub width: usize,
    pub seeds: usize,
    pub first_half_time: Option<Quantiles>,
    pub lazy_distance: Option<Quantiles>,
    pub lazy_ratio: Option<Quantiles>,
    pub kernel_drift: Option<Quantiles>,
    pub drift_ratio: Option<Quantiles>,
    pub alignment_at_start: Option<Quantiles>,
    pub alignment: Option<Quantiles>,
    pub smallest_effective_rank: Option<Quantiles>,
    pub linear_effective_rank: Option<Quantiles>,
    pub minimum: Option<Quantiles>,
    pub minimum_ratio: Option<Quantiles>,
    pub saddle: Option<Quantiles>,
    pub saddle_ratio: Option<Quantiles>,
    pub distance_ratio: Option<Quantiles>,
    /// By the median of `distance_ratio`.
    pub regime: Option<String>,
    /// In `regimes_curves.csv`.
    #[serde(skip)]
    pub curve: Vec<CurveRow>,
}

/// The power `p` of `ln y = a + p ln w + Σ c_i w^{q_i}` with known `q_i < 0`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrectedPower {
    pub power: f64,
    pub standard_error: f64,
    pub corrections: Vec<CorrectionEntry>,
    /// Seeds that have all widths.
    pub seeds: usize,
}

/// One `c w^q`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CorrectionEntry {
    /// `q`.
    pub exponent: f64,
    /// `c`.
    pub coefficient: f64,
    pub standard_error: f64,
}

/// A fitted power of `w` at one `(γ, L)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitEntry {
    pub gamma: Option<f64>,
    pub depth: usize,
    pub quantity: String,
    /// Slope of `ln quantity` against `ln w` over all runs, and its standard error.
    pub power: f64,
    pub standard_error: f64,
    pub points: usize,
    /// With one, two and three corrections, as many as there are widths for, where their powers are known.
    pub corrected: Vec<CorrectedPower>,
    pub predicted: Option<f64>,
    /// What the prediction rests on: `leading order`, `observed` or `heuristic`.
    pub prediction: Option<String>,
}

/// The whole study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimesReport {
    pub title: String,
    pub horizon: f64,
    pub groups: Vec<GroupEntry>,
    pub fits: Vec<FitEntry>,
    pub runs: Vec<RunEntry>,
}

impl RegimesReport {
    /// The runs that the integrator gave up.
    pub fn failures(&self) -> impl Iterator<Item = &RunEntry> {
        self.runs.iter().filter(|run| run.failed)
    }
}

/// Writes `regimes.json`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(report: &RegimesReport, out: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{text}")
}

/// `regimes.json`, the tables and the figures, by their names in the output folder.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn files(report: &RegimesReport, style: &Style) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut json = Vec::new();
    let path = std::path::Path::new("regimes.json");
    write_json(report, &mut json).map_err(|e| Error::io(path, e))?;
    let mut files = vec![
        ("regimes.json".to_owned(), json),
        ("regimes.csv".to_owned(), runs_csv(report).into_bytes()),
        (
            "regimes_curves.csv".to_owned(),
            curves_csv(report).into_bytes(),
        ),
    ];
    let drawn = figure::regimes(report, style)?;
    files.extend(drawn.into_iter().flat_map(Figure::files));
    Ok(files)
}

/// A column of numbers: its name and its cell in a row.
type Column<R, C> = (&'static str, fn(&R) -> C);

/// Those of runs, between `seed` and `regime`.
const RUN_COLUMNS: [Column<RunEntry, Option<f64>>; 14] = [
    ("first_half_time", |run| run.first_half_time),
    ("lazy_distance", |run| run.lazy_distance),
    ("final_distance", |run| run.final_distance),
    ("kernel_drift", |run| run.kernel_drift),
    ("alignment_at_start", |run| run.alignment_at_start),
    ("alignment", |run| run.alignment),
    ("smallest_effective_rank", |run| run.smallest_effective_rank),
    ("linear_effective_rank", |run| run.linear_effective_rank),
    ("minimum", |run| run.minimum.value),
    ("minimum_estimate", |run| run.minimum.estimate),
    ("minimum_residual", |run| run.minimum.residual),
    ("saddle", |run| run.saddle.value),
    ("saddle_estimate", |run| run.saddle.estimate),
    ("distance_ratio", |run| run.distance_ratio),
];

fn runs_csv(report: &RegimesReport) -> String {
    let names = RUN_COLUMNS.map(|(name, _)| name).join(",");
    let mut text = format!("gamma,depth,width,seed,{names},regime\n");
    for run in &report.runs {
        let (gamma, regime) = (plain(run.gamma), run.regime.clone().unwrap_or_default());
        let cells = RUN_COLUMNS.map(|(_, of)| plain(of(run))).join(",");
        let point = format!("{gamma},{},{},{}", run.depth, run.width, run.seed);
        text.push_str(&format!("{point},{cells},{regime}\n"));
    }
    text
}

/// Those of rows of a curve, after `width`.
const CURVE_COLUMNS: [Column<CurveRow, f64>; 8] = [
    ("time", |row| row.time),
    ("cost_low", |row| row.cost.low),
    ("cost", |row| row.cost.median),
    ("cost_high", |row| row.cost.high),
    ("linear_cost", |row| row.linear_cost.median),
    ("distance", |row| row.distance.median),
    ("kernel_drift", |row| row.drift.median),
    ("effective_rank", |row| row.effective_rank.median),
];

fn curves_csv(report: &RegimesReport) -> String {
    let names = CURVE_COLUMNS.map(|(name, _)| name).join(",");
    let mut text = format!("gamma,depth,width,{names}\n");
    for group in &report.groups {
        let point = format!("{},{},{}", plain(group.gamma), group.depth, group.width);
        for row in &group.curve {
            let cells = CURVE_COLUMNS.map(|(_, of)| format!("{:?}", of(row)));
            text.push_str(&format!("{point},{}\n", cells.join(",")));
        }
    }
    text
}

fn plain(value: Option<f64>) -> String {
    value.map_or_else(String::new, |v| format!("{v:?}"))
}
