//! A Python script with matplotlib.

use super::super::canvas::{Dash, Pen};
use super::super::chart::{Axis, Chart, Sample, Shape, Tile};
use super::super::font::Family;
use super::super::layout::{Layout, Placed};
use super::super::palette;
use super::super::polyline::Frame;
use super::super::scale::Kind;
use super::super::style::{ColorMap, LegendPlace, Style};
use super::super::ticks::Ticks;
use super::{
    band_ends, edges, ends, inches, legend, legend_columns, mark_series, own_ticks, points,
    with_mathematics,
};
use plotters::style::RGBColor;
use std::fmt::Write;

/// A page as large as the figure, however wide matplotlib's letters are: what the labels need is taken from the axes.
const FIT: &str = "
# Axes make room until all labels are on the page.
width, height = fig.get_size_inches()
for _ in range(4):
    box = fig.get_tightbbox(fig.canvas.get_renderer())
    left, below = max(-box.x0 / width, 0), max(-box.y0 / height, 0)
    across = 1 - left - max(box.x1 / width - 1, 0)
    up = 1 - below - max(box.y1 / height - 1, 0)
    for ax in fig.axes:
        x, y, dx, dy = ax.get_position().bounds
        ax.set_position((left + across * x, below + up * y, across * dx, up * dy))
";

/// A Python script.
pub fn matplotlib(name: &str, layout: &Layout, style: &Style) -> String {
    let (width, height) = (inches(layout.size.0), inches(layout.size.1));
    let mut out = format!(
        "# Draws {name}.csv; run it beside the file.\nimport csv\nfrom collections import defaultdict\n\n\
         import matplotlib.pyplot as plt\nfrom matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize\n\
         from matplotlib.lines import Line2D\nfrom matplotlib.patches import Patch\n\n\
         # A row without numbers is a gap in its curve.\n\
         series = defaultdict(lambda: ([], [], []))\n\
         with open(\"{name}.csv\") as file:\n    for row in csv.DictReader(file):\n        \
         for column, numbers in zip((\"x\", \"y\", \"value\"), series[row[\"series\"]]):\n            \
         numbers.append(float(row.get(column) or \"nan\"))\n\nplt.rcParams.update({{\"font.size\": {size:.2}, \"font.family\": \"{family}\"}})\n\
         fig = plt.figure(figsize=({width:.3}, {height:.3}))\n",
        size = style.font_size * 7.5 / 8.5,
        family = match style.font {
            Family::Sans => "sans-serif",
            Family::Serif => "serif",
        },
    );
    for (panel, prefix) in layout.prefixed() {
        let panel = Panel {
            chart: panel.chart,
            placed: panel,
            prefix: &prefix,
            style,
            columns: legend_columns(panel),
            place: place(&panel.frame, layout.size),
        };
        panel.draw(&mut out);
    }
    let _ = writeln!(out, "{FIT}fig.savefig(\"{name}_matplotlib.pdf\")");
    out
}

/// Left, bottom, width and height of axes in parts of a figure.
fn place(frame: &Frame, (width, height): (i32, i32)) -> [f64; 4] {
    let (width, height) = (f64::from(width), f64::from(height));
    [
        frame.left / width,
        1.0 - frame.bottom / height,
        (frame.right - frame.left) / width,
        (frame.bottom - frame.top) / height,
    ]
}

/// One panel of a figure.
struct Panel<'a> {
    chart: &'a Chart,
    placed: &'a Placed<'a>,
    /// What its series in the CSV begin with.
    prefix: &'a str,
    style: &'a Style,
    /// Of a legend above the axes.
    columns: usize,
    /// Of the axes.
    place: [f64; 4],
}

