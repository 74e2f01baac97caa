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
fn unread() -> Fixture {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.reads = false;
    fixture.pass(ms(1_000));
    fixture
}

/// One key, whenever it comes.
fn press(fixture: &mut Fixture, key: char) {
    fixture.msg(Msg::Key(Chord::char(key)));
}

/// The terminal takes the frame that is due.
fn take(fixture: &mut Fixture) {
    assert!(fixture.model.dirty, "a new question is drawn");
    fixture.model.dirty = false;
    let question = fixture.model.unseen_question().unwrap();
    fixture.msg(Msg::Shown { question });
}

/// The terminal takes the question, and a hand that has read it confirms.
fn counts_once_seen(fixture: &mut Fixture) {
    take(fixture);
    fixture.pass(ms(300));
    press(fixture, 'y');
    fixture.pass(ms(100));
    assert_eq!(cancels(fixture), ["a"]);
}

#[test]
fn a_question_that_never_reached_the_terminal_is_not_answered() {
    let mut fixture = unread();
    press(&mut fixture, 'X');
    for _ in 0..10 {
        fixture.pass(ms(2_000));
        press(&mut fixture, 'y');
        fixture.pass(ms(1_000));
        assert!(cancels(&fixture).is_empty());
        let early = fixture.toast().contains("not on the screen yet") && fixture.toast().contains("press again");
        assert!(early || fixture.toast().contains("Ctrl-z, then fg"), "{}", fixture.toast());
    }
    counts_once_seen(&mut fixture);
}

#[test]
fn a_terminal_that_never_confirms_the_question_shows_every_way_out() {
    let mut fixture = unread();
    press(&mut fixture, 'X');
    fixture.pass(ms(9_000));
    press(&mut fixture, 'y');
    assert!(
        fixture.toast().contains("not on the screen yet") && fixture.model.errors.is_empty(),
        "a far one takes its time"
    );
    fixture.pass(ms(1_000));
    press(&mut fixture, 'y');
    let error = fixture.model.errors.last().unwrap();
    for way in ["Ctrl-z, then fg", "restarting brokerdeck", "on the broker's own site"] {
        assert!(error.text.contains(way), "{}", error.text);
    }
    assert!(fixture.toast().contains("Ctrl-z, then fg"), "{}", fixture.toast());
    counts_once_seen(&mut fixture);
}

#[test]
fn a_yes_sooner_than_the_question_can_be_read_is_refused_in_words() {
    let mut fixture = unread();
    press(&mut fixture, 'X');
    fixture.pass(ms(5));
    take(&mut fixture);
    fixture.pass(ms(299));
    press(&mut fixture, 'y');
    fixture.pass(ms(500));
    assert!(cancels(&fixture).is_empty() && fixture.toast().contains("only just appeared"), "{}", fixture.toast());
    press(&mut fixture, 'y');
    fixture.pass(ms(100));
    assert_eq!(cancels(&fixture), ["a"]);
}

#[test]
fn words_typed_into_the_wrong_window_confirm_nothing() {
    for pace in [1, 20, 40, 90, 149] {
        let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        fixture.keys("x");
        fixture.pass(ms(1_000));
        for key in "hello y there y".chars() {
            press(&mut fixture, key);
            fixture.pass(ms(pace));
        }
        fixture.pass(ms(1_000));
        assert!(cancels(&fixture).is_empty(), "a key each {pace} ms");
    }
    // Nor does the first letter of input that continues at a machine's pace.
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.keys("x");
    fixture.pass(ms(1_000));
    for key in "yes".chars() {
        press(&mut fixture, key);
        fixture.pass(ms(40));
    }
    fixture.pass(ms(1_000));
    assert!(cancels(&fixture).is_empty());
}

