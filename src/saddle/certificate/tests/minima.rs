//! Continua of minima.

use super::super::krawczyk::points;
use super::*;

const NETWORKS_5: [&[usize]; 3] = [&[5, 6, 5], &[5, 6, 6, 5], &[5, 7, 2, 6, 5]];

/// `A_13` for which `det A = 0` where example B sees the other entries and `A_31 = b`: expanded along
/// the first row.
fn corner(b: f64) -> f64 {
    let rest = 1.2 * (0.9 * 0.55 + 0.6 * 0.4) - 0.5 * (0.3 * 0.55 + 0.6 * b);
    -rest / (0.3 * 0.4 - 0.9 * b)
}

/// The minimum of example B with `A_31 = b`.
fn on_the_curve(b: f64) -> Mat<f64> {
    rows(&[[1.2, 0.5, corner(b)], [0.3, 0.9, -0.6], [b, 0.4, 0.55]])
}

/// A target of rank 2, 5 × 5, of which `count ≤ 15` entries are seen, three or fewer in each row.
fn partly_seen(count: usize) -> Cost {
    let (x, y) = (generic(5, 2, 0.2), generic(5, 2, 1.3));
    let order = |i: usize, j: usize| 5 * [0, 1, 3, 2, 4][(i + j) % 5] + i;
    Cost::MatrixCompletion {
        target: product(x.as_ref(), y.transpose()),
        observed: Mat::from_fn(5, 5, |i, j| f64::from(u8::from(order(i, j) < count))),
    }
}

fn target(cost: &Cost) -> Mat<f64> {
    cost.target().expect("a target").to_owned()
}

/// Eigenvalues of the slice Hessian in floating point that are below and at zero.
fn slice_signs(cost: &Cost, a: &Mat<f64>, rank: usize) -> (usize, usize) {
    let (x, y) = balanced_factors(a.as_ref(), rank).expect("finite");
    let (slice, z) = Slice::through(cost, &x, &y);
    let hessian = midpoints(slice.derivative(&points(&z)).as_ref());
    let (values, _) = symmetric_eigen(hessian.as_ref()).expect("finite");
    let count = |sign: &dyn Fn(f64) -> bool| values.iter().filter(|&&v| sign(v)).count();
    (count(&|v| v < -1e-10), count(&|v| v.abs() <= 1e-10))
}

/// Certifies as one of many minima at all depths; the same everywhere.
fn one_of_many(cost: &Cost, networks: &[&[usize]], a: &Mat<f64>, rank: usize) -> Certificate {
    let found = certified(cost, networks[0], a, rank);
    for widths in networks {
        assert_eq!(certified(cost, widths, a, rank), found);
        assert_eq!(dense_index(cost, widths, a, rank), 0);
    }
    assert_eq!(found.index, ProvenIndex::Exactly(0));
    assert_eq!((found.rank, found.gradient_rank), (rank, 0));
    let signs = (found.slice_index, found.continuum);
    assert_eq!(slice_signs(cost, a, rank), signs);
    assert!(!found.is_isolated());
    found
}

/// The bounds hold what is seen; rounding in some tens of operations on numbers below 4, times the
/// condition of the equations, leaves less than 1e-13 open.
fn holds_what_is_seen(cost: &Cost, found: &Certificate) {
    let Cost::MatrixCompletion { target, observed } = cost else {
        panic!("no completion");
    };
    for j in 0..target.ncols() {
        for i in 0..target.nrows() {
            let (low, high) = (found.lower[(i, j)], found.upper[(i, j)]);
            let value = target[(i, j)];
            assert!(observed[(i, j)] == 0.0 || (low <= value && value <= high));
            assert!(high - low < 1e-13);
        }
    }
}

