//! Names at the ends of curves, in their colours, moved apart where they would overlap.

use super::canvas::{Anchor, Canvas, Label, Place};
use super::chart::{Chart, Curve, Sample};
use super::layout::{END_GAP, Placed};
use super::style::Style;
use std::io;

/// From one baseline to the next, relative to the text height.
const LINE: f64 = 1.1;

/// The name of a curve in the legend, if it is the only curve of its name and ends within the axes.
fn name_of<'a>(chart: &'a Chart, curve: &Curve) -> Option<&'a str> {
    chart.y.scale.inside(curve.points.last()?.1)?;
    let alone = chart.curves.iter().filter(|c| c.pen == curve.pen).count() == 1;
    chart.name_of(curve.pen).filter(|_| alone)
}

/// The legend without the curves that bear their names.
pub fn unnamed(chart: &Chart, style: &Style) -> Vec<(Sample, String)> {
    let named = |text: &str| {
        style.end_labels && chart.curves.iter().any(|c| name_of(chart, c) == Some(text))
    };
    let entries = chart.legend.iter().filter(|(_, text)| !named(text));
    entries.cloned().collect()
}

/// Writes the names; `ends` are the places of the last points of the curves.
pub fn draw(
    canvas: &mut Canvas,
    panel: &Placed,
    ends: &[Option<Place>],
    style: &Style,
) -> io::Result<()> {
    let curves = panel.chart.curves.iter().zip(ends);
    let mut labels: Vec<(i32, &str, &Curve)> = curves
        .filter_map(|(curve, end)| Some((end.as_ref()?.1, name_of(panel.chart, curve)?, curve)))
        .collect();
    labels.sort_by_key(|label| label.0);
    let wanted: Vec<i32> = labels.iter().map(|label| label.0).collect();
    let line = (LINE * f64::from(style.small())) as i32;
    let range = (panel.frame.top as i32, panel.frame.bottom as i32);
    for (y, (_, text, curve)) in spread(&wanted, line, range).into_iter().zip(labels) {
        canvas.label(Label {
            text: text.to_owned(),
            at: (
                panel.frame.right as i32 + END_GAP,
                y + style.small() * 36 / 100,
            ),
            size: style.small(),
            anchor: Anchor::Start,
            color: curve.pen.color,
        })?;
    }
    Ok(())
}

/// Heights near the `wanted` ones, which increase, at least `line` apart, within `range` while they fit.
fn spread(wanted: &[i32], line: i32, range: (i32, i32)) -> Vec<i32> {
    let mut heights = wanted.to_vec();
    let mut lowest = range.0;
    for height in &mut heights {
        *height = (*height).max(lowest);
        lowest = *height + line;
    }
    let mut highest = range.1;
    for height in heights.iter_mut().rev() {
        *height = (*height).min(highest);
        highest = *height - line;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_and_stay_in_range() {
        assert_eq!(spread(&[100, 500], 50, (0, 1000)), [100, 500]);
        assert_eq!(spread(&[100, 110, 300], 50, (0, 1000)), [100, 150, 300]);
        assert_eq!(spread(&[990, 995, 1000], 50, (0, 1000)), [900, 950, 1000]);
    }
}
