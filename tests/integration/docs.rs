//! The documents agree with the program.

mod references;

use std::path::Path;

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The text between two markers of the README.
fn block(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<!-- {name}:begin")).expect("the begin marker");
    let (_, rest) = rest.split_once("-->").expect("the end of the begin marker");
    let (shown, _) = rest.split_once(&format!("<!-- {name}:end -->")).expect("the end marker");
    shown.trim().to_owned()
}

/// `BROKERDECK_BLESS=1 cargo test` writes the generated text instead of comparing.
#[test]
fn the_keys_in_the_readme_are_the_key_table() {
    let generated = brokerdeck::app::keymap::markdown(&brokerdeck::app::keymap::Keymap::default());
    let readme = file("README.md");
    let shown = block(&readme, "keys");
    if std::env::var_os("BROKERDECK_BLESS").is_some() {
        let blessed = readme.replace(&shown, generated.trim());
        assert_eq!(block(&blessed, "keys"), generated.trim(), "the block could not be written");
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), blessed).unwrap();
        return;
    }
    assert_eq!(shown, generated.trim(), "run `BROKERDECK_BLESS=1 cargo test docs` and look at the difference");
}

/// Every function of the sources and tests, by name.
fn functions() -> std::collections::BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut todo = vec![root.join("src"), root.join("tests")];
    let mut found = std::collections::BTreeSet::new();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let name = |rest: &str| rest.split('(').next().unwrap().to_owned();
                found.extend(text.split("fn ").skip(1).map(name));
            }
        }
    }
    found
}

#[test]
fn every_defence_names_existing_tests() {
    let (text, known) = (file("SECURITY.md"), functions());
    let mut rows = 0;
    for row in text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| threat") && !line.starts_with("| ---"))
    {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(known.contains(name), "{name} is not a test: {row}");
        }
        rows += 1;
    }
    assert!(rows > 25, "the tables were not found");
}

/// The fenced blocks of a language, unchanged.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_document_of_themes_is_valid_and_names_every_role() {
    use brokerdeck::view::{Depth, Theme};
    let text = file("docs/THEMING.md");
    let themes: Vec<String> = blocks(&text, "toml").into_iter().filter(|block| block.contains("[styles]")).collect();
    assert!(!themes.is_empty());
    for theme in themes {
        for depth in [Depth::Mono, Depth::Ansi, Depth::Indexed, Depth::TrueColour] {
            Theme::parse(&theme, depth).unwrap();
        }
    }
    for role in Theme::ROLES {
        assert!(text.contains(&format!("| `{role}` |")), "{role} is not documented");
    }
    for name in Theme::names() {
        assert!(text.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn every_example_for_scripts_runs() {
    if std::process::Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped: jq is not installed, the examples of docs/SCRIPTING.md were not run");
        return;
    }
    let user = super::cli_setup::LinkedUser::linked().await;
    let examples = blocks(&file("docs/SCRIPTING.md"), "sh");
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let output = user.run("timeout", &["60", "sh", "-eu", "-c", &example]);
        assert!(output.status.success(), "{example}\n{output:?}");
        assert!(!output.stdout.is_empty(), "{example}\nprints nothing: {output:?}");
    }
}
