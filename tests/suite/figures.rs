//! Figures: what is drawn is where the closed form says, and every document is well formed, small
//! and the same twice. Coordinates are compared through the axes' own ticks and labels.

use crate::synthetic::{self, HORIZON, START, TARGET, half_rise_time, strength};
use dlnflow::observe::{Event, EventKind};
use dlnflow::report::Report;
use dlnflow::report::figure::{Drawing, Figure, LegendPlace, Line, Look, Plot, Style, all, plot};
use std::collections::BTreeMap;

/// An element: name, attributes, text up to its end.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

impl Element {
    fn number(&self, attribute: &str) -> f64 {
        self.attributes[attribute].parse().unwrap()
    }

    fn points(&self) -> Vec<(f64, f64)> {
        let pair = |p: &str| {
            let (x, y) = p.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        self.attributes["points"].split(' ').map(pair).collect()
    }
}

/// Parses the document and panics unless its tags balance.
fn parse(svg: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        for &at in &open {
            elements[at].text += rest[..start].trim_matches('\n');
        }
        let end = start + rest[start..].find('>').expect("an open tag");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let at = open.pop().expect("an element to close");
            assert_eq!(elements[at].name, name);
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        elements.push(Element {
            name: name.to_owned(),
            attributes: attributes(tag),
            text: String::new(),
        });
        if !tag.ends_with('/') {
            open.push(elements.len() - 1);
        }
    }
    assert!(
        open.is_empty() && rest.trim().is_empty(),
        "unclosed {open:?}"
    );
    elements
}

fn attributes(tag: &str) -> BTreeMap<String, String> {
    let parts: Vec<_> = tag.split('"').collect();
    let pairs = parts.chunks_exact(2);
    let pair = |p: &[&str]| {
        let name = p[0].trim_end_matches('=').rsplit(' ').next().unwrap();
        (name.to_owned(), p[1].to_owned())
    };
    pairs.map(pair).collect()
}

fn figures(report: &Report) -> Vec<Figure> {
    all(&Drawing::from(report), &report.look).unwrap()
}

fn check_document(figure: &Figure) -> Vec<Element> {
    let elements = parse(&figure.svg);
    let root = &elements[0];
    assert_eq!(
        (root.name.as_str(), root.attributes["width"].as_str()),
        ("svg", "82.5mm")
    );
    let height: f64 = root.attributes["height"]
        .trim_end_matches("mm")
        .parse()
        .unwrap();
    assert!((50.0..80.0).contains(&height), "{height}");
    assert!(
        !elements
            .iter()
            .find(|e| e.name == "title")
            .unwrap()
            .text
            .is_empty()
    );
    assert!(
        !elements
            .iter()
            .find(|e| e.name == "desc")
            .unwrap()
            .text
            .is_empty()
    );
    assert!(
        figure.svg.len() < 200_000,
        "{}: {} bytes",
        figure.name,
        figure.svg.len()
    );
    for element in &elements {
        for name in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"] {
            if element.attributes.contains_key(name) {
                let value = element.number(name);
                assert!((0.0..=8250.0).contains(&value), "{element:?}");
            }
        }
        if element.name == "polyline" {
            let on =
                |&(x, y): &(f64, f64)| (0.0..=8250.0).contains(&x) && (0.0..=8250.0).contains(&y);
            assert!(element.points().iter().all(on), "{}", figure.name);
        }
    }
    elements
}

/// `(label, x, y)` of every text.
fn texts(elements: &[Element]) -> Vec<(String, f64, f64)> {
    let texts = elements.iter().filter(|e| e.name == "text");
    texts
        .map(|e| (e.text.clone(), e.number("x"), e.number("y")))
        .collect()
}

/// The map value → x from the labels 2 and 10 of a linear time axis.
fn linear_time(elements: &[Element]) -> impl Fn(f64) -> f64 {
    let texts = texts(elements);
    let bottom = texts.iter().map(|t| t.2).fold(0.0, f64::max);
    let at = |label: &str| {
        let mut found = texts
            .iter()
            .filter(|t| t.0 == label && bottom - t.2 < 600.0);
        found.next().unwrap().1
    };
    let (two, ten) = (at("2"), at("10"));
    move |t| two + (t - 2.0) * (ten - two) / 8.0
}

