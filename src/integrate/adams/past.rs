//! The last values `f_n, f_{n−1}, …` of a vector function, as they are: a step reads them once
//! and rewrites none of them.

use super::weights::MAX_ORDER;

/// Values that a step of the highest order and the decision to raise it need.
pub(super) const NODES: usize = MAX_ORDER + 2;

pub(super) struct Past {
    /// `f_{n−j}` for `j = 0, 1, …`.
    values: Vec<Vec<f64>>,
    known: usize,
}

impl Past {
    pub fn new(n: usize) -> Self {
        Self {
            // Each made as zeros: a copy of zeros would touch memory that low orders never use.
            values: (0..NODES).map(|_| vec![0.0; n]).collect(),
            known: 0,
        }
    }

    /// The values that are known, the newest first.
    pub fn values(&self) -> &[Vec<f64>] {
        &self.values[..self.known]
    }

    pub fn values_mut(&mut self) -> &mut [Vec<f64>] {
        &mut self.values[..self.known]
    }

    /// Takes in the value at the new time, which makes at most `count` that are known; `f` gets
    /// the storage of one that is forgotten.
    pub fn push(&mut self, f: &mut Vec<f64>, count: usize) {
        self.known = (self.known + 1).min(count).min(NODES);
        // No more storage takes turns than is needed: that much stays in the caches.
        self.values[..self.known].rotate_right(1);
        std::mem::swap(&mut self.values[0], f);
    }

    /// Forgets all but the last `count` values.
    pub fn keep(&mut self, count: usize) {
        self.known = self.known.min(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_comes_first_and_the_oldest_is_forgotten() {
        let mut past = Past::new(1);
        let mut f = vec![0.0];
        for i in 0..NODES + 3 {
            f[0] = i as f64;
            past.push(&mut f, NODES);
        }
        let values: Vec<f64> = past.values().iter().map(|v| v[0]).collect();
        let expected: Vec<f64> = (3..NODES + 3).rev().map(|i| i as f64).collect();
        assert_eq!(values, expected);
        past.keep(2);
        assert_eq!(past.values().len(), 2);
        past.push(&mut f, 3);
        assert_eq!(past.values().len(), 3);
        assert_eq!(past.values()[1][0], (NODES + 2) as f64);
    }

    #[test]
    fn as_many_values_are_known_as_are_wanted() {
        let mut past = Past::new(1);
        let mut known = |value: f64, count: usize| -> Vec<f64> {
            past.push(&mut vec![value], count);
            past.values().iter().map(|v| v[0]).collect()
        };
        assert_eq!(known(1.0, 3), [1.0]);
        assert_eq!(known(2.0, 3), [2.0, 1.0]);
        assert_eq!(known(3.0, 3), [3.0, 2.0, 1.0]);
        assert_eq!(known(4.0, 3), [4.0, 3.0, 2.0]);
        assert_eq!(known(5.0, 2), [5.0, 4.0]);
        assert_eq!(known(6.0, 4), [6.0, 5.0, 4.0]);
    }
}
