//! [`Scenario`] → [`Built`]: the problem with every random draw made, and all options of the run.

use super::context::Context;
use super::error::InputErrors;
use super::files::{InputFile, MAX_ENTRIES};
use super::load::Scenario;
use super::schema::{Expect, FrameName};
use super::{cost, events, expectations, figure, start, validate};
use crate::integrate::{Method, Options};
use crate::linalg::norm;
use crate::model::{Cost, Network, Problem};
use crate::observe::{EventSpec, Grid, Recording, StopRules};

/// A scenario with nothing left to go wrong but the integration.
#[derive(Debug, Clone)]
pub struct Built {
    pub problem: Problem,
    pub solver: Options,
    /// Frames in which neurons that wait keep their digits.
    pub frame: FrameName,
    /// `solver.atol` was 0: absolute tolerances come from the initial weights.
    pub chosen_atol: bool,
    pub recording: Recording,
    pub events: Vec<EventSpec>,
    pub stop: StopRules,
    pub expectations: Vec<Expect>,
    /// Files that were read, in the order of reading.
    pub inputs: Vec<InputFile>,
    pub memory: Memory,
    /// The scenario as TOML with all defaults spelled out and file paths in `inputs/`: beside
    /// copies of the input files it gives the same run.
    pub resolved: String,
}

/// What a run will need, estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Number of weights.
    pub parameters: usize,
    pub bytes: u64,
}

impl Scenario {
    /// Makes every random draw, reads every file and checks what the numbers mean together.
    ///
    /// # Errors
    /// All mistakes at once, each with its place in the file.
    pub fn build(&self) -> Result<Built, InputErrors> {
        let mut context = Context::new(self);
        let network = network(&mut context);
        let cost = network.as_ref().and_then(|n| cost::build(&mut context, n));
        let weights = network
            .as_ref()
            .and_then(|n| start::build(&mut context, n, cost.as_ref()));
        let method = validate::method(&mut context);
        let parameters = network.as_ref().map(Network::parameters);
        let recording = validate::recording(&mut context, parameters, cost.as_ref());
        let events = events::build(&mut context, network.as_ref(), cost.as_ref());
        let expectations = expectations::build(&mut context, network.as_ref(), cost.as_ref());
        figure::check(&mut context);
        let (Some(network), Some(cost), Some(initial_weights), Some(method), Some(recording)) =
            (network, cost, weights, method, recording)
        else {
            return Err(self.document.errors(context.errors));
        };
        let problem = Problem {
            network,
            cost,
            l2: self.spec.regularization.l2,
            initial_weights,
        };
        if let Some(cost) = finite_cost(&mut context, &problem) {
            events::levels_above_start(&mut context, &problem, cost);
        }
        validate::closed_form(&mut context, &problem);
        if !context.errors.is_empty() {
            return Err(self.document.errors(context.errors));
        }
        let inputs = context.files.read;
        Ok(Built {
            solver: self.options(method, &problem),
            frame: self.spec.solver.frame,
            chosen_atol: self.spec.solver.atol == 0.0,
            memory: memory(&problem, method, &recording),
            resolved: self.resolved(&inputs),
            stop: StopRules {
                gradient_norm: self.spec.stop.gradient_norm,
                cost: self.spec.stop.cost,
            },
            problem,
            recording,
            events,
            expectations,
            inputs,
        })
    }

    fn options(&self, method: Method, problem: &Problem) -> Options {
        let solver = &self.spec.solver;
        Options {
            method,
            rtol: solver.rtol,
            atol: absolute_tolerances(problem, solver.rtol, solver.atol),
            horizon: solver.horizon,
            max_steps: solver.max_steps,
        }
    }
}

/// The network, unless its sizes are out of bounds.
fn network(context: &mut Context<'_>) -> Option<Network> {
    let widths = &context.spec.network.widths;
    if widths.len() < 2 || widths.contains(&0) {
        context.wrong(
            "network.widths",
            "must be at least two positive whole numbers",
        );
        return None;
    }
    let product = |pair: &[usize]| pair[0] as f64 * pair[1] as f64;
    let parameters: f64 = widths.windows(2).map(product).sum();
    // The products W_l … W_1, which the flow needs, can be larger than the weights.
    let products: f64 = widths[1..]
        .iter()
        .map(|&n| n as f64 * widths[0] as f64)
        .sum();
    let numbers = parameters.max(products);
    if numbers > MAX_ENTRIES as f64 {
        let gigabytes = 8e-9 * (28.0 * parameters + 6.0 * products);
        let found = format!("found {parameters:e} weights, about {gigabytes:.0} GB to integrate");
        let allowed = format!("must make at most {MAX_ENTRIES:e} weights and partial products");
        context.found("network.widths", found, allowed);
        return None;
    }
    Some(Network::new(widths.clone()))
}

