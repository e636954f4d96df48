//! Something that happened at a located time.

/// What kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// `σ_k` rose through a fraction of its level at the next saddle.
    Escape,
    /// A quantity passed a level.
    Crossing,
    /// The gradient norm, falling, began to wait near a saddle.
    PlateauEnter,
    /// … and left again.
    PlateauLeave,
    /// The numerical rank of `A` changed.
    RankChange,
}

/// A recorded quantity that an event can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    Cost,
    TestCost,
    Loss,
    GradientNorm,
    ParameterNormSq,
    Schatten,
    Rank,
    /// `σ_k`; the index, from 1, stands beside it.
    SingularValue,
}

impl Quantity {
    /// Whether the gradient flow of `C(A) + λ‖θ‖²`, `l2 = λ`, can only lower it.
    pub fn only_falls(self, l2: f64) -> bool {
        match self {
            Quantity::Loss => true,
            Quantity::Cost => l2 == 0.0,
            _ => false,
        }
    }
}

/// The way a level was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Rising,
    Falling,
    Both,
}

/// One event, as a line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    /// Mode `k = 1, 2, …` for singular values.
    pub index: Option<usize>,
    pub quantity: Quantity,
    /// The level passed; for plateaus the gradient norm at the minimum.
    pub level: f64,
    pub direction: Direction,
    pub time: f64,
    /// What `time` lacks of the exact time.
    pub time_low: f64,
    /// Times on both sides of the event.
    pub bracket: [f64; 2],
    /// Time since the previous event of the run; the time itself for the first.
    pub since_previous: f64,
    /// The level was already passed at `t = 0`.
    pub at_start: bool,
    /// For `PlateauLeave`: how long the plateau lasted.
    pub duration: Option<f64>,
    pub cost: f64,
    pub gradient_norm: f64,
    pub singular_values: Vec<f64>,
}
