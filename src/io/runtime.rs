//! The loop: messages in, effects out, a frame when something changed.
//!
//! Keys come first, so that the operator never queues behind the tape. One owner: no lock guards the model.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crossterm::event::EventStream;
use crossterm::execute;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::clock::Clock;
use super::effects::Effects;
use super::journal::{Batch, Journal, Opened, Record, Remembered, Saved};
use super::record::Recorder;
use super::terminal::{self, Screen};
use super::{choices, hyperlink, input, paths, signals};
use crate::app::choices::Choices;
use crate::app::effect::Memory;
use crate::app::msg::Recollection;
use crate::app::{Effect, Model, Msg, update};
use crate::domain::{LinkId, Mono, Now};
use crate::link::{LinkProgress, LinkRecord};
use crate::view::{self, ViewState};

/// How many waiting messages are handled before a frame.
const BATCH: usize = 1024;
/// A tick later than this, or clocks that part by this much, mean that the machine slept (RELIABILITY 3).
const SLEPT: Duration = Duration::from_secs(5);
/// A frame waits this long for the disk; then it is drawn, and the log says so.
const SLOW_DISK: Duration = Duration::from_millis(500);

/// Everything the loop owns.
pub struct Loop {
    /// The state of the program.
    pub model: Model,
    /// What the world is asked through.
    pub effects: Effects,
    /// What it answers.
    pub inbox: mpsc::Receiver<Msg>,
    /// The time.
    pub clock: Clock,
    /// Where messages are recorded, if they are.
    pub recorder: Option<Recorder>,
    /// What is learned, on disk before it is on the screen; `None` when nothing is to be kept.
    pub journal: Option<Journal>,
    outside: Outside,
    unwritten: Vec<Batch>,
    trouble: Option<String>,
    last: Now,
}

/// What effects outside the connections need to know.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Whether notifications go to the desktop (OSC 9).
    pub osc9: bool,
    /// A program to run on notifications, with the sentence as last argument; empty for none.
    pub notify_command: Vec<String>,
    /// Where a configuration would be written.
    pub config_path: PathBuf,
    /// The folder for what is chosen on the screen; `None` keeps nothing.
    pub choices: Option<PathBuf>,
}

impl Loop {
    /// Puts the parts together.
    pub fn new(model: Model, effects: Effects, inbox: mpsc::Receiver<Msg>, clock: Clock, outside: Outside) -> Self {
        let last = clock.now();
        Self {
            model,
            effects,
            inbox,
            clock,
            recorder: None,
            journal: None,
            outside,
            unwritten: Vec::new(),
            trouble: None,
            last,
        }
    }

    /// Opens the journal and puts back what it knows of these links. Without a place to write the program goes on and
    /// says so.
    pub async fn remembering(&mut self, path: &Path, links: &[LinkRecord]) {
        let Opened { journal, notice } = match Journal::open(path) {
            Ok(opened) => opened,
            Err(error) => {
                drop(self.handle(Msg::Trouble(format!("nothing is journaled: {error}"))));
                return;
            }
        };
        let mut notices: Vec<String> = notice.into_iter().collect();
        for link in links {
            match journal.load(&link.id).await {
                Ok(known) => {
                    notices.extend(known.notice.clone());
                    drop(self.handle(Msg::Remembered(Box::new(recollection(link.id.clone(), known)))));
                }
                Err(error) => notices.push(error.to_string()),
            }
        }
        for text in notices {
            drop(self.handle(Msg::Trouble(text)));
        }
        self.journal = Some(journal);
    }

    /// Tells the model which links there are; their connections begin.
    pub fn start(&mut self, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        // A start asks nothing of a terminal.
        drop(self.handle(Msg::Started { links }));
    }

    /// Handles one message and runs its effects; gives back those that concern the terminal.
    pub fn handle(&mut self, msg: Msg) -> Vec<Effect> {
        let now = self.clock.now();
        let mut left = Vec::new();
        if self.slept(now) {
            left.extend(self.apply(Msg::Resumed, now));
        }
        left.extend(self.apply(msg, now));
        self.last = now;
        left
    }

