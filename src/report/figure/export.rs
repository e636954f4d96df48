//! PDF and PNG of a figure, both made from its SVG with the bundled face.

use super::font::Family;
use crate::error::Error;
use resvg::{tiny_skia, usvg};
use std::path::Path;

/// Of a PNG.
const DOTS_PER_INCH: f32 = 300.0;
/// Of the lengths that the SVG is measured in.
const UNITS_PER_INCH: f32 = 96.0;

/// The figure as a PDF of the same size; text stays text, its face is embedded.
///
/// # Errors
/// `Io` when the conversion fails.
pub fn pdf(name: &str, svg: &str, family: Family) -> Result<Vec<u8>, Error> {
    let page = svg2pdf::PageOptions {
        dpi: UNITS_PER_INCH,
    };
    let tree = tree(name, svg, family)?;
    svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page)
        .map_err(|e| failed(name, "PDF", &e))
}

/// The figure as a PNG with 300 dots per inch.
///
/// # Errors
/// `Io` when the conversion fails.
pub fn png(name: &str, svg: &str, family: Family) -> Result<Vec<u8>, Error> {
    let tree = tree(name, svg, family)?;
    let scale = DOTS_PER_INCH / UNITS_PER_INCH;
    let pixels = |length: f32| (scale * length).ceil() as u32;
    let size = tree.size();
    let mut pixmap = tiny_skia::Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or_else(|| failed(name, "PNG", &"the picture is too large"))?;
    let transform = tiny_skia::Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|e| failed(name, "PNG", &e))
}

fn tree(name: &str, svg: &str, family: Family) -> Result<usvg::Tree, Error> {
    let mut options = usvg::Options::default();
    // The fonts of the machine are left out: the same bytes everywhere.
    options.fontdb_mut().load_font_data(family.bytes().to_vec());
    usvg::Tree::from_str(svg, &options).map_err(|e| failed(name, "picture", &e))
}

fn failed(name: &str, what: &str, reason: &dyn std::fmt::Display) -> Error {
    let reason = format!("no {what} could be made of it: {reason}");
    Error::io(Path::new(name), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"25.4mm\" height=\"12.7mm\" \
        viewBox=\"0 0 2540 1270\"><text x=\"100\" y=\"600\" font-size=\"300\" \
        font-family=\"DejaVu Sans\">σ<tspan dy=\"60\" font-size=\"216\">1</tspan></text></svg>";

    /// One inch by half an inch is 72 by 36 points.
    #[test]
    fn a_pdf_has_the_size_of_the_figure_and_its_font() {
        let pdf = pdf("figure", SVG, Family::Sans).expect("a PDF");
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF-"));
        assert!(text.contains("/MediaBox [0 0 72 36]"), "{text}");
        assert!(text.contains("/CIDFontType2") && text.contains("/FontFile2"));
        assert!(!text.contains("/Type3"));
        assert_eq!(pdf, super::pdf("figure", SVG, Family::Sans).expect("a PDF"));
    }

    /// The head of a PNG: signature, then width and height big-endian from byte 16; 300 = 256 + 44.
    #[test]
    fn a_png_has_300_dots_per_inch() {
        let png = png("figure", SVG, Family::Sans).expect("a PNG");
        assert_eq!(&png[1..4], b"PNG");
        assert_eq!(png[16..24], [0, 0, 1, 44, 0, 0, 0, 150]);
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(pdf("figure", "<svg", Family::Sans).is_err());
    }
}
