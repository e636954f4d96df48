//! What a run starts from.

use super::{Cost, Network};
use crate::error::Error;

/// A network, a cost `C(A)`, the regularisation `λ` and the initial weights.
#[derive(Debug, Clone)]
pub struct Problem {
    pub network: Network,
    pub cost: Cost,
    /// `λ` of `C(A) + λ‖θ‖²`.
    pub l2: f64,
    /// Packed weights at `t = 0`, as `Network` lays them out.
    pub initial_weights: Vec<f64>,
}

impl Problem {
    /// A problem whose parts belong together; built field by field they are taken as they are.
    ///
    /// ```
    /// use dlnflow::flow::LayerFlow;
    /// use dlnflow::integrate::{Method, Options, Outcome, integrate};
    /// use dlnflow::linalg::Mat;
    /// use dlnflow::model::{Cost, Problem};
    ///
    /// // One mode of two layers, s = w_2 w_1 from balanced weights: s' = 2s(1 − s), the logistic curve.
    /// let target = Mat::full(1, 1, 1.0);
    /// let weights = vec![0.1, 0.1];
    /// let problem = Problem::new(vec![1, 1, 1], Cost::SquaredError { target }, 0.0, weights)?;
    /// let options = Options {
    ///     method: Method::Auto,
    ///     rtol: 1e-9,
    ///     atol: vec![0.0; 2],
    ///     horizon: 2.0,
    ///     max_steps: 10_000,
    /// };
    /// let flow = LayerFlow::new(&problem);
    /// let run = integrate(&flow, &problem.initial_weights, &options, &mut ());
    /// assert!(matches!(run.outcome, Outcome::HorizonReached));
    /// let s = run.state[0] * run.state[1];
    /// let exact = 1.0 / (1.0 + (1.0 / 0.01 - 1.0) * (-4.0_f64).exp());
    /// assert!((s / exact - 1.0).abs() < 1e-7);
    /// # Ok::<(), dlnflow::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Problem` when `widths` has fewer than two entries or a zero, shapes do not match, or numbers are not finite or
    /// have a sign that they cannot have.
    pub fn new(
        widths: Vec<usize>,
        cost: Cost,
        l2: f64,
        initial_weights: Vec<f64>,
    ) -> Result<Self, Error> {
        let claims = [
            (
                widths.len() >= 2 && widths.iter().all(|&n| n > 0),
                "at least two widths, all positive",
            ),
            (
                Some(cost.shape()) == widths.last().copied().zip(widths.first().copied()),
                "a cost of n_L × n_0 matrices",
            ),
            (
                l2 >= 0.0 && l2.is_finite(),
                "l2 neither negative nor infinite",
            ),
        ];
        claims.into_iter().try_for_each(claim)?;
        cost.claims().into_iter().try_for_each(claim)?;
        let sizes = widths.windows(2).map(|pair| pair[0].checked_mul(pair[1]));
        let total = sizes.sum::<Option<usize>>();
        claim((
            total.is_some_and(|n| n <= isize::MAX as usize / size_of::<f64>()),
            "widths whose weights can be counted",
        ))?;
        let network = Network::new(widths);
        claim((
            initial_weights.len() == network.parameters() && finite(&initial_weights),
            "as many finite initial weights as the network has",
        ))?;
        Ok(Self {
            network,
            cost,
            l2,
            initial_weights,
        })
    }
}

fn claim((holds, needed): (bool, &'static str)) -> Result<(), Error> {
    match holds {
        true => Ok(()),
        false => Err(Error::Problem(needed)),
    }
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|v| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Mat;

    fn refused(widths: &[usize], cost: Cost, l2: f64, weights: usize) -> &'static str {
        match Problem::new(widths.to_vec(), cost, l2, vec![0.5; weights]) {
            Err(Error::Problem(needed)) => needed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let target = || Mat::<f64>::full(2, 3, 1.0);
        let squared = || Cost::SquaredError { target: target() };
        assert!(Problem::new(vec![3, 4, 2], squared(), 0.0, vec![0.5; 20]).is_ok());
        assert!(refused(&[3], squared(), 0.0, 0).contains("two widths"));
        assert!(refused(&[3, 0, 2], squared(), 0.0, 0).contains("two widths"));
        assert!(refused(&[2, 4, 3], squared(), 0.0, 20).contains("n_L × n_0"));
        assert!(refused(&[3, 4, 2], squared(), f64::NAN, 20).contains("l2"));
        assert!(refused(&[3, 4, 2], squared(), 0.0, 19).contains("initial weights"));
        let nan = Cost::SquaredError {
            target: Mat::full(2, 3, f64::NAN),
        };
        assert!(refused(&[3, 4, 2], nan, 0.0, 20).contains("finite"));
        let weighted = |weights| Cost::Weighted {
            target: target(),
            weights,
        };
        for weights in [
            Mat::full(3, 2, 1.0),
            Mat::full(2, 3, -1.0),
            Mat::zeros(2, 3),
        ] {
            assert!(refused(&[3, 4, 2], weighted(weights), 0.0, 20).contains("weights"));
        }
        let observed = Cost::MatrixCompletion {
            target: target(),
            observed: Mat::full(2, 3, 0.5),
        };
        assert!(refused(&[3, 4, 2], observed, 0.0, 20).contains("0 or 1"));
        let covariance = Cost::regression(target(), Mat::identity(2, 2), 0.0);
        assert!(refused(&[3, 4, 2], covariance, 0.0, 20).contains("n_0 × n_0"));
        let odd = Cost::regression(target(), Mat::full(2, 3, 1.0), 0.0);
        assert!(refused(&[3, 4, 2], odd, 0.0, 20).contains("n_0 × n_0"));
        let skew = Mat::from_fn(3, 3, |i, j| if i <= j { 1.0 } else { 0.9 });
        let negative = Mat::from_fn(3, 3, |i, j| if i == j { -1.0 } else { 0.0 });
        for covariance in [skew, negative] {
            let cost = Cost::regression(target(), covariance, 0.0);
            assert!(refused(&[3, 4, 2], cost, 0.0, 20).contains("a covariance"));
        }
        let negative_floor = Cost::regression(target(), Mat::identity(3, 3), -1.0);
        assert!(refused(&[3, 4, 2], negative_floor, 0.0, 20).contains("floor"));
        let without_range = Cost::Regression {
            target: target(),
            covariance: Mat::full(3, 3, 1.0),
            floor: 0.0,
            range: None,
        };
        assert!(refused(&[3, 4, 2], without_range, 0.0, 20).contains("range"));
        let uncounted = [3, 1 << 62, 1 << 62, 2];
        assert!(refused(&uncounted, squared(), 0.0, 0).contains("counted"));
        let sensing = |columns, observations| Cost::MatrixSensing {
            measurements: Mat::full(4, columns, 1.0),
            observations: vec![1.0; observations],
            target: None,
            shape: (2, 3),
        };
        assert!(Problem::new(vec![3, 4, 2], sensing(6, 4), 0.0, vec![0.5; 20]).is_ok());
        for (columns, observations) in [(5, 4), (6, 3)] {
            let cost = sensing(columns, observations);
            assert!(refused(&[3, 4, 2], cost, 0.0, 20).contains("measurements"));
        }
    }
}
