//! The network as it is integrated: without neurons, inputs and outputs that the flow can do without. What is
//! observed of it is expanded to the network of the scenario.

use crate::integrate::Options;
use crate::model::{Problem, Reduction};
use crate::observe::{EventSpec, Observable, Observed};
use crate::scenario::Built;

pub(super) struct Narrowed<'a> {
    built: &'a Built,
    reduction: Option<Reduction>,
}

impl<'a> Narrowed<'a> {
    pub fn new(built: &'a Built) -> Self {
        Self {
            built,
            reduction: reduction(built),
        }
    }

    pub fn problem(&self) -> &Problem {
        let reduction = self.reduction.as_ref();
        reduction.map_or(&self.built.problem, |r| &r.problem)
    }

    /// `n_0 … n_L` where they are not those of the scenario.
    pub fn widths(&self) -> Option<Vec<usize>> {
        let reduction = self.reduction.as_ref()?;
        Some(reduction.problem.network.widths().to_vec())
    }

    /// Those of the scenario for this network.
    pub fn options(&self, relative_only: bool) -> Options {
        let mut options = self.built.solver.clone();
        if let Some(reduction) = &self.reduction {
            options.atol = reduction.tolerances(&options.atol);
        }
        if relative_only {
            // Every neuron has a tolerance of its own, down to where the squares that its size comes from
            // underflow: below that it would be zero.
            options.atol.fill(1e-160 * options.rtol);
        }
        options
    }

    /// Weights of the scenario's network.
    pub fn expand(&self, weights: Vec<f64>) -> Vec<f64> {
        match &self.reduction {
            Some(reduction) => reduction.expand(&weights),
            None => weights,
        }
    }

    /// Snapshots of the scenario's network, and the singular values that narrower inputs and outputs leave out:
    /// they are zero.
    pub fn complete(&self, observed: &mut Observed) {
        let modes = self.built.problem.network.modes();
        let Observed {
            trajectory, events, ..
        } = observed;
        let rows = trajectory.rows.iter_mut();
        let rows = rows.map(|row| &mut row.singular_values);
        for values in rows.chain(events.iter_mut().map(|event| &mut event.singular_values)) {
            values.resize(modes, 0.0);
        }
        for weights in &mut trajectory.weights {
            *weights = self.expand(std::mem::take(weights));
        }
    }
}

/// Inputs and outputs stay where something asks for singular values that they would leave out, or for the
/// tangent kernel.
fn reduction(built: &Built) -> Option<Reduction> {
    if built.solver.atol.len() != built.problem.network.parameters() {
        // The integrator says so.
        return None;
    }
    if needs_ends(built) {
        return Reduction::of(&built.problem);
    }
    let whole = Reduction::with_ends(&built.problem)?;
    match asks_beyond(built, whole.problem.network.modes()) {
        true => Reduction::of(&built.problem),
        false => Some(whole),
    }
}

/// All inputs and outputs belong to the tangent kernel.
fn needs_ends(built: &Built) -> bool {
    let kernel = [Observable::KernelNorm, Observable::KernelAlignment];
    let observables = &built.recording.observables;
    observables.iter().any(|o| kernel.contains(o))
}

/// Whether an event watches a singular value beyond the first `modes`.
fn asks_beyond(built: &Built, modes: usize) -> bool {
    let beyond =
        |e: &EventSpec| matches!(e, EventSpec::Crossing { index: Some(k), .. } if *k > modes);
    built.events.iter().any(beyond)
}
