//! `[solver]` and `[record]` against the problem: everything that could only disappoint later.

use super::context::Context;
use super::schema::{GridName, MethodName};
use crate::error::plainly;
use crate::integrate::Method;
use crate::model::{Cost, Problem};
use crate::observe::{Grid, Observable, Recording};
use crate::theory::riccati;

/// Inputs and outputs of the largest closed form: it takes eigenvectors of a matrix of this size.
const LARGEST_EXACT: usize = 4096;

/// The method with its own parameters.
pub(super) fn method(context: &mut Context<'_>) -> Option<Method> {
    let solver = &context.spec.solver;
    let method = match solver.method {
        MethodName::Auto => Method::Auto,
        MethodName::Dop853 => Method::Dop853,
        MethodName::ExponentialAdams => Method::ExponentialAdams,
        MethodName::Exact => Method::Exact,
        MethodName::Tsit45 => Method::Tsit45,
        MethodName::Bdf => Method::Bdf,
        MethodName::Esdirk34 => Method::Esdirk34,
        MethodName::TrBdf2 => Method::TrBdf2,
        MethodName::GradientDescent => return gradient_descent(context),
    };
    if solver.learning_rate.is_some() {
        let allowed = "allowed only with method = \"gradient_descent\"";
        context.wrong("solver.learning_rate", allowed);
        return None;
    }
    Some(method)
}

/// Whether the closed form that is asked for holds; says so if not.
pub(super) fn closed_form(context: &mut Context<'_>, problem: &Problem) {
    if context.spec.solver.method != MethodName::Exact {
        return;
    }
    let key = "solver.method";
    if let Err(assumption) = riccati::assumptions(problem) {
        context.wrong(key, format!("its closed form needs {assumption}"));
        return;
    }
    let (inputs, outputs) = (
        problem.network.input_width(),
        problem.network.output_width(),
    );
    let size = inputs.saturating_add(outputs);
    if size > LARGEST_EXACT {
        let found = format!("found \"exact\" with {inputs} inputs and {outputs} outputs");
        let allowed = format!("its closed form needs at most {LARGEST_EXACT} of both together");
        context.found(key, found, allowed);
    }
}

fn gradient_descent(context: &mut Context<'_>) -> Option<Method> {
    let solver = &context.spec.solver;
    let key = "solver.learning_rate";
    let Some(learning_rate) = solver.learning_rate else {
        context.wrong(key, "must be given for method = \"gradient_descent\"");
        return None;
    };
    let steps = (solver.horizon / learning_rate).floor();
    if steps < 1.0 {
        context.wrong(
            key,
            format!("must be at most the horizon, {}", plainly(solver.horizon)),
        );
        return None;
    }
    if steps > solver.max_steps as f64 {
        let found = format!("found {steps:e} steps to the horizon");
        context.found(
            key,
            found,
            format!("must be at most max_steps = {}", solver.max_steps),
        );
        return None;
    }
    Some(Method::GradientDescent { learning_rate })
}

/// What is recorded. `parameters` is `None` when the network could not be built.
pub(super) fn recording(
    context: &mut Context<'_>,
    parameters: Option<usize>,
    cost: Option<&Cost>,
) -> Option<Recording> {
    let observables = observables(context, cost);
    let record = &context.spec.record;
    if record.times.is_some() && record.grid != GridName::Times {
        context.wrong("record.times", "allowed only with grid = \"times\"");
        return None;
    }
    let count = record.count;
    let grid = match record.grid {
        GridName::Adaptive => Grid::Adaptive { count },
        GridName::Linear => Grid::Linear { count },
        GridName::Log => Grid::Log { count },
        GridName::Steps => Grid::Steps,
        GridName::Times => Grid::Times(times(context)?),
    };
    let rows = match &grid {
        Grid::Times(times) => times.len(),
        Grid::Steps => 1,
        _ => count,
    };
    const MOST: usize = 2_000_000_000;
    if record.weights && rows.saturating_mul(parameters.unwrap_or(0)) > MOST {
        let found = format!("found {rows} rows of {} weights", parameters.unwrap_or(0));
        context.found(
            "record.weights",
            found,
            format!("must be at most {MOST} numbers (16 GB)"),
        );
        return None;
    }
    Some(Recording {
        grid,
        weights: record.weights,
        observables,
    })
}

/// What rows hold beyond their fixed columns.
fn observables(context: &mut Context<'_>, cost: Option<&Cost>) -> Vec<Observable> {
    let names = &context.spec.record.observables;
    let wanted: Vec<Observable> = names.iter().map(|&name| name.into()).collect();
    for (i, observable) in wanted.iter().enumerate() {
        let key = format!("record.observables[{i}]");
        if wanted[..i].contains(observable) {
            context.wrong(&key, "must be listed once");
        }
        let aims = *observable == Observable::KernelAlignment;
        if aims && cost.is_some_and(|cost| cost.target().is_none()) {
            context.wrong(&key, "needs a cost with a target");
        }
    }
    wanted
}

fn times(context: &mut Context<'_>) -> Option<Vec<f64>> {
    let Some(numbers) = &context.spec.record.times else {
        context.wrong("record.times", "must be given for grid = \"times\"");
        return None;
    };
    let times = context.numbers("record.times", numbers)?;
    let horizon = context.spec.solver.horizon;
    if times.is_empty() {
        context.found("record.times", "found no times", "must be at least one");
        return None;
    }
    if let Some(outside) = times.iter().find(|&&t| !(0.0..=horizon).contains(&t)) {
        let allowed = format!("must lie between 0 and the horizon, {}", plainly(horizon));
        context.found(
            "record.times",
            format!("found {}", plainly(*outside)),
            allowed,
        );
        return None;
    }
    if let Some(pair) = times.windows(2).find(|pair| pair[1] <= pair[0]) {
        let found = format!("found {} after {}", pair[1], pair[0]);
        context.found("record.times", found, "must increase");
        return None;
    }
    Some(times)
}
