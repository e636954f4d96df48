//! Axes: a line to the left and below, ticks outside, decades or round numbers beside them; and the
//! bar of colours, an axis to the right.

use super::canvas::{Anchor, Canvas, Place};
use super::chart::Axis;
use super::palette;
use super::polyline::Frame;
use super::scale::Scale;
use super::style::Style;
use super::ticks::{Ticks, power_of_ten, ticks};
use std::io;

/// Capital letters and digits reach this part of the text height.
const CAPITALS: f64 = 0.73;
/// Words give way to symbols where a name would be smaller than this part of its height.
const SMALL: f64 = 0.7;
/// Letters reach this far below the baseline.
const BELOW: f64 = 0.24;
const MAJOR: i32 = 90;
const MINOR: i32 = 50;
const GAP: i32 = 60;
/// From tick labels to the axis' name.
const TO_NAME: i32 = 110;
/// From the edge of the cell to the axis' name.
const EDGE: i32 = 60;
/// The bar of colours: how far from the axes, how wide, in how many steps.
const BAR_GAP: i32 = 180;
const BAR_WIDTH: i32 = 300;
const BAR_STEPS: i32 = 96;

/// Most ticks on a vertical axis of this length.
pub fn vertical_ticks(scale: &Scale, length: i32, style: &Style) -> Ticks {
    let most = f64::from(length) / (1.95 * f64::from(style.small()));
    ticks(scale, (most as usize).clamp(2, 9))
}

/// As many ticks as have room for their labels on a horizontal axis of this length.
pub fn horizontal_ticks(scale: &Scale, length: i32, style: &Style) -> Ticks {
    let room = f64::from(style.small());
    let apart = |a: &(f64, String), b: &(f64, String)| {
        let widths = [a, b].map(|(_, l)| style.text_width(l, style.small()));
        let needed = 0.5 * f64::from(widths.iter().sum::<i32>()) + room;
        (b.0 - a.0) * f64::from(length) >= needed
    };
    let fits = |ticks: &Ticks| ticks.major.windows(2).all(|pair| apart(&pair[0], &pair[1]));
    let tried = (2..=6).rev().map(|most| ticks(scale, most));
    tried.clone().find(fits).unwrap_or_else(|| {
        let mut few = ticks(scale, 2);
        few.major.dedup_by(|next, kept| !apart(kept, next));
        few
    })
}

fn widest(ticks: &Ticks, style: &Style) -> i32 {
    let widths = ticks.major.iter();
    let widths = widths.map(|(_, label)| style.text_width(label, style.small()));
    widths.max().unwrap_or(0)
}

/// Room to the left of a frame of this height.
pub fn left_room(axis: &Axis, length: i32, style: &Style) -> i32 {
    let y = vertical_ticks(&axis.scale, length, style);
    let name = style.label() + more_lines(&upright(axis, &y, length, style), length, style);
    EDGE + name + TO_NAME + widest(&y, style) + GAP + MAJOR
}

/// Room below the frame.
pub fn bottom_room(style: &Style) -> i32 {
    let label = style.label();
    x_label_baseline(style) + TO_NAME + raised(CAPITALS, label) + raised(BELOW, label) + 40
}

/// Room to the right of the frame: half the last label, where it stands at the end.
pub fn right_room(x: &Ticks, style: &Style) -> i32 {
    let at_end = |(position, _): &&(f64, String)| *position > 0.9;
    let widths = x.major.iter().filter(at_end);
    let half = widths
        .map(|(_, label)| style.text_width(label, style.small()) / 2)
        .max();
    half.unwrap_or(0).max(120) + 60
}

/// Room to the right of the frame for a bar of colours.
pub fn bar_room(bar: &Axis, length: i32, style: &Style) -> i32 {
    let ticks = vertical_ticks(&bar.scale, length, style);
    let name = style.label() + more_lines(&upright(bar, &ticks, length, style), length, style);
    BAR_GAP + BAR_WIDTH + MAJOR + GAP + widest(&ticks, style) + TO_NAME + name + EDGE
}

/// From the frame's lower edge to the baseline of the labels below it.
fn x_label_baseline(style: &Style) -> i32 {
    MAJOR + GAP + raised(CAPITALS * 1.12, style.small())
}

/// The axis' name, with the unit of its tick labels.
fn name(axis: &Axis, ticks: &Ticks) -> String {
    match ticks.exponent {
        0 => axis.label.clone(),
        e => format!("{} / {}", axis.label, power_of_ten(e)),
    }
}

/// The name of a vertical axis of this length, by symbols alone where words would have to be small.
fn upright(axis: &Axis, ticks: &Ticks, length: i32, style: &Style) -> String {
    let full = name(axis, ticks);
    match height(&full, length, style) < raised(SMALL, style.label()) {
        true => symbols(&full),
        false => full,
    }
}

