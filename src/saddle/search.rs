//! Critical points of any loss from random starts. Every second start descends to a minimum, the others
//! take least-norm Newton steps, which end in critical points of any index, from random weights of random
//! rank and size. What is found is a list, not a proof that there is no more.

use super::newton::critical_weights;
use super::point::{Saddle, core_problem, end_to_end, gradient_scale, level_along};
use super::trust_region::minimise;
use crate::linalg::{Mat, SingularValues, svd};
use crate::model::Problem;
use crate::model::draws::Stream;

/// Singular value of the map, relative to the scale of the problem, that counts as zero: without weight decay
/// nothing pulls on small weights, and searches leave some of them.
const ABSENT: f64 = 1e-6;
/// Weight that counts as zero with weight decay, where modes of the smaller root are as weak as `λ^{1/(L−2)}`.
const ABSENT_WEIGHT: f64 = 1e-4;
/// Singular value of a product that is its roundoff.
const ROUNDOFF: f64 = 1e-13;
/// Products with the Hessian that a descent may take.
const PRODUCTS: usize = 20_000;
/// Loss and map, relative to their sizes, within which two points are the same …
const SAME: f64 = 1e-7;
/// … and losses, relative to that of `A = 0`, that are roundoff.
const SAME_LOSS: f64 = 1e-13;
/// Sizes of random weights, in units of those of a learned mode: from a hundredth to twice.
const SIZES: [f64; 2] = [0.01, 2.0];

/// A critical point and how many starts found it.
#[derive(Debug, Clone)]
pub struct Hit {
    pub saddle: Saddle,
    /// `C(A) + λ‖θ‖²`.
    pub loss: f64,
    pub hits: usize,
}

/// The critical point that start number `start` of `seed` leads to; `None` where it leads nowhere.
pub fn critical_point_from(problem: &Problem, seed: u64, start: u64) -> Option<Saddle> {
    let mut stream = Stream::new(seed, &format!("landscape {start}"));
    let most = problem.network.max_rank() as u64;
    let rank = 1 + stream.below(most) as usize;
    let mut core = core_problem(problem, rank);
    let depth = problem.network.depth();
    let level = level(problem);
    let unit = level.powf(1.0 / depth as f64);
    let [low, high] = SIZES.map(f64::ln);
    let size = unit * (low + (high - low) * stream.uniform()).exp();
    core.initial_weights.fill_with(|| size * stream.normal());
    if start.is_multiple_of(2) {
        let scale = gradient_scale(problem) * unit.powi(depth as i32 - 1);
        let begin = core.initial_weights.clone();
        core.initial_weights = minimise(&core, begin, scale, &mut PRODUCTS.clone())?;
    } else {
        core.initial_weights = critical_weights(&core)?;
    }
    let rank = modes_of(problem, &end_to_end(&core));
    let found = Saddle::near(&core, &core.initial_weights, rank)?;
    // Polishing may lose what was next to nothing.
    match modes_of(problem, &found.end_to_end) {
        left if left < rank => Saddle::near(&core, &core.initial_weights, left),
        _ => Some(found),
    }
}

/// The level of the first mode to be learned; `A` is measured by it.
fn level(problem: &Problem) -> f64 {
    svd(problem.cost.gradient_at_origin().as_ref())
        .map_or(0.0, |parts| level_along(&problem.cost, &parts, 0))
}

/// The modes of a map that are there.
fn modes_of(problem: &Problem, map: &Mat<f64>) -> usize {
    let absent = match problem.l2 > 0.0 {
        true => ABSENT_WEIGHT
            .powi(problem.network.depth() as i32)
            .max(ROUNDOFF),
        false => ABSENT,
    };
    let floor = absent * level(problem);
    let mut values = SingularValues::new(map.nrows(), map.ncols());
    values
        .of(map.as_ref())
        .iter()
        .filter(|s| **s > floor)
        .count()
}

/// Puts equal points together, in order of increasing loss, and the origin with them, which is critical whether a
/// start led there or not.
pub fn merged(problem: &Problem, found: Vec<Saddle>) -> Vec<Hit> {
    let mut all: Vec<Hit> = Vec::new();
    let roundoff = SAME_LOSS * problem.cost.value_at_origin();
    let hits = found.into_iter().map(|saddle| (saddle, 1));
    let origin = Saddle::origin(problem).map(|origin| (origin, 0));
    for (saddle, hits) in hits.chain(origin) {
        let loss = saddle.loss(problem.l2);
        match all
            .iter_mut()
            .find(|hit| same(hit, &saddle, loss, roundoff))
        {
            Some(hit) => hit.hits += hits,
            None => all.push(Hit { saddle, loss, hits }),
        }
    }
    all.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    all
}

fn same(hit: &Hit, saddle: &Saddle, loss: f64, roundoff: f64) -> bool {
    let off = (&hit.saddle.end_to_end - &saddle.end_to_end).norm_l2();
    let size = saddle.end_to_end.norm_l2();
    let close = (hit.loss - loss).abs() <= SAME * loss.abs() + roundoff;
    hit.saddle.rank == saddle.rank && close && off <= SAME.sqrt() * size
}
