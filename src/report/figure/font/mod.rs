//! The bundled faces: subsets of DejaVu Sans and DejaVu Serif with Latin, Greek and mathematical
//! signs (`LICENSE` beside them). Widths and outlines come from the faces themselves, so that a
//! figure is laid out the same everywhere.

use std::fmt::Write;
use std::sync::OnceLock;
use ttf_parser::{Face, OutlineBuilder};

static SANS: &[u8] = include_bytes!("DejaVuSans.ttf");
static SERIF: &[u8] = include_bytes!("DejaVuSerif.ttf");

/// Width of a character that the face does not have, in em.
const UNKNOWN: f64 = 0.65;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Sans,
    Serif,
}

impl Family {
    /// The face as a TrueType file.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Family::Sans => SANS,
            Family::Serif => SERIF,
        }
    }

    /// What an SVG asks for: the face, one with the same or smaller widths, any of the kind.
    pub fn css(self) -> &'static str {
        match self {
            Family::Sans => "DejaVu Sans, Verdana, sans-serif",
            Family::Serif => "DejaVu Serif, Times New Roman, serif",
        }
    }

    /// Whether the face can draw `c`.
    pub fn has(self, c: char) -> bool {
        self.face()
            .is_some_and(|face| face.glyph_index(c).is_some())
    }

    /// The width of `text` in em.
    pub fn width(self, text: &str) -> f64 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    /// The outlines of `text` as SVG path data, from `x` on the baseline `y`, `size` an em.
    pub fn outlines(self, text: &str, (mut x, y): (f64, f64), size: f64) -> String {
        let mut data = String::new();
        for c in text.chars() {
            self.outline(c, (x, y), size, &mut data);
            x += size * self.advance(c);
        }
        data
    }

    fn advance(self, c: char) -> f64 {
        let width = self.face().and_then(|face| {
            let advance = face.glyph_hor_advance(face.glyph_index(c)?)?;
            Some(f64::from(advance) / f64::from(face.units_per_em()))
        });
        width.unwrap_or(UNKNOWN)
    }

    fn outline(self, c: char, origin: (f64, f64), size: f64, data: &mut String) {
        let Some(face) = self.face() else { return };
        let scale = size / f64::from(face.units_per_em());
        let mut pen = Pen {
            origin,
            scale,
            data,
        };
        if let Some(glyph) = face.glyph_index(c) {
            face.outline_glyph(glyph, &mut pen);
        }
    }

    /// The parsed face; the bundled files are valid, a test says so.
    fn face(self) -> Option<&'static Face<'static>> {
        static FACES: [OnceLock<Option<Face<'static>>>; 2] = [OnceLock::new(), OnceLock::new()];
        let parse = || Face::parse(self.bytes(), 0).ok();
        FACES[self as usize].get_or_init(parse).as_ref()
    }
}

/// Writes outlines in canvas units, which are fine enough to be whole.
struct Pen<'a> {
    origin: (f64, f64),
    scale: f64,
    data: &'a mut String,
}

impl Pen<'_> {
    fn add(&mut self, command: char, points: &[(f32, f32)]) {
        self.data.push(command);
        for (i, &(x, y)) in points.iter().enumerate() {
            let x = (self.origin.0 + self.scale * f64::from(x)).round();
            let y = (self.origin.1 - self.scale * f64::from(y)).round();
            let space = if i > 0 { " " } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(self.data, "{space}{x} {y}");
        }
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.add('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.add('L', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.add('Q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.add('C', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.data.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character that our labels use.
    const USED: &str = "ABCXYZabcxyz0123456789 σαγλθΣκδ‖∇∂−…→±≤≥≈·×∞½′ᵀ⟨⟩()[]{}/|,.;:=+*^_%";

    #[test]
    fn the_faces_have_what_labels_use() {
        for family in [Family::Sans, Family::Serif] {
            let face = family.face().expect("a valid file");
            for c in USED.chars() {
                assert!(face.glyph_index(c).is_some(), "{family:?} has no {c}");
            }
        }
    }

    /// Advances from the tables of DejaVu: digits are 1303 of 2048 units in both faces.
    #[test]
    fn widths_are_those_of_the_face() {
        assert_eq!(Family::Sans.width("00"), 2.0 * 1303.0 / 2048.0);
        assert_eq!(Family::Serif.width("7"), 1303.0 / 2048.0);
        assert_eq!(Family::Sans.width("\u{4e00}"), UNKNOWN);
    }

    /// The capital letter I of the sans face is one rectangle from the baseline to 1493 units.
    #[test]
    fn outlines_stand_on_the_baseline() {
        let data = Family::Sans.outlines("I", (100.0, 500.0), 2048.0);
        assert!(data.starts_with('M') && data.ends_with('Z'), "{data}");
        assert!(data.contains(" 500") && data.contains(" -993"), "{data}");
        assert_eq!(data.matches('M').count(), 1);
    }
}
