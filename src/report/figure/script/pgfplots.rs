//! A LaTeX file with pgfplots.

use super::super::canvas::{Dash, MM, Pen};
use super::super::chart::Shape;
use super::super::layout::{Layout, Placed};
use super::super::scale::Kind;
use super::super::style::Style;
use super::{ends, legend_of, mark_series, points, with_mathematics};
use plotters::style::RGBColor;
use std::fmt::Write;

/// A LaTeX file that can be compiled by itself or put into another.
pub fn pgfplots(name: &str, layout: &Layout, style: &Style) -> String {
    let mut out = format!(
        "% Draws {name}.csv; compile it beside the file, or \\input the tikzpicture into a document.\n\
         \\documentclass{{standalone}}\n\\usepackage{{pgfplots}}\n\
         \\pgfplotsset{{compat=1.16, series/.style={{x filter/.code={{%\n  \
         \\edef\\found{{\\thisrow{{series}}}}\\edef\\wanted{{#1}}%\n  \
         \\ifx\\found\\wanted\\else\\def\\pgfmathresult{{}}\\fi}}}}}}\n"
    );
    for (code, sign) in [
        ("3C3", "\\sigma"),
        ("3B1", "\\alpha"),
        ("3B3", "\\gamma"),
        ("3BB", "\\lambda"),
        ("3B8", "\\theta"),
        ("2207", "\\nabla"),
        ("2016", "\\|"),
        ("3A3", "\\Sigma"),
    ] {
        let _ = writeln!(
            out,
            "\\DeclareUnicodeCharacter{{{code:0>4}}}{{\\ensuremath{{{sign}}}}}"
        );
    }
    out += "\\DeclareUnicodeCharacter{2212}{\\ensuremath{-}}\n\\begin{document}\n\\begin{tikzpicture}\n";
    for (placed, prefix) in layout.prefixed() {
        let panel = Panel {
            placed,
            file: name,
            prefix: &prefix,
            style,
        };
        panel.draw(&mut out);
    }
    out + "\\end{tikzpicture}\n\\end{document}\n"
}

/// One panel of a figure, and where its numbers are.
struct Panel<'a> {
    placed: &'a Placed<'a>,
    /// Of the CSV file, without its end.
    file: &'a str,
    /// What its series begin with.
    prefix: &'a str,
    style: &'a Style,
}

// Writing to a string cannot fail, here and below.
impl Panel<'_> {
    fn draw(&self, out: &mut String) {
        self.begin(out);
        self.draw_curves(out);
        self.draw_marks(out);
        self.draw_verticals(out);
        let _ = writeln!(out, "\\end{{axis}}");
    }

    fn begin(&self, out: &mut String) {
        let (frame, chart) = (&self.placed.frame, self.placed.chart);
        let mm = |units: f64| units / f64::from(MM);
        let (x, y) = (mm(frame.left), -mm(frame.bottom));
        let (width, height) = (mm(frame.right - frame.left), mm(frame.bottom - frame.top));
        let _ = write!(
            out,
            "\\begin{{axis}}[at={{({x}mm,{y}mm)}}, scale only axis, width={width}mm, height={height}mm,\n  \
             axis lines=left, legend pos=south east, legend style={{draw=none, fill=none, font=\\scriptsize}},\n  \
             label style={{font=\\small}}, tick label style={{font=\\footnotesize}},\n"
        );
        for (letter, axis) in [("x", &chart.x), ("y", &chart.y)] {
            let (lo, hi) = ends(&axis.scale);
            let mode = match axis.scale.kind {
                Kind::Log => "log",
                Kind::Linear => "linear",
            };
            let label = with_mathematics(&axis.label, escaped);
            let _ = writeln!(
                out,
                "  {letter}mode={mode}, {letter}min={lo:e}, {letter}max={hi:e}, {letter}label={{{label}}},"
            );
        }
        let _ = writeln!(out, "]");
    }

    fn draw_curves(&self, out: &mut String) {
        let chart = self.placed.chart;
        for curve in &chart.curves {
            let entry = legend_of(chart, curve);
            // Entries go to plots in order: one that has none must be passed over.
            let passed = if entry.is_none() { "forget plot, " } else { "" };
            let look = format!("{passed}{}", self.look(curve.pen));
            self.draw_series(out, &curve.series, &look);
            if let Some(text) = entry {
                let text = with_mathematics(text, escaped);
                let _ = writeln!(out, "\\addlegendentry{{{text}}}");
            }
        }
    }

    fn draw_marks(&self, out: &mut String) {
        for mark in mark_series(self.placed.chart) {
            let shape = match mark.shape {
                Shape::Circle => "*",
                Shape::Square => "square*",
            };
            let look = format!(
                "forget plot, only marks, mark={shape}, mark size=1.7pt, mark options={{fill=white}}, \
                 color={{rgb,255:{}}}",
                self.rgb(mark.pen)
            );
            self.draw_series(out, &mark.series, &look);
        }
    }

    fn draw_verticals(&self, out: &mut String) {
        let (lo, hi) = ends(&self.placed.chart.y.scale);
        for vertical in &self.placed.chart.verticals {
            let (x, look) = (vertical.x, self.look(vertical.pen));
            let _ = writeln!(
                out,
                "\\addplot[forget plot, {look}] coordinates {{({x:e},{lo:e}) ({x:e},{hi:e})}};"
            );
        }
    }

    fn draw_series(&self, out: &mut String, series: &str, look: &str) {
        let (file, prefix) = (self.file, self.prefix);
        let _ = writeln!(
            out,
            "\\addplot[{look}, no markers, series={{{prefix}{series}}}] table[col sep=comma, x=x, y=y] {{{file}.csv}};"
        );
    }

    fn look(&self, pen: Pen) -> String {
        format!(
            "color={{rgb,255:{}}}, line width={}pt, {}",
            self.rgb(pen),
            points(pen.width),
            dash(pen.dash)
        )
    }

    fn rgb(&self, pen: Pen) -> String {
        let RGBColor(red, green, blue) = self.style.line_color(pen.color);
        format!("red,{red};green,{green};blue,{blue}")
    }
}

