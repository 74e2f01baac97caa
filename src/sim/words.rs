//! The enumerations of the wire, as market and engine use them. Parsing an unknown word gives `None`.

/// An enum whose variants have one wire word each, and its `ALL`. The simulator's own `listed!`: of this crate it imports
/// only amounts.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order of the declaration.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// Parses the wire word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The wire word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(super) use words;

words!(
    /// Buying or selling.
    Side {
        Buy = "buy",
        /// Selling, short or long.
        Sell = "sell",
    }
);

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

words!(
    /// How an order's price is set.
    OrderType {
        /// At any price.
        Market = "market",
        /// At the limit or better.
        Limit = "limit",
        /// A market order once the stop trades.
        Stop = "stop",
        /// A limit order once the stop trades.
        StopLimit = "stop_limit",
        /// A stop that follows the best price.
        TrailingStop = "trailing_stop",
    }
);

words!(
    /// How long an order stays working.
    TimeInForce {
        /// Until the close.
        Day = "day",
        /// Until canceled, ninety days at most.
        Gtc = "gtc",
        /// In the opening auction.
        Opg = "opg",
        /// In the closing auction.
        Cls = "cls",
        /// What can be filled at once.
        Ioc = "ioc",
        /// All at once or not at all.
        Fok = "fok",
    }
);

words!(
    /// How orders belong together.
    OrderClass {
        /// On its own.
        Simple = "simple",
        /// An entry with a take-profit and a stop-loss.
        Bracket = "bracket",
        /// Two exits, one of which cancels the other.
        Oco = "oco",
        /// An entry with one exit.
        Oto = "oto",
        /// Several option legs.
        Mleg = "mleg",
    }
);

words!(
    /// What an order does to the position.
    PositionIntent {
        /// Opens or adds to a long position.
        BuyToOpen = "buy_to_open",
        /// Closes a short position.
        BuyToClose = "buy_to_close",
        /// Opens or adds to a short position.
        SellToOpen = "sell_to_open",
        /// Closes a long position.
        SellToClose = "sell_to_close",
    }
);

impl PositionIntent {
    /// True when the position grows in size.
    pub const fn opens(self) -> bool {
        matches!(self, Self::BuyToOpen | Self::SellToOpen)
    }
}

words!(
    /// An order's part in its group.
    GroupRole {
        /// Opens the position.
        Entry = "entry",
        /// Closes it at a profit.
        TakeProfit = "take_profit",
        /// Closes it at a loss.
        StopLoss = "stop_loss",
    }
);

words!(
    /// What kind of thing a symbol names.
    AssetClass {
        /// Shares of a company or fund.
        UsEquity = "us_equity",
        /// Option contracts.
        UsOption = "us_option",
        /// A pair of coins.
        Crypto = "crypto",
    }
);

words!(
    /// The status of an order.
    Status {
        /// Received, waiting for its session.
        Accepted = "accepted",
        /// Routed, not yet accepted by the venue.
        PendingNew = "pending_new",
        /// Working.
        New = "new",
        /// Working, partly executed.
        PartiallyFilled = "partially_filled",
        /// Executed entirely.
        Filled = "filled",
        /// Over for today.
        DoneForDay = "done_for_day",
        /// Ended on request.
        Canceled = "canceled",
        /// Ended by its time in force.
        Expired = "expired",
        /// Superseded by another order.
        Replaced = "replaced",
        /// Cancel under way.
        PendingCancel = "pending_cancel",
        /// Replacement under way.
        PendingReplace = "pending_replace",
        /// Refused after it was received.
        Rejected = "rejected",
        /// Halted with its symbol.
        Suspended = "suspended",
        /// Executed, final figures to come.
        Calculated = "calculated",
        /// A trade is guaranteed, not yet done.
        Stopped = "stopped",
        /// A leg waiting for its group.
        Held = "held",
    }
);

impl Status {
    /// True when nothing but a bust or correction can change the order any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected)
    }
}

words!(
    /// What an event of the trade stream reports.
    EventKind {
        /// Received, not yet routed.
        Accepted = "accepted",
        /// Routed, not yet accepted by the venue.
        PendingNew = "pending_new",
        /// Working at the venue.
        New = "new",
        /// Executed in part.
        PartialFill = "partial_fill",
        /// Executed entirely.
        Fill = "fill",
        /// Over for today.
        DoneForDay = "done_for_day",
        /// Ended on request.
        Canceled = "canceled",
        /// Ended by its time in force.
        Expired = "expired",
        /// Superseded by another order.
        Replaced = "replaced",
        /// Refused after it was received.
        Rejected = "rejected",
        /// Cancel under way.
        PendingCancel = "pending_cancel",
        /// Replacement under way.
        PendingReplace = "pending_replace",
        /// A trade is guaranteed, not yet done.
        Stopped = "stopped",
        /// Halted with its symbol.
        Suspended = "suspended",
        /// Executed, final figures to come.
        Calculated = "calculated",
        /// A cancel came too late.
        OrderCancelRejected = "order_cancel_rejected",
        /// A replacement came too late.
        OrderReplaceRejected = "order_replace_rejected",
        /// Changed by hand.
        Restated = "restated",
        /// An execution undone.
        TradeBust = "trade_bust",
        /// An execution changed.
        TradeCorrect = "trade_correct",
    }
);

words!(
    /// The forms of authentication on `trade_updates` (docs/ALPACA.md 6.2), by their names in control requests.
    AuthForm {
        /// `auth` with a key pair.
        Keys = "keys",
        /// `authenticate` with a key pair (old).
        OldKeys = "old_keys",
        /// `authenticate` with `oauth_token`.
        OAuthToken = "oauth_token",
        /// `auth` with key `oauth`.
        OAuthKey = "oauth_key",
    }
);
