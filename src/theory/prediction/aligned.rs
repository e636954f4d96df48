//! Single modes in closed form: a balanced start aligned with the target, squared error.

use super::{Declined, Prediction, Predictions, Quantity, Question, Reach};
use crate::linalg::{Mat, MatRef, Svd, product, svd};
use crate::model::{Cost, Network, Problem};
use crate::theory::balance::{ROUNDOFF, is_multiple_of_identity};
use crate::theory::{mode_strength, weight_decay};

const RESULT: &str = "modes one by one, in closed form";
const FORMULA: &str = "t = int ds / (L s^(2-2/L) (s* - s) - 2 lambda L s)";

/// Least `a_r(0)` in units of the largest: below it fewer than nine digits of `a_r(0)` are left in
/// the product of the layers, and escape times would be those of its roundoff.
const LEAST_START: f64 = 1e-6;
/// Roundoff of `a_r(0)` in units of the largest.
const START_ERROR: f64 = 16.0 * f64::EPSILON;
/// Relative error of a time or strength in closed form.
const FORM_ERROR: f64 = 1e-13;
/// Singular values below this part of the largest are not predicted: runs do not promise them.
const VISIBLE: f64 = 1e-3;
/// A mode counts as settled within this part of its limit.
const SETTLED: f64 = 1e-10;

/// Passages up and down closer than this part of their time cannot be told apart by a run.
const COINCIDENCE: f64 = 1e-9;
const UNKNOWN: &str =
    "a mode that starts below 1e-6 of the strongest, too little to be known, may decide it";
const OPEN: &str =
    "a mode that is not at rest by then, or starts with too little to be known, may be among them";
/// Part of an escaped mode that roundoff may have turned towards a waiting one; what that does is its square.
const TURNED: f64 = 1e-7;
const LEFT: &str = "a mode escapes before one with a larger target, and rounding leaves that path at once: \
     the escaped mode turns towards the larger target";

/// How `σ_k` first comes to its level from below.
enum Passage {
    AtStart,
    /// The time and the mode `(a_r(0), s*_r)` that passes then.
    At(f64, (f64, f64)),
    /// At the time of a passage down, so that their order decides.
    Coincides,
    Never,
}

/// The modes of a problem, each following `ds/dt = L s^{2−2/L} (s* − s) − 2λ L s`.
struct Modes {
    depth: usize,
    l2: f64,
    /// `(a_r(0), s*_r)` where the start is known well enough.
    known: Vec<(f64, f64)>,
    /// The others with something to learn, which may come to matter, with the most that `a_r(0)` can be.
    unknown: Vec<(f64, f64)>,
    /// Roundoff of the starts.
    start_error: f64,
    /// Whether no rounding can mix the modes: no weight joins two of them.
    exact: bool,
}

pub(super) fn predict(question: &Question<'_>) -> Predictions {
    let modes = match Modes::of(question.problem) {
        Ok(modes) => modes,
        Err(reason) => {
            return Predictions {
                declined: vec![Declined::new(RESULT, reason)],
                ..Predictions::default()
            };
        }
    };
    let mut all = Predictions::default();
    for (i, &level) in question.levels().iter().enumerate() {
        match modes.escape(i, level) {
            Ok(prediction) => all.offered.extend(prediction),
            Err(reason) => {
                let reason = format!("mode {}: {reason}", i + 1);
                all.declined.push(Declined::new(RESULT, reason));
            }
        }
    }
    let (finals, reason) = modes.finals(question.horizon);
    if let Some(reason) = reason.filter(|_| all.declined.is_empty()) {
        let reason = format!("final values from mode {} on: {reason}", finals.len() + 1);
        all.declined.push(Declined::new(RESULT, reason));
    }
    all.offered.extend(finals);
    all
}

