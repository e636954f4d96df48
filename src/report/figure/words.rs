//! Words for the names of columns and keys, as they stand at axes.

/// What `name` is called in a figure; a name without words of its own stands as it is, several
/// names are called one by one.
pub fn words(name: &str) -> String {
    if name.contains(", ") {
        return name.split(", ").map(words).collect::<Vec<_>>().join(", ");
    }
    let known = match name {
        "time" => "time t",
        "cost" => "cost C",
        "test_cost" => "test cost",
        "gradient_norm" => "gradient norm ‖∇‖",
        "parameter_norm_sq" => "‖θ‖^{2}",
        "schatten" => "L Σ σ_{i}^{2/L}",
        "imbalance_drift" => "drift of the imbalance",
        "kernel_norm" => "kernel norm ‖K‖",
        "kernel_alignment" => "kernel alignment",
        "effective_rank" => "effective rank",
        "nuclear_norm" => "nuclear norm Σ σ_{i}",
        "arc_length" => "arc length of A",
        "mode_speed_residual" => "mode speed residual",
        "escape_time" => "escape time T_{k}",
        "relative_wait" => "relative wait 1 − T_{k−1}/T_{k}",
        "plateau_cost" => "cost on the plateau",
        "final_sigma" => "σ_{k} at the end",
        "final_cost" => "cost at the end",
        "final_test_cost" => "test cost at the end",
        "best_test_cost" => "least test cost",
        "best_test_time" => "time of the least test cost",
        "final_loss" => "loss at the end",
        "schatten_gap" => "‖θ‖^{2} − L Σ σ_{i}^{2/L}",
        "depth" => "depth L",
        "width" => "width w",
        "init.scale" => "initial scale α",
        "init.std" => "initial standard deviation",
        "init.gamma" => "γ",
        "critical_l2" => "threshold λ_{c}",
        "global_l2" => "threshold λ_{g}",
        "regularization.l2" => "weight decay λ",
        _ => return sigma(name).unwrap_or_else(|| name.to_owned()),
    };
    known.to_owned()
}

/// [`words`] about mode `mode`, where they are about each mode `k`.
pub fn words_of_mode(name: &str, mode: usize) -> String {
    let before = format!("_{{{}}}", mode.saturating_sub(1));
    let words = words(name).replace("_{k−1}", &before);
    words.replace("_{k}", &format!("_{{{mode}}}"))
}

fn sigma(name: &str) -> Option<String> {
    let mode: usize = name.strip_prefix("sigma_")?.parse().ok()?;
    Some(format!("σ_{{{mode}}}"))
}

/// Whether a column holds whole numbers only, so that its axis needs no others.
pub fn is_whole(name: &str) -> bool {
    matches!(name, "depth" | "rank" | "mode")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_have_words_and_others_stay() {
        assert_eq!(words("init.scale"), "initial scale α");
        assert_eq!(words("sigma_12"), "σ_{12}");
        assert_eq!(words("sigma_x"), "sigma_x");
        assert_eq!(words("cost, kernel_norm"), "cost C, kernel norm ‖K‖");
        assert_eq!(words_of_mode("cost", 3), "cost C");
        let wait = words_of_mode("relative_wait", 3);
        assert_eq!(wait, "relative wait 1 − T_{2}/T_{3}");
    }
}
