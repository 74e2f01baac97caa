//! Draws the model: reads `&Model`, writes a frame of cells.
//!
//! Invariant: no clock, channel or I/O; drawing never changes the model. Scroll offsets and mouse areas are view state
//! ([`ViewState`]); everything else on the screen is a function of the model.

mod account;
mod brokers;
mod chart;
mod draw_context;
mod footer;
mod format;
mod frame;
mod glyphs;
mod header;
mod layout;
mod list;
mod orders;
mod overlay;
mod overlay_box;
mod pane;
mod positions;
mod scope;
pub mod svg;
mod table;
mod tape;
pub mod theme;
mod welcome;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::accounts::{PositionKey, TapeKey};
use crate::app::Model;
use crate::app::brokers::BrokerRow;
use crate::app::model::{AccountScope, Extent, Pane, PerPane};
use crate::app::msg::HitTarget;
use crate::app::rows::OrderRow;
use crate::domain::Environment;
use crate::link::progress::Sensitive;
pub use theme::{Depth, Theme, ThemeError};

use draw_context::DrawContext;
use glyphs::Glyphs;
use layout::Screen;
use scope::Age;

/// A run of cells that shows part of a URL; the shell writes the terminal's hyperlink escape around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hyperlink {
    /// The cells, in one row.
    pub area: Rect,
    /// The URL.
    pub url: Sensitive,
}

/// An area that responds to the mouse.
#[derive(Debug, Clone)]
enum Hit {
    /// The whole area is one target.
    Area(Rect, HitTarget),
    /// The rows of a list, one per line; the first line shows row `first`.
    Rows { area: Rect, pane: Pane, first: usize, count: usize },
    /// The rows of an overlay's list.
    OverlayRows { area: Rect, first: usize, count: usize },
}

/// View state that lasts between frames and is not part of the model.
#[derive(Debug)]
pub struct ViewState {
    /// The configured theme.
    theme: Theme,
    /// The theme chosen on the screen, by name; empty if there is no theme of that name.
    chosen: Option<(Arc<str>, Option<Theme>)>,
    depth: Depth,
    /// The themes for dark and light backgrounds, where the terminal's background decides.
    either: Option<Box<(Theme, Theme)>>,
    glyphs: &'static Glyphs,
    hits: Vec<Hit>,
    links: Vec<Hyperlink>,
    panes: Panes,
    overlay: overlay::Memory,
    extent: Extent,
    /// Whether the last frame had room for the overlay.
    over: bool,
}

/// View state of each pane.
#[derive(Debug, Default)]
struct Panes {
    scope: Option<AccountScope>,
    buffer: table::CellBuffer,
    brokers: list::Window<BrokerRow>,
    orders: list::Window<OrderRow>,
    order_columns: table::Memory,
    positions: list::Window<PositionKey>,
    position_columns: table::Memory,
    tape: list::Window<TapeKey>,
    tape_columns: table::Memory,
    account_columns: table::Memory,
}

impl Default for ViewState {
    fn default() -> Self {
        Self::new(Theme::default(), false)
    }
}

impl ViewState {
    /// A view with this theme, in ASCII only if `ascii`.
    pub fn new(theme: Theme, ascii: bool) -> Self {
        let glyphs = if ascii { &glyphs::ASCII } else { &glyphs::UNICODE };
        Self {
            theme,
            chosen: None,
            depth: Depth::default(),
            either: None,
            glyphs,
            hits: Vec::new(),
            links: Vec::new(),
            panes: Panes::default(),
            overlay: overlay::Memory::default(),
            extent: Extent::default(),
            over: false,
        }
    }

    /// A view whose theme follows the terminal's background; dark until that is known.
    pub fn following(dark: Theme, light: Theme, ascii: bool) -> Self {
        let either = Some(Box::new((dark.clone(), light)));
        Self { either, ..Self::new(dark, ascii) }
    }

    /// The same, with themes chosen on the screen reduced to this depth.
    #[must_use]
    pub fn with_depth(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }

    /// Whether the terminal's background selects the theme.
    pub const fn follows_background(&self) -> bool {
        self.either.is_some()
    }

    /// Sets the terminal's background, once known; true when that changes the theme.
    pub fn on_background(&mut self, light: bool) -> bool {
        let Some(either) = &self.either else { return false };
        let theme = if light { &either.1 } else { &either.0 };
        let changes = *theme != self.theme;
        self.theme.clone_from(theme);
        changes
    }

