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
    for name in
        ["README.md", "ARCHITECTURE.md", "docs/LINKING.md", "docs/SCRIPTING.md", "docs/SIMULATOR.md", "docs/THEMING.md"]
    {
        let text = file(name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.contains("://") && !target.starts_with('#') {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
                let path = folder.parent().unwrap().join(target.split('#').next().unwrap());
                assert!(path.exists(), "{name} points to {target}, which is not there");
            }
        }
    }
}

/// The fenced blocks of a language, as they stand.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_themes_in_the_document_are_themes_and_every_role_is_told() {
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
        assert!(text.contains(&format!("| `{role}` |")), "{role} is not told");
    }
    for name in Theme::names() {
        assert!(text.contains(&format!("`{name}`")), "{name} is not told");
    }
}

/// A simulated brokerage with one linked account, as a stranger would set it up with the commands alone.
#[cfg(unix)]
struct Stranger {
    home: tempfile::TempDir,
    sim: std::process::Child,
}

#[cfg(unix)]
impl Stranger {
    async fn linked() -> Self {
        use std::io::BufRead;
        let home = tempfile::tempdir().unwrap();
        let mut sim = Self::command(home.path(), env!("CARGO_BIN_EXE_brokerdeck"))
            .args(["sim", "--seed", "5", "--pace", "20"])
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(sim.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let config = format!(
            "[tokens]\nstore = \"file\"\n[[brokers]]\nid = \"sim\"\nname = \"Simulated Paper\"\nenvironment = \"paper\"\n\
             authorize_url = {}\ntoken_url = {}\napi_url = {}\nstream_url = {}\nclient_id = {}\nclient_secret = {}\n\
             redirect_uris = {}\n",
            ready["authorize_url"],
            ready["token_url"],
            ready["paper"]["api_url"],
            ready["paper"]["stream_url"],
            ready["client_id"],
            ready["client_secret"],
            ready["redirect_uris"]
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        let mut link = Self::command(home.path(), env!("CARGO_BIN_EXE_brokerdeck"))
            .args(["link", "sim", "--no-browser", "--yes"])
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut said = std::io::BufReader::new(link.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        // What a person does in the browser: Allow pressed on the same page; the redirect reaches the callback server.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let allowed = client.post(url.trim()).header("content-type", "application/x-www-form-urlencoded");
        let answer = allowed.body("decision=allow").send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        assert!(link.wait().unwrap().success());
        Self { home, sim }
    }

    fn command(home: &Path, program: &str) -> std::process::Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_brokerdeck")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = std::process::Command::new(program);
        command
            .env_clear()
            .env("HOME", home)
            .env("PATH", path)
            .env("BROKERDECK_CONFIG", home.join("config.toml"))
            .current_dir(home)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command
    }
}

#[cfg(unix)]
impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.sim.kill());
        drop(self.sim.wait());
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn every_example_for_scripts_runs() {
    if std::process::Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped: jq is not installed, the examples of docs/SCRIPTING.md were not run");
        return;
    }
    let stranger = Stranger::linked().await;
    let examples = blocks(&file("docs/SCRIPTING.md"), "sh");
    assert!(examples.len() >= 8, "{}", examples.len());
    for example in examples {
        let mut command = Stranger::command(stranger.home.path(), "timeout");
        let output = command.args(["60", "sh", "-eu", "-c", &example]).output().unwrap();
        assert!(output.status.success(), "{example}\n{output:?}");
        assert!(!output.stdout.is_empty(), "{example}\nprints nothing: {output:?}");
    }
}
