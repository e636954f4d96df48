//! Cubic Hermite interpolation between points of a curve.

/// A value and its derivative at a time.
pub(super) struct Node {
    pub time: f64,
    pub value: Vec<f64>,
    pub derivative: Vec<f64>,
}

/// A curve through nodes, at least one, in order of time.
pub(super) struct Hermite(pub Vec<Node>);

impl Hermite {
    /// The value at a time; at rest before the first node and after the last.
    pub fn at(&self, time: f64) -> Vec<f64> {
        let last = self.0.len() - 1;
        let after = self.0.partition_point(|node| node.time <= time);
        if after == 0 || after > last {
            return self.0[after.min(last)].value.clone();
        }
        let (a, b) = (&self.0[after - 1], &self.0[after]);
        let h = b.time - a.time;
        let x = (time - a.time) / h;
        let value = |i: usize| {
            let rise = b.value[i] - a.value[i];
            let (p, q) = (h * a.derivative[i] - rise, -h * b.derivative[i] + rise);
            a.value[i] + x * rise + x * (1.0 - x) * ((1.0 - x) * p + x * q)
        };
        (0..a.value.len()).map(value).collect()
    }
}
