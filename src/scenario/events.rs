//! `[[events]]` against the problem: what is asked for must be able to happen.

use super::context::Context;
use super::schema::{DirectionName, EventTable, MethodName, QuantityName};
use crate::linalg::{SingularValues, dot};
use crate::model::{Cost, Network, Problem};
use crate::observe::{EventSpec, Quantity};

/// The events to look for.
pub(super) fn build(
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
pub(super) fn mode_exists(
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
pub(super) fn escape_has_level(
    context: &mut Context<'_>,
    key: &str,
    mode: usize,
    cost: Option<&Cost>,
) {
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
    if quantity == QuantityName::TestCost && !context.spec.cost.has_test_set() {
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
    Quantity::from(quantity).only_falls(spec.regularization.l2)
        && spec.solver.method != MethodName::GradientDescent
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
