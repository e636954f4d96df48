//! Thousands of runs of one scenario in one folder.
//!
//! ```text
//! Sweep -> Plan { run -> hash, values } -> run_all() -> runs/<hash>/     (each renamed into place)
//!                        |                                  |
//!                        +--------- collect() <-------------+ -> table.csv, table.parquet
//!                                                              analysis -> fits, bands, maps
//! ```
//!
//! A run is known by a hash of everything it depends on, and is done when its folder stands in its
//! place and is whole. So a sweep that was cut off, a second process and another order of runs all
//! lead to the same folder.

mod analysis;
mod collect;
mod engine;
mod parquet;
mod plan;
pub mod slurm;
mod store;
mod table;

pub use collect::{Collected, collect};
pub use engine::{Engine, Tally};
pub use plan::{Plan, Planned};
pub use store::{Standing, State, Store, sample_bytes};
pub use table::{Cells, Column, Table};

use std::sync::atomic::{AtomicUsize, Ordering};

/// `f(0) … f(count − 1)` on `jobs` threads, in order.
pub fn in_parallel<T: Send>(count: usize, jobs: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return mine;
            }
            mine.push((index, f(index)));
        }
    };
    let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..jobs.min(count)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(part) => all.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, value)| value).collect()
}
