//! Runs against greedy paths: verdicts for right and wrong paths, saddles found from runs alone, the
//! command and its files.

use dlnflow::linalg::{Mat, norm};
use dlnflow::model::{Cost, Network, Problem, draws};
use dlnflow::report::saddles::{Finding, SaddlesReport};
use dlnflow::run::{Ask, PathOf, saddles, saddles_along};
use dlnflow::saddle::{GreedyPath, PathEnd, Run, distance_up_to_rotation, impurities};
use dlnflow::scenario::Scenario;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

fn shipped(name: &str) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    Scenario::load(&root.join(name), &[]).expect("scenario")
}

fn ask(scales: &[f64]) -> Ask {
    Ask {
        scales: scales.to_vec(),
        seeds: 0,
        threads: 1,
    }
}

fn along(path_of: &PathOf<'_>, scenario: &Scenario, scales: &[f64]) -> SaddlesReport {
    let never = AtomicBool::new(false);
    let study = saddles_along(path_of, scenario, &ask(scales), &never, &|_, _| {});
    study.expect("a study").report
}

const TWO_LAYERS: [f64; 3] = [1e-4, 1e-8, 1e-16];

/// The distance from the first path falls at least as fast as theory says for the corner at the saddle:
/// the second mode arrives there with amplitude `α^{1 − s_2/s_1}` and grows at `σ_2` while what the path
/// leaves behind relaxes at `μ`, so that the corner is cut at `α^{(1 − s_2/s_1) μ/(μ + σ_2)}`, and no
/// relaxation is slower than the smallest positive curvature among maps of rank 1.
#[test]
fn a_weighted_cost_follows_its_greedy_path() {
    let scenario = shipped("saddles/weighted_two_layers.toml");
    let report = along(&GreedyPath::of, &scenario, &TWO_LAYERS);
    let seed = &report.seeds[0];
    assert_eq!(
        report.verdict(),
        Finding::Supported,
        "{}",
        seed.verdict.reason
    );
    let last = seed.scales.last().expect("scales");
    let ranks: Vec<usize> = last.saddles.iter().map(|s| s.rank).collect();
    assert_eq!(ranks, [0, 1, 2, 3]);
    for (saddle, kind) in last
        .saddles
        .iter()
        .zip(["strict", "strict", "strict", "global"])
    {
        assert!(
            saddle.kind.as_deref().is_some_and(|k| k.starts_with(kind)),
            "{saddle:?}"
        );
        assert_eq!(saddle.certified, Some(true), "{:?}", saddle.certificate);
        assert!(saddle.from_predicted.is_some_and(|d| d < 1e-12));
    }
    // L = 2: (n_1 − k) directions for each growing mode.
    let indices: Vec<_> = last.saddles.iter().map(|s| s.index).collect();
    assert_eq!(indices, [Some(9), Some(4), Some(1), Some(0)]);
    for path in &last.paths {
        let off = path.time.expect("taken") / path.predicted_time.expect("theory") - 1.0;
        assert!(off.abs() < 1e-7, "{path:?}");
        assert!(path.relative_distance.expect("taken") < 1e-4, "{path:?}");
    }
    for rate in &seed.verdict.rates[..2] {
        let rate = rate.expect("a rate");
        // 1 − s_2/s_1 = 0.502 is the amplitude's own power, 0.194/0.89 the least that cutting leaves.
        assert!((0.1..=0.51).contains(&rate), "{rate}");
    }
}

#[test]
fn the_second_singular_pair_is_a_violation() {
    let scenario = shipped("saddles/weighted_two_layers.toml");
    let wrong = |problem: &Problem| GreedyPath::leaving_by(problem, &|k| usize::from(k == 0));
    let report = along(&wrong, &scenario, &TWO_LAYERS);
    assert_eq!(
        report.verdict(),
        Finding::Violated,
        "{}",
        report.seeds[0].verdict.reason
    );
    let wrong = |problem: &Problem| GreedyPath::leaving_by(problem, &|k| usize::from(k == 1));
    let report = along(&wrong, &scenario, &TWO_LAYERS);
    assert_eq!(
        report.verdict(),
        Finding::Violated,
        "{}",
        report.seeds[0].verdict.reason
    );
}

