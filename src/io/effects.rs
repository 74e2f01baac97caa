//! Runs what the dashboard asks for: the accounts' connections, and linking. Never blocks the loop.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::accounts::AccountAccess;
use super::connections::{Connections, LoopEffect};
use super::linker::Linker;
use crate::accounts::{self, JournalEntry};
use crate::app::{LinkingEffect, Msg};
use crate::domain::LinkId;
use crate::link::LinkRecord;

/// Carries out the dashboard's effects.
pub struct Effects {
    inbox: mpsc::Sender<Msg>,
    connections: Connections<Msg>,
    linker: Arc<Linker>,
}

impl Effects {
    /// Effects that answer into the inbox; without a folder for locks every account is streamed.
    pub fn new(inbox: mpsc::Sender<Msg>, accounts: AccountAccess, linker: Arc<Linker>, locks: Option<PathBuf>) -> Self {
        Self { connections: Connections::new(inbox.clone(), accounts, locks), inbox, linker }
    }

    /// Sets the list of links; called at start and after every `Saved`.
    pub fn know(&mut self, links: &[LinkRecord]) {
        self.connections.know(links);
    }

    /// Runs an effect of an account; returns a record for the journal, which the loop writes.
    #[must_use = "the loop writes it to the journal"]
    pub fn account(&mut self, effect: accounts::Effect) -> Option<(LinkId, JournalEntry)> {
        match self.connections.run(effect)? {
            LoopEffect::Remember { link, memory } => Some((link, memory)),
            LoopEffect::Unlink { link } => {
                self.unlink(link);
                None
            }
        }
    }

    /// Runs an effect of linking.
    pub fn linking(&self, effect: LinkingEffect) {
        match effect {
            LinkingEffect::BeginLink { attempt, broker, browser } => self.linker.begin(attempt, broker, browser),
            LinkingEffect::OpenBrowser { attempt } => self.linker.open_browser(attempt),
            LinkingEffect::SubmitRedirect { attempt, url } => self.linker.submit_redirect(attempt, &url),
            LinkingEffect::ApproveInDemo { attempt } => self.linker.approve_in_demo(attempt),
            LinkingEffect::CancelLink { attempt } => self.linker.cancel(attempt),
            LinkingEffect::SaveLink { attempt, labels } => self.linker.save(attempt, labels),
        }
    }

    /// What links and unlinks.
    pub fn linker(&self) -> &Linker {
        &self.linker
    }

    /// Forgets a link. Its connections end with it: an account that stays linked goes on as it was.
    fn unlink(&self, link: LinkId) {
        let (linker, inbox, forget) = (Arc::clone(&self.linker), self.inbox.clone(), self.connections.forget());
        let begun = linker.hold();
        tokio::spawn(async move {
            let result = linker.unlink_and(&link, || forget(&link)).await;
            // Dropped before the message: a loop that has ended does not receive it.
            drop(begun);
            let result = result.map_err(|still| format!("{}; {}", still.message, still.hint));
            if inbox.send(Msg::Unlinked { link, result }).await.is_err() {
                tracing::debug!("the loop has ended before an unlink");
            }
        });
    }
}
