//! Whether runs from smaller and smaller starts follow the greedy path: for each path the sup distance
//! `d_k(α)`, and for each saddle the impurity `ρ_k(α)`, the part of what leaves it that is off the
//! predicted direction. The conjecture says that both vanish as `α → 0`.
//!
//! * `supported`: at the smallest `α` the visited saddles are the predicted ones in their order, every
//!   `d_k` is below `FOLLOWED` of its path's length and falls (or is below `FLOOR`).
//! * `violated`: the run waits at a critical point that is not on the path, or leaves a saddle in another
//!   direction with an impurity that does not fall as `α` does.
//! * `not yet asymptotic`: otherwise; the scale that would do follows from the fitted powers.
//! * `not applicable`: there is no greedy path to follow, or roundoff leads the run away from the flow.

use crate::report::saddles::{Finding, PathEntry, SaddleEntry, ScaleEntry, Verdict};
use crate::theory::saddle_sequence::{SlowEscape, sorted_exponents};

/// Distance from a path, relative to its length, that counts as following it.
const FOLLOWED: f64 = 0.05;
/// Relative distance that integration and interpolation leave.
const FLOOR: f64 = 1e-6;
/// Relative distance of a row from a critical point that counts as a visit.
const VISITED: f64 = 0.05;
/// Relative distance of two polished saddles that counts as none.
const SAME: f64 = 1e-5;
/// Distance of the run from a saddle, relative to the saddle's norm, that counts as waiting there.
const SHARP: f64 = 0.01;
/// Fitted power below which nothing falls.
const FLAT: f64 = 0.01;
/// Scales that a fit takes, the smallest ones.
const FITTED: usize = 3;

/// The verdict on one seed; `scales` in decreasing order, `end` says why the greedy path ends and
/// `is_final` whether nothing escapes from its last saddle.
pub fn verdict(
    greedy: &[SaddleEntry],
    (end, is_final): (&str, bool),
    scales: &[ScaleEntry],
    depth: usize,
    l2: f64,
) -> Verdict {
    let count = greedy.len().saturating_sub(1);
    let rates: Vec<Option<f64>> = (0..count)
        .map(|k| rate(scales, &|s| s.paths.get(k)?.relative_distance))
        .collect();
    let leaving = &greedy[..greedy.len().saturating_sub(usize::from(is_final))];
    let slow = match depth {
        2 => slow_escapes(leaving, l2),
        _ => Vec::new(),
    };
    let (verdict, reason, needed_scale) = match scales.last() {
        None => (Finding::NotYet, "no run came to its end".to_owned(), None),
        Some(_) if count == 0 => {
            let reason = format!("the greedy path ends at the origin: {end}");
            (Finding::NotApplicable, reason, None)
        }
        Some(last) if !last.broken_laws.is_empty() => {
            let (law, scale) = (last.broken_laws.join(", "), last.scale);
            let reason = format!("the run at scale {scale:e} leaves the flow, which obeys: {law}");
            (Finding::NotApplicable, reason, None)
        }
        Some(last) => {
            let on_path = |(k, path)| OnPath {
                greedy,
                scales,
                last,
                k,
                path,
                rate: rates[k],
                slow: &slow,
            };
            let paths = last.paths.iter().take(count).enumerate().map(on_path);
            judge(greedy, end, scales, paths.map(|path| path.state()))
        }
    };
    Verdict {
        verdict,
        reason,
        needed_scale,
        rates,
    }
}

