//! What several instances wrote beside each other, as one of them would have: they tell themselves apart when they write
//! (`share`), but neither sees what the other has not committed yet.

use std::collections::{HashMap, HashSet};

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{Execution, ExecutionId, OrderId};
use crate::io::journal::share;

/// Leaves out stand-ins of which reports of their order tell better. Where something was undone a span may have been
/// executed twice, and the program that wrote it has told them apart.
pub(super) fn executions(rows: &mut Vec<Execution>) {
    let undone: HashSet<OrderId> = rows
        .iter()
        .filter(|row| matches!(row.kind, ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. }))
        .map(|row| row.order_id.clone())
        .collect();
    let of_interest = |row: &&Execution| Blotter::is_stand_in(&row.id) && !undone.contains(&row.order_id);
    let with_stand_ins: HashSet<OrderId> = rows.iter().filter(of_interest).map(|row| row.order_id.clone()).collect();
    let mut of_order: HashMap<&OrderId, Vec<Execution>> = HashMap::new();
    for row in rows.iter().filter(|row| with_stand_ins.contains(&row.order_id)) {
        of_order.entry(&row.order_id).or_default().push(row.clone());
    }
    let told = |row: &&Execution| {
        of_interest(row) && {
            let others: Vec<Execution> =
                of_order.get(&row.order_id).into_iter().flatten().filter(|other| other.id != row.id).cloned().collect();
            share::is_explained(row, &others)
        }
    };
    let gone: HashSet<ExecutionId> = rows.iter().filter(told).map(|row| row.id.clone()).collect();
    rows.retain(|row| !gone.contains(&row.id));
}

/// Leaves out lines that say what another says, and lines of executions that are not there; numbers the others anew.
/// Returns the numbers in the file of those that stay.
pub(super) fn lines(
    numbers: Vec<i64>,
    tape: Vec<TapeEntry>,
    executions: &[Execution],
    kept: &mut Vec<TapeEntry>,
) -> Vec<i64> {
    let known: HashSet<&ExecutionId> = executions.iter().map(|row| &row.id).collect();
    let mut said: HashSet<String> = HashSet::new();
    let mut stay = Vec::with_capacity(numbers.len());
    for (number, entry) in numbers.into_iter().zip(tape) {
        let shown = entry.execution.as_ref().is_none_or(|id| known.contains(id));
        if !shown || !said.insert(entry.key()) {
            continue;
        }
        let next = kept.last().map_or(u64::try_from(number).unwrap_or(0), |line| line.number + 1);
        stay.push(number);
        kept.push(TapeEntry { number: next, ..entry });
    }
    stay
}
