//! Switches that break one rule each, so that the laboratory can show that it would notice (docs/RELIABILITY.md 1).
//!
//! Only tests can throw them: outside of tests the question is answered at compile time.

/// One rule left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DisabledRule {
    /// A repeated execution is entered again.
    Dedupe,
    /// The stream is never compared with REST.
    Audit,
    /// Orders that no list shows are not asked for by their ids.
    ById,
    /// A pass starts exactly where the last one ended.
    Overlap,
    /// REST is asked before the stream listens.
    ListenFirst,
    /// What arrives last is taken for the newest.
    Monotone,
    /// The recent orders are one page, however long the gap was.
    WholeGap,
}

#[cfg(test)]
std::thread_local! {
    static LEFT_OUT: std::cell::Cell<Option<DisabledRule>> = const { std::cell::Cell::new(None) };
}

/// True while a test has the rule left out on this thread.
#[cfg(test)]
pub(crate) fn left_out(rule: DisabledRule) -> bool {
    LEFT_OUT.get() == Some(rule)
}

/// No rule is ever left out.
#[cfg(not(test))]
pub(crate) const fn left_out(_rule: DisabledRule) -> bool {
    false
}

/// Leaves a rule out on this thread, or none.
#[cfg(test)]
pub(crate) fn leave_out(rule: Option<DisabledRule>) {
    LEFT_OUT.set(rule);
}
