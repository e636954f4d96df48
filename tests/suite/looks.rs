//! The `[figure]` section: sizes on paper, panels, legends, text as outlines, PDF and PNG.

use crate::program::Place;
use crate::synthetic;
use dlnflow::observe::Quantity;
use dlnflow::report::figure::{
    Colors, Column, Drawing, Extra, Family, Figure, Height, LegendPlace, Look, Panel, Side, Style,
    TextMode, all,
};

fn draw(look: &Look) -> Vec<Figure> {
    let report = synthetic::report(3);
    all(&Drawing::from(&report), look).expect("figures")
}

fn styled(style: Style) -> Vec<Figure> {
    draw(&Look {
        style,
        ..Look::default()
    })
}

fn panel(y: Vec<Quantity>) -> Panel {
    Panel {
        x: Side::default(),
        y: Side::default(),
        columns: (Column::Time, y.into_iter().map(Column::Of).collect()),
        modes: Vec::new(),
        predictions: true,
        events: true,
    }
}

/// An inch is 25.4 mm: 3.25 in are 82.55 mm.
#[test]
fn a_figure_is_as_large_as_asked() {
    let style = Style {
        width: 3.25 * 25.4,
        height: Height::Millimetres(60.0),
        ..Style::default()
    };
    for legend in [LegendPlace::Above, LegendPlace::Right, LegendPlace::Inside] {
        for figure in styled(Style {
            legend,
            ..style.clone()
        }) {
            let size = "width=\"82.55mm\" height=\"60mm\" viewBox=\"0 0 8255 6000\"";
            assert!(figure.svg.contains(size), "{}", &figure.svg[..200]);
        }
    }
}

#[test]
fn text_as_outlines_names_no_font() {
    let style = Style {
        text: TextMode::Paths,
        ..Style::default()
    };
    for figure in styled(style) {
        assert!(!figure.svg.contains("<text") && !figure.svg.contains("font-family"));
        assert!(figure.svg.contains("<path fill=\"#000000\" d=\"M"));
        assert!(figure.svg.len() < 200_000, "{}", figure.svg.len());
    }
}

#[test]
fn fonts_and_colours_are_those_asked_for() {
    let style = Style {
        font: Family::Serif,
        colors: Colors::Grey,
        ..Style::default()
    };
    for figure in styled(style) {
        assert!(figure.svg.contains("font-family=\"DejaVu Serif"));
        assert!(!figure.svg.contains("DejaVu Sans"));
        // Blue, vermillion and green of the standard palette.
        for color in ["#0072B2", "#D55E00", "#009E73"] {
            assert!(!figure.svg.contains(color), "{color}");
        }
    }
}

#[test]
fn a_figure_without_legend_has_none() {
    let with = |legend| {
        styled(Style {
            legend,
            ..Style::default()
        })
    };
    let texts = |figure: &Figure| figure.svg.matches("<text").count();
    for (above, none) in with(LegendPlace::Above).iter().zip(with(LegendPlace::None)) {
        assert!(texts(&none) < texts(above));
    }
}

#[test]
fn names_at_the_ends_replace_the_legend() {
    let style = Style {
        end_labels: true,
        ..Style::default()
    };
    let figure = styled(style).remove(0);
    // One σ_1, in the colour of its curve.
    let name = "σ<tspan dy=\"45\" font-size=\"163\">1</tspan>";
    assert!(figure.svg.matches("σ<tspan").count() >= 2, "{}", figure.svg);
    let line = figure
        .svg
        .lines()
        .find(|l| l.contains("σ<tspan") && l.contains(">1<"));
    assert!(line.expect(name).contains("fill=\"#0072B2\""));
}

