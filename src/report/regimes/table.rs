//! The table of the diagram and that of the fitted powers, as they are printed.

use super::super::table::{optional, write_cells};
use super::{CorrectedPower, FitEntry, GroupEntry, RegimesReport};
use crate::report::quantiles::Quantiles;
use std::io::{self, Write};

const GROUP_HEADER: [&str; 16] = [
    "gamma",
    "L",
    "w",
    "seeds",
    "half time",
    "10 %",
    "90 %",
    "lazy distance",
    "/est.",
    "kernel drift",
    "/est.",
    "effective rank",
    "d_min/est.",
    "d_saddle/est.",
    "d_min/d_saddle",
    "regime",
];
const FIT_HEADER: [&str; 10] = [
    "gamma",
    "L",
    "quantity",
    "power of w",
    "std. error",
    "corrected",
    "std. error",
    "by w^",
    "predicted",
    "rests on",
];

/// Writes the table of the diagram, medians over seeds, and the fitted powers.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RegimesReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}\n", report.title)?;
    let cells: Vec<_> = report.groups.iter().map(group_cells).collect();
    write_filled(&GROUP_HEADER, &cells, out)?;
    if !report.fits.is_empty() {
        writeln!(out)?;
        let cells: Vec<_> = report.fits.iter().flat_map(fit_rows).collect();
        write_filled(&FIT_HEADER, &cells, out)?;
    }
    for reason in reasons(report) {
        writeln!(out, "no distance: {reason}")?;
    }
    for run in report.failures() {
        let (depth, width, seed) = (run.depth, run.width, run.seed);
        let gamma = run
            .gamma
            .map_or_else(String::new, |g| format!("gamma {g}, "));
        let reason = run.outcome_detail.as_deref().unwrap_or_default();
        writeln!(
            out,
            "failed: {gamma}L {depth}, w {width}, seed {seed}: {reason}"
        )?;
    }
    writeln!(out)
}

/// Why distances are missing, each reason once.
fn reasons(report: &RegimesReport) -> Vec<&String> {
    let mut found: Vec<&String> = Vec::new();
    for run in &report.runs {
        for reason in [&run.minimum.reason, &run.saddle.reason]
            .into_iter()
            .flatten()
        {
            if !found.contains(&reason) {
                found.push(reason);
            }
        }
    }
    found
}

/// Writes the columns that say anything.
fn write_filled(
    header: &[&str],
    rows: &[impl AsRef<[String]>],
    out: &mut impl Write,
) -> io::Result<()> {
    let filled = |c: &usize| rows.iter().any(|row| !row.as_ref()[*c].is_empty());
    let columns: Vec<usize> = (0..header.len()).filter(filled).collect();
    let names: Vec<&str> = columns.iter().map(|&c| header[c]).collect();
    let kept = |row: &dyn AsRef<[String]>| -> Vec<String> {
        columns.iter().map(|&c| row.as_ref()[c].clone()).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| kept(row)).collect();
    write_cells(&names, &rows, out)
}

fn group_cells(g: &GroupEntry) -> [String; 16] {
    let median = |q: Option<Quantiles>| optional(q.map(|q| q.median), 4);
    [
        optional(g.gamma, 3),
        g.depth.to_string(),
        g.width.to_string(),
        g.seeds.to_string(),
        median(g.first_half_time),
        optional(g.first_half_time.map(|q| q.low), 4),
        optional(g.first_half_time.map(|q| q.high), 4),
        median(g.lazy_distance),
        median(g.lazy_ratio),
        median(g.kernel_drift),
        median(g.drift_ratio),
        median(g.smallest_effective_rank),
        median(g.minimum_ratio),
        median(g.saddle_ratio),
        median(g.distance_ratio),
        g.regime.clone().unwrap_or_default().replace('_', "-"),
    ]
}

/// The plain power beside that with one correction, and one row for every further number of them.
fn fit_rows(f: &FitEntry) -> Vec<[String; 10]> {
    let mut corrected = f.corrected.iter();
    let first = fit_cells(f, corrected.next());
    let more = corrected.map(|c| {
        let mut cells = fit_cells(f, Some(c));
        cells[3..5].fill(String::new());
        cells
    });
    std::iter::once(first).chain(more).collect()
}

fn fit_cells(f: &FitEntry, corrected: Option<&CorrectedPower>) -> [String; 10] {
    let [plain, plain_error] = measured(f.power, f.standard_error);
    let [power, error] = corrected
        .map(|c| measured(c.power, c.standard_error))
        .unwrap_or_default();
    let exponents = corrected.map(|c| {
        let all = c.corrections.iter().map(|c| signed(c.exponent));
        all.collect::<Vec<_>>().join(" ")
    });
    [
        optional(f.gamma, 3),
        f.depth.to_string(),
        f.quantity.replace('_', " "),
        plain,
        plain_error,
        power,
        error,
        exponents.unwrap_or_default(),
        f.predicted.map_or_else(String::new, signed),
        f.prediction.clone().unwrap_or_default(),
    ]
}

/// A power and its error, with as many digits as the error leaves.
fn measured(power: f64, error: f64) -> [String; 2] {
    // Two digits of the error; of one that is no number, as many as usual.
    let digits = ((1.0 - error.log10().floor()) as usize).clamp(3, 9);
    [format!("{power:+.digits$}"), format!("{error:.digits$}")]
}

fn signed(value: f64) -> String {
    format!("{value:+.3}")
}
