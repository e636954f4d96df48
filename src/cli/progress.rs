//! A progress bar for runs whose time says little: it fills with the logarithm of time.

use dlnflow::observe::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts what is finished of a known number.
pub struct Counter {
    bar: ProgressBar,
}

impl Counter {
    pub fn new(hidden: bool, what: &'static str) -> Self {
        let target = match hidden {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr_with_hz(10),
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = format!("{{bar:30}} {{pos}}/{{len}} {what}, {{elapsed}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&style) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub fn show(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

const LENGTH: u64 = 1000;

/// A bar on stderr, drawn at most ten times a second and only on a terminal.
pub struct Bar {
    bar: ProgressBar,
    /// Time of the first step, where the logarithmic scale begins.
    first: Option<f64>,
}

impl Bar {
    pub fn new() -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(LENGTH), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, first: None }
    }

    pub fn show(&mut self, p: &Progress) {
        let first = *self.first.get_or_insert(p.time);
        let part = (p.time / first).ln() / (p.horizon / first).ln();
        self.bar.set_position((part * LENGTH as f64) as u64);
        self.bar.set_message(format!(
            "t = {:.4e} of {:.4e}, {} steps, loss {:.4e}, gradient {:.2e}",
            p.time, p.horizon, p.steps, p.loss, p.gradient_norm
        ));
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
