//! How figures look: size on paper, font, colours, legend, and which files are made of them.

use super::canvas::{MM, pt};
use super::font::Family;
use plotters::style::RGBColor;

/// One column of a two-column journal, mm.
const COLUMN: f64 = 82.5;
/// Height of the axes for their width, unless asked otherwise.
const FLAT: f64 = 42.0 / COLUMN;
/// Tick labels, legends and marks relative to axis labels.
const SMALL: f64 = 7.5 / 8.5;

/// How high a figure is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Height {
    /// Height of each panel's axes relative to the width of its cell.
    Aspect(f64),
    /// Of the whole figure, mm.
    Millimetres(f64),
}

/// How text stands in the SVG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMode {
    /// As text: can be searched and edited, and needs a font where it is read.
    Text,
    /// As outlines: the same everywhere.
    Paths,
}

/// Where the legend stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegendPlace {
    Above,
    /// Inside the axes, where nothing is drawn; above them where there is no such place.
    Inside,
    /// To the right of the axes.
    Right,
    None,
}

/// Colours of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Okabe & Ito (2008): distinct for colour-blind readers.
    OkabeIto,
    /// From dark to bright along viridis: an order that greyscale print keeps.
    Viridis,
    /// Black and greys; dashes tell lines apart.
    Grey,
}

/// Colours of heat maps, dark to bright in equal steps of lightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMap {
    Viridis,
    Cividis,
    Grey,
}

/// Further files beside a figure's SVG and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    Pdf,
    Png,
    /// A Python script that draws the numbers with matplotlib.
    Matplotlib,
    /// A LaTeX file that draws the numbers with pgfplots.
    Pgfplots,
}

/// The look of a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Of the whole figure, mm.
    pub width: f64,
    pub height: Height,
    pub font: Family,
    /// Height of axis labels, points; tick labels and legends are 7.5/8.5 of it.
    pub font_size: f64,
    pub text: TextMode,
    pub legend: LegendPlace,
    pub colors: Colors,
    pub color_map: ColorMap,
    /// Panels in a row.
    pub columns: usize,
    /// Letters (a), (b), … at panels when there are several.
    pub letters: bool,
    /// Names at the ends of curves.
    pub end_labels: bool,
    pub extras: Vec<Extra>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: COLUMN,
            height: Height::Aspect(FLAT),
            font: Family::Sans,
            font_size: 8.5,
            text: TextMode::Text,
            legend: LegendPlace::Above,
            colors: Colors::OkabeIto,
            color_map: ColorMap::Viridis,
            columns: 2,
            letters: true,
            end_labels: false,
            extras: Vec::new(),
        }
    }
}

impl Style {
    /// Width in canvas units.
    pub fn canvas_width(&self) -> i32 {
        (self.width * f64::from(MM)).round() as i32
    }

    /// Whether names of curves stand to the right of the axes.
    pub fn names_beside(&self) -> bool {
        self.end_labels || self.legend == LegendPlace::Right
    }

    /// The same look with all names in a legend above the axes.
    pub fn with_names_above(&self) -> Self {
        let legend = match self.legend {
            LegendPlace::Right => LegendPlace::Above,
            other => other,
        };
        Self {
            end_labels: false,
            legend,
            ..self.clone()
        }
    }

    /// Height of axis labels in canvas units.
    pub fn label(&self) -> i32 {
        pt(self.font_size)
    }

    /// Height of tick labels and legends in canvas units.
    pub fn small(&self) -> i32 {
        pt(SMALL * self.font_size)
    }

    /// `length`, made for the default font size, at this one.
    pub fn scaled(&self, length: i32) -> i32 {
        (f64::from(length) * self.font_size / 8.5).round() as i32
    }

    /// The colour that stands for `color` of the palette.
    pub fn line_color(&self, color: RGBColor) -> RGBColor {
        super::palette::recolor(self.colors, color)
    }
}
