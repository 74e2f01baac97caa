//! The token turns to another account, and what that one answers is not believed.

use super::*;
use crate::domain::disabled_rule::{DisabledRule, leave_out};

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
const OPEN: Wanted = |request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open);
const RECENT: Wanted = |request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::All);
const FILLS: Wanted = |request| matches!(request, Request::Activities(_));

/// What a fixture holds of its account.
type Whole = (&'static str, Vec<Order>, Vec<Activity>, Vec<Position>);

impl Fixture {
    /// From now on another account answers, with an order, an execution and a position of its own.
    pub(super) fn turn(&mut self) {
        self.reset("acct-9");
        self.orders.push(order("stranger"));
        self.execute("stranger", 5, false);
        self.positions = vec![Position::unread("XPOS".into())];
    }

    fn ours(&self) -> Whole {
        (self.account, self.orders.clone(), self.rows.clone(), self.positions.clone())
    }

    fn turn_back(&mut self, ours: Whole) {
        self.before -= ours.2.len();
        (self.account, self.orders, self.rows, self.positions) = ours;
    }

    /// A linked account with an executed order and a position, followed by the stream or polled.
    fn followed(polling: bool) -> Self {
        let mut fixture = Self::with_a_fill();
        fixture.session.belongs_to("acct-1".into(), false);
        fixture.positions = vec![Position::unread("AAPL".into())];
        if polling {
            fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        }
        fixture.pass(Duration::from_secs(70));
        assert_eq!(fixture.session.identity(), Identity::Linked);
        fixture
    }

    fn age_of(&self, part: Part) -> Duration {
        self.now.mono.since(self.session.freshness(part, self.now.mono).good.unwrap().mono)
    }

    /// Nothing of the other account was shown at any time.
    fn shows_nothing_strange(&self, case: &str) {
        let strange = |output: &&Output| match output {
            Output::Account(account) => account.id.as_str() == "acct-9",
            Output::Positions(positions) => positions.iter().any(|position| position.symbol.as_str() == "XPOS"),
            Output::Changed(changes) => changes.orders.iter().any(|id| id.as_str() == "stranger"),
            _ => false,
        };
        assert_eq!(self.seen.iter().find(strange), None, "{case}: {}", self.logs());
        assert!(self.blotter.order(&"stranger".into()).is_none(), "{case}: {}", self.logs());
        assert!(self.blotter.executions().all(|row| row.order_id.as_str() != "stranger"), "{case}: {}", self.logs());
    }
}

#[test]
fn nothing_is_shown_of_an_account_to_which_the_token_turns_while_the_account_does_not_answer() {
    let limited = RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(20)) };
    for polling in [false, true] {
        for kind in [None, Some(RequestErrorKind::Server), Some(RequestErrorKind::NotFound), Some(limited.clone())] {
            let case = format!("polling {polling}, {kind:?}");
            let mut fixture = Fixture::followed(polling);
            match kind {
                None => fixture.hangs = Some(ACCOUNT),
                Some(kind) => fixture.fails = Some((ACCOUNT, kind)),
            }
            fixture.turn();
            fixture.pass(Duration::from_secs(400));
            fixture.shows_nothing_strange(&case);
            assert!(fixture.age_of(Part::Positions) >= Duration::from_secs(400), "{case}: the old list keeps its age");
            assert!(!fixture.session.state().is_live(), "{case}");
            assert_eq!(fixture.held(), Qty::whole(40), "{case}");
        }
    }
}

#[test]
fn nothing_is_shown_of_an_account_to_which_the_token_turns_within_a_round_of_requests() {
    for polling in [false, true] {
        for (number, turns) in [OPEN, RECENT, FILLS, POSITIONS, ACCOUNT].into_iter().enumerate() {
            let case = format!("polling {polling}, request {number}");
            let mut fixture = Fixture::followed(polling);
            fixture.turns = Some(turns);
            fixture.pass(Duration::from_secs(330));
            assert_eq!(fixture.account, "acct-9", "{case}");
            fixture.shows_nothing_strange(&case);
            fixture.pass(Duration::from_mins(3));
            fixture.shows_nothing_strange(&case);
            assert_eq!(fixture.session.state().word(), "needs relink", "{case}");
        }
    }
}

#[test]
fn nothing_is_shown_of_an_account_to_which_the_token_turns_during_a_first_start_or_a_reconnection() {
    for known in [false, true] {
        for (number, turns) in [OPEN, RECENT, FILLS, POSITIONS].into_iter().enumerate() {
            let case = format!("known {known}, request {number}");
            let mut fixture = if known { Fixture::followed(false) } else { Fixture::new() };
            fixture.session.belongs_to("acct-1".into(), false);
            if known {
                fixture.stream(StreamEvent::Closed(Closed::Silent));
                fixture.pass(Duration::from_secs(2));
            }
            fixture.turns = Some(turns);
            fixture.listen();
            fixture.pass(Duration::from_secs(4));
            assert_eq!(fixture.account, "acct-9", "{case}");
            fixture.shows_nothing_strange(&case);
            fixture.pass(Duration::from_mins(3));
            fixture.shows_nothing_strange(&case);
        }
    }
}

