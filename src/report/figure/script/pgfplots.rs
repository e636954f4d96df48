//! A LaTeX file with pgfplots.

use super::super::canvas::{Dash, MM, Pen};
use super::super::chart::{Axis, Curve, Sample, Shape};
use super::super::layout::{Layout, Placed};
use super::super::palette;
use super::super::polyline::{Frame, Run, Vertex};
use super::super::scale::Kind;
use super::super::style::{LegendPlace, Style};
use super::signs::SIGNS;
use super::{band_ends, ends, legend, legend_columns, own_ticks, points, with_mathematics};
use plotters::style::RGBColor;
use std::fmt::Write;

/// A LaTeX file that can be compiled by itself or put into another. It holds its numbers: names of series
/// may have any signs, which TeX would read as commands or as the ends of columns.
pub fn pgfplots(layout: &Layout, curves: &[Vec<Vec<Run>>], style: &Style) -> String {
    let mut out = String::from(
        "% Compile it, or \\input the tikzpicture into a document.\n\
         \\documentclass{standalone}\n\\usepackage{pgfplots}\n\\pgfplotsset{compat=1.16}\n",
    );
    for (sign, command) in SIGNS {
        let code = u32::from(sign);
        let _ = writeln!(
            out,
            "\\DeclareUnicodeCharacter{{{code:04X}}}{{\\ensuremath{{{command}}}}}"
        );
    }
    out += "\\begin{document}\n\\begin{tikzpicture}\n";
    for (placed, curves) in layout.panels.iter().zip(curves) {
        let panel = Panel {
            placed,
            curves,
            style,
        };
        panel.draw(&mut out);
    }
    out + "\\end{tikzpicture}\n\\end{document}\n"
}

/// One panel of a figure.
struct Panel<'a> {
    placed: &'a Placed<'a>,
    /// The vertices of each curve, in parts with gaps between them.
    curves: &'a [Vec<Run>],
    style: &'a Style,
}

