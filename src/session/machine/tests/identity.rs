//! Whose the picture is while the account itself does not answer.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);

impl Desk {
    /// The program ends and is started again on its journal, under this link.
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
        let mut desk = Self::live();
        desk.orders.push(order("o"));
        desk.execute("o", 40, true);
        desk.pass(Duration::from_mins(2));
        desk
    }
}

#[test]
fn a_fill_is_not_kept_back_because_the_account_does_not_answer() {
    for kind in [RequestErrorKind::Server, RequestErrorKind::Forbidden, RequestErrorKind::Decode] {
        let mut desk = Desk::with_a_fill();
        desk.fails = Some((ACCOUNT, kind.clone()));
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.pass(Duration::from_secs(2));
        desk.listen();
        desk.pass(Duration::from_secs(4));
        desk.execute("o", 20, true);
        assert_eq!(desk.held(), Qty::whole(60), "{kind:?}: {:?}", desk.session.state());
        assert!(!desk.session.state().is_live(), "the balances are missing");
        assert!(desk.session.state().reason().unwrap().starts_with("balances: "), "{:?}", desk.session.state());
        desk.fails = None;
        desk.pass(Duration::from_mins(1));
        assert!(desk.session.state().is_live(), "{:?}", desk.session.state());
    }
}

#[test]
fn after_a_restart_known_orders_tell_whose_the_lists_are() {
    let mut desk = Desk::with_a_fill();
    desk.positions.push(Position::unread("AAPL".into()));
    desk.fails = Some((ACCOUNT, RequestErrorKind::Forbidden));
    desk.restart("acct-1");
    desk.listen();
    desk.pass(Duration::from_mins(3));
    assert_eq!(desk.session.state().word(), "syncing", "what answers proves the token: {:?}", desk.session.state());
    desk.execute("o", 20, true);
    assert_eq!(desk.held(), Qty::whole(60), "{:?}", desk.session.state());
    assert!(desk.session.freshness(Part::Positions, desk.now.mono).current);
    assert!(desk.session.freshness(Part::Working, desk.now.mono).current);
    assert_eq!(desk.session.freshness(Part::Account, desk.now.mono).good, None);
}

#[test]
fn lists_that_name_nothing_known_are_not_shown_before_the_account_answers() {
    // Another account behind the token, a link to another than the journal's, and nothing known at all.
    for (linked, strangers) in [("acct-1", true), ("acct-9", false)] {
        let mut desk = Desk::with_a_fill();
        if strangers {
            (desk.orders, desk.rows) = (vec![order("stranger")], vec![]);
        }
        desk.positions.push(Position::unread("AAPL".into()));
        desk.fails = Some((ACCOUNT, RequestErrorKind::Server));
        desk.restart(linked);
        desk.listen();
        desk.pass(Duration::from_mins(3));
        let told = |output: &Output| matches!(output, Output::Changed(_) | Output::Positions(_));
        assert!(!desk.seen.iter().any(told), "{linked}: {:?}", desk.seen.iter().find(|output| told(output)));
        assert_eq!(desk.session.state().word(), "syncing");
        assert!(Part::ALL.into_iter().all(|part| desk.session.freshness(part, desk.now.mono).good.is_none()));
    }
}

#[test]
fn an_account_that_answers_late_is_live_within_seconds() {
    for failing in [10, 90] {
        let mut desk = Desk::with_a_fill();
        (desk.orders, desk.rows) = (vec![order("stranger")], vec![]);
        desk.fails = Some((ACCOUNT, RequestErrorKind::Server));
        desk.restart("acct-1");
        desk.listen();
        desk.pass(Duration::from_secs(failing));
        desk.fails = None;
        desk.pass(Duration::from_secs(10));
        assert!(desk.session.state().is_live(), "after {failing} s: {:?}", desk.session.state());
    }
}

#[test]
fn what_the_account_answered_before_a_connection_proves_nothing_of_it() {
    let mut desk = Desk::live();
    desk.stream(StreamEvent::Closed(Closed::Silent));
    desk.pass(Duration::from_secs(2));
    // The account was reset meanwhile, and does not answer; whose the updates are is not known.
    desk.fails = Some((ACCOUNT, RequestErrorKind::Server));
    desk.listen();
    desk.orders.push(order("new"));
    desk.execute("new", 40, true);
    desk.pass(Duration::from_secs(4));
    assert_eq!(desk.blotter.order_count(), 0, "{:?}", desk.session.state());
    (desk.account, desk.fails) = ("acct-2", None);
    desk.pass(Duration::from_mins(1));
    assert_eq!(desk.held(), Qty::whole(40), "{:?}", desk.session.state());
}

