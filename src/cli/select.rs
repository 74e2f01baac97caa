//! Selects the accounts of a command: `--account` by label, number or id; `all` for every one.

use clap_complete::engine::ArgValueCompleter;

use super::accounts::resolve;
use super::complete;
use crate::error::Error;
use crate::link::LinkRecord;

/// Options of the commands that read accounts.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AccountArgs {
    /// Account by label, number or id; may be given several times; `all` for every linked account.
    #[arg(long = "account", short = 'a', value_name = "ACCOUNT", add = ArgValueCompleter::new(complete::accounts))]
    pub accounts: Vec<String>,
    /// Print one JSON document with the broker's own field names.
    #[arg(long)]
    pub json: bool,
}

/// Selects the links that `--account` names; all of them without it.
///
/// # Errors
/// [`Error::NeedsLink`] when nothing is linked, [`Error::Usage`] for a name that matches none or several.
pub fn links(all: &[LinkRecord], wanted: &[String]) -> Result<Vec<LinkRecord>, Error> {
    if all.is_empty() {
        let demo = if cfg!(feature = "simulator") { ", or see `brokerdeck demo`" } else { "" };
        let hint = format!("link one with `brokerdeck link alpaca-paper`{demo}");
        return Err(Error::NeedsLink { message: "no account is linked".to_owned(), hint: Some(hint) });
    }
    if wanted.is_empty() || wanted.iter().any(|name| name == "all") {
        return Ok(all.to_vec());
    }
    let mut picked: Vec<LinkRecord> = Vec::new();
    for name in wanted {
        let link = resolve(all, name)?;
        if !picked.iter().any(|known| known.id == link.id) {
            picked.push(link.clone());
        }
    }
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Environment;

    fn link(id: &str, number: &str, label: &str) -> LinkRecord {
        LinkRecord {
            id: id.into(),
            broker: "alpaca-paper".into(),
            environment: Environment::Paper,
            account_id: format!("uuid-{number}").into(),
            account_number: number.into(),
            label: label.into(),
            scopes: Vec::new(),
            linked_at: jiff::Timestamp::UNIX_EPOCH,
            grantor: None,
        }
    }

    #[test]
    fn without_a_name_or_with_all_every_account_is_meant_and_each_once() {
        let all = [link("a", "PA1", "Bot"), link("b", "PA2", "Hand")];
        assert_eq!(links(&all, &[]).unwrap().len(), 2);
        assert_eq!(links(&all, &["all".to_owned()]).unwrap().len(), 2);
        assert_eq!(links(&all, &["Bot".to_owned(), "PA1".to_owned()]).unwrap().len(), 1);
        assert_eq!(links(&all, &["nobody".to_owned()]).unwrap_err().code(), 2);
        assert_eq!(links(&[], &[]).unwrap_err().code(), 4);
    }
}
