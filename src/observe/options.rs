//! What to record, which events to look for, when to stop early.

use super::event::{Direction, Quantity};
use super::observable::Observable;

/// At which times a row is recorded. Every grid also holds `t = 0` and the last time reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Grid {
    /// About `count` rows, placed so that every curve is smooth in linear and in log time.
    Adaptive { count: usize },
    /// `count` equally spaced times from 0 to the horizon.
    Linear { count: usize },
    /// `t = 0` and `count − 1` times in geometric progression from `1e-6 · horizon` to the horizon.
    Log { count: usize },
    /// Every accepted step.
    Steps,
    /// These times.
    Times(Vec<f64>),
}

/// What a run keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub grid: Grid,
    /// Keep the packed weights of every row too.
    pub weights: bool,
    /// What every row holds beyond its fixed columns, in this order.
    pub observables: Vec<Observable>,
}

/// An event to look for.
#[derive(Debug, Clone, PartialEq)]
pub enum EventSpec {
    /// `σ_k` rises through `fraction` × its level at the next saddle; all modes that have a level
    /// unless `modes` (from 1) names some.
    Escape {
        fraction: f64,
        modes: Option<Vec<usize>>,
    },
    /// A recorded quantity passes a level; `index` (from 1) goes with `Quantity::SingularValue`.
    Crossing {
        quantity: Quantity,
        index: Option<usize>,
        level: f64,
        direction: Direction,
    },
    /// The gradient norm waits near a saddle: enter and leave.
    Plateau,
    /// The numerical rank of `A` changes.
    RankChange,
}

impl EventSpec {
    /// Modes (from 1, of `count`) whose escape is looked for, and through which `σ_k`: those whose level
    /// `saddle_levels[k − 1]` at the next saddle is known and positive.
    pub fn escape_levels(&self, count: usize, saddle_levels: &[Option<f64>]) -> Vec<(usize, f64)> {
        let Self::Escape { fraction, modes } = self else {
            return Vec::new();
        };
        let named = modes.clone().unwrap_or_else(|| (1..=count).collect());
        let known = |&mode: &usize| {
            let level = saddle_levels.get(mode.checked_sub(1)?).copied().flatten()?;
            (mode <= count && level > 0.0).then_some((mode, fraction * level))
        };
        named.iter().filter_map(known).collect()
    }
}

/// The run ends at the first accepted step (or at the start) where one of these holds.
#[derive(Debug, Clone, PartialEq)]
pub struct StopRules {
    /// `‖∂loss/∂θ‖ ≤` this.
    pub gradient_norm: Option<f64>,
    /// `C(A) ≤` this.
    pub cost: Option<f64>,
}
