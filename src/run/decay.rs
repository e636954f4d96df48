//! What theory says of the end of a regularised run.

use crate::model::Problem;
use crate::report::{Decay, Threshold};
use crate::theory::origin;

/// `norm_sq` is `‖θ‖²` at the end; `None` for `λ = 0`.
pub(super) fn of(problem: &Problem, norm_sq: f64) -> Option<Decay> {
    let threshold = |t: &origin::Threshold| Threshold {
        critical_l2: t.critical,
        global_l2: t.global,
    };
    let trapped = || {
        let (depth, slope) = (problem.network.depth(), origin::slope(&problem.cost));
        origin::tends_to_origin(depth, problem.l2, slope, norm_sq)
    };
    (problem.l2 > 0.0).then(|| Decay {
        tends_to_origin: trapped(),
        thresholds: origin::thresholds(problem).iter().map(threshold).collect(),
    })
}
