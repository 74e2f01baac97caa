//! Shared by the reading commands: the selected links, and requests to their accounts.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Context, accounts, output, select};
use crate::broker::alpaca::rest::Client;
use crate::broker::dial;
use crate::error::Error;
use crate::io::accounts::AccessError;
use crate::link::LinkRecord;
use crate::session::request::Unread;
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// The hint for an answer that cannot be parsed.
pub(super) const BROKER: &str = "the broker's answer is faulty: ask the broker, and leave the account out meanwhile";
/// The hint for a token that does not work.
const RELINK: &str = "link it again with `brokerdeck link`; `brokerdeck brokers` shows how";

/// The accounts that a command reads.
pub struct Reader {
    links: Vec<LinkRecord>,
    clients: Vec<Client>,
    unread: AtomicUsize,
}

impl Reader {
    /// Finds the selected links and their tokens.
    ///
    /// # Errors
    /// Linking errors when nothing is linked or a token is missing, usage errors for an unknown name.
    pub async fn open(context: &Context, wanted: &[String]) -> Result<Self, Error> {
        let accounts = context.accounts();
        let links = select::links(&accounts::list(&accounts.links).await?, wanted)?;
        let mut clients = Vec::new();
        for link in &links {
            clients.push(accounts.verified(link).await.map_err(access)?.client);
        }
        Ok(Self { links, clients, unread: AtomicUsize::new(0) })
    }

    /// The accounts.
    pub fn links(&self) -> &[LinkRecord] {
        &self.links
    }

    /// What `questions` make of one account's answers, once the account, asked after them, is still the linked one: it may
    /// turn while a list is read. Rows and figures that cannot be read are reported on stderr and counted;
    /// [`Reader::whole`] then fails at the end.
    ///
    /// # Errors
    /// [`Error::NeedsLink`] when the token is refused or another account answers, [`Error::Failed`] for everything else.
    pub async fn read<T>(
        &self,
        link: &LinkRecord,
        questions: impl AsyncFnOnce(&mut Asker<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let client =
            self.links.iter().zip(&self.clients).find(|(known, _)| known.id == link.id).map(|(_, client)| client);
        let Some(client) = client else {
            return Err(Error::ours(format!("{} is not among the accounts", link.label)));
        };
        let mut asker = Asker { link, client, unread: Vec::new(), is_proven: false };
        let value = questions(&mut asker).await?;
        if !asker.is_proven {
            asker.send(&Request::Account).await?;
        }
        for words in &asker.unread {
            output::note(words);
        }
        self.unread.fetch_add(asker.unread.len(), Ordering::Relaxed);
        Ok(value)
    }

    /// Checks that everything could be read; call it when the output is printed.
    ///
    /// # Errors
    /// [`Error::Failed`] when rows or figures are missing from what was printed.
    pub fn whole(&self) -> Result<(), Error> {
        match self.unread.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => {
                Err(Error::failed(format!("the output is incomplete: {count} rows or figures cannot be read"), BROKER))
            }
        }
    }
}

/// Asks one account. Its answers leave [`Reader::read`] only when the account is proven afterwards.
pub struct Asker<'a> {
    link: &'a LinkRecord,
    client: &'a Client,
    unread: Vec<String>,
    /// The last answer said itself that it is the linked account's.
    is_proven: bool,
}

impl Asker<'_> {
    /// Sends a request.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, Error> {
        let (reply, unread) = self.send(request).await?;
        let what = if matches!(request, Request::Account) { "a figure" } else { "a row" };
        let words = |row: Unread| format!("{}: {what} cannot be read: {} ({})", self.link.label, row.row, row.why);
        self.unread.extend(unread.into_iter().map(words));
        Ok(reply)
    }

    async fn send(&mut self, request: &Request) -> Result<(Reply, Vec<Unread>), Error> {
        let link = self.link;
        let relink = format!("link it again with `brokerdeck link {}`", link.broker);
        let reply = self.client.request(request).await.map_err(|error| match error.kind {
            RequestErrorKind::Unauthorized => {
                Error::NeedsLink { message: format!("{}: {error}", link.label), hint: Some(relink) }
            }
            _ => Error::failed(format!("{}: {error}", link.label), hint(&error, &relink)),
        })?;
        let (reply, unread) = reply.split();
        let another = reply.account().map(|account| link.another(account));
        self.is_proven = another == Some(None);
        match another.flatten() {
            Some(number) => Err(access(AccessError::Other { label: link.label.to_string(), number })),
            None => Ok((reply, unread)),
        }
    }
}

/// The error and hint for an account that cannot be accessed.
#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err needs")]
pub fn access(error: AccessError) -> Error {
    match &error {
        AccessError::NoToken { .. } | AccessError::Moved { .. } | AccessError::Other { .. } => {
            Error::NeedsLink { message: error.to_string(), hint: Some(RELINK.to_owned()) }
        }
        AccessError::NoBroker { broker, .. } => Error::usage(error.to_string(), add_broker(broker)),
        AccessError::Store(store) => Error::failed(error.to_string(), store.hint()),
        AccessError::Unasked { error: refused, .. } if refused.kind == RequestErrorKind::Unauthorized => {
            Error::NeedsLink { message: error.to_string(), hint: Some(RELINK.to_owned()) }
        }
        AccessError::Links(links) => Error::failed(error.to_string(), links.hint()),
        AccessError::Unasked { error: refused, .. } | AccessError::Client(refused) => {
            Error::failed(error.to_string(), hint(refused, RELINK))
        }
        AccessError::Setup(_) => Error::failed(error.to_string(), "correct the broker in the configuration"),
    }
}

/// The hint when an account's broker is not configured.
pub(super) fn add_broker(broker: &str) -> String {
    format!("add the broker {broker:?} to the configuration again, or unlink the account")
}

/// The hint for a failed request.
pub(super) fn hint<'a>(error: &RequestError, relink: &'a str) -> &'a str {
    match error.kind {
        RequestErrorKind::Network | RequestErrorKind::Timeout => dial::hint(&error.message),
        RequestErrorKind::Unauthorized | RequestErrorKind::Forbidden => relink,
        RequestErrorKind::RateLimited { .. } => "wait a minute: another program uses the same account's request limit",
        _ => "try again; if it persists, ask the broker",
    }
}