// Writing to a string cannot fail, here and below.
impl Panel<'_> {
    fn draw(&self, out: &mut String) {
        let [left, bottom, width, height] = self.place;
        let _ = writeln!(
            out,
            "\nax = fig.add_axes(({left:.4}, {bottom:.4}, {width:.4}, {height:.4}))"
        );
        self.draw_tiles(out);
        self.draw_curves(out);
        self.draw_marks(out);
        self.draw_background(out);
        draw_axis(out, "x", (&self.chart.x, &self.placed.x));
        draw_axis(out, "y", (&self.chart.y, &self.placed.y));
        self.draw_legend(out);
    }

    /// Tiles stand in rows and columns; those that are missing stay white.
    fn draw_tiles(&self, out: &mut String) {
        let chart = self.chart;
        let Some(bar) = &chart.bar else { return };
        let map = match self.style.color_map {
            ColorMap::Viridis => "\"viridis\"".to_owned(),
            ColorMap::Cividis => "\"cividis\"".to_owned(),
            grey => {
                let [dark, bright] = [0.0, 1.0].map(|part| rgb(palette::shade(grey, part)));
                let shades = format!("[\"#{dark}\", \"#{bright}\"]");
                format!("LinearSegmentedColormap.from_list(\"greys\", {shades})")
            }
        };
        let norm = match bar.scale.kind {
            Kind::Log => "LogNorm",
            Kind::Linear => "Normalize",
        };
        let (lo, hi) = ends(&bar.scale);
        let (x, y) = (edges(&chart.tiles, |t| t.x), edges(&chart.tiles, |t| t.y));
        let [left, bottom, width, height] = self.place;
        let beside = left + 1.04 * width;
        let _ = writeln!(
            out,
            "xs, ys, values = series[\"tile\"]\ntiles = dict(zip(zip(xs, ys), values))\n\
             rows = [[tiles.get((x, y), float(\"nan\")) for x in sorted(set(xs))] for y in sorted(set(ys))]\n\
             mesh = ax.pcolormesh({x:?}, {y:?}, rows, cmap={map}, norm={norm}({lo:e}, {hi:e}))\n\
             beside = fig.add_axes(({beside:.4}, {bottom:.4}, {:.4}, {height:.4}))\n\
             fig.colorbar(mesh, cax=beside, label={})",
            0.05 * width,
            words(&bar.label)
        );
        let whole = |at: fn(&Tile) -> f64| chart.tiles.iter().all(|tile| at(tile).fract() == 0.0);
        let sides = [
            ("x", &chart.x, whole(|tile| tile.at.0)),
            ("y", &chart.y, whole(|tile| tile.at.1)),
        ];
        for (letter, axis, whole) in sides {
            if whole && axis.scale.kind == Kind::Linear {
                let _ = writeln!(
                    out,
                    "ax.{letter}axis.get_major_locator().set_params(integer=True)"
                );
            }
        }
    }

    fn draw_legend(&self, out: &mut String) {
        let entries = legend(self.chart, self.style);
        if entries.is_empty() {
            return;
        }
        let place = match self.style.legend {
            LegendPlace::Inside | LegendPlace::None => "loc=\"best\"".to_owned(),
            LegendPlace::Right => "loc=\"upper left\", bbox_to_anchor=(1.0, 1.0)".to_owned(),
            LegendPlace::Above => format!(
                "loc=\"lower left\", bbox_to_anchor=(0.0, 1.0), ncol={}",
                self.columns
            ),
        };
        let _ = writeln!(
            out,
            "ax.legend(frameon=False, fontsize=\"small\", columnspacing=1.0, {place}, handles=["
        );
        for (sample, text) in &entries {
            let _ = writeln!(out, "    {},", self.handle(sample, text));
        }
        let _ = writeln!(out, "])");
    }

    fn handle(&self, sample: &Sample, text: &str) -> String {
        let label = format!("label={}", words(text));
        match sample {
            Sample::Line(pen) => format!("Line2D([], [], {}, {label})", self.look(*pen)),
            Sample::Mark(shape, pen) => format!(
                "Line2D([], [], linestyle=\"none\", marker={}, {label})",
                self.mark(*shape, *pen)
            ),
            Sample::Bar(pen) => format!(
                "Line2D([], [], linestyle=\"none\", marker=\"|\", color=\"#{}\", {label})",
                self.hex(*pen)
            ),
            Sample::Band => format!("Patch(color=\"#{}\", {label})", self.pale()),
            Sample::Ramp(first, _) => {
                format!("Patch(label={})", words(&format!("{first} … {text}")))
            }
        }
    }

    /// Shape and look of marks.
    fn mark(&self, shape: Shape, pen: Pen) -> String {
        let shape = match shape {
            Shape::Circle => "o",
            Shape::Square => "s",
        };
        let (width, color) = (points(pen.width), self.hex(pen));
        format!(
            "\"{shape}\", markersize=3.5, markerfacecolor=\"white\", markeredgewidth={width}, color=\"#{color}\""
        )
    }

    fn pale(&self) -> String {
        rgb(self.style.line_color(palette::PALE))
    }

    fn draw_curves(&self, out: &mut String) {
        for curve in &self.chart.curves {
            let _ = writeln!(
                out,
                "ax.plot(*series[{}][:2], {})",
                self.series(&curve.series),
                self.look(curve.pen)
            );
        }
    }

    fn draw_marks(&self, out: &mut String) {
        for mark in mark_series(self.chart) {
            let _ = writeln!(
                out,
                "ax.plot(*series[{}][:2], linestyle=\"none\", marker={})",
                self.series(&mark.series),
                self.mark(mark.shape, mark.pen)
            );
        }
    }

    fn draw_background(&self, out: &mut String) {
        for vertical in &self.chart.verticals {
            let look = self.look(vertical.pen);
            let _ = writeln!(out, "ax.axvline({}, {look})", vertical.x);
        }
        for band in &self.chart.bands {
            let (from, to) = band_ends(band, &self.chart.x.scale);
            let pale = self.pale();
            let _ = writeln!(out, "ax.axvspan({from:e}, {to:e}, color=\"#{pale}\")");
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
        rgb(self.style.line_color(pen.color))
    }
}

fn rgb(RGBColor(red, green, blue): RGBColor) -> String {
    format!("{red:02X}{green:02X}{blue:02X}")
}

fn draw_axis(out: &mut String, letter: &str, (axis, ticks): (&Axis, &Ticks)) {
    if axis.scale.kind == Kind::Log {
        let _ = writeln!(out, "ax.set_{letter}scale(\"log\")");
    }
    let (lo, hi) = ends(&axis.scale);
    let label = words(&axis.label);
    let _ = writeln!(
        out,
        "ax.set_{letter}lim({lo:e}, {hi:e})\nax.set_{letter}label({label})"
    );
    if let Some([values, labels]) = own_ticks(&axis.scale, ticks, words, ", ") {
        let _ = writeln!(
            out,
            "ax.set_{letter}ticks([{values}], labels=[{labels}])\nax.{letter}axis.set_minor_formatter(plt.NullFormatter())"
        );
    }
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
