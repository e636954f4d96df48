//! The steps of entries, two at a time, each a call of this program.

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::print;
use super::shelf::Shelf;
use dlnflow::error::Error;
use dlnflow::gallery::{Checked, Entry, Stamp, Step, cache};
use dlnflow::report::manifest;
use dlnflow::sweep::in_parallel;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Steps at a time.
const AT_A_TIME: usize = 2;

/// How often a running step is looked after.
const LOOK: Duration = Duration::from_millis(10);

/// So long a step may take to end by itself once it was interrupted.
const GRACE: Duration = Duration::from_secs(3);

/// Lines of a failed step that are shown.
const SHOWN: usize = 8;

pub struct Work<'a> {
    pub shelf: &'a Shelf,
    pub fresh: bool,
    pub threads: usize,
    pub quiet: bool,
    pub interrupt: &'a AtomicBool,
}

/// One step and its place.
pub struct Job<'a> {
    shelf: &'a Shelf,
    entry: &'a Entry,
    step: &'a Step,
    /// Its output folder.
    folder: PathBuf,
}

impl Work<'_> {
    /// Runs what is not done; the exit of each step.
    pub fn carry_out(&self, entries: &[&Entry]) -> Result<Vec<Exit>, Failure> {
        let jobs = entries.iter().flat_map(|entry| {
            let steps = entry.steps.iter();
            steps.map(|step| Job::new(self.shelf, entry, step))
        });
        let jobs: Vec<Job> = jobs.collect();
        let exits = in_parallel(jobs.len(), AT_A_TIME.min(self.threads), |i| {
            self.one(&jobs[i])
        });
        exits.into_iter().collect()
    }

    fn one(&self, job: &Job) -> Result<Exit, Failure> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Ok(Exit::Interrupted);
        }
        if !self.fresh && job.is_done()? {
            self.say(&format!("{}: done before", job.name()));
            return Ok(Exit::Done);
        }
        let begin = Instant::now();
        let key = job.begin(self.fresh)?;
        let code = self.run(job)?;
        let seconds = begin.elapsed().as_secs_f64();
        match code {
            // A failed check is a result; the table shows it.
            Some(code @ (0 | 1)) => {
                job.end(&key, code)?;
                self.say(&format!("{}: {seconds:.1} s", job.name()));
                Ok(Exit::Done)
            }
            Some(130) => Ok(Exit::Interrupted),
            _ if self.interrupt.load(Ordering::Relaxed) => Ok(Exit::Interrupted),
            code => Ok(job.explain(code)),
        }
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            print::message(line);
        }
    }

    /// The step, and for a sweep its table: the exit code of the first that is not 0.
    fn run(&self, job: &Job) -> Result<Option<i32>, Failure> {
        let log = job.log()?;
        let code = self.call(job, &job.arguments(), &log)?;
        let sweep = job
            .step
            .run
            .first()
            .is_some_and(|command| command == "sweep");
        if code != Some(0) || !sweep {
            return Ok(code);
        }
        let folder = job.folder.to_string_lossy().into_owned();
        self.call(job, &["collect".to_owned(), folder], &log)
    }

    fn call(&self, job: &Job, arguments: &[String], log: &File) -> Result<Option<i32>, Failure> {
        let failed = |e| Error::io(&self.shelf.program, e);
        let mut command = Command::new(&self.shelf.program);
        command.args(arguments).arg("--quiet");
        command.args(["--threads", &self.share().to_string()]);
        let stderr = log.try_clone().map_err(|e| Error::io(&job.folder, e))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        let mut child = command.spawn().map_err(failed)?;
        Ok(self.wait(&mut child).map_err(failed)?)
    }

    /// The threads of one step.
    fn share(&self) -> usize {
        (self.threads / AT_A_TIME).max(1)
    }

    /// Ctrl-C reaches the step too, which then ends by itself; another signal may not.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<i32>> {
        let mut since = None;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            if self.interrupt.load(Ordering::Relaxed) {
                let since = *since.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    child.kill()?;
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl<'a> Job<'a> {
    pub fn new(shelf: &'a Shelf, entry: &'a Entry, step: &'a Step) -> Self {
        Self {
            shelf,
            entry,
            step,
            folder: shelf.folder(entry).join(&step.name),
        }
    }

    /// Whether there is nothing to run.
    pub fn is_done(&self) -> Result<bool, Failure> {
        let files = self.entry.files(&self.step.name);
        let Some(stamp) = Stamp::read(&self.folder) else {
            return Ok(false);
        };
        Ok(stamp.holds(&self.key()?, &self.folder, &files))
    }

    /// How the step ended, as a check.
    pub fn ended(&self) -> Checked {
        let exit = Stamp::read(&self.folder).and_then(|stamp| stamp.exit);
        Checked {
            name: format!("`{}`: exit code", self.step.name),
            predicted: "0".to_owned(),
            measured: exit.map_or_else(|| "none".to_owned(), |code| code.to_string()),
            difference: String::new(),
            tolerance: String::new(),
            passed: exit == Some(0),
            source: "the command's own checks pass".to_owned(),
        }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.entry.id, self.step.name)
    }

    fn key(&self) -> Result<String, Failure> {
        let program = &self.shelf.program_hash;
        Ok(cache::key(program, self.step, &self.shelf.scenarios)?)
    }

    fn arguments(&self) -> Vec<String> {
        let scenarios = &self.shelf.scenarios;
        let place = |argument: &String| match Step::is_file(argument) {
            true => scenarios.join(argument).to_string_lossy().into_owned(),
            false => argument.clone(),
        };
        let mut arguments: Vec<String> = self.step.run.iter().map(place).collect();
        arguments.extend([
            "--out".to_owned(),
            self.folder.to_string_lossy().into_owned(),
        ]);
        arguments
    }

    /// Removes what another program or other inputs left, and says that this step has begun. A sweep
    /// that was cut off keeps its finished runs.
    fn begin(&self, fresh: bool) -> Result<String, Failure> {
        let key = self.key()?;
        let cut_off = Stamp::read(&self.folder).is_some_and(|s| s.key == key && s.exit.is_none());
        if (fresh || !cut_off) && ours(&self.folder) {
            fs::remove_dir_all(&self.folder).map_err(|e| Error::io(&self.folder, e))?;
        }
        Stamp::begun(&key).write(&self.folder)?;
        Ok(key)
    }

    fn end(&self, key: &str, code: i32) -> Result<(), Failure> {
        let files = self.entry.files(&self.step.name);
        Stamp::ended(key, code, &self.folder, &files).write(&self.folder)?;
        Ok(())
    }

    /// Where the messages of the step go.
    fn log(&self) -> Result<File, Failure> {
        let path = self.log_path();
        Ok(File::create(&path).map_err(|e| Error::io(&path, e))?)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// Says why there is no result.
    fn explain(&self, code: Option<i32>) -> Exit {
        let code_text = code.map_or_else(|| "a signal".to_owned(), |c| format!("exit code {c}"));
        print::message(&format!(
            "error: {} ended with {code_text}: {}",
            self.name(),
            self.step.typed(self.shelf.typed)
        ));
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        log.lines()
            .take(SHOWN)
            .for_each(|line| print::message(&format!("  {line}")));
        match code {
            Some(2) => Exit::Input,
            _ => Exit::Numerical,
        }
    }
}

/// Whether this program wrote a folder.
fn ours(folder: &Path) -> bool {
    folder.join("plan.jsonl").is_file() || manifest::outputs(folder).is_some()
}
