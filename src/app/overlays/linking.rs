//! A linking attempt as the screen shows it, its fields and its question: plain data, without token, code or verifier.

use std::sync::Arc;

use tui_input::Input as Field;

use super::{Asked, Data, Form, Handler, Next};
use crate::app::effect::{Copied, Effect, LinkingEffect, TerminalEffect};
use crate::app::keymap::{Action, Reason, Scope};
use crate::domain::text::sanitize_to;
use crate::domain::{BrokerId, Environment, Mono};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, RedirectNote};

/// Longest label, in characters.
const LABEL: usize = 32;
/// The hint below a label being edited; states the limit of `LABEL`.
pub const LABEL_HINT: &str = "names the account on screens and in commands; 32 characters at most";

/// The screens of a linking attempt.
#[derive(Debug, Clone)]
pub struct Linking {
    pub attempt: Attempt,
}

/// A linking attempt as the waiting screen shows it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: AttemptId,
    pub broker: BrokerId,
    pub phase: AttemptPhase,
    /// The last redirect that was ignored, and why.
    pub note: Option<RedirectNote>,
}

/// The phase of an attempt.
#[derive(Debug, Clone)]
pub enum AttemptPhase {
    /// The shell is binding the port.
    Starting,
    /// Waiting for the browser. `paste` is the field for the redirect URL, shown masked; `None` until it is opened.
    Waiting {
        /// The authorize URL.
        authorize_url: Sensitive,
        /// The bound port.
        port: Option<u16>,
        /// When the attempt times out.
        deadline: Mono,
        /// Whether a browser was opened.
        browser: Result<(), String>,
        /// The paste field.
        paste: Option<Field>,
    },
    /// The code is being exchanged, and the account fetched.
    Exchanging,
    /// Asking whether to save.
    Confirm {
        /// The accounts that the token reaches.
        accounts: Vec<FoundAccount>,
        /// The scopes granted.
        scopes: Vec<Arc<str>>,
        /// Their labels, one per account; while none is edited, keys answer the question.
        labels: Form,
    },
    /// The token is being stored.
    Saving,
    /// Ended without a link.
    Failed(LinkFailure),
}

impl Linking {
    /// The screens of a new attempt.
    pub const fn of(attempt: Attempt) -> Self {
        Self { attempt }
    }

    /// The authorize URL while it waits for the browser.
    fn waiting(&self) -> Option<&Sensitive> {
        match &self.attempt.phase {
            AttemptPhase::Waiting { authorize_url, .. } => Some(authorize_url),
            AttemptPhase::Starting
            | AttemptPhase::Exchanging
            | AttemptPhase::Confirm { .. }
            | AttemptPhase::Saving
            | AttemptPhase::Failed(_) => None,
        }
    }

    /// Opens the masked field for the redirect URL; false when it does not wait for the browser.
    fn open_paste(&mut self, text: &str) -> bool {
        let AttemptPhase::Waiting { paste, .. } = &mut self.attempt.phase else { return false };
        *paste = Some(Field::from(text.trim().to_owned()));
        true
    }

    /// Edits a label, or the last one.
    fn edit(&mut self, index: usize) {
        if let AttemptPhase::Confirm { labels, .. } = &mut self.attempt.phase {
            labels.edit(index);
        }
    }

    /// Enter in a field of the waiting screen or of the question.
    fn accept_field(&mut self) -> Vec<Next> {
        match &mut self.attempt.phase {
            AttemptPhase::Waiting { paste, .. } => {
                let text = paste.take().map(|field| field.value().trim().to_owned()).unwrap_or_default();
                if text.is_empty() {
                    return Vec::new();
                }
                self.attempt.note = None;
                // Keep the field: a terminal without bracketed paste is still typing the rest of a wrapped address.
                *paste = Some(Field::default());
                vec![Next::Do(Effect::Linking(LinkingEffect::SubmitRedirect {
                    attempt: self.attempt.id,
                    url: Sensitive::new(text),
                }))]
            }
            AttemptPhase::Confirm { labels, .. } => {
                labels.accept(|label| sanitize_to(label.trim(), LABEL));
                Vec::new()
            }
            AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving | AttemptPhase::Failed(_) => {
                Vec::new()
            }
        }
    }

    /// Esc in such a field: restores the old text.
    fn leave_field(&mut self) {
        match &mut self.attempt.phase {
            AttemptPhase::Waiting { paste, .. } => *paste = None,
            AttemptPhase::Confirm { labels, .. } => labels.leave(),
            AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving | AttemptPhase::Failed(_) => {}
        }
    }

    /// Stops linking; the port is freed and nothing is saved.
    fn cancel(&self) -> Vec<Next> {
        if matches!(self.attempt.phase, AttemptPhase::Failed(_)) {
            return vec![Next::Close];
        }
        // What becomes of a token that was granted is known, and said, when the broker has answered.
        let words = "linking stopped; nothing was saved".to_owned();
        let attempt = self.attempt.id;
        vec![Next::Do(Effect::Linking(LinkingEffect::CancelLink { attempt })), Next::Say(words), Next::Close]
    }
}

/// The labels as they would be saved.
fn names(labels: &Form) -> Vec<String> {
    labels.texts().map(|label| label.trim().to_owned()).collect()
}

