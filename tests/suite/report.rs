//! Files of the output folder: golden bytes, exact round trips, and folders that are replaced
//! whole or not at all.

use crate::synthetic;
use dlnflow::error::Error;
use dlnflow::observe::{Observable, Row, Trajectory};
use dlnflow::report::figure::Look;
use dlnflow::report::{
    self, Extras, Input, Keep, Outcome, Report, Written, csv, events, json, npz, read, table,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use zip::ZipArchive;

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// SHA-256 of "abc": FIPS 180-2, appendix B.1.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn extras() -> Extras {
    Extras {
        scenario_toml: "schema = 1\n".to_owned(),
        inputs: vec![Input {
            name: "target.csv".to_owned(),
            bytes: b"abc".to_vec(),
        }],
        input_hashes: BTreeMap::from([("../data/target.csv".to_owned(), ABC.to_owned())]),
        seed: 7,
        ..Extras::default()
    }
}

/// Every file below `folder` with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(contents(&path)),
            false => drop(files.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    files
}

#[test]
fn trajectory_csv_has_seventeen_digits_and_an_empty_field() {
    let row = Row {
        time: 0.5,
        cost: 1.0 / 3.0,
        test_cost: None,
        loss: 0.1,
        gradient_norm: 1e-300,
        parameter_norm_sq: 2.0,
        schatten: 2.0,
        imbalance_drift: 0.0,
        rank: 1,
        singular_values: vec![4.0, 5e-324],
        observables: Vec::new(),
    };
    let trajectory = Trajectory {
        rows: vec![row],
        observables: Vec::new(),
        weights: Vec::new(),
    };
    // Digits from C's "%.16e"; Rust writes exponents without padding.
    let expected = "time,cost,test_cost,loss,gradient_norm,parameter_norm_sq,schatten,\
        imbalance_drift,rank,sigma_1,sigma_2\n\
        5.0000000000000000e-1,3.3333333333333331e-1,,1.0000000000000001e-1,\
        1.0000000000000000e-300,2.0000000000000000e0,2.0000000000000000e0,\
        0.0000000000000000e0,1,4.0000000000000000e0,4.9406564584124654e-324\n";
    assert_eq!(text(|out| csv::write(&trajectory, out)), expected);
}

#[test]
fn event_lines_have_the_keys_of_the_interface_in_order() {
    let mut event = synthetic::events().remove(2);
    event.time = 1.5;
    event.bracket = [1.25, 1.75];
    event.since_previous = 0.5;
    event.cost = f64::NAN;
    event.gradient_norm = 0.25;
    event.singular_values = vec![2.0, 1e-6];
    let expected = "{\"kind\":\"escape\",\"index\":1,\"quantity\":\"singular_value\",\
        \"level\":2.0,\"direction\":\"rising\",\"time\":1.5,\"bracket\":[1.25,1.75],\
        \"since_previous\":0.5,\"cost\":null,\"gradient_norm\":0.25,\
        \"singular_values\":[2.0,1e-6],\"at_start\":false,\"duration\":null}\n";
    assert_eq!(text(|out| events::write(&[event], out)), expected);
}

#[test]
fn report_json_holds_the_interface() {
    let mut report = synthetic::report(3);
    report.checks[0].predicted = f64::INFINITY;
    report.waiting = vec![(4, 0.25)];
    let text = text(|out| json::write(&report, out));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sigma = |k: usize| synthetic::strength(synthetic::TARGET[k], synthetic::HORIZON);
    assert_eq!(value["title"], "Two-layer staircase");
    assert_eq!(
        value["singular_values"],
        serde_json::json!([sigma(0), sigma(1), sigma(2)])
    );
    assert_eq!(value["events"].as_array().unwrap().len(), 9);
    assert_eq!(value["predictions"][1]["mode"], 2);
    assert_eq!(value["predictions"][1]["source"]["kind"], "closed_form");
    assert_eq!(value["checks"][0]["predicted"], serde_json::Value::Null);
    assert_eq!(value["solver"]["integration_seconds"], 0.021);
    let waiting = serde_json::json!([{ "mode": 4, "level": 0.25 }]);
    assert_eq!(value["not_escaped"], waiting);
    // The order of the keys is the interface's, additions after them.
    let keys = [
        "title",
        "outcome",
        "singular_values",
        "events",
        "predictions",
        "checks",
        "solver",
    ];
    let places = keys.map(|key| text.find(&format!("\n  \"{key}\": ")).unwrap());
    assert!(places.is_sorted());
    assert!(text.find("\n  \"warnings\": []").unwrap() > places[6]);
}

