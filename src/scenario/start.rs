//! `[init]` → packed weights: made, scaled, and checked not to vanish or overflow.

mod sound;

use super::context::{Context, Shape};
use super::schema::{InitSpec, LARGEST_DRAWN, Matrix, Strengths};
use crate::error::counted;
use crate::linalg::{Mat, MatRef};
use crate::model::draws::{Stream, gaussian};
use crate::model::init::{
    Factors, balanced_layers, gaussian_layers, identity_layers, lambda_balanced_layers,
    orthogonal_layers, spanning_layers,
};
use crate::model::{Cost, Network};
use sound::{layer_sizes, sound};

/// The initial weights, or `None` with the reasons in `context`. `cost` is `None` when it could
/// not be built; then what depends on it is skipped.
pub(super) fn build(
    context: &mut Context<'_>,
    network: &Network,
    cost: Option<&Cost>,
) -> Option<Vec<f64>> {
    let mut weights = unscaled(context, network, cost)?;
    let scale = context.spec.init.scale();
    let before: Vec<f64> = layer_sizes(network, &weights);
    weights.iter_mut().for_each(|w| *w *= scale);
    let after = layer_sizes(network, &weights);
    sound(context, &before, &after).then_some(weights)
}

fn unscaled(context: &mut Context<'_>, network: &Network, cost: Option<&Cost>) -> Option<Vec<f64>> {
    let (init, seed) = (&context.spec.init, context.spec.seed);
    match init {
        InitSpec::Gaussian { drawn_width, .. } => {
            let std = layer_std(context, network)?;
            let Some(width) = *drawn_width else {
                return Some(gaussian_layers(network, &std, seed));
            };
            drawn_width_fits(context, network, width)
                .then(|| spanning_layers(network, &std, width, seed))
        }
        InitSpec::Orthogonal { .. } => Some(orthogonal_layers(network, seed)),
        InitSpec::Identity { .. } => Some(identity_layers(network)),
        InitSpec::Balanced {
            end_to_end,
            std,
            hidden_rotation,
            ..
        } => {
            let factors = end_to_end_factors(context, network, end_to_end.as_ref(), *std)?;
            Some(balanced_layers(
                network,
                &factors,
                hidden_rotation.then_some(seed),
            ))
        }
        InitSpec::Aligned {
            mode_strengths,
            hidden_rotation,
            ..
        } => {
            let factors = aligned_factors(context, network, cost, mode_strengths)?;
            Some(balanced_layers(
                network,
                &factors,
                hidden_rotation.then_some(seed),
            ))
        }
        InitSpec::LambdaBalanced {
            lambda,
            end_to_end,
            std,
            hidden_rotation,
            ..
        } => {
            let fits = lambda_fits(context, network, *lambda);
            let factors = end_to_end_factors(context, network, end_to_end.as_ref(), *std)?;
            fits.then(|| lambda_balanced_layers(network, &factors, *lambda, seed, *hidden_rotation))
        }
        InitSpec::Matrices { files, rows, .. } => {
            given_layers(context, network, files.as_deref(), rows.as_deref())
        }
        InitSpec::Run { folder, .. } => {
            let shapes: Vec<_> = (1..=network.depth()).map(|l| network.shape(l)).collect();
            let read = context.files.weights(folder, &shapes);
            let layers = context.accept("init.folder", read)?;
            Some(pack(network, &layers))
        }
    }
}

