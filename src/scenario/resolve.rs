//! [`Scenario`] → the TOML text that gives the same run again.

use super::files::InputFile;
use super::load::Scenario;

impl Scenario {
    /// The scenario as TOML with all defaults spelled out; files keep the names they have.
    pub fn to_toml(&self) -> String {
        self.resolved(&[])
    }

    /// The scenario as TOML with all defaults spelled out, files under their copies' names.
    pub(super) fn resolved(&self, inputs: &[InputFile]) -> String {
        let mut spec = self.spec.clone();
        spec.title = Some(self.title().to_string());
        spec.for_each_path(&mut |path| {
            if let Some(input) = inputs.iter().find(|input| input.path == *path) {
                *path = input.reference().to_string();
            }
        });
        // Every type of the schema is a table of plain values, which TOML can always write.
        compact(&toml::to_string(&spec).unwrap_or_default())
    }
}

/// `0.000000001` as `1e-9`: the writer of TOML spells every digit out. Text inside quotes stays.
fn compact(text: &str) -> String {
    if text.contains("\"\"\"") || text.contains("'''") {
        return text.to_string();
    }
    let line = |line: &str| match line.contains(['"', '\'']) {
        true => line.to_string(),
        false => line
            .split_inclusive([' ', ',', ']', '['])
            .map(compact_word)
            .collect(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

fn compact_word(word: &str) -> String {
    let number = word.trim_end_matches([' ', ',', ']', '[']);
    let rest = &word[number.len()..];
    match number.parse::<f64>() {
        Ok(x) if number.contains('.') && x != 0.0 && !(1e-4..1e16).contains(&x.abs()) => {
            format!("{x:e}{rest}")
        }
        _ => word.to_string(),
    }
}
