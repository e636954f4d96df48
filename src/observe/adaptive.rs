//! Rows placed so that straight lines between them draw every curve: `σ_k`, costs and gradient
//! norm, each linear and logarithmic, against linear and logarithmic time and against the path of `A`,
//! so against each other too.
//!
//! While the run goes on a row is kept when no chord from the row before could replace it: for
//! each curve and each axis a cone of directions remembers what all points since then allow
//! (swinging door). Steps over which a curve bends, or `A` goes far, are sampled inside. At the end the rows kept
//! are reduced to about the number asked for, always splitting where the error is largest
//! (Douglas–Peucker). Values that are roundoff or solver noise are held at their floor first, or
//! all rows would go to drawing noise.

use crate::integrate::{Options, TOGETHER};
use crate::linalg::Mat;
use crate::model::Problem;

use super::cones::Cones;
use super::measure::{Measurement, Probe};
use super::monitors::Monitors;
use super::polyline::{Curves, Point, most_telling};
use super::recorder::Sink;
use super::sample::Sample;
use super::trajectory::Trajectory;
use super::view::StepView;

/// Error of the chords while the run goes on, in units of an axis …
const STREAM_TOLERANCE: f64 = 2e-4;
/// … and bend within a step that is worth interior samples, for up to so many rows; where more are asked for,
/// both fall with the square of their number.
const BEND_TOLERANCE: f64 = 1e-3;
const FEW: f64 = 400.0;
/// Most pieces of a step for so many rows.
const MOST_PIECES: f64 = 8.0;
/// Rows kept while the run goes on, in units of `count`; fewer when each holds all weights.
const SPARE: usize = 20;
const SPARE_WITH_WEIGHTS: usize = 3;
/// Rows are never further apart than this ratio of times.
const LARGEST_RATIO: f64 = 1.15;
/// Nor further than so many parts of the path of which there are `count`.
const LARGEST_WAY: f64 = 8.0;
/// Points closer than this part of `t/count`, and of the path, cannot be told apart in a figure.
const CLOSEST: f64 = 0.02;
/// Singular values with a curve of their own.
const MOST_MODES: usize = 64;
/// Logarithms stop here.
const SMALLEST: f64 = 1e-300;

