//! The event loop: messages in, effects out, a frame when something has changed.
//!
//! Keys come first, so that the operator never waits behind the tape. The loop owns the model, which therefore needs no
//! lock.

mod memory;
mod screen;
mod turns;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::memory::{Keeping, Reading};
use super::alarm::Alarm;
use super::child::Programs;
use super::clock::Clock;
use super::effects::Effects;
use super::journal::{Batch, Journal};
use super::record::Recorder;
use super::{choices, fit, paths, signals};
use crate::accounts::Effect as AccountEffect;
use crate::app::choices::Choices;
use crate::app::{Effect, Model, Msg, update};
use crate::domain::{Mono, Now};
use crate::link::{LinkProgress, LinkRecord};

/// Most messages handled before a frame.
const BATCH: usize = 1024;
/// Time limit of the notify command.
const NOTIFY_LIMIT: Duration = Duration::from_secs(30);
/// The loop ticks every second of the wall clock.
const TICK: Duration = Duration::from_secs(1);
/// A tick this late, or clocks that diverge this much, mean that the machine was asleep (docs/DESIGN.md 9.4).
const SLEPT: Duration = Duration::from_secs(5);

/// The event loop and everything it owns.
pub struct Loop {
    /// The state of the program.
    pub model: Model,
    /// Carries out the effects.
    pub effects: Effects,
    /// Their results.
    pub inbox: mpsc::Receiver<Msg>,
    /// The clock.
    pub clock: Clock,
    /// The recording, if there is one.
    pub recorder: Option<Recorder>,
    /// The journal, written before the screen; `None` when nothing is kept.
    pub journal: Option<Journal>,
    outside: Outside,
    reading: Option<Reading>,
    unwritten: Vec<Batch>,
    keeping: Keeping,
    last: Now,
}

/// Observes a loop without a screen.
pub trait Witness {
    /// Sees the model after each message.
    fn look(&mut self, model: &Model);

    /// Passes on what was seen, now that it is on disk or known not to be; must not block. False stops the loop.
    fn tell(&mut self, model: &Model) -> bool;

