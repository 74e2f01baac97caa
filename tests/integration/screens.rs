//! Whole screens from a fixed desk, as characters; styles are asserted apart.

use brokerdeck::accounts::{Msg as AccountMsg, Period, Saving};
use brokerdeck::app::Msg;
use brokerdeck::app::columns::{OrderColumn, away};
use brokerdeck::app::model::Pane;
use brokerdeck::app::msg::HitTarget;
use brokerdeck::app::overlays::{Overlay, Palette};
use brokerdeck::domain::{Order, OrderStatus, OrderType, Qty, Side};
use brokerdeck::view::{Depth, Theme, ViewState, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::fixture::{Fixture, order, paper, program};
use super::stage;

const SIZES: [(u16, u16); 5] = [(60, 15), (80, 24), (120, 36), (160, 50), (300, 90)];

struct Shot {
    buffer: Buffer,
    view: ViewState,
}

fn shoot(screen: &str, size: (u16, u16), theme: Theme, ascii: bool) -> Shot {
    shot(&stage::fixture(screen, size), size, theme, ascii)
}

fn shot(fixture: &Fixture, size: (u16, u16), theme: Theme, ascii: bool) -> Shot {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut view = ViewState::new(theme, ascii);
    let mut buffer = Buffer::empty(area);
    render(&fixture.model, &mut view, area, &mut buffer);
    Shot { buffer, view }
}

fn plain(screen: &str, size: (u16, u16)) -> Shot {
    shoot(screen, size, Theme::default(), false)
}

impl Shot {
    fn lines(&self) -> Vec<String> {
        let area = self.buffer.area;
        let row = |y| {
            let mut line = String::new();
            let mut hidden = 0;
            for x in 0..area.width {
                let symbol = self.buffer[(x, y)].symbol();
                if hidden > 0 {
                    hidden -= 1;
                    continue;
                }
                hidden = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            line.trim_end().to_owned()
        };
        (0..area.height).map(row).collect()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The cell of a text's first character.
    fn find(&self, text: &str) -> Option<(u16, u16)> {
        self.find_all(text).first().copied()
    }

    /// The cell of every occurrence of a text, in reading order.
    fn find_all(&self, text: &str) -> Vec<(u16, u16)> {
        let wanted: Vec<char> = text.chars().collect();
        let area = self.buffer.area;
        (0..area.height)
            .flat_map(|y| (0..area.width).map(move |x| (x, y)))
            .filter(|(x, y)| {
                wanted.iter().zip(*x..).all(|(ch, x)| x < area.width && self.buffer[(x, *y)].symbol() == ch.to_string())
            })
            .collect()
    }
}

fn snapshot(screen: &str) {
    for (cols, rows) in SIZES {
        insta::assert_snapshot!(format!("{screen}-{cols}x{rows}"), plain(screen, (cols, rows)).text());
    }
}

macro_rules! screens {
    ($($test:ident $screen:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            snapshot($screen);
        })+

        #[test]
        fn every_screen_has_a_snapshot() {
            let shown = [$($screen),+];
            for screen in stage::SCREENS {
                assert!(shown.contains(&screen), "{screen}");
            }
        }
    };
}

screens! {
    first_run_without_accounts "first-run",
    a_paper_account "paper",
    paper_and_a_live_account_reconnecting "both",
    a_live_account_out_of_date "live",
    stale_data "stale",
    all_accounts "all",
    a_filter_being_typed "filter",
    order_detail "order",
    order_as_the_broker_sent_it "order-json",
    position_detail "position",
    broker_detail "broker",
    the_equity_chart "chart",
    help "help",
    add_broker "add",
    waiting_for_the_browser "waiting",
    confirming_a_live_account "confirm",
    a_label_that_is_taken "refused",
    a_failed_link "failed",
    the_list_of_errors "errors",
    an_unread_error "unread",
    the_palette "palette",
    activities_from_before_the_session "activities",
    one_activity_in_full "activity",
    the_welcome_of_the_first_run "welcome",
    an_order_with_its_legs "legs",
    an_order_that_replaced_another "replacement",
    long_names_and_numbers "odd",
    long_positions "odd-positions",
    cancel_question "cancel",
    unlink_question "unlink",
    a_simulated_brokerage "simulated",
}

#[test]
fn live_and_paper_differ_by_word_and_border_without_colour() {
    for size in SIZES {
        let none = Theme::by_name("none", Depth::Mono).unwrap();
        let live = shoot("live", size, none.clone(), false);
        let paper = shoot("paper", size, none, false);
        assert!(live.text().contains('╔') && live.find(" LIVE ").is_some(), "{size:?}");
        assert!(!paper.text().contains('╔') && paper.find(" LIVE ").is_none(), "{size:?}");
        assert!(paper.find(" PAPER ").is_some(), "{size:?}");
        let at = live.find(" LIVE ").unwrap();
        assert!(live.buffer[at].modifier.contains(Modifier::REVERSED), "{size:?}: LIVE is not a block");
    }
}

#[test]
fn the_word_live_keeps_its_block_under_the_cursor() {
    for (name, depth) in [("dark", Depth::TrueColour), ("light", Depth::TrueColour), ("dark", Depth::Ansi)] {
        let theme = Theme::by_name(name, depth).unwrap();
        let shot = shoot("unlink-row", (80, 24), theme.clone(), false);
        let at = shot.find(" LIVE  Alpaca").unwrap();
        assert_eq!(Some(shot.buffer[at].bg), theme.tag_live.bg, "{name} at {depth:?}");
    }
    let shot = shoot("unlink-row", (80, 24), Theme::by_name("none", Depth::Mono).unwrap(), false);
    let (x, y) = shot.find(" LIVE  Alpaca").unwrap();
    let reversed = |x: u16| shot.buffer[(x, y)].modifier.contains(Modifier::REVERSED);
    assert_ne!(reversed(x), reversed(x + 8), "the block is lost in the selected row");
}

#[test]
fn without_colour_no_cell_is_coloured_and_every_gain_or_loss_has_its_sign() {
    for screen in stage::SCREENS {
        let shot = shoot(screen, (160, 50), Theme::by_name("dark", Depth::Mono).unwrap(), false);
        for cell in &shot.buffer.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{screen}");
        }
    }
    let text = plain("positions", (160, 50)).text();
    assert!(text.contains("▲ +61.60") && text.contains("▼ -115.80"), "{text}");
}

#[test]
fn sixteen_colours_are_enough() {
    for name in Theme::names() {
        let shot = shoot("both", (120, 36), Theme::by_name(name, Depth::Ansi).unwrap(), false);
        for cell in &shot.buffer.content {
            for colour in [cell.fg, cell.bg] {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name}: {colour}");
            }
        }
    }
}

