//! A pool of threads for work beside the flow: looking at many files, hashing. It must not know what the work is.

use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Of our own: the program that embeds us may use the global one, and a thread of it must not wait for us.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    // A panic is told by the channel that closes.
    let build = || ThreadPoolBuilder::new().thread_name(|n| format!("pool-{n}")).panic_handler(|_| {}).build().ok();
    POOL.get_or_init(build).as_ref()
}

/// Does the work for every item, side by side, and gives the results in the items' order. Without a pool, one after the other.
///
/// # Errors
/// Class `internal` when the work panicked.
pub fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R + Send + Sync + 'static) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let Some(pool) = pool().filter(|_| items.len() > 1) else { return Ok(items.into_iter().map(work).collect()) };
    let (sender, receiver) = sync_channel(1);
    pool.spawn(move || {
        let results: Vec<R> = items.into_par_iter().map(work).collect();
        let _ = sender.send(results);
    });
    receiver.recv().map_err(|_| Error::internal("work on the pool panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_panic_is_an_error() {
        assert_eq!(map((0..1000).collect(), |n: u64| n * n).unwrap(), (0..1000).map(|n| n * n).collect::<Vec<_>>());
        let error = map(vec![1, 2, 3], |n| if n == 2 { panic!("on purpose") } else { n }).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Internal);
        assert_eq!(map(vec![7], |n| n + 1).unwrap(), [8]);
    }
}
