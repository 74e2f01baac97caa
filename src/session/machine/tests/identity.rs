//! Identifying the account while the account itself does not answer.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);

impl Fixture {
    /// Restarts the program with its journal, for this linked account.
    pub(super) fn restart(&mut self, linked: &str) {
        let (fills, orders) = self.session.watermark();
        let known = self.session.account.clone().unwrap();
        self.session = Session::new(8);
        self.session.belongs_to(linked.into(), true);
        self.session.resume_from(known, fills, orders);
        self.seen.clear();
        self.input(Input::Connect);
    }

    pub(super) fn with_a_fill() -> Self {
        let mut fixture = Self::live();
        fixture.orders.push(order("o"));
        fixture.execute("o", 40, true);
        fixture.pass(Duration::from_mins(2));
        fixture
    }
}

#[test]
fn a_fill_is_shown_even_if_the_account_does_not_answer() {
    for kind in [RequestErrorKind::Server, RequestErrorKind::Forbidden, RequestErrorKind::Decode] {
        let mut fixture = Fixture::with_a_fill();
        fixture.fails = Some((ACCOUNT, kind.clone()));
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.pass(Duration::from_secs(4));
        fixture.execute("o", 20, true);
        assert_eq!(fixture.held(), Qty::whole(60), "{kind:?}: {:?}", fixture.session.state());
        assert!(!fixture.session.state().is_live(), "the balances are missing");
        assert!(fixture.session.state().reason().unwrap().starts_with("balances: "), "{:?}", fixture.session.state());
        fixture.fails = None;
        fixture.pass(Duration::from_mins(1));
        assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
    }
}

#[test]
fn after_a_restart_known_orders_identify_the_account_of_the_lists() {
    let mut fixture = Fixture::with_a_fill();
    fixture.positions.push(Position::unread("AAPL".into()));
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Forbidden));
    fixture.restart("acct-1");
    fixture.listen();
    fixture.pass(Duration::from_mins(3));
    assert_eq!(
        fixture.session.state().word(),
        "syncing",
        "other answers prove the token: {:?}",
        fixture.session.state()
    );
    fixture.execute("o", 20, true);
    assert_eq!(fixture.held(), Qty::whole(60), "{:?}", fixture.session.state());
    let orders = fixture.session.freshness(Part::Working, fixture.now.mono);
    assert!(orders.good.is_some() && !orders.current && !orders.whole, "{orders:?}");
    assert_eq!(fixture.session.freshness(Part::Positions, fixture.now.mono).good, None, "nothing confirms positions");
    assert_eq!(fixture.session.freshness(Part::Account, fixture.now.mono).good, None);
}

#[test]
fn lists_without_a_known_order_are_not_shown_before_the_account_answers() {
    // Another account behind the token, and a link to another account than the journal's.
    for (linked, strangers) in [("acct-1", true), ("acct-9", false)] {
        let mut fixture = Fixture::with_a_fill();
        if strangers {
            (fixture.orders, fixture.rows) = (vec![order("stranger")], vec![]);
        }
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
        fixture.restart(linked);
        fixture.listen();
        fixture.pass(Duration::from_mins(3));
        let reported = |output: &Output| matches!(output, Output::Changed(_) | Output::Positions(_));
        assert!(
            !fixture.seen.iter().any(reported),
            "{linked}: {:?}",
            fixture.seen.iter().find(|output| reported(output))
        );
        assert_eq!(fixture.session.state().word(), "syncing");
        assert!(Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).good.is_none()));
    }
}

#[test]
fn an_account_that_answers_late_is_live_within_seconds() {
    for failing in [10, 90] {
        let mut fixture = Fixture::with_a_fill();
        (fixture.orders, fixture.rows) = (vec![order("stranger")], vec![]);
        fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
        fixture.restart("acct-1");
        fixture.listen();
        fixture.pass(Duration::from_secs(failing));
        fixture.fails = None;
        fixture.pass(Duration::from_secs(10));
        assert!(fixture.session.state().is_live(), "after {failing} s: {:?}", fixture.session.state());
    }
}

#[test]
fn an_answer_before_the_connection_does_not_identify_its_account() {
    let mut fixture = Fixture::live();
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.pass(Duration::from_secs(2));
    // The account was reset meanwhile and does not answer, so the updates cannot be attributed.
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
    fixture.listen();
    fixture.orders.push(order("new"));
    fixture.execute("new", 40, true);
    fixture.pass(Duration::from_secs(4));
    assert_eq!(fixture.blotter.order_count(), 0, "{:?}", fixture.session.state());
    (fixture.account, fixture.fails) = ("acct-2", None);
    fixture.pass(Duration::from_mins(1));
    assert_eq!(fixture.held(), Qty::whole(40), "{:?}", fixture.session.state());
}