    fn apply(&mut self, msg: Msg, now: Now) -> Vec<Effect> {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(&self.model, &msg, now)
        {
            tracing::error!(%error, "recording stopped");
            self.recorder = None;
        }
        if let Msg::Link { progress: LinkProgress::Saved { links, .. }, .. } = &msg {
            self.effects.know(links);
        }
        let wanted = update(&mut self.model, msg, now);
        let mut left = Vec::new();
        for effect in wanted {
            match effect {
                Effect::Remember { link, memory } => self.remember(link, memory, now),
                Effect::Notify { text } => self.notify(text, &mut left),
                Effect::WriteConfig => {
                    let config = self.outside.config_path.clone();
                    left.extend(self.written(&config));
                }
                Effect::Keep(chosen) => self.keep(chosen),
                other => left.extend(self.effects.run(other)),
            }
        }
        left
    }

    fn remember(&mut self, link: LinkId, memory: Memory, now: Now) {
        if self.journal.is_none() {
            return;
        }
        let mut batch = Batch::new(link, now.wall);
        match memory {
            Memory::Changes(changes) => {
                if let Some(account) = self.model.account(&batch.link) {
                    batch.add_changes(&account.blotter, &changes);
                }
            }
            Memory::Account(id) => batch.records.push(Record::Account(id)),
            Memory::Complete { watermark, asked_at } => batch.records.push(Record::Complete { watermark, asked_at }),
        }
        self.unwritten.push(batch);
    }

    /// Everything learned goes to disk before it is drawn or printed. A disk that fails is said once and not waited for.
    async fn settle(&mut self) {
        let Some(journal) = &self.journal else { return };
        if self.unwritten.is_empty() {
            return;
        }
        let mut outcome = Ok(Saved::default());
        for batch in self.unwritten.drain(..) {
            if let Err(error) = journal.append(batch).await {
                outcome = Err(error);
            }
        }
        if outcome.is_ok() {
            let patience = tokio::time::timeout(SLOW_DISK, journal.barrier()).await;
            outcome = patience.unwrap_or_else(|_| {
                tracing::warn!("the journal is more than {} ms behind the screen", SLOW_DISK.as_millis());
                Ok(Saved::default())
            });
        }
        let trouble = match outcome {
            Ok(saved) => saved.notice,
            Err(error) => Some(error.to_string()),
        };
        if trouble.is_some() && self.trouble != trouble {
            self.trouble.clone_from(&trouble);
            if let Some(text) = trouble {
                drop(self.handle(Msg::Trouble(text)));
            }
        }
    }

    fn keep(&self, chosen: Choices) {
        let Some(dir) = self.outside.choices.clone() else { return };
        tokio::task::spawn_blocking(move || {
            if let Err(error) = choices::save(&dir, &chosen) {
                tracing::warn!(%error, "what was chosen on the screen is not kept");
            }
        });
    }

    fn notify(&self, text: String, left: &mut Vec<Effect>) {
        if let Some((program, arguments)) = self.outside.notify_command.split_first() {
            let mut command = tokio::process::Command::new(program);
            command.args(arguments).arg(&text).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match command.spawn() {
                Ok(mut child) => {
                    // Waited for, so that no zombie is left.
                    tokio::spawn(async move { drop(child.wait().await) });
                }
                Err(error) => tracing::warn!(%error, "the notify command cannot be started"),
            }
        }
        if self.outside.osc9 {
            left.push(Effect::Notify { text });
        }
    }

    fn written(&mut self, path: &Path) -> Vec<Effect> {
        let msg = match paths::write_example(path) {
            Ok(()) => Msg::Notice(format!("wrote {}; set client_id and the secret, then start again", path.display())),
            Err(error) => Msg::Trouble(format!("cannot write {}: {error}", path.display())),
        };
        self.handle(msg)
    }

    /// The wall clock ran ahead of the monotonic one, which stands still while the machine sleeps.
    fn slept(&self, now: Now) -> bool {
        let wall = now.wall.duration_since(self.last.wall).unsigned_abs();
        wall > now.mono.since(self.last.mono) + SLEPT
    }

    fn deadline(&self) -> Option<Mono> {
        self.model.next_deadline(self.clock.now())
    }

    async fn wait(clock: Clock, deadline: Option<Mono>) {
        match deadline {
            Some(at) => sleep_until(clock.instant(at).into()).await,
            None => std::future::pending().await,
        }
    }

