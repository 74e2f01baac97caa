//! The key table as text: grouped rows for help and `brokerdeck keys`, Markdown for the README.

use super::{BINDINGS, Keymap, Scope};
use crate::app::columns::Column;

/// The keys of one scope, or the columns of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Where the keys act; `None` for columns.
    pub scope: Option<Scope>,
    /// The heading: the scope's title, or which list's columns.
    pub title: String,
    /// The rows, in the order of the table.
    pub rows: Vec<Row>,
}

/// One row of help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The keys as text, `j, Down`; `none` when the configuration removed them all. For a column, its title.
    pub keys: String,
    /// The help sentence.
    pub help: &'static str,
    /// The name for the configuration; empty for a column.
    pub name: &'static str,
}

impl Row {
    /// Whether the letters of the query occur in keys, sentence or name, case-insensitively.
    pub fn matches(&self, query: &str) -> bool {
        let query = query.trim().to_lowercase();
        query.is_empty()
            || self.keys.to_lowercase().contains(&query)
            || self.help.to_lowercase().contains(&query)
            || self.name.contains(&query)
    }
}

/// Every active binding, grouped by scope in the order of the help screen.
pub fn table(keymap: &Keymap) -> Vec<Group> {
    let groups = Scope::ALL.iter().map(|scope| {
        let rows = BINDINGS.iter().enumerate().filter(|(_, binding)| binding.scope == *scope);
        let rows = rows.map(|(row, binding)| Row { keys: keys(keymap, row), help: binding.help, name: binding.name });
        Group { scope: Some(*scope), title: scope.title().to_owned(), rows: rows.collect() }
    });
    groups.filter(|group| !group.rows.is_empty()).collect()
}

/// What the columns of a list show, as a group of the help screen.
pub fn columns(pane: &str, columns: &[Column]) -> Group {
    let row = |column: &Column| Row { keys: column.title.to_owned(), help: column.help, name: "" };
    Group { scope: None, title: format!("Columns of {pane}"), rows: columns.iter().map(row).collect() }
}

/// The README's block: one Markdown table per scope.
pub fn markdown(keymap: &Keymap) -> String {
    let mut out = String::new();
    for group in table(keymap) {
        out.push_str(&format!(
            "**{}**\n\n| Key | What it does | Name in `[keys]` |\n| --- | --- | --- |\n",
            group.title
        ));
        for row in &group.rows {
            // A bar would end the cell.
            let keys = row.keys.replace('|', "\\|");
            out.push_str(&format!("| {keys} | {} | `{}` |\n", row.help.replace('|', "\\|"), row.name));
        }
        out.push('\n');
    }
    out
}

fn keys(keymap: &Keymap, row: usize) -> String {
    let words: Vec<String> = keymap.chords_of(row).iter().map(ToString::to_string).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
