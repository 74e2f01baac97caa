//! What is selected in each pane, one file each: whose it is, what Enter opens, what is copied.
//!
//! The selection is not changed here, and nothing is carried out: that is up to [`super::update()`].

mod account;
mod brokers;
mod orders;
mod positions;
mod tape;

pub(super) use orders::chosen as order_chosen;

use super::keymap::Reason;
use super::model::{Model, Pane};
use super::overlays::Next;
use super::rows::List;
use crate::accounts::AccountState;
use crate::domain::text::clean;

/// What the program asks about the selection of a pane.
pub trait Selection {
    /// The account that an action concerns: that of the selected row, or the one shown.
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState>;

    /// Whether Enter opens something.
    fn may_open(&self, model: &Model) -> Result<(), Reason>;

    /// What Enter opens.
    fn open(&self, model: &Model) -> Vec<Next>;

    /// Whether there is something to copy.
    fn may_copy(&self, model: &Model) -> Result<(), Reason>;

    /// Its id as text, and what kind of id it is.
    fn id(&self, model: &Model) -> Option<(String, &'static str)>;

    /// Its rows as lines of tab-separated text.
    fn lines(&self, model: &Model) -> Vec<String>;

    /// Every cell of its row, as title and exact text: what the columns round is whole here.
    fn cells(&self, model: &Model) -> Vec<(&'static str, String)>;

    /// Builds the pane's rows again, after a change of filter or sort.
    fn rebuild(&self, model: &mut Model);
}

/// The selection of a pane.
pub const fn of(pane: Pane) -> &'static dyn Selection {
    match pane {
        Pane::Brokers => &brokers::Brokers,
        Pane::Account => &account::Account,
        Pane::Orders => &orders::Orders,
        Pane::Positions => &positions::Positions,
        Pane::Tape => &tape::Tape,
    }
}

/// The account that an action in the focused pane concerns.
pub fn account_at_hand(model: &Model) -> Option<&AccountState> {
    of(model.focus).account(model)
}

/// Whether a pane's list has a row; `none` is the reason only when the list is known to be empty.
pub(super) fn listed(model: &Model, pane: Pane, none: &str) -> Result<(), Reason> {
    if model.rows.list(pane).map_or(0, List::count) > 0 { Ok(()) } else { nothing(model, pane, none) }
}

/// The reason `none`, or that it is not known: an account that does not answer is not an empty one.
pub(super) fn nothing(model: &Model, pane: Pane, none: &str) -> Result<(), Reason> {
    match model.unknown(pane) {
        Some(why) => Err(Reason(format!("unknown: {}", clean(&why)))),
        None => refuse(none),
    }
}

pub(super) fn require(holds: bool, reason: &str) -> Result<(), Reason> {
    if holds { Ok(()) } else { refuse(reason) }
}

pub(super) fn refuse(reason: &str) -> Result<(), Reason> {
    Err(Reason(reason.to_owned()))
}

/// The cells that have a text.
fn filled<const N: usize>(cells: [(&'static str, Option<String>); N]) -> impl Iterator<Item = (&'static str, String)> {
    cells.into_iter().filter_map(|(title, text)| text.map(|text| (title, text)))
}