#[test]
fn a_panel_of_some_modes_predicts_these() {
    let of = |modes: Vec<usize>| Panel {
        modes,
        ..panel(vec![Quantity::SingularValue])
    };
    let report = synthetic::report(3);
    let draw = |modes| panels(&report, vec![of(modes)], Style::default()).numbers;
    let (all, third) = (draw(Vec::new()), draw(vec![3]));
    for what in ["predicted_escape", "predicted_sigma"] {
        for mode in 1..=3 {
            let series = format!("{what}_{mode},");
            assert_eq!(
                third.contains(&series),
                mode == 3 && all.contains(&series),
                "{series}"
            );
        }
        assert!(all.contains(&format!("{what}_1,")), "{what}");
    }
}

/// A browser takes signs that a face lacks from another, PDF and outlines do not.
#[test]
fn signs_that_no_face_has_are_named() {
    let missing = |font, text, extras: &[Extra]| {
        let mut named = panel(vec![Quantity::Cost]);
        named.x.label = Some("length ℓ ≈ ∫‖Ȧ‖dt, σ_{1}".to_owned());
        let style = Style {
            font,
            text,
            extras: extras.to_vec(),
            ..Style::default()
        };
        let look = Look {
            style,
            panels: vec![named],
            ..Look::default()
        };
        look.missing_signs().into_iter().collect::<String>()
    };
    let (text, pdf) = (TextMode::Text, [Extra::Pdf]);
    assert_eq!(missing(Family::Sans, text, &pdf), "Ȧ");
    assert_eq!(missing(Family::Serif, text, &pdf), "Ȧℓ");
    assert_eq!(missing(Family::Serif, TextMode::Paths, &[]), "Ȧℓ");
    assert_eq!(missing(Family::Serif, text, &[Extra::Matplotlib]), "");
}

/// On the curve of the cost, where there are no singular values.
#[test]
fn escapes_are_marked_on_the_cost() {
    let report = synthetic::report(3);
    let draw = |y| panels(&report, vec![panel(y)], Style::default()).numbers;
    let escape = &report.events[5];
    let numbers = draw(vec![Quantity::Cost, Quantity::GradientNorm]);
    let line = format!("escape_2,{:.16e},{:.16e}", escape.time, escape.cost);
    assert!(numbers.lines().any(|l| l == line), "{numbers}");
    assert!(!draw(vec![Quantity::GradientNorm]).contains("escape_"));
}

#[test]
fn panels_stand_side_by_side_with_letters_and_their_numbers() {
    let look = Look {
        panels: vec![
            panel(vec![Quantity::SingularValue]),
            panel(vec![Quantity::Cost, Quantity::GradientNorm]),
            panel(vec![Quantity::Rank]),
        ],
        only: vec!["panels".to_owned()],
        ..Look::default()
    };
    let figures = draw(&look);
    assert_eq!(figures.len(), 1);
    let Figure { svg, numbers, .. } = &figures[0];
    for letter in ["(a)", "(b)", "(c)"] {
        assert!(svg.contains(&format!(">{letter}</text>")), "{letter}");
    }
    for series in ["a/sigma_1,", "b/cost,", "b/gradient_norm,", "c/rank,"] {
        assert!(numbers.lines().any(|l| l.starts_with(series)), "{series}");
    }
}

/// A window between two rows shows the line from one to the other, on either kind of axis.
#[test]
fn a_window_between_two_rows_is_not_empty() {
    let mut report = synthetic::report(3);
    let kept = [0.0, 1.0, 11.0, 12.0];
    report
        .trajectory
        .rows
        .retain(|row| kept.contains(&row.time));
    for log in [false, true] {
        let look = Look {
            panels: vec![Panel {
                x: Side {
                    log,
                    range: Some((1.9, 5.5)),
                    label: None,
                },
                ..panel(vec![Quantity::Cost])
            }],
            only: vec!["panels".to_owned()],
            ..Look::default()
        };
        let figures = all(&Drawing::from(&report), &look).expect("figures");
        let costs = figures[0]
            .numbers
            .lines()
            .filter(|l| l.starts_with("cost,"));
        let times = costs.filter_map(|l| l.split(',').nth(1)?.parse().ok());
        assert_eq!(times.collect::<Vec<f64>>(), [1.0, 11.0]);
    }
}

