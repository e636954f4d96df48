//! The published experiments that ship: a catalogue of commands, of numbers they must give and of
//! figures.
//!
//! ```text
//! gallery.toml -> Catalogue { Entry { steps, checks, figures } }
//!                     |  steps are run by `cli`; `cache` knows which are done
//!                     v
//! output folders -> measure -> check -> Checked -> page -> gallery.md
//! ```
//!
//! Nothing is computed here: measurements are read from the files that commands wrote.

pub mod cache;
pub mod catalogue;
pub mod check;
pub mod measure;
pub mod page;
pub mod shipped;

pub use cache::Stamp;
pub use catalogue::{
    Catalogue, CatalogueError, CheckSpec, Entry, Expected, Figure, Step, UnknownEntry,
};
pub use check::{Checked, check};
pub use measure::{Measure, Unmeasured};
pub use page::{Page, Shown};
