//! Work against precision on the four benchmark problems: CPU seconds of narrowing and integration
//! with nothing observed, right-hand sides and achieved errors for every method and tolerance.
//!
//! `cargo bench --bench work_precision [-- PROBLEM METHOD]` prints a Markdown table. Errors: the
//! largest relative error of singular values above 1e-3 of the largest at 200 times, and of the
//! escape times, against references good to 1e-12 (`scenarios/benchmarks/data`).
//!
//! `cargo bench --bench work_precision -- figure` draws `docs/figures/work_precision.csv`, which holds
//! these tables and those of other programs, as `docs/figures/work_precision.svg`.

use cpu_time::ProcessTime;
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Integration, Observer, Options, Outcome, Step, integrate};
use dlnflow::linalg::{Mat, SingularValues};
use dlnflow::model::{Problem, Reduction};
use dlnflow::report::figure::{Errors, Style, error_panels};
use dlnflow::run::{Watch, run};
use dlnflow::scenario::Scenario;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

const PROBLEMS: [&str; 4] = [
    "p1_two_layers",
    "p2_completion",
    "p3_deep_stiff",
    "p4_wide_lazy",
];
const METHODS: [&str; 6] = ["auto", "dop853", "tsit45", "bdf", "esdirk34", "tr_bdf2"];
const TOLERANCES: [f64; 9] = [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12];
/// Longer runs than this many steps are left out.
const MAX_STEPS: usize = 60_000;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if words.first().is_some_and(|w| w == "figure") {
        return figure();
    }
    let wanted = |name: &str, i: usize| words.get(i).is_none_or(|w| name.starts_with(w.as_str()));
    println!(
        "| problem | method | rtol | CPU s | steps | right-hand sides | Jacobian products | error of σ | error of T |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for problem in PROBLEMS.iter().filter(|p| wanted(p, 0)) {
        for method in METHODS.iter().filter(|m| wanted(m, 1)) {
            for rtol in TOLERANCES {
                report(problem, method, rtol);
            }
        }
    }
}

fn report(name: &str, method: &str, rtol: f64) {
    let path = format!("scenarios/benchmarks/{name}.toml");
    let set = [
        format!("solver.method=\"{method}\""),
        format!("solver.rtol={rtol:e}"),
        format!("solver.max_steps={MAX_STEPS}"),
        "record={grid=\"linear\",count=2}".to_owned(),
    ];
    let scenario = Scenario::load(Path::new(&path), &set).expect("a shipped scenario");
    let built = scenario.build().expect("a shipped scenario");
    let reduction = Reduction::of(&built.problem);
    let problem = reduction.as_ref().map_or(&built.problem, |r| &r.problem);
    let mut options = built.solver.clone();
    if let Some(reduction) = &reduction {
        options.atol = reduction.tolerances(&options.atol);
    }
    let options = &options;
    let (seconds, end) = timed(&built.problem, options);
    if matches!(end.outcome, Outcome::Failed { .. }) {
        return;
    }
    let sigma = sigma_error(problem, options, &name[..2]);
    let checks = run(&scenario, &built, Watch::default()).checks;
    let error =
        |c: &dlnflow::report::Check| (c.measured.unwrap_or(f64::NAN) / c.predicted - 1.0).abs();
    let escape = checks.iter().map(error).fold(0.0, f64::max);
    let s = end.statistics;
    println!(
        "| {} | {method} | {rtol:.0e} | {seconds:.5} | {} | {} | {} | {sigma:.1e} | {escape:.1e} |",
        &name[..2],
        s.steps,
        s.rhs_evaluations,
        s.jvp_evaluations
    );
}

/// Median CPU time of a few runs that nobody watches.
fn timed(wide: &Problem, options: &Options) -> (f64, Integration) {
    let mut seconds = Vec::new();
    loop {
        let clock = ProcessTime::now();
        let reduction = Reduction::of(wide);
        let problem = reduction.as_ref().map_or(wide, |r| &r.problem);
        let flow = LayerFlow::new(problem);
        let end = integrate(&flow, &problem.initial_weights, options, &mut ());
        seconds.push(clock.elapsed().as_secs_f64());
        let total: f64 = seconds.iter().sum();
        if seconds.len() >= 25 || total > 1.0 {
            seconds.sort_by(f64::total_cmp);
            return (seconds[seconds.len() / 2], end);
        }
    }
}