/// Standard deviation of each layer.
fn layer_std(context: &mut Context<'_>, network: &Network) -> Option<Vec<f64>> {
    let InitSpec::Gaussian {
        gamma,
        std,
        per_layer_std,
        drawn_width,
        ..
    } = &context.spec.init
    else {
        return None;
    };
    let depth = network.depth();
    match (gamma, std, per_layer_std) {
        (Some(gamma), None, None) => {
            let hidden = network.widths()[1..depth].iter().max();
            let Some(width) = drawn_width.or(hidden.map(|&w| w as u64)) else {
                context.wrong(
                    "init.gamma",
                    "needs a hidden layer: give std for a network without one",
                );
                return None;
            };
            Some(vec![libm::pow(width as f64, -0.5 * gamma); depth])
        }
        (None, Some(std), None) => Some(vec![*std; depth]),
        (None, None, Some(list)) if list.len() == depth => Some(list.clone()),
        (None, None, Some(list)) => {
            let found = format!("found {}", counted(list.len(), "value", "values"));
            context.found(
                "init.per_layer_std",
                found,
                format!("must be {depth}, one for each layer"),
            );
            None
        }
        (gamma, std, list) => {
            let given = [
                (gamma.is_some(), "gamma"),
                (std.is_some(), "std"),
                (list.is_some(), "per_layer_std"),
            ];
            exactly_one(context, &given);
            None
        }
    }
}

/// Whether the network is the one to which two layers of hidden width `width` reduce.
fn drawn_width_fits(context: &mut Context<'_>, network: &Network, width: u64) -> bool {
    let key = "init.drawn_width";
    if network.depth() != 2 {
        let found = format!("found {}", counted(network.depth(), "layer", "layers"));
        context.found(key, found, "holds for two layers");
        return false;
    }
    let (span, hidden) = (
        network.input_width() + network.output_width(),
        network.widths()[1],
    );
    if hidden != span {
        let found = format!(
            "found {}",
            counted(hidden, "hidden neuron", "hidden neurons")
        );
        let allowed = format!("must be {span}, inputs and outputs together, for init.drawn_width");
        context.found("network.widths", found, allowed);
    }
    let allowed = span as u64 + 1..=LARGEST_DRAWN;
    if !allowed.contains(&width) {
        let found = format!("found {width}");
        let range = format!(
            "must be above {span}, inputs and outputs together, and at most {LARGEST_DRAWN:e}"
        );
        context.found(key, found, range);
    }
    hidden == span && allowed.contains(&width)
}

/// Notes that of several keys of `[init]` none or more than one is given.
fn exactly_one(context: &mut Context<'_>, keys: &[(bool, &str)]) {
    let given: Vec<&str> = keys.iter().filter(|k| k.0).map(|k| k.1).collect();
    let all: Vec<&str> = keys.iter().map(|k| k.1).collect();
    let found = match given.as_slice() {
        [] => "found none of them".to_string(),
        given => format!("found {}", given.join(" and ")),
    };
    context.found(
        "init",
        found,
        format!("must have exactly one of {}", all.join(", ")),
    );
}

/// Singular triples of the end-to-end matrix that `end_to_end` or `std` gives.
fn end_to_end_factors(
    context: &mut Context<'_>,
    network: &Network,
    end_to_end: Option<&Matrix>,
    std: Option<f64>,
) -> Option<Factors> {
    let (rows, cols) = (network.output_width(), network.input_width());
    let draw = "init/end_to_end";
    let (key, a) = match (end_to_end, std) {
        (Some(matrix), None) => {
            let shape = Shape::new(rows, cols, "n_L × n_0");
            let key = "init.end_to_end";
            (key, context.matrix(key, matrix, shape, draw)?)
        }
        (None, Some(std)) => {
            let mut stream = Stream::new(context.spec.seed, draw);
            ("init.std", gaussian(rows, cols, std, &mut stream))
        }
        (a, std) => {
            exactly_one(
                context,
                &[(a.is_some(), "end_to_end"), (std.is_some(), "std")],
            );
            return None;
        }
    };
    let Some(mut factors) = Factors::of(a.as_ref()) else {
        context.found(
            key,
            "found entries too large",
            "must have finite singular values",
        );
        return None;
    };
    let rank = factors.rank();
    // Rounding must not turn into weights: the L-th root would make it large.
    factors.s[rank..].fill(0.0);
    room_for(context, network, key, rank).then_some(factors)
}

