//! Removes the duplicates that several instances leave. They compare when they write (`share`), but none sees what
//! another has not committed yet.

use std::collections::{HashMap, HashSet};

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{Execution, ExecutionId, OrderId};
use crate::io::journal::share;

/// Removes activity rows, and corrections read from them, that reports of the same order describe better. All else, and
/// everything about busted executions, stays as its writer has decided.
pub(super) fn executions(rows: &mut Vec<Execution>) {
    let undone: HashSet<OrderId> = rows
        .iter()
        .filter(|row| matches!(row.kind, ExecutionKind::Bust { .. }))
        .map(|row| row.order_id.clone())
        .collect();
    let of_a_row = |kind: &ExecutionKind| matches!(kind, ExecutionKind::Trade | ExecutionKind::Correction { .. });
    let is_row = |row: &Execution| Blotter::is_stand_in(&row.id) && of_a_row(&row.kind);
    let of_interest = |row: &&Execution| is_row(row) && !undone.contains(&row.order_id);
    let with_rows: HashSet<OrderId> = rows.iter().filter(of_interest).map(|row| row.order_id.clone()).collect();
    let mut reports: HashMap<&OrderId, Vec<&Execution>> = HashMap::new();
    for row in rows.iter().filter(|row| with_rows.contains(&row.order_id) && !Blotter::is_stand_in(&row.id)) {
        reports.entry(&row.order_id).or_default().push(row);
    }
    let reported = |row: &&Execution| {
        let reports = reports.get(&row.order_id).into_iter().flatten();
        let same = |report: &Execution| {
            if row.kind == ExecutionKind::Trade {
                share::is_the_same_trade(report, row, &[])
            } else {
                share::corrects_the_same(report, row)
            }
        };
        of_interest(row) && reports.into_iter().any(|report| same(report))
    };
    let gone: HashSet<ExecutionId> = rows.iter().filter(reported).map(|row| row.id.clone()).collect();
    rows.retain(|row| !gone.contains(&row.id));
}

/// Removes duplicate lines, and lines of executions that do not exist; renumbers the rest. Returns the numbers in the
/// file of the lines that stay.
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
