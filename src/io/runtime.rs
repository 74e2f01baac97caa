//! The event loop: messages in, effects out, a frame when something has changed.
//!
//! Keys come first, so that the operator never waits behind the tape. The loop owns the model, which therefore needs no
//! lock.

pub mod headless;
mod journaling;
mod screen;
mod sleep_detection;
mod turns;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use self::journaling::{JournalFeed, Read};
use self::sleep_detection::slept;
use super::child::Programs;
use super::clock::Clock;
use super::effects::Effects;
use super::record::Recorder;
use super::{choices, file_checks, paths, terminal};
use crate::accounts::Msg as AccountMsg;
use crate::app::choices::Choices;
use crate::app::{Effect, Model, Msg, TerminalEffect, update};
use crate::domain::{Mono, Now};
use crate::link::{LinkProgress, LinkRecord};

/// Most messages handled before a frame.
const BATCH: usize = 1024;
/// Messages that wait for the loop. A full channel slows the sockets down; nothing is lost.
pub(super) const INBOX: usize = 4096;
/// The panic of a task, whose message may contain anything.
const PART_FAILED: &str =
    "a part of the program has failed and the rest continues; the log says where. Please report it";
/// Time limit of the notify command.
const NOTIFY_LIMIT: Duration = Duration::from_secs(30);

/// The event loop and everything it owns.
pub struct Loop {
    /// The state of the program.
    pub model: Model,
    /// Carries out the effects.
    pub effects: Effects,
    /// Messages of the tasks that run effects.
    pub inbox: mpsc::Receiver<Msg>,
    pub clock: Clock,
    /// The recording, if there is one.
    pub recorder: Option<Recorder>,
    services: LoopServices,
    /// Writes journal entries before they are shown.
    journal_feed: JournalFeed,
    /// Effects on the terminal, in order. [`Self::handle`] has no terminal, so no caller of it can lose one.
    terminal_effects: VecDeque<TerminalEffect>,
    last: Now,
    /// How many panics of tasks the user was told of.
    task_panics: u32,
}

/// Settings of the effects that are not of a connection.
#[derive(Debug, Clone, Default)]
pub struct LoopServices {
    /// Whether notifications go to the desktop (OSC 9).
    pub osc9: bool,
    /// The notify command, run with the sentence as last argument; empty for none.
    pub notify_command: Vec<String>,
    /// Starts the notify command and the browser.
    pub programs: Programs,
    /// Where to write the example configuration.
    pub config_path: PathBuf,
    /// The folder for the choices made on the screen; `None` to keep none.
    pub choices: Option<PathBuf>,
}

impl Loop {
    /// A loop from its parts.
    pub fn new(
        model: Model,
        effects: Effects,
        inbox: mpsc::Receiver<Msg>,
        clock: Clock,
        services: LoopServices,
    ) -> Self {
        let last = clock.now();
        Self {
            model,
            effects,
            inbox,
            clock,
            recorder: None,
            services,
            journal_feed: JournalFeed::default(),
            terminal_effects: VecDeque::new(),
            last,
            task_panics: terminal::task_panics(),
        }
    }

    /// Gives the links to the model, which connects them.
    pub fn start(&mut self, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        self.handle(AccountMsg::Started { links }.into());
    }

    /// Shows the links at once and reads the journal while the first frame is drawn, then connects. Without a journal the
    /// program reports that and continues.
    pub fn start_remembering(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        self.handle(AccountMsg::Listed { links: links.clone() }.into());
        self.journal_feed.begin_reading(path, links);
    }

    /// Takes the journal states, and connects.
    fn begin(&mut self, read: Option<Read>) {
        let Some(read) = read else { return };
        let (links, notices) = self.journal_feed.begin(read);
        for msg in notices {
            self.handle(msg.into());
        }
        self.start(links);
    }

    /// Reads what another instance wrote, before this one takes over its stream.
    async fn refresh_memory(&mut self, msg: &Msg) {
        let Msg::Account(AccountMsg::Freed { link }) = msg else { return };
        for known in self.journal_feed.read_again(link, &self.model.accounts, self.last).await {
            self.handle(known.into());
        }
    }

    /// Checks and reports the journal's progress; false while the next frame should wait for the disk.
    fn may_show(&mut self) -> bool {
        let now = Now { mono: self.clock.now().mono, ..self.last };
        for msg in self.journal_feed.look(&self.model.accounts, now) {
            self.handle(msg.into());
        }
        !self.journal_feed.holds()
    }

    /// Sends the last journal entries, before the terminal is restored.
    pub fn ending(&mut self) {
        self.journal_feed.ending(&self.model.accounts, self.clock.now());
    }

    /// Closes the journal; a sentence when it lacks something that was shown.
    pub fn finish(&mut self) -> Option<String> {
        self.journal_feed.finish(&self.model.accounts, self.clock.now())
    }

