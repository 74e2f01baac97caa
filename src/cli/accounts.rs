//! Shared by the commands about linked accounts: the stores, and finding an account by name.

use std::sync::Arc;

use super::Context;
use crate::error::Error;
use crate::io::links::Links;
use crate::io::tokens::Tokens;
use crate::link::LinkRecord;

/// The stores, as set by configuration and paths.
pub fn stores(ctx: &Context) -> (Arc<Tokens>, Arc<Links>) {
    let accounts = ctx.accounts();
    (accounts.tokens, accounts.links)
}

/// All links; a notice about an unreadable file goes to stderr.
///
/// # Errors
/// When the file cannot be used.
pub async fn list(links: &Links) -> Result<Vec<LinkRecord>, Error> {
    let listed = links.list().await.map_err(|error| Error::failed(error.to_string(), error.hint()))?;
    if let Some(notice) = listed.notice {
        super::output::note(&notice);
    }
    Ok(listed.links)
}

/// The link with this label, account number or id. Labels are compared case-insensitively.
///
/// # Errors
/// [`Error::Usage`] when there is none or more than one.
pub fn resolve<'a>(links: &'a [LinkRecord], account: &str) -> Result<&'a LinkRecord, Error> {
    let exact = |link: &&LinkRecord| {
        &*link.label == account
            || &*link.account_number == account
            || link.id.as_str() == account
            || link.account_id.as_str() == account
    };
    let mut found: Vec<&LinkRecord> = links.iter().filter(exact).collect();
    if found.is_empty() {
        found.extend(links.iter().filter(|link| link.label.to_lowercase() == account.to_lowercase()));
    }
    let list = |links: &[&LinkRecord]| links.iter().map(|link| link.id.to_string()).collect::<Vec<_>>().join(", ");
    match found.as_slice() {
        [link] => Ok(link),
        [] if links.is_empty() => {
            let hint =
                "link one with `brokerdeck link BROKER`; `brokerdeck brokers` lists what can be linked".to_owned();
            Err(Error::NeedsLink { message: "no account is linked".to_owned(), hint: Some(hint) })
        }
        [] => {
            let names = links.iter().map(|link| format!("{} ({})", link.label, link.account_number));
            let hint = format!("linked accounts: {}", names.collect::<Vec<_>>().join(", "));
            Err(Error::usage(format!("no linked account is named {account:?}"), hint))
        }
        several => {
            let hint = format!("use one of the ids: {}", list(several));
            Err(Error::usage(format!("more than one linked account is named {account:?}"), hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, BrokerId, Environment, LinkId};

    fn record(broker: &str, number: &str, label: &str) -> LinkRecord {
        LinkRecord {
            id: LinkId::new(format!("{broker}/paper/{number}")),
            broker: BrokerId::from(broker),
            environment: Environment::Paper,
            account_id: AccountId::new(format!("uuid-{number}")),
            account_number: Arc::from(number),
            label: Arc::from(label),
            scopes: Vec::new(),
            linked_at: "2026-11-24T15:00:00Z".parse().unwrap(),
            grantor: None,
        }
    }

    #[test]
    fn an_account_goes_by_label_number_or_id() {
        let links = [record("a", "PA1", "Mine"), record("a", "PA2", "Yours"), record("b", "PA2", "Theirs")];
        for name in ["Mine", "mine", "PA1", "a/paper/PA1", "uuid-PA1"] {
            assert_eq!(&*resolve(&links, name).unwrap().account_number, "PA1", "{name}");
        }
        let several = resolve(&links, "PA2").unwrap_err();
        assert!(several.hint().unwrap().contains("b/paper/PA2"), "{several}");
        assert_eq!(resolve(&links, "nobody").unwrap_err().code(), 2);
        assert_eq!(resolve(&[], "nobody").unwrap_err().code(), 4);
    }
}