#[test]
fn answers_are_taken_again_when_the_token_turns_back() {
    for turns in [OPEN, RECENT, FILLS, POSITIONS] {
        for polling in [false, true] {
            let mut fixture = Fixture::followed(polling);
            fixture.orders.push(order("later"));
            fixture.execute("o", 20, false);
            let ours = fixture.ours();
            fixture.turns = Some(turns);
            while fixture.account == "acct-1" {
                fixture.pass(Duration::from_secs(1));
            }
            fixture.turn_back(ours);
            fixture.pass(Duration::from_secs(80));
            fixture.shows_nothing_strange("back");
            assert_eq!((fixture.held(), fixture.blotter.order_count()), (Qty::whole(60), 2), "{}", fixture.logs());
            assert!(fixture.age_of(Part::Positions) < Duration::from_secs(20));
        }
    }
}

#[test]
fn known_orders_are_followed_for_as_long_as_the_account_does_not_answer() {
    for polling in [false, true] {
        for kind in [None, Some(RequestErrorKind::Server), Some(RequestErrorKind::Forbidden)] {
            let case = format!("polling {polling}, {kind:?}");
            let mut fixture = Fixture::followed(polling);
            match kind {
                None => fixture.hangs = Some(ACCOUNT),
                Some(kind) => fixture.fails = Some((ACCOUNT, kind)),
            }
            for round in 1..=5 {
                fixture.execute("o", 5, false);
                fixture.pass(Duration::from_secs(if polling { 26 } else { 80 }));
                assert_eq!(fixture.held(), Qty::whole(40 + 5 * round), "{case}: {}", fixture.logs());
                if !polling && !fixture.session.follows() {
                    fixture.listen();
                }
            }
            let orders = fixture.session.freshness(Part::Working, fixture.now.mono);
            assert!(!orders.current && !orders.whole, "{case}: {orders:?}");
            fixture.fails = None;
            fixture.thaw();
            fixture.pass(Duration::from_secs(80));
            let all = Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).current);
            assert!(all, "{case}: {:?}", fixture.session.state());
        }
    }
}

#[test]
fn a_list_that_names_a_known_order_is_whole_although_the_account_does_not_answer() {
    let mut fixture = Fixture::followed(true);
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
    fixture.orders.push(order("new"));
    fixture.execute("new", 7, false);
    fixture.pass(Duration::from_secs(20));
    assert_eq!((fixture.held(), fixture.blotter.order_count()), (Qty::whole(47), 2), "{}", fixture.logs());
    assert!(reason(&fixture).contains("the account did not confirm these answers"), "{}", reason(&fixture));
}

#[test]
fn a_reset_paper_account_is_followed_wherever_the_reset_falls_in_a_round_of_requests() {
    for polling in [false, true] {
        for turns in [OPEN, RECENT, FILLS, POSITIONS, ACCOUNT] {
            let mut fixture = Fixture::followed(polling);
            fixture.session.belongs_to("acct-1".into(), true);
            fixture.pass(Duration::from_secs(70));
            fixture.turns = Some(turns);
            for _ in 0..400 {
                fixture.pass(Duration::from_secs(1));
                if matches!(fixture.session.phase, Phase::Opening) {
                    fixture.listen();
                }
            }
            assert!(fixture.logs().contains("reset at the broker"), "{}", fixture.logs());
            assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
            let orders: Vec<_> = fixture.blotter.orders().map(|order| order.id.to_string()).collect();
            assert_eq!((orders, fixture.held()), (vec!["stranger".to_owned()], Qty::whole(5)), "{}", fixture.logs());
        }
    }
}

#[test]
fn what_the_account_has_not_confirmed_is_dropped_with_its_connection() {
    for input in [Input::Pause, Input::Connect] {
        let mut fixture = Fixture::followed(true);
        fixture.hangs = Some(ACCOUNT);
        fixture.orders.push(order("new"));
        (fixture.rows, fixture.positions) = (Vec::new(), vec![Position::unread("NEW".into())]);
        fixture.orders.retain(|order| order.id.as_str() == "new");
        fixture.pass(Duration::from_secs(7));
        assert!(fixture.session.proofs.holds_pass());
        fixture.input(input.clone());
        fixture.thaw();
        assert!(fixture.blotter.order(&"new".into()).is_none(), "{input:?}");
        assert!(!fixture.session.proofs.holds_pass(), "{input:?}");
    }
}

