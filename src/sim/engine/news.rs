//! The engine's output in order: order events and bookings, with the ids and instants that order them. Books nothing
//! itself.

use jiff::{SignedDuration, Timestamp, Unit};
use uuid::Uuid;

use super::event::{Booking, BookingStatus, EngineEvent, EventId, LegReport, News, Report};
use super::order::{AccountNo, Order};
use super::slot::Ix;
use super::{ActivityOf, CashRow, Engine};
use crate::sim::words::EventKind;

impl Engine {
    /// The next item, in order.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// The next event of the trade stream, in order; skips bookings before it.
    pub fn poll_event(&mut self) -> Option<EngineEvent> {
        loop {
            match self.news.pop_front()? {
                News::Trade(event) => return Some(event),
                News::Leg(event) if event.framed => return Some(event),
                News::Money(_) | News::Leg(_) => {}
            }
        }
    }

    /// The number of order events so far.
    pub fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Reports an order event; `timestamp` is when it happened at the venue.
    pub(super) fn emit(
        &mut self,
        ix: Ix,
        event: EventKind,
        timestamp: Timestamp,
        report: Option<Report>,
        reason: Option<String>,
    ) {
        self.slot_mut(ix).order.updated_at = timestamp;
        self.event_count += 1;
        if self.is_multileg(ix) {
            self.mirror(ix);
        }
        let (event_id, at) = self.sent(timestamp);
        let execution_id = match &report {
            Some(report) => Some(report.execution_id),
            None if event == EventKind::New => Some(self.ids.uuid()),
            None => None,
        };
        let slot = self.slot(ix);
        let (account, order) = (slot.account, Box::new(slot.order.clone()));
        let legs = if self.is_multileg(ix) { self.leg_orders(ix) } else { Vec::new() };
        let leg_reports = Vec::new();
        self.news.push_back(News::Trade(EngineEvent {
            event_id,
            account,
            event,
            order,
            legs,
            leg_reports,
            timestamp,
            at,
            execution_id,
            report,
            reason,
            framed: true,
        }));
    }

    fn leg_orders(&self, ix: Ix) -> Vec<Order> {
        self.slot(ix).legs.iter().map(|leg| self.slot(*leg).order.clone()).collect()
    }

    /// Reports the fill of a multi-leg order, with the executions of its legs.
    pub(super) fn emit_multileg(&mut self, ix: Ix, timestamp: Timestamp, reports: Vec<LegReport>) {
        self.emit(ix, EventKind::Fill, timestamp, None, None);
        if let Some(News::Trade(event)) = self.news.back_mut() {
            event.leg_reports = reports;
        }
    }

    /// Reports the execution of a leg: as an activity, and as an event if legs have frames of their own.
    pub(super) fn emit_leg(&mut self, ix: Ix, timestamp: Timestamp, report: Report) {
        self.slot_mut(ix).order.updated_at = timestamp;
        let (event_id, at) = self.sent(timestamp);
        let slot = self.slot(ix);
        self.news.push_back(News::Leg(EngineEvent {
            event_id,
            account: slot.account,
            event: EventKind::Fill,
            order: Box::new(slot.order.clone()),
            legs: Vec::new(),
            leg_reports: Vec::new(),
            timestamp,
            at,
            execution_id: None,
            report: Some(report),
            reason: None,
            framed: self.readings.legs_have_frames(),
        }));
    }

    /// Books cash that moves without a trade, and reports it.
    pub(super) fn book_row(&mut self, no: AccountNo, row: CashRow) {
        if let Some(account) = self.accounts.get_mut(usize::from(no.0)) {
            account.book_row(row.clone());
        }
        self.tell(no, row.id, None, row.at, ActivityOf::Cash(row));
    }

    /// Reports a booking that is not a trade; `previous` is the one it replaces or revokes.
    pub(super) fn tell(
        &mut self,
        account: AccountNo,
        ref_id: Uuid,
        previous: Option<(Uuid, BookingStatus)>,
        executed_at: Timestamp,
        what: ActivityOf,
    ) {
        let (event_id, at) = self.sent(executed_at);
        let (previous_id, standing) =
            previous.map_or((None, BookingStatus::Executed), |(id, standing)| (Some(id), standing));
        let booking = Booking { event_id, account, at, executed_at, ref_id, previous_id, standing, what };
        self.news.push_back(News::Money(booking));
    }

    /// Restarts the output with the opening of each account.
    pub(super) fn tell_openings(&mut self) {
        self.news.clear();
        (self.last_event, self.last_at) = (EventId(0), Timestamp::UNIX_EPOCH);
        for index in 0..self.accounts.len() {
            self.tell_opening(index);
        }
    }

    /// Reports an account's opening.
    pub(super) fn tell_opening(&mut self, index: usize) {
        let Some(account) = self.accounts.get(index) else { return };
        let (no, row) = (account.no, account.cash_rows.first().cloned());
        if let Some(row) = row {
            self.tell(no, row.id, None, row.at, ActivityOf::Cash(row));
        }
    }

    /// The id and instant of a message about something at `timestamp`. Both strictly increase, and the instant has no
    /// more digits than on the wire: a client that resumes a nanosecond later misses nothing and gets nothing twice.
    fn sent(&mut self, timestamp: Timestamp) -> (EventId, Timestamp) {
        let micro = SignedDuration::from_micros(1);
        let delay = SignedDuration::from_micros(self.luck.between(40, 900));
        let soon = timestamp.saturating_add(delay).unwrap_or(timestamp);
        let soon = soon.round(Unit::Microsecond).unwrap_or(soon);
        self.last_at = soon.max(self.last_at.saturating_add(micro).unwrap_or(soon));
        let millis = u128::try_from(self.last_at.as_millisecond()).unwrap_or(0);
        let fresh = EventId((millis << 80) | (self.ids.bits80() >> 1));
        self.last_event = if fresh > self.last_event { fresh } else { EventId(self.last_event.0 + 1) };
        (self.last_event, self.last_at)
    }
}
