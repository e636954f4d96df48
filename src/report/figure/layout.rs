//! Where everything of a figure stands: panels in rows and columns, axes of one row and of one
//! column in line, legends and bars of colours beside them.

use super::axis::{bar_room, bottom_room, horizontal_ticks, left_room, right_room, vertical_ticks};
use super::canvas::{MM, Place};
use super::chart::{Chart, Sample};
use super::end_labels;
use super::legend::{Legend, free_place};
use super::polyline::Frame;
use super::style::{Height, LegendPlace, Style};
use super::thinning::taken;
use super::ticks::Ticks;

const MARGIN: i32 = MM;
/// Between the cells of a row.
const GUTTER: i32 = 2 * MM;
/// Between a curve's end and its name.
pub const END_GAP: i32 = 80;
/// Axes are never smaller than this, whatever is asked for.
const LEAST: i32 = 8 * MM;

/// A panel in its place.
pub struct Placed<'a> {
    pub chart: &'a Chart,
    /// First and last column of its cell.
    pub cell: Place,
    pub frame: Frame,
    pub x: Ticks,
    pub y: Ticks,
    pub legend: Option<Legend<'a>>,
    /// Upper left corner of the legend.
    pub legend_at: Place,
    /// Whether the legend stands inside of the axes.
    pub legend_inside: bool,
    /// Baseline of the panel's letter.
    pub letter_at: Place,
}

/// A whole figure.
pub struct Layout<'a> {
    pub size: Place,
    pub panels: Vec<Placed<'a>>,
    /// Whether what stands beside some axes leaves too little room for them.
    pub cramped: bool,
}

/// Room around the axes of a panel.
#[derive(Clone, Copy, Default)]
struct Room {
    left: i32,
    right: i32,
    top: i32,
}

impl Room {
    fn max(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            right: self.right.max(other.right),
            top: self.top.max(other.top),
        }
    }
}

impl<'a> Layout<'a> {
    /// Places `panels`; `legends` are those of the panels as they are to be drawn.
    pub fn new(
        panels: &'a [Chart],
        legends: &'a [Vec<(Sample, String)>],
        style: &'a Style,
    ) -> Self {
        let grid = Grid::new(panels, legends, style);
        let mut placed = Vec::new();
        for (i, chart) in panels.iter().enumerate() {
            placed.push(grid.place(i, chart));
        }
        Self {
            size: (style.canvas_width(), grid.total_height()),
            panels: placed,
            cramped: (0..grid.columns).any(|column| grid.axes_width(column) < LEAST),
        }
    }

    /// The panels and what their series in the numbers begin with: nothing, or with several `a/`, `b/`, ….
    pub fn prefixed(&self) -> impl Iterator<Item = (&Placed<'a>, String)> {
        let single = self.panels.len() == 1;
        let panels = self.panels.iter().zip('a'..='z');
        panels.map(move |(panel, letter)| match single {
            true => (panel, String::new()),
            false => (panel, format!("{letter}/")),
        })
    }
}

/// Cells of equal width, and what their panels need.
struct Grid<'a> {
    style: &'a Style,
    legends: &'a [Vec<(Sample, String)>],
    columns: usize,
    rows: usize,
    cell: i32,
    lettered: bool,
    /// Where each panel's legend stands.
    places: Vec<LegendPlace>,
    rooms: Vec<Room>,
    axes_height: i32,
}

impl<'a> Grid<'a> {
    fn new(panels: &[Chart], legends: &'a [Vec<(Sample, String)>], style: &'a Style) -> Self {
        let columns = style.columns.clamp(1, panels.len().max(1));
        let rows = panels.len().div_ceil(columns);
        let gutters = GUTTER * (columns as i32 - 1);
        let mut grid = Self {
            style,
            legends,
            columns,
            rows,
            cell: (style.canvas_width() - gutters) / columns as i32,
            lettered: style.letters && panels.len() > 1,
            places: vec![style.legend; panels.len()],
            rooms: vec![Room::default(); panels.len()],
            axes_height: 0,
        };
        grid.measure(panels);
        while let Some(crowded) = grid.crowded(panels) {
            grid.places[crowded] = LegendPlace::Above;
            grid.measure(panels);
        }
        grid
    }

