//! The batch script of a Slurm job array: each task runs one shard of the sweep.

use std::path::Path;

/// What the script is made from; paths are absolute.
#[derive(Debug)]
pub struct Batch<'a> {
    pub program: &'a Path,
    pub sweep: &'a Path,
    pub folder: &'a Path,
    /// Overrides of the base.
    pub set: &'a [String],
    pub tasks: usize,
}

/// The script. A task gets SIGTERM a minute before its time limit and gives up the runs in flight;
/// submitting again takes up what is missing.
pub fn script(batch: &Batch<'_>) -> String {
    let last = batch.tasks.saturating_sub(1);
    let tasks = last + 1;
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let set: String = batch
        .set
        .iter()
        .map(|s| format!(" --set {}", quoted(s)))
        .collect();
    format!(
        "#!/bin/bash\n\
         #SBATCH --job-name=dlnflow-sweep\n\
         #SBATCH --array=0-{last}\n\
         #SBATCH --output={log}\n\
         #SBATCH --signal=B:TERM@60\n\
         exec {program} sweep {sweep} --out {folder}{set} \\\n  \
           --shard \"$SLURM_ARRAY_TASK_ID/{tasks}\" --jobs \"${{SLURM_CPUS_PER_TASK:-1}}\" --quiet\n",
        log = path(&batch.folder.join("slurm").join("%A_%a.log")),
        program = path(batch.program),
        sweep = path(batch.sweep),
        folder = path(batch.folder),
    )
}

/// A word of the shell that stands for exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_one_task_and_words_stay_words() {
        let script = script(&Batch {
            program: Path::new("/opt/dln flow"),
            sweep: Path::new("/data/o'hara/s.toml"),
            folder: Path::new("/out"),
            set: &["solver.method=\"bdf\"".to_owned()],
            tasks: 4,
        });
        for part in [
            "--array=0-3\n",
            "--shard \"$SLURM_ARRAY_TASK_ID/4\"",
            "exec '/opt/dln flow' sweep '/data/o'\\''hara/s.toml' --out '/out'",
            " --set 'solver.method=\"bdf\"'",
        ] {
            assert!(script.contains(part), "{part:?} in {script}");
        }
    }
}
