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

impl Loop {
    /// Runs on a screen until the model is done; returns the model's exit code, or 129 when the terminal vanished.
    pub async fn on_screen(&mut self, screen: &mut Screen, view: &mut ViewState, signals: &mut signals::Ends) -> u8 {
        let mut changes = signals::changes();
        let mut keys = input::listen(Keyboard::default());
        let mut arrived = Vec::with_capacity(BATCH);
        let mut backlog = VecDeque::with_capacity(BATCH);
        let mut reading = self.journal_feed.reading();
        let mut progress = self.journal_feed.watch();
        let mut next_frame = Mono::default();
        let mut turns = Turns::default();
        let mut pressed = true;
        let mut receipts = Receipts::default();
        let alarm = Alarm::new();
        let heard = background::ask(&mut keys, view).await.into_iter();
        let mut urgent: VecDeque<_> = heard.filter_map(|heard| message_of(heard, view, &mut receipts)).collect();
        if screen.ask(&receipts.begin(self.clock.now().mono)).is_err() {
            return GONE;
        }
        loop {
            if self.run_terminal_effects(screen, &mut receipts).is_err() {
                return GONE;
            }
            if let Some(code) = self.model.exit {
                return code;
            }
            let due = pressed || self.clock.now().mono >= next_frame;
            // While a frame waits for the disk, only keys are handled.
            let waits = (due || !self.model.dirty) && !self.may_show();
            let held = waits && self.model.dirty;
            let ready = pressed || turns.is_due(backlog.front(), self.inbox.len(), self.clock.now().mono);
            // While the terminal has not taken the last frame there is no next one; then the current state is drawn.
            let free = screen.is_free();
            if due && free && self.model.dirty && !held {
                next_frame = self.clock.now().mono + FRAME;
                if self.frame(screen, view, &mut receipts).is_err() {
                    return GONE;
                }
                pressed = self.model.dirty;
            }
            let free = self.note_shown_question(screen, &mut receipts);
            let frame =
                if held { self.journal_feed.until() } else { Some(next_frame).filter(|_| self.model.dirty && free) };
            let turn = Some(turns.next()).filter(|_| !held && !ready && !backlog.is_empty());
            let deadline = self.alarm_at([self.deadline(), frame, turn].into_iter().flatten().min());
            tokio::select! {
                biased; // keys before the market: the operator never queues behind the tape
                Some(signal) = signals.recv() => urgent.push_back(Msg::Terminate { signal }),
                heard = keys.recv() => match heard {
                    Some(heard) => {
                        pressed = true;
                        let all = std::iter::once(heard).chain(std::iter::from_fn(|| keys.try_recv().ok()).take(BATCH));
                        urgent.extend(all.filter_map(|heard| message_of(heard, view, &mut receipts)));
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
                () = tokio::task::yield_now(), if (!held && ready && !backlog.is_empty()) || !urgent.is_empty() => {}
                // The first message of a turn; the rest is taken with it. What is not taken waits in the channel, which
                // blocks its senders.
                1.. = self.inbox.recv_many(&mut arrived, BATCH), if !held && backlog.is_empty() => {
                    backlog.extend(arrived.drain(..));
                }
                () = screen.freed(), if !free => {}
                () = alarm.wait(deadline) => urgent.push_back(Msg::Tick),
                // Sliced work is always ready, but everything else goes first.
                () = tokio::task::yield_now(), if !held && self.model.has_work() => {}
            }
            urgent.extend(Some(Msg::Work).filter(|_| self.model.has_work() && !held));
            let now = self.clock.now().mono;
            let takes = !held && !backlog.is_empty() && (ready || now >= turns.next());
            if takes {
                self.take_in(&mut backlog);
                turns.begin(now);
            }
            let mut none = VecDeque::new();
            let waiting = if takes { &mut backlog } else { &mut none };
            if self.handle_all(&mut urgent, waiting, now + TURN, screen, &mut receipts).await.is_err() {
                return GONE;
            }
            turns.end(takes && !backlog.is_empty());
        }
    }

    /// Notes that the terminal has shown the last question; true while the terminal takes a frame.
    fn note_shown_question(&mut self, screen: &Screen, receipts: &mut Receipts) -> bool {
        let free = screen.is_free();
        if free && let Some(question) = receipts.taken(self.clock.now().mono) {
            self.handle(Msg::Shown { question });
        }
        free
    }

    /// Handles the urgent messages, and others until `end`, then gives the journal what they changed: it is written while
    /// the next messages are handled, and the frame waits for the rest.
    async fn handle_all(
        &mut self,
        urgent: &mut VecDeque<Msg>,
        others: &mut VecDeque<Msg>,
        end: Mono,
        screen: &mut Screen,
        receipts: &mut Receipts,
    ) -> std::io::Result<()> {
        while let Some(msg) = urgent.pop_front().or_else(|| others.pop_front()) {
            self.refresh_memory(&msg).await;
            self.handle(msg);
            self.run_terminal_effects(screen, receipts)?;
            if urgent.is_empty() && self.clock.now().mono >= end {
                break;
            }
        }
        self.journal_feed.hand_over(&self.model.accounts, self.last);
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

    /// Runs the effects on the terminal that wait for it.
    fn run_terminal_effects(&mut self, screen: &mut Screen, receipts: &mut Receipts) -> std::io::Result<()> {
        while let Some(effect) = self.terminal_effects.pop_front() {
            self.on_terminal(effect, screen, receipts)?;
        }
        Ok(())
    }

    /// Runs one effect on the terminal.
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

/// What the terminal said, as a message; what concerns the look alone is done here.
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
