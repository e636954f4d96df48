//! Pens: the colours of Okabe & Ito (2008), which readers with colour-blindness can tell apart,
//! and dashes, which greyscale print can. Dots are kept for predictions.

use super::canvas::{Dash, Pen, pt};
use plotters::style::RGBColor;

pub const BLACK: RGBColor = RGBColor(0, 0, 0);
pub const GREY: RGBColor = RGBColor(140, 140, 140);
pub const PALE: RGBColor = RGBColor(236, 236, 236);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILLION: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);

/// Modes with a pen of their own; the others share [`others`].
pub const NAMED_MODES: usize = 7;

const MODES: [(RGBColor, Dash); NAMED_MODES] = [
    (BLUE, Dash::Solid),
    (VERMILLION, Dash::Dashed),
    (GREEN, Dash::OneDot),
    (PURPLE, Dash::Short),
    (ORANGE, Dash::Long),
    (SKY, Dash::TwoDots),
    (BLACK, Dash::Sparse),
];

const fn pen(color: RGBColor, points: f64, dash: Dash) -> Pen {
    Pen {
        color,
        width: pt(points),
        dash,
    }
}

/// The pen of mode `k = 1, 2, …`.
pub fn mode(k: usize) -> Pen {
    match MODES.get(k.wrapping_sub(1)) {
        Some(&(color, dash)) => pen(color, 1.0, dash),
        None => others(),
    }
}

/// The pen of modes without one of their own.
pub fn others() -> Pen {
    pen(GREY, 0.6, Dash::Solid)
}

pub fn cost() -> Pen {
    pen(BLUE, 1.0, Dash::Solid)
}

pub fn test_cost() -> Pen {
    pen(VERMILLION, 1.0, Dash::Dashed)
}

pub fn gradient_norm() -> Pen {
    pen(GREEN, 1.0, Dash::OneDot)
}

/// Predicted curves, drawn over the measured ones.
pub fn prediction() -> Pen {
    pen(BLACK, 1.2, Dash::Dotted)
}

/// Predicted times.
pub fn prediction_time(color: RGBColor) -> Pen {
    pen(color, 0.7, Dash::FineDotted)
}

/// The outline of a mark.
pub fn mark(color: RGBColor) -> Pen {
    pen(color, 0.8, Dash::Solid)
}

/// Dark to bright, in steps that look equal: five colours of viridis (van der Walt & Smith 2015).
const SHADES: [(f64, f64, f64); 5] = [
    (68.0, 1.0, 84.0),
    (59.0, 82.0, 139.0),
    (33.0, 145.0, 140.0),
    (94.0, 201.0, 98.0),
    (253.0, 231.0, 37.0),
];

/// The colour of a part, 0 dark, 1 bright.
pub fn shade(part: f64) -> RGBColor {
    let place = part.clamp(0.0, 1.0) * (SHADES.len() - 1) as f64;
    let below = (place as usize).min(SHADES.len() - 2);
    let (a, b) = (SHADES[below], SHADES[below + 1]);
    let mix = |a: f64, b: f64| (a + (place - below as f64) * (b - a)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// A mark in the legend of shades.
pub fn swatch(part: f64) -> Pen {
    pen(shade(part), 3.0, Dash::Solid)
}

/// Axes and their ticks.
pub fn axis() -> Pen {
    pen(BLACK, 0.5, Dash::Solid)
}

pub fn minor_tick() -> Pen {
    pen(BLACK, 0.35, Dash::Solid)
}
