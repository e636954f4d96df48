//! The scenarios that ship: each is a document, an example and a test.

use dlnflow::report::Outcome;
use dlnflow::run::{Watch, run};
use dlnflow::scenario::{Built, Scenario};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a scenario that fit one page.
const PAGE: usize = 60;

fn scenarios() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            // Sweeps are no scenarios; `sweeps.rs` and `gallery.rs` read them.
            if path.is_dir() && !path.ends_with("scenarios/sweeps") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") && is_scenario(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Not a sweep, which has a base, and not the catalogue of the gallery.
fn is_scenario(path: &Path) -> bool {
    let text = fs::read_to_string(path).expect("file");
    let other = ["[base]", "base ", "[[entry]]"];
    let begins = |line: &str| other.iter().any(|start| line.starts_with(start));
    !text.lines().any(begins)
}

/// The comment that a file begins with.
fn header(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

fn build(path: &Path) -> (Scenario, Built) {
    let scenario = Scenario::load(path, &[]).unwrap_or_else(|e| panic!("{e}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}"));
    (scenario, built)
}

#[test]
fn every_scenario_explains_itself_on_one_page() {
    let files = scenarios();
    for path in &files {
        let text = fs::read_to_string(path).expect("scenario");
        let name = path.display();
        assert!(text.lines().count() < PAGE, "{name} is too long");
        assert!(
            header(&text).contains("Look for"),
            "{name} has no \"Look for\""
        );
    }
    assert_eq!(files.len(), 46);
}

#[test]
fn every_scenario_does_what_its_header_says() {
    for path in scenarios() {
        let name = path.display();
        let (scenario, built) = build(&path);
        let report = run(&scenario, &built, Watch::default());
        assert_ne!(
            report.outcome,
            Outcome::Failed,
            "{name}: {}",
            report.outcome_detail
        );
        for check in &report.checks {
            assert!(check.passed, "{name}: {check:?}");
        }
        // A monitor may speak up only where the header talks about it.
        let text = fs::read_to_string(&path).expect("scenario");
        let explained = header(&text).contains("arning");
        assert!(
            report.warnings.is_empty() || explained,
            "{name}: {:?}",
            report.warnings
        );
    }
}

#[test]
fn every_resolved_scenario_is_the_same_scenario() {
    for path in scenarios() {
        let (scenario, built) = build(&path);
        let folder = tempfile::tempdir().expect("folder");
        for input in &built.inputs {
            let copy = folder.path().join(&input.copy);
            fs::create_dir_all(copy.parent().expect("parent")).expect("inputs");
            fs::write(copy, &input.bytes).expect("copy");
        }
        let resolved = folder.path().join("scenario.toml");
        fs::write(&resolved, &built.resolved).expect("resolved");
        let (same, again) = build(&resolved);
        let name = path.display();
        assert_eq!(again.resolved, built.resolved, "{name}");
        assert_eq!(same.title(), scenario.title(), "{name}");
        assert_eq!(
            again.problem.initial_weights, built.problem.initial_weights,
            "{name}"
        );
    }
}
