//! The screens of a linking attempt: waiting for the browser, the save question, failure.

use ratatui::layout::Rect;
use ratatui::style::Style;
use tui_input::Input;

use super::doc::wrap;
use super::{add_broker, boxed};
use crate::app::Model;
use crate::app::model::{Attempt, AttemptPhase};
use crate::app::overlays::{Form, FormField};
use crate::domain::{Environment, Mono};
use crate::link::progress::Sensitive;
use crate::link::{FoundAccount, RedirectNote};
use crate::view::draw_context::{DrawContext, cells, clean, width};
use crate::view::format::countdown;
use crate::view::scope::Kind;
use crate::view::{Hyperlink, footer};

/// The word before the field of a label.
const LABEL: &str = "Label ";

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, attempt: &Attempt, model: &Model) {
    let broker = model.brokers.iter().find(|broker| broker.id == attempt.broker);
    let name = clean(broker.map_or(attempt.broker.as_str(), |broker| &broker.name)).into_owned();
    let kind = match &attempt.phase {
        // Once accounts are found, their environment counts instead of the requested one.
        AttemptPhase::Confirm { accounts, .. } => found_kind(accounts),
        _ => broker.map_or(Kind::Neutral, add_broker::kind),
    };
    let title = format!("Link {name}");
    let height = match &attempt.phase {
        AttemptPhase::Waiting { authorize_url, .. } => {
            let wide = area.width.min(100).saturating_sub(6);
            cells(wrap(authorize_url.expose(), usize::from(wide)).len()) + 15
        }
        AttemptPhase::Confirm { accounts, .. } => {
            let doubts = accounts.iter().filter(|account| account.odd_number).count();
            cells(accounts.len()) * 4 + cells(doubts) * 3 + 12
        }
        AttemptPhase::Failed(_) => 13,
        AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving => 9,
    };
    let (_, inner) = boxed(ctx, area, (100, height), kind, &title, &[]);
    let keys = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(3), ..inner };
    // The warnings at the end matter more than the gaps between.
    let dense = matches!(&attempt.phase, AttemptPhase::Confirm { accounts, labels, .. }
        if lines(accounts, labels) > usize::from(body.height));
    let mut flow = Flow { y: body.y, area: body, dense };
    match &attempt.phase {
        AttemptPhase::Starting => flow.text(ctx, "Opening the callback port …", ctx.theme.text),
        AttemptPhase::Waiting { authorize_url, port, deadline, browser, paste } => {
            let waiting =
                Waiting { url: authorize_url, port: *port, deadline: *deadline, browser, paste: paste.as_ref() };
            wait(ctx, &mut flow, &waiting, attempt, model);
        }
        AttemptPhase::Exchanging => {
            flow.text(ctx, "Access allowed. Fetching the token and its account …", ctx.theme.text);
        }
        AttemptPhase::Confirm { accounts, scopes, labels } => {
            confirm(ctx, &mut flow, accounts, labels);
            let scopes = scopes.iter().map(|scope| clean(scope).into_owned()).collect::<Vec<_>>().join(", ");
            flow.gap();
            flow.pieces(ctx, &[("Scopes: ", ctx.theme.dim), (&scopes, ctx.theme.text)]);
            for doubt in accounts.iter().filter_map(FoundAccount::doubt) {
                flow.gap();
                flow.text(ctx, doubt, ctx.theme.error);
            }
            if found_kind(accounts).is_live() {
                flow.gap();
                flow.text(ctx, "This is real money. Orders here are real orders.", ctx.theme.error);
            }
        }
        AttemptPhase::Saving => flow.text(ctx, "Storing the token …", ctx.theme.text),
        AttemptPhase::Failed(failure) => {
            let (sentence, next) = failure.sentence();
            let mark = ctx.glyphs.cross;
            flow.text(ctx, &format!("{mark} {sentence}"), ctx.theme.error);
            flow.gap();
            flow.text(ctx, &model.keymap.say(&next), ctx.theme.text);
        }
    }
    footer::keys(ctx, keys, model);
}

fn found_kind(accounts: &[FoundAccount]) -> Kind {
    let live = accounts.iter().any(|account| account.environment == Environment::Live);
    let paper = accounts.iter().any(|account| account.environment == Environment::Paper);
    match (paper, live) {
        (true, true) => Kind::Mixed,
        (false, true) => Kind::Live,
        (true, false) => Kind::Paper,
        (false, false) => Kind::Neutral,
    }
}

/// The lines of the question whether to save, gaps included.
fn lines(accounts: &[FoundAccount], labels: &Form) -> usize {
    let doubts = accounts.iter().filter(|account| account.odd_number).count();
    let notes = labels.fields().filter(|(field, typing)| note(field, *typing).is_some()).count();
    3 * accounts.len() + notes + 3 * doubts + 5
}

/// What is shown below a field: its error, or its hint while it has the keys.
fn note(field: &FormField, typing: bool) -> Option<Result<&str, &str>> {
    field.error().map(Err).or_else(|| field.hint().filter(|_| typing).map(Ok))
}

/// Writes lines downwards.
struct Flow {
    y: u16,
    area: Rect,
    /// Leaves gaps out.
    dense: bool,
}

impl Flow {
    fn gap(&mut self) {
        self.y += u16::from(!self.dense);
    }

    fn line(&mut self) -> Option<Rect> {
        let line = (self.y < self.area.bottom()).then_some(Rect { y: self.y, height: 1, ..self.area });
        self.y += 1;
        line
    }

