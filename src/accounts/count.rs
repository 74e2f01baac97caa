//! A count that may be a lower bound.

use std::fmt;
use std::iter::Sum;

/// An exact count or a lower bound, when rows may be missing or could not be read. Shown as `3` or `3+`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// The number known.
    pub known: usize,
    /// Whether there may be more.
    pub more: bool,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.known, if self.more { "+" } else { "" }))
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self { known: sum.known + count.known, more: sum.more || count.more })
    }
}
