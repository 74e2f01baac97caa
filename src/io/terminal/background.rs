//! Asks the terminal for its background colour; the answer arrives with the other input.
//!
//! A distant terminal answers late. Reading only for a limited time would leave the answer, or half of it, to be taken
//! for keys.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::io::input::{Background, InputEvent};
use crate::view::ViewState;

/// How long the first frame waits for the answer, which some terminals never give. A later one changes the theme.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);
/// OSC 11, and a query that every terminal answers; when its answer comes first, there will be no other.
const QUESTION: &[u8] = b"\x1b]11;?\x07\x1b[c";

/// Asks if the theme depends on it, and waits a moment; returns the other input that arrived.
#[expect(clippy::wildcard_enum_match_arm, reason = "other events are kept for the loop")]
pub async fn ask(keys: &mut mpsc::Receiver<InputEvent>, view: &mut ViewState) -> VecDeque<InputEvent> {
    let mut other = VecDeque::new();
    if !view.follows_background() || super::send(QUESTION).is_err() {
        return other;
    }
    let answered = async {
        while let Some(heard) = keys.recv().await {
            match heard {
                InputEvent::Background(background) => {
                    apply(view, background);
                    return;
                }
                InputEvent::Attributes => return,
                heard => other.push_back(heard),
            }
        }
    };
    if tokio::time::timeout(ANSWER_TIMEOUT, answered).await.is_err() {
        tracing::debug!("the terminal has not reported its background yet");
    }
    other
}

/// Takes the answer; true when the theme changes.
pub fn apply(view: &mut ViewState, background: Background) -> bool {
    view.on_background(background == Background::Light)
}
