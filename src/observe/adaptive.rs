//! Rows placed so that straight lines between them draw every curve: `σ_k`, costs and gradient
//! norm, each linear and logarithmic, against linear and against logarithmic time.
//!
//! While the run goes on a row is kept when no chord from the row before could replace it: for
//! each curve and each time axis a cone of slopes remembers what all points since then allow
//! (swinging door). Steps over which a curve bends are sampled inside. At the end the rows kept
//! are reduced to about the number asked for, always splitting where the error is largest
//! (Douglas–Peucker). Values that are roundoff or solver noise are held at their floor first, or
//! all rows would go to drawing noise.

use crate::integrate::{Method, Options, TOGETHER};
use crate::model::Problem;

use super::measure::{Measurement, Probe};
use super::monitors::Monitors;
use super::polyline::{Curves, most_telling};
use super::recorder::Sink;
use super::sample::Sample;
use super::trajectory::Trajectory;
use super::view::StepView;

/// Error of the chords while the run goes on, in units of an axis …
const STREAM_TOLERANCE: f64 = 2e-4;
/// … and bend within a step that is worth interior samples.
const BEND_TOLERANCE: f64 = 1e-3;
/// Most pieces of a step.
const MOST_PIECES: f64 = 8.0;
/// Rows kept while the run goes on, in units of `count`; fewer when each holds all weights.
const SPARE: usize = 20;
const SPARE_WITH_WEIGHTS: usize = 3;
/// Rows are never further apart than this ratio of times.
const LARGEST_RATIO: f64 = 1.15;
/// Points closer than this part of `t/count` cannot be told apart in a figure.
const CLOSEST: f64 = 0.02;
/// Singular values with a curve of their own.
const MOST_MODES: usize = 64;
/// Logarithms stop here.
const SMALLEST: f64 = 1e-300;

/// Chooses rows.
pub(super) struct Adaptive {
    count: usize,
    spare: usize,
    tolerance: f64,
    floors: Floors,
    curves: Curves,
    cones: Cones,
    /// Time and curve values of the last row kept and of the last two points.
    anchor: Point,
    earlier: Option<Point>,
    latest: Point,
    /// Curve values of each row kept.
    kept: Vec<Point>,
    /// The state of the latest point, where it lies inside the step at hand.
    inside: Sample,
    read: [Sample; TOGETHER],
}

/// A point on all curves.
pub(super) type Point = (f64, Vec<f64>);

/// What counts as zero in logarithms.
struct Floors {
    rtol: f64,
    rank: f64,
    modes: usize,
    largest_cost: f64,
}

impl Adaptive {
    pub fn new(
        probe: &Probe<'_>,
        problem: &Problem,
        count: usize,
        weights: bool,
        options: &Options,
    ) -> Self {
        let rtol = match options.method {
            Method::GradientDescent { .. } => 1e-15,
            _ => options.rtol.max(1e-15),
        };
        let target = problem.cost.target().map_or(0.0, |t| t.norm_l2());
        let modes = problem.network.modes().min(MOST_MODES);
        let count = count.max(2);
        Self {
            count,
            spare: count * if weights { SPARE_WITH_WEIGHTS } else { SPARE },
            tolerance: STREAM_TOLERANCE,
            floors: Floors {
                rtol,
                rank: probe.rank_tolerance(),
                modes,
                largest_cost: 0.0,
            },
            curves: Curves::new(modes, target / (modes as f64).sqrt()),
            cones: Cones::default(),
            anchor: (0.0, Vec::new()),
            earlier: None,
            latest: (0.0, Vec::new()),
            kept: Vec::new(),
            inside: Sample::blank(probe),
            read: std::array::from_fn(|_| Sample::blank(probe)),
        }
    }