/// The verdict, its reason and the scale that would do, from where each path stands.
fn judge(
    greedy: &[SaddleEntry],
    end: &str,
    scales: &[ScaleEntry],
    paths: impl Iterator<Item = State>,
) -> (Finding, String, Option<f64>) {
    if let Some(reason) = elsewhere(greedy, scales) {
        return (Finding::Violated, reason, None);
    }
    let mut needed: Option<(f64, String)> = None;
    for path in paths {
        match path {
            State::Followed => {}
            State::Violated(reason) => return (Finding::Violated, reason, None),
            State::Needs(scale, reason) => {
                let smaller = |(least, _): &(f64, String)| scale < *least || scale.is_nan();
                if needed.as_ref().is_none_or(smaller) {
                    needed = Some((scale, reason));
                }
            }
        }
    }
    match (needed, scales) {
        (Some((scale, reason)), _) => {
            let (would_do, known) = would_do(scale);
            (Finding::NotYet, format!("{reason}; {would_do}"), known)
        }
        (None, [.., _, last]) => match missed(&greedy[..greedy.len() - 1], last) {
            Some(reason) => (Finding::NotYet, reason, None),
            None => (Finding::Supported, followed(greedy, scales, end), None),
        },
        (None, few) => {
            let scale = few.last().map_or(f64::NAN, |only| only.scale);
            let seen = format!("the path is followed at scale {scale:e}");
            (
                Finding::NotYet,
                format!("{seen}; give --scales to see the limit"),
                None,
            )
        }
    }
}

/// What to say of the scale that a path needs, and that scale where it is known.
fn would_do(scale: f64) -> (String, Option<f64>) {
    if scale.is_finite() && scale > 0.0 {
        (format!("{scale:.0e} would do"), Some(scale))
    } else if scale == 0.0 {
        ("no scale above 1e-308 would do".to_owned(), None)
    } else {
        ("give more and smaller scales".to_owned(), None)
    }
}

fn followed(greedy: &[SaddleEntry], scales: &[ScaleEntry], end: &str) -> String {
    let worst = scales.last().map_or(0.0, |s| {
        let distances = s.paths.iter().filter_map(|p| p.relative_distance);
        distances.fold(0.0, f64::max)
    });
    let way = match scales.last().and_then(|s| missed(greedy, s)) {
        None => "",
        // A slow last relaxation ends with the horizon.
        Some(_) => ", the last of them as far as the run went",
    };
    let count = greedy.len() - 1;
    let paths = if count == 1 { "path" } else { "paths" };
    format!("{count} limit {paths} followed to {worst:.1e} of their lengths{way}; {end}")
}

/// A saddle that the run comes closer and closer to and the path does not visit.
fn elsewhere(greedy: &[SaddleEntry], scales: &[ScaleEntry]) -> Option<String> {
    let [.., before, last] = scales else {
        return None;
    };
    let on_path = |s: &SaddleEntry| {
        let same = |g: &SaddleEntry| g.rank == s.rank && separation(g, s) <= VISITED * norm(s);
        greedy.iter().any(same)
    };
    let is_saddle = |s: &SaddleEntry| s.kind.as_deref().is_some_and(|k| k.ends_with("saddle"));
    let closer = |s: &SaddleEntry| {
        let same = |b: &&SaddleEntry| b.rank == s.rank && separation(b, s) <= SAME * norm(s);
        let earlier = before.saddles.iter().find(same).and_then(|b| b.distance);
        earlier.is_some_and(|d| s.distance.is_some_and(|now| now < 0.5 * d))
    };
    let mut foreign = last
        .saddles
        .iter()
        .filter(|s| is_saddle(s) && sharp(s) && !on_path(s));
    let found = foreign.find(|s| closer(s))?;
    Some(format!(
        "the run waits at a saddle of rank {} that is not on the path (cost {:.6e}, at t = {:.6e})",
        found.rank,
        found.cost,
        found.time.unwrap_or(f64::NAN)
    ))
}

/// Whether the run came near.
fn sharp(s: &SaddleEntry) -> bool {
    s.rank == 0 || s.distance.is_some_and(|d| d <= SHARP * norm(s))
}

