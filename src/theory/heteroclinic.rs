//! The way from one saddle to the next, `L = 2`: the neurons that are learned and one more that
//! leaves along `(v_1, u_1)`,
//!
//! `z' = [[0, G(A)ᵀ], [G(A), 0]] z − 2λz`, `G = −∇C(A)`, `A = Σ_active z_out z_inᵀ`,
//!
//! normalised so that the new neuron is `e^{r_1 τ} (v_1, u_1)` as `τ → −∞`   (Jacot et al. 2021).
//! Passive neurons obey the same linear equation without acting on `A`: they start as
//! `e^{r_j τ} (v_j, u_j)` and tell how much of the slower modes grows at the next saddle.

mod two_layers;

use super::growth::Growth;
use super::taylor::Series;
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, SingularValues, bisect, multiply, product, svd, zeros};
use crate::model::Cost;
use two_layers::TwoLayers;

/// Size of the new neuron at the start, in units of the root of the level: what is neglected there
/// is its square, far below roundoff.
const DEPARTURE: f64 = 1e-9;
/// Relative speed at which the neurons count as arrived.
const AT_REST: f64 = 1e-13;
/// More steps than a passage takes: the slowest known ones need a few hundred.
const MOST_STEPS: usize = 20_000;
/// Relative size of a pivot that counts as a vanishing overlap.
const NO_OVERLAP: f64 = 1e-9;
/// Relative speed from which on the neurons are near the saddle: there each half of a passive neuron
/// grows or decays for itself, and what grows out of roundoff can be told.
const NEAR: f64 = 1e-2;

/// What a passage tells.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    /// The saddle where it ends.
    pub arrived: Mat<f64>,
    /// What grows there.
    pub growth: Growth,
    /// `ln κ_i`: the passive neurons, made orthogonal in the hidden space in their order, grow as
    /// `κ_i e^{r'_i τ}`; as many as have an overlap.
    pub log_growth: Vec<f64>,
    /// How the passive neurons mix.
    pub mixing: Mixing,
    /// How it settles.
    pub approach: Approach,
}

/// What a passage makes of the passive neurons, each relative to what becomes of it itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Mixing {
    /// `[i][j]`, `j > i`: what the slower mode `j` brings to the new mode `i`, in units of what `i`
    /// brings.
    pub brought: Vec<Vec<f64>>,
    /// `[i][j]`, `j > i`: what neuron `i` has of the new mode `j`, in units of that of mode `i`.
    pub slant: Vec<Vec<f64>>,
    /// Of each neuron the part in the half that grows when it comes near the saddle.
    pub share: Vec<f64>,
}

/// `e^{−r τ}`: the end of the approach to a saddle.
#[derive(Debug, Clone)]
pub(super) struct Approach {
    time: f64,
    /// Speed of the neurons at `time`, relative to their size.
    speed: f64,
    rate: f64,
    /// Times of the passage and the neurons that are learned by then; the last are those of the saddle.
    path: Vec<(f64, Mat<f64>)>,
}

impl Approach {
    /// What the growth of a new neuron up to `time` lacks: the relative distance `d = c e^{−r τ}`
    /// from the saddle then, times `1 + r τ`. The second term is not derived: integrations show
    /// errors `τ e^{−r τ}`.
    pub(super) fn effect(&self, time: f64) -> f64 {
        let distance = self.speed / self.rate * (-self.rate * (time - self.time)).exp();
        distance * (1.0 + (self.rate * time).max(0.0))
    }

    /// How far the neurons are from those of the saddle at `time`, in the hidden basis in which the saddle's are
    /// `neurons`, columns orthogonal. From the last step before on they come as `e^{−r τ}`.
    fn offset(&self, time: f64, neurons: MatRef<'_, f64>) -> Option<Mat<f64>> {
        let (_, end) = self.path.last()?;
        let after = self.path.partition_point(|(begin, _)| *begin <= time);
        let (begin, here) = &self.path[after.saturating_sub(1)];
        let part = (-self.rate * (time - begin).max(0.0)).exp();
        let mut turn = product(neurons.transpose(), end.as_ref());
        for (i, neuron) in neurons.col_iter().enumerate() {
            let size = neuron.squared_norm_l2();
            turn.row_mut(i).iter_mut().for_each(|x| *x *= part / size);
        }
        Some(product((here - end).as_ref(), turn.transpose()))
    }
}

