//! The critical points of a regularised loss as inert data; the JSON and the table.

use super::table::{optional, optional_count, significant, write_cells};
use serde::Serialize;
use std::io::{self, Write};

/// The file that `landscape` adds to a folder.
pub const LANDSCAPE: &str = "landscape.json";

/// A critical orbit: a point up to rotations of the hidden layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CriticalPointEntry {
    /// Modes of the target that are present, from 1 in decreasing order, and their roots `+` or `-`; empty
    /// where the point is not made of modes of the target.
    pub active: Vec<usize>,
    pub roots: Vec<String>,
    pub rank: usize,
    pub singular_values: Vec<f64>,
    /// `C(A) + λ‖θ‖²`.
    pub loss: f64,
    pub test_error: Option<f64>,
    pub index: Option<usize>,
    pub nullity: Option<usize>,
    /// The part of the nullity that rotations of the hidden layers explain.
    pub symmetry_nullity: Option<usize>,
    pub smallest_eigenvalue: Option<f64>,
    pub largest_eigenvalue: Option<f64>,
    pub kind: Option<String>,
    /// How many starts found it; 0 in a complete list.
    pub hits: usize,
    /// Whether the list is known to be complete.
    pub complete: bool,
    /// Of minima with `λ > 0`: the objective `C(A) + λL‖A‖_{2/L}^{2/L}` that proximal steps in `A` find from
    /// here, and the distance they go.
    pub schatten_objective: Option<f64>,
    pub schatten_distance: Option<f64>,
}

/// The landscape of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LandscapeReport {
    pub title: String,
    pub widths: Vec<usize>,
    pub l2: f64,
    /// Starts that were tried and how many of them led to a critical point.
    pub starts: usize,
    pub found: usize,
    /// Whether the search was ended before all starts were tried.
    pub interrupted: bool,
    /// What is known about the list.
    pub remark: String,
    /// `λ_c` and `λ_g` of each mode of the target, for squared error.
    pub thresholds: Vec<[f64; 2]>,
    /// By increasing loss.
    pub critical_points: Vec<CriticalPointEntry>,
}

/// Writes `landscape.json`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(report: &LandscapeReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{{")?;
    writeln!(
        out,
        "  \"title\": {},",
        serde_json::to_string(&report.title)?
    )?;
    writeln!(out, "  \"widths\": {:?},", report.widths)?;
    writeln!(out, "  \"l2\": {},", serde_json::to_string(&report.l2)?)?;
    writeln!(out, "  \"starts\": {},", report.starts)?;
    writeln!(out, "  \"found\": {},", report.found)?;
    writeln!(out, "  \"interrupted\": {},", report.interrupted)?;
    writeln!(
        out,
        "  \"remark\": {},",
        serde_json::to_string(&report.remark)?
    )?;
    writeln!(
        out,
        "  \"thresholds\": {},",
        serde_json::to_string(&report.thresholds)?
    )?;
    writeln!(out, "  \"critical_points\": [")?;
    let last = report.critical_points.len().saturating_sub(1);
    for (i, point) in report.critical_points.iter().enumerate() {
        let comma = if i < last { "," } else { "" };
        writeln!(out, "    {}{comma}", serde_json::to_string(point)?)?;
    }
    writeln!(out, "  ]\n}}")
}

const HEADER: [&str; 9] = [
    "kind",
    "active",
    "rank",
    "loss",
    "test cost",
    "index",
    "nullity",
    "hits",
    "in A",
];
/// Rows of the table on standard output.
const MOST_ROWS: usize = 40;

/// Writes the table.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &LandscapeReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", report.title)?;
    writeln!(out, "l2 = {}: {}\n", report.l2, report.remark)?;
    let points = &report.critical_points;
    let cells: Vec<_> = points.iter().take(MOST_ROWS).map(cells).collect();
    write_cells(&HEADER, &cells, out)?;
    if points.len() > MOST_ROWS {
        writeln!(out, "and {} more with --json", points.len() - MOST_ROWS)?;
    }
    for (k, [critical, global]) in report.thresholds.iter().enumerate() {
        let mode = k + 1;
        writeln!(
            out,
            "mode {mode} can be learned for l2 < {}, belongs to the global minimum for l2 < {}",
            significant(*critical, 7),
            significant(*global, 7)
        )?;
    }
    Ok(())
}

fn cells(p: &CriticalPointEntry) -> [String; 9] {
    let active = p.active.iter().zip(&p.roots);
    let active: Vec<String> = active.map(|(mode, root)| format!("{mode}{root}")).collect();
    [
        p.kind.clone().unwrap_or_default().replace('_', " "),
        active.join(" "),
        p.rank.to_string(),
        significant(p.loss, 10),
        optional(p.test_error, 6),
        optional_count(p.index),
        optional_count(p.nullity),
        if p.complete {
            String::new()
        } else {
            p.hits.to_string()
        },
        optional(p.schatten_distance, 1),
    ]
}