    /// Handles one message and runs its effects. Those on the terminal wait until the screen performs them.
    pub fn handle(&mut self, msg: Msg) {
        let now = self.clock.now();
        if slept(self.last, now) {
            self.apply(AccountMsg::Resumed.into(), now);
        }
        self.apply(msg, now);
        let panics = terminal::task_panics();
        if std::mem::replace(&mut self.task_panics, panics) != panics {
            self.apply(Msg::Trouble(PART_FAILED.to_owned()), now);
        }
        self.last = now;
    }

    fn apply(&mut self, msg: Msg, now: Now) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(&self.model, &msg, now)
        {
            tracing::error!(%error, "recording stopped");
            self.recorder = None;
            let text = format!("the recording has stopped: {error}; it contains everything before that");
            self.apply(Msg::Trouble(text), now);
        }
        if let Msg::Link { progress: LinkProgress::Saved { links, .. }, .. } = &msg {
            self.effects.know(links);
        }
        let wanted = update(&mut self.model, msg, now);
        for effect in wanted {
            match effect {
                Effect::Account(effect) => {
                    if let Some((link, memory)) = self.effects.account(effect) {
                        self.journal_feed.remember(link, memory, &self.model.accounts, now);
                    }
                }
                Effect::Notify { text } => self.notify(text),
                Effect::WriteConfig => {
                    let config = self.services.config_path.clone();
                    self.written(&config);
                }
                Effect::Keep(chosen) => self.keep(chosen),
                Effect::Linking(effect) => self.effects.linking(effect),
                Effect::Terminal(effect) => self.terminal_effects.push_back(effect),
                // The model says so in `exit`; the loop reads it there.
                Effect::Quit { .. } => {}
            }
        }
    }

    fn keep(&self, chosen: Choices) {
        let Some(dir) = self.services.choices.clone() else { return };
        tokio::task::spawn_blocking(move || {
            if let Err(error) = choices::save(&dir, &chosen) {
                tracing::warn!(%error, "the choices made on the screen are not saved");
            }
        });
    }

    fn notify(&mut self, text: String) {
        if let Some((program, arguments)) = self.services.notify_command.split_first() {
            let mut command = self.services.programs.command(program);
            command.args(arguments).arg(&text);
            if !self.services.programs.run_later(command, NOTIFY_LIMIT) {
                tracing::warn!("too many notifications at once; one was left out");
            }
        }
        if self.services.osc9 {
            self.terminal_effects.push_back(TerminalEffect::Notify { text });
        }
    }

    fn written(&mut self, path: &Path) {
        let msg = match paths::write_example(path) {
            Ok(()) => Msg::Notice(format!("wrote {}; set client_id and the secret, then start again", path.display())),
            Err(error) => {
                let hint = file_checks::hint_or(path, &error, "--config FILE");
                Msg::Trouble(format!("cannot write {}: {error}; {hint}", path.display()))
            }
        };
        self.handle(msg);
    }

    fn deadline(&self) -> Option<Mono> {
        self.model.next_deadline(self.clock.now())
    }

    fn alarm_at(&self, deadline: Option<Mono>) -> Option<std::time::Instant> {
        deadline.map(|at| self.clock.instant(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::model::{PendingBell, Program};
    use crate::io::accounts::AccountAccess;
    use crate::io::start::{self, Settings};

    fn running() -> Loop {
        let settings = Settings {
            program: Program { bell: true, notify: true, ..Program::default() },
            keymap: Keymap::default(),
            keys: Vec::new(),
            mouse: false,
            osc9: true,
            notify_command: Vec::new(),
            config_path: PathBuf::new(),
            locks: None,
            choices: None,
        };
        start::with_linking(&settings, &AccountAccess::none()).unwrap()
    }

    #[tokio::test]
    async fn the_panic_of_a_task_is_said_once() {
        let mut running = running();
        terminal::note_task_panic(None);
        running.handle(Msg::Tick);
        let told: Vec<&str> = running.model.errors.iter().map(|trouble| trouble.text.as_str()).collect();
        assert_eq!(told, [PART_FAILED]);
        running.model.errors.read();
        running.handle(Msg::Tick);
        assert_eq!(running.model.errors.unread(), 0);
    }

    /// Wherever the message came from that rang: a start, the journal, a resize.
    #[tokio::test]
    async fn effects_on_the_terminal_wait_for_the_screen_whoever_handles_the_message() {
        let mut running = running();
        running.model.pending_bell = Some(PendingBell { count: 1, last: "filled".to_owned() });
        running.handle(Msg::Tick);
        running.start(Vec::new());
        let notify = TerminalEffect::Notify { text: "filled".to_owned() };
        assert_eq!(running.terminal_effects, [TerminalEffect::Bell, notify]);
    }
}
