//! The commands of the program, one file each, and what they share.

mod args;
mod check;
mod collect;
mod exit;
mod failure;
mod gallery;
mod landscape;
mod man;
mod plot;
mod predict;
mod print;
mod progress;
mod regimes;
mod run;
mod saddles;
mod slurm;
mod study;
mod sweep;
mod verify;

pub use args::Cli;

use args::{Command, Global};
use clap::CommandFactory;
use exit::Exit;
use failure::Failure;
use std::io::{self, Write};
use std::process::ExitCode;

/// Carries out a command; failures go to stderr.
pub fn execute(cli: Cli) -> ExitCode {
    let Cli { command, global } = cli;
    let done = match command {
        Command::Run { scenario } => run::run(&scenario, &global),
        Command::Check { scenario } => check::check(&scenario, &global),
        Command::Predict { scenario } => predict::predict(&scenario, &global),
        Command::Verify { scenarios } => verify::verify(&scenarios, &global),
        Command::Saddles { scenario, args } => saddles::run(&scenario, &args, &global),
        Command::Landscape { scenario, args } => landscape::run(&scenario, &args, &global),
        Command::Sweep { sweep, args } => sweep::run(sweep.as_deref(), &args, &global),
        Command::Collect { folder } => collect::run(&folder, &global),
        Command::Regimes { scenario, args } => regimes::run(&scenario, &args, &global),
        Command::Gallery { ids, args } => gallery::run(&ids, &args, &global),
        Command::Plot { folder, figure } => plot::run(&folder, &figure, &global),
        Command::Schema => schema(),
        Command::Completions { shell } => completions(shell),
        Command::Man => man::man(),
    };
    done.unwrap_or_else(|failure| failure.print()).into()
}

/// As many threads as asked for, by an option of the command or by `--threads`, else as many as there are
/// processors.
fn threads(own: Option<u16>, global: &Global) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    own.or(global.threads).map_or_else(all, usize::from)
}

fn schema() -> Result<Exit, Failure> {
    print::json(&dlnflow::scenario::json_schema())?;
    Ok(Exit::Done)
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dlnflow", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