/// The map value → y from the tick lines of the labels 0 and 4 of the vertical axis.
fn linear_height(elements: &[Element]) -> impl Fn(f64) -> f64 {
    let axis_x = elements
        .iter()
        .filter(|e| e.name == "line")
        .map(|e| e.number("x2"));
    let axis_x = axis_x.fold(f64::INFINITY, f64::min);
    let is_tick =
        |e: &&Element| e.name == "line" && e.number("x2") == axis_x && e.number("x1") < axis_x;
    let heights: Vec<_> = elements
        .iter()
        .filter(is_tick)
        .map(|e| e.number("y1"))
        .collect();
    assert_eq!(heights.len(), 5, "ticks 0 … 4");
    let (zero, four) = (heights[0], heights[4]);
    move |s| zero + s * (four - zero) / 4.0
}

#[test]
fn curves_and_marks_lie_where_the_closed_form_says() {
    let figures = figures(&synthetic::report(3));
    let elements = check_document(&figures[0]);
    let (x, y) = (linear_time(&elements), linear_height(&elements));
    // Half a unit (0.005 mm) of rounding on the point and on each of the two reference ticks.
    let band = 1.5;
    let solid =
        |e: &&Element| e.name == "polyline" && !e.attributes.contains_key("stroke-dasharray");
    let first = elements
        .iter()
        .filter(solid)
        .max_by_key(|e| e.points().len())
        .unwrap();
    assert!(first.points().len() > 20);
    let rows = synthetic::times();
    for (px, py) in first.points() {
        let near =
            |t: &&f64| (x(**t) - px).abs() <= band && (y(strength(4.0, **t)) - py).abs() <= band;
        assert!(rows.iter().any(|t| near(&t)), "no row at {px}, {py}");
    }
    let rings: Vec<_> = elements
        .iter()
        .filter(|e| e.name == "circle" && e.attributes["fill"] == "none")
        .filter(|e| e.number("cy") > 700.0)
        .collect();
    assert_eq!(rings.len(), 3);
    for (ring, s) in rings.iter().zip(TARGET) {
        assert!(
            (ring.number("cx") - x(half_rise_time(s))).abs() <= band,
            "{ring:?}"
        );
        assert!((ring.number("cy") - y(s / 2.0)).abs() <= band, "{ring:?}");
    }
}

#[test]
fn log_axes_are_labelled_with_powers_of_ten() {
    let figures = figures(&synthetic::report(3));
    let elements = check_document(&figures[1]);
    let labels: Vec<_> = texts(&elements).into_iter().map(|t| t.0).collect();
    // Time: nothing changes by a tenth before t = 0.01; singular values: 1e-6 to 4.
    for label in ["10−2", "10−1", "100", "101", "10−6", "10−5", "10−4", "10−3"] {
        assert!(
            labels.iter().any(|l| l == label),
            "{label} not in {labels:?}"
        );
    }
    assert!(
        figures[1]
            .svg
            .contains(">10<tspan dy=\"-101\" font-size=\"191\">−6</tspan></text>")
    );
    // Three decades and a bit of time, eight minor ticks in each whole one.
    let minor = elements
        .iter()
        .filter(|e| e.name == "line" && e.number("stroke-width") < 15.0);
    assert!(minor.count() > 3 * 8 + 6 * 8);
}

/// Predictions keep to the axes: curves begin where a logarithmic one does, times beyond are neither drawn
/// nor named.
#[test]
fn predictions_keep_to_the_axes() {
    let mut report = synthetic::report(3);
    let starts = |report: &Report| -> Vec<f64> {
        let numbers = &figures(report)[1].numbers;
        let rows = numbers
            .lines()
            .filter(|l| l.starts_with("predicted_sigma_"));
        rows.map(|l| l.split(',').nth(1).unwrap().parse().unwrap())
            .collect()
    };
    for prediction in &mut report.predictions {
        if let Some(first) = prediction.curve.first_mut() {
            first.0 = 1e-17;
        }
    }
    let first = report
        .trajectory
        .rows
        .iter()
        .map(|row| row.time)
        .find(|t| *t > 0.0);
    assert!(starts(&report).iter().all(|t| *t >= first.unwrap()));
    assert!(figures(&report)[0].svg.contains("predicted escape"));
    for prediction in &mut report.predictions {
        prediction.value *= 1e6;
    }
    for figure in figures(&report) {
        assert!(!figure.numbers.contains("predicted_escape"));
        assert!(!figure.svg.contains("predicted escape"));
    }
}

