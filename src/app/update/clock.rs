//! The exchange's clock: when it is asked for, and how far an answer is relied on.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Dated, Model};
use crate::domain::market::MarketClock;
use crate::domain::{LinkId, Mono};
use crate::session::RequestError;

/// The clock is asked for again after this at the latest.
const CLOCK_EVERY: Duration = Duration::from_mins(30);
/// After the first answer, and after one that shows that the exchange's clock is not ours; then ever more rarely.
const CLOCK_AGAIN: Duration = Duration::from_secs(5);
/// Two answers that are this far apart from what passed between them are not of a clock like ours.
const CLOCK_DRIFT: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
/// After an answer that failed to come.
const CLOCK_RETRY: Duration = Duration::from_mins(1);
/// So long after the bell the exchange's clock has certainly turned.
const CLOCK_TURNED: Duration = Duration::from_secs(2);

/// Asks again when it is time, through any account that can answer.
pub(super) fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if model.clock_due.is_some_and(|due| due <= now) {
        let asked =
            model.accounts.iter().find(|account| account.session.answers()).map(|account| account.link.id.clone());
        match asked {
            Some(link) => ask(model, &link, effects),
            None => model.clock_due = Some(now + CLOCK_RETRY),
        }
    }
}

/// Asks for it through this account.
pub(super) fn ask(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    model.clock_due = Some(model.now.mono + CLOCK_RETRY);
    effects.push(Effect::AskClock { link: link.clone() });
}

/// True when the exchange's clock went on as ours did; a simulated one may be faster, or jump.
fn keeps_pace(known: &Dated<MarketClock>, clock: &MarketClock, now: Mono) -> bool {
    let told = clock.at.duration_since(known.value.at);
    let passed = jiff::SignedDuration::try_from(now.since(known.at)).unwrap_or(jiff::SignedDuration::MAX);
    (told - passed).abs() < CLOCK_DRIFT
}

/// The clock came, or did not.
pub(super) fn told(model: &mut Model, result: &Result<MarketClock, RequestError>) {
    let now = model.now;
    let clock = match result {
        Ok(clock) => clock,
        Err(error) => {
            // The header keeps what it has, with its age.
            model.clock_due = Some(now.mono + CLOCK_RETRY);
            model.clock_fault = Some(error.brief());
            model.dirty = true;
            return;
        }
    };
    model.clock_fault = None;
    let turn = clock.next_open.min(clock.next_close);
    // By the exchange's own time: ours may be wrong, and a simulated exchange has another day.
    let left = Duration::try_from(turn.duration_since(clock.at)).unwrap_or(CLOCK_TURNED);
    model.clock_every = match &model.clock {
        Some(known) if keeps_pace(known, clock, now.mono) => (model.clock_every * 2).min(CLOCK_EVERY),
        _ => CLOCK_AGAIN,
    };
    model.clock_due = Some(now.mono + (left + CLOCK_TURNED).min(model.clock_every));
    model.clock = Some(Dated { value: *clock, at: now.mono });
    model.dirty = true;
}
