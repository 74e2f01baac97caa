//! Settings of the running program; fixed at start, except for the time zone.

use std::sync::Arc;

use jiff::tz::TimeZone;

/// A time zone that can be chosen.
#[derive(Debug, Clone)]
pub struct Zone {
    /// The IANA name, like `America/New_York`.
    pub name: Arc<str>,
    /// As shown beside a time: `ET`.
    pub label: Arc<str>,
    /// The offsets from UTC.
    pub zone: TimeZone,
}

/// Settings of the running program; fixed at start, except for the time zone.
#[derive(Debug, Clone)]
pub struct Program {
    /// The demo: everything comes from the embedded simulated brokerage, and the header says SIMULATED.
    pub simulated: bool,
    /// `--read-only`: nothing may be changed at a broker.
    pub read_only: bool,
    /// Whether the waiting screen can approve the consent page (the demo).
    pub can_approve: bool,
    /// The time zone of the screen.
    pub timezone: TimeZone,
    /// The zone's short name as shown: `ET`.
    pub timezone_label: Arc<str>,
    /// The zones to choose from, the configured one first.
    pub zones: Vec<Zone>,
    /// The names of the themes to choose from; none where the terminal shows no colours.
    pub themes: Vec<Arc<str>>,
    /// The command line names a theme, so the one kept from an earlier run is not used.
    pub theme_given: bool,
    /// Ring on fills, rejections and lost connections.
    pub bell: bool,
    /// Notify the desktop, or run the notify command, on the same events.
    pub notify: bool,
    /// Whether orders may be placed on live accounts (`[trading] live`).
    pub trading_live: bool,
    /// There is no configuration yet, so the welcome screen is shown.
    pub first_run: bool,
    /// Flash new fills.
    pub flash: bool,
    /// Path of the configuration file, which need not exist.
    pub config_path: Arc<str>,
}

impl Default for Program {
    /// Settings for real accounts: no bell, UTC.
    fn default() -> Self {
        Self {
            simulated: false,
            read_only: false,
            can_approve: false,
            timezone: TimeZone::UTC,
            timezone_label: Arc::from("UTC"),
            zones: Vec::new(),
            themes: Vec::new(),
            theme_given: false,
            bell: false,
            notify: false,
            trading_live: false,
            first_run: false,
            flash: true,
            config_path: Arc::from(""),
        }
    }
}