#[test]
fn the_last_saddle_of_completion_is_one_of_a_curve_of_minima() {
    let cost = example_b();
    // Anywhere on the curve.
    for b in [-0.4622730783845, -0.461, -0.3, 0.5] {
        let found = one_of_many(&cost, &NETWORKS, &on_the_curve(b), 2);
        assert_eq!(found.continuum, 1);
        assert!(found.radius < 1e-13, "{:e}", found.radius);
        holds_what_is_seen(&cost, &found);
        // The curve, on which the corner is a monotonic function of `b`, meets the bounds.
        let ends = [found.lower[(2, 0)], found.upper[(2, 0)]].map(corner);
        assert!(ends[0].min(ends[1]) <= found.upper[(0, 2)] + 1e-15);
        assert!(ends[0].max(ends[1]) >= found.lower[(0, 2)] - 1e-15);
    }
    // Twelve digits are enough, within what they leave open.
    let given = certified(&cost, &[3, 4, 3], &saddles_b()[2], 2);
    assert!(given.continuum == 1 && given.radius < 4e-12);
}

/// Matrices of rank 2 have 2 (5 + 5 − 2) = 16 dimensions.
#[test]
fn fewer_entries_than_dimensions_leave_a_manifold_of_minima() {
    for (seen, dimension) in [(14, 2), (15, 1), (13, 3)] {
        let cost = partly_seen(seen);
        let found = one_of_many(&cost, &NETWORKS_5, &target(&cost), 2);
        assert_eq!(found.continuum, dimension);
        assert!(found.radius < 1e-13, "{:e}", found.radius);
        holds_what_is_seen(&cost, &found);
    }
}

/// Eight entries fix a 3 × 3 matrix of rank 2: alone, and still known to have no descent in two wide
/// layers.
#[test]
fn as_many_entries_as_dimensions_leave_one_minimum() {
    let Cost::MatrixCompletion { mut observed, .. } = example_b() else {
        panic!("no completion");
    };
    observed[(2, 0)] = 1.0;
    let target = on_the_curve(-0.3);
    let cost = Cost::MatrixCompletion {
        target: target.clone(),
        observed,
    };
    let found = certified(&cost, &[3, 4, 3], &target, 2);
    assert!(found.is_isolated() && found.slice_index == 0);
    assert_eq!(found.index, ProvenIndex::Exactly(0));
    assert_eq!(slice_signs(&cost, &target, 2), (0, 0));
    assert!(found.radius < 1e-13);
}

/// Measurements of `a`.
fn measured(measurements: Mat<f64>, a: &Mat<f64>) -> Cost {
    let flat = Mat::from_fn(9, 1, |q, _| a[(q % 3, q / 3)]);
    let seen = product(measurements.as_ref(), flat.as_ref());
    Cost::MatrixSensing {
        observations: seen.col(0).iter().copied().collect(),
        measurements,
        target: None,
        shape: (3, 3),
    }
}

#[test]
fn weighted_entries_and_measurements_have_continua_too() {
    let a = on_the_curve(0.5);
    let weights = rows(&[[1.0, 0.6, 0.0], [0.8, 1.2, 0.5], [0.0, 0.7, 0.9]]);
    let weighted = |weights: &Mat<f64>| Cost::Weighted {
        target: a.clone(),
        weights: weights.clone(),
    };
    assert_eq!(
        one_of_many(&weighted(&weights), &NETWORKS, &a, 2).continuum,
        1
    );
    // A negative weight makes it a saddle, of the same matrices.
    let mut indefinite = weights.clone();
    indefinite[(1, 1)] = -1.2;
    let reason = refusal(&weighted(&indefinite), &[3, 4, 3], &a, 2);
    assert_eq!(reason, Uncertified::Singular);

    let measurements = generic(5, 9, 0.7);
    let cost = measured(measurements.clone(), &a);
    assert_eq!(one_of_many(&cost, &NETWORKS, &a, 2).continuum, 3);
    // A measurement taken twice leaves six equations that are dependent.
    let twice = Mat::from_fn(6, 9, |k, q| measurements[(k % 5, q)]);
    let reason = refusal(&measured(twice, &a), &[3, 4, 3], &a, 2);
    assert_eq!(reason, Uncertified::Singular);
}

