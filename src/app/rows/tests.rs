use std::cmp::Reverse;

use proptest::prelude::*;

use super::*;
use crate::app::columns::SortValue;

fn key(value: u64) -> SortKey {
    SortKey::new(0, Some(SortValue::Rank(value)), true, None)
}

fn list(values: &[(u32, u64)]) -> ListState<u32> {
    let mut list = ListState::default();
    list.replace(values.iter().map(|(row, value)| (key(*value), *row)));
    list
}

#[test]
fn the_selection_stays_on_its_row_when_rows_move() {
    let mut list = list(&[(1, 10), (2, 20), (3, 30)]);
    list.select_key(&2);
    assert_eq!(list.selected_index(), Some(1));
    list.put(4, Some(key(40)));
    assert_eq!((list.selected, list.selected_index()), (Some(2), Some(2)));
    list.put(2, Some(key(50)));
    assert_eq!((list.selected, list.selected_index()), (Some(2), Some(0)));
}

#[test]
fn a_row_that_goes_hands_the_selection_to_its_neighbour() {
    let mut list = list(&[(1, 10), (2, 20), (3, 30)]);
    list.select_key(&2);
    list.put(2, None);
    assert_eq!(list.selected, Some(1));
    list.put(1, None);
    assert_eq!(list.selected, Some(3));
    list.put(3, None);
    assert_eq!((list.selected, list.selected_index()), (None, None));
}

#[test]
fn missing_values_come_last_in_both_directions() {
    for descending in [false, true] {
        let mut list = ListState::default();
        let key = |value: Option<u64>| SortKey::new(0, value.map(SortValue::Rank), descending, None);
        list.replace([(key(None), 9), (key(Some(1)), 1), (key(Some(2)), 2)]);
        assert_eq!(list.rows.back(), Some(&9));
    }
}

#[test]
fn moving_ends_at_the_ends() {
    let mut list = list(&[(1, 10), (2, 20), (3, 30)]);
    list.move_by(isize::MAX);
    assert_eq!(list.selected, Some(1));
    list.move_by(isize::MIN);
    assert_eq!(list.selected, Some(3));
    let mut empty: ListState<u32> = ListState::default();
    empty.move_by(1);
    assert_eq!(empty.selected, None);
}

proptest! {
    /// Whatever comes and goes one by one, the list is the one a sort would give.
    #[test]
    fn rows_put_one_by_one_stand_as_if_sorted(changes in prop::collection::vec((0_u32..20, prop::option::of(0_u64..8)), 0..200)) {
        let mut list: ListState<u32> = ListState::default();
        let mut truth = std::collections::BTreeMap::new();
        list.selected = Some(7);
        for (row, value) in changes {
            list.put(row, value.map(key));
            match value {
                Some(value) => truth.insert(row, value),
                None => truth.remove(&row),
            };
            let mut sorted: Vec<(Reverse<u64>, u32)> = truth.iter().map(|(row, value)| (Reverse(*value), *row)).collect();
            sorted.sort_unstable();
            let expected: Vec<u32> = sorted.into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(list.rows.iter().copied().collect::<Vec<_>>(), expected.clone());
            let place = list.selected.and_then(|row| expected.iter().position(|other| *other == row));
            prop_assert_eq!(list.selected_index(), place);
        }
    }
}
