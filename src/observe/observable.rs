//! What a row can hold beyond its fixed columns.

/// A number recorded on request; `name` is its column in `trajectory.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observable {
    /// `‖K‖_F` of the tangent kernel `K = G Gᵀ`, `G = dA/dθ`.
    KernelNorm,
    /// `⟨K, y yᵀ⟩ / (‖K‖_F ‖y‖²)`, `y = vec(T)`: Atanasov, Bordelon & Pehlevan (2022).
    KernelAlignment,
    /// `exp(−Σ p_i ln p_i)`, `p_i = σ_i/Σσ`: Roy & Vetterli (2007).
    EffectiveRank,
    /// `Σ σ_i`.
    NuclearNorm,
    /// `∫ ‖dA/dt‖_F dt` since the start.
    ArcLength,
    /// How far the modes are from the speeds of a balanced network: Arora et al. (2019).
    ModeSpeedResidual,
}

impl Observable {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::KernelNorm,
        Self::KernelAlignment,
        Self::EffectiveRank,
        Self::NuclearNorm,
        Self::ArcLength,
        Self::ModeSpeedResidual,
    ];

    /// The name in scenarios and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::KernelNorm => "kernel_norm",
            Self::KernelAlignment => "kernel_alignment",
            Self::EffectiveRank => "effective_rank",
            Self::NuclearNorm => "nuclear_norm",
            Self::ArcLength => "arc_length",
            Self::ModeSpeedResidual => "mode_speed_residual",
        }
    }

    /// The observable of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for observable in Observable::ALL {
            assert_eq!(Observable::named(observable.name()), Some(observable));
        }
        assert_eq!(Observable::named("cost"), None);
    }
}
