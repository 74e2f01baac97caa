//! Opens the browser on the consent page, without a shell, without output and without waiting; or says why not.
//!
//! Decides whether a browser makes sense in this session. The URL is our own and passed as one argument.

use std::process::Command;
use std::time::Duration;

use url::{Host, Url};

use super::child::{Group, Programs};

/// A launcher that has not failed within this time counts as started.
const LAUNCH_LIMIT: Duration = Duration::from_millis(1500);

/// The session's environment, as far as browsers depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BrowserEnvironment {
    /// `$BROKERDECK_BROWSER`: a program that overrides everything else.
    pub own: Option<String>,
    /// `$BROWSER`.
    pub browser: Option<String>,
    /// Whether the terminal is on another machine.
    pub ssh: bool,
    /// Whether there is a display for a browser.
    pub display: bool,
}

impl BrowserEnvironment {
    /// Reads the environment.
    pub fn of_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let display = !cfg!(all(unix, not(target_os = "macos")))
            || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].iter().any(|name| text(name).is_some());
        let ssh = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| text(name).is_some());
        Self { own: text("BROKERDECK_BROWSER"), browser: text("BROWSER"), ssh, display }
    }

    /// The commands to try in order, or why none makes sense.
    fn commands(&self, url: &str) -> Result<Vec<Command>, String> {
        if let Some(program) = &self.own {
            return Ok(vec![with(program, url)]);
        }
        if self.ssh {
            return Err("this is an SSH session, so a browser here would be on the wrong machine".to_owned());
        }
        if !self.display {
            return Err("no DISPLAY or WAYLAND_DISPLAY is set, so there is no screen for a browser".to_owned());
        }
        let chosen = self.browser.as_deref().filter(|program| is_plain(program)).map(|program| with(program, url));
        Ok(chosen.into_iter().chain(open::commands(url)).collect())
    }
}

/// Opens the URL, which must be at the origin of the consent page.
///
/// # Errors
/// A sentence, when no browser was opened.
pub async fn open(url: &str, consent: &Url, around: &BrowserEnvironment, programs: &Programs) -> Result<(), String> {
    check(url, consent)?;
    let Some(_leave) = programs.leave() else {
        return Err("too many programs are already being started".to_owned());
    };
    let mut last = "no program to open a browser was found".to_owned();
    for command in around.commands(url)? {
        match launch(command, programs).await {
            Ok(()) => return Ok(()),
            Err(Some(reason)) => last = reason,
            Err(None) => {}
        }
    }
    Err(last)
}

/// Accepts only our own kind of URL: TLS or loopback, at the consent page's origin, printable.
fn check(url: &str, consent: &Url) -> Result<(), String> {
    let refused = || "the consent page's address is neither https nor loopback".to_owned();
    let parsed = Url::parse(url).map_err(|_| refused())?;
    let loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let allowed = (parsed.scheme() == "https" || (parsed.scheme() == "http" && loopback))
        && parsed.origin() == consent.origin()
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if allowed { Ok(()) } else { Err(refused()) }
}

/// Reads `$BROWSER`, which may be a list or a template; only the name of a single program is used.
fn is_plain(program: &str) -> bool {
    let separator = if cfg!(windows) { ';' } else { ':' };
    !program.starts_with('-') && !program.chars().any(|ch| ch.is_whitespace() || ch == '%' || ch == separator)
}

fn with(program: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(url);
    command
}

