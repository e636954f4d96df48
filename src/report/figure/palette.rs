//! Pens: the colours of Okabe & Ito (2008), which readers with colour-blindness can tell apart,
//! and dashes, which greyscale print can. Dots are kept for predictions.

use super::canvas::{Dash, Pen, pt};
use super::style::{ColorMap, Colors};
use plotters::style::RGBColor;

pub const BLACK: RGBColor = RGBColor(0, 0, 0);
pub const WHITE: RGBColor = RGBColor(255, 255, 255);
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

/// Greys for modes 1, 2, …: neighbours differ.
const GREYS: [u8; NAMED_MODES] = [0, 120, 60, 150, 90, 170, 30];

/// The colour that stands for one of this palette.
pub fn recolor(colors: Colors, color: RGBColor) -> RGBColor {
    let mode = MODES.iter().position(|(known, _)| *known == color);
    let Some(k) = mode.filter(|_| color != BLACK) else {
        return color;
    };
    match colors {
        Colors::OkabeIto => color,
        // Not to the very end: yellow is too pale for a line on white.
        Colors::Viridis => shade(
            ColorMap::Viridis,
            0.88 * k as f64 / (NAMED_MODES - 2) as f64,
        ),
        Colors::Grey => RGBColor(GREYS[k], GREYS[k], GREYS[k]),
    }
}

/// A map of colours as points in RGB, dark to bright in steps that look equal.
type Points = [(f64, f64, f64); 5];

/// Of viridis (van der Walt & Smith 2015).
const VIRIDIS: Points = [
    (68.0, 1.0, 84.0),
    (59.0, 82.0, 139.0),
    (33.0, 145.0, 140.0),
    (94.0, 201.0, 98.0),
    (253.0, 231.0, 37.0),
];
/// Of cividis (Nuñez, Anderton & Renslow 2018).
const CIVIDIS: Points = [
    (0.0, 34.0, 78.0),
    (66.0, 78.0, 108.0),
    (125.0, 124.0, 120.0),
    (188.0, 174.0, 108.0),
    (254.0, 232.0, 56.0),
];
const BRIGHTNESS: Points = [
    (25.0, 25.0, 25.0),
    (80.0, 80.0, 80.0),
    (135.0, 135.0, 135.0),
    (190.0, 190.0, 190.0),
    (245.0, 245.0, 245.0),
];

/// The colour of a part, 0 dark, 1 bright.
pub fn shade(map: ColorMap, part: f64) -> RGBColor {
    let points = match map {
        ColorMap::Viridis => &VIRIDIS,
        ColorMap::Cividis => &CIVIDIS,
        ColorMap::Grey => &BRIGHTNESS,
    };
    let place = part.clamp(0.0, 1.0) * (points.len() - 1) as f64;
    let below = (place as usize).min(points.len() - 2);
    let (a, b) = (points[below], points[below + 1]);
    let mix = |a: f64, b: f64| (a + (place - below as f64) * (b - a)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Axes and their ticks.
pub fn axis() -> Pen {
    pen(BLACK, 0.5, Dash::Solid)
}

pub fn minor_tick() -> Pen {
    pen(BLACK, 0.35, Dash::Solid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as in ITU-R BT.709, without gamma: enough for an order.
    fn brightness(RGBColor(r, g, b): RGBColor) -> f64 {
        0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
    }

    #[test]
    fn maps_brighten_all_the_way() {
        for map in [ColorMap::Viridis, ColorMap::Cividis, ColorMap::Grey] {
            let values: Vec<f64> = (0..=64)
                .map(|i| brightness(shade(map, f64::from(i) / 64.0)))
                .collect();
            assert!(values.windows(2).all(|w| w[1] > w[0]), "{map:?}");
        }
    }

    #[test]
    fn lines_of_the_ordered_palettes_keep_their_order_or_differ() {
        let of = |colors| (1..NAMED_MODES).map(move |k| brightness(recolor(colors, mode(k).color)));
        let viridis: Vec<f64> = of(Colors::Viridis).collect();
        assert!(viridis.windows(2).all(|w| w[1] > w[0]));
        let greys: Vec<f64> = of(Colors::Grey).collect();
        assert!(greys.windows(2).all(|w| (w[1] - w[0]).abs() > 50.0));
        for color in [BLACK, WHITE, GREY, PALE] {
            assert_eq!(recolor(Colors::Grey, color), color);
        }
    }
}
