//! The command line: parse, call the library, print, exit.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::execute(cli::Cli::parse())
}
