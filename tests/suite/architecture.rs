//! Who may import whom. The table is the one of docs/architecture.md.

use std::fs;
use std::path::{Path, PathBuf};

/// Module, then the modules of ours that it may name (besides `error` and itself).
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("digest", &[]),
    ("linalg", &[]),
    ("integrate", &["linalg"]),
    ("model", &["linalg"]),
    ("flow", &["linalg", "model", "integrate"]),
    ("observe", &["linalg", "model", "integrate"]),
    ("saddle", &["linalg", "model", "integrate", "flow"]),
    ("regime", &["linalg", "model", "integrate", "flow"]),
    ("theory", &["linalg", "model"]),
    (
        "verify",
        &["theory", "observe", "model", "report", "scenario"],
    ),
    (
        "scenario",
        &[
            "model",
            "linalg",
            "integrate",
            "observe",
            "theory",
            "digest",
        ],
    ),
    ("report", &["observe", "digest"]),
    (
        "run",
        &[
            "linalg",
            "model",
            "flow",
            "integrate",
            "observe",
            "saddle",
            "regime",
            "theory",
            "verify",
            "scenario",
            "report",
        ],
    ),
    (
        "sweep",
        &[
            "linalg", "model", "observe", "run", "scenario", "report", "digest",
        ],
    ),
    ("gallery", &["scenario", "report", "digest"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("source folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The top-level module that a source file belongs to.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix("src").expect("under src");
    let first = inner.components().next().expect("a file");
    let name = first.as_os_str().to_string_lossy();
    name.trim_end_matches(".rs").to_owned()
}

/// Names after `crate::` in code (not in comments), braces included.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("//") {
            continue;
        }
        for part in line.split("crate::").skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push(name);
        }
    }
    found
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut checked = 0;
    for path in sources(Path::new("src")) {
        let name = module(&path);
        if ["lib", "main", "cli"].contains(&name.as_str()) {
            continue;
        }
        let allowed = MAY_IMPORT
            .iter()
            .find(|(module, _)| *module == name)
            .unwrap_or_else(|| panic!("{name} is missing from the import table"))
            .1;
        for import in imports(&fs::read_to_string(&path).expect("readable source")) {
            let fine = import == name || import == "error" || allowed.contains(&import.as_str());
            assert!(fine, "{} imports {import}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} imports seen");
}

#[test]
fn diffsol_is_named_in_one_place() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).expect("readable source");
        let names = imports_of_crate(&text, "diffsol");
        let home = path.starts_with("src/integrate/diffsol_backend")
            || path == Path::new("src/integrate/diffsol_backend.rs");
        assert!(!names || home, "{} names diffsol", path.display());
    }
}

fn imports_of_crate(text: &str, name: &str) -> bool {
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"))
        .any(|line| line.contains(&format!("{name}::")))
}

/// faer's shorthands ask for all threads, and round differently on each number of them.
#[test]
fn decompositions_say_on_how_many_threads_they_run() {
    let shorthands = [
        ".qr()",
        ".col_piv_qr()",
        ".determinant()",
        ".partial_piv_lu()",
        ".full_piv_lu()",
        ".llt(",
        ".ldlt(",
        ".lblt(",
        ".svd()",
        ".thin_svd()",
        ".eigenvalues()",
        ".self_adjoint_eigen",
        ".pseudoinverse()",
    ];
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).expect("readable source");
        for name in shorthands {
            assert!(!text.contains(name), "{} uses {name}", path.display());
        }
    }
}