#[test]
fn one_answer_of_another_account_is_asked_again_and_ends_nothing() {
    for journal in [true, false] {
        let mut desk = if journal { Desk::with_a_fill() } else { Desk::new() };
        let ours = std::mem::replace(&mut desk.account, "acct-9");
        if journal {
            desk.restart("acct-1");
        } else {
            desk.session.belongs_to("acct-1".into(), false);
        }
        desk.listen();
        desk.pass(Duration::from_secs(3));
        assert_ne!(desk.session.state().word(), "needs relink");
        assert!(
            !desk
                .seen
                .iter()
                .any(|output| matches!(output, Output::Account(account) if account.id.as_str() == "acct-9"))
        );
        desk.account = ours;
        desk.pass(Duration::from_secs(20));
        assert!(desk.session.state().is_live(), "{journal}: {:?}", desk.session.state());
    }
}

#[test]
fn a_paper_account_was_reset_when_another_answers_again_and_again_and_not_when_one_does_once() {
    for seconds in [1, 60] {
        let mut desk = Desk::with_a_fill();
        desk.session.belongs_to("acct-1".into(), true);
        desk.positions.push(Position::unread("AAPL".into()));
        desk.pass(Duration::from_secs(70));
        assert!(desk.session.state().is_live());
        let before = desk.asked.iter().filter(|request| matches!(request, Request::Account)).count();
        let asked = |desk: &Desk| desk.asked.iter().filter(|request| matches!(request, Request::Account)).count();
        desk.account = "acct-2";
        while asked(&desk) == before {
            desk.pass(Duration::from_secs(1));
        }
        if seconds == 1 {
            desk.account = "acct-1";
        } else {
            desk.reset("acct-2");
        }
        desk.pass(Duration::from_mins(1));
        let reset = desk.logs().contains("reset at the broker");
        assert_eq!((reset, desk.blotter.order_count()), (seconds == 60, usize::from(seconds == 1)), "{}", desk.logs());
    }
}

#[test]
fn each_execution_of_a_reset_account_is_told_once_whenever_it_was_reset() {
    // Before anything asks for the account, while another one answers and is not believed yet, and long after.
    for after in [0, 9, 11, 14, 16, 17, 20, 60] {
        let mut desk = Desk::with_a_fill();
        desk.session.belongs_to("acct-1".into(), true);
        desk.positions.push(Position::unread("AAPL".into()));
        desk.pass(Duration::from_secs(70));
        desk.reset("acct-2");
        desk.seen.clear();
        desk.pass(Duration::from_secs(after));
        desk.orders.push(order("new"));
        let listens = !matches!(desk.session.phase, Phase::Opening);
        desk.execute("new", 1, listens);
        desk.execute("new", 6, listens);
        for _ in 0..20 {
            desk.pass(Duration::from_secs(5));
            if matches!(desk.session.phase, Phase::Opening) {
                desk.listen();
            }
        }
        assert!(
            desk.logs().contains("reset at the broker") && desk.session.state().is_live(),
            "{after}: {}",
            desk.logs()
        );
        let news = desk.seen.iter().map(|output| match output {
            Output::Changed(changes) => changes.executions.len(),
            _ => 0,
        });
        assert_eq!((news.sum::<usize>(), desk.held()), (2, Qty::whole(7)), "{after}: {}", desk.logs());
    }
}

/// Alpaca's numbers of paper accounts begin with `PA`, and a reset gives another of that kind.
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
        let mut desk = Desk { number: linked, ..Desk::new() };
        desk.positions.push(Position::unread("AAPL".into()));
        desk.session.belongs_to("acct-1".into(), true);
        desk.listen();
        desk.pass(Duration::from_secs(70));
        assert!(desk.session.state().is_live() && !desk.session.another_answers());
        (desk.account, desk.number) = ("acct-2", other);
        desk.pass(Duration::from_secs(30));
        assert_eq!(desk.session.another_answers(), !followed, "{linked:?} {other:?}");
        desk.pass(Duration::from_mins(3));
        let stopped = desk.session.state().word() == "needs relink";
        assert_eq!(
            (desk.logs().contains("reset at the broker"), stopped),
            (followed, !followed),
            "{linked:?} {other:?}"
        );
        let shown = |output: &Output| matches!(output, Output::Account(account) if account.id.as_str() == "acct-2");
        assert_eq!(desk.seen.iter().any(shown), followed);
    }
}

#[test]
fn an_account_is_known_by_its_number_or_by_its_id_where_none_is_told() {
    let known_as =
        |number: Option<&str>| Account { number: number.map(Into::into), ..account("id") }.known_as().to_owned();
    assert_eq!([known_as(Some("PA1")), known_as(Some("")), known_as(None)], ["PA1", "id", "id"]);
}
