//! Names at the ends of curves, in their colours: moved apart as little as possible where they would overlap,
//! with a line to the end of the curve where that is not beside the name, and in one where there are too many.

use super::canvas::{Anchor, Canvas, Label, Pen};
use super::chart::{Chart, Curve, Sample};
use super::layout::{END_GAP, Placed};
use super::palette;
use super::style::Style;
use super::thinning::legend_within;
use plotters::style::RGBColor;
use std::io;

/// From one name to the next, relative to the text height.
const LINE: f64 = 1.1;
/// Names of lines on a ramp are not moved by more lines than this: their order tells as much.
const FARTHEST: i32 = 4;
/// A curve that ends before this part of the horizontal axis has its name in the legend.
const NEAR_END: f64 = 0.95;
/// Length of the lines from curves to their names, along the axis.
const LEADER: i32 = 260;
/// Between a line's ends and what it connects.
const APART: i32 = 30;

/// A name, or several that have no room of their own.
struct Name {
    texts: Vec<String>,
    /// Where its curves end, in their colours.
    ends: Vec<(i32, RGBColor)>,
    y: i32,
}

impl Name {
    fn text(&self) -> String {
        match &self.texts[..] {
            [first, .., last] if self.texts.len() > 2 => format!("{first}…{last}"),
            few => few.join(", "),
        }
    }

    fn color(&self) -> RGBColor {
        match self.ends[..] {
            [(_, color)] => color,
            _ => palette::BLACK,
        }
    }

    /// Whether someone would look for the curve elsewhere.
    fn needs_leader(&self, style: &Style) -> bool {
        self.ends
            .iter()
            .any(|(end, _)| (end - self.y).abs() > style.small() / 3)
    }

    /// Between the ends.
    fn wanted(&self) -> i32 {
        let sum: i64 = self.ends.iter().map(|(end, _)| i64::from(*end)).sum();
        (sum / (self.ends.len() as i64).max(1)) as i32
    }

    fn with(mut self, other: Self) -> Self {
        self.texts.extend(other.texts);
        self.ends.extend(other.ends);
        self
    }
}

/// The name of a curve in the legend and the height of its end, `0 … 1`, if it is the only curve of its look and
/// ends near the right end of the axes.
fn end_of<'a>(chart: &'a Chart, curve: &Curve) -> Option<(&'a str, f64)> {
    let alone = chart.curves.iter().filter(|c| c.pen == curve.pen).count() == 1;
    let text = chart.name_of(curve.pen).filter(|_| alone)?;
    let place =
        |&(x, y): &(f64, f64)| Some((chart.x.scale.position(x)?, chart.y.scale.position(y)?));
    let last = curve
        .points
        .iter()
        .rposition(|p| chart.x.scale.inside(p.0).is_some())?;
    let (x, y) = place(&curve.points[last])?;
    let (x, y) = match curve.points.get(last + 1).and_then(place) {
        // The axis ends between two points.
        Some(next) if next.0 > 1.0 => (1.0, y + (next.1 - y) * (1.0 - x) / (next.0 - x)),
        _ => (x, y),
    };
    (x >= NEAR_END && (0.0..=1.0).contains(&y)).then_some((text, y))
}

/// The legend without the curves that bear their names, and without those outside of the axes.
pub fn unnamed(chart: &Chart, style: &Style) -> Vec<(Sample, String)> {
    let curves = chart.curves.iter().filter(|_| style.end_labels);
    let named: Vec<&str> = curves.filter_map(|c| Some(end_of(chart, c)?.0)).collect();
    let mut entries = legend_within(chart);
    entries.retain(|(_, text)| !named.contains(&text.as_str()));
    entries
}

/// The names of a chart whose axes have this top and bottom.
fn names(chart: &Chart, (top, bottom): (i32, i32), style: &Style) -> Vec<Name> {
    let curves = chart.curves.iter().filter(|_| style.end_labels);
    let name = |curve: &Curve| {
        let (text, height) = end_of(chart, curve)?;
        let y = bottom - (height * f64::from(bottom - top)).round() as i32;
        Some(Name {
            texts: vec![text.to_owned()],
            ends: vec![(y, curve.pen.color)],
            y,
        })
    };
    let mut names: Vec<Name> = curves.filter_map(name).collect();
    // Curves that end together, in the order of the legend.
    let place = |name: &Name| {
        chart
            .legend
            .iter()
            .position(|(_, text)| *text == name.texts[0])
    };
    names.sort_by_key(|name| (name.y, place(name)));
    let line = (LINE * f64::from(style.small())) as i32;
    let fitting = ((bottom - top) / line.max(1) + 1).max(1) as usize;
    names = placed(joined(names, fitting), line, (top, bottom));
    let far = |name: &Name| (name.y - name.wanted()).abs() > FARTHEST * line;
    while on_ramp(chart) && names.len() > palette::DISTINCT && names.iter().any(far) {
        let fewer = names.len() - 1;
        names = placed(joined(names, fewer), line, (top, bottom));
    }
    names
}