#[test]
fn a_skipped_saddle_is_a_violation() {
    for (name, scales) in [
        ("saddles/weighted_two_layers.toml", TWO_LAYERS),
        ("saddles/regression_three_layers.toml", [1e-2, 1e-3, 1e-4]),
    ] {
        let wrong = |problem: &Problem| GreedyPath::of(problem).without(1);
        let report = along(&wrong, &shipped(name), &scales);
        let reason = &report.seeds[0].verdict.reason;
        assert_eq!(report.verdict(), Finding::Violated, "{name}: {reason}");
    }
}

#[test]
fn three_layers_follow_their_greedy_path_through_non_strict_saddles() {
    let scenario = shipped("saddles/regression_three_layers.toml");
    let report = along(&GreedyPath::of, &scenario, &[1e-2, 1e-3, 1e-4]);
    assert_eq!(
        report.verdict(),
        Finding::Supported,
        "{}",
        report.seeds[0].verdict.reason
    );
    let last = report.seeds[0].scales.last().expect("scales");
    for saddle in &last.saddles[..3] {
        assert_eq!(saddle.kind.as_deref(), Some("non_strict_saddle"));
        assert_eq!((saddle.index, saddle.escape_order), (Some(0), Some(3)));
    }
}

/// The published experiment: saddles of rank 0, 1, 2 and a minimum of rank 3, from one run.
#[test]
fn one_run_of_e1_visits_three_saddles() {
    let scenario = shipped("papers/jacot2021/jacot2021_e1_saddle_to_saddle.toml");
    let report = along(&GreedyPath::of, &scenario, &[]);
    let seed = &report.seeds[0];
    let found = &seed.scales[0].saddles;
    let kinds: Vec<_> = found.iter().map(|s| (s.rank, s.kind.as_deref())).collect();
    let saddle = Some("non_strict_saddle");
    let expected = [
        (0, saddle),
        (1, saddle),
        (2, saddle),
        (3, Some("global_minimum")),
    ];
    assert_eq!(kinds, expected);
    for s in found {
        // The target is recovered to 5e-4 and saddles are approached more closely than its last σ.
        assert!(s.distance.is_some_and(|d| d < 2e-3), "{s:?}");
        assert!(s.gradient_norm < 1e-13);
    }
    assert_eq!(seed.verdict.verdict, Finding::NotYet);
}

#[test]
fn what_has_no_greedy_path_is_said() {
    let scenario = shipped("limits/equal_singular_values.toml");
    let report = along(&GreedyPath::of, &scenario, &[]);
    let seed = &report.seeds[0];
    assert_eq!(seed.verdict.verdict, Finding::NotApplicable);
    assert!(seed.end.contains("repeated"), "{}", seed.end);
}

/// `a_12 + a_22/2 = 1, a_21 = 1, a_22 = 0` is solved by rank 2 alone: with rank 1 the cost falls to 0 only
/// as `a_22 = a_12 a_21/a_11 → 0`, with `a_11` on its way to infinity.
#[test]
fn a_critical_point_at_infinity_ends_the_path() {
    let columns = [
        [0.0, 0.0, 1.0, 0.5],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    let network = Network::new(vec![2, 2, 2]);
    let path = GreedyPath::of(&Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        // Columns a_11, a_21, a_12, a_22.
        cost: Cost::MatrixSensing {
            measurements: Mat::from_fn(3, 4, |i, j| columns[i][j]),
            observations: vec![1.0, 1.0, 0.0],
            target: None,
            shape: (2, 2),
        },
        l2: 0.0,
    });
    assert!(
        matches!(path.end, PathEnd::AtInfinity { norm } if norm > 10.0),
        "{:?}",
        path.end
    );
    assert_eq!(path.saddles.len(), 1);
}

