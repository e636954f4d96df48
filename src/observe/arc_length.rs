//! The length of the path of `A`, `∫ ‖dA/dt‖_F dt`, from states of the dense output.
//!
//! A piece of a step is measured twice from five equally spaced states. The polyline of `m` chords has a
//! length with an expansion in even powers of `1/m`, so 1, 2 and 4 chords give that of the piece to the
//! sixth power of its duration (Romberg): a straight path is exact however its speed varies, and a state at
//! rest adds no more than its rounding. Boole's rule over the speeds of the quartic through the states has
//! that order too, and sees a path that turns, also between the last two states, where no chord shows it.
//! A piece for which the two differ by more than the tolerance is halved.

use crate::linalg::{Mat, frobenius};

use super::view::StepView;

/// A piece also may be wrong by this part of the tolerance of the whole path so far: where a path turns,
/// pieces shrink for ever relative to themselves.
const OF_WHOLE: f64 = 0.01;
/// Part of the size of `A` that differences of states are not good for.
const NOISE: f64 = 64.0 * f64::EPSILON;
/// A step is cut into no more pieces; one turn takes about sixty.
const MOST_PIECES: usize = 300;

/// Sums the length over accepted steps, when it is wanted.
pub(super) struct ArcLength {
    wanted: bool,
    rtol: f64,
    /// Length up to the start and to the end of the step at hand.
    pub start: f64,
    pub end: f64,
    /// Ends of the pieces of the step at hand, its start first.
    knots: Vec<Knot>,
}

/// A state of the path and the length up to it.
struct Knot {
    time: f64,
    state: Mat<f64>,
    length: f64,
}

/// A part of a step with its states at both ends and in the middle.
struct Piece {
    times: [f64; 2],
    states: [Mat<f64>; 3],
}

impl ArcLength {
    /// `rtol`: that of the run.
    pub fn new(wanted: bool, rtol: f64) -> Self {
        Self {
            wanted,
            rtol,
            start: 0.0,
            end: 0.0,
            knots: Vec::new(),
        }
    }

    /// Takes the next step.
    pub fn advance(&mut self, view: &mut StepView<'_, '_>) {
        self.start = self.end;
        if self.wanted {
            let first = Knot {
                time: view.step.t0,
                state: view.before.end_to_end.clone(),
                length: self.start,
            };
            let last = view.after.end_to_end.clone();
            let further = measured(view, self.rtol, &first, (view.step.t1, last));
            self.end = further.last().map_or(self.start, |knot| knot.length);
            self.knots = further;
            self.knots.insert(0, first);
        }
    }

    /// Length up to local time `t` of the step at hand, where `A` is `here`.
    pub fn inside(&self, view: &mut StepView<'_, '_>, t: f64, here: &Mat<f64>) -> f64 {
        let next = self.knots.partition_point(|knot| knot.time <= t).max(1);
        let Some(before) = self.knots.get(next - 1) else {
            return 0.0;
        };
        let further = measured(view, self.rtol, before, (t, here.clone()));
        further.last().map_or(before.length, |knot| knot.length)
    }
}

/// The ends of pieces from a knot of the step at hand to its local time and state `to`, the last one there.
fn measured(view: &mut StepView<'_, '_>, rtol: f64, from: &Knot, to: (f64, Mat<f64>)) -> Vec<Knot> {
    let (end, last) = to;
    let middle = from.time + 0.5 * (end - from.time);
    let mut open = vec![Piece {
        times: [from.time, end],
        states: [
            from.state.clone(),
            view.probe.end_to_end_inside(view.step, middle),
            last,
        ],
    }];
    let (mut knots, mut length, mut seen): (Vec<Knot>, f64, usize) = (Vec::new(), from.length, 0);
    while let Some(piece) = open.pop() {
        seen += 1;
        let [a, b] = piece.times;
        let [first, middle, last] = piece.states;
        let quarters = [0.25, 0.5, 0.75].map(|part| a + part * (b - a));
        let [early, late] =
            [quarters[0], quarters[2]].map(|t| view.probe.end_to_end_inside(view.step, t));
        let (by_chords, by_speeds) = lengths([&first, &early, &middle, &late, &last]);
        let noise = NOISE * frobenius(first.as_ref()).max(frobenius(last.as_ref()));
        let allowed = rtol * (by_chords + OF_WHOLE * length) + noise;
        let halved = a < quarters[0] && quarters[2] < b && seen < MOST_PIECES;
        if halved && (by_chords - by_speeds).abs() > allowed {
            open.push(Piece {
                times: [quarters[1], b],
                states: [middle.clone(), late, last],
            });
            open.push(Piece {
                times: [a, quarters[1]],
                states: [first, early, middle],
            });
            continue;
        }
        length += by_chords;
        knots.push(Knot {
            time: b,
            state: last,
            length,
        });
    }
    knots
}

