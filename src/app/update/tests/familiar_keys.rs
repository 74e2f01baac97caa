//! Keys that work as in other programs: counts, jumps, copying a cell, sorting by name, sentences with the keys in force.

use super::*;
use crate::app::TerminalEffect;
use crate::app::overlays::{Help, Overlay, Palette};
use crate::app::refresh;

fn ten() -> Fixture {
    let orders: Vec<Order> = (0..10).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, n + 1, 100 - n)).collect();
    Fixture::holding(&orders)
}

fn remap(fixture: &mut Fixture, changes: &[(&str, &[&str])]) {
    let words: Vec<(String, Vec<String>)> = changes
        .iter()
        .map(|(name, words)| ((*name).to_owned(), words.iter().map(|word| (*word).to_owned()).collect()))
        .collect();
    let lines = words.iter().enumerate().map(|(line, (name, words))| (line, name.as_str(), words.as_slice()));
    fixture.model.keymap = Keymap::with_overrides(lines).unwrap();
}

fn copied(fixture: &Fixture) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Terminal(TerminalEffect::Copy { text, .. }) => Some(text.expose().to_owned()),
        _ => None,
    };
    fixture.seen.iter().filter_map(text).collect()
}

#[test]
fn a_count_repeats_a_move_and_names_a_row() {
    let mut fixture = ten();
    fixture.keys("# 5 j");
    assert_eq!(fixture.selected(), "o5");
    fixture.keys("# 3 k");
    assert_eq!(fixture.selected(), "o2");
    fixture.keys("# 1 0 G");
    assert_eq!(fixture.selected(), "o9");
    fixture.keys("# 4 g");
    assert_eq!(fixture.selected(), "o3");
    fixture.keys("# 9 9 9 9 9 9 9 9 9 9 9 9 j");
    assert_eq!(fixture.selected(), "o9", "more than there is ends at the end");
    fixture.keys("8 k");
    assert_eq!(fixture.selected(), "o1", "a digit without a key begins a count alone");
}

#[test]
fn a_count_ends_with_esc_or_with_a_key_that_takes_none() {
    let mut fixture = ten();
    fixture.keys("# 5 esc j");
    assert_eq!(fixture.selected(), "o1");
    fixture.keys("# 5 s S j");
    assert_eq!(fixture.model.count, None);
    fixture.keys("# 2");
    assert_eq!(fixture.model.count, Some(2));
    fixture.keys("t j");
    assert_eq!(fixture.model.count, None, "a key without a meaning ends it");
    fixture.keys("3");
    assert_eq!(fixture.model.focus, Pane::Orders, "a digit with a key keeps its meaning");
}

#[test]
fn digits_count_where_the_configuration_takes_their_panes_away() {
    let mut fixture = ten();
    remap(&mut fixture, &[("global.tape", &[]), ("global.all_accounts", &["A"])]);
    fixture.keys("5 j");
    assert_eq!((fixture.selected(), fixture.model.focus), ("o5", Pane::Orders));
    fixture.keys("5 0 k");
    assert_eq!(fixture.selected(), "o0");
}

#[test]
fn a_count_marks_so_many_rows_and_scrolls_a_detail() {
    let mut fixture = ten();
    fixture.keys("# 3 space");
    assert_eq!((fixture.model.marks.len(), fixture.selected()), (3, "o3"));
    fixture.keys("? # 7 j");
    assert!(matches!(fixture.model.top(), Some(Overlay::Help(Help { scroll: 7, .. }))));
}

#[test]
fn a_number_in_the_palette_is_a_row() {
    let mut fixture = ten();
    fixture.keys(":");
    fixture.text("7");
    fixture.keys("enter");
    assert_eq!(fixture.selected(), "o6");
}

#[test]
fn a_cell_is_copied_with_every_digit() {
    let mut odd = order("odd", "SHIB/USD", Side::Buy, 10, 1);
    odd.limit_px = Some("0.000012345678".parse().unwrap());
    let mut fixture = Fixture::holding(&[odd]);
    fixture.keys("c");
    fixture.text("price");
    fixture.keys("enter");
    assert_eq!(copied(&fixture), ["0.000012345678"]);
    assert!(fixture.model.overlays.is_empty());
    fixture.keys("c");
    fixture.text("order id");
    fixture.keys("enter");
    assert_eq!(copied(&fixture).last().map(String::as_str), Some("odd"));
}

#[test]
fn the_palette_finds_actions_by_their_short_names_also_those_of_other_panes() {
    let mut fixture = ten();
    fixture.keys("1");
    for (typed, wanted) in [("zoom", "Zoom the pane"), ("errors", "List the errors"), ("quit", "Quit")] {
        fixture.keys(":");
        fixture.text(typed);
        let Some(Overlay::Palette(Palette { matches, .. })) = fixture.model.top() else { panic!("no palette") };
        assert!(matches[0].title.starts_with(wanted), "{typed} finds {}", matches[0].title);
        fixture.keys("esc");
    }
    fixture.keys(":");
    fixture.text("cancel all");
    fixture.keys("enter");
    assert_eq!(fixture.model.focus, Pane::Orders, "the pane takes the keys");
    assert!(matches!(fixture.model.top(), Some(Overlay::Question(_))));
}

