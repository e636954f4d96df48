//! Events against closed forms: the observer is driven along weights known as functions of time.

use crate::common::run_text;
use crate::curves::{
    self, Setup, diagonal, diagonal_layers, drive, knots, squared_error, two_layers,
};
use dlnflow::flow::LayerFlow;
use dlnflow::integrate::{Method, Options, VectorField, integrate};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::observe::{
    Direction, Event, EventKind, EventSpec, Grid, Observation, Quantity, Recording, RunObserver,
    StopRules,
};
use std::f64::consts::PI;
use std::sync::atomic::AtomicBool;

const RISING: EventSpec = EventSpec::Escape {
    fraction: 0.5,
    modes: None,
};

/// `f(y)` given as a function.
struct Field<F: Fn(&[f64], &mut [f64])> {
    dim: usize,
    f: F,
}

impl<F: Fn(&[f64], &mut [f64])> VectorField for Field<F> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        (self.f)(y, dy);
    }

    fn jvp(&self, _: &[f64], _: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
    }
}

/// When the mode reaches `fraction` of its end.
fn logistic_time(start: f64, end: f64, fraction: f64) -> f64 {
    ((end / start - 1.0) * fraction / (1.0 - fraction)).ln() / (2.0 * end)
}

fn crossing(index: usize, level: f64, direction: Direction) -> EventSpec {
    EventSpec::Crossing {
        quantity: Quantity::SingularValue,
        index: Some(index),
        level,
        direction,
    }
}

/// A depth-one network whose matrix is the diagonal that `entries(t)` returns with its
/// derivative; events found over the given steps, which are exact.
fn events_of_diagonal(
    entries: &dyn Fn(f64) -> (Vec<f64>, Vec<f64>),
    events: Vec<EventSpec>,
    knots: &[f64],
) -> Vec<Event> {
    events_known_to(1e-13, entries, events, knots)
}

