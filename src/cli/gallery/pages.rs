//! `gallery.md` and its figures.

use super::super::failure::Failure;
use super::shelf::Shelf;
use dlnflow::error::Error;
use dlnflow::gallery::page::figure_name;
use dlnflow::gallery::{Page, Shown};
use dlnflow::report::write_file;
use std::fs;
use std::path::Path;

/// The page in the output folder, and in the folder of documents.
pub fn write(shelf: &Shelf, shown: &[Shown], docs: Option<&Path>) -> Result<(), Failure> {
    page(shelf, shown, &shelf.out, "figures")?;
    docs.map_or(Ok(()), |docs| page(shelf, shown, docs, "figures/gallery"))
}

fn page(shelf: &Shelf, shown: &[Shown], folder: &Path, figures: &str) -> Result<(), Failure> {
    for shown in shown {
        copy_figures(shelf, shown, &folder.join(figures))?;
    }
    let page = Page {
        catalogue: &shelf.catalogue,
        option: shelf.option.clone(),
        scenarios: shelf.typed,
        shown: shown.to_vec(),
        figures,
    };
    let mut text = Vec::new();
    page.write(&mut text)?;
    write_file(&folder.join("gallery.md"), &text)?;
    Ok(())
}

/// A figure that a failed step did not draw is missing on the page; the table says why.
fn copy_figures(shelf: &Shelf, shown: &Shown, to: &Path) -> Result<(), Failure> {
    let entry = shown.entry;
    for figure in &entry.figures {
        let from = shelf.folder(entry).join(&figure.step).join(&figure.file);
        if from.is_file() {
            let bytes = fs::read(&from).map_err(|e| Error::io(&from, e))?;
            write_file(&to.join(figure_name(entry, figure)), &bytes)?;
        }
    }
    Ok(())
}