#[test]
fn in_ascii_only_ascii_is_drawn() {
    for (screen, size) in stage::SCREENS.iter().flat_map(|screen| [(screen, (80, 24)), (screen, (140, 40))]) {
        let shot = shoot(screen, size, Theme::default(), true);
        let odd: String = shot.text().chars().filter(|ch| !ch.is_ascii()).collect();
        assert!(odd.is_empty(), "{screen} draws {odd}");
    }
}

#[test]
fn every_size_down_to_nothing_draws_without_a_panic() {
    for screen in stage::SCREENS {
        for (cols, rows) in [
            (0, 0),
            (1, 1),
            (10, 3),
            (59, 40),
            (60, 14),
            (61, 16),
            (99, 30),
            (100, 29),
            (100, 30),
            (101, 31),
            (250, 16),
        ] {
            let shot = plain(screen, (cols, rows));
            assert_eq!(shot.view.shows_overlays(), cols >= 60 && rows >= 15, "{screen} at {cols}x{rows}");
            if (cols < 60 || rows < 15) && cols > 30 && rows > 2 {
                assert!(shot.text().contains("60x15 needed"), "{screen} at {cols}x{rows}");
            }
        }
    }
}

#[test]
fn the_authorize_url_is_shown_whole_and_its_cells_are_a_hyperlink() {
    for size in [(60, 24), (80, 24), (140, 40)] {
        let shot = plain("waiting", size);
        let links = shot.view.hyperlinks();
        let shown: String = links
            .iter()
            .flat_map(|link| (link.area.left()..link.area.right()).map(|x| shot.buffer[(x, link.area.y)].symbol()))
            .collect();
        let url = links.first().unwrap().url.expose();
        assert_eq!(shown, url, "{size:?}");
        assert!(links.iter().all(|link| link.url.expose() == url));
    }
}

