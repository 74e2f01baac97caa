//! The watermark: from where a pass requests executions and orders.

use jiff::Timestamp;

/// The watermark: where a pass starts.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::session) struct Since {
    /// The broker's time of the last execution known when the last complete pass began.
    pub(in crate::session) fills: Option<Timestamp>,
    /// The broker's time of the last submission known then; the Unix epoch if there was none. Our own clock is not
    /// used, since it may be wrong by any amount.
    pub(in crate::session) orders: Option<Timestamp>,
}

impl Since {
    /// The same, without times after `latest`, if that is known. Orders were listed before, so all since the beginning are
    /// wanted instead.
    pub(in crate::session) fn until(self, latest: Option<Timestamp>) -> Self {
        let can_be = |at: &Timestamp| latest.is_none_or(|latest| *at <= latest);
        let orders = |at: Timestamp| if can_be(&at) { at } else { Timestamp::UNIX_EPOCH };
        Self { fills: self.fills.filter(can_be), orders: self.orders.map(orders) }
    }
}
