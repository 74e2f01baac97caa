//! The loop with a screen: keys first, then everything else, and a frame when something has changed, at a limited rate.

use std::collections::VecDeque;
use std::time::Duration;

use super::turns::{self, Turns};
use super::{BATCH, Loop, journaling};
use crate::app::{Msg, TerminalEffect};
use crate::domain::Mono;
use crate::io::alarm::Alarm;
use crate::io::hyperlink;
use crate::io::input::{self, InputEvent, Keyboard};
use crate::io::signals::{self, Change};
use crate::io::terminal::receipt::Receipts;
use crate::io::terminal::{self, Screen, background};
use crate::view::{self, ViewState};

/// Shortest time between frames that only market data caused; a key is answered at once.
const FRAME: Duration = turns::EVERY;
/// How long messages are handled before the keys are checked again.
const TURN: Duration = Duration::from_millis(3);
/// Exit code when the terminal is gone, as after SIGHUP.
const GONE: u8 = 129;

/// Messages taken and not handled yet.
#[derive(Default)]
struct Waiting {
    /// Keys, signals and what the loop sends itself.
    urgent: VecDeque<Msg>,
    /// Everything else, as it arrived.
    backlog: VecDeque<Msg>,
    turns: Turns,
}

impl Loop {
    /// Runs on a screen until the model is done; returns the model's exit code, or 129 when the terminal vanished.
    pub async fn on_screen(&mut self, screen: &mut Screen, view: &mut ViewState, signals: &mut signals::Ends) -> u8 {
        let mut changes = signals::changes();
        let mut keys = input::listen(Keyboard::default());
        let mut arrived = Vec::with_capacity(BATCH);
        let mut waiting = Waiting::default();
        let mut reading = self.journal_feed.reading();
        let mut progress = self.journal_feed.watch();
        let mut next_frame = Mono::default();
        let mut pressed = true;
        let mut receipts = Receipts::default();
        let alarm = Alarm::new();
        for heard in background::ask(&mut keys, view).await {
            waiting.urgent.extend(message_of(heard, view, &mut receipts));
        }
        if screen.ask(&receipts.begin(self.clock.now().mono)).is_err() {
            return GONE;
        }
        loop {
            if self.perform(screen, &mut receipts).is_err() {
                return GONE;
            }
            if let Some(code) = self.model.exit {
                return code;
            }
            let due = pressed || self.clock.now().mono >= next_frame;
            // While a frame waits for the disk, only keys are handled.
            let waits = (due || !self.model.dirty) && !self.may_show();
            let held = waits && self.model.dirty;
            let ready =
                pressed || waiting.turns.is_due(waiting.backlog.front(), self.inbox.len(), self.clock.now().mono);
            // While the terminal has not taken the last frame there is no next one; then the current state is drawn.
            let free = screen.is_free();
            if due && free && self.model.dirty && !held {
                next_frame = self.clock.now().mono + FRAME;
                if self.frame(screen, view, &mut receipts).is_err() {
                    return GONE;
                }
                pressed = self.model.dirty;
            }
            let free = screen.is_free();
            if free && let Some(question) = receipts.taken(self.clock.now().mono) {
                self.handle(Msg::Shown { question });
            }
            let frame =
                if held { self.journal_feed.until() } else { Some(next_frame).filter(|_| self.model.dirty && free) };
            let turn = Some(waiting.turns.next()).filter(|_| !held && !ready && !waiting.backlog.is_empty());
            let deadline = self.alarm_at([self.deadline(), frame, turn].into_iter().flatten().min());
            tokio::select! {
                biased; // keys before the market: the operator never queues behind the tape
                Some(signal) = signals.recv() => waiting.urgent.push_back(Msg::Terminate { signal }),
                heard = keys.recv() => match heard {
                    Some(heard) => {
                        pressed = true;
                        let more = std::iter::from_fn(|| keys.try_recv().ok()).take(BATCH);
                        waiting.urgent.extend(std::iter::once(heard).chain(more).filter_map(|heard| message_of(heard, view, &mut receipts)));
                    }
                    None => return GONE,
                },
                Some(change) = changes.recv() => {
                    pressed = true;
                    if self.on_change(change, screen).is_err() {
                        return GONE;
                    }
                }
                read = journaling::done(&mut reading) => {
                    self.begin(read);
                    progress = self.journal_feed.watch();
                }
                () = journaling::moved(&mut progress) => {}
                () = tokio::task::yield_now(), if (!held && ready && !waiting.backlog.is_empty()) || !waiting.urgent.is_empty() => {}
                // The first message of a turn; the rest is taken with it. What is not taken waits in the channel, which
                // blocks its senders.
                1.. = self.inbox.recv_many(&mut arrived, BATCH), if !held && waiting.backlog.is_empty() => {
                    waiting.backlog.extend(arrived.drain(..));
                }
                () = screen.freed(), if !free => {}
                () = alarm.wait(deadline) => waiting.urgent.push_back(Msg::Tick),
                // Sliced work is always ready, but everything else goes first.
                () = tokio::task::yield_now(), if !held && self.model.has_work() => {}
            }
            if self.model.has_work() && !held {
                waiting.urgent.push_back(Msg::Work);
            }
            if self.handle_waiting(&mut waiting, ready, held, screen, &mut receipts).await.is_err() {
                return GONE;
            }
            // Written while the next messages are handled; the frame waits for what is left.
            self.journal_feed.hand_over(&self.model.accounts, self.last);
        }
    }

