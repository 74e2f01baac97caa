//! References in sources and documents resolve: sections, files, headings, tests, environment variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{file, functions};

/// Documents with numbered sections that comments cite, as `docs/NAME.md 4.2`.
const NUMBERED: [&str; 3] = ["ALPACA.md", "DESIGN.md", "RELIABILITY.md"];
/// Folders of the repository with texts to check.
const FOLDERS: [&str; 8] = [".ci", "assets", "benches", "docs", "examples", "fuzz", "src", "tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text of the repository by its path, without built, fetched or generated files.
fn texts() -> BTreeMap<PathBuf, String> {
    let mut todo: Vec<PathBuf> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
    let mut found = BTreeMap::new();
    let mut take = |path: &Path| {
        let kind = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if matches!(kind, "" | "md" | "mjs" | "py" | "rs" | "toml")
            && let Ok(text) = std::fs::read_to_string(path)
        {
            found.insert(path.strip_prefix(root()).unwrap().to_owned(), text);
        }
    };
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            take(&path);
        }
    }
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !path.is_dir() {
                take(&path);
            } else if !["artifacts", "corpus", "coverage", "node_modules", "target"].contains(&&*name) {
                todo.push(path);
            }
        }
    }
    assert!(found.len() > 200, "the texts were not found");
    found
}

fn documents() -> BTreeMap<PathBuf, String> {
    texts().into_iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "md")).collect()
}

/// The words of a text without comment markers, because a sentence may span lines.
fn words(text: &str) -> Vec<&str> {
    text.lines()
        .flat_map(|line| {
            let line = line.trim_start();
            let marks = ["//!", "///", "//", "# "];
            marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).split_whitespace()
        })
        .collect()
}

/// The numbers of a document's headings, with an optional letter: `5.11`, `5.11 D`.
fn sections(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in text.lines().filter_map(|line| line.strip_prefix('#')) {
        let mut words = heading.trim_start_matches('#').split_whitespace();
        let number = words.next().unwrap_or_default().trim_end_matches('.');
        if number.starts_with(|ch: char| ch.is_ascii_digit()) {
            found.insert(number.to_owned());
            if let Some(letter) = words.next().and_then(letter) {
                found.insert(format!("{number} {letter}"));
            }
        }
    }
    found
}

fn letter(word: &str) -> Option<char> {
    let word = word.trim_end_matches(|ch: char| ch.is_ascii_punctuation());
    let mut chars = word.chars();
    chars.next().filter(|ch| ch.is_ascii_uppercase() && chars.next().is_none())
}

/// The section number at the start of a word, and whether the citation may continue after it.
fn number(word: &str) -> Option<(&str, bool)> {
    let end = word.find(|ch: char| !ch.is_ascii_digit() && ch != '.').unwrap_or(word.len());
    let (digits, rest) = word.split_at(end);
    let number = digits.trim_end_matches('.');
    (!number.is_empty()).then_some((number, rest.is_empty() && number == digits || rest == ","))
}

/// Every section that a text cites: the document's name, the section.
fn citations(text: &str) -> Vec<(&'static str, String)> {
    let words = words(text);
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let named = word.trim_end_matches(')');
        let Some(name) = NUMBERED.into_iter().find(|name| {
            named.strip_suffix(name).is_some_and(|before| !before.ends_with(|ch: char| ch.is_ascii_alphanumeric()))
        }) else {
            continue;
        };
        let mut rest = words[at + 1..].iter().peekable();
        while let Some((section, more)) = rest.next().and_then(|word| number(word)) {
            let letter = rest.peek().filter(|_| more).and_then(|word| letter(word));
            found.push((name, letter.map_or_else(|| section.to_owned(), |letter| format!("{section} {letter}"))));
            rest.next_if(|word| more && matches!(**word, "and" | "to"));
            if !more || letter.is_some() || rest.peek().is_none_or(|word| number(word).is_none()) {
                break;
            }
        }
    }
    found
}

#[test]
fn citations_are_recognised_in_every_form_in_use() {
    let name = NUMBERED[0];
    let read = |tail: &str| -> Vec<String> {
        citations(&format!("//! (docs/{name}\n/// {tail}")).into_iter().map(|(_, section)| section).collect()
    };
    assert_eq!(read("4.2)."), ["4.2"]);
    assert_eq!(read("4.2, 5.1 and 6 to 7)"), ["4.2", "5.1", "6", "7"]);
    assert_eq!(read("5.11 D): each"), ["5.11 D"]);
    assert_eq!(read("11, P4), 3 of them"), ["11"]);
    assert_eq!(read("9.1. 3 more"), ["9.1"]);
    assert!(read("marks C and U").is_empty());
    assert_eq!(
        sections("## 4. Rest\n#### 5.11 D Replace\n### 6.1 Frames"),
        ["4", "5.11", "5.11 D", "6.1"].map(str::to_owned).into()
    );
}

