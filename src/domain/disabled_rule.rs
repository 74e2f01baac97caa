//! Switches that break one rule each, so that the laboratory can show that it detects this (docs/RELIABILITY.md 1).
//!
//! Only tests can set them: otherwise the check is resolved at compile time.

/// A rule left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DisabledRule {
    /// A duplicate execution is entered again.
    Dedupe,
    /// The stream is never compared with REST.
    Audit,
    /// Orders missing from the lists are not requested by id.
    ById,
    /// A pass starts exactly where the last one ended.
    Overlap,
    /// REST is requested before the stream listens.
    ListenFirst,
    /// The last state to arrive counts as the newest.
    Monotone,
    /// The recent orders are one page, however long the gap is.
    WholeGap,
    /// Answers of REST are believed without asking the account.
    Confirm,
}

#[cfg(test)]
std::thread_local! {
    static LEFT_OUT: std::cell::Cell<Option<DisabledRule>> = const { std::cell::Cell::new(None) };
}

/// True while a test leaves this rule out on this thread.
#[cfg(test)]
pub(crate) fn left_out(rule: DisabledRule) -> bool {
    LEFT_OUT.get() == Some(rule)
}

/// No rule is ever left out.
#[cfg(not(test))]
pub(crate) const fn left_out(_rule: DisabledRule) -> bool {
    false
}

/// Leaves a rule out on this thread; `None` restores all.
#[cfg(test)]
pub(crate) fn leave_out(rule: Option<DisabledRule>) {
    LEFT_OUT.set(rule);
}
