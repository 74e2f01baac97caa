//! No files import each other in a circle, because no file of a circle can be read, tested or moved alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Every layer that has a folder, so that a new one is checked too.
fn layers() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The modules of a layer by path (`app::update::keys`), each with its code, without tests.
fn modules(layer: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut todo = vec![root.join(layer), root.join(format!("{layer}.rs"))];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().replace(['/', '\\'], "::");
        if !name.split("::").any(|part| part == "tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.insert(name, code.join("\n"));
        }
    }
    assert!(found.len() > 3, "no sources of {layer} were found");
    found
}

/// The paths named by a `use` tree or an expression at the start of a text.
pub(super) fn paths(text: &str) -> Vec<String> {
    let end = text.find(|ch: char| !(ch.is_alphanumeric() || "_:".contains(ch))).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if !rest.starts_with('{') {
        return vec![head.trim_end_matches(':').to_owned()];
    }
    let (mut depth, mut item, mut found) = (0, String::new(), Vec::new());
    for ch in rest.chars().skip(1) {
        match ch {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                found.extend(paths(item.trim()).into_iter().map(|path| format!("{head}{path}")));
                item.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        item.push(ch);
    }
    found.extend(paths(item.trim()).into_iter().map(|path| format!("{head}{path}")));
    found
}

/// The paths that a module's code names by `crate::`, `super::` or `self::`, from the root of the crate.
pub(super) fn absolute(name: &str, code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            // The second part of `super::super::` belongs to the first, and `mysuper::` is another name.
            let (before, from_here) = code.split_at(at);
            if before.ends_with(|ch: char| ch.is_alphanumeric() || "_:".contains(ch)) {
                continue;
            }
            for path in paths(from_here) {
                let mut from: Vec<&str> = name.split("::").collect();
                let mut parts: Vec<&str> = path.split("::").collect();
                match parts[0] {
                    "crate" => from.clear(),
                    "super" => {
                        while parts.first() == Some(&"super") {
                            from.pop();
                            parts.remove(0);
                        }
                    }
                    _ => {}
                }
                let parts = parts.into_iter().filter(|part| !["crate", "self"].contains(part));
                found.push(from.into_iter().chain(parts).map(str::to_owned).collect());
            }
        }
    }
    found
}

/// The modules of its own layer that a module imports from.
fn imports(name: &str, code: &str, known: &BTreeMap<String, String>) -> BTreeSet<String> {
    let held = |path: Vec<String>| {
        (1..=path.len()).rev().map(|end| path[..end].join("::")).find(|path| known.contains_key(path))
    };
    absolute(name, code).into_iter().filter_map(held).filter(|path| path != name).collect()
}

/// Per folder, the imports between its files; a file includes the folder of its name.
fn folders(modules: &BTreeMap<String, String>) -> BTreeMap<String, Graph> {
    let mut folders: BTreeMap<String, Graph> = BTreeMap::new();
    for (name, code) in modules {
        for other in imports(name, code, modules) {
            let (mine, theirs): (Vec<&str>, Vec<&str>) = (name.split("::").collect(), other.split("::").collect());
            let common = mine.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            // A parent and its child do not count as a circle: the child uses the parent's definitions.
            if let (Some(from), Some(to)) = (mine.get(common), theirs.get(common)) {
                let folder = folders.entry(mine[..common].join("::")).or_default();
                folder.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            }
        }
    }
    folders
}

/// The files of a circle.
fn circle(graph: &Graph) -> Vec<&str> {
    let reaches_itself = |start: &&String| {
        let (mut todo, mut seen) = (vec![start.as_str()], BTreeSet::new());
        while let Some(name) = todo.pop() {
            for next in graph.get(name).into_iter().flatten() {
                if next == *start {
                    return true;
                }
                if seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        false
    };
    graph.keys().filter(reaches_itself).map(String::as_str).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    let layers = layers();
    assert!(layers.len() > 8, "no layers were found");
    for layer in layers {
        for (folder, graph) in folders(&modules(&layer)) {
            let names = circle(&graph);
            if !names.is_empty() {
                wrong.push(format!("{folder}: {}", names.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found_through_groups_children_and_whole_paths() {
    let code = [
        ("app", ""),
        ("app::a", "use super::b::{Two, c::Three};"),
        ("app::b", "fn f() { crate::app::d::g() }"),
        ("app::d", ""),
        ("app::d::e", "use super::super::a;\nuse crate::{app::{a::One}, domain::X};"),
    ];
    let modules: BTreeMap<String, String> =
        code.into_iter().map(|(name, code)| (name.to_owned(), code.to_owned())).collect();
    assert_eq!(circle(&folders(&modules)["app"]), ["a", "b", "d"]);
    let open = modules.into_iter().filter(|(name, _)| name != "app::d::e").collect();
    assert_eq!(circle(&folders(&open)["app"]), Vec::<&str>::new());
}
