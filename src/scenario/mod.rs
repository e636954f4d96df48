//! From a TOML file to a problem: parse, check everything that can be checked, make every random
//! draw. Past [`Scenario::build`] nothing about the input can be wrong any more.
//!
//! `file.toml → Scenario → Built { problem, solver, recording, events, … }`

mod build;
mod context;
mod cost;
mod document;
mod error;
mod events;
mod expectations;
mod figure;
mod files;
mod identity;
mod kind;
mod load;
mod regression;
mod resolve;
pub mod schema;
mod sensing;
mod start;
mod structure;
pub mod sweep;
mod validate;

pub use build::{Built, Memory};
pub(crate) use error::nearest;
pub use error::{InputError, InputErrors};
pub use files::InputFile;
pub use identity::FileHashes;
pub use load::Scenario;
pub use schema::FrameName;
pub use structure::json_schema;
pub use sweep::Sweep;
