//! The encodings of stream messages: JSON as text or binary, or MessagePack.

use axum::extract::ws::Message;
use serde_json::{Value, json};

use crate::sim::faults::{Fault, Faults};
use crate::sim::server::msgpack;

/// The encoding of a socket's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON in text frames.
    Text,
    /// JSON in binary frames, as on paper.
    Binary,
    MessagePack,
}

impl Encoding {
    /// A value as bytes.
    pub(crate) fn value(self, value: &Value) -> Vec<u8> {
        match self {
            Self::Text | Self::Binary => value.to_string().into_bytes(),
            Self::MessagePack => msgpack::encode(value, None),
        }
    }

    /// A JSON text as bytes.
    pub(crate) fn json(self, text: &str) -> Vec<u8> {
        match self {
            Self::Text | Self::Binary => text.as_bytes().to_vec(),
            Self::MessagePack => serde_json::from_str(text).map(|value| self.value(&value)).unwrap_or_default(),
        }
    }

    /// Bytes as a websocket message. Damaged text that is not valid UTF-8 is sent as binary.
    pub(crate) fn message(self, bytes: Vec<u8>) -> Message {
        match self {
            Self::Text => match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(error) => Message::binary(error.into_bytes()),
            },
            Self::Binary | Self::MessagePack => Message::binary(bytes),
        }
    }

    /// Decodes a client's message; clients may use JSON or MessagePack, whatever they receive.
    #[expect(clippy::unused_self, reason = "each connection has its own frame format")]
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Value> {
        let packed = || rmp_serde::from_slice(bytes).ok();
        let value: Option<Value> = serde_json::from_slice(bytes).ok().or_else(packed);
        value.filter(Value::is_object)
    }
}

/// A JSON text as a value.
pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// An event in the form of older servers.
pub(crate) fn without_id(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.shift_remove("event_id");
    }
    event
}

/// An unknown event about the same order, without an execution.
pub(crate) fn of_unheard_event(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        let name = if members.contains_key("activity_type") { "activity_type" } else { "event" };
        members.insert(name.to_owned(), Value::from("under_observation"));
        for member in ["execution_id", "price", "qty", "position_qty"] {
            members.shift_remove(member);
        }
    }
    event
}

/// Wraps an event, already JSON, in the websocket's envelope.
pub(crate) fn of_data(data: &str) -> String {
    format!("{{\"stream\":\"trade_updates\",\"data\":{data}}}")
}

/// Wraps an event in the websocket's envelope.
pub(crate) fn enveloped(event: &Value) -> Value {
    json!({"stream": "trade_updates", "data": event})
}

/// Damages a byte, or drops half.
pub(crate) fn damage(bytes: &mut Vec<u8>, fault: Fault, faults: &mut Faults) {
    match fault {
        Fault::Corrupt => {
            let at = faults.pick(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x15;
            }
        }
        Fault::Truncate => bytes.truncate(bytes.len() / 2),
        _ => {}
    }
}
