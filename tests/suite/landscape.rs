//! Critical points of regularised losses: closed forms against the reference Hessians, searches against
//! closed forms, minima in the weights against minima in the map.

use crate::decimals::{matrix, number, numbers};
use crate::generic;
use dlnflow::linalg::{Mat, SingularValues};
use dlnflow::model::draws::{Stream, mask, with_singular_values};
use dlnflow::model::{Cost, Network, PointKind, Problem};
use dlnflow::report::landscape::{CriticalPointEntry, LandscapeReport};
use dlnflow::run::{Search, landscape};
use dlnflow::saddle::{Hit, Morse, critical_point_from, merged};
use dlnflow::scenario::Scenario;
use dlnflow::theory::minimum::local_minima;
use dlnflow::theory::schatten_minimum::schatten_minimum;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

fn items(prefix: &str) -> Vec<Value> {
    let text = include_str!("../data/theory.json");
    let items: Vec<Value> = serde_json::from_str(text).expect("reference data");
    let wanted = |item: &Value| item["id"].as_str().is_some_and(|id| id.starts_with(prefix));
    items.into_iter().filter(wanted).collect()
}

fn of(text: &str, starts: usize, threads: usize) -> LandscapeReport {
    let scenario = Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]);
    let scenario = scenario.expect("scenario");
    let built = scenario.build().expect("problem");
    let never = AtomicBool::new(false);
    landscape(
        &scenario,
        &built,
        Search { starts, threads },
        &never,
        &|_, _| {},
    )
}

/// Every reference Hessian is an entry of the list of its problem, with its counts, extremes and trace-free
/// data; there is nothing else in the list.
#[test]
fn the_closed_list_has_every_reference_orbit() {
    let all = items("hess_");
    let mut seen = 0;
    for item in &all {
        let inputs = &item["inputs"];
        let text = format!(
            "[network]\nwidths = {}\n[cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = {} }}\n\
             [init]\nkind = \"gaussian\"\nstd = 0.1\n[regularization]\nl2 = {}\n[solver]\nhorizon = 1.0\n",
            inputs["dims"], inputs["s_star"], inputs["lambda"]
        );
        let report = of(&text, 1, 1);
        let active: Vec<usize> = numbers(&inputs["active"])
            .iter()
            .map(|n| *n as usize + 1)
            .collect();
        let same = |p: &&CriticalPointEntry| {
            let roots = inputs["roots"].as_array().expect("roots");
            p.active == active && roots.iter().zip(&p.roots).all(|(a, b)| a == b)
        };
        let id = &item["id"];
        let found = report
            .critical_points
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("{id}"));
        let value = &item["value"];
        assert_eq!(found.index, Some(number(&value["index"]) as usize), "{id}");
        assert_eq!(
            found.nullity,
            Some(number(&value["nullity"]) as usize),
            "{id}"
        );
        let least = found.smallest_eigenvalue.expect("known");
        assert!((least - number(&value["min_eig"])).abs() < 1e-12, "{id}");
        let siblings = all.iter().filter(|other| {
            ["dims", "s_star", "lambda"]
                .iter()
                .all(|key| other["inputs"][*key] == inputs[*key])
        });
        assert_eq!(report.critical_points.len(), siblings.count(), "{id}");
        assert!(
            report
                .critical_points
                .iter()
                .all(|p| p.complete && p.hits == 0)
        );
        seen += 1;
    }
    assert_eq!(seen, 51);
}

