//! The last values of a vector function as Shampine & Gordon's modified divided differences:
//! `φ_1 = f_n`, `φ_i = ψ_1 ⋯ ψ_{i−1} f[t_n, …, t_{n−i+1}]` with `ψ_j = t_n − t_{n−j}`.

use super::combinations::combine;
use super::weights::MAX_ORDER;

/// Differences of a function with values in `R^n`.
pub(super) struct History {
    /// `φ_1 … φ_{k+2}`.
    differences: Vec<Vec<f64>>,
    /// `Σ φ*_i`: the polynomial's value at the new time.
    pub extrapolated: Vec<f64>,
}

impl History {
    pub fn new(n: usize) -> Self {
        Self {
            differences: vec![vec![0.0; n]; MAX_ORDER + 2],
            extrapolated: vec![0.0; n],
        }
    }

    pub fn differences(&self) -> &[Vec<f64>] {
        &self.differences
    }

    pub fn differences_mut(&mut self) -> &mut [Vec<f64>] {
        &mut self.differences
    }

    /// `extrapolated = Σ φ*_i`.
    pub fn extrapolate(&mut self, beta: &[f64]) {
        combine(&mut self.extrapolated, beta, &self.differences);
    }

    /// Takes in the value `f` at the new time: with `e = f − Σ φ*_i`, `φ_{k+2} = e − φ*_{k+1}`,
    /// `φ_{k+1} = e`, `φ_i = e + Σ_{j=i}^k φ*_j`.
    pub fn advance(&mut self, f: &[f64], beta: &[f64], next: f64) {
        let order = beta.len();
        let sum = &mut self.extrapolated;
        for (sum, f) in sum.iter_mut().zip(f) {
            *sum = f - *sum;
        }
        let (lower, upper) = self.differences.split_at_mut(order);
        let [at, above, ..] = upper else {
            return;
        };
        for ((above, at), e) in above.iter_mut().zip(at).zip(&*sum) {
            *above = e - next * *at;
            *at = *e;
        }
        for (d, b) in lower.iter_mut().zip(beta).rev() {
            for (d, sum) in d.iter_mut().zip(sum.iter_mut()) {
                *sum += b * *d;
                *d = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ψ_1 ⋯ ψ_{i−1} f[t_0, …]` of values at the times, the newest first.
    fn modified(times: &[f64], f: &dyn Fn(f64) -> f64) -> f64 {
        // Lagrange's form of the divided difference: nothing in common with a recurrence.
        let term = |i: usize| {
            let others = times.iter().enumerate().filter(|(j, _)| *j != i);
            f(times[i]) / others.map(|(_, t)| times[i] - t).product::<f64>()
        };
        let divided: f64 = (0..times.len()).map(term).sum();
        let psi: f64 = times[1..].iter().map(|t| times[0] - t).product();
        divided * psi
    }

    /// `β_i = Π_{j<i} (h + ψ_{j−1})/ψ_j` for the step from `times[0]` to `next`.
    fn ratios(times: &[f64], next: f64, order: usize) -> Vec<f64> {
        let mut beta = vec![1.0];
        for i in 1..order {
            let factor = (next - times[i - 1]) / (times[0] - times[i]);
            beta.push(beta[i - 1] * factor);
        }
        beta
    }

    fn functions() -> [fn(f64) -> f64; 3] {
        [|t| (1.3 * t).sin(), |t| (0.4 * t).exp(), |t| t * t]
    }

    /// Advances over the steps at rising order; the history and the times, the newest first.
    fn advanced(steps: &[f64], order: impl Fn(usize) -> usize) -> (History, Vec<f64>) {
        let mut history = History::new(3);
        let values = |t: f64| functions().map(|f| f(t));
        history.differences_mut()[0].copy_from_slice(&values(0.0));
        let mut times = vec![0.0];
        for (n, h) in steps.iter().enumerate() {
            let next = times[0] + h;
            let order = order(n + 1);
            let beta = ratios(&times, next, (order + 1).min(times.len()));
            history.extrapolate(&beta[..order]);
            let last = beta.get(order).copied().unwrap_or(1.0);
            history.advance(&values(next), &beta[..order], last);
            times.insert(0, next);
        }
        (history, times)
    }

    #[test]
    fn advanced_differences_are_the_divided_differences() {
        let steps = [0.3, 0.1, 0.25, 0.25, 0.5, 0.4, 0.2, 0.1, 0.35];
        let order = |n: usize| n.min(5);
        let (history, times) = advanced(&steps, order);
        for i in 0..=order(steps.len()) {
            for (d, f) in history.differences()[i].iter().zip(functions()) {
                let exact = modified(&times[..=i], &f);
                // Divided differences of order 5 lose about h⁻⁵ in Lagrange's form.
                assert!((d - exact).abs() < 1e-11, "{i}: {d} {exact}");
            }
        }
    }

    /// Whatever the steps were.
    #[test]
    fn one_more_difference_is_known() {
        let steps = [0.3, 0.1, 0.25, 0.25, 0.5, 0.4, 0.2, 0.1, 0.35];
        let (history, times) = advanced(&steps, |n| n.min(4));
        for (d, f) in history.differences()[5].iter().zip(functions()) {
            let exact = modified(&times[..6], &f);
            assert!((d - exact).abs() < 1e-12, "{d} {exact}");
        }
    }

    /// The extrapolated value is that of the polynomial through the last `k` values.
    #[test]
    fn extrapolation_continues_a_polynomial() {
        let (mut history, times) = advanced(&[0.3, 0.1, 0.25, 0.4], |n| n.min(3));
        let next = times[0] + 0.2;
        history.extrapolate(&ratios(&times, next, 3));
        // t² is continued exactly by three values.
        assert!((history.extrapolated[2] - next * next).abs() < 1e-14);
    }
}
