//! How messages of the stream look on the wire: JSON as text or binary, or MessagePack.

use axum::extract::ws::Message;
use serde_json::Value;

use crate::sim::server::msgpack;

/// How a socket's messages are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON in text frames.
    Text,
    /// JSON in binary frames, as on paper.
    Binary,
    /// MessagePack.
    MessagePack,
}

impl Encoding {
    /// A value as bytes.
    pub fn value(self, value: &Value) -> Vec<u8> {
        match self {
            Self::Text | Self::Binary => value.to_string().into_bytes(),
            Self::MessagePack => msgpack::encode(value, None),
        }
    }

    /// A JSON text as bytes.
    pub fn json(self, text: &str) -> Vec<u8> {
        match self {
            Self::Text | Self::Binary => text.as_bytes().to_vec(),
            Self::MessagePack => serde_json::from_str(text).map(|value| self.value(&value)).unwrap_or_default(),
        }
    }

    /// Bytes as a message. Damaged text that is no longer UTF-8 goes out as binary.
    pub fn message(self, bytes: Vec<u8>) -> Message {
        match self {
            Self::Text => match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(error) => Message::binary(error.into_bytes()),
            },
            Self::Binary | Self::MessagePack => Message::binary(bytes),
        }
    }

    /// What a client said; clients may speak JSON or MessagePack whatever they hear.
    #[expect(clippy::unused_self, reason = "it belongs to the frames of a connection")]
    pub fn read(self, bytes: &[u8]) -> Option<Value> {
        let packed = || rmp_serde::from_slice(bytes).ok();
        let value: Option<Value> = serde_json::from_slice(bytes).ok().or_else(packed);
        value.filter(Value::is_object)
    }
}

/// The frame as older servers sent it.
pub fn without_event_id(frame: &str) -> Value {
    let mut value: Value = serde_json::from_str(frame).unwrap_or_default();
    if let Some(data) = value.get_mut("data").and_then(Value::as_object_mut) {
        data.shift_remove("event_id");
    }
    value
}

/// The frame with an event and a status that nobody has heard of, and without its execution.
pub fn unheard_of(frame: &str) -> Value {
    let mut value: Value = serde_json::from_str(frame).unwrap_or_default();
    if let Some(data) = value.get_mut("data").and_then(Value::as_object_mut) {
        data.insert("event".to_owned(), Value::from("under_observation"));
        for member in ["execution_id", "price", "qty", "position_qty"] {
            data.shift_remove(member);
        }
    }
    value
}
