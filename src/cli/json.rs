//! JSON for scripts: the broker's own fields, plus `account` and `environment` (docs/DESIGN.md 2).

use serde_json::{Map, Value};

use super::reader;
use crate::domain::order::Raw;
use crate::error::Error;
use crate::link::LinkRecord;

/// The broker's object, preceded by `account` (the label) and `environment`; none of its members are dropped.
///
/// # Errors
/// [`Error::Failed`] when the stored text is not a JSON object.
pub fn object(link: &LinkRecord, raw: &Raw) -> Result<Value, Error> {
    let text = raw.0.as_deref().unwrap_or("{}");
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::failed(format!("unreadable broker JSON: {error}"), reader::BROKER))?;
    let mut map = Map::new();
    map.insert("account".to_owned(), Value::from(&*link.label));
    map.insert("environment".to_owned(), Value::from(link.environment.as_str()));
    if let Value::Object(members) = value {
        for (name, member) in members {
            // A broker's member of the same name is kept under another name.
            let name = if map.contains_key(&name) { format!("broker_{name}") } else { name };
            map.insert(name, member);
        }
    }
    Ok(Value::Object(map))
}

/// The broker's object alone.
pub fn bare(raw: &Raw) -> Value {
    raw.0.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}