#[test]
fn summary_is_a_table_of_escape_times() {
    let mut report = synthetic::report(3);
    report.predictions.remove(2);
    report.warnings.push("energy identity violated".to_owned());
    report.events[5].time *= 1.0 + 1e-10;
    // Times are ln(s*·1e6 − 1)/(2 s*): 15.2018046…/8, 14.5086572…/4, 13.8155095…/2.
    let expected = "\
Two-layer staircase
reached the horizon t = 12
dop853: 120 steps (3 rejected), 1442 right-hand sides, 0.021 s

mode    level  escape time  since previous   predicted  difference
   1   2.0000   1.90022558         1.90023  1.90022558      +0.0e0
   2   1.0000   3.62716431         1.72694  3.62716431    +1.0e-10
   3  0.50000   6.90775478         3.28059
6 other events in events.jsonl

1 of 1 checks passed
warning: energy identity violated
written to out/x
";
    let summary = text(|out| table::write(&report, Some(Path::new("out/x")), out));
    assert_eq!(summary, expected);
    // Theory says when a mode escapes first; a level that was not passed is named.
    let mut again = report.events[2].clone();
    again.time = 8.0;
    assert_eq!(again.index, Some(1));
    report.events.push(again);
    report.waiting = vec![(4, 0.25)];
    let summary = text(|out| table::write(&report, None, out));
    let lines =
        "   1   2.0000   8.00000000         1.09225\nmode 4 did not pass its level (0.25000)\n";
    assert!(summary.contains(lines), "{summary}");
    report.solver.method = "gradient_descent".to_owned();
    report.waiting = (4..11).map(|mode| (mode, 1.0 / mode as f64)).collect();
    let summary = text(|out| table::write(&report, None, out));
    let line = "modes 4, 5, 6, 7, 8 and 2 others did not pass their levels (0.25000, 0.20000, ";
    assert!(summary.contains(line), "{summary}");
    assert!(
        summary.contains("\npredicted for gradient flow, the limit"),
        "{summary}"
    );
    report.events.clear();
    report.checks[0].passed = false;
    let summary = text(|out| table::write(&report, None, out));
    assert!(summary.contains("no escape was seen\n"), "{summary}");
    assert!(
        summary.contains("0 of 1 checks passed\nfailed: escape_time of mode 1"),
        "{summary}"
    );
}

fn array(
    archive: &mut ZipArchive<Cursor<Vec<u8>>>,
    name: &str,
) -> (Vec<u64>, Vec<f64>, npyz::Order) {
    let entry = archive.by_name(&format!("{name}.npy")).unwrap();
    let file = npyz::NpyFile::new(entry).unwrap();
    let (shape, order) = (file.shape().to_vec(), file.order());
    (shape, file.into_vec().unwrap(), order)
}

fn archive(report: &Report) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    npz::write(report, &mut out).unwrap();
    out.into_inner()
}