    /// The theme in use.
    pub fn theme(&self) -> &Theme {
        self.chosen.as_ref().and_then(|(_, theme)| theme.as_ref()).unwrap_or(&self.theme)
    }

    fn choose_theme(&mut self, name: Option<&Arc<str>>) {
        if self.chosen.as_ref().map(|(name, _)| name) != name {
            self.chosen = name.map(|name| (Arc::clone(name), Theme::by_name(name, self.depth)));
        }
    }

    /// The mouse target at this cell of the last frame.
    pub fn hit(&self, x: u16, y: u16) -> HitTarget {
        let at = Position { x, y };
        // The last area drawn is on top.
        self.hits
            .iter()
            .rev()
            .find_map(|hit| match hit {
                Hit::Area(area, target) => area.contains(at).then(|| target.clone()),
                Hit::Rows { area, pane, first, count } => {
                    let row = usize::from(y.saturating_sub(area.y));
                    (area.contains(at) && row < *count).then(|| HitTarget::Row(*pane, first + row))
                }
                Hit::OverlayRows { area, first, count } => {
                    let row = usize::from(y.saturating_sub(area.y));
                    (area.contains(at) && row < *count).then(|| HitTarget::OverlayRow(first + row))
                }
            })
            .unwrap_or(HitTarget::Nowhere)
    }

    /// How much of lists and overlays the last frame could show.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// Whether the last frame showed the overlay. A terminal that is too small shows no question either.
    pub const fn shows_overlays(&self) -> bool {
        self.over
    }

    /// The URLs of the last frame, in reading order.
    pub fn hyperlinks(&self) -> &[Hyperlink] {
        &self.links
    }
}

