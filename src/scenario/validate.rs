//! `[solver]`, `[record]`, `[[events]]`, `[[expect]]` against the problem: everything that could
//! only disappoint later.

use super::context::Context;
use super::schema::{
    CostSpec, DirectionName, EventTable, Expect, ExpectQuantity, GridName, MethodName, QuantityName,
};
use crate::error::plainly;
use crate::integrate::Method;
use crate::linalg::{SingularValues, dot};
use crate::model::{Cost, Network, Problem};
use crate::observe::{EventSpec, Grid, Observable, Recording};
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

/// The events to look for.
pub(super) fn events(
    context: &mut Context<'_>,
    network: Option<&Network>,
    cost: Option<&Cost>,
) -> Vec<EventSpec> {
    let spec = context.spec;
    for (i, event) in spec.events.iter().enumerate() {
        let key = format!("events[{i}]");
        match event {
            EventTable::Escape { modes, .. } => {
                for (k, &mode) in modes.iter().flatten().enumerate() {
                    escape_possible(context, &format!("{key}.modes[{k}]"), mode, network, cost);
                }
            }
            EventTable::Crossing { .. } => crossing_possible(context, &key, event, network, cost),
            EventTable::Plateau {} | EventTable::RankChange {} => {}
        }
        watched_once(context, i);
    }
    spec.events.iter().map(spec_of).collect()
}

fn spec_of(event: &EventTable) -> EventSpec {
    match event {
        EventTable::Escape { fraction, modes } => EventSpec::Escape {
            fraction: *fraction,
            modes: modes.clone(),
        },
        EventTable::Crossing {
            quantity,
            index,
            level,
            direction,
        } => EventSpec::Crossing {
            quantity: (*quantity).into(),
            index: *index,
            level: *level,
            direction: (*direction).into(),
        },
        EventTable::Plateau {} => EventSpec::Plateau,
        EventTable::RankChange {} => EventSpec::RankChange,
    }
}

/// Notes what event number `i` watches and an earlier one too: it would be reported twice.
fn watched_once(context: &mut Context<'_>, i: usize) {
    let events = &context.spec.events;
    let key = format!("events[{i}]");
    if let EventTable::Escape {
        modes: Some(modes), ..
    } = &events[i]
        && let Some(k) = (1..modes.len()).find(|&k| modes[..k].contains(&modes[k]))
    {
        context.wrong(&format!("{key}.modes[{k}]"), "must be listed once");
    }
    if let Some(earlier) = events[..i].iter().position(|e| overlap(e, &events[i])) {
        let allowed = format!("must watch something else than events[{earlier}] does");
        context.found(&key, "found the same event again", allowed);
    }
}

/// Whether something that happens is an event of both.
fn overlap(one: &EventTable, other: &EventTable) -> bool {
    let (
        EventTable::Escape {
            fraction: f,
            modes: m,
        },
        EventTable::Escape {
            fraction: g,
            modes: n,
        },
    ) = (one, other)
    else {
        return one == other;
    };
    let shared = |m: &Vec<usize>, n: &Vec<usize>| m.iter().any(|mode| n.contains(mode));
    f == g && m.as_ref().zip(n.as_ref()).is_none_or(|(m, n)| shared(m, n))
}

/// Whether `A` can have a mode of this number at all; says so if not.
fn mode_exists(
    context: &mut Context<'_>,
    key: &str,
    mode: usize,
    network: Option<&Network>,
) -> bool {
    let max = network.map_or(usize::MAX, Network::max_rank);
    if mode > max {
        context.wrong(
            key,
            format!("must be at most {max}, the largest rank the network can have"),
        );
    }
    mode <= max
}

fn escape_possible(
    context: &mut Context<'_>,
    key: &str,
    mode: usize,
    network: Option<&Network>,
    cost: Option<&Cost>,
) {
    if mode_exists(context, key, mode, network) {
        escape_has_level(context, key, mode, cost);
    }
}