#[test]
fn every_cited_section_exists() {
    let known: BTreeMap<&str, BTreeSet<String>> =
        NUMBERED.into_iter().map(|name| (name, sections(&file(&format!("docs/{name}"))))).collect();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in texts() {
        for (name, section) in citations(&text) {
            count += 1;
            if !known[name].contains(&section) && !path.ends_with("docs/references.rs") {
                wrong.push(format!("{} cites {name} {section}, which is not a heading", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 150, "only {count} citations were found");
}

/// Names of documents without a path.
#[test]
fn every_citation_has_its_path() {
    let bare = |word: &str, next: &str| {
        let word = word.trim_start_matches(|ch: char| ch.is_ascii_punctuation());
        let section = next.starts_with(|ch: char| ch.is_ascii_digit());
        let budget = next.strip_prefix('P').is_some_and(|rest| rest.starts_with(|ch: char| ch.is_ascii_digit()));
        let names = ["ALPACA", "API", "DESIGN", "PERFORMANCE", "RELIABILITY", "STYLE"];
        names.contains(&word) && (section || budget) || word.strip_suffix(".md") == Some("API")
    };
    for (path, text) in texts() {
        let words = words(&text);
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1).copied().unwrap_or_default();
            assert!(!bare(word, next), "{}: {word} {next}: write docs/NAME.md and the number", path.display());
            let named = NUMBERED.iter().any(|name| word.trim_start_matches('(') == *name);
            let source = path.extension().is_some_and(|kind| kind == "rs" || kind == "py");
            assert!(!source || !named, "{}: {word}: write docs/ before it", path.display());
        }
    }
}

/// The anchor of a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = |ch: &char| ch.is_alphanumeric() || matches!(ch, ' ' | '-' | '_');
    heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

#[test]
fn every_link_of_a_document_resolves() {
    let mut count = 0;
    for (path, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (name, heading) = target.split_once('#').unwrap_or((target, ""));
            let leads = if name.is_empty() { path.clone() } else { path.parent().unwrap().join(name) };
            let found = root().join(&leads);
            assert!(found.exists(), "{} points to {target}, which does not exist", path.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&found).unwrap();
                let known = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(known, "{} points to {target}, which is not a heading", path.display());
            }
        }
    }
    assert!(count > 30, "only {count} links were found");
}

/// The repository path that a word of a document may be, without surrounding punctuation.
fn path_in(word: &str, marked: bool) -> Option<&str> {
    let around = |ch: char| ch.is_ascii_punctuation() && !matches!(ch, '.' | '/' | '_' | '-') || ch == '…';
    let word = word.trim_matches(around).trim_end_matches(['.', '/']);
    if word.contains(|ch: char| !ch.is_ascii_alphanumeric() && !matches!(ch, '.' | '/' | '_' | '-')) {
        return None;
    }
    let (first, _) = word.split_once('/')?;
    let kind = Path::new(word).extension().and_then(OsStr::to_str).unwrap_or_default();
    let ours =
        FOLDERS.contains(&first) || marked && !first.is_empty() && matches!(kind, "md" | "mjs" | "py" | "rs" | "toml");
    ours.then_some(word)
}

#[test]
fn every_path_in_a_document_exists() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in documents() {
        let folder = path.parent().unwrap();
        for (at, piece) in text.split('`').enumerate() {
            for named in piece.split_whitespace().filter_map(|word| path_in(word, at % 2 == 1)) {
                count += 1;
                // A module's folder ends with a slash; a path of the sources has no `src`.
                let places = [root().join(named), root().join("src").join(named), root().join(folder).join(named)];
                if !places.iter().any(|place| place.exists()) {
                    wrong.push(format!("{} names {named}, which does not exist", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 60, "only {count} paths were found");
}

#[test]
fn every_test_that_a_document_runs_exists() {
    let mut known = functions();
    let modules = texts().into_keys().filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    known.extend(modules.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()));
    for (path, text) in documents() {
        for rest in text.split("cargo test ").skip(1) {
            let line = rest.lines().next().unwrap_or_default();
            let command = line.split(['`', '#']).next().unwrap_or_default().split(" -- ").next().unwrap_or_default();
            let mut option = false;
            for word in command.split_whitespace() {
                let value = std::mem::replace(&mut option, word == "--test");
                if value
                    || word.starts_with('-')
                    || !word.chars().all(|ch| ch.is_ascii_alphanumeric() || matches!(ch, '_' | ':'))
                {
                    continue;
                }
                for part in word.split("::") {
                    let found = known.iter().any(|name| name.contains(part));
                    assert!(found, "{}: cargo test {word} runs nothing", path.display());
                }
            }
        }
    }
}

/// Every environment variable of the program, without those that tests pass to themselves.
fn variables(text: &str) -> BTreeSet<String> {
    let prefix = concat!("BROKERDECK", "_");
    text.split(prefix)
        .skip(1)
        .map(|rest| rest.chars().take_while(|ch| ch.is_ascii_uppercase() || *ch == '_').collect::<String>())
        .filter(|name| !name.is_empty() && !name.starts_with("TEST_"))
        .map(|name| format!("{prefix}{name}"))
        .collect()
}

#[test]
fn the_table_of_environment_switches_is_complete() {
    let mut used = BTreeSet::new();
    for (path, text) in texts() {
        if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") || path.ends_with("run") {
            used.append(&mut variables(&text));
        }
    }
    let table: String = file("CONTRIBUTING.md").lines().filter(|line| line.starts_with("| `BROKERDECK")).collect();
    assert_eq!(variables(&table), used, "CONTRIBUTING.md has a row for each variable that is read, and no other");
}