/// Draws the model.
pub fn draw(model: &Model, state: &mut ViewState, frame: &mut ratatui::Frame<'_>) {
    let area = frame.area();
    if let Some(cursor) = render(model, state, area, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws the model into an empty buffer; returns the position of the terminal's cursor.
pub fn render(model: &Model, state: &mut ViewState, area: Rect, buf: &mut Buffer) -> Option<Position> {
    state.choose_theme(model.shown_theme());
    let ViewState { theme, chosen, glyphs, hits, links, panes, overlay, extent, over, .. } = state;
    let theme = chosen.as_ref().and_then(|(_, theme)| theme.as_ref()).unwrap_or(theme);
    hits.clear();
    links.clear();
    if panes.scope.as_ref() != Some(&model.scope) {
        panes.scope = Some(model.scope.clone());
        panes.order_columns.reset();
        panes.position_columns.reset();
        panes.tape_columns.reset();
        panes.account_columns.reset();
    }
    // The buffer is empty already; clearing twelve thousand cells would be wasted.
    if theme.base != ratatui::style::Style::new() {
        buf.set_style(area, theme.base);
    }
    let mut ctx = DrawContext { buf, theme, glyphs, hits, links, cursor: None };
    let screen = Screen::of(area, model);
    match &screen {
        Screen::TooSmall => too_small(&mut ctx, area),
        Screen::Tabs { header, tabs, pane, status, footer } => {
            header::draw(&mut ctx, *header, model);
            header::tabs(&mut ctx, *tabs, model);
            if model.accounts.is_empty() && model.focus != Pane::Brokers {
                welcome::draw(&mut ctx, *pane, model, true);
            } else {
                draw_pane(&mut ctx, *pane, model.focus, model, panes);
            }
            footer::status(&mut ctx, *status, model);
            footer::hints(&mut ctx, *footer, model);
        }
        Screen::Panes { header, panes: areas, status, footer } => {
            header::draw(&mut ctx, *header, model);
            for (pane, area) in areas.iter() {
                draw_pane(&mut ctx, *area, pane, model, panes);
            }
            footer::status(&mut ctx, *status, model);
            footer::hints(&mut ctx, *footer, model);
        }
        Screen::Welcome { header, brokers, welcome, status, footer } => {
            header::draw(&mut ctx, *header, model);
            brokers::draw(&mut ctx, *brokers, model, panes);
            welcome::draw(&mut ctx, *welcome, model, model.focus != Pane::Brokers);
            footer::status(&mut ctx, *status, model);
            footer::hints(&mut ctx, *footer, model);
        }
    }
    *over = screen != Screen::TooSmall;
    if *over {
        for (depth, laid) in model.overlays.iter().enumerate() {
            let top = depth + 1 == model.overlays.len();
            overlay::draw(&mut ctx, area, laid, top, model, overlay);
        }
    }
    // The frame and the title line.
    extent.pages = PerPane::of(|pane| {
        let height = screen.height(pane, model.focus);
        let totals = if pane == Pane::Positions { pane::totals_in(height, positions::total_rows(model)) } else { 0 };
        height.saturating_sub(3 + draw_context::cells(totals)).max(1)
    });
    if !model.overlays.is_empty() {
        (extent.overlay_page, extent.overlay_end) = (overlay.page.max(1), overlay.end);
    }
    let cursor = ctx.cursor;
    if *glyphs == &glyphs::ASCII {
        plain(buf);
    }
    cursor
}

/// Replaces every non-ASCII character; widths do not change. Text from outside may contain any.
fn plain(buf: &mut Buffer) {
    let mut hidden = 0;
    for cell in &mut buf.content {
        let wide = draw_context::width(cell.symbol());
        if hidden > 0 {
            hidden -= 1;
            cell.set_char('?');
        } else if !cell.symbol().is_ascii() {
            cell.set_symbol(glyphs::ascii(cell.symbol()));
            hidden = wide.saturating_sub(1);
        }
    }
}

fn draw_pane(ctx: &mut DrawContext<'_>, area: Rect, pane: Pane, model: &Model, panes: &mut Panes) {
    ctx.hit(area, HitTarget::Pane(pane));
    match pane {
        Pane::Brokers => brokers::draw(ctx, area, model, panes),
        Pane::Account => account::draw(ctx, area, model, panes),
        Pane::Orders => orders::draw(ctx, area, model, panes),
        Pane::Positions => positions::draw(ctx, area, model, panes),
        Pane::Tape => tape::draw(ctx, area, model, panes),
    }
}

fn too_small(ctx: &mut DrawContext<'_>, area: Rect) {
    let (wide, high) = layout::SMALLEST;
    let lines =
        ["A larger window, please".to_owned(), format!("{}x{} here, {wide}x{high} needed", area.width, area.height)];
    let top = area.y + area.height.saturating_sub(2) / 2;
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        let x = area.x + area.width.saturating_sub(draw_context::width(line)) / 2;
        ctx.text(x, y, area.width, line, ctx.theme.text);
    }
}

/// The facts in a pane's title: staleness first, then filter, counts, and the reason for the staleness.
fn facts<'a>(
    theme: &Theme,
    stale: Option<&'a str>,
    filter: Option<&'a str>,
    counts: &'a str,
) -> Vec<(&'a str, ratatui::style::Style)> {
    let stale = stale.map(|text| (text, theme.waiting));
    let filter = filter.map(|text| (text, theme.matched));
    stale.into_iter().chain(filter).chain([(counts, theme.dim)]).collect()
}

/// `12 s old` or `as of 13:31` when a pane's data is stale; the oldest of the accounts counts.
fn stale_fact(model: &Model, pane: Pane) -> Option<String> {
    match scope::shown(model).map(|account| scope::age_of(account, pane, model)).max()? {
        Age::Old(age) => Some(format!("{} old", format::age(age))),
        Age::AsOf(at) => {
            let mut text = "as of ".to_owned();
            format::short_time(&mut text, at, model.now.wall, &model.program.timezone);
            Some(text)
        }
        // With one account, each figure shows its own age.
        Age::Unknown if model.scope == AccountScope::All => Some("not all known".to_owned()),
        Age::Unknown | Age::Current => None,
    }
}

/// Why a pane's data is stale or incomplete.
fn lack_of(model: &Model, pane: Pane) -> Option<String> {
    let now = model.now.mono;
    let lack = scope::shown(model).find_map(|account| account.lack(pane.parts(), now))?;
    Some(draw_context::clean(lack).into_owned())
}

/// `/aapl 3` while a filter is being typed or active.
fn filter_fact(model: &Model, pane: Pane, matches: usize) -> Option<String> {
    let filter = model.rows.list(pane)?.filter();
    let typing = model.filtering == Some(pane);
    if filter.is_empty() && !typing {
        return None;
    }
    let cursor = if typing { "_" } else { "" };
    Some(format!("/{}{cursor} {matches} found", draw_context::clean(filter)))
}

