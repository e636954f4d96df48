//! A run that goes on from the final weights of another, through files, as one run of both lengths.

use dlnflow::observe::Trajectory;
use dlnflow::report::read;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a scenario of `widths` from `init` in `folder`; its trajectory.
fn run(folder: &Path, name: &str, widths: &str, init: &str, horizon: f64) -> Trajectory {
    let text = format!(
        "[network]\nwidths = {widths}\n\
         [cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [3.0, 2.0, 1.0] }}\n\
         [init]\n{init}\n[solver]\nhorizon = {horizon}\nrtol = 1e-11\n\
         [record]\nobservables = [\"kernel_norm\", \"kernel_alignment\", \"arc_length\"]\n"
    );
    fs::write(folder.join(format!("{name}.toml")), text).expect("scenario");
    let output = Command::new(env!("CARGO_BIN_EXE_dlnflow"))
        .current_dir(folder)
        .args(["run", &format!("{name}.toml"), "--out", name, "--quiet"])
        .output()
        .expect("program");
    assert!(output.status.success(), "{output:?}");
    read::trajectory(&folder.join(name).join("trajectory.csv")).expect("trajectory")
}

/// A column of the first and of the last row.
fn ends(trajectory: &Trajectory, column: &str) -> [f64; 2] {
    let rows = [trajectory.rows.first(), trajectory.rows.last()];
    rows.map(|row| {
        trajectory
            .value(row.expect("rows"), column)
            .expect("recorded")
    })
}

#[test]
fn two_runs_one_after_the_other_are_one_long_run() {
    let gaussian = "kind = \"gaussian\"\nstd = 0.1";
    let earlier = "kind = \"run\"\nfolder = \"first\"";
    // The second is narrowed on the way, the third has hidden bases that follow the modes.
    for (widths, start) in [
        ("[3, 5, 4, 3]", gaussian),
        ("[3, 20, 3]", gaussian),
        ("[3, 4, 3]", "kind = \"gaussian\"\nstd = 1e-7"),
    ] {
        let place = tempfile::tempdir().expect("folder");
        let first = run(place.path(), "first", widths, start, 3.0);
        let second = run(place.path(), "second", widths, earlier, 4.0);
        let whole = run(place.path(), "whole", widths, start, 7.0);
        for column in [
            "kernel_norm",
            "kernel_alignment",
            "sigma_1",
            "sigma_3",
            "cost",
        ] {
            let (end, begin) = (ends(&first, column)[1], ends(&second, column)[0]);
            // Rounding of another order of the same products.
            assert!(
                (end - begin).abs() <= 1e-11 * end.abs(),
                "{widths} {column}"
            );
        }
        for column in ["kernel_norm", "kernel_alignment", "sigma_1", "sigma_2"] {
            let (found, exact) = (ends(&second, column)[1], ends(&whole, column)[1]);
            assert!(
                (found / exact - 1.0).abs() < 1e-8,
                "{widths} {column}: {found} {exact}"
            );
        }
        let lengths = [&first, &second, &whole].map(|t| ends(t, "arc_length")[1]);
        assert!(lengths[1] > 0.01, "{widths}: {lengths:?}");
        let miss = lengths[0] + lengths[1] - lengths[2];
        assert!(miss.abs() < 1e-7 * lengths[2], "{widths}: {lengths:?}");
        // An output folder runs again by itself.
        let resolved = place.path().join("second/scenario.toml");
        let again = dlnflow::scenario::Scenario::load(&resolved, &[]).and_then(|s| s.build());
        assert!(again.is_ok(), "{widths}");
    }
}

#[test]
fn a_run_never_replaces_what_it_starts_from() {
    let dir = tempfile::tempdir().expect("a folder");
    let gaussian = "kind = \"gaussian\"\nstd = 0.1";
    run(dir.path(), "first", "[3, 4, 3]", gaussian, 1.0);
    let before = fs::read(dir.path().join("first/weights.npz")).expect("weights");
    let text = fs::read_to_string(dir.path().join("first.toml")).expect("scenario");
    let text = text.replace(gaussian, "kind = \"run\"\nfolder = \"first\"");
    fs::write(dir.path().join("again.toml"), text).expect("scenario");
    let refused = Command::new(env!("CARGO_BIN_EXE_dlnflow"))
        .current_dir(dir.path())
        .args(["run", "again.toml", "--out", "./first/", "--quiet"])
        .output()
        .expect("program");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("the start is read from") && said.contains("--out"),
        "{said}"
    );
    let after = fs::read(dir.path().join("first/weights.npz")).expect("weights");
    assert_eq!(before, after);
}

/// The folder of an earlier run may be called as the one that copies go to.
#[test]
fn a_folder_called_inputs_can_be_gone_on_from_again() {
    let place = tempfile::tempdir().expect("folder");
    let gaussian = "kind = \"gaussian\"\nstd = 0.1";
    run(place.path(), "inputs", "[3, 4, 3]", gaussian, 1.0);
    let earlier = "kind = \"run\"\nfolder = \"inputs\"";
    let second = run(place.path(), "second", "[3, 4, 3]", earlier, 1.0);
    let output = Command::new(env!("CARGO_BIN_EXE_dlnflow"))
        .current_dir(place.path())
        .args(["run", "second/scenario.toml", "--out", "again", "--quiet"])
        .output()
        .expect("program");
    assert!(output.status.success(), "{output:?}");
    let again = read::trajectory(&place.path().join("again/trajectory.csv")).expect("trajectory");
    assert_eq!(ends(&second, "cost"), ends(&again, "cost"));
}