    /// Runs without a screen until the model is done; `seen` looks at the model after every batch and may stop the loop.
    pub async fn headless(&mut self, mut seen: impl FnMut(&Model) -> bool) -> u8 {
        let mut signals = signals::listen();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if let Some(code) = self.model.exit {
                return code;
            }
            let deadline = self.deadline();
            tokio::select! {
                biased; // signals first: a flood of updates must not keep the program from ending
                Some(msg) = signals.recv() => batch.push(msg),
                1.. = self.inbox.recv_many(&mut batch, BATCH) => {}
                () = Self::wait(self.clock, deadline) => batch.push(Msg::Tick),
            }
            for msg in batch.drain(..) {
                drop(self.handle(msg));
                if self.journal.is_none() && !seen(&self.model) {
                    return 0;
                }
            }
            if self.journal.is_some() {
                self.settle().await;
                if !seen(&self.model) {
                    return 0;
                }
            }
        }
    }

    /// Runs on a screen until the model is done; the exit code is the model's, or 129 when the terminal vanished.
    pub async fn on_screen(&mut self, screen: &mut Screen, view: &mut ViewState) -> u8 {
        let mut signals = signals::listen();
        let mut keys = EventStream::new();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if let Some(code) = self.model.exit {
                return code;
            }
            self.settle().await;
            if self.model.dirty {
                self.model.dirty = false;
                if self.draw(screen, view).is_err() {
                    return GONE;
                }
                let extent = view.extent();
                if extent != self.model.extent {
                    drop(self.handle(Msg::Drawn(extent)));
                }
            }
            let deadline = self.deadline();
            tokio::select! {
                biased; // keys first: the operator never queues behind the tape
                event = keys.next() => match event {
                    Some(Ok(event)) => batch.extend(input::message(event, |column, row| view.hit(column, row))),
                    // A closed terminal answers with errors for ever; leaving at once keeps it from spinning.
                    Some(Err(_)) | None => return GONE,
                },
                Some(msg) = signals.recv() => batch.push(msg),
                1.. = self.inbox.recv_many(&mut batch, BATCH) => {}
                () = Self::wait(self.clock, deadline) => batch.push(Msg::Tick),
            }
            for msg in std::mem::take(&mut batch) {
                for effect in self.handle(msg) {
                    if self.on_terminal(effect, screen).is_err() {
                        return GONE;
                    }
                }
            }
        }
    }

    fn draw(&self, screen: &mut Screen, view: &mut ViewState) -> std::io::Result<()> {
        #[cfg(debug_assertions)]
        assert!(std::env::var_os("BROKERDECK_PANIC").is_none(), "asked to panic, to see the terminal come back");
        execute!(screen.backend_mut(), BeginSynchronizedUpdate)?;
        let drawn = screen.draw(|frame| view::draw(&self.model, view, frame))?;
        let pieces = hyperlink::pieces(drawn.buffer, view.hyperlinks());
        hyperlink::write(screen.backend_mut(), &pieces)?;
        execute!(screen.backend_mut(), EndSynchronizedUpdate)
    }

    /// Runs the effects that only a terminal can.
    fn on_terminal(&mut self, effect: Effect, screen: &mut Screen) -> std::io::Result<()> {
        match effect {
            Effect::Copy { text, what } => {
                terminal::copy(text.expose())?;
                drop(self.handle(Msg::Notice(format!("copied the {what}"))));
            }
            Effect::Bell => terminal::bell()?,
            Effect::Notify { text } => terminal::notify(&text)?,
            Effect::CaptureMouse(on) => terminal::capture_mouse(on)?,
            Effect::Suspend => {
                terminal::restore();
                signals::stop_self();
                terminal::take_over(self.model.mouse)?;
                *screen = terminal::screen()?;
                drop(self.handle(Msg::Redraw));
            }
            _ => {}
        }
        Ok(())
    }
}

fn recollection(link: LinkId, known: Remembered) -> Recollection {
    Recollection {
        link,
        account: known.account,
        watermark: known.watermark,
        complete_at: known.complete_at,
        saved_at: known.saved_at,
        orders: known.orders,
        executions: known.executions,
        tape: known.tape,
    }
}

/// The exit code when the terminal is gone: as after SIGHUP.
const GONE: u8 = 129;
