//! Whether a start is lazy: the linearised model beside the network, and how far the start is from the
//! nearest minimum and the nearest saddle (Jacot, Ged, Şimşek, Hongler & Gabriel 2021; lazy training:
//! Chizat, Oyallon & Bach 2019).

mod balanced;
mod kernel;
mod label;
mod linear;
mod nearest;
mod saddle;

pub use balanced::nearest_balanced;
pub use kernel::{LARGEST, alignment, tangent_kernel};
pub use label::Regime;
pub use linear::LinearModel;
pub use nearest::{Nearest, nearest_minimum, nearest_over};
pub use saddle::{NearestSaddle, nearest_saddle};

/// Most layers of a study.
pub const MOST_LAYERS: usize = 1000;

/// Why there is no linearised model or no distance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the tangent kernel would have {0} rows; at most {LARGEST} are formed")]
    KernelTooLarge(usize),
    #[error("distances need a cost whose minima are one given A: squared_error")]
    NotSquaredError,
    #[error("no width allows the rank of the target, {0}: its minima have another A")]
    RankOutOfReach(usize),
    #[error("one layer has no saddles")]
    OneLayer,
    #[error("a target of zero: the minimum is where the saddle would be")]
    ZeroTarget,
    #[error(
        "with weight decay the gap to the linearised model does not measure laziness: λ must be 0"
    )]
    WeightDecay,
    #[error("distances need λ = 0: with weight decay the minima have another A")]
    Regularised,
    #[error("{0} layers; at most {MOST_LAYERS}")]
    TooDeep(usize),
    #[error("numbers that are not finite")]
    NotFinite,
}