/// Each of several names without the words before its symbol: `cost C` is `C`.
fn symbols(name: &str) -> String {
    let is_letter = |text: &str| text.len() == 1 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let is_word = |word: &str| {
        let letters = word.bytes().all(|b| b.is_ascii_alphabetic());
        word == "a" || (letters && word.len() > 1 && word != "sup")
    };
    let short = |name: &str| {
        let parts: Vec<&str> = name.split(' ').skip_while(|word| is_word(word)).collect();
        let rest = parts.join(" ");
        match is_letter(&rest) || rest.contains('_') || !rest.is_ascii() {
            true => rest,
            false => name.to_owned(),
        }
    };
    name.split(", ").map(short).collect::<Vec<_>>().join(", ")
}

/// Draws the horizontal axis; its name stays within the columns of `cell`.
pub fn draw_x(
    canvas: &mut Canvas,
    (frame, cell): (&Frame, Place),
    (axis, ticks): (&Axis, &Ticks),
    style: &Style,
) -> io::Result<()> {
    let y = frame.bottom as i32;
    let place = |p: f64| (frame.left + p * (frame.right - frame.left)).round() as i32;
    canvas.line((place(0.0), y), (place(1.0), y), palette::axis())?;
    for &p in &ticks.minor {
        canvas.line((place(p), y), (place(p), y + MINOR), palette::minor_tick())?;
    }
    let baseline = y + x_label_baseline(style);
    for (p, label) in &ticks.major {
        canvas.line((place(*p), y), (place(*p), y + MAJOR), palette::axis())?;
        canvas.text(label, (place(*p), baseline), style.small(), Anchor::Middle)?;
    }
    let below = baseline + TO_NAME + raised(CAPITALS, style.label());
    let (at, name) = ((place(0.5), below), name(axis, ticks));
    // Both sides of the axis have the same room where it stands in the middle of its cell.
    let room = 2 * (at.0 - cell.0).min(cell.1 - at.0) - EDGE;
    let size = fitting(&name, room.max(place(1.0) - place(0.0)), style);
    canvas.text(&name, at, size, Anchor::Middle)
}

/// Draws the vertical axis.
pub fn draw_y(
    canvas: &mut Canvas,
    frame: &Frame,
    (axis, ticks): (&Axis, &Ticks),
    style: &Style,
) -> io::Result<()> {
    let x = frame.left as i32;
    let place = |p: f64| (frame.bottom - p * (frame.bottom - frame.top)).round() as i32;
    canvas.line((x, place(0.0)), (x, place(1.0)), palette::axis())?;
    for &p in &ticks.minor {
        canvas.line((x - MINOR, place(p)), (x, place(p)), palette::minor_tick())?;
    }
    let end = x - MAJOR - GAP;
    for (p, label) in &ticks.major {
        canvas.line((x - MAJOR, place(*p)), (x, place(*p)), palette::axis())?;
        let at = (end, place(*p) + raised(CAPITALS / 2.0, style.small()));
        canvas.text(label, at, style.small(), Anchor::End)?;
    }
    let at = (end - widest(ticks, style) - TO_NAME, place(0.5));
    let at = (at.0 - raised(BELOW, style.label()), at.1);
    let length = place(0.0) - place(1.0);
    upwards(
        canvas,
        &upright(axis, ticks, length, style),
        at,
        length,
        style,
    )
}

/// Draws the bar of colours with its axis, to the right of the frame.
pub fn draw_bar(canvas: &mut Canvas, frame: &Frame, bar: &Axis, style: &Style) -> io::Result<()> {
    let left = frame.right as i32 + BAR_GAP;
    let right = left + BAR_WIDTH;
    let place = |p: f64| (frame.bottom - p * (frame.bottom - frame.top)).round() as i32;
    for step in (0..BAR_STEPS).rev() {
        let at = |i: i32| f64::from(i) / f64::from(BAR_STEPS);
        let shade = palette::shade(style.color_map, at(step) + 0.5 / f64::from(BAR_STEPS));
        let (upper, lower) = (place(at(step + 1)), place(at(step)));
        canvas.tile((left, upper), (right, lower), (right, place(0.0)), shade)?;
    }
    let ticks = vertical_ticks(&bar.scale, place(0.0) - place(1.0), style);
    for &p in &ticks.minor {
        let end = (right + MINOR, place(p));
        canvas.line((right, place(p)), end, palette::minor_tick())?;
    }
    for (p, label) in &ticks.major {
        canvas.line(
            (right, place(*p)),
            (right + MAJOR, place(*p)),
            palette::axis(),
        )?;
        let baseline = place(*p) + raised(CAPITALS / 2.0, style.small());
        let at = (right + MAJOR + GAP, baseline);
        canvas.text(label, at, style.small(), Anchor::Start)?;
    }
    let x = right + MAJOR + GAP + widest(&ticks, style) + TO_NAME;
    let length = place(0.0) - place(1.0);
    let name = upright(bar, &ticks, length, style);
    let x = x + raised(CAPITALS, style.label()) + more_lines(&name, length, style);
    upwards(canvas, &name, (x, place(0.5)), length, style)
}

/// A name along an axis of this length, in lines that end at `at`, smaller where it would be too long.
fn upwards(
    canvas: &mut Canvas,
    name: &str,
    at: Place,
    length: i32,
    style: &Style,
) -> io::Result<()> {
    let lines = lines(name, length, style);
    let below = |i: usize| (lines.len() - 1 - i) as i32 * line_height(style);
    let size = height(name, length, style);
    for (i, line) in lines.iter().enumerate() {
        canvas.text(line, (at.0 - below(i), at.1), size, Anchor::Upwards)?;
    }
    Ok(())
}

