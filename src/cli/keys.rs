//! `brokerdeck keys`: the key table, from the same data as the help screen.

use super::{Context, output};
use crate::app::keymap::table;
use crate::error::Error;

/// Prints the table with the configuration's changes.
///
/// # Errors
/// Usage errors of the configuration's `[keys]`.
pub fn run(context: &Context) -> Result<(), Error> {
    let keymap = context.keymap()?;
    let headers = [
        ("Where", output::Align::Left),
        ("Keys", output::Align::Left),
        ("Name in [keys]", output::Align::Left),
        ("Does", output::Align::Left),
    ];
    let rows: Vec<Vec<String>> = table(&keymap)
        .into_iter()
        .flat_map(|group| {
            let title = group.title;
            group
                .rows
                .into_iter()
                .map(move |row| vec![title.clone(), row.keys, row.name.to_owned(), row.help.to_owned()])
        })
        .collect();
    output::lines(&output::table(&headers, &rows))
}