#[test]
fn a_filter_typed_letter_by_letter_shows_what_the_whole_of_it_shows() {
    let orders: Vec<Order> = (0..60)
        .map(|n| {
            let symbol = ["AAPL", "AA", "MSFT", "A"][usize::try_from(n).unwrap() % 4];
            order(&format!("o{n}"), symbol, if n % 3 == 0 { Side::Buy } else { Side::Sell }, n + 1, 100 - n)
        })
        .collect();
    for text in ["aap", "side:sell aa", "-msft qty>20", "o1 qty:11", "symbol:a"] {
        let mut typed = Fixture::holding(&orders);
        typed.keys("s s s /");
        for ch in text.chars() {
            typed.text(&ch.to_string());
            let shown: Vec<String> = typed.shown().into_iter().map(str::to_owned).collect();
            refresh::rebuild_orders(&mut typed.model);
            assert_eq!(shown, typed.shown(), "{text} at {ch}");
        }
        typed.keys("backspace backspace");
        let shown: Vec<String> = typed.shown().into_iter().map(str::to_owned).collect();
        refresh::rebuild_orders(&mut typed.model);
        assert_eq!(shown, typed.shown(), "{text} with two letters taken back");
    }
}

#[test]
fn a_column_is_sorted_by_its_name() {
    let mut fixture = ten();
    fixture.keys("j");
    fixture.keys(":");
    fixture.text("sort orders qty");
    fixture.keys("enter");
    assert_eq!(fixture.shown()[0], "o9");
    assert_eq!(fixture.selected(), "o1", "the cursor stays on its order");
}

#[test]
fn the_first_letters_of_a_symbol_put_it_first_in_the_palette() {
    let mut fixture = Fixture::holding(&[
        order("a", "ALL", Side::Buy, 1, 1),
        order("b", "SO", Side::Buy, 1, 2),
        order("c", "FIL", Side::Buy, 1, 3),
    ]);
    for (typed, title) in [("all", "Symbol ALL"), ("so", "Symbol SO"), ("fil", "Symbol FIL")] {
        fixture.keys(":");
        fixture.text(typed);
        let Some(Overlay::Palette(Palette { matches, .. })) = fixture.model.top() else { panic!("no palette") };
        assert_eq!(matches[0].title, title, "{typed}");
        assert!(matches.len() > 1, "{typed} occurs in actions as well");
        fixture.keys("esc");
    }
}

#[test]
fn the_last_filter_is_used_again_in_any_list() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 1, 1), order("b", "MSFT", Side::Sell, 1, 2)]);
    fixture.keys("3 .");
    assert_eq!(fixture.toast(), "no filter was used yet; / starts one");
    fixture.keys("/");
    fixture.text("side:sell");
    fixture.keys("enter F");
    assert_eq!(fixture.shown().len(), 2);
    fixture.keys(".");
    assert_eq!(fixture.shown(), ["b"]);
    fixture.keys(".");
    assert_eq!(fixture.toast(), "this filter is already applied");
    fixture.keys("/");
    fixture.text(" xyz");
    fixture.keys("esc F 5 .");
    assert_eq!(fixture.model.rows.tape.filter, "side:sell", "a filter that was given up is not the last one");
}

#[test]
fn hidden_columns_are_shown_and_hidden_again_by_one_key() {
    let mut fixture = ten();
    fixture.keys("3 w");
    assert!(fixture.toast().starts_with("no column is hidden"), "{}", fixture.toast());
    fixture.keys(":");
    fixture.text("hide the column qty of tape");
    fixture.keys("enter 5 w");
    let tape = &fixture.model.rows.tape;
    assert!(tape.all_columns && tape.hidden.len() == 1);
    assert_eq!(super::choices::of(&fixture.model).tape.hidden.len(), 1, "the choice is kept");
    fixture.keys("w");
    assert!(!fixture.model.rows.tape.all_columns);
}

#[test]
fn the_menu_lists_what_can_be_done_with_the_row() {
    let mut fixture = ten();
    fixture.keys("3 m");
    let Some(Overlay::Palette(Palette { matches, .. })) = fixture.model.top() else { panic!("no menu") };
    let (can, cannot): (Vec<_>, Vec<_>) = matches.iter().partition(|entry| entry.disabled.is_none());
    assert!(can.iter().any(|entry| entry.title.starts_with("Show the order")), "{can:?}");
    assert!(can.iter().any(|entry| entry.title.starts_with("Copy the selected row's id")), "{can:?}");
    assert!(!matches.iter().any(|entry| entry.title == "Quit"), "{matches:?}");
    assert!(cannot.iter().any(|entry| entry.title == "Clear all marks"), "{cannot:?}");
    fixture.keys("enter");
    assert!(matches!(fixture.model.top(), Some(Overlay::OrderDetail(_))));
}