/// Whether the level of a mode is known to be zero; says so.
fn escape_has_level(context: &mut Context<'_>, key: &str, mode: usize, cost: Option<&Cost>) {
    // With other costs the final singular values are not those of the target.
    if let Some(Cost::SquaredError { target }) = cost {
        let mut all = SingularValues::new(target.nrows(), target.ncols());
        let s = all.of(target.as_ref());
        let level = s.get(mode - 1).copied().unwrap_or(0.0);
        if level <= 1e-14 * s[0] {
            let allowed = format!("can never happen: the target's σ_{mode} is zero");
            context.wrong(key, allowed);
        }
    }
}

fn crossing_possible(
    context: &mut Context<'_>,
    key: &str,
    event: &EventTable,
    network: Option<&Network>,
    cost: Option<&Cost>,
) {
    let EventTable::Crossing {
        quantity,
        index,
        level,
        direction,
    } = *event
    else {
        return;
    };
    let index_key = format!("{key}.index");
    match (quantity, index) {
        (QuantityName::SingularValue, None) => {
            context.wrong(
                &index_key,
                "must be given for quantity = \"singular_value\"",
            );
        }
        (QuantityName::SingularValue, Some(mode)) => {
            mode_exists(context, &index_key, mode, network);
        }
        (_, Some(_)) => {
            let allowed = "allowed only with quantity = \"singular_value\"";
            context.wrong(&index_key, allowed);
        }
        (_, None) => {}
    }
    if quantity == QuantityName::TestCost && !has_test_set(context) {
        let allowed = "can never happen: this cost has no test set";
        context.wrong(&format!("{key}.quantity"), allowed);
    }
    if only_falls(context, quantity) && direction == DirectionName::Rising {
        let allowed = "can never happen: gradient flow never raises the loss";
        context.wrong(&format!("{key}.direction"), allowed);
    }
    let floor = match (quantity, cost) {
        (QuantityName::Cost | QuantityName::Loss, Some(Cost::Regression { floor, .. })) => *floor,
        _ => 0.0,
    };
    let level_key = format!("{key}.level");
    let max_rank = network.map_or(usize::MAX, Network::max_rank);
    if level <= floor {
        let allowed = format!("must be above {floor:.3e}: the quantity never falls below it");
        context.wrong(&level_key, allowed);
    } else if quantity == QuantityName::Rank && level > max_rank as f64 {
        let allowed = format!("must be at most {max_rank}, the largest rank the network can have");
        context.wrong(&level_key, allowed);
    }
}

/// Whether a quantity never rises: gradient flow lowers the loss, which is the cost where `λ = 0`.
fn only_falls(context: &Context<'_>, quantity: QuantityName) -> bool {
    let spec = context.spec;
    let is_loss = match quantity {
        QuantityName::Loss => true,
        QuantityName::Cost => spec.regularization.l2 == 0.0,
        _ => false,
    };
    is_loss && spec.solver.method != MethodName::GradientDescent
}

/// Notes the levels that a quantity would have to rise to and never does. With `direction = "falling"` such
/// a level is passed at the start.
pub(super) fn levels_above_start(context: &mut Context<'_>, problem: &Problem, cost: f64) {
    let weights = &problem.initial_weights;
    let loss = cost + problem.l2 * dot(weights, weights);
    let events = &context.spec.events;
    for (i, event) in events.iter().enumerate() {
        let EventTable::Crossing {
            quantity,
            level,
            direction: DirectionName::Both,
            ..
        } = *event
        else {
            continue;
        };
        let start = if quantity == QuantityName::Loss {
            loss
        } else {
            cost
        };
        // A level at the start itself may be off by rounding.
        if only_falls(context, quantity) && level > start * (1.0 + 1e-12) {
            let allowed =
                format!("can never happen: it is {start:.3e} at the start and only falls");
            context.wrong(&format!("events[{i}].level"), allowed);
        }
    }
}

