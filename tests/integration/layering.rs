//! Imports point only down the list of layers, and files stay small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers, bottom first, and what each may import besides the layers below it.
const ALLOWED: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("domain", &[]),
    ("config", &["domain"]),
    ("session", &["domain"]),
    ("link", &["domain", "config"]),
    ("accounts", &["domain", "session", "link"]),
    ("app", &["domain", "session", "link", "config", "accounts"]),
    ("view", &["domain", "session", "link", "accounts", "app"]),
    ("broker", &["domain", "session", "config"]),
    ("sim", &["domain"]),
    ("io", &["domain", "config", "error", "session", "link", "accounts", "app", "view", "broker", "sim"]),
    ("cli", &["domain", "config", "error", "session", "link", "accounts", "app", "view", "broker", "sim", "io"]),
];

/// Built for tests only: the laboratory uses the real decoder.
const TEST_ONLY: (&str, &[&str]) = ("session/lab", &["broker"]);

fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut todo = vec![root.clone()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.insert(path.strip_prefix(&root).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 20, "no sources were found");
    found
}

/// Whether a file is built for tests only: it or a folder around it has exactly this name.
fn is_test(path: &Path) -> bool {
    path.with_extension("").iter().any(|part| part == "tests" || part == "lab")
}

fn layer_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The paths that a file names outside comments, from the root of the crate.
fn named(path: &Path, text: &str) -> Vec<Vec<String>> {
    let name = path.with_extension("").to_string_lossy().replace(['/', '\\'], "::");
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let (code, tests) = code.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&code, ""));
    let tests = super::circles::absolute(&format!("{name}::tests"), tests);
    super::circles::absolute(&name, code).into_iter().chain(tests).collect()
}

/// The layers that a file names.
fn imports(path: &Path, text: &str) -> Vec<String> {
    named(path, text).into_iter().filter_map(|path| path.into_iter().next()).collect()
}

#[test]
fn an_import_is_found_through_groups_and_by_any_number_of_supers() {
    let from = |text: &str| imports(Path::new("link/flow.rs"), text);
    for text in [
        "use crate::io::clock;",
        "use crate::{io, domain::X};",
        "use super::super::io::clock;",
        "super::super::io::f()",
    ] {
        assert!(from(text).contains(&"io".to_owned()), "{text}");
    }
    for text in ["use super::io::clock;", "// crate::io", "#[cfg(test)]\nmod tests {\nuse super::super::io::X;"] {
        assert!(!from(text).contains(&"io".to_owned()), "{text}");
    }
}

#[test]
fn imports_point_down_the_list_of_layers_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let layer = layer_of(&path);
        if layer == "lib" || layer == "main" {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == layer) else {
            wrong.push(format!("{} belongs to no layer", path.display()));
            continue;
        };
        let more = if path.starts_with(TEST_ONLY.0) { TEST_ONLY.1 } else { &[] };
        for import in imports(&path, &text) {
            let known = ALLOWED.iter().any(|(name, _)| *name == import);
            if known && import != layer && !allowed.contains(&import.as_str()) && !more.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}, which {layer} must not know", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The code that runs without a screen: each a file and its folder.
const SCREENLESS: &[&str] = &[
    "cli/account",
    "cli/activity",
    "cli/orders",
    "cli/positions",
    "cli/reader",
    "cli/watch",
    "io/connections",
    "io/runtime/headless",
    "io/runtime/journaling",
    "io/runtime/sleep_detection",
    "io/signals",
];

#[test]
fn code_that_runs_without_a_screen_does_not_import_the_screen() {
    let sources = sources();
    let is_below = |path: &Path, place: &str| path.with_extension("").starts_with(place);
    let mut todo: Vec<&PathBuf> = Vec::new();
    for place in SCREENLESS {
        let before = todo.len();
        todo.extend(sources.keys().filter(|path| is_below(path, place)));
        assert!(todo.len() > before, "{place} was not found");
    }
    // Everything that these files import must not know the screen either, but for the files whose folders they are in, and
    // the completion of command lines, which their options name and which no command runs.
    let is_around = |path: &Path| SCREENLESS.iter().any(|place| Path::new(place).starts_with(path.with_extension("")));
    let completion = Path::new("cli/complete.rs");
    let mut seen = todo.clone();
    while let Some(path) = todo.pop() {
        for named in named(path, &sources[path]) {
            assert!(named[0] != "app" && named[0] != "view", "{} imports {}", path.display(), named.join("::"));
            let file = |end: usize| sources.get_key_value(&PathBuf::from(named[..end].join("/")).with_extension("rs"));
            let found = (1..=named.len()).rev().find_map(file).map(|(path, _)| path);
            let follows = |found: &&PathBuf| !is_around(found) && *found != completion && !seen.contains(found);
            if let Some(found) = found.filter(follows) {
                seen.push(found);
                todo.push(found);
            }
        }
    }
}

/// A permit to change something at a broker comes from the guard alone, and the guard from what the accounts know.
#[test]
fn only_the_accounts_build_a_guard() {
    for (path, text) in sources() {
        let is_guard = path == Path::new("session/guard.rs");
        let builds = text.contains("GuardContext::of(") || text.contains("GuardContext {");
        assert!(is_guard || builds == (path == Path::new("accounts/orders.rs")), "{}", path.display());
        let mints = text.contains("CancelPermit {");
        assert_eq!(mints, is_guard, "{}: a permit", path.display());
    }
}

/// What an account shows changes by messages only: everyone else gets it to read.
#[test]
fn only_tests_change_an_account_from_outside() {
    for (path, text) in sources() {
        let used = text.contains("iter_mut_in_test") && path != Path::new("accounts.rs");
        assert!(!used || is_test(&path), "{} changes an account", path.display());
    }
}

