//! No input makes the program panic: random bytes, cut and mutated scenarios, extreme numbers,
//! damaged matrix files. What builds has finite weights and a finite target.

use dlnflow::scenario::Scenario;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

fn good_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/good")
}

fn good_texts() -> Vec<String> {
    let entries = fs::read_dir(good_folder()).expect("fixtures");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    files
        .iter()
        .map(|f| fs::read_to_string(f).expect("fixture"))
        .collect()
}

/// Loads and builds; true when it built.
fn survives(bytes: &[u8], folder: &Path, overrides: &[String]) -> bool {
    let built = Scenario::parse("x.toml", "x", folder, bytes, overrides).and_then(|s| s.build());
    match built {
        Ok(built) => {
            assert!(built.problem.initial_weights.iter().all(|w| w.is_finite()));
            assert!(
                built
                    .problem
                    .cost
                    .target()
                    .is_none_or(|t| t.is_all_finite())
            );
            assert!(built.solver.atol.iter().all(|a| *a > 0.0 && a.is_finite()));
            true
        }
        Err(errors) => {
            assert!(!errors.errors.is_empty());
            assert!(!errors.to_string().is_empty());
            for span in errors.errors.iter().filter_map(|e| e.span.clone()) {
                assert!(errors.source_text.get(span).is_some(), "{errors}");
            }
            false
        }
    }
}

/// The words of a text that are numbers, as byte ranges.
fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    let mut found = Vec::new();
    let mut start = None;
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, is_part(c)) {
            (None, true) => start = Some(i),
            (Some(s), false) => {
                if text[s..i].parse::<f64>().is_ok() {
                    found.push(s..i);
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

const EXTREMES: [&str; 18] = [
    "nan",
    "-nan",
    "inf",
    "-inf",
    "0",
    "-0.0",
    "-1",
    "1.5",
    "1e308",
    "-1e308",
    "1e-308",
    "5e-324",
    "1e400",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "0x7fffffff",
    "100000",
];

#[test]
fn extreme_numbers_in_every_place() {
    let (mut tried, mut built) = (0, 0);
    for text in good_texts() {
        for place in numbers(&text) {
            for extreme in EXTREMES {
                let mut changed = text.clone();
                changed.replace_range(place.clone(), extreme);
                built += usize::from(survives(changed.as_bytes(), &good_folder(), &[]));
                tried += 1;
            }
        }
    }
    // Both outcomes occur often: the numbers land in real places.
    assert!(
        tried > 5000 && built > 500 && built < tried - 500,
        "{built} of {tried}"
    );
}

#[test]
fn scenarios_cut_anywhere() {
    for text in good_texts().iter().filter(|t| t.len() < 400) {
        for end in 0..text.len() {
            survives(&text.as_bytes()[..end], &good_folder(), &[]);
        }
    }
}

fn matrix_scenario(file: &str) -> String {
    format!(
        "[network]\nwidths = [3, 4, 2]\n[cost]\nkind = \"squared_error\"\ntarget = {{ file = \"{file}\" }}\n\
         [init]\nkind = \"gaussian\"\nstd = 0.1\n[solver]\nhorizon = 1.0\n"
    )
}

fn survives_as_file(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join(name), bytes).expect("file");
    survives(matrix_scenario(name).as_bytes(), folder.path(), &[]);
}

fn survives_as_run(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("weights.npz"), bytes).expect("file");
    let text = matrix_scenario("").replace("{ file = \"\" }", "{ diagonal = [1.0] }");
    let text = text.replace(
        "kind = \"gaussian\"\nstd = 0.1",
        "kind = \"run\"\nfolder = \".\"",
    );
    survives(
        text.replace("[3, 4, 2]", "[3, 3, 2]").as_bytes(),
        folder.path(),
        &[],
    );
}

/// Changes, inserts or removes single bytes.
fn mutate(bytes: &mut Vec<u8>, changes: &[(usize, u8, u8)]) {
    for &(place, kind, byte) in changes {
        let place = place % bytes.len().max(1);
        match kind % 3 {
            0 if place < bytes.len() => bytes[place] = byte,
            1 if place < bytes.len() => {
                bytes.remove(place);
            }
            _ => bytes.insert(place, byte),
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let printable = prop_oneof![3 => b' '..b'~', 1 => any::<u8>()];
    prop::collection::vec((any::<usize>(), any::<u8>(), printable), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&bytes, Path::new(""), &[]);
    }

    #[test]
    fn random_toml(text in "(\\[?\\[?[a-z_.]{1,8}\\]?\\]?( = [0-9a-z\"{},\\[\\].-]{1,12})?\n){1,12}") {
        survives(text.as_bytes(), Path::new(""), &[]);
    }

    #[test]
    fn mutated_scenarios(which in any::<prop::sample::Index>(), changes in changes()) {
        let texts = good_texts();
        let mut bytes = texts[which.index(texts.len())].clone().into_bytes();
        mutate(&mut bytes, &changes);
        survives(&bytes, &good_folder(), &[]);
    }

    #[test]
    fn shuffled_lines(which in any::<prop::sample::Index>(), from in any::<usize>(), to in any::<usize>()) {
        let texts = good_texts();
        let mut lines: Vec<&str> = texts[which.index(texts.len())].lines().collect();
        let line = lines.remove(from % lines.len());
        lines.insert(to % (lines.len() + 1), line);
        survives(lines.join("\n").as_bytes(), &good_folder(), &[]);
    }

    #[test]
    fn random_overrides(text in "[a-z0-9_.]{0,20}=?[0-9a-z\"{},\\[\\].-]{0,12}", key in "(init.scale|solver|cost.target|events.0|expect.0.value|network.widths.1)") {
        let full = fs::read(good_folder().join("full.toml")).expect("fixture");
        survives(&full, &good_folder(), std::slice::from_ref(&text));
        survives(&full, &good_folder(), &[format!("{key}={text}")]);
    }

    #[test]
    fn random_csv(text in "([0-9einfa+.\t -]{0,6}[,\n\r]){0,20}") {
        survives_as_file("x.csv", text.as_bytes());
    }

    #[test]
    fn damaged_npy(changes in changes(), end in 0_usize..256) {
        let mut bytes = fs::read(good_folder().join("data/target_c.npy")).expect("fixture");
        mutate(&mut bytes, &changes);
        survives_as_file("x.npy", &bytes);
        bytes.truncate(end);
        survives_as_file("x.npy", &bytes);
    }

    #[test]
    fn damaged_archives(changes in changes(), end in 0_usize..800) {
        let mut bytes = fs::read(good_folder().join("data/earlier_run/weights.npz")).expect("fixture");
        mutate(&mut bytes, &changes);
        survives_as_run(&bytes);
        bytes.truncate(end);
        survives_as_run(&bytes);
    }
}
