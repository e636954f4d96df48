//! The Python and LaTeX files beside figures: they show what the figure shows, whatever series are called.

use crate::synthetic;
use dlnflow::observe::Quantity;
use dlnflow::report::figure::{
    Bar, ColorMap, Column, Drawing, Extra, Figure, LegendPlace, Line, Look, Panel, Plot, Side,
    Style, Tile, all, plot,
};

fn style() -> Style {
    Style {
        extras: vec![Extra::Matplotlib, Extra::Pgfplots],
        ..Style::default()
    }
}

/// The Python script and the LaTeX file.
fn scripts(figure: &Figure) -> [String; 2] {
    let text = |i: usize| String::from_utf8(figure.extras[i].1.clone()).expect("text");
    [text(0), text(1)]
}

fn of_run(modes: usize, style: Style) -> Vec<Figure> {
    let look = Look {
        style,
        ..Look::default()
    };
    all(&Drawing::from(&synthetic::report(modes)), &look).expect("figures")
}

/// Two curves, one with a gap, and bars.
fn curves() -> Figure {
    const GAP: (f64, f64) = (f64::NAN, f64::NAN);
    let line = |name: &str, x: f64| Line {
        name: name.to_owned(),
        points: vec![(x, 1.0), (x + 1.0, 2.0), GAP, (x, 3.0), (x + 1.0, 4.0)],
        bars: vec![(x, 0.5, 1.5), (x + 1.0, 1.5, 2.5)],
        ..Line::default()
    };
    let shown = Plot {
        name: "family_1".to_owned(),
        lines: vec![line("scale 0.01, cost C", 0.0), line("50 %", 4.0)],
        ..Plot::default()
    };
    plot(&shown, &style()).expect("a figure")
}

#[test]
fn parts_of_a_curve_stay_apart() {
    let figure = curves();
    let rows = figure.numbers.lines();
    let gaps = |series: &str| rows.clone().filter(|l| *l == format!("{series},,")).count();
    assert_eq!(gaps("\"scale 0.01, cost C\""), 1);
    assert_eq!(gaps("50 % bar"), 1);
    let [_, latex] = scripts(&figure);
    // Two parts of each of two curves, and two bars of each.
    assert_eq!(latex.matches("\\addplot").count(), 8, "{latex}");
}

/// Numbers stand in the LaTeX file: no name of a series is read there.
#[test]
fn names_of_series_may_have_any_signs() {
    let [python, latex] = scripts(&curves());
    assert!(python.contains("series[\"scale 0.01, cost C\"]"));
    assert!(
        !latex.contains("table[") && !latex.contains(".csv"),
        "{latex}"
    );
    assert!(latex.contains("\\addlegendentry{50 \\%}"));
}

#[test]
fn a_legend_has_the_order_of_the_figure_or_is_not_there() {
    let figures = of_run(8, style());
    let [python, latex] = scripts(&figures[1]);
    let order = |text: &str, begin: &str| -> Vec<usize> {
        let ends = text.split(begin).skip(1);
        ends.filter_map(|rest| rest.split('}').next()?.parse().ok())
            .collect()
    };
    let all: Vec<usize> = (1..=8).collect();
    assert_eq!(order(&python, "label=\"σ${}_{"), all);
    assert_eq!(order(&latex, "\\addlegendentry{σ${}_{"), all);
    let none = of_run(
        8,
        Style {
            legend: LegendPlace::None,
            ..style()
        },
    );
    for figure in &none {
        let [python, latex] = scripts(figure);
        assert!(!python.contains("ax.legend") && !latex.contains("\\addlegend"));
    }
}

#[test]
fn both_shade_plateaus() {
    let [python, latex] = scripts(&of_run(3, style())[2]);
    // Signs of a legend are no part of the axes, and have no units of theirs.
    assert!(latex.contains("(0cm,-0.1cm) rectangle (0.6cm,0.1cm)"));
    let bands = python.matches("ax.axvspan(").count();
    assert!(bands > 0);
    let filled = |line: &&str| line.contains("\\fill[") && !line.contains("legend image");
    assert_eq!(latex.lines().filter(filled).count(), bands);
}

