//! Lists: moving, sorting, filtering, marking.

use std::time::Duration;

use tui_input::Input as Field;

use super::{accounts, notices};
use crate::app::brokers::BrokerRow;
use crate::app::columns::{ACCOUNT, Column, Hiding};
use crate::app::filter::{Filter, FilterClock};
use crate::app::keymap::Action;
use crate::app::model::{AccountScope, Model, Pane};
use crate::app::rows::List;
use crate::app::selection;

/// How often lists are built again whose filters depend on the time.
const FILTERED_AGAIN: Duration = Duration::from_secs(10);

/// Moves in the focused pane's list, `count` times where one was typed; to a row where the move has an end.
#[expect(clippy::wildcard_enum_match_arm, reason = "only moves come here; any other goes to the end")]
pub(super) fn step(model: &mut Model, action: Action, count: Option<u32>) {
    if let (Action::Top | Action::Bottom, Some(row)) = (action, count) {
        return select(model, model.focus, usize::try_from(row).unwrap_or(usize::MAX).saturating_sub(1));
    }
    let times = isize::try_from(count.unwrap_or(1)).unwrap_or(isize::MAX);
    let page = model.page(model.focus);
    let page = isize::try_from(page).unwrap_or(isize::MAX);
    let by = match action {
        Action::Down => times,
        Action::Up => -times,
        Action::HalfPageDown => (page / 2).max(1).saturating_mul(times),
        Action::HalfPageUp => -(page / 2).max(1).saturating_mul(times),
        Action::PageDown => page.saturating_mul(times),
        Action::PageUp => -page.saturating_mul(times),
        Action::Top => isize::MIN,
        _ => isize::MAX,
    };
    move_in(model, model.focus, by);
}

/// Moves the selection in a pane's list.
pub(super) fn move_in(model: &mut Model, pane: Pane, by: isize) {
    let was = model.rows.tape.selected;
    if pane == Pane::Tape && by < 0 && model.rows.tape.selected_index().is_none_or(|at| at == 0) {
        // Above its newest line the tape has no selection and follows new lines.
        model.rows.tape.selected = None;
    } else if pane == Pane::Tape && by == isize::MIN {
        model.rows.tape.selected = None;
    } else if pane == Pane::Tape && by > 0 && model.rows.tape.selected.is_none() {
        model.rows.tape.select(usize::try_from(by - 1).unwrap_or(usize::MAX));
    } else {
        change(model, pane, |list| list.move_by(by));
    }
    if pane == Pane::Tape && by > 0 && was.is_some() && model.rows.tape.selected == was {
        let text = model.keymap.say("the session starts here; {tape.activities} lists earlier activity").into_owned();
        notices::toast(model, text);
    }
    broker_follows(model, pane);
    model.dirty = true;
}

/// Selects a row by index.
pub(super) fn select(model: &mut Model, pane: Pane, index: usize) {
    change(model, pane, |list| list.select(index));
    broker_follows(model, pane);
    model.dirty = true;
}

/// Whether the row at this index is selected.
pub(super) fn is_selected(model: &Model, pane: Pane, index: usize) -> bool {
    model.rows.list(pane).is_some_and(|list| list.selected_index() == Some(index))
}

/// Changes the list of a pane, if it has one.
fn change(model: &mut Model, pane: Pane, how: impl FnOnce(&mut dyn List)) {
    if let Some(list) = model.rows.list_mut(pane) {
        how(list);
    }
}

/// Shows the account of the row selected in Brokers.
fn broker_follows(model: &mut Model, pane: Pane) {
    if pane == Pane::Brokers
        && let Some(BrokerRow::Linked(link)) = model.rows.brokers.selected.clone()
    {
        accounts::set_scope(model, AccountScope::One(link));
    }
}

/// Opens the filter field of the focused pane.
pub(super) fn start_filter(model: &mut Model) {
    let pane = model.focus;
    let filter = model.rows.list(pane).map(|list| list.filter().to_owned()).unwrap_or_default();
    model.before.clone_from(&filter);
    model.filter_input = Field::from(filter);
    model.filtering = Some(pane);
}

/// The filter field changed: updates the rows.
pub(super) fn filter_typed(model: &mut Model) {
    let Some(pane) = model.filtering else { return };
    let text = model.filter_input.value().to_owned();
    set_filter(model, pane, text);
}

/// Esc in the filter field: restores the old filter.
pub(super) fn leave_filter(model: &mut Model) {
    let before = std::mem::take(&mut model.before);
    if let Some(pane) = model.filtering.take() {
        set_filter(model, pane, before);
    }
}

/// Enter in the filter field: the filter stays, and can be used again.
pub(super) fn keep_filter(model: &mut Model) {
    if let Some(list) = model.filtering.take().and_then(|pane| model.rows.list(pane))
        && !list.filter().is_empty()
    {
        model.last_filter = list.filter().to_owned();
    }
}

/// Filters the focused pane by the last filter.
pub(super) fn repeat_filter(model: &mut Model) {
    set_filter(model, model.focus, model.last_filter.clone());
}

/// Shows every column of the focused pane, or the chosen ones.
pub(super) fn all_columns(model: &mut Model) {
    change(model, model.focus, |list| list.show_all(!list.shows_all()));
    let all = model.rows.list(model.focus).is_some_and(List::shows_all);
    let text = if all { "every column that has room" } else { "the chosen columns" };
    notices::toast(model, format!("{}: {text}", model.focus.title()));
}

/// Clears the filter of the focused pane.
pub(super) fn clear_filter(model: &mut Model) {
    set_filter(model, model.focus, String::new());
}

