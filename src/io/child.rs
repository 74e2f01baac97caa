//! External programs: the browser, the notify command, the secret command.
//!
//! They get an environment without our secrets, no terminal, and a process group of their own that is ended at its time
//! limit. Only a few run at once.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{BrokerSpec, SecretSource};

/// Most programs at once.
const RUNNING: usize = 4;
/// Most notifications that wait for that; more in a burst are dropped.
const WAITING: usize = 32;
/// How long to read the pipe after a program has been ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Checks that a program exists and is executable, without running it.
///
/// # Errors
/// Why not, without the program's name.
#[cfg(unix)]
pub fn find(program: &str) -> Result<(), &'static str> {
    use std::path::{Path, PathBuf};
    const USUAL: &str = "/bin:/usr/bin";
    let places: Vec<PathBuf> = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        let path = std::env::var_os("PATH").unwrap_or_else(|| USUAL.into());
        std::env::split_paths(&path).map(|folder| folder.join(program)).collect()
    };
    let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let may_run = |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    let mut there = places.iter().filter(|path| is_file(path)).peekable();
    if there.peek().is_none() {
        return Err(if places.iter().any(|path| path.exists()) {
            "it is not a regular file"
        } else {
            "there is no such file"
        });
    }
    if there.any(|path| may_run(path)) { Ok(()) } else { Err("it is not executable") }
}

/// On systems that complete names with endings and search other places, only starting a program can tell.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn find(_program: &str) -> Result<(), &'static str> {
    Ok(())
}

/// Starts programs. Clones share the limit on how many run at once.
#[derive(Debug, Clone)]
pub struct Programs {
    hidden: Arc<[String]>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Programs {
    /// Programs for a run without brokers.
    fn default() -> Self {
        Self::hiding(&[])
    }
}

impl Programs {
    /// Programs that do not see the environment variables with these brokers' secrets.
    pub fn hiding(specs: &[BrokerSpec]) -> Self {
        let name = |spec: &BrokerSpec| match &spec.client_secret {
            SecretSource::Env(name) => Some(name.clone()),
            SecretSource::None | SecretSource::Inline(_) | SecretSource::Command(_) => None,
        };
        Self {
            hidden: specs.iter().filter_map(name).collect(),
            running: Arc::new(Semaphore::new(RUNNING)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// A command from its words, without a shell.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.prepared(std::process::Command::new(program))
    }

    /// A command with environment, terminal and process group set up.
    pub fn prepared(&self, mut command: std::process::Command) -> Command {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for name in self.hidden.iter() {
            command.env_remove(name);
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C in our terminal must not reach it, and its child processes must end with it.
            command.process_group(0);
        }
        command.into()
    }

    /// A permit to start one more program; `None` when enough are running.
    pub fn leave(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.running).try_acquire_owned().ok()
    }

    /// Runs a command within its time limit when its turn comes, without waiting. False when too many are waiting.
    pub fn run_later(&self, mut command: Command, limit: Duration) -> bool {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else { return false };
        let running = Arc::clone(&self.running);
        tokio::spawn(async move {
            let Ok(_leave) = running.acquire_owned().await else { return };
            drop(place);
            match Group::start(&mut command) {
                Ok(mut group) => {
                    if tokio::time::timeout(limit, group.wait()).await.is_err() {
                        tracing::warn!("a program that took too long was ended");
                    }
                }
                Err(error) => tracing::warn!(%error, "a program cannot be started"),
            }
        });
        true
    }
}

/// A program and everything it has started. Dropping it ends them, unless it has ended or was released.
#[derive(Debug)]
pub struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Starts a command that [`Programs`] has prepared.
    ///
    /// # Errors
    /// As the system reports.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        Ok(Self { child: command.kill_on_drop(false).spawn()?, ended: false })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As the system reports.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.ended = true;
        Ok(status)
    }

    /// Releases the program; it may run on, and is waited for when it ends.
    pub fn let_go(mut self) {
        self.ended = true;
        tokio::spawn(async move { drop(self.child.wait().await) });
    }

    /// Reads its first line of output, at most `longest` bytes, and waits for its end. Programs that it has started may
    /// keep the pipe open.
    ///
    /// # Errors
    /// As the system reports.
    pub async fn first_line(&mut self, longest: usize, line: &mut Vec<u8>) -> std::io::Result<ExitStatus> {
        let Some(mut output) = self.child.stdout.take() else { return self.wait().await };
        let status = loop {
            tokio::select! {
                biased;
                // Read the rest too, or its writer would block.
                read = read(&mut output, longest, line) => if read? == 0 { break self.child.wait().await? },
                status = self.child.wait() => break status?,
            }
        };
        self.ended = true;
        while !whole(line, longest) {
            match tokio::time::timeout(LAST_WORDS, read(&mut output, longest, line)).await {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) | Err(_) => break,
            }
        }
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
        }
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // The leader has not been waited for, so its id still identifies this group.
        #[cfg(unix)]
        if let Some(leader) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
            && let Err(error) = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL)
        {
            tracing::debug!(%error, "a program's group cannot be ended");
        }
        // Also reaps the leader.
        drop(self.child.start_kill());
    }
}

fn whole(line: &[u8], longest: usize) -> bool {
    line.contains(&b'\n') || line.len() >= longest
}

/// Reads what is available; keeps only what belongs to the first line.
async fn read(output: &mut ChildStdout, longest: usize, line: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut part = Zeroizing::new([0_u8; 1024]);
    let read = output.read(part.as_mut_slice()).await?;
    if !whole(line, longest) {
        let room = longest.saturating_sub(line.len()).min(read);
        line.extend_from_slice(part.get(..room).unwrap_or_default());
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