    fn text(&mut self, ctx: &mut DrawContext<'_>, text: &str, style: Style) {
        for part in wrap(&clean(text), usize::from(self.area.width)) {
            if let Some(line) = self.line() {
                ctx.text(line.x, line.y, line.width, &part, style);
            }
        }
    }

    /// The note of a field, aligned with the field above.
    fn below(&mut self, ctx: &mut DrawContext<'_>, indent: u16, field: &FormField, typing: bool) {
        let (text, style) = match note(field, typing) {
            Some(Err(error)) => (format!("{} {error}", ctx.glyphs.cross), ctx.theme.error),
            Some(Ok(hint)) => (hint.to_owned(), ctx.theme.dim),
            None => return,
        };
        let room = self.area.width.saturating_sub(indent);
        for part in wrap(&clean(&text), usize::from(room)) {
            if let Some(line) = self.line() {
                ctx.text(line.x + indent, line.y, room, &part, style);
            }
        }
    }

    fn pieces(&mut self, ctx: &mut DrawContext<'_>, pieces: &[(&str, Style)]) {
        if let Some(line) = self.line() {
            ctx.pieces(line.x, line.y, line.width, pieces);
        }
    }
}

struct Waiting<'a> {
    url: &'a Sensitive,
    port: Option<u16>,
    deadline: Mono,
    browser: &'a Result<(), String>,
    paste: Option<&'a Input>,
}

fn wait(ctx: &mut DrawContext<'_>, flow: &mut Flow, waiting: &Waiting<'_>, attempt: &Attempt, model: &Model) {
    let theme = ctx.theme;
    match waiting.browser {
        Ok(()) => flow.text(ctx, "Your browser was sent to this page. Sign in there and press Allow.", theme.strong),
        Err(reason) => {
            flow.text(ctx, "Open this page in a browser, sign in there and press Allow.", theme.strong);
            flow.text(ctx, reason, theme.dim);
        }
    }
    flow.gap();
    for part in wrap(waiting.url.expose(), usize::from(flow.area.width)) {
        let Some(line) = flow.line() else { break };
        let next = ctx.text(line.x, line.y, line.width, &part, theme.link);
        let area = Rect { width: next - line.x, ..line };
        ctx.links.push(Hyperlink { area, url: waiting.url.clone() });
    }
    flow.gap();
    let left = countdown(waiting.deadline.since(model.now.mono));
    let place = waiting.port.map_or_else(
        || "No callback port could be opened: paste the address instead.".to_owned(),
        |port| format!("Waiting on port {port}"),
    );
    let mark = ctx.glyphs.waiting.to_string();
    flow.pieces(
        ctx,
        &[
            (&mark, theme.waiting),
            (" ", theme.text),
            (&place, theme.text),
            ("   ", theme.text),
            (&left, theme.strong),
            (" left", theme.dim),
        ],
    );
    flow.gap();
    if let Some(input) = waiting.paste {
        if let Some(line) = flow.line() {
            let x = ctx.text(line.x, line.y, line.width, "Paste the address: ", theme.key);
            let field = Rect { x, width: line.right().saturating_sub(x), ..line };
            ctx.field(field, input.value(), cells(input.visual_cursor()), true);
        }
    } else {
        flow.text(
            ctx,
            &model.keymap.say(
                "Is the browser on another machine? After Allow it shows an address that does not load: copy that \
                    address there, press {linking.paste} here and paste it.",
            ),
            theme.dim,
        );
    }
    let note = match attempt.note {
        None => return,
        Some(RedirectNote::WrongState) => {
            "A redirect without the expected state was ignored. Still waiting; {linking.cancel} \
                stops it."
        }
        Some(RedirectNote::Incomplete) => "That is only the start of the address. Paste the rest of it.",
        Some(RedirectNote::NotARedirect) => {
            "That is not the address the browser ended on, which starts with the redirect URI."
        }
    };
    flow.gap();
    flow.text(ctx, &model.keymap.say(note), theme.waiting);
}

fn confirm(ctx: &mut DrawContext<'_>, flow: &mut Flow, accounts: &[FoundAccount], labels: &Form) {
    let theme = ctx.theme;
    let what = if accounts.len() == 1 {
        "This authorization covers this account:"
    } else {
        "This authorization covers these accounts:"
    };
    flow.text(ctx, what, theme.strong);
    for (account, (label, typing)) in accounts.iter().zip(labels.fields()) {
        flow.gap();
        if let Some(line) = flow.line() {
            let x = ctx.tag(line.x, line.y, 6, Kind::of(account.environment)) + 2;
            let status = clean(&account.status);
            let number = clean(&account.account_number);
            let mut x = ctx.text(x, line.y, line.right().saturating_sub(x), &number, theme.strong);
            let style = if &*status == "ACTIVE" { theme.ok } else { theme.waiting };
            x = ctx.text(x + 2, line.y, line.right().saturating_sub(x + 2), &status, style);
            if account.replaces.is_some() {
                let words = "already linked: its token is replaced";
                ctx.text(x + 2, line.y, line.right().saturating_sub(x + 2), words, theme.dim);
            }
        }
        if let Some(line) = flow.line() {
            let x = ctx.text(line.x, line.y, 8, LABEL, theme.dim);
            let field = Rect { x, width: line.right().saturating_sub(x).min(40), ..line };
            let input = label.input();
            if typing {
                ctx.field(field, input.value(), cells(input.visual_cursor()), false);
            } else {
                let text = clean(input.value());
                ctx.text(field.x, field.y, field.width.max(width(&text).min(field.width)), &text, theme.text);
            }
        }
        flow.below(ctx, cells(LABEL.len()), label, typing);
    }
}
