//! What to keep of a run, what to look for and when to stop early.

use super::{Direction, Quantity};

/// At which times a row is recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Grid {
    /// Enough to draw every curve smoothly, in linear and in logarithmic time.
    Adaptive { count: usize },
    /// Equally spaced times.
    Linear { count: usize },
    /// Equally spaced logarithms of times.
    Log { count: usize },
    /// Every accepted step.
    Steps,
    /// These times.
    Times(Vec<f64>),
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub grid: Grid,
    /// Keep the weights of each row too.
    pub weights: bool,
}

/// An event to look for.
#[derive(Debug, Clone, PartialEq)]
pub enum EventSpec {
    /// `σ_k` rises through `fraction` of its level at the next saddle; all modes when `None`.
    Escape {
        fraction: f64,
        modes: Option<Vec<usize>>,
    },
    /// A quantity passes a level; `index` is the mode `k` of a singular value.
    Crossing {
        quantity: Quantity,
        index: Option<usize>,
        level: f64,
        direction: Direction,
    },
    /// The gradient norm has a local minimum in time.
    Plateau,
    /// The numerical rank of `A` changes.
    RankChange,
}

/// Any of these ends the run early.
#[derive(Debug, Clone, PartialEq)]
pub struct StopRules {
    pub gradient_norm: Option<f64>,
    pub cost: Option<f64>,
}