#[test]
fn numbers_are_those_drawn_at_full_precision() {
    let report = synthetic::report(3);
    for figure in figures(&report) {
        let mut lines = figure.numbers.lines();
        assert_eq!(lines.next(), Some("series,x,y"));
        for line in lines {
            let fields: Vec<_> = line.split(',').collect();
            let (x, y) = (fields[1].parse::<f64>().unwrap(), fields[2].parse::<f64>());
            if let Some(k) = fields[0].strip_prefix("sigma_") {
                let target = TARGET[k.parse::<usize>().unwrap() - 1];
                assert_eq!(y.unwrap(), strength(target, x));
            }
        }
    }
    let linear = &figures(&report)[0].numbers;
    for series in [
        "sigma_3",
        "predicted_sigma_3",
        "escape_3",
        "predicted_escape_3",
    ] {
        assert!(
            linear.lines().any(|l| l.starts_with(&format!("{series},"))),
            "{series}"
        );
    }
    let cost = &figures(&report)[2].numbers;
    for series in [
        "cost",
        "test_cost",
        "gradient_norm",
        "escape_1",
        "plateau_1_from",
        "plateau_3_to",
    ] {
        assert!(
            cost.lines().any(|l| l.starts_with(&format!("{series},"))),
            "{series}"
        );
    }
}

#[test]
fn thinned_curves_do_not_visibly_differ() {
    // The polygon line through the numbers, read at every row, against the closed form: 0.01 mm of
    // a 42 mm axis that shows 4 · 1.09 is 1.04e-3, and the line may lean by as much along the axis
    // where the slope is at most s*²/2 = 8 units of σ in 12/70 units of t per mm.
    let band = 1.04e-3 + 8.0 * HORIZON / 7000.0;
    let numbers = &figures(&synthetic::report(3))[0].numbers;
    let points: Vec<(f64, f64)> = numbers
        .lines()
        .filter_map(|l| l.strip_prefix("sigma_1,")?.split_once(','))
        .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
        .collect();
    assert!(points.len() < 150);
    for t in synthetic::times() {
        let pair = points
            .windows(2)
            .find(|p| p[0].0 <= t && t <= p[1].0)
            .unwrap();
        let s = (t - pair[0].0) / (pair[1].0 - pair[0].0);
        let drawn = pair[0].1 + s * (pair[1].1 - pair[0].1);
        assert!((drawn - strength(4.0, t)).abs() < band, "t = {t}");
    }
}

/// 900 runs with a step each, 100 to a line, as a family of a large sweep has them: every one is drawn where it
/// is. Thinned to 0.08 mm, in columns of 0.16 mm; the axes are some 70 mm by 40 mm.
#[test]
fn of_many_runs_each_is_drawn() {
    const MM: (f64, f64) = (1.0 / 60.0, 1.0 / 35.0);
    let step = |run: usize, x: f64| 1.0 / (1.0 + (150.0 * (0.1 + 0.8e-3 * run as f64 - x)).exp());
    let line = |number: usize| {
        let run = |run: usize| {
            let points = (0..=400).map(move |i| f64::from(i) / 400.0);
            let points = points.map(move |x| (x, step(run, x)));
            points.chain([(f64::NAN, f64::NAN)])
        };
        Line {
            name: format!("{number}"),
            points: (100 * number..100 * number + 100).flat_map(run).collect(),
            ..Line::default()
        }
    };
    let family = Plot {
        name: "family".into(),
        lines: (0..9).map(line).collect(),
        ..Plot::default()
    };
    let drawn = plot(&family, &Style::default()).unwrap().numbers;
    let rows: Vec<[&str; 3]> = drawn.lines().skip(1).map(fields).collect();
    let runs: Vec<Vec<(f64, f64)>> = rows
        .chunk_by(|a, b| a[0] == b[0] && !b[1].is_empty())
        .map(|rows| rows.iter().filter_map(point).collect())
        .collect();
    assert_eq!(runs.len(), 900);
    for (run, points) in runs.iter().enumerate() {
        for pair in points.windows(2) {
            for i in 0..20 {
                let s = f64::from(i) / 20.0;
                let x = pair[0].0 + s * (pair[1].0 - pair[0].0);
                let y = pair[0].1 + s * (pair[1].1 - pair[0].1);
                let (aside, off) = (0.24 * MM.0, 0.08 * MM.1);
                let allowed = step(run, x - aside) - off..step(run, x + aside) + off;
                assert!(allowed.contains(&y), "run {run} at {x}: {y}");
            }
        }
    }
}

