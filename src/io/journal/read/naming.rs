//! Exported busts and corrections name their targets by the ids in the file.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::execution::ExecutionKind;
use crate::domain::undoing::{self, Of};
use crate::domain::{Execution, ExecutionId, Order, OrderId};
use crate::io::journal::rows::Row;

/// The targets of busts and corrections, by order.
#[derive(Default)]
pub(super) struct Names(HashMap<(i64, i64, OrderId), HashMap<ExecutionId, Of>>);

impl Names {
    /// The row, naming its target. Rows longer than `longest` bytes are ignored.
    pub(super) fn resolve(
        &mut self,
        connection: &Connection,
        mut row: Execution,
        (account, generation): (i64, i64),
        longest: i64,
    ) -> rusqlite::Result<Execution> {
        let (ExecutionKind::Bust { of: Some(of) } | ExecutionKind::Correction { of: Some(of) }) = &row.kind else {
            return Ok(row);
        };
        let key = (account, generation, row.order_id.clone());
        if !self.0.contains_key(&key) {
            self.0.insert(key.clone(), undone(connection, &key, longest)?);
        }
        let undone = self.0.get(&key);
        let found = match undone.and_then(|undone| undone.get(&row.id)) {
            Some(Of::Row(found)) => Some(found.clone()),
            Some(Of::Unreported(_) | Of::Open | Of::Nothing) => None,
            // The row is larger than the limit.
            None => Some(of.clone()),
        };
        if let ExecutionKind::Bust { of } | ExecutionKind::Correction { of } = &mut row.kind {
            *of = found;
        }
        Ok(row)
    }
}

fn undone(
    connection: &Connection,
    (account, generation, order): &(i64, i64, OrderId),
    longest: i64,
) -> rusqlite::Result<HashMap<ExecutionId, Of>> {
    let bounds = params![account, generation, order.as_str(), longest];
    let mut statement = connection.prepare_cached(
        "SELECT body FROM executions WHERE account = ?1 AND generation = ?2 AND order_id = ?3
         AND octet_length(body) <= ?4 ORDER BY seq",
    )?;
    let mut found = statement.query(bounds)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.extend(row.get_ref(0)?.as_str().ok().and_then(Execution::from_body));
    }
    let body: Option<String> = connection
        .prepare_cached(
            "SELECT body FROM orders WHERE account = ?1 AND generation = ?2 AND id = ?3 AND octet_length(body) <= ?4",
        )?
        .query_row(bounds, |row| row.get(0))
        .optional()?;
    let order = body.and_then(|text| Order::from_body(&text));
    let rows: Vec<&Execution> = rows.iter().collect();
    // A leg's row may be stored under its parent.
    let mut there = connection
        .prepare_cached("SELECT count(*) FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3")?;
    let mut ids = HashSet::new();
    for row in &rows {
        if let ExecutionKind::Bust { of: Some(of) } | ExecutionKind::Correction { of: Some(of) } = &row.kind
            && there.query_row(params![account, generation, of.as_str()], |row| row.get::<_, i64>(0))? > 0
        {
            ids.insert(of.clone());
        }
    }
    let known = |id: &ExecutionId| ids.contains(id).then(|| id.clone());
    Ok(undoing::resolve(&rows, order.as_ref(), known, |_| None))
}