/// A predicted saddle that the run does not come near.
fn missed(greedy: &[SaddleEntry], last: &ScaleEntry) -> Option<String> {
    let size = greedy.iter().map(norm).fold(0.0, f64::max);
    let mut from = 0;
    for g in greedy {
        let rest = &last.saddles[from..];
        let near = |s: &SaddleEntry| s.rank == g.rank && separation(g, s) <= VISITED * size;
        match rest.iter().position(near) {
            Some(i) => from += i + 1,
            None => {
                return Some(format!(
                    "the run makes no plateau at the saddle of rank {}",
                    g.rank
                ));
            }
        }
    }
    None
}

/// Where one path stands.
enum State {
    Followed,
    Violated(String),
    Needs(f64, String),
}

/// One path at all scales.
struct OnPath<'a> {
    greedy: &'a [SaddleEntry],
    scales: &'a [ScaleEntry],
    last: &'a ScaleEntry,
    k: usize,
    path: &'a PathEntry,
    /// Fitted power of the distance.
    rate: Option<f64>,
    /// Slow times of two layers, empty for more.
    slow: &'a [SlowEscape],
}

impl OnPath<'_> {
    fn state(&self) -> State {
        let name = format!("path {} to {}", self.path.from, self.path.to);
        let distance = self.path.relative_distance;
        if distance.is_some_and(|d| d <= FOLLOWED) && self.falls() {
            return State::Followed;
        }
        if let Some((saddle, takes, wait, scale)) = self.in_a_hurry() {
            return State::Needs(
                scale,
                format!(
                    "the limit path to the saddle of rank {saddle} takes t = {takes:.4}, but at scale {:e} the \
                     next escape comes after {wait:.4}",
                    self.last.scale
                ),
            );
        }
        let impurity = self.path.impurity;
        let lead = self.slow.get(self.k).map_or(1.0, |e| e.lead);
        let flat = (0.2 * lead).min(FLAT);
        let purer = rate(self.scales, &|s| s.paths.get(self.k)?.impurity);
        let settled = self.scales.len() >= FITTED && self.leaves_sharply();
        if let Some(impurity) = impurity.filter(|i| *i > FOLLOWED)
            && settled
            && purer.is_some_and(|r| r < flat)
        {
            return State::Violated(format!(
                "{name}: what leaves the saddle is off the predicted direction by {impurity:.2e} and no \
                     purer from smaller starts"
            ));
        }
        let scale = self.needed_scale(purer.filter(|r| *r > flat).or(Some(lead)));
        let found = match (distance, impurity) {
            (Some(d), _) => format!("off by {d:.2e} of its length"),
            (None, Some(i)) => format!("not taken, left with an impurity of {i:.2e}"),
            (None, None) => "not taken".to_owned(),
        };
        State::Needs(
            scale,
            format!("{name}: {found} at scale {:e}", self.last.scale),
        )
    }

    fn falls(&self) -> bool {
        let distance = self.path.relative_distance.unwrap_or(f64::INFINITY);
        distance <= FLOOR || self.scales.len() < 2 || self.rate.is_some_and(|r| r > 0.0)
    }

    /// Whether the run comes near the saddle that the path leaves.
    fn leaves_sharply(&self) -> bool {
        let Some(from) = self.greedy.get(self.k) else {
            return false;
        };
        let near = |s: &&SaddleEntry| {
            let same = s.rank == from.rank && separation(s, from) <= SAME * norm(from).max(1e-300);
            same && sharp(s)
        };
        from.rank == 0 || self.last.saddles.iter().any(|s| near(&s))
    }

    /// The rank of a saddle whose limit path takes longer than the wait for the next escape, those two
    /// times, and the scale at which the wait is long enough.
    fn in_a_hurry(&self) -> Option<(usize, f64, f64, f64)> {
        (self.k.saturating_sub(1)..=self.k).find_map(|before| {
            let path = self.last.paths.get(before)?;
            let slope = self.slow.get(before + 1)?.slope - self.slow.get(before)?.slope;
            let wait = -slope * self.last.scale.ln();
            let takes = path.duration.filter(|d| *d > wait)?;
            Some((path.to, takes, wait, (-1.5 * takes / slope).exp()))
        })
    }

    /// The scale at which distance and impurity fall below `FOLLOWED` by their powers.
    fn needed_scale(&self, purer: Option<f64>) -> f64 {
        let to_go = |value: Option<f64>, rate: Option<f64>| match (value, rate) {
            (Some(v), Some(r)) if r > 0.0 => (v.max(FOLLOWED) / FOLLOWED).ln() / r,
            _ => f64::NAN,
        };
        // The distance saturates where another direction wins; the impurity does not.
        let by_impurity = to_go(self.path.impurity, purer);
        let by_distance = to_go(self.path.relative_distance, self.rate.filter(|r| *r > FLAT));
        self.last.scale * (-1.2 * by_impurity.max(by_distance)).exp()
    }
}