pub(super) fn has_test_set(context: &Context<'_>) -> bool {
    match &context.spec.cost {
        CostSpec::MatrixCompletion { .. } => true,
        CostSpec::MatrixSensing { target, .. } => target.is_some(),
        _ => false,
    }
}

/// The expectations, checked to be measurable.
pub(super) fn expectations(
    context: &mut Context<'_>,
    network: Option<&Network>,
    cost: Option<&Cost>,
) -> Vec<Expect> {
    let spec = context.spec;
    for (i, expect) in spec.expect.iter().enumerate() {
        let key = format!("expect[{i}]");
        expected_mode(context, &key, expect, network);
        let (rel, abs) = (expect.rel_tol, expect.abs_tol);
        if rel.is_none() && abs.is_none() {
            context.found(
                &key,
                "found neither rel_tol nor abs_tol",
                "must have at least one of them",
            );
        } else if expect.value == 0.0 && abs.unwrap_or(0.0) == 0.0 {
            let allowed = "must have abs_tol: a relative band around 0 has no width";
            context.wrong(&format!("{key}.value"), allowed);
        }
        if expect.quantity == ExpectQuantity::FinalTestCost && !has_test_set(context) {
            let allowed = "cannot be measured: this cost has no test set";
            context.wrong(&format!("{key}.quantity"), allowed);
        }
        match expect.quantity {
            ExpectQuantity::EscapeTime => expected_escape(context, &key, expect, cost),
            ExpectQuantity::CrossingTime => expected_crossing(context, &key, expect),
            _ => {}
        }
    }
    spec.expect.clone()
}

fn expected_mode(context: &mut Context<'_>, key: &str, expect: &Expect, network: Option<&Network>) {
    let mode_key = format!("{key}.mode");
    let quantity = expect.quantity.name();
    match expect.mode {
        None if expect.quantity.of_mode() => {
            context.wrong(
                &mode_key,
                format!("must be given for quantity = \"{quantity}\""),
            );
        }
        Some(_) if !expect.quantity.of_mode() => {
            context.wrong(
                &mode_key,
                format!("must not stand beside quantity = \"{quantity}\""),
            );
        }
        Some(mode) => {
            mode_exists(context, &mode_key, mode, network);
        }
        None => {}
    }
}

fn expected_escape(context: &mut Context<'_>, key: &str, expect: &Expect, cost: Option<&Cost>) {
    let watched = |event: &EventTable| match (event, expect.mode) {
        (
            EventTable::Escape {
                modes: Some(list), ..
            },
            Some(mode),
        ) => list.contains(&mode),
        (EventTable::Escape { .. }, _) => true,
        _ => false,
    };
    if !context.spec.events.iter().any(watched) {
        let allowed = "cannot be measured: no escape event watches this mode";
        context.wrong(&format!("{key}.quantity"), allowed);
    } else if let Some(mode) = expect.mode {
        escape_has_level(context, &format!("{key}.mode"), mode, cost);
    }
    expected_time(context, key, expect);
}

fn expected_crossing(context: &mut Context<'_>, key: &str, expect: &Expect) {
    let watched = |event: &EventTable| match event {
        EventTable::Crossing {
            quantity: QuantityName::SingularValue,
            index,
            ..
        } => expect.mode.is_none() || *index == expect.mode,
        _ => false,
    };
    if !context.spec.events.iter().any(watched) {
        let allowed = "cannot be measured: no crossing event watches this singular value";
        context.wrong(&format!("{key}.quantity"), allowed);
    }
    expected_time(context, key, expect);
}

fn expected_time(context: &mut Context<'_>, key: &str, expect: &Expect) {
    let horizon = context.spec.solver.horizon;
    if !(0.0..=horizon).contains(&expect.value) {
        let allowed = format!("must lie between 0 and the horizon, {}", plainly(horizon));
        context.wrong(&format!("{key}.value"), allowed);
    }
}