/// The two minima of the reference, both found by the search, and the test errors: the higher one
/// generalises better.
#[test]
fn a_worse_minimum_generalises_better() {
    let item = &items("nonglobal_min_generalises")[0];
    let text = "seed = 3\n[network]\nwidths = [2, 2, 2, 2]\n[cost]\nkind = \"matrix_completion\"\n\
                target = { rows = [[0.35, 1.0], [1.0, 2.857142857142857]] }\n\
                observed = { rows = [[1, 1], [1, 0]] }\n[init]\nkind = \"gaussian\"\nstd = 0.1\n\
                [regularization]\nl2 = 0.01\n[solver]\nhorizon = 1.0\n";
    let report = of(text, 120, 2);
    for reference in item["value"].as_array().expect("two minima") {
        let loss = number(&reference["loss"]);
        let near = |p: &&CriticalPointEntry| (p.loss - loss).abs() < 1e-10;
        let found = report
            .critical_points
            .iter()
            .find(near)
            .expect("the minimum");
        assert_eq!(
            (found.index, found.nullity),
            (Some(0), found.symmetry_nullity)
        );
        // C counts half of the square.
        let error = 2.0 * found.test_error.expect("known");
        assert!((error / number(&reference["test_error"]) - 1.0).abs() < 1e-9);
        let a = SingularValues::new(2, 2).of(matrix(&reference["A"]).as_ref())[0];
        assert!((found.singular_values[0] - a).abs() < 1e-8);
        assert!(
            found.schatten_distance.is_some_and(|d| d < 1e-8),
            "{found:?}"
        );
    }
    let kinds = report
        .critical_points
        .iter()
        .take(2)
        .map(|p| p.kind.clone());
    let kinds: Vec<_> = kinds.flatten().collect();
    assert_eq!(kinds, ["global_minimum", "local_minimum"]);
}

fn problem(depth: usize, n: usize, cost: Cost, l2: f64) -> Problem {
    let network = Network::new(vec![n; depth + 1]);
    Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        cost,
        l2,
    }
}

/// Squared error, weighted and completion in turn.
fn random(depth: usize, seed: u64) -> Problem {
    let n = 2 + (seed % 2) as usize;
    let mut stream = Stream::new(seed, "landscape test");
    let strengths: Vec<f64> = (0..n).map(|_| 0.2 + 2.0 * stream.uniform()).collect();
    let target = with_singular_values(n, n, &strengths, seed, "target");
    let cost = match seed % 3 {
        0 => Cost::SquaredError { target },
        1 => Cost::Weighted {
            weights: Mat::from_fn(n, n, |_, _| 0.2 + stream.uniform()),
            target,
        },
        _ => Cost::MatrixCompletion {
            observed: mask(n, n, n * n - 1, &mut stream),
            target,
        },
    };
    problem(depth, n, cost, 0.02 + 0.2 * stream.uniform())
}

fn hits(problem: &Problem, starts: u64) -> Vec<Hit> {
    merged(
        problem,
        (0..starts)
            .filter_map(|k| critical_point_from(problem, 7, k))
            .collect(),
    )
}

/// Two layers: index 0 is a global minimum, by the condition of optimality of the convex problem in `A`; the
/// other critical points have directions of descent.
#[test]
fn two_layers_have_no_local_minima() {
    let (mut minima, mut points) = (0, 0);
    for seed in 0..60 {
        let problem = random(2, seed);
        for hit in hits(&problem, 20) {
            let morse = Morse::at(&problem, &hit.saddle).expect("small");
            assert_ne!(
                morse.kind,
                PointKind::LocalMinimum,
                "seed {seed}: {morse:?}"
            );
            minima += usize::from(morse.kind == PointKind::GlobalMinimum);
            points += 1;
        }
    }
    assert!(minima >= 60 && points > 2 * minima, "{minima} of {points}");
}

/// Three layers and squared error: the search, which knows nothing of modes, finds the nested minima.
#[test]
fn three_layers_have_the_nested_minima() {
    for seed in (0..30).step_by(3) {
        let problem = random(3, seed);
        let Cost::SquaredError { target } = &problem.cost else {
            continue;
        };
        let n = target.nrows();
        let strengths = SingularValues::new(n, n).of(target.as_ref()).to_vec();
        let expected = local_minima(problem.network.widths(), &strengths, problem.l2);
        let found: Vec<Hit> = hits(&problem, 120)
            .into_iter()
            .filter(|hit| Morse::at(&problem, &hit.saddle).is_some_and(|m| m.index == 0))
            .collect();
        assert_eq!(found.len(), expected.len(), "seed {seed}");
        for minimum in &expected {
            let same = |hit: &&Hit| (hit.loss - minimum.loss).abs() < 1e-10;
            assert!(
                found.iter().any(|hit| same(&hit)),
                "seed {seed} {minimum:?}"
            );
        }
    }
}

