//! The time zones to choose from: the configured one, the machine's, UTC, and those of markets and traders.
//!
//! Other zones can be configured. All are loaded at start, so that choosing one needs no file.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::app::model::Zone;
use crate::config::zone;

/// From west to east.
const MARKETS: [&str; 14] = [
    "America/Los_Angeles",
    "America/Chicago",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Zurich",
    "Europe/Berlin",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Hong_Kong",
    "Asia/Tokyo",
    "Australia/Sydney",
];

/// The zones to choose from, the configured one first; each once.
pub fn offered(configured: &str, zone: &TimeZone) -> Vec<Zone> {
    let first = named(zone.iana_name().unwrap_or(configured), zone.clone());
    let machine = zone::of_machine().unwrap_or(TimeZone::UTC);
    let machine = machine.iana_name().map(|name| named(name, machine.clone()));
    let utc = named("UTC", TimeZone::UTC);
    let markets = MARKETS.into_iter().filter_map(|name| Some(named(name, zone::get(name)?)));
    let mut zones: Vec<Zone> = Vec::new();
    for zone in std::iter::once(first).chain(machine).chain([utc]).chain(markets) {
        if zones.iter().all(|known| known.name != zone.name) {
            zones.push(zone);
        }
    }
    zones
}

/// A zone with its short name: `ET`, `UTC`, or its city.
fn named(name: &str, zone: TimeZone) -> Zone {
    let label = match name {
        "America/New_York" | "US/Eastern" => "ET".to_owned(),
        "Etc/UTC" | "UTC" => "UTC".to_owned(),
        name => name.rsplit('/').next().unwrap_or(name).replace('_', " "),
    };
    let name = if name == "Etc/UTC" { "UTC" } else { name };
    Zone { name: Arc::from(name), label: Arc::from(label), zone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_zone_comes_first_and_none_comes_twice() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let zones = offered("Asia/Tokyo", &tokyo);
        assert_eq!((&*zones[0].name, &*zones[0].label), ("Asia/Tokyo", "Tokyo"));
        let mut names: Vec<&str> = zones.iter().map(|zone| &*zone.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(zones.iter().any(|zone| &*zone.label == "ET") && zones.iter().any(|zone| &*zone.label == "Hong Kong"));
    }
}
