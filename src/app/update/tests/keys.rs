use super::*;
use crate::app::availability::availability;
use crate::app::keymap::{Action, BINDINGS, Reason};
use crate::app::model::AccountScope;
use crate::app::msg::{HitTarget, Mouse};
use crate::app::overlays::{AddBroker, Help, OrderDetail, Overlay, Palette};

#[test]
fn panes_are_reached_by_digit_and_by_tab() {
    let mut desk = Desk::two();
    desk.keys("5 tab");
    assert_eq!(desk.model.focus, Pane::Brokers);
    desk.keys("shift-tab");
    assert_eq!(desk.model.focus, Pane::Tape);
    desk.keys("2");
    assert_eq!(desk.model.focus, Pane::Account);
}

#[test]
fn q_quits_ctrl_c_quits_from_anywhere_and_a_signal_has_its_code() {
    for (words, code) in [("q", 0), (": ctrl-c", 0), ("/ ctrl-c", 0), ("? ctrl-c", 0), ("a a ctrl-c", 0)] {
        let mut desk = Desk::two();
        desk.keys(words);
        assert_eq!(desk.model.exit, Some(code), "{words}");
        assert!(
            desk.saw(&Effect::Quit { code })
                && desk.saw(&Effect::Account(AccountEffect::CloseStream { link: paper() }))
        );
    }
    let mut desk = Desk::two();
    desk.msg(Msg::Terminate { signal: 15 });
    assert_eq!(desk.model.exit, Some(143));
}

#[test]
fn letters_typed_into_a_field_are_no_commands() {
    let mut desk = Desk::two();
    desk.keys("/");
    desk.text("q?:zE");
    assert_eq!((desk.model.exit, desk.model.overlays.len()), (None, 0));
    assert_eq!(desk.model.rows.orders.filter, "q?:zE");
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
        let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        desk.msg(Msg::Trouble("something".to_owned()));
        desk.keys(way);
        desk.keys("esc esc esc esc esc");
        assert!(desk.model.overlays.is_empty() && desk.model.exit.is_none(), "{way}");
        assert_eq!((desk.model.accounts.len(), desk.shown().len(), desk.model.errors.len()), (1, 1, 1), "{way}");
        let destroying = |effect: &Effect| {
            matches!(effect, Effect::Account(AccountEffect::Unlink { .. }) | Effect::Quit { .. })
                || matches!(effect, Effect::Account(AccountEffect::Request { request: Request::CancelOrder(_), .. }))
        };
        assert!(!desk.seen.iter().any(destroying), "{way}");
    }
}

#[test]
fn every_key_that_cannot_act_says_why() {
    let mut desk = Desk::empty();
    for pane in Pane::ALL {
        for binding in BINDINGS {
            desk.model.focus = pane;
            desk.model.overlays.clear();
            desk.model.filtering = None;
            desk.model.toasts.clear();
            let Err(reason) = availability(binding.action, &desk.model) else { continue };
            desk.msg(Msg::Mouse(Mouse::Click(HitTarget::Hint(binding.action))));
            assert_eq!(desk.toast(), reason.0, "{:?} in {pane:?}", binding.action);
        }
    }
}

#[test]
fn no_key_says_that_there_is_nothing_where_nothing_is_known() {
    let mut desk = Desk::empty();
    desk.refuse = Some(RequestErrorKind::Forbidden);
    desk.begin(&[link("paper", Environment::Paper)]);
    for pane in [Pane::Orders, Pane::Positions, Pane::Tape] {
        desk.model.focus = pane;
        for binding in BINDINGS {
            let Err(Reason(why)) = availability(binding.action, &desk.model) else { continue };
            let denies =
                ["there is no order", "there is no position", "there is no row", "nothing has", "there are no"];
            let empty = why == "the list is empty" || denies.iter().any(|words| why.starts_with(words));
            assert!(!empty, "{:?} in {pane:?}: {why}", binding.action);
        }
        assert_eq!(availability(Action::Detail, &desk.model), Err(Reason("not known: refused".to_owned())));
    }
    let mut desk = Desk::empty();
    desk.begin(&[link("paper", Environment::Paper)]);
    desk.model.focus = Pane::Tape;
    assert_eq!(availability(Action::Detail, &desk.model), Err(Reason("nothing has happened yet".to_owned())));
}

#[test]
fn help_opens_over_a_search_and_is_narrowed() {
    let mut desk = Desk::two();
    desk.keys("? /");
    desk.text("zoom");
    desk.keys("enter");
    let Some(Overlay::Help(Help { query, typing, .. })) = desk.model.top() else { panic!("help is open") };
    assert_eq!((query.value(), *typing), ("zoom", false));
    desk.keys("esc");
    assert!(matches!(desk.model.top(), Some(Overlay::Help(Help { query, .. })) if query.value().is_empty()));
    desk.keys("q");
    assert!(desk.model.overlays.is_empty() && desk.model.exit.is_none());
}

#[test]
fn scrolling_ends_where_the_view_says() {
    let mut desk = Desk::two();
    desk.keys("? j j G");
    desk.msg(Msg::Drawn(crate::app::model::Extent { overlay_end: 5, ..Default::default() }));
    let scroll = |desk: &Desk| match desk.model.top() {
        Some(Overlay::Help(Help { scroll, .. })) => *scroll,
        _ => panic!("help is open"),
    };
    assert_eq!(scroll(&desk), 5);
    desk.keys("k");
    assert_eq!(scroll(&desk), 4);
    desk.keys("ctrl-d ctrl-d");
    assert_eq!(scroll(&desk), 5);
}

