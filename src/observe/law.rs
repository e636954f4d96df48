//! A law of the flow as a run keeps it.

/// A law of the flow met a run, where the run came closest to breaking it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    pub name: &'static str,
    pub time: f64,
    /// By how much the law was missed.
    pub found: f64,
    /// What the method explains.
    pub allowed: f64,
}

/// The worst violation of one law.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worst {
    /// Violation over allowance; a warning above 1.
    ratio: f64,
    pub time: f64,
    pub found: f64,
    pub allowed: f64,
    /// How many places violate the law.
    pub count: usize,
}

impl Worst {
    pub fn note(&mut self, time: f64, found: f64, allowed: f64) {
        // Beyond the range of f64 nothing can be said; the step before has said it.
        if !found.is_finite() || !allowed.is_finite() {
            return;
        }
        let ratio = found / allowed;
        if ratio > 1.0 {
            self.count += 1;
        }
        if ratio > self.ratio {
            (self.ratio, self.time, self.found, self.allowed) = (ratio, time, found, allowed);
        }
    }

    pub fn violated(&self) -> Option<&Self> {
        (self.count > 0).then_some(self)
    }

    /// Unless there was nothing to hold against.
    pub fn law(&self, name: &'static str) -> Option<Law> {
        (self.ratio > 0.0).then(|| Law {
            name,
            time: self.time,
            found: self.found.max(0.0),
            allowed: self.allowed,
        })
    }
}
