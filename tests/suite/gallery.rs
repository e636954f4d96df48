//! The gallery: its catalogue, what is embedded, every kind of check, the command.

use dlnflow::gallery::page::figure_name;
use dlnflow::gallery::{Catalogue, check, shipped};
use dlnflow::scenario::{Scenario, Sweep};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All files below a folder, relative to `root`.
fn files(root: &Path, below: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root.join(below)).expect("folder") {
        let entry = entry.expect("entry");
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => found.extend(files(root, &name)),
            false => found.extend([name]),
        }
    }
    found
}

fn catalogue() -> Catalogue {
    let text = fs::read_to_string(scenarios().join(shipped::CATALOGUE)).expect("catalogue");
    Catalogue::parse("gallery.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// Arguments of steps that are files.
fn named(catalogue: &Catalogue) -> BTreeSet<String> {
    let steps = catalogue.entries.iter().flat_map(|e| &e.steps);
    let arguments = steps.flat_map(|s| &s.run).cloned();
    arguments.filter(|a| a.ends_with(".toml")).collect()
}

#[test]
fn the_program_holds_what_the_folder_holds() {
    let root = scenarios();
    let mut expected = files(&root, "papers");
    expected.extend(named(&catalogue()));
    let embedded: BTreeSet<String> = shipped::FILES.iter().map(|f| f.0.to_owned()).collect();
    assert_eq!(embedded, expected, "src/gallery/shipped.rs lists the files");
    assert_eq!(embedded.len(), shipped::FILES.len());
    for (name, text) in shipped::FILES {
        assert_eq!(
            *text,
            fs::read_to_string(root.join(name)).expect("file"),
            "{name}"
        );
    }
}

#[test]
fn every_entry_says_what_it_claims_and_checks() {
    let catalogue = catalogue();
    assert!(catalogue.entries.len() >= 13);
    let used = named(&catalogue);
    for name in files(&scenarios(), "papers") {
        let used = used.contains(&name) || name == shipped::CATALOGUE;
        assert!(used, "{name} belongs to no entry");
    }
    for entry in &catalogue.entries {
        let id = &entry.id;
        assert!(
            entry.claim.ends_with('.') && !entry.claim.contains('\n'),
            "{id}"
        );
        assert!(entry.settings.contains("Settings chosen here"), "{id}");
        assert!(entry.checks.len() >= 3, "{id}");
        assert!(entry.checks.iter().all(|c| !c.source.is_empty()), "{id}");
        let text = format!("{entry:?}");
        let numbered = text.split("Figure ").skip(1);
        let numbered = numbered.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(numbered.count(), 0, "{id} claims a figure of the paper");
    }
}

#[test]
fn authors_are_the_papers_without_titles() {
    let catalogue = catalogue();
    let two = catalogue.entry("domine2024").expect("entry").authors();
    let expected = "Braun, Dominé, Fitzgerald & Saxe (2022); Dominé et al. (2024)";
    assert_eq!(two, expected);
}

#[test]
fn the_sweeps_of_papers_load() {
    let mut seen = 0;
    for name in named(&catalogue()) {
        let path = scenarios().join(&name);
        if Scenario::load(&path, &[]).is_err() {
            let sweep = Sweep::load(&path, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(sweep.count() > 0, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 8);
}

/// The page that ships is that of the catalogue: its entries, its figures and no others.
#[test]
fn the_page_shows_every_entry_and_every_figure() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = fs::read_to_string(docs.join("gallery.md")).expect("page");
    let mut shown = BTreeSet::new();
    for entry in &catalogue().entries {
        let heading = format!("\n## {}\n", entry.id);
        let begin = page
            .find(&heading)
            .unwrap_or_else(|| panic!("{} is missing", entry.id));
        let section = &page[begin + heading.len()..];
        let section = section.split("\n## ").next().expect("a part");
        assert!(!section.contains("**no**"), "{}: a check failed", entry.id);
        let texts = [&entry.claim, &entry.settings].into_iter();
        let names = entry.checks.iter().map(|c| &c.name);
        for text in texts.chain(names) {
            assert!(section.contains(text.as_str()), "{}: {text}", entry.id);
        }
        for figure in &entry.figures {
            let name = figure_name(entry, figure);
            assert!(
                section.contains(&format!("](figures/gallery/{name})")),
                "{name}"
            );
            shown.insert(name);
        }
    }
    let there = fs::read_dir(docs.join("figures/gallery")).expect("figures");
    let there = there.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned());
    assert_eq!(there.collect::<BTreeSet<_>>(), shown);
}

/// A catalogue of one entry with one check, the fields of which are given.
fn with_check(fields: &str) -> String {
    format!(
        "title = \"T\"\n[[entry]]\nid = \"e\"\npaper = \"P\"\nclaim = \"C.\"\nsettings = \"S.\"\n\
         step = [{{ name = \"s\", run = [\"run\", \"x.toml\"] }}]\n\
         [[entry.check]]\nname = \"n\"\nsource = \"theory\"\n{fields}\n"
    )
}

/// A folder of a step with small files.
fn output() -> TempDir {
    let place = tempfile::tempdir().expect("folder");
    let step = place.path().join("s");
    fs::create_dir(&step).expect("folder");
    let write = |name: &str, text: &str| fs::write(step.join(name), text).expect("file");
    write(
        "report.json",
        r#"{"word": "good", "number": 2.0, "none": null, "list": [
            {"k": 1, "in": {"x": 1.5}, "ok": true}, {"k": 2, "in": {"x": -4.0}, "ok": false}]}"#,
    );
    write(
        "table.csv",
        "init.scale,kind,v\n0.1,a,1\n0.01,a,2\n0.01,b,4\n1,c,\n",
    );
    write("other.csv", "v\n0.5\n2\n4\n");
    write("events.jsonl", "{\"t\": 1.0}\n{\"t\": 3.0}\n");
    place
}

/// Whether the check passes, and what it measured.
fn outcome(fields: &str) -> (bool, String) {
    let text = with_check(fields);
    let catalogue = Catalogue::parse("c.toml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let place = output();
    let [checked] = <[_; 1]>::try_from(check(&catalogue.entries[0], place.path())).expect("one");
    (checked.passed, checked.measured)
}

#[test]
fn every_kind_of_check_passes_and_fails_as_it_should() {
    let number = "measured = { step = \"s\", file = \"report.json\", at = \"/number\" }\n";
    let word = "measured = { step = \"s\", file = \"report.json\", at = \"/word\" }\n";
    let four = "{ step = \"s\", file = \"table.csv\", where = { kind = \"b\" }, column = \"v\" }";
    let cases = [
        (number, "value = 2.1\nabs_tol = 0.2".to_owned(), true),
        (number, "value = 2.1\nabs_tol = 0.05".to_owned(), false),
        (number, "value = 2.1\nrel_tol = 0.05".to_owned(), true),
        (number, "value = 2.1\nrel_tol = 0.04".to_owned(), false),
        (number, format!("predicted = {four}\nrel_tol = 0.5"), true),
        (number, format!("predicted = {four}\nrel_tol = 0.4"), false),
        (number, "min = 2".to_owned(), true),
        (number, "min = 2.5".to_owned(), false),
        (number, "max = 2".to_owned(), true),
        (number, "max = 1.5".to_owned(), false),
        (number, "min = 1\nmax = 3".to_owned(), true),
        (number, "min = 1\nmax = 1.5".to_owned(), false),
        (word, "equals = \"good\"".to_owned(), true),
        (word, "equals = \"bad\"".to_owned(), false),
        (number, "equals = \"good\"".to_owned(), false),
        (word, "min = 0".to_owned(), false),
    ];
    for (measured, expected, passes) in cases {
        assert_eq!(
            outcome(&format!("{measured}{expected}")).0,
            passes,
            "{expected}"
        );
    }
}

#[test]
fn measurements_are_what_stands_in_the_files() {
    let cases = [
        ("file = \"report.json\", at = \"/list/1/in/x\"", "-4"),
        (
            "file = \"report.json\", at = \"/list\", where = { k = 1 }, column = \"in/x\"",
            "1.500000",
        ),
        (
            "file = \"report.json\", at = \"/list\", where = { ok = false }, column = \"k\"",
            "2",
        ),
        (
            "file = \"report.json\", at = \"/list\", column = \"in/x\", pick = \"largest_size\"",
            "4",
        ),
        (
            "file = \"report.json\", at = \"/list\", pick = \"count\"",
            "2",
        ),
        (
            "file = \"events.jsonl\", column = \"t\", pick = \"last\"",
            "3",
        ),
        (
            "file = \"events.jsonl\", column = \"t\", pick = \"median\"",
            "2",
        ),
        (
            "file = \"table.csv\", where = { \"init.scale\" = 0.01 }, column = \"v\", pick = \"least\"",
            "2",
        ),
        (
            "file = \"table.csv\", where = { v = { min = 1.5, max = 3 } }, column = \"v\"",
            "2",
        ),
        (
            "file = \"table.csv\", where = { v = { min = 0 } }, column = \"v\", pick = \"first\", times = 3",
            "3",
        ),
        (
            "file = \"table.csv\", where = { v = { min = 0 } }, column = \"v\", pick = \"largest\", \
             minus = { step = \"s\", file = \"other.csv\", column = \"v\" }",
            "0.5000000",
        ),
        (
            "file = \"report.json\", at = \"/number\", over = { step = \"s\", file = \"other.csv\", \
             column = \"v\", pick = \"largest\" }",
            "0.5000000",
        ),
    ];
    for (measure, expected) in cases {
        let (passed, measured) = outcome(&format!(
            "measured = {{ step = \"s\", {measure} }}\nmin = -9"
        ));
        assert!(passed && measured == expected, "{measure}: {measured}");
    }
}

#[test]
fn what_cannot_be_measured_fails_and_says_why() {
    let cases = [
        ("file = \"none.json\"", "none.json: "),
        (
            "file = \"report.json\", at = \"/nothing\"",
            "nothing at \"/nothing\"",
        ),
        (
            "file = \"report.json\", at = \"/none\"",
            "found null, not a number",
        ),
        (
            "file = \"events.jsonl\", column = \"t\"",
            "2 rows meet the condition",
        ),
        (
            "file = \"table.csv\", where = { kind = \"z\" }, column = \"v\"",
            "no row meets",
        ),
        (
            "file = \"table.csv\", column = \"w\", pick = \"first\"",
            "nothing at \"w\"",
        ),
        (
            "file = \"table.csv\", column = \"v\", pick = \"first\"",
            "not a number",
        ),
        (
            "file = \"events.jsonl\", column = \"t\", pick = \"first\", \
             minus = { step = \"s\", file = \"other.csv\", column = \"v\" }",
            "2 rows, 3 in the other file",
        ),
    ];
    for (measure, reason) in cases {
        let fields = format!("measured = {{ step = \"s\", {measure} }}\nvalue = 1\nabs_tol = 9");
        let (passed, measured) = outcome(&fields);
        assert!(
            !passed && measured.contains(reason),
            "{measure}: {measured}"
        );
    }
}

#[test]
fn mistakes_in_a_catalogue_are_named() {
    let measured = "measured = { step = \"s\", file = \"report.json\" }\n";
    let good = with_check(&format!("{measured}min = 0"));
    assert!(Catalogue::parse("c.toml", &good).is_ok());
    let cases = [
        (with_check(measured), "check \"n\" needs exactly one of"),
        (
            with_check(&format!("{measured}value = 1")),
            "exactly one of",
        ),
        (
            with_check(&format!("{measured}min = 1\nequals = \"a\"")),
            "exactly one of",
        ),
        (
            with_check(&format!("{measured}min = 1\nrel_tol = 1")),
            "exactly one of",
        ),
        (
            with_check(&format!("{measured}mim = 1")),
            "unknown field `mim`",
        ),
        (
            good.replace("step = \"s\"", "step = \"t\""),
            "there is no step \"t\"",
        ),
        (
            good.replace("\"run\", \"x", "\"swep\", \"x"),
            "did you mean \"sweep\"?",
        ),
        (
            good.replace("\"e\"", "\"../e\""),
            "an id is made of letters",
        ),
        (good.replace("\"e\"", "\"figures\""), "the name of a folder"),
        (
            good.replace("name = \"s\"", "name = \"a/b\""),
            "a step's name is made of",
        ),
        (
            format!("{good}{}", good.trim_start_matches("title = \"T\"")),
            "stands twice",
        ),
    ];
    for (text, reason) in cases {
        let mistake = Catalogue::parse("c.toml", &text)
            .expect_err(reason)
            .to_string();
        assert!(
            mistake.starts_with("c.toml: ") && mistake.contains(reason),
            "{mistake}"
        );
    }
}

/// A folder where the program runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn run(&self, code: i32, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
        let output = command.current_dir(self.0.path()).args(arguments).output();
        let output = output.expect("program");
        assert_eq!(output.status.code(), Some(code), "{output:#?}");
        output
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let output = self.run(code, &[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn status(&self, id: &str) -> String {
        let list = self.json(0, &["gallery"]);
        let entries = list["entries"].as_array().expect("entries");
        let entry = entries.iter().find(|e| e["id"] == id).expect("entry");
        entry["status"].as_str().expect("status").to_owned()
    }

    /// A catalogue of one run of two layers whose check expects `level`, and the page that it gives.
    fn own(&self, level: f64) {
        let scenario = fs::read_to_string(scenarios().join("basics/two_layer_staircase.toml"));
        fs::write(self.0.path().join("x.toml"), scenario.expect("scenario")).expect("copy");
        let measured =
            "measured = { step = \"s\", file = \"report.json\", at = \"/singular_values/0\" }";
        let text = with_check(&format!("{measured}\nvalue = {level}\nrel_tol = 1e-6"));
        let figure = "[[entry.figure]]\nstep = \"s\"\nfile = \"figures/cost_log.svg\"\ncaption = \"Cost.\"\n";
        fs::write(self.0.path().join("c.toml"), text + figure).expect("catalogue");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("file")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_entry_runs_passes_and_is_not_run_again() {
    let place = Place::new();
    assert_eq!(place.status("domine2024"), "not run");
    let first = place.json(0, &["gallery", "domine2024", "--quiet"]);
    assert_eq!(first["entries"][0]["passed"], true, "{first:#}");
    assert_eq!(place.status("domine2024"), "passed");
    let again = place.run(0, &["gallery", "domine2024", "--json"]);
    assert_eq!(said(&again).matches("done before").count(), 2, "{again:?}");
    assert_eq!(
        first,
        serde_json::from_slice::<Value>(&again.stdout).expect("JSON")
    );
    // A file that changed is made anew.
    let report = "out/gallery/domine2024/exact/report.json";
    fs::write(place.0.path().join(report), "{}").expect("damage");
    assert_eq!(place.status("domine2024"), "not run");
    let third = place.run(0, &["gallery", "domine2024", "--json"]);
    assert_eq!(said(&third).matches("done before").count(), 1, "{third:?}");
    assert_eq!(
        first,
        serde_json::from_slice::<Value>(&third.stdout).expect("JSON")
    );
}

#[test]
fn the_page_is_the_same_on_every_run() {
    let place = Place::new();
    place.own(4.0);
    let all = [
        "gallery",
        "--all",
        "--catalogue",
        "c.toml",
        "--out",
        "o",
        "--docs",
        "d",
        "--quiet",
    ];
    place.run(0, &all);
    let pages = || {
        [
            "o/gallery.md",
            "d/gallery.md",
            "d/figures/gallery/e_s_cost_log.svg",
        ]
        .map(|n| place.read(n))
    };
    let first = pages();
    assert!(
        first[0].contains("![Cost.](figures/e_s_cost_log.svg)"),
        "{}",
        first[0]
    );
    assert!(
        first[1].contains("![Cost.](figures/gallery/e_s_cost_log.svg)"),
        "{}",
        first[1]
    );
    assert!(
        first[1].contains("[`dlnflow gallery e --catalogue c.toml`](#e)"),
        "{}",
        first[1]
    );
    assert!(
        first[0].contains("\n$ dlnflow run x.toml\n"),
        "{}",
        first[0]
    );
    place.run(0, &all);
    assert_eq!(pages(), first);
    place.run(0, &[&all[..], &["--fresh"]].concat());
    assert_eq!(pages(), first);
}

#[test]
fn a_check_that_fails_gives_exit_code_1() {
    let place = Place::new();
    place.own(4.5);
    let output = place.run(1, &["gallery", "e", "--catalogue", "c.toml", "--out", "o"]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("FAILED") && table.contains("4.5"), "{table}");
    let list = place.json(0, &["gallery", "--catalogue", "c.toml", "--out", "o"]);
    assert_eq!(list["entries"][0]["status"], "failed");
}

#[test]
fn a_figure_that_is_not_there_fails_its_entry() {
    let place = Place::new();
    place.own(4.0);
    let text = place.read("c.toml").replace("cost_log.svg", "costs.svg");
    fs::write(place.0.path().join("c.toml"), text).expect("catalogue");
    let own = ["--catalogue", "c.toml", "--out", "o"];
    let output = place.run(1, &[&["gallery", "e"][..], &own].concat());
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("figure `s/figures/costs.svg`"), "{table}");
    let list = place.json(0, &[&["gallery"][..], &own].concat());
    assert_eq!(list["entries"][0]["status"], "failed");
}

#[test]
fn a_step_without_a_result_gives_its_exit_code_and_its_message() {
    let place = Place::new();
    place.own(4.0);
    fs::write(place.0.path().join("x.toml"), "[network]\nwidths = [3]\n").expect("scenario");
    let output = place.run(2, &["gallery", "e", "--catalogue", "c.toml", "--out", "o"]);
    assert!(
        said(&output).contains("error: e/s ended with exit code 2"),
        "{output:?}"
    );
    assert!(said(&output).contains("x.toml"), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("FAILED"),
        "{output:?}"
    );
}

#[test]
fn what_is_not_there_is_refused_with_the_nearest_name() {
    let place = Place::new();
    let output = place.run(2, &["gallery", "gidel2018"]);
    assert!(
        said(&output).contains("did you mean \"gidel2019\"?"),
        "{output:?}"
    );
    assert_eq!(fs::read_dir(place.0.path()).expect("folder").count(), 0);
    let output = place.run(2, &["gallery", "--catalogue", "none.toml"]);
    assert!(said(&output).contains("none.toml"), "{output:?}");
    let output = place.run(2, &["gallery", "saxe2014", "--set", "seed=3"]);
    assert!(said(&output).contains("takes no --set"), "{output:?}");
}
