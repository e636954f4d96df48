//! The figures of a study of regimes: for every `(γ, L)` cost against time at all widths, medians with
//! quantiles over seeds; lazy distance, kernel drift and distances to minima and saddles against width.

use super::canvas::{Dash, Pen};
use super::chart::{Axis, Chart, Curve, Sample};
use super::scale::Scale;
use super::sweep::{Line, Plot, Stands, plot};
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
    for against in AGAINST_WIDTH {
        if lines.iter().any(|line| medians(line, against.of).len() > 1) {
            all.push(power(report, &lines, &against, style)?);
        }
    }
    Ok(all)
}

/// A number that is drawn against width.
struct Against {
    name: &'static str,
    label: &'static str,
    of: Of,
}

const AGAINST_WIDTH: [Against; 5] = [
    Against {
        name: "regimes_lazy_distance",
        label: "sup ‖A − A_{lin}‖ / ‖A_{lin}(T) − A(0)‖",
        of: |g| g.lazy_distance,
    },
    Against {
        name: "regimes_kernel_drift",
        label: "‖K − K_{0}‖ / ‖K_{0}‖",
        of: |g| g.kernel_drift,
    },
    Against {
        name: "regimes_minimum",
        label: "distance to a minimum d_{min}",
        of: |g| g.minimum,
    },
    Against {
        name: "regimes_saddle",
        label: "distance to a saddle d_{saddle}",
        of: |g| g.saddle,
    },
    Against {
        name: "regimes_distance_ratio",
        label: "d_{min} / d_{saddle}",
        of: |g| g.distance_ratio,
    },
];

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

/// Medians as lines and marks, quantiles as bars.
fn power(
    report: &RegimesReport,
    lines: &[Vec<&GroupEntry>],
    against: &Against,
    style: &Style,
) -> Result<Figure, Error> {
    let line = |groups: &Vec<&GroupEntry>| {
        let points = medians(groups, against.of);
        let bars = groups.iter().filter_map(|g| {
            let found = (against.of)(g).filter(|q| q.low < q.high)?;
            Some((g.width as f64, found.low, found.high))
        });
        Line {
            name: point(groups[0]).replace("gamma", "γ"),
            marks: points.clone(),
            points,
            bars: bars.collect(),
            thin: false,
        }
    };
    let lines: Vec<Line> = lines.iter().map(line).collect();
    let mut key = vec![(Stands::Mark, "median".to_owned())];
    if lines.iter().any(|line| !line.bars.is_empty()) {
        key.push((Stands::Bar, "quantiles 0.1 to 0.9".to_owned()));
    }
    let shown = Plot {
        name: against.name.to_owned(),
        title: format!("{}: against width", report.title),
        description: "Medians over seeds against the width of the hidden layers, bars between the 10 % and 90 % \
                      quantiles."
            .to_owned(),
        x: ("width".to_owned(), true),
        y: (against.label.to_owned(), true),
        lines,
        key,
        ..Plot::default()
    };
    plot(&shown, style)
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
