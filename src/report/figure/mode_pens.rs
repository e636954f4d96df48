//! Which pen draws which mode.

use super::canvas::{Dash, Pen};
use super::palette;

/// The pens of the modes of a chart, and of lines of other quantities beside them. As long as the modes that
/// grow have colours of their own, the others are faint; when more grow, all lie on a ramp.
pub struct ModePens {
    /// In increasing order.
    modes: Vec<usize>,
    /// How many of them have colours of their own; `None` on a ramp.
    distinct: Option<usize>,
    others: usize,
}

impl ModePens {
    /// For `modes`, of which those up to `grown` grow, beside `others` lines of other quantities.
    pub fn new(modes: &[usize], grown: usize, others: usize) -> Self {
        let mut modes = modes.to_vec();
        modes.sort_unstable();
        let growing = modes.partition_point(|&mode| mode <= grown);
        let room = palette::DISTINCT.checked_sub(others);
        Self {
            distinct: room
                .filter(|&room| growing <= room)
                .map(|room| room.min(modes.len())),
            modes,
            others,
        }
    }

    /// A mode that is not drawn, but marked, takes the pen of the drawn one before it.
    pub fn of(&self, k: usize) -> Pen {
        let place = self.modes.partition_point(|&mode| mode <= k).max(1);
        match self.distinct {
            None => palette::line(place, self.modes.len() + self.others),
            Some(distinct) if place > distinct => {
                palette::faint(place - distinct, self.modes.len() - distinct)
            }
            Some(distinct) => palette::line(self.number(place, distinct), palette::DISTINCT),
        }
    }

    /// The first modes look the same whichever of them a chart shows.
    fn number(&self, place: usize, distinct: usize) -> usize {
        let mode = |place: usize| self.modes.get(place.wrapping_sub(1)).copied();
        let known = mode(distinct).is_some_and(|last| last <= palette::DISTINCT);
        mode(place)
            .filter(|_| known && self.others == 0)
            .unwrap_or(place)
    }

    /// The pen of a line of another quantity, `number` from 1.
    pub fn other(&self, number: usize) -> Pen {
        match self.distinct {
            Some(distinct) => palette::line(distinct + number, palette::DISTINCT),
            None => palette::line(self.modes.len() + number, self.modes.len() + self.others),
        }
    }

    /// The modes in the order of drawing: where curves coincide, dashes drawn later leave a line visible.
    pub fn in_order(&self) -> Vec<usize> {
        let mut modes = self.modes.clone();
        modes.sort_by_key(|&k| self.of(k).dash != Dash::Solid);
        modes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_drawn_has_a_pen_of_its_own() {
        let few: Vec<usize> = vec![8, 9, 10];
        let many: Vec<usize> = (1..=20).collect();
        let thinned: Vec<usize> = (1..=7).chain((10..1000).step_by(25)).collect();
        for modes in [few, many, thinned] {
            for (grown, others) in [(0, 0), (3, 0), (3, 2), (1000, 0), (1000, 2), (9, 8)] {
                let pens = ModePens::new(&modes, grown, others);
                let mut all: Vec<Pen> = modes.iter().map(|&k| pens.of(k)).collect();
                all.extend((1..=others).map(|number| pens.other(number)));
                for (i, pen) in all.iter().enumerate() {
                    assert!(!all[..i].contains(pen), "{modes:?} {grown} {others} {i}");
                }
            }
        }
    }

    #[test]
    fn the_first_modes_keep_their_colours_in_a_choice() {
        let (all, some) = (
            ModePens::new(&[1, 2, 3], 3, 0),
            ModePens::new(&[2, 3], 3, 0),
        );
        assert_eq!(all.of(3), some.of(3));
        let thinned = ModePens::new(&[1, 5, 9], 9, 0);
        assert_eq!(thinned.of(6), thinned.of(5));
    }
}
