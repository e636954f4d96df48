//! Modes that a sweep asks about, held against how many its networks have.

use super::super::error::InputError;
use super::schema::Columns;
use super::{READ, Sweep};

impl Sweep {
    /// The most singular values that `A` has in any run; `None` where that is not plain to see.
    fn most_modes(&self) -> Option<usize> {
        let changes_network = |place: &usize| {
            let mut keys = self.blocks[*place].axes.iter().map(|axis| &axis.key);
            keys.any(|key| key.starts_with("network"))
        };
        let places: Vec<usize> = (0..self.blocks.len()).filter(changes_network).collect();
        match places[..] {
            [] => modes(&self.base.spec().network.widths),
            [place] if self.blocks[place].len() <= READ => {
                let rows = 0..self.blocks[place].len();
                rows.map(|row| self.modes_at(place, row)).max().flatten()
            }
            _ => None,
        }
    }

    fn modes_at(&self, place: usize, row: usize) -> Option<usize> {
        let mut rows = vec![None; self.blocks.len()];
        rows[place] = Some(row);
        let scenario = self.base.with(&super::overrides(&self.applied(&rows)));
        modes(&scenario.ok()?.spec().network.widths)
    }

    /// Errors of questions about modes that no run has.
    pub(super) fn missing_modes(&self) -> Vec<InputError> {
        let Some(most) = self.most_modes() else {
            return Vec::new();
        };
        let allowed = format!("must be at most {most}, the most singular values that a run has");
        let asked = self.asked_modes().into_iter();
        let missing = asked.filter(|&(_, mode)| mode > most);
        missing
            .map(|(key, _)| self.document.error(&key, None, allowed.clone()))
            .collect()
    }

    /// Every mode that is asked about, with its key.
    fn asked_modes(&self) -> Vec<(String, usize)> {
        let spec = &self.spec;
        let mut asked = Vec::new();
        for (i, fit) in spec.fit.iter().enumerate() {
            let modes = fit.modes.iter().flatten().enumerate();
            asked.extend(modes.map(|(k, &mode)| (format!("fit[{i}].modes[{k}]"), mode)));
        }
        for (i, bands) in spec.bands.iter().enumerate() {
            asked.push((format!("bands[{i}].mode"), bands.mode));
            asked.extend(column_mode(format!("bands[{i}].quantity"), &bands.quantity));
        }
        for (i, family) in spec.family.iter().enumerate() {
            asked.push((format!("family[{i}].mode"), family.mode));
            asked.extend(column_mode(format!("family[{i}].x"), &family.x));
            asked.extend(listed_modes(&format!("family[{i}].y"), &family.y));
        }
        let curves = spec.curves.iter().enumerate();
        asked.extend(curves.map(|(i, curves)| (format!("curves[{i}].mode"), curves.mode)));
        let maps = spec.map.iter().enumerate();
        asked.extend(maps.map(|(i, map)| (format!("map[{i}].mode"), map.mode)));
        asked
    }
}

/// Singular values of `A` for these widths.
fn modes(widths: &[usize]) -> Option<usize> {
    Some(*widths.first()?.min(widths.last()?))
}

/// The modes whose singular values are among the columns.
fn listed_modes(key: &str, columns: &Columns) -> Vec<(String, usize)> {
    let names = columns.names().iter().enumerate();
    let each = names.map(|(k, name)| match columns {
        Columns::One(_) => column_mode(key.to_owned(), name),
        Columns::Several(_) => column_mode(format!("{key}[{k}]"), name),
    });
    each.flatten().collect()
}

fn column_mode(key: String, column: &str) -> Option<(String, usize)> {
    Some((key, mode_of(column)?))
}

/// The mode whose singular value is the column.
pub(super) fn mode_of(column: &str) -> Option<usize> {
    let text = column.strip_prefix("sigma_")?;
    let mode: usize = text.parse().ok()?;
    (mode > 0 && mode.to_string() == text).then_some(mode)
}