impl Modes {
    fn of(problem: &Problem) -> Result<Self, &'static str> {
        let Cost::SquaredError { target } = &problem.cost else {
            return Err("the cost is not the squared error");
        };
        if !is_balanced(&problem.network, &problem.initial_weights) {
            return Err("the start is not balanced");
        }
        let strengths =
            aligned_strengths(problem, target).ok_or("the start is not aligned with the target")?;
        let strongest = strengths.iter().fold(0.0, |m: f64, s| m.max(s.0.abs()));
        let largest = strengths.iter().fold(0.0, |m: f64, s| m.max(s.1));
        let least = LEAST_START * strongest;
        // What is not learned is the same with either sign.
        let upright = |(start, target): (f64, f64)| match target > ROUNDOFF * largest {
            true => (start, target),
            false => (start.abs(), target),
        };
        let (known, rest): (Vec<_>, Vec<_>) = strengths
            .into_iter()
            .map(upright)
            .partition(|(start, _)| *start > least);
        let missing = |m: &(f64, f64)| m.1 > ROUNDOFF * largest;
        Ok(Self {
            unknown: rest
                .into_iter()
                .filter(missing)
                .map(|(start, target)| (least.max(start.abs()), target))
                .collect(),
            depth: problem.network.depth(),
            l2: problem.l2,
            known,
            start_error: START_ERROR * strongest,
            exact: are_apart(&problem.network, &problem.initial_weights),
        })
    }

    /// `ds/dt`.
    fn speed(&self, s: f64, target: f64) -> f64 {
        let l = self.depth as f64;
        l * s.powf(2.0 - 2.0 / l) * (target - s) - 2.0 * self.l2 * l * s
    }

    /// When a mode is at `level` or above it: strengths move one way, so that it is one interval.
    fn above(&self, mode: &(f64, f64), level: f64) -> (f64, f64) {
        let &(start, target) = mode;
        let time = || weight_decay::time_between(self.depth, target, self.l2, start, level);
        let rests_above = self.limit(mode) >= level;
        match (start >= level, rests_above) {
            (true, true) => (0.0, f64::INFINITY),
            (true, false) => (0.0, time()),
            // Negative: on its way down it was there before.
            (false, _) => match time() {
                time if time >= 0.0 => (time, f64::INFINITY),
                _ => (f64::INFINITY, f64::INFINITY),
            },
        }
    }

    /// The first passage of `σ_{i+1}` up through `level`: from then on more than `i` modes are above,
    /// and fewer were just before. With the mode that passes.
    fn passage(&self, i: usize, level: f64) -> Passage {
        let intervals: Vec<_> = self.known.iter().map(|m| self.above(m, level)).collect();
        let at = |t: f64| {
            intervals
                .iter()
                .filter(|(up, down)| *up <= t && t < *down)
                .count()
        };
        if at(0.0) > i {
            return Passage::AtStart;
        }
        let mut order: Vec<usize> = (0..intervals.len()).collect();
        order.retain(|&m| intervals[m].0 > 0.0 && intervals[m].0.is_finite());
        order.sort_by(|&a, &b| intervals[a].0.total_cmp(&intervals[b].0));
        for mode in order {
            let time = intervals[mode].0;
            let coincides = |(_, down): &(f64, f64)| (down - time).abs() <= COINCIDENCE * time;
            if intervals.iter().any(coincides) {
                return Passage::Coincides;
            }
            if at(time) > i {
                return Passage::At(time, self.known[mode]);
            }
        }
        Passage::Never
    }

    /// When `σ_{i+1}` passes its level or that it never does; nothing if it starts above.
    ///
    /// # Errors
    /// Why neither is certain.
    fn escape(&self, i: usize, level: f64) -> Result<Option<Prediction>, &'static str> {
        let reach = |m: &(f64, f64)| self.above(m, level).0;
        let disturbed = self.unknown.iter().map(reach).fold(f64::INFINITY, f64::min);
        match self.passage(i, level) {
            Passage::AtStart => Ok(None),
            Passage::Coincides => {
                Err("one mode passes the level upwards when another sinks below it")
            }
            Passage::At(time, _) if time >= disturbed => Err(UNKNOWN),
            Passage::At(time, _) if self.has_left(time) => Err(LEFT),
            Passage::At(time, mode) => Ok(Some(self.escape_at((i, level), time, mode))),
            Passage::Never if disturbed < f64::INFINITY => Err(UNKNOWN),
            Passage::Never if self.has_left(f64::INFINITY) => Err(LEFT),
            Passage::Never => self.trapped(i).map(Some),
        }
    }

    /// Whether roundoff has turned an escaped mode towards one with a larger target that still waits at
    /// time `t`. At the saddle where `e` has escaped and `w` waits, with `A` off by `x (u_w v_eᵀ + u_e v_wᵀ)`,
    /// `dx/dt = σ_e^{1−2/L} (s*_w − s*_e) x`.
    fn has_left(&self, t: f64) -> bool {
        let escape = |m: &(f64, f64)| match self.limit(m) {
            // A mode that dies out waits for ever.
            0.0 => f64::INFINITY,
            limit => self.above(m, 0.5 * limit).0,
        };
        // What starts with too little to be known may wait for ever.
        let known = self.known.iter().map(|w| (escape(w), w.1));
        let unknown = self.unknown.iter().map(|w| (f64::INFINITY, w.1));
        let waiting: Vec<(f64, f64)> = known.chain(unknown).collect();
        let pairs = self
            .known
            .iter()
            .flat_map(|e| waiting.iter().map(move |w| (e, w)));
        let growth = |(e, &(end, target)): (&(f64, f64), &(f64, f64))| {
            let rate = self.limit(e).powf(1.0 - 2.0 / self.depth as f64) * (target - e.1);
            let waits = escape(e) < end.min(t) && rate > 0.0;
            if waits {
                rate * (end.min(t) - escape(e))
            } else {
                0.0
            }
        };
        let most = pairs.map(growth).fold(0.0, f64::max);
        !self.exact && f64::EPSILON * most.exp() > TURNED
    }

    /// Where the level lies close to what the mode tends to, roundoff of either takes long to pass.
    fn escape_at(
        &self,
        (i, level): (usize, f64),
        time: f64,
        (start, target): (f64, f64),
    ) -> Prediction {
        let level_error = f64::EPSILON * level / self.speed(level, target).abs();
        let shift = self.start_error / self.speed(start, target).abs() + level_error;
        let curve = match self.l2 == 0.0 {
            true => curve(self.depth, target, start),
            false => Vec::new(),
        };
        let error = FORM_ERROR * time + shift;
        self.offer(Quantity::EscapeTime, i, time, error, curve)
    }

    /// What `σ_{i+1}` tends to, if unknown modes do not change it.
    fn trapped(&self, i: usize) -> Result<Prediction, &'static str> {
        let known = || self.known.iter().map(|m| self.limit(m));
        let ranked = |unknown: Vec<f64>| {
            let mut all: Vec<f64> = known().chain(unknown).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            all.get(i).copied().unwrap_or(0.0)
        };
        let value = ranked(Vec::new());
        if value != ranked(self.unknown.iter().map(|m| self.limit(m)).collect()) {
            return Err(UNKNOWN);
        }
        Ok(self.offer(Quantity::Trapped, i, value, FORM_ERROR * value, Vec::new()))
    }

    fn limit(&self, &(start, target): &(f64, f64)) -> f64 {
        weight_decay::limit(self.depth, target, self.l2, start)
    }

    /// `σ_1, σ_2, …` at the horizon, as far as no mode that is not known can be among them; and why no more.
    fn finals(&self, horizon: f64) -> (Vec<Prediction>, Option<&'static str>) {
        if self.has_left(horizon) {
            return (Vec::new(), Some(LEFT));
        }
        let open = |m: &&(f64, f64)| self.at(m, horizon).is_none();
        let open = self.known.iter().filter(open).chain(&self.unknown);
        // A strength stays between its start and its limit.
        let most = open.map(|m| m.0.max(self.limit(m))).fold(0.0, f64::max);
        let known = self.known.iter();
        let mut ends: Vec<_> = known.filter_map(|m| self.at(m, horizon)).collect();
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let largest = ends.first().map_or(most, |end| end.0.max(most));
        ends.retain(|end| end.0 >= VISIBLE * largest);
        let visible = ends.len() + usize::from(most >= VISIBLE * largest && most > 0.0);
        ends.retain(|end| end.0 - end.1 > most);
        let offer = |(i, (value, error)): (usize, (f64, f64))| {
            self.offer(Quantity::FinalSingularValue, i, value, error, Vec::new())
        };
        let reason = (ends.len() < visible).then_some(OPEN);
        (ends.into_iter().enumerate().map(offer).collect(), reason)
    }

    /// Strength of a mode at time `t` and its error; with regularisation only once it is settled.
    fn at(&self, mode: &(f64, f64), t: f64) -> Option<(f64, f64)> {
        let (start, target) = *mode;
        if self.l2 == 0.0 {
            let s = mode_strength::strength_at(self.depth, target, start, t);
            // The time is good to its last digit, and the start to its own error.
            let (before, after) = (self.speed(start, target), self.speed(s, target));
            let own = match before == 0.0 {
                true => self.start_error,
                false => (after * self.start_error / before).abs(),
            };
            let error = FORM_ERROR * s + (after * f64::EPSILON * t).abs() + own;
            return error.is_finite().then_some((s, error));
        }
        let limit = self.limit(mode);
        if limit > 0.0 && (start - limit).abs() <= SETTLED * limit {
            return Some((limit, SETTLED * limit));
        }
        let near = match start < limit {
            true => limit * (1.0 - SETTLED),
            false => limit * (1.0 + SETTLED),
        };
        let needed = weight_decay::time_between(self.depth, target, self.l2, start, near);
        (limit > 0.0 && needed < t).then_some((limit, SETTLED * limit))
    }

    fn offer(
        &self,
        quantity: Quantity,
        i: usize,
        value: f64,
        error: f64,
        curve: Vec<(f64, f64)>,
    ) -> Prediction {
        Prediction {
            quantity,
            mode: i + 1,
            value,
            error,
            reach: Reach::ClosedForm,
            formula: FORMULA,
            assumptions: vec!["squared error", "balanced start", "aligned start"],
            curve,
        }
    }
}

