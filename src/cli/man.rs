//! `dlnflow man`: one page with all commands.

use super::args::Cli;
use super::exit::Exit;
use super::failure::Failure;
use clap::CommandFactory;
use clap_mangen::Man;
use std::io::{self, Write};

const EXIT_STATUS: [(&str, &str); 5] = [
    ("0", "Done."),
    (
        "1",
        "A check failed: an expected number, with verify also a prediction or a law, with gallery a check of \
         an entry, with saddles a verdict that is violated.",
    ),
    ("2", "Usage or input: nothing was run."),
    (
        "3",
        "Numerical failure; what was computed so far is written.",
    ),
    ("130", "Interrupted; what was computed so far is written."),
];

pub fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    write_page(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(Exit::Done)
}

fn write_page(page: &mut Vec<u8>) -> io::Result<()> {
    let program = Cli::command();
    let whole = Man::new(program.clone());
    whole.render_title(page)?;
    whole.render_name_section(page)?;
    whole.render_synopsis_section(page)?;
    whole.render_description_section(page)?;
    whole.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for command in program.get_subcommands() {
        let name = format!("dlnflow {}", command.get_name());
        let man = Man::new(command.clone().bin_name(&name));
        let mut section = Vec::new();
        man.render_description_section(&mut section)?;
        man.render_synopsis_section(&mut section)?;
        if command.get_arguments().next().is_some() {
            man.render_options_section(&mut section)?;
        }
        writeln!(page, ".SS \"{name}\"")?;
        // The headings of a command's own page, which would be as large as those of the whole.
        let plain = String::from_utf8_lossy(&section).replace(".SH DESCRIPTION\n", "");
        let plain = plain
            .replace(".SH SYNOPSIS", ".PP")
            .replace(".SH OPTIONS", ".PP");
        page.write_all(plain.as_bytes())?;
    }
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    for (code, meaning) in EXIT_STATUS {
        writeln!(page, ".TP\n{code}\n{meaning}")?;
    }
    whole.render_version_section(page)
}
