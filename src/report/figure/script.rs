//! Scripts that draw a figure's numbers again, to be changed by hand: Python with matplotlib, which reads
//! the CSV beside the figure, and LaTeX with pgfplots, which holds the numbers itself.

mod matplotlib;
mod pgfplots;
mod signs;

pub use matplotlib::matplotlib;
pub use pgfplots::pgfplots;

use super::canvas::MM;
use super::chart::{Band, Chart, Mark, Sample, Tile};
use super::layout::Placed;
use super::legend::Legend;
use super::markup::next_group;
use super::scale::{Kind, Scale, inverse};
use super::style::{LegendPlace, Style};
use super::thinning::legend_within;
use super::ticks::Ticks;

fn inches(units: i32) -> f64 {
    f64::from(units) / f64::from(MM) / 25.4
}

fn points(units: i32) -> f64 {
    (inches(units) * 72.0 * 100.0).round() / 100.0
}

/// Ends of an axis in the units of the data.
fn ends(scale: &Scale) -> (f64, f64) {
    let end = |v| inverse(scale.kind, v);
    (end(scale.lo), end(scale.hi))
}

/// Values and labels of the ticks of a logarithmic axis with fewer than two decades on it: there the programs
/// would label broken powers of ten, or minor ticks on top of each other. Elsewhere their own ticks are fine,
/// and follow when the range is changed by hand. Labels are written by `text`, both lists with `between`.
fn own_ticks(
    scale: &Scale,
    ticks: &Ticks,
    text: impl Fn(&str) -> String,
    between: &str,
) -> Option<[String; 2]> {
    let short = scale.kind == Kind::Log && scale.hi.floor() <= scale.lo.ceil();
    let value = |place| format!("{:.6e}", scale.value(place));
    let written = |(place, label): &(f64, String)| (value(*place), text(label));
    short.then(|| {
        let (values, labels): (Vec<_>, Vec<_>) = ticks.major.iter().map(written).unzip();
        [values, labels].map(|list| list.join(between))
    })
}

/// The legend of a chart as it is to be drawn; names at the ends of curves are not drawn by scripts.
fn legend(chart: &Chart, style: &Style) -> Vec<(Sample, String)> {
    match style.legend {
        LegendPlace::None => Vec::new(),
        _ => legend_within(chart),
    }
}

/// Entries of a legend that stand beside each other where the figure has a key of colours in their stead.
const KEY_COLUMNS: usize = 4;

/// Entries of a legend above the axes that stand beside each other: one less than in the longest row of the
/// figure, since columns are as wide as their widest entry.
fn legend_columns(panel: &Placed) -> usize {
    let rows = panel.legend.as_ref().map(Legend::row_lengths);
    let rows = rows.unwrap_or_default();
    match rows.iter().sum::<usize>() < legend_within(panel.chart).len() {
        true => KEY_COLUMNS,
        false => rows.into_iter().max().unwrap_or(1).saturating_sub(1).max(1),
    }
}

/// A shaded interval within the axes; on a logarithmic one it may begin where there is no place.
fn band_ends(band: &Band, scale: &Scale) -> (f64, f64) {
    let (lo, hi) = ends(scale);
    (band.from.clamp(lo, hi), band.to.clamp(lo, hi))
}

/// Where tiles begin along one axis, and where the last ends.
fn edges(tiles: &[Tile], side: fn(&Tile) -> (f64, f64)) -> Vec<f64> {
    let mut begins: Vec<f64> = tiles.iter().map(|t| side(t).0).collect();
    begins.sort_by(f64::total_cmp);
    begins.dedup();
    begins.extend(tiles.iter().map(|t| side(t).1).reduce(f64::max));
    begins
}

/// Marks of one series, which share their look.
fn mark_series(chart: &Chart) -> Vec<&Mark> {
    let mut firsts: Vec<&Mark> = Vec::new();
    for mark in &chart.marks {
        if firsts.iter().all(|m| m.series != mark.series) {
            firsts.push(mark);
        }
    }
    firsts
}

/// A label with `^{…}` and `_{…}` as mathematics between dollar signs, all else as `plain` writes it. Groups are
/// those of the figure; one with signs that mean something in mathematics stays text.
fn with_mathematics(label: &str, plain: impl Fn(&str) -> String) -> String {
    let harmless = |c: char| c.is_alphanumeric() || " +-−/=.,:()".contains(c);
    let mut out = String::new();
    let mut rest = label;
    while let Some((at, _, end)) = next_group(rest) {
        out += &plain(&rest[..at]);
        let group = &rest[at..=end];
        match rest[at + 2..end].chars().all(harmless) {
            true => out += &format!("${{}}{group}$"),
            false => out += &plain(group),
        }
        rest = &rest[end + 1..];
    }
    out + &plain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raised_and_lowered_text_becomes_mathematics() {
        let unchanged = |label: &str| with_mathematics(label, str::to_owned);
        assert_eq!(unchanged("σ_{1} / 10^{−3}"), "σ${}_{1}$ / 10${}^{−3}$");
        assert_eq!(unchanged("a_b ^ c^{2}"), "a_b ^ c${}^{2}$");
        assert_eq!(unchanged("x^{50%} ^{"), "x^{50%} ^{");
    }
}