/// Isolated minima in the weights against those of `C + λL‖A‖^{2/L}_{2/L}`, from 1e-3 beside them.
#[test]
fn minima_in_weights_and_in_the_map_agree() {
    for depth in 2..=4 {
        let mut compared = 0;
        for seed in 0..12 {
            let problem = random(depth, seed);
            for hit in hits(&problem, 30) {
                let morse = Morse::at(&problem, &hit.saddle).expect("small");
                if morse.index > 0 || morse.nullity > morse.symmetry || hit.saddle.rank == 0 {
                    continue;
                }
                let (a, rank) = (&hit.saddle.end_to_end, hit.saddle.rank);
                let noise = generic::matrix(seed, a.nrows(), a.ncols());
                let near = a + noise * faer::Scale(1e-3);
                let found = schatten_minimum(&problem.cost, depth, problem.l2, near.as_ref(), rank);
                let found = found.expect("finite");
                let off = (&found.end_to_end - a).norm_l2();
                assert!(off < 1e-8, "L = {depth}, seed {seed}: {off:e}");
                assert!((found.objective - hit.loss).abs() < 1e-12);
                compared += 1;
            }
        }
        assert!(compared >= 10, "L = {depth}: {compared}");
    }
}

#[test]
fn a_search_does_not_depend_on_the_number_of_threads() {
    let text = include_str!("../../scenarios/theory/better_local_minimum.toml");
    assert_eq!(of(text, 40, 1), of(text, 40, 3));
}

#[test]
fn the_command_lists_and_refuses() {
    let place = tempfile::tempdir().expect("folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
        command
            .current_dir(place.path())
            .args(arguments)
            .output()
            .expect("program")
    };
    let file = root.join("scenarios/theory/regularised_modes.toml");
    let done = run(&[
        "landscape",
        file.to_str().expect("path"),
        "--json",
        "--out",
        "o",
    ]);
    assert_eq!(done.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let first = &printed["critical_points"][0];
    let keys = [
        "active",
        "roots",
        "singular_values",
        "loss",
        "index",
        "nullity",
        "kind",
        "hits",
        "complete",
    ];
    assert!(keys.iter().all(|key| !first[*key].is_null()), "{first}");
    assert_eq!(first["kind"], "global_minimum");
    let written = std::fs::read(place.path().join("o/landscape.json")).expect("file");
    assert_eq!(written, done.stdout);
    assert!(String::from_utf8_lossy(&done.stderr).contains("written to o/landscape.json"));
    // Into its own folder and that of a run it is written again; the manifest lists it.
    let path = file.to_str().expect("path");
    assert_eq!(
        run(&["run", path, "--out", "r", "--quiet"]).status.code(),
        Some(0)
    );
    for folder in ["o", "r"] {
        let done = run(&["landscape", path, "--quiet", "--out", folder]);
        let said = (done.status.code(), done.stdout, done.stderr);
        assert_eq!(said, (Some(0), Vec::new(), Vec::new()));
        let manifest = std::fs::read(place.path().join(folder).join("manifest.json"));
        let manifest: Value = serde_json::from_slice(&manifest.expect("manifest")).expect("JSON");
        assert!(
            manifest["outputs"]["landscape.json"].is_string(),
            "{manifest}"
        );
        let report = manifest["outputs"]["report.json"].is_string();
        assert_eq!(report, folder == "r");
    }
    let other = [
        "landscape",
        path,
        "--set",
        "regularization.l2=0.01",
        "--out",
        "r",
    ];
    let done = run(&other);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("r holds a run of another problem"), "{said}");
    // Nothing of anyone else is touched.
    let foreign = place.path().join("mine/landscape.json");
    std::fs::create_dir(place.path().join("mine")).expect("folder");
    std::fs::write(&foreign, "mine").expect("file");
    let done = run(&["landscape", path, "--out", "mine"]);
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(std::fs::read(&foreign).expect("file"), b"mine");
    let file = root.join("scenarios/limits/depth_1.toml");
    let done = run(&["landscape", file.to_str().expect("path")]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("one layer has one critical value"), "{said}");
}

