//! The flow of two layers with its solution in closed form: `integrate` sees a field that knows its
//! solution, `theory` a problem; neither sees the other.

use crate::flow::LayerFlow;
use crate::integrate::{ClosedForm, Sight, VectorField};
use crate::model::{Network, Problem};
use crate::theory::riccati::Riccati;

/// Roundoff of the start, relative along a direction, that the user is told of.
const LARGEST_START_ERROR: f64 = 1e-9;

/// A flow and, where one exists, its closed form.
pub(super) struct SolvedFlow<'a> {
    flow: LayerFlow<'a>,
    solution: Option<Weights<'a>>,
}

/// The closed form as packed weights.
struct Weights<'a> {
    network: &'a Network,
    riccati: Riccati,
}

impl<'a> SolvedFlow<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let weights = |riccati| Weights {
            network: &problem.network,
            riccati,
        };
        Self {
            flow: LayerFlow::new(problem),
            solution: Riccati::new(problem).ok().map(weights),
        }
    }

    /// What the user should know of the solution.
    pub fn warnings(&self) -> Vec<String> {
        let said = |w: &Weights<'_>| {
            let all = [w.left_out(), w.absent(), w.rough()];
            all.into_iter().flatten()
        };
        self.solution.iter().flat_map(said).collect()
    }
}

impl Weights<'_> {
    fn left_out(&self) -> Option<String> {
        let (lost, modes) = (self.riccati.left_out(), self.riccati.directions());
        let may_matter = lost > 0 && modes < self.network.modes();
        may_matter.then(|| {
            format!(
                "the closed form left out {lost} hidden directions of the start: their weights are \
                 roundoff beside those of the other {modes}"
            )
        })
    }

    fn rough(&self) -> Option<String> {
        let error = self.riccati.start_error();
        (error > LARGEST_START_ERROR).then(|| {
            format!(
                "along a growing direction inputs and outputs of the start nearly cancel: roundoff is {error:.0e} of \
                 what is left, and moves escapes by as much over twice their rate"
            )
        })
    }

    fn absent(&self) -> Option<String> {
        let absent = self.riccati.absent();
        (absent > 0).then(|| {
            format!(
                "the closed form took growing directions as absent ({absent} of them): what the \
                 start has of them is roundoff"
            )
        })
    }
}

impl VectorField for SolvedFlow<'_> {
    fn dim(&self) -> usize {
        self.flow.dim()
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        self.flow.eval(y, dy);
    }

    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]) {
        self.flow.jvp(y, v, out);
    }

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        let solution = self.solution.as_ref()?;
        Some(solution)
    }
}

impl ClosedForm for Weights<'_> {
    fn state(&self, t: f64, y: &mut [f64]) -> Sight {
        let factor = self.riccati.factor(t);
        let inputs = self.network.input_width();
        let (q, outputs) = (factor.q.as_ref(), self.network.output_width());
        let top = q.subrows(0, inputs).transpose();
        self.network.layer_mut(y, 1).copy_from(top);
        let bottom = q.subrows(inputs, outputs);
        self.network.layer_mut(y, 2).copy_from(bottom);
        Sight {
            marks: factor.log_sizes,
            error: factor.error,
        }
    }

    fn pace(&self, t: f64) -> f64 {
        self.riccati.pace(t)
    }
}
