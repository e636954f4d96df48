//! The figures of a study of regimes: for every `(γ, L)` cost against time at all widths, medians with
//! quantiles over seeds; lazy distance and kernel drift against width.

use super::canvas::{Dash, Pen};
use super::chart::{Axis, Chart, Curve, Sample};
use super::errors::{Errors, errors};
use super::scale::Scale;
use super::{Figure, Style, palette, render};
use crate::error::Error;
use crate::report::quantiles::Quantiles;
use crate::report::regimes::{CurveRow, GroupEntry, RegimesReport};

/// All figures that there is something to draw for, by name.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn regimes(report: &RegimesReport, style: &Style) -> Result<Vec<Figure>, Error> {
    let lines = lines(report);
    let mut all = Vec::new();
    for line in &lines {
        if line.iter().any(|g| !g.curve.is_empty()) {
            let name = format!(
                "regimes_loss_{}",
                point(line[0]).replace(' ', "_").replace('=', "")
            );
            all.push(render::figure(losses(&name, report, line), style)?);
        }
    }
    let distance: Of = |g| g.lazy_distance;
    let drift: Of = |g| g.kernel_drift;
    let against = [
        (
            "regimes_lazy_distance",
            "sup ‖A − A_{lin}‖ / ‖A_{lin}(T) − A(0)‖",
            distance,
        ),
        ("regimes_kernel_drift", "‖K − K_{0}‖ / ‖K_{0}‖", drift),
    ];
    for (name, y, of) in against {
        if lines.iter().any(|line| medians(line, of).len() > 1) {
            all.push(power((report, style), &lines, (name, y), of)?);
        }
    }
    Ok(all)
}

type Height = fn(&CurveRow) -> f64;
type Of = fn(&GroupEntry) -> Option<Quantiles>;

/// The groups of each `(γ, L)`.
fn lines(report: &RegimesReport) -> Vec<Vec<&GroupEntry>> {
    let mut lines: Vec<Vec<&GroupEntry>> = Vec::new();
    for group in &report.groups {
        let same =
            |l: &&mut Vec<&GroupEntry>| (l[0].gamma, l[0].depth) == (group.gamma, group.depth);
        match lines.iter_mut().find(same) {
            Some(line) => line.push(group),
            None => lines.push(vec![group]),
        }
    }
    lines
}

fn point(group: &GroupEntry) -> String {
    match group.gamma {
        Some(gamma) => format!("L={} gamma={gamma}", group.depth),
        None => format!("L={}", group.depth),
    }
}

fn medians(line: &[&GroupEntry], of: Of) -> Vec<(f64, f64)> {
    let points = line.iter();
    points
        .filter_map(|g| Some((g.width as f64, of(g)?.median)))
        .collect()
}

fn power(
    (report, style): (&RegimesReport, &Style),
    lines: &[Vec<&GroupEntry>],
    (name, y): (&'static str, &str),
    of: Of,
) -> Result<Figure, Error> {
    let named: Vec<(String, Vec<(f64, f64)>)> = lines
        .iter()
        .map(|line| (point(line[0]).replace("gamma", "γ"), medians(line, of)))
        .collect();
    let curves: Vec<(&str, Vec<(f64, f64)>)> = named
        .iter()
        .map(|(name, points)| (name.as_str(), points.clone()))
        .collect();
    let shown = Errors {
        name,
        title: &format!("{}: against width", report.title),
        description: "Medians over seeds against the width of the hidden layers.",
        x: "width w",
        y,
        curves: &curves,
    };
    errors(&shown, style)
}

/// A large round number as a multiple of a power of ten.
fn short(number: usize) -> String {
    let mut rest = number;
    let mut exponent = 0;
    while rest >= 10 && rest.is_multiple_of(10) {
        (rest, exponent) = (rest / 10, exponent + 1);
    }
    match (rest, number) {
        (_, ..100_000) | (10.., _) => number.to_string(),
        (1, _) => format!("10^{{{exponent}}}"),
        _ => format!("{rest}·10^{{{exponent}}}"),
    }
}

/// Cost against time at all widths.
fn losses(name: &str, report: &RegimesReport, line: &[&GroupEntry]) -> Chart {
    let (mut curves, mut legend) = (Vec::new(), Vec::new());
    for (k, group) in line.iter().enumerate() {
        let pen = palette::line(k + 1, line.len());
        let (thin, linear) = (palette::thin(pen), palette::prediction_of(pen.color));
        let width = format!("w={}", group.width);
        let bands: [(&str, Pen, Height); 4] = [
            (" 10 %", thin, |r| r.cost.low),
            (" 90 %", thin, |r| r.cost.high),
            (" linear", linear, |r| r.linear_cost.median),
            ("", pen, |r| r.cost.median),
        ];
        for (suffix, pen, of) in bands {
            curves.push(Curve {
                series: format!("{width}{suffix}"),
                pen,
                points: group.curve.iter().map(|r| (r.time, of(r))).collect(),
            });
        }
        legend.push((Sample::Line(pen), format!("w={}", short(group.width))));
    }
    let rows = || line.iter().flat_map(|g| &g.curve);
    if rows().any(|r| r.cost.low < r.cost.high) {
        let thin = Pen {
            color: palette::BLACK,
            dash: Dash::Solid,
            ..palette::thin(palette::cost())
        };
        legend.push((Sample::Line(thin), "10 %, 90 % of seeds".to_owned()));
    }
    legend.push((Sample::Line(palette::prediction()), "linearised".to_owned()));
    let top = rows().map(|r| r.cost.high).fold(0.0, f64::max);
    let moving = |r: &&CurveRow| r.cost.low < 0.98 * top && r.cost.high > 1e-6 * top;
    let shown = rows().filter(moving).map(|r| r.time);
    let x = Axis {
        label: "time t".to_owned(),
        scale: Scale::log_around(shown),
    };
    let y = Axis {
        label: "cost C".to_owned(),
        scale: Scale::linear_from_zero(rows().map(|r| r.cost.high)),
    };
    let title = format!("{}: cost, {}", report.title, point(line[0]));
    let description = "Cost against time: medians over seeds, thin lines the 10 % and 90 % quantiles, \
                       dotted the linearised model.";
    Chart {
        curves,
        legend,
        ..Chart::new(name, title, description.to_owned(), (x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn only_large_round_numbers_become_powers() {
        let cases = [
            (0, "0"),
            (1000, "1000"),
            (100_000, "10^{5}"),
            (500_000, "5·10^{5}"),
            (123_000, "123000"),
        ];
        for (number, text) in cases {
            assert_eq!(short(number), text);
        }
    }
}
