//! An account's activity list, which reaches back before this session, and one of its rows in detail.

use std::borrow::Cow;
use std::sync::Arc;

use tui_input::Input as Field;

use super::{Data, Handler, Next, OrderDetail, Place};
use crate::accounts::activities::Reach;
use crate::accounts::{ActivityKey, OnDemand, OrderKey};
use crate::app::filter::Filter;
use crate::app::keymap::{Action, Reason, Scope};
use crate::domain::text::clean;
use crate::domain::{Activity, ActivityKind, LinkId, Mono};

/// An account's activity list.
#[derive(Debug, Clone)]
pub struct Activities {
    /// The account's link.
    pub link: LinkId,
    /// The selected row, of those shown.
    pub selected: usize,
    /// The filter.
    pub query: Field,
    /// Whether keys go into `query`.
    pub typing: bool,
}

/// One activity in detail.
#[derive(Debug, Clone)]
pub struct ActivityDetail {
    pub key: ActivityKey,
    /// First visible line.
    pub scroll: usize,
}

impl Activities {
    /// The list of an account, unfiltered.
    pub fn of(link: LinkId) -> Self {
        Self { link, selected: 0, query: Field::default(), typing: false }
    }

    /// The rows shown, newest first.
    pub fn shown<'a>(&self, data: &Data<'a>) -> Cow<'a, [Activity]> {
        let rows = data.accounts.get(&self.link).map_or(&[][..], |account| account.activities.rows());
        if self.query.value().is_empty() {
            return Cow::Borrowed(rows);
        }
        let filter = Filter::parse(self.query.value(), &data.filter_clock());
        Cow::Owned(rows.iter().filter(|row| filter.activity(row)).cloned().collect())
    }

    /// Whether there is a row to open.
    fn has_row(&self, data: &Data<'_>) -> Result<(), Reason> {
        let Some(activities) = data.accounts.get(&self.link).map(|account| &account.activities) else {
            return Err(Reason("there is no row to open".to_owned()));
        };
        Err(Reason(match activities.reach() {
            _ if !self.shown(data).is_empty() => return Ok(()),
            _ if !activities.rows().is_empty() => "no row matches the filter".to_owned(),
            Reach::More => "the rows are still loading".to_owned(),
            Reach::Beginning => "there is no row to open".to_owned(),
            Reach::Failed(why) => format!("unknown: {}", clean(why)),
        }))
    }

    /// Shows the order of the selected row, or the row itself where the order is not known here.
    fn detail(&self, data: &Data<'_>) -> Vec<Next> {
        let Some(account) = data.accounts.get(&self.link) else { return Vec::new() };
        let rows = self.shown(data);
        let Some(row) = rows.get(self.selected) else { return Vec::new() };
        let known = match &row.kind {
            ActivityKind::Fill { order_id, .. } if account.blotter.order(order_id).is_some() => Some(order_id.clone()),
            ActivityKind::Fill { .. } | ActivityKind::Other { .. } => None,
        };
        let link = self.link.clone();
        vec![Next::Open(match known {
            Some(order) => OrderDetail::of(OrderKey { link, order }).into(),
            None => ActivityDetail { key: ActivityKey { link, row: Arc::clone(&row.id) }, scroll: 0 }.into(),
        })]
    }

    fn copy(&self, data: &Data<'_>) -> Vec<Next> {
        let rows = self.shown(data);
        rows.get(self.selected).map(|row| Next::copy(&clean(&row.id), "activity id")).unwrap_or_default()
    }
}

impl Handler for Activities {
    fn scopes(&self) -> &'static [Scope] {
        if self.typing { &[Scope::Text] } else { &[Scope::Activities, Scope::Overlay] }
    }

    fn place(&mut self, data: &Data<'_>) -> Place<'_> {
        let rows = self.shown(data).len();
        Place::Row(&mut self.selected, rows)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn available(&self, action: Action, data: &Data<'_>) -> Option<Result<(), Reason>> {
        match action {
            Action::Detail => Some(self.has_row(data)),
            Action::RefreshActivities if data.accounts.activities_loading(&self.link) => {
                Some(Err(Reason("the rows are still loading".to_owned())))
            }
            Action::RefreshActivities | Action::SearchActivities | Action::Copy => Some(Ok(())),
            _ => None,
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn act(&mut self, action: Action, _: isize, data: &Data<'_>) -> Option<Vec<Next>> {
        match action {
            Action::Copy => Some(self.copy(data)),
            Action::Detail => Some(self.detail(data)),
            // Older rows are asked for as well if those failed.
            Action::RefreshActivities => Some(vec![Next::AskActivities(self.link.clone())]),
            Action::SearchActivities => {
                self.typing = true;
                Some(Vec::new())
            }
            Action::Accept => {
                self.typing = false;
                Some(Vec::new())
            }
            Action::Back if self.typing || !self.query.value().is_empty() => {
                self.query.reset();
                (self.typing, self.selected) = (false, 0);
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn click(&mut self, row: usize, data: &Data<'_>) -> Vec<Next> {
        let again = std::mem::replace(&mut self.selected, row) == row;
        if again { self.detail(data) } else { Vec::new() }
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.typing.then_some(&mut self.query)
    }

    fn typed(&mut self, _: &Data<'_>) {
        self.selected = 0;
    }

    fn keeps_loading(&self) -> bool {
        // A filter that matches little would fetch the whole history.
        self.query.value().is_empty()
    }

    fn wants_older(&self, data: &Data<'_>) -> Option<LinkId> {
        let list = &data.accounts.get(&self.link)?.activities;
        let near = self.selected.saturating_add(data.page) >= self.shown(data).len();
        (near && *list.reach() == Reach::More && !list.rows().is_empty()).then(|| self.link.clone())
    }

    fn asks_again(&self, data: &Data<'_>, now: Mono) -> Option<Next> {
        let at = data.accounts.get(&self.link)?.retry_at(OnDemand::Activities)?;
        (at <= now).then(|| Next::AskActivities(self.link.clone()))
    }

    fn activities_added(&mut self, link: &LinkId, rows: usize) {
        // The selection stays on its row; at the top it stays at the top.
        if self.link == *link && self.selected > 0 && self.query.value().is_empty() {
            self.selected += rows;
        }
    }
}

impl Handler for ActivityDetail {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Overlay]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Scroll(&mut self.scroll)
    }

    fn available(&self, action: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        (action == Action::Copy).then_some(Ok(()))
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Copy).then(|| Next::copy(&clean(&self.key.row), "activity id"))
    }
}
