//! What the user may type.

use super::failure::Failure;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Training dynamics of deep linear networks: accurate gradient-flow trajectories, escape events,
/// predictions and paper figures from one scenario file.
#[derive(Parser)]
#[command(name = "dlnflow", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

#[derive(Subcommand)]
pub enum Command {
    /// Integrate a scenario, find its events, write the output folder, print the escape times
    Run {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
    },
    /// Parse and build a scenario without integrating: sizes, memory, errors (those of form all at once, then those of meaning)
    Check {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
    },
    /// Say what theory predicts, without a run
    Predict {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
    },
    /// Run scenarios and check every prediction, conservation law and expectation
    Verify {
        /// Scenario files (TOML), or - for standard input
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
    },
    /// Find the saddles that runs visit, classify them and hold the runs against the greedy path
    Saddles {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
        #[command(flatten)]
        args: SaddleArgs,
    },
    /// List the critical points of the (regularised) loss, each with index, nullity and kind
    Landscape {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
        #[command(flatten)]
        args: LandscapeArgs,
    },
    /// Run a scenario at every point of a sweep file, on all cores or through Slurm
    Sweep {
        /// Sweep file (TOML), or - for standard input
        #[arg(required_unless_present = "status")]
        sweep: Option<PathBuf>,
        #[command(flatten)]
        args: SweepArgs,
    },
    /// Collect the finished runs of a sweep into one table
    Collect {
        /// Folder of a sweep
        folder: PathBuf,
    },
    /// Say whether a start is lazy: runs beside their linearised models, distances to the nearest minimum
    /// and saddle, over widths, depths, gamma and seeds
    Regimes {
        /// Scenario file (TOML), or - for standard input
        scenario: PathBuf,
        #[command(flatten)]
        args: RegimeArgs,
    },
    /// List or reproduce the published experiments that ship: run, check by number, draw
    Gallery {
        /// Experiments to reproduce [default: list all]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        args: GalleryArgs,
    },
    /// Draw the figures of a finished output folder again, in another look with --set figure.…; nothing is
    /// recomputed
    Plot {
        /// Output folder of a run
        folder: PathBuf,
        /// Draw this figure only, e.g. cost_log (repeatable) [default: all]
        #[arg(long, value_name = "NAME")]
        figure: Vec<String>,
    },
    /// Print the JSON Schema of a scenario
    Schema,
    /// Print shell completions
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Args)]
pub struct SaddleArgs {
    /// Run from these values of init.scale, each long enough to reach the last saddle, e.g.
    /// 1e-2,1e-4,1e-8 [default: the scenario as it stands]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = scale)]
    pub scales: Vec<f64>,
    /// Study this many child seeds of the scenario's seed [default: its own seed alone]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: Option<u32>,
}

#[derive(Args)]
pub struct LandscapeArgs {
    /// Random starts of the search, which is made where the list has no closed form
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub starts: u32,
}

#[derive(Args)]
pub struct SweepArgs {
    /// So many runs at a time [default: --threads, or the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Only shard i of N, every N-th run: shards 1 to N, or 0 to N-1, are all runs together
    #[arg(long, value_name = "i/N", value_parser = shard)]
    pub shard: Option<(usize, usize)>,
    /// Say what would run, and run nothing
    #[arg(long)]
    pub list: bool,
    /// Write a batch script for Slurm and submit it as an array of tasks
    #[arg(long, conflicts_with_all = ["list", "shard"])]
    pub slurm: bool,
    /// Number of array tasks, each of which takes a shard of the runs [default: at most 100]
    #[arg(long, value_name = "K", requires = "slurm", value_parser = clap::value_parser!(u32).range(1..))]
    pub array_size: Option<u32>,
    /// Further arguments for sbatch, e.g. "--time=01:00:00 --mem=1G --cpus-per-task=4"
    #[arg(
        long,
        value_name = "ARGS",
        requires = "slurm",
        allow_hyphen_values = true
    )]
    pub sbatch_args: Option<String>,
    /// Say how far the sweep in this folder is
    #[arg(long, value_name = "DIR", conflicts_with_all = ["sweep", "list", "slurm", "shard"])]
    pub status: Option<PathBuf>,
}

/// `i/N`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parse = |part: &str| part.trim().parse::<usize>().ok();
    let parts = text.split_once('/').map(|(i, n)| (parse(i), parse(n)));
    match parts {
        Some((Some(part), Some(of))) if of > 0 && part <= of => Ok((part, of)),
        _ => Err("a shard is i/N with i from 0 to N, such as 3/8".to_owned()),
    }
}

#[derive(Args)]
pub struct RegimeArgs {
    /// Widths of all hidden layers, e.g. 16,64,256 [default: those of the scenario]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = count)]
    pub widths: Vec<usize>,
    /// Numbers of layers, e.g. 2,3,4 [default: that of the scenario]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = count)]
    pub depths: Vec<usize>,
    /// Values of init.gamma, e.g. 0.75,1,1.5 [default: that of the scenario]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = finite)]
    pub gammas: Vec<f64>,
    /// Study this many child seeds of the scenario's seed [default: its own seed alone]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: Option<u32>,
    /// Measure the distances only, without runs over the widths
    #[arg(long, conflicts_with = "no_distances")]
    pub distances_only: bool,
    /// Leave the distances out, which take longest in wide deep networks
    #[arg(long)]
    pub no_distances: bool,
}

#[derive(Args)]
pub struct GalleryArgs {
    /// Reproduce all and write the page: gallery.md and figures/ in the output folder
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Write the page to DIR too: DIR/gallery.md and DIR/figures/gallery/
    #[arg(long, value_name = "DIR", requires = "all")]
    pub docs: Option<PathBuf>,
    /// Run again what was done before
    #[arg(long)]
    pub fresh: bool,
    /// A catalogue of your own; its scenarios are relative to it [default: the one that ships]
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

/// A positive whole number.
fn count(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(value) if value > 0 => Ok(value),
        _ => Err("must be a positive whole number".to_owned()),
    }
}

/// A finite number.
fn finite(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(value) if f64::is_finite(value) => Ok(value),
        _ => Err("must be a number such as 0.75".to_owned()),
    }
}

/// A positive finite number.
fn scale(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(value) if value > 0.0 && f64::is_finite(value) => Ok(value),
        _ => Err("a scale is a positive number such as 1e-4".to_owned()),
    }
}

#[derive(Args)]
pub struct Global {
    /// Override a key of the scenario, e.g. --set solver.rtol=1e-10 (repeatable; TOML value)
    #[arg(long, global = true, value_name = "KEY.PATH=VALUE")]
    pub set: Vec<String>,
    /// Output folder. Without it run, saddles, regimes, verify and sweep write to out/<name of the file>,
    /// gallery to out/gallery, landscape and the other commands nothing. Of verify with several scenarios it is the folder
    /// above theirs; plot and collect write into the folder they are given and refuse it
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print a machine-readable summary on stdout, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// At most this many threads; results never depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

impl Global {
    /// Refuses `--out` where it would change nothing.
    pub fn without_out(&self, why: &str) -> Result<(), Failure> {
        match self.out {
            Some(_) => Err(Failure::Usage(format!("--out: {why}"))),
            None => Ok(()),
        }
    }
}
