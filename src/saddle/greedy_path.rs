//! The greedy path: from the origin along limit paths from saddle to saddle, each of one rank more
//! (Jacot et al. 2021; Li, Luo & Lyu 2021), for any convex cost and any depth.

use super::morse::Morse;
use super::orbit::{Orbit, PathEnd, orbit};
use super::point::Saddle;
use crate::model::Problem;
use std::sync::atomic::AtomicBool;

/// Gradient, relative to that at the origin, that counts as none.
const LEARNED: f64 = 1e-9;
/// Quotient of the second growth rate and the first from which on the top pair counts as repeated.
const REPEATED: f64 = 1.0 - 1e-6;
/// Relative distance from `2λ`, at which learned directions stand, that polished saddles leave.
const POLISHED: f64 = 1e-9;

/// Saddles and the ways between them.
#[derive(Debug, Clone)]
pub struct GreedyPath {
    /// `A_0 = 0, A_1, …`.
    pub saddles: Vec<Saddle>,
    /// `orbits[k]` leads from `saddles[k]` to `saddles[k + 1]`.
    pub orbits: Vec<Orbit>,
    pub end: PathEnd,
}

impl GreedyPath {
    /// The path of a problem; its start does not matter.
    pub fn of(problem: &Problem) -> Self {
        Self::leaving_by(problem, &|_| 0)
    }

    /// The same as far as it is known when `interrupt` is set.
    pub fn until(problem: &Problem, interrupt: &AtomicBool) -> Self {
        Self::along(problem, &|_| 0, interrupt)
    }

    /// The path that leaves saddle `k` along singular pair `pair(k)` of `−∇C`, from 0: any but the
    /// first is another heteroclinic path than the greedy one.
    pub fn leaving_by(problem: &Problem, pair: &dyn Fn(usize) -> usize) -> Self {
        Self::along(problem, pair, &AtomicBool::new(false))
    }

    fn along(problem: &Problem, pair: &dyn Fn(usize) -> usize, interrupt: &AtomicBool) -> Self {
        let mut path = Self {
            saddles: Saddle::origin(problem).into_iter().collect(),
            orbits: Vec::new(),
            end: PathEnd::Complete,
        };
        while let Some(at) = path.saddles.last() {
            match next(problem, at, &path, pair(at.rank), interrupt) {
                Ok((orbit, end)) => {
                    path.saddles.push(orbit.to.clone());
                    path.orbits.push(orbit);
                    if let Some(end) = end {
                        path.end = end;
                        break;
                    }
                }
                Err(end) => {
                    path.end = end;
                    break;
                }
            }
        }
        path
    }

    /// Without saddle `k ≥ 1`: its two orbits are joined by nothing.
    pub fn without(&self, k: usize) -> Self {
        let mut path = self.clone();
        path.saddles.remove(k);
        path.orbits.remove(k - 1);
        path
    }
}

/// The orbit that leaves `at`, and the reason when the path ends where it arrives.
fn next(
    problem: &Problem,
    at: &Saddle,
    path: &GreedyPath,
    pair: usize,
    interrupt: &AtomicBool,
) -> Result<(Orbit, Option<PathEnd>), PathEnd> {
    let values = &at.gradient_singular_values;
    let first = |s: &Saddle| s.gradient_singular_values.first().copied().unwrap_or(0.0);
    if first(at) <= LEARNED * path.saddles.first().map_or(0.0, first) {
        return Err(PathEnd::Complete);
    }
    if at.rank == problem.network.max_rank() {
        return Err(PathEnd::NoRoom);
    }
    let decay = 2.0 * problem.l2;
    if values
        .get(pair)
        .is_some_and(|top| *top <= decay * (1.0 + POLISHED))
    {
        return Err(PathEnd::Trapped);
    }
    if let (Some(top), Some(second)) = (values.get(pair), values.get(pair + 1))
        && second - decay > REPEATED * (top - decay)
    {
        let ratio = (second - decay) / (top - decay);
        return Err(PathEnd::RepeatedTop { ratio });
    }
    let orbit = orbit(problem, at, pair, interrupt)?;
    let index = within_rank(&orbit.to);
    let end = (index > 0).then_some(PathEnd::NotMinimal { index });
    Ok((orbit, end))
}

/// Directions of descent among maps of the same rank.
fn within_rank(saddle: &Saddle) -> usize {
    let core = saddle.core.as_ref();
    core.and_then(|core| Morse::at(core, saddle))
        .map_or(0, |morse| morse.index)
}