    /// The row of `t = 0` is kept already.
    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        let point = (m.time, self.floors.curve_values(m));
        self.curves.include(&point.1);
        self.cones.reset(point.1.len());
        self.anchor = point.clone();
        self.latest = point.clone();
        self.kept.push(point);
    }

    /// The last row is kept already.
    pub fn end(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        let values = self.floors.curve_values(m);
        self.curves.include(&values);
        self.kept.push((m.time, values));
    }

    pub fn step(
        &mut self,
        view: &mut StepView<'_, '_>,
        sink: &mut Sink<'_>,
        monitors: &mut Monitors,
    ) {
        let t1 = view.time(view.step.t1);
        if t1 - self.latest.0 < CLOSEST / self.count as f64 * t1 {
            return;
        }
        view.resolve_ends();
        let end = (t1, self.floors.curve_values(view.after));
        self.curves.include(&end.1);
        for times in view.divided(self.pieces(&end)).chunks(TOGETHER) {
            Sample::measure_all(view, times, &mut self.read[..times.len()]);
            for i in 0..times.len() {
                let m = &self.read[i].measurement;
                let point = (m.time, self.floors.curve_values(m));
                self.push(point, view, sink, monitors);
                std::mem::swap(&mut self.inside, &mut self.read[i]);
            }
        }
        self.push(end, view, sink, monitors);
        if self.kept.len() > self.spare {
            self.thin(self.spare / 2, &mut sink.trajectory);
            self.tolerance *= 2.0;
        }
    }

    /// Leaves about `count` rows.
    pub fn reduce(&mut self, trajectory: &mut Trajectory) {
        self.thin(self.count, trajectory);
    }

    fn thin(&mut self, count: usize, trajectory: &mut Trajectory) {
        let keep = most_telling(&self.kept, &self.curves, count);
        retain(&mut self.kept, &keep);
        retain(&mut trajectory.rows, &keep);
        if !trajectory.weights.is_empty() {
            retain(&mut trajectory.weights, &keep);
        }
    }

    /// Into how many pieces the bend over the step divides it.
    fn pieces(&self, end: &Point) -> usize {
        let Some(earlier) = &self.earlier else {
            return 1;
        };
        let bend = self.curves.bend(earlier, &self.latest, end);
        let pieces = (bend / BEND_TOLERANCE).sqrt().ceil();
        pieces.clamp(1.0, MOST_PIECES) as usize
    }

    /// Takes the next point; keeps the one before it when no chord can skip it.
    fn push(
        &mut self,
        point: Point,
        view: &mut StepView<'_, '_>,
        sink: &mut Sink<'_>,
        monitors: &mut Monitors,
    ) {
        let first = self.latest.0 == self.anchor.0;
        let spread = point.0 > LARGEST_RATIO * self.anchor.0;
        if !first && (spread || !self.cones.allow(&self.anchor, &point)) {
            self.keep(view, sink, monitors);
            self.cones.reset(point.1.len());
        }
        self.cones
            .narrow(&self.anchor, &point, &self.curves, self.tolerance);
        self.earlier = Some(std::mem::replace(&mut self.latest, point));
    }

    /// Keeps the latest point, or the start of the step when it is later (points in between were
    /// too close to count).
    fn keep(&mut self, view: &mut StepView<'_, '_>, sink: &mut Sink<'_>, monitors: &mut Monitors) {
        let start = view.time(view.step.t0);
        if self.latest.0 <= start {
            self.anchor = (start, self.floors.curve_values(view.before));
            sink.keep_start(view, monitors);
        } else {
            self.anchor = self.latest.clone();
            sink.keep_inside(view, &self.inside, monitors);
        }
        self.kept.push(self.anchor.clone());
    }
}

impl Floors {
    /// `σ_k, cost, test cost, ‖∇‖` and then their logarithms.
    fn curve_values(&mut self, m: &Measurement) -> Vec<f64> {
        self.largest_cost = self.largest_cost.max(m.cost);
        let sigma = m.singular_values();
        let sigma_floor = if m.is_graded() {
            0.0
        } else {
            self.rank * sigma.first().copied().unwrap_or(0.0)
        };
        // An error of rtol in A costs rtol²; one in the weights pulls back with ρ ≤ S₁.
        let cost_floor = self.rtol * self.rtol * self.largest_cost;
        let norm_floor = self.rtol * m.parameter_norm_sq.sqrt() * m.reach * m.reach;
        let floors = sigma[..self.modes]
            .iter()
            .map(|&s| (s, sigma_floor))
            .chain([
                (m.cost, cost_floor),
                (m.test_cost.unwrap_or(0.0), cost_floor),
                (m.gradient_norm, norm_floor),
            ]);
        let logs = floors
            .clone()
            .map(|(v, floor)| v.max(floor).max(SMALLEST).ln());
        floors.clone().map(|(v, _)| v).chain(logs).collect()
    }
}

/// For each curve the slopes, against `t` and against `ln t`, that chords from the last row may
/// have.
#[derive(Default)]
struct Cones {
    linear: Vec<[f64; 2]>,
    logarithmic: Vec<[f64; 2]>,
}

impl Cones {
    fn reset(&mut self, curves: usize) {
        let open = [f64::NEG_INFINITY, f64::INFINITY];
        for cones in [&mut self.linear, &mut self.logarithmic] {
            cones.clear();
            cones.resize(curves, open);
        }
    }

    fn allow(&self, anchor: &Point, point: &Point) -> bool {
        let inside = |cones: &[[f64; 2]], dx: f64| {
            cones
                .iter()
                .zip(anchor.1.iter().zip(&point.1))
                .all(|(&[low, high], (a, b))| {
                    let slope = (b - a) / dx;
                    slope >= low && slope <= high
                })
        };
        inside(&self.linear, point.0 - anchor.0)
            && (anchor.0 <= 0.0 || inside(&self.logarithmic, (point.0 / anchor.0).ln()))
    }

    fn narrow(&mut self, anchor: &Point, point: &Point, curves: &Curves, tolerance: f64) {
        let narrow = |cones: &mut [[f64; 2]], dx: f64| {
            for (j, cone) in cones.iter_mut().enumerate() {
                let (rise, slack) = (point.1[j] - anchor.1[j], tolerance * curves.scale(j));
                cone[0] = cone[0].max((rise - slack) / dx);
                cone[1] = cone[1].min((rise + slack) / dx);
            }
        };
        narrow(&mut self.linear, point.0 - anchor.0);
        if anchor.0 > 0.0 {
            narrow(&mut self.logarithmic, (point.0 / anchor.0).ln());
        }
    }
}

/// Keeps the items whose indices, in increasing order, are listed.
fn retain<T>(items: &mut Vec<T>, keep: &[usize]) {
    let (mut index, mut next) = (0, 0);
    items.retain(|_| {
        let kept = keep.get(next) == Some(&index);
        next += usize::from(kept);
        index += 1;
        kept
    });
}