    /// Wakes when more can be passed on without new messages.
    fn moved(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

impl<F: FnMut(&Model) -> bool> Witness for F {
    fn look(&mut self, _model: &Model) {}

    fn tell(&mut self, model: &Model) -> bool {
        self(model)
    }
}

impl Witness for &mut dyn Witness {
    fn look(&mut self, model: &Model) {
        (**self).look(model);
    }

    fn tell(&mut self, model: &Model) -> bool {
        (**self).tell(model)
    }

    fn moved(&self) -> Option<watch::Receiver<u64>> {
        (**self).moved()
    }
}

/// What the effects outside the account connections need.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Whether notifications go to the desktop (OSC 9).
    pub osc9: bool,
    /// The notify command, run with the sentence as last argument; empty for none.
    pub notify_command: Vec<String>,
    /// Starts programs.
    pub programs: Programs,
    /// Where to write the example configuration.
    pub config_path: PathBuf,
    /// The folder for the choices made on the screen; `None` to keep none.
    pub choices: Option<PathBuf>,
}

impl Loop {
    /// A loop from its parts.
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
            reading: None,
            unwritten: Vec::new(),
            keeping: Keeping::default(),
            last,
        }
    }

    /// Gives the links to the model, which connects them.
    pub fn start(&mut self, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        // Starting has no effects for the terminal.
        drop(self.handle(Msg::Started { links }));
    }

    /// Handles one message and runs its effects; returns those that concern the terminal.
    pub fn handle(&mut self, msg: Msg) -> Vec<Effect> {
        let now = self.clock.now();
        let mut left = Vec::new();
        if slept(self.last, now) {
            left.extend(self.apply(Msg::Resumed, now));
        }
        left.extend(self.apply(msg, now));
        self.last = now;
        left
    }

    fn apply(&mut self, msg: Msg, now: Now) -> Vec<Effect> {
        let mut left = Vec::new();
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(&self.model, &msg, now)
        {
            tracing::error!(%error, "recording stopped");
            self.recorder = None;
            let text = format!("the recording has stopped: {error}; it contains everything before that");
            left.extend(self.apply(Msg::Trouble(text), now));
        }
        if let Msg::Link { progress: LinkProgress::Saved { links, .. }, .. } = &msg {
            self.effects.know(links);
        }
        let wanted = update(&mut self.model, msg, now);
        for effect in wanted {
            match effect {
                Effect::Account(AccountEffect::Remember { link, memory }) => self.remember(link, memory, now),
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

    fn keep(&self, chosen: Choices) {
        let Some(dir) = self.outside.choices.clone() else { return };
        tokio::task::spawn_blocking(move || {
            if let Err(error) = choices::save(&dir, &chosen) {
                tracing::warn!(%error, "the choices made on the screen are not saved");
            }
        });
    }

    fn notify(&self, text: String, left: &mut Vec<Effect>) {
        if let Some((program, arguments)) = self.outside.notify_command.split_first() {
            let mut command = self.outside.programs.command(program);
            command.args(arguments).arg(&text);
            if !self.outside.programs.run_later(command, NOTIFY_LIMIT) {
                tracing::warn!("too many notifications at once; one was left out");
            }
        }
        if self.outside.osc9 {
            left.push(Effect::Notify { text });
        }
    }

    fn written(&mut self, path: &Path) -> Vec<Effect> {
        let msg = match paths::write_example(path) {
            Ok(()) => Msg::Notice(format!("wrote {}; set client_id and the secret, then start again", path.display())),
            Err(error) => {
                let cure = fit::cure_or(path, &error, "--config FILE");
                Msg::Trouble(format!("cannot write {}: {error}; {cure}", path.display()))
            }
        };
        self.handle(msg)
    }

    fn deadline(&self) -> Option<Mono> {
        self.model.next_deadline(self.clock.now())
    }

    fn alarm_at(&self, deadline: Option<Mono>) -> Option<std::time::Instant> {
        deadline.map(|at| self.clock.instant(at))
    }

    /// Runs without a screen until the model is done or the witness stops it.
    pub async fn headless(&mut self, mut witness: impl Witness) -> u8 {
        let mut signals = signals::listen();
        let mut batch = Vec::with_capacity(BATCH);
        let mut reading = self.reading.take();
        let mut progress = self.keeping.watch();
        let mut passed_on = witness.moved();
        let alarm = Alarm::new();
        loop {
            if let Some(code) = self.model.exit {
                return code;
            }
            let deadline = self.alarm_at(self.deadline());
            tokio::select! {
                biased; // signals first: a flood of updates must not keep the program from ending
                Some(msg) = signals.recv() => batch.push(msg),
                read = Self::read(&mut reading) => {
                    self.begin(read);
                    progress = self.keeping.watch();
                }
                () = memory::moved(&mut progress) => {}
                () = memory::moved(&mut passed_on) => {
                    if !witness.tell(&self.model) {
                        return 0;
                    }
                }
                1.. = self.inbox.recv_many(&mut batch, BATCH) => {}
                () = alarm.wait(deadline) => batch.push(Msg::Tick),
                () = tokio::task::yield_now(), if self.model.has_work() => {}
            }
            if self.model.has_work() {
                batch.push(Msg::Work);
            }
            for msg in batch.drain(..) {
                self.refresh_memory(&msg).await;
                drop(self.handle(msg));
                witness.look(&self.model);
                if self.journal.is_none() && !witness.tell(&self.model) {
                    return 0;
                }
            }
            if self.journal.is_some() {
                // Reported only when it is on disk, or known not to be.
                self.settle().await;
                if !witness.tell(&self.model) {
                    return 0;
                }
            }
        }
    }
}

/// Whether the machine or the program was suspended: the clocks diverged (the monotonic one may stop during sleep), or
/// both ran on while nothing was handled, as when the process is stopped.
fn slept(last: Now, now: Now) -> bool {
    let mono = now.mono.since(last.mono);
    now.wall.duration_since(last.wall).unsigned_abs() > mono + SLEPT || mono > TICK + SLEPT
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(mono: u64, wall: i64) -> Now {
        Now { mono: Mono(Duration::from_secs(mono)), wall: Timestamp::from_second(1_760_000_000 + wall).unwrap() }
    }

    #[test]
    fn a_process_that_was_stopped_is_told_from_one_that_had_nothing_to_do() {
        assert!(!slept(at(10, 0), at(11, 1)));
        assert!(!slept(at(10, 0), at(16, 6)), "a busy machine");
        assert!(slept(at(10, 0), at(17, 7)), "SIGSTOP: both clocks went on and no tick was handled");
        assert!(slept(at(10, 0), at(11, 3_600)), "suspended: only the wall clock went on");
        assert!(slept(at(10, 0), at(11, -60)), "the wall clock was set back");
    }
}
