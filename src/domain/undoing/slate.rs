//! The trades of an order after its busts and corrections, and what those that name an unknown execution may refer to.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;

use super::search::{Choice, Search, Stated, Way, Worth};
use super::{Group, Of, borne_by};
use crate::domain::blotter::Blotter;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::ExecutionId;
use crate::domain::money::{Money, Price, Qty};
use crate::domain::time::is_before;

/// How far the rows' clock may be from the stream's: an execution that is later than a bust or correction by more than
/// this is not the one undone.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// How unlikely a row is: another row was shown before, another quantity, executed later by its clock, another price.
type Rank = (bool, bool, bool, bool);

/// The trades of an order after its busts and corrections.
pub(super) struct Slate<'a> {
    /// Oldest first.
    rows: Vec<&'a Execution>,
    /// By trade id: the row that counts for it now.
    current: HashMap<ExecutionId, &'a Execution>,
    /// By correction id: the trade that it corrects.
    roots: HashMap<ExecutionId, ExecutionId>,
    /// Trades that were busted.
    busted: HashSet<ExecutionId>,
    /// Trades known to have an id that some bust or correction names: no other one refers to them.
    claimed: HashSet<ExecutionId>,
    /// One of these was corrected: a bust may have been inferred because that was not known.
    corrects: bool,
    /// Rows by the last part of their id.
    borne: HashMap<&'a str, &'a ExecutionId>,
    /// The quantity taken back.
    taken: Qty,
    /// Its value without inferred busts; `None` if unknown.
    refunded: Option<Money>,
    /// The busts among them that were inferred from what the order stated.
    inferred: Vec<&'a Execution>,
    /// The trades known only from the activity list, by quantity, oldest first; those with a known bust or
    /// correction are not removed.
    loose: Option<HashMap<Qty, Vec<usize>>>,
}

impl<'a> Slate<'a> {
    pub(super) fn of(rows: &[&'a Execution]) -> Self {
        let mut rows: Vec<&Execution> = rows.iter().copied().filter(|row| row.kind == ExecutionKind::Trade).collect();
        rows.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        Self {
            current: rows.iter().map(|row| (row.id.clone(), *row)).collect(),
            roots: HashMap::new(),
            busted: HashSet::new(),
            claimed: HashSet::new(),
            corrects: false,
            borne: rows.iter().filter_map(|row| Some((borne_by(row)?, &row.id))).collect(),
            taken: Qty::ZERO,
            refunded: Some(Money::ZERO),
            inferred: Vec::new(),
            loose: None,
            rows,
        }
    }

    pub(super) fn root(&self, id: &ExecutionId) -> ExecutionId {
        self.roots.get(id).unwrap_or(id).clone()
    }

    pub(super) fn inferred(&self) -> impl Iterator<Item = &&'a Execution> {
        self.inferred.iter()
    }

    /// The row whose id ends in the one that a bust or correction names.
    pub(super) fn claim(&mut self, named: &ExecutionId, undoing: &Execution) -> Option<ExecutionId> {
        let row = (*self.borne.get(named.as_str())?).clone();
        self.claimed.insert(row.clone());
        self.corrects |= matches!(undoing.kind, ExecutionKind::Correction { .. });
        Some(row)
    }

    /// Takes the row of a choice, so that no other group can refer to it.
    pub(super) fn take(&mut self, choice: Choice) -> Option<ExecutionId> {
        let Choice::Row(place) = choice else { return None };
        let row = self.rows.get(place)?.id.clone();
        self.claimed.insert(row.clone());
        Some(row)
    }

    pub(super) fn undo_something(&mut self, undoing: &'a Execution, px: Option<Price>) {
        if !matches!(undoing.kind, ExecutionKind::Bust { .. }) {
            // It changed something at a price that cannot be attributed.
            self.refunded = None;
            return;
        }
        self.taken = self.taken.checked_add(undoing.qty.abs()).unwrap_or(self.taken);
        if Blotter::inferred_span(&undoing.id).is_some() {
            self.inferred.push(undoing);
            return;
        }
        let worth = px.and_then(|px| px.notional(undoing.qty.abs()));
        self.refunded = self.refunded.zip(worth).and_then(|(sum, worth)| sum.checked_add(worth));
    }

