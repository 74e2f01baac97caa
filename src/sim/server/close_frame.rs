//! Closing a websocket by the protocol (RFC 6455, 5.5.1 and 7.4.1): answers a close, and tells a client that violated
//! the protocol which rule it broke.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio_tungstenite::tungstenite;
use tungstenite::error::ProtocolError;

/// Time limit for a peer that does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends a socket after the last item received, which was not a message.
pub(super) async fn answer(socket: &mut WebSocket, last: Option<Result<Message, axum::Error>>) {
    let answered = async {
        match last {
            // The answer is queued, and is sent before the next read.
            Some(Ok(_)) => drop(socket.recv().await),
            Some(Err(error)) => {
                if let Some(code) = broken_rule(error) {
                    let frame = CloseFrame { code, reason: "".into() };
                    drop(socket.send(Message::Close(Some(frame))).await);
                }
            }
            None => {}
        }
    };
    // After that the connection just ends.
    drop(tokio::time::timeout(CLOSE_TIMEOUT, answered).await);
}

/// The close code for what a client did; `None` when nothing can be sent any more.
fn broken_rule(error: axum::Error) -> Option<u16> {
    match error.into_inner().downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) => Some(close_code::PROTOCOL),
        tungstenite::Error::Utf8(_) => Some(close_code::INVALID),
        tungstenite::Error::Capacity(_) => Some(close_code::SIZE),
        _ => None,
    }
}