/// A scenario with widths `[2, 1, 2]`.
fn narrow(cost: &str, l2: f64) -> String {
    format!(
        "network = {{ widths = [2, 1, 2] }}\ncost = {{ {cost} }}\n\
         init = {{ kind = \"gaussian\", std = 0.1 }}\nregularization = {{ l2 = {l2} }}\n\
         solver = {{ horizon = 10.0 }}\n"
    )
}

/// A hidden layer of one neuron lets one mode through, whatever `λ`: no threshold says of the second that it
/// belongs to the global minimum, and a minimum in `A` that has both is no one to compare with.
#[test]
fn a_bottleneck_has_the_thresholds_of_what_it_lets_through() {
    let squared = "kind = \"squared_error\", target = { diagonal = [2.0, 1.0] }";
    let report = of(&narrow(squared, 0.1), 10, 1);
    // s*/2 for both (docs/landscape.md, Weight decay).
    assert_eq!(report.thresholds, [[1.0, 1.0]]);
    let run = crate::common::run_text(&narrow(squared, 0.1));
    assert_eq!(run.decay.expect("l2 > 0").thresholds.len(), 1);
    let weighted = "kind = \"weighted\", target = { rows = [[2.0, 0.5], [0.3, 1.0]] }, \
                    weights = { rows = [[1.0, 2.0], [0.5, 1.0]] }";
    let report = of(&narrow(weighted, 0.02), 20, 1);
    let minima: Vec<_> = report
        .critical_points
        .iter()
        .filter(|p| p.index == Some(0))
        .collect();
    assert!(!minima.is_empty());
    assert!(
        minima
            .iter()
            .all(|p| p.schatten_objective.is_none() && p.schatten_distance.is_none())
    );
}

/// Target `I` and one neuron: `A = s u uᵀ` with any unit `u` is a minimum, at the loss of the closed form,
/// `½ + ½(1 − s)² + 2λs`, `s = 1 − 2λ`. The search finds many of one continuum; none is lower than
/// another.
#[test]
fn a_continuum_of_minima_is_of_one_kind() {
    let repeated = "kind = \"squared_error\", target = { diagonal = [1.0, 1.0] }";
    for l2 in [0.1, 0.0] {
        let report = of(&narrow(repeated, l2), 40, 2);
        let minima: Vec<_> = report
            .critical_points
            .iter()
            .filter(|p| p.index == Some(0))
            .collect();
        assert!(minima.len() > 5, "{}", minima.len());
        let s = 1.0 - 2.0 * l2;
        let least = 0.5 + 0.5 * (1.0 - s) * (1.0 - s) + 2.0 * l2 * s;
        for point in minima {
            assert!((point.loss - least).abs() <= 1e-12, "{point:?}");
            assert_eq!(point.kind.as_deref(), Some("global_minimum"), "{point:?}");
        }
    }
}

/// Three choices for each of ten modes are 59,049.
#[test]
fn a_list_that_would_be_too_long_is_said_to_be() {
    let text = "[network]\nwidths = [10, 10, 10, 10]\n[cost]\nkind = \"squared_error\"\n\
                target = { diagonal = [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] }\n\
                [init]\nkind = \"gaussian\"\nstd = 0.1\n[regularization]\nl2 = 0.1\n\
                [solver]\nhorizon = 1.0\n";
    let remark = of(text, 1, 1).remark;
    assert!(
        remark.contains("in closed form there would be 59049"),
        "{remark}"
    );
    let few = of(&text.replace("3.0, 2.0, 1.0]", "3.0]"), 1, 1).remark;
    assert!(few.starts_with("all 6561 critical points"), "{few}");
}

