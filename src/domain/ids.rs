//! Identifiers as separate types, so that an order's id is never passed for an execution's.
//!
//! All of them are cheap to clone: the text is shared.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::clean;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is, without validation.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text, shared.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }

            /// The text as received, for comparing, storing and sending, never for display: `Display` sanitises it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), clean(&self.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&clean(&self.0))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

text_id!(
    /// A broker of the catalogue: `alpaca-paper`, or the `id` of a `[[brokers]]` table.
    BrokerId
);
text_id!(
    /// Our id of a linked account: `broker-id/environment/account-number`. Stable across restarts and relinks.
    LinkId
);
text_id!(
    /// The broker's own id of an account (a UUID at Alpaca, docs/ALPACA.md 5.1). It changes when a paper account is reset.
    AccountId
);
text_id!(
    /// The broker's id of an order.
    OrderId
);
text_id!(
    /// The id chosen before an order is sent; at most 128 characters (docs/ALPACA.md 5.6), never reusable.
    ClientOrderId
);
text_id!(
    /// The id of one execution, by which a fill is counted once (docs/ALPACA.md 6.5).
    ExecutionId
);
text_id!(
    /// The ULID of a stream event, on recent frames only (docs/ALPACA.md 6.5).
    EventId
);
text_id!(
    /// A symbol as the broker writes it. Empty on the parent of a multi-leg order (docs/ALPACA.md 5.6).
    Symbol
);
impl Symbol {
    /// The form used by positions: crypto symbols have a slash in orders and none there (docs/ALPACA.md 5.9).
    #[must_use]
    pub fn plain(&self) -> Self {
        Self::from(self.0.replace('/', "").as_str())
    }

    /// True for the same asset, with or without a slash.
    pub fn is_one_with(&self, other: &Self) -> bool {
        self.0.bytes().filter(|byte| *byte != b'/').eq(other.0.bytes().filter(|byte| *byte != b'/'))
    }

    /// True for an option symbol (root, six-digit date, `C` or `P`, eight-digit strike): its price is per share, while
    /// one contract covers many.
    pub fn is_option(&self) -> bool {
        let tail = self.0.len().checked_sub(15).filter(|root| (1..=6).contains(root)).and_then(|at| self.0.get(at..));
        tail.is_some_and(|tail| {
            tail.bytes()
                .enumerate()
                .all(|(place, byte)| if place == 6 { matches!(byte, b'C' | b'P') } else { byte.is_ascii_digit() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_as_received_and_displayed_sanitised() {
        let id = OrderId::from("a\x1b]52;c;x\x07\u{202e}\nb");
        assert_eq!(id.as_str(), "a\x1b]52;c;x\x07\u{202e}\nb");
        assert_eq!(
            (id.to_string(), format!("{id:?}")),
            ("a␛]52;c;x␇␊b".to_owned(), "OrderId(a␛]52;c;x␇␊b)".to_owned())
        );
    }

    #[test]
    fn an_option_is_recognised_by_its_symbol() {
        let is = |text: &str| Symbol::from(text).is_option();
        assert!(is("AAPL261218C00190000") && is("F261218P00011000"));
        assert!(!is("AAPL") && !is("BTC/USD") && !is("AAPL261218X00190000") && !is("261218C00190000"));
    }

    #[test]
    fn a_crypto_symbol_is_the_same_with_and_without_a_slash() {
        let one = |a: &str, b: &str| Symbol::from(a).is_one_with(&b.into());
        assert!(one("BTC/USD", "BTCUSD") && one("BTCUSD", "BTC/USD") && one("AAPL", "AAPL"));
        assert!(!one("BTC/USD", "ETH/USD") && !one("AAPL", "MSFT"));
    }
}