fn fields(row: &str) -> [&str; 3] {
    let mut fields = row.split(',');
    std::array::from_fn(|_| fields.next().unwrap())
}

fn point(row: &[&str; 3]) -> Option<(f64, f64)> {
    Some((row[1].parse().ok()?, row[2].parse().ok()?))
}

/// A crossing of the level that counts as escape: the corners of its square lie below the circle.
#[test]
fn two_marks_at_one_place_are_both_seen() {
    let mut report = synthetic::report(3);
    let mut events = synthetic::events();
    events.retain(|e| e.kind == EventKind::Escape);
    let crossings = events.iter().cloned().map(|escape| Event {
        kind: EventKind::Crossing,
        ..escape
    });
    report.events = events.iter().cloned().chain(crossings).collect();
    let elements = check_document(&figures(&report)[0]);
    let middle = |e: &Element| match e.name.as_str() {
        "circle" => Some((e.number("cx"), e.number("cy"))),
        "rect" => Some((
            e.number("x") + 0.5 * e.number("width"),
            e.number("y") + 0.5 * e.number("height"),
        )),
        _ => None,
    };
    let mut both = 0;
    for (i, circle) in elements
        .iter()
        .enumerate()
        .filter(|(_, e)| e.name == "circle")
    {
        let (x, y) = middle(circle).unwrap();
        let near = |(a, b): (f64, f64)| f64::hypot(a - x, b - y) < 2.0;
        let square = |e: &Element| e.name == "rect" && middle(e).is_some_and(near);
        let below = elements[..i].iter().any(square);
        let above = elements[i..].iter().any(square);
        assert!(!above, "{circle:?}");
        both += usize::from(below);
    }
    // A disk and its rim each.
    assert_eq!(both, 2 * 3);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(
        figures(&synthetic::report(30)),
        figures(&synthetic::report(30))
    );
}

/// Stroke and dash of every line long enough to be a curve.
fn looks(elements: &[Element]) -> Vec<(String, Option<String>)> {
    let curve = |e: &&Element| e.name == "polyline" && e.points().len() > 2;
    let of = |e: &Element, name: &str| e.attributes.get(name).cloned();
    let lines = elements.iter().filter(curve);
    lines
        .map(|e| (of(e, "stroke").unwrap(), of(e, "stroke-dasharray")))
        .collect()
}

/// Without events and predictions; `growing`: every mode rises to a value of its own.
fn many_modes(modes: usize, growing: bool) -> Report {
    let mut report = synthetic::report(modes);
    report.predictions.clear();
    report.events.clear();
    if growing {
        for row in &mut report.trajectory.rows {
            for (k, sigma) in row.singular_values.iter_mut().enumerate() {
                *sigma = strength(4.0 * (1.0 - k as f64 / modes as f64), row.time);
            }
        }
    }
    report
}

#[test]
fn every_mode_has_a_look_of_its_own() {
    // Of 1000 modes 56 rise above 1e-12 σ_1: START·0.8^k > 4e-12 up to k = 55, counted from 0; 47 are drawn.
    for (modes, growing, drawn) in [
        (8, false, 8),
        (20, false, 20),
        (20, true, 20),
        (1000, false, 47),
        (1000, true, 47),
    ] {
        let elements = check_document(&figures(&many_modes(modes, growing))[1]);
        let mut looks = looks(&elements);
        let all = looks.len();
        looks.sort();
        looks.dedup();
        assert_eq!((looks.len(), all), (drawn, drawn), "{modes} {growing}");
    }
}

#[test]
fn a_legend_of_many_modes_names_the_last_and_all_while_they_fit() {
    for (modes, growing, last, all) in [
        (8, false, 8, true),
        (12, true, 12, true),
        (20, false, 20, false),
        (20, true, 20, false),
        (1000, false, 56, false),
    ] {
        for figure in &figures(&many_modes(modes, growing))[..2] {
            let labels = texts(&check_document(figure)).into_iter().map(|t| t.0);
            let labels: Vec<_> = labels.collect();
            let named = |k: usize| labels.contains(&format!("σ{k}"));
            assert!(named(1) && named(last), "{labels:?}");
            assert_eq!(named(last - 1), all, "{labels:?}");
        }
    }
}

fn styled(report: &Report, style: Style) -> Vec<Figure> {
    let look = Look {
        style,
        ..Look::default()
    };
    all(&Drawing::from(report), &look).unwrap()
}