#[test]
fn a_working_order_is_as_far_away_as_its_price_from_the_last_one() {
    let mut limit = order("o", "10:00:00", Side::Buy, "KO", "25", OrderType::Limit);
    let of = |order: &Order, last: &str| away(order, last.parse().ok()).map(|away| away.to_string());
    limit.limit_px = "71.84".parse().ok();
    assert_eq!(of(&limit, "72.03").as_deref(), Some("-0.26"));
    assert_eq!((of(&limit, "0"), of(&limit, "")), (None, None), "the last price is not known");
    limit.stop_px = "75".parse().ok();
    assert_eq!(of(&limit, "72").as_deref(), Some("4.17"), "a stop comes first");
    limit.status = OrderStatus::Canceled;
    assert_eq!(of(&limit, "72"), None);
}

#[test]
fn the_open_amount_of_an_order_is_known_or_missing() {
    let mut limit = order("o", "10:00:00", Side::Buy, "KO", "25", OrderType::Limit);
    let of = |order: &Order| order.open_amount().map(|amount| amount.rounded(0));
    assert_eq!(of(&limit), None, "no price");
    limit.limit_px = "71.84".parse().ok();
    assert_eq!(of(&limit).as_deref(), Some("1,796"));
    limit.cum_qty = "5".parse().unwrap();
    assert_eq!(of(&limit).as_deref(), Some("1,437"), "20 are open");
    let option = Order { symbol: "AAPL261218C00190000".into(), ..limit.clone() };
    assert_eq!(of(&option), None, "its price is per share");
    let notional = Order { qty: None, notional: "1500".parse().ok(), cum_qty: Qty::ZERO, ..limit };
    assert_eq!(of(&notional).as_deref(), Some("1,500"));
}

#[test]
fn help_begins_with_the_keys_of_where_it_was_opened() {
    for (keys, heading) in [("1 ?", "Brokers"), ("3 ?", "Orders"), ("5 ?", "Tape"), ("3 j enter ?", "Order detail")] {
        let mut fixture = stage::fixture("paper", (100, 40));
        fixture.press(keys);
        let shown = shot(&fixture, (100, 40), Theme::default(), false);
        let lines = shown.lines();
        let first = lines[2].trim_matches(['│', '┃', ' ']);
        assert_eq!(first, heading, "{keys}: {}", shown.text());
    }
}

#[test]
fn a_theme_chosen_on_the_screen_is_drawn() {
    let mut fixture = stage::fixture("paper", (100, 40));
    let colour = |fixture: &Fixture| shot(fixture, (100, 40), Theme::default(), false).buffer[(0, 0)].bg;
    let before = colour(&fixture);
    fixture.model.theme = Some("light".into());
    assert_ne!(colour(&fixture), before);
    fixture.model.theme = Some("a name of another version".into());
    assert_eq!(colour(&fixture), before);
}

#[test]
fn an_order_says_which_of_its_executions_belong_to_the_orders_that_it_replaced() {
    let of = |executes| {
        let mut fixture = stage::fixture("paper", (140, 40));
        fixture.replacement(executes);
        shot(&fixture, (140, 40), Theme::default(), false).text()
    };
    let (nothing, rest) = (of(false), of(true));
    assert!(nothing.contains("41 of 41 were executed by orders that it replaced"), "{nothing}");
    assert!(nothing.contains("none of its own") && !nothing.contains("none yet"), "{nothing}");
    assert!(rest.contains("Executions (1)") && rest.contains("41 of 100 were executed by orders"), "{rest}");
}

#[test]
fn a_question_about_all_orders_says_which_came_after_it() {
    let mut fixture = stage::fixture("paper", (100, 30));
    fixture.press("3 X");
    let text = |fixture: &Fixture| shot(fixture, (100, 30), Theme::default(), false).text();
    assert!(text(&fixture).contains("cancel all ") && !text(&fixture).contains("placed since"), "{}", text(&fixture));
    fixture.crowd(2);
    let said = text(&fixture);
    assert!(said.contains("cancel these ") && said.contains("2 working orders placed since, not among them"), "{said}");
}

