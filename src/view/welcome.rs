//! The welcome screen, shown while no account is linked: three steps to begin.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw_context::{DrawContext, cells, clean, width};
use super::footer;
use super::frame::Frame;
use super::overlay_box::boxed;
use super::scope::Kind;
use crate::app::Model;

/// Draws it in place of the account's panes.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, focused: bool) {
    let frame = Frame {
        kind: Kind::Neutral,
        focused: focused && model.overlays.is_empty(),
        digit: None,
        title: "Welcome",
        facts: &[],
        lack: None,
        tagged: false,
    };
    let inner = ctx.frame(area, &frame);
    if !model.overlays.is_empty() {
        // Its edges would show behind an overlay.
        return;
    }
    let lines = lines(ctx, model);
    let high = cells(lines.len()).min(inner.height);
    let wide = lines.iter().map(line_width).max().unwrap_or(0).min(inner.width.saturating_sub(2));
    let x = inner.x + (inner.width - wide) / 2;
    // Slightly above the middle looks centred.
    let y = inner.y + (inner.height - high) / 3;
    write(ctx, Rect { x, y, width: wide, height: high }, &lines);
}

/// Draws it as a box over the panes, with its keys.
pub(super) fn overlay(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    let lines = lines(ctx, model);
    let wide = lines.iter().map(line_width).max().unwrap_or(0);
    let size = (wide + 6, cells(lines.len()) + 5);
    let (_, inner) = boxed(ctx, area, size, Kind::Neutral, "Welcome", &[]);
    write(ctx, Rect { x: inner.x + 1, y: inner.y + 1, width: inner.width.saturating_sub(1), ..inner }, &lines);
    footer::keys(ctx, Rect { x: inner.x + 1, y: inner.bottom().saturating_sub(1), height: 1, ..inner }, model);
}

type Text = Vec<(String, Style)>;

fn line_width(line: &Text) -> u16 {
    line.iter().map(|(text, _)| width(text)).sum()
}

fn write(ctx: &mut DrawContext<'_>, area: Rect, lines: &[Text]) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        let mut x = area.x;
        for (text, style) in line {
            x = ctx.text(x, y, area.right().saturating_sub(x), text, *style);
        }
    }
}

fn lines(ctx: &DrawContext<'_>, model: &Model) -> Vec<Text> {
    let theme = ctx.theme;
    let text = |text: &str| vec![(text.to_owned(), theme.text)];
    let step = |number: &str, key: &str, rest: &str| {
        vec![(format!("{number}  "), theme.dim), (key.to_owned(), theme.key), (rest.to_owned(), theme.text)]
    };
    let mut lines = vec![
        vec![("No account is linked yet.".to_owned(), theme.strong)],
        Text::new(),
        step("1", &model.keymap.say("{brokers.add}"), "  adds a broker: type paper or live to find it"),
        step("2", &model.keymap.say("{add_broker.link}"), "  opens the broker's own page in your browser"),
        step("3", "Allow", "  there, and your orders appear here"),
        Text::new(),
    ];
    if model.brokers.iter().all(|broker| broker.missing.is_some()) {
        lines.push(text("Linking needs an OAuth app of your own, registered with the broker."));
        lines.push(vec![("Put its client id into".to_owned(), theme.text)]);
        lines.push(vec![(clean(&model.program.config_path).into_owned(), theme.strong)]);
        lines.push(vec![
            ("brokerdeck config init".to_owned(), theme.key),
            (" writes that file, with every setting explained.".to_owned(), theme.text),
        ]);
        lines.push(Text::new());
    }
    if cfg!(feature = "simulator") && !model.program.simulated {
        lines.push(vec![
            ("brokerdeck demo".to_owned(), theme.key),
            (" shows everything on a simulated brokerage.".to_owned(), theme.text),
        ]);
    }
    lines
}