    /// Handles the urgent messages, and of the others a turn when it is due.
    async fn handle_waiting(
        &mut self,
        waiting: &mut Waiting,
        ready: bool,
        held: bool,
        screen: &mut Screen,
        receipts: &mut Receipts,
    ) -> std::io::Result<()> {
        let Waiting { urgent, backlog, turns } = waiting;
        let now = self.clock.now().mono;
        let takes = !held && !backlog.is_empty() && (ready || now >= turns.next());
        if takes {
            self.take_in(backlog);
            turns.begin(now);
        }
        let end = now + TURN;
        while let Some(msg) = urgent.pop_front().or_else(|| if takes { backlog.pop_front() } else { None }) {
            self.refresh_memory(&msg).await;
            self.handle(msg);
            self.perform(screen, receipts)?;
            if urgent.is_empty() && self.clock.now().mono >= end {
                break;
            }
        }
        turns.end(takes && !backlog.is_empty());
        Ok(())
    }

    /// Handles waiting messages, up to a bound.
    fn take_in(&mut self, backlog: &mut VecDeque<Msg>) {
        while backlog.len() < BATCH
            && let Ok(msg) = self.inbox.try_recv()
        {
            backlog.push_back(msg);
        }
    }

    /// Draws the current state, tells the model what fitted, and asks the terminal whether it has shown a question.
    fn frame(&mut self, screen: &mut Screen, view: &mut ViewState, receipts: &mut Receipts) -> std::io::Result<()> {
        self.model.dirty = false;
        self.draw(screen, view)?;
        let extent = view.extent();
        if extent != self.model.extent {
            self.handle(Msg::Drawn(extent));
        }
        match self.model.unseen_question().filter(|_| view.shows_overlays()) {
            Some(question) => screen.ask(&receipts.ask(question)),
            None => Ok(()),
        }
    }

    fn draw(&self, screen: &mut Screen, view: &mut ViewState) -> std::io::Result<()> {
        #[cfg(debug_assertions)]
        assert!(
            std::env::var_os("BROKERDECK_PANIC").is_none(),
            "asked to panic, to check that the terminal is restored"
        );
        let size = self.model.size;
        if screen.size() != size {
            screen.invalidate(size)?;
        }
        screen.frame(|surface| {
            let drawn = surface.draw(|frame| view::draw(&self.model, view, frame))?;
            let pieces = hyperlink::pieces(drawn.buffer, view.hyperlinks());
            hyperlink::write(surface.backend_mut(), &pieces)
        })
    }

    /// Performs the effects on the terminal that have been requested since, and those that follow from them.
    fn perform(&mut self, screen: &mut Screen, receipts: &mut Receipts) -> std::io::Result<()> {
        while let Some(effect) = self.terminal_effects.pop_front() {
            self.on_terminal(effect, screen, receipts)?;
        }
        Ok(())
    }

    /// Performs one effect.
    fn on_terminal(
        &mut self,
        effect: TerminalEffect,
        screen: &mut Screen,
        receipts: &mut Receipts,
    ) -> std::io::Result<()> {
        match effect {
            TerminalEffect::Copy { text, what } => {
                terminal::copy(&text)?;
                self.handle(Msg::Notice(format!("copied the {what}")));
            }
            TerminalEffect::Bell => terminal::bell()?,
            TerminalEffect::Notify { text } => terminal::notify(&text)?,
            TerminalEffect::CaptureMouse(on) => terminal::capture_mouse(on)?,
            TerminalEffect::Suspend => {
                let stopped = self.suspend(true, screen)?;
                if stopped {
                    screen.ask(&receipts.again(self.clock.now().mono))?;
                }
            }
            TerminalEffect::Repaint => {
                terminal::repaint(self.model.mouse, screen)?;
                self.handle(resized());
            }
        }
        Ok(())
    }

    /// Handles changes of the terminal.
    fn on_change(&mut self, change: Change, screen: &mut Screen) -> std::io::Result<()> {
        match change {
            Change::Stop => return self.suspend(false, screen).map(drop),
            Change::Continued => {
                terminal::continued(self.model.mouse, screen)?;
                self.handle(Msg::Redraw);
            }
            Change::Resized => {}
        }
        self.handle(resized());
        Ok(())
    }

    /// Restores the terminal and stops the process, with `all` its job; takes the terminal again when continued. False
    /// when it could not be stopped.
    fn suspend(&mut self, all: bool, screen: &mut Screen) -> std::io::Result<bool> {
        let stopped = terminal::suspend(all, self.model.mouse, screen)?;
        self.handle(resized());
        Ok(stopped)
    }
}

/// The terminal's size as a message.
fn resized() -> Msg {
    let (cols, rows) = terminal::size();
    Msg::Resize { cols, rows }
}

/// An input event as a message. A change of the theme is applied here.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other events are keys and clicks")]
fn message_of(heard: InputEvent, view: &mut ViewState, receipts: &mut Receipts) -> Option<Msg> {
    match heard {
        InputEvent::Cursor { row, column } => {
            receipts.cursor_reported(row, column).map(|question| Msg::Shown { question })
        }
        InputEvent::Background(background) => background::apply(view, background).then_some(Msg::Redraw),
        InputEvent::Resized => Some(resized()),
        heard => input::message(heard, |column, row| view.hit(column, row)),
    }
}