#[test]
fn an_account_that_answers_late_confirms_what_arrived_before_it_was_asked() {
    let mut fixture = Fixture::followed(true);
    fixture.hangs = Some(ACCOUNT);
    fixture.orders = vec![order("new")];
    fixture.rows.clear();
    fixture.pass(Duration::from_secs(10));
    assert!(fixture.blotter.order(&"new".into()).is_none());
    fixture.thaw();
    assert!(fixture.blotter.order(&"new".into()).is_some(), "{}", fixture.logs());
}

#[test]
fn one_failure_of_the_account_costs_a_second() {
    let mut fixture = Fixture::followed(true);
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Network));
    fixture.orders = vec![order("new")];
    fixture.rows.clear();
    while !fixture.session.proofs.holds_pass() {
        fixture.pass(Duration::from_millis(100));
    }
    fixture.fails = None;
    fixture.pass(Duration::from_secs(1));
    assert!(fixture.blotter.order(&"new".into()).is_some(), "{}", fixture.logs());
}

#[test]
fn confirmations_cost_no_more_requests() {
    for polling in [false, true] {
        let asked = |rule| {
            leave_out(rule);
            let mut fixture = Fixture::followed(polling);
            let before = fixture.asked.len();
            fixture.pass(Duration::from_mins(10));
            leave_out(None);
            fixture.asked.len() - before
        };
        let (without, with) = (asked(Some(DisabledRule::Confirm)), asked(None));
        assert!(with <= without, "polling {polling}: {with} requests, {without} without the rule");
    }
}

impl Fixture {
    /// A pass over many pages of executions, ten seconds each. If it is `turned`, another account answers the other lists.
    /// Positions are refused, so that only the pass waits for the account.
    fn long_pass(&mut self, pages: u32, turned: bool, hangs: Wanted) {
        self.page = 1;
        for _ in 0..30 {
            self.execute("o", 1, false);
        }
        let ours = self.ours();
        self.turns = turned.then_some(OPEN);
        self.fails = Some((POSITIONS, RequestErrorKind::Refused));
        self.hangs = Some(FILLS);
        self.input(Input::Resync);
        self.listen();
        self.hangs = Some(hangs);
        if turned {
            self.turn_back(ours);
        }
        for _ in 0..pages {
            self.pass(Duration::from_secs(10));
            self.answer_rows();
        }
        assert!(self.session.resync.is_some(), "{}", self.logs());
    }

    /// Answers the request for executions that hangs.
    fn answer_rows(&mut self) {
        let (rows, rest): (Vec<_>, _) =
            std::mem::take(&mut self.hung).into_iter().partition(|(.., asked)| FILLS(asked));
        self.hung = rest;
        for (_, id, request) in rows {
            let result = self.reply(&request);
            self.input(Input::Reply(id, result));
        }
    }
}

const ACCOUNT_AND_FILLS: Wanted = |request| matches!(request, Request::Account | Request::Activities(_));

#[test]
fn an_account_that_answers_long_after_the_lists_does_not_confirm_them() {
    for during_the_pass in [true, false] {
        let mut fixture = Fixture::followed(false);
        if during_the_pass {
            fixture.long_pass(18, true, ACCOUNT_AND_FILLS);
            fixture.hangs = Some(FILLS);
            fixture.pass(Duration::from_secs(9));
        } else {
            fixture.long_pass(14, true, ACCOUNT_AND_FILLS);
            fixture.hangs = Some(ACCOUNT);
            fixture.answer_rows();
            fixture.pass(Duration::from_secs(14));
        }
        fixture.thaw();
        fixture.pass(Duration::from_secs(1));
        fixture.fails = None;
        fixture.shows_nothing_strange("at the end of the pass");
        fixture.pass(Duration::from_mins(3));
        fixture.shows_nothing_strange("later");
        assert!(fixture.session.state().is_live());
        assert_eq!(fixture.held(), fixture.blotter.order(&"o".into()).unwrap().cum_qty);
    }
}

#[test]
fn a_long_pass_is_confirmed_by_an_account_that_answers_meanwhile() {
    // The account answers all the time, or only at the end of a pass that is not too long.
    for (pages, hangs) in [(18, FILLS), (8, ACCOUNT_AND_FILLS)] {
        let mut fixture = Fixture::followed(false);
        fixture.orders.push(Order { status: OrderStatus::Canceled, ..order("new") });
        fixture.long_pass(pages, false, hangs);
        fixture.thaw();
        fixture.pass(Duration::from_secs(1));
        assert!(!fixture.logs().contains("could not be fetched"), "{}", fixture.logs());
        assert!(fixture.blotter.order(&"new".into()).is_some(), "{}", fixture.logs());
    }
}

