//! The saddles that runs visit and the greedy path they are held against, as inert data; `saddles.json`
//! and the table on standard output.

use super::Outcome;
use super::figure::{Figure, Study, Style, saddles};
use super::names::name;
use super::table::{optional, optional_count, significant, write_cells};
use crate::error::Error;
use serde::Serialize;
use std::io::{self, Write};

/// A critical point, visited or predicted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SaddleEntry {
    pub rank: usize,
    pub cost: f64,
    /// `σ_1 ≥ … ≥ σ_rank` of `A`.
    pub singular_values: Vec<f64>,
    /// Of `∇C(A)`: the rates of growth there for two layers.
    pub gradient_singular_values: Vec<f64>,
    /// `‖∂loss/∂θ‖` after polishing.
    pub gradient_norm: f64,
    /// Morse index; `null` where the Hessian was too large.
    pub index: Option<usize>,
    pub nullity: Option<usize>,
    /// The part of the nullity that symmetries of the loss explain.
    pub symmetry_nullity: Option<usize>,
    pub smallest_eigenvalue: Option<f64>,
    pub largest_eigenvalue: Option<f64>,
    pub kind: Option<String>,
    /// The loss falls along the way out as this power of the distance.
    pub escape_order: Option<usize>,
    /// When the run came closest, `‖A − A_k‖_F` then, and the distance of the weights up to rotations
    /// of the hidden layers.
    pub time: Option<f64>,
    pub distance: Option<f64>,
    pub weight_distance: Option<f64>,
    /// `‖A − A_k‖_F` from the predicted saddle of this rank.
    pub from_predicted: Option<f64>,
    /// Interval arithmetic proved existence, rank and index.
    pub certified: Option<bool>,
    /// What was proved, or why nothing was.
    pub certificate: Option<String>,
    /// `A` by rows.
    pub end_to_end: Vec<Vec<f64>>,
}

/// One limit path and the run along it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathEntry {
    pub from: usize,
    pub to: usize,
    /// `‖A_{k+1} − A_k‖_F`.
    pub length: f64,
    /// `σ_1` and `σ_2/σ_1` of `∇C(A_k)`.
    pub growth: f64,
    pub gap: f64,
    /// How long the limit path of two layers takes, from the time at which undisturbed growth would bring
    /// the new neuron to size 1, until it is within 5 % of its length of the next saddle.
    pub duration: Option<f64>,
    /// When `σ_{k+1}` escaped in the run, what theory says, and the time of the run minus that of the
    /// path.
    pub time: Option<f64>,
    pub predicted_time: Option<f64>,
    pub shift: Option<f64>,
    /// `sup ‖A(t) − path‖_F` between the two saddles, absolute and relative to `length`, and of the
    /// weights up to rotations of the hidden layers.
    pub distance: Option<f64>,
    pub relative_distance: Option<f64>,
    pub weight_distance: Option<f64>,
    /// Of what leaves the saddle, the part off the predicted direction.
    pub impurity: Option<f64>,
}

/// A run from one scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScaleEntry {
    /// `α`.
    pub scale: f64,
    /// How it ended, in a word and in a sentence.
    pub outcome: Outcome,
    pub outcome_detail: String,
    /// The integrator gave up; everything up to there is sound.
    pub failed: bool,
    /// Laws of the flow that the run broke: what it shows is not the flow's.
    pub broken_laws: Vec<&'static str>,
    /// The critical points that the run itself came near, in order of time.
    pub saddles: Vec<SaddleEntry>,
    pub paths: Vec<PathEntry>,
}

/// Whether runs follow the greedy path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&str")]
pub enum Finding {
    Supported,
    NotYet,
    Violated,
    NotApplicable,
}

const FINDINGS: [(Finding, &str); 4] = [
    (Finding::Supported, "supported"),
    (Finding::NotYet, "not yet asymptotic"),
    (Finding::Violated, "violated"),
    (Finding::NotApplicable, "not applicable"),
];