/// `(t, s)` from the start to within 1e-6 of the target, even in the logit of `s/s*`.
fn curve(depth: usize, target: f64, start: f64) -> Vec<(f64, f64)> {
    const POINTS: usize = 160;
    let logit = |s: f64| (s / (target - s)).ln();
    let (y0, y1) = (logit(start), logit(target * (1.0 - 1e-6)));
    (0..=POINTS)
        .map(|i| {
            let y = y0 + (y1 - y0) * i as f64 / POINTS as f64;
            let s = target / (1.0 + (-y).exp());
            (mode_strength::time_between(depth, target, start, s), s)
        })
        .collect()
}

/// `W_{l+1}ᵀ W_{l+1} = W_l W_lᵀ` for every hidden layer, up to roundoff.
fn is_balanced(network: &Network, weights: &[f64]) -> bool {
    let balanced = |l| {
        let (low, high) = (network.layer(weights, l), network.layer(weights, l + 1));
        is_multiple_of_identity(low, high, 0.0)
    };
    (1..network.depth()).all(balanced)
}

/// Whether every hidden neuron has one weight on either side that is not zero.
fn are_apart(network: &Network, weights: &[f64]) -> bool {
    let single =
        |entries: &mut dyn Iterator<Item = &f64>| entries.filter(|w| **w != 0.0).count() < 2;
    (1..=network.depth()).all(|l| {
        let w = network.layer(weights, l);
        w.row_iter().all(|row| single(&mut row.iter()))
            && w.col_iter().all(|col| single(&mut col.iter()))
    })
}

