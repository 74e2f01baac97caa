//! The error of a command: one message, one hint, one exit code.

use std::process::ExitCode;

use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// Bad arguments or configuration; exit code 2.
    #[error("{message}")]
    Usage {
        /// What is wrong: file, line, key.
        message: String,
        /// How to fix it.
        hint: Option<String>,
    },
    /// No usable token; exit code 4.
    #[error("{message}")]
    NeedsLink {
        /// Which account.
        message: String,
        /// How to fix it.
        hint: Option<String>,
    },
    /// Anything else; exit code 1.
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
        /// How to fix it; required, because the reader wants to know what to do.
        hint: String,
        /// The cause, printed as a chain.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl Error {
    /// A usage or configuration error.
    pub fn usage(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// A failure with its hint.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), hint: hint.into(), source: None }
    }

    /// A failure that can only be a bug of the program.
    pub fn ours(message: impl Into<String>) -> Self {
        Self::failed(message, "this is a bug in brokerdeck: please report it")
    }

    /// The hint, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } | Self::NeedsLink { hint, .. } => hint.as_deref(),
            Self::Failed { hint, .. } => Some(hint),
        }
    }

    /// 1 failed, 2 usage or configuration, 4 needs linking (docs/DESIGN.md 2).
    pub const fn code(&self) -> u8 {
        match self {
            Self::Failed { .. } => 1,
            Self::Usage { .. } => 2,
            Self::NeedsLink { .. } => 4,
        }
    }

    /// [`Self::code`] for `main`.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
