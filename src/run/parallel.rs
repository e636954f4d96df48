//! Independent jobs on several threads, their results in the order of the jobs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// `job(0), …, job(count − 1)`, without those that had not begun when `interrupt` was set.
pub(super) fn in_order<T: Send>(
    count: usize,
    threads: usize,
    interrupt: &AtomicBool,
    job: &(dyn Fn(usize) -> T + Sync),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || {
        while !interrupt.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = results.get(i) else { break };
            let result = job(i);
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            scope.spawn(work);
        }
        work();
    });
    let done = results.into_iter().map(|slot| slot.into_inner());
    done.filter_map(|slot| slot.ok().flatten()).collect()
}
