//! Whether a broker is ready for linking: what is missing, and what cannot be known before.
//!
//! Used by the checks, the screen and the attempt itself, so that nothing is called ready that linking then refuses.

use super::secret;
use crate::config::{BrokerSpec, SecretSource, environment_of};

/// Readiness as far as it can be known without running or asking anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Not set up, which is not a fault; with what to do.
    NotSetUp(String),
    /// Set up, but cannot be linked.
    Faulty(String),
    /// Ready as far as is known, with what is not known.
    Ready(Option<&'static str>),
}

impl Readiness {
    /// The fix for [`Self::Faulty`].
    pub const CURE: &str =
        "set the variable before brokerdeck starts, correct the command, or name another source of the secret";

    /// The readiness of a broker. Runs nothing: a command's output is not known before it is needed.
    pub fn of(spec: &BrokerSpec) -> Self {
        if let Some(missing) = spec.missing() {
            return Self::NotSetUp(missing);
        }
        match &spec.client_secret {
            SecretSource::Inline(_) => Self::Ready(None),
            SecretSource::Env(name) => match secret::variable(name) {
                Ok(_) => Self::Ready(None),
                Err(why) => Self::Faulty(why),
            },
            SecretSource::Command(words) => match secret::find_program(words) {
                Ok(()) => Self::Ready(Some("client_secret_command was not tried")),
                Err(why) => Self::Faulty(why),
            },
            SecretSource::None if environment_of(&spec.token_url).is_some() => {
                Self::Ready(Some("no client secret is set, though Alpaca issues one with every client id"))
            }
            SecretSource::None => Self::Ready(Some("no client secret is set, which is right only for a public client")),
        }
    }

    /// Why it cannot be linked; `None` when it can.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::NotSetUp(why) | Self::Faulty(why) => Some(why),
            Self::Ready(_) => None,
        }
    }
}