#[test]
fn clicks_find_rows_headers_tabs_and_hints() {
    use brokerdeck::app::keymap::Action;
    let shot = plain("paper", (140, 40));
    let hit = |text: &str| shot.find(text).map(|(x, y)| shot.view.hit(x, y));
    assert_eq!(hit("VOO  "), Some(HitTarget::Row(Pane::Positions, 8)));
    assert_eq!(hit("Status"), Some(HitTarget::Header(Pane::Orders, OrderColumn::Status as usize)));
    assert_eq!(hit("q quit"), Some(HitTarget::Hint(Action::Quit)));
    assert_eq!(hit("Tape"), Some(HitTarget::Pane(Pane::Tape)));
    let tabs = plain("paper", (80, 24));
    let (x, y) = tabs.find("5 Tape").unwrap();
    assert_eq!(tabs.view.hit(x, y), HitTarget::Pane(Pane::Tape));
    let add = plain("add", (140, 40));
    // The name is in the pane and in the overlay above it; only the overlay is clickable.
    let hits: Vec<HitTarget> =
        add.find_all("Alpaca Live (OAuth)").into_iter().map(|(x, y)| add.view.hit(x, y)).collect();
    assert!(hits.iter().any(|hit| matches!(hit, HitTarget::OverlayRow(_))), "{hits:?}");
    assert!(hits.iter().all(|hit| matches!(hit, HitTarget::OverlayRow(_) | HitTarget::Nowhere)), "{hits:?}");
}

#[test]
fn hostile_text_from_the_broker_reaches_no_cell() {
    use brokerdeck::app::Msg;
    let mut fixture = stage::fixture("paper", (140, 40));
    fixture.send(Msg::Trouble("\u{1b}[31mred\u{202e}drawkcab\u{7}".to_owned()));
    let area = Rect::new(0, 0, 140, 40);
    let mut buffer = Buffer::empty(area);
    render(&fixture.model, &mut ViewState::default(), area, &mut buffer);
    for cell in &buffer.content {
        assert!(!cell.symbol().chars().any(|ch| ch.is_control() || ch == '\u{202e}'), "{:?}", cell.symbol());
    }
}

#[test]
fn every_sentence_names_the_configured_keys() {
    use brokerdeck::app::keymap::Keymap;
    let changed = [
        ("linking.paste", "f7"),
        ("linking.cancel", "f8"),
        ("failed.retry", "f9"),
        ("add_broker.link", "f6"),
        ("brokers.add", "f5"),
        ("text.accept", "f3"),
        ("common.errors", "f4"),
        ("help.search", "f2"),
    ];
    let words: Vec<Vec<String>> = changed.iter().map(|(_, word)| vec![(*word).to_owned()]).collect();
    let lines = changed.iter().zip(&words).map(|((name, _), words)| (1, *name, words.as_slice()));
    let keymap = Keymap::with_overrides(lines).unwrap();
    let text = |screen: &str| {
        let mut fixture = stage::fixture(screen, (120, 36));
        fixture.model.keymap = keymap.clone();
        let area = Rect::new(0, 0, 120, 36);
        let mut buffer = Buffer::empty(area);
        let mut view = ViewState::default();
        render(&fixture.model, &mut view, area, &mut buffer);
        Shot { buffer, view }.text()
    };
    for (screen, sentence) in [
        ("waiting", "press F7 here"),
        ("waiting", "Still waiting; F8"),
        ("failed", "F9 opens the consent page again"),
        ("add", "F6 opens the broker's page"),
        ("first-run", "1 F5 adds"),
        ("first-run", "2 F6 opens"),
        ("filter", "F3 keep"),
        ("unread", "2 F4"),
        ("help", "F2 search"),
    ] {
        let shown = text(screen);
        // Sentences may be wrapped between words.
        let words: Vec<&str> = shown.split_whitespace().filter(|word| !matches!(*word, "│" | "││")).collect();
        assert!(words.join(" ").contains(sentence), "{screen} does not say {sentence:?}:\n{shown}");
    }
    for screen in stage::SCREENS.iter().filter(|screen| !matches!(**screen, "order-json" | "activity")) {
        assert!(!text(screen).contains(['{', '}']), "{screen} shows a name in braces");
    }
}