/// `(a_r(0), s*_r)` for each mode when `A(0)` is diagonal in the target's singular basis.
fn aligned_strengths(problem: &Problem, target: &Mat<f64>) -> Option<Vec<(f64, f64)>> {
    let start = problem.network.end_to_end(&problem.initial_weights);
    let basis = svd(target.as_ref())?;
    let rotated = rotate(&basis, start.as_ref());
    let k = basis.s.len();
    let diagonal: Vec<f64> = (0..k).map(|r| rotated[(r, r)]).collect();
    let kept: f64 = diagonal.iter().map(|a| a * a).sum();
    let lost = (start.squared_norm_l2() - kept).abs();
    let within: f64 = (0..k)
        .flat_map(|i| (0..k).map(move |j| (i, j)))
        .filter(|(i, j)| i != j)
        .map(|(i, j)| rotated[(i, j)] * rotated[(i, j)])
        .sum();
    let aligned = within.sqrt() <= ROUNDOFF * kept.sqrt() && lost <= ROUNDOFF * kept;
    aligned.then(|| diagonal.into_iter().zip(basis.s).collect())
}

/// `Uᵀ A V`.
fn rotate(basis: &Svd, a: MatRef<'_, f64>) -> Mat<f64> {
    let half = product(basis.u.transpose(), a);
    product(half.as_ref(), basis.v.as_ref())
}
