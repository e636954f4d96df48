//! A Python script with matplotlib.

use super::super::canvas::{Dash, Pen};
use super::super::chart::{Axis, Chart, Shape};
use super::super::layout::Layout;
use super::super::scale::Kind;
use super::super::style::Style;
use super::{ends, inches, legend_of, mark_series, points, with_mathematics};
use plotters::style::RGBColor;
use std::fmt::Write;

/// A Python script.
pub fn matplotlib(name: &str, layout: &Layout, style: &Style) -> String {
    let (rows, columns) = layout.shape;
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
    for (i, (panel, prefix)) in layout.prefixed().enumerate() {
        let panel = Panel {
            chart: panel.chart,
            prefix: &prefix,
            style,
        };
        panel.draw(&mut out, i);
    }
    let _ = write!(
        out,
        "for unused in axes[{}:]:\n    unused.set_visible(False)\n\
         fig.tight_layout()\nfig.savefig(\"{name}_matplotlib.pdf\")\n",
        layout.panels.len()
    );
    out
}

/// One panel of a figure.
struct Panel<'a> {
    chart: &'a Chart,
    /// What its series in the CSV begin with.
    prefix: &'a str,
    style: &'a Style,
}

// Writing to a string cannot fail, here and below.
impl Panel<'_> {
    fn draw(&self, out: &mut String, place: usize) {
        let _ = writeln!(out, "\nax = axes[{place}]");
        self.draw_curves(out);
        self.draw_marks(out);
        self.draw_background(out);
        for (letter, axis) in [("x", &self.chart.x), ("y", &self.chart.y)] {
            draw_axis(out, letter, axis);
        }
        let _ = writeln!(
            out,
            "if ax.get_legend_handles_labels()[0]:\n    ax.legend(frameon=False)"
        );
    }

    fn draw_curves(&self, out: &mut String) {
        for curve in &self.chart.curves {
            let label = legend_of(self.chart, curve)
                .map_or_else(String::new, |text| format!(", label={}", words(text)));
            let _ = writeln!(
                out,
                "ax.plot(*series[{}], {}{label})",
                self.series(&curve.series),
                self.look(curve.pen)
            );
        }
    }

    fn draw_marks(&self, out: &mut String) {
        for mark in mark_series(self.chart) {
            let shape = match mark.shape {
                Shape::Circle => "o",
                Shape::Square => "s",
            };
            let _ = writeln!(
                out,
                "ax.plot(*series[{}], \"{shape}\", markersize=3.5, markerfacecolor=\"white\", \
                 markeredgewidth={}, color=\"#{}\")",
                self.series(&mark.series),
                points(mark.pen.width),
                self.hex(mark.pen),
            );
        }
    }

    fn draw_background(&self, out: &mut String) {
        for vertical in &self.chart.verticals {
            let look = self.look(vertical.pen);
            let _ = writeln!(out, "ax.axvline({}, {look})", vertical.x);
        }
        for band in &self.chart.bands {
            let _ = writeln!(
                out,
                "ax.axvspan({}, {}, color=\"#ECECEC\")",
                band.from, band.to
            );
        }
    }

    fn series(&self, name: &str) -> String {
        literal(&format!("{}{name}", self.prefix))
    }

    fn look(&self, pen: Pen) -> String {
        let (color, width) = (self.hex(pen), points(pen.width));
        format!(
            "color=\"#{color}\", linewidth={width}, linestyle={}",
            dash(pen)
        )
    }

    fn hex(&self, pen: Pen) -> String {
        let RGBColor(red, green, blue) = self.style.line_color(pen.color);
        format!("{red:02X}{green:02X}{blue:02X}")
    }
}

fn draw_axis(out: &mut String, letter: &str, axis: &Axis) {
    if axis.scale.kind == Kind::Log {
        let _ = writeln!(out, "ax.set_{letter}scale(\"log\")");
    }
    let (lo, hi) = ends(&axis.scale);
    let label = words(&axis.label);
    let _ = writeln!(
        out,
        "ax.set_{letter}lim({lo:e}, {hi:e})\nax.set_{letter}label({label})"
    );
}

/// A label as a Python string; outside of mathematics a dollar sign is one.
fn words(label: &str) -> String {
    literal(&with_mathematics(label, |text| text.replace('$', "\\$")))
}

/// A Python string with this text; what cannot be seen is written by its number.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let visible = c.escape_debug().len() == 1;
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\'' => write!(out, "'"),
            _ if visible => write!(out, "{c}"),
            _ if c <= '\u{ffff}' => write!(out, "\\u{:04x}", u32::from(c)),
            _ => write!(out, "\\U{:08x}", u32::from(c)),
        };
    }
    out + "\""
}

fn dash(pen: Pen) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_are_lengths_in_line_widths() {
        let pen = super::super::super::palette::test_cost();
        assert!(dash(pen).starts_with("(0, ("));
    }

    /// Escapes: The Python Language Reference, 2.4.1, string and bytes literals.
    #[test]
    fn text_is_a_python_string() {
        let cases = [
            ("loss σ", "\"loss σ\""),
            ("it's a \"b\" \\n", "\"it's a \\\"b\\\" \\\\n\""),
            ("a\nb\0\u{a0}", "\"a\\nb\\u0000\\u00a0\""),
            ("\u{e0001}", "\"\\U000e0001\""),
        ];
        for (text, python) in cases {
            assert_eq!(literal(text), python);
        }
        assert_eq!(words("$5 σ_{1}"), "\"\\\\$5 σ${}_{1}$\"");
    }
}