#[test]
fn weights_npz_holds_layers_product_and_snapshots() {
    let mut report = synthetic::report(3);
    // Packed [W_1 (2 × 3), W_2 (3 × 2)], column-major, at two times.
    let packed: Vec<f64> = (0..12).map(f64::from).collect();
    report.trajectory.weights = vec![packed.clone(), packed.iter().map(|w| w + 100.0).collect()];
    report.trajectory.rows.truncate(2);
    let bytes = archive(&report);
    assert_eq!(bytes, archive(&report));
    let mut npz = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let (shape, entries, order) = array(&mut npz, "W1");
    assert_eq!((shape, order), (vec![2, 3], npyz::Order::Fortran));
    assert_eq!(entries, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(array(&mut npz, "A").0, [3, 3]);
    assert_eq!(array(&mut npz, "times").1.len(), 2);
    let (shape, entries, order) = array(&mut npz, "W1_t");
    assert_eq!((shape, order), (vec![2, 2, 3], npyz::Order::C));
    // Rows of W_1 = [[0, 2, 4], [1, 3, 5]].
    assert_eq!(entries[..6], [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    let (shape, entries, _) = array(&mut npz, "W2_t");
    assert_eq!(shape, [2, 3, 2]);
    assert_eq!(entries[6..], [106.0, 109.0, 107.0, 110.0, 108.0, 111.0]);
}

#[test]
fn a_folder_is_written_whole_and_hashed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/out");
    let written = report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL).unwrap();
    let paths = written.files;
    assert_eq!(paths.len(), contents(&folder).len());
    let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&manifest["program"], &manifest["seed"]),
        (&"dlnflow".into(), &7.into())
    );
    assert_eq!(
        manifest["outputs"].as_object().unwrap().len(),
        paths.len() - 1
    );
    assert_eq!(manifest["outputs"]["inputs/target.csv"], ABC);
    assert_eq!(
        manifest["inputs"],
        serde_json::json!({ "../data/target.csv": ABC })
    );
    assert_eq!(fs::read(folder.join("inputs/target.csv")).unwrap(), b"abc");
    // Nothing is left beside the folder.
    assert_eq!(fs::read_dir(dir.path().join("deep")).unwrap().count(), 1);
}

