//! Measured errors against a parameter, both logarithmic.

use super::chart::{Axis, Chart, Curve, Mark, Sample, Shape};
use super::palette;
use super::render;
use super::scale::Scale;
use super::{Figure, Style};
use crate::error::Error;

/// What a figure of errors shows.
#[derive(Debug)]
pub struct Errors<'a> {
    pub name: &'static str,
    pub title: &'a str,
    pub description: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    /// Name and points of each curve.
    pub curves: &'a [(&'a str, Vec<(f64, f64)>)],
}

/// Draws curves with a circle at each of their points.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn errors(shown: &Errors, style: &Style) -> Result<Figure, Error> {
    render::figure(chart(shown), style)
}

/// The same side by side, in one figure.
///
/// # Errors
/// `Io` when the drawing backend fails.
pub fn error_panels(name: &str, shown: &[Errors], style: &Style) -> Result<Figure, Error> {
    let charts: Vec<Chart> = shown.iter().map(chart).collect();
    render::panels(name, &charts, style)
}

fn chart(shown: &Errors) -> Chart {
    let all = || shown.curves.iter().flat_map(|(_, points)| points);
    let axis = |label: &str, scale| Axis {
        label: label.to_owned(),
        scale,
    };
    let axes = (
        axis(shown.x, Scale::log_around(all().map(|p| p.0))),
        axis(shown.y, Scale::log_around(all().map(|p| p.1))),
    );
    let (title, description) = (shown.title.to_owned(), shown.description.to_owned());
    let mut chart = Chart::new(shown.name, title, description, axes);
    // A curve without points keeps its place among the colours.
    let drawn = shown.curves.iter().enumerate();
    for (k, (name, points)) in drawn.filter(|(_, (_, points))| !points.is_empty()) {
        let pen = palette::line(k + 1, shown.curves.len());
        let mark = |&at: &(f64, f64)| Mark {
            series: format!("{name} measured"),
            shape: Shape::Circle,
            pen: palette::mark(pen.color),
            at,
        };
        chart.marks.extend(points.iter().map(mark));
        chart.legend.push((Sample::Line(pen), (*name).to_owned()));
        chart.curves.push(Curve {
            series: (*name).to_owned(),
            pen,
            points: points.clone(),
        });
    }
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn() {
        let points = vec![(1e-30, 0.5), (1e-20, 1e-3), (1e-4, 1e-15)];
        let shown = Errors {
            name: "errors",
            title: "Errors",
            description: "Errors against sizes.",
            x: "size",
            y: "error",
            curves: &[("one", points.clone()), ("two", points)],
        };
        let figure = errors(&shown, &Style::default()).expect("a figure");
        for name in ["one", "two"] {
            let mark = format!("{name} measured,");
            let marks = figure.numbers.lines().filter(|l| l.starts_with(&mark));
            assert_eq!(marks.count(), 3);
            assert!(figure.svg.contains(&format!(">{name}</text>")));
        }
        assert!(figure.svg.contains(">Errors</title>"));
        let both = error_panels("both", &[shown], &Style::default()).expect("a figure");
        assert_eq!((both.name.as_str(), both.numbers), ("both", figure.numbers));
    }
}