/// The neurons on their way.
pub(super) struct Way<'a> {
    flow: TwoLayers<'a>,
    time: f64,
    neurons: Mat<f64>,
    /// `ln` of the factors taken out of the passive neurons.
    logs: Vec<f64>,
    /// What was taken out of passive neuron `j` along neuron `k < j`, in units of `e^{logs[k]}`;
    /// 1 on the diagonal.
    taken: Mat<f64>,
    rate: f64,
    level: f64,
    values: SingularValues,
}

impl<'a> Way<'a> {
    /// Leaves `saddle`, which is balanced and has rank `rank`, where `growth` grows, with the next
    /// `passive` directions watched.
    pub(super) fn new(
        cost: &'a Cost,
        l2: f64,
        (saddle, rank): (MatRef<'_, f64>, usize),
        growth: &Growth,
        passive: usize,
        level: f64,
    ) -> Result<Self, Unmet> {
        if !(level > 0.0 && level.is_finite()) {
            return Err(Unmet::LevelNotReached);
        }
        let (rows, cols) = cost.shape();
        let rate = growth.first(0.0)?;
        let size = DEPARTURE * level.sqrt();
        let time = size.ln() / rate;
        let learned = svd(saddle).ok_or(Unmet::NotFinite)?;
        let d = &growth.directions;
        let neurons = Mat::from_fn(rows + cols, rank + 1 + passive, |i, j| {
            if j >= rank {
                d[(i, j - rank)] * if j == rank { size } else { 1.0 }
            } else {
                let vector = if i < cols {
                    learned.v[(i, j)]
                } else {
                    learned.u[(i - cols, j)]
                };
                learned.s[j].sqrt() * vector
            }
        });
        Ok(Self {
            flow: TwoLayers::new(cost, l2, rank + 1 + passive, rank + 1),
            time,
            neurons,
            logs: growth.rates[1..=passive].iter().map(|r| r * time).collect(),
            taken: Mat::identity(passive, passive),
            rate,
            level,
            values: SingularValues::new(rows, cols),
        })
    }

    /// Adds `e^{r_j τ} amplitude_j (v_j, u_j)`, `j ≥ 2`, to the new neuron.
    pub(super) fn perturb(&mut self, growth: &Growth, amplitudes: &[f64]) {
        let new = self.flow.active - 1;
        for (j, amplitude) in amplitudes.iter().enumerate() {
            let factor = amplitude * (growth.rates[j + 1] * self.time).exp();
            for i in 0..self.neurons.nrows() {
                self.neurons[(i, new)] += factor * growth.directions[(i, j + 1)];
            }
        }
    }

    /// Goes on to `time`, unless it is further.
    pub(super) fn go_to(&mut self, time: f64) {
        for _ in 0..MOST_STEPS {
            if self.time >= time {
                return;
            }
            let (series, h, _) = self.series();
            self.advance(&series, h.min(time - self.time));
        }
    }

    /// Goes on to `time` and moves the learned neurons to where they are on their approach to the saddle, which
    /// began `since` before `τ = 0`.
    pub(super) fn unsettle(&mut self, approach: &Approach, time: f64, since: f64) {
        self.go_to(time);
        let learned = self.flow.active - 1;
        let neurons = self.neurons.subcols(0, learned);
        if let Some(offset) = approach.offset(since + self.time, neurons) {
            let moved = neurons + offset;
            self.neurons.subcols_mut(0, learned).copy_from(moved);
        }
    }

    /// Adds to the new neuron what is `part` at the time `origin` before `τ = 0` and grows at `rate`.
    pub(super) fn perturb_by(&mut self, part: &[f64], rate: f64, origin: f64) {
        let new = self.flow.active - 1;
        let factor = (rate * (origin + self.time)).exp();
        for (i, part) in part.iter().enumerate() {
            self.neurons[(i, new)] += factor * part;
        }
    }

    /// Goes on to the level.
    pub(super) fn event(&mut self) -> Result<f64, Unmet> {
        for _ in 0..MOST_STEPS {
            let (series, h, speed) = self.series();
            let ahead = self.strength(&series, h);
            if !ahead.is_finite() {
                return Err(Unmet::NoArrival);
            }
            if ahead >= self.level {
                return Ok(self.time + self.locate(&series, h));
            }
            if speed <= AT_REST * self.rate {
                return Err(Unmet::LevelNotReached);
            }
            self.advance(&series, h);
        }
        Err(Unmet::NoArrival)
    }

    /// Goes on to the next saddle.
    pub(super) fn arrive(mut self) -> Result<Passage, Unmet> {
        let mut approach = Approach {
            time: f64::NAN,
            speed: f64::NAN,
            rate: f64::NAN,
            path: Vec::new(),
        };
        let mut near = None;
        let active = self.flow.active;
        for _ in 0..MOST_STEPS {
            let (series, h, speed) = self.series();
            let learned = self.neurons.subcols(0, active).to_owned();
            approach.path.push((self.time, learned));
            if speed <= AT_REST * self.rate {
                return self.passage(approach, near);
            }
            if speed > NEAR * self.rate {
                near = None;
            } else if near.is_none() {
                near = Some((self.time, self.logs.clone()));
            }
            approach.rate = (approach.speed / speed).ln() / (self.time - approach.time);
            (approach.time, approach.speed) = (self.time, speed);
            self.advance(&series, h);
        }
        Err(Unmet::NoArrival)
    }

    /// The series here, a step for it, and the relative speed of the active neurons.
    fn series(&mut self) -> (Series, f64, f64) {
        let series = Series::new(&mut self.flow, vec![self.neurons.clone()], self.rate);
        let active = self.flow.active;
        let speed = series.velocity()[0].subcols(0, active).norm_l2();
        let size = self.neurons.subcols(0, active).norm_l2();
        let step = series.step().min(10.0 / self.rate);
        (series, step, speed / size)
    }

    fn advance(&mut self, series: &Series, h: f64) {
        self.time += h;
        if let Some(neurons) = series.at(h).pop() {
            self.neurons = neurons;
        }
        self.orthogonalise();
    }

    /// Makes the passive neurons orthonormal; only combinations with earlier ones are taken.
    fn orthogonalise(&mut self) {
        let active = self.flow.active;
        let before = self.logs.clone();
        // `R` of the neurons as they were left by the step.
        let mut upper: Mat<f64> = Mat::identity(before.len(), before.len());
        for j in 0..self.logs.len() {
            for _ in 0..2 {
                for k in 0..j {
                    let (new, old) = (active + j, active + k);
                    let overlap = column_dot(&self.neurons, new, old);
                    upper[(k, j)] += overlap;
                    for i in 0..self.neurons.nrows() {
                        let part = overlap * self.neurons[(i, old)];
                        self.neurons[(i, new)] -= part;
                    }
                }
            }
            let size = self.neurons.col(active + j).norm_l2();
            upper[(j, j)] = size;
            self.logs[j] += size.ln();
            for i in 0..self.neurons.nrows() {
                self.neurons[(i, active + j)] /= size;
            }
        }
        self.take(&upper, &before);
    }

    /// Follows what was taken out through a step that made `upper` of the neurons.
    fn take(&mut self, upper: &Mat<f64>, before: &[f64]) {
        let unit = |i: usize, k: usize| (before[k] - before[i]).exp() / upper[(i, i)];
        let step = Mat::from_fn(before.len(), before.len(), |i, k| match k < i {
            true => 0.0,
            false => upper[(i, k)] * unit(i, k),
        });
        self.taken = product(step.as_ref(), self.taken.as_ref());
    }

    fn end_to_end(&self, neurons: &Mat<f64>) -> Mat<f64> {
        let (rows, cols) = self.flow.cost.shape();
        let active = neurons.subcols(0, self.flow.active);
        let (input, output) = (active.subrows(0, cols), active.subrows(cols, rows));
        let mut a = zeros(rows, cols);
        multiply(a.as_mut(), false, 1.0, output, input.transpose());
        a
    }

    /// `σ` of the new mode after `h`.
    fn strength(&mut self, series: &Series, h: f64) -> f64 {
        let state = series.at(h);
        let a = self.end_to_end(&state[0]);
        self.values.of(a.as_ref())[self.flow.active - 1]
    }

    /// When, in the step, the level is reached: bisection to the last place.
    fn locate(&mut self, series: &Series, h: f64) -> f64 {
        let reached = |t| self.strength(series, t) >= self.level;
        let [_, reached] = bisect([0.0, h], 60, reached);
        reached
    }

    /// `near`: the time from which on the neurons were near the saddle and what `logs` was then.
    fn passage(self, approach: Approach, near: Option<(f64, Vec<f64>)>) -> Result<Passage, Unmet> {
        let arrived = self.end_to_end(&self.neurons);
        let flow = &self.flow;
        let growth = Growth::at(flow.cost, flow.l2, arrived.as_ref(), flow.active)?;
        let count = self.logs.len().min(growth.rates.len());
        let passive = self.neurons.subcols(flow.active, count);
        let mut overlap = zeros(count, count);
        let directions = growth.directions.subcols(0, count);
        multiply(
            overlap.as_mut(),
            false,
            0.5,
            directions.transpose(),
            passive,
        );
        let mut reduced = overlap.clone();
        let mut log_growth: Vec<f64> = pivots(&mut reduced)
            .iter()
            .enumerate()
            .map(|(i, p)| self.logs[i] + p.abs().ln() - growth.rates[i] * self.time)
            .collect();
        let share = |i: usize| {
            let known = near.as_ref();
            known.map_or(1.0, |(time, logs)| {
                (log_growth[i] + growth.rates[i] * time - logs[i]).exp()
            })
        };
        let share: Vec<f64> = (0..log_growth.len())
            .map(share)
            .take_while(|s| *s > NO_OVERLAP)
            .collect();
        log_growth.truncate(share.len());
        let mixing = self.mixing(&overlap, &reduced, &growth.rates, share);
        Ok(Passage {
            arrived,
            growth,
            log_growth,
            mixing,
            approach,
        })
    }

    /// For the modes with a share, from the overlaps of the neurons with the new modes, as they are and in
    /// echelon form.
    fn mixing(
        &self,
        overlap: &Mat<f64>,
        echelon: &Mat<f64>,
        rates: &[f64],
        share: Vec<f64>,
    ) -> Mixing {
        let count = overlap.nrows();
        let image = |rows: &Mat<f64>, i: usize, j: usize, unit: usize| -> f64 {
            let part = |k: usize| {
                rows[(i, k)] * self.taken[(k, j)] * (self.logs[k] - self.logs[unit]).exp()
            };
            (0..=j).map(part).sum()
        };
        let brought = |i: usize, j: usize| (image(echelon, i, j, i) / echelon[(i, i)]).abs();
        let slant = |i: usize, j: usize| {
            let part = (image(overlap, j, i, i) / echelon[(i, i)]).abs();
            let seen = if part > NO_OVERLAP { part } else { 0.0 };
            seen * ((rates[i] - rates[j]) * self.time).exp()
        };
        let table = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            let entry = |i: usize, j: usize| if j > i { of(i, j) } else { 0.0 };
            let row = |i: usize| (0..count).map(|j| entry(i, j)).collect();
            (0..share.len()).map(row).collect()
        };
        Mixing {
            brought: table(&brought),
            slant: table(&slant),
            share,
        }
    }
}

fn column_dot(m: &Mat<f64>, i: usize, j: usize) -> f64 {
    (0..m.nrows()).map(|k| m[(k, i)] * m[(k, j)]).sum()
}

/// Quotients of neighbouring leading minors, up to the first that vanishes; `m` is brought into
/// echelon form so far.
fn pivots(m: &mut Mat<f64>) -> Vec<f64> {
    let mut found = Vec::new();
    for k in 0..m.nrows() {
        let pivot = m[(k, k)];
        if pivot.abs() <= NO_OVERLAP {
            break;
        }
        found.push(pivot);
        for i in k + 1..m.nrows() {
            let factor = m[(i, k)] / pivot;
            for j in k..m.ncols() {
                let part = factor * m[(k, j)];
                m[(i, j)] -= part;
            }
        }
    }
    found
}
