//! Curves as polygon lines on the canvas: gaps, thinning to what paper can show, and clipping to
//! the axes. A vertex is left out when the line without it passes within `tolerance` units of it
//! (Ramer 1972, Douglas & Peucker 1973).

/// A vertex on the canvas, and the data point it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vertex {
    pub x: f64,
    pub y: f64,
    pub index: usize,
}

/// A part of a curve without gaps.
pub type Run = Vec<Vertex>;

/// The runs of a curve; `None` is a gap unless it is too narrow to see.
pub fn runs(points: impl Iterator<Item = Option<Vertex>>, tolerance: f64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut gap = true;
    for point in points {
        let Some(vertex) = point else {
            gap = true;
            continue;
        };
        let seen = |run: &Run| {
            run.last()
                .is_none_or(|l| (vertex.x - l.x).abs() > 2.0 * tolerance)
        };
        match runs.last_mut() {
            Some(run) if !(gap && seen(run)) => run.push(vertex),
            _ => runs.push(vec![vertex]),
        }
        gap = false;
    }
    runs
}

/// The vertices that matter at `tolerance`, which is in canvas units.
pub fn thin(run: &[Vertex], tolerance: f64) -> Run {
    let run = thin_columns(run, 2.0 * tolerance);
    let Some(last) = run.len().checked_sub(1) else {
        return run;
    };
    let mut keep = vec![false; run.len()];
    (keep[0], keep[last]) = (true, true);
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        if let Some((middle, distance)) = farthest(&run, from, to)
            && distance > tolerance
        {
            keep[middle] = true;
            open.extend([(from, middle), (middle, to)]);
        }
    }
    let mut kept = keep.into_iter();
    run.into_iter()
        .filter(|_| kept.next().unwrap_or(false))
        .collect()
}

/// First, lowest, highest and last vertex of each column of the canvas, where there are more.
fn thin_columns(run: &[Vertex], width: f64) -> Run {
    let same_column = |a: &Vertex, b: &Vertex| (a.x / width).floor() == (b.x / width).floor();
    let mut out = Run::new();
    for column in run.chunk_by(same_column) {
        if column.len() <= 4 {
            out.extend(column);
            continue;
        }
        let by_y = |a: &usize, b: &usize| column[*a].y.total_cmp(&column[*b].y);
        let low = (0..column.len()).min_by(by_y).unwrap_or(0);
        let high = (0..column.len()).max_by(by_y).unwrap_or(0);
        let mut chosen = [0, low, high, column.len() - 1];
        chosen.sort_unstable();
        let mut previous = None;
        for at in chosen
            .into_iter()
            .filter(|&at| previous.replace(at) != Some(at))
        {
            out.push(column[at]);
        }
    }
    out
}

/// The vertex strictly between `from` and `to` farthest from their chord.
fn farthest(run: &[Vertex], from: usize, to: usize) -> Option<(usize, f64)> {
    let (a, b) = (run[from], run[to]);
    let between = (from + 1..to).map(|i| (i, distance(run[i], a, b)));
    between.max_by(|p, q| p.1.total_cmp(&q.1))
}

/// Distance of `p` from the segment `ab`.
fn distance(p: Vertex, a: Vertex, b: Vertex) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length_sq = dx * dx + dy * dy;
    let along = ((p.x - a.x) * dx + (p.y - a.y) * dy) / length_sq;
    let s = if length_sq > 0.0 {
        along.clamp(0.0, 1.0)
    } else {
        0.0
    };
    f64::hypot(p.x - a.x - s * dx, p.y - a.y - s * dy)
}

