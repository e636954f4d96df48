//! Labels: `10^{−6}` and `σ_{k}` become raised and lowered SVG text spans, or outlines.

use super::font::Family;

/// Size of raised and lowered text relative to the rest.
const SMALL: f64 = 0.72;
/// How far it is raised and lowered, relative to the size of the rest.
const RAISE: f64 = 0.38;
const LOWER: f64 = 0.2;

/// A label with `^{…}` and `_{…}` in it.
pub struct Text<'a>(pub &'a str);

/// A piece of a label on one baseline.
struct Piece {
    text: String,
    /// How far below the main baseline, relative to the size.
    drop: f64,
}

impl Piece {
    /// Its size relative to the label's.
    fn scale(&self) -> f64 {
        if self.drop == 0.0 { 1.0 } else { SMALL }
    }
}

impl Text<'_> {
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = self.0;
        while let Some((at, drop, end)) = next_group(rest) {
            pieces.push(Piece {
                text: rest[..at].to_owned(),
                drop: 0.0,
            });
            pieces.push(Piece {
                text: rest[at + 2..end].to_owned(),
                drop,
            });
            rest = &rest[end + 1..];
        }
        pieces.push(Piece {
            text: rest.to_owned(),
            drop: 0.0,
        });
        pieces.retain(|piece| !piece.text.is_empty());
        // Some readers drop a space where a span begins, none where one ends.
        for i in 1..pieces.len() {
            if pieces[i].text.starts_with(' ') {
                pieces[i].text.remove(0);
                pieces[i - 1].text.push(' ');
            }
        }
        pieces
    }

    /// Width in em.
    pub fn width(&self, family: Family) -> f64 {
        let width = |piece: &Piece| piece.scale() * family.width(&piece.text);
        self.pieces().iter().map(width).sum()
    }

    /// The outlines as SVG path data, beginning at `(x, y)` on the baseline; `size` an em.
    pub fn outlines(&self, family: Family, (mut x, y): (f64, f64), size: f64) -> String {
        let mut data = String::new();
        for piece in self.pieces() {
            let em = size * piece.scale();
            data += &family.outlines(&piece.text, (x, y + piece.drop * size), em);
            x += em * family.width(&piece.text);
        }
        data
    }

    /// The content of an SVG `text` element of the given font size.
    pub fn svg(&self, size: f64) -> String {
        let mut out = String::new();
        let mut baseline = 0.0;
        for piece in self.pieces() {
            let dy = ((piece.drop - baseline) * size).round();
            baseline = piece.drop;
            if piece.drop != 0.0 {
                let small = (SMALL * size).round();
                let open = format!("<tspan dy=\"{dy}\" font-size=\"{small}\">");
                out += &(open + &escaped(&piece.text) + "</tspan>");
            } else if dy != 0.0 {
                out += &format!("<tspan dy=\"{dy}\">{}</tspan>", escaped(&piece.text));
            } else {
                out += &escaped(&piece.text);
            }
        }
        out
    }
}

/// Start, drop and closing brace of the first group.
pub(super) fn next_group(text: &str) -> Option<(usize, f64, usize)> {
    let raised = text.find("^{").map(|at| (at, -RAISE));
    let lowered = text.find("_{").map(|at| (at, LOWER));
    let (at, drop) = match (raised, lowered) {
        (Some(r), Some(l)) => {
            if r.0 < l.0 {
                r
            } else {
                l
            }
        }
        (one, other) => one.or(other)?,
    };
    Some((at, drop, at + text[at..].find('}')?))
}

/// XML text; characters that XML does not allow are left out.
pub fn escaped(text: &str) -> String {
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
    fn raised_text_returns_to_the_baseline() {
        assert_eq!(
            Text("t / 10^{−6} s").svg(100.0),
            "t / 10<tspan dy=\"-38\" font-size=\"72\">−6 </tspan><tspan dy=\"38\">s</tspan>"
        );
        assert_eq!(
            Text("σ_{1}").svg(100.0),
            "σ<tspan dy=\"20\" font-size=\"72\">1</tspan>"
        );
    }

    #[test]
    fn unclosed_groups_are_plain_text() {
        assert_eq!(Text("a^{b").svg(10.0), "a^{b");
        assert_eq!(Text("").svg(10.0), "");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < b & \"c\"\n\u{1}d"), "a &lt; b &amp; \"c\" d");
        let spans = Text("a<_{b>c}").svg(10.0);
        assert!(
            spans.starts_with("a&lt;<tspan") && spans.contains(">b&gt;c<"),
            "{spans}"
        );
    }

    /// Digits are 1303/2048 em wide, the minus sign 1716.
    #[test]
    fn raised_text_is_narrower() {
        let width = Text("10^{−6}").width(Family::Sans);
        let expected = (2.0 * 1303.0 + SMALL * (1716.0 + 1303.0)) / 2048.0;
        assert!((width - expected).abs() < 1e-12, "{width} {expected}");
    }
}
