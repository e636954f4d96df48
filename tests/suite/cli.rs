//! The program as a user meets it: exit codes, what goes to which stream, the output folder.

use crate::program::{Done, Place};
use crate::two_modes::{ESCAPE, SCENARIO};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every file of an output folder.
const FILES: [&str; 14] = [
    "events.jsonl",
    "figures/cost_linear.csv",
    "figures/cost_linear.svg",
    "figures/cost_log.csv",
    "figures/cost_log.svg",
    "figures/singular_values_linear.csv",
    "figures/singular_values_linear.svg",
    "figures/singular_values_log.csv",
    "figures/singular_values_log.svg",
    "manifest.json",
    "report.json",
    "scenario.toml",
    "trajectory.csv",
    "weights.npz",
];

fn outcome(place: &Place, folder: &str) -> String {
    let report = fs::read(place.path(folder).join("report.json")).expect("report");
    json(&report)["outcome"].as_str().expect("text").to_owned()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).expect("one JSON document")
}

/// All files below a folder, by their paths relative to it.
fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("folder") {
            let path = entry.expect("entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder).expect("below");
                    found.push(name.to_string_lossy().replace('\\', "/"));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_run_ends_with_0_and_a_whole_folder() {
    let place = Place::new(&format!("{SCENARIO}{ESCAPE}"));
    let done = place.run(&["run", "scenario.toml"]).expect(0, &[]);
    assert_eq!(done.stderr, "");
    for part in ["Two modes", "escape time", "1 of 1 checks passed"] {
        assert!(done.stdout.contains(part), "{}", done.stdout);
    }
    assert!(done.stdout.ends_with("written to out/scenario\n"));
    assert_eq!(listing(&place.path("out/scenario")), FILES);
    // Nothing is left beside it.
    assert_eq!(listing(place.0.path()).len(), FILES.len() + 1);
}

#[test]
fn a_failed_check_ends_with_1() {
    let wrong = ESCAPE.replace("1.9001006", "1.9");
    let place = Place::new(&format!("{SCENARIO}{wrong}"));
    let done = place.run(&["run", "scenario.toml"]).expect(1, &[]);
    assert!(done.stdout.contains("0 of 1 checks passed"), "{done:?}");
    assert_eq!(listing(&place.path("out/scenario")), FILES);
    let said = ["1 of 1 checks failed", "out/scenario/report.json"];
    place
        .run(&["run", "scenario.toml", "--quiet"])
        .expect(1, &said);
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new(SCENARIO);
    let cases: [(&[&str], &str); 8] = [
        (&[], "Usage"),
        (&["rum", "scenario.toml"], "'run'"),
        (&["run"], "<SCENARIO>"),
        (&["run", "scenario.toml", "--threads", "0"], "--threads"),
        (
            &["run", "no.toml"],
            "no.toml: cannot be read: there is no such file",
        ),
        (&["run", "."], "cannot be read"),
        (&["plot", "no"], "no: there is no such folder"),
        (&["plot", "."], "is not an output folder of dlnflow"),
    ];
    for (arguments, said) in cases {
        let done = place.run(arguments).expect(2, &[said]);
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
    assert_eq!(listing(place.0.path()), ["scenario.toml"]);
}

#[test]
fn bad_input_ends_with_2_and_shows_the_line() {
    let place = Place::new(&SCENARIO.replace("squared_error", "squared_eror"));
    for command in ["run", "check"] {
        let said = [
            "error: scenario.toml:7: cost.kind: found \"squared_eror\"; must be one of",
            "did you mean \"squared_error\"?",
            "[scenario.toml:7:8]",
            "7 │ kind = \"squared_eror\"",
        ];
        let done = place.run(&[command, "scenario.toml"]).expect(2, &said);
        assert_eq!(done.stdout, "");
        // The message stands there once.
        assert_eq!(done.stderr.matches("must be one of").count(), 1);
    }
    assert_eq!(listing(place.0.path()), ["scenario.toml"]);
}

#[test]
fn all_errors_come_at_once_and_are_counted() {
    let bad = SCENARIO
        .replace("horizon = 10.0", "horizon = -1.0\nrtl = 1e-9")
        .replace("seed = 3", "seed = -3");
    let place = Place::new(&bad);
    let said = ["seed", "solver.horizon", "did you mean rtol", "3 errors"];
    place.run(&["check", "scenario.toml"]).expect(2, &said);
}

#[test]
fn a_wrong_override_is_named() {
    let place = Place::new(SCENARIO);
    for (set, said) in [
        ("solver.rtl=1e-9", "--set solver.rtl=1e-9"),
        ("solver.rtol=small", "must be TOML"),
        ("solver.rtol=-1.0", "--set solver.rtol=-1.0"),
        ("solver.rtol", "--set solver.rtol"),
    ] {
        place
            .run(&["run", "scenario.toml", "--set", set])
            .expect(2, &[said]);
    }
    assert_eq!(listing(place.0.path()), ["scenario.toml"]);
}

#[test]
fn a_sweep_is_no_scenario_and_a_scenario_no_sweep() {
    let place = Place::new(SCENARIO);
    fs::write(
        place.path("sweep.toml"),
        "base = \"scenario.toml\"\ngrid.seed = [1, 2]\n",
    )
    .expect("file");
    for (arguments, said) in [
        (
            ["run", "sweep.toml"],
            "error: sweep.toml:1: this is a sweep: it has base, grid",
        ),
        (["check", "sweep.toml"], "`dlnflow sweep` runs a sweep"),
        (
            ["sweep", "scenario.toml"],
            "error: scenario.toml:4: this is a scenario: it has network",
        ),
    ] {
        let done = place.run(&arguments).expect(2, &[said]);
        assert_eq!(done.stderr.matches("error: ").count(), 1, "{done:?}");
        assert!(!done.stderr.contains("did you mean"), "{done:?}");
    }
}

/// What is wrong with a folder that is only read, and no advice about writing.
#[test]
fn folders_that_cannot_be_drawn_or_collected_are_called_what_they_are() {
    let place = Place::new(SCENARIO);
    let sweep = "base = \"scenario.toml\"\ngrid.seed = [1]\n";
    fs::write(place.path("sweep.toml"), sweep).expect("file");
    fs::create_dir(place.path("empty")).expect("folder");
    place
        .run(&["run", "scenario.toml", "--out", "run", "--quiet"])
        .expect(0, &[]);
    place
        .run(&["sweep", "sweep.toml", "--out", "swept", "--quiet"])
        .expect(0, &[]);
    // A manifest that is there and cannot be read.
    fs::create_dir_all(place.path("closed/manifest.json")).expect("folder");
    let cases = [
        (
            "plot",
            "swept",
            "swept is the folder of a sweep; `dlnflow collect` draws its figures",
        ),
        ("plot", "empty", "empty is not an output folder of dlnflow"),
        (
            "plot",
            "scenario.toml",
            "scenario.toml: is a file, not a folder",
        ),
        ("plot", "none", "none: there is no such folder"),
        ("plot", "closed", "closed/manifest.json: "),
        (
            "collect",
            "run",
            "run is the output folder of a run; `dlnflow plot` draws its figures",
        ),
        ("collect", "empty", "empty is not the folder of a sweep"),
        (
            "collect",
            "scenario.toml",
            "scenario.toml: is a file, not a folder",
        ),
        ("collect", "none", "none: there is no such folder"),
    ];
    for (command, folder, said) in cases {
        let done = place.run(&[command, folder]).expect(2, &[said]);
        assert!(!done.stderr.contains("left as it is"), "{done:?}");
    }
}

/// Nothing can be made in `/proc`: the message names the folder that was asked for.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new(SCENARIO);
    let done = place.run(&["run", "scenario.toml", "--out", "/proc/x"]);
    let done = done.expect(2, &["error: /proc/x: "]);
    assert!(!done.stderr.contains(".dlnflow-"), "{done:?}");
}

#[test]
fn gammas_beside_another_size_are_named() {
    let gaussian = "kind = \"gaussian\"\nstd = 0.1\n";
    let aligned = "kind = \"aligned\"\nmode_strengths = [1e-3, 1e-3]\n";
    for (init, said) in [
        (gaussian, "has init.std; leave it out of the file"),
        (aligned, "has another init.kind than \"gaussian\""),
    ] {
        let place = Place::new(&SCENARIO.replace(aligned, init));
        let said = format!("error: --gammas sets init.gamma, but the scenario {said}");
        let done = place.run(&["regimes", "scenario.toml", "--gammas", "0.5"]);
        done.expect(2, &[&said]);
    }
}

#[test]
fn overrides_and_the_folder_are_obeyed() {
    let place = Place::new(SCENARIO);
    let sets = ["--set", "solver.horizon=2.5", "--set", "title='Short'"];
    let mut arguments = vec!["run", "scenario.toml", "--out", "here/and there"];
    arguments.extend(sets);
    let done = place.run(&arguments).expect(0, &[]);
    assert!(done.stdout.contains("t = 2.5"), "{}", done.stdout);
    let resolved = fs::read_to_string(place.path("here/and there/scenario.toml"));
    let resolved = resolved.expect("resolved scenario");
    assert!(resolved.contains("horizon = 2.5") && resolved.contains("Short"));
}

#[test]
fn a_foreign_folder_is_refused_before_integrating() {
    let place = Place::new(SCENARIO);
    fs::create_dir(place.path("mine")).expect("folder");
    fs::write(place.path("mine/thesis.tex"), "x").expect("file");
    // Integrating would take days.
    let output = place.command(&LONG).args(["--out", "mine"]).output();
    let done = Done::new(&output.expect("program"));
    done.expect(2, &["mine is not an output folder of dlnflow"]);
    assert_eq!(
        listing(place.0.path()),
        ["mine/thesis.tex", "scenario.toml"]
    );
}

#[test]
fn an_earlier_folder_is_replaced() {
    let place = Place::new(SCENARIO);
    place.run(&["run", "scenario.toml"]).expect(0, &[]);
    let horizon = ["run", "scenario.toml", "--set", "solver.horizon=1.0"];
    place.run(&horizon).expect(0, &[]);
    let trajectory = fs::read_to_string(place.path("out/scenario/trajectory.csv"));
    let last = trajectory.expect("trajectory");
    assert!(
        last.lines()
            .last()
            .expect("rows")
            .starts_with("1.0000000000000000e0,")
    );
}

#[test]
fn a_numerical_failure_ends_with_3_and_keeps_what_there_is() {
    let place = Place::new(SCENARIO);
    let few = ["run", "scenario.toml", "--set", "solver.max_steps=5"];
    // Euler's steps on σ = 2 are unstable beyond 2/(2σ) = 0.5.
    let divergent = [
        "run",
        "scenario.toml",
        "--set",
        "solver.method='gradient_descent'",
        "--set",
        "solver.learning_rate=3.0",
        "--set",
        "solver.horizon=300.0",
    ];
    let cases: [(&[&str], &str); 2] = [
        (&few, "5 steps were not enough"),
        (&divergent, "the solution stopped being finite"),
    ];
    for (arguments, reason) in cases {
        let said = [
            "error: ",
            reason,
            "what was computed up to t = ",
            "out/scenario",
        ];
        place.run(arguments).expect(3, &said);
        assert_eq!(outcome(&place, "out/scenario"), "failed");
        assert_eq!(listing(&place.path("out/scenario")), FILES);
        let mut silent = arguments.to_vec();
        silent.push("--quiet");
        assert_eq!(place.run(&silent).expect(3, &said).stdout, "");
    }
}

/// One weight under `½(w − 1)²`: `w_k − 1 = (1 − η)^k (w_0 − 1) = 100^k`, whose square exceeds the largest
/// number, 1.8e308, at `k = 78`.
#[test]
fn gradient_descent_ends_before_its_costs_overflow() {
    let place = Place::new(
        "[network]\nwidths = [1, 1]\n[cost]\nkind = \"squared_error\"\n\
         target = { diagonal = [1.0] }\n[init]\nkind = \"matrices\"\nrows = [[[2.0]]]\n\
         [solver]\nmethod = \"gradient_descent\"\nlearning_rate = 101.0\nhorizon = 10100.0\n",
    );
    let said = ["stopped being finite at t = 7.878", "up to t = 7.777"];
    place.run(&["run", "scenario.toml"]).expect(3, &said);
    let trajectory = fs::read_to_string(place.path("out/scenario/trajectory.csv"));
    let trajectory = trajectory.expect("trajectory");
    assert!(!trajectory.contains("inf") && !trajectory.contains("NaN"));
}

/// `inputs` has the paths of the scenario, also where the copies had to be named apart.
#[test]
fn inputs_of_one_name_keep_their_hashes() {
    let weighted = "\"weighted\"\nweights = { file = \"x.csv\" }";
    let scenario = SCENARIO.replace("\"squared_error\"", weighted);
    let place = Place::new(&scenario);
    fs::create_dir(place.path("d")).expect("folder");
    fs::write(place.path("d/x.csv"), "2,0,0\n0,1,0\n").expect("target");
    fs::write(place.path("x.csv"), "1,1,1\n1,1,1\n").expect("weights");
    let target = "cost.target={ file = 'd/x.csv' }";
    let arguments = ["run", "scenario.toml", "--quiet", "--set", target];
    place.run(&arguments).expect(0, &[]);
    let manifest = json(&fs::read(place.path("out/scenario/manifest.json")).expect("manifest"));
    let (inputs, copies) = (&manifest["inputs"], &manifest["outputs"]);
    assert_eq!(inputs.as_object().expect("map").len(), 2);
    assert_eq!(inputs["d/x.csv"], copies["inputs/x.csv"]);
    assert_eq!(inputs["x.csv"], copies["inputs/x_2.csv"]);
    assert_ne!(inputs["x.csv"], inputs["d/x.csv"]);
}

/// Sends Ctrl-C as soon as it is handled.
#[cfg(target_os = "linux")]
fn interrupt(child: &mut std::process::Child) {
    assert!(waits_for_interrupts(child), "it ended too early");
    let id = child.id().to_string();
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {id}")])
        .status();
    assert!(sent.expect("kill").success());
}

/// Runs the program, interrupts it as soon as it can be and waits for its end.
#[cfg(target_os = "linux")]
fn interrupted(place: &Place, arguments: &[&str]) -> Done {
    let mut command = place.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("program");
    interrupt(&mut child);
    Done::new(&child.wait_with_output().expect("output"))
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_with_130_and_keeps_what_there_is() {
    let place = Place::new(SCENARIO);
    let said = [
        "interrupted at t = ",
        "what was computed is in out/scenario",
    ];
    interrupted(&place, &LONG).expect(130, &said);
    assert_eq!(outcome(&place, "out/scenario"), "interrupted");
    assert_eq!(listing(&place.path("out/scenario")), FILES);
    assert_eq!(listing(place.0.path()).len(), FILES.len() + 1);
}

/// A scenario that is still being written to a pipe: nothing was read when Ctrl-C came.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_before_anything_is_read_is_one_too() {
    let place = Place::new("");
    let mut command = place.command(&["run", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("program");
    let mut pipe = child.stdin.take().expect("pipe");
    interrupt(&mut child);
    pipe.write_all(SCENARIO.as_bytes()).expect("written");
    drop(pipe);
    let done = Done::new(&child.wait_with_output().expect("output"));
    let done = done.expect(130, &["interrupted at t = "]);
    assert_eq!(json(done.stdout.as_bytes())["outcome"], "interrupted");
}

/// More runs than the sample that an estimate is made from, none of which can end.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_sweep_says_so_and_estimates_nothing() {
    let place = Place::new(SCENARIO);
    let solver = "solver={ method = 'gradient_descent', learning_rate = 1e-6, horizon = 1e4, \
                  max_steps = 100000000000 }";
    let sweep = "base = \"scenario.toml\"\n[grid]\nseed = { count = 20 }\n";
    fs::write(place.path("sweep.toml"), sweep).expect("sweep");
    let done = interrupted(&place, &["sweep", "sweep.toml", "--set", solver]);
    let done = done.expect(130, &["interrupted: 20 runs are still to do"]);
    assert!(!done.stderr.contains("estimate"), "{done:#?}");
}

/// Iterates stand at multiples of the learning rate, 142·0.07 = 9.94 being the last one.
#[test]
fn gradient_descent_says_where_its_last_iterate_stands() {
    let place = Place::new(SCENARIO);
    let descent = [
        "solver.method='gradient_descent'",
        "solver.learning_rate=0.07",
    ];
    let run = |record: &str| {
        let mut arguments = vec!["run", "scenario.toml", "--set", record];
        descent
            .iter()
            .for_each(|set| arguments.extend(["--set", set]));
        let done = place.run(&arguments).expect(0, &[]).stdout;
        let said = "last iterate at t = 9.94 before the horizon t = 10\n";
        assert!(done.contains(said), "{done}");
        assert_eq!(outcome(&place, "out/scenario"), "horizon_reached");
        let warnings = done
            .lines()
            .filter(|line| line.starts_with("warning: no row"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    let one = run("record={ grid = 'times', times = [1.0, 9.93, 9.99] }");
    let said = "warning: no row at t = 9.99: the last iterate stands at t = 9.94";
    assert_eq!(one, [said]);
    let two = run("record={ grid = 'times', times = [1.0, 9.99, 10.0] }");
    let said =
        "warning: no rows at 2 times from t = 9.99 to 10: the last iterate stands at t = 9.94";
    assert_eq!(two, [said]);
    // The last row of a grid that ends at the horizon is the last iterate.
    assert!(run("record={ grid = 'linear', count = 11 }").is_empty());
    assert!(run("record={ grid = 'adaptive' }").is_empty());
}

/// Eight runs into one folder: the last one to end is there, whole, and none has failed.
#[test]
fn runs_into_one_folder_at_a_time_lose_nothing() {
    let place = Place::new(SCENARIO);
    let seeds: Vec<String> = (0..8).map(|seed| format!("seed={seed}")).collect();
    let run = |seed: &String| {
        let mut command = place.command(&["run", "scenario.toml", "--out", "out", "--set", seed]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("program")
    };
    for _ in 0..4 {
        let children: Vec<_> = seeds.iter().map(run).collect();
        for child in children {
            Done::new(&child.wait_with_output().expect("output")).expect(0, &[]);
        }
        assert_eq!(listing(&place.path("out")), FILES);
        assert_eq!(listing(place.0.path()).len(), FILES.len() + 1);
    }
}

/// Ten billion steps.
const LONG: [&str; 10] = [
    "run",
    "scenario.toml",
    "--set",
    "solver.method='gradient_descent'",
    "--set",
    "solver.learning_rate=1e-6",
    "--set",
    "solver.horizon=1e4",
    "--set",
    "solver.max_steps=100000000000",
];

/// Waits for the handler of SIGINT, number 2, which the program sets before it reads anything; `false`
/// when the program ends without one.
#[cfg(target_os = "linux")]
fn waits_for_interrupts(child: &mut std::process::Child) -> bool {
    let status = format!("/proc/{}/status", child.id());
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mask = text.lines().find_map(|l| l.strip_prefix("SigCgt:"));
        let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok());
        if mask.is_some_and(|m| m & (1 << (2 - 1)) != 0) {
            return true;
        }
        if child.try_wait().expect("status").is_some() {
            return false;
        }
        std::thread::yield_now();
    }
}

#[test]
fn json_is_one_document_and_quiet_is_silent() {
    let place = Place::new(&format!("{SCENARIO}{ESCAPE}"));
    let done = place
        .run(&["run", "scenario.toml", "--json"])
        .expect(0, &[]);
    let report = json(done.stdout.as_bytes());
    assert_eq!(report["outcome"], "horizon_reached");
    assert_eq!(report["checks"][0]["passed"], true);
    let written = fs::read(place.path("out/scenario/report.json")).expect("report");
    assert_eq!(json(&written), report);
    assert_eq!(done.stderr, "");

    let done = place
        .run(&["check", "scenario.toml", "--json"])
        .expect(0, &[]);
    assert_eq!(json(done.stdout.as_bytes())["parameters"], 3 * 4 + 4 * 2);
    let done = place
        .run(&["plot", "out/scenario", "--json"])
        .expect(0, &[]);
    let figures = json(done.stdout.as_bytes());
    assert_eq!(figures["figures"].as_array().expect("list").len(), 8);

    for command in [
        ["run", "scenario.toml"],
        ["check", "scenario.toml"],
        ["plot", "out/scenario"],
    ] {
        let done = place
            .run(&[command[0], command[1], "--quiet"])
            .expect(0, &[]);
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    }
}

#[test]
fn a_scenario_may_come_from_standard_input() {
    let place = Place::new(SCENARIO);
    let file = fs::File::open(place.path("scenario.toml")).expect("scenario");
    let output = place.command(&["run", "-"]).stdin(file).output();
    Done::new(&output.expect("program")).expect(0, &[]);
    assert_eq!(listing(&place.path("out/stdin")), FILES);

    let output = place
        .command(&["run", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("program");
    Done::new(&output).expect(2, &["<stdin>: network: missing"]);
}

#[test]
fn check_tells_all_and_writes_nothing() {
    let place = Place::new(SCENARIO);
    let done = place.run(&["check", "scenario.toml"]).expect(0, &[]);
    for part in [
        "Two modes: fine",
        "depth 2, widths [3, 4, 2], 20 weights",
        "memory: about",
        "rtol",
        // A default, spelled out.
        "max_steps = ",
    ] {
        assert!(done.stdout.contains(part), "{part:?} in {}", done.stdout);
    }
    assert_eq!(listing(place.0.path()), ["scenario.toml"]);
}

#[test]
fn figures_are_drawn_again_to_the_byte() {
    let place = Place::new(SCENARIO);
    place.run(&["run", "scenario.toml"]).expect(0, &[]);
    let folder = place.path("out/scenario");
    let read = |name: &&str| fs::read(folder.join(name)).expect("file");
    let before: Vec<_> = FILES.iter().map(read).collect();
    fs::remove_dir_all(folder.join("figures")).expect("figures");
    let done = place.run(&["plot", "out/scenario"]).expect(0, &[]);
    assert_eq!(done.stdout.lines().count(), 8);
    assert_eq!(FILES.iter().map(read).collect::<Vec<_>>(), before);
}

#[test]
fn the_resolved_scenario_gives_the_same_bytes() {
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/good");
    let mut names = Vec::new();
    for name in listing(&inputs) {
        let text = fs::read_to_string(inputs.join(&name)).unwrap_or_default();
        if name.ends_with(".toml") && !name.contains('/') && !text.contains("# set:") {
            names.push(name);
        }
    }
    for name in &names {
        let place = Place::new("");
        let given = inputs.join(name);
        let given = given.to_str().expect("UTF-8");
        // A made-up expectation in one of them fails: 1.
        let ended = |done: &Done| matches!(done.code, Some(0 | 1));
        let first = place.run(&["run", given, "--out", "first"]);
        assert!(ended(&first), "{name}: {first:#?}");
        let again = place.run(&["run", "first/scenario.toml", "--out", "again"]);
        assert!(ended(&again), "{name}: {again:#?}");
        for file in [
            "trajectory.csv",
            "events.jsonl",
            "weights.npz",
            "scenario.toml",
        ] {
            let read = |folder: &str| fs::read(place.path(folder).join(file)).expect("file");
            assert!(read("first") == read("again"), "{name}: {file} differs");
        }
    }
    assert!(names.len() > 30, "{names:?}");
}

#[test]
fn schema_completions_and_manual_are_there() {
    let place = Place::new(SCENARIO);
    let schema = place.run(&["schema"]).expect(0, &[]).stdout;
    let schema = json(schema.as_bytes());
    assert!(schema["properties"]["network"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]).expect(0, &[]).stdout;
        assert!(
            script.contains("dlnflow") && script.contains("check"),
            "{shell}"
        );
    }
    let page = place.run(&["man"]).expect(0, &[]).stdout;
    assert!(page.contains(".TH dlnflow"), "{page}");
    for part in ["dlnflow saddles", "\\-\\-scales", "EXIT STATUS", "\n130\n"] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn closed_pipes_are_no_crash() {
    let place = Place::new(SCENARIO);
    let cases: [(&[&str], i32); 6] = [
        (&["run", "scenario.toml"], 0),
        (&["run", "scenario.toml", "--json"], 0),
        (&["run", "scenario.toml", "--set", "solver.max_steps=5"], 3),
        (&["check", "scenario.toml"], 0),
        (&["schema"], 0),
        (&["man"], 0),
    ];
    for (arguments, code) in cases {
        let mut command = place.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("program");
        drop(child.stdout.take());
        let done = Done::new(&child.wait_with_output().expect("output"));
        assert_eq!(done.code, Some(code), "{arguments:?}: {done:#?}");
        assert!(!done.stderr.contains("panicked"), "{done:#?}");
    }
    let mut command = place.command(&["run", "no.toml"]);
    command.stderr(Stdio::piped());
    let mut child = command.spawn().expect("program");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("status").code(), Some(2));
}

#[test]
fn escapes_without_a_level_are_announced() {
    // Rank 1 fits [[?, 1], [1, 0]] only at infinity; a_22 is seen twice to break the symmetry.
    let scenario = r#"
[network]
widths = [2, 3, 2]
[cost]
kind = "matrix_sensing"
measurements = { files = ["m1.csv", "m2.csv", "m3.csv"] }
observations = [1.0, 1.0, 0.0]
[init]
kind = "gaussian"
std = 1e-3
[solver]
horizon = 5.0
"#;
    // Whether all modes are watched or the first alone.
    for events in ["", "[[events]]\nkind = \"escape\"\nmodes = [1]\n"] {
        let place = Place::new(&format!("{scenario}{events}"));
        let measurements = ["0,1\n0,0.5\n", "0,0\n1,0\n", "0,0\n0,1\n"];
        for (name, text) in ["m1.csv", "m2.csv", "m3.csv"].iter().zip(measurements) {
            fs::write(place.path(name), text).expect("measurement");
        }
        let done = place.run(&["run", "scenario.toml"]).expect(0, &[]);
        let said = "warning: no escapes from mode 1 on: the best fit of rank 1 lies at infinity";
        assert!(done.stdout.contains(said), "{}", done.stdout);
    }
}
