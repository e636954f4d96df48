//! What the flow can do at a critical point of the loss.

/// Kind of critical point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    /// No other point has less loss.
    GlobalMinimum,
    /// The Hessian has no negative eigenvalue and no other way down is known.
    LocalMinimum,
    /// The Hessian has a negative eigenvalue.
    StrictSaddle,
    /// The Hessian has none, but for `L ≥ 3` and `λ = 0` the loss falls along unused directions as `−‖δ‖^L`.
    NonStrictSaddle,
}

impl PointKind {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            PointKind::GlobalMinimum => "global_minimum",
            PointKind::LocalMinimum => "local_minimum",
            PointKind::StrictSaddle => "strict_saddle",
            PointKind::NonStrictSaddle => "non_strict_saddle",
        }
    }
}