/// Adds the term to the tape's filter that leaves executions only, or takes it away.
pub(super) fn toggle_executions(model: &mut Model) {
    const TERM: &str = "kind:execution";
    let filter = model.rows.tape.filter();
    let others: Vec<&str> = filter.split_whitespace().filter(|term| *term != TERM).collect();
    let others = others.join(" ");
    let text = if filter.split_whitespace().any(|term| term == TERM) { others } else { format!("{others} {TERM}") };
    set_filter(model, Pane::Tape, text.trim().to_owned());
}

/// Sets a pane's filter; shows a problem once it cannot be the start of something valid.
pub(super) fn set_filter(model: &mut Model, pane: Pane, text: String) {
    set_clock(model);
    let problem = Filter::parse(&text, &model.rows.clock).problem;
    change(model, pane, |list| list.set_filter(text));
    selection::of(pane).rebuild(model);
    if pane == Pane::Orders && !model.rows.orders.filter.is_empty() {
        // After narrowing the list, the selection stays in the result.
        model.rows.orders.select_something();
    }
    if let Some(problem) = problem {
        notices::toast(model, problem);
    }
    model.dirty = true;
}

/// What times in filters are relative to.
fn set_clock(model: &mut Model) {
    let now = model.accounts.exchange_now(model.now);
    model.rows.clock = FilterClock { now, zone: model.program.timezone.clone() };
    model.rows.again_at = model.now.mono + FILTERED_AGAIN;
}

/// Builds the lists again whose filters depend on the time, or on the zone of the screen.
pub(super) fn refilter(model: &mut Model) {
    set_clock(model);
    for pane in Pane::ALL {
        if model.rows.list(pane).is_some_and(|list| !list.filter().is_empty()) {
            selection::of(pane).rebuild(model);
        }
    }
    model.dirty = true;
}

/// Sorts by the next visible column, and after the last one by the default order.
pub(super) fn sort_next(model: &mut Model) {
    let offered = sortable(model, model.focus);
    let next = |sort: Option<usize>| offered.iter().copied().find(|column| sort.is_none_or(|sort| *column > sort));
    change(model, model.focus, |list| {
        let mut sort = next(list.order().0);
        while sort.is_some_and(|column| !list.shows_all() && list.hidden().contains(&column)) {
            sort = next(sort);
        }
        list.set_order(sort, false);
    });
    sorted(model);
}

/// Sorts by a column, or reverses the order if it already sorts.
pub(super) fn sort_by(model: &mut Model, pane: Pane, column: usize) {
    if !pane.columns().get(column).is_some_and(Column::is_sortable) {
        return;
    }
    change(model, pane, |list| {
        let (sort, reversed) = list.order();
        list.set_order(Some(column), sort == Some(column) && !reversed);
    });
    model.focus = pane;
    sorted(model);
}

/// Reverses the order.
pub(super) fn reverse(model: &mut Model) {
    change(model, model.focus, |list| {
        let (sort, reversed) = list.order();
        list.set_order(sort, !reversed);
    });
    sorted(model);
}

fn sorted(model: &mut Model) {
    selection::of(model.focus).rebuild(model);
    let (sort, reversed) = model.rows.list(model.focus).map(List::order).unwrap_or_default();
    let name = sort.map_or("the default order", |column| column_title(model.focus, column));
    let way = if reversed { ", reversed" } else { "" };
    notices::toast(model, format!("sorted by {name}{way}"));
}

/// Every column that can be hidden, with its pane, its index, and whether it is hidden.
pub(super) fn columns(model: &Model) -> Vec<(Pane, usize, &'static Column, bool)> {
    let of = |pane: Pane| pane.columns().iter().enumerate().map(move |(index, column)| (pane, index, column));
    let all = Pane::ALL.into_iter().flat_map(of);
    let all = all.filter(|(_, _, column)| column.hiding == Hiding::Hides);
    all.map(|(pane, index, column)| {
        let is_hidden = model.rows.list(pane).is_some_and(|list| !list.shows_all() && list.hidden().contains(&index));
        (pane, index, column, is_hidden)
    })
    .collect()
}

/// Every column that can be sorted by, with its pane and its index.
pub(super) fn sort_columns(model: &Model) -> Vec<(Pane, usize, &'static Column)> {
    let of = |pane: Pane| {
        sortable(model, pane).into_iter().filter_map(move |index| Some((pane, index, pane.columns().get(index)?)))
    };
    Pane::ALL.into_iter().flat_map(of).collect()
}

/// The columns of a pane that are shown and can be sorted by, by index.
fn sortable(model: &Model, pane: Pane) -> Vec<usize> {
    let one = model.scope != AccountScope::All;
    let columns = pane.columns().iter().enumerate();
    columns
        .filter(|(index, column)| column.is_sortable() && !(one && *index == ACCOUNT))
        .map(|(index, _)| index)
        .collect()
}

/// Hides or shows a column.
pub(super) fn toggle_column(model: &mut Model, pane: Pane, column: usize) {
    change(model, pane, |list| {
        list.show_all(false);
        if !list.hidden_mut().remove(&column) {
            list.hidden_mut().insert(column);
        }
    });
    model.dirty = true;
}

fn column_title(pane: Pane, column: usize) -> &'static str {
    pane.columns().get(column).map_or("the default order", |column| column.title)
}

/// Marks or unmarks the selected order and moves to the next, `count` times.
pub(super) fn mark(model: &mut Model, count: Option<u32>) {
    let times = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX).min(model.rows.orders.rows.len());
    for _ in 0..times {
        mark_one(model);
    }
}

fn mark_one(model: &mut Model) {
    if let Some(key) = model.selected_order() {
        if !model.marks.remove(&key) {
            model.marks.insert(key);
        }
        model.rows.orders.move_by(1);
    }
}