/// The text of an empty list. It says that there is nothing only when the broker has said so.
fn empty_words(model: &Model, pane: Pane, filter: &str, nothing: &str) -> String {
    if model.scope == AccountScope::None {
        "no account is linked".to_owned()
    } else if let Some(why) = model.unknown(pane) {
        draw_context::clean(&why).into_owned()
    } else if !filter.is_empty() {
        format!("nothing matches {}", draw_context::clean(filter))
    } else {
        dated(model, pane, nothing)
    }
}

/// `nothing`, with its age and the reason if that answer is old: `no positions 1:02 ago; since then: …`.
fn dated(model: &Model, pane: Pane, nothing: &str) -> String {
    let old = scope::shown(model).find_map(|account| match scope::age_of(account, pane, model) {
        Age::Old(old) => Some((old, account.lack(pane.parts(), model.now.mono))),
        Age::AsOf(_) | Age::Unknown | Age::Current => None,
    });
    match old {
        Some((old, Some(why))) => {
            format!("{nothing} {} ago; since then: {}", format::age(old), draw_context::clean(why))
        }
        Some((old, None)) => format!("{nothing} {} ago", format::age(old)),
        None => nothing.to_owned(),
    }
}

/// A text in the middle of an empty pane.
fn empty(ctx: &mut DrawContext<'_>, inner: Rect, words: &str) {
    let wide = draw_context::width(words).min(inner.width);
    let y = inner.y + inner.height.saturating_sub(1) / 2;
    ctx.text(inner.x + (inner.width - wide) / 2, y, wide, words, ctx.theme.dim);
}

/// The cell that names an account; the environment comes first, because it must never be cut off.
fn account_cell(buffer: &mut table::CellBuffer, account: &crate::accounts::AccountState, theme: &Theme) {
    let kind = orders::kind_of(account);
    let style = if kind.is_live() { theme.tag_live } else { theme.tag_paper };
    let label = draw_context::clean(&account.link.label);
    let word = account.link.environment.word();
    // `Alpaca Paper` next to the word PAPER would repeat it, and the column is narrow.
    let repeats = |part: &&str| part.eq_ignore_ascii_case(word);
    let says_more = label.split(' ').any(|part| !repeats(&part));
    buffer.build(style, |out| {
        out.push_str(word);
        for part in label.split(' ').filter(|part| !says_more || !repeats(part)) {
            out.push(' ');
            out.push_str(part);
        }
    });
}

/// The environment that a total row is of.
fn environment_cell(buffer: &mut table::CellBuffer, environment: Environment, theme: &Theme) {
    let style = if scope::Kind::of(environment).is_live() { theme.tag_live } else { theme.tag_paper };
    buffer.text(environment.word(), style);
}

/// A gain or loss with sign and colour, and with an arrow in prominent places.
fn change_cell(
    ctx: &DrawContext<'_>,
    buffer: &mut table::CellBuffer,
    change: Option<rust_decimal::Decimal>,
    arrow: bool,
    stale: bool,
) {
    let theme = ctx.theme;
    let (style, before) = change_style(ctx, change, arrow);
    let style = if stale { theme.stale } else { style };
    buffer.signed_figure(change, 2, before, style, theme.faint);
}

/// The style of a gain or loss, and the sign before its digits.
fn change_style(
    ctx: &DrawContext<'_>,
    change: Option<rust_decimal::Decimal>,
    arrow: bool,
) -> (ratatui::style::Style, &'static str) {
    let unicode = ctx.glyphs.up == glyphs::UNICODE.up;
    let theme = ctx.theme;
    match change {
        Some(value) if value.is_zero() => (theme.dim, ""),
        Some(value) if value.is_sign_negative() => (
            theme.loss,
            match (arrow, unicode) {
                (false, _) => "",
                (true, true) => "▼ ",
                (true, false) => "v ",
            },
        ),
        Some(_) => (
            theme.gain,
            match (arrow, unicode) {
                (false, _) => "+",
                (true, true) => "▲ +",
                (true, false) => "^ +",
            },
        ),
        None => (theme.faint, ""),
    }
}
