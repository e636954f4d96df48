//! The documents describe what exists: paths, links, examples, keys, defaults and printed numbers.

use dlnflow::report::table;
use dlnflow::run::{Watch, run};
use dlnflow::scenario::{Scenario, json_schema};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAIN_SCENARIO: &str = "scenarios/basics/two_layer_staircase.toml";

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The Markdown files of the project.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "scenarios/README.md",
    ]
    .map(PathBuf::from)
    .to_vec();
    let docs = fs::read_dir("docs").expect("docs");
    found.extend(docs.map(|e| e.expect("entry").path()));
    found.retain(|path| path.extension().is_some_and(|e| e == "md"));
    found.sort();
    assert!(found.len() >= 10, "only {found:?}");
    found
}

/// All scenario files that ship.
fn shipped(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(shipped(&path));
        } else if path.extension().is_some_and(|e| e == "toml") {
            found.push(path);
        }
    }
    found
}

/// Contents of the fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            if name == language {
                found.push(body.join("\n"));
            }
        }
    }
    found
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

#[test]
fn readme_has_exactly_its_two_commands() {
    let readme = read("README.md");
    let main = format!("cargo run --release -- run {MAIN_SCENARIO}");
    let expected = [main, "cargo test --release".to_owned()];
    assert_eq!(blocks(&readme, "sh"), expected);
    let landing = read(".ci/run");
    for command in expected {
        assert!(landing.contains(&command), ".ci/run lacks {command}");
    }
}

/// Escape times are printed to 9 digits and accurate to 1e-11: the same everywhere. The relative
/// difference is roundoff and is left out.
#[test]
fn readme_shows_what_the_main_command_prints() {
    let scenario = Scenario::load(Path::new(MAIN_SCENARIO), &[]).expect("scenario");
    let report = run(
        &scenario,
        &scenario.build().expect("problem"),
        Watch::default(),
    );
    let mut printed = Vec::new();
    table::write(&report, None, &mut printed).expect("table");
    let printed = String::from_utf8(printed).expect("text");
    let varies = |line: &str| line.contains(" steps (");
    let stable = |line: &str| match line.split_whitespace().count() {
        6 => line.rsplit_once(' ').map_or("", |cut| cut.0).to_owned(),
        _ => line.to_owned(),
    };
    let block = &blocks(&read("README.md"), "text")[0];
    let shown: Vec<String> = block.lines().map(stable).collect();
    let mut compared = 0;
    for line in printed.lines().filter(|l| !varies(l)) {
        let line = stable(line);
        assert!(shown.contains(&line), "README lacks {line:?}");
        compared += 1;
    }
    assert!(compared >= 9, "only {compared} lines compared");
}

