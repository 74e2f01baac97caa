//! The OAuth client's secret, from the configured source. Never printed; used only in the exchange.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::config::{SecretSource, is_blank};
use crate::domain::text::sanitize_to;
use crate::io::child::{self, Group, Programs};

/// Time limit of the command, which may ask for a passphrase.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// Longest secret, in bytes.
const LONGEST_LINE: usize = 16 * 1024;

const NO_PROGRAM: &str = "client_secret_command does not name a program that can be started";

/// Reads the secret; `None` for a public client.
///
/// # Errors
/// A sentence that names the source but not its value.
pub(super) async fn resolve(source: &SecretSource, programs: &Programs) -> Result<Option<SecretString>, String> {
    match source {
        SecretSource::None => Ok(None),
        SecretSource::Inline(secret) => Ok(Some(secret.clone())),
        SecretSource::Env(name) => variable(name).map(Some),
        SecretSource::Command(words) => run(words, programs).await.map(Some),
    }
}

/// Reads the variable. Errors do not repeat its name, because the secret itself may have been written there.
pub(super) fn variable(name: &str) -> Result<SecretString, String> {
    let unusable = |what: &str| Err(format!("the environment variable that client_secret_env names {what}"));
    match std::env::var(name).map(Zeroizing::new) {
        Ok(value) if is_blank(&value) => unusable("is empty"),
        Ok(value) => Ok(SecretString::from(value.as_str())),
        Err(std::env::VarError::NotPresent) => unusable("is not set"),
        Err(std::env::VarError::NotUnicode(_)) => unusable("is not text"),
    }
}

/// Checks that a command's program exists, without running it, as far as possible. Errors do not repeat its name, as in
/// [`run`].
pub(super) fn find_program(words: &[String]) -> Result<(), String> {
    let Some(program) = words.first() else { return Err("client_secret_command is empty".to_owned()) };
    match child::find(program) {
        Ok(()) => Ok(()),
        Err(why) => Err(format!("{NO_PROGRAM}: {why}")),
    }
}

/// Reads the command's first line of output, without shell and terminal. Programs that it has started may go on.
async fn run(words: &[String], programs: &Programs) -> Result<SecretString, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("client_secret_command is empty".to_owned());
    };
    let Some(_leave) = programs.leave() else {
        return Err("client_secret_command was not run, because too many programs are running; try again".to_owned());
    };
    let mut command = programs.command(program);
    command.args(arguments).stdout(Stdio::piped());
    // What cannot be started may be the secret itself, so it is not repeated.
    let mut group = Group::start(&mut command).map_err(|error| format!("{NO_PROGRAM}: {error}"))?;
    let failed = |what: String| format!("client_secret_command ({}) {what}", name(words));
    let mut line = Zeroizing::new(Vec::new());
    let Ok(ended) = tokio::time::timeout(COMMAND_LIMIT, group.first_line(LONGEST_LINE, &mut line)).await else {
        return Err(failed("took more than 10 seconds".to_owned()));
    };
    let status = ended.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if !status.success() {
        return Err(failed(format!("ended with {status}; run it in a terminal to see why")));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    match std::str::from_utf8(line) {
        Ok(secret) if !is_blank(secret) => Ok(SecretString::from(secret)),
        Ok(_) => Err(failed("printed nothing on its first line".to_owned())),
        Err(_) => Err(failed("printed something that is not text".to_owned())),
    }
}

/// The program's name alone; its arguments may be secret.
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
        Ok(resolve(source, &Programs::hiding(&[])).await?.map(|secret| secret.expose_secret().to_owned()))
    }

    #[tokio::test]
    async fn a_public_client_and_one_in_the_file_need_nobody() {
        assert_eq!(secret(&SecretSource::None).await, Ok(None));
        assert_eq!(secret(&SecretSource::Inline("hush".into())).await, Ok(Some("hush".to_owned())));
    }

    #[tokio::test]
    async fn a_missing_variable_is_reported_by_its_setting_because_its_name_may_be_the_secret() {
        let error = secret(&SecretSource::Env("CANARY_UNSET".to_owned())).await.unwrap_err();
        assert!(error.contains("client_secret_env") && !error.contains("CANARY"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_is_found_without_being_run_exactly_where_it_could_be() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("plain"), "").unwrap();
        std::fs::write(path("script"), format!("#!/bin/sh\ntouch '{}'\necho hush\n", path("ran"))).unwrap();
        std::fs::set_permissions(path("script"), std::fs::Permissions::from_mode(0o700)).unwrap();
        for words in [["no-such-program-4815"], ["/nowhere/pass"], [&path("plain")], [&path("")], [&path("script/x")]] {
            let words = words.map(str::to_owned);
            let error = find_program(&words).unwrap_err();
            assert!(error.starts_with(NO_PROGRAM) && !error.contains(&words[0]), "{words:?}: {error}");
            let tried = run(&words, &Programs::hiding(&[])).await.unwrap_err();
            assert!(tried.starts_with(NO_PROGRAM), "{words:?}: {tried}");
        }
        assert_eq!(find_program(&[path("script")]), Ok(()));
        assert_eq!(find_program(&["true".to_owned()]), Ok(()));
        assert!(!std::fs::exists(path("ran")).unwrap());
        assert!(find_program(&[]).is_err());
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
        let cases = [
            (vec!["false", "hidden"], "ended with"),
            (vec!["true"], "printed nothing"),
            (vec!["printf", " \\t\\nhidden"], "printed nothing"),
        ];
        for (words, what) in cases {
            let error = secret(&command(&words)).await.unwrap_err();
            assert!(error.contains(what) && error.contains(words[0]) && !error.contains("hidden"), "{error}");
        }
        for words in [&["4815162342"][..], &["correct", "horse"], &["/nowhere/pass", "hidden"]] {
            let error = secret(&command(words)).await.unwrap_err();
            assert!(!words.iter().any(|word| error.contains(word)), "the secret written as its own source: {error}");
        }
    }
}
