//! `brokerdeck` without a command: the dashboard.

use std::time::Duration;

use super::Context;
use crate::app::Msg;
use crate::app::model::Pane;
use crate::error::Error;
use crate::io::choices;
use crate::io::runtime::Loop;
use crate::io::{signals, start, terminal};
use crate::view::ViewState;

/// How long the end waits for a broker that revokes a token which was not saved.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Opens the dashboard; returns the exit code of the event loop.
///
/// # Errors
/// Usage errors, and a terminal that cannot be used.
pub async fn run(context: &Context) -> Result<u8, Error> {
    let accounts = context.accounts();
    let listed = accounts.links.list().await.map_err(|error| Error::failed(error.to_string(), error.hint()))?;
    let mut settings = context.settings()?;
    settings.choices = Some(context.paths.data.clone());
    let mut running = start::with_linking(&settings, &accounts)?;
    running.recorder = super::replay::recorder(context.global.record.as_deref(), &settings, &running)?;
    let mut chosen = choices::load(&context.paths.data);
    if chosen.pane.is_none() && !listed.links.is_empty() {
        // Start in Orders with accounts, and in Brokers without.
        chosen.pane = Some(Pane::Orders);
    }
    running.handle(Msg::Chosen(chosen));
    running.start_remembering(context.paths.journal(), listed.links);
    if let Some(notice) = listed.notice {
        running.handle(Msg::Trouble(notice));
    }
    for warning in &context.config.warnings {
        running.handle(Msg::Trouble(warning.clone()));
    }
    on_screen(&mut running, context.view()?).await
}

/// Takes the terminal and runs the loop on it.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn on_screen(running: &mut Loop, mut view: ViewState) -> Result<u8, Error> {
    // Before taking the terminal, so that no signal ends the program in between.
    let mut signals = signals::listen();
    let (guard, mut screen) = terminal::enter(running.model.mouse).map_err(|error| {
        Error::usage(format!("cannot open the dashboard: {error}"), super::HEADLESS_HINT.to_owned())
    })?;
    let (cols, rows) = screen.size();
    running.handle(Msg::Resize { cols, rows });
    let code = running.on_screen(&mut screen, &mut view, &mut signals).await;
    if running.effects.linker().is_busy() {
        signals::allow(LAST_WORDS);
    }
    running.ending();
    drop(guard);
    if let Some(text) = running.finish() {
        super::output::last_note(&text);
    }
    // Last, because the broker may be slow; the journal is saved and the terminal restored by now.
    let enough = async {
        tokio::select! {
            () = tokio::time::sleep(LAST_WORDS) => {}
            () = signals.insisted() => {}
        }
    };
    for text in running.effects.linker().end(enough).await {
        super::output::last_note(&text);
    }
    Ok(code)
}
