//! Reasons for giving no certificate, as sentences.

/// Why nothing was proved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Uncertified {
    #[error("critical points are certified without weight decay (l2 = 0) only")]
    Regularised,
    #[error("critical points are certified for two or more layers; this network has one")]
    OneLayer,
    #[error(
        "the matrix is {found_rows} × {found_cols}; the network makes {rows} × {cols} and the cost \
         takes {cost_rows} × {cost_cols}"
    )]
    Shape {
        found_rows: usize,
        found_cols: usize,
        rows: usize,
        cols: usize,
        cost_rows: usize,
        cost_cols: usize,
    },
    #[error(
        "the network has no matrix of rank {rank}: its narrowest layer has {narrowest} neurons"
    )]
    RankTooHigh { rank: usize, narrowest: usize },
    #[error("the matrix or the cost holds numbers that are not finite, or too large to work with")]
    NotFinite,
    #[error(
        "too large to certify: {unknowns} unknowns or more than {limit}, or too many measurements"
    )]
    TooLarge {
        unknowns: usize,
        rows: usize,
        cols: usize,
        limit: usize,
    },
    #[error(
        "not critical here: the critical point of rank {rank} that Newton's method finds from this \
         matrix lies {distance:.1e} away"
    )]
    NotCritical { rank: usize, distance: f64 },
    #[error(
        "critical points of this rank may not be isolated here: the Hessian on them is singular, and \
         no global minimum is proved"
    )]
    Singular,
    #[error("no box around this matrix passed the test for a critical point")]
    NotEnclosed,
    #[error("the rank is not proved to be {rank}: the matrix is too close to one of lower rank")]
    RankNotProven { rank: usize },
    #[error("the index is not proved: eigenvalues of the Hessian are too close to zero")]
    IndexNotProven,
}