/// Whether lines have no colours that only their names could explain.
fn on_ramp(chart: &Chart) -> bool {
    let named = |curve: &&Curve| end_of(chart, curve).is_some();
    let mut curves = chart.curves.iter().filter(named);
    curves.all(|curve| palette::on_ramp(curve.pen))
}

fn placed(mut names: Vec<Name>, line: i32, range: (i32, i32)) -> Vec<Name> {
    let wanted: Vec<i32> = names.iter().map(Name::wanted).collect();
    for (name, y) in names.iter_mut().zip(spread(&wanted, line, range)) {
        name.y = y;
    }
    names
}

/// At most `most` names; those nearest to each other are joined first.
fn joined(mut names: Vec<Name>, most: usize) -> Vec<Name> {
    while names.len() > most {
        let gap = |i: &usize| {
            (
                names[*i + 1].wanted() - names[*i].wanted(),
                names[*i].texts.len(),
            )
        };
        let Some(at) = (0..names.len() - 1).min_by_key(gap) else {
            break;
        };
        let second = names.remove(at + 1);
        let first = names.remove(at);
        names.insert(at, first.with(second));
    }
    names
}

/// Heights at least `line` apart and within `range` while they fit, nearest to the `wanted` ones, which
/// increase, in the sum of squares: pools of adjacent violators (Barlow et al. 1972) of `wanted[i] − i line`.
fn spread(wanted: &[i32], line: i32, range: (i32, i32)) -> Vec<i32> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (i, height) in wanted.iter().enumerate() {
        let mut pool = (f64::from(height - i as i32 * line), 1);
        while let Some(&(mean, count)) = pools.last()
            && mean > pool.0
        {
            let all = count + pool.1;
            pool = (
                (mean * count as f64 + pool.0 * pool.1 as f64) / all as f64,
                all,
            );
            pools.pop();
        }
        pools.push(pool);
    }
    let last = wanted.len().saturating_sub(1) as i32;
    let (lowest, highest) = (
        f64::from(range.0),
        f64::from((range.1 - last * line).max(range.0)),
    );
    let base = pools
        .iter()
        .flat_map(|&(mean, count)| std::iter::repeat_n(mean, count));
    base.enumerate()
        .map(|(i, base)| base.clamp(lowest, highest).round() as i32 + i as i32 * line)
        .collect()
}

/// Room to the right of axes of this height.
pub fn room(chart: &Chart, height: i32, style: &Style) -> i32 {
    let names = names(chart, (0, height), style);
    let widths = names
        .iter()
        .map(|name| style.text_width(&name.text(), style.small()));
    let leader = leader(&names, style);
    widths
        .max()
        .map_or(0, |width| END_GAP + leader + width + END_GAP / 2)
}

/// Room for lines to the names.
fn leader(names: &[Name], style: &Style) -> i32 {
    match names.iter().any(|name| name.needs_leader(style)) {
        true => LEADER,
        false => 0,
    }
}

/// Writes the names.
pub fn draw(canvas: &mut Canvas, panel: &Placed, style: &Style) -> io::Result<()> {
    let range = (panel.frame.top as i32, panel.frame.bottom as i32);
    let names = names(panel.chart, range, style);
    let right = panel.frame.right as i32;
    let x = right + END_GAP + leader(&names, style);
    for name in &names {
        for &(end, color) in name.ends.iter().filter(|_| name.needs_leader(style)) {
            let line = [(right + APART, end), (x - APART, name.y)];
            canvas.path(
                &line,
                Pen {
                    color,
                    ..palette::leader()
                },
            )?;
        }
        canvas.label(Label {
            text: name.text(),
            at: (x, name.y + style.small() * 36 / 100),
            size: style.small(),
            anchor: Anchor::Start,
            color: name.color(),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_as_little_as_possible() {
        assert_eq!(spread(&[100, 500], 50, (0, 1000)), [100, 500]);
        // To both sides of where they want to be.
        assert_eq!(spread(&[100, 110, 300], 50, (0, 1000)), [80, 130, 300]);
        assert_eq!(spread(&[500; 5], 50, (0, 1000)), [400, 450, 500, 550, 600]);
        // Far names stay where they are.
        let far = spread(&[100, 500, 500, 500, 900], 50, (0, 1000));
        assert_eq!(far, [100, 450, 500, 550, 900]);
        assert_eq!(spread(&[990, 995, 1000], 50, (0, 1000)), [900, 950, 1000]);
        assert_eq!(spread(&[0, 3], 50, (0, 1000)), [0, 50]);
        assert!(spread(&[], 50, (0, 1000)).is_empty());
    }

    #[test]
    fn names_without_room_are_joined() {
        let name = |(k, y): (usize, i32)| Name {
            texts: vec![format!("σ_{{{k}}}")],
            ends: vec![(y, palette::GREY)],
            y,
        };
        let all = [(1, 100), (2, 500), (3, 510), (4, 518), (5, 900)].map(name);
        let three = joined(all.into_iter().collect(), 3);
        let texts: Vec<String> = three.iter().map(Name::text).collect();
        assert_eq!(texts, ["σ_{1}", "σ_{2}…σ_{4}", "σ_{5}"]);
        assert_eq!(three[1].color(), palette::BLACK);
        assert_eq!(three[1].ends.len(), 3);
    }
}
