//! The OAuth client's secret from where the configuration says. Never printed, never passed on but to the exchange.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;

use crate::config::SecretSource;
use crate::domain::text::sanitize_to;

/// How long the command may take; it may have to ask for a passphrase.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// The most output that is read, in bytes.
const LONGEST_OUTPUT: u64 = 64 * 1024;

/// The secret; `None` for a public client.
///
/// # Errors
/// A sentence that names the source and never its value.
pub(super) async fn resolve(source: &SecretSource) -> Result<Option<SecretString>, String> {
    match source {
        SecretSource::None => Ok(None),
        SecretSource::Inline(secret) => Ok(Some(secret.clone())),
        SecretSource::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Some(SecretString::from(value))),
            _ => Err(format!("the environment variable {} with the client secret is not set", sanitize_to(name, 64))),
        },
        SecretSource::Command(words) => match tokio::time::timeout(COMMAND_LIMIT, run(words)).await {
            Ok(secret) => secret.map(Some),
            Err(_) => Err(format!("client_secret_command ({}) took more than 10 seconds", name(words))),
        },
    }
}

/// The command's first line of output; no shell, no terminal.
async fn run(words: &[String]) -> Result<SecretString, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("client_secret_command is empty".to_owned());
    };
    let failed = |what: String| format!("client_secret_command ({}) {what}", name(words));
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut output = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(LONGEST_OUTPUT)
            .read_to_end(&mut output)
            .await
            .map_err(|error| failed(format!("cannot be read: {error}")))?;
    }
    let status = child.wait().await.map_err(|error| failed(format!("was lost: {error}")))?;
    if !status.success() {
        return Err(failed(format!("ended with {status}; run it in a terminal to see why")));
    }
    let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(secret) if !secret.is_empty() => Ok(SecretString::from(secret)),
        Ok(_) => Err(failed("printed nothing on its first line".to_owned())),
        Err(_) => Err(failed("printed something that is not text".to_owned())),
    }
}

/// The program alone: its arguments may say more than should be shown.
fn name(words: &[String]) -> String {
    words.first().map(|program| sanitize_to(program, 64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn command(words: &[&str]) -> SecretSource {
        SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    async fn secret(source: &SecretSource) -> Result<Option<String>, String> {
        Ok(resolve(source).await?.map(|secret| secret.expose_secret().to_owned()))
    }

    #[tokio::test]
    async fn a_public_client_and_one_in_the_file_need_nobody() {
        assert_eq!(secret(&SecretSource::None).await, Ok(None));
        assert_eq!(secret(&SecretSource::Inline("hush".into())).await, Ok(Some("hush".to_owned())));
    }

    #[tokio::test]
    async fn a_missing_variable_is_named() {
        let error = secret(&SecretSource::Env("BROKERDECK_TEST_UNSET".to_owned())).await.unwrap_err();
        assert!(error.contains("BROKERDECK_TEST_UNSET"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_first_line_of_a_command_counts_and_no_shell_reads_it() {
        assert_eq!(secret(&command(&["printf", "hush\\nsecond\\n"])).await, Ok(Some("hush".to_owned())));
        assert_eq!(secret(&command(&["printf", "hush\\r\\n"])).await, Ok(Some("hush".to_owned())));
        assert_eq!(secret(&command(&["echo", "$HOME;id"])).await, Ok(Some("$HOME;id".to_owned())));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_that_fails_is_named_without_its_arguments() {
        for (words, what) in [
            (vec!["false", "hidden"], "ended with"),
            (vec!["/nowhere/pass", "hidden"], "cannot be started"),
            (vec!["true"], "printed nothing"),
        ] {
            let error = secret(&command(&words)).await.unwrap_err();
            assert!(error.contains(what) && error.contains(words[0]) && !error.contains("hidden"), "{error}");
        }
    }
}