/// The same of steps that are known to `rtol`.
fn events_known_to(
    rtol: f64,
    entries: &dyn Fn(f64) -> (Vec<f64>, Vec<f64>),
    events: Vec<EventSpec>,
    knots: &[f64],
) -> Vec<Event> {
    let n = entries(0.0).0.len();
    let motion = |t: f64| {
        let (value, rate) = entries(t);
        (diagonal_layers(&value, 1), diagonal_layers(&rate, 1))
    };
    let problem = squared_error(&vec![1.0; n], 1, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let mut setup = Setup::new(&flow, knots[knots.len() - 1]);
    setup.rtol = rtol;
    setup.events = events;
    setup.observe(&problem, &motion, knots).1.events
}

fn scalar(w: impl Fn(f64) -> (f64, f64)) -> impl Fn(f64) -> (Vec<f64>, Vec<f64>) {
    move |t| (vec![w(t).0], vec![w(t).1])
}

fn times(events: &[Event]) -> Vec<f64> {
    events.iter().map(|e| e.time).collect()
}

fn assert_times(events: &[Event], expected: &[f64], tolerance: f64) {
    assert_eq!(events.len(), expected.len(), "{:?}", times(events));
    for (event, t) in events.iter().zip(expected) {
        assert!((event.time - t).abs() <= tolerance, "{} {t}", event.time);
        assert!(event.bracket[0] <= event.time && event.time <= event.bracket[1]);
    }
}

/// Half-rise times of the two-layer network, for many small steps and for one large one that
/// holds both. The dense output is exact, so only roundoff remains: `σ` has relative error of
/// some eps, its rate at half height is `s*²/2`: eps/s* in time, beside 4 eps·t of the bracket.
#[test]
fn escapes_meet_the_logistic() {
    let (start, ends) = (1e-4, [2.0, 0.75]);
    let motion = |t: f64| two_layers(start, &ends, t);
    let problem = squared_error(&ends, 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let expected = ends.map(|end| logistic_time(start, end, 0.5));
    for pieces in [1, 2, 7, 400] {
        let mut setup = Setup::new(&flow, 12.0);
        setup.events = vec![RISING];
        setup.levels = vec![Some(2.0), Some(0.75)];
        let (_, observed) = setup.observe(&problem, &motion, &knots(12.0, pieces));
        let events = &observed.events;
        assert_times(events, &expected, 1e-12);
        assert_eq!(events[0].since_previous, events[0].time);
        assert_eq!(events[1].since_previous, events[1].time - events[0].time);
        for (k, event) in events.iter().enumerate() {
            assert_eq!((event.kind, event.index), (EventKind::Escape, Some(k + 1)));
            assert!(event.bracket[1] - event.bracket[0] <= 8.0 * f64::EPSILON * 12.0);
            assert!((event.singular_values[k] - 0.5 * ends[k]).abs() < 1e-12);
            // ‖∇‖² = 2 Σ s (s* − s)² for two balanced aligned layers.
            let norm: f64 = (0..2)
                .map(|i| {
                    let s = event.singular_values[i];
                    2.0 * s * (ends[i] - s).powi(2)
                })
                .sum();
            assert!((event.gradient_norm - norm.sqrt()).abs() < 1e-12);
        }
    }
}

#[test]
fn modes_and_levels_choose_the_escapes() {
    let motion = |t: f64| two_layers(1e-3, &[2.0, 1.0, 0.5], t);
    let problem = squared_error(&[2.0, 1.0, 0.5], 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let mut setup = Setup::new(&flow, 20.0);
    setup.events = vec![EventSpec::Escape {
        fraction: 0.25,
        modes: Some(vec![1, 3, 9]),
    }];
    setup.levels = vec![Some(2.0), Some(1.0), None];
    let (_, observed) = setup.observe(&problem, &motion, &knots(20.0, 50));
    assert_times(&observed.events, &[logistic_time(1e-3, 2.0, 0.25)], 1e-12);
}

/// `σ = 0.3 + 0.5 sin πt` is above 0.6 between `asin(0.6)/π` and its mirror, all in one step.
#[test]
fn there_and_back_within_one_step() {
    let w = scalar(|t: f64| (0.3 + 0.5 * (PI * t).sin(), 0.5 * PI * (PI * t).cos()));
    let first = 0.6_f64.asin() / PI;
    let both = vec![crossing(1, 0.6, Direction::Both)];
    let events = events_of_diagonal(&w, both, &[0.0, 1.0]);
    assert_times(&events, &[first, 1.0 - first], 1e-14);
    assert_eq!(events[0].direction, Direction::Rising);
    assert_eq!(events[1].direction, Direction::Falling);
    let falling = vec![crossing(1, 0.6, Direction::Falling)];
    let events = events_of_diagonal(&w, falling, &[0.0, 1.0]);
    assert_eq!(
        events.len(),
        2,
        "0.3 is below 0.6 at the start, and falls below it again"
    );
    assert!(events[0].at_start && !events[1].at_start);
}

/// The peak lies between samples and only `1e-9` above or below the level: near it
/// `σ = peak − 0.5·(π²/2)(t − ½)²`, so the passages are `√(2·1e-9/(0.5π²))` from the top.
#[test]
fn grazing_is_decided_to_the_last_digit() {
    let off = 0.0371;
    let w = scalar(move |t: f64| {
        let phase = PI * (t + off);
        (0.1 + 0.5 * phase.sin(), 0.5 * PI * phase.cos())
    });
    let top = 0.5 - off;
    let half_width = (2.0 * 1e-9 / (0.5 * PI * PI)).sqrt();
    let spec = |level: f64| vec![crossing(1, level, Direction::Both)];
    let events = events_of_diagonal(&w, spec(0.6 - 1e-9), &[0.0, 0.9]);
    // A level 1e-16 uncertain on a slope of 0.5π²·half_width: 2e-12.
    assert_times(&events, &[top - half_width, top + half_width], 1e-10);
    assert!(events_of_diagonal(&w, spec(0.6 + 1e-9), &[0.0, 0.9]).is_empty());
}

/// `σ` comes to rest at the level, trembles there by `4·10⁻⁹`, which at `rtol = 10⁻⁹` may be the method's, and
/// from `t = 5` on rises for good: it is `10 rtol` above at the latest when `(t − 5)² = 1.4·10⁻⁸`.
#[test]
fn trembling_at_the_level_is_one_passage_when_it_ends_and_none_before() {
    let w = scalar(|t: f64| {
        let late = (t - 5.0).max(0.0);
        let value = 1.0 - (-6.0 * t).exp() + 4e-9 * (40.0 * t).sin() + late * late;
        let rate = 6.0 * (-6.0 * t).exp() + 1.6e-7 * (40.0 * t).cos() + 2.0 * late;
        (value, rate)
    });
    let both = || vec![crossing(1, 1.0, Direction::Both)];
    for end in [4.7, 4.75, 4.8, 4.85, 4.9, 4.95, 5.0] {
        let events = events_known_to(1e-9, &w, both(), &knots(end, 100));
        assert!(events.is_empty(), "{end} {:?}", times(&events));
    }
    let events = events_known_to(1e-9, &w, both(), &knots(6.0, 120));
    // The last zero of the sine lies half a period before at most.
    assert_times(&events, &[5.0], PI / 40.0);
    assert_eq!(events[0].direction, Direction::Rising);
    let known_better = events_known_to(1e-13, &w, both(), &knots(5.0, 100));
    assert!(known_better.len() > 10, "{:?}", times(&known_better));
}

/// `σ = 1 + 2·10⁻⁹ (t − 1)` passes 1 once, and the run ends before it is `10 rtol` above.
#[test]
fn a_slow_passage_just_before_the_end_counts() {
    let w = scalar(|t: f64| (1.0 + 2e-9 * (t - 1.0), 2e-9));
    let spec = vec![crossing(1, 1.0, Direction::Both)];
    let events = events_known_to(1e-9, &w, spec, &knots(2.0, 3));
    // σ has a grain of 2.2e-16.
    assert_times(&events, &[1.0], 2.2e-16 / 2e-9);
}

/// `A` goes from −0.1 through 0: `6 σ^{1/3}` has a cusp there, `σ` a kink, and both pass their levels at the same times,
/// which are `10⁻⁹` apart for the lowest.
#[test]
fn a_power_passes_its_level_with_its_singular_value() {
    let levels = [0.01, 0.05, 0.1, 0.3, 0.5, 0.7];
    let tables: Vec<String> = levels
        .iter()
        .map(|level: &f64| {
            format!(
                "{{ kind = \"crossing\", quantity = \"schatten\", level = {level} }}, \
                 {{ kind = \"crossing\", quantity = \"singular_value\", index = 1, level = {:e} }}",
                (level / 6.0).powi(3)
            )
        })
        .collect();
    for method in ["auto", "dop853", "bdf"] {
        let report = run_text(&format!(
            "network = {{ widths = [1, 1, 1, 1, 1, 1, 1] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = [[1.0]] }} }}\n\
             init = {{ kind = \"matrices\", rows = [[[-0.1]], [[1]], [[1]], [[1]], [[1]], [[1]]] }}\n\
             solver = {{ method = \"{method}\", horizon = 0.2 }}\nevents = [{}]\n",
            tables.join(", ")
        ));
        for level in levels {
            let of = |quantity, level: f64| {
                let near =
                    |e: &&Event| e.quantity == quantity && (e.level / level - 1.0).abs() < 1e-12;
                report.events.iter().filter(near).collect::<Vec<_>>()
            };
            let value = of(Quantity::SingularValue, (level / 6.0).powi(3));
            let power = of(Quantity::Schatten, level);
            assert_eq!([value.len(), power.len()], [2, 2], "{method} {level}");
            for (v, p) in value.iter().zip(power) {
                // A has a grain of 1e-17 there and a speed of 0.95.
                assert!((v.time - p.time).abs() < 1e-14 && v.direction == p.direction);
            }
        }
    }
}

/// The flow only lowers the cost, whatever roundoff does to it at its minimum.
#[test]
fn what_only_falls_passes_a_level_once_and_downwards() {
    for (level, first) in [(0.125, 0.0), (1e-30, 5.0)] {
        let report = run_text(&format!(
            "network = {{ widths = [1, 1, 1] }}\n\
             cost = {{ kind = \"squared_error\", target = {{ rows = [[1.0]] }} }}\n\
             init = {{ kind = \"matrices\", rows = [[[0.5]], [[1.0]]] }}\nsolver = {{ horizon = 60.0 }}\n\
             events = [{{ kind = \"crossing\", quantity = \"cost\", level = {level:e} }}]\n"
        ));
        let [event] = &report.events[..] else {
            panic!("{:?}", report.events)
        };
        assert_eq!(event.direction, Direction::Falling);
        assert_eq!(event.at_start, first == 0.0);
        assert!(event.time >= first);
    }
}

#[test]
fn singular_values_kink_where_they_meet_and_where_they_vanish() {
    // σ_2 = min(t, 1 − t) peaks at ½.
    let meeting = |t: f64| (vec![t, 1.0 - t], vec![1.0, -1.0]);
    let spec = vec![crossing(2, 0.45, Direction::Both)];
    let events = events_of_diagonal(&meeting, spec, &[0.0, 1.0]);
    assert_times(&events, &[0.45, 0.55], 1e-14);
    // σ_1 = |t − ½| falls to zero and rises again.
    let vanishing = scalar(|t: f64| (t - 0.5, 1.0));
    let spec = vec![crossing(1, 0.01, Direction::Both)];
    let events = events_of_diagonal(&vanishing, spec, &[0.0, 1.0]);
    assert_times(&events, &[0.49, 0.51], 1e-14);
}

#[test]
fn equal_singular_values_escape_together() {
    let motion = |t: f64| two_layers(1e-4, &[1.0, 1.0, 1.0], t);
    let problem = squared_error(&[1.0; 3], 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let mut setup = Setup::new(&flow, 10.0);
    setup.events = vec![RISING];
    setup.levels = vec![Some(1.0); 3];
    let (_, observed) = setup.observe(&problem, &motion, &knots(10.0, 9));
    let time = logistic_time(1e-4, 1.0, 0.5);
    assert_times(&observed.events, &[time; 3], 1e-12);
    let mut modes: Vec<_> = observed.events.iter().filter_map(|e| e.index).collect();
    modes.sort_unstable();
    assert_eq!(modes, [1, 2, 3]);
}

#[test]
fn levels_passed_at_the_start_are_reported_at_the_start() {
    let w = scalar(|t: f64| (1.0 - 0.5 * t, -0.5));
    let at_start = |level, direction| {
        let events = events_of_diagonal(&w, vec![crossing(1, level, direction)], &[0.0, 1.0]);
        events
            .iter()
            .map(|e| (e.at_start, e.time))
            .collect::<Vec<_>>()
    };
    assert_eq!(at_start(0.9, Direction::Rising), [(true, 0.0)]);
    assert_eq!(at_start(1.0, Direction::Rising), [(true, 0.0)]);
    assert_eq!(at_start(1.1, Direction::Falling), [(true, 0.0)]);
    assert_eq!(at_start(1.1, Direction::Rising), []);
    assert_eq!(at_start(1.1, Direction::Both), []);
    // Exactly there: it leaves the level, and does not pass it again.
    assert_eq!(at_start(1.0, Direction::Both), [(true, 0.0)]);
    assert_eq!(at_start(1.0, Direction::Falling), [(true, 0.0)]);
    let falls = at_start(0.75, Direction::Falling);
    assert_eq!(falls.len(), 1);
    assert!(!falls[0].0 && (falls[0].1 - 0.5).abs() < 1e-15);
}

/// Every scalar quantity of the two-layer scalar network with `s(t)` logistic: `C = ½(s* − s)²`,
/// `‖θ‖² = 2s`, `L Σ σ^{2/L} = 2s`, `‖∇‖ = √(2s)(s* − s)`.
#[test]
fn any_quantity_can_be_watched() {
    let (start, end) = (1e-3, 1.0);
    let motion = |t: f64| two_layers(start, &[end], t);
    let problem = squared_error(&[end], 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let s = 0.3;
    let norm = (2.0_f64 * s).sqrt() * (end - s);
    // The gradient norm peaks at s = 1/3 and comes back to its value at 0.3 where
    // s (1 − s)² = 0.147: the other root of s² − 1.7 s + 0.49 = 0.
    let again = 0.85 - (0.85_f64.powi(2) - 0.49).sqrt();
    for (quantity, level, at) in [
        (Quantity::Cost, 0.5 * (end - s) * (end - s), vec![s]),
        (Quantity::Loss, 0.5 * (end - s) * (end - s), vec![s]),
        (Quantity::ParameterNormSq, 2.0 * s, vec![s]),
        (Quantity::Schatten, 2.0 * s, vec![s]),
        (Quantity::GradientNorm, norm, vec![s, again]),
    ] {
        for pieces in [5, 60] {
            let mut setup = Setup::new(&flow, 8.0);
            setup.events = vec![EventSpec::Crossing {
                quantity,
                index: None,
                level,
                direction: Direction::Both,
            }];
            let (_, observed) = setup.observe(&problem, &motion, &knots(8.0, pieces));
            let expected: Vec<f64> = at
                .iter()
                .map(|s| logistic_time(start, end, s / end))
                .collect();
            // Near its peak the gradient norm is flat: eps / 0.04 in time.
            assert_times(&observed.events, &expected, 1e-12);
        }
    }
}

/// `ln‖∇‖ = ±c cos 2πt` along `y = t`: minima half-way between maxima, passages of the geometric
/// mean at the zeros of the cosine, odd quarters.
fn plateaus(sign: f64, end: f64, steps: usize) -> Vec<Event> {
    delayed_plateaus(0.0, sign, end, steps)
}

/// The same, later by `delay`.
fn delayed_plateaus(delay: f64, sign: f64, end: f64, steps: usize) -> Vec<Event> {
    let norm = move |t: f64| (sign * 2.5 * (2.0 * PI * (t - delay)).cos()).exp();
    let field = Field {
        dim: 1,
        f: move |y: &[f64], dy: &mut [f64]| dy[0] = norm(y[0]),
    };
    let motion = move |t: f64| (vec![t], vec![norm(t)]);
    // The loss falls by more than the squared norm, of which the mean is 27.
    let problem = squared_error(&[100.0], 1, vec![0.0]);
    let mut setup = Setup::new(&field, end);
    setup.events = vec![EventSpec::Plateau];
    let (_, observed) = setup.observe(&problem, &motion, &knots(end, steps));
    observed.events
}

#[test]
fn plateaus_have_known_ends() {
    let events = plateaus(1.0, 2.0, 200);
    // Linear interpolation between samples 0.01 apart; the cosine has no curvature at its zeros.
    assert_times(&events, &[0.25, 0.75, 1.25, 1.75], 1e-4);
    for pair in events.chunks(2) {
        assert_eq!(pair[0].kind, EventKind::PlateauEnter);
        assert_eq!(pair[1].kind, EventKind::PlateauLeave);
        assert_eq!(pair[1].duration, Some(pair[1].time - pair[0].time));
        assert!((pair[0].level / (-2.5_f64).exp() - 1.0).abs() < 1e-12);
        assert!((pair[0].gradient_norm - 1.0).abs() < 1e-12);
        assert!(!pair[0].at_start && pair[0].duration.is_none());
    }
}

/// From the start the norm rises by a factor 1.36 to its first maximum, which is the one before the plateau.
#[test]
fn a_plateau_is_measured_from_the_maximum_before_it() {
    let events = delayed_plateaus(0.08, 1.0, 2.08, 200);
    assert_times(&events, &[0.33, 0.83, 1.33, 1.83], 1e-4);
    // Maxima between samples are those of parabolas.
    let events = delayed_plateaus(0.08, 1.0, 2.08, 30);
    assert_times(&events, &[0.33, 0.83, 1.33, 1.83], 5e-4);
}

#[test]
fn large_steps_are_sampled_inside_for_plateaus() {
    // Seven steps a period: ln‖∇‖ moves by up to 2 in one.
    let events = plateaus(1.0, 2.0, 14);
    assert_times(&events, &[0.25, 0.75, 1.25, 1.75], 5e-3);
}

#[test]
fn a_small_start_is_a_plateau_and_convergence_is_none() {
    let events = plateaus(-1.0, 0.9, 300);
    // Waits from the start until 0.25; falls at 0.75 and has not come up again by 0.9.
    assert_times(&events, &[0.0, 0.25], 1e-4);
    assert!(events[0].at_start);
    assert_eq!(events[1].duration, Some(events[1].time));
}

/// Plateaus where the gradient norm is `norm(t)` and the weight whose observed target is 3 moves as `moved(t)`, its value
/// and rate: the norm is that of another weight, which is not observed.
fn plateaus_of_noise(
    norm: impl Fn(f64) -> f64 + Copy,
    moved: impl Fn(f64) -> (f64, f64),
    steps: usize,
) -> Vec<Event> {
    let field = Field {
        dim: 2,
        f: move |y: &[f64], dy: &mut [f64]| dy.copy_from_slice(&[0.0, norm(y[1])]),
    };
    let motion = move |t: f64| {
        let (value, rate) = moved(t);
        (vec![value, t], vec![rate, norm(t)])
    };
    let problem = Problem {
        network: Network::new(vec![2, 1]),
        cost: Cost::MatrixCompletion {
            target: Mat::from_fn(1, 2, |_, _| 3.0),
            observed: Mat::from_fn(1, 2, |_, j| if j == 0 { 1.0 } else { 0.0 }),
        },
        l2: 0.0,
        initial_weights: motion(0.0).0,
    };
    let mut setup = Setup::new(&field, 4.0);
    setup.events = vec![EventSpec::Plateau];
    setup
        .observe(&problem, &motion, &knots(4.0, steps))
        .1
        .events
}

/// A gradient norm that bounces without the loss falling.
#[test]
fn noise_at_convergence_is_no_plateau() {
    let norm = |t: f64| 1e-9 * (2.5 * (2.0 * PI * t).cos()).exp();
    assert_eq!(plateaus_of_noise(norm, |_| (1.0, 0.0), 400), []);
}

/// At a saddle the loss falls by `g²`, `g = 0.1`, while the method's errors make the norm up to ten times `g`.
#[test]
fn noise_at_a_saddle_is_no_plateau() {
    let g = 0.1;
    let norm = move |t: f64| g * (1.0 + 9.0 * (PI * t).sin().powi(8));
    // d ½(3 − w)²/dt = −g².
    let moved = move |t: f64| {
        let left = (4.0 - 2.0 * g * g * t).sqrt();
        (3.0 - left, g * g / left)
    };
    assert_eq!(plateaus_of_noise(norm, moved, 100), []);
}

/// `σ_2/σ_1 = 10^{−20+4t}` passes twice the threshold `2 eps` going up, the threshold going down.
#[test]
fn rank_changes_are_bracketed() {
    let up = |t: f64| {
        let s = 10.0_f64.powf(4.0 * t - 20.0);
        (vec![1.0, s], vec![0.0, 4.0 * 10.0_f64.ln() * s])
    };
    let events = events_of_diagonal(&up, vec![EventSpec::RankChange], &knots(2.0, 5));
    let expected = ((4.0 * f64::EPSILON).log10() + 20.0) / 4.0;
    // σ_2 is far below eps σ_1 but the matrix is diagonal: relative accuracy survives the SVD.
    assert_times(&events, &[expected], 1e-12);
    assert_eq!(
        (events[0].level, events[0].direction),
        (2.0, Direction::Rising)
    );
    let down = |t: f64| {
        let (value, rate) = up(2.0 - t);
        (value, rate.iter().map(|r| -r).collect())
    };
    let events = events_of_diagonal(&down, vec![EventSpec::RankChange], &knots(2.0, 5));
    let expected = 2.0 - ((2.0 * f64::EPSILON).log10() + 20.0) / 4.0;
    assert_times(&events, &[expected], 1e-12);
    assert_eq!(events[0].direction, Direction::Falling);
}

#[test]
fn stop_rules_name_themselves() {
    let motion = |t: f64| two_layers(1e-2, &[1.0], t);
    let problem = squared_error(&[1.0], 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let mut setup = Setup::new(&flow, 20.0);
    setup.stop.cost = Some(1e-8);
    let (reason, observed) = setup.observe(&problem, &motion, &knots(20.0, 200));
    let reason = reason.unwrap_or_default();
    assert!(
        reason.starts_with("cost ") && reason.ends_with(" <= 1e-8"),
        "{reason}"
    );
    let last = &observed.trajectory.rows[observed.trajectory.rows.len() - 1];
    // C = ½(1 − s)² ≤ 1e-8 first holds at (1/2) ln(99 (1 − δ)/δ), δ = √2e-8; steps are 0.1 long.
    let exact = logistic_time(1e-2, 1.0, 1.0 - 2e-8_f64.sqrt());
    assert!(
        last.time >= exact && last.time < exact + 0.1,
        "{}",
        last.time
    );
    setup.stop = StopRules {
        gradient_norm: Some(1.0),
        cost: None,
    };
    let (reason, observed) = setup.observe(&problem, &motion, &knots(20.0, 200));
    assert!(reason.is_some_and(|r| r.starts_with("gradient_norm ")));
    assert_eq!(
        observed.trajectory.rows.len(),
        1,
        "the rule held at the start"
    );
}

#[test]
fn interruption_and_progress() {
    let motion = |t: f64| two_layers(1e-2, &[1.0], t);
    let problem = squared_error(&[1.0], 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let setup = Setup::new(&flow, 2.0);
    let recording = Recording {
        grid: Grid::Steps,
        weights: false,
        observables: Vec::new(),
    };
    let observation = Observation {
        recording: &recording,
        events: &[],
        saddle_levels: &[],
        stop: &setup.stop,
    };
    let flag = AtomicBool::new(false);
    let mut seen = Vec::new();
    let mut report = |p: &dlnflow::observe::Progress| {
        if p.steps == 3 {
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        seen.push((p.steps, p.time, p.horizon));
    };
    let mut observer = RunObserver::new(&problem, &flow, &setup.options(), &observation)
        .interrupted_by(&flag)
        .reporting_to(&mut report);
    let reason = drive(&mut observer, &motion, &knots(2.0, 4));
    assert_eq!(reason.as_deref(), Some("interrupted"));
    assert_eq!(observer.finish().trajectory.rows.len(), 4);
    assert_eq!(seen, [(1, 0.5, 2.0), (2, 1.0, 2.0), (3, 1.5, 2.0)]);
}

#[test]
fn an_observer_that_saw_nothing_has_nothing() {
    let problem = squared_error(&[1.0], 2, vec![0.1, 0.1]);
    let flow = LayerFlow::new(&problem);
    let setup = Setup::new(&flow, 1.0);
    let (_, observed) = setup.observe(&problem, &|_| (vec![0.1, 0.1], vec![0.1, 0.1]), &[0.0]);
    assert_eq!(observed.trajectory.rows.len(), 1);
    assert_eq!(observed.events, []);
    assert_eq!(observed.warnings, Vec::<String>::new());
}

#[test]
fn grids_hold_their_times_and_the_closed_form() {
    let (start, ends) = (1e-4, [2.0, 0.75]);
    let motion = |t: f64| two_layers(start, &ends, t);
    let problem = squared_error(&ends, 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let steps = knots(10.0, 13);
    for (grid, count) in [
        (Grid::Linear { count: 101 }, 101),
        (Grid::Log { count: 50 }, 50),
        (Grid::Steps, 14),
        (Grid::Times(vec![7.5, 0.3]), 4),
    ] {
        let mut setup = Setup::new(&flow, 10.0);
        setup.grid = grid;
        setup.weights = true;
        let (_, observed) = setup.observe(&problem, &motion, &steps);
        let rows = &observed.trajectory.rows;
        assert_eq!((rows[0].time, rows[rows.len() - 1].time), (0.0, 10.0));
        assert_eq!(rows.len(), count);
        assert_eq!(observed.trajectory.weights.len(), count);
        for (row, weights) in rows.iter().zip(&observed.trajectory.weights) {
            let exact = ends.map(|end| curves::logistic(start, end, row.time).0);
            for (sigma, s) in row.singular_values.iter().zip(exact) {
                assert!((sigma - s).abs() < 1e-13 * ends[0]);
            }
            // Interior times are kept to an ulp or two of the step.
            for (w, exact) in weights.iter().zip(motion(row.time).0) {
                assert!((w - exact).abs() < 1e-14);
            }
            // Balanced and aligned: ‖θ‖² is the least for its A; nothing drifts.
            assert!((row.parameter_norm_sq - row.schatten).abs() < 1e-13 * row.schatten);
            assert!(row.imbalance_drift < 1e-15 && row.rank == 2);
        }
    }
}

/// Largest distance of the polyline through `(x, y)` from the exact curve, over the curve's range.
fn polyline_error(points: &[(f64, f64)], exact: &dyn Fn(f64) -> f64) -> f64 {
    let range = points.iter().map(|p| p.1).fold(f64::MIN, f64::max)
        - points.iter().map(|p| p.1).fold(f64::MAX, f64::min);
    let mut worst = 0.0_f64;
    for pair in points.windows(2) {
        for i in 1..16 {
            let part = f64::from(i) / 16.0;
            let x = pair[0].0 + part * (pair[1].0 - pair[0].0);
            let y = pair[0].1 + part * (pair[1].1 - pair[0].1);
            worst = worst.max((y - exact(x)).abs() / range);
        }
    }
    worst
}

/// 0.2 % of an axis is 0.15 mm in a column-wide figure.
#[test]
fn adaptive_rows_draw_every_curve_smoothly() {
    let (start, ends) = (1e-6, [2.0, 0.75]);
    let motion = |t: f64| two_layers(start, &ends, t);
    let problem = squared_error(&ends, 2, motion(0.0).0);
    let flow = LayerFlow::new(&problem);
    let sigma = |k: usize, t: f64| curves::logistic(start, ends[k], t).0;
    // Steps grow from 1e-5: coarse ones, and so many that most must be dropped.
    for steps in [40, 100_000] {
        let times: Vec<f64> = (0..=steps)
            .map(|i| {
                let part = f64::from(i) / f64::from(steps);
                15.0 * (1e-5 * part + (1.0 - 1e-5) * part.powi(3))
            })
            .collect();
        let mut setup = Setup::new(&flow, 15.0);
        setup.grid = Grid::Adaptive { count: 400 };
        let (_, observed) = setup.observe(&problem, &motion, &times);
        let rows = &observed.trajectory.rows;
        assert_eq!((rows[0].time, rows[rows.len() - 1].time), (0.0, 15.0));
        assert!(rows.len() > 60 && rows.len() <= 400, "{}", rows.len());
        assert!(rows.windows(2).all(|w| w[0].time < w[1].time));
        for k in 0..2 {
            let of = |x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
                let points = rows.iter().skip(1);
                points
                    .map(|r| (x(r.time), y(r.singular_values[k])))
                    .collect()
            };
            let (same, log) = (|x: f64| x, f64::ln);
            let errors = [
                polyline_error(&of(&same, &same), &|t| sigma(k, t)),
                polyline_error(&of(&same, &log), &|t| sigma(k, t).ln()),
                polyline_error(&of(&log, &same), &|x| sigma(k, x.exp())),
                polyline_error(&of(&log, &log), &|x| sigma(k, x.exp()).ln()),
            ];
            assert!(errors.iter().all(|&e| e < 2e-3), "{steps} {k} {errors:?}");
        }
    }
}

/// Gradient descent as people train, from a small start: the plateaus lie between the escapes,
/// and everything happens in the order of the modes.
#[test]
fn a_staircase_by_gradient_descent() {
    let ends = [3.0, 1.0];
    let mut weights = two_layers(1e-5, &ends, 0.0).0;
    for (i, w) in weights.iter_mut().enumerate() {
        *w += 1e-4 * ((i * i) as f64).sin();
    }
    let problem = Problem {
        cost: Cost::SquaredError {
            target: diagonal(&ends),
        },
        ..squared_error(&ends, 2, weights)
    };
    let flow = LayerFlow::new(&problem);
    let options = Options {
        method: Method::GradientDescent {
            learning_rate: 1e-3,
        },
        rtol: 1e-6,
        atol: vec![0.0; flow.dim()],
        horizon: 14.0,
        max_steps: usize::MAX,
    };
    let recording = Recording {
        grid: Grid::Adaptive { count: 200 },
        weights: false,
        observables: Vec::new(),
    };
    let stop = StopRules {
        gradient_norm: None,
        cost: None,
    };
    let observation = Observation {
        recording: &recording,
        events: &[RISING, EventSpec::Plateau],
        saddle_levels: &[Some(3.0), Some(1.0)],
        stop: &stop,
    };
    let mut observer = RunObserver::new(&problem, &flow, &options, &observation);
    let _ = integrate(&flow, &problem.initial_weights, &options, &mut observer);
    let observed = observer.finish();
    let kinds: Vec<_> = observed.events.iter().map(|e| e.kind).collect();
    use EventKind::{Escape, PlateauEnter, PlateauLeave};
    assert_eq!(
        kinds,
        [
            PlateauEnter,
            PlateauLeave,
            Escape,
            PlateauEnter,
            PlateauLeave,
            Escape
        ]
    );
    assert!(observed.events[0].at_start);
    assert_eq!(observed.warnings, Vec::<String>::new());
    assert!(observed.trajectory.rows.len() <= 200);
}

/// `s = w²` under a large learning rate: `w ← w + η w (2 − w²)` swings across the valley for ever. Passages are those
/// of its iterates, with cost and time on the straight lines between them; the valley itself no iterate sees.
#[test]
fn between_iterates_nothing_happens() {
    let (rate, start) = (0.52_f64, 0.1_f64);
    let run = |level: f64| {
        run_text(&format!(
            "[network]\nwidths = [1, 1, 1]\n[cost]\nkind = \"squared_error\"\ntarget = {{ diagonal = [2.0] }}\n\
             [init]\nkind = \"aligned\"\nmode_strengths = {}\n\
             [solver]\nmethod = \"gradient_descent\"\nlearning_rate = {rate}\nhorizon = 100.0\n\
             [[events]]\nkind = \"crossing\"\nquantity = \"cost\"\nlevel = {level:e}\n",
            start * start
        ))
    };
    let mut w = start;
    let mut costs = vec![];
    for _ in 0..=192 {
        costs.push(0.5 * (w * w - 2.0).powi(2));
        w += rate * w * (2.0 - w * w);
    }
    let least = |costs: &[f64]| costs.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(least(&costs) > 1e-3);
    assert!(run(0.9 * least(&costs)).events.is_empty());
    let late = &costs[20..];
    let (least, most) = (least(late), late.iter().copied().fold(0.0, f64::max));
    let level = 0.5 * (least + most);
    let report = run(level);
    for row in &report.trajectory.rows {
        let k = (row.time / rate).round();
        assert!(
            (row.time - k * rate).abs() < 1e-12 * row.time.max(1.0),
            "{}",
            row.time
        );
        assert!((row.cost / costs[k as usize] - 1.0).abs() < 1e-9);
    }
    let found = report.events;
    let passed = |pair: &[f64]| (pair[0] >= level) != (pair[1] >= level);
    let exact: Vec<f64> = (0..costs.len() - 1)
        .filter(|&k| passed(&costs[k..k + 2]))
        .map(|k| rate * (k as f64 + (level - costs[k]) / (costs[k + 1] - costs[k])))
        .collect();
    assert!(exact.len() > 100 && found.len() == exact.len());
    for (event, time) in found.iter().zip(&exact) {
        // Roundoff of 200 iterates that forget it.
        assert!((event.time - time).abs() < 1e-9, "{} {time}", event.time);
        assert!((event.cost / level - 1.0).abs() < 1e-12);
        let [low, high] = event.bracket;
        assert!((high - low - rate).abs() < 1e-9 && low <= event.time && event.time <= high);
    }
}

/// Both modes approach their targets from below and are there within roundoff at the end: a level that is reached at
/// infinity only is not passed.
#[test]
fn a_level_that_is_approached_for_ever_is_not_passed() {
    let crossing = |index: usize, level: f64| {
        format!(
            "{{ kind = \"crossing\", quantity = \"singular_value\", index = {index}, level = {level:?} }}"
        )
    };
    let report = run_text(&format!(
        "network = {{ widths = [2, 2, 2] }}\n\
         cost = {{ kind = \"squared_error\", target = {{ diagonal = [1.0, 0.5] }} }}\n\
         init = {{ kind = \"aligned\", mode_strengths = [0.1, 0.1] }}\n\
         solver = {{ horizon = 60.0 }}\nevents = [{}, {}]\n",
        crossing(1, 1.0),
        crossing(2, 0.5)
    ));
    let last = report.trajectory.rows.last().expect("rows");
    assert!((last.singular_values[1] - 0.5).abs() < 1e-13);
    assert_eq!(times(&report.events), [0.0; 0]);
}

/// `σ_2/σ_1 = 10^{−20+4t}` passes the threshold `2 eps`: the rank is 2 from then on, and stays exactly at that level.
#[test]
fn a_rank_that_comes_to_its_level_passes_it() {
    let up = |t: f64| {
        let s = 10.0_f64.powf(4.0 * t - 20.0);
        (vec![1.0, s], vec![0.0, 4.0 * 10.0_f64.ln() * s])
    };
    let rank = EventSpec::Crossing {
        quantity: Quantity::Rank,
        index: None,
        level: 2.0,
        direction: Direction::Rising,
    };
    let events = events_of_diagonal(&up, vec![rank], &knots(2.0, 5));
    let expected = ((2.0 * f64::EPSILON).log10() + 20.0) / 4.0;
    assert_times(&events, &[expected], 1e-12);
}

/// Modes beyond the tenth have levels where they are named.
#[test]
fn late_modes_are_watched_where_they_are_named() {
    let modes: Vec<f64> = (1..=12).rev().map(f64::from).collect();
    let report = run_text(&format!(
        "network = {{ widths = [12, 12, 12] }}\n\
         cost = {{ kind = \"weighted\", target = {{ diagonal = {modes:?} }}, weights = {{ rows = {:?} }} }}\n\
         init = {{ kind = \"aligned\", mode_strengths = {:?} }}\nsolver = {{ horizon = 20.0 }}\n\
         events = [{{ kind = \"escape\", modes = [9, 11, 12] }}]\n",
        [[1.0; 12]; 12], [1e-3; 12]
    ));
    let escapes = report.events.iter().filter(|e| e.kind == EventKind::Escape);
    let mut found: Vec<_> = escapes.map(|e| e.index.expect("a mode")).collect();
    found.sort_unstable();
    assert_eq!(found, [9, 11, 12]);
}