/// One start, which leads to the origin, a minimum for three layers: without the others nothing says that
/// it is the lowest one.
#[test]
fn an_interrupted_search_calls_nothing_global_without_a_proof() {
    let text = "seed = 3\n[network]\nwidths = [2, 2, 2, 2]\n[cost]\nkind = \"matrix_completion\"\n\
                target = { rows = [[0.35, 1.0], [1.0, 2.857142857142857]] }\n\
                observed = { rows = [[1, 1], [1, 0]] }\n[init]\nkind = \"gaussian\"\nstd = 0.1\n\
                [regularization]\nl2 = 0.01\n[solver]\nhorizon = 1.0\n";
    let scenario = Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]);
    let scenario = scenario.expect("scenario");
    let built = scenario.build().expect("problem");
    let flag = AtomicBool::new(false);
    let search = Search {
        starts: 200,
        threads: 1,
    };
    let report = landscape(&scenario, &built, search, &flag, &|_, _| {
        flag.store(true, Ordering::Relaxed);
    });
    assert_eq!((report.starts, report.interrupted), (1, true));
    let said = "interrupted before all 200 starts were tried: ";
    assert!(report.remark.starts_with(said), "{}", report.remark);
    let mut kinds = report.critical_points.iter().map(|p| p.kind.as_deref());
    assert!(kinds.all(|kind| kind == Some("local_minimum")));
    let whole = of(text, 1, 1);
    assert!(!whole.interrupted);
    assert_eq!(
        whole.critical_points[0].kind.as_deref(),
        Some("global_minimum")
    );
}

/// Squared error in the words of another cost, so that points are searched for: the smaller root of a mode is as weak as
/// 0.003 in its weights, 3e-8 in `A`, and the search still tells it from none. By the closed list there are nine points.
#[test]
fn modes_of_the_smaller_root_are_found_however_weak() {
    let with = |cost: &str| {
        format!(
            "[network]\nwidths = [2, 2, 2, 2]\n[cost]\n{cost}\ntarget = {{ diagonal = [1.5, 0.75] }}\n\
             [init]\nkind = \"gaussian\"\nstd = 0.1\n[regularization]\nl2 = 0.002\n[solver]\nhorizon = 1.0\n"
        )
    };
    let closed = of(&with("kind = \"squared_error\""), 0, 1).critical_points;
    let weighted = "kind = \"weighted\"\nweights = { rows = [[1.0, 1.0], [1.0, 1.0000001]] }";
    let found = of(&with(weighted), 200, 1).critical_points;
    assert_eq!(closed.len(), 9);
    assert_eq!(found.len(), 9);
    for (a, b) in closed.iter().zip(&found) {
        assert_eq!((a.rank, a.index), (b.rank, b.index));
        // The weights differ by 1e-7.
        assert!(
            (a.loss / b.loss - 1.0).abs() < 1e-6,
            "{} {}",
            a.loss,
            b.loss
        );
    }
}

fn weighted(unit: f64, target: &str, weights: &[[f64; 3]; 3], widths: &str) -> String {
    let weights = weights.map(|row| row.map(|w| w * unit));
    format!(
        "[network]\nwidths = {widths}\n[cost]\nkind = \"weighted\"\ntarget = {target}\nweights = {{ rows = {weights:?} }}\n\
         [init]\nkind = \"gaussian\"\nstd = 0.1\n[solver]\nhorizon = 1.0\n"
    )
}

const FULL: &str = "{ rows = [[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]] }";
const WEIGHTS: [[f64; 3]; 3] = [[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]];

/// A cost in another unit has the same critical points: eight of them, as many as sets of three modes.
#[test]
fn points_do_not_depend_on_the_unit_of_the_cost() {
    let points = |unit: f64| {
        let report = of(&weighted(unit, FULL, &WEIGHTS, "[3, 3, 3]"), 300, 1);
        let point = |p: &CriticalPointEntry| (p.rank, p.index, p.nullity, p.loss / unit);
        report.critical_points.iter().map(point).collect::<Vec<_>>()
    };
    let plain = points(1.0);
    assert_eq!(plain.len(), 8);
    for unit in [2.0_f64.powi(-40), 2.0_f64.powi(40)] {
        let other = points(unit);
        assert_eq!(other.len(), 8, "{unit:e}");
        for (a, b) in plain.iter().zip(&other) {
            assert_eq!((a.0, a.1, a.2), (b.0, b.1, b.2), "{unit:e}");
            assert!((a.3 - b.3).abs() < 1e-12, "{unit:e} {} {}", a.3, b.3);
        }
    }
}

