//! Axes: a line to the left and below, ticks outside, decades or round numbers beside them.

use super::canvas::{Anchor, Canvas, pt};
use super::chart::Axis;
use super::palette;
use super::polyline::Frame;
use super::ticks::{Ticks, power_of_ten};
use std::io;

/// Text heights.
pub const TICK_TEXT: i32 = pt(7.5);
pub const LABEL_TEXT: i32 = pt(8.5);
/// Capital letters and digits reach this part of the text height.
const CAPITALS: f64 = 0.72;
const MAJOR: i32 = 90;
const MINOR: i32 = 50;
const GAP: i32 = 60;

/// Room to the left of the frame.
pub fn left_room(y: &Ticks) -> i32 {
    let widths = y
        .major
        .iter()
        .map(|(_, label)| Canvas::text_width(label, TICK_TEXT));
    60 + LABEL_TEXT + 110 + widths.max().unwrap_or(0) + GAP + MAJOR
}

/// Room below the frame.
pub fn bottom_room() -> i32 {
    MAJOR + GAP + TICK_TEXT + 60 + LABEL_TEXT + 90
}

/// Room to the right of the frame: half the last label, where it stands at the end.
pub fn right_room(x: &Ticks) -> i32 {
    let at_end = |(position, _): &&(f64, String)| *position > 0.9;
    let widths = x.major.iter().filter(at_end);
    let half = widths
        .map(|(_, label)| Canvas::text_width(label, TICK_TEXT) / 2)
        .max();
    half.unwrap_or(0).max(120) + 60
}

/// The axis' name, with the unit of its tick labels.
fn name(axis: &Axis, ticks: &Ticks) -> String {
    match ticks.exponent {
        0 => axis.label.clone(),
        e => format!("{} / {}", axis.label, power_of_ten(e)),
    }
}

/// Draws the horizontal axis.
pub fn draw_x(canvas: &mut Canvas, frame: &Frame, axis: &Axis, ticks: &Ticks) -> io::Result<()> {
    let y = frame.bottom as i32;
    let place = |p: f64| (frame.left + p * (frame.right - frame.left)).round() as i32;
    canvas.line((place(0.0), y), (place(1.0), y), palette::axis())?;
    for &p in &ticks.minor {
        canvas.line((place(p), y), (place(p), y + MINOR), palette::minor_tick())?;
    }
    let baseline = y + MAJOR + GAP + raised(CAPITALS * 1.12, TICK_TEXT);
    for (p, label) in &ticks.major {
        canvas.line((place(*p), y), (place(*p), y + MAJOR), palette::axis())?;
        canvas.text(label, (place(*p), baseline), TICK_TEXT, Anchor::Middle)?;
    }
    let below = baseline + 110 + raised(CAPITALS, LABEL_TEXT);
    canvas.text(
        &name(axis, ticks),
        (place(0.5), below),
        LABEL_TEXT,
        Anchor::Middle,
    )
}

/// Draws the vertical axis.
pub fn draw_y(canvas: &mut Canvas, frame: &Frame, axis: &Axis, ticks: &Ticks) -> io::Result<()> {
    let x = frame.left as i32;
    let place = |p: f64| (frame.bottom - p * (frame.bottom - frame.top)).round() as i32;
    canvas.line((x, place(0.0)), (x, place(1.0)), palette::axis())?;
    for &p in &ticks.minor {
        canvas.line((x - MINOR, place(p)), (x, place(p)), palette::minor_tick())?;
    }
    for (p, label) in &ticks.major {
        canvas.line((x - MAJOR, place(*p)), (x, place(*p)), palette::axis())?;
        let at = (
            x - MAJOR - GAP,
            place(*p) + raised(CAPITALS / 2.0, TICK_TEXT),
        );
        canvas.text(label, at, TICK_TEXT, Anchor::End)?;
    }
    let at = (60 + raised(0.8, LABEL_TEXT), place(0.5));
    canvas.text(&name(axis, ticks), at, LABEL_TEXT, Anchor::Upwards)
}

fn raised(part: f64, size: i32) -> i32 {
    (part * f64::from(size)).round() as i32
}
