//! Choices on the screen that last until the next run: sorting, hidden columns, pane, account, time zone, theme.
//!
//! Columns are stored by title, so that a version with other columns drops only those that are gone.

use serde::{Deserialize, Serialize};

use super::pane::Pane;
use crate::domain::LinkId;

/// The choices, in the form of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// The focused pane.
    pub pane: Option<Pane>,
    /// The account shown; `None` when all are shown.
    pub account: Option<LinkId>,
    /// Whether all accounts are shown together.
    pub all_accounts: bool,
    /// The time zone by name; `None` for the configured one.
    pub timezone: Option<String>,
    /// The theme by name; `None` for the configured one.
    pub theme: Option<String>,
    /// The Orders pane.
    pub orders: ListChoices,
    /// The Positions pane.
    pub positions: ListChoices,
    /// The Tape pane.
    pub tape: ListChoices,
}

/// The choices of one list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListChoices {
    /// The title of the sort column.
    pub sort: Option<String>,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Titles of hidden columns.
    pub hidden: Vec<String>,
}