/// Squared error in the words of another cost, with modes 1, 1e-4 and 0.9e-4: what the search finds stands in the
/// closed list, with its counts, and points that differ by 1e-9 of the loss are two.
#[test]
fn weak_modes_are_told_apart() {
    let target = "{ diagonal = [1.0, 1e-4, 0.9e-4] }";
    let found = of(&weighted(1.0, target, &[[1.0; 3]; 3], "[3, 3, 3]"), 400, 1);
    let closed = "[network]\nwidths = [3, 3, 3]\n[cost]\nkind = \"squared_error\"\n\
                  target = { diagonal = [1.0, 1e-4, 0.9e-4] }\n[init]\nkind = \"gaussian\"\nstd = 0.1\n\
                  [solver]\nhorizon = 1.0\n";
    let closed = of(closed, 1, 1).critical_points;
    assert_eq!(closed.len(), 8);
    assert!(found.critical_points.len() >= 7);
    for p in &found.critical_points {
        let same = |c: &&CriticalPointEntry| {
            (c.rank, c.index, c.nullity) == (p.rank, p.index, p.nullity)
                && (c.loss - p.loss).abs() < 1e-13
        };
        assert!(closed.iter().any(|c| same(&c)), "{p:?}");
    }
}

/// No start of a deep network without weight decay leads to the origin, which is critical all the same.
#[test]
fn the_origin_is_always_there() {
    let found = of(&weighted(1.0, FULL, &WEIGHTS, "[3, 3, 3, 3, 3, 3]"), 20, 1);
    let origins = found.critical_points.iter().filter(|p| p.rank == 0);
    assert_eq!(origins.count(), 1);
}

/// Twenty modes through one hidden neuron: none or one of them.
#[test]
fn a_narrow_layer_has_few_points() {
    let modes: Vec<f64> = (1..=20).rev().map(f64::from).collect();
    let text = format!(
        "[network]\nwidths = [20, 1, 20]\n[cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = {modes:?} }}\n\
         [init]\nkind = \"gaussian\"\nstd = 0.1\n[solver]\nhorizon = 1.0\n"
    );
    let report = of(&text, 1, 1);
    assert_eq!(report.critical_points.len(), 21);
    assert!(report.critical_points.iter().all(|p| p.complete));
}

/// A row that is not seen makes families of saddles with the loss of the origin: their maps lie in it, and the gradient
/// falls off as the product of what is left of several layers. Index 1 and nullity 19 are those of explicit Hessians at
/// exact points of the family, whatever their imbalance.
#[test]
fn flat_families_of_deep_networks_keep_their_zeros() {
    let text = "seed = 1\n[network]\nwidths = [2, 3, 3, 2]\n[cost]\nkind = \"matrix_completion\"\n\
        target = { rows = [[0.908849482306047, -0.4689651392730635], [1.2687315282807732, 1.370746505771514]] }\nobserved = { rows = [[1.0, 1.0], [0.0, 0.0]] }\n\
        [init]\nkind = \"gaussian\"\nstd = 0.1\n[solver]\nhorizon = 1.0\n";
    let report = of(text, 60, 1);
    let origin = report.critical_points.iter().find(|p| p.rank == 0);
    let loss = origin.expect("the origin").loss;
    let family = |p: &&CriticalPointEntry| p.rank == 1 && (p.loss - loss).abs() < 1e-12;
    let counts = report.critical_points.iter().filter(family);
    let counts: Vec<_> = counts.map(|p| (p.index, p.nullity)).collect();
    assert!(counts.len() > 2, "{counts:?}");
    assert!(
        counts.iter().all(|c| *c == (Some(1), Some(19))),
        "{counts:?}"
    );
}
