//! The same scenario gives the same bytes, whatever the number of threads.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a run of the program writes, for one number of threads.
fn outputs(scenario: &str, sets: &[&str], threads: Option<&str>) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlnflow"));
    command
        .arg("run")
        .arg(path)
        .arg("--quiet")
        .arg("--out")
        .arg(&out);
    for set in sets {
        command.args(["--set", set]);
    }
    if let Some(threads) = threads {
        command.args(["--threads", threads]);
    }
    assert!(command.status().expect("program").success(), "{scenario}");
    let files = ["trajectory.csv", "events.jsonl", "weights.npz"];
    files
        .map(|name| fs::read(out.join(name)).expect("output"))
        .into()
}

#[test]
fn repeated_runs_and_any_threads_give_the_same_bytes() {
    let cases: [(&str, &[&str]); 2] = [
        ("scenarios/basics/matrix_completion.toml", &[]),
        // 2 × 100 × 100 products are large enough for a library to split among threads.
        (
            "scenarios/papers/jacot2021/jacot2021_e1_saddle_to_saddle.toml",
            &["solver.method='bdf'", "solver.rtol=1e-6"],
        ),
    ];
    for (scenario, sets) in cases {
        let first = outputs(scenario, sets, None);
        assert!(first.iter().all(|bytes| bytes.len() > 100), "{scenario}");
        for threads in [None, Some("1"), Some("2"), Some("8")] {
            let again = outputs(scenario, sets, threads);
            assert!(again == first, "{scenario} with {threads:?} threads");
        }
    }
}
