//! What the program is: decided at start, and never changed but for the time zone.

use std::sync::Arc;

use jiff::tz::TimeZone;

/// A time zone that the screen offers.
#[derive(Debug, Clone)]
pub struct Zone {
    /// `America/New_York`.
    pub name: Arc<str>,
    /// As it stands beside a time: `ET`.
    pub label: Arc<str>,
    /// The rules.
    pub zone: TimeZone,
}

/// What the program is, decided at start; of all this only the time zone is ever changed, by the owner on the screen.
#[derive(Debug, Clone)]
pub struct Program {
    /// Everything comes from the embedded simulated brokerage: the banner says SIMULATED.
    pub simulated: bool,
    /// Nothing may be changed at a broker.
    pub read_only: bool,
    /// The consent page can be approved from the waiting screen (the demo).
    pub can_approve: bool,
    /// For the screen.
    pub timezone: TimeZone,
    /// The zone's name as shown: `ET`.
    pub timezone_label: Arc<str>,
    /// What may be chosen instead; the configured one is the first.
    pub zones: Vec<Zone>,
    /// Ring on fills, rejections and lost connections.
    pub bell: bool,
    /// Notify the desktop, or run the owner's program, on the same.
    pub notify: bool,
    /// Orders of live accounts may be acted on at all (`[trading] live`).
    pub trading_live: bool,
    /// There is no configuration yet: welcome the newcomer.
    pub first_run: bool,
    /// Flash new fills.
    pub flash: bool,
    /// Where the configuration is or would be, for messages.
    pub config_path: Arc<str>,
}

impl Default for Program {
    /// A program with a broker's real accounts, quiet, in UTC.
    fn default() -> Self {
        Self {
            simulated: false,
            read_only: false,
            can_approve: false,
            timezone: TimeZone::UTC,
            timezone_label: Arc::from("UTC"),
            zones: Vec::new(),
            bell: false,
            notify: false,
            trading_live: false,
            first_run: false,
            flash: true,
            config_path: Arc::from(""),
        }
    }
}