/// The white ground of a legend inside of the axes, `(left, right, top, bottom)`, and its place among the elements.
fn ground(elements: &[Element]) -> Option<(usize, [f64; 4])> {
    let white = |e: &Element| e.name == "rect" && e.attributes["fill"] == "#FFFFFF";
    let (at, e) = elements
        .iter()
        .enumerate()
        .skip(1)
        .rfind(|(_, e)| white(e) && e.number("x") > 0.0 && e.number("width") > 300.0)?;
    let (x, y) = (e.number("x"), e.number("y"));
    Some((at, [x, x + e.number("width"), y, y + e.number("height")]))
}

#[test]
fn a_legend_inside_the_axes_hides_nothing() {
    let style = Style {
        legend: LegendPlace::Inside,
        ..Style::default()
    };
    let mut crowded = many_modes(8, true);
    for (i, row) in crowded.trajectory.rows.iter_mut().enumerate() {
        // From the lower end of the axes to the upper one and back, all the time.
        row.cost = if i % 2 == 0 { 1.0 } else { 1e-6 };
    }
    let (mut inside, mut outside) = (0, 0);
    for report in [synthetic::report(3), many_modes(5, true), crowded] {
        for figure in styled(&report, style.clone()) {
            let elements = parse(&figure.svg);
            let Some((at, [left, right, top, bottom])) = ground(&elements) else {
                outside += 1;
                continue;
            };
            inside += 1;
            let hidden = |&(x, y): &(f64, f64)| left < x && x < right && top < y && y < bottom;
            for e in elements[..at].iter().filter(|e| e.name == "polyline") {
                for pair in e.points().windows(2) {
                    let ((x, y), (u, v)) = (pair[0], pair[1]);
                    let between = (0..=50).map(|i| f64::from(i) / 50.0);
                    let mut places = between.map(|s| (x + s * (u - x), y + s * (v - y)));
                    assert!(!places.any(|p| hidden(&p)), "{}", figure.name);
                }
            }
        }
    }
    assert!(inside >= 2 && outside >= 2, "{inside} {outside}");
}

#[test]
fn names_of_curves_that_end_together_stay_near() {
    // All modes but the first end at the same height, in the middle of the axis.
    let mut report = many_modes(5, true);
    for row in &mut report.trajectory.rows {
        row.singular_values[1..].fill(1e-3 * strength(1.0, row.time));
    }
    let style = Style {
        end_labels: true,
        ..Style::default()
    };
    let elements = parse(&styled(&report, style)[1].svg);
    let labels = texts(&elements);
    let heights: Vec<f64> = (2..=5)
        .map(|k| labels.iter().find(|t| t.0 == format!("σ{k}")).unwrap().2)
        .collect();
    // The end, from the longest dashed curve; names lie 0.36 of their height, 265 units, below their middle.
    let curves = elements.iter().filter(|e| e.name == "polyline");
    let last = curves.rev().find(|e| e.points().len() > 10).unwrap();
    let end = last.points().last().unwrap().1 + 0.36 * 265.0;
    // Four names 1.1 of their height apart, around the end: none is farther than 1.5 lines.
    let line = 1.1 * 265.0;
    for y in &heights {
        assert!((y - end).abs() <= 1.5 * line + 2.0, "{heights:?} {end}");
    }
    assert!(heights.windows(2).all(|w| w[1] - w[0] >= line - 1.0));
    // Lines from the end to the names that are not beside it.
    let leaders = elements.iter().filter(|e| {
        e.attributes.get("stroke-width").is_some_and(|w| w == "12") && e.name == "polyline"
    });
    assert_eq!(leaders.count(), 4);
}

#[test]
fn roundoff_gets_neither_curve_nor_entry() {
    let mut report = synthetic::report(5);
    for row in &mut report.trajectory.rows {
        row.singular_values[3] = 1e-13;
        row.singular_values[4] = 0.0;
    }
    for figure in &figures(&report)[..2] {
        let labels = texts(&check_document(figure));
        assert!(labels.iter().any(|t| t.0 == "σ3"), "{labels:?}");
        assert!(!labels.iter().any(|t| t.0 == "σ4"), "{labels:?}");
        assert!(!figure.numbers.contains("sigma_4"));
    }
}

