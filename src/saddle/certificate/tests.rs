mod minima;

use super::*;
use crate::flow::LayerFlow;
use crate::integrate::VectorField;
use crate::linalg::{identity, product, symmetric_eigen};
use crate::saddle::Plateau;

fn rows<const N: usize>(rows: &[[f64; N]]) -> Mat<f64> {
    Mat::from_fn(rows.len(), N, |i, j| rows[i][j])
}

fn problem(cost: &Cost, widths: &[usize]) -> Problem {
    Problem {
        network: Network::new(widths.to_vec()),
        cost: cost.clone(),
        l2: 0.0,
        initial_weights: Vec::new(),
    }
}

fn certified(cost: &Cost, widths: &[usize], a: &Mat<f64>, rank: usize) -> Certificate {
    certify(&problem(cost, widths), a.as_ref(), rank).expect("a certificate")
}

fn refusal(cost: &Cost, widths: &[usize], a: &Mat<f64>, rank: usize) -> Uncertified {
    certify(&problem(cost, widths), a.as_ref(), rank).expect_err("no certificate")
}

fn polished(cost: &Cost, near: &Mat<f64>, rank: usize) -> Mat<f64> {
    let plateau = Plateau::near(cost, near.as_ref(), rank).expect("a saddle");
    plateau.end_to_end
}

fn example_a() -> Cost {
    Cost::Weighted {
        target: rows(&[[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]]),
        weights: rows(&[[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]]),
    }
}

/// The saddles of example A, good to 1e-12.
fn saddles_a() -> [Mat<f64>; 4] {
    [
        Mat::zeros(3, 3),
        rows(&[
            [1.868106996743, 0.5251621881358, -0.3449186681989],
            [0.402300119325, 0.1130945986073, -0.07427884035325],
            [-0.4897370772268, -0.1376748738354, 0.09042279737682],
        ]),
        rows(&[
            [1.894187305257, 0.4237269167589, -0.3122630642404],
            [0.2155896345312, 0.7245457845499, 0.5684101836161],
            [-0.514698047014, 0.406567803815, 0.5507308979388],
        ]),
        rows(&[[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]]),
    ]
}

