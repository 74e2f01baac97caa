//! The stream of trade updates: one connection, from opening to [`crate::session::Closed`] (docs/DESIGN.md 9.5).
//!
//! It never reconnects, never drops an update (it waits for room in the channel), and does not interpret updates.

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::events::EventSender;
pub use super::events::{StreamTarget, Timeouts};
use super::{sse, websocket};
use crate::session::{AuthForm, StreamEvent};

/// Runs one connection until it ends or `stop` is requested. The last event is [`StreamEvent::Closed`], sent once.
///
/// Sending waits for room in the channel. When the receiver is gone, the connection is closed without another event.
pub async fn run(
    target: StreamTarget,
    token: SecretString,
    form: AuthForm,
    events: mpsc::Sender<StreamEvent>,
    stop: CancellationToken,
) {
    run_with(target, token, form, events, stop, Timeouts::default()).await;
}

/// [`run`] with other timeouts.
pub async fn run_with(
    target: StreamTarget,
    token: SecretString,
    form: AuthForm,
    events: mpsc::Sender<StreamEvent>,
    stop: CancellationToken,
    timeouts: Timeouts,
) {
    let out = EventSender { events, stop, token, timeouts };
    let closed = match form {
        AuthForm::Authenticate | AuthForm::AuthKey => websocket::run(&target, form, &out).await,
        AuthForm::Sse => sse::run(&target, &out).await,
    };
    tracing::debug!(?form, ?closed, "a stream ended");
    drop(out.events.send(StreamEvent::Closed(closed)).await);
}