    /// Rooms depend on the ticks, these on the height, and that on the rooms above the axes.
    fn measure(&mut self, panels: &[Chart]) {
        self.axes_height = self.height(42 * MM);
        for _ in 0..2 {
            let measured = panels.iter().enumerate().map(|(i, c)| self.room(i, c));
            self.rooms = measured.collect();
            // Axes of one column begin together: only now it is known how wide legends above them may be.
            let tops = (0..panels.len()).map(|i| self.top(i));
            for (i, top) in tops.collect::<Vec<_>>().into_iter().enumerate() {
                self.rooms[i].top = top;
            }
            self.axes_height = self.height(self.axes_height);
        }
    }

    /// A panel whose legend finds no place inside that nothing is drawn at.
    fn crowded(&self, panels: &[Chart]) -> Option<usize> {
        let mut all = panels.iter().enumerate();
        let found = all.find(|(i, chart)| {
            let placed = self.place(*i, chart);
            self.places[*i] == LegendPlace::Inside
                && placed.legend.is_some()
                && !placed.legend_inside
        });
        found.map(|(i, _)| i)
    }

    /// Height of the axes of every panel.
    fn height(&self, before: i32) -> i32 {
        let asked = match self.style.height {
            Height::Aspect(aspect) => (aspect * f64::from(self.cell)).round() as i32,
            Height::Millimetres(height) => {
                let around = self.total_height() - self.rows as i32 * self.axes_height;
                let total = (height * f64::from(MM)).round() as i32;
                (total - around) / self.rows.max(1) as i32
            }
        };
        match self.rooms.is_empty() {
            true => before,
            false => asked.max(LEAST),
        }
    }

    fn total_height(&self) -> i32 {
        (0..self.rows).map(|row| self.row_height(row)).sum()
    }

    fn row_height(&self, row: usize) -> i32 {
        self.row_room(row).top + self.axes_height + bottom_room(self.style)
    }

    fn row_room(&self, row: usize) -> Room {
        let rooms = self.rooms.chunks(self.columns).nth(row);
        let rooms = rooms.into_iter().flatten().copied();
        rooms.fold(Room::default(), Room::max)
    }

    fn column_room(&self, column: usize) -> Room {
        let rooms = self.rooms.iter().skip(column).step_by(self.columns);
        rooms.copied().fold(Room::default(), Room::max)
    }

    /// What is left for the axes of a column.
    fn axes_width(&self, column: usize) -> i32 {
        let room = self.column_room(column);
        self.cell - room.left - room.right
    }

    fn room(&self, i: usize, chart: &Chart) -> Room {
        let style = self.style;
        let left = left_room(&chart.y, self.axes_height, style);
        let length = (self.cell - left - 2 * MM).max(LEAST);
        let ticks = right_room(&horizontal_ticks(&chart.x.scale, length, style), style);
        let beside = match (self.legend(i, left), &chart.bar) {
            (_, Some(bar)) => bar_room(bar, self.axes_height, style),
            (Some(legend), _) if self.places[i] == LegendPlace::Right => {
                END_GAP + legend.size().0 + MARGIN
            }
            _ => end_labels::room(chart, self.axes_height, style),
        };
        Room {
            left,
            right: ticks.max(beside),
            top: 0,
        }
    }

    /// Room above the axes of panel `i`.
    fn top(&self, i: usize) -> i32 {
        let left = self.column_room(i % self.columns).left;
        let legend = match (self.places[i], self.legend(i, left)) {
            (LegendPlace::Above, Some(legend)) => legend.size().1,
            _ => 0,
        };
        let letter = if self.lettered { self.style.label() } else { 0 };
        MARGIN + legend.max(letter) + MM
    }

