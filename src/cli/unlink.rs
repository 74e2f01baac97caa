//! `brokerdeck unlink`: forgets a link and its token, and reports what that did and did not do.

use tokio::sync::mpsc;

use super::{Context, accounts, output};
use crate::error::Error;
use crate::io::clock::Clock;
use crate::io::linker::{Linker, Setup};

/// Options of `brokerdeck unlink`.
#[derive(Debug, clap::Args)]
pub struct UnlinkArgs {
    /// Account by label, number or id.
    #[arg(value_name = "ACCOUNT", add = clap_complete::engine::ArgValueCompleter::new(super::complete::linked))]
    pub account: String,
}

/// Unlinks the account.
///
/// # Errors
/// When no such account is linked, or its token cannot be removed.
pub async fn run(ctx: &Context, args: &UnlinkArgs) -> Result<(), Error> {
    let accounts = ctx.accounts();
    let known = accounts::list(&accounts.links).await?;
    let link = accounts::resolve(&known, &args.account)?;
    let (progress, _) = mpsc::channel(1);
    let linker = Linker::new(Setup::new(&accounts, Clock::new()), progress);
    let sentence = linker.unlink(&link.id).await.map_err(|still| Error::failed(still.message, still.hint))?;
    output::line(&sentence).map(drop)
}