#[test]
fn an_order_known_only_from_a_frame_proves_nothing_until_the_account_answers() {
    let turned = || {
        let mut fixture = Fixture::followed(false);
        fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
        fixture.turn();
        fixture.reported(TradeEvent::New, order("framed"));
        fixture.orders.push(order("framed"));
        fixture
    };
    let mut fixture = turned();
    fixture.pass(Duration::from_mins(3));
    assert!(fixture.blotter.order(&"framed".into()).is_some(), "the frame itself is shown");
    fixture.shows_nothing_strange("named beside an order of the stream");
    // The linked account answers again: the order of the frame counts as its own, as SECURITY.md says.
    fixture.fails = None;
    fixture.account = "acct-1";
    fixture.orders.retain(|order| order.id.as_str() == "framed");
    fixture.orders[0].cum_qty = Qty::whole(3);
    fixture.rows.clear();
    fixture.pass(Duration::from_mins(2));
    let framed = fixture.blotter.order(&"framed".into()).unwrap();
    assert_eq!(framed.cum_qty, Qty::whole(3), "{}", fixture.logs());
}

#[test]
fn an_order_of_the_stream_is_followed_by_rest_although_the_account_fails_if_an_answer_names_a_confirmed_one_too() {
    let mut fixture = Fixture::followed(false);
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
    fixture.reported(TradeEvent::New, order("framed"));
    fixture.orders.push(order("framed"));
    fixture.execute("framed", 3, false);
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.held(), Qty::whole(43), "{}", fixture.logs());
}

#[test]
fn a_failing_account_is_requested_every_few_seconds_and_costs_nothing_else() {
    for polling in [false, true] {
        for kind in [RequestErrorKind::Server, RequestErrorKind::Network, RequestErrorKind::Decode] {
            let mut fixture = Fixture::followed(polling);
            let requests = |fixture: &mut Fixture| {
                let before = fixture.asked.len();
                fixture.pass(Duration::from_mins(5));
                let (account, rest): (Vec<_>, Vec<_>) = fixture.asked.drain(before..).partition(ACCOUNT);
                (account.len(), rest.len())
            };
            let (_, sound) = requests(&mut fixture);
            fixture.fails = Some((ACCOUNT, kind.clone()));
            let (account, rest) = requests(&mut fixture);
            assert!(account <= 5 * 13, "polling {polling}, {kind:?}: {account} requests of the account");
            assert!(rest <= sound + 10, "polling {polling}, {kind:?}: {rest} other requests, {sound} before");
        }
    }
}

#[test]
fn what_the_account_did_not_confirm_is_fetched_again_as_soon_as_it_answers() {
    for polling in [false, true] {
        let mut fixture = Fixture::followed(polling);
        fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
        (fixture.orders, fixture.rows) = (vec![order("new")], Vec::new());
        fixture.before = 1;
        fixture.positions = vec![Position::unread("NEW".into())];
        fixture.pass(Duration::from_mins(4));
        assert!(fixture.blotter.order(&"new".into()).is_none(), "nothing confirms it");
        fixture.fails = None;
        fixture.pass(Duration::from_secs(6));
        assert!(fixture.blotter.order(&"new".into()).is_some(), "polling {polling}: {}", fixture.logs());
        let all = Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).current);
        assert!(all, "polling {polling}: {:?}", fixture.session.state());
    }
}

#[test]
fn positions_that_agree_with_the_executions_are_taken_although_the_account_fails() {
    let position = |symbol: &str, qty: i64| Position { qty: Some(Qty::whole(qty)), ..Position::unread(symbol.into()) };
    for (case, now, taken) in [
        ("as before", vec![position("AAPL", 40), position("MSFT", 7)], true),
        ("with the execution since", vec![position("AAPL", 45), position("MSFT", 7)], true),
        ("with more than was executed", vec![position("AAPL", 46), position("MSFT", 7)], false),
        ("one is gone", vec![position("AAPL", 45)], false),
        ("one is new", vec![position("AAPL", 45), position("MSFT", 7), position("X", 1)], false),
        ("none", vec![], false),
        ("unreadable", vec![Position::unread("AAPL".into()), position("MSFT", 7)], false),
    ] {
        for polling in [false, true] {
            let mut fixture = Fixture::followed(polling);
            fixture.positions = vec![position("AAPL", 40), position("MSFT", 7)];
            fixture.pass(Duration::from_secs(70));
            fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
            fixture.pass(Duration::from_secs(20));
            fixture.execute("o", 5, !polling);
            fixture.pass(Duration::from_secs(20));
            fixture.positions.clone_from(&now);
            fixture.pass(Duration::from_mins(1));
            let fresh = fixture.age_of(Part::Positions) < Duration::from_secs(30);
            assert_eq!(fresh, taken, "{case}, polling {polling}: {:?}", fixture.session.state());
        }
    }
}