/// The one text height of all lines of a name along an axis of this length.
fn height(name: &str, length: i32, style: &Style) -> i32 {
    let lines = lines(name, length, style);
    let sizes = lines.iter().map(|l| fitting(l, length + 2 * MINOR, style));
    sizes.min().unwrap_or(style.label())
}

/// The name in one line, or in two where it is a list too long for one.
fn lines<'n>(name: &'n str, length: i32, style: &Style) -> Vec<&'n str> {
    let width = |text: &str| style.text_width(text, style.label());
    let breaks = name
        .match_indices(", ")
        .map(|(at, _)| (&name[..=at], &name[at + 2..]));
    let shortest = breaks.min_by_key(|(first, second)| width(first).max(width(second)));
    match shortest {
        Some((first, second)) if width(name) > length + 2 * MINOR => vec![first, second],
        _ => vec![name],
    }
}

fn line_height(style: &Style) -> i32 {
    raised(1.1, style.label())
}

/// Room for the lines of a name beyond the first.
fn more_lines(name: &str, length: i32, style: &Style) -> i32 {
    (lines(name, length, style).len() as i32 - 1) * line_height(style)
}

/// The text height of a name in `room`.
pub fn fitting(name: &str, room: i32, style: &Style) -> i32 {
    let width = style.text_width(name, style.label()).max(1);
    let part = (f64::from(room) / f64::from(width)).min(1.0);
    raised(part, style.label())
}

fn raised(part: f64, size: i32) -> i32 {
    (part * f64::from(size)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Axes of the standard figure are 42 mm high.
    const HEIGHT: i32 = 4200;

    #[test]
    fn a_list_too_long_for_its_axis_breaks_in_two() {
        let style = Style::default();
        let name = "cost C, kernel norm ‖K‖, kernel alignment";
        assert_eq!(
            lines(name, HEIGHT, &style),
            ["cost C, kernel norm ‖K‖,", "kernel alignment"]
        );
        assert_eq!(lines(name, 2 * HEIGHT, &style), [name]);
        assert_eq!(lines("cost C, rank", HEIGHT, &style), ["cost C, rank"]);
        assert!(more_lines(name, HEIGHT, &style) > style.label());
        assert_eq!(more_lines("cost C", HEIGHT, &style), 0);
    }

    #[test]
    fn labels_of_a_narrow_window_stand_apart() {
        let style = Style::default();
        for (lo, hi) in [(4.4276, 4.4277), (14.99999, 15.0), (0.0, 15.0)] {
            for length in [1500, 2500, 7000] {
                let ticks = horizontal_ticks(&Scale::linear(lo, hi), length, &style);
                assert!(!ticks.major.is_empty());
                for pair in ticks.major.windows(2) {
                    let widths = pair.iter().map(|(_, l)| style.text_width(l, style.small()));
                    let apart = (pair[1].0 - pair[0].0) * f64::from(length);
                    assert!(apart > 0.5 * f64::from(widths.sum::<i32>()), "{ticks:?}");
                }
            }
        }
    }

    /// 10 mm, as three panels in a column have.
    #[test]
    fn a_short_axis_is_named_by_symbols() {
        let style = Style::default();
        let of = |label: &str, length: i32| {
            let axis = Axis {
                label: label.to_owned(),
                scale: Scale::linear(0.0, 1.0),
            };
            upright(
                &axis,
                &vertical_ticks(&axis.scale, length, &style),
                length,
                &style,
            )
        };
        let costs = "cost C, gradient norm ‖∇‖";
        assert_eq!(of("singular values σ_{k}", 1000), "σ_{k}");
        assert_eq!(of(costs, 1000), "C, ‖∇‖");
        assert_eq!(of("test cost", 1000), "test cost");
        for (name, short) in [
            ("relative wait 1 − T_{1}/T_{2}", "1 − T_{1}/T_{2}"),
            ("nuclear norm Σ σ_{i}", "Σ σ_{i}"),
            ("distance to a saddle d_{saddle}", "d_{saddle}"),
            (
                "time since the escape of mode 1",
                "time since the escape of mode 1",
            ),
            (
                "sup ‖A − A_{lin}‖ / ‖A_{lin}(T)‖",
                "sup ‖A − A_{lin}‖ / ‖A_{lin}(T)‖",
            ),
        ] {
            assert_eq!(of(name, 800), short);
        }
        for name in ["singular values σ_{k}", costs] {
            assert_eq!(of(name, HEIGHT), name);
        }
    }

    #[test]
    fn a_long_name_shrinks_into_its_room() {
        let style = Style::default();
        let name = "time since the escape of mode 1, in units of the escape time of mode 1";
        let size = fitting(name, 8250, &style);
        assert!(size < style.label() && style.text_width(name, size) <= 8250 + name.len() as i32);
        assert_eq!(fitting("time t", 8250, &style), style.label());
    }
}
