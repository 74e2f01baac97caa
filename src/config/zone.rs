//! Time zones, where `TZ` and `TZDIR` lead to something that can be read to its end.
//!
//! The library reads any file that they lead to, a device without end included, so what it would read is looked at before.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::domain::text::sanitize_to;

/// Longest zone file, in bytes; the longest of the zone database have four thousand.
const LONGEST: u64 = 100 * 1024;
/// Longest part of `TZ` that is repeated, in characters.
const LONGEST_NAME: usize = 80;
/// What the system's zone is when `TZ` is not set, on Unix.
const SYSTEM: &str = "/etc/localtime";
/// The folder in front of a zone's name, by which the library finds the name in a path.
const DATABASE: &str = "zoneinfo/";
/// What is said of a file of another form.
const NO_ZONE: &str = "is not a time zone file";

/// The machine's zone.
///
/// # Errors
/// A sentence, when the zone cannot be used; use UTC then.
pub fn of_machine() -> Result<TimeZone, String> {
    of(std::env::var_os("TZ"), folder().as_deref())
}

/// The zone of this name, of the system's database or else of the built-in one; `None` when neither has it.
pub fn get(name: &str) -> Option<TimeZone> {
    named(name, folder().as_deref())
}

/// The folder that takes the place of the system's zones.
fn folder() -> Option<PathBuf> {
    std::env::var_os("TZDIR").map(PathBuf::from)
}

fn named(name: &str, folder: Option<&Path>) -> Option<TimeZone> {
    let readable = folder.is_none_or(|folder| unreadable_in(folder, name).is_none());
    let of_system = readable.then(|| TimeZone::get(name).ok()).flatten();
    // The folder may have only some zones, or none; the others are still built in.
    of_system.or_else(|| TimeZoneDatabase::bundled().get(name).ok())
}

/// What keeps the zone of this name from being read there. The library compares names without regard to case.
fn unreadable_in(folder: &Path, name: &str) -> Option<(PathBuf, &'static str)> {
    let mut found = vec![folder.to_owned()];
    for part in name.split('/') {
        let entries = found.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let same = |name: &OsStr| name.to_str().is_some_and(|name| name.eq_ignore_ascii_case(part));
        found = entries.filter(|entry| same(&entry.file_name())).map(|entry| entry.path()).collect();
    }
    found.into_iter().find_map(|path| what_is_wrong(&path).map(|what| (path, what)))
}

/// The zone that `TZ` names, in the forms of glibc, or the system's without it.
fn of(variable: Option<OsString>, folder: Option<&Path>) -> Result<TimeZone, String> {
    let hint = "using UTC; set TZ to a name like Europe/Berlin";
    let Some(value) = variable else {
        let system = Path::new(SYSTEM);
        return match what_is_wrong(system) {
            Some(what) => Err(format!("{SYSTEM} {what}; {hint}")),
            None => match TimeZone::try_system() {
                Err(_) if system.exists() => Err(format!("{SYSTEM} {NO_ZONE}; {hint}")),
                found => Ok(found.unwrap_or(TimeZone::UTC)),
            },
        };
    };
    let shown = |text: &str| sanitize_to(text, LONGEST_NAME);
    let Some(value) = value.to_str() else {
        return Err(format!("TZ is {}, which is not UTF-8; {hint}", shown(&value.to_string_lossy())));
    };
    let name = value.strip_prefix(':').unwrap_or(value);
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    if let Ok(rule) = TimeZone::posix(name) {
        return Ok(rule);
    }
    let in_database = name.rsplit_once(DATABASE).map_or(name, |(_, name)| name);
    // The same zones, without leap seconds, which are not counted here anyway.
    let in_database = in_database.strip_prefix("posix/").unwrap_or(in_database);
    if let Some((path, what)) = folder.and_then(|folder| unreadable_in(folder, in_database)) {
        return Err(format!("the file that TZ names, {}, {what}; {hint}", shown(&path.to_string_lossy())));
    }
    if let Some(zone) = named(in_database, folder) {
        return Ok(zone);
    }
    let path = Path::new(name);
    if let Some(what) = what_is_wrong(path) {
        return Err(format!("the file that TZ names, {}, {what}; {hint}", shown(name)));
    }
    match std::fs::read(path) {
        Ok(bytes) => TimeZone::tzif("TZ", &bytes)
            .map_err(|_| format!("the file that TZ names, {}, {NO_ZONE}; {hint}", shown(name))),
        Err(_) => Err(format!("TZ is {}, which is not a known time zone; {hint}", shown(value))),
    }
}

