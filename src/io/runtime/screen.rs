//! The loop on a screen: keys first, then the world, a frame when something changed and no more of them than an eye sees.

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event::EventStream;
use crossterm::execute;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use futures_util::StreamExt;

use super::{BATCH, Loop, memory};
use crate::app::{Effect, Msg};
use crate::domain::Mono;
use crate::io::alarm::Alarm;
use crate::io::terminal::{self, Screen};
use crate::io::{hyperlink, input, signals};
use crate::view::{self, ViewState};

/// Frames that only the market asked for come no faster than sixty a second; a key is answered at once.
const FRAME: Duration = Duration::from_millis(16);
/// What arrived is handled for so long at a time; the rest waits until the keys were looked at again.
const TURN: Duration = Duration::from_millis(3);
/// The exit code when the terminal is gone: as after SIGHUP.
const GONE: u8 = 129;

impl Loop {
    /// Runs on a screen until the model is done; the exit code is the model's, or 129 when the terminal vanished.
    pub async fn on_screen(&mut self, screen: &mut Screen, view: &mut ViewState) -> u8 {
        let mut signals = signals::listen();
        let mut keys = EventStream::new();
        let mut urgent = VecDeque::new();
        let mut arrived = Vec::with_capacity(BATCH);
        let mut backlog = VecDeque::with_capacity(BATCH);
        let mut reading = self.reading.take();
        let mut progress = self.keeping.watch();
        let mut next_frame = Mono::default();
        let mut pressed = true;
        let alarm = Alarm::new();
        loop {
            if let Some(code) = self.model.exit {
                return code;
            }
            let due = pressed || self.clock.now().mono >= next_frame;
            // While a frame waits for the disk nothing more is taken in but keys, which act at once.
            let waits = (due || !self.model.dirty) && !self.may_show();
            let held = waits && self.model.dirty;
            if due && self.model.dirty && !held {
                self.model.dirty = false;
                pressed = false;
                next_frame = self.clock.now().mono + FRAME;
                if self.draw(screen, view).is_err() {
                    return GONE;
                }
                let extent = view.extent();
                if extent != self.model.extent {
                    drop(self.handle(Msg::Drawn(extent)));
                    pressed = self.model.dirty;
                }
            }
            let mut deadline = self.deadline();
            let frame = if held { self.keeping.until() } else { Some(next_frame).filter(|_| self.model.dirty) };
            deadline = [deadline, frame].into_iter().flatten().min();
            let deadline = self.alarm_at(deadline);
            tokio::select! {
                biased; // keys before the market: the operator never queues behind the tape
                // Before the keys: reading those of a terminal that has gone may never return ([`super::super::hangup`]).
                Some(msg) = signals.recv() => urgent.push_back(msg),
                event = keys.next() => match event {
                    Some(Ok(event)) => {
                        pressed = true;
                        urgent.extend(input::message(event, |column, row| view.hit(column, row)));
                    }
                    // A closed terminal answers with errors for ever; leaving at once keeps it from spinning.
                    Some(Err(_)) | None => return GONE,
                },
                read = Self::read(&mut reading) => {
                    self.begin(read);
                    progress = self.keeping.watch();
                }
                () = memory::moved(&mut progress) => {}
                () = tokio::task::yield_now(), if !held && !backlog.is_empty() => {}
                // Only then: what is not taken waits in the channel, whose senders wait in turn.
                1.. = self.inbox.recv_many(&mut arrived, BATCH), if !held && backlog.is_empty() => {
                    backlog.extend(arrived.drain(..));
                }
                () = alarm.wait(deadline) => urgent.push_back(Msg::Tick),
                // Work in slices waits for nothing, and lets everything else go first.
                () = tokio::task::yield_now(), if !held && self.model.has_work() => {}
            }
            if self.model.has_work() && !held {
                urgent.push_back(Msg::Work);
            }
            let end = self.clock.now().mono + TURN;
            while let Some(msg) = urgent.pop_front().or_else(|| if held { None } else { backlog.pop_front() }) {
                self.refresh_memory(&msg).await;
                for effect in self.handle(msg) {
                    if self.on_terminal(effect, screen).is_err() {
                        return GONE;
                    }
                }
                if urgent.is_empty() && self.clock.now().mono >= end {
                    break;
                }
            }
            // Written while the next messages are handled; the frame waits for what is left.
            self.hand_over();
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