#[test]
fn what_is_not_kept_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Keep {
        trajectory: false,
        weights: false,
        figures: false,
    };
    report::write(&synthetic::report(3), dir.path(), &extras(), keep).unwrap();
    for name in [
        "report.json",
        "events.jsonl",
        "scenario.toml",
        "manifest.json",
    ] {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    for name in ["trajectory.csv", "weights.npz", "figures"] {
        assert!(!dir.path().join(name).exists(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn folders_have_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let (usual, written) = (dir.path().join("usual"), dir.path().join("written"));
    fs::create_dir(&usual).unwrap();
    fs::write(usual.join("file"), "").unwrap();
    report::write(&synthetic::report(3), &written, &extras(), Keep::ALL).unwrap();
    assert_eq!(mode(&usual), mode(&written));
    assert_eq!(
        mode(&usual.join("file")),
        mode(&written.join("report.json"))
    );
}

#[test]
fn our_own_folder_is_replaced_and_the_users_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let mut report = synthetic::report(3);
    report::write(&report, &folder, &extras(), Keep::ALL).unwrap();
    fs::write(folder.join("figures/notes.txt"), "mine").unwrap();
    report.title = "Second".to_owned();
    let second = Extras {
        inputs: Vec::new(),
        ..extras()
    };
    report::write(&report, &folder, &second, Keep::ALL).unwrap();
    let text = fs::read_to_string(folder.join("report.json")).unwrap();
    assert!(text.contains("Second"));
    assert!(
        !folder.join("inputs").exists(),
        "a stale file of ours stayed"
    );
    assert_eq!(
        fs::read_to_string(folder.join("figures/notes.txt")).unwrap(),
        "mine"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Edited files of ours are the user's: they stay, under another name where a new one has theirs.
#[test]
fn changed_files_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let report = synthetic::report(3);
    let write = || report::write(&report, &folder, &extras(), Keep::ALL).unwrap();
    let name = "figures/cost_log.csv";
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert!(write().renamed.is_empty());
    let own = read(name);
    for (i, kept) in ["figures/cost_log.csv~", "figures/cost_log.csv~2"]
        .iter()
        .enumerate()
    {
        let mine = format!("mine {i}");
        fs::write(folder.join(name), &mine).unwrap();
        let renamed = match i {
            0 => write().renamed,
            _ => redraw(&folder).unwrap().renamed,
        };
        assert_eq!(renamed, [folder.join(kept)]);
        assert_eq!((read(name), read(kept)), (own.clone(), mine));
    }
    fs::write(folder.join("inputs/target.csv"), "mine").unwrap();
    let without = Extras {
        inputs: Vec::new(),
        ..extras()
    };
    let written = report::write(&report, &folder, &without, Keep::ALL).unwrap();
    assert_eq!(
        (written.renamed.len(), &*read("inputs/target.csv")),
        (0, "mine")
    );
    assert_eq!(read("figures/cost_log.csv~"), "mine 0");
}

/// Finished results give way to finished results of the same command only.
#[test]
fn results_of_other_commands_and_finished_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let mut report = synthetic::report(3);
    let study = |name: &str| Extras {
        files: vec![(name.to_owned(), b"{}".to_vec())],
        ..extras()
    };
    let write = |report: &Report, extras: &Extras| {
        report::write(report, &folder, extras, Keep::ALL).unwrap()
    };
    let beside = |end: &str| dir.path().join(format!("out{end}"));
    write(&report, &study("saddles.json"));
    fs::create_dir(beside("-saddles")).unwrap();
    fs::write(beside("-saddles").join("notes"), "mine").unwrap();
    let written = write(&report, &extras());
    assert_eq!(written.set_aside, Some(("saddles", beside("-saddles-2"))));
    assert!(beside("-saddles-2").join("saddles.json").exists());
    assert!(!folder.join("saddles.json").exists());
    let written = write(&report, &study("regimes.json"));
    assert_eq!(written.set_aside, Some(("run", beside("-run"))));
    assert_eq!(write(&report, &study("regimes.json")).set_aside, None);

    let interrupted = Extras {
        interrupted: true,
        ..study("regimes.json")
    };
    assert_eq!(write(&report, &interrupted).folder, beside("-interrupted"));
    report.outcome = Outcome::Interrupted;
    report.title = "Second".to_owned();
    assert_eq!(
        write(&report, &study("regimes.json")).folder,
        beside("-interrupted-2")
    );
    let title = |place: &Path| fs::read_to_string(place.join("report.json")).unwrap();
    assert!(title(&beside("-interrupted-2")).contains("Second"));
    for end in ["", "-interrupted", "-run"] {
        assert!(!title(&beside(end)).contains("Second"), "{end}");
    }
    // What was interrupted itself gives way.
    fs::remove_dir_all(&folder).unwrap();
    for _ in 0..2 {
        assert_eq!(write(&report, &extras()).folder, folder);
    }
    report.outcome = Outcome::HorizonReached;
    assert_eq!(write(&report, &extras()).set_aside, None);
}

/// Critical points added to a run stay with it while they are those of its problem.
#[test]
fn critical_points_stay_with_their_problem() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let report = synthetic::report(3);
    let write = |extras: &Extras| report::write(&report, &folder, extras, Keep::ALL).unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    write(&extras());
    report::add_file(&folder, "landscape.json", b"points", &extras()).unwrap();
    assert_eq!(write(&extras()).renamed.len(), 0);
    assert_eq!(read("landscape.json"), "points");
    assert!(read("manifest.json").contains("landscape.json"));
    // Found again: what is ours is replaced, what was changed is not.
    report::add_file(&folder, "landscape.json", b"again", &extras()).unwrap();
    assert!(!folder.join("landscape.json~").exists());
    fs::write(folder.join("landscape.json"), "mine").unwrap();
    report::add_file(&folder, "landscape.json", b"again", &extras()).unwrap();
    assert_eq!(
        [read("landscape.json~"), read("landscape.json")],
        ["mine", "again"]
    );
    let other = Extras {
        scenario_toml: "schema = 1\nseed = 8\n".to_owned(),
        ..extras()
    };
    assert_eq!(write(&other).renamed, [folder.join("landscape.json~2")]);
    assert_eq!(read("landscape.json~2"), "again");
    assert!(!folder.join("landscape.json").exists());
    // One of the user's own.
    fs::write(folder.join("landscape.json"), "mine").unwrap();
    write(&other);
    assert_eq!(read("landscape.json"), "mine");
}

/// Redrawing keeps what the user wrote into the scenario or put where a figure goes.
#[test]
fn redrawing_keeps_what_is_in_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL).unwrap();
    let mine = ["scenario.toml", "figures/cost_log.csv"];
    fs::write(folder.join(mine[0]), "schema = 1\n# mine\n").unwrap();
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let others = text.lines().filter(|line| !line.contains("cost_log.csv"));
    fs::write(&manifest, others.collect::<Vec<_>>().join("\n")).unwrap();
    fs::write(folder.join(mine[1]), "mine").unwrap();
    let mut renamed = redraw(&folder).unwrap().renamed;
    renamed.sort();
    let mut kept = mine.map(|name| folder.join(format!("{name}~")));
    kept.sort();
    assert_eq!(renamed, kept);
    assert!(
        fs::read_to_string(folder.join("scenario.toml~"))
            .unwrap()
            .contains("mine")
    );
    assert_eq!(redraw(&folder).unwrap().renamed.len(), 0);
}

