//! From plotters' SVG to the document: size in millimetres, title and description for readers
//! that cannot see it, dashes, round joins, raised and lowered text on exact baselines.

use super::canvas::{Anchor, Dash, Drawn, Label, MM, Place};
use super::markup::{Text, escaped};
use super::style::{Style, TextMode};
use plotters::style::RGBColor;

/// What the document says about itself.
pub struct Head<'a> {
    pub size: Place,
    pub title: &'a str,
    pub description: &'a str,
}

/// The document made of plotters' `raw` one, whose polylines and texts in order are `drawn`.
pub fn document(raw: &str, head: &Head, drawn: Drawn, style: &Style) -> String {
    let mut out = String::with_capacity(raw.len() + 1024);
    let (mut dashes, mut texts) = (drawn.dashes.into_iter(), drawn.texts.into_iter());
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<svg ") {
            out += &opening(head);
        } else if let Some(attributes) = line.strip_prefix("<polyline ") {
            out += &polyline(attributes, dashes.next().unwrap_or(Dash::Solid));
        } else if line.starts_with("<text ") {
            out += &texts
                .next()
                .map_or_else(String::new, |label| text(&label, style));
            // The text itself and its closing tag stand on lines of their own.
            lines.next();
            lines.next();
        } else {
            out += &line.replace(" opacity=\"1\"", "");
        }
        out.push('\n');
    }
    out
}

fn opening(head: &Head) -> String {
    let (width, height) = head.size;
    let mm = |units: i32| f64::from(units) / f64::from(MM);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>",
        mm(width),
        mm(height),
        escaped(head.title),
        escaped(head.description),
    )
}

fn polyline(attributes: &str, dash: Dash) -> String {
    let attributes = attributes
        .replace("opacity=\"1\" ", "")
        .replace(" \"/>", "\"/>");
    let (cap, pattern) = match dash {
        Dash::Solid => ("round", String::new()),
        Dash::Dotted | Dash::FineDotted => ("round", pattern(dash)),
        _ => ("butt", pattern(dash)),
    };
    format!("<polyline stroke-linejoin=\"round\" stroke-linecap=\"{cap}\" {pattern}{attributes}")
}

fn pattern(dash: Dash) -> String {
    format!("stroke-dasharray=\"{}\" ", dash.pattern())
}

/// One text; plotters would shift it and take sizes for another unit.
fn text(label: &Label, style: &Style) -> String {
    let ((x, y), size) = (label.at, f64::from(label.size));
    let turn = match label.anchor {
        Anchor::Upwards => format!(" transform=\"rotate(-90 {x} {y})\""),
        _ => String::new(),
    };
    let RGBColor(red, green, blue) = label.color;
    let fill = format!("fill=\"#{red:02X}{green:02X}{blue:02X}\"{turn}");
    let text = Text(&label.text);
    match style.text {
        TextMode::Text => {
            let anchor = match label.anchor {
                Anchor::Start => "start",
                Anchor::Middle | Anchor::Upwards => "middle",
                Anchor::End => "end",
            };
            let family = style.font.css();
            let spans = text.svg(size);
            // Some readers drop spaces at the ends of spans unless told otherwise.
            let spaces = match spans.contains("<tspan") {
                true => " xml:space=\"preserve\"",
                false => "",
            };
            format!(
                "<text{spaces} x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" font-family=\"{family}\" \
                 font-size=\"{size}\" {fill}>{spans}</text>"
            )
        }
        TextMode::Paths => {
            let width = size * text.width(style.font);
            let before = match label.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle | Anchor::Upwards => 0.5 * width,
                Anchor::End => width,
            };
            let start = (f64::from(x) - before, f64::from(y));
            let outlines = text.outlines(style.font, start, size);
            format!("<path {fill} d=\"{outlines}\"/>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_millimetres() {
        let head = Head {
            size: (8250, 5600),
            title: "t",
            description: "d",
        };
        let text = document(
            "<svg width=\"8250\">\n</svg>\n",
            &head,
            Drawn::default(),
            &Style::default(),
        );
        assert!(text.contains("width=\"82.5mm\" height=\"56mm\" viewBox=\"0 0 8250 5600\""));
    }
}
