//! Checks of several scenarios, as `dlnflow verify` prints them: a table a scenario, or JSON in the
//! shape of JUnit's suites and cases.

use super::table::{significant, write_cells};
use super::{Outcome, Report};
use serde::Serialize;
use std::io::{self, Write};

const HEADER: [&str; 7] = [
    "",
    "check",
    "predicted",
    "measured",
    "difference",
    "band",
    "source",
];

/// The checks of one scenario.
#[derive(Debug)]
pub struct Suite {
    /// The scenario as it was named.
    pub name: String,
    pub report: Report,
}

impl Suite {
    /// Whether the run came to its end and every check passed.
    pub fn passed(&self) -> bool {
        let ended = !matches!(self.report.outcome, Outcome::Failed | Outcome::Interrupted);
        ended && self.failures() == 0
    }

    fn failures(&self) -> usize {
        self.report.checks.iter().filter(|c| !c.passed).count()
    }
}

/// Writes the table of one scenario.
///
/// # Errors
/// Those of `out`.
pub fn write(suite: &Suite, out: &mut impl Write) -> io::Result<()> {
    let (report, all) = (&suite.report, suite.report.checks.len());
    writeln!(out, "{} ({})", report.title, suite.name)?;
    writeln!(out, "{}", report.outcome_detail)?;
    let rows: Vec<_> = report.checks.iter().map(cells).collect();
    if !rows.is_empty() {
        write_cells(&HEADER, &rows, out)?;
    }
    for d in &report.declined {
        writeln!(out, "not predicted: {}: {}", d.result, d.reason)?;
    }
    writeln!(out, "{} of {all} checks passed\n", all - suite.failures())
}

fn cells(check: &super::Check) -> Vec<String> {
    let measured = check.measured;
    vec![
        if check.passed { "ok" } else { "FAILED" }.to_owned(),
        check.name.clone(),
        significant(check.predicted, 9),
        measured.map_or_else(|| "nothing".to_owned(), |m| significant(m, 9)),
        measured.map_or_else(String::new, |m| format!("{:+.1e}", m - check.predicted)),
        match check.band.is_finite() {
            true => format!("{:.1e}", check.band),
            false => String::new(),
        },
        check.source.kind.clone(),
    ]
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    passed: bool,
    predicted: f64,
    measured: Option<f64>,
    band: f64,
    source: &'a str,
}

/// Writes all scenarios as JSON.
///
/// # Errors
/// Those of `out`.
pub fn write_json(suites: &[Suite], out: &mut impl Write) -> io::Result<()> {
    let tests: usize = suites.iter().map(|s| s.report.checks.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    let value = serde_json::json!({
        "passed": suites.iter().all(Suite::passed),
        "tests": tests,
        "failures": failures,
        "suites": suites.iter().map(object).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn object(suite: &Suite) -> serde_json::Value {
    let report = &suite.report;
    let case = |c: &super::Check| {
        serde_json::json!(Case {
            name: &c.name,
            passed: c.passed,
            predicted: c.predicted,
            measured: c.measured,
            band: c.band,
            source: &c.source.kind,
        })
    };
    let declined = report
        .declined
        .iter()
        .map(|d| serde_json::json!({ "result": d.result, "reason": d.reason }));
    serde_json::json!({
        "name": suite.name,
        "title": report.title,
        "outcome": report.outcome,
        "passed": suite.passed(),
        "tests": report.checks.len(),
        "failures": suite.failures(),
        "seconds": report.solver.integration.as_secs_f64(),
        "cases": report.checks.iter().map(case).collect::<Vec<_>>(),
        "not_predicted": declined.collect::<Vec<_>>(),
    })
}
