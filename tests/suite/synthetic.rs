//! A run without an integrator. Two balanced layers aligned with their target follow
//! `s(t) = s*/(1 + (s*/s0 − 1) e^{−2 s* t})` (Saxe et al. 2014, eq. 9 with τ = 1), hence
//! `C = ½ Σ (s* − s)²`, `‖∂C/∂θ‖² = 2 Σ s (s* − s)²`, and `s = f s*` at
//! `t = ln((s*/s0 − 1) f/(1 − f)) / (2 s*)`.

use dlnflow::observe::{Direction, Event, EventKind, Quantity, Row, Trajectory};
use dlnflow::report::{Check, Outcome, Prediction, Report, SolverReport, Source};
use std::time::Duration;

pub const TARGET: [f64; 3] = [4.0, 2.0, 1.0];
pub const START: f64 = 1e-6;
pub const HORIZON: f64 = 12.0;

pub fn strength(target: f64, t: f64) -> f64 {
    target / (1.0 + (target / START - 1.0) * (-2.0 * target * t).exp())
}

pub fn half_rise_time(target: f64) -> f64 {
    (target / START - 1.0).ln() / (2.0 * target)
}

pub fn row(t: f64, modes: usize) -> Row {
    let mut sigmas: Vec<f64> = TARGET.iter().map(|&s| strength(s, t)).collect();
    sigmas.resize_with(modes.max(3), || 0.0);
    for (k, sigma) in sigmas.iter_mut().enumerate().skip(3) {
        *sigma = START * 0.8f64.powi(k as i32) * (-0.05 * t).exp();
    }
    let miss = |k: usize| TARGET.get(k).unwrap_or(&0.0) - sigmas[k];
    let misses = (0..sigmas.len()).map(miss);
    let cost = 0.5 * misses.clone().map(|m| m * m).sum::<f64>();
    let gradient_sq: f64 = misses.zip(&sigmas).map(|(m, s)| 2.0 * s * m * m).sum();
    let schatten = 2.0 * sigmas.iter().sum::<f64>();
    Row {
        time: t,
        cost,
        test_cost: Some(0.7 * cost + 0.01 * (1.0 + t).recip()),
        loss: cost,
        gradient_norm: gradient_sq.sqrt(),
        parameter_norm_sq: schatten,
        schatten,
        imbalance_drift: 1e-16,
        rank: sigmas.iter().filter(|s| **s > 1e-3).count(),
        singular_values: sigmas,
        observables: Vec::new(),
    }
}

/// Times dense in linear and in logarithmic time.
pub fn times() -> Vec<f64> {
    let linear = (0..=300).map(|i| HORIZON * f64::from(i) / 300.0);
    let log = (0..=100).map(|i| HORIZON * 10f64.powf(-5.0 + f64::from(i) / 20.0));
    let mut times: Vec<f64> = linear.chain(log).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    times
}

fn event(kind: EventKind, index: Option<usize>, time: f64, since_previous: f64) -> Event {
    let row = row(time, 3);
    let level = index.map_or(row.gradient_norm, |k| TARGET[k - 1] / 2.0);
    Event {
        kind,
        index,
        quantity: match index {
            Some(_) => Quantity::SingularValue,
            None => Quantity::GradientNorm,
        },
        level,
        direction: Direction::Rising,
        time,
        time_low: 0.0,
        bracket: [time * (1.0 - 1e-12), time * (1.0 + 1e-12)],
        since_previous,
        at_start: false,
        duration: (kind == EventKind::PlateauLeave).then_some(since_previous),
        cost: row.cost,
        gradient_norm: row.gradient_norm,
        singular_values: row.singular_values,
    }
}

/// The three escapes, with a plateau before each.
pub fn events() -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut begin = 0.0;
    for (k, target) in TARGET.iter().enumerate() {
        let escape = half_rise_time(*target);
        for (kind, index, time) in [
            (EventKind::PlateauEnter, None, begin),
            (EventKind::PlateauLeave, None, escape - 2.0 / target),
            (EventKind::Escape, Some(k + 1), escape),
        ] {
            let previous = events.last().map_or(0.0, |e| e.time);
            events.push(event(kind, index, time, time - previous));
        }
        begin = escape + 2.0 / target;
    }
    events
}

fn source(kind: &str) -> Source {
    Source {
        kind: kind.to_owned(),
        note: "ln(s*/s0 - 1) / (2 s*)".to_owned(),
    }
}

pub fn predictions() -> Vec<Prediction> {
    let curve = |s: f64| {
        (0..=240)
            .map(|i| 0.05 * f64::from(i))
            .map(move |t| (t, strength(s, t)))
    };
    let of_mode = |(k, &s): (usize, &f64)| Prediction {
        quantity: "escape_time".to_owned(),
        mode: Some(k + 1),
        level: Some(0.5 * s),
        value: half_rise_time(s),
        error: 1e-13,
        source: source("closed_form"),
        assumptions: vec!["balanced".to_owned(), "aligned".to_owned()],
        curve: curve(s).collect(),
    };
    TARGET.iter().enumerate().map(of_mode).collect()
}

pub fn checks() -> Vec<Check> {
    vec![Check {
        name: "escape_time of mode 1".to_owned(),
        predicted: half_rise_time(4.0),
        measured: Some(half_rise_time(4.0)),
        band: 2e-8,
        passed: true,
        source: source("closed_form"),
    }]
}

/// The whole report of a run with `modes ≥ 3` singular values.
pub fn report(modes: usize) -> Report {
    let rows: Vec<Row> = times().into_iter().map(|t| row(t, modes)).collect();
    Report {
        title: "Two-layer staircase".to_owned(),
        reference: None,
        outcome: Outcome::HorizonReached,
        outcome_detail: "reached the horizon t = 12".to_owned(),
        time: HORIZON,
        widths: vec![3, 2, 3],
        l2: 0.0,
        decay: None,
        schatten_gap: Some(0.0),
        trajectory: Trajectory {
            rows,
            observables: Vec::new(),
            weights: Vec::new(),
        },
        events: events(),
        predictions: predictions(),
        waiting: Vec::new(),
        declined: Vec::new(),
        laws: Vec::new(),
        look: dlnflow::report::figure::Look::default(),
        checks: checks(),
        warnings: Vec::new(),
        solver: SolverReport {
            method: "dop853".to_owned(),
            reduced_widths: None,
            frame_rotations: None,
            bdf_from: None,
            steps: 120,
            rejected: 3,
            rhs_evaluations: 1442,
            jvp_evaluations: 0,
            integration: Duration::from_millis(21),
            cpu: Duration::from_millis(20),
        },
        final_weights: vec![
            (2, 3, (1..=6).map(f64::from).collect()),
            (3, 2, (7..=12).map(f64::from).collect()),
            (3, 3, (13..=21).map(f64::from).collect()),
        ],
    }
}