/// The cost of the start, refused when it overflows.
fn finite_cost(context: &mut Context<'_>, problem: &Problem) -> Option<f64> {
    let a = problem.network.end_to_end(&problem.initial_weights);
    let cost = problem.cost.value(a.as_ref());
    if !cost.is_finite() {
        let allowed = "must be finite: the target or the initial weights are too large";
        context.found("cost", format!("found an initial cost of {cost}"), allowed);
    }
    cost.is_finite().then_some(cost)
}

/// Absolute tolerance of each weight: `given`, or, when that is 0, `rtol/100` times the root mean
/// square of its layer at the start, so that modes far below the leading ones keep their digits.
/// A layer of zeros takes the smallest of the other layers'.
fn absolute_tolerances(problem: &Problem, rtol: f64, given: f64) -> Vec<f64> {
    let network = &problem.network;
    if given > 0.0 {
        return vec![given; network.parameters()];
    }
    let layers = 1..=network.depth();
    let sizes: Vec<f64> = layers
        .map(|l| root_mean_square(&problem.initial_weights[network.range(l)]))
        .collect();
    let smallest = sizes
        .iter()
        .copied()
        .filter(|&s| s > 0.0)
        .fold(f64::INFINITY, f64::min);
    let tolerance = |size: f64| match (size > 0.0, smallest.is_finite()) {
        (true, _) => rtol * 1e-2 * size,
        (false, true) => rtol * 1e-2 * smallest,
        (false, false) => rtol * 1e-12,
    };
    let of_layer = |(index, &size): (usize, &f64)| {
        let (rows, cols) = network.shape(index + 1);
        std::iter::repeat_n(tolerance(size).max(f64::MIN_POSITIVE), rows * cols)
    };
    sizes.iter().enumerate().flat_map(of_layer).collect()
}

/// Root mean square without underflow of the squares.
fn root_mean_square(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let scaled: Vec<f64> = x.iter().map(|v| v / largest).collect();
    largest * (norm(&scaled) / (x.len() as f64).sqrt())
}

/// States that a method keeps, products along the layers, the cost's matrices and the record.
fn memory(problem: &Problem, method: Method, recording: &Recording) -> Memory {
    let network = &problem.network;
    let parameters = network.parameters();
    let states = match method {
        Method::Dop853 => 28,
        Method::Tsit45 | Method::Esdirk34 | Method::TrBdf2 => 24,
        Method::Auto | Method::ExponentialAdams | Method::Bdf => 30,
        Method::Exact => 10,
        Method::GradientDescent { .. } => 8,
    };
    let outputs: usize = network.widths()[1..].iter().sum();
    let products = 6 * outputs * network.input_width();
    let ends = network.input_width() + network.output_width();
    let basis = match method {
        // Basis and rotations of the closed form.
        Method::Exact => 4 * ends * ends,
        // Past, weights and coordinates of a fast part of every entry of A.
        Method::Auto | Method::ExponentialAdams if network.depth() == 2 => {
            64 * parameters.min(network.input_width() * network.output_width())
        }
        _ => 0,
    };
    let measurements = match &problem.cost {
        Cost::MatrixSensing { measurements, .. } => measurements.nrows(),
        Cost::Regression { .. } => network.input_width() / network.output_width() + 2,
        _ => 3,
    };
    let cost = measurements * network.input_width() * network.output_width();
    let rows = match &recording.grid {
        Grid::Adaptive { count } | Grid::Linear { count } | Grid::Log { count } => *count,
        Grid::Times(times) => times.len(),
        Grid::Steps => 10_000,
    };
    let weights = if recording.weights { parameters } else { 0 };
    let row = network.modes() + 10 + recording.observables.len() + weights;
    let numbers =
        (states * parameters) as u64 + (products + cost + basis) as u64 + (rows * row) as u64;
    Memory {
        parameters,
        bytes: 8 * numbers,
    }
}
