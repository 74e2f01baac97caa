//! What an account's task has taken and not answered yet: if the task fails, so does all of this.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Command;
use crate::accounts::{Msg, RequestOwner};
use crate::domain::LinkId;
use crate::session::{Closed, Epoch, RequestError, RequestErrorKind, StreamEvent};

const FAILED: &str = "the program failed while the request was under way; its log says where";

/// The unanswered commands of one account.
#[derive(Debug, Default)]
pub(super) struct Unanswered(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// Each request, and whether it changes something at the broker.
    requests: BTreeMap<RequestOwner, bool>,
    /// A stream that is to be opened.
    stream: Option<Epoch>,
}

impl Unanswered {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a command that the task has taken.
    pub(super) fn note(&self, command: &Command) {
        let mut open = self.open();
        match command {
            Command::Ask(id, request) => {
                open.requests.insert(*id, request.route().class.changes());
            }
            // Queued reads are dropped, and nothing waits for those under way.
            Command::Drop => open.requests.retain(|_, changes| *changes),
            Command::Stream(epoch, ..) => open.stream = Some(*epoch),
            Command::EndWaits | Command::Renew => {}
        }
    }

    /// Notes the answer to a request.
    pub(super) fn answered(&self, msg: &Msg) {
        if let Msg::Replied { id, .. } = msg {
            self.open().requests.remove(id);
        }
    }

    /// Notes that the stream has a task of its own, or an answer.
    pub(super) fn opened(&self) {
        self.open().stream = None;
    }

    /// The failures of everything unanswered.
    pub(super) fn fail(&self, link: &LinkId) -> Vec<Msg> {
        let Open { requests, stream } = std::mem::take(&mut *self.open());
        let failed = |id| {
            let error = RequestError::local(RequestErrorKind::Decode, FAILED);
            Msg::Replied { link: link.clone(), id, result: Err(error) }
        };
        let stream = stream.map(|epoch| failed_stream(link, epoch));
        requests.into_keys().map(failed).chain(stream).collect()
    }
}

/// The end of a stream whose task failed.
pub(super) fn failed_stream(link: &LinkId, epoch: Epoch) -> Msg {
    let closed = Closed::unreachable("the program failed while the stream was open; its log says where".to_owned());
    Msg::Stream { link: link.clone(), epoch, event: StreamEvent::Closed(closed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{AuthForm, Request, RequestId};
    use tokio_util::sync::CancellationToken;

    #[test]
    fn everything_unanswered_fails_with_its_task_but_not_what_was_answered_or_dropped() {
        let (unanswered, link) = (Unanswered::default(), LinkId::from("l"));
        let read = |number| RequestOwner::Session(RequestId(number));
        let stream = |epoch| Command::Stream(Epoch(epoch), AuthForm::Authenticate, CancellationToken::new());
        unanswered.note(&Command::Ask(read(1), Request::Account));
        unanswered.note(&Command::Drop);
        unanswered.note(&Command::Ask(read(2), Request::Account));
        unanswered.note(&Command::Ask(read(3), Request::Clock));
        unanswered.note(&stream(3));
        unanswered.opened();
        unanswered.note(&stream(4));
        let result = Err(RequestError::mismatch());
        unanswered.answered(&Msg::Replied { link: link.clone(), id: read(2), result });
        let failed = unanswered.fail(&link);
        assert_eq!(failed.len(), 2, "{failed:?}");
        assert!(matches!(&failed[0], Msg::Replied { id, result: Err(_), .. } if *id == read(3)), "{failed:?}");
        assert_eq!(failed[1], failed_stream(&link, Epoch(4)));
        assert!(unanswered.fail(&link).is_empty(), "once");
    }
}