/// Why each label cannot be saved. Of two equal ones the later is refused.
fn label_errors(names: &[String], found: &[FoundAccount], data: &Data<'_>) -> Vec<Option<String>> {
    let error = |(index, (name, found)): (usize, (&String, &FoundAccount))| {
        if name.is_empty() {
            return Some("the label is empty".to_owned());
        }
        let mut earlier = names.iter().take(index);
        let mut others = data.accounts.iter().filter(|account| found.replaces.as_ref() != Some(&account.link.id));
        let taken = others.any(|account| account.link.label.eq_ignore_ascii_case(name))
            || earlier.any(|other| other.eq_ignore_ascii_case(name));
        taken.then(|| "another account has this label".to_owned())
    };
    names.iter().zip(found).enumerate().map(error).collect()
}

impl Handler for Linking {
    fn scopes(&self) -> &'static [Scope] {
        match &self.attempt.phase {
            AttemptPhase::Waiting { paste: Some(_), .. } => &[Scope::Text],
            AttemptPhase::Confirm { labels, .. } if labels.is_typing() => &[Scope::Text],
            AttemptPhase::Confirm { .. } => &[Scope::Save],
            AttemptPhase::Failed(_) => &[Scope::Failed],
            AttemptPhase::Starting | AttemptPhase::Waiting { .. } | AttemptPhase::Exchanging | AttemptPhase::Saving => {
                &[Scope::Linking]
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn available(&self, action: Action, data: &Data<'_>) -> Option<Result<(), Reason>> {
        let waits = self.waiting().is_some();
        let why = match action {
            Action::OpenBrowser | Action::CopyUrl | Action::PasteRedirect if !waits => {
                "the authorize URL is not ready yet"
            }
            Action::ApproveInDemo if data.can_approve && !waits => "the consent page is not waiting for an answer",
            Action::CancelLink if matches!(self.attempt.phase, AttemptPhase::Saving) => "the token is being stored",
            Action::OpenBrowser | Action::CopyUrl | Action::PasteRedirect => return Some(Ok(())),
            Action::ApproveInDemo if data.can_approve => return Some(Ok(())),
            _ => return None,
        };
        Some(Err(Reason(why.to_owned())))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        let attempt = self.attempt.id;
        Some(match action {
            Action::OpenBrowser => vec![Next::Do(Effect::Linking(LinkingEffect::OpenBrowser { attempt }))],
            Action::ApproveInDemo => vec![Next::Do(Effect::Linking(LinkingEffect::ApproveInDemo { attempt }))],
            Action::CopyUrl => {
                let copy = |url: &Sensitive| {
                    Effect::Terminal(TerminalEffect::Copy {
                        text: Copied::new(url.expose()),
                        what: "authorize URL".to_owned(),
                    })
                };
                self.waiting().map(copy).map(Next::Do).into_iter().collect()
            }
            Action::PasteRedirect => {
                self.open_paste("");
                Vec::new()
            }
            Action::EditLabel => {
                self.edit(0);
                Vec::new()
            }
            Action::Accept => self.accept_field(),
            Action::Back => {
                self.leave_field();
                Vec::new()
            }
            Action::CancelLink => self.cancel(),
            Action::Retry => vec![Next::Link(self.attempt.broker.clone())],
            _ => return None,
        })
    }

    fn field(&mut self) -> Option<&mut Field> {
        match &mut self.attempt.phase {
            AttemptPhase::Waiting { paste, .. } => paste.as_mut(),
            AttemptPhase::Confirm { labels, .. } => labels.field(),
            AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving | AttemptPhase::Failed(_) => None,
        }
    }

    fn typed(&mut self, data: &Data<'_>) {
        if let AttemptPhase::Confirm { accounts, labels, .. } = &mut self.attempt.phase {
            labels.typed(label_errors(&names(labels), accounts, data));
        }
    }

    fn paste(&mut self, text: &str) -> bool {
        self.open_paste(text)
    }

    fn is_secret(&self) -> bool {
        // The redirect URL contains a code.
        matches!(self.attempt.phase, AttemptPhase::Waiting { paste: Some(_), .. })
    }

    fn asked(&self) -> Option<Asked> {
        // While a label is typed a key is a letter.
        let AttemptPhase::Confirm { labels, .. } = &self.attempt.phase else { return None };
        (!labels.is_typing()).then(|| Asked::Save(self.attempt.id, labels.texts().map(str::to_owned).collect()))
    }

    fn still_asks(&self, asked: &Asked) -> bool {
        let (Asked::Save(id, names), AttemptPhase::Confirm { labels, .. }) = (asked, &self.attempt.phase) else {
            return false;
        };
        self.attempt.id == *id && !labels.is_typing() && labels.texts().eq(names.iter().map(String::as_str))
    }

    fn live(&self, _: &Data<'_>) -> Option<&'static str> {
        let AttemptPhase::Confirm { accounts, .. } = &self.attempt.phase else { return None };
        let paper = accounts.iter().all(|account| account.environment == Environment::Paper);
        let why = if paper { "the account may be LIVE" } else { "the token reaches a LIVE account" };
        accounts.iter().any(FoundAccount::needs_live_key).then_some(why)
    }

    /// Stores the token, unless a label is missing or taken.
    fn confirmed(&mut self, data: &Data<'_>) -> Vec<Next> {
        let AttemptPhase::Confirm { accounts, labels, .. } = &mut self.attempt.phase else { return Vec::new() };
        let names = names(labels);
        if labels.refuse(label_errors(&names, accounts, data)) {
            return Vec::new();
        }
        self.attempt.phase = AttemptPhase::Saving;
        vec![Next::Do(Effect::Linking(LinkingEffect::SaveLink { attempt: self.attempt.id, labels: names }))]
    }

    fn gives_way_to_linking(&self) -> bool {
        true
    }

    fn attempt(&self) -> Option<&Attempt> {
        Some(&self.attempt)
    }

    fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        Some(&mut self.attempt)
    }
}