/// Starts a command; `Err(None)` when there is no such program.
async fn launch(command: Command, programs: &Programs) -> Result<(), Option<String>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut group = match Group::start(&mut programs.prepared(command)) {
        Ok(group) => group,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
        Err(error) => return Err(Some(format!("{name} cannot be started: {error}"))),
    };
    match tokio::time::timeout(LAUNCH_LIMIT, group.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(Some(format!("{name} failed: {status}"))),
        Ok(_) => Ok(()),
        Err(_) => {
            // Let it run on, like a browser.
            group.let_go();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://app.alpaca.markets/oauth/authorize?state=a%20b&x=%24%28reboot%29";

    fn consent() -> Url {
        Url::parse("https://app.alpaca.markets/oauth/authorize").unwrap()
    }

    fn programs(around: &BrowserEnvironment) -> Vec<String> {
        let commands = around.commands(URL).unwrap();
        commands.iter().map(|command| command.get_program().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_our_own_kind_of_url_is_opened() {
        assert!(check(URL, &consent()).is_ok());
        let local = Url::parse("http://127.0.0.1:4000/oauth/authorize").unwrap();
        assert!(check("http://127.0.0.1:4000/oauth/authorize?a=b", &local).is_ok());
        let plain = Url::parse("http://app.example/oauth").unwrap();
        let file = Url::parse("file:///etc/passwd").unwrap();
        for (url, consent) in [
            ("https://evil.example/oauth/authorize", consent()),
            ("https://app.alpaca.markets.evil.example/", consent()),
            ("https://app.alpaca.markets:444/oauth/authorize", consent()),
            ("http://app.alpaca.markets/oauth/authorize", consent()),
            ("http://app.example/oauth", plain),
            ("file:///etc/passwd", file),
            ("javascript:alert(1)", consent()),
            ("--gpu-launcher=sh", consent()),
            ("https://app.alpaca.markets/oauth/authorize?a=b c", consent()),
            ("https://app.alpaca.markets/\n", consent()),
        ] {
            assert!(check(url, &consent).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_session_without_a_screen_of_its_own_gets_a_reason() {
        let ssh = BrowserEnvironment { ssh: true, display: true, ..BrowserEnvironment::default() };
        assert!(ssh.commands(URL).unwrap_err().contains("SSH"));
        let blind = BrowserEnvironment { browser: Some("w3m".to_owned()), ..BrowserEnvironment::default() };
        assert!(blind.commands(URL).unwrap_err().contains("DISPLAY"));
        let reported =
            BrowserEnvironment { own: Some("/opt/browser".to_owned()), ssh: true, ..BrowserEnvironment::default() };
        assert_eq!(programs(&reported), ["/opt/browser"]);
    }

    #[test]
    fn a_plain_browser_variable_comes_first_and_a_template_is_not_run() {
        let around = |browser: &str| BrowserEnvironment {
            browser: Some(browser.to_owned()),
            display: true,
            ..BrowserEnvironment::default()
        };
        assert_eq!(programs(&around("firefox"))[0], "firefox");
        for odd in ["firefox --new-window", "firefox %s", "firefox:chromium", "-x", "sh -c 'echo %s'"] {
            assert_ne!(programs(&around(odd))[0], odd);
        }
    }

    #[test]
    fn the_url_is_one_argument_and_never_an_option() {
        let around =
            BrowserEnvironment { display: true, browser: Some("firefox".to_owned()), ..BrowserEnvironment::default() };
        for command in around.commands(URL).unwrap() {
            let arguments: Vec<_> =
                command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
            let holding = arguments.iter().filter(|argument| argument.contains("app.alpaca.markets")).count();
            assert_eq!(holding, 1, "{command:?}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_program_gets_the_url_untouched_in_a_group_of_its_own_without_a_terminal() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (script, seen) = (dir.path().join("browser"), dir.path().join("seen"));
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" \"$(ps -o pgid= -p $$ | tr -d ' ')\" \"$$\" > {0}.part\n\
             test -t 0 && echo tty >> {0}.part\nmv {0}.part {0}\n",
            seen.display()
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let around = BrowserEnvironment { own: Some(script.display().to_string()), ..BrowserEnvironment::default() };
        open(URL, &consent(), &around, &Programs::hiding(&[])).await.unwrap();
        let found = std::fs::read_to_string(&seen).unwrap();
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(&lines[..2], ["1", URL]);
        assert_eq!(lines.len(), 4, "no terminal on its input: {found}");
        assert!(lines[2].is_empty() || lines[2] == lines[3], "the leader of its own group: {found}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_launcher_that_fails_or_is_missing_is_reported() {
        let around = |own: &str| BrowserEnvironment { own: Some(own.to_owned()), ..BrowserEnvironment::default() };
        let failed = open(URL, &consent(), &around("false"), &Programs::hiding(&[])).await.unwrap_err();
        assert!(failed.contains("false failed"), "{failed}");
        let missing = open(URL, &consent(), &around("/nowhere/browser"), &Programs::hiding(&[])).await.unwrap_err();
        assert!(missing.contains("no program"), "{missing}");
    }
}
