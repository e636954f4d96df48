//! The tests of the public interface in one binary: dlnflow and its dependencies are linked once.
//! One file, one subject; `cargo test --release --test suite NAME::` runs `NAME.rs` alone. A new
//! file needs its line here.

// What the tests share.
mod common;
mod curves;
mod decimals;
mod generic;
mod program;
mod synthetic;
mod two_modes;

mod adams;
mod aligned_escape;
mod aligned_predictions;
mod architecture;
mod asymptotic_runs;
mod cli;
mod determinism;
mod diffsol_methods;
mod docs;
mod dop853;
mod draws;
mod dropped_neurons;
mod events;
mod exact;
mod figures;
mod flow;
mod flows_agree;
mod gallery;
mod input_properties;
mod inputs;
mod invariants;
mod landscape;
mod large_kernels;
mod looks;
mod methods_agree;
mod monitors;
mod mutations;
mod observables;
mod reduction;
mod regimes;
mod report;
mod riccati;
mod saddle_points;
mod saddle_runs;
mod scenarios;
mod scripts;
mod small_start;
mod starts;
mod sweeps;
mod tangent;
mod theory_asymptotic;
mod theory_reference;
mod verify_command;
mod warm_start;
mod weight_decay_runs;
