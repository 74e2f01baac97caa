//! The ids under which executions were reported, and which reported lines are no longer true: an execution may get
//! another id, and the target of a bust or correction may be known only later.

use std::collections::{HashMap, HashSet};

use super::{Reported, ReportedLine, WatchLog, span};
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::undoing::{self, Of, undoes};
use crate::domain::{Execution, ExecutionId, OrderId, Source, TradeEvent};

/// The target of each bust and correction of an order.
type Undone = HashMap<ExecutionId, Of>;

impl ReportedLine {
    /// The tape entry and execution of this line, when only a bust or correction revealed it; `entry` is that of the
    /// bust or correction.
    pub fn unreported(&self, entry: &TapeEntry, blotter: &Blotter) -> Option<(TapeEntry, Execution)> {
        let said = self.said()?;
        let bust = blotter.execution(said.by.as_ref()?)?;
        let execution = Execution {
            id: said.id.clone(),
            qty: said.qty,
            cum_qty: None,
            position_qty: None,
            at: None,
            kind: ExecutionKind::Trade,
            source: Source::Reconcile,
            ..bust.clone()
        };
        let entry = TapeEntry {
            at: None,
            event: TradeEvent::PartialFill,
            execution: Some(said.id.clone()),
            source: Source::Reconcile,
            ..entry.clone()
        };
        Some((entry, execution))
    }
}

impl WatchLog {
    fn undone(&self, order: &OrderId, blotter: &Blotter) -> Undone {
        let known = |id: &ExecutionId| self.row_of(id, blotter).map(|row| row.id.clone());
        let said = |undoing: &ExecutionId| self.names.get(undoing).and_then(known);
        undoing::resolve(&blotter.executions_of(order), blotter.order(order), known, said)
    }

