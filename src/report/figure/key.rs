//! The key of an ordered family of lines: where a legend would need too many rows for them, their colours
//! side by side between the names of the first and the last.

use super::canvas::Pen;
use super::chart::Sample;
use super::palette;

/// Fewer lines than this are listed one by one.
const LEAST: usize = 3;
/// Colours in a key.
const MOST_COLORS: usize = 48;

/// The entries with lines on a ramp in one, where their names differ in a number only.
pub fn compact(entries: &[(Sample, String)]) -> Vec<(Sample, String)> {
    let on_ramp = |sample: &Sample| pen(sample).is_some_and(palette::on_ramp);
    let lines = || entries.iter().filter(|(sample, _)| on_ramp(sample));
    let names: Vec<&str> = lines().map(|(_, name)| name.as_str()).collect();
    let (Some(first), Some(last)) = (names.first(), names.last()) else {
        return entries.to_vec();
    };
    if names.len() < LEAST || !differ_in_a_number(&names) {
        return entries.to_vec();
    }
    let pens: Vec<Pen> = lines().filter_map(|(sample, _)| pen(sample)).collect();
    let key = Sample::Ramp((*first).to_owned(), thinned(&pens));
    let place = entries.iter().position(|(sample, _)| on_ramp(sample));
    let mut all: Vec<_> = entries
        .iter()
        .filter(|(s, _)| !on_ramp(s))
        .cloned()
        .collect();
    all.insert(place.unwrap_or(0).min(all.len()), (key, (*last).to_owned()));
    all
}

fn pen(sample: &Sample) -> Option<Pen> {
    match sample {
        Sample::Line(pen) => Some(*pen),
        _ => None,
    }
}

/// An even choice with both ends.
fn thinned(pens: &[Pen]) -> Vec<Pen> {
    let count = pens.len().min(MOST_COLORS);
    let place = |i: usize| i * (pens.len() - 1) / (count - 1).max(1);
    (0..count).map(|i| pens[place(i)]).collect()
}

/// Whether names are equal but for one number: `w=8`, `w=16`, ….
fn differ_in_a_number(names: &[&str]) -> bool {
    let names: Vec<Vec<char>> = names.iter().map(|name| name.chars().collect()).collect();
    let Some(first) = names.first() else {
        return false;
    };
    let begin = names.iter().map(|n| shared(first.iter(), n.iter()));
    let begin = begin.min().unwrap_or(0);
    let end = names
        .iter()
        .map(|n| shared(first.iter().rev(), n.iter().rev()));
    let end = end.min().unwrap_or(0);
    let numeric = |c: &char| c.is_ascii_digit() || "+-−.eE".contains(*c);
    let mut rests = names.iter().map(|n| &n[begin..(n.len() - end).max(begin)]);
    rests.all(|rest| rest.iter().all(numeric))
}

/// How many letters two texts begin with together.
fn shared<'c>(a: impl Iterator<Item = &'c char>, b: impl Iterator<Item = &'c char>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize, name: impl Fn(usize) -> String) -> Vec<(Sample, String)> {
        let entry = |k| (Sample::Line(palette::line(k, count)), name(k));
        let mut all: Vec<_> = (1..=count).map(entry).collect();
        all.push((Sample::Line(palette::prediction()), "predicted".to_owned()));
        all
    }

    #[test]
    fn many_modes_become_one_entry() {
        for (count, colors) in [(8, 8), (20, 20), (300, MOST_COLORS)] {
            let short = compact(&entries(count, |k| format!("σ_{{{k}}}")));
            assert_eq!(short.len(), 2);
            let (Sample::Ramp(first, pens), last) = &short[0] else {
                panic!("no key of {count}");
            };
            assert_eq!((first.as_str(), last), ("σ_{1}", &format!("σ_{{{count}}}")));
            assert_eq!(pens.len(), colors);
            assert_eq!(pens.last(), Some(&palette::line(count, count)));
        }
    }

    #[test]
    fn what_has_no_order_is_listed() {
        assert_eq!(compact(&entries(7, |k| format!("w={k}"))).len(), 8);
        let kinds = |k: usize| format!("kind={}", ["gaussian", "balanced"][k % 2]);
        assert_eq!(compact(&entries(9, kinds)).len(), 10);
        assert!(compact(&[]).is_empty());
    }

    #[test]
    fn a_number_may_have_any_form() {
        for names in [
            ["σ_{1}", "σ_{10}", "σ_{11}"],
            ["w=8", "w=16", "w=512"],
            ["α=1e-3", "α=1e-12", "α=0.5"],
        ] {
            assert!(differ_in_a_number(&names), "{names:?}");
        }
        assert!(!differ_in_a_number(&["cost C", "arc length of A"]));
        assert!(!differ_in_a_number(&["depth=2, γ=1", "depth=3, γ=2"]));
    }
}