/// Far from the curve compared with `1e-8 ‖A‖`, next to it compared with everything else.
#[test]
fn a_point_beside_the_minima_is_refused() {
    let fourteen = partly_seen(14);
    let cases = [
        (example_b(), on_the_curve(-0.3), &[3, 4, 3]),
        (fourteen.clone(), target(&fourteen), &[5, 6, 5]),
    ];
    for (cost, a, widths) in cases {
        for off in [1e-3, 1e-6, 1e-7] {
            // Two entries that are seen, so that no minimum is closer than the change of one.
            let mut moved = a.clone();
            moved[(0, 0)] += off * frobenius(a.as_ref());
            moved[(0, 1)] -= off * frobenius(a.as_ref());
            let reason = refusal(&cost, widths, &moved, 2);
            assert!(
                matches!(
                    reason,
                    Uncertified::Singular | Uncertified::NotCritical { .. }
                ),
                "{off:e}: {reason}"
            );
        }
    }
}

/// Nine entries of 14 form a block of rank 3, which no matrix of rank 2 has; its best fit with
/// anything in the other rows and columns that meets the other entries is critical, with cost.
#[test]
fn a_continuum_of_some_cost_is_refused() {
    let (block, target) = (generic(3, 3, 0.1), generic(5, 5, 2.2));
    let best = some_modes(&block, 0b11);
    let inside = |i: usize, j: usize| i < 3 && j < 3;
    let beside = [(3, 0), (3, 1), (0, 3), (1, 4), (4, 4)];
    let cost = |others: &[(usize, usize)]| Cost::MatrixCompletion {
        target: Mat::from_fn(5, 5, |i, j| {
            if inside(i, j) {
                block[(i, j)]
            } else {
                target[(i, j)]
            }
        }),
        observed: Mat::from_fn(5, 5, |i, j| {
            f64::from(u8::from(inside(i, j) || others.contains(&(i, j))))
        }),
    };
    // Rows and columns of the block, summed with given numbers.
    let parts = svd(best.as_ref()).expect("finite");
    let (mut x, mut y) = (Mat::zeros(5, 2), Mat::zeros(5, 2));
    for c in 0..2 {
        (0..3).for_each(|i| x[(i, c)] = parts.u[(i, c)] * parts.s[c]);
        (0..3).for_each(|j| y[(j, c)] = parts.v[(j, c)]);
    }
    // Two equations for row 3, one for each of columns 3 and 4, and one for row 4.
    let det = y[(0, 0)] * y[(1, 1)] - y[(0, 1)] * y[(1, 0)];
    x[(3, 0)] = (target[(3, 0)] * y[(1, 1)] - target[(3, 1)] * y[(0, 1)]) / det;
    x[(3, 1)] = (target[(3, 1)] * y[(0, 0)] - target[(3, 0)] * y[(1, 0)]) / det;
    for (row, column) in [(0, 3), (1, 4)] {
        y[(column, 1)] = 0.3;
        y[(column, 0)] = (target[(row, column)] - 0.3 * x[(row, 1)]) / x[(row, 0)];
    }
    x[(4, 1)] = 0.4;
    x[(4, 0)] = (target[(4, 4)] - 0.4 * y[(4, 1)]) / y[(4, 0)];
    let a = product(x.as_ref(), y.transpose());
    let cost = cost(&beside);
    let mut gradient = Mat::zeros(5, 5);
    let value = cost.gradient(a.as_ref(), gradient.as_mut(), &mut cost.scratch());
    let third = svd(block.as_ref()).expect("finite").s[2];
    assert!((value - 0.5 * third * third).abs() < 1e-14 && third > 0.05);
    assert!(product(gradient.as_ref(), y.as_ref()).norm_max() < 1e-14);
    assert!(product(gradient.transpose(), x.as_ref()).norm_max() < 1e-14);
    assert_eq!(refusal(&cost, &[5, 6, 5], &a, 2), Uncertified::Singular);
}

