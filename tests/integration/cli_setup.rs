//! A user who sets up a simulated brokerage and links its account, by commands alone.

use std::path::Path;

/// A simulated brokerage with one linked account, set up by commands alone.
pub(crate) struct LinkedUser {
    home: tempfile::TempDir,
    sim: std::process::Child,
}

impl LinkedUser {
    /// Starts the brokerage and links its paper account by the command.
    pub(crate) async fn linked() -> Self {
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
        // The user's part in the browser: press Allow on the page; the redirect reaches the callback server.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let page = client.get(url.trim()).send().await.unwrap().text().await.unwrap();
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").expect("the form has a token");
        let (token, _) = rest.split_once('"').unwrap();
        let allowed = client.post(url.trim()).header("content-type", "application/x-www-form-urlencoded");
        let answer = allowed.body(format!("decision=allow&form_token={token}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        assert!(link.wait().unwrap().success());
        Self { home, sim }
    }

    /// Runs a program to its end, in a home where the commands find everything.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> std::process::Output {
        Self::command(self.home.path(), program).args(arguments).output().unwrap()
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

impl Drop for LinkedUser {
    fn drop(&mut self) {
        drop(self.sim.kill());
        drop(self.sim.wait());
    }
}
