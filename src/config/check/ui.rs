//! Checks `[ui]`: theme, time zone, the notify command.

use std::path::Path;

use super::Check;
use crate::config::{Ui, raw, zone};

const NOTIFY_COMMAND: &str = "write a program and its arguments, e.g. \"notify-send brokerdeck\", or remove the line";

impl Check<'_> {
    pub(super) fn ui(&mut self, raw: raw::Ui) -> Ui {
        let timezone_name = raw.timezone.as_ref().map_or("America/New_York", |name| name.get_ref()).to_owned();
        // The machine's zone is always among those to choose from.
        let of_machine = zone::of_machine().unwrap_or_else(|sentence| {
            self.warnings.push(sentence);
            jiff::tz::TimeZone::UTC
        });
        let found = match timezone_name.as_str() {
            "local" => Some(of_machine),
            "UTC" => Some(jiff::tz::TimeZone::UTC),
            name => zone::get(name),
        };
        let timezone = found.unwrap_or_else(|| {
            let line = raw.timezone.as_ref().map(|name| self.line(name));
            self.problem(line, "ui.timezone", "not a time zone", "use a name like America/New_York, or local, or UTC");
            jiff::tz::TimeZone::UTC
        });
        let notify_command =
            raw.notify_command.and_then(|command| self.command("ui.notify_command", command, NOTIFY_COMMAND));
        Ui {
            theme_line: raw.theme.as_ref().map(|name| self.line(name)),
            theme: raw.theme.map_or_else(|| "auto".to_owned(), |name| beside(self.base, name.get_ref())),
            bell: raw.bell,
            notify: raw.notify,
            notify_command: notify_command.unwrap_or_default(),
            flash: raw.flash.unwrap_or(true),
            mouse: raw.mouse.unwrap_or(true),
            ascii: raw.ascii,
            timezone,
            timezone_name,
        }
    }
}

/// A path of the configuration is relative to its folder; the name of a theme is no path.
fn beside(base: Option<&Path>, name: &str) -> String {
    let path = Path::new(name);
    let is_path = path.extension().is_some() || path.components().count() > 1;
    base.filter(|_| is_path).map_or_else(|| name.to_owned(), |base| base.join(path).to_string_lossy().into_owned())
}
