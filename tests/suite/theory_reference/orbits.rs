//! Every critical point of random problems against the definition: layers are written down, and the
//! gradient, the loss and the dense Hessian are computed from them.

use super::dense::Loss;
use dlnflow::linalg::Mat;
use dlnflow::model::PointKind;
use dlnflow::theory::critical_point::{CriticalPoint, Root};
use dlnflow::theory::minimum::{Minimum, global_minimum, local_minima};
use dlnflow::theory::weight_decay::critical_l2;
use proptest::prelude::*;

/// Widths, distinct targets, `λ`.
type Setting = (Vec<usize>, Vec<f64>, f64);

/// One to five layers of one to three neurons (four in two layers), with `λ = 0` in one of three cases,
/// else up to beyond `λ_c` of the smallest mode.
fn settings() -> impl Strategy<Value = Setting> {
    (2_usize..=6).prop_flat_map(|layers| {
        let most = if layers == 3 { 4_usize } else { 3 };
        let widths = prop::collection::vec(1..=most, layers);
        (widths, 0.0..1.3_f64, 0..3_i32, any::<bool>()).prop_map(
            |(widths, part, zero, upwards): (Vec<usize>, f64, i32, bool)| {
                let modes = widths[0].min(widths[widths.len() - 1]);
                let mut target = [2.0, 1.45, 0.9, 0.5][..modes].to_vec();
                if upwards {
                    target.reverse();
                }
                let least = target.iter().fold(2.0, |m: f64, s| m.min(*s));
                let critical = critical_l2(widths.len() - 1, least).min(1.0);
                let l2 = if zero == 0 { 0.0 } else { part * critical };
                (widths, target, l2)
            },
        )
    })
}

/// All critical points: each mode off, at the upper or at the lower root.
fn orbits((widths, target, l2): &Setting) -> Vec<(Vec<(usize, Root)>, CriticalPoint)> {
    let mut found = Vec::new();
    for code in 0..3_usize.pow(target.len() as u32) {
        let digit = |mode: usize| code / 3_usize.pow(mode as u32) % 3;
        let active: Vec<(usize, Root)> = (0..target.len())
            .filter(|mode| digit(*mode) > 0)
            .map(|mode| (mode, [Root::Upper, Root::Lower][digit(mode) - 1]))
            .collect();
        if let Ok(point) = CriticalPoint::new(widths, target, *l2, &active) {
            found.push((active, point));
        }
    }
    found
}

/// Balanced layers in which hidden neuron `n` carries the active mode `n`.
fn layers(widths: &[usize], active: &[(usize, Root)], strengths: &[f64]) -> Vec<Mat<f64>> {
    let depth = widths.len() - 1;
    let layer = |l: usize| {
        let mut w = Mat::zeros(widths[l + 1], widths[l]);
        for (n, &(mode, _)) in active.iter().enumerate() {
            let column = if l == 0 { mode } else { n };
            let row = if l == depth - 1 { mode } else { n };
            w[(row, column)] = strengths[mode].powf(1.0 / depth as f64);
        }
        w
    };
    (0..depth).map(layer).collect()
}

