//! Time zones, where `TZ` and `TZDIR` lead to something that can be read to its end.
//!
//! The library reads any file that they lead to, a device without end included, so what it would read is looked at before.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::domain::text::sanitize_to;

/// Longest zone file, in bytes; the longest of the zone database have four thousand.
const LONGEST: u64 = 100 * 1024;
/// Longest part of `TZ` that is repeated, in characters.
const LONGEST_NAME: usize = 80;
/// What the system's zone is when `TZ` is not set, on Unix.
const SYSTEM: &str = "/etc/localtime";
/// The folder in front of a zone's name, by which the library finds the name in a path.
const DATABASE: &str = "zoneinfo/";

/// The machine's zone.
///
/// # Errors
/// A sentence, when the zone cannot be used; use UTC then.
pub fn of_machine() -> Result<TimeZone, String> {
    match refused_here() {
        None => Ok(TimeZone::system()),
        Some(sentence) => Err(sentence),
    }
}

/// Why the machine's zone is not read, as a sentence with its cure.
pub(super) fn refused_here() -> Option<String> {
    refused(std::env::var_os("TZ"), folder().as_deref())
}

/// The zone of this name; `None` when there is none that can be read.
pub fn get(name: &str) -> Option<TimeZone> {
    let unreadable = folder().and_then(|folder| unreadable_in(&folder, name));
    if unreadable.is_some() { None } else { TimeZone::get(name).ok() }
}

/// The folder that takes the place of the system's zones.
fn folder() -> Option<PathBuf> {
    std::env::var_os("TZDIR").map(PathBuf::from)
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

fn refused(variable: Option<OsString>, folder: Option<&Path>) -> Option<String> {
    let hint = "UTC is used in its place; set TZ to a name like Europe/Berlin";
    match variable {
        None => what_is_wrong(Path::new(SYSTEM)).map(|what| format!("{SYSTEM} {what}; {hint}")),
        Some(value) => {
            let (path, what) = unreadable(value.to_str()?, folder)?;
            let path = sanitize_to(&path.to_string_lossy(), LONGEST_NAME);
            Some(format!("the file that TZ names, {path}, {what}; {hint}"))
        }
    }
}

/// What keeps the file from being read that this value leads to. A rule like `EST5EDT` and the system's names lead to none.
fn unreadable(value: &str, folder: Option<&Path>) -> Option<(PathBuf, &'static str)> {
    let value = value.strip_prefix(':').unwrap_or(value);
    if value.is_empty() || TimeZone::posix(value).is_ok() {
        return None;
    }
    let name = value.rsplit_once(DATABASE).map_or(value, |(_, name)| name);
    if let Some(wrong) = folder.and_then(|folder| unreadable_in(folder, name)) {
        return Some(wrong);
    }
    if TimeZone::get(name).is_ok() {
        return None;
    }
    what_is_wrong(Path::new(value)).map(|what| (PathBuf::from(value), what))
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
        Some("is longer than any time zone")
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
            (file("long", 3 << 30), "longer"),
            (format!("{folder}/zoneinfo/../long"), "longer"),
        ] {
            std::fs::create_dir_all(dir.path().join("zoneinfo")).unwrap();
            let sentence = refused(Some(value.clone().into()), None).expect(&value);
            assert!(sentence.contains(what) && sentence.contains("UTC"), "{value}: {sentence}");
        }
        #[cfg(unix)]
        for value in ["/dev/zero", ":/dev/zero", "/usr/../dev/zero"] {
            assert!(
                refused(Some(value.into()), None).is_some_and(|sentence| sentence.contains("regular file")),
                "{value}"
            );
        }
        for value in ["", "UTC", "Europe/Berlin", ":Europe/Berlin", "EST5EDT", "<A>-3", "no/such/file"] {
            assert_eq!(refused(Some(value.into()), None), None, "{value}");
        }
        assert_eq!(refused(Some(file("short", 4_000).into()), None), None, "what is in it is the library's to say");
        std::fs::create_dir(dir.path().join("Area")).unwrap();
        file("Area/Long", 3 << 30);
        let there = |name: &str| refused(Some(name.into()), Some(dir.path()));
        assert!(there("area/LONG").is_some_and(|sentence| sentence.contains("longer")));
        assert!(there("LONG").is_some() && there("/zoneinfo/long").is_some());
        assert_eq!((there("short"), there("Area/none"), there("Europe/Berlin")), (None, None, None));
    }
}