#[test]
fn the_palette_finds_actions_accounts_and_symbols() {
    let mut desk = Desk::two();
    desk.tell(&paper(), TradeEvent::New, order("a", "NVDA", Side::Buy, 10, 1), None);
    desk.keys(":");
    desk.text("zoom");
    desk.keys("esc :");
    desk.text("show real");
    desk.keys("enter");
    assert_eq!(desk.model.scope, AccountScope::One(real()));
    desk.keys("[ :");
    desk.text("nvda");
    desk.keys("enter");
    assert_eq!(desk.model.rows.orders.filter, "symbol:NVDA");
    assert_eq!(desk.shown(), ["a"]);
    desk.keys(":");
    desk.text("quit");
    desk.keys("enter");
    assert_eq!(desk.model.exit, Some(0));
}

#[test]
fn the_palette_says_why_an_entry_cannot_act_and_stays_open() {
    let mut desk = Desk::two();
    desk.keys(":");
    desk.text("ask to cancel");
    desk.keys("enter");
    assert!(matches!(desk.model.top(), Some(Overlay::Palette(Palette { .. }))));
    assert!(desk.toast().contains("no order"), "{}", desk.toast());
}

#[test]
fn accounts_are_switched_and_shown_together() {
    let mut desk = Desk::two();
    desk.tell(&paper(), TradeEvent::New, order("p", "AAPL", Side::Buy, 10, 1), None);
    desk.tell(&real(), TradeEvent::New, order("r", "AAPL", Side::Buy, 10, 2), None);
    assert_eq!(desk.shown(), ["p"]);
    desk.keys("]");
    assert_eq!(desk.shown(), ["r"]);
    desk.keys("0");
    assert_eq!(desk.shown(), ["r", "p"]);
    desk.keys("0");
    assert_eq!(desk.model.scope, AccountScope::One(real()));
    desk.keys("1 k");
    assert_eq!(desk.model.scope, AccountScope::One(paper()), "the broker row chooses its account");
}

#[test]
fn a_click_selects_a_second_click_opens_and_the_wheel_moves() {
    let orders: Vec<Order> = (0..5).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, 10, n)).collect();
    let mut desk = Desk::holding(&orders);
    let click = |row| Msg::Mouse(Mouse::Click(HitTarget::Row(Pane::Orders, row)));
    desk.msg(click(2));
    assert_eq!(desk.selected(), "o2");
    assert!(desk.model.overlays.is_empty());
    desk.msg(click(2));
    assert!(matches!(desk.model.top(), Some(Overlay::OrderDetail(OrderDetail { .. }))));
    desk.msg(click(0));
    assert_eq!(desk.selected(), "o2", "below an overlay nothing is touched");
    desk.keys("esc");
    desk.msg(Msg::Mouse(Mouse::Wheel { target: HitTarget::Pane(Pane::Orders), rows: 3 }));
    assert_eq!(desk.selected(), "o0");
    desk.keys("M");
    desk.msg(click(3));
    assert_eq!(desk.selected(), "o0", "the mouse is the terminal's now");
    assert!(desk.saw(&Effect::CaptureMouse(false)));
}

#[test]
fn the_first_run_is_welcomed_and_can_write_a_configuration() {
    let mut desk = Desk::with(Program { first_run: true, ..Program::default() });
    desk.begin(&[]);
    assert!(matches!(desk.model.top(), Some(Overlay::Welcome(_))));
    desk.keys("w");
    assert!(desk.saw(&Effect::WriteConfig));
    desk.keys("a");
    assert!(matches!(desk.model.overlays.as_slice(), [Overlay::AddBroker(AddBroker { .. })]));
}

#[test]
fn the_chart_asks_for_each_period_and_knows_its_ends() {
    let mut desk = Desk::two();
    let asked = |desk: &Desk, word: &str| {
        desk.seen.iter().any(|effect| {
            matches!(effect, Effect::Account(AccountEffect::Request { request: Request::History { period, .. }, .. }) if &**period == word)
        })
    };
    desk.keys("2 enter [");
    assert!(desk.toast().contains("the shortest period"));
    assert!(asked(&desk, "1D") && !asked(&desk, "1W"));
    desk.keys("] ] ] ]");
    assert!(["1W", "1M", "3M", "1A"].iter().all(|word| asked(&desk, word)));
    desk.keys("]");
    assert!(desk.toast().contains("the longest period"));
    assert_eq!(availability(Action::ChartPrev, &desk.model), Ok(()));
}

#[test]
fn help_opens_from_every_screen_without_a_text_field_and_closes_to_it() {
    for way in ["", "x", "enter", "1 u", "2 enter", "E"] {
        let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        desk.msg(Msg::Trouble("something".to_owned()));
        desk.keys(way);
        let before = desk.model.overlays.len();
        desk.keys("?");
        assert!(matches!(desk.model.top(), Some(Overlay::Help(Help { .. }))), "{way}");
        desk.keys("?");
        assert_eq!(desk.model.overlays.len(), before, "{way}");
    }
}

#[test]
fn a_key_of_another_pane_says_where_it_acts() {
    let mut desk = Desk::two();
    desk.keys("4 x");
    assert_eq!(desk.toast(), "x (cancel) works in Orders");
    desk.keys("2 j");
    assert_eq!(desk.toast(), "j (down) works in Lists");
}