#[test]
fn scenario_paths_exist() {
    let mut seen = 0;
    for document in documents() {
        let text = read(&document);
        for start in text.match_indices("scenarios/").map(|(at, _)| at) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
            let tail = &text[start..];
            let end = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
            if tail[..end].ends_with(".toml") {
                let there = Path::new(&tail[..end]).is_file();
                assert!(there, "{}: {}", document.display(), &tail[..end]);
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "only {seen} paths seen");
}

#[test]
fn every_shipped_scenario_is_listed_and_its_paths_are_sound() {
    let list = read("scenarios/README.md");
    let files = shipped(Path::new("scenarios"));
    for file in &files {
        let name = file.strip_prefix("scenarios").expect("below scenarios");
        let link = format!("]({})", name.display());
        assert!(list.contains(&link), "scenarios/README.md lacks {link}");
    }
    assert!(files.len() >= 18, "only {} scenarios", files.len());
}

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> Vec<String> {
    let outside = prose(text);
    let headings = outside.lines().filter(|l| l.starts_with('#'));
    headings
        .map(|l| anchor(l.trim_start_matches('#')))
        .collect()
}

#[test]
fn relative_links_resolve() {
    let mut seen = 0;
    for document in documents() {
        let text = read(&document);
        let folder = document.parent().expect("folder");
        for link in prose(&text).split("](").skip(1) {
            let target = link.split(')').next().expect("end of link");
            if target.contains("://") {
                continue;
            }
            let (path, place) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => document.clone(),
                path => folder.join(path),
            };
            assert!(file.exists(), "{}: {target}", document.display());
            if !place.is_empty() {
                let there = anchors(&read(&file)).iter().any(|a| a == place);
                assert!(there, "{}: no heading {target}", document.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 30, "only {seen} links seen");
}

#[test]
fn complete_examples_build() {
    let mut seen = 0;
    for document in documents() {
        for (index, block) in blocks(&read(&document), "toml").iter().enumerate() {
            let name = format!("{} block {}", document.display(), index + 1);
            if block.starts_with("schema = 1") {
                let folder = document.parent().expect("folder");
                let parsed = Scenario::parse(&name, "example", folder, block.as_bytes(), &[]);
                let built = parsed.and_then(|scenario| scenario.build());
                built.unwrap_or_else(|errors| panic!("{errors}"));
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "only {seen} examples seen");
}

/// A key of the schema, below the top-level key that it belongs to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    table: String,
    /// The key as `key`, or an allowed name as `"name"`.
    written: String,
    /// Its default, if that is a plain value.
    default: Option<String>,
}

/// Collects all keys and allowed names of a schema and of what it refers to.
fn collect(schema: &Value, root: &Value, table: &str, entries: &mut BTreeSet<Entry>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.trim_start_matches('#');
        collect(root.pointer(target).expect("$defs"), root, table, entries);
    }
    let properties = schema["properties"].as_object();
    for (key, below) in properties.into_iter().flatten() {
        let default = &below["default"];
        entries.insert(Entry {
            table: if table.is_empty() { "Top level" } else { table }.to_owned(),
            written: key.clone(),
            default: (default.is_number() || default.is_boolean() || default.is_string())
                .then(|| default.to_string()),
        });
        let table = if table.is_empty() { key } else { table };
        collect(below, root, table, entries);
    }
    let names = schema["enum"].as_array().into_iter().flatten();
    for name in names.chain(schema.get("const")).filter(|n| n.is_string()) {
        entries.insert(Entry {
            table: table.to_owned(),
            written: name.to_string(),
            default: None,
        });
    }
    for list in ["oneOf", "anyOf"] {
        for option in schema[list].as_array().into_iter().flatten() {
            collect(option, root, table, entries);
        }
    }
    if schema["items"].is_object() {
        collect(&schema["items"], root, table, entries);
    }
}

/// The section of the reference for a top-level key, and that of matrices, which many share.
fn section(text: &str, table: &str) -> String {
    let sections: Vec<&str> = text.split("\n## ").collect();
    let heading_is = |s: &&&str, name: &str| {
        let heading = s.lines().next().unwrap_or_default();
        heading.trim_matches(['`', '[', ']']) == name
    };
    let own = sections.iter().find(|s| heading_is(s, table));
    let own = own.unwrap_or_else(|| panic!("docs/scenario.md has no section {table}"));
    let matrix = sections.iter().find(|s| heading_is(s, "MATRIX"));
    format!("{own}\n{}", matrix.expect("section MATRIX"))
}

#[test]
fn the_reference_has_every_key_name_and_default() {
    let text = read("docs/scenario.md");
    let schema = json_schema();
    let mut entries = BTreeSet::new();
    collect(&schema, &schema, "", &mut entries);
    let mut defaults = 0;
    for entry in &entries {
        let section = section(&text, &entry.table);
        let code = format!("`{}`", entry.written);
        assert!(section.contains(&code), "{}: {code} missing", entry.table);
        if let Some(default) = &entry.default {
            let is_of_key = |row: &&str| row.split('|').nth(1).is_some_and(|c| c.contains(&code));
            let mut rows = section.lines().filter(is_of_key);
            let value = format!("| `{default}` |");
            let stated = rows.any(|row| row.contains(&value));
            assert!(stated, "{}: {code} lacks {value}", entry.table);
            defaults += 1;
        }
    }
    assert!(entries.len() > 80 && defaults > 12, "{entries:?}");
}

#[test]
fn the_page_on_sweeps_has_every_key_and_default() {
    // The look of figures is explained once, for scenarios.
    let text = read("docs/sweeps.md") + &section(&read("docs/scenario.md"), "figure");
    let schema = dlnflow::scenario::sweep::json_schema();
    let mut entries = BTreeSet::new();
    collect(&schema, &schema, "", &mut entries);
    for entry in &entries {
        let code = format!("`{}`", entry.written);
        assert!(text.contains(&code), "{}: {code} missing", entry.table);
        if let Some(default) = &entry.default {
            let rows = text
                .lines()
                .filter(|row| row.split('|').nth(1).is_some_and(|c| c.contains(&code)));
            let mut rows = rows.filter(|row| row.contains(&format!("| `{default}` |")));
            assert!(
                rows.next().is_some(),
                "{}: {code} lacks {default}",
                entry.table
            );
        }
    }
    assert!(entries.len() > 25, "{entries:?}");
}

/// Quoted strings of a text.
fn quoted(text: &str, mark: char) -> Vec<String> {
    text.split(mark)
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_import_table_is_the_one_enforced() {
    let test = read("tests/suite/architecture.rs");
    let begin = test.find("const MAY_IMPORT").expect("table");
    let constant = &test[begin..begin + test[begin..].find("];\n").expect("end")];
    let enforced: Vec<Vec<String>> = constant
        .split('(')
        .map(|row| quoted(row, '"'))
        .filter(|names| !names.is_empty())
        .collect();
    let text = read("docs/architecture.md");
    let begin = text.find("| module | may import |").expect("table");
    let rows = text[begin..]
        .lines()
        .skip(2)
        .take_while(|l| l.starts_with('|'));
    let documented: Vec<Vec<String>> = rows.map(|row| quoted(row, '`')).collect();
    assert_eq!(documented, enforced);
    assert!(enforced.len() >= 12);
}

#[test]
fn the_readme_lists_every_command() {
    let arguments = read("src/cli/args.rs");
    let begin = arguments.find("pub enum Command {").expect("commands");
    let body = &arguments[begin..begin + arguments[begin..].find("\n}\n").expect("end")];
    let variants = body
        .lines()
        .filter(|l| l.starts_with("    ") && !l.starts_with("     "));
    let names: Vec<String> = variants
        .map(str::trim)
        .filter(|l| l.starts_with(char::is_uppercase))
        .map(|l| {
            l.split(|c: char| !c.is_alphanumeric())
                .next()
                .expect("name")
        })
        .map(str::to_lowercase)
        .collect();
    let readme = read("README.md");
    for name in &names {
        assert!(readme.contains(&format!("`dlnflow {name}")), "{name}");
    }
    let listed = readme.matches("| `dlnflow ").count();
    assert_eq!(listed, names.len(), "{names:?}");
}
