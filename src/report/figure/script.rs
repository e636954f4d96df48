//! Scripts that draw a figure's numbers again, to be changed by hand: Python with matplotlib, and
//! LaTeX with pgfplots. Both read the CSV beside the figure.

use super::canvas::{Dash, MM, Pen};
use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape};
use super::layout::Layout;
use super::scale::{Kind, Scale};
use super::style::Style;
use plotters::style::RGBColor;
use std::fmt::Write;

/// A panel and what its series in the CSV begin with.
fn panels<'a>(layout: &'a Layout) -> impl Iterator<Item = (&'a Chart, String)> {
    let single = layout.panels.len() == 1;
    layout
        .panels
        .iter()
        .zip('a'..='z')
        .map(move |(panel, letter)| {
            let prefix = if single {
                String::new()
            } else {
                format!("{letter}/")
            };
            (panel.chart, prefix)
        })
}

fn inches(units: i32) -> f64 {
    f64::from(units) / f64::from(MM) / 25.4
}

fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("{r:02X}{g:02X}{b:02X}")
}

fn points(units: i32) -> f64 {
    (inches(units) * 72.0 * 100.0).round() / 100.0
}

/// Ends of an axis in the units of the data.
fn ends(scale: &Scale) -> (f64, f64) {
    match scale.kind {
        Kind::Linear => (scale.lo, scale.hi),
        Kind::Log => (10f64.powf(scale.lo), 10f64.powf(scale.hi)),
    }
}

/// The legend's word for a curve, once for each pen.
fn legend_of<'a>(chart: &'a Chart, curve: &Curve) -> Option<&'a str> {
    let first = chart.curves.iter().find(|c| c.pen == curve.pen)?;
    let entry = chart.legend.iter().find(|(sample, _)| match sample {
        Sample::Line(pen) => *pen == curve.pen,
        _ => false,
    });
    let is_first = std::ptr::eq(first, curve);
    entry.filter(|_| is_first).map(|(_, text)| text.as_str())
}

/// Marks of one series, which share their look.
fn mark_series(chart: &Chart) -> Vec<&Mark> {
    let mut firsts: Vec<&Mark> = Vec::new();
    for mark in &chart.marks {
        if firsts.iter().all(|m| m.series != mark.series) {
            firsts.push(mark);
        }
    }
    firsts
}

/// A label with `^{…}` and `_{…}` as mathematics between dollar signs.
fn with_mathematics(label: &str) -> String {
    let mut out = String::new();
    let mut rest = label;
    while let Some(at) = rest.find(['^', '_']) {
        let Some(end) = rest[at..]
            .find('}')
            .filter(|_| rest[at + 1..].starts_with('{'))
        else {
            break;
        };
        out += &rest[..at];
        let _ = write!(out, "${{}}{}$", &rest[at..=at + end]);
        rest = &rest[at + end + 1..];
    }
    out + rest
}

/// A Python script.
pub fn matplotlib(name: &str, layout: &Layout, style: &Style) -> String {
    let (rows, columns) = shape(layout, style);
    let (width, height) = (inches(layout.size.0), inches(layout.size.1));
    let mut out = format!(
        "# Draws {name}.csv; run it beside the file.\nimport csv\nfrom collections import defaultdict\n\n\
         import matplotlib.pyplot as plt\n\nseries = defaultdict(lambda: ([], []))\n\
         with open(\"{name}.csv\") as file:\n    for row in csv.DictReader(file):\n        \
         xs, ys = series[row[\"series\"]]\n        xs.append(float(row[\"x\"]))\n        \
         ys.append(float(row[\"y\"] or \"nan\"))\n\nplt.rcParams[\"font.size\"] = {size:.2}\n\
         fig, axes = plt.subplots({rows}, {columns}, figsize=({width:.3}, {height:.3}), squeeze=False)\n\
         axes = axes.flatten()\n",
        size = style.font_size * 7.5 / 8.5,
    );
    for (i, (chart, prefix)) in panels(layout).enumerate() {
        matplotlib_panel(&mut out, (i, chart), &prefix, style);
    }
    let _ = write!(
        out,
        "for unused in axes[{}:]:\n    unused.set_visible(False)\n\
         fig.tight_layout()\nfig.savefig(\"{name}_matplotlib.pdf\")\n",
        layout.panels.len()
    );
    out
}

/// Rows and columns.
fn shape(layout: &Layout, style: &Style) -> (usize, usize) {
    let columns = style.columns.clamp(1, layout.panels.len().max(1));
    (layout.panels.len().div_ceil(columns), columns)
}

