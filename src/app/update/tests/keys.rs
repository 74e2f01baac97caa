use super::*;
use crate::app::TerminalEffect;
use crate::app::availability::availability;
use crate::app::keymap::{Action, BINDINGS, Reason};
use crate::app::model::AccountScope;
use crate::app::msg::{HitTarget, Mouse};
use crate::app::overlays::{AddBroker, Help, OrderDetail, Overlay, Palette};

#[test]
fn panes_are_reached_by_digit_and_by_tab() {
    let mut fixture = Fixture::two();
    fixture.keys("5 tab");
    assert_eq!(fixture.model.focus, Pane::Brokers);
    fixture.keys("shift-tab");
    assert_eq!(fixture.model.focus, Pane::Tape);
    fixture.keys("2");
    assert_eq!(fixture.model.focus, Pane::Account);
}

#[test]
fn q_quits_ctrl_c_quits_from_anywhere_and_a_signal_has_its_code() {
    for (words, code) in [("q", 0), (": ctrl-c", 0), ("/ ctrl-c", 0), ("? ctrl-c", 0), ("a a ctrl-c", 0)] {
        let mut fixture = Fixture::two();
        fixture.keys(words);
        assert_eq!(fixture.model.exit, Some(code), "{words}");
        assert!(
            fixture.saw(&Effect::Quit { code })
                && fixture.saw(&Effect::Account(AccountEffect::CloseStream { link: paper() }))
        );
    }
    let mut fixture = Fixture::two();
    fixture.msg(Msg::Terminate { signal: 15 });
    assert_eq!(fixture.model.exit, Some(143));
}

#[test]
fn letters_typed_into_a_field_are_not_commands() {
    let mut fixture = Fixture::two();
    fixture.keys("/");
    fixture.text("q?:zE");
    assert_eq!((fixture.model.exit, fixture.model.overlays.len()), (None, 0));
    assert_eq!(fixture.model.rows.orders.filter, "q?:zE");
}

#[test]
fn escape_never_destroys() {
    // Whatever lies over whatever: escaping often enough ends at the panes, with everything still there.
    let ways = [
        ": esc",
        "? / x esc esc",
        "enter esc",
        "/ a p enter esc",
        "1 u esc",
        "E",
        "z",
        "space",
        "1 enter",
        "2 enter",
        "x",
    ];
    for way in ways {
        let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        fixture.msg(Msg::Trouble("something".to_owned()));
        fixture.keys(way);
        fixture.keys("esc esc esc esc esc");
        assert!(fixture.model.overlays.is_empty() && fixture.model.exit.is_none(), "{way}");
        assert_eq!(
            (fixture.model.accounts.len(), fixture.shown().len(), fixture.model.errors.len()),
            (1, 1, 1),
            "{way}"
        );
        let destroying = |effect: &Effect| {
            matches!(effect, Effect::Account(AccountEffect::Unlink { .. }) | Effect::Quit { .. })
                || matches!(effect, Effect::Account(AccountEffect::Request { request: Request::CancelOrder(_), .. }))
        };
        assert!(!fixture.seen.iter().any(destroying), "{way}");
    }
}

#[test]
fn every_unavailable_key_shows_its_reason() {
    let mut fixture = Fixture::empty();
    for pane in Pane::ALL {
        for binding in BINDINGS {
            fixture.model.focus = pane;
            fixture.model.overlays.clear();
            fixture.model.filtering = None;
            fixture.model.toasts.clear();
            let Err(reason) = availability(binding.action, &fixture.model) else { continue };
            fixture.msg(Msg::Mouse(Mouse::Click(HitTarget::Hint(binding.action))));
            assert_eq!(fixture.toast(), reason.0, "{:?} in {pane:?}", binding.action);
        }
    }
}