    /// From the edge of a cell to where a legend above the axes may begin.
    fn letter_room(&self) -> i32 {
        let style = self.style;
        match self.lettered {
            true => MARGIN / 2 + style.text_width("(m)", style.label()) + MARGIN,
            false => MARGIN / 2,
        }
    }

    /// The legend of panel `i`, whose axes begin at `left`.
    fn legend(&self, i: usize, left: i32) -> Option<Legend<'a>> {
        let entries = self.legends.get(i).filter(|entries| !entries.is_empty())?;
        match self.places[i] {
            LegendPlace::None => None,
            LegendPlace::Above => {
                let end = self.cell - MARGIN / 2;
                let most = end - self.letter_room().min(left);
                Some(Legend::rows(entries, end - left, self.style).within(most))
            }
            LegendPlace::Inside => Some(Legend::column(entries, self.axes_height / 2, self.style)),
            LegendPlace::Right => Some(Legend::column(entries, self.axes_height, self.style)),
        }
    }

    fn place<'c>(&self, i: usize, chart: &'c Chart) -> Placed<'c>
    where
        'a: 'c,
    {
        let (row, column) = (i / self.columns, i % self.columns);
        let x = column as i32 * (self.cell + GUTTER);
        let y: i32 = (0..row).map(|row| self.row_height(row)).sum();
        let (across, down) = (self.column_room(column), self.row_room(row));
        let (left, right) = (x + across.left, x + self.cell - across.right);
        let (top, right) = (y + down.top, right.max(left + LEAST));
        let bottom = top + self.axes_height;
        let frame = Frame {
            left: f64::from(left),
            right: f64::from(right),
            top: f64::from(top),
            bottom: f64::from(bottom),
        };
        let legend = self.legend(i, across.left);
        let inner = legend
            .as_ref()
            .filter(|_| self.places[i] == LegendPlace::Inside);
        let inner =
            inner.and_then(|legend| free_place(legend.size(), &frame, &taken(chart, &frame)));
        let outer = match self.places[i] {
            LegendPlace::Right => (right + END_GAP, top),
            _ => {
                // A name that is wider than the axes begins before them.
                let wide = legend.as_ref().map_or(0, |legend| legend.size().0);
                let last = x + self.cell - MARGIN / 2 - wide;
                (left.min(last), y + MARGIN)
            }
        };
        Placed {
            chart,
            cell: (x, x + self.cell),
            frame,
            x: horizontal_ticks(&chart.x.scale, right - left, self.style),
            y: vertical_ticks(&chart.y.scale, self.axes_height, self.style),
            legend,
            legend_at: inner.unwrap_or(outer),
            legend_inside: inner.is_some(),
            letter_at: (x + MARGIN / 2, y + MARGIN + self.style.label() * 7 / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::Axis;
    use super::super::palette;
    use super::super::scale::Scale;
    use super::*;

    fn chart(top: f64) -> Chart {
        let axis = |hi| Axis {
            label: "x".to_owned(),
            scale: Scale::linear(0.0, hi),
        };
        Chart::new("", String::new(), String::new(), (axis(1.0), axis(top)))
    }

    /// The wide labels of the lower panel narrow the axes of the upper one too, and its legend breaks.
    #[test]
    fn legends_stand_above_their_axes() {
        let charts = [1.0, 1.0, 0.001_234, 1.0].map(chart);
        let name = |k| format!("curve {k}");
        for length in 1..20 {
            let entry = |k| {
                (
                    Sample::Line(palette::line(k, 3)),
                    name(k) + &"m".repeat(length),
                )
            };
            let legends = vec![(1..=3).map(entry).collect::<Vec<_>>(); 4];
            let style = Style::default();
            let layout = Layout::new(&charts, &legends, &style);
            for panel in &layout.panels {
                let legend = panel.legend.as_ref().expect("a legend");
                let end = f64::from(panel.legend_at.1 + legend.size().1);
                assert!(end <= panel.frame.top, "{length}");
                assert!(panel.legend_at.0 + legend.size().0 <= panel.cell.1);
            }
        }
    }
}
