//! The question how bright the terminal's background is, asked where all its answers are read.
//!
//! A terminal far away answers late. What reads only so long leaves the answer, or half of it, for the keys.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::io::input::{Background, Heard};
use crate::view::ViewState;

/// How long the first frame waits for the answer; some terminals never give one. A later one changes the theme.
const PATIENCE: Duration = Duration::from_millis(100);
/// OSC 11, and the question that every terminal answers: its answer first means no other is coming.
const QUESTION: &[u8] = b"\x1b]11;?\x07\x1b[c";

/// Asks if the look depends on it, and waits a moment; gives back what else was heard.
pub async fn ask(keys: &mut mpsc::Receiver<Heard>, view: &mut ViewState) -> VecDeque<Heard> {
    let mut other = VecDeque::new();
    if !view.follows_background() || super::send(QUESTION).is_err() {
        return other;
    }
    let answered = async {
        while let Some(heard) = keys.recv().await {
            match heard {
                Heard::Background(background) => {
                    told(view, background);
                    return;
                }
                Heard::Attributes => return,
                heard => other.push_back(heard),
            }
        }
    };
    if tokio::time::timeout(PATIENCE, answered).await.is_err() {
        tracing::debug!("the terminal has not reported its background yet");
    }
    other
}

/// Takes the answer; true when the screen looks different now.
pub fn told(view: &mut ViewState, background: Background) -> bool {
    view.on_background(background == Background::Light)
}
