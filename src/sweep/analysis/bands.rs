//! Quantiles of a trajectory's column over runs, on a common clock or on the time since an escape.

use super::{Answer, Group, label, origin, runs_by};
use crate::error::Error;
use crate::observe::Row;
use crate::report::figure::{Line, Plot, Stands, plot};
use crate::report::quantiles::quantile;
use crate::report::read;
use crate::scenario::sweep::{Align, BandsSpec};
use crate::sweep::in_parallel;
use crate::sweep::plan::Plan;
use crate::sweep::store::Store;
use crate::sweep::table::{Column, Table};

/// Quantiles of one group at its times.
struct Bands {
    group: Group,
    times: Vec<f64>,
    /// `values[i][j]`: quantile `j` at time `i`.
    values: Vec<Vec<Option<f64>>>,
    runs: usize,
}

/// Answers one `[[bands]]` from the trajectories of finished runs.
///
/// # Errors
/// `Io`, `Damaged`, those of drawing.
pub fn answer(
    spec: &BandsSpec,
    number: usize,
    plan: &Plan,
    store: &Store,
    jobs: usize,
) -> Result<Answer, Error> {
    let mut all = Vec::new();
    for group in runs_by(plan, &spec.by) {
        let curves = in_parallel(group.rows.len(), jobs, |i| {
            curve(spec, plan, store, group.rows[i])
        });
        let curves: Vec<Vec<(f64, f64)>> = curves
            .into_iter()
            .collect::<Result<Vec<_>, Error>>()?
            .into_iter()
            .flatten()
            .collect();
        all.extend(bands(spec, group, &curves));
    }
    let name = format!("bands_{number}");
    let drawn = plot(&picture(&name, spec, plan, &all), &plan.style())?;
    Ok(Answer {
        files: drawn.files(),
        tables: vec![(name, result(spec, &all))],
    })
}

/// One run's curve; `None` when it is not done or has no such escape.
fn curve(
    spec: &BandsSpec,
    plan: &Plan,
    store: &Store,
    run: usize,
) -> Result<Option<Vec<(f64, f64)>>, Error> {
    let hash = &plan.runs[run].hash;
    let Some(summary) = store.summary(hash) else {
        return Ok(None);
    };
    let Some(origin) = origin(spec.align, spec.mode, &summary) else {
        return Ok(None);
    };
    let trajectory = read::trajectory(&store.folder(hash).join("trajectory.csv"))?;
    let value = |row: &Row| trajectory.value(row, &spec.quantity);
    let point = |row: &Row| Some((row.time - origin, value(row)?));
    let points: Vec<(f64, f64)> = trajectory.rows.iter().filter_map(point).collect();
    Ok((points.len() > 1).then_some(points))
}

/// Over the times that every curve has.
fn bands(spec: &BandsSpec, group: Group, curves: &[Vec<(f64, f64)>]) -> Option<Bands> {
    let firsts = curves.iter().filter_map(|c| c.first()).map(|p| p.0);
    let lasts = curves.iter().filter_map(|c| c.last()).map(|p| p.0);
    let (from, to) = (firsts.reduce(f64::max)?, lasts.reduce(f64::min)?);
    if from >= to {
        return None;
    }
    let step = (to - from) / (spec.count - 1) as f64;
    let times: Vec<f64> = (0..spec.count)
        .map(|i| (from + step * i as f64).min(to))
        .collect();
    let at = |&time: &f64| {
        let mut values: Vec<f64> = curves.iter().filter_map(|c| interpolate(c, time)).collect();
        values.sort_by(f64::total_cmp);
        spec.quantiles
            .iter()
            .map(|&q| quantile(&values, q))
            .collect()
    };
    Some(Bands {
        values: times.iter().map(at).collect(),
        times,
        group,
        runs: curves.len(),
    })
}

/// Linear between the points around `time`.
fn interpolate(curve: &[(f64, f64)], time: f64) -> Option<f64> {
    let after = curve
        .partition_point(|p| p.0 < time)
        .clamp(1, curve.len() - 1);
    let ((t0, y0), (t1, y1)) = (curve[after - 1], curve[after]);
    let part = if t1 > t0 {
        (time - t0) / (t1 - t0)
    } else {
        0.0
    };
    Some(y0 + part.clamp(0.0, 1.0) * (y1 - y0))
}

