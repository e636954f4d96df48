//! The short summary on standard output: how the run ended, what it cost, and when each singular
//! value escaped, beside what theory says.

use super::{Prediction, Report};
use crate::observe::{Event, EventKind};
use std::io::{self, Write};
use std::iter;
use std::path::Path;

const HEADER: [&str; 6] = [
    "mode",
    "level",
    "escape time",
    "since previous",
    "predicted",
    "difference",
];

/// Modes that did not escape are named up to this many.
const MOST_WAITING: usize = 5;

/// Writes the summary; `folder` is where the files went, when they went anywhere.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, folder: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", report.title)?;
    writeln!(out, "{}", report.outcome_detail)?;
    writeln!(out, "{}", solver_line(report))?;
    writeln!(out)?;
    write_escapes(report, out)?;
    write_declined(report, out)?;
    write_checks(report, out)?;
    for warning in &report.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    match folder {
        Some(folder) => writeln!(out, "written to {}", folder.display()),
        None => Ok(()),
    }
}

fn solver_line(report: &Report) -> String {
    let solver = &report.solver;
    let products = match solver.jvp_evaluations {
        0 => String::new(),
        n => format!(", {n} Jacobian-vector products"),
    };
    let reduced = match &solver.reduced_widths {
        Some(widths) => format!(" on widths {widths:?}"),
        None => String::new(),
    };
    let bdf = match solver.bdf_from {
        Some(time) => format!(", bdf from t = {}", significant(time, 4)),
        None => String::new(),
    };
    format!(
        "{}{reduced}{bdf}: {} steps ({} rejected), {} right-hand sides{products}, {:.3} s",
        solver.method,
        solver.steps,
        solver.rejected,
        solver.rhs_evaluations,
        solver.integration.as_secs_f64(),
    )
}

fn write_escapes(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let is_escape = |e: &&Event| e.kind == EventKind::Escape;
    let escapes: Vec<_> = report.events.iter().filter(is_escape).collect();
    if escapes.is_empty() {
        writeln!(out, "no escape was seen")?;
    } else {
        let before = iter::once(0.0).chain(escapes.iter().map(|e| e.time));
        let cells = escapes.iter().zip(before).enumerate();
        let cells: Vec<_> = cells
            .map(|(i, (e, before))| {
                // Theory says when a mode escapes, not when it comes back.
                let again = escapes[..i]
                    .iter()
                    .any(|other| (other.index, other.level) == (e.index, e.level));
                let predictions = if again { &[] } else { &report.predictions[..] };
                escape_cells(e, e.time - before, predictions)
            })
            .collect();
        let predicted = cells.iter().any(|c| !c[4].is_empty());
        write_cells(&HEADER[..if predicted { 6 } else { 4 }], &cells, out)?;
        if predicted && report.solver.method == "gradient_descent" {
            writeln!(
                out,
                "predicted for gradient flow, the limit of a small learning rate"
            )?;
        }
    }
    if !report.waiting.is_empty() {
        writeln!(out, "{}", waiting(&report.waiting))?;
    }
    match report.events.len() - escapes.len() {
        0 => writeln!(out),
        1 => writeln!(out, "1 other event in events.jsonl\n"),
        others => writeln!(out, "{others} other events in events.jsonl\n"),
    }
}

/// Which modes did not escape; the levels of the first few.
fn waiting(modes: &[(usize, f64)]) -> String {
    let shown = &modes[..modes.len().min(MOST_WAITING)];
    let names: Vec<_> = shown.iter().map(|(mode, _)| mode.to_string()).collect();
    let levels = shown.iter().map(|(_, level)| significant(*level, 5));
    let (names, levels) = (names.join(", "), levels.collect::<Vec<_>>().join(", "));
    let (subject, object) = match modes.len() {
        1 => ("mode", "its level"),
        _ => ("modes", "their levels"),
    };
    match modes.len().saturating_sub(MOST_WAITING) {
        0 => format!("{subject} {names} did not pass {object} ({levels})"),
        more => format!("{subject} {names} and {more} others did not pass {object} ({levels}, …)"),
    }
}

/// One line; `since` is the time since the previous escape, or since the start.
fn escape_cells(event: &Event, since: f64, predictions: &[Prediction]) -> [String; 6] {
    let of_mode = |p: &&Prediction| p.quantity == "escape_time" && p.is_of(event);
    let prediction = predictions.iter().find(of_mode).map(|p| p.value);
    let time = match event.at_start {
        true => "at the start".to_owned(),
        false => significant(event.time, 9),
    };
    [
        event.index.map_or_else(String::new, |k| k.to_string()),
        significant(event.level, 5),
        time,
        significant(since, 6),
        prediction.map_or_else(String::new, |value| significant(value, 9)),
        prediction.map_or_else(String::new, |value| {
            format!("{:+.1e}", (event.time - value) / value)
        }),
    ]
}

/// A number, or nothing.
pub(super) fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |v| significant(v, digits))
}

/// A count, or nothing.
pub(super) fn optional_count(value: Option<usize>) -> String {
    value.map_or_else(String::new, |n| n.to_string())
}

/// Columns as wide as their widest cell, flush right.
pub(super) fn write_cells(
    header: &[&str],
    rows: &[impl AsRef<[String]>],
    out: &mut impl Write,
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.as_ref()[column].chars().count());
        cells.fold(header[column].len(), usize::max)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    write_line(header, &widths, out)?;
    rows.iter()
        .try_for_each(|row| write_line(row.as_ref(), &widths, out))
}

fn write_line(cells: &[impl AsRef<str>], widths: &[usize], out: &mut impl Write) -> io::Result<()> {
    let padded = cells.iter().zip(widths);
    let cells: Vec<_> = padded
        .map(|(cell, &w)| format!("{:>w$}", cell.as_ref()))
        .collect();
    writeln!(out, "{}", cells.join("  ").trim_end())
}

/// Why there is no prediction, where there is none: the last result that was tried.
fn write_declined(report: &Report, out: &mut impl Write) -> io::Result<()> {
    match report
        .declined
        .last()
        .filter(|_| report.predictions.is_empty())
    {
        Some(d) => writeln!(out, "no prediction: {}: {}", d.result, d.reason),
        None => Ok(()),
    }
}

fn write_checks(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.checks.is_empty() {
        return Ok(());
    }
    let failed: Vec<_> = report.checks.iter().filter(|c| !c.passed).collect();
    let passed = report.checks.len() - failed.len();
    writeln!(out, "{passed} of {} checks passed", report.checks.len())?;
    for check in failed {
        let measured = check
            .measured
            .map_or_else(|| "nothing".to_owned(), |m| m.to_string());
        writeln!(
            out,
            "failed: {}: measured {measured}, expected {} ± {:.1e}",
            check.name, check.predicted, check.band
        )?;
    }
    Ok(())
}

/// `value` with `digits` significant digits: plain between 1e-4 and 1e6, else with an exponent.
pub fn significant(value: f64, digits: usize) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e6).contains(&magnitude) {
        return format!("{value:.*e}", digits - 1);
    }
    let leading = magnitude.log10().floor() as i32 + 1;
    format!("{value:.*}", (digits as i32 - leading).max(0) as usize)
}