impl Finding {
    /// The name in files.
    pub fn name(self) -> &'static str {
        name(&FINDINGS, &self)
    }
}

impl From<Finding> for &str {
    fn from(finding: Finding) -> Self {
        finding.name()
    }
}

/// What the runs say about the conjecture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub verdict: Finding,
    pub reason: String,
    /// The scale that would do.
    pub needed_scale: Option<f64>,
    /// Fitted exponent `p` of `distance ∝ α^p` for each path.
    pub rates: Vec<Option<f64>>,
}

/// All runs of one seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedEntry {
    pub seed: u64,
    /// The saddles of the greedy path.
    pub greedy: Vec<SaddleEntry>,
    /// Why the greedy path ends.
    pub end: String,
    /// In decreasing order of scale.
    pub scales: Vec<ScaleEntry>,
    pub verdict: Verdict,
}

/// The whole study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaddlesReport {
    pub title: String,
    pub widths: Vec<usize>,
    pub l2: f64,
    pub seeds: Vec<SeedEntry>,
}

impl SaddlesReport {
    /// The gravest of the verdicts: a violation counts more than support that is still missing, which all is without
    /// a seed.
    pub fn verdict(&self) -> Finding {
        if self.seeds.is_empty() {
            return Finding::NotYet;
        }
        let any = |finding| self.seeds.iter().any(|s| s.verdict.verdict == finding);
        let order = [Finding::Violated, Finding::NotYet, Finding::NotApplicable];
        let gravest = order.into_iter().find(|finding| any(*finding));
        gravest.unwrap_or(Finding::Supported)
    }

    /// The runs that the integrator gave up, with their seeds.
    pub fn failures(&self) -> impl Iterator<Item = (u64, &ScaleEntry)> {
        let all = self.seeds.iter();
        let all = all.flat_map(|s| s.scales.iter().map(|scale| (s.seed, scale)));
        all.filter(|(_, scale)| scale.failed)
    }

    /// How many seeds have each verdict, where any has.
    pub fn counts(&self) -> Vec<(Finding, usize)> {
        let of = |finding| {
            let verdicts = self.seeds.iter().map(|s| s.verdict.verdict);
            verdicts.filter(|verdict| *verdict == finding).count()
        };
        let all = FINDINGS.map(|(finding, _)| (finding, of(finding)));
        all.into_iter().filter(|(_, n)| *n > 0).collect()
    }
}

/// The run shown first: the smallest scale of the first seed.
fn shown(report: &SaddlesReport) -> Option<(&SeedEntry, &ScaleEntry)> {
    let seed = report.seeds.first()?;
    Some((seed, seed.scales.last()?))
}

/// Writes `saddles.json`: `saddles`, `paths` and `verdict` of the run shown first, then all seeds.
///
/// # Errors
/// Those of `out`.
pub fn write_json(report: &SaddlesReport, out: &mut impl Write) -> io::Result<()> {
    let (saddles, paths) = shown(report).map_or((&[][..], &[][..]), |(_, scale)| {
        (&scale.saddles[..], &scale.paths[..])
    });
    writeln!(out, "{{")?;
    key(out, "title", &report.title, ",")?;
    key(out, "widths", &report.widths, ",")?;
    key(out, "l2", &report.l2, ",")?;
    key(out, "verdict", &report.verdict(), ",")?;
    list(out, "saddles", saddles, ",")?;
    list(out, "paths", paths, ",")?;
    list(out, "seeds", &report.seeds, "")?;
    writeln!(out, "}}")
}

/// `saddles.json` and the figures, by their names in the output folder.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn files(
    report: &SaddlesReport,
    study: &Study,
    style: &Style,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut text = Vec::new();
    let path = std::path::Path::new("saddles.json");
    write_json(report, &mut text).map_err(|e| Error::io(path, e))?;
    let mut files = vec![("saddles.json".to_owned(), text)];
    files.extend(saddles(study, style)?.into_iter().flat_map(Figure::files));
    Ok(files)
}

