//! Failed requests: which are retried, which are given up, and what is reported as missing without them.

use std::time::Duration;

use super::{Question, RATE_LIMIT_WAIT, Resync, Step};
use crate::session::request::{Request, RequestError, RequestErrorKind};

impl Resync {
    pub(super) fn lack(&mut self, question: &Question, reason: String) {
        match question.beyond() {
            Some(what) => drop(self.snapshot.beyond.get_or_insert_with(|| format!("{what}: {reason}"))),
            None => drop(self.snapshot.faults.entry(question.part()).or_insert(reason)),
        }
    }

    pub(super) fn give_up(&mut self, question: &Question, reason: String) {
        // The list that named this order was answered; only the order itself is missing.
        let one = matches!(question.request, Request::Order(_));
        if !question.is_beyond() && !one {
            self.snapshot.given_up.insert(question.part());
            // An answer that is missing entirely outweighs an earlier one that was read in part.
            self.snapshot.faults.remove(&question.part());
        }
        self.lack(question, reason);
    }

    pub(super) fn failed(&mut self, mut question: Question, error: RequestError) -> Step {
        if matches!(error.kind, RequestErrorKind::RateLimited { .. }) && question.is_first() {
            self.limited_again |= self.last.contains(&question.endpoint());
            self.limited.insert(question.endpoint(), error.brief());
        }
        if error.kind == RequestErrorKind::Unauthorized
            || (error.kind == RequestErrorKind::Forbidden && question.request == Request::Account)
        {
            // The pass goes on without it while the session checks the refusal.
            self.give_up(&question, error.brief());
            return Step::Refused(error);
        }
        if let Some(why) = self.cut.clone() {
            self.leave_out(&question, &why);
            // A rate limit is passed on to the session.
            let limited = matches!(error.kind, RequestErrorKind::RateLimited { .. });
            return if limited { Step::Refused(error) } else { Step::More };
        }
        match error.kind {
            // A done order disappears only with a reset of its account, which the account id reveals.
            RequestErrorKind::NotFound if let Request::Order(id) = &question.request => {
                self.snapshot.denied.push(id.clone());
                Step::More
            }
            RequestErrorKind::RateLimited { retry_after } if question.tries < question.most_tries(&error.kind) => {
                question.tries += 1;
                self.done = self.done.saturating_sub(1);
                self.queue.push_front(question);
                Step::Wait(retry_after.unwrap_or(RATE_LIMIT_WAIT))
            }
            // Its wait is kept, but no longer delays what else the pass has fetched.
            RequestErrorKind::RateLimited { .. } => {
                self.give_up(&question, error.brief());
                Step::Refused(error)
            }
            RequestErrorKind::Server
            | RequestErrorKind::Network
            | RequestErrorKind::Timeout
            // A truncated body may arrive whole next time; one that can never be read is given up after the
            // same number of tries.
            | RequestErrorKind::Decode
                if question.tries < question.most_tries(&error.kind)
                    && (!self.by_id_asked || !self.answered.is_empty()) =>
            {
                question.tries += 1;
                let wait = Duration::from_millis(250 << question.tries.min(5));
                self.done = self.done.saturating_sub(1);
                self.parked.push(question);
                Step::Park(wait)
            }
            _ => {
                self.give_up(&question, error.brief());
                Step::More
            }
        }
    }

    /// Queues the failed requests again after their wait.
    pub(in crate::session) fn unpark(&mut self) {
        // In front: while the account is not known, nothing may be requested before it.
        for question in self.parked.drain(..).rev() {
            self.queue.push_front(question);
        }
    }

    /// Cuts the pass short for a long wait: it ends with the answers in flight, and the next pass fetches the rest.
    pub(in crate::session) fn cut(&mut self, why: &str) {
        self.cut = Some(why.to_owned());
        for question in self.queue.drain(..).chain(self.parked.drain(..)).collect::<Vec<_>>() {
            self.leave_out(&question, why);
        }
    }

    /// Leaves a request out of this pass and notes what is missing.
    pub(super) fn leave_out(&mut self, question: &Question, why: &str) {
        let why = self.limited.get(&question.endpoint()).cloned().unwrap_or_else(|| why.to_owned());
        if question.is_first() {
            self.give_up(question, why);
        } else {
            self.lack(question, why);
        }
    }
}
