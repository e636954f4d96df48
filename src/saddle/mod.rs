//! Saddles of the flow: the critical points that a greedy low-rank fit visits, and the flow of the
//! modes that wait at one.

mod certificate;
mod deviation;
mod greedy;
mod greedy_path;
mod hermite;
mod joints;
mod lone_mode;
mod morse;
mod newton;
mod orbit;
mod paths;
mod plateau;
mod point;
mod procrustes;
mod response;
mod run;
mod search;
mod settling;
mod trust_region;
mod waiting;
mod waiting_flow;

pub use certificate::{Certificate, ProvenIndex, Uncertified, certify};
pub use deviation::{Deviation, deviations, impurities};
pub use greedy::{SaddleLevel, SaddleLevels, saddle_levels};
pub use greedy_path::GreedyPath;
pub use lone_mode::{LoneMode, Stretch};
pub use morse::{Morse, symmetry};
pub use orbit::{Orbit, PathEnd, Sample, orbit};
pub use plateau::Plateau;
pub use point::Saddle;
pub use procrustes::distance_up_to_rotation;
pub use run::Run;
pub use search::{Hit, critical_point_from, merged};
pub use settling::Settling;
pub use waiting::{Coupling, Waiting};
pub use waiting_flow::WaitingFlow;