#[test]
fn the_palette_puts_commands_first_and_offers_nothing_far_fetched() {
    let themes = vec![Arc::from("dark"), Arc::from("light")];
    let mut fixture = Fixture::with(Program { themes, ..Program::default() });
    fixture.begin(&[link("paper", Environment::Paper)]);
    let mut found = |typed: &str| -> Vec<String> {
        fixture.keys(":");
        fixture.text(typed);
        let Some(Overlay::Palette(Palette { matches, .. })) = fixture.model.top() else { panic!("no palette") };
        let titles = matches.iter().map(|entry| entry.title.clone()).collect();
        fixture.keys("esc");
        titles
    };
    for (typed, first) in [
        ("q", "Quit"),
        ("quit", "Quit"),
        ("orders", "Go to Orders"),
        ("theme light", "Theme light"),
        ("THEME", "Theme dark"),
        ("tz", "Choose the time zone for all times"),
        ("caall", "Orders: Ask to cancel every working order of the account"),
    ] {
        assert_eq!(found(typed).first().map(String::as_str), Some(first), "{typed}");
    }
    assert!(!found("theme").iter().any(|title| title.contains("mouse")), "{:?}", found("theme"));
    for typed in ["xyzzy", "qqq", "!", "^", "theme purple"] {
        assert_eq!(found(typed), Vec::<String>::new(), "{typed}");
    }
}

#[test]
fn a_theme_is_looked_at_before_it_is_chosen_and_kept() {
    let program = Program { themes: vec![Arc::from("dark"), Arc::from("light")], ..Program::default() };
    let mut fixture = Fixture::with(program.clone());
    fixture.begin(&[link("paper", Environment::Paper)]);
    let shown = |fixture: &Fixture| fixture.model.shown_theme().map(ToString::to_string);
    fixture.keys(":");
    fixture.text("theme light");
    assert_eq!(shown(&fixture).as_deref(), Some("light"));
    fixture.keys("esc");
    assert_eq!(shown(&fixture), None, "only looked at");
    fixture.keys(":");
    fixture.text("theme light");
    fixture.keys("enter");
    assert_eq!(shown(&fixture).as_deref(), Some("light"));
    let choices = super::choices::of(&fixture.model);
    let mut next = Fixture::with(program.clone());
    next.msg(Msg::Chosen(choices.clone()));
    assert_eq!(shown(&next).as_deref(), Some("light"));
    let mut given = Fixture::with(Program { theme_given: true, ..program });
    given.msg(Msg::Chosen(choices));
    assert_eq!((shown(&given), super::choices::of(&given.model).theme.as_deref()), (None, Some("light")));
    next.keys(":");
    next.text("theme of the configuration");
    next.keys("enter");
    assert_eq!((shown(&next), super::choices::of(&next.model).theme), (None, None));
}

#[test]
fn a_time_zone_chosen_on_the_screen_is_kept_and_the_configured_one_is_not() {
    use crate::app::model::Zone;
    let zone = |name: &str, label: &str| Zone {
        name: Arc::from(name),
        label: Arc::from(label),
        zone: jiff::tz::TimeZone::get(name).unwrap(),
    };
    let zones = vec![zone("America/New_York", "ET"), zone("Asia/Tokyo", "Tokyo")];
    let program =
        Program { timezone: zones[0].zone.clone(), timezone_label: Arc::from("ET"), zones, ..Program::default() };
    let mut fixture = Fixture::with(program.clone());
    fixture.begin(&[link("paper", Environment::Paper)]);
    assert_eq!(super::choices::of(&fixture.model).timezone, None);
    fixture.keys("T");
    fixture.text("tokyo");
    fixture.keys("enter");
    assert_eq!(&*fixture.model.program.timezone_label, "Tokyo");
    assert_eq!(fixture.model.program.timezone.iana_name(), Some("Asia/Tokyo"));
    let choices = super::choices::of(&fixture.model);
    let mut next = Fixture::with(program);
    next.msg(Msg::Chosen(choices));
    assert_eq!(&*next.model.program.timezone_label, "Tokyo");
    next.keys(":");
    next.text("times in et");
    next.keys("enter");
    assert_eq!(super::choices::of(&next.model).timezone, None);
}

#[test]
fn a_sentence_names_the_key_that_is_in_force() {
    let mut fixture = Fixture::two();
    remap(
        &mut fixture,
        &[("question.yes", &["f5"]), ("global.quit", &["Q"]), ("orders.mark", &[]), ("brokers.add", &["i"])],
    );
    fixture.keys("esc");
    assert_eq!(fixture.toast(), "nothing to go back from; Q quits");
    let say = |text: &str| fixture.model.keymap.say(text).into_owned();
    assert_eq!(say("{question.yes} is enough"), "F5 is enough");
    assert_eq!(say("mark some with {orders.mark}"), "mark some with orders.mark", "a key taken away has its name");
    assert_eq!(say("{\"id\": 1} {no.such} {"), "{\"id\": 1} {no.such} {");
    let mut alone = Fixture::empty();
    remap(&mut alone, &[("brokers.add", &["i"])]);
    alone.begin(&[]);
    alone.keys("]");
    assert!(alone.toast().contains("; i in Brokers"), "{}", alone.toast());
}
