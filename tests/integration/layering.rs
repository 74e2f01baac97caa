//! Imports point down the list of layers only, and files stay small enough for one head.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers from the bottom up, and what else each may import besides what stands below it in its own row.
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

/// Built for tests only: the laboratory reads and writes what the real decoder does.
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
    assert!(found.len() > 20, "the sources are where this test looks for them");
    found
}

fn layer_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The crate modules a text names, comments left out.
fn imports(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let names = |rest: &str| -> Vec<String> {
        let word = |text: &str| text.chars().take_while(|ch| ch.is_alphanumeric() || *ch == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(group) => split_group(group).iter().map(|item| word(item.trim_start())).collect(),
            None => vec![word(rest)],
        }
    };
    code.split("crate::").skip(1).flat_map(names).filter(|name| !name.is_empty()).collect()
}

/// The items at the top level of a `use` group.
fn split_group(group: &str) -> Vec<String> {
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for ch in group.chars() {
        match ch {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(ch);
    }
    items.push(item);
    items
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
        for import in imports(&text) {
            let known = ALLOWED.iter().any(|(name, _)| *name == import);
            if known && import != layer && !allowed.contains(&import.as_str()) && !more.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}, which {layer} must not know", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What drives the accounts where there is no screen: each a file and the folder beside it.
const SCREENLESS: &[&str] =
    &["cli/watch", "io/connections", "io/runtime/headless", "io/runtime/memory", "io/runtime/slept", "io/signals"];

#[test]
fn what_runs_without_a_screen_does_not_know_what_a_screen_shows() {
    for place in SCREENLESS {
        let mut files = 0;
        for (path, text) in sources().iter().filter(|(path, _)| path.with_extension("").starts_with(place)) {
            files += 1;
            for layer in imports(text) {
                assert!(layer != "app" && layer != "view", "{} imports {layer}", path.display());
            }
        }
        assert!(files > 0, "{place} is where this test looks for it");
    }
}

#[test]
fn what_only_tests_may_reach_is_built_for_tests_only() {
    let session = &sources()[Path::new("session.rs")];
    assert!(session.contains("#[cfg(test)]\npub(crate) mod lab;"), "the laboratory is part of the program");
}

#[test]
fn the_simulated_brokerage_knows_nothing_of_ours_but_amounts() {
    for (path, text) in sources() {
        if layer_of(&path) == "sim" {
            for rest in text.split("crate::domain").skip(1) {
                assert!(rest.starts_with("::money"), "{} imports more of domain than money", path.display());
            }
        }
    }
}

/// Otherwise a new one is not a file and its drawing, but a search for every place that knows the others.
#[test]
fn overlays_are_told_apart_in_one_place_and_drawn_in_another() {
    let table = &sources()[Path::new("app/overlays.rs")];
    let (_, rows) = table.split_once("\noverlays! {\n").expect("the table of overlays");
    let names: Vec<&str> = rows
        .lines()
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim().split_once('(').filter(|(name, _)| !name.starts_with('/')).map(|(name, _)| name))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for (path, text) in sources() {
        let is_test = path.to_string_lossy().contains("tests");
        let drawing = path == Path::new("view/overlay.rs");
        for name in &names {
            let named = text.contains(&format!(" Overlay::{name}")) || text.contains(&format!("(Overlay::{name}"));
            assert!(named == drawing || is_test, "{}: Overlay::{name}", path.display());
        }
    }
}

#[test]
fn the_core_reaches_no_runtime_terminal_or_clock() {
    let forbidden: &[(&str, &[&str])] = &[
        ("domain", &["tokio", "crossterm", "ratatui", "reqwest", "std::fs", "std::net", "rusqlite"]),
        ("session", &["tokio", "crossterm", "ratatui", "reqwest", "std::fs", "std::net", "rusqlite"]),
        ("link", &["tokio", "crossterm", "ratatui", "reqwest", "std::fs", "std::net", "rusqlite"]),
        ("accounts", &["tokio", "crossterm", "ratatui", "reqwest", "std::fs", "std::net", "rusqlite"]),
        ("app", &["tokio::", "crossterm", "ratatui", "reqwest", "std::fs", "std::net", "rusqlite"]),
        ("view", &["tokio", "crossterm::", "reqwest", "std::fs", "std::net", "rusqlite"]),
    ];
    for (path, text) in sources() {
        let layer = layer_of(&path);
        let Some((_, words)) = forbidden.iter().find(|(name, _)| *name == layer) else { continue };
        let is_test = path.to_string_lossy().contains("tests") || path.to_string_lossy().contains("lab");
        for line in text.lines().filter(|line| line.trim_start().starts_with("use ")) {
            for word in *words {
                assert!(is_test || !line.contains(&format!(" {word}")), "{}: {line}", path.display());
            }
        }
    }
}

/// A text that is cut before its secrets are taken out shows what stood before the cut: the broker's words are cut by
/// `domain::secrets` alone, which takes them out first.
#[test]
fn what_a_broker_says_is_cut_only_where_its_secrets_are_taken_out() {
    for (path, text) in sources() {
        let is_test = path.file_stem().unwrap() == "tests";
        assert!(is_test || layer_of(&path) != "broker" || !text.contains("sanitize"), "{}", path.display());
    }
}

#[test]
fn no_module_file_is_called_mod() {
    for path in sources().keys() {
        assert!(path.file_name().unwrap() != "mod.rs", "{} should be a file beside its folder", path.display());
    }
}

#[test]
fn no_file_outgrows_one_head() {
    for (path, text) in sources() {
        let code = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count();
        assert!(code <= 600, "{} has {code} lines of code; split it", path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources() {
        let is_test = path.file_stem().unwrap() == "tests" || path.to_string_lossy().contains("tests/");
        assert!(is_test || text.starts_with("//!"), "{} opens without saying what it owns", path.display());
    }
}