fn example_b() -> Cost {
    Cost::MatrixCompletion {
        target: rows(&[[1.2, 0.5, 0.0], [0.3, 0.9, -0.6], [0.0, 0.4, 0.55]]),
        observed: rows(&[[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]),
    }
}

/// The saddles of example B, good to 1e-12; the last has cost 0.
fn saddles_b() -> [Mat<f64>; 3] {
    [
        Mat::zeros(3, 3),
        rows(&[
            [1.101649889802, 0.663336894145, -1.517724807458],
            [0.5117283346123, 0.3081271892912, -0.7049996512593],
            [-0.228647251026, -0.1376754618272, 0.3150035308419],
        ]),
        rows(&[
            [1.2, 0.5, -1.750189955906],
            [0.3, 0.9, -0.6],
            [-0.4622730783845, 0.4, 0.55],
        ]),
    ]
}

/// `W_l` with `S^{1/L}` in its first `rank` rows and columns, turned by `V` at the input and by `U`
/// at the output.
fn balanced_weights(network: &Network, a: &Mat<f64>, rank: usize) -> Vec<f64> {
    let parts = svd(a.as_ref()).expect("finite");
    let mut weights = vec![0.0; network.parameters()];
    let depth = network.depth();
    for l in 1..=depth {
        let mut layer = network.layer_mut(&mut weights, l);
        for r in 0..rank {
            let root = parts.s[r].powf(1.0 / depth as f64);
            if l == 1 {
                (0..layer.ncols()).for_each(|j| layer[(r, j)] = root * parts.v[(j, r)]);
            } else if l == depth {
                (0..layer.nrows()).for_each(|i| layer[(i, r)] = root * parts.u[(i, r)]);
            } else {
                layer[(r, r)] = root;
            }
        }
    }
    weights
}

/// Negative eigenvalues of the Hessian in the weights, in floating point. Those that are zero in
/// theory are below 1e-7: the square root of roundoff, and more.
fn dense_index(cost: &Cost, widths: &[usize], a: &Mat<f64>, rank: usize) -> usize {
    let problem = problem(cost, widths);
    let weights = balanced_weights(&problem.network, a, rank);
    let flow = LayerFlow::new(&problem);
    let n = weights.len();
    let mut hessian = Mat::zeros(n, n);
    let mut out = vec![0.0; n];
    for q in 0..n {
        let mut unit = vec![0.0; n];
        unit[q] = 1.0;
        flow.jvp(&weights, &unit, &mut out);
        (0..n).for_each(|p| hessian[(p, q)] = -out[p]);
    }
    let (values, _) = symmetric_eigen(hessian.as_ref()).expect("finite");
    assert!(values.iter().all(|v| v.abs() < 1e-7 || v.abs() > 1e-4));
    values.iter().filter(|&&v| v < -1e-7).count()
}

const NETWORKS: [&[usize]; 3] = [&[3, 4, 3], &[3, 4, 4, 3], &[3, 5, 3, 4, 3]];

/// Certifies at all depths and compares with floating point; the slice index of the last.
fn meets_the_dense_hessian(cost: &Cost, a: &Mat<f64>, rank: usize) -> usize {
    let mut slice = usize::MAX;
    for widths in NETWORKS {
        let found = certified(cost, widths, a, rank);
        let dense = dense_index(cost, widths, a, rank);
        assert_eq!(
            found.index,
            ProvenIndex::Exactly(dense),
            "{widths:?} rank {rank}"
        );
        assert!(found.radius < 1e-12 && found.rank == rank);
        slice = found.slice_index;
    }
    slice
}

#[test]
fn saddles_of_a_weighted_cost() {
    let cost = example_a();
    for (rank, near) in saddles_a().iter().enumerate() {
        let a = polished(&cost, near, rank);
        assert!((&a - near).norm_max() < 2e-12);
        let slice = meets_the_dense_hessian(&cost, &a, rank);
        // The greedy path ends each fit in a minimum among matrices of its rank.
        assert_eq!(slice, 0);
        let two_layers = certified(&cost, &[3, 4, 3], &a, rank);
        let silent = (4 - rank) * (3 - rank);
        assert_eq!(two_layers.index, ProvenIndex::Exactly(silent));
        // Twelve digits are enough to be certified, within what they leave open.
        let given = certified(&cost, &[3, 4, 3], near, rank);
        assert!(given.radius < 4e-12 && given.index == two_layers.index);
    }
}

#[test]
fn saddles_of_completion() {
    let (cost, [zero, first, last]) = (example_b(), saddles_b());
    for (rank, near) in [(0, zero), (1, first)] {
        assert_eq!(
            meets_the_dense_hessian(&cost, &polished(&cost, &near, rank), rank),
            0
        );
    }
    // Seven entries are seen, and the matrices of rank 2 have eight dimensions.
    assert_eq!(certified(&cost, &[3, 4, 3], &last, 2).continuum, 1);
}

/// The saddles of rank one as `head + tail` with 32 digits, from the same equations solved with 60
/// digits (mpmath), data as stored.
#[test]
fn bounds_hold_the_saddles_of_multiple_precision() {
    let first = [
        [
            (1.8681069967426904, -7.295371803180659e-17),
            (0.5251621881358234, 4.10450522179147e-17),
            (-0.3449186681988777, -6.531332920141132e-18),
        ],
        [
            (0.4023001193250452, 2.3170062053369337e-17),
            (0.11309459860726807, 6.609171683209031e-18),
            (-0.07427884035325244, -4.537349656828936e-18),
        ],
        [
            (-0.4897370772267897, -1.3768890367862004e-17),
            (-0.1376748738354459, 1.278345317504285e-17),
            (0.09042279737681529, -5.848592334173317e-19),
        ],
    ];
    let second = [
        [
            (1.1016498898022429, -5.954018657670772e-17),
            (0.6633368941449548, 4.310370695577811e-17),
            (-1.5177248074583671, -1.0199368139466349e-16),
        ],
        [
            (0.5117283346123132, -7.17219939713969e-18),
            (0.3081271892911788, 1.663781989077459e-17),
            (-0.7049996512593331, -5.250858594544389e-18),
        ],
        [
            (-0.22864725102598174, -3.3976974157107763e-18),
            (-0.1376754618271535, -1.07989400680423e-17),
            (0.31500353084189686, 2.5183630061335963e-17),
        ],
    ];
    for (cost, near, exact) in [
        (example_a(), &saddles_a()[1], first),
        (example_b(), &saddles_b()[1], second),
    ] {
        let found = certified(&cost, &[3, 4, 3], near, 1);
        for i in 0..3 {
            for j in 0..3 {
                let (head, tail) = exact[i][j];
                // Differences of neighbouring numbers are exact.
                assert!((found.lower[(i, j)] - head) <= tail && tail <= found.upper[(i, j)] - head);
                assert!(found.upper[(i, j)] - found.lower[(i, j)] < 1e-13);
            }
        }
    }
}

/// `s_i u_i v_iᵀ` summed over the modes in `subset`.
fn some_modes(target: &Mat<f64>, subset: usize) -> Mat<f64> {
    let parts = svd(target.as_ref()).expect("finite");
    Mat::from_fn(target.nrows(), target.ncols(), |i, j| {
        let modes = (0..parts.s.len()).filter(|m| subset >> m & 1 == 1);
        modes
            .map(|m| parts.s[m] * parts.u[(i, m)] * parts.v[(j, m)])
            .sum()
    })
}

/// Squared error: every subset of modes is critical. Each mode `i` in it and `j` outside make the block
/// `[[s_i, −s_j], [−s_j, s_i]]`, negative for `s_j > s_i`; a silent neuron of two layers learns each
/// mode that is left.
#[test]
fn squared_error_meets_the_closed_form() {
    let target = rows(&[
        [1.9, 0.4, -0.3],
        [0.2, 0.75, 0.5],
        [-0.5, 0.35, 0.6],
        [0.3, -0.2, 0.8],
    ]);
    let cost = Cost::SquaredError {
        target: target.clone(),
    };
    for subset in 0_usize..8 {
        let inside = |m: &usize| subset >> m & 1 == 1;
        let (chosen, left): (Vec<usize>, Vec<usize>) = (0..3).partition(inside);
        // Modes are in descending order.
        let slice: usize = chosen
            .iter()
            .map(|i| left.iter().filter(|&j| j < i).count())
            .sum();
        let (a, k) = (some_modes(&target, subset), chosen.len());
        let two = certified(&cost, &[3, 5, 4], &a, k);
        let expected = slice + (5 - k) * left.len();
        assert_eq!((two.slice_index, two.gradient_rank), (slice, left.len()));
        assert_eq!(two.index, ProvenIndex::Exactly(expected));
        assert_eq!(dense_index(&cost, &[3, 5, 4], &a, k), expected);
        let three = certified(&cost, &[3, 5, 5, 4], &a, k);
        assert_eq!(three.index, ProvenIndex::Exactly(slice));
        assert!(two.radius < 1e-13, "{:e}", two.radius);
    }
}

/// Hadamard vectors of length 4 over 2, without rounding.
fn hadamard(i: usize, mode: usize) -> f64 {
    if (i & mode).count_ones().is_multiple_of(2) {
        0.5
    } else {
        -0.5
    }
}

/// `A_k = [T R]_k R^{−1}` for a covariance `R²` (Eckart–Young), in numbers that need no rounding.
#[test]
fn regression_holds_the_exact_matrix() {
    let (values, root) = ([4.0, 2.5, 1.0, 0.25], [1.0, 2.0, 4.0, 0.5]);
    let truncated = |k: usize| {
        Mat::from_fn(4, 4, |i, j| {
            let modes = (0..k).map(|m| values[m] * hadamard(i, m) * hadamard(j, 3 - m));
            modes.sum::<f64>() / root[j]
        })
    };
    let covariance = Mat::from_fn(4, 4, |i, j| if i == j { root[i] * root[i] } else { 0.0 });
    let cost = Cost::regression(truncated(4), covariance, 0.2);
    for k in 0..=4 {
        let exact = truncated(k);
        let moved = Mat::from_fn(4, 4, |i, j| exact[(i, j)] * (1.0 + 1e-10 * (i + j) as f64));
        let found = certified(&cost, &[4, 6, 4], &moved, k);
        for i in 0..4 {
            for j in 0..4 {
                assert!(found.lower[(i, j)] <= exact[(i, j)]);
                assert!(exact[(i, j)] <= found.upper[(i, j)]);
                assert!(found.upper[(i, j)] - found.lower[(i, j)] < 1e-12);
            }
        }
        assert!((&moved - &exact).norm_l2() <= found.radius);
        assert!(found.radius <= (&moved - &exact).norm_l2() + 1e-12);
        assert_eq!(found.index, ProvenIndex::Exactly((6 - k) * (4 - k)));
    }
}

fn generic(rows: usize, cols: usize, phase: f64) -> Mat<f64> {
    Mat::from_fn(rows, cols, |i, j| {
        (phase + 1.7 * i as f64 + 2.9 * j as f64 + (i * j) as f64).sin()
    })
}

/// One cost of every kind for `A : 3 × 3`, without flat directions on the matrices of low rank.
fn costs() -> Vec<Cost> {
    let root = generic(3, 3, 0.4);
    let observations = generic(12, 1, 1.1);
    vec![
        Cost::SquaredError {
            target: generic(3, 3, 0.1),
        },
        example_a(),
        example_b(),
        Cost::regression(
            generic(3, 3, 0.1),
            product(root.as_ref(), root.transpose()),
            0.2,
        ),
        Cost::MatrixSensing {
            measurements: generic(12, 9, 0.7),
            observations: observations.col(0).iter().copied().collect(),
            target: None,
            shape: (3, 3),
        },
    ]
}

#[test]
fn every_cost_has_a_certified_saddle() {
    for cost in costs() {
        let mut gradient = Mat::zeros(3, 3);
        let zero = Mat::<f64>::zeros(3, 3);
        cost.gradient(zero.as_ref(), gradient.as_mut(), &mut cost.scratch());
        let a = polished(&cost, &(-gradient), 1);
        meets_the_dense_hessian(&cost, &zero, 0);
        meets_the_dense_hessian(&cost, &a, 1);
    }
}

/// `∇C` and `∇²C` in intervals hold those in floating point, up to what these round.
#[test]
fn derivatives_in_intervals_follow_the_cost() {
    for cost in costs() {
        let a = generic(3, 3, 2.3);
        let enclosed = interval_matrix(a.as_ref());
        let (mut g, mut h) = (Mat::zeros(3, 3), Mat::zeros(3, 3));
        cost.gradient(a.as_ref(), g.as_mut(), &mut cost.scratch());
        cost.curvature(a.as_ref(), h.as_mut(), &mut cost.scratch());
        for (found, exact) in [
            (enclosure::gradient(&cost, &enclosed), g),
            (enclosure::curvature(&cost, &enclosed), h),
        ] {
            assert!((midpoints(found.as_ref()) - exact).norm_max() < 1e-14);
            assert!(
                frobenius_bound(interval_difference(found.as_ref(), found.as_ref()).as_ref())
                    < 1e-13
            );
        }
    }
}

#[test]
fn a_point_beside_the_saddle_is_refused() {
    let (cost, near) = (example_a(), &saddles_a()[1]);
    let a = polished(&cost, near, 1);
    for off in [1e-3, 1e-6, 3e-8] {
        let moved = Mat::from_fn(3, 3, |i, j| a[(i, j)] * (1.0 + off * (i + 2 * j) as f64));
        let far = (&moved - &a).norm_l2();
        match refusal(&cost, &[3, 4, 3], &moved, 1) {
            // Newton's method finds the saddle and says how far it is.
            Uncertified::NotCritical { rank: 1, distance } => {
                assert!((distance / far - 1.0).abs() < 1e-3, "{distance:e}");
            }
            other => panic!("{other}"),
        }
    }
    // A saddle of rank 1 with a small second mode beside it.
    let thick = Mat::from_fn(3, 3, |i, j| a[(i, j)] + 1e-6 * generic(3, 3, 0.3)[(i, j)]);
    for rank in 1..=2 {
        let reason = refusal(&cost, &[3, 4, 3], &thick, rank);
        assert!(
            matches!(reason, Uncertified::NotCritical { .. }),
            "{reason}"
        );
    }
    let not_zero = refusal(&cost, &[3, 4, 3], &a, 0);
    assert!(matches!(not_zero, Uncertified::NotCritical { rank: 0, .. }));
}

/// Krawczyk's test alone, from centres that are no zeros: a box that passes holds the saddle.
#[test]
fn boxes_around_other_centres_hold_the_saddle_or_fail() {
    let (cost, near) = (example_a(), &saddles_a()[1]);
    let a = polished(&cost, near, 1);
    let (x, y) = balanced_factors(a.as_ref(), 1).expect("finite");
    let (mut passed, mut failed) = (0, 0);
    for off in [0.0, 1e-9, 1e-6, 1e-3, 1e-1, 1.0] {
        let (slice, mut z) = Slice::through(&cost, &x, &y);
        z.iter_mut()
            .enumerate()
            .for_each(|(p, z)| *z += off * (p as f64).cos());
        match slice.zero_near(&z) {
            Some(around) => {
                let held = slice.end_to_end(&around);
                // `a` is the saddle to roundoff only.
                let slack = Interval::between(-1e-14, 1e-14);
                let all =
                    (0..9).all(|q| (held[(q % 3, q / 3)] + slack).contains(a[(q % 3, q / 3)]));
                assert!(all, "{off}");
                passed += 1;
            }
            None => failed += 1,
        }
    }
    assert!(passed >= 3 && failed >= 1, "{passed} {failed}");
}

/// At a minimum with `∇C = 0` the rank of the gradient has no lower bound but 0.
#[test]
fn two_wide_layers_at_a_perfect_fit_bound_the_index_from_below() {
    let target = Mat::from_fn(3, 3, |i, j| (1.0 + i as f64) * (2.0 - j as f64));
    let cost = Cost::SquaredError {
        target: target.clone(),
    };
    for (widths, index) in [
        (&[3, 4, 3][..], ProvenIndex::AtLeast(0)),
        (&[3, 1, 3], ProvenIndex::Exactly(0)),
        (&[3, 4, 4, 3], ProvenIndex::Exactly(0)),
    ] {
        assert_eq!(certified(&cost, widths, &target, 1).index, index);
    }
}

#[test]
fn a_matrix_of_lower_rank_is_refused() {
    let target = rows(&[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]]);
    let cost = Cost::SquaredError { target };
    let first = rows(&[[2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    assert_eq!(
        refusal(&cost, &[3, 4, 3], &first, 2),
        Uncertified::RankNotProven { rank: 2 }
    );
}

/// `diag(2, 0, 1e−9)` beside the saddle `diag(2, 0, 0)`: with `k = 2` Newton's method lets the second
/// column of `Y` vanish, where `F = 0` although the rank is 1.
#[test]
fn a_zero_of_lower_rank_is_refused() {
    let diagonal = |d: [f64; 3]| Mat::from_fn(3, 3, |i, j| if i == j { d[i] } else { 0.0 });
    let cost = Cost::SquaredError {
        target: diagonal([2.0, 1.0, 0.0]),
    };
    let near = diagonal([2.0, 0.0, 1e-9]);
    assert_eq!(
        refusal(&cost, &[3, 4, 3], &near, 2),
        Uncertified::RankNotProven { rank: 2 }
    );
    assert_eq!(certified(&cost, &[3, 4, 4, 3], &near, 1).slice_index, 0);
}

/// The gradient of `½ tr(E Σ Eᵀ)` sees the symmetric part of `Σ`.
#[test]
fn a_covariance_that_is_not_symmetric_is_bounded() {
    let covariance = rows(&[[2.0, 0.5], [0.25, 1.0]]);
    let cost = Cost::regression(Mat::zeros(2, 2), covariance.clone(), 0.0);
    let unit = Mat::from_fn(2, 2, identity);
    let found = enclosure::gradient(&cost, &unit);
    for i in 0..2 {
        for j in 0..2 {
            assert!(found[(i, j)].contains(0.5 * (covariance[(i, j)] + covariance[(j, i)])));
        }
    }
}

#[test]
fn numbers_that_are_none_and_overflow_are_refused() {
    let (cost, near) = (example_a(), &saddles_a()[1]);
    let mut lost = near.clone();
    lost[(1, 2)] = f64::NAN;
    assert_eq!(refusal(&cost, &[3, 4, 3], &lost, 1), Uncertified::NotFinite);
    for bad in [f64::NAN, f64::INFINITY] {
        let mut target = saddles_a()[3].clone();
        target[(2, 2)] = bad;
        let broken = Cost::SquaredError { target };
        let zero = Mat::zeros(3, 3);
        for (a, rank) in [(near, 1), (&zero, 0)] {
            assert_eq!(
                refusal(&broken, &[3, 4, 3], a, rank),
                Uncertified::NotFinite
            );
        }
    }
    for size in [1e220, 1e300] {
        let diagonal = |rank: usize| {
            let entry = |i: usize, j: usize| f64::from(u8::from(i == j && i < rank));
            Mat::from_fn(3, 3, |i, j| size / (i + 1) as f64 * entry(i, j))
        };
        let cost = Cost::SquaredError {
            target: diagonal(3),
        };
        for rank in 1..=3 {
            let reason = refusal(&cost, &[3, 4, 3], &diagonal(rank), rank);
            assert_eq!(reason, Uncertified::NotFinite, "{size:e}");
        }
    }
}

#[test]
fn what_is_not_offered_is_said() {
    let (cost, near) = (example_a(), &saddles_a()[1]);
    let mut decaying = problem(&cost, &[3, 4, 3]);
    decaying.l2 = 1e-3;
    assert_eq!(
        certify(&decaying, near.as_ref(), 1),
        Err(Uncertified::Regularised)
    );
    assert_eq!(refusal(&cost, &[3, 3], near, 1), Uncertified::OneLayer);
    let shape = refusal(&cost, &[3, 4, 2], near, 1);
    assert!(shape.to_string().contains("makes 2 × 3"), "{shape}");
    let rank = refusal(&cost, &[3, 2, 4, 3], near, 3);
    assert!(rank.to_string().contains("has 2 neurons"), "{rank}");
    let wide = Mat::<f64>::zeros(60, 60);
    let large = Cost::SquaredError {
        target: wide.clone(),
    };
    assert_eq!(
        refusal(&large, &[60, 60, 60], &wide, 2),
        Uncertified::TooLarge {
            unknowns: 236,
            rows: 60,
            cols: 60,
            limit: 200
        }
    );
}

/// Modes `1` and `1 − gap`, in Hadamard vectors. Taking the second before the first has index 1 in
/// the slice. Small gaps widen the box to `roundoff/gap` until it is too wide to count as near.
#[test]
fn close_modes_are_told_apart_or_refused() {
    let (mut proven, mut wide) = (0, 0);
    let gaps = (100..200).map(|g| 1e-9 * f64::from(g));
    for gap in gaps.chain([1e-2, 1e-5, 1e-8, 1e-10, 1e-13, 0.0]) {
        let mode =
            |m: usize, s: f64| Mat::from_fn(4, 4, |i, j| s * hadamard(i, m) * hadamard(j, m));
        let cost = Cost::SquaredError {
            target: mode(1, 1.0) + mode(2, 1.0 - gap) + mode(3, 0.25),
        };
        for (a, slice) in [(mode(1, 1.0), 0), (mode(2, 1.0 - gap), 1)] {
            match certify(&problem(&cost, &[4, 4, 4, 4]), a.as_ref(), 1) {
                Ok(found) => {
                    assert!(
                        found.slice_index == slice && found.radius <= 1e-8,
                        "{gap:e}"
                    );
                    proven += 1;
                }
                Err(Uncertified::NotEnclosed) => wide += usize::from(gap >= 1e-10),
                Err(reason) => assert!(gap < 1e-7, "{gap:e}: {reason}"),
            }
        }
    }
    assert!(proven >= 4 && wide > 0, "{proven} {wide}");
}

/// Boxes large enough to hold matrices of lower rank, points where the gradient vanishes and Hessians
/// with a zero eigenvalue prove nothing.
#[test]
fn wide_boxes_prove_nothing() {
    let (cost, near) = (example_a(), &saddles_a()[2]);
    let (x, y) = balanced_factors(near.as_ref(), 2).expect("finite");
    let (slice, z) = Slice::through(&cost, &x, &y);
    for (radius, proven) in [(1e-9, true), (2.0, false)] {
        let reach = Interval::between(-radius, radius);
        let around: Vec<Interval> = z.iter().map(|&x| Interval::point(x) + reach).collect();
        assert_eq!(slice.has_full_rank(&around), proven);
        assert_eq!(slice.index(&around), proven.then_some(0));
        let at = slice.end_to_end(&around);
        assert_eq!(gradient_rank(&cost, &at, 1), usize::from(proven));
    }
}