    /// Applies a bust or correction of a known row; returns the row that it refers to.
    pub(super) fn undo(&mut self, undoing: &'a Execution, row: &ExecutionId) -> Of {
        let root = self.root(row);
        if matches!(undoing.kind, ExecutionKind::Bust { .. }) {
            let px = self.current.get(&root).map_or(undoing.px, |now| now.px);
            self.undo_something(undoing, px);
            self.busted.insert(root);
            return Of::Row(row.clone());
        }
        self.roots.insert(undoing.id.clone(), root.clone());
        let before = self.current.insert(root.clone(), undoing).map(|before| before.id.clone());
        Of::Row(before.filter(|before| *before != undoing.id).unwrap_or(root))
    }

    /// What the order executed, according to its trades and their known busts and corrections.
    fn sum(&self) -> Option<Worth> {
        let now = || self.rows.iter().filter_map(|row| self.current.get(&row.id));
        let qty = Qty::sum(now().map(|row| row.qty))?.checked_sub(self.taken)?;
        let money = now().try_fold(Money::ZERO, |sum, row| sum.checked_add(worth(row)?));
        let money = money.zip(self.refunded).and_then(|(sum, refunded)| sum.checked_sub(refunded));
        Some(Worth { qty, money })
    }

    /// Chooses what groups that name an unknown execution refer to: rows known only from the activity list, so that all
    /// adds up to what the order states, if that proves anything. Also returns whether it adds up without the inferred
    /// busts, which may have been inferred because just this was not known.
    pub(super) fn choose(&self, groups: &[Group<'a>], stated: Option<Stated>) -> (Vec<Choice>, bool) {
        let open = || groups.iter().map(|_| Choice::Open).collect();
        let corrects = self.corrects || groups.iter().any(|group| group.last_correction().is_some());
        if groups.is_empty() && !corrects {
            return (open(), false);
        }
        let alike = || groups.iter().map(|group| self.ways(group, false)).collect::<Vec<_>>();
        let Some(stated) = stated else { return (Search::likeliest(&alike()).unwrap_or_else(open), false) };
        let ways: Vec<_> = groups.iter().map(|group| self.ways(group, true)).collect();
        let Some(sum) = self.sum() else { return (open(), false) };
        let mut all_tried = true;
        if corrects
            && !self.inferred.is_empty()
            && let Some(inferred) = Qty::sum(self.inferred.iter().map(|bust| bust.qty.abs()))
            && let Some(qty) = sum.qty.checked_add(inferred)
        {
            let mut search = Search::new(&ways, stated);
            if let Some(choices) = search.run(Worth { qty, ..sum }) {
                return (choices, true);
            }
            all_tried &= search.has_tried_all();
        }
        // Inferred busts have no price.
        let sum = Worth { money: sum.money.filter(|_| self.inferred.is_empty()), ..sum };
        let mut search = Search::new(&ways, stated);
        let found = search.run(sum);
        all_tried &= search.has_tried_all();
        let found = found.or_else(|| if all_tried { None } else { Search::likeliest(&alike()) });
        (found.unwrap_or_else(open), false)
    }

    /// What a group may refer to, likeliest first, each with its change to the sum.
    fn ways(&self, group: &Group<'_>, proven: bool) -> Vec<Way> {
        let taken = Qty::sum(group.busts().map(|bust| bust.qty.abs()));
        let corrected = group.last_correction();
        // It may be corrected again by one that names the correction.
        let becomes = corrected.map(|row| self.current.get(&row.id).copied().unwrap_or(row));
        let mut fits: Vec<(Rank, usize, &Execution)> = Vec::new();
        for place in 0..self.rows.len() {
            let Some((rank, now)) = self.rank(group, place) else { continue };
            let (_, other_qty, _, other_px) = rank;
            if !other_qty || (corrected.is_some() && (!other_px || proven)) {
                fits.push((rank, place, now));
            }
        }
        // Of equally likely rows the oldest comes first: rows seen later mostly executed later,
        // and then change nothing.
        fits.sort_by_key(|(rank, ..)| *rank);
        let less = |worth: Option<Worth>, px: Option<Price>| {
            let Worth { qty, money } = worth?;
            let refund = if taken?.is_zero() { Some(Money::ZERO) } else { px.and_then(|px| px.notional(taken?)) };
            let money = money.zip(refund).and_then(|(money, refund)| money.checked_sub(refund));
            Some(Worth { qty: qty.checked_sub(taken?)?, money })
        };
        let of_row = |now: &Execution| match becomes {
            Some(becomes) => {
                let money = worth(becomes).zip(worth(now)).and_then(|(new, old)| new.checked_sub(old));
                less(becomes.qty.checked_sub(now.qty).map(|qty| Worth { qty, money }), becomes.px)
            }
            None => less(Some(Worth::NOTHING), now.px),
        };
        let mut ways: Vec<_> =
            fits.iter().map(|(_, place, now)| Way { choice: Choice::Row(*place), more: of_row(now) }).collect();
        // Without a row, a correction alone counts, and a bust undoes what was never counted.
        ways.push(match becomes {
            _ if !proven => Way { choice: Choice::Open, more: None },
            Some(becomes) => {
                let alone = Worth { qty: becomes.qty, money: worth(becomes) };
                Way { choice: Choice::Unreported, more: less(Some(alone), becomes.px) }
            }
            None => Way { choice: Choice::Unreported, more: Some(Worth::NOTHING) },
        });
        ways
    }

    /// How unlikely it is that a group refers to the trade at this index, and what counts for that trade
    /// now; `None` if impossible.
    fn rank(&self, group: &Group<'_>, place: usize) -> Option<(Rank, &'a Execution)> {
        let row = self.rows.get(place).filter(|row| Blotter::is_stand_in(&row.id))?;
        let undoing = group.undoings.first()?;
        let apart = row.at.zip(undoing.at).map(|(row, undoing)| row.duration_since(undoing));
        let is_out = apart.is_some_and(|apart| apart > CLOCKS_APART)
            || self.busted.contains(&row.id)
            || self.claimed.contains(&row.id);
        let now = self.current.get(&row.id).filter(|_| !is_out)?;
        let other_px = now.px.zip(undoing.px).is_some_and(|(px, other)| px != other);
        let not_said = group.said.as_ref() != Some(&row.id);
        Some(((not_said, now.qty != undoing.qty.abs(), is_before(undoing.at, row.at), other_px), now))
    }

    /// What a group refers to by likeness alone, if there are too many to try all choices.
    pub(super) fn likeliest(&mut self, group: &Group<'_>) -> Choice {
        let Some(qty) = group.undoings.first().map(|undoing| undoing.qty.abs()) else { return Choice::Open };
        let mut loose = self.loose.take().unwrap_or_else(|| self.by_qty());
        let likeliest = loose.get_mut(&qty).and_then(|places| {
            let ranked = places.iter().filter_map(|place| Some((self.rank(group, *place)?.0, *place)));
            // Of several equal ones, the first is the oldest.
            let (_, place) = ranked.min_by_key(|(rank, _)| *rank)?;
            places.retain(|other| *other != place);
            Some(place)
        });
        self.loose = Some(loose);
        likeliest.map_or(Choice::Open, Choice::Row)
    }

    fn by_qty(&self) -> HashMap<Qty, Vec<usize>> {
        let mut loose: HashMap<Qty, Vec<usize>> = HashMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            if let Some(now) = self.current.get(&row.id) {
                loose.entry(now.qty).or_default().push(place);
            }
        }
        loose
    }
}

fn worth(row: &Execution) -> Option<Money> {
    row.px?.notional(row.qty)
}