/// A folder where a file of ours was, and names that lead out of the folder.
#[test]
fn what_is_listed_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let write = || report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL);
    write().unwrap();
    fs::remove_file(folder.join("events.jsonl")).unwrap();
    fs::create_dir(folder.join("events.jsonl")).unwrap();
    let refused = report::writable(&folder).unwrap_err().to_string();
    assert!(
        refused.contains("events.jsonl: neither a file nor a link"),
        "{refused}"
    );
    fs::remove_dir(folder.join("events.jsonl")).unwrap();
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mine = dir.path().join("mine");
    let outside = format!("\"outputs\": {{\n    \"{}\": \"00\",", mine.display());
    fs::write(&manifest, text.replacen("\"outputs\": {", &outside, 1)).unwrap();
    fs::write(mine, "mine").unwrap();
    assert_eq!(write().unwrap().renamed.len(), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

/// Links stay links, wherever they lead; what cannot be copied is named before anything is written.
#[cfg(unix)]
#[test]
fn links_are_kept_and_pipes_are_refused_beforehand() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let write = || report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL);
    write().unwrap();
    fs::create_dir(dir.path().join("papers")).unwrap();
    fs::write(dir.path().join("papers/draft.tex"), "text").unwrap();
    symlink("../../papers", folder.join("figures/papers")).unwrap();
    symlink("nowhere", folder.join("broken")).unwrap();
    report::writable(&folder).unwrap();
    write().unwrap();
    let leads_to = |name: &str| fs::read_link(folder.join(name)).unwrap();
    assert_eq!(leads_to("figures/papers"), Path::new("../../papers"));
    assert_eq!(leads_to("broken"), Path::new("nowhere"));
    assert_eq!(
        fs::read(folder.join("figures/papers/draft.tex")).unwrap(),
        b"text"
    );
    let pipe = std::os::unix::net::UnixListener::bind(folder.join("socket"));
    let error = report::writable(&folder).unwrap_err().to_string();
    assert!(
        error.contains("out/socket: neither a file nor a link"),
        "{error}"
    );
    drop(pipe);
    let made = std::process::Command::new("mkfifo")
        .arg(folder.join("pipe"))
        .status();
    fs::remove_file(folder.join("socket")).unwrap();
    if made.is_ok_and(|status| status.success()) {
        let error = report::writable(&folder).unwrap_err().to_string();
        assert!(error.contains("out/pipe: neither"), "{error}");
        assert!(write().is_err());
    }
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_or_replaced_is_refused_beforehand() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL).unwrap();
    let notes = folder.join("notes");
    fs::write(&notes, "mine").unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    allow(&notes, 0).unwrap();
    // The superuser may do everything.
    if fs::read(&notes).is_ok() {
        return;
    }
    let error = report::writable(&folder).unwrap_err().to_string();
    assert!(error.contains("out/notes: "), "{error}");
    allow(&notes, 0o600).unwrap();
    allow(&folder, 0o500).unwrap();
    let refused = report::writable(&folder);
    allow(&folder, 0o700).unwrap();
    assert!(matches!(refused, Err(Error::Io { .. })));
    report::writable(&folder).unwrap();
}

