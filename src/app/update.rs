//! (contract skeleton: the app developer fills this in)

use super::effect::Effect;
use super::model::Model;
use super::msg::Msg;
use crate::domain::Now;

/// Handles one message. Synchronous, infallible, deterministic.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<Effect> {
    let _ = (msg, now);
    model.dirty = true;
    Vec::new()
}