fn key<T: Serialize>(out: &mut impl Write, name: &str, value: &T, end: &str) -> io::Result<()> {
    writeln!(out, "  \"{name}\": {}{end}", serde_json::to_string(value)?)
}

fn list<T: Serialize>(out: &mut impl Write, name: &str, items: &[T], end: &str) -> io::Result<()> {
    if items.is_empty() {
        return writeln!(out, "  \"{name}\": []{end}");
    }
    writeln!(out, "  \"{name}\": [")?;
    for (i, item) in items.iter().enumerate() {
        let comma = if i + 1 < items.len() { "," } else { "" };
        writeln!(out, "    {}{comma}", serde_json::to_string(item)?)?;
    }
    writeln!(out, "  ]{end}")
}

const SADDLE_HEADER: [&str; 10] = [
    "rank",
    "kind",
    "cost",
    "index",
    "nullity",
    "time",
    "distance",
    "in weights",
    "off greedy",
    "certified",
];
const PATH_HEADER: [&str; 7] = [
    "path",
    "length",
    "escape time",
    "predicted",
    "distance",
    "relative",
    "rate",
];

/// Writes the tables and the verdicts.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &SaddlesReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", report.title)?;
    if let Some((seed, scale)) = shown(report) {
        writeln!(
            out,
            "seed {}, scale {:e}: {}\n",
            seed.seed, scale.scale, scale.outcome_detail
        )?;
        let cells: Vec<_> = scale.saddles.iter().map(saddle_cells).collect();
        writeln!(out, "critical points visited")?;
        write_cells(&SADDLE_HEADER, &cells, out)?;
        let rates = &seed.verdict.rates;
        let rate = |k: usize| rates.get(k).copied().flatten();
        let paths = scale.paths.iter().enumerate();
        let cells: Vec<_> = paths.map(|(k, p)| path_cells(p, rate(k))).collect();
        writeln!(out, "\nlimit paths")?;
        write_cells(&PATH_HEADER, &cells, out)?;
        writeln!(out, "the greedy path ends: {}\n", seed.end)?;
    }
    for (seed, run) in report.failures() {
        let (scale, reason) = (run.scale, &run.outcome_detail);
        writeln!(out, "failed: seed {seed}, scale {scale:e}: {reason}")?;
    }
    write_verdicts(report, out)
}

fn write_verdicts(report: &SaddlesReport, out: &mut impl Write) -> io::Result<()> {
    for seed in report.seeds.iter() {
        let Verdict {
            verdict, reason, ..
        } = &seed.verdict;
        writeln!(out, "seed {}: {}: {reason}", seed.seed, verdict.name())?;
    }
    if report.seeds.len() > 1 {
        let counts = report.counts().into_iter();
        let counts: Vec<String> = counts
            .map(|(finding, n)| format!("{n} {}", finding.name()))
            .collect();
        writeln!(out, "{} of {} seeds", counts.join(", "), report.seeds.len())?;
    }
    Ok(())
}

fn saddle_cells(s: &SaddleEntry) -> [String; 10] {
    [
        s.rank.to_string(),
        s.kind.clone().unwrap_or_default().replace('_', " "),
        significant(s.cost, 6),
        optional_count(s.index),
        optional_count(s.nullity),
        optional(s.time, 7),
        optional(s.distance, 2),
        optional(s.weight_distance, 2),
        optional(s.from_predicted, 2),
        s.certified
            .map_or("", |c| if c { "yes" } else { "no" })
            .to_owned(),
    ]
}

fn path_cells(p: &PathEntry, rate: Option<f64>) -> [String; 7] {
    [
        format!("{} to {}", p.from, p.to),
        significant(p.length, 5),
        optional(p.time, 9),
        optional(p.predicted_time, 9),
        optional(p.distance, 2),
        optional(p.relative_distance, 2),
        optional(rate, 3),
    ]
}
