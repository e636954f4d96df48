//! The page of the gallery in Markdown. It holds no times and no places of this machine: the same
//! results give the same bytes.

use super::catalogue::{Catalogue, Entry, Figure};
use super::check::Checked;
use std::io::{self, Write};

/// An entry and what was found.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    pub entry: &'a Entry,
    pub checks: Vec<Checked>,
}

impl Shown<'_> {
    /// Whether every check passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|c| c.passed)
    }

    /// `7 of 7`.
    pub fn tally(&self) -> String {
        let passed = self.checks.iter().filter(|c| c.passed).count();
        format!("{passed} of {}", self.checks.len())
    }
}

/// All of it.
#[derive(Debug)]
pub struct Page<'a> {
    pub catalogue: &'a Catalogue,
    pub shown: Vec<Shown<'a>>,
    /// What stands behind `dlnflow gallery ID` in commands: the catalogue, unless it is the one that ships.
    pub option: String,
    /// What stands before the names of scenarios in commands.
    pub scenarios: &'a str,
    /// Where the figures are, as the page sees it.
    pub figures: &'a str,
}

/// The file of a figure, beside the others.
pub fn figure_name(entry: &Entry, figure: &Figure) -> String {
    let file = figure.file.rsplit('/').next().unwrap_or_default();
    format!("{}_{}_{file}", entry.id, figure.step)
}

impl Page<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "# {}\n", self.catalogue.title)?;
        let introduction = self.catalogue.introduction.trim();
        if !introduction.is_empty() {
            writeln!(out, "{introduction}\n")?;
        }
        writeln!(out, "| paper | command | claim | checked |")?;
        writeln!(out, "|---|---|---|---|")?;
        for shown in &self.shown {
            self.overview(shown, out)?;
        }
        for shown in &self.shown {
            self.section(shown, out)?;
        }
        Ok(())
    }

    fn overview(&self, shown: &Shown, out: &mut impl Write) -> io::Result<()> {
        let entry = shown.entry;
        let first = shown.checks.iter().find(|c| !c.tolerance.is_empty());
        let first = first
            .or(shown.checks.first())
            .map_or_else(String::new, |c| {
                format!("; {}: {} ({})", c.name, c.measured, c.predicted)
            });
        writeln!(
            out,
            "| {} | [`dlnflow gallery {id}{option}`](#{id}) | {} | {}{} |",
            cell(&entry.authors()),
            cell(&entry.claim),
            shown.tally(),
            cell(&first),
            id = entry.id,
            option = self.option,
        )
    }

    fn section(&self, shown: &Shown, out: &mut impl Write) -> io::Result<()> {
        let entry = shown.entry;
        writeln!(out, "\n## {}\n", entry.id)?;
        writeln!(out, "{}.{}\n", entry.paper, arxiv(entry))?;
        writeln!(out, "**Claim.** {}\n", entry.claim.trim())?;
        writeln!(out, "**Settings.** {}\n", entry.settings.trim())?;
        writeln!(out, "```console")?;
        for step in &entry.steps {
            writeln!(out, "$ {}", step.typed(self.scenarios))?;
        }
        writeln!(out, "```\n")?;
        table(&shown.checks, out)?;
        for figure in &entry.figures {
            self.figure(entry, figure, out)?;
        }
        Ok(())
    }

    fn figure(&self, entry: &Entry, figure: &Figure, out: &mut impl Write) -> io::Result<()> {
        let caption = figure.caption.trim();
        let name = figure_name(entry, figure);
        writeln!(out, "\n![{caption}]({}/{name})\n", self.figures)?;
        writeln!(out, "*`{}/{}`: {caption}*", figure.step, figure.file)
    }
}

fn table(checks: &[Checked], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| checked | predicted | measured | difference | accepted | passed | predicted by |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for check in checks {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            cell(&check.name),
            cell(&check.predicted),
            cell(&check.measured),
            check.difference,
            check.tolerance,
            if check.passed { "yes" } else { "**no**" },
            cell(&check.source),
        )?;
    }
    Ok(())
}

/// Where the paper can be read.
fn arxiv(entry: &Entry) -> String {
    let link = |id: &String| format!(" [arXiv:{id}](https://arxiv.org/abs/{id}).");
    entry.arxiv.as_ref().map_or_else(String::new, link)
}

/// On one line, without what would end the cell.
fn cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}
