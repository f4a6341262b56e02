//! Work side by side on a few threads, with results in the order of what was worked on.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// As many as help: a manifest is one large file, or many small ones.
const THREADS: usize = 4;

/// The results for all items, in their order. Items that are not worth threads are done here.
pub(super) fn map<T: Sync, R: Send>(items: &[T], worth_threads: bool, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if !worth_threads || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let (index, Some(item)) = take_next(items, &next) {
            done.push((index, work(item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS.min(items.len())).map(|_| scope.spawn(take)).collect();
        workers.into_iter().flat_map(|it| it.join().unwrap_or_else(|panic| panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take_next<'a, T>(items: &'a [T], next: &AtomicUsize) -> (usize, Option<&'a T>) {
    let index = next.fetch_add(1, Ordering::Relaxed);
    (index, items.get(index))
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_keep_the_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(map(&items, true, |it| it * 2), map(&items, false, |it| it * 2));
    }
}
