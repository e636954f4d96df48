//! Pens: the colours of Okabe & Ito (2008), which readers with colour-blindness can tell apart,
//! and dashes, which greyscale print can. More lines than these have colours for lie on a ramp, viridis from
//! dark to bright, in dashes that differ between neighbours. Dots are kept for predictions.

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

/// Lines that colours of their own can tell apart; more lie on a ramp.
pub const DISTINCT: usize = 7;

const LINES: [(RGBColor, Dash); DISTINCT] = [
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

/// Dashes along a ramp, in turn: lines of equal dash are three colours apart.
const RAMP_DASHES: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::OneDot];
/// The brightest colour of a line: yellow is too pale on white.
const RAMP_END: f64 = 0.86;
/// Points, of lines on the ramps of colours and of greys.
const RAMP_WIDTH: f64 = 0.8;
const FAINT_WIDTH: f64 = 0.55;
/// Greys of faint lines.
const FAINT: (f64, f64) = (60.0, 175.0);

/// The pen of line `number = 1, 2, …` of `count`.
pub fn line(number: usize, count: usize) -> Pen {
    let place = number.saturating_sub(1);
    match LINES.get(place) {
        Some(&(color, dash)) if count <= DISTINCT => pen(color, 1.0, dash),
        _ => {
            let color = shade(ColorMap::Viridis, RAMP_END * part(place, count));
            pen(color, RAMP_WIDTH, RAMP_DASHES[place % RAMP_DASHES.len()])
        }
    }
}

/// The pen of line `number` of `count` beside more important ones: thin and grey, dark to bright.
pub fn faint(number: usize, count: usize) -> Pen {
    let place = number.saturating_sub(1);
    let value = (FAINT.0 + (FAINT.1 - FAINT.0) * part(place, count)).round() as u8;
    let dash = RAMP_DASHES[place % RAMP_DASHES.len()];
    pen(RGBColor(value, value, value), FAINT_WIDTH, dash)
}

fn part(place: usize, count: usize) -> f64 {
    (place as f64 / count.saturating_sub(1).max(1) as f64).min(1.0)
}

/// Whether a pen is one of a ramp's.
pub fn on_ramp(line: Pen) -> bool {
    [pt(RAMP_WIDTH), pt(FAINT_WIDTH)].contains(&line.width)
}

/// A thin line of the same look.
pub fn thin(line: Pen) -> Pen {
    Pen {
        width: pt(0.35),
        ..line
    }
}

/// From the end of a curve to its name.
pub fn leader() -> Pen {
    pen(GREY, 0.35, Dash::Solid)
}

/// The pen of levels in the background.
pub fn level() -> Pen {
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

/// The prediction for a line of this colour.
pub fn prediction_of(color: RGBColor) -> Pen {
    Pen {
        color,
        ..prediction()
    }
}

/// Predicted times.
pub fn prediction_time(color: RGBColor) -> Pen {
    pen(color, 0.7, Dash::FineDotted)
}

/// The outline of a mark.
pub fn mark(color: RGBColor) -> Pen {
    pen(color, 0.8, Dash::Solid)
}

/// Greys for lines 1, 2, …: neighbours differ.
const GREYS: [u8; DISTINCT] = [0, 120, 60, 150, 90, 170, 30];

/// The colour that stands for one of this palette.
pub fn recolor(colors: Colors, color: RGBColor) -> RGBColor {
    let place = LINES.iter().position(|(known, _)| *known == color);
    let grey = |value: u8| RGBColor(value, value, value);
    match (colors, place.filter(|_| color != BLACK)) {
        (Colors::Viridis, Some(k)) => shade(
            ColorMap::Viridis,
            RAMP_END * k as f64 / (DISTINCT - 2) as f64,
        ),
        (Colors::Grey, Some(k)) => grey(GREYS[k]),
        (Colors::Grey, None) => grey(brightness(color).round() as u8),
        _ => color,
    }
}

/// Relative luminance as in ITU-R BT.709, without gamma: enough for an order.
fn brightness(RGBColor(red, green, blue): RGBColor) -> f64 {
    0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
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
/// It ends before white, which stands for no value.
const BRIGHTNESS: Points = [
    (25.0, 25.0, 25.0),
    (75.0, 75.0, 75.0),
    (125.0, 125.0, 125.0),
    (175.0, 175.0, 175.0),
    (225.0, 225.0, 225.0),
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
        let of = |colors| (1..DISTINCT).map(move |k| brightness(recolor(colors, line(k, 7).color)));
        let viridis: Vec<f64> = of(Colors::Viridis).collect();
        assert!(viridis.windows(2).all(|w| w[1] > w[0]));
        let greys: Vec<f64> = of(Colors::Grey).collect();
        assert!(greys.windows(2).all(|w| (w[1] - w[0]).abs() > 50.0));
        for color in [BLACK, WHITE, GREY, PALE] {
            assert_eq!(recolor(Colors::Grey, color), color);
        }
    }

    #[test]
    fn lines_on_the_ramp_brighten_and_no_two_are_alike() {
        for count in [DISTINCT + 1, 20, 47] {
            let pens: Vec<Pen> = (1..=count).map(|k| line(k, count)).collect();
            for colors in [Colors::OkabeIto, Colors::Viridis, Colors::Grey] {
                let seen = |p: &Pen| brightness(recolor(colors, p.color));
                assert!(pens.windows(2).all(|w| seen(&w[1]) > seen(&w[0])));
                // White has 255: the last line can still be seen on it.
                assert!(pens.iter().all(|p| on_ramp(*p) && seen(p) < 200.0));
            }
            assert!(pens.windows(2).all(|w| w[0].dash != w[1].dash));
        }
        assert!(
            ![line(3, DISTINCT), level(), prediction()]
                .into_iter()
                .any(on_ramp)
        );
    }
}
