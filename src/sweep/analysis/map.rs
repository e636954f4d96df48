//! Heat maps: the median of a column over the plane of two others.

use super::{Answer, counts};
use crate::error::Error;
use crate::report::figure::{Bar, Plot, Tile, plot, words_of_mode};
use crate::report::quantiles::quantile;
use crate::scenario::sweep::MapSpec;
use crate::sweep::plan::Plan;
use crate::sweep::table::{Column, Table};

/// More than this from end to end is drawn on a logarithmic axis.
const WIDE: f64 = 20.0;

/// The median at one point.
struct Cell {
    x: f64,
    y: f64,
    median: f64,
    rows: usize,
}

/// Answers one `[[map]]`.
///
/// # Errors
/// Those of drawing.
pub fn answer(spec: &MapSpec, number: usize, plan: &Plan, table: &Table) -> Result<Answer, Error> {
    let cells = cells(spec, table);
    let name = format!("map_{number}");
    let drawn = plot(&picture(&name, spec, &plan.title, &cells), &plan.style())?;
    let float = |name: &str, of: fn(&Cell) -> f64| {
        Column::float(name, cells.iter().map(|c| Some(of(c))).collect())
    };
    let rows = cells.iter().map(|c| Some(c.rows as i64));
    let result = Table {
        columns: vec![
            float(&spec.x, |c| c.x),
            float(&spec.y, |c| c.y),
            float(&spec.quantity, |c| c.median),
            Column::integer("runs", rows.collect()),
        ],
    };
    Ok(Answer {
        files: drawn.files(),
        tables: vec![(name, result)],
    })
}

fn cells(spec: &MapSpec, table: &Table) -> Vec<Cell> {
    let columns = [&spec.x, &spec.y, &spec.quantity].map(|name| table.column(name));
    let ([Some(x), Some(y), Some(z)], Some(modes)) = (columns, table.column("mode")) else {
        return Vec::new();
    };
    let mut points: Vec<(f64, f64, f64)> = (0..table.rows())
        .filter(|&row| {
            modes.number(row) == Some(spec.mode as f64) && counts(&spec.only, table, row)
        })
        .filter_map(|row| Some((x.number(row)?, y.number(row)?, z.number(row)?)))
        .collect();
    points.sort_by(|a, b| {
        let by_place = a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        by_place.then(a.2.total_cmp(&b.2))
    });
    let same = |a: &(f64, f64, f64), b: &(f64, f64, f64)| (a.0, a.1) == (b.0, b.1);
    let cells = points.chunk_by(same).filter_map(|chunk| {
        let values: Vec<f64> = chunk.iter().map(|p| p.2).collect();
        let first = chunk.first()?;
        Some(Cell {
            x: first.0,
            y: first.1,
            median: quantile(&values, 0.5)?,
            rows: values.len(),
        })
    });
    cells.collect()
}

/// Where each value's tile begins and ends, and whether the axis is logarithmic.
struct Edges {
    log: bool,
    values: Vec<f64>,
}

impl Edges {
    fn new(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let log = match (values.first(), values.last()) {
            (Some(&lo), Some(&hi)) => lo > 0.0 && hi / lo > WIDE,
            _ => false,
        };
        Self { log, values }
    }

    fn of(&self, value: f64) -> (f64, f64) {
        let bend = |x: f64| if self.log { libm::log(x) } else { x };
        let back = |x: f64| if self.log { libm::exp(x) } else { x };
        let place = self.values.partition_point(|v| *v < value);
        let at = bend(value);
        let neighbour = |place: Option<usize>| {
            place
                .and_then(|p| self.values.get(p))
                .map(|v| 0.5 * (bend(*v) - at))
        };
        let (below, above) = (neighbour(place.checked_sub(1)), neighbour(Some(place + 1)));
        // Of a single one, large enough to be told from it.
        let single = -0.5_f64.max(1e-3 * at.abs());
        let below = below.or(above.map(|a| -a)).unwrap_or(single);
        let above = above.unwrap_or(-below);
        let from = back(at + below);
        // The first of few values far apart would reach to where a width or a scale cannot be.
        let from = if value > 0.0 { from.max(0.0) } else { from };
        (from, back(at + above))
    }
}

/// The bar that covers `values`; what has no logarithm is as dark as the least.
fn bar(spec: &MapSpec, values: impl Iterator<Item = f64> + Clone) -> Bar {
    let shown = values.filter(|v| !spec.log_quantity || *v > 0.0);
    Bar {
        label: words_of_mode(&spec.quantity, spec.mode),
        log: spec.log_quantity,
        range: (
            shown.clone().reduce(f64::min).unwrap_or(1.0),
            shown.reduce(f64::max).unwrap_or(1.0),
        ),
    }
}

fn picture(name: &str, spec: &MapSpec, title: &str, cells: &[Cell]) -> Plot {
    let (x, y) = (
        Edges::new(cells.iter().map(|c| c.x)),
        Edges::new(cells.iter().map(|c| c.y)),
    );
    let bar = bar(spec, cells.iter().map(|c| c.median));
    let tile = |cell: &Cell| Tile {
        x: x.of(cell.x),
        y: y.of(cell.y),
        at: (cell.x, cell.y),
        value: cell.median,
        shade: bar.shade(cell.median),
    };
    Plot {
        name: name.to_owned(),
        title: format!("{title}: {} of mode {}", spec.quantity, spec.mode),
        description: format!(
            "Median of {} over {} and {}.",
            spec.quantity, spec.x, spec.y
        ),
        x: (spec.x.clone(), x.log),
        y: (spec.y.clone(), y.log),
        tiles: cells.iter().map(tile).collect(),
        bar: Some(bar),
        ..Plot::default()
    }
}

#[cfg(test)]
mod tests {
    use super::Edges;

    #[test]
    fn tiles_meet_half_way() {
        let linear = Edges::new([1.0, 2.0, 4.0].into_iter());
        assert_eq!(linear.of(2.0), (1.5, 3.0));
        assert_eq!(linear.of(1.0), (0.5, 1.5));
        let widths = Edges::new([10.0, 50.0].into_iter());
        assert_eq!(
            [10.0, 50.0].map(|w| widths.of(w)),
            [(0.0, 30.0), (30.0, 70.0)]
        );
        let log = Edges::new([1e-4, 1e-2, 1.0].into_iter());
        let (from, to) = log.of(1e-2);
        assert!((from / 1e-3 - 1.0).abs() < 1e-12 && (to / 1e-1 - 1.0).abs() < 1e-12);
    }
}
