//! `dlnflow predict` and `dlnflow verify` as a user meets them: what they print, how they end, what
//! they write.

use crate::two_modes::{ESCAPE, SCENARIO};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with files, where the program runs.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().expect("temporary folder"));
        for (name, text) in files {
            fs::write(place.path(name), text).expect("file");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program, which ends with `code`; what it says on stdout and on stderr.
    fn run(&self, arguments: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
        command.current_dir(self.0.path()).args(arguments);
        let output = command.output().expect("program");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let (said, errors) = (text(output.stdout), text(output.stderr));
        let found = output.status.code();
        assert_eq!(found, Some(code), "{arguments:?}\n{said}\n{errors}");
        (said, errors)
    }

    /// The names in a folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).expect("folder");
        let name = |e: std::io::Result<fs::DirEntry>| e.expect("entry").file_name();
        let mut names: Vec<_> = entries
            .map(|e| name(e).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// A scenario that is shipped.
fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("one JSON document")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Lines that hold every one of the words, in order of the words.
fn lines<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    let has = |line: &&str| {
        let mut rest = *line;
        words.iter().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    };
    text.lines().filter(has).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn predict_prints_a_table_and_writes_nothing() {
    let place = Place::new(&[("scenario.toml", SCENARIO)]);
    let (said, errors) = place.run(&["predict", "scenario.toml"], 0);
    assert_eq!(errors, "");
    assert!(said.starts_with("Two modes\n"), "{said}");
    for words in [
        ["quantity", "mode", "value", "error", "source"],
        // ln(s/a_0 − 1)/(2 s), s = 2 and s = 1.
        ["escape_time", "1", "1.9001", "e-", "closed_form"],
        ["escape_time", "2", "3.4533", "e-", "closed_form"],
        ["final_singular_value", "1", "2", "e-", "closed_form"],
        ["final_singular_value", "2", "0.99999", "e-", "closed_form"],
    ] {
        assert_eq!(lines(&said, &words).len(), 1, "{words:?} in {said}");
    }
    assert_eq!(place.names("."), ["scenario.toml"]);
    let (said, errors) = place.run(&["predict", "scenario.toml", "--quiet"], 0);
    assert_eq!((said, errors), (String::new(), String::new()));
}

#[test]
fn predict_prints_json() {
    let place = Place::new(&[("scenario.toml", SCENARIO)]);
    let (said, _) = place.run(&["predict", "scenario.toml", "--json"], 0);
    let said = json(&said);
    let all = list(&said["predictions"]);
    let exact = [
        ("escape_time", 1, (2.0_f64 / 1e-3 - 1.0).ln() / 4.0),
        ("escape_time", 2, (1.0_f64 / 1e-3 - 1.0).ln() / 2.0),
        (
            "final_singular_value",
            1,
            2.0 / (1.0 + 1999.0 * (-40.0_f64).exp()),
        ),
        (
            "final_singular_value",
            2,
            1.0 / (1.0 + 999.0 * (-20.0_f64).exp()),
        ),
    ];
    assert_eq!(all.len(), exact.len(), "{said:#}");
    for (p, (quantity, mode, value)) in all.iter().zip(exact) {
        assert_eq!(
            (&p["quantity"], &p["mode"]),
            (&quantity.into(), &mode.into())
        );
        // Roundoff of a logarithm and of the strengths as products of layers.
        assert!((number(&p["value"]) / value - 1.0).abs() <= 1e-12, "{p}");
        assert!(number(&p["error"]) <= 1e-11, "{p}");
        assert_eq!(p["source"]["kind"], "closed_form");
        assert!(!list(&p["assumptions"]).is_empty());
    }
    assert_eq!(list(&said["not_predicted"]), [] as [Value; 0]);
}

#[test]
fn predict_says_what_does_not_apply_and_why() {
    let gaussian = SCENARIO
        .replace("aligned", "gaussian")
        .replace("mode_strengths = [1e-3, 1e-3]", "std = 1e-4");
    let deep = gaussian.replace("[3, 4, 2]", "[3, 4, 4, 2]");
    let deep = format!("{deep}[regularization]\nl2 = 0.1\n");
    let place = Place::new(&[("small.toml", &gaussian), ("deep.toml", &deep)]);
    let reasons = [
        "not predicted: modes one by one, in closed form: the start is not balanced",
        "not predicted: two layers in closed form: this needs an imbalance that is a multiple of the identity",
    ];
    let (said, _) = place.run(&["predict", "small.toml"], 0);
    for reason in reasons {
        assert_eq!(said.lines().filter(|l| *l == reason).count(), 1, "{said}");
    }
    for words in [
        ["escape_time  ", "1  ", "asymptotic"],
        ["escape_time  ", "2  ", "asymptotic"],
        ["jump_slope  ", "1  ", "asymptotic"],
        ["jump_slope  ", "2  ", "asymptotic"],
    ] {
        assert_eq!(lines(&said, &words).len(), 1, "{words:?} in {said}");
    }
    // Nothing at all.
    let (said, _) = place.run(&["predict", "deep.toml"], 0);
    assert_eq!(lines(&said, &["no predictions"]).len(), 1, "{said}");
    let small = "not predicted: small start, three and more layers: l2 is positive";
    assert_eq!(lines(&said, &[small]).len(), 1, "{said}");
    let (said, _) = place.run(&["predict", "deep.toml", "--json"], 0);
    let said = json(&said);
    assert_eq!(list(&said["predictions"]), [] as [Value; 0]);
    let declined = list(&said["not_predicted"]);
    assert_eq!(declined.len(), 3);
    for d in declined {
        assert!(d["result"].is_string() && d["reason"].is_string(), "{d}");
    }
    assert_eq!(declined[0]["reason"], "the start is not balanced");
}

#[test]
fn predict_says_that_no_escape_is_asked_for() {
    let file = "scenarios/basics/matrix_completion.toml";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let file = file.to_str().expect("path");
    let (said, _) = Place::new(&[]).run(&["predict", file, "--set", "events=[]"], 0);
    let line = "not predicted: escape times: no event of kind escape is asked for\n";
    assert!(said.contains(line), "{said}");
}

#[test]
fn predict_ends_with_2_after_a_mistake() {
    let place = Place::new(&[("scenario.toml", &SCENARIO.replace("squared", "sqared"))]);
    let (said, errors) = place.run(&["predict", "scenario.toml"], 2);
    assert_eq!(said, "");
    assert!(errors.contains("scenario.toml:7: cost.kind"), "{errors}");
}

#[test]
fn shipped_scenarios_are_verified() {
    let place = Place::new(&[]);
    let [one, ten] = ["limits/depth_1.toml", "limits/depth_10.toml"].map(shipped);
    let (said, errors) = place.run(&["verify", &one, &ten], 0);
    assert_eq!(errors, "");
    let header = [
        "check",
        "predicted",
        "measured",
        "difference",
        "band",
        "source",
    ];
    assert_eq!(lines(&said, &header).len(), 2, "{said}");
    for (title, path) in [("Depth 1 has no plateaus", &one), ("Depth 10", &ten)] {
        let heading = format!("{title} ({path})");
        assert!(said.lines().any(|l| l == heading), "{heading} in {said}");
    }
    // One expectation and one prediction each, and the law.
    for (words, count) in [
        (vec!["ok", "escape_time of mode 1", "closed_form"], 4),
        (vec!["ok", "escape_time of mode 2", "closed_form"], 4),
        (
            vec!["ok", "final_singular_value of mode 1", "closed_form"],
            2,
        ),
        (
            vec!["ok", "the loss falls by the squared gradient", "monitor"],
            2,
        ),
        (vec!["checks passed"], 2),
        (vec!["FAILED"], 0),
    ] {
        assert_eq!(lines(&said, &words).len(), count, "{words:?} in {said}");
    }
    assert_eq!(place.names("out"), ["depth_1", "depth_10"]);
    assert!(place.path("out/depth_10/report.json").is_file());
}

#[test]
fn a_wrong_expectation_ends_with_1() {
    let place = Place::new(&[]);
    let one = shipped("limits/depth_1.toml");
    // Ten bands off: 2e-9 relative of 0.69264705551826301.
    let wrong = "expect.0.value=0.692647069";
    let (said, _) = place.run(&["verify", &one, "--set", wrong], 1);
    let failed = lines(&said, &["FAILED"]);
    assert_eq!(failed.len(), 1, "{said}");
    for word in [
        "escape_time of mode 1",
        "0.692647069",
        "0.692647056",
        "closed_form",
    ] {
        assert!(failed[0].contains(word), "{word} in {}", failed[0]);
    }
    // The others still pass.
    let tally = said
        .lines()
        .find(|l| l.ends_with("checks passed"))
        .expect("a tally");
    let counts: Vec<usize> = tally.split(' ').filter_map(|w| w.parse().ok()).collect();
    assert_eq!(counts[0] + 1, counts[1], "{tally}");
}

#[test]
fn an_altered_file_ends_with_1_and_json_says_so() {
    let right = format!("{SCENARIO}{ESCAPE}");
    let wrong = right.replace("1.9001006", "1.9002");
    let place = Place::new(&[("right.toml", &right), ("wrong.toml", &wrong)]);
    let (said, _) = place.run(&["verify", "right.toml", "--json"], 0);
    let all = json(&said);
    assert_eq!(
        (&all["passed"], &all["failures"]),
        (&true.into(), &0.into())
    );

    let (said, _) = place.run(&["verify", "right.toml", "wrong.toml", "--json"], 1);
    let all = json(&said);
    assert_eq!(
        (&all["passed"], &all["failures"]),
        (&false.into(), &1.into())
    );
    let suites = list(&all["suites"]);
    let mut tests = 0;
    for (suite, (name, failures)) in suites.iter().zip([("right.toml", 0), ("wrong.toml", 1)]) {
        assert_eq!(suite["name"], name);
        assert_eq!(suite["title"], "Two modes");
        assert_eq!(suite["outcome"], "horizon_reached");
        assert_eq!(suite["passed"], failures == 0);
        assert_eq!(suite["failures"], failures);
        let cases = list(&suite["cases"]);
        assert_eq!(suite["tests"], cases.len());
        tests += cases.len();
        let failed: Vec<_> = cases.iter().filter(|c| c["passed"] == false).collect();
        assert_eq!(failed.len(), failures);
        for case in cases {
            assert!(
                case["name"].is_string() && case["source"].is_string(),
                "{case}"
            );
            let off = (number(&case["measured"]) - number(&case["predicted"])).abs();
            assert_eq!(case["passed"], off <= number(&case["band"]), "{case}");
        }
    }
    assert_eq!(suites.len(), 2);
    assert_eq!(all["tests"], tests);
    // The folder has the checks of theory too.
    let report = fs::read_to_string(place.path("out/wrong/report.json")).expect("report");
    let checks = list(&json(&report)["checks"]).len();
    assert_eq!(checks, list(&suites[1]["cases"]).len());

    let (said, _) = place.run(&["verify", "wrong.toml", "--quiet"], 1);
    assert_eq!(said, "");
}

#[test]
fn a_mistake_in_any_file_ends_with_2_before_the_first_run() {
    let bad = SCENARIO.replace("horizon = 10.0", "horizon = -1.0");
    let place = Place::new(&[("good.toml", SCENARIO), ("bad.toml", &bad)]);
    for arguments in [
        &["verify", "good.toml", "bad.toml"][..],
        &["verify", "good.toml", "bad.toml", "--out", "results"],
        &["verify", "good.toml", "bad.toml", "--json"],
        &["verify", "good.toml", "missing.toml"],
        &["verify"],
    ] {
        let (said, errors) = place.run(arguments, 2);
        assert_eq!(said, "", "{arguments:?}");
        assert_ne!(errors, "");
        assert_eq!(place.names("."), ["bad.toml", "good.toml"], "{arguments:?}");
    }
    let (_, errors) = place.run(&["verify", "good.toml", "bad.toml"], 2);
    assert!(errors.contains("bad.toml:13: solver.horizon"), "{errors}");
}

#[test]
fn scenarios_of_one_name_are_refused_before_the_first_run() {
    let place = Place::new(&[("one.toml", SCENARIO)]);
    for folder in ["a", "b"] {
        fs::create_dir(place.path(folder)).expect("folder");
        fs::write(place.path(folder).join("same.toml"), SCENARIO).expect("file");
    }
    for (out, into) in [
        (&[][..], "out/same"),
        (&["--out", "results"], "results/same"),
    ] {
        let arguments = [&["verify", "a/same.toml", "one.toml", "b/same.toml"], out].concat();
        let (said, errors) = place.run(&arguments, 2);
        assert_eq!(said, "");
        let told = format!("error: a/same.toml and b/same.toml would both be written to {into}");
        assert!(errors.contains(&told), "{errors}");
        assert_eq!(place.names("."), ["a", "b", "one.toml"]);
    }
}

#[test]
fn several_scenarios_go_to_one_folder_each() {
    let place = Place::new(&[("one.toml", SCENARIO), ("two.toml", SCENARIO)]);
    place.run(&["verify", "one.toml", "two.toml", "--out", "results"], 0);
    assert_eq!(place.names("."), ["one.toml", "results", "two.toml"]);
    assert_eq!(place.names("results"), ["one", "two"]);
    for name in ["one", "two"] {
        let report = place.path("results").join(name).join("report.json");
        assert!(report.is_file(), "{}", report.display());
    }
    // A single one goes to the folder itself.
    place.run(&["verify", "one.toml", "--out", "alone"], 0);
    assert!(place.path("alone/report.json").is_file());
}

#[test]
fn a_run_that_fails_ends_with_3() {
    let wrong = format!("{SCENARIO}{}", ESCAPE.replace("1.9001006", "1.8"));
    let place = Place::new(&[("good.toml", SCENARIO), ("wrong.toml", &wrong)]);
    let few = "solver.max_steps=5";
    let (said, _) = place.run(&["verify", "good.toml", "--set", few], 3);
    assert!(said.contains("5 steps were not enough"), "{said}");
    // Graver than a failed check, and the others are still run.
    let (said, _) = place.run(
        &["verify", "wrong.toml", "good.toml", "--set", few, "--json"],
        3,
    );
    let all = json(&said);
    assert_eq!(all["passed"], false);
    let suites = list(&all["suites"]);
    assert_eq!(suites.len(), 2);
    for suite in suites {
        assert_eq!(
            (&suite["outcome"], &suite["passed"]),
            (&"failed".into(), &false.into())
        );
    }
    assert_eq!(
        suites[0]["failures"], 1,
        "the expectation was not met: {}",
        suites[0]
    );
    assert_eq!(suites[1]["failures"], 0, "{}", suites[1]);
    assert_eq!(place.names("out"), ["good", "wrong"]);
}
