//! How much a manifest may hold: limits that no honest file reaches and no hostile one passes.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Levels of nesting, what aliases bring included.
pub(super) const DEEPEST: usize = 32;
/// Aliases in one file.
pub(super) const MOST_ALIASES: usize = 10_000;
/// Values in all files, what aliases repeat included.
pub(super) const MOST_NODES: usize = 2_000_000;

/// The values all files may hold together.
#[derive(Debug, Default)]
pub(super) struct Budget {
    used: AtomicUsize,
}

/// One file's way to the budget. Takes in handfuls, so that files read side by side do not wait for each other.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    pending: usize,
}

impl Budget {
    /// The way to it for one file.
    pub fn share(&self) -> Share<'_> {
        Share { budget: self, pending: 0 }
    }

    /// Whether more was asked for than there is.
    pub fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > MOST_NODES
    }
}

impl Share<'_> {
    /// Asks for room for so many values.
    pub fn take(&mut self, nodes: usize) -> bool {
        const HANDFUL: usize = 1024;
        self.pending = self.pending.saturating_add(nodes);
        if self.pending < HANDFUL {
            return true;
        }
        self.settle();
        !self.budget.is_exceeded()
    }

    /// Whether there was room for all that was asked for, to the last value.
    pub fn finish(&mut self) -> bool {
        self.settle();
        !self.budget.is_exceeded()
    }

    fn settle(&mut self) {
        // A hostile count must not come round to a small one.
        let asked = std::mem::take(&mut self.pending).min(MOST_NODES + 1);
        self.budget.used.fetch_add(asked, Ordering::Relaxed);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}