/// The power `p` of `value ∝ α^p` through the smallest scales; `None` where fewer than two are known.
fn rate(scales: &[ScaleEntry], value: &dyn Fn(&ScaleEntry) -> Option<f64>) -> Option<f64> {
    let known = scales.iter().rev().take(FITTED).filter_map(|s| {
        let v = value(s)?;
        (v > 0.0 && s.scale > 0.0).then(|| (s.scale.ln(), v.max(FLOOR * 1e-3).ln()))
    });
    let points: Vec<(f64, f64)> = known.collect();
    let n = points.len() as f64;
    if points.len() < 2 {
        return None;
    }
    let (mx, my) = points
        .iter()
        .fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
    let cross: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    let square: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
    (square > 0.0).then_some(cross / square)
}

/// The escapes of two layers in slow time.
fn slow_escapes(greedy: &[SaddleEntry], l2: f64) -> Vec<SlowEscape> {
    let rates = greedy.iter().map(|g| {
        let values = g.gradient_singular_values.iter();
        values.map(|s| s - 2.0 * l2).collect::<Vec<f64>>()
    });
    let floor = 1e-9
        * greedy.first().map_or(0.0, |g| {
            g.gradient_singular_values
                .iter()
                .fold(0.0, |m: f64, s| m.max(*s))
        });
    let growing = rates.take_while(|r| r.first().is_some_and(|r| *r > floor));
    sorted_exponents(&growing.collect::<Vec<_>>())
}

