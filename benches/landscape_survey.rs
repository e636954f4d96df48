//! Random regularised problems and all critical points that a search finds in them; see docs/landscape.md.
//!
//! `cargo bench --bench landscape_survey` prints three tables: non-global local minima of two layers, local
//! minima of three layers under squared error against the nested rule, and how often a local minimum of
//! regularised completion generalises better than the global one.

use dlnflow::linalg::Mat;
use dlnflow::model::draws::{Stream, haar, mask, with_singular_values};
use dlnflow::model::{Cost, Network, PointKind, Problem};
use dlnflow::saddle::{Hit, Morse, critical_point_from, merged};
use dlnflow::theory::minimum::local_minima;
use dlnflow::theory::schatten_minimum::schatten_minimum;

fn problem(widths: Vec<usize>, cost: Cost, l2: f64) -> Problem {
    let network = Network::new(widths);
    Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        cost,
        l2,
    }
}

/// Squared error, weighted, completion in turn; `λ` log-uniform between 1e-3 and 0.3.
fn random(depth: usize, n: usize, seed: u64) -> Problem {
    let mut stream = Stream::new(seed, "survey");
    let strengths: Vec<f64> = (0..n).map(|_| 0.2 + 2.0 * stream.uniform()).collect();
    let target = with_singular_values(n, n, &strengths, seed, "target");
    let l2 = (1e-3_f64.ln() + (300.0_f64).ln() * stream.uniform()).exp();
    let cost = match seed % 3 {
        0 => Cost::SquaredError { target },
        1 => {
            let weights = Mat::from_fn(n, n, |_, _| 0.2 + stream.uniform());
            Cost::Weighted { target, weights }
        }
        _ => Cost::MatrixCompletion {
            observed: mask(n, n, (7 * n * n).div_ceil(10), &mut stream),
            target,
        },
    };
    problem(vec![n; depth + 1], cost, l2)
}

fn hits(problem: &Problem, starts: u64, seed: u64) -> Vec<Hit> {
    let found = (0..starts).filter_map(|k| critical_point_from(problem, seed, k));
    merged(problem, found.collect())
}

fn two_layers() {
    let (mut points, mut minima, mut local) = (0, 0, 0);
    let mut worst = [0.0_f64; 2];
    for seed in 0..1000 {
        let n = 2 + (seed % 3) as usize;
        let problem = random(2, n, seed);
        for hit in hits(&problem, 24, seed) {
            let Some(morse) = Morse::at(&problem, &hit.saddle) else {
                continue;
            };
            points += 1;
            match morse.kind {
                PointKind::GlobalMinimum => {
                    minima += 1;
                    let off = off_in_map(&problem, &hit);
                    worst = [worst[0].max(off[0]), worst[1].max(off[1])];
                }
                PointKind::LocalMinimum => {
                    local += 1;
                    println!("  seed {seed}: local minimum of loss {}", hit.loss);
                }
                _ => {}
            }
        }
    }
    println!(
        "L = 2: 1000 problems, {points} critical points, {minima} global minima, {local} local ones; \
         minima in weights and in A within {:.1e} of the loss and {:.1e} of the norm",
        worst[0], worst[1]
    );
}

/// A minimum against that of the objective in `A`: relative differences of the objective and of `A`.
fn off_in_map(problem: &Problem, hit: &Hit) -> [f64; 2] {
    let a = &hit.saddle.end_to_end;
    let size = 1e-3 * a.norm_max();
    let near = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        a[(i, j)] + size * ((2 * i + 5 * j + 1) as f64).sin()
    });
    let depth = problem.network.depth();
    let rank = hit.saddle.rank;
    let Some(found) = schatten_minimum(&problem.cost, depth, problem.l2, near.as_ref(), rank)
    else {
        return [f64::INFINITY; 2];
    };
    [
        (found.objective - hit.loss).abs() / hit.loss,
        (&found.end_to_end - a).norm_l2() / a.norm_l2().max(1.0),
    ]
}

fn deep(depth: usize) {
    let (mut equal, mut minima, mut total) = (0, 0, 0);
    let mut worst = 0.0_f64;
    for seed in 0..100 {
        let n = 2 + (seed % 2) as usize;
        let problem = random(depth, n, 3 * seed);
        let Cost::SquaredError { target } = &problem.cost else {
            continue;
        };
        let strengths = dlnflow::linalg::SingularValues::new(n, n)
            .of(target.as_ref())
            .to_vec();
        let expected = local_minima(problem.network.widths(), &strengths, problem.l2);
        let found: Vec<Hit> = hits(&problem, 200, seed)
            .into_iter()
            .filter(|hit| Morse::at(&problem, &hit.saddle).is_some_and(|m| m.index == 0))
            .collect();
        total += 1;
        minima += found.len();
        worst = found
            .iter()
            .map(|hit| off_in_map(&problem, hit)[1])
            .fold(worst, f64::max);
        let losses = found.iter().map(|hit| hit.loss);
        let nested = |loss: f64| expected.iter().any(|m| (m.loss - loss).abs() < 1e-9);
        if found.len() == expected.len() && losses.clone().all(nested) {
            equal += 1;
        } else {
            println!(
                "  seed {seed}: {} found, {} nested",
                found.len(),
                expected.len()
            );
        }
    }
    println!(
        "L = {depth}: {total} squared errors, {minima} local minima; as many as the nested rule and the same in \
         {equal}; in weights and in A within {worst:.1e} of the norm"
    );
}

/// Completion of 3×3 matrices of rank 1, six entries seen: how often a local minimum has less than half of
/// the global one's test error.
fn generalisation(depth: usize) {
    let (mut several, mut better) = (0, 0);
    let mut example = None;
    for seed in 0..200 {
        let mut stream = Stream::new(seed, "generalisation");
        let (u, v) = (haar(3, 1, &mut stream), haar(3, 1, &mut stream));
        let target = Mat::from_fn(3, 3, |i, j| 3.0 * u[(i, 0)] * v[(j, 0)]);
        let observed = mask(3, 3, 6, &mut stream);
        let problem = problem(
            vec![3; depth + 1],
            Cost::MatrixCompletion { target, observed },
            0.01,
        );
        let minima: Vec<Hit> = hits(&problem, 120, seed)
            .into_iter()
            .filter(|hit| hit.saddle.rank > 0)
            .filter(|hit| Morse::at(&problem, &hit.saddle).is_some_and(|m| m.index == 0))
            .collect();
        let test = |hit: &Hit| {
            problem
                .cost
                .test_value(hit.saddle.end_to_end.as_ref())
                .unwrap_or(0.0)
        };
        if let [global, others @ ..] = &minima[..]
            && !others.is_empty()
        {
            several += 1;
            if let Some(other) = others.iter().find(|hit| test(hit) < 0.5 * test(global)) {
                better += 1;
                example.get_or_insert((seed, global.loss, test(global), other.loss, test(other)));
            }
        }
    }
    println!(
        "L = {depth}: 200 completions of 3x3, rank 1, 6 entries, l2 = 0.01: {several} with several minima away from the origin, {better} where a local one has less than half of the test error of the global one"
    );
    if let Some((seed, loss, test, other, better)) = example {
        println!(
            "  e.g. seed {seed}: global {loss:.6} with test error {test:.4}, local {other:.6} with {better:.4}"
        );
    }
}

fn main() {
    two_layers();
    for depth in [3, 4] {
        deep(depth);
        generalisation(depth);
    }
}