/// Whether every layer has room for `rank` modes.
fn room_for(context: &mut Context<'_>, network: &Network, key: &str, rank: usize) -> bool {
    let max = network.max_rank();
    if rank > max {
        let found = format!("found {rank} nonzero singular values");
        context.found(
            key,
            found,
            format!("must be at most {max}, the narrowest layer's width"),
        );
    }
    rank <= max
}

fn aligned_factors(
    context: &mut Context<'_>,
    network: &Network,
    cost: Option<&Cost>,
    strengths: &Strengths,
) -> Option<Factors> {
    let modes = network.max_rank();
    let strengths = match strengths {
        Strengths::All(a) => vec![*a; modes],
        Strengths::Each(list) if list.len() <= modes => list.clone(),
        Strengths::Each(list) => {
            let found = format!("found {}", counted(list.len(), "value", "values"));
            let allowed =
                format!("must be at most {modes}, the number of modes the network can hold");
            context.found("init.mode_strengths", found, allowed);
            return None;
        }
    };
    let Some(target) = cost?.target() else {
        let allowed = "needs cost.target, whose singular vectors the weights take";
        context.found("init.kind", "found \"aligned\"", allowed);
        return None;
    };
    let mut factors = target_factors(context, target)?;
    factors.s = strengths;
    factors.s.resize(network.modes(), 0.0);
    Some(factors)
}

fn target_factors(context: &mut Context<'_>, target: MatRef<'_, f64>) -> Option<Factors> {
    let factors = Factors::of(target);
    if factors.is_none() {
        context.found(
            "cost.target",
            "found entries too large",
            "must have finite singular values",
        );
    }
    factors
}

fn lambda_fits(context: &mut Context<'_>, network: &Network, lambda: f64) -> bool {
    if network.depth() != 2 {
        let found = format!("found {}", counted(network.depth(), "layer", "layers"));
        context.found(
            "network.widths",
            found,
            "must be 2 layers for init.kind = \"lambda_balanced\"",
        );
        return false;
    }
    let [inputs, hidden, outputs] = [0, 1, 2].map(|l| network.widths()[l]);
    let (side, room) = if lambda > 0.0 {
        ("outputs", outputs)
    } else {
        ("inputs", inputs)
    };
    if lambda != 0.0 && hidden > room {
        let allowed =
            format!("needs at least as many {side} ({room}) as hidden neurons ({hidden})");
        context.wrong("init.lambda", allowed);
        return false;
    }
    true
}

fn given_layers(
    context: &mut Context<'_>,
    network: &Network,
    files: Option<&[String]>,
    rows: Option<&[Vec<Vec<f64>>]>,
) -> Option<Vec<f64>> {
    let (key, count) = match (files, rows) {
        (Some(files), None) => ("init.files", files.len()),
        (None, Some(rows)) => ("init.rows", rows.len()),
        _ => {
            exactly_one(
                context,
                &[(files.is_some(), "files"), (rows.is_some(), "rows")],
            );
            return None;
        }
    };
    if count != network.depth() {
        let allowed = format!("must be {}, one for each layer", network.depth());
        let found = format!("found {}", counted(count, "layer", "layers"));
        context.found(key, found, allowed);
        return None;
    }
    let layer = |index: usize| {
        let (height, width) = network.shape(index + 1);
        let shape = Shape::new(height, width, "n_l × n_{l-1}");
        let key = format!("{key}[{index}]");
        match (files, rows) {
            (Some(files), _) => context.file(&key, &files[index], shape),
            (_, Some(rows)) => context.rows(&key, &rows[index], shape),
            _ => None,
        }
    };
    let layers: Vec<Option<Mat<f64>>> = (0..count).map(layer).collect();
    let layers: Vec<Mat<f64>> = layers.into_iter().collect::<Option<_>>()?;
    Some(pack(network, &layers))
}

fn pack(network: &Network, layers: &[Mat<f64>]) -> Vec<f64> {
    let mut weights = vec![0.0; network.parameters()];
    for (index, matrix) in layers.iter().enumerate() {
        network.layer_mut(&mut weights, index + 1).copy_from(matrix);
    }
    weights
}
