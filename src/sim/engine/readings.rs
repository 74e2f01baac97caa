//! Variants of the service's behaviour. Its sources contradict each other (docs/ALPACA.md marks C and U), and its
//! answers differ in details from time to time. Each difference is a switch; its first word is the simulated
//! brokerage's default. A client must work under every word.

use jiff::SignedDuration;

use crate::sim::dice::Dice;

/// A switch: its name, its words, and their meaning.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// The name in control requests.
    pub name: &'static str,
    /// The possible words, the default first.
    pub words: &'static [&'static str],
    /// What the switch decides.
    pub what: &'static str,
}

const fn switch(name: &'static str, words: &'static [&'static str], what: &'static str) -> Switch {
    Switch { name, words, what }
}

/// Every switch; rules refer to one by its index.
pub const SWITCHES: [Switch; 14] = [
    switch(
        "replace",
        &["anew", "carries"],
        "a replacement's filled_qty begins at zero, or carries the chain's with qty as the total",
    ),
    switch("cancel_again", &["422", "204"], "the answer to a cancel of a canceled order"),
    switch("mleg_rows", &["legs", "parent"], "whose order_id the FILL rows of a multi-leg order carry"),
    switch(
        "mleg_frames",
        &["parent", "legs"],
        "whether a multi-leg fill is one frame, or has one more before it for each leg",
    ),
    switch("mleg_gtc", &["accepted", "refused"], "multi-leg orders that are good till canceled"),
    switch("extended_gtc", &["accepted", "refused"], "extended-hours orders that are good till canceled"),
    switch("crypto_day_limit", &["refused", "accepted"], "crypto limit orders for the day"),
    switch("option_gtc", &["accepted", "refused"], "option orders that are good till canceled"),
    switch("option_stops", &["accepted", "refused"], "stop and stop-limit orders on options"),
    switch("fraction_types", &["accepted", "refused"], "fractional orders that are not market orders"),
    switch(
        "updated_at",
        &["exact", "coarse", "still", "moving"],
        "REST's updated_at: exact, in milliseconds, never later than created_at, the time of the answer",
    ),
    switch("row_time", &["same", "5s_late", "5s_early"], "the transaction_time of a FILL row, beside its frame's"),
    switch("row_delay", &["none", "30s", "20m"], "how long after its frame a FILL row appears"),
    switch("page", &["full", "20", "3"], "the most rows of a page of orders or activities, whatever was asked for"),
];

/// Indices of the switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Replace,
    CancelAgain,
    MlegRows,
    MlegFrames,
    MlegGtc,
    ExtendedGtc,
    CryptoDayLimit,
    OptionGtc,
    OptionStops,
    FractionTypes,
    UpdatedAt,
    RowTime,
    RowDelay,
    Page,
}

/// How REST reports `updated_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdatedAt {
    /// Exactly.
    Exact,
    /// In milliseconds, rounded down.
    Coarse,
    /// It never changes.
    Still,
    /// The time of the answer, although nothing has changed.
    Moving,
}

/// One word for each switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readings([u8; SWITCHES.len()]);

