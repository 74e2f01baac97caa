//! The account behind a link. A reset paper account has a new id and number (docs/ALPACA.md 9.2); if it was also linked
//! again, two links lead to the same account.

use std::sync::Arc;

use super::{AccountState, Accounts, Effect, Event, Output};
use crate::domain::LinkId;
use crate::domain::text::sanitize_to;

/// The longest account number kept, in characters.
const LONGEST: usize = 64;

/// Updates the link's account id and number when the broker states new ones, and stores them for the next run.
pub(super) fn check(accounts: &mut Accounts, link: &LinkId) {
    let Some(account) = accounts.get_mut(link) else { return };
    let Some(stated) = account.account.as_ref().map(|dated| &dated.value) else { return };
    let number = sanitize_to(stated.known_as(), LONGEST);
    // An answer without a number does not take the known one away.
    let renumbered = stated.number.as_ref().is_some_and(|number| !number.raw().is_empty())
        && *number != *account.link.account_number;
    if account.link.account_id != stated.id || renumbered {
        account.link.account_number = Arc::from(number);
        account.link.account_id = stated.id.clone();
        let record = account.link.clone();
        accounts.request(Effect::KeepLink { record });
        accounts.tell(Event::Renamed(link.clone()));
    }
    one_link_an_account(accounts, link);
}

/// Removes the older of two links to one account, which would show everything twice.
fn one_link_an_account(accounts: &mut Accounts, link: &LinkId) {
    let Some(this) = accounts.get(link).map(|account| account.link.clone()) else { return };
    let same = |other: &&AccountState| {
        let other = &other.link;
        other.id != this.id
            && other.broker == this.broker
            && other.environment == this.environment
            && other.account_id == this.account_id
    };
    let Some(other) = accounts.iter().find(same).map(|account| account.link.clone()) else { return };
    let (older, newer) = if other.linked_at <= this.linked_at { (other, this) } else { (this, other) };
    let unlink = Output::Do(Effect::Unlink { link: older.id.clone() });
    if !accounts.out.contains(&unlink) {
        // The event first: where the unlink is refused, that is reported after it.
        accounts.tell(Event::Twice { older: older.label, newer: newer.label, kept: newer.id });
        accounts.out.push_back(unlink);
    }
}
