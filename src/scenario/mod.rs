//! From a TOML file to a problem: parse, check everything that can be checked, make every random
//! draw. Past [`Scenario::build`] nothing about the input can be wrong any more.
//!
//! `file.toml → Scenario → Built { problem, solver, recording, events, … }`

mod document;
mod error;
mod load;
pub mod schema;
mod structure;

pub use error::{InputError, InputErrors};
pub use load::Scenario;
pub use structure::json_schema;
