//! `[[expect]]` against the problem: what is expected must be measurable.

use super::context::Context;
use super::events::{escape_has_level, mode_exists};
use super::schema::{EventTable, Expect, ExpectQuantity, QuantityName};
use crate::error::plainly;
use crate::model::{Cost, Network};

/// The expectations, checked to be measurable.
pub(super) fn build(
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
        if expect.quantity == ExpectQuantity::FinalTestCost && !context.spec.cost.has_test_set() {
            let allowed = "cannot be measured: this cost has no test set";
            context.wrong(&format!("{key}.quantity"), allowed);
        }
        match expect.quantity {
            ExpectQuantity::EscapeTime => expected_escape(context, &key, expect, cost),
            ExpectQuantity::CrossingTime => expected_crossing(context, &key, expect),
            ExpectQuantity::FinalRank => expected_rank(context, &key, expect, network),
            _ if expect.value + expect.band() < 0.0 => {
                context.wrong(&format!("{key}.value"), "must not be negative");
            }
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

fn expected_rank(context: &mut Context<'_>, key: &str, expect: &Expect, network: Option<&Network>) {
    let most = network.map_or(f64::INFINITY, |n| n.modes() as f64);
    let band = expect.band();
    let least = (expect.value - band).ceil().max(0.0);
    if least > (expect.value + band).floor().min(most) {
        let allowed = match network {
            Some(_) => {
                format!("must be a whole number from 0 to {most}, give or take its tolerance")
            }
            None => "must be a whole number, give or take its tolerance".to_owned(),
        };
        context.wrong(&format!("{key}.value"), allowed);
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