#[test]
fn foreign_folders_and_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let manifests = [
        "",
        "{}",
        "{\"program\": \"other\"}",
        "[1]",
        "{\"program\": \"dlnflow\"",
    ];
    for manifest in manifests {
        let folder = dir.path().join("foreign");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("manifest.json"), manifest).unwrap();
        let before = contents(dir.path());
        let error = report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL);
        let error = error.unwrap_err();
        assert!(matches!(error, Error::NotOurs { .. }), "{error}");
        assert!(error.to_string().contains("foreign"));
        assert_eq!(contents(dir.path()), before);
    }
    let file = dir.path().join("file");
    fs::write(&file, "text").unwrap();
    for folder in [file.clone(), file.join("below")] {
        assert!(report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
    }
}

#[test]
fn a_failing_write_leaves_the_old_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let mut report = synthetic::report(3);
    report::write(&report, &folder, &extras(), Keep::ALL).unwrap();
    let before = contents(dir.path());
    report.title = "Second".to_owned();
    for name in ["../../escape.csv", "/escape.csv", "", "a/b\0c"] {
        let mut extras = extras();
        extras.inputs[0].name = name.to_owned();
        let error = report::write(&report, &folder, &extras, Keep::ALL).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert_eq!(contents(dir.path()), before, "{name:?}");
    }
    // Snapshots of the wrong length are a bug elsewhere; the folder still stays.
    report.final_weights[0].0 = 5;
    assert!(report::write(&report, &folder, &extras(), Keep::ALL).is_err());
    assert_eq!(contents(dir.path()), before);
}

/// Whoever comes last stays, with what the user put there; nobody fails and nothing is left beside.
#[test]
fn writers_of_one_folder_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let write = |number: usize| {
        let mut report = synthetic::report(3);
        report.title = format!("Number {number}");
        report::write(&report, &folder, &extras(), Keep::ALL).unwrap();
    };
    write(0);
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    for _ in 0..10 {
        std::thread::scope(|scope| {
            (1..9).for_each(|number| drop(scope.spawn(move || write(number))));
        });
        let text = fs::read_to_string(folder.join("report.json")).unwrap();
        assert!(text.contains("Number "), "{text}");
        let notes = fs::read_to_string(folder.join("notes.txt")).unwrap();
        assert_eq!(notes, "mine");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn single_files_are_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/saddles.json");
    report::write_file(&path, b"one").unwrap();
    report::write_file(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert!(report::write_file(&path.join("below"), b"three").is_err());
    assert!(report::write_file(dir.path(), b"three").is_err());
    assert_eq!(contents(dir.path()).len(), 1);
}

fn redraw(folder: &Path) -> Result<Written, Error> {
    let finished = report::finished(folder)?;
    report::redraw(folder, &finished, &Look::default(), "schema = 1\n")
}

#[test]
fn plot_draws_the_same_figures_again() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, bare) = (dir.path().join("whole"), dir.path().join("bare"));
    let report = synthetic::report(9);
    report::write(&report, &whole, &extras(), Keep::ALL).unwrap();
    let keep = Keep {
        figures: false,
        ..Keep::ALL
    };
    report::write(&report, &bare, &extras(), keep).unwrap();
    let paths = redraw(&bare).unwrap().files;
    assert_eq!(paths.len(), 8);
    for path in paths {
        let name = path.strip_prefix(&bare).unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            fs::read(whole.join(name)).unwrap(),
            "{name:?}"
        );
    }
    // The manifest knows them, so that a later run replaces them.
    let outputs = |folder: &Path| {
        let text = fs::read(folder.join("manifest.json")).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        value["outputs"]["figures/cost_log.svg"].clone()
    };
    assert!(outputs(&bare).is_string());
    assert_eq!(outputs(&bare), outputs(&whole));
}

