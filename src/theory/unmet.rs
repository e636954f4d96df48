//! Why an asymptotic result does not apply.

/// The assumption that does not hold, as one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// The result is for another number of layers.
    #[error("the network has a depth that this result does not cover")]
    Depth,
    /// `h < 1` or shapes that do not fit each other.
    #[error("the layers, the cost and the levels do not fit together")]
    Shapes,
    /// Something is NaN or infinite.
    #[error("the weights or the cost are not finite")]
    NotFinite,
    /// `σ_1 = σ_2`: any direction of their plane may escape first.
    #[error("the two largest singular values of the negative gradient coincide")]
    RepeatedTop,
    /// `σ_1 − 2λ ≤ 0`.
    #[error("nothing grows at the saddle: the regularisation is too strong or all is learned")]
    NoGrowth,
    /// The start has no part along the direction that grows.
    #[error("the start has no overlap with a direction that grows")]
    ZeroOverlap,
    /// The level is not between the saddle left and the saddle reached.
    #[error("the singular value does not reach the level on its way to the next saddle")]
    LevelNotReached,
    /// Flat directions or directions of descent among maps of the saddle's rank.
    #[error(
        "the saddle on the way is no strict minimum among maps of its rank: what the start leaves in hidden \
         directions of learned modes does not fade there"
    )]
    Unstable,
    /// The start keeps turning.
    #[error("the start does not find the direction that grows before its steps are counted out")]
    NotFound,
    /// The way to the next saddle did not end.
    #[error("the way to the next saddle does not settle")]
    NoArrival,
    /// Not the fastest direction but one that had grown before escapes first.
    #[error("a direction other than the fastest escapes first: other saddles are visited")]
    OtherOrder,
    /// More directions with vanishing overlaps than subsets can be listed for.
    #[error("some overlaps vanish among too many directions to list all their subsets")]
    TooManyDirections,
}