/// More entries than dimensions, and the last row free in one direction: 16 + 1 of 16.
#[test]
fn more_entries_than_dimensions_are_refused() {
    let (x, y) = (generic(5, 2, 0.2), generic(5, 2, 1.3));
    let consistent = product(x.as_ref(), y.transpose());
    let observed = Mat::from_fn(5, 5, |i, j| {
        f64::from(u8::from((i < 4 && j < 4) || (i, j) == (4, 0)))
    });
    let mut other = consistent.clone();
    other[(2, 2)] += 0.1;
    for target in [consistent.clone(), other] {
        let cost = Cost::MatrixCompletion {
            target,
            observed: observed.clone(),
        };
        let reason = refusal(&cost, &[5, 6, 5], &consistent, 2);
        assert!(
            matches!(
                reason,
                Uncertified::Singular | Uncertified::NotCritical { .. }
            ),
            "{reason}"
        );
    }
}

/// All entries are seen but two. From `diag(2, 1, 1e−9)` the fit lets the last row of `Y` vanish and
/// finds `diag(2, 1, 0)`, of rank 2.
#[test]
fn a_fit_of_lower_rank_is_refused() {
    let diagonal = |d: [f64; 3]| Mat::from_fn(3, 3, |i, j| if i == j { d[i] } else { 0.0 });
    let cost = |last: f64| Cost::MatrixCompletion {
        target: diagonal([2.0, 1.0, last]),
        observed: rows(&[[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    };
    let near = diagonal([2.0, 1.0, 1e-9]);
    let reason = refusal(&cost(0.0), &[3, 4, 3], &near, 3);
    assert_eq!(reason, Uncertified::Singular);
    // Of rank 3, though barely, where that is what is seen.
    assert_eq!(certified(&cost(1e-9), &[3, 4, 3], &near, 3).continuum, 2);
}

/// Condition numbers from which on the Hessian is singular to roundoff and its root is not: the fit is
/// proved when the covariance is.
#[test]
fn covariances_must_be_definite() {
    let target = rows(&[[1.0, 0.0, 0.0], [0.0, 1e-2, 0.0], [0.0, 0.0, 1e-4]]);
    let cost = |least: f64| {
        let covariance = rows(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, least]]);
        Cost::regression(target.clone(), covariance, 0.2)
    };
    let found = certified(&cost(1e-11), &[3, 4, 3], &target, 3);
    assert!(found.is_isolated() && found.index == ProvenIndex::Exactly(0));
    for least in [0.0, -1e-11, -1.0] {
        if let Ok(found) = certify(&problem(&cost(least), &[3, 4, 3]), target.as_ref(), 3) {
            // Negative by far: an isolated saddle.
            assert!(found.slice_index > 0 && least == -1.0, "{least}");
        }
    }
}

#[test]
fn numbers_that_are_none_prove_no_minimum() {
    let a = on_the_curve(-0.3);
    for bad in [f64::NAN, f64::INFINITY] {
        for at in [(0, 0), (0, 2)] {
            let mut lost = a.clone();
            lost[at] = bad;
            assert_eq!(
                refusal(&example_b(), &[3, 4, 3], &lost, 2),
                Uncertified::NotFinite
            );
        }
    }
    // The same without the check at the door.
    let (x, y) = balanced_factors(a.as_ref(), 2).expect("finite");
    let cost = example_b();
    let (slice, start) = Slice::through(&cost, &x, &y);
    let proved = |start: &[f64]| {
        let fit = Fit::through(&slice, start)?;
        of_least_cost(&slice, &fit, a.as_ref())
    };
    assert!(proved(&start).is_some());
    for q in 0..start.len() {
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            let mut lost = start.clone();
            lost[q] = bad;
            assert!(proved(&lost).is_none());
        }
    }
    // No entry is seen.
    let nothing = Cost::MatrixCompletion {
        target: a.clone(),
        observed: Mat::zeros(3, 3),
    };
    assert_eq!(refusal(&nothing, &[3, 4, 3], &a, 2), Uncertified::Singular);
}
