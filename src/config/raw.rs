//! The file as written, parsed but not checked; `check.rs` checks it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(super) type Text = Option<Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) oauth: OAuth,
    pub(super) tokens: Tokens,
    pub(super) trading: Trading,
    pub(super) ui: Ui,
    pub(super) keys: BTreeMap<String, Spanned<OneOrMany>>,
    pub(super) brokers: Vec<Spanned<Broker>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OAuth {
    pub(super) client_id: Text,
    pub(super) client_secret: Option<Spanned<secrecy::SecretString>>,
    pub(super) client_secret_env: Text,
    pub(super) client_secret_command: Option<Spanned<OneOrMany>>,
    pub(super) redirect_uris: Option<Vec<Spanned<String>>>,
    pub(super) scopes: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tokens {
    pub(super) store: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Trading {
    pub(super) live: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ui {
    pub(super) theme: Text,
    pub(super) bell: bool,
    pub(super) notify: bool,
    pub(super) notify_command: Option<Spanned<OneOrMany>>,
    pub(super) flash: Option<bool>,
    pub(super) mouse: Option<bool>,
    pub(super) ascii: bool,
    pub(super) timezone: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Broker {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) environment: Text,
    pub(super) authorize_url: Text,
    pub(super) token_url: Text,
    pub(super) revoke_url: Text,
    pub(super) api_url: Text,
    pub(super) stream_url: Text,
    pub(super) data_url: Text,
    pub(super) data_stream_url: Text,
    pub(super) paper: Option<Addresses>,
    pub(super) live: Option<Addresses>,
    pub(super) client_id: Text,
    pub(super) client_secret: Option<Spanned<secrecy::SecretString>>,
    pub(super) client_secret_env: Text,
    pub(super) client_secret_command: Option<Spanned<OneOrMany>>,
    pub(super) redirect_uris: Option<Vec<Spanned<String>>>,
    pub(super) scopes: Option<Vec<Spanned<String>>>,
    pub(super) pkce: Option<bool>,
    pub(super) ca_file: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Addresses {
    pub(super) api_url: Text,
    pub(super) stream_url: Text,
    pub(super) data_url: Text,
    pub(super) data_stream_url: Text,
}

/// A text or a list of texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}