#[test]
fn extras_are_made_of_every_figure() {
    let style = Style {
        extras: vec![Extra::Pdf, Extra::Png, Extra::Matplotlib, Extra::Pgfplots],
        ..Style::default()
    };
    for figure in styled(style.clone()).into_iter().zip(styled(style)) {
        let (files, again) = (figure.0.files(), figure.1.files());
        assert_eq!(files, again);
        let ends: Vec<&str> = files
            .iter()
            .map(|f| &f.0[f.0.rfind('.').unwrap()..])
            .collect();
        assert_eq!(ends, [".svg", ".csv", ".pdf", ".png", ".py", ".tex"]);
        assert!(files[2].1.starts_with(b"%PDF-"));
        assert!(!String::from_utf8_lossy(&files[2].1).contains("/Type3"));
        assert!(files.iter().all(|f| f.1.len() < 300_000));
    }
}

const SCENARIO: &str = "
[network]
widths = [2, 2, 2]
[cost]
kind = \"squared_error\"
target = { diagonal = [2.0, 1.0] }
[init]
kind = \"aligned\"
scale = 1e-3
[solver]
horizon = 10.0
[figure]
width = \"neurips\"
extras = [\"pdf\"]
[[figure.panels]]
y = [\"singular_values\"]
[[figure.panels]]
y = [\"cost\"]
y_scale = \"log\"
";

#[test]
fn plot_takes_another_look_and_keeps_it() {
    let place = Place::new(SCENARIO);
    place
        .run(&["run", "scenario.toml", "--quiet"])
        .expect(0, &[]);
    let path = |name: &str| place.path("out/scenario").join(name);
    let read = |name: &str| std::fs::read_to_string(path(name)).expect("a file");
    // 5.5 in are 139.7 mm.
    assert!(read("figures/panels.svg").contains("width=\"139.7mm\""));
    let before = read("figures/cost_log.svg");
    let args = [
        "plot",
        "out/scenario",
        "--figure",
        "panels",
        "--set",
        "figure.width=100.0",
        "--json",
    ];
    place.run(&args).expect(0, &[]);
    assert!(read("figures/panels.svg").contains("width=\"100mm\""));
    assert_eq!(read("figures/cost_log.svg"), before);
    assert!(read("scenario.toml").contains("width = 100.0"));
    // The folder is whole: it can be drawn again and replaced.
    place.run(&["plot", "out/scenario"]).expect(0, &[]);
    assert!(read("figures/cost_log.svg").contains("width=\"100mm\""));
    // What is no longer asked for would show the old look.
    let pdf = [path("figures/cost_log.pdf"), path("figures/panels.pdf")];
    assert!(pdf.iter().all(|pdf| pdf.exists()));
    let args = ["plot", "out/scenario", "--figure", "panels"];
    let args = [&args[..], &["--set", "figure.extras=[]"]].concat();
    place.run(&args).expect(0, &[]);
    assert_eq!(pdf.map(|pdf| pdf.exists()), [true, false]);
    assert!(!read("manifest.json").contains("panels.pdf"));
    // The section as a whole can be set too: here to the standard look, 82.5 mm.
    let standard = ["plot", "out/scenario", "--set", "figure={}"];
    place.run(&standard).expect(0, &[]);
    assert!(read("figures/cost_log.svg").contains("width=\"82.5mm\""));
    place
        .run(&["run", "scenario.toml", "--quiet"])
        .expect(0, &[]);
}

#[test]
fn plot_refuses_what_it_cannot_do() {
    let place = Place::new(SCENARIO);
    place
        .run(&["run", "scenario.toml", "--quiet"])
        .expect(0, &[]);
    let wrong = [
        (
            vec!["--set", "solver.rtol=1e-3"],
            "only keys of [figure] can be set",
        ),
        (
            vec!["--figure", "cost"],
            "must be one of singular_values_linear",
        ),
        (vec!["--set", "figure.widht=3.0"], "did you mean width?"),
        (vec!["--set", "figure.width=\"icml\""], "icml-column"),
        (
            vec!["--set", "figure.height=50.0", "--set", "figure.aspect=0.5"],
            "only without figure.height",
        ),
        (
            vec![
                "--set",
                "figure.end_labels=true",
                "--set",
                "figure.legend=\"right\"",
            ],
            "names stand there",
        ),
        (vec!["--out", "elsewhere"], "plot draws into the folder"),
    ];
    for (more, message) in wrong {
        let args = [vec!["plot", "out/scenario"], more].concat();
        place.run(&args).expect(2, &[message]);
    }
}

fn panels(report: &dlnflow::report::Report, panels: Vec<Panel>, style: Style) -> Figure {
    let look = Look {
        style,
        panels,
        only: vec!["panels".to_owned()],
    };
    all(&Drawing::from(report), &look)
        .expect("figures")
        .remove(0)
}

fn logarithmic() -> Side {
    Side {
        log: true,
        ..Side::default()
    }
}

/// The third of three modes at `sigma`.
fn with_third(sigma: f64) -> dlnflow::report::Report {
    let mut report = synthetic::report(3);
    for row in &mut report.trajectory.rows {
        row.singular_values[2] = sigma;
    }
    report
}

#[test]
fn a_mode_with_digits_of_its_own_is_drawn_however_small() {
    let report = with_third(9e-24);
    let mut drawing = Drawing::from(&report);
    for graded in [false, true] {
        drawing.graded = graded;
        let figures = all(&drawing, &Look::default()).expect("figures");
        for figure in &figures[..2] {
            let logarithmic = figure.name == "singular_values_log";
            let drawn = figure.numbers.contains("\nsigma_3,");
            assert_eq!(drawn, graded && logarithmic, "{}", figure.name);
        }
    }
}

#[test]
fn a_mode_that_a_panel_names_is_drawn_however_small() {
    let small = |modes: &[usize]| Panel {
        y: logarithmic(),
        modes: modes.to_vec(),
        predictions: false,
        ..panel(vec![Quantity::SingularValue])
    };
    let draw = |modes| panels(&with_third(1e-13), vec![small(modes)], Style::default());
    assert!(draw(&[3]).numbers.contains("\nsigma_3,"));
    assert!(!draw(&[]).numbers.contains("sigma_3,"));
}

/// Content, place, size and whether it begins at its place, of every text that is not turned.
fn level_texts(svg: &str) -> Vec<(String, f64, f64, bool)> {
    let lines = svg.lines().filter(|l| l.starts_with("<text"));
    let lines = lines.filter(|l| !l.contains("rotate"));
    let attribute = |line: &str, name: &str| -> Option<f64> {
        line.split(&format!(" {name}=\""))
            .nth(1)?
            .split('"')
            .next()?
            .parse()
            .ok()
    };
    let content = |line: &str| -> String {
        let parts = line.split('<').filter_map(|part| part.split('>').nth(1));
        parts.collect()
    };
    lines
        .filter_map(|l| {
            let start = !l.contains("text-anchor=\"middle\"") && !l.contains("text-anchor=\"end\"");
            Some((
                content(l),
                attribute(l, "x")?,
                attribute(l, "font-size")?,
                start,
            ))
        })
        .collect()
}

#[test]
fn a_legend_stays_on_the_canvas() {
    let two = || {
        vec![
            panel(vec![Quantity::SingularValue]),
            Panel {
                y: logarithmic(),
                ..panel(vec![Quantity::Cost, Quantity::GradientNorm])
            },
        ]
    };
    let report = synthetic::report(3);
    let beside = [
        (LegendPlace::Above, false),
        (LegendPlace::Right, false),
        (LegendPlace::Above, true),
    ];
    let widths = [140.0, 82.5, 60.0, 45.0];
    for (width, (legend, end_labels)) in widths
        .into_iter()
        .flat_map(|width| beside.map(|beside| (width, beside)))
    {
        let style = Style {
            width,
            legend,
            end_labels,
            ..Style::default()
        };
        let svg = panels(&report, two(), style.clone()).svg;
        let texts = level_texts(&svg);
        assert!(
            texts.iter().any(|t| t.0 == "gradient norm ‖∇‖"),
            "{texts:?}"
        );
        for (text, x, size, _) in texts.iter().filter(|t| t.3) {
            let end = x + f64::from(style.text_width(text, *size as i32));
            assert!(end <= 100.0 * width, "{text} ends at {end}");
        }
    }
}

#[test]
fn a_name_has_one_size_along_its_axis() {
    let style = Style {
        height: Height::Millimetres(38.0),
        ..Style::default()
    };
    // Without a second row in the legend.
    let shown = [
        vec![Quantity::Cost, Quantity::GradientNorm],
        vec![Quantity::Cost],
    ];
    let plain = |y| Panel {
        events: false,
        ..panel(y)
    };
    let shown = shown.into_iter().map(plain).collect();
    let svg = panels(&synthetic::report(3), shown, style).svg;
    let size = |name: &str| {
        let mut lines = svg.lines().filter(|l| l.contains("rotate"));
        let line = lines.find(|l| l.contains(&format!(">{name}</text>")));
        let line = line.unwrap_or_else(|| panic!("{name}"));
        line.split(" font-size=\"")
            .nth(1)
            .and_then(|l| l.split('"').next())
            .map(str::to_owned)
    };
    let shrunk = size("gradient norm ‖∇‖");
    assert_eq!(size("cost C,"), shrunk);
    assert_ne!(size("cost C"), shrunk);
}

const NOTE: &str = ">nothing lies within these axes</text>";

#[test]
fn empty_axes_say_so() {
    let beyond = |range| Panel {
        x: Side {
            range: Some(range),
            ..Side::default()
        },
        ..panel(vec![Quantity::Cost])
    };
    let report = synthetic::report(3);
    let draw = |range| panels(&report, vec![beyond(range)], Style::default()).svg;
    assert!(draw((100.0, 200.0)).contains(NOTE));
    assert!(!draw((1.0, 2.0)).contains(NOTE));
    // A run that ends where it begins has no time on a logarithmic axis.
    let mut short = synthetic::report(3);
    short.trajectory.rows.truncate(1);
    short.events.clear();
    short.predictions.clear();
    let figures = all(&Drawing::from(&short), &Look::default()).expect("figures");
    assert!(figures[1].svg.contains(NOTE) && figures[3].svg.contains(NOTE));
    assert!(!figures[1].svg.contains("σ<tspan dy=\"45\""));
}

#[test]
fn a_legend_names_what_its_window_shows() {
    let report = with_third(1e-5);
    let window = Panel {
        y: Side {
            log: true,
            range: Some((1e-6, 1e-4)),
            label: None,
        },
        x: Side {
            range: Some((synthetic::HORIZON - 0.1, synthetic::HORIZON)),
            ..Side::default()
        },
        predictions: false,
        events: false,
        ..panel(vec![Quantity::SingularValue])
    };
    let svg = panels(&report, vec![window], Style::default()).svg;
    let texts: Vec<String> = level_texts(&svg).into_iter().map(|t| t.0).collect();
    assert!(texts.contains(&"σ3".to_owned()), "{texts:?}");
    assert!(!texts.contains(&"σ1".to_owned()), "{texts:?}");
}

#[test]
fn the_least_width_holds_a_figure() {
    let style = Style {
        width: 30.0,
        ..Style::default()
    };
    for figure in styled(style.clone()) {
        for (text, x, size, start) in level_texts(&figure.svg) {
            let width = f64::from(style.text_width(&text, size as i32));
            assert!(
                x >= 0.0 && x + if start { width } else { 0.0 } <= 3000.0,
                "{text}"
            );
        }
    }
}