fn compare(setting: &Setting) -> Vec<(CriticalPoint, bool)> {
    let (widths, target, l2) = setting;
    let (inputs, outputs) = (widths[0], widths[widths.len() - 1]);
    let mut whole = Mat::zeros(outputs, inputs);
    (0..target.len()).for_each(|n| whole[(n, n)] = target[n]);
    let mask = Mat::full(outputs, inputs, 1.0);
    let mut kinds = Vec::new();
    for (active, point) in orbits(setting) {
        let loss = Loss {
            layers: &layers(widths, &active, &point.strengths()),
            target: &whole,
            mask: &mask,
            l2: *l2,
        };
        let context = format!("{setting:?} {active:?}");
        // The largest curvature is below L s*^{2−2/L} + 2λ; roundoff of the roots times that.
        assert!(loss.gradient().iter().all(|g| g.abs() < 1e-12), "{context}");
        assert!((loss.value() - point.loss()).abs() < 1e-13, "{context}");
        let (spectrum, dense) = (point.spectrum().expect("finite"), loss.spectrum());
        let repeat =
            |e: &dlnflow::theory::critical_point::Eigenvalue| vec![e.value; e.multiplicity];
        let closed: Vec<f64> = spectrum.eigenvalues.iter().flat_map(repeat).collect();
        assert_eq!(closed.len(), dense.len(), "{context}");
        for (a, b) in closed.iter().zip(&dense) {
            // Backward stability of the dense method: a few dozen ulp of 4 · 5.
            assert!((a - b).abs() < 1e-12, "{context}: {a} against {b}");
        }
        // Nothing but zeros lies within roundoff of 0 unless λ itself does.
        if *l2 == 0.0 || *l2 > 1e-6 {
            let index = dense.iter().filter(|e| **e < -1e-11).count();
            let nullity = dense.iter().filter(|e| e.abs() <= 1e-11).count();
            let found = (spectrum.index(), spectrum.nullity());
            assert_eq!(found, (index, nullity), "{context}");
        }
        kinds.push((point, loss_is_semidefinite(&dense)));
    }
    kinds
}

fn loss_is_semidefinite(eigenvalues: &[f64]) -> bool {
    eigenvalues[0] > -1e-11
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spectra_kinds_and_minima_follow_from_the_definition(setting in settings()) {
        let (widths, target, l2) = &setting;
        let orbits = compare(&setting);
        let least = orbits.iter().fold(f64::INFINITY, |m, (point, _)| m.min(point.loss()));
        let global = global_minimum(widths, target, *l2);
        prop_assert!((global.loss - least).abs() < 1e-13);
        for (point, semidefinite) in &orbits {
            let kind = point.kind().expect("finite");
            let expected = match (point.loss() - least < 1e-9, *semidefinite, *l2 > 0.0) {
                (true, _, _) => PointKind::GlobalMinimum,
                (_, false, _) => PointKind::StrictSaddle,
                (_, _, true) => PointKind::LocalMinimum,
                (_, _, false) => PointKind::NonStrictSaddle,
            };
            prop_assert_eq!(kind, expected);
        }
        if *l2 > 1e-6 {
            let mut losses: Vec<f64> = orbits.iter().filter(|o| o.1).map(|o| o.0.loss()).collect();
            let mut found: Vec<f64> = local_minima(widths, target, *l2).iter().map(|m: &Minimum| m.loss).collect();
            losses.sort_by(f64::total_cmp);
            found.sort_by(f64::total_cmp);
            prop_assert_eq!(losses.len(), found.len());
            for (a, b) in losses.iter().zip(&found) {
                prop_assert!((a - b).abs() < 1e-13);
            }
        }
    }
}

/// `½(s − s*)² + λL s^{2/L}` over a fine grid of strengths, mode by mode.
#[test]
fn the_global_minimum_is_the_lowest_of_a_grid() {
    let target = [1.7, 1.1, 0.4];
    for depth in 2..=6 {
        for l2 in [0.01, 0.05, 0.1, 0.2, 0.3, 0.5] {
            let (l, widths) = (depth as f64, vec![3; depth + 1]);
            let best = |target: f64| {
                let grid = (0..=200_000).map(|n| target * f64::from(n) / 200_000.0);
                let cost = |s: f64| 0.5 * (s - target).powi(2) + l2 * l * s.powf(2.0 / l);
                grid.map(cost).fold(f64::INFINITY, f64::min)
            };
            let lowest: f64 = target.iter().map(|s| best(*s)).sum();
            let found = global_minimum(&widths, &target, l2);
            // The grid misses a minimum by half a spacing: curvature · (4e-6)²/2 for each mode.
            assert!((found.loss - lowest).abs() < 1e-10, "L = {depth}, λ = {l2}");
        }
    }
    // A narrow layer keeps the largest mode.
    let narrow = global_minimum(&[3, 1, 3], &[0.4, 1.7, 1.1], 0.1);
    assert_eq!(narrow.singular_values, [1.7 - 0.2, 0.0, 0.0]);
    assert_eq!(narrow.rank, 1);
}