#[test]
fn no_key_claims_an_empty_list_before_anything_is_known() {
    let mut fixture = Fixture::empty();
    fixture.refuse = Some(RequestErrorKind::Forbidden);
    fixture.begin(&[link("paper", Environment::Paper)]);
    for pane in [Pane::Orders, Pane::Positions, Pane::Tape] {
        fixture.model.focus = pane;
        for binding in BINDINGS {
            let Err(Reason(why)) = availability(binding.action, &fixture.model) else { continue };
            let denies =
                ["there is no order", "there is no position", "there is no row", "nothing has", "there are no"];
            let empty = why == "the list is empty" || denies.iter().any(|words| why.starts_with(words));
            assert!(!empty, "{:?} in {pane:?}: {why}", binding.action);
        }
        assert_eq!(availability(Action::Detail, &fixture.model), Err(Reason("unknown: refused".to_owned())));
    }
    let mut fixture = Fixture::empty();
    fixture.begin(&[link("paper", Environment::Paper)]);
    fixture.model.focus = Pane::Tape;
    assert_eq!(availability(Action::Detail, &fixture.model), Err(Reason("no events".to_owned())));
}

#[test]
fn help_opens_over_a_search_and_is_narrowed() {
    let mut fixture = Fixture::two();
    fixture.keys("? /");
    fixture.text("zoom");
    fixture.keys("enter");
    let Some(Overlay::Help(Help { query, typing, .. })) = fixture.model.top() else { panic!("help is open") };
    assert_eq!((query.value(), *typing), ("zoom", false));
    fixture.keys("esc");
    assert!(matches!(fixture.model.top(), Some(Overlay::Help(Help { query, .. })) if query.value().is_empty()));
    fixture.keys("q");
    assert!(fixture.model.overlays.is_empty() && fixture.model.exit.is_none());
}

#[test]
fn scrolling_ends_where_the_view_says() {
    let mut fixture = Fixture::two();
    fixture.keys("? j j G");
    fixture.msg(Msg::Drawn(crate::app::model::Extent { overlay_end: 5, ..Default::default() }));
    let scroll = |fixture: &Fixture| match fixture.model.top() {
        Some(Overlay::Help(Help { scroll, .. })) => *scroll,
        _ => panic!("help is open"),
    };
    assert_eq!(scroll(&fixture), 5);
    fixture.keys("k");
    assert_eq!(scroll(&fixture), 4);
    fixture.keys("ctrl-d ctrl-d");
    assert_eq!(scroll(&fixture), 5);
}

#[test]
fn the_palette_finds_actions_accounts_and_symbols() {
    let mut fixture = Fixture::two();
    fixture.tell(&paper(), TradeEvent::New, order("a", "NVDA", Side::Buy, 10, 1), None);
    fixture.keys(":");
    fixture.text("zoom");
    fixture.keys("esc :");
    fixture.text("show real");
    fixture.keys("enter");
    assert_eq!(fixture.model.scope, AccountScope::One(real()));
    fixture.keys("[ :");
    fixture.text("nvda");
    fixture.keys("enter");
    assert_eq!(fixture.model.rows.orders.filter, "symbol:NVDA");
    assert_eq!(fixture.shown(), ["a"]);
    fixture.keys(":");
    fixture.text("quit");
    fixture.keys("enter");
    assert_eq!(fixture.model.exit, Some(0));
}

#[test]
fn the_palette_says_why_an_entry_cannot_act_and_stays_open() {
    let mut fixture = Fixture::two();
    fixture.keys(":");
    fixture.text("ask to cancel");
    fixture.keys("enter");
    assert!(matches!(fixture.model.top(), Some(Overlay::Palette(Palette { .. }))));
    assert!(fixture.toast().contains("no order"), "{}", fixture.toast());
}

#[test]
fn accounts_are_switched_and_shown_together() {
    let mut fixture = Fixture::two();
    fixture.tell(&paper(), TradeEvent::New, order("p", "AAPL", Side::Buy, 10, 1), None);
    fixture.tell(&real(), TradeEvent::New, order("r", "AAPL", Side::Buy, 10, 2), None);
    assert_eq!(fixture.shown(), ["p"]);
    fixture.keys("]");
    assert_eq!(fixture.shown(), ["r"]);
    fixture.keys("0");
    assert_eq!(fixture.shown(), ["r", "p"]);
    fixture.keys("0");
    assert_eq!(fixture.model.scope, AccountScope::One(real()));
    fixture.keys("1 k");
    assert_eq!(fixture.model.scope, AccountScope::One(paper()), "the broker row chooses its account");
}

