//! The names of outcomes, event kinds, quantities and directions in files, as in docs/conventions.md.

use super::Outcome;
use crate::observe::{Direction, EventKind, Quantity};

pub const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::HorizonReached, "horizon_reached"),
    (Outcome::Stopped, "stopped"),
    (Outcome::Interrupted, "interrupted"),
    (Outcome::Failed, "failed"),
];

pub const KINDS: [(EventKind, &str); 5] = [
    (EventKind::Escape, "escape"),
    (EventKind::Crossing, "crossing"),
    (EventKind::PlateauEnter, "plateau_enter"),
    (EventKind::PlateauLeave, "plateau_leave"),
    (EventKind::RankChange, "rank_change"),
];

pub const QUANTITIES: [(Quantity, &str); 8] = [
    (Quantity::Cost, "cost"),
    (Quantity::TestCost, "test_cost"),
    (Quantity::Loss, "loss"),
    (Quantity::GradientNorm, "gradient_norm"),
    (Quantity::ParameterNormSq, "parameter_norm_sq"),
    (Quantity::Schatten, "schatten"),
    (Quantity::Rank, "rank"),
    (Quantity::SingularValue, "singular_value"),
];

pub const DIRECTIONS: [(Direction, &str); 3] = [
    (Direction::Rising, "rising"),
    (Direction::Falling, "falling"),
    (Direction::Both, "both"),
];

/// The name of `value`.
pub fn name<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table
        .iter()
        .find(|(known, _)| known == value)
        .map_or("", |(_, name)| name)
}

/// The value called `name`, or a sentence that lists the names there are.
pub fn value<T: Copy>(table: &[(T, &'static str)], name: &str) -> Result<T, String> {
    let found = table.iter().find(|(_, known)| *known == name);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<_> = table.iter().map(|(_, name)| *name).collect();
        format!("found \"{name}\", expected one of {}", known.join(", "))
    })
}
