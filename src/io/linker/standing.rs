//! How a broker stands before anybody links through it: what is missing, and what only linking will tell.
//!
//! One answer for the checks, the screen and the attempt itself, so that nothing is called ready that linking refuses.

use super::secret;
use crate::config::{BrokerSpec, SecretSource, environment_of};

/// What can be said without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody set it up, which is no fault; names the cure.
    NotSetUp(String),
    /// It is set up and cannot be linked all the same.
    Faulty(String),
    /// It can be linked as far as is known, with what is not.
    Ready(Option<&'static str>),
}

impl Standing {
    /// The cure of what is faulty.
    pub const CURE: &str =
        "set the variable before brokerdeck starts, correct the command, or name another source of the secret";

    /// How a broker stands. Starts nothing: what a command prints is not known before it is wanted.
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
