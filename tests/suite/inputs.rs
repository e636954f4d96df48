//! Scenario files as users write them: every file in `tests/inputs/bad` must raise exactly the
//! messages in its `# expect:` lines, every file in `tests/inputs/good` must build and survive its own
//! resolved form. `# set:` lines are overrides.

use dlnflow::scenario::{Built, InputErrors, Scenario};
use std::fs;
use std::path::{Path, PathBuf};

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inputs")
        .join(folder);
    let entries = fs::read_dir(folder).expect("folder of fixtures");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    files
}

fn marked(text: &str, mark: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
    lines.map(str::to_string).collect()
}

fn build(path: &Path) -> Result<Built, InputErrors> {
    let text = fs::read_to_string(path).expect("fixture");
    let overrides = marked(&text, "# set: ");
    Scenario::load(path, &overrides)?.build()
}

#[test]
fn bad_files_raise_their_messages() {
    let files = scenarios("bad");
    let mut wrong = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).expect("fixture");
        let expected = marked(&text, "# expect: ").join("\n");
        let folder = format!("{}/", path.parent().expect("folder").display());
        let found = match build(path) {
            Ok(_) => "no error".to_string(),
            Err(errors) => errors.to_string().replace(&folder, ""),
        };
        if expected.is_empty() || found != expected {
            wrong.push(format!(
                "{}\nexpected:\n{expected}\nfound:\n{found}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(files.len(), 185);
}

#[test]
fn good_files_build_and_so_do_their_resolved_forms() {
    let files = scenarios("good");
    for path in &files {
        let built = build(path).unwrap_or_else(|e| panic!("{e}"));
        let folder = tempfile::tempdir().expect("folder");
        for input in &built.inputs {
            let copy = folder.path().join(&input.copy);
            fs::create_dir_all(copy.parent().expect("parent")).expect("inputs");
            fs::write(copy, &input.bytes).expect("copy");
        }
        let resolved = folder.path().join("scenario.toml");
        fs::write(&resolved, &built.resolved).expect("scenario");
        let again = build(&resolved).unwrap_or_else(|e| panic!("{e}\n{}", built.resolved));
        assert_eq!(
            format!("{:?}", again.problem),
            format!("{:?}", built.problem)
        );
        assert_eq!(format!("{:?}", again.solver), format!("{:?}", built.solver));
        assert_eq!(again.recording, built.recording);
        assert_eq!(again.events, built.events);
        assert_eq!(again.stop, built.stop);
        assert_eq!(again.expectations, built.expectations);
        assert_eq!(again.resolved, built.resolved, "{}", path.display());
    }
    assert_eq!(files.len(), 39);
}

#[test]
fn a_missing_scenario_is_named() {
    let error = Scenario::load(Path::new("no_such.toml"), &[]).expect_err("no such file");
    let expected =
        "no_such.toml: cannot be read: there is no such file; a scenario is a TOML text file";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let error = Scenario::parse("x.toml", "x", Path::new(""), b"title = \"\xff\"", &[]);
    let expected = "x.toml: found bytes that are not text; a scenario is a TOML text file";
    assert_eq!(error.expect_err("not text").to_string(), expected);
}

#[test]
fn spans_point_at_what_is_meant() {
    let text = "seed = 1\n[network]\nwidths = [3, 4.5]\n";
    let errors = Scenario::parse("x.toml", "x", Path::new(""), text.as_bytes(), &[])
        .expect_err("not complete");
    let error = errors
        .errors
        .iter()
        .find(|e| e.key == "network.widths[1]")
        .expect("width");
    let span = error.span.clone().expect("span");
    assert_eq!(
        (&errors.source_text[span], error.line, error.column),
        ("4.5", Some(3), Some(14))
    );
}

#[test]
fn overrides_reach_tables_lists_and_new_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/good/full.toml");
    let overrides = [
        "seed=8",
        "expect.1.value = 2.0",
        "stop.cost=1e-6",
        "cost.target={ diagonal = [1.0] }",
        "solver.method=\"bdf\"",
    ];
    let scenario = Scenario::load(&path, &overrides.map(str::to_string)).expect("overridden");
    let built = scenario.build().expect("built");
    assert_eq!(scenario.spec().seed, 8);
    assert_eq!(built.expectations[1].value, 2.0);
    assert_eq!(built.stop.cost, Some(1e-6));
    assert_eq!(built.solver.method.name(), "bdf");
    let target = built.problem.cost.target().expect("target");
    assert_eq!((target[(0, 0)], target[(1, 1)]), (1.0, 0.0));
}

#[test]
fn only_the_title_depends_on_the_file_name() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/good/minimal.toml");
    let bytes = fs::read(&path).expect("fixture");
    let resolved = |name: &str| {
        let scenario = Scenario::parse("x.toml", name, Path::new(""), &bytes, &[]);
        scenario.expect("loads").build().expect("builds").resolved
    };
    let (first, second) = (resolved("first"), resolved("second"));
    assert_eq!(
        first.replace("title = \"first\"", "title = \"second\""),
        second
    );
}

#[test]
fn every_kind_and_name_is_in_the_json_schema() {
    let schema = dlnflow::scenario::json_schema().to_string();
    // The names of docs/scenario.md.
    let names = "squared_error weighted matrix_completion regression matrix_sensing gaussian \
        orthogonal balanced aligned lambda_balanced identity matrices run auto dop853 exact tsit45 bdf \
        esdirk34 tr_bdf2 gradient_descent adaptive linear log steps times escape crossing plateau \
        rank_change rising falling both closed_form published rows diagonal singular_values file";
    for name in names.split_whitespace() {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
}