#[test]
fn help_explains_the_columns_of_the_focused_list() {
    for pane in Pane::ALL {
        let mut fixture = stage::fixture("help", (120, 300));
        fixture.model.focus = pane;
        let text = shot(&fixture, (120, 300), Theme::default(), false).text();
        assert_eq!(text.contains(&format!("Columns of {}", pane.title())), !pane.columns().is_empty(), "{text}");
        for column in pane.columns() {
            let words: Vec<&str> = column.help.split_whitespace().take(3).collect();
            assert!(text.contains(&words.join(" ")), "{}: {text}", column.title);
        }
    }
}

#[test]
fn another_time_zone_changes_every_time() {
    for (screen, newyork, tokyo) in [
        ("paper", " 13:38  BUY", " 03:38  BUY"),
        ("paper", "13:46:16 ET", "03:46:16 Tokyo"),
        ("paper", "13:46:15.981", "03:46:15.981"),
        ("order", "2026-11-24 13:46:12.000 ET", "2026-11-25 03:46:12.000 Tokyo"),
        ("activities", "Nov 20 14:02", "Nov 21 04:02"),
        ("errors", "2026-11-24 13:46:16.840 ET", "2026-11-25 03:46:16.840 Tokyo"),
        ("chart", "ET", "Tokyo"),
        ("broker", "2026-11-20 10:00:00.000 ET", "2026-11-21 00:00:00.000 Tokyo"),
    ] {
        assert!(plain(screen, (140, 40)).text().contains(newyork), "{screen}: {newyork}");
        let mut fixture = stage::fixture(screen, (140, 40));
        let zone = fixture.model.program.zones[1].clone();
        (fixture.model.program.timezone, fixture.model.program.timezone_label) = (zone.zone, zone.label);
        let area = Rect::new(0, 0, 140, 40);
        let mut buffer = Buffer::empty(area);
        let mut view = ViewState::default();
        render(&fixture.model, &mut view, area, &mut buffer);
        let shown = Shot { buffer, view }.text();
        assert!(shown.contains(tokyo), "{screen}: {tokyo}\n{shown}");
        assert!(!shown.contains(" ET ") && !shown.contains("13:46:1"), "{screen}:\n{shown}");
    }
}

#[test]
fn polling_in_place_of_the_stream_is_shown_only_while_it_lasts() {
    let shown = |mut fixture: Fixture| {
        fixture.send(Msg::Resize { cols: 160, rows: 50 });
        fixture.elsewhere(&paper().id);
        fixture.pass(1_000);
        let text = shot(&fixture, (160, 50), Theme::default(), false).text();
        assert!(text.contains("polling"), "{text}");
        text
    };
    let mut unanswered = Fixture::empty(program());
    unanswered.send(AccountMsg::Started { links: vec![paper()] });
    let text = shown(unanswered);
    assert!(text.contains("REST has not answered") && !text.contains("REST only"), "{text}");
    let text = shown(Fixture::with(program(), &[paper()]));
    assert!(text.contains("REST only"), "{text}");
}

#[test]
fn totals_and_the_day_of_every_account_are_in_cents() {
    let mut fixture = stage::fixture("all", (140, 40));
    for account in fixture.model.accounts.iter_mut_in_test() {
        let figures = account.account.as_mut().unwrap();
        figures.value.equity = Some("103820.567898765".parse().unwrap());
    }
    let area = Rect::new(0, 0, 140, 40);
    let mut buffer = Buffer::empty(area);
    let mut view = ViewState::default();
    render(&fixture.model, &mut view, area, &mut buffer);
    let text = Shot { buffer, view }.text();
    assert!(text.contains("+1,204.12") && !text.contains("+1,204.1178"), "{text}");
}

