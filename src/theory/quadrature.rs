//! `∫_a^b f(x) dx` by the 21-point Gauss–Kronrod rule, halving the worst interval until the estimated
//! error is one unit of roundoff (Piessens et al. 1983, QUADPACK).
//!
//! Written here because crates with this rule either cap the accuracy (quadrature) or bring an array
//! library and complex contours (quad-rs); it is the twenty numbers and one loop below.

/// Nodes in `(0, 1]` from the outside in; every second one is a node of the 10-point Gauss rule.
const NODES: [f64; 11] = [
    0.995_657_163_025_808_1,
    0.973_906_528_517_171_7,
    0.930_157_491_355_708_2,
    0.865_063_366_688_984_5,
    0.780_817_726_586_416_9,
    0.679_409_568_299_024_4,
    0.562_757_134_668_604_7,
    0.433_395_394_129_247_2,
    0.294_392_862_701_460_2,
    0.148_874_338_981_631_22,
    0.0,
];

const KRONROD: [f64; 11] = [
    0.011_694_638_867_371_874,
    0.032_558_162_307_964_725,
    0.054_755_896_574_351_995,
    0.075_039_674_810_919_96,
    0.093_125_454_583_697_6,
    0.109_387_158_802_297_64,
    0.123_491_976_262_065_84,
    0.134_709_217_311_473_34,
    0.142_775_938_577_060_09,
    0.147_739_104_901_338_49,
    0.149_445_554_002_916_9,
];

/// Weights of the nodes 1, 3, 5, 7, 9.
const GAUSS: [f64; 5] = [
    0.066_671_344_308_688_14,
    0.149_451_349_150_580_6,
    0.219_086_362_515_982_04,
    0.269_266_719_309_996_35,
    0.295_524_224_714_752_87,
];

/// Halvings before the best value is given as it is; smooth functions need a few dozen, also with
/// a pole `1e-16` beyond an end.
const HALVINGS: usize = 1000;

struct Panel {
    from: f64,
    to: f64,
    value: f64,
    error: f64,
}

/// `∫_from^to f`, for `f` without sign changes and analytic on the interval.
pub(super) fn integrate(f: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let mut panels = vec![panel(&f, from, to)];
    for _ in 0..HALVINGS {
        let total: f64 = panels.iter().map(|p| p.value).sum();
        let error: f64 = panels.iter().map(|p| p.error).sum();
        // Written so that NaN ends the loop.
        let unfinished = error > f64::EPSILON * total.abs();
        let worst = (0..panels.len()).max_by(|&i, &j| panels[i].error.total_cmp(&panels[j].error));
        let Some(worst) = worst.filter(|_| unfinished) else {
            break;
        };
        let Panel { from, to, .. } = panels.swap_remove(worst);
        let middle = 0.5 * (from + to);
        panels.push(panel(&f, from, middle));
        panels.push(panel(&f, middle, to));
    }
    panels.iter().map(|p| p.value).sum()
}

/// One interval; the error is estimated as QUADPACK does, from the difference of the two rules.
fn panel(f: impl Fn(f64) -> f64, from: f64, to: f64) -> Panel {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let (mut kronrod, mut gauss, mut size) = (0.0, 0.0, 0.0);
    for i in 0..NODES.len() {
        let pair = match i == 10 {
            true => f(middle),
            false => f(middle - half * NODES[i]) + f(middle + half * NODES[i]),
        };
        kronrod += KRONROD[i] * pair;
        size += KRONROD[i] * pair.abs();
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * pair;
        }
    }
    let relative = (kronrod - gauss).abs() / size;
    Panel {
        from,
        to,
        value: half * kronrod,
        error: (half * size).abs() * (200.0 * relative).powf(1.5).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rules_have_their_degrees() {
        // Degree 31 of Kronrod's rule and 19 of Gauss's define their numbers.
        for degree in (0..=30).step_by(2) {
            let exact = 1.0 / (f64::from(degree) + 1.0);
            let moment = |weights: &[f64], every: usize| {
                let nodes = NODES.iter().skip(every - 1).step_by(every);
                let terms = nodes.zip(weights).map(|(x, w)| w * x.powi(degree));
                terms.sum::<f64>()
            };
            let middle = match degree {
                0 => 0.5 * KRONROD[10],
                _ => 0.0,
            };
            assert!((moment(&KRONROD, 1) - middle - exact).abs() < 1e-15);
            if degree <= 18 {
                assert!((moment(&GAUSS, 2) - exact).abs() < 1e-15, "{degree}");
            }
        }
    }

    #[test]
    fn a_pole_just_outside_and_a_wide_range() {
        // Roundoff of the sum over a few dozen panels.
        let t = integrate(|x| 1.0 / x, 1e-12, 1.0);
        assert!((t / (12.0 * 10f64.ln()) - 1.0).abs() < 1e-14, "{t}");
        let t = integrate(|x| (-x).exp(), -690.0, 3.0);
        let exact = 690f64.exp() - (-3f64).exp();
        assert!((t / exact - 1.0).abs() < 1e-14, "{t}");
        // A peak of width 1e-6, ∫ ε/(x² + ε²) = 2 atan(1/ε).
        let t = integrate(|x| 1e-6 / (x * x + 1e-12), -1.0, 1.0);
        assert!((t / (2.0 * 1e6f64.atan()) - 1.0).abs() < 1e-14, "{t}");
        assert!(integrate(|_| f64::NAN, 0.0, 1.0).is_nan());
    }
}