// Writing to a string cannot fail, here and below.
impl Panel<'_> {
    fn draw(&self, out: &mut String) {
        self.begin(out);
        self.draw_tiles(out);
        self.draw_bands(out);
        self.draw_verticals(out);
        self.draw_curves(out);
        self.draw_marks(out);
        self.draw_legend(out);
        let _ = writeln!(out, "\\end{{axis}}");
    }

    fn begin(&self, out: &mut String) {
        let (frame, chart) = (&self.placed.frame, self.placed.chart);
        let mm = |units: f64| units / f64::from(MM);
        let (x, y) = (mm(frame.left), -mm(frame.bottom));
        let (width, height) = (mm(frame.right - frame.left), mm(frame.bottom - frame.top));
        let legend = self.legend_place();
        let _ = write!(
            out,
            "\\begin{{axis}}[at={{({x}mm,{y}mm)}}, scale only axis, width={width}mm, height={height}mm,\n  \
             axis lines*=left, axis on top, legend cell align=left,\n  \
             legend style={{draw=none, fill=none, font=\\scriptsize, {legend}}},\n  \
             label style={{font=\\small}}, tick label style={{font=\\footnotesize}}, scaled ticks=false,\n"
        );
        for (letter, axis, ticks) in [
            ("x", &chart.x, &self.placed.x),
            ("y", &chart.y, &self.placed.y),
        ] {
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
            let grouped = |label: &str| format!("{{{}}}", with_mathematics(label, escaped));
            if let Some([values, labels]) = own_ticks(&axis.scale, ticks, grouped, ",") {
                let _ = writeln!(
                    out,
                    "  {letter}tick={{{values}}}, {letter}ticklabels={{{labels}}},"
                );
            }
        }
        if let Some(bar) = &chart.bar {
            self.draw_bar(out, bar);
        }
        let _ = writeln!(out, "]");
    }

    fn legend_place(&self) -> String {
        let (frame, at) = (&self.placed.frame, self.placed.legend_at);
        let x = (f64::from(at.0) - frame.left) / (frame.right - frame.left);
        let y = (frame.bottom - f64::from(at.1)) / (frame.bottom - frame.top);
        match self.style.legend {
            _ if self.placed.legend_inside => {
                format!("at={{({x:.3},{y:.3})}}, anchor=north west")
            }
            LegendPlace::Right => "at={(1.02,1)}, anchor=north west".to_owned(),
            _ => {
                let columns = legend_columns(self.placed);
                format!("at={{(0,1.02)}}, anchor=south west, legend columns={columns}")
            }
        }
    }

    /// The bar of colours; exponents stand along it where it is logarithmic.
    fn draw_bar(&self, out: &mut String, bar: &Axis) {
        let points = (0..=8).map(|i| {
            let RGBColor(red, green, blue) =
                palette::shade(self.style.color_map, f64::from(i) / 8.0);
            format!("rgb255=({red},{green},{blue})")
        });
        let map: Vec<String> = points.collect();
        let (lo, hi) = (bar.scale.lo, bar.scale.hi);
        let labels = match bar.scale.kind {
            Kind::Log => ", yticklabel={$10^{\\pgfmathprintnumber{\\tick}}$}",
            Kind::Linear => "",
        };
        let label = with_mathematics(&bar.label, escaped);
        let _ = writeln!(
            out,
            "  colormap={{shades}}{{{}}}, point meta min={lo}, point meta max={hi}, colorbar,\n  \
             colorbar style={{ylabel={{{label}}}{labels}}},",
            map.join(" ")
        );
    }

    fn draw_tiles(&self, out: &mut String) {
        for tile in &self.placed.chart.tiles {
            let shade = palette::shade(self.style.color_map, tile.shade);
            self.fill(out, shade, (tile.x.0, tile.y.0), (tile.x.1, tile.y.1));
        }
    }

    fn draw_bands(&self, out: &mut String) {
        let chart = self.placed.chart;
        let (lo, hi) = ends(&chart.y.scale);
        for band in &chart.bands {
            let (from, to) = band_ends(band, &chart.x.scale);
            self.fill(
                out,
                self.style.line_color(palette::PALE),
                (from, lo),
                (to, hi),
            );
        }
    }

    /// A filled rectangle; what is beyond the axes is drawn up to their ends.
    fn fill(&self, out: &mut String, color: RGBColor, from: (f64, f64), to: (f64, f64)) {
        let (x, y) = (
            ends(&self.placed.chart.x.scale),
            ends(&self.placed.chart.y.scale),
        );
        let at = |(u, v): (f64, f64)| (u.clamp(x.0, x.1), v.clamp(y.0, y.1));
        let ((x0, y0), (x1, y1)) = (at(from), at(to));
        let color = rgb(color);
        let _ = writeln!(
            out,
            "\\fill[color={{rgb,255:{color}}}] (axis cs:{x0:e},{y0:e}) rectangle (axis cs:{x1:e},{y1:e});"
        );
    }

    fn draw_curves(&self, out: &mut String) {
        for (curve, runs) in self.placed.chart.curves.iter().zip(self.curves) {
            let look = self.look(curve.pen);
            for run in runs {
                for part in self.parts(curve, run) {
                    plot(out, &look, &part);
                }
            }
        }
    }

    /// A run in the units of the data, cut off where it is farther outside of the axes than TeX can count.
    fn parts(&self, curve: &Curve, run: &Run) -> Vec<Vec<(f64, f64)>> {
        let frame = &self.placed.frame;
        let (across, up) = (frame.right - frame.left, frame.bottom - frame.top);
        let reach = Frame {
            left: frame.left - across,
            right: frame.right + across,
            top: frame.top - up,
            bottom: frame.bottom + up,
        };
        let near = |v: &Vertex| {
            (reach.left..=reach.right).contains(&v.x) && (reach.top..=reach.bottom).contains(&v.y)
        };
        if run.iter().all(near) {
            return vec![run.iter().map(|v| curve.points[v.index]).collect()];
        }
        let (x, y) = (&self.placed.chart.x.scale, &self.placed.chart.y.scale);
        let value = |&(column, row): &(i32, i32)| {
            let position = |(at, from): (i32, f64), length| (f64::from(at) - from) / length;
            (
                x.value(position((column, frame.left), across)),
                y.value(position((row, frame.bottom), -up)),
            )
        };
        let parts = reach.clip(run);
        parts
            .iter()
            .map(|part| part.iter().map(value).collect())
            .collect()
    }

    fn draw_marks(&self, out: &mut String) {
        let chart = self.placed.chart;
        // TeX has no numbers for what is far outside.
        let inside = |(x, y)| chart.x.scale.inside(x).and(chart.y.scale.inside(y));
        for mark in chart.marks.iter().filter(|m| inside(m.at).is_some()) {
            plot(out, &self.mark(mark.shape, mark.pen), &[mark.at]);
        }
    }

    fn draw_legend(&self, out: &mut String) {
        for (sample, text) in legend(self.placed.chart, self.style) {
            let look = match sample {
                Sample::Line(pen) => self.look(pen),
                Sample::Mark(shape, pen) => self.mark(shape, pen),
                Sample::Bar(pen) => {
                    format!("only marks, mark=|, color={{rgb,255:{}}}", self.rgb(pen))
                }
                Sample::Band => {
                    let pale = rgb(self.style.line_color(palette::PALE));
                    format!(
                        "legend image code/.code={{\\fill[color={{rgb,255:{pale}}}] (0cm,-0.1cm) rectangle (0.6cm,0.1cm);}}"
                    )
                }
                Sample::Ramp(..) => "empty legend".to_owned(),
            };
            let text = with_mathematics(&text, escaped);
            let _ = writeln!(out, "\\addlegendimage{{{look}}}\\addlegendentry{{{text}}}");
        }
    }

    fn mark(&self, shape: Shape, pen: Pen) -> String {
        let shape = match shape {
            Shape::Circle => "*",
            Shape::Square => "square*",
        };
        format!(
            "only marks, mark={shape}, mark size=1.7pt, mark options={{fill=white}}, color={{rgb,255:{}}}",
            self.rgb(pen)
        )
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

    fn look(&self, pen: Pen) -> String {
        format!(
            "color={{rgb,255:{}}}, line width={}pt, {}",
            self.rgb(pen),
            points(pen.width),
            dash(pen.dash)
        )
    }

    fn rgb(&self, pen: Pen) -> String {
        rgb(self.style.line_color(pen.color))
    }
}

fn rgb(RGBColor(red, green, blue): RGBColor) -> String {
    format!("red,{red};green,{green};blue,{blue}")
}

/// Points with a look; a point of a line that is alone is a dot.
fn plot(out: &mut String, look: &str, points: &[(f64, f64)]) {
    let marks = match (points, look.contains("only marks")) {
        (_, true) => "",
        ([_], false) => ", only marks, mark=*, mark size=0.6pt",
        _ => ", no markers",
    };
    let _ = write!(out, "\\addplot[forget plot, {look}{marks}] coordinates {{");
    for (i, (x, y)) in points.iter().enumerate() {
        let end = if i % 4 == 3 { "\n" } else { " " };
        let _ = write!(out, "({x:e},{y:e}){end}");
    }
    let _ = writeln!(out, "}};");
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