fn result(spec: &BandsSpec, all: &[Bands]) -> Table {
    let rows = || {
        all.iter()
            .flat_map(|b| (0..b.times.len()).map(move |i| (b, i)))
    };
    let mut columns: Vec<Column> = spec
        .by
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let cells = rows().map(|(b, _)| b.group.values.get(place).cloned());
            Column::text(name, cells.collect())
        })
        .collect();
    columns.push(Column::integer(
        "runs",
        rows().map(|(b, _)| Some(b.runs as i64)).collect(),
    ));
    columns.push(Column::float(
        "time",
        rows().map(|(b, i)| Some(b.times[i])).collect(),
    ));
    for (j, q) in spec.quantiles.iter().enumerate() {
        let cells = rows().map(|(b, i)| b.values[i][j]);
        columns.push(Column::float(&format!("quantile_{q}"), cells.collect()));
    }
    Table { columns }
}

fn picture(name: &str, spec: &BandsSpec, plan: &Plan, all: &[Bands]) -> Plot {
    let lines = all.iter().flat_map(|bands| lines(spec, bands)).collect();
    let origin = match spec.align {
        Align::Clock => "time t".to_owned(),
        Align::Event => format!("time since the escape of mode {}", spec.mode),
    };
    Plot {
        name: name.to_owned(),
        title: format!("{}: quantiles of {}", plan.title, spec.quantity),
        description: "Quantiles over runs against time.".to_owned(),
        x: (origin, false),
        y: (spec.quantity.clone(), false),
        lines,
        key: key(&spec.quantiles),
        ..Plot::default()
    }
}

/// The place of the quantile next to the median.
fn middle(quantiles: &[f64]) -> usize {
    let off = |place: &usize| (quantiles[*place] - 0.5).abs();
    let places = 0..quantiles.len();
    places.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0)
}

/// The middle quantile, named by the group, then the others, thin.
fn lines(spec: &BandsSpec, bands: &Bands) -> Vec<Line> {
    let group = label(&spec.by, &bands.group.values);
    let middle = middle(&spec.quantiles);
    let others = (0..spec.quantiles.len()).filter(|&place| place != middle);
    let line = |place: usize| {
        let points = bands.times.iter().zip(&bands.values);
        let points = points.filter_map(|(&t, v)| Some((t, v[place]?)));
        let name = match place == middle && !group.is_empty() {
            true => group.clone(),
            false => format!("{group} {}", spec.quantiles[place])
                .trim()
                .to_owned(),
        };
        Line {
            name,
            points: points.collect(),
            thin: place != middle,
            ..Line::default()
        }
    };
    [middle].into_iter().chain(others).map(line).collect()
}

fn key(quantiles: &[f64]) -> Vec<(Stands, String)> {
    let middle = middle(quantiles);
    let called = |q: f64| match q == 0.5 {
        true => "median".to_owned(),
        false => format!("quantile {q}"),
    };
    let main = quantiles.get(middle).map(|&q| (Stands::Line, called(q)));
    let others = quantiles
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != middle);
    let others: Vec<String> = others.map(|(_, q)| q.to_string()).collect();
    let thin = match others.len() {
        0 => None,
        1 => Some((Stands::Thin, format!("quantile {}", others[0]))),
        _ => Some((Stands::Thin, format!("quantiles {}", others.join(", ")))),
    };
    main.into_iter().chain(thin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_between_their_points() {
        let curve = [(0.0, 1.0), (2.0, 5.0)];
        assert_eq!(interpolate(&curve, 0.5), Some(2.0));
        assert_eq!(interpolate(&curve, 3.0), Some(5.0));
    }

    #[test]
    fn the_middle_line_stands_for_its_group() {
        assert_eq!(
            [middle(&[0.1, 0.5, 0.9]), middle(&[0.25]), middle(&[])],
            [1, 0, 0]
        );
        let texts: Vec<String> = key(&[0.1, 0.5, 0.9]).into_iter().map(|k| k.1).collect();
        assert_eq!(texts, ["median", "quantiles 0.1, 0.9"]);
        assert_eq!(key(&[0.25])[0].1, "quantile 0.25");
    }
}