#[test]
fn the_laboratory_is_built_for_tests_only() {
    let session = &sources()[Path::new("session.rs")];
    assert!(session.contains("#[cfg(test)]\npub(crate) mod lab;"), "the laboratory is part of the program");
}

#[test]
fn the_simulated_brokerage_imports_only_amounts() {
    for (path, text) in sources() {
        for named in named(&path, &text).into_iter().filter(|_| layer_of(&path) == "sim") {
            let more = named[0] == "domain" && named.get(1).is_none_or(|module| module != "money");
            assert!(!more, "{} imports {}", path.display(), named.join("::"));
        }
    }
}

/// So that a new overlay needs only its file and its drawing.
#[test]
fn overlays_are_matched_in_one_place_and_drawn_in_another() {
    let table = &sources()[Path::new("app/overlays.rs")];
    let (_, rows) = table.split_once("\noverlays! {\n").expect("the table of overlays");
    let names: Vec<&str> = rows
        .lines()
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim().split_once('(').filter(|(name, _)| !name.starts_with('/')).map(|(name, _)| name))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for (path, text) in sources() {
        let drawing = path == Path::new("view/overlay.rs");
        for name in &names {
            let named = text.contains(&format!(" Overlay::{name}")) || text.contains(&format!("(Overlay::{name}"));
            assert!(named == drawing || is_test(&path), "{}: Overlay::{name}", path.display());
        }
    }
}

#[test]
fn the_core_uses_no_runtime_terminal_or_clock() {
    const RUNTIME: &[&str] = &["tokio", "crossterm", "reqwest", "rusqlite", "std::fs", "std::net", "std::process"];
    const CLOCKS: &[&str] = &["std::time::Instant", "std::time::SystemTime", "Timestamp::now", "Zoned::now"];
    for (path, text) in sources() {
        let core = ["domain", "session", "link", "accounts", "app", "view"].contains(&layer_of(&path).as_str());
        if !core || is_test(&path) {
            continue;
        }
        // Only the view draws.
        let terminal = (layer_of(&path) != "view").then_some("ratatui");
        let forbidden: Vec<&str> = RUNTIME.iter().chain(CLOCKS).copied().chain(terminal).collect();
        for named in paths_of(&text) {
            let is_in =
                |word: &&&str| named.strip_prefix(**word).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
            let found = forbidden.iter().find(is_in);
            assert_eq!(found, None, "{} names {named}", path.display());
        }
    }
}

#[test]
fn a_path_is_found_wherever_code_names_it() {
    let found = |code: &str| paths_of(code).iter().any(|path| path == "std::fs" || path.starts_with("std::fs::"));
    for code in [
        "use std::fs;",
        "use std::{fs, io};",
        "use std::{io, fs::File};",
        "let a = std::fs::read(x);",
        "f(::std::fs::read)",
    ] {
        assert!(found(code), "{code}");
    }
    for code in ["// std::fs::read", "let a = \"std::fs::read\";", "mine::std::fs::read", "std::fsx::read"] {
        assert!(!found(code), "{code}");
    }
}

/// The paths that code names, in imports and elsewhere, with import groups expanded.
fn paths_of(text: &str) -> Vec<String> {
    let code = without_comments_and_strings(text);
    let is_inside = |ch: char| ch.is_alphanumeric() || "_:".contains(ch);
    let path_at = |(at, ch): (usize, char)| {
        let (before, rest) = code.split_at(at);
        // A path may begin with `::`.
        let begins = !before.strip_suffix("::").unwrap_or(before).ends_with(is_inside);
        (begins && (ch.is_alphabetic() || ch == '_')).then(|| super::circles::paths(rest))
    };
    code.char_indices().filter_map(path_at).flatten().collect()
}

/// The code of a text; a string is left out.
fn without_comments_and_strings(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(ch) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_at(comment.find('\n').unwrap_or(comment.len())).1;
        } else if let Some(after) = rest.strip_prefix("'\"'").or_else(|| rest.strip_prefix("'\\\"'")) {
            rest = after;
        } else if let Some(string) = rest.strip_prefix("r#\"") {
            rest = string.split_once("\"#").map_or("", |(_, after)| after);
        } else if let Some(string) = rest.strip_prefix('"') {
            let mut escaped = false;
            let ends = |ch| {
                let ends = ch == '"' && !escaped;
                escaped = ch == '\\' && !escaped;
                ends
            };
            rest = string.split_once(ends).map_or("", |(_, after)| after);
        } else {
            code.push(ch);
            rest = rest.strip_prefix(ch).unwrap_or_default();
        }
    }
    code
}

/// A secret truncated before removal would not be recognised, so only `domain::secrets` truncates the broker's text,
/// after removing secrets.
#[test]
fn a_brokers_text_is_truncated_only_where_secrets_are_removed() {
    for (path, text) in sources() {
        assert!(is_test(&path) || layer_of(&path) != "broker" || !text.contains("sanitize"), "{}", path.display());
    }
}

#[test]
fn no_module_file_is_called_mod() {
    for path in sources().keys() {
        assert!(path.file_name().unwrap() != "mod.rs", "{} should be a file beside its folder", path.display());
    }
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources() {
        let code = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count();
        assert!(code <= 600, "{} has {code} lines of code; split it", path.display());
    }
}

#[test]
fn every_file_starts_with_its_purpose() {
    for (path, text) in sources() {
        let is_test = path.with_extension("").iter().any(|part| part == "tests");
        assert!(is_test || text.starts_with("//!"), "{} opens without saying what it owns", path.display());
    }
}
