//! Ticks: on a linear axis multiples of 1, 2 or 5 times a power of ten; on a logarithmic axis the
//! decades, written `10^k`, with minor ticks at 2 … 9 times each.

use super::scale::{Kind, MULTIPLES, Scale};

/// Ticks of one axis at positions `0 … 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    pub major: Vec<(f64, String)>,
    pub minor: Vec<f64>,
    /// Linear labels are in units of `10^exponent`.
    pub exponent: i32,
}

/// At most about `most` labelled ticks.
pub fn ticks(scale: &Scale, most: usize) -> Ticks {
    match scale.kind {
        Kind::Linear => linear(scale, most),
        Kind::Log => decades(scale, most),
    }
}

/// A power of ten with a typographic exponent.
pub fn power_of_ten(exponent: i32) -> String {
    format!("10^{{{}}}", with_minus(&exponent.to_string()))
}

fn with_minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

fn linear(scale: &Scale, most: usize) -> Ticks {
    let span = scale.hi - scale.lo;
    let step = nice_step(span / most as f64);
    let step = if scale.whole { step.max(1.0) } else { step };
    let exponent = common_exponent(scale.lo.abs().max(scale.hi.abs()));
    let unit = 10f64.powi(exponent);
    let decimals = (-(step / unit).log10() - 1e-9).ceil().clamp(0.0, 12.0) as usize;
    let (first, last) = (scale.lo / step - 1e-9, scale.hi / step + 1e-9);
    let (first, last) = (first.ceil(), last.floor());
    let count = (last - first + 1.0).max(0.0) as usize;
    let major = (0..count).map(|i| {
        let value = (first + i as f64) * step;
        let position = ((value - scale.lo) / span).clamp(0.0, 1.0);
        // `+ 0.0` turns −0 into 0.
        let label = format!("{:.decimals$}", value / unit + 0.0);
        (position, with_minus(&label))
    });
    Ticks {
        major: major.collect(),
        minor: Vec::new(),
        exponent,
    }
}

/// The least of 1, 2, 5 times a power of ten that is not below `least`.
fn nice_step(least: f64) -> f64 {
    let magnitude = 10f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = |f: &&f64| **f * magnitude >= least * (1.0 - 1e-9);
    factors.iter().find(fits).unwrap_or(&10.0) * magnitude
}

/// Labels stay plain from 0.001 to 99999.
fn common_exponent(largest: f64) -> i32 {
    match (1e-3..1e5).contains(&largest) || largest == 0.0 {
        true => 0,
        false => largest.log10().floor() as i32,
    }
}

fn decades(scale: &Scale, most: usize) -> Ticks {
    let position = |v: f64| (v - scale.lo) / (scale.hi - scale.lo);
    let (first, last) = (scale.lo.ceil() as i32, scale.hi.floor() as i32);
    if last <= first {
        return within_a_decade(scale, most);
    }
    let stride = stride((last - first + 1).max(1) as usize, most);
    let (labelled, others): (Vec<i32>, Vec<i32>) =
        (first..=last).partition(|k| k.rem_euclid(stride) == 0);
    let major = labelled
        .iter()
        .map(|&k| (position(f64::from(k)), power_of_ten(k)));
    let minor: Vec<f64> = match stride {
        1 => (first - 1..=last)
            .flat_map(|k| (2..10).map(move |m| f64::from(k) + f64::from(m).log10()))
            .collect(),
        2..=10 => others.into_iter().map(f64::from).collect(),
        _ => Vec::new(),
    };
    let on_axis = |p: &f64| (0.0..=1.0).contains(p);
    Ticks {
        major: major.collect(),
        minor: minor.into_iter().map(position).filter(on_axis).collect(),
        exponent: 0,
    }
}

/// Labels at 1, 2 and 5 times powers of ten, minor ticks at the other multiples; as on a linear axis where that
/// would be one label at most.
fn within_a_decade(scale: &Scale, most: usize) -> Ticks {
    let position = |v: f64| (v - scale.lo) / (scale.hi - scale.lo);
    let (mut major, mut minor) = (Vec::new(), Vec::new());
    for decade in scale.lo.floor() as i32..=scale.hi.floor() as i32 {
        for multiple in 1..10 {
            let place = position(f64::from(decade) + f64::from(multiple).log10());
            match (0.0..=1.0).contains(&place) {
                true if MULTIPLES.contains(&f64::from(multiple)) => {
                    major.push((place, multiple_of_ten(multiple, decade)));
                }
                true => minor.push(place),
                false => {}
            }
        }
    }
    if major.len() < 2 {
        let (lo, hi) = (scale.value(0.0), scale.value(1.0));
        let plain = linear(&Scale::linear(lo, hi), most);
        let place = |p: f64| position((lo + p * (hi - lo)).log10());
        let labels = plain.major.into_iter().map(|(p, text)| (place(p), text));
        return Ticks {
            major: labels.collect(),
            minor: Vec::new(),
            exponent: plain.exponent,
        };
    }
    Ticks {
        major,
        minor,
        exponent: 0,
    }
}