/// Derivatives at each of five states of the quartic through them, in units of their distance in time and
/// times `SLOPE_UNIT`.
const SLOPES: [[f64; 5]; 5] = [
    [-25.0, 48.0, -36.0, 16.0, -3.0],
    [-3.0, -10.0, 18.0, -6.0, 1.0],
    [1.0, -8.0, 0.0, 8.0, -1.0],
    [-1.0, 6.0, -18.0, 10.0, 3.0],
    [3.0, -16.0, 36.0, -48.0, 25.0],
];
const SLOPE_UNIT: f64 = 12.0;
/// Boole's rule for a unit between neighbours.
const BOOLE: [f64; 5] = [14.0, 64.0, 24.0, 64.0, 14.0];
const BOOLE_UNIT: f64 = 45.0;

/// The length of the path through five states by chords and by speeds.
fn lengths(states: [&Mat<f64>; 5]) -> (f64, f64) {
    let (rows, cols) = (states[0].nrows(), states[0].ncols());
    // From the first state on: what they have in common would round off the slopes.
    let moved: [Mat<f64>; 5] =
        states.map(|state| Mat::from_fn(rows, cols, |i, j| state[(i, j)] - states[0][(i, j)]));
    let size = |weights: [f64; 5]| {
        let sum = |i, j| (0..5).map(|k| weights[k] * moved[k][(i, j)]).sum::<f64>();
        frobenius(Mat::from_fn(rows, cols, sum).as_ref())
    };
    let chord = |from: usize, to: usize| {
        let mut weights = [0.0; 5];
        (weights[from], weights[to]) = (-1.0, 1.0);
        size(weights)
    };
    let polyline = |stride: usize| -> f64 {
        let starts = (0..4).step_by(stride);
        starts.map(|from| chord(from, from + stride)).sum()
    };
    let [whole, halves, quarters] = [4, 2, 1].map(polyline);
    let coarse = richardson(whole, halves, 4.0);
    let fine = richardson(halves, quarters, 4.0);
    let speeds = SLOPES.iter().zip(BOOLE);
    let speeds: f64 = speeds.map(|(slope, weight)| weight * size(*slope)).sum();
    (
        richardson(coarse, fine, 16.0),
        speeds / (SLOPE_UNIT * BOOLE_UNIT),
    )
}

/// Takes the error that falls by `factor` from `coarse` to `fine` out of `fine`.
fn richardson(coarse: f64, fine: f64, factor: f64) -> f64 {
    fine + (fine - coarse) / (factor - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: impl Fn(f64) -> [f64; 2]) -> (f64, f64) {
        let states = [0.0, 0.25, 0.5, 0.75, 1.0].map(|t| {
            let [x, y] = path(t);
            Mat::from_fn(1, 2, |_, j| [x, y][j])
        });
        lengths(states.each_ref())
    }

    #[test]
    fn both_ways_agree_where_a_path_goes_straight_on() {
        // By t + t³, which is 2 at the end, on a line of slope 3/4: 2.5.
        let (by_chords, by_speeds) = of(|t| [t + t.powi(3), 0.75 * (t + t.powi(3))]);
        // Some twenty roundings of numbers up to 48·2.
        assert!((by_chords - 2.5).abs() < 1e-14, "{by_chords}");
        assert!((by_speeds - 2.5).abs() < 1e-14, "{by_speeds}");
    }

    /// `t(1.8 − t)` turns at 0.9, between the last two states: chords see 0.8, the length is 0.82.
    #[test]
    fn a_turn_after_the_last_state_shows_in_the_speeds() {
        let (by_chords, by_speeds) = of(|t| [t * (1.8 - t), 0.0]);
        assert!((by_chords - 0.8125).abs() < 0.02, "{by_chords}");
        assert!((by_chords - by_speeds).abs() > 0.01, "{by_speeds}");
    }
}