#[test]
fn a_click_selects_a_second_click_opens_and_the_wheel_moves() {
    let orders: Vec<Order> = (0..5).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, 10, n)).collect();
    let mut fixture = Fixture::holding(&orders);
    let click = |row| Msg::Mouse(Mouse::Click(HitTarget::Row(Pane::Orders, row)));
    fixture.msg(click(2));
    assert_eq!(fixture.selected(), "o2");
    assert!(fixture.model.overlays.is_empty());
    fixture.msg(click(2));
    assert!(matches!(fixture.model.top(), Some(Overlay::OrderDetail(OrderDetail { .. }))));
    fixture.msg(click(0));
    assert_eq!(fixture.selected(), "o2", "below an overlay nothing is touched");
    fixture.keys("esc");
    fixture.msg(Msg::Mouse(Mouse::Wheel { target: HitTarget::Pane(Pane::Orders), rows: 3 }));
    assert_eq!(fixture.selected(), "o0");
    fixture.keys("M");
    fixture.msg(click(3));
    assert_eq!(fixture.selected(), "o0", "the mouse is the terminal's now");
    assert!(fixture.saw(&Effect::Terminal(TerminalEffect::CaptureMouse(false))));
}

#[test]
fn the_first_run_is_welcomed_and_can_write_a_configuration() {
    let mut fixture = Fixture::with(Program { first_run: true, ..Program::default() });
    fixture.begin(&[]);
    assert!(matches!(fixture.model.top(), Some(Overlay::Welcome(_))));
    fixture.keys("w");
    assert!(fixture.saw(&Effect::WriteConfig));
    fixture.keys("a");
    assert!(matches!(fixture.model.overlays.as_slice(), [Overlay::AddBroker(AddBroker { .. })]));
}

#[test]
fn the_chart_asks_for_each_period_and_knows_its_ends() {
    let mut fixture = Fixture::two();
    let asked = |fixture: &Fixture, word: &str| {
        fixture.seen.iter().any(|effect| {
            matches!(effect, Effect::Account(AccountEffect::Request { request: Request::History { period, .. }, .. }) if &**period == word)
        })
    };
    fixture.keys("2 enter [");
    assert!(fixture.toast().contains("the shortest period"));
    assert!(asked(&fixture, "1D") && !asked(&fixture, "1W"));
    fixture.keys("] ] ] ]");
    assert!(["1W", "1M", "3M", "1A"].iter().all(|word| asked(&fixture, word)));
    fixture.keys("]");
    assert!(fixture.toast().contains("the longest period"));
    assert_eq!(availability(Action::ChartPrev, &fixture.model), Ok(()));
}

#[test]
fn help_opens_from_every_screen_without_a_text_field_and_closes_to_it() {
    for way in ["", "x", "enter", "1 u", "2 enter", "E"] {
        let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        fixture.msg(Msg::Trouble("something".to_owned()));
        fixture.keys(way);
        let before = fixture.model.overlays.len();
        fixture.keys("?");
        assert!(matches!(fixture.model.top(), Some(Overlay::Help(Help { .. }))), "{way}");
        fixture.keys("?");
        assert_eq!(fixture.model.overlays.len(), before, "{way}");
    }
}

#[test]
fn a_key_of_another_pane_says_where_it_acts() {
    let mut fixture = Fixture::two();
    fixture.keys("4 x");
    assert_eq!(fixture.toast(), "x (cancel) works in Orders");
    fixture.keys("2 j");
    assert_eq!(fixture.toast(), "j (down) works in Lists");
    fixture.keys("3 t");
    assert_eq!(fixture.toast(), "t does nothing in Orders; ? lists the keys");
    fixture.keys("? n");
    assert_eq!(fixture.toast(), "n does nothing in this window; ? lists the keys");
}