#[test]
fn plot_says_what_is_wrong_with_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let error = |folder: &Path| redraw(folder).unwrap_err().to_string();
    assert!(error(&folder).contains("no such folder"));
    assert!(error(dir.path()).contains("not an output folder of dlnflow"));
    report::write(&synthetic::report(3), &folder, &extras(), Keep::ALL).unwrap();
    let damages = [
        (
            "trajectory.csv",
            ",0,",
            ",x,",
            "trajectory.csv:2: rank: found \"x\", expected a whole",
        ),
        (
            "trajectory.csv",
            "schatten",
            "norm",
            "trajectory.csv:1: found column \"norm\"",
        ),
        ("trajectory.csv", "e-1,", "e-1,,", "trajectory.csv:"),
        (
            "events.jsonl",
            "\"escape\"",
            "\"escap\"",
            "events.jsonl:3: kind: found \"escap\"",
        ),
        ("events.jsonl", "\"time\"", "\"tme\"", "events.jsonl:1: "),
        (
            "report.json",
            "\"predictions\"",
            "\"predicted\"",
            "report.json:",
        ),
        (
            "manifest.json",
            "\"seed\": 7",
            "\"seed\": -7",
            "manifest.json:",
        ),
    ];
    for (name, found, replaced, message) in damages {
        let path = folder.join(name);
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(found), "{name}: {found}");
        fs::write(&path, good.replacen(found, replaced, 1)).unwrap();
        let error = error(&folder);
        assert!(error.contains(message), "{error}");
        fs::write(&path, good).unwrap();
    }
    fs::remove_file(folder.join("trajectory.csv")).unwrap();
    assert!(error(&folder).contains("trajectory.csv"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trajectories_round_trip_exactly(values in prop::collection::vec(any::<f64>(), 0..60)) {
        let rows = values.chunks_exact(10).map(|v| Row {
            time: v[0],
            cost: v[1],
            test_cost: (v[2] > 0.0).then_some(v[2]),
            loss: v[3],
            gradient_norm: v[4],
            parameter_norm_sq: v[5],
            schatten: v[6],
            imbalance_drift: v[7],
            rank: v[8].abs() as usize,
            singular_values: v[8..].to_vec(),
            observables: vec![v[9], v[0]],
        });
        let trajectory = Trajectory {
            rows: rows.collect(),
            observables: vec![Observable::ArcLength, Observable::KernelNorm],
            weights: Vec::new(),
        };
        let written = text(|out| csv::write(&trajectory, out));
        let read = csv::read(written.as_bytes(), Path::new("t.csv")).unwrap();
        prop_assert_eq!(&read, &trajectory);
        prop_assert_eq!(text(|out| csv::write(&read, out)), written);
    }

    #[test]
    fn events_round_trip_exactly(values in prop::collection::vec(any::<f64>(), 7)) {
        let mut written = synthetic::events();
        for (event, value) in written.iter_mut().zip(&values) {
            event.time = *value;
            event.bracket = [*value, -value];
            event.singular_values = values.clone();
        }
        let bytes = text(|out| events::write(&written, out));
        let read = events::read(bytes.as_bytes(), Path::new("e.jsonl")).unwrap();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn damaged_folders_never_panic(
        name in prop::sample::select(vec![
            "trajectory.csv", "events.jsonl", "report.json", "manifest.json"
        ]),
        cut in 0.0..1.0f64,
        noise in prop::collection::vec(any::<u8>(), 0..8),
        truncate in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out");
        let mut report = synthetic::report(3);
        report.trajectory.rows.truncate(5);
        let keep = Keep { figures: false, weights: false, ..Keep::ALL };
        report::write(&report, &folder, &extras(), keep).unwrap();
        let mut bytes = fs::read(folder.join(name)).unwrap();
        let at = (cut * bytes.len() as f64) as usize;
        let end = if truncate { bytes.len() } else { (at + noise.len()).min(bytes.len()) };
        bytes.splice(at..end, noise);
        fs::write(folder.join(name), bytes).unwrap();
        // Either it still draws, or it says which file is at fault.
        if let Err(error) = redraw(&folder) {
            let ours = matches!(error, Error::NotARun { .. });
            prop_assert!(ours == (name == "manifest.json") || error.to_string().contains(name));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = csv::read(&bytes[..], Path::new("t.csv"));
        let _ = events::read(&bytes[..], Path::new("e.jsonl"));
    }
}

#[test]
fn predictions_survive_report_json() {
    let dir = tempfile::tempdir().unwrap();
    let report = synthetic::report(3);
    report::write(&report, dir.path(), &extras(), Keep::ALL).unwrap();
    let (title, predictions) = read::report(&dir.path().join("report.json")).unwrap();
    assert_eq!((title, predictions), (report.title, report.predictions));
}