/// Rotating the hidden layers costs nothing, and a change that is no rotation is found back.
#[test]
fn procrustes_sees_no_rotations() {
    let network = Network::new(vec![3, 5, 4, 3]);
    let mut stream = draws::Stream::new(8, "weights");
    let weights: Vec<f64> = (0..network.parameters()).map(|_| stream.normal()).collect();
    let turns = [
        draws::haar(5, 5, &mut stream),
        draws::haar(4, 4, &mut stream),
    ];
    let mut turned = vec![0.0; weights.len()];
    for layer in 1..=3 {
        let mut w: Mat<f64> = network.layer(&weights, layer).to_owned();
        if layer > 1 {
            w = &w * turns[layer - 2].transpose();
        }
        if layer < 3 {
            w = &turns[layer - 1] * &w;
        }
        network.layer_mut(&mut turned, layer).copy_from(w);
    }
    let off = distance_up_to_rotation(&network, &turned, &network, &weights);
    // The rounds end where the distance falls by less than 1e-9 of itself.
    assert!(off < 1e-6 * norm(&weights), "{off:e}");
    turned[0] += 0.1;
    let off = distance_up_to_rotation(&network, &turned, &network, &weights);
    assert!(off > 1e-3 && off <= 0.1 + 1e-12, "{off:e}");
}

#[test]
fn a_study_does_not_depend_on_the_number_of_threads() {
    let scenario = shipped("saddles/completion_two_layers.toml");
    let never = AtomicBool::new(false);
    let study = |threads| {
        let ask = Ask {
            scales: vec![1e-4, 1e-8],
            seeds: 4,
            threads,
        };
        saddles(&scenario, &ask, &never, &|_, _| {})
            .expect("a study")
            .report
    };
    assert_eq!(study(1), study(3));
}

fn program(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
    command
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("program")
}