#[test]
fn the_same_question_asked_again_has_to_be_seen_again() {
    let mut fixture = unread();
    press(&mut fixture, 'x');
    take(&mut fixture);
    let first = fixture.model.asking.as_ref().unwrap().number;
    fixture.pass(ms(1_000));
    press(&mut fixture, 'n');
    fixture.pass(ms(1_000));
    press(&mut fixture, 'x');
    // The old frame is confirmed late.
    fixture.msg(Msg::Shown { question: first });
    fixture.pass(ms(1_000));
    press(&mut fixture, 'y');
    fixture.pass(ms(1_000));
    assert!(cancels(&fixture).is_empty());
}

#[test]
fn a_terminal_that_was_another_programs_or_has_another_size_shows_no_question_yet() {
    let changes = [Msg::Redraw, Msg::Resize { cols: 20, rows: 5 }];
    for change in changes {
        let mut fixture = unread();
        press(&mut fixture, 'x');
        take(&mut fixture);
        fixture.pass(ms(1_000));
        // A yes that was typed meanwhile comes just before the news of it, or just after.
        press(&mut fixture, 'y');
        fixture.msg(change.clone());
        fixture.pass(ms(1_000));
        press(&mut fixture, 'y');
        fixture.pass(ms(1_000));
        assert!(cancels(&fixture).is_empty(), "{change:?}");
        assert!(fixture.toast().contains("not on the screen yet"), "{}", fixture.toast());
        counts_once_seen(&mut fixture);
    }
}

#[test]
fn every_question_that_a_key_confirms_has_to_be_seen() {
    let mut fixture = unread();
    fixture.keys("1");
    press(&mut fixture, 'u');
    fixture.pass(ms(1_000));
    press(&mut fixture, 'y');
    fixture.pass(ms(1_000));
    assert!(!fixture.seen.iter().any(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
    take(&mut fixture);
    fixture.pass(ms(300));
    press(&mut fixture, 'y');
    fixture.pass(ms(100));
    assert!(fixture.seen.iter().any(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
}

fn at_once(fixture: &mut Fixture, keys: &str) {
    for key in keys.chars() {
        press(fixture, key);
    }
}

#[test]
fn a_burst_that_no_hand_types_confirms_nothing() {
    let started = || {
        let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        fixture.pass(Duration::from_secs(1));
        fixture
    };
    for burst in ["Xy", "xy", "xL", "X(1)y", "xyy", "xy\\"] {
        let mut fixture = started();
        at_once(&mut fixture, burst);
        fixture.pass(Duration::from_secs(1));
        assert!(cancels(&fixture).is_empty(), "{burst}");
    }
    // Nor does the start of a burst answer an open question.
    let mut fixture = started();
    fixture.keys("x");
    fixture.pass(Duration::from_secs(1));
    at_once(&mut fixture, "yz");
    fixture.pass(Duration::from_secs(1));
    assert!(cancels(&fixture).is_empty());
    // One key at a time is a hand.
    fixture.keys("y");
    assert_eq!(cancels(&fixture), ["a"]);
}

#[test]
fn a_yes_belongs_to_the_question_it_answered() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1), order("b", "AAPL", Side::Buy, 10, 2)]);
    fixture.keys("x");
    fixture.pass(Duration::from_secs(1));
    fixture.msg(Msg::Key(Chord::char('y')));
    // Before it counts the question is another one.
    fixture.model.overlays.pop();
    let all = ["a", "b"].map(|id| OrderKey { link: paper(), order: id.into() });
    fixture.model.overlays.push(Question::Cancel(all.to_vec()).into());
    fixture.pass(Duration::from_secs(1));
    assert!(cancels(&fixture).is_empty());
}

#[test]
fn a_click_right_after_a_key_confirms_nothing() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    let yes = || Msg::Mouse(Mouse::Click(HitTarget::Hint(Action::Confirm)));
    fixture.keys("x");
    fixture.msg(yes());
    fixture.pass(Duration::from_secs(1));
    assert!(cancels(&fixture).is_empty());
    fixture.msg(yes());
    fixture.pass(Duration::from_secs(1));
    assert_eq!(cancels(&fixture), ["a"]);
}
