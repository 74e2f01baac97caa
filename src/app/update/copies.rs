//! Copying the id or the rows of what is selected.

use super::notices;
use crate::app::effect::{Copied, Effect, TerminalEffect};
use crate::app::model::Model;
use crate::app::selection;
use crate::domain::text::counted;

/// Copies the id of the selected row.
pub(super) fn id(model: &Model, effects: &mut Vec<Effect>) {
    if let Some((text, what)) = selection::of(model.focus).id(model) {
        effects.push(Effect::Terminal(TerminalEffect::Copy { text: Copied::new(&text), what: what.to_owned() }));
    }
}

/// Copies the selected or marked rows as lines of tab-separated text.
pub(super) fn rows(model: &mut Model, effects: &mut Vec<Effect>) {
    let lines = selection::of(model.focus).lines(model);
    if lines.is_empty() {
        return notices::toast(model, "there is nothing to copy here");
    }
    let what = if lines.len() == 1 { "row".to_owned() } else { counted(lines.len(), "row") };
    effects.push(Effect::Terminal(TerminalEffect::Copy { text: Copied::new(&lines.join("\n")), what }));
}
