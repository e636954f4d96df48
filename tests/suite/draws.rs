//! Random draws: exact bits, distributions, and that each draw is independent of the others.
//!
//! The golden bits come from an independent implementation (Python: hashlib's SHA-256, ChaCha20
//! written out from RFC 8439, the C library's `log`).

use dlnflow::linalg::Mat;
use dlnflow::model::draws::{Stream, gaussian, haar, mask, with_singular_values};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_generator_is_chacha20() {
    // RFC 8439 section 2.3.2: key 00 … 1f, counter 1, nonce 00000009 0000004a 00000000.
    let key: [u8; 32] = std::array::from_fn(|i| i as u8);
    let expected = [
        0xe4e7f110,
        0x15593bd1,
        0x1fdd0f50,
        0xc47120a3,
        0xc7f4d1c7,
        0x0368c033,
        0x9aaa2204,
        0x4e6cd4c3,
        0x466482d2,
        0x09aa9f07,
        0x05d7c214,
        0xa2028bd9,
        0xd19c12b5,
        0xb94e16de,
        0xe883d0cb,
        0x4e3c50a2_u32,
    ];
    let mut rng = ChaCha20Rng::from_seed(key);
    // The generator counts in 64 bits: the RFC's first nonce word is the counter's upper half.
    rng.set_stream(0x4a00_0000);
    rng.set_word_pos(u128::from(1_u64 | 0x0900_0000 << 32) * 16);
    let words: Vec<u32> = (0..16).map(|_| rng.next_u32()).collect();
    assert_eq!(words, expected);
}

#[test]
fn uniform_bits() {
    let mut stream = Stream::new(7, "target/left");
    let drawn: Vec<f64> = (0..4).map(|_| stream.uniform()).collect();
    let expected = [
        0x3fb5c139461b6638,
        0x3fe7b47a0918b97b,
        0x3feb70dcd0c9dbe3,
        0x3f80e97944d3f440,
    ];
    assert_eq!(bits(&drawn), expected);
}

#[test]
fn normal_bits() {
    let mut stream = Stream::new(7, "init/W1");
    let drawn: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
    let expected = [
        0x3ff8ac87af8d8560,
        0x3fe2c7942fddf81d,
        0x3fc97fc68e617e40,
        0x3fc2f59265e68347,
        0xbff3460d0b5923b5,
        0x3fe96687b67703b2,
    ];
    assert_eq!(bits(&drawn[..6]), expected);
    assert_eq!(
        bits(&[drawn[9_999], drawn[99_999]]),
        [0xbfe0b9c3c4fa8656, 0xbfeadb1f2fb5e1c4]
    );
}

#[test]
fn choice_without_replacement() {
    assert_eq!(
        Stream::new(0, "observed").choose(6, 20),
        [17, 10, 19, 11, 7, 13]
    );
    let mut all = Stream::new(3, "observed").choose(50, 50);
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>());
}

#[test]
fn haar_bits() {
    let q = haar(3, 2, &mut Stream::new(1, "init/W2"));
    let columns: Vec<f64> = (0..2)
        .flat_map(|j| (0..3).map(move |i| (i, j)))
        .map(|p| q[p])
        .collect();
    let expected = [
        0x3fea8ee4ac124e4e,
        0xbfc2b70e6353846f,
        0xbfe13a2220da9756,
        0xbfdd7811b62bd4f4,
        0x3fd7603dbeda225f,
        0xbfe9e3cebdcb0fa4,
    ];
    assert_eq!(bits(&columns), expected);
}

#[test]
fn normal_moments() {
    // Standard errors of the first four moments of n normals: √(1/n), √(2/n), √(15/n), √(96/n).
    let n = 400_000;
    let mut stream = Stream::new(11, "moments");
    let drawn: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let moment = |k: i32| drawn.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
    for (k, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let band = 5.0 * (variance / f64::from(n)).sqrt();
        assert!(
            (moment(k) - expected).abs() < band,
            "moment {k}: {}",
            moment(k)
        );
    }
}

