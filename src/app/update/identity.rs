//! Which account is behind a link. A paper account that is reset becomes another one, under a new id and number
//! (docs/ALPACA.md 9.2); a link made anew in the meantime is then a second one to the same account.

use std::sync::Arc;

use super::notices;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::rows;
use crate::domain::LinkId;
use crate::domain::text::sanitize_to;

/// The longest account number that is kept, in characters.
const LONGEST: usize = 64;

/// Takes over the id and number that the account behind a link goes by now, everywhere and for the next run.
pub(super) fn check(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let Some(account) = model.account_mut(link) else { return };
    let Some(stated) = account.account.as_ref().map(|dated| &dated.value) else { return };
    let number = stated.known_as();
    let number: Arc<str> = Arc::from(sanitize_to(number, LONGEST));
    if account.link.account_id != stated.id {
        account.link.account_id = stated.id.clone();
        account.link.account_number = number;
        effects.push(Effect::KeepLink { record: account.link.clone() });
        rows::brokers_changed(model);
        model.dirty = true;
    }
    one_link_an_account(model, link, effects);
}

/// Two links to one account would show everything twice: the older one goes.
fn one_link_an_account(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let Some(this) = model.account(link).map(|account| account.link.clone()) else { return };
    let same = |other: &&crate::app::model::AccountState| {
        let other = &other.link;
        other.id != this.id
            && other.broker == this.broker
            && other.environment == this.environment
            && other.account_id == this.account_id
    };
    let Some(other) = model.accounts.iter().find(same).map(|account| account.link.clone()) else { return };
    let (older, newer) = if other.linked_at <= this.linked_at { (other, this) } else { (this, other) };
    let unlink = Effect::Unlink { link: older.id.clone() };
    if effects.contains(&unlink) {
        return;
    }
    effects.push(unlink);
    let text = format!("{} and {} are one account: the older link is removed", older.label, newer.label);
    notices::error(model, Some(&newer.id), text);
}
