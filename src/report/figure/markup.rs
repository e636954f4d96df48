//! Labels: `10^{−6}` and `σ_{k}` become raised and lowered SVG text spans.

/// Size of raised and lowered text relative to the rest.
const SMALL: f64 = 0.72;
/// How far it is raised and lowered, relative to the size of the rest.
const RAISE: f64 = 0.38;
const LOWER: f64 = 0.2;

/// A label with `^{…}` and `_{…}` in it.
pub struct Text<'a>(pub &'a str);

/// A piece of a label on one baseline.
struct Piece<'a> {
    text: &'a str,
    /// How far below the main baseline, relative to the size.
    drop: f64,
}

impl<'a> Text<'a> {
    fn pieces(&self) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = self.0;
        while let Some((at, drop, end)) = next_group(rest) {
            pieces.push(Piece {
                text: &rest[..at],
                drop: 0.0,
            });
            pieces.push(Piece {
                text: &rest[at + 2..end],
                drop,
            });
            rest = &rest[end + 1..];
        }
        pieces.push(Piece {
            text: rest,
            drop: 0.0,
        });
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }

    /// Estimated width in units of the size.
    pub fn ems(&self) -> f64 {
        let width = |piece: &Piece| {
            let scale = if piece.drop == 0.0 { 1.0 } else { SMALL };
            scale * piece.text.chars().map(char_ems).sum::<f64>()
        };
        self.pieces().iter().map(width).sum()
    }

    /// The content of an SVG `text` element of the given font size; the text is escaped already.
    pub fn svg(&self, size: f64) -> String {
        let mut out = String::new();
        let mut baseline = 0.0;
        for piece in self.pieces() {
            let dy = ((piece.drop - baseline) * size).round();
            baseline = piece.drop;
            if piece.drop != 0.0 {
                let small = (SMALL * size).round();
                out += &format!(
                    "<tspan dy=\"{dy}\" font-size=\"{small}\">{}</tspan>",
                    piece.text
                );
            } else if dy != 0.0 {
                out += &format!("<tspan dy=\"{dy}\">{}</tspan>", piece.text);
            } else {
                out += piece.text;
            }
        }
        out
    }
}

/// Start, drop and closing brace of the first group.
fn next_group(text: &str) -> Option<(usize, f64, usize)> {
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

/// Width of a character in a wide sans-serif face.
fn char_ems(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ' ' | '|' => 0.34,
        'm' | 'w' | 'M' | 'W' | '…' | '\u{2212}' => 0.86,
        'f' | 'r' | 't' | '(' | ')' | '/' => 0.42,
        _ => 0.63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raised_text_returns_to_the_baseline() {
        assert_eq!(
            Text("t / 10^{−6} s").svg(100.0),
            "t / 10<tspan dy=\"-38\" font-size=\"72\">−6</tspan><tspan dy=\"38\"> s</tspan>"
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
}