    /// The execution that was reported under this id.
    fn row_of<'a>(&self, reported: &ExecutionId, blotter: &'a Blotter) -> Option<&'a Execution> {
        let now = || self.renamed.get(reported).and_then(|now| blotter.execution(now));
        blotter.execution(reported).or_else(now)
    }

    /// The note for a tape entry that is reported.
    pub fn line_of(&self, entry: &TapeEntry, blotter: &Blotter) -> ReportedLine {
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        let said = row.map(|row| {
            let of = undoes(row).then(|| self.undone(&row.order_id, blotter)).and_then(|undone| {
                let of = undone.get(&row.id)?;
                self.name(of, blotter).or_else(|| if let Of::Row(id) = of { Some(id.clone()) } else { None })
            });
            Reported { id: row.id.clone(), order: row.order_id.clone(), qty: row.qty, of, by: None }
        });
        ReportedLine { said, ..ReportedLine::of(entry, blotter) }
    }

    /// The line to report before a bust or correction: its target, when nothing else reported it.
    pub fn line_before(&self, entry: &TapeEntry, blotter: &Blotter) -> Option<ReportedLine> {
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id)).filter(|row| undoes(row))?;
        let Some(Of::Unreported(id)) = self.undone(&row.order_id, blotter).remove(&row.id) else { return None };
        let key = TapeEntry::key_of_execution(&id);
        let (order, by) = (row.order_id.clone(), Some(row.id.clone()));
        let said = Reported { id, order, qty: row.qty.abs(), of: None, by };
        (!self.keys.contains(&key)).then_some(ReportedLine {
            key,
            span: None,
            said: Some(said),
            void: false,
            now: None,
        })
    }

    /// Whether the entry is an inferred bust that another one, once its target was known, made unnecessary.
    pub fn is_nothing(&self, entry: &TapeEntry, blotter: &Blotter) -> bool {
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        let inferred = row.filter(|row| Blotter::inferred_span(&row.id).is_some());
        inferred.is_some_and(|row| self.undone(&row.order_id, blotter).get(&row.id) == Some(&Of::Nothing))
    }

    /// Whether a line was reported, also under an id that another instance or the broker has replaced.
    pub fn is_reported(&self, line: &ReportedLine, blotter: &Blotter) -> bool {
        let renamed = |(id, span): &(ExecutionId, String)| {
            let was_this = |reported: &ExecutionId| self.row_of(reported, blotter).is_none_or(|row| row.id == *id);
            self.spans.get(span).is_some_and(|ids| ids.iter().any(was_this))
        };
        self.keys.contains(&line.key) || line.span.as_ref().is_some_and(renamed)
    }

    /// The reported lines of the orders `among` that are no longer true: their execution does not exist or has another
    /// quantity; with `names`, also those that name the wrong target. They are removed here and must be reported as
    /// void. Lines of an order whose executions do not add up yet are left alone.
    pub fn overtaken(&mut self, blotter: &Blotter, names: bool, among: impl Fn(&OrderId) -> bool) -> Vec<ReportedLine> {
        let reported = self.lines.iter().filter_map(ReportedLine::said).filter(|said| among(&said.order));
        let renamed = reported.filter_map(|said| {
            let now = &blotter.execution(&said.id)?.id;
            (*now != said.id).then(|| (said.id.clone(), now.clone()))
        });
        for (reported, now) in renamed.collect::<Vec<_>>() {
            self.note_renamed(reported, now);
        }
        self.write_renamed();
        let mut cache = HashMap::new();
        let mut renamed = HashSet::new();
        let looked_at = |line: &&ReportedLine| line.said().is_some_and(|said| among(&said.order));
        let mut void: Vec<ReportedLine> = self
            .lines
            .iter()
            .filter(looked_at)
            .filter(|line| !self.holds(line, blotter, &mut cache, &mut renamed))
            .cloned()
            .collect();
        for line in &mut void {
            line.void = true;
            self.remember(line.clone());
        }
        if names {
            let misnamed =
                self.lines.iter().filter(looked_at).filter(|line| self.is_misnamed(line, blotter, &mut cache));
            let misnamed: Vec<ReportedLine> =
                misnamed.map(|line| ReportedLine { void: true, ..line.clone() }).collect();
            for line in misnamed {
                self.remember(line.clone());
                void.push(line);
            }
        }
        void
    }

    /// Whether a line is still true. Adds to `renamed` the rows that a line was found to belong to under another id.
    fn holds(
        &self,
        line: &ReportedLine,
        blotter: &Blotter,
        cache: &mut HashMap<OrderId, Undone>,
        renamed: &mut HashSet<ExecutionId>,
    ) -> bool {
        let Some(said) = &line.said else { return true };
        let held = self.row_of(&said.id, blotter);
        if held.is_some_and(|row| Blotter::inferred_span(&row.id).is_some()) {
            let undone = cache.entry(said.order.clone()).or_insert_with(|| self.undone(&said.order, blotter));
            if undone.get(&said.id) == Some(&Of::Nothing) {
                return false;
            }
        }
        if let Some(id) = Self::leg_row(said, held, blotter, renamed) {
            renamed.insert(id);
            return false;
        }
        if held.is_some_and(|row| row.qty == said.qty) || blotter.order(&said.order).is_none() {
            return true;
        }
        let unsettled = || blotter.unsettled().any(|order| *order == said.order);
        if let (Some(by), None) = (&said.by, held) {
            let undone = cache.entry(said.order.clone()).or_insert_with(|| self.undone(&said.order, blotter));
            let still = undone.get(by).is_some_and(|of| !matches!(of, Of::Row(_)));
            return still || blotter.executions_of(&said.order).is_empty() || unsettled();
        }
        let rows = blotter.executions_of(&said.order);
        if held.is_none() && self.is_in_its_target(line, said, &rows) {
            return true;
        }
        let same = |row: &&&Execution| {
            let known = self.keys.contains(&TapeEntry::key_of_execution(&row.id)) || renamed.contains(&row.id);
            !known && line.span.as_ref().is_some_and(|(_, reported)| span(row).as_ref() == Some(reported))
        };
        let other = rows.iter().find(same).filter(|_| held.is_none()).map(|row| row.id.clone());
        // Without any row the order was dropped from the blotter, not undone.
        other.is_some_and(|id| renamed.insert(id)) || rows.is_empty() || unsettled()
    }

    /// Whether a correction line's target is known under another id and states the corrected amounts itself: the journal
    /// did not have both, and the activity rows state what the correction left.
    fn is_in_its_target(&self, line: &ReportedLine, said: &Reported, rows: &[&Execution]) -> bool {
        let Some((of, (_, stated))) = said.of.as_ref().zip(line.span.as_ref()) else { return false };
        rows.iter().filter(|row| row.kind == ExecutionKind::Trade).any(|row| {
            let corrected = Execution { kind: ExecutionKind::Correction { of: None }, ..(*row).clone() };
            let was_reported = |span: String| self.spans.get(&span).is_some_and(|ids| ids.contains(of));
            span(&corrected).as_ref() == Some(stated) && span(row).is_some_and(was_reported)
        })
    }

    /// For a line under a multi-leg order, the row of the leg that executed it, if known by now. An earlier run may
    /// have reported it under another id.
    fn leg_row(
        said: &Reported,
        held: Option<&Execution>,
        blotter: &Blotter,
        renamed: &HashSet<ExecutionId>,
    ) -> Option<ExecutionId> {
        let parent = blotter.order(&said.order).filter(|order| order.is_multileg_parent())?;
        if let Some(row) = held {
            return (row.order_id != parent.id).then(|| row.id.clone());
        }
        let rows = parent.legs.iter().flat_map(|leg| blotter.executions_of(leg));
        let mut same = rows.filter(|row| row.kind == ExecutionKind::Trade && row.qty == said.qty);
        same.find(|row| !renamed.contains(&row.id)).map(|row| row.id.clone())
    }

    /// Whether a bust or correction line names another target than is known now.
    fn is_misnamed(&self, line: &ReportedLine, blotter: &Blotter, cache: &mut HashMap<OrderId, Undone>) -> bool {
        let Some(said) = line.said.as_ref().filter(|said| said.by.is_none()) else { return false };
        let Some(row) = blotter.execution(&said.id).filter(|row| undoes(row)) else { return false };
        let undone = cache.entry(row.order_id.clone()).or_insert_with(|| self.undone(&row.order_id, blotter));
        let now = undone.get(&row.id).and_then(|of| self.name(of, blotter));
        // Without a tape entry it could not be reported again.
        let shown = || blotter.tape().iter().any(|entry| entry.execution.as_ref() == Some(&row.id));
        now.is_some() && now != said.of && shown()
    }

    /// The `execution_id` of the target's line, reported already or about to be.
    fn name(&self, of: &Of, blotter: &Blotter) -> Option<ExecutionId> {
        match of {
            Of::Row(id) => self.reported_as(id, blotter).cloned(),
            Of::Unreported(id) => Some(id.clone()),
            Of::Open | Of::Nothing => None,
        }
    }

    /// The id under which an execution was reported, which may have changed since.
    fn reported_as<'a>(&'a self, id: &'a ExecutionId, blotter: &Blotter) -> Option<&'a ExecutionId> {
        let is_reported = |id: &ExecutionId| self.keys.contains(&TapeEntry::key_of_execution(id));
        if is_reported(id) {
            return Some(id);
        }
        let was_this = |reported: &&ExecutionId| {
            is_reported(reported) && self.row_of(reported, blotter).is_none_or(|row| row.id == *id)
        };
        let span = blotter.execution(id).and_then(span)?;
        self.spans.get(&span)?.iter().find(was_this)
    }

    /// The id under which an execution was or would be reported.
    #[cfg(test)]
    pub fn name_of<'a>(&'a self, id: &'a ExecutionId, blotter: &Blotter) -> &'a ExecutionId {
        self.reported_as(id, blotter).unwrap_or(id)
    }
}