// Writing to a string cannot fail, here and below.
fn matplotlib_panel(out: &mut String, (i, chart): (usize, &Chart), prefix: &str, style: &Style) {
    let _ = writeln!(out, "\nax = axes[{i}]");
    for curve in &chart.curves {
        let label = legend_of(chart, curve).map_or_else(String::new, |text| {
            format!(", label={:?}", with_mathematics(text))
        });
        let _ = writeln!(
            out,
            "ax.plot(*series[{:?}], color=\"#{}\", linewidth={}, linestyle={}{label})",
            format!("{prefix}{}", curve.series),
            hex(style.line_color(curve.pen.color)),
            points(curve.pen.width),
            python_dash(curve.pen),
        );
    }
    for mark in mark_series(chart) {
        let shape = if mark.shape == Shape::Circle {
            "o"
        } else {
            "s"
        };
        let _ = writeln!(
            out,
            "ax.plot(*series[{:?}], \"{shape}\", markersize=3.5, markerfacecolor=\"white\", \
             markeredgewidth={}, color=\"#{}\")",
            format!("{prefix}{}", mark.series),
            points(mark.pen.width),
            hex(style.line_color(mark.pen.color)),
        );
    }
    for vertical in &chart.verticals {
        let color = hex(style.line_color(vertical.pen.color));
        let _ = writeln!(
            out,
            "ax.axvline({}, color=\"#{color}\", linewidth={}, linestyle=\":\")",
            vertical.x,
            points(vertical.pen.width)
        );
    }
    for band in &chart.bands {
        let _ = writeln!(
            out,
            "ax.axvspan({}, {}, color=\"#ECECEC\")",
            band.from, band.to
        );
    }
    for (letter, axis) in [("x", &chart.x), ("y", &chart.y)] {
        matplotlib_axis(out, letter, axis);
    }
    let _ = writeln!(
        out,
        "if ax.get_legend_handles_labels()[0]:\n    ax.legend(frameon=False)"
    );
}

fn matplotlib_axis(out: &mut String, letter: &str, axis: &Axis) {
    if axis.scale.kind == Kind::Log {
        let _ = writeln!(out, "ax.set_{letter}scale(\"log\")");
    }
    let (lo, hi) = ends(&axis.scale);
    let label = with_mathematics(&axis.label);
    let _ = writeln!(
        out,
        "ax.set_{letter}lim({lo:e}, {hi:e})\nax.set_{letter}label({label:?})"
    );
}

fn python_dash(pen: Pen) -> String {
    match pen.dash {
        Dash::Solid => "\"-\"".to_owned(),
        Dash::Dotted | Dash::FineDotted => "\":\"".to_owned(),
        dash => {
            // matplotlib measures dashes in line widths.
            let width = f64::from(pen.width.max(1));
            let lengths = dash
                .pattern()
                .split(' ')
                .filter_map(|l| l.parse::<f64>().ok());
            let lengths = lengths.map(|l| format!("{:.2}", l / width));
            format!("(0, ({}))", lengths.collect::<Vec<_>>().join(", "))
        }
    }
}

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
    for (i, (chart, prefix)) in panels(layout).enumerate() {
        pgfplots_panel(&mut out, (name, i, chart), &prefix, layout, style);
    }
    out + "\\end{tikzpicture}\n\\end{document}\n"
}

fn pgfplots_panel(
    out: &mut String,
    (name, i, chart): (&str, usize, &Chart),
    prefix: &str,
    layout: &Layout,
    style: &Style,
) {
    let frame = &layout.panels[i].frame;
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
        let label = with_mathematics(&axis.label);
        let _ = writeln!(
            out,
            "  {letter}mode={mode}, {letter}min={lo:e}, {letter}max={hi:e}, {letter}label={{{label}}},"
        );
    }
    let _ = writeln!(out, "]");
    for curve in &chart.curves {
        let pen = curve.pen;
        let look = format!(
            "color={{rgb,255:{}}}, line width={}pt, {}",
            rgb(style.line_color(pen.color)),
            points(pen.width),
            tex_dash(pen.dash)
        );
        pgfplots_series(out, name, &format!("{prefix}{}", curve.series), &look);
        if let Some(text) = legend_of(chart, curve) {
            let _ = writeln!(out, "\\addlegendentry{{{}}}", with_mathematics(text));
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
        pgfplots_series(out, name, &format!("{prefix}{}", mark.series), &look);
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

fn pgfplots_series(out: &mut String, name: &str, series: &str, look: &str) {
    // Without a legend entry of its own a curve must not take the next one's.
    let _ = writeln!(
        out,
        "\\addplot[{look}, no markers, series={{{series}}}] table[col sep=comma, x=x, y=y] {{{name}.csv}};"
    );
}

fn rgb(RGBColor(r, g, b): RGBColor) -> String {
    format!("red,{r};green,{g};blue,{b}")
}

fn tex_dash(dash: Dash) -> String {
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
    fn raised_and_lowered_text_becomes_mathematics() {
        assert_eq!(
            with_mathematics("σ_{1} / 10^{−3}"),
            "σ${}_{1}$ / 10${}^{−3}$"
        );
        assert_eq!(with_mathematics("a_b ^"), "a_b ^");
    }

    #[test]
    fn dashes_are_those_of_the_figure() {
        assert_eq!(tex_dash(Dash::Solid), "solid");
        assert_eq!(tex_dash(Dash::Short), "dash pattern=on 0.7mm off 0.5mm");
        let pen = super::super::palette::test_cost();
        assert!(python_dash(pen).starts_with("(0, ("));
    }
}
