//! What it takes for a yes to count: a question on the screen, time to read it, and calm.

use super::orders::cancels;
use super::*;
use crate::accounts::OrderKey;
use crate::app::keymap::Action;
use crate::app::msg::{HitTarget, Mouse};
use crate::app::overlays::Question;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A desk with one working order and a terminal that takes nothing by itself.
fn unread() -> Desk {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.reads = false;
    desk.pass(ms(1_000));
    desk
}

/// One key, whenever it comes.
fn press(desk: &mut Desk, key: char) {
    desk.msg(Msg::Key(Chord::char(key)));
}

/// The terminal takes the frame that is due.
fn take(desk: &mut Desk) {
    assert!(desk.model.dirty, "a new question is drawn");
    desk.model.dirty = false;
    let question = desk.model.unseen_question().unwrap();
    desk.msg(Msg::Shown { question });
}

/// The terminal takes the question, and a hand that has read it confirms.
fn counts_once_seen(desk: &mut Desk) {
    take(desk);
    desk.pass(ms(300));
    press(desk, 'y');
    desk.pass(ms(100));
    assert_eq!(cancels(desk), ["a"]);
}

#[test]
fn a_question_that_never_reached_the_terminal_is_not_answered() {
    let mut desk = unread();
    press(&mut desk, 'X');
    for _ in 0..10 {
        desk.pass(ms(2_000));
        press(&mut desk, 'y');
        desk.pass(ms(1_000));
        assert!(cancels(&desk).is_empty());
        let early = desk.toast().contains("not on the screen yet") && desk.toast().contains("press again");
        assert!(early || desk.toast().contains("Ctrl-z, then fg"), "{}", desk.toast());
    }
    counts_once_seen(&mut desk);
}

#[test]
fn a_terminal_that_never_says_that_it_shows_the_question_leaves_every_way_out_in_words() {
    let mut desk = unread();
    press(&mut desk, 'X');
    desk.pass(ms(9_000));
    press(&mut desk, 'y');
    assert!(desk.toast().contains("not on the screen yet") && desk.model.errors.is_empty(), "a far one takes its time");
    desk.pass(ms(1_000));
    press(&mut desk, 'y');
    let error = desk.model.errors.last().unwrap();
    for way in ["Ctrl-z, then fg", "restarting brokerdeck", "on the broker's own site"] {
        assert!(error.text.contains(way), "{}", error.text);
    }
    assert!(desk.toast().contains("Ctrl-z, then fg"), "{}", desk.toast());
    counts_once_seen(&mut desk);
}

#[test]
fn a_yes_sooner_than_the_question_can_be_read_is_refused_in_words() {
    let mut desk = unread();
    press(&mut desk, 'X');
    desk.pass(ms(5));
    take(&mut desk);
    desk.pass(ms(299));
    press(&mut desk, 'y');
    desk.pass(ms(500));
    assert!(cancels(&desk).is_empty() && desk.toast().contains("only just appeared"), "{}", desk.toast());
    press(&mut desk, 'y');
    desk.pass(ms(100));
    assert_eq!(cancels(&desk), ["a"]);
}

#[test]
fn words_typed_into_the_wrong_window_confirm_nothing() {
    for pace in [1, 20, 40, 90, 149] {
        let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        desk.keys("x");
        desk.pass(ms(1_000));
        for key in "hello y there y".chars() {
            press(&mut desk, key);
            desk.pass(ms(pace));
        }
        desk.pass(ms(1_000));
        assert!(cancels(&desk).is_empty(), "a key each {pace} ms");
    }
    // Nor does the first letter of what goes on at a machine's pace.
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.keys("x");
    desk.pass(ms(1_000));
    for key in "yes".chars() {
        press(&mut desk, key);
        desk.pass(ms(40));
    }
    desk.pass(ms(1_000));
    assert!(cancels(&desk).is_empty());
}

