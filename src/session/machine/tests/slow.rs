//! Slow answers: each part has an age of its own, and the state does not flap.

use super::*;

/// When an answer arrives: each one late by a time, or one after another.
#[derive(Debug, Clone, Copy)]
enum Pace {
    Late(Duration),
    OneIn(Duration),
}

impl Fixture {
    /// Lets time pass with answers at this pace; returns the sequence of states shown.
    fn pass_slowly(&mut self, pace: Pace, time: Duration) -> Vec<&'static str> {
        self.hangs = Some(|_| true);
        let (end, mut last) = (self.now.plus(time), self.now.mono);
        let mut words = vec![self.session.state().word()];
        let fresh = |fixture: &Self| {
            Part::ALL.map(|part| {
                let fresh = fixture.session.freshness(part, fixture.now.mono);
                (fresh.current, fresh.good.map(|good| good.mono))
            })
        };
        let mut before = fresh(self);
        loop {
            let answer = self.hung.first().map(|(failed, ..)| match pace {
                Pace::Late(late) => failed.0.checked_sub(TIMEOUT).map(Mono).unwrap() + late,
                Pace::OneIn(every) => last + every,
            });
            let answer = answer.map(|at| at.max(self.now.mono));
            let Some(at) = answer.into_iter().chain(self.session.deadline()).min().filter(|at| *at <= end.mono) else {
                break;
            };
            self.now = self.now.plus(at.since(self.now.mono));
            if answer == Some(at) {
                last = at;
                let (_, id, request) = self.hung.remove(0);
                let result = self.reply(&request);
                self.input(Input::Reply(id, result));
            } else {
                self.input(Input::Timeout);
            }
            let word = self.session.state().word();
            if words.last() != Some(&word) {
                words.push(word);
            }
            let now = fresh(self);
            for (part, (before, now)) in Part::ALL.into_iter().zip(before.into_iter().zip(now)) {
                let again = !before.0 && now.0 && before.1 == now.1;
                assert!(!again, "{pace:?}: {part} is current again without a newer answer at {at:?}");
            }
            before = now;
        }
        self.now = end;
        words
    }

    fn old(&self, part: Part) -> Duration {
        let good = self.session.freshness(part, self.now.mono).good.unwrap();
        self.now.mono.since(good.mono)
    }

    fn with_many_pages() -> Self {
        let mut fixture = Self::with_a_fill();
        fixture.page = 2;
        fixture.orders.extend((0..6).map(|number| order(&format!("n{number}"))));
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.pass(Duration::from_mins(2));
        assert!(fixture.session.state().is_live());
        fixture
    }
}

#[test]
fn a_broker_that_takes_seconds_to_answer_stays_live() {
    for seconds in [1, 3, 5, 8] {
        let mut fixture = Fixture::with_a_fill();
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.pass(Duration::from_mins(2));
        let words = fixture.pass_slowly(Pace::Late(Duration::from_secs(seconds)), Duration::from_mins(20));
        assert_eq!(words, ["live"], "{seconds} s: {}", fixture.logs());
    }
    for millis in [500, 1_000] {
        let mut fixture = Fixture::with_many_pages();
        let words = fixture.pass_slowly(Pace::OneIn(Duration::from_millis(millis)), Duration::from_mins(20));
        assert_eq!(words, ["live"], "an answer in {millis} ms: {}", fixture.logs());
    }
}

#[test]
fn a_part_that_waits_for_the_request_budget_is_not_current_until_it_is_answered() {
    for seconds in [10, 20, 45, 60] {
        let mut fixture = Fixture::with_many_pages();
        let words = fixture.pass_slowly(Pace::OneIn(Duration::from_secs(seconds)), Duration::from_mins(30));
        // Balances that are answered before the lists are overdue may make the state live once more.
        assert!(words.len() <= 4 && words.last() == Some(&"syncing"), "an answer in {seconds} s: {words:?}");
        fixture.thaw();
        fixture.pass(Duration::from_mins(3));
        assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
    }
}

#[test]
fn a_list_is_as_old_as_its_first_page() {
    let mut fixture = Fixture::with_many_pages();
    fixture.hangs = Some(|request| matches!(request, Request::Orders(query) if query.before_order_id.is_some()));
    while fixture.hung.is_empty() {
        fixture.pass(Duration::from_secs(1));
    }
    let asked = fixture.now.mono;
    fixture.pass(Duration::from_secs(12));
    fixture.thaw();
    let old = fixture.now.mono.since(asked);
    for part in [Part::Working, Part::Recent, Part::Executions] {
        assert!(
            fixture.old(part) >= old && fixture.old(part) < old + Duration::from_secs(2),
            "{part}: {:?}",
            fixture.old(part)
        );
    }
}

#[test]
fn a_broker_that_answers_is_not_reported_as_slow() {
    let mut fixture = Fixture::new();
    fixture.hangs = Some(|_| true);
    fixture.listen();
    for _ in 0..4 {
        // One request a second is answered, as if the program's own budget held them back.
        fixture.pass(Duration::from_secs(1));
        let (_, id, request) = fixture.hung.remove(0);
        let answer = fixture.reply(&request);
        fixture.input(Input::Reply(id, answer));
    }
    assert_eq!(fixture.session.state().word(), "syncing");
    assert!(reason(&fixture).starts_with("the broker is answering"), "{}", reason(&fixture));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(reason(&fixture), "the broker is slow to answer", "no answer for this long");
}