#[test]
fn chi_bits_and_moments() {
    let mut stream = Stream::new(7, "init/span");
    let degrees = [2.0, 2.0, 5.0, 5.0, 1e3, 1e12, 1e12];
    let expected = [
        0x3ffa6b3ae5291583,
        0x3ff3fd9f240e5c46,
        0x4005417eb145cf9c,
        0x3ffb8fd6451f0f16,
        0x40401a05a1c5d412,
        0x412e847f79c1a521,
        0x412e8481a24ded30,
    ];
    assert_eq!(bits(&degrees.map(|n| stream.chi(n))), expected);
    // Chi-squared: mean n, variance 2n, fourth central moment 12 n (n + 4).
    let count = 200_000;
    for degrees in [2.0, 7.0, 1e12] {
        let off: Vec<f64> = (0..count)
            .map(|_| stream.chi(degrees).powi(2) - degrees)
            .collect();
        let mean = off.iter().sum::<f64>() / f64::from(count);
        let variance = off.iter().map(|x| x * x).sum::<f64>() / f64::from(count);
        let band = 5.0 * (2.0 * degrees / f64::from(count)).sqrt();
        assert!(mean.abs() < band, "{degrees}: {mean}");
        let spread = 12.0 * degrees * (degrees + 4.0) - 4.0 * degrees * degrees;
        let band = 5.0 * (spread / f64::from(count)).sqrt();
        assert!((variance - 2.0 * degrees).abs() < band, "{variance}");
    }
}

#[test]
fn haar_is_orthonormal_and_unbiased() {
    for (rows, cols) in [(7, 7), (40, 12), (12, 40), (1, 5)] {
        let q = haar(rows, cols, &mut Stream::new(5, "haar"));
        let k = rows.min(cols);
        let product = if rows >= cols {
            q.transpose() * &q
        } else {
            &q * q.transpose()
        };
        let error = (product - Mat::<f64>::identity(k, k)).norm_max();
        // Two passes of Gram–Schmidt are orthonormal to a few roundings of sums of 40 terms.
        assert!(error < 1e-14, "{rows} × {cols}: {error:e}");
    }
    // Each entry of a Haar matrix has mean 0 and variance 1/n; fixing a sign would show here.
    let (n, count) = (3, 4000);
    let entries: Vec<f64> = (0..count)
        .map(|seed| haar(n, n, &mut Stream::new(seed, "haar"))[(0, 0)])
        .collect();
    let mean = entries.iter().sum::<f64>() / count as f64;
    let variance = entries.iter().map(|x| x * x).sum::<f64>() / count as f64;
    assert!(
        mean.abs() < 5.0 * (1.0 / 3.0 / count as f64).sqrt(),
        "{mean}"
    );
    // E q⁴ = 3/(n(n+2)) = 1/5, so q² has variance 1/5 − 1/9.
    assert!((variance - 1.0 / 3.0).abs() < 5.0 * ((0.2 - 1.0 / 9.0) / count as f64).sqrt());
}

#[test]
fn singular_values_are_those_asked_for() {
    let s = [10.0, 4.5, 1.7];
    let a = with_singular_values(9, 6, &s, 7, "target");
    let factors = dlnflow::linalg::svd(a.as_ref()).expect("finite");
    for (found, expected) in factors.s.iter().zip([10.0, 4.5, 1.7, 0.0, 0.0, 0.0]) {
        assert!((found - expected).abs() < 1e-13, "{found} for {expected}");
    }
}

#[test]
fn masks_have_exactly_so_many_ones() {
    let m = mask(10, 7, 42, &mut Stream::new(7, "observed"));
    let ones = (0..10)
        .flat_map(|i| (0..7).map(move |j| (i, j)))
        .filter(|&p| m[p] == 1.0);
    assert_eq!(ones.count(), 42);
    assert_eq!(m.as_ref().sum(), 42.0);
}

#[test]
fn streams_do_not_share_numbers() {
    let first = |seed, name| Stream::new(seed, name).uniform().to_bits();
    let firsts = [
        first(0, "init/W1"),
        first(0, "init/W2"),
        first(0, "init/W11"),
        first(1, "init/W1"),
        first(256, "init/W1"),
    ];
    for (i, a) in firsts.iter().enumerate() {
        assert!(firsts[i + 1..].iter().all(|b| b != a));
    }
}

#[test]
fn gaussian_matrices_fill_columns_first() {
    let mut stream = Stream::new(7, "init/W1");
    let drawn: Vec<f64> = (0..6).map(|_| 0.5 * stream.normal()).collect();
    let m = gaussian(2, 3, 0.5, &mut Stream::new(7, "init/W1"));
    assert_eq!(
        [m[(0, 0)], m[(1, 0)], m[(0, 1)], m[(1, 2)]],
        [drawn[0], drawn[1], drawn[2], drawn[5]]
    );
}
