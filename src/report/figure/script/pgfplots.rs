//! A LaTeX file with pgfplots.

use super::super::canvas::{Dash, MM};
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
    for (panel, prefix) in layout.prefixed() {
        draw_panel(&mut out, (name, panel), &prefix, style);
    }
    out + "\\end{tikzpicture}\n\\end{document}\n"
}

fn draw_panel(out: &mut String, (name, panel): (&str, &Placed), prefix: &str, style: &Style) {
    let (frame, chart) = (&panel.frame, panel.chart);
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
        let mode = if axis.scale.kind == Kind::Log {
            "log"
        } else {
            "linear"
        };
        let label = with_mathematics(&axis.label, escaped);
        let _ = writeln!(
            out,
            "  {letter}mode={mode}, {letter}min={lo:e}, {letter}max={hi:e}, {letter}label={{{label}}},"
        );
    }
    let _ = writeln!(out, "]");
    for curve in &chart.curves {
        let (pen, entry) = (curve.pen, legend_of(chart, curve));
        // Entries go to plots in order: one that has none must be passed over.
        let passed = if entry.is_none() { "forget plot, " } else { "" };
        let look = format!(
            "{passed}color={{rgb,255:{}}}, line width={}pt, {}",
            rgb(style.line_color(pen.color)),
            points(pen.width),
            dash(pen.dash)
        );
        draw_series(out, name, &format!("{prefix}{}", curve.series), &look);
        if let Some(text) = entry {
            let _ = writeln!(
                out,
                "\\addlegendentry{{{}}}",
                with_mathematics(text, escaped)
            );
        }
    }
    for mark in mark_series(chart) {
        let shape = if mark.shape == Shape::Circle {
            "*"
        } else {
            "square*"
        };
        let look = format!(
            "forget plot, only marks, mark={shape}, mark size=1.7pt, mark options={{fill=white}}, \
             color={{rgb,255:{}}}",
            rgb(style.line_color(mark.pen.color))
        );
        draw_series(out, name, &format!("{prefix}{}", mark.series), &look);
    }
    let (lo, hi) = ends(&chart.y.scale);
    for vertical in &chart.verticals {
        let (x, color) = (vertical.x, rgb(style.line_color(vertical.pen.color)));
        let _ = writeln!(
            out,
            "\\addplot[forget plot, densely dotted, color={{rgb,255:{color}}}] coordinates {{({x:e},{lo:e}) ({x:e},{hi:e})}};"
        );
    }
    let _ = writeln!(out, "\\end{{axis}}");
}

fn draw_series(out: &mut String, name: &str, series: &str, look: &str) {
    let _ = writeln!(
        out,
        "\\addplot[{look}, no markers, series={{{series}}}] table[col sep=comma, x=x, y=y] {{{name}.csv}};"
    );
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

fn rgb(RGBColor(r, g, b): RGBColor) -> String {
    format!("red,{r};green,{g};blue,{b}")
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
    match lengths.is_empty() {
        true => "solid".to_owned(),
        false => format!("dash pattern={}", parts.collect::<Vec<_>>().join(" ")),
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