#[test]
fn equal_targets_and_extremes() {
    let roots = [(0, Root::Upper), (1, Root::Lower)];
    let point = CriticalPoint::new(&[2, 2, 2, 2], &[1.3, 1.3], 0.05, &roots).expect("roots");
    // The rotation of the equal modes is one more zero than the two of the hidden layers.
    assert_eq!(point.spectrum().expect("finite").nullity(), 3);
    let other = CriticalPoint::new(&[2, 1, 2], &[1.3, 1.3], 0.0, &[(1, Root::Upper)]);
    assert_eq!(
        other.expect("a root").kind(),
        Some(PointKind::GlobalMinimum)
    );
    // In 40 layers and without regularisation worth mentioning signs are still those of the theory.
    let deep = CriticalPoint::new(
        &[2; 41],
        &[1.3, 0.7],
        1e-200,
        &[(0, Root::Upper), (1, Root::Upper)],
    );
    let spectrum = deep.expect("roots").spectrum().expect("finite");
    assert_eq!((spectrum.index(), spectrum.nullity()), (0, 39));
}

#[test]
fn what_does_not_exist_is_named() {
    let refused = |widths: &[usize], target: &[f64], l2: f64, active: &[(usize, Root)]| {
        CriticalPoint::new(widths, target, l2, active).err()
    };
    let upper = [(0, Root::Upper)];
    assert_eq!(refused(&[3], &[], 0.0, &[]), Some("at least one layer"));
    assert_eq!(refused(&[3, 0, 3], &[], 0.0, &[]), Some("positive widths"));
    let message = Some("at most min(n_0, n_L) singular values of the target");
    assert_eq!(refused(&[3, 3, 1], &[1.0, 0.5], 0.0, &[]), message);
    let message = Some("finite numbers, none negative");
    assert_eq!(refused(&[1, 1, 1], &[f64::NAN], 0.0, &upper), message);
    let message = Some("active modes without repetition");
    assert_eq!(
        refused(&[3, 3, 3], &[1.0], 0.0, &[upper[0], upper[0]]),
        message
    );
    let message = Some("active modes of the target");
    assert_eq!(
        refused(&[1, 3, 3], &[1.0], 0.0, &[(1, Root::Upper)]),
        message
    );
    let message = Some("l2 below critical_l2 of each active mode");
    assert_eq!(refused(&[1, 1, 1], &[1.0], 0.5, &upper), message);
    let message = Some("a lower root only for three layers or more and l2 > 0");
    assert_eq!(
        refused(&[1, 1, 1], &[1.0], 0.1, &[(0, Root::Lower)]),
        message
    );
    let message = Some("no more active modes than the narrowest layer has neurons");
    assert_eq!(
        refused(&[2, 1, 2], &[1.0, 0.5], 0.1, &[upper[0], (1, Root::Upper)]),
        message
    );
    let message = Some("all modes active: one layer has one critical point");
    assert_eq!(refused(&[2, 2], &[1.0, 0.5], 0.1, &upper), message);
}

/// Two layers with `s* = 2` and `λ = 1`: `½(s − 2)² + 2 s = 2 + ½ s²` is least at 0.
#[test]
fn at_its_threshold_a_mode_is_absent() {
    let least = global_minimum(&[1, 1, 1], &[2.0], 1.0);
    let none = Minimum {
        singular_values: vec![0.0],
        rank: 0,
        loss: 2.0,
    };
    assert_eq!(least, none);
}