/// Chooses rows.
pub(super) struct Adaptive {
    count: usize,
    spare: usize,
    /// Iterates of gradient descent have nothing between them.
    flows: bool,
    /// `STREAM_TOLERANCE` for this count, and how much coarser it has become.
    tolerance: f64,
    coarser: f64,
    floors: Floors,
    curves: Curves,
    cones: Cones,
    /// The last row kept and the last two points.
    anchor: Point,
    earlier: Option<Point>,
    latest: Point,
    /// Whether there was a point since the last row.
    beyond: bool,
    /// `A` at the latest point.
    map: Mat<f64>,
    /// Each row kept.
    kept: Vec<Point>,
    /// The state of the latest point where it lies inside the step at hand, and whether it does.
    inside: Sample,
    is_inside: bool,
    read: [Sample; TOGETHER],
}

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
        let flows = options.method.flows();
        let rtol = if flows { options.rtol } else { 0.0 }.max(1e-15);
        let target = problem.cost.target().map_or(0.0, |t| t.norm_l2());
        let modes = problem.network.modes().min(MOST_MODES);
        let count = count.max(2);
        let start = Point {
            time: 0.0,
            log_time: f64::NEG_INFINITY,
            path: 0.0,
            values: Vec::new(),
        };
        Self {
            count,
            spare: count * if weights { SPARE_WITH_WEIGHTS } else { SPARE },
            flows,
            tolerance: STREAM_TOLERANCE / finer(count).powi(2),
            coarser: 1.0,
            floors: Floors {
                rtol,
                rank: probe.rank_tolerance(),
                modes,
                largest_cost: 0.0,
            },
            curves: Curves::new(modes, target / (modes as f64).sqrt()),
            cones: Cones::default(),
            anchor: start.clone(),
            earlier: None,
            latest: start,
            beyond: false,
            map: Mat::new(),
            kept: Vec::new(),
            inside: Sample::blank(probe),
            is_inside: false,
            read: std::array::from_fn(|_| Sample::blank(probe)),
        }
    }

    /// The row of `t = 0` is kept already.
    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        self.map = m.end_to_end.clone();
        self.floors.include(m);
        let point = self.point(m);
        self.curves.include(&point);
        self.cones.reset(point.values.len());
        self.anchor = point.clone();
        self.latest = point.clone();
        self.kept.push(point);
    }

    /// The last row is kept already.
    pub fn end(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        let point = self.point(m);
        self.curves.include(&point);
        self.kept.push(point);
    }

    pub fn step(
        &mut self,
        view: &mut StepView<'_, '_>,
        sink: &mut Sink<'_>,
        monitors: &mut Monitors,
    ) {
        self.is_inside = false;
        if self.is_close(view) {
            return;
        }
        view.resolve_ends();
        self.floors.include(view.after);
        let mut end = self.point(view.after);
        self.curves.include(&end);
        for times in view.divided(self.pieces(&end)).chunks(TOGETHER) {
            Sample::measure_all(view, times, &mut self.read[..times.len()]);
            for i in 0..times.len() {
                let point = self.point(&self.read[i].measurement);
                self.push(point, view, sink, monitors);
                std::mem::swap(&mut self.inside, &mut self.read[i]);
                self.is_inside = true;
                self.map.copy_from(&self.inside.measurement.end_to_end);
            }
        }
        if self.is_inside {
            // The way through the pieces is longer than their chord.
            end.path = self.latest.path + view.after.distance(&self.map);
            self.curves.include(&end);
        }
        self.push(end, view, sink, monitors);
        self.map.copy_from(&view.after.end_to_end);
        if self.kept.len() > self.spare {
            self.thin(self.spare / 2, &mut sink.trajectory);
            self.coarser *= 2.0;
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

    /// Whether the end of the step is where the latest point is.
    fn is_close(&self, view: &StepView<'_, '_>) -> bool {
        let (part, t1) = (CLOSEST / self.count as f64, view.time(view.step.t1));
        t1 - self.latest.time < part * t1
            && view.after.distance(&self.map) < part * self.coarser * self.curves.path_scale()
    }

    /// The next point, at a resolved state.
    fn point(&self, m: &Measurement) -> Point {
        Point {
            time: m.time,
            log_time: m.time.ln(),
            path: self.latest.path + m.distance(&self.map),
            values: self.floors.curve_values(m),
        }
    }

    /// Largest part of the path between rows.
    fn largest_way(&self) -> f64 {
        LARGEST_WAY / self.count as f64 * self.coarser * self.curves.path_scale()
    }

    /// Into how many pieces the bend over the step, and its way, divide it.
    fn pieces(&self, end: &Point) -> usize {
        if !self.flows {
            return 1;
        }
        let finer = finer(self.count);
        let bend = self
            .earlier
            .as_ref()
            .map_or(0.0, |earlier| self.curves.bend(earlier, &self.latest, end));
        let bends = (bend / BEND_TOLERANCE).sqrt() * finer;
        let ways = (end.path - self.latest.path) / self.largest_way();
        let pieces = bends.max(ways).ceil();
        pieces.clamp(1.0, (MOST_PIECES * finer).ceil()) as usize
    }

    /// Takes the next point; keeps the one before it when no chord can skip it.
    fn push(
        &mut self,
        point: Point,
        view: &mut StepView<'_, '_>,
        sink: &mut Sink<'_>,
        monitors: &mut Monitors,
    ) {
        let spread = point.time > LARGEST_RATIO * self.anchor.time
            || point.path - self.anchor.path > self.largest_way();
        if self.beyond && (spread || !self.cones.allow(&self.anchor, &point, &self.curves)) {
            self.keep(view, sink, monitors);
            self.cones.reset(point.values.len());
        }
        let tolerance = self.tolerance * self.coarser;
        self.cones
            .narrow(&self.anchor, &point, &self.curves, tolerance);
        self.beyond = true;
        self.earlier = Some(std::mem::replace(&mut self.latest, point));
    }

    /// Keeps the latest point, or the start of the step when it is later (points in between were
    /// too close to count).
    fn keep(&mut self, view: &mut StepView<'_, '_>, sink: &mut Sink<'_>, monitors: &mut Monitors) {
        if self.is_inside {
            self.anchor = self.latest.clone();
            sink.keep_inside(view, &self.inside, monitors);
        } else {
            self.anchor = self.point(view.before);
            sink.keep_start(view, monitors);
        }
        self.kept.push(self.anchor.clone());
    }
}

/// By how much rows are closer where many are asked for.
fn finer(count: usize) -> f64 {
    (count as f64 / FEW).max(1.0)
}

impl Floors {
    /// Takes note of a cost.
    fn include(&mut self, m: &Measurement) {
        self.largest_cost = self.largest_cost.max(m.cost);
    }

    /// `σ_k, cost, test cost, ‖∇‖` and then their logarithms.
    fn curve_values(&self, m: &Measurement) -> Vec<f64> {
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
