//! The catalogue and the scenarios it names, inside the program: an installed `dlnflow` needs no
//! copy of the repository.

/// `(name below scenarios/, text)` of each.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name)))),*]
    };
}

/// The catalogue among [`FILES`].
pub const CATALOGUE: &str = "papers/gallery.toml";

/// All of `scenarios/papers`, and what the catalogue names elsewhere.
pub const FILES: &[(&str, &str)] = shipped![
    "papers/arora2019/arora2019_depth.toml",
    "papers/arora2019/arora2019_mode_speed.toml",
    "papers/atanasov2022/atanasov2022_kernel.toml",
    "papers/atanasov2022/atanasov2022_silent_alignment.toml",
    "papers/domine2024/domine2024_lambda_balanced.toml",
    "papers/gallery.toml",
    "papers/gidel2019/gidel2019_scales.toml",
    "papers/gissin2020/gissin2020_depth_scale.toml",
    "papers/gissin2020/gissin2020_sensing.toml",
    "papers/jacot2021/jacot2021_e1_saddle_to_saddle.toml",
    "papers/jacot2021/jacot2021_e2_three_regimes.toml",
    "papers/jacot2021/jacot2021_e3_distances.toml",
    "papers/jacot2021/jacot2021_e5_any_width.toml",
    "papers/jacot2021/jacot2021_e5_large_start.toml",
    "papers/kunin2025/kunin2025_jumps.toml",
    "papers/li2021/li2021_glrl.toml",
    "papers/saxe2014/saxe2014_mode_strengths.toml",
    "papers/tu2024/tu2024_phases.toml",
    "saddles/completion_three_layers.toml",
    "saddles/squared_error_four_layers.toml",
    "saddles/weighted_two_layers.toml",
    "sweeps/escape_time_scale.toml",
    "sweeps/jacot2021_e4_ranks.toml",
    "sweeps/jacot2021_e4_squared_error.toml",
];