#[test]
fn the_same_question_asked_again_has_to_be_seen_again() {
    let mut desk = unread();
    press(&mut desk, 'x');
    take(&mut desk);
    let first = desk.model.asking.as_ref().unwrap().number;
    desk.pass(ms(1_000));
    press(&mut desk, 'n');
    desk.pass(ms(1_000));
    press(&mut desk, 'x');
    // The old frame is told late.
    desk.msg(Msg::Shown { question: first });
    desk.pass(ms(1_000));
    press(&mut desk, 'y');
    desk.pass(ms(1_000));
    assert!(cancels(&desk).is_empty());
}

#[test]
fn a_terminal_that_was_another_programs_or_has_another_size_shows_no_question_yet() {
    let changes = [Msg::Redraw, Msg::Resize { cols: 20, rows: 5 }];
    for change in changes {
        let mut desk = unread();
        press(&mut desk, 'x');
        take(&mut desk);
        desk.pass(ms(1_000));
        // A yes that was typed meanwhile comes just before the news of it, or just after.
        press(&mut desk, 'y');
        desk.msg(change.clone());
        desk.pass(ms(1_000));
        press(&mut desk, 'y');
        desk.pass(ms(1_000));
        assert!(cancels(&desk).is_empty(), "{change:?}");
        assert!(desk.toast().contains("not on the screen yet"), "{}", desk.toast());
        counts_once_seen(&mut desk);
    }
}

#[test]
fn every_question_that_a_key_confirms_has_to_be_seen() {
    let mut desk = unread();
    desk.keys("1");
    press(&mut desk, 'u');
    desk.pass(ms(1_000));
    press(&mut desk, 'y');
    desk.pass(ms(1_000));
    assert!(!desk.seen.iter().any(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
    take(&mut desk);
    desk.pass(ms(300));
    press(&mut desk, 'y');
    desk.pass(ms(100));
    assert!(desk.seen.iter().any(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
}

fn at_once(desk: &mut Desk, keys: &str) {
    for key in keys.chars() {
        press(desk, key);
    }
}

#[test]
fn a_burst_that_no_hand_types_confirms_nothing() {
    let started = || {
        let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        desk.pass(Duration::from_secs(1));
        desk
    };
    for burst in ["Xy", "xy", "xL", "X(1)y", "xyy", "xy\\"] {
        let mut desk = started();
        at_once(&mut desk, burst);
        desk.pass(Duration::from_secs(1));
        assert!(cancels(&desk).is_empty(), "{burst}");
    }
    // A question that stands open is not answered by the beginning of one either.
    let mut desk = started();
    desk.keys("x");
    desk.pass(Duration::from_secs(1));
    at_once(&mut desk, "yz");
    desk.pass(Duration::from_secs(1));
    assert!(cancels(&desk).is_empty());
    // One key at a time is a hand.
    desk.keys("y");
    assert_eq!(cancels(&desk), ["a"]);
}

#[test]
fn a_yes_belongs_to_the_question_it_answered() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1), order("b", "AAPL", Side::Buy, 10, 2)]);
    desk.keys("x");
    desk.pass(Duration::from_secs(1));
    desk.msg(Msg::Key(Chord::char('y')));
    // Before it counts the question is another one.
    desk.model.overlays.pop();
    let all = ["a", "b"].map(|id| OrderKey { link: paper(), order: id.into() });
    desk.model.overlays.push(Question::Cancel(all.to_vec()).into());
    desk.pass(Duration::from_secs(1));
    assert!(cancels(&desk).is_empty());
}

#[test]
fn a_click_right_after_a_key_confirms_nothing() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    let yes = || Msg::Mouse(Mouse::Click(HitTarget::Hint(Action::Confirm)));
    desk.keys("x");
    desk.msg(yes());
    desk.pass(Duration::from_secs(1));
    assert!(cancels(&desk).is_empty());
    desk.msg(yes());
    desk.pass(Duration::from_secs(1));
    assert_eq!(cancels(&desk), ["a"]);
}
