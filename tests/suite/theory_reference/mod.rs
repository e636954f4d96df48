//! The closed forms of `dlnflow::theory` against values to 15 digits and more (tests/data/theory.json):
//! modes by 40-digit arithmetic, Hessians by complex-step differentiation of the loss.

mod data;
mod dense;
mod identities;
mod landscape;
mod mode_properties;
mod modes;
mod orbits;