#[test]
fn roundoff_does_not_stretch_the_cost_axis() {
    let mut report = synthetic::report(3);
    let end = report.trajectory.rows.len() - 1;
    report.trajectory.rows[end].cost = 1e-30;
    for figure in &figures(&report)[2..] {
        let labels = texts(&check_document(figure));
        let exponents = labels
            .iter()
            .filter_map(|t| t.0.strip_prefix("10−")?.parse().ok());
        let deepest: i32 = exponents.max().unwrap_or(0);
        // The gradient norm ends near 1e-9 and the test cost near 1e-3.
        assert!((2..=10).contains(&deepest), "{labels:?}");
    }
}

#[test]
fn without_a_test_set_there_is_one_cost() {
    let mut report = synthetic::report(3);
    report
        .trajectory
        .rows
        .iter_mut()
        .for_each(|row| row.test_cost = None);
    let figure = &figures(&report)[2];
    assert!(!figure.svg.contains("test cost") && figure.svg.contains(">cost</text>"));
}

#[test]
fn titles_that_need_escaping() {
    let mut report = synthetic::report(3);
    report.title = "rank < 3 & \"σ\" \u{1} > 0\n".to_owned();
    for figure in figures(&report) {
        let elements = check_document(&figure);
        let title = elements.iter().find(|e| e.name == "title").unwrap();
        assert!(
            title.text.contains("rank &lt; 3 &amp; \"σ\""),
            "{}",
            title.text
        );
    }
}

/// Rows whose every number is `value(row index)`.
fn uniform(count: usize, value: impl Fn(usize) -> f64) -> Report {
    let mut report = synthetic::report(3);
    report.trajectory.rows.truncate(count);
    for (i, row) in report.trajectory.rows.iter_mut().enumerate() {
        let v = value(i);
        (row.cost, row.loss, row.gradient_norm) = (v, v, v);
        row.test_cost = Some(v);
        row.singular_values.fill(v);
    }
    report.events.clear();
    report.predictions.clear();
    report
}

#[test]
fn no_run_is_too_odd_to_draw() {
    let cases: [(&str, Report); 12] = [
        ("empty", uniform(0, |_| 0.0)),
        ("one row", uniform(1, |_| 1.0)),
        ("two rows", uniform(2, |_| START)),
        ("constant", uniform(400, |_| 3.0)),
        ("zero", uniform(400, |_| 0.0)),
        ("negative", uniform(400, |i| -(i as f64))),
        ("nan", uniform(400, |_| f64::NAN)),
        ("infinite", uniform(400, |_| f64::INFINITY)),
        (
            "largest",
            uniform(400, |i| if i % 2 == 0 { f64::MAX } else { -f64::MAX }),
        ),
        ("denormal", uniform(400, |i| 5e-324 * i as f64)),
        (
            "wide",
            uniform(400, |i| 10f64.powf(10.0 - 310.0 * i as f64 / 400.0)),
        ),
        (
            "gaps",
            uniform(400, |i| if i % 3 == 0 { f64::NAN } else { i as f64 }),
        ),
    ];
    for (name, report) in cases {
        for figure in figures(&report) {
            assert!(!check_document(&figure).is_empty(), "{name}");
        }
    }
}

#[test]
fn odd_times_are_drawn_too() {
    type Change = fn(usize, f64) -> f64;
    let changes: [Change; 6] = [
        |_, t| t * 1e300,
        |_, t| t * 1e-300,
        |_, t| t + 1e15,
        |i, t| if i == 100 { f64::NAN } else { t },
        |_, _| 0.0,
        |_, t| -t,
    ];
    for change in changes {
        let mut report = synthetic::report(3);
        for (i, row) in report.trajectory.rows.iter_mut().enumerate() {
            row.time = change(i, row.time);
        }
        for figure in figures(&report) {
            check_document(&figure);
        }
    }
}

#[test]
fn noise_is_thinned_to_the_size_limit() {
    // xorshift64: any noise will do, it need only be the same each time.
    let mut state = 88_172_645_463_325_252u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut report = synthetic::report(8);
    report.trajectory.rows = (0..40_000)
        .map(|i| synthetic::row(HORIZON * f64::from(i) / 4e4, 8))
        .collect();
    for row in &mut report.trajectory.rows {
        for sigma in &mut row.singular_values {
            *sigma = if noise() < 0.1 { f64::NAN } else { noise() };
        }
        row.cost = noise();
    }
    for figure in figures(&report) {
        check_document(&figure);
    }
}
