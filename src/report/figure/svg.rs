//! From plotters' SVG to the document: size in millimetres, title and description for readers
//! that cannot see it, dashes, round joins, raised and lowered text on exact baselines.

use super::canvas::{Dash, MM, Place};
use super::markup::Text;

/// What the document says about itself.
pub struct Head<'a> {
    pub size: Place,
    pub title: &'a str,
    pub description: &'a str,
}

/// The document made of plotters' `raw` one. `dashes` are those of its polylines in order.
pub fn document(raw: &str, head: &Head, dashes: &[Dash]) -> String {
    let mut out = String::with_capacity(raw.len() + 1024);
    let mut dashes = dashes.iter();
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<svg ") {
            out += &opening(head);
        } else if let Some(attributes) = line.strip_prefix("<polyline ") {
            out += &polyline(attributes, dashes.next().copied().unwrap_or(Dash::Solid));
        } else if line.starts_with("<text ") {
            out += &text(line, lines.next().unwrap_or_default());
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

/// One text element; plotters shifts texts by `dy`, we place them by their baseline.
fn text(tag: &str, content: &str) -> String {
    let size = attribute(tag, "font-size")
        .and_then(|s| s.parse().ok())
        .unwrap_or(0.0);
    let tag = tag
        .replace(" dy=\"0.76em\"", "")
        .replace(" opacity=\"1\"", "");
    let tag = tag.replace(
        &format!(
            "font-size=\"{}\"",
            attribute(&tag, "font-size").unwrap_or_default()
        ),
        &format!("font-size=\"{}\"", f64::round(size)),
    );
    format!("{tag}{}</text>", Text(content).svg(size))
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[start..].split('"').next()
}

/// XML text; characters that XML does not allow are left out.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || c == '\u{FFFE}' || c == '\u{FFFF}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_escaped() {
        assert_eq!(escaped("a < b & \"c\"\n\u{1}d"), "a &lt; b &amp; \"c\" d");
    }

    #[test]
    fn sizes_are_in_millimetres() {
        let head = Head {
            size: (8250, 5600),
            title: "t",
            description: "d",
        };
        let text = document("<svg width=\"8250\">\n</svg>\n", &head, &[]);
        assert!(text.contains("width=\"82.5mm\" height=\"56mm\" viewBox=\"0 0 8250 5600\""));
    }
}
