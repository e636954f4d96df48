//! Which value of a sweep file is to blame for a combination that is refused.

use super::axis::Axis;
use super::{Rows, Sweep, text};
use crate::scenario::document::Place;
use crate::scenario::error::{InputError, InputErrors};

impl Sweep {
    /// Errors of these rows, read or also built, where the sweep file has what is to blame.
    pub(super) fn relocate(
        &self,
        rows: &[Option<usize>],
        build: bool,
        errors: InputErrors,
    ) -> InputErrors {
        let errors = errors.errors.into_iter();
        let errors = errors.map(|error| match self.written_at(rows, &error) {
            None => self.with_values(rows, None, error),
            Some((block, axis)) => match self.to_blame(rows, build, block, &error) {
                Some(one) if one == block => self.placed(rows, (block, axis), error),
                Some(other) => {
                    let found = self.with_values(rows, Some(other), error);
                    self.placed(rows, (other, 0), found)
                }
                None => {
                    let found = self.with_values(rows, None, error);
                    self.placed(rows, (block, axis), found)
                }
            },
        });
        self.document.errors(errors.collect())
    }

    /// Block and axis whose value the error is at.
    fn written_at(&self, rows: &[Option<usize>], error: &InputError) -> Option<(usize, usize)> {
        let is_meant = |axis: &Axis, row: &Option<usize>| {
            let value = row.and_then(|row| axis.values.get(row));
            value.is_some_and(|v| error.file == format!("--set {}", text(axis, v)))
        };
        let mut blocks = self.blocks.iter().zip(rows).enumerate();
        blocks.find_map(|(block, (of, row))| {
            let axis = of.axes.iter().position(|axis| is_meant(axis, row))?;
            Some((block, axis))
        })
    }

    /// The block whose value alone is to blame for an error at the value of block `at`: that block where its
    /// value is refused without the others, else the one that cures the combination when it is set back to
    /// its first value, or to the base. `None` where none or several do.
    fn to_blame(
        &self,
        rows: &[Option<usize>],
        build: bool,
        at: usize,
        error: &InputError,
    ) -> Option<usize> {
        let mut alone: Rows = vec![None; rows.len()];
        alone[at] = rows[at];
        let same = |e: &InputError| e.file == error.file && e.key == error.key;
        let refused = self.try_rows(&alone, build);
        if refused.is_err_and(|errors| errors.errors.iter().any(same)) {
            return Some(at);
        }
        let cures = |block: &usize| {
            let mut back = rows.to_vec();
            back[*block] = rows[*block].filter(|&row| row > 0).map(|_| 0);
            self.try_rows(&back, build).is_ok()
        };
        let set = (0..rows.len()).filter(|&block| rows[block].is_some());
        match set.filter(cures).collect::<Vec<_>>()[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The error at a value of the sweep file.
    fn placed(
        &self,
        rows: &[Option<usize>],
        (block, axis): (usize, usize),
        error: InputError,
    ) -> InputError {
        let (axis, row) = (&self.blocks[block].axes[axis], rows[block].unwrap_or(0));
        let inside = error.key.strip_prefix(&axis.key).unwrap_or_default();
        let key = match axis.table {
            "list" => format!("list[{row}].{}{inside}", axis.key),
            table => format!("{table}.{}[{row}]{inside}", axis.key),
        };
        let place = axis
            .values
            .get(row)
            .map_or(Place::Whole, |v| v.place.clone());
        let InputError { found, allowed, .. } = error;
        let placed = self.document.error_at(&place, &key, found, allowed);
        InputError {
            hint: error.hint,
            ..placed
        }
    }

    /// The error with the values that stand together in it, without those of the block where it is said.
    fn with_values(
        &self,
        rows: &[Option<usize>],
        but: Option<usize>,
        error: InputError,
    ) -> InputError {
        let mut others = rows.to_vec();
        if let Some(but) = but {
            others[but] = None;
        }
        let applied = self.applied(&others).into_iter();
        let with: Vec<String> = applied
            .filter(|(axis, _)| axis.key != "seed")
            .map(|(axis, value)| format!("{} = {}", axis.key, value.toml))
            .collect();
        let inline = error.file == self.document.file;
        InputError {
            found: match with.is_empty() {
                true => error.found,
                false => format!("{} (with {})", error.found, with.join(", ")),
            },
            span: error.span.filter(|_| inline),
            ..error
        }
    }
}
