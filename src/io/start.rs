//! Assembles model, effects, linker and loop, for the dashboard and the demo.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::accounts::{AccountAccess, tls_for};
use super::child::Programs;
use super::clock::Clock;
use super::effects::Effects;
use super::linker::{Linker, Readiness, Setup};
use super::runtime::{INBOX, Loop, LoopServices};
pub use super::settings::Settings;
use crate::app::brokers::BrokerSummary;
use crate::app::{Model, Msg};
use crate::config::BrokerSpec;
use crate::error::Error;
use crate::link::{AttemptId, LinkProgress};

/// A loop for these links that can also link.
///
/// # Errors
/// When a broker's certificate authority cannot be read.
pub fn with_linking(settings: &Settings, accounts: &AccountAccess) -> Result<Loop, Error> {
    for spec in accounts.specs.iter() {
        tls_for(spec).map_err(|error| Error::usage(format!("{}: {error}", spec.id), None))?;
    }
    let clock = Clock::new();
    let (sender, inbox) = mpsc::channel(INBOX);
    let (progress, reports) = mpsc::channel(64);
    let mut setup = linking(accounts, clock);
    setup.may_approve = settings.program.can_approve;
    let linker = Linker::new(setup, progress);
    tokio::spawn(report(reports, sender.clone()));
    let effects = Effects::new(sender, accounts.clone(), Arc::new(linker), settings.locks.clone());
    Ok(assemble(settings, accounts, effects, inbox, clock))
}

/// The linker's setup for these accounts.
pub fn linking(accounts: &AccountAccess, clock: Clock) -> Setup {
    Setup::new(accounts, clock)
}

async fn report(mut reports: mpsc::Receiver<(AttemptId, LinkProgress)>, inbox: mpsc::Sender<Msg>) {
    while let Some((attempt, progress)) = reports.recv().await {
        if inbox.send(Msg::Link { attempt, progress }).await.is_err() {
            return;
        }
    }
}

fn assemble(
    settings: &Settings,
    accounts: &AccountAccess,
    effects: Effects,
    inbox: mpsc::Receiver<Msg>,
    clock: Clock,
) -> Loop {
    let brokers = accounts.specs.iter().map(summary).collect();
    let mut model = Model::new(settings.program.clone(), settings.keymap.clone(), brokers, clock.now());
    model.mouse = settings.mouse;
    let outside = LoopServices {
        osc9: settings.osc9,
        notify_command: settings.notify_command.clone(),
        programs: Programs::hiding(&accounts.specs),
        config_path: settings.config_path.clone(),
        choices: settings.choices.clone(),
    };
    Loop::new(model, effects, inbox, clock, outside)
}

fn summary(spec: &BrokerSpec) -> BrokerSummary {
    BrokerSummary {
        id: spec.id.clone(),
        name: Arc::clone(&spec.name),
        environments: spec.endpoints.iter().map(|endpoints| endpoints.environment).collect(),
        missing: Readiness::of(spec).reason(),
    }
}