#[test]
fn one_answer_of_another_account_is_checked_again_and_ends_nothing() {
    for journal in [true, false] {
        let mut fixture = if journal { Fixture::with_a_fill() } else { Fixture::new() };
        let ours = std::mem::replace(&mut fixture.account, "acct-9");
        if journal {
            fixture.restart("acct-1");
        } else {
            fixture.session.belongs_to("acct-1".into(), false);
        }
        fixture.listen();
        fixture.pass(Duration::from_secs(3));
        assert_ne!(fixture.session.state().word(), "needs relink");
        assert!(
            !fixture
                .seen
                .iter()
                .any(|output| matches!(output, Output::Account(account) if account.id.as_str() == "acct-9"))
        );
        fixture.account = ours;
        fixture.pass(Duration::from_secs(20));
        assert!(fixture.session.state().is_live(), "{journal}: {:?}", fixture.session.state());
    }
}

#[test]
fn a_paper_account_counts_as_reset_only_if_another_one_keeps_answering() {
    for seconds in [1, 60] {
        let mut fixture = Fixture::with_a_fill();
        fixture.session.belongs_to("acct-1".into(), true);
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.pass(Duration::from_secs(70));
        assert!(fixture.session.state().is_live());
        let before = fixture.asked.iter().filter(|request| matches!(request, Request::Account)).count();
        let asked =
            |fixture: &Fixture| fixture.asked.iter().filter(|request| matches!(request, Request::Account)).count();
        fixture.account = "acct-2";
        while asked(&fixture) == before {
            fixture.pass(Duration::from_secs(1));
        }
        if seconds == 1 {
            fixture.account = "acct-1";
        } else {
            fixture.reset("acct-2");
        }
        fixture.pass(Duration::from_mins(1));
        let reset = fixture.logs().contains("reset at the broker");
        assert_eq!(
            (reset, fixture.blotter.order_count()),
            (seconds == 60, usize::from(seconds == 1)),
            "{}",
            fixture.logs()
        );
    }
}

#[test]
fn each_execution_of_a_reset_account_is_reported_once_whenever_the_reset_happens() {
    // Before anything requests the account, while another one answers and is not believed yet, and long after.
    for after in [0, 9, 11, 14, 16, 17, 20, 60] {
        let mut fixture = Fixture::with_a_fill();
        fixture.session.belongs_to("acct-1".into(), true);
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.pass(Duration::from_secs(70));
        fixture.reset("acct-2");
        fixture.seen.clear();
        fixture.pass(Duration::from_secs(after));
        fixture.orders.push(order("new"));
        let listens = !matches!(fixture.session.phase, Phase::Opening);
        fixture.execute("new", 1, listens);
        fixture.execute("new", 6, listens);
        for _ in 0..20 {
            fixture.pass(Duration::from_secs(5));
            if matches!(fixture.session.phase, Phase::Opening) {
                fixture.listen();
            }
        }
        assert!(
            fixture.logs().contains("reset at the broker") && fixture.session.state().is_live(),
            "{after}: {}",
            fixture.logs()
        );
        let news = fixture.seen.iter().map(|output| match output {
            Output::Changed(changes) => changes.executions.len(),
            _ => 0,
        });
        assert_eq!((news.sum::<usize>(), fixture.held()), (2, Qty::whole(7)), "{after}: {}", fixture.logs());
    }
}

/// Alpaca's numbers of paper accounts begin with `PA`, and so does the number after a reset.
#[test]
fn a_paper_account_is_not_followed_to_a_number_of_another_kind() {
    let cases = [
        (Some("PA1"), Some("PA2"), true),
        (Some("PA1"), Some("123456789"), false),
        (Some("PA1"), None, false),
        (Some("7"), Some("8"), true),
        (Some("7"), Some("PA8"), false),
        (None, None, true),
    ];
    for (linked, other, followed) in cases {
        let mut fixture = Fixture { number: linked, ..Fixture::new() };
        fixture.positions.push(Position::unread("AAPL".into()));
        fixture.session.belongs_to("acct-1".into(), true);
        fixture.listen();
        fixture.pass(Duration::from_secs(70));
        assert!(fixture.session.state().is_live() && !fixture.session.another_answers());
        (fixture.account, fixture.number) = ("acct-2", other);
        fixture.pass(Duration::from_secs(30));
        assert_eq!(fixture.session.another_answers(), !followed, "{linked:?} {other:?}");
        fixture.pass(Duration::from_mins(3));
        let stopped = fixture.session.state().word() == "needs relink";
        assert_eq!(
            (fixture.logs().contains("reset at the broker"), stopped),
            (followed, !followed),
            "{linked:?} {other:?}"
        );
        let shown = |output: &Output| matches!(output, Output::Account(account) if account.id.as_str() == "acct-2");
        assert_eq!(fixture.seen.iter().any(shown), followed);
    }
}

#[test]
fn an_account_is_known_by_its_number_or_else_by_its_id() {
    let known_as =
        |number: Option<&str>| Account { number: number.map(Into::into), ..account("id") }.known_as().to_owned();
    assert_eq!([known_as(Some("PA1")), known_as(Some("")), known_as(None)], ["PA1", "id", "id"]);
}