/// The axes' rectangle on the canvas.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Frame {
    /// The column at a position `0 … 1` along the horizontal axis.
    pub fn across(&self, position: f64) -> f64 {
        (self.left + position * (self.right - self.left)).round()
    }

    /// The row at a position along the vertical axis.
    pub fn up(&self, position: f64) -> f64 {
        (self.bottom - position * (self.bottom - self.top)).round()
    }

    /// The parts of a run inside the frame, as places on the canvas.
    pub fn clip(&self, run: &[Vertex]) -> Vec<Vec<(i32, i32)>> {
        let mut parts: Vec<Vec<(i32, i32)>> = Vec::new();
        if let [only] = run {
            parts.extend(
                self.clip_segment(*only, *only)
                    .map(|(place, _)| vec![place]),
            );
        }
        for pair in run.windows(2) {
            let Some((from, to)) = self.clip_segment(pair[0], pair[1]) else {
                continue;
            };
            match parts.last_mut() {
                Some(part) if part.last() == Some(&from) => part.push(to),
                _ => parts.push(vec![from, to]),
            }
        }
        for part in &mut parts {
            part.dedup();
        }
        parts
    }

    /// Liang & Barsky (1984).
    fn clip_segment(&self, a: Vertex, b: Vertex) -> Option<((i32, i32), (i32, i32))> {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let (mut enter, mut leave) = (0f64, 1f64);
        for (speed, room) in [
            (-dx, a.x - self.left),
            (dx, self.right - a.x),
            (-dy, a.y - self.top),
            (dy, self.bottom - a.y),
        ] {
            if speed == 0.0 && room < 0.0 {
                return None;
            } else if speed < 0.0 {
                enter = enter.max(room / speed);
            } else if speed > 0.0 {
                leave = leave.min(room / speed);
            }
        }
        let at = |s: f64| ((a.x + s * dx).round() as i32, (a.y + s * dy).round() as i32);
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertices(points: &[(f64, f64)]) -> Run {
        let vertex = |(index, &(x, y))| Vertex { x, y, index };
        points.iter().enumerate().map(vertex).collect()
    }

    #[test]
    fn thinning_stays_within_its_tolerance() {
        let curve = |x: f64| 2000.0 * (1.0 - (-x / 700.0).exp());
        let points: Vec<_> = (0..20_000)
            .map(|i| f64::from(i) * 0.3)
            .map(|x| (x, curve(x)))
            .collect();
        let all = vertices(&points);
        let thinned = thin(&all, 1.0);
        assert!(thinned.len() < 60, "{}", thinned.len());
        for pair in thinned.windows(2) {
            for p in &all[pair[0].index..=pair[1].index] {
                // A point that its column dropped lies between its column's extremes: two columns.
                assert!(distance(*p, pair[0], pair[1]) < 1.0 + 4.0);
            }
        }
    }

    #[test]
    fn gaps_split_and_narrow_gaps_do_not() {
        let v = |x: f64| {
            Some(Vertex {
                x,
                y: 0.0,
                index: 0,
            })
        };
        let wide = [v(0.0), v(10.0), None, v(20.0), v(30.0)];
        assert_eq!(runs(wide.into_iter(), 1.0).len(), 2);
        let narrow = [v(0.0), None, v(1.0)];
        assert_eq!(runs(narrow.into_iter(), 1.0).len(), 1);
        assert!(runs([None].into_iter(), 1.0).is_empty());
    }

    #[test]
    fn clipping_cuts_at_the_frame() {
        let frame = Frame {
            left: 0.0,
            right: 10.0,
            top: 0.0,
            bottom: 10.0,
        };
        let through = vertices(&[(-10.0, 5.0), (20.0, 5.0)]);
        assert_eq!(frame.clip(&through), [[(0, 5), (10, 5)]]);
        let leaves_and_returns = vertices(&[(1.0, 5.0), (2.0, 15.0), (3.0, 5.0)]);
        assert_eq!(frame.clip(&leaves_and_returns).len(), 2);
        assert!(
            frame
                .clip(&vertices(&[(11.0, 5.0), (12.0, 1e9)]))
                .is_empty()
        );
        assert_eq!(frame.clip(&vertices(&[(3.0, 4.0)])), [[(3, 4)]]);
    }
}