#[test]
fn both_draw_the_tiles_of_a_map() {
    let tile = |x: f64, y: f64| Tile {
        x: (x, x + 1.0),
        y: (y, y + 2.0),
        at: (x + 0.5, y + 1.0),
        value: x + y + 1.0,
        shade: (x + y) / 3.0,
    };
    let shown = Plot {
        name: "map_1".to_owned(),
        tiles: vec![tile(0.0, 0.0), tile(1.0, 0.0), tile(0.0, 2.0)],
        bar: Some(Bar {
            label: "final_cost".to_owned(),
            log: true,
            range: (1.0, 3.0),
        }),
        ..Plot::default()
    };
    let [python, latex] = scripts(&plot(&shown, &style()).expect("a figure"));
    let mesh =
        "ax.pcolormesh([0.0, 1.0, 2.0], [0.0, 2.0, 4.0], rows, cmap=\"viridis\", norm=LogNorm(";
    assert!(python.contains(mesh), "{python}");
    assert_eq!(latex.matches("\\fill[").count(), 3);
    assert!(latex.contains("colorbar style={ylabel={cost at the end}"));
    let grey = Style {
        color_map: ColorMap::Grey,
        ..style()
    };
    let [python, _] = scripts(&plot(&shown, &grey).expect("a figure"));
    // Not as far as white, which is what a missing tile is.
    let map = "cmap=LinearSegmentedColormap.from_list(\"greys\", [\"#191919\", \"#E1E1E1\"])";
    assert!(python.contains(map), "{python}");
}

/// The axes of the Python script stand where those of the SVG do, below their legends.
#[test]
fn axes_stand_where_the_figure_has_them() {
    for figure in of_run(8, style()) {
        let [python, _] = scripts(&figure);
        let numbers = |begin: &str| -> Vec<f64> {
            let rest = python.split(begin).nth(1).expect(begin);
            let inner = rest.split(')').next().expect("an end");
            inner.split(", ").filter_map(|n| n.parse().ok()).collect()
        };
        let [place, size] = ["add_axes((", "figsize=("].map(numbers);
        // The lower left corner of the axes, hundredths of a millimetre, from the lower left of the figure.
        let at = [place[0] * size[0], (1.0 - place[1]) * size[1]].map(|inches| inches * 2540.0);
        let axis = format!("\"{:.0} {:.0} ", at[0], at[1]);
        let near = |text: &str, v: f64| text.parse::<f64>().is_ok_and(|t| (t - v).abs() <= 1.5);
        let begins = |line: &str| {
            let value = |key: &str| line.split(key).nth(1)?.split('"').next();
            let [x, y] = ["x1=\"", "y1=\""].map(value);
            x.is_some_and(|x| near(x, at[0])) && y.is_some_and(|y| near(y, at[1]))
        };
        assert!(figure.svg.lines().any(begins), "{axis} {}", figure.svg);
    }
}

/// On a logarithmic axis with less than two decades matplotlib labels minor ticks too, and pgfplots broken powers of ten.
#[test]
fn short_logarithmic_axes_have_the_ticks_of_the_figure() {
    let shown = |first: f64, last: f64| Plot {
        x: ("width".to_owned(), true),
        lines: vec![Line {
            points: vec![(first, 1.0), (last, 2.0)],
            ..Line::default()
        }],
        ..Plot::default()
    };
    let [python, latex] = scripts(&plot(&shown(30.0, 130.0), &style()).expect("a figure"));
    assert!(
        python.contains("ax.set_xticks([5.000000e1, 1.000000e2], labels=[\"50\", \"100\"])"),
        "{python}"
    );
    assert!(python.contains("ax.xaxis.set_minor_formatter(plt.NullFormatter())"));
    assert!(
        latex.contains("xtick={5.000000e1,1.000000e2}, xticklabels={{50},{100}}"),
        "{latex}"
    );
    for script in scripts(&plot(&shown(0.3, 1e4), &style()).expect("a figure")) {
        assert!(!script.contains("xtick"), "{script}");
    }
}

/// TeX counts to 16383 pt; a curve that leaves the axes far is cut off near them, where it left.
#[test]
fn curves_far_outside_of_the_axes_are_cut_off() {
    let mut report = synthetic::report(2);
    let first = report.trajectory.rows.len() / 2;
    for row in &mut report.trajectory.rows[first..] {
        row.cost = 1e9;
    }
    let panel = Panel {
        y: Side {
            range: Some((0.0, 1.0)),
            ..Side::default()
        },
        x: Side::default(),
        columns: (Column::Time, vec![Column::Of(Quantity::Cost)]),
        modes: Vec::new(),
        predictions: false,
        events: false,
    };
    let look = Look {
        style: style(),
        panels: vec![panel],
        only: vec!["panels".to_owned()],
    };
    let figures = all(&Drawing::from(&report), &look).expect("figures");
    let [_, latex] = scripts(&figures[0]);
    let plots = latex.split("coordinates {").skip(1);
    let ends = plots.filter_map(|rest| rest.split('}').next());
    let numbers = ends.flat_map(|points| points.split_whitespace());
    let heights: Vec<f64> = numbers
        .filter_map(|point| {
            point
                .trim_matches(['(', ')'])
                .split(',')
                .nth(1)?
                .parse()
                .ok()
        })
        .collect();
    assert!(
        heights.len() > 3 && heights.iter().all(|h| (-1.0..=2.01).contains(h)),
        "{heights:?}"
    );
}