/// `multiple · 10^decade`, plain where that is short.
fn multiple_of_ten(multiple: i32, decade: i32) -> String {
    match (decade, multiple) {
        (0..=3, _) => (multiple * 10i32.pow(decade as u32)).to_string(),
        (-3..=-1, _) => format!("0.{}{multiple}", "0".repeat((-decade - 1) as usize)),
        (_, 1) => power_of_ten(decade),
        _ => format!("{multiple}·{}", power_of_ten(decade)),
    }
}

/// Decades from one label to the next.
fn stride(decades: usize, most: usize) -> i32 {
    let strides = [1, 2, 3, 5, 10, 20, 50, 100];
    let fits = |s: &&i32| decades <= most * **s as usize;
    *strides.iter().find(fits).unwrap_or(&200)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &Ticks) -> Vec<&str> {
        ticks
            .major
            .iter()
            .map(|(_, label)| label.as_str())
            .collect()
    }

    #[test]
    fn decades_are_powers_with_minor_ticks_at_two_to_nine() {
        let ticks = ticks(&Scale::log(-2.0, 1.0), 7);
        assert_eq!(labels(&ticks), ["10^{−2}", "10^{−1}", "10^{0}", "10^{1}"]);
        assert_eq!(ticks.minor.len(), 3 * 8);
        // 0.02 is the first minor tick: (log10 0.02 + 2)/3 of the axis.
        assert!((ticks.minor[0] - 2f64.log10() / 3.0).abs() < 1e-12);
    }

    #[test]
    fn within_a_decade_multiples_are_labelled() {
        let scale = |lo: f64, hi: f64| Scale::log(lo.log10(), hi.log10());
        assert_eq!(labels(&ticks(&scale(30.0, 130.0), 6)), ["50", "100"]);
        assert_eq!(labels(&ticks(&scale(0.04, 0.3), 6)), ["0.05", "0.1", "0.2"]);
        assert_eq!(
            labels(&ticks(&scale(1.5e5, 6e5), 6)),
            ["2·10^{5}", "5·10^{5}"]
        );
        // 50 lies at (log 50 − log 30)/(log 130 − log 30).
        let place = (50.0f64 / 30.0).ln() / (130.0f64 / 30.0).ln();
        assert!((ticks(&scale(30.0, 130.0), 6).major[0].0 - place).abs() < 1e-12);
    }

    /// 6 lies at (log 6 − log 4.6)/(log 7.7 − log 4.6) of a colour bar.
    #[test]
    fn a_short_logarithmic_axis_has_more_than_one_label() {
        let bar = Scale::exactly(Kind::Log, 4.6f64.log10(), 7.7f64.log10());
        let ticks = ticks(&bar, 6);
        assert_eq!(labels(&ticks), ["5", "6", "7"]);
        let place = (6.0f64 / 4.6).ln() / (7.7f64 / 4.6).ln();
        assert!((ticks.major[1].0 - place).abs() < 1e-12);
    }

    #[test]
    fn an_axis_of_whole_numbers_has_no_halves() {
        let scale = Scale {
            whole: true,
            ..Scale::linear(1.9, 4.1)
        };
        assert_eq!(labels(&ticks(&scale, 8)), ["2", "3", "4"]);
    }

    #[test]
    fn many_decades_are_thinned() {
        let ticks = ticks(&Scale::log(-300.2, 10.4), 7);
        assert_eq!(labels(&ticks)[0], "10^{−300}");
        assert_eq!(labels(&ticks).last(), Some(&"10^{0}"));
        assert!(ticks.major.len() <= 8);
        assert!(ticks.minor.is_empty());
    }

    #[test]
    fn linear_steps_are_one_two_or_five() {
        assert_eq!(
            labels(&ticks(&Scale::linear(0.0, 4.24), 5)),
            ["0", "1", "2", "3", "4"]
        );
        let tenths = ticks(&Scale::linear(-0.1, 0.3), 4);
        assert_eq!(labels(&tenths), ["−0.1", "0.0", "0.1", "0.2", "0.3"]);
        let eighth = ticks(&Scale::linear(0.0, 0.25), 5);
        assert_eq!(
            labels(&eighth),
            ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25"]
        );
    }

    #[test]
    fn large_and_small_values_share_an_exponent() {
        let ticks = ticks(&Scale::linear(0.0, 2e6), 4);
        assert_eq!((ticks.exponent, labels(&ticks)[1]), (6, "0.5"));
        assert_eq!(common_exponent(3e-7), -7);
        assert_eq!(common_exponent(99_999.0), 0);
    }
}