/// Compares singular values with the reference rows `t, σ_1, σ_2, …`.
struct Compare<'a> {
    problem: &'a Problem,
    rows: Vec<Vec<f64>>,
    next: usize,
    y: Vec<f64>,
    products: Vec<Mat<f64>>,
    spectrum: SingularValues,
    worst: f64,
}

impl Observer for Compare<'_> {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        let network = &self.problem.network;
        while let Some(row) = self.rows.get(self.next).filter(|row| row[0] <= step.t1) {
            step.state_at(row[0], &mut self.y);
            network.prefix_products(&self.y, &mut self.products);
            let a = self.products[network.depth() - 1].as_ref();
            let values = self.spectrum.of(a);
            for (value, exact) in values.iter().zip(&row[1..]) {
                if *exact > 1e-3 * row[1] {
                    self.worst = self.worst.max((value / exact - 1.0).abs());
                }
            }
            self.next += 1;
        }
        ControlFlow::Continue(())
    }
}

fn sigma_error(problem: &Problem, options: &Options, name: &str) -> f64 {
    let (rows, cols) = problem.cost.shape();
    let mut compare = Compare {
        problem,
        rows: reference(name),
        next: 0,
        y: problem.initial_weights.clone(),
        products: problem.network.product_storage(),
        spectrum: SingularValues::new(rows, cols),
        worst: 0.0,
    };
    let flow = LayerFlow::new(problem);
    integrate(&flow, &problem.initial_weights, options, &mut compare);
    compare.worst
}

fn reference(name: &str) -> Vec<Vec<f64>> {
    let path = format!("scenarios/benchmarks/data/{name}_reference.npy");
    let file = npyz::NpyFile::new(File::open(path).expect("reference file")).expect("npy");
    let columns = file.shape()[1] as usize;
    let values: Vec<f64> = file.into_vec().expect("doubles");
    values.chunks(columns).map(<[f64]>::to_vec).collect()
}

const NUMBERS: &str = "docs/figures/work_precision.csv";
/// What is drawn of the numbers, in the order of colours.
const SERIES: [&str; 7] = [
    "auto",
    "CVODE BDF, GMRES",
    "ARKODE 5(4)",
    "CVODE Adams",
    "dop853",
    "tsit45",
    "bdf",
];

/// Error of σ against seconds, a panel for each problem.
fn figure() {
    let mut reader = csv::Reader::from_path(NUMBERS).expect(NUMBERS);
    let rows: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    let curves = PROBLEMS.map(|problem| {
        SERIES.map(|series| {
            let own = rows
                .iter()
                .filter(|r| r[0] == problem[..2] && r[1] == *series);
            let number = |cell: &str| cell.parse::<f64>().expect("a number");
            (
                series,
                own.map(|r| (number(&r[3]), number(&r[7])))
                    .collect::<Vec<_>>(),
            )
        })
    });
    let panels = curves.iter().zip(PROBLEMS).map(|(c, p)| panel(c, p));
    let panels: Vec<Errors> = panels.collect();
    let style = Style {
        width: 171.0,
        ..Style::default()
    };
    let figure = error_panels("work_precision", &panels, &style).expect("a figure");
    let path = Path::new(NUMBERS).with_extension("svg");
    std::fs::write(path, figure.svg).expect("docs/figures");
}

fn panel<'a>(curves: &'a [(&'a str, Vec<(f64, f64)>)], problem: &'static str) -> Errors<'a> {
    Errors {
        name: "work_precision",
        title: &problem[..2],
        description: "Error of the singular values against CPU seconds, one point a tolerance.",
        x: "CPU seconds",
        y: "error of σ",
        curves,
    }
}
