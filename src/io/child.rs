//! Programs that are started on the user's word: the browser, the notify command, the secret command.
//!
//! Owns what they are given: an environment without our secrets, no terminal, a process group of their own that ends with
//! its time, and no more of them at once than a few.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{BrokerSpec, SecretSource};

/// How many run at once.
const RUNNING: usize = 4;
/// How many notifications wait for that; more in a burst are worth no program each.
const WAITING: usize = 32;
/// How long an ended program's last words may take to come out of the pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Finds that a program is there and may be run, without running it.
///
/// # Errors
/// Why not, without its name.
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

/// Where names are completed with endings and in more places, only starting a program tells.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn find(_program: &str) -> Result<(), &'static str> {
    Ok(())
}

/// Starts programs. Clones share what may run at once.
#[derive(Debug, Clone)]
pub struct Programs {
    hidden: Arc<[String]>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Programs {
    /// Programs of a run without brokers.
    fn default() -> Self {
        Self::hiding(&[])
    }
}

impl Programs {
    /// Programs that do not see the variables in which these brokers' secrets are.
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

    /// A program as words, without a shell.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.prepared(std::process::Command::new(program))
    }

    /// A command with its environment, its terminal and its group taken care of.
    pub fn prepared(&self, mut command: std::process::Command) -> Command {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for name in self.hidden.iter() {
            command.env_remove(name);
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // A Ctrl-C in our terminal is not for them, and what they start can be ended with them.
            command.process_group(0);
        }
        command.into()
    }

    /// Leave to start one more; `None` when a few run already.
    pub fn leave(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.running).try_acquire_owned().ok()
    }

    /// Runs a command within the limit as soon as it may; nobody waits for it. False when too many wait already.
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

/// A program and everything it started, ended when dropped unless it has ended by itself or was let go.
#[derive(Debug)]
pub struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Starts a command that [`Programs`] has prepared.
    ///
    /// # Errors
    /// As the system says.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        Ok(Self { child: command.kill_on_drop(false).spawn()?, ended: false })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As the system says.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.ended = true;
        Ok(status)
    }

    /// Lets it run on for as long as it likes; it is waited for when it ends.
    pub fn let_go(mut self) {
        self.ended = true;
        tokio::spawn(async move { drop(self.child.wait().await) });
    }

    /// Its first line of output, within `longest` bytes, and how it ended. What it started may hold the pipe for as long as
    /// it likes.
    ///
    /// # Errors
    /// As the system says.
    pub async fn first_line(&mut self, longest: usize, line: &mut Vec<u8>) -> std::io::Result<ExitStatus> {
        let Some(mut output) = self.child.stdout.take() else { return self.wait().await };
        let status = loop {
            tokio::select! {
                biased;
                // What comes after the line is read too, or its writer would wait for room for ever.
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
        // The leader has not been waited for, so its number still means this group.
        #[cfg(unix)]
        if let Some(leader) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
            && let Err(error) = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL)
        {
            tracing::debug!(%error, "a program's group cannot be ended");
        }
        // Collects the leader as well.
        drop(self.child.start_kill());
    }
}

fn whole(line: &[u8], longest: usize) -> bool {
    line.contains(&b'\n') || line.len() >= longest
}

/// Reads what there is; what belongs to no first line is not kept.
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
