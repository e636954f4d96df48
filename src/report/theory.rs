//! What theory says, for the terminal: `dlnflow predict`.

use super::table::{significant, write_cells};
use super::{Declined, Prediction};
use std::io::{self, Write};

const HEADER: [&str; 5] = ["quantity", "mode", "value", "error", "source"];

/// Writes the predictions, then the results that do not apply and why.
///
/// # Errors
/// Those of `out`.
pub fn write(
    title: &str,
    predictions: &[Prediction],
    declined: &[Declined],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{title}\n")?;
    let rows: Vec<_> = predictions.iter().map(cells).collect();
    if rows.is_empty() {
        writeln!(out, "no predictions")?;
    } else {
        write_cells(&HEADER, &rows, out)?;
    }
    for d in declined {
        writeln!(out, "not predicted: {}: {}", d.result, d.reason)?;
    }
    Ok(())
}

fn cells(p: &Prediction) -> Vec<String> {
    vec![
        p.quantity.clone(),
        p.mode.map_or_else(String::new, |k| k.to_string()),
        significant(p.value, 9),
        format!("{:.1e}", p.error),
        p.source.kind.clone(),
    ]
}
