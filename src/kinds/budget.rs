//! How many of a kind one plan may delete.

/// How much of something one plan may take away: a share of what is managed, within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The share, of a hundred.
    pub percent: usize,
    /// So many are always fine.
    pub least: usize,
    /// So many at most, however many there are.
    pub most: usize,
}

impl Budget {
    /// How many of so many.
    pub fn of(self, managed: usize) -> usize {
        (managed * self.percent / 100).clamp(self.least, self.most)
    }
}