#[test]
fn not_saved_is_shown_at_the_top_at_every_size() {
    for (cols, rows) in [(60, 15), (80, 24), (140, 40)] {
        let mut fixture = stage::fixture("paper", (cols, rows));
        let shown = |fixture: &Fixture| {
            let area = Rect::new(0, 0, cols, rows);
            let (mut buffer, mut view) = (Buffer::empty(area), ViewState::default());
            render(&fixture.model, &mut view, area, &mut buffer);
            Shot { buffer, view }.lines().remove(0)
        };
        fixture.send(AccountMsg::Saving(Saving::Failing("another program holds its lock".to_owned())));
        assert!(shown(&fixture).contains(" NOT SAVED "), "{}", shown(&fixture));
        fixture.send(AccountMsg::Saving(Saving::Done));
        assert!(!shown(&fixture).contains("NOT SAVED"), "{}", shown(&fixture));
        fixture.send(AccountMsg::Saving(Saving::Off("it was written by a newer version".to_owned())));
        assert!(shown(&fixture).contains(" NOT SAVED "), "{}", shown(&fixture));
    }
}

#[test]
fn a_curve_that_cannot_be_refreshed_shows_its_age() {
    let mut fixture = stage::fixture("chart", (140, 40));
    let shown = |fixture: &Fixture| {
        let area = Rect::new(0, 0, 140, 40);
        let (mut buffer, mut view) = (Buffer::empty(area), ViewState::default());
        render(&fixture.model, &mut view, area, &mut buffer);
        Shot { buffer, view }.text()
    };
    assert!(!shown(&fixture).contains(" old"), "{}", shown(&fixture));
    for account in fixture.model.accounts.iter_mut_in_test() {
        for period in Period::ALL {
            account.curve_faults.insert(period, "the broker answered 500".to_owned());
        }
    }
    assert!(shown(&fixture).contains(" old: the broker answered 500"), "{}", shown(&fixture));
}

#[test]
fn the_palette_shows_every_key_beside_a_truncated_title() {
    let mut fixture = stage::fixture("palette", (80, 24));
    for entry in fixture.model.overlays.iter_mut().filter_map(|overlay| match overlay {
        Overlay::Palette(Palette { matches, .. }) => matches.first_mut(),
        _ => None,
    }) {
        entry.title = "List executions, dividends, fees and transfers, from before this session on, in full".to_owned();
        (entry.key, entry.disabled) = ("Ctrl-h".to_owned(), None);
    }
    let area = Rect::new(0, 0, 80, 24);
    let mut buffer = Buffer::empty(area);
    let mut view = ViewState::default();
    render(&fixture.model, &mut view, area, &mut buffer);
    let text = Shot { buffer, view }.text();
    assert!(text.contains("…  Ctrl-h "), "{text}");
}

/// The README's pictures are frames of the present code. `BRKD_PICTURES=write` rewrites them.
#[test]
fn the_pictures_in_assets_are_up_to_date() {
    use brokerdeck::view::svg;
    for (name, theme, paper) in [("dark", "dark", svg::DARK), ("light", "light", svg::LIGHT)] {
        let shot = shoot("picture", (132, 36), Theme::by_name(theme, Depth::TrueColour).unwrap(), false);
        let drawn = svg::draw(&shot.buffer, paper, "brokerdeck: brokers, account, orders, positions and tape");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/screen-{name}.svg"));
        if std::env::var_os("BRKD_PICTURES").is_some_and(|value| value == "write") {
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == drawn, "{} is out of date; BRKD_PICTURES=write cargo test rewrites it", path.display());
    }
}

#[test]
fn the_keys_of_a_question_have_their_own_row_at_every_size() {
    for (width, height) in [60, 80].into_iter().flat_map(|width| (15..26).map(move |height| (width, height))) {
        let shot = plain("cancel-many", (width, height));
        let lines = shot.lines();
        let keys: Vec<&String> =
            lines.iter().filter(|line| line.contains("Enter no") && line.contains(['│', '║'])).collect();
        let [keys] = keys.as_slice() else { panic!("{width}x{height}:\n{}", shot.text()) };
        let inside: String = keys.split(['│', '║']).filter(|part| part.contains("Enter no")).collect();
        assert!(!inside.contains("BUY") && !inside.contains("AMD"), "{width}x{height}:\n{}", shot.text());
        let more = lines.iter().find(|line| line.contains("more")).expect("not all of them have room");
        assert!(!more.contains('─'), "{width}x{height}:\n{}", shot.text());
    }
}