impl Readings {
    /// A random choice by seed.
    pub fn drawn(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 9);
        Self(SWITCHES.map(|switch| {
            let count = u64::try_from(switch.words.len()).unwrap_or(1);
            u8::try_from(dice.below(count)).unwrap_or(0)
        }))
    }

    /// Sets a switch.
    ///
    /// # Errors
    /// A message, when there is no such switch or word.
    pub fn set(&mut self, name: &str, word: &str) -> Result<(), String> {
        let found = SWITCHES.iter().zip(&mut self.0).find(|(switch, _)| switch.name == name);
        let (switch, chosen) = found.ok_or_else(|| format!("unknown reading {name:?}"))?;
        let place = switch.words.iter().position(|known| *known == word);
        let place = place.ok_or_else(|| format!("{name} must be one of {}", switch.words.join(", ")))?;
        *chosen = u8::try_from(place).unwrap_or(0);
        Ok(())
    }

    /// Every switch with its word.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let word = |switch: &Switch, chosen: u8| switch.words.get(usize::from(chosen)).copied().unwrap_or_default();
        SWITCHES.iter().zip(self.0).map(move |(switch, chosen)| (switch.name, word(switch, chosen)))
    }

    fn is(&self, rule: Rule, word: &str) -> bool {
        self.words().nth(rule as usize).is_some_and(|(_, chosen)| chosen == word)
    }

    /// Whether a replacement's executed quantity starts with its chain's.
    pub fn carries(&self) -> bool {
        self.is(Rule::Replace, "carries")
    }

    /// Whether a cancel of a canceled order succeeds.
    pub fn cancels_again(&self) -> bool {
        self.is(Rule::CancelAgain, "204")
    }

    /// Whether FILL rows of legs name the parent order.
    pub fn rows_name_parent(&self) -> bool {
        self.is(Rule::MlegRows, "parent")
    }

    /// Whether legs have frames of their own.
    pub fn legs_have_frames(&self) -> bool {
        self.is(Rule::MlegFrames, "legs")
    }

    /// Whether multi-leg orders may be good till canceled.
    pub fn mleg_gtc(&self) -> bool {
        self.is(Rule::MlegGtc, "accepted")
    }

    /// Whether extended-hours orders may be good till canceled.
    pub fn extended_gtc(&self) -> bool {
        self.is(Rule::ExtendedGtc, "accepted")
    }

    /// Whether crypto limit orders may be for the day.
    pub fn crypto_day_limit(&self) -> bool {
        self.is(Rule::CryptoDayLimit, "accepted")
    }

    /// Whether option orders may be good till canceled.
    pub fn option_gtc(&self) -> bool {
        self.is(Rule::OptionGtc, "accepted")
    }

    /// Whether option orders may have stops.
    pub fn option_stops(&self) -> bool {
        self.is(Rule::OptionStops, "accepted")
    }

    /// Whether fractional orders may be other than market orders.
    pub fn fraction_types(&self) -> bool {
        self.is(Rule::FractionTypes, "accepted")
    }

    /// How REST reports `updated_at`.
    pub fn updated_at(&self) -> UpdatedAt {
        match self.words().nth(Rule::UpdatedAt as usize).map(|(_, word)| word) {
            Some("coarse") => UpdatedAt::Coarse,
            Some("still") => UpdatedAt::Still,
            Some("moving") => UpdatedAt::Moving,
            _ => UpdatedAt::Exact,
        }
    }

    /// The difference between a FILL row's time and its frame's.
    pub fn row_time(&self) -> SignedDuration {
        match self.words().nth(Rule::RowTime as usize).map(|(_, word)| word) {
            Some("5s_late") => SignedDuration::from_secs(5),
            Some("5s_early") => SignedDuration::from_secs(-5),
            _ => SignedDuration::ZERO,
        }
    }

    /// The delay of a FILL row after its frame.
    pub fn row_delay(&self) -> SignedDuration {
        match self.words().nth(Rule::RowDelay as usize).map(|(_, word)| word) {
            Some("30s") => SignedDuration::from_secs(30),
            Some("20m") => SignedDuration::from_mins(20),
            _ => SignedDuration::ZERO,
        }
    }

    /// Most rows per page.
    pub fn page(&self) -> usize {
        match self.words().nth(Rule::Page as usize).map(|(_, word)| word) {
            Some("20") => 20,
            Some("3") => 3,
            _ => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_each_switch_is_some_reading_and_no_other_is() {
        let mut readings = Readings::default();
        for switch in SWITCHES {
            assert!(switch.words.len() > 1, "{}", switch.name);
            for word in switch.words {
                readings.set(switch.name, word).unwrap();
                assert!(readings.words().any(|one| one == (switch.name, *word)));
            }
            assert!(readings.set(switch.name, "perhaps").unwrap_err().contains(switch.words[0]));
        }
        assert!(readings.set("mood", "good").is_err());
        // The names in code have the order of the table.
        assert_eq!(SWITCHES[Rule::Page as usize].name, "page");
        assert_eq!(SWITCHES[Rule::UpdatedAt as usize].name, "updated_at");
    }

    #[test]
    fn switch_values_have_their_documented_effect() {
        let with = |name: &str, word: &str| {
            let mut readings = Readings::default();
            readings.set(name, word).unwrap();
            readings
        };
        assert!(with("replace", "carries").carries() && !Readings::default().carries());
        assert!(with("crypto_day_limit", "accepted").crypto_day_limit());
        assert!(!with("option_stops", "refused").option_stops() && Readings::default().option_stops());
        assert_eq!(with("row_delay", "20m").row_delay(), SignedDuration::from_mins(20));
        assert_eq!((with("page", "3").page(), Readings::default().page()), (3, usize::MAX));
        assert_eq!(with("updated_at", "still").updated_at(), UpdatedAt::Still);
    }

    #[test]
    fn seeds_draw_every_word() {
        for (place, switch) in SWITCHES.iter().enumerate() {
            let drawn: std::collections::BTreeSet<&str> =
                (0..64).filter_map(|seed| Readings::drawn(seed).words().nth(place)).map(|(_, word)| word).collect();
            assert_eq!(drawn.len(), switch.words.len(), "{}", switch.name);
        }
        assert_eq!(Readings::drawn(5), Readings::drawn(5));
    }
}
