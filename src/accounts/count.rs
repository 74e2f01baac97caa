//! How many of something there are, as far as anybody told.

use std::fmt;
use std::iter::Sum;

/// How many there are, or how many at least: a row that cannot be read is one too. Shown as `3` or `3+`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Those that are known.
    pub known: usize,
    /// There may be more.
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