/// Text as LaTeX prints it: signs that are commands there, or other signs in its fonts, as what they look like.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let _ = match c {
            '%' | '#' | '&' | '_' | '$' | '{' | '}' => write!(out, "\\{c}"),
            '\\' => write!(out, "\\textbackslash{{}}"),
            '~' => write!(out, "\\textasciitilde{{}}"),
            '^' => write!(out, "\\textasciicircum{{}}"),
            '<' | '>' | '|' => write!(out, "\\ensuremath{{{c}}}"),
            // An empty line would end the paragraph, and with it the label.
            _ if c.is_control() => write!(out, " "),
            _ => write!(out, "{c}"),
        };
    }
    out
}

fn dash(dash: Dash) -> String {
    let lengths: Vec<&str> = dash
        .pattern()
        .split(' ')
        .filter(|l| !l.is_empty())
        .collect();
    let parts = lengths.chunks(2).map(|pair| match pair {
        [on, off] => format!("on {}mm off {}mm", hundredths(on), hundredths(off)),
        _ => String::new(),
    });
    let parts = parts.collect::<Vec<_>>().join(" ");
    match dash {
        Dash::Solid => "solid".to_owned(),
        // A dot is the end of a stroke without length.
        Dash::Dotted | Dash::FineDotted => format!("line cap=round, dash pattern={parts}"),
        _ => format!("dash pattern={parts}"),
    }
}

fn hundredths(units: &str) -> f64 {
    units.parse::<f64>().unwrap_or(0.0) / f64::from(MM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_are_those_of_the_figure() {
        assert_eq!(dash(Dash::Solid), "solid");
        assert_eq!(dash(Dash::Short), "dash pattern=on 0.7mm off 0.5mm");
        assert!(dash(Dash::Dotted).starts_with("line cap=round, "));
    }

    /// The ten signs with a meaning of their own: The Not So Short Introduction to LaTeX, 1.3.2.
    #[test]
    fn signs_with_a_meaning_are_escaped() {
        assert_eq!(escaped("% # & _ $ { }"), "\\% \\# \\& \\_ \\$ \\{ \\}");
        let rest = "\\textasciitilde{}\\textasciicircum{}\\textbackslash{}\\ensuremath{<} ";
        assert_eq!(escaped("~^\\<\n"), rest);
        let label = with_mathematics("‖θ‖^{2} in 50% of a_b", escaped);
        assert_eq!(label, "‖θ‖${}^{2}$ in 50\\% of a\\_b");
    }
}
