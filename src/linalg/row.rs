//! Rows of numbers with an exponent of their own, so that rows of any sizes stand beside each other.

use super::jacobi::Column;

/// `2^exponent · entries`.
pub(super) struct Row {
    pub entries: Vec<f64>,
    pub exponent: i32,
    /// The largest magnitude among the entries: between 1 and 2, or 0.
    pub largest: f64,
}

impl Row {
    pub fn new(entries: Vec<f64>, exponent: i32) -> Self {
        let mut row = Self {
            entries,
            exponent,
            largest: 0.0,
        };
        row.rescale();
        row
    }

    /// Moves powers of two to the exponent.
    pub fn rescale(&mut self) {
        self.largest = self.entries.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let shift = if self.largest == 0.0 {
            0
        } else {
            libm::ilogb(self.largest)
        };
        if shift != 0 {
            // In two halves, as 2^1074 is no number.
            let half = power(-(shift / 2));
            let other = power(shift / 2 - shift);
            for v in self.entries.iter_mut().chain([&mut self.largest]) {
                *v = *v * half * other;
            }
            self.exponent += shift;
        }
    }

    pub fn cmp_size(&self, other: &Self) -> std::cmp::Ordering {
        let zero = (self.largest > 0.0).cmp(&(other.largest > 0.0));
        zero.then(self.exponent.cmp(&other.exponent))
            .then(self.largest.total_cmp(&other.largest))
    }

    /// Where the largest entry stands.
    pub fn position(&self) -> Option<usize> {
        self.entries.iter().position(|v| v.abs() == self.largest)
    }

    /// The unit of this row in that of another; 0 for a row of zeros, whose exponent means nothing.
    pub fn unit_over(&self, other: &Self) -> f64 {
        match self.largest == 0.0 {
            true => 0.0,
            false => power(self.exponent - other.exponent),
        }
    }

    /// The row over `2^top`.
    pub fn into_column(self, top: i32) -> Column {
        Column::new(self.entries, power(self.exponent - top), Vec::new())
    }
}

/// `2^exponent`, infinite or 0 where it is no number.
pub(super) fn power(exponent: i32) -> f64 {
    libm::scalbn(1.0, exponent)
}
