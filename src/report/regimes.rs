//! Runs over widths, depths and `γ` beside their linearised models, as inert data; `regimes.json`,
//! `regimes.csv`, `regimes_curves.csv` and the tables on standard output.

mod table;

pub use table::write;

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
    pub outcome: Option<String>,
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

const RUN_COLUMNS: &str = "gamma,depth,width,seed,first_half_time,lazy_distance,final_distance,kernel_drift,\
alignment_at_start,alignment,smallest_effective_rank,linear_effective_rank,minimum,minimum_estimate,\
minimum_residual,saddle,saddle_estimate,distance_ratio,regime\n";

fn runs_csv(report: &RegimesReport) -> String {
    let mut text = RUN_COLUMNS.to_owned();
    for run in &report.runs {
        let numbers = [
            run.first_half_time,
            run.lazy_distance,
            run.final_distance,
            run.kernel_drift,
            run.alignment_at_start,
            run.alignment,
            run.smallest_effective_rank,
            run.linear_effective_rank,
            run.minimum.value,
            run.minimum.estimate,
            run.minimum.residual,
            run.saddle.value,
            run.saddle.estimate,
            run.distance_ratio,
        ];
        let (gamma, regime) = (plain(run.gamma), run.regime.clone().unwrap_or_default());
        let cells: Vec<String> = numbers.iter().map(|n| plain(*n)).collect();
        let point = format!("{gamma},{},{},{}", run.depth, run.width, run.seed);
        text.push_str(&format!("{point},{},{regime}\n", cells.join(",")));
    }
    text
}

const CURVE_COLUMNS: &str = "gamma,depth,width,time,cost_low,cost,cost_high,linear_cost,distance,kernel_drift,\
effective_rank\n";

fn curves_csv(report: &RegimesReport) -> String {
    let mut text = CURVE_COLUMNS.to_owned();
    for group in &report.groups {
        let point = format!("{},{},{}", plain(group.gamma), group.depth, group.width);
        for row in &group.curve {
            text.push_str(&format!(
                "{point},{:?},{:?},{:?},{:?},{:?},{:?},{:?},{:?}\n",
                row.time,
                row.cost.low,
                row.cost.median,
                row.cost.high,
                row.linear_cost.median,
                row.distance.median,
                row.drift.median,
                row.effective_rank.median,
            ));
        }
    }
    text
}

fn plain(value: Option<f64>) -> String {
    value.map_or_else(String::new, |v| format!("{v:?}"))
}
