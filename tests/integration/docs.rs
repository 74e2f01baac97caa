//! What the documents show is what the program says.

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

/// `BROKERDECK_BLESS=1 cargo test` writes what is generated instead of comparing.
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

#[test]
fn every_file_the_readme_points_to_is_there() {
    for name in ["README.md", "ARCHITECTURE.md"] {
        let text = file(name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.contains("://") && !target.starts_with('#') {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
                assert!(path.exists(), "{name} points to {target}, which is not there");
            }
        }
    }
}
