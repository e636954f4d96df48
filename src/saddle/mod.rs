//! Saddles of the flow: the critical points that a greedy low-rank fit visits, and the flow of the
//! modes that wait at one.

mod certificate;
mod greedy;
mod plateau;
mod trust_region;
mod waiting;

pub use certificate::{Certificate, ProvenIndex, Uncertified, certify};
pub use greedy::{SaddleLevel, SaddleLevels, saddle_levels};
pub use plateau::Plateau;
pub use waiting::{Waiting, WaitingFlow};
