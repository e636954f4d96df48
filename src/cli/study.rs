//! What the commands that make many runs of one scenario share.

use super::args::Global;
use super::failure::Failure;
use super::print;
use dlnflow::report::{self, Written};
use dlnflow::scenario::{Built, InputFile, Scenario};
use std::io::{self, StdoutLock};
use std::path::{Path, PathBuf};

/// `--out`, or a folder named after the scenario.
pub fn folder(scenario: &Scenario, global: &Global) -> PathBuf {
    match &global.out {
        Some(out) => out.clone(),
        None => Path::new("out").join(scenario.name()),
    }
}

/// Whether the results of a scenario will find their place; folders above it are made.
pub fn prepare(folder: &Path, built: &Built) -> Result<(), Failure> {
    report::writable(folder)?;
    let own = |input: &&InputFile| {
        input.source.file_name() == Some("weights.npz".as_ref())
            && input.source.parent().is_some_and(|read| same(read, folder))
    };
    match built.inputs.iter().find(own) {
        Some(input) => Err(Failure::Usage(format!(
            "the start is read from {0}, which this would replace: choose another folder with --out",
            input.source.parent().unwrap_or(folder).display()
        ))),
        None => Ok(()),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    whole(a).is_some_and(|a| whole(b) == Some(a))
}

/// Says what became of what was in the folder that was `asked` for.
pub fn tell_of_others(written: &Written, asked: &Path, global: &Global) {
    if global.quiet {
        return;
    }
    if let Some((command, place)) = &written.set_aside {
        print::message(&format!(
            "note: the results of `dlnflow {command}` that were in {} are now in {}",
            written.folder.display(),
            place.display()
        ));
    }
    if written.folder != asked {
        print::message(&format!(
            "note: the finished results in {} stay",
            asked.display()
        ));
    }
    tell_of_renamed(written);
}

/// Says which files of the user's have new names.
pub fn tell_of_renamed(written: &Written) {
    for file in &written.renamed {
        print::message(&format!(
            "note: what you changed is kept as {}",
            file.display()
        ));
    }
}

/// Prints what was found as JSON, or as tables with the place of the files, if any, below them.
pub fn summarise(
    written: Option<&Path>,
    global: &Global,
    json: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>,
    tables: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if global.json {
        json(&mut out)
    } else if !global.quiet {
        tables(&mut out)?;
        let folder = written.map(Path::display).into_iter();
        print::lines(folder.map(|folder| format!("written to {folder}")))
    } else {
        Ok(())
    }
}

/// Whether any of `all` runs failed; a message says how many did.
pub fn any_failed(failed: usize, all: usize) -> bool {
    if failed > 0 {
        print::message(&format!("error: {failed} of {all} runs failed"));
    }
    failed > 0
}
