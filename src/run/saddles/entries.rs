//! What is said of a run: its saddles and its deviations from the limit paths.

use super::visits::{Visit, visited};
use crate::observe::{Event, EventKind};
use crate::report::saddles::{PathEntry, SaddleEntry, ScaleEntry};
use crate::report::{Outcome, Prediction, Report};
use crate::saddle::{
    Certificate, Deviation, GreedyPath, Morse, Orbit, ProvenIndex, Run, Saddle, certify,
    deviations, impurities,
};
use crate::scenario::Built;

pub(super) fn scale_entry(
    built: &Built,
    path: &GreedyPath,
    report: &Report,
    scale: f64,
) -> ScaleEntry {
    let problem = &built.problem;
    let rows = &report.trajectory.rows;
    let times = rows.iter().map(|r| r.time).collect();
    let run = Run::new(
        &problem.network,
        times,
        &report.trajectory.weights,
        built.solver.method.flows(),
    );
    let orbits = path.orbits.iter();
    let passages: Vec<Option<(f64, f64)>> = orbits
        .map(|orbit| Some((passage(&report.events, orbit)?, level(orbit))))
        .collect();
    let deviations = deviations(path, &run, &passages);
    let impurities = impurities(path, &run);
    let visited = visited(built, report, &run);
    let saddles = visited.iter().map(|v| visited_entry(built, path, &run, v));
    ScaleEntry {
        scale,
        outcome: report.outcome,
        outcome_detail: report.outcome_detail.clone(),
        failed: report.outcome == Outcome::Failed,
        broken_laws: report
            .laws
            .iter()
            .filter(|l| l.found > l.allowed)
            .map(|l| l.name)
            .collect(),
        saddles: saddles.collect(),
        paths: (0..path.orbits.len())
            .map(|k| {
                let run = deviations[k].as_ref();
                path_entry(path, k, run, impurities[k], report)
            })
            .collect(),
    }
}

/// When the run passes the level of an orbit for the first time.
fn passage(events: &[Event], orbit: &Orbit) -> Option<f64> {
    let (mode, level) = (Some(orbit.to.rank), level(orbit));
    let passes = |e: &&Event| {
        let same = e.index == mode && e.level == level;
        e.kind == EventKind::Crossing && same && !e.at_start
    };
    events.iter().find(passes).map(|e| e.time)
}

fn visited_entry(built: &Built, path: &GreedyPath, run: &Run<'_>, visit: &Visit) -> SaddleEntry {
    let [distance, weight_distance] = run.distances(visit.place, &visit.saddle);
    let predicted = path.saddles.iter().find(|s| s.rank == visit.saddle.rank);
    let off = |s: &Saddle| (&s.end_to_end - &visit.saddle.end_to_end).norm_l2();
    SaddleEntry {
        time: Some(run.time_at(visit.place)),
        distance: Some(distance),
        weight_distance: Some(weight_distance),
        from_predicted: predicted.map(off),
        ..saddle_entry(built, &visit.saddle)
    }
}

/// A saddle with the eigenvalues of its Hessian and a proof that it is one.
pub(super) fn saddle_entry(built: &Built, saddle: &Saddle) -> SaddleEntry {
    let morse = Morse::at(&built.problem, saddle);
    let morse = morse.as_ref();
    let proof = certify(&built.problem, saddle.end_to_end.as_ref(), saddle.rank);
    SaddleEntry {
        index: morse.map(|m| m.index),
        nullity: morse.map(|m| m.nullity),
        symmetry_nullity: morse.map(|m| m.symmetry),
        smallest_eigenvalue: morse.map(|m| m.smallest),
        largest_eigenvalue: morse.map(|m| m.largest),
        kind: morse.map(|m| m.kind.name().to_owned()),
        escape_order: morse.and_then(|m| m.escape_order),
        certified: Some(proof.is_ok()),
        certificate: Some(match &proof {
            Ok(certificate) => proved(certificate),
            Err(reason) => reason.to_string(),
        }),
        ..plain_entry(saddle)
    }
}

/// What a saddle says without any work.
pub(super) fn plain_entry(saddle: &Saddle) -> SaddleEntry {
    let a = &saddle.end_to_end;
    SaddleEntry {
        rank: saddle.rank,
        cost: saddle.cost,
        singular_values: saddle.singular_values.clone(),
        gradient_singular_values: saddle.gradient_singular_values.clone(),
        gradient_norm: saddle.gradient_norm,
        end_to_end: (0..a.nrows())
            .map(|i| (0..a.ncols()).map(|j| a[(i, j)]).collect())
            .collect(),
        ..SaddleEntry::default()
    }
}

/// One sentence about a proof.
fn proved(certificate: &Certificate) -> String {
    let index = match certificate.index {
        ProvenIndex::Exactly(n) => format!("exactly {n}"),
        ProvenIndex::AtLeast(n) => format!("at least {n}"),
    };
    format!(
        "a critical point of rank {} lies within {:.1e} of A, its index is {index}",
        certificate.rank, certificate.radius
    )
}

fn path_entry(
    path: &GreedyPath,
    k: usize,
    run: Option<&Deviation>,
    impurity: Option<f64>,
    report: &Report,
) -> PathEntry {
    let (from, to) = (&path.saddles[k], &path.orbits[k].to);
    let values = &from.gradient_singular_values;
    let growth = values.first().copied().unwrap_or(0.0);
    let length = (&to.end_to_end - &from.end_to_end).norm_l2();
    let mode = Some(to.rank);
    // Theory speaks of the scenario's own escape event: compared where that has the same level.
    let same = |l: f64| (l / level(&path.orbits[k]) - 1.0).abs() < 1e-6;
    let of_mode = |p: &&Prediction| p.quantity == "escape_time" && p.mode == mode;
    let mut escapes = report.predictions.iter().filter(of_mode);
    let predicted = escapes.find(|p| p.level.is_some_and(same));
    PathEntry {
        from: from.rank,
        to: to.rank,
        length,
        growth,
        duration: path.orbits[k].duration(),
        impurity,
        gap: values.get(1).map_or(0.0, |s| s / growth),
        time: run.map(|d| d.time),
        predicted_time: predicted.map(|p| p.value),
        shift: run.map(|d| d.shift),
        distance: run.map(|d| d.in_map),
        relative_distance: run.map(|d| d.in_map / length),
        weight_distance: run.map(|d| d.in_weights),
    }
}

/// The level that marks the passage along an orbit: half of the new singular value at its end.
pub(super) fn level(orbit: &Orbit) -> f64 {
    0.5 * orbit.to.singular_values.last().copied().unwrap_or(0.0)
}
