//! The layout: rectangles by terminal size alone, so that nothing moves unless the terminal does.

use ratatui::layout::Rect;

use crate::app::Model;
use crate::app::model::{AccountScope, Pane, PerPane};

/// Smallest terminal that shows the program.
pub(super) const SMALLEST: (u16, u16) = (60, 15);
/// Smallest terminal that shows all panes at once.
const PANES: (u16, u16) = (100, 30);

/// How the screen is divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Screen {
    /// Too small: only a notice.
    TooSmall,
    /// Header, tabs, one pane, status, footer.
    Tabs { header: Rect, tabs: Rect, pane: Rect, status: Rect, footer: Rect },
    /// Header, all panes, status, footer.
    Panes { header: Rect, panes: PerPane<Rect>, status: Rect, footer: Rect },
    /// Header, Brokers pane, one large area for the welcome, status, footer.
    Welcome { header: Rect, brokers: Rect, welcome: Rect, status: Rect, footer: Rect },
}

/// Whether all panes are shown at once.
pub(super) const fn holds_panes(area: Rect) -> bool {
    area.width >= PANES.0 && area.height >= PANES.1
}

impl Screen {
    /// The layout for this terminal and model.
    pub(super) fn of(area: Rect, model: &Model) -> Self {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return Self::TooSmall;
        }
        let row = |y: u16| Rect { x: area.x, y, width: area.width, height: 1 };
        let (header, status, footer) = (row(area.y), row(area.bottom() - 2), row(area.bottom() - 1));
        let body = Rect { y: area.y + 1, height: area.height - 3, ..area };
        let large = holds_panes(area);
        if large && model.accounts.is_empty() {
            let left = left_width(area.width);
            let (brokers, welcome) = split_columns(body, left);
            return Self::Welcome { header, brokers, welcome, status, footer };
        }
        if !large || model.zoomed {
            let (tabs, pane) = split_rows(body, 1);
            return Self::Tabs { header, tabs, pane, status, footer };
        }
        let (left, right) = split_columns(body, left_width(area.width));
        let (brokers, positions) = split_rows(left, brokers_height(model, left.height));
        let (account, rest) = split_rows(right, account_height(model, right.height));
        let (orders, tape) = split_rows(rest, rest.height - rest.height * 2 / 5);
        let panes = PerPane::of(|pane| match pane {
            Pane::Brokers => brokers,
            Pane::Account => account,
            Pane::Orders => orders,
            Pane::Positions => positions,
            Pane::Tape => tape,
        });
        Self::Panes { header, panes, status, footer }
    }

    /// The height of a pane; zero if it is not shown.
    pub(super) fn height(&self, of: Pane, focus: Pane) -> u16 {
        match self {
            Self::Tabs { pane, .. } if of == focus => pane.height,
            Self::Panes { panes, .. } => panes.get(of).height,
            Self::Welcome { brokers, .. } if of == Pane::Brokers => brokers.height,
            Self::TooSmall | Self::Tabs { .. } | Self::Welcome { .. } => 0,
        }
    }
}

fn left_width(width: u16) -> u16 {
    match width {
        // The tables at the right need the width more.
        0..=119 => 34,
        120..=139 => 38,
        140..=179 => 46,
        _ => width / 3,
    }
}

fn brokers_height(model: &Model, available: u16) -> u16 {
    let linked = super::draw_context::cells(model.accounts.len()) * 2;
    let others = super::draw_context::cells(model.rows.brokers.rows.len()).saturating_sub(linked / 2);
    (linked + others + 2).clamp(7, available * 2 / 5)
}

fn account_height(model: &Model, available: u16) -> u16 {
    if model.scope != AccountScope::All {
        return if available >= 60 { 12 } else { 5 };
    }
    // Column titles, accounts, and a total per environment.
    let mut kinds: Vec<_> = model.accounts.iter().map(|account| account.link.environment).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let rows = super::draw_context::cells(model.accounts.len() + kinds.len()) + 1;
    (rows + 2).clamp(5, available / 3)
}

fn split_rows(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn split_columns(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

/// A centred rectangle of at most this size; the whole area if hardly anything would be left around it.
pub(super) fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let fit = |wanted: u16, room: u16, least: u16| if wanted + least > room { room } else { wanted };
    let (width, height) = (fit(width, area.width, 8), fit(height, area.height, 4));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
