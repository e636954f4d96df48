//! The regime of a start by its distances: where the nearest minimum is much nearer than the nearest
//! saddle the flow ends before it could feel a saddle; where it is much farther the flow passes saddles
//! (Jacot et al. 2021: `d_min ≪ d_saddle` for `γ < 1`, `d_saddle ≪ d_min` for `γ > 1`).

/// Factor between the distances that counts as much.
const MUCH: f64 = 2.0;

/// What a start is, from `d_min/d_saddle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Below 1/2.
    Lazy,
    /// Between.
    Active,
    /// Above 2.
    SaddleToSaddle,
}

impl Regime {
    /// Of a ratio `d_min/d_saddle`; `None` where it is no number.
    pub fn of(ratio: f64) -> Option<Self> {
        match ratio {
            r if r.is_nan() => None,
            r if r < 1.0 / MUCH => Some(Self::Lazy),
            r if r > MUCH => Some(Self::SaddleToSaddle),
            _ => Some(Self::Active),
        }
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Active => "active",
            Self::SaddleToSaddle => "saddle_to_saddle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_has_two_borders() {
        let names = [0.49, 0.51, 1.99, 2.01].map(|r| Regime::of(r).map(Regime::name));
        let lazy_to_saddles = ["lazy", "active", "active", "saddle_to_saddle"];
        assert_eq!(names, lazy_to_saddles.map(Some));
        assert_eq!(Regime::of(f64::NAN), None);
    }
}