/// What keeps a file from being read as a zone; nothing does where there is none, for then nothing is read.
fn what_is_wrong(path: &Path) -> Option<&'static str> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() {
        Some("is not a regular file")
    } else if about.len() == 0 {
        // A file of the kernel has no length and may have no end.
        Some("is empty")
    } else if about.len() > LONGEST {
        Some("is too long for a time zone file")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_could_not_be_read_to_its_end_is_not_read_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, length: u64| {
            let path = dir.path().join(name);
            std::fs::File::create(&path).unwrap().set_len(length).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let folder = dir.path().to_str().unwrap().to_owned();
        for (value, what) in [
            (folder.clone(), "regular file"),
            (format!(":{folder}"), "regular file"),
            (file("empty", 0), "empty"),
            (file("long", 3 << 30), "too long"),
            (format!("{folder}/zoneinfo/../long"), "too long"),
        ] {
            std::fs::create_dir_all(dir.path().join("zoneinfo")).unwrap();
            let sentence = of(Some(value.clone().into()), None).expect_err(&value);
            assert!(sentence.contains(what) && sentence.contains("UTC"), "{value}: {sentence}");
        }
        #[cfg(unix)]
        for value in ["/dev/zero", ":/dev/zero", "/usr/../dev/zero"] {
            let sentence = of(Some(value.into()), None).expect_err(value);
            assert!(sentence.contains("regular file"), "{value}: {sentence}");
        }
        std::fs::create_dir(dir.path().join("Area")).unwrap();
        file("Area/Long", 3 << 30);
        let there = |name: &str| of(Some(name.into()), Some(dir.path()));
        assert!(there("area/LONG").is_err_and(|sentence| sentence.contains("too long")));
        assert!(there("LONG").is_err() && there("/zoneinfo/long").is_err());
        assert!(there("Europe/Berlin").is_ok(), "what the folder lacks is built in");
    }

    #[test]
    fn tz_is_a_name_a_rule_or_a_file_and_what_is_none_is_said() {
        let name = |value: &str| {
            let zone = of(Some(value.into()), None).expect(value);
            zone.iana_name().map(str::to_owned)
        };
        for value in ["Europe/Berlin", ":Europe/Berlin", "europe/berlin", "posix/Europe/Berlin"] {
            assert_eq!(name(value).as_deref(), Some("Europe/Berlin"), "{value}");
        }
        assert_eq!(name("/usr/share/zoneinfo/posix/Europe/Berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!((name("").as_deref(), name("UTC").as_deref()), (Some("UTC"), Some("UTC")));
        assert_eq!((name("<+03>-3"), name("EST5EDT,M3.2.0,M11.1.0")), (None, None));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zone");
        std::fs::write(&path, "no zone").unwrap();
        let file = path.to_str().unwrap();
        for value in ["Europe/Berln", "right/Europe/Berlin", "no/such/file", "MEZ?", file] {
            let sentence = of(Some(value.into()), None).expect_err(value);
            assert!(sentence.contains(value) && sentence.contains("using UTC"), "{sentence}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            assert!(of(Some(OsString::from_vec(vec![0xff])), None).is_err_and(|sentence| sentence.contains("UTF-8")));
        }
    }
}