#[test]
fn the_command_writes_its_folder() {
    let place = tempfile::tempdir().expect("folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("scenarios/saddles/weighted_two_layers.toml");
    let file = file.to_str().expect("path");
    let arguments = [
        "saddles",
        file,
        "--scales",
        "1e-4,1e-8",
        "--out",
        "o",
        "--json",
    ];
    let done = program(place.path(), &arguments);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let printed: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let written = fs::read(place.path().join("o/saddles.json")).expect("file");
    let written: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(printed, written);
    assert_eq!(written["verdict"], "supported");
    let keys = [
        "rank",
        "cost",
        "singular_values",
        "gradient_singular_values",
        "index",
        "nullity",
        "kind",
        "time",
        "distance",
    ];
    for saddle in written["saddles"].as_array().expect("list") {
        assert!(keys.iter().all(|key| !saddle[*key].is_null()), "{saddle}");
    }
    assert_eq!(written["paths"].as_array().map(Vec::len), Some(3));
    for figure in ["saddle_staircase", "saddle_projection", "saddle_distance"] {
        for kind in ["svg", "csv"] {
            assert!(
                place
                    .path()
                    .join(format!("o/figures/{figure}.{kind}"))
                    .exists()
            );
        }
    }
    // Not twice into a folder that is not ours, and the folder is one that `plot` knows.
    assert_eq!(program(place.path(), &["plot", "o"]).status.code(), Some(0));
}

#[test]
fn a_run_that_fails_is_said() {
    let place = tempfile::tempdir().expect("folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("scenarios/saddles/weighted_two_layers.toml");
    let file = file.to_str().expect("path");
    let limit = ["--set", "solver.max_steps=3", "--out", "o"];
    let done = program(place.path(), &[&["saddles", file][..], &limit].concat());
    assert_eq!(done.status.code(), Some(3));
    let (told, said) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(told.contains("failed: seed 5, scale"), "{told}");
    assert!(said.contains("1 of 1 runs failed"), "{said}");
}

/// A scale has the horizon of its last escape; where nothing escapes, that of the scenario.
#[test]
fn a_start_that_nothing_leaves_is_studied_at_any_scale() {
    let never = AtomicBool::new(false);
    let of = |overrides: &[&str]| {
        let file = "scenarios/saddles/weighted_two_layers.toml";
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let scenario = Scenario::load(&path, &overrides).expect("scenario");
        saddles(&scenario, &ask(&[1e-2, 1e-3]), &never, &|_, _| {}).expect("a study")
    };
    let zero = "cost.target={ diagonal = [0.0, 0.0, 0.0] }";
    for overrides in [&[zero][..], &["regularization.l2=50.0"]] {
        let report = of(overrides).report;
        assert_eq!(report.seeds[0].scales.len(), 2);
        assert_eq!(report.seeds[0].verdict.verdict, Finding::NotApplicable);
    }
}

#[test]
fn what_cannot_be_studied_is_refused() {
    let place = tempfile::tempdir().expect("folder");
    let text = "[network]\nwidths = [2, 2]\n[cost]\nkind = \"squared_error\"\n\
                target = { diagonal = [1.0, 0.5] }\n[init]\nkind = \"gaussian\"\nstd = 1e-3\n\
                [solver]\nhorizon = 1.0\n";
    fs::write(place.path().join("s.toml"), text).expect("scenario");
    let done = program(place.path(), &["saddles", "s.toml"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("one layer has no saddles"), "{said}");
    let done = program(place.path(), &["saddles", "s.toml", "--scales", "1e-3,-1"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(
        said.contains("a scale is a positive number such as 1e-4"),
        "{said}"
    );
    assert!(!place.path().join("out").exists());
}

/// A study of a scenario given as TOML.
fn study(text: &str) -> SaddlesReport {
    study_at(text, &[])
}

fn study_at(text: &str, scales: &[f64]) -> SaddlesReport {
    let never = AtomicBool::new(false);
    let text = format!("schema = 1\n{text}");
    let scenario = Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]);
    let scenario = scenario.expect("a scenario");
    let study = saddles(&scenario, &ask(scales), &never, &|_, _| {});
    study.expect("a study").report
}

#[test]
fn a_study_without_a_seed_supports_nothing() {
    let text = "schema = 1\nnetwork = { widths = [3, 3, 3] }\n\
                cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.2, 0.6] } }\n\
                init = { kind = \"gaussian\", std = 1e-4 }\nsolver = { horizon = 60.0 }\n";
    let scenario = Scenario::parse("s.toml", "s", Path::new("."), text.as_bytes(), &[]);
    let scenario = scenario.expect("a scenario");
    let study = saddles(&scenario, &ask(&[]), &AtomicBool::new(true), &|_, _| {});
    let report = study.expect("a study").report;
    assert!(report.seeds.is_empty());
    assert_eq!(report.verdict(), Finding::NotYet);
}

/// Learned directions keep a gradient of `2λ` each: two of them are no tie.
#[test]
fn learned_modes_under_regularisation_are_no_tie() {
    let text = |third: f64| {
        format!(
            "network = {{ widths = [3, 3, 3] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.2, {third}] }} }}\n\
             init = {{ kind = \"gaussian\", std = 1e-4 }}\n\
             regularization = {{ l2 = 0.2 }}\nsolver = {{ horizon = 60.0 }}\n"
        )
    };
    let all = study(&text(0.6));
    assert_eq!(all.seeds[0].greedy.len(), 4);
    assert!(
        all.seeds[0].end.contains("are used"),
        "{}",
        all.seeds[0].end
    );
    // 0.3 < 2λ: the third mode does not grow.
    let two = study(&text(0.3));
    assert_eq!(two.seeds[0].greedy.len(), 3);
    assert!(
        two.seeds[0].end.contains("nothing grows"),
        "{}",
        two.seeds[0].end
    );
}

/// One hidden neuron learns one mode: it is the best of rank one (Eckart–Young), and no next escape
/// can come too early.
#[test]
fn a_bottleneck_that_is_used_up_ends_the_path() {
    let exact = study(
        "network = { widths = [3, 1, 3] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.2, 0.6] } }\n\
         init = { kind = \"gaussian\", std = 1e-3 }\nsolver = { horizon = 60.0 }\n",
    );
    let seed = &exact.seeds[0];
    assert!(seed.end.contains("are used"), "{}", seed.end);
    let last = seed.greedy.last().expect("saddles");
    assert_eq!(
        (last.rank, last.kind.as_deref()),
        (1, Some("global_minimum"))
    );
    assert!((last.cost - 0.9).abs() < 1e-12);
    let weighted = study(
        "network = { widths = [3, 1, 3] }\nsolver = { horizon = 60.0 }\n\
         init = { kind = \"gaussian\", std = 0.1 }\n[cost]\nkind = \"weighted\"\n\
         target = { rows = [[1.0, 0.2, 0.3], [0.1, 1.1, 0.2], [0.3, 0.1, 0.9]] }\n\
         weights = { rows = [[1.0, 0.05, 0.1], [0.05, 1.0, 0.1], [0.1, 0.1, 1.0]] }\n",
    );
    let reason = &weighted.seeds[0].verdict.reason;
    assert!(!reason.contains("next escape"), "{reason}");
}

/// A run that decays ends at the origin, the only critical point where `2λ` is above all singular values.
#[test]
fn a_run_that_decays_visits_the_origin() {
    let report = study(
        "network = { widths = [3, 3, 3] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.2, 0.6] } }\n\
         init = { kind = \"gaussian\", std = 0.3 }\n\
         regularization = { l2 = 1.1 }\nsolver = { horizon = 60.0 }\n",
    );
    let saddles = &report.seeds[0].scales[0].saddles;
    assert_eq!(saddles.len(), 1);
    assert_eq!(
        (saddles[0].rank, saddles[0].kind.as_deref()),
        (0, Some("global_minimum"))
    );
}

/// Transitions last 10⁻⁵ of the waits: rows spread over time alone would leave them out, and the run would seem to
/// jump from saddle to saddle without leaving the path. Against all accepted steps.
#[test]
fn distances_do_not_depend_on_the_table() {
    let shipped = shipped("saddles/squared_error_four_layers.toml");
    let distances = |record: &str| -> Vec<f64> {
        let scenario = shipped.with(&[record.to_owned()]).expect("a scenario");
        let report = along(&GreedyPath::of, &scenario, &[1e-4]);
        let paths = &report.seeds[0].scales[0].paths;
        let far = paths.iter().map(|path| path.relative_distance);
        far.map(|d| d.expect("taken")).collect()
    };
    let steps = distances("record.grid=\"steps\"");
    assert!(steps[0] > 1e-3, "{steps:?}");
    for record in ["record.grid=\"linear\"", "record.count=10"] {
        for (found, exact) in distances(record).iter().zip(&steps) {
            assert!((found / exact - 1.0).abs() < 0.05, "{found:e} {exact:e}");
        }
    }
}

/// `da/dt = 2 a (r − a)` with `r = s − 2λ`, and the neuron `√a` would be of size 1 at time 0: `a = 0.95 r` is reached at
/// `ln(19 r)/(2 r)`.
#[test]
fn a_limit_path_takes_as_long_as_the_logistic_says() {
    let report = study(
        "network = { widths = [2, 2, 2] }\nregularization = { l2 = 0.2 }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.0] } }\n\
         init = { kind = \"aligned\", mode_strengths = [1e-8, 1e-8] }\nsolver = { horizon = 60.0 }\n",
    );
    let paths = &report.seeds[0].scales[0].paths;
    assert_eq!(paths.len(), 2);
    for (path, r) in paths.iter().zip([1.6, 0.6_f64]) {
        let exact = (19.0 * r).ln() / (2.0 * r);
        let found = path.duration.expect("two layers");
        // The last sample that is farther away: there is one in every 0.06/(2 r).
        let early = exact - found;
        assert!((0.0..=0.06 / (2.0 * r)).contains(&early), "{found} {exact}");
    }
}

/// Three layers grow as `a^{4/3}` and decay as `a`: from a small start nothing grows, and there is no path.
#[test]
fn deep_networks_with_weight_decay_have_no_greedy_path() {
    let report = study(
        "network = { widths = [2, 2, 2, 2] }\nregularization = { l2 = 0.01 }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 0.3 }\nsolver = { horizon = 60.0 }\n",
    );
    let seed = &report.seeds[0];
    assert_eq!(seed.greedy.len(), 1);
    let end = "nothing grows from a small start";
    assert!(seed.end.starts_with(end), "{}", seed.end);
    assert_eq!(seed.verdict.verdict, Finding::NotApplicable);
}

/// One hidden neuron ends at the best map of rank one, whose cost of `½` is not zero: a run is over when it is there to
/// 1e-13 of the cost at the origin, so to the root of that in the map.
#[test]
fn a_run_to_a_minimum_that_costs_something_goes_there() {
    let report = study_at(
        "network = { widths = [2, 1, 2] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 1.0 }\nsolver = { horizon = 60.0 }\n",
        &[1e-2, 1e-3],
    );
    for scale in &report.seeds[0].scales {
        let last = scale.saddles.last().expect("visits");
        assert_eq!(last.rank, 1);
        assert!((last.cost - 0.5).abs() < 1e-12);
        assert!(last.distance.is_some_and(|d| d < 1e-5), "{last:?}");
    }
}

/// Passages of paths are those of half their ends. An event at a tenth is another passage, whose time is not told of them;
/// one at a half is told, `ln(s/a − 1)/(2 s)`.
#[test]
fn paths_meet_predictions_of_their_own_level() {
    let of = |fraction: &str| {
        let report = study(&format!(
            "network = {{ widths = [2, 2, 2] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ diagonal = [2.0, 1.0] }} }}\n\
             init = {{ kind = \"aligned\", mode_strengths = [1e-8, 1e-8] }}\n\
             solver = {{ horizon = 60.0 }}\nevents = [{{ kind = \"escape\", fraction = {fraction} }}]\n"
        ));
        let paths = &report.seeds[0].scales[0].paths;
        paths.iter().map(|p| p.predicted_time).collect::<Vec<_>>()
    };
    assert_eq!(of("0.1"), [None, None]);
    for (found, s) in of("0.5").into_iter().zip([2.0, 1.0_f64]) {
        let exact = (s / 1e-8 - 1.0).ln() / (2.0 * s);
        assert!(found.is_some_and(|t| (t / exact - 1.0).abs() < 1e-9));
    }
}

/// `A = 0.02 (1, 1/2; 0, 0)` leaves the origin of a target whose first mode is the first entry: what is beside it is half
/// of what is along it.
#[test]
fn the_impurity_is_what_is_beside_over_what_is_along() {
    let network = Network::new(vec![2, 2, 2]);
    let problem = Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        cost: Cost::SquaredError {
            target: Mat::from_fn(2, 2, |i, j| if i == j { 2.0 - i as f64 } else { 0.0 }),
        },
        l2: 0.0,
    };
    // W_1 = A by columns, W_2 = I.
    let weights = [vec![0.02, 0.0, 0.01, 0.0, 1.0, 0.0, 0.0, 1.0]];
    let run = Run::new(&problem.network, vec![0.0], &weights, true);
    let found = impurities(&GreedyPath::of(&problem), &run)[0].expect("a row to read");
    assert!((found - 0.5).abs() < 1e-12, "{found}");
}

/// What the run at scale 1e-4 of the shipped weighted cost keeps from its paths, with other rows.
#[test]
fn distances_do_not_depend_on_the_rows() {
    let shipped = shipped("saddles/weighted_two_layers.toml");
    let distances = |record: &str| {
        let scenario = shipped.with(&[record.to_owned()]).expect("a scenario");
        let report = along(&GreedyPath::of, &scenario, &[1e-4]);
        let paths = report.seeds[0].scales[0].paths.clone();
        let both = |p: &dlnflow::report::saddles::PathEntry| [p.distance, p.weight_distance];
        let all: Vec<[Option<f64>; 2]> = paths[..2].iter().map(both).collect();
        all.into_iter()
            .flatten()
            .map(|d| d.expect("taken"))
            .collect::<Vec<f64>>()
    };
    let many = distances("record.count=6000");
    for record in ["record.count=400", "record.grid=\"steps\""] {
        for (found, exact) in distances(record).iter().zip(&many) {
            assert!(
                (found / exact - 1.0).abs() < 0.04,
                "{record}: {found:e} {exact:e}"
            );
        }
    }
}

/// A cost in another unit takes other times and follows the same paths.
#[test]
fn paths_do_not_depend_on_the_unit_of_the_cost() {
    let of = |unit: f64| {
        let weights = [[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]];
        let weights = weights.map(|row| row.map(|w: f64| w * unit));
        study(&format!(
            "seed = 3\nnetwork = {{ widths = [3, 4, 3] }}\ncost = {{ kind = \"weighted\", \
             target = {{ rows = [[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]] }}, \
             weights = {{ rows = {weights:?} }} }}\n\
             init = {{ kind = \"gaussian\", std = 1.0, scale = 1e-4 }}\nsolver = {{ horizon = {:e} }}\n",
            60.0 / unit
        ))
    };
    let plain = of(1.0);
    for unit in [1e-6, 1e6] {
        let other = of(unit);
        let (a, b) = (&plain.seeds[0], &other.seeds[0]);
        assert_eq!(a.end, b.end);
        for (a, b) in a.scales[0].paths.iter().zip(&b.scales[0].paths).take(2) {
            let (Some(x), Some(y)) = (a.distance, b.distance) else {
                panic!("{unit:e}");
            };
            assert!((x / y - 1.0).abs() < 0.05, "{unit:e} {x} {y}");
        }
    }
}

/// A target and a start in units of 1e-10: the horizon is found in them.
#[test]
fn scales_are_long_enough_in_any_unit() {
    let text = "network = { widths = [3, 3, 3] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [3e-10, 2e-10, 1e-10] } }\n\
         init = { kind = \"gaussian\", std = 1e-5 }\nsolver = { horizon = 4e10 }\n";
    let report = study_at(text, &[1e-2, 1e-4, 1e-6, 1e-6]);
    let reason = &report.seeds[0].verdict.reason;
    assert_eq!(report.verdict(), Finding::Supported, "{reason}");
    // A scale asked for twice is one point of a fit.
    assert_eq!(report.seeds[0].scales.len(), 3);
}

/// Stop rules and times of a scenario are meant for its own horizon.
#[test]
fn scales_have_stop_rules_and_times_of_their_own() {
    let text = "network = { widths = [3, 3, 3] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [3.0, 2.0, 1.0] } }\n\
         init = { kind = \"gaussian\", std = 1.0 }\nsolver = { horizon = 2000.0 }\n\
         record = { grid = \"times\", times = [0.0, 1.0, 2000.0], observables = [\"arc_length\"] }\n\
         stop = { gradient_norm = 1e-3 }\n";
    let report = study_at(text, &[1e-2, 1e-4, 1e-6]);
    let reason = &report.seeds[0].verdict.reason;
    assert_eq!(report.verdict(), Finding::Supported, "{reason}");
}

/// A mode of 3e-9 beside one of 1 is a direction of descent where it is missing: saddles of two layers are strict.
#[test]
fn weak_modes_make_saddles_strict() {
    let report = study(
        "network = { widths = [2, 2, 2] }\n\
         cost = { kind = \"squared_error\", target = { diagonal = [1.0, 3e-9] } }\n\
         init = { kind = \"aligned\", mode_strengths = [1e-6, 1e-16] }\nsolver = { horizon = 1e10 }\n",
    );
    let greedy = &report.seeds[0].greedy;
    let said: Vec<_> = greedy
        .iter()
        .map(|s| (s.index, s.kind.as_deref()))
        .collect();
    // The origin falls along ± of each mode; of rank 1 a mode, of one neuron, falls in one way and its mirror image.
    assert_eq!(said[0], (Some(4), Some("strict_saddle")));
    assert_eq!(said[1], (Some(1), Some("strict_saddle")));
}