fn norm(s: &SaddleEntry) -> f64 {
    s.singular_values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// `‖A − B‖_F`.
fn separation(a: &SaddleEntry, b: &SaddleEntry) -> f64 {
    let pairs = a
        .end_to_end
        .iter()
        .flatten()
        .zip(b.end_to_end.iter().flatten());
    pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;

    /// A critical point of squared error with target `diag(2, 1)`, and what is left of it there.
    fn saddle(values: &[f64], left: &[f64]) -> SaddleEntry {
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        SaddleEntry {
            rank: values.len(),
            cost: 0.5 * left.iter().map(|s| s * s).sum::<f64>(),
            singular_values: values.to_vec(),
            gradient_singular_values: left.to_vec(),
            distance: Some(1e-3),
            end_to_end: vec![vec![at(0), 0.0], vec![0.0, at(1)]],
            ..SaddleEntry::default()
        }
    }

    fn greedy() -> Vec<SaddleEntry> {
        vec![
            saddle(&[], &[2.0, 1.0]),
            saddle(&[2.0], &[1.0, 0.0]),
            saddle(&[2.0, 1.0], &[0.0, 0.0]),
        ]
    }

    /// Relative distance and impurity of a path.
    type Seen = (Option<f64>, Option<f64>);

    /// A run that comes near all saddles, and what is seen of it along both paths.
    fn scale(scale: f64, seen: [Seen; 2]) -> ScaleEntry {
        let path = |(from, (relative_distance, impurity)): (usize, Seen)| PathEntry {
            from,
            to: from + 1,
            length: 1.0,
            growth: 1.0,
            gap: 0.5,
            duration: None,
            time: None,
            predicted_time: None,
            shift: None,
            distance: None,
            relative_distance,
            weight_distance: None,
            impurity,
        };
        ScaleEntry {
            scale,
            outcome: Outcome::HorizonReached,
            outcome_detail: String::new(),
            failed: false,
            broken_laws: Vec::new(),
            saddles: greedy(),
            paths: seen.into_iter().enumerate().map(path).collect(),
        }
    }

    /// Runs from `scales` of which `seen` is known, with three layers.
    fn study(scales: &[f64], seen: impl Fn(f64) -> [Seen; 2]) -> Vec<ScaleEntry> {
        scales.iter().map(|&a| scale(a, seen(a))).collect()
    }

    fn of(scales: &[ScaleEntry]) -> Verdict {
        verdict(&greedy(), ("all is learned", true), scales, 3, 0.0)
    }

    const TWO: [f64; 2] = [1e-2, 1e-4];
    const THREE: [f64; 3] = [1e-2, 1e-4, 1e-8];
    const FINE: Seen = (Some(1e-7), None);

    #[test]
    fn a_run_that_breaks_a_law_says_nothing() {
        let mut scales = study(&TWO, |a| [(Some(0.1 * a), None); 2]);
        assert_eq!(of(&scales).verdict, Finding::Supported);
        scales[1].broken_laws = vec!["the loss falls"];
        let found = of(&scales);
        assert_eq!(found.verdict, Finding::NotApplicable);
        assert!(found.reason.contains("the loss falls"), "{}", found.reason);
    }

    /// Distances `10 √α` and `20 √α` come to a twentieth at `α` = 2.5e-5 and 6.25e-6: both do at the smaller one.
    #[test]
    fn the_scale_that_would_do_is_that_of_the_slowest_path() {
        for factors in [[10.0, 20.0], [20.0, 10.0]] {
            let scales = study(&TWO, |a| factors.map(|c| (Some(c * a.sqrt()), None)));
            let found = of(&scales);
            assert_eq!(found.verdict, Finding::NotYet, "{}", found.reason);
            let needed = found.needed_scale.expect("a scale");
            assert!((1e-7..6.25e-6).contains(&needed), "{needed:e}");
        }
    }

    /// What integration leaves of a distance does not fall with `α`.
    #[test]
    fn a_path_followed_to_roundoff_is_followed() {
        let rises = study(&TWO, |a| [(Some(1e-9 / a.sqrt()), None); 2]);
        assert_eq!(of(&rises).verdict, Finding::Supported);
        let above = study(&TWO, |a| [(Some(1e-4 / a.sqrt()), None); 2]);
        assert_eq!(of(&above).verdict, Finding::NotYet);
    }

    /// An impurity that falls as `α^0.03` is slow to vanish and does; one that stays is another direction.
    #[test]
    fn only_an_impurity_that_stays_is_a_violation() {
        let of_power = |p: f64| study(&THREE, |a| [(None, Some(0.5 * a.powf(p))), FINE]);
        assert_eq!(of(&of_power(0.03)).verdict, Finding::NotYet);
        assert_eq!(of(&of_power(0.0)).verdict, Finding::Violated);
    }

    /// The distance `10 √α` is a twentieth at 2.5e-5, the impurity `100 √α` at 2.5e-7.
    #[test]
    fn distance_and_impurity_both_have_to_vanish() {
        let scales = study(&TWO, |a| {
            [(Some(10.0 * a.sqrt()), Some(100.0 * a.sqrt())), FINE]
        });
        let found = of(&scales);
        assert_eq!(found.verdict, Finding::NotYet, "{}", found.reason);
        let needed = found.needed_scale.expect("a scale");
        assert!((1e-9..2.5e-7).contains(&needed), "{needed:e}");
    }
}
