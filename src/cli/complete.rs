//! Shell completions that depend on data: names of linked accounts, brokers and themes.
//!
//! Runs at every press of Tab: it uses no network and no secret store, writes nothing, and returns nothing where a file
//! cannot be read.

use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser};
use clap_complete::engine::CompletionCandidate;
use clap_complete::{CompleteEnv, Shell};

use super::{Cli, Global, output, paths};
use crate::config::Config;
use crate::domain::text::clean;
use crate::error::Error;
use crate::io::links::Links;
use crate::view::theme::Theme;

/// The environment variable that the shell function sets.
const ASKED_BY: &str = "BROKERDECK_COMPLETE";
const NAME: &str = "brokerdeck";
/// Whether the shell is Bash.
static BASH: AtomicBool = AtomicBool::new(false);

/// Answers a completion request; false when there is none.
pub fn answer() -> bool {
    // The engine removes the variable, so that programs started from here do not see it.
    let bash = std::env::var_os(ASKED_BY).is_some_and(|shell| shell == "bash");
    BASH.store(bash, Ordering::Relaxed);
    let env = CompleteEnv::with_factory(Cli::command).var(ASKED_BY).completer(NAME);
    // The shell cannot handle an error.
    env.try_complete(std::env::args_os(), None).unwrap_or(true)
}

/// Prints the completion script, to be sourced or installed.
///
/// # Errors
/// When stdout fails.
pub fn script(shell: Shell) -> Result<(), Error> {
    let shells = clap_complete::env::Shells::builtins();
    let name = shell.to_string();
    let mut script = Vec::new();
    let written =
        shells.completer(&name).map(|completer| completer.write_registration(ASKED_BY, NAME, NAME, NAME, &mut script));
    if !matches!(written, Some(Ok(()))) {
        return Err(Error::ours(format!("there are no completions for {name}")));
    }
    output::print(&output::Printable::own(String::from_utf8_lossy(&script).trim())).map(drop)
}

/// Labels and numbers of linked accounts, and `all`.
pub fn accounts(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut names = linked(current);
    names.extend(fitting(current, [("all".to_owned(), "every linked account".to_owned())]));
    names
}

/// Labels and numbers of linked accounts.
pub fn linked(current: &OsStr) -> Vec<CompletionCandidate> {
    let read = || {
        let paths = paths(&options()?).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
        runtime.block_on(Links::in_dir(&paths.data).list()).ok()
    };
    let links = read().map(|listed| listed.links).unwrap_or_default();
    let names = links.into_iter().flat_map(|link| {
        let word = link.environment.word();
        let number = (link.account_number.to_string(), format!("{} {word}", link.label));
        [(link.label.to_string(), format!("{} {word}", link.account_number)), number]
    });
    fitting(current, names)
}

/// Ids of configured brokers.
pub fn brokers(current: &OsStr) -> Vec<CompletionCandidate> {
    let specs = options().and_then(|global| paths(&global).ok()).and_then(|paths| Config::load(&paths.config).ok());
    let specs = specs.map(|config| config.brokers).unwrap_or_default();
    fitting(current, specs.iter().map(|spec| (spec.id.to_string(), spec.name.to_string())))
}

/// Names of themes; any other word may be a file.
pub fn themes(current: &OsStr) -> Vec<CompletionCandidate> {
    fitting(current, std::iter::once("auto").chain(Theme::names()).map(|name| (name.to_owned(), String::new())))
}

/// The names that start with what was typed, case-insensitively.
fn fitting(current: &OsStr, names: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().to_lowercase();
    let bash = BASH.load(Ordering::Relaxed);
    let written = |name: String| if bash { escaped(&name) } else { name };
    names
        .into_iter()
        // Skip words that would control the terminal when listed.
        .filter(|(name, _)| clean(name) == name.as_str())
        .map(|(name, help)| (written(name), clean(&help).into_owned()))
        .filter(|(name, _)| name.to_lowercase().starts_with(&typed))
        .map(|(name, help)| CompletionCandidate::new(name).help((!help.is_empty()).then(|| help.into())))
        .collect()
}

/// Escapes a word for Bash, which would split it at a blank.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for ch in name.chars() {
        if !ch.is_alphanumeric() && !"-_./:@%+,=".contains(ch) {
            out.push('\\');
        }
        out.push(ch);
    }
    out
}

/// The global options on the line being completed: they locate links and configuration.
fn options() -> Option<Global> {
    let line: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(2).collect();
    let mut global = Vec::new();
    for (place, word) in line.iter().enumerate() {
        let text = word.to_string_lossy();
        for option in ["--config", "--data-dir"] {
            if text == option {
                global.extend([Some(word), line.get(place + 1)].into_iter().flatten().cloned());
            } else if text.starts_with(option) && text.contains('=') {
                global.push(word.clone());
            }
        }
    }
    let words = std::iter::once(OsString::from(NAME)).chain(global);
    let parsed = Cli::try_parse_from(words).or_else(|_| Cli::try_parse_from([NAME]));
    parsed.map(|cli| cli.global).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_with_blanks_stays_one_word() {
        assert_eq!(escaped("Alpaca Paper (2)"), "Alpaca\\ Paper\\ \\(2\\)");
        assert_eq!(escaped("PA3SIM0001"), "PA3SIM0001");
    }

    #[test]
    fn names_fit_in_any_case() {
        let names = |typed: &str| themes(OsStr::new(typed)).len();
        assert_eq!((names("DA"), names("nothing"), names("")), (1, 0, Theme::names().count() + 1));
    }
}
