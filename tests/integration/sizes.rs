//! Every screen at every width from the smallest to the widest terminal: the invariants of the layout.
//!
//! One view goes through all sizes, as a resized window does; state kept from one size must not affect the next.

use brokerdeck::app::Msg;
use brokerdeck::view::{ViewState, render};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::fixture::Fixture;
use super::stage;

/// The heights. Each width gets one of them, which differs between screens; the widths where the rules change get all.
const HEIGHTS: [u16; 7] = [15, 24, 29, 30, 40, 61, 90];
const EDGES: [u16; 10] = [60, 79, 80, 99, 100, 119, 120, 139, 140, 300];

/// Corners of frames in all line styles: top left, top right, bottom left, bottom right.
const CORNERS: [&str; 4] = ["╭╔", "╮╗", "╰╚", "╯╝"];
const SIDES: &str = "│║┃";

struct Seen<'a> {
    screen: &'a str,
    area: Rect,
    buffer: Buffer,
}

impl Seen<'_> {
    fn cell(&self, x: u16, y: u16) -> &str {
        self.buffer.cell(Position { x, y }).map_or("", |cell| cell.symbol())
    }

    fn row(&self, y: u16, from: u16, to: u16) -> String {
        (from..to).map(|x| self.cell(x, y)).collect()
    }

    fn text(&self, area: Rect) -> String {
        (area.top()..area.bottom()).map(|y| self.row(y, area.left(), area.right()) + "\n").collect()
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{} at {}x{}: {what}\n{}", self.screen, self.area.width, self.area.height, self.text(self.area));
    }

    fn is(&self, x: u16, y: u16, any_of: &str) -> bool {
        let symbol = self.cell(x, y);
        !symbol.is_empty() && any_of.contains(symbol)
    }

    /// Finds the frame that has the keys, and checks that it is complete.
    fn focused_frame(&self) -> Rect {
        let all = (0..self.area.height).flat_map(|y| (0..self.area.width).map(move |x| (x, y)));
        let Some((left, top)) = all.rev().find(|(x, y)| self.is(*x, *y, CORNERS[0]) && self.cell(x + 1, *y) == "▸")
        else {
            self.fail("no frame has the keys");
        };
        let right = (left + 1..self.area.width).find(|x| self.is(*x, top, CORNERS[1]));
        let bottom = (top + 1..self.area.height).find(|y| self.is(left, *y, CORNERS[2]));
        let (Some(right), Some(bottom)) = (right, bottom) else { self.fail("the frame with the keys has no corners") };
        if !self.is(right, bottom, CORNERS[3]) {
            self.fail("the frame with the keys is open");
        }
        for y in top + 1..bottom {
            if !self.is(left, y, SIDES) || !self.is(right, y, SIDES) {
                self.fail("something stands on the frame with the keys");
            }
        }
        Rect { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
    }

    fn words_are_whole(&self, area: Rect) {
        let text = self.text(area);
        for word in ["PAPER", "LIVE", "SIMULATED"] {
            // An account number begins with PA.
            for part in (3..word.len()).filter_map(|end| word.get(..end)) {
                if text.contains(&format!("{part}…")) {
                    self.fail(&format!("{word} is cut"));
                }
            }
        }
        for start in ["PAPE", "LIV"] {
            let whole = if start == "LIV" { "LIVE" } else { "PAPER" };
            if text.matches(start).count() != text.matches(whole).count() {
                self.fail(&format!("{whole} is cut"));
            }
        }
    }
}

fn check(seen: &Seen<'_>, fixture: &Fixture) {
    let area = seen.area;
    let frame = seen.focused_frame();
    if !seen.row(0, 0, area.width).contains("brokerdeck") {
        seen.fail("the header is gone");
    }
    if seen.row(area.height - 1, 0, area.width).trim().is_empty() {
        seen.fail("no key is told");
    }
    seen.words_are_whole(frame);
    if !fixture.model.overlays.is_empty() {
        return;
    }
    seen.words_are_whole(area);
    let status = seen.row(area.height - 2, 0, area.width);
    if !["PAPER", "LIVE", "no account linked"].iter().any(|word| status.contains(word)) {
        seen.fail("the status line does not say what is shown");
    }
    let text = seen.text(area);
    let counts = CORNERS.map(|corners| text.chars().filter(|ch| corners.contains(*ch)).count());
    if counts.iter().any(|count| *count != counts[0]) {
        seen.fail("a frame is open");
    }
    let columns: &[&str] = match seen.screen {
        "paper" | "live" | "stale" | "filter" | "odd" => &["Side", "Symbol", "Qty", "Type", "Price", "Status"],
        "all" => &["Account", "Side", "Symbol", "Qty", "Type", "Price", "Status"],
        "odd-positions" | "positions" => &["Symbol", "Qty", "P&L"],
        "tape" => &["Time", "Event", "Side", "Symbol", "Qty", "Price"],
        _ => &[],
    };
    let titles = seen.row(frame.y + 1, frame.left(), frame.right());
    if let Some(missing) = columns.iter().find(|column| !titles.contains(**column)) {
        seen.fail(&format!("the column {missing} is gone"));
    }
}

fn drag(screens: &[&str]) {
    for (turn, screen) in screens.iter().enumerate() {
        let mut fixture = stage::fixture(screen, (80, 24));
        let mut view = ViewState::default();
        for width in 60..=300 {
            let one = [HEIGHTS[(turn + usize::from(width)) % HEIGHTS.len()]];
            let heights = if EDGES.contains(&width) { &HEIGHTS[..] } else { &one[..] };
            for height in heights {
                let area = Rect::new(0, 0, width, *height);
                fixture.send(Msg::Resize { cols: width, rows: *height });
                let mut buffer = Buffer::empty(area);
                render(&fixture.model, &mut view, area, &mut buffer);
                fixture.send(Msg::Drawn(view.extent()));
                check(&Seen { screen, area, buffer }, &fixture);
            }
        }
    }
}

#[test]
fn the_panes_hold_at_every_width() {
    drag(&[
        "paper",
        "both",
        "live",
        "stale",
        "all",
        "filter",
        "odd",
        "odd-positions",
        "tape",
        "positions",
        "account",
        "simulated",
    ]);
}

#[test]
fn the_overlays_hold_at_every_width() {
    drag(&[
        "order",
        "order-json",
        "position",
        "broker",
        "help",
        "errors",
        "palette",
        "legs",
        "chart",
        "cancel",
        "unlink",
    ]);
}

#[test]
fn linking_and_the_beginning_hold_at_every_width() {
    drag(&["first-run", "welcome", "add", "waiting", "confirm", "refused", "failed", "activities", "activity"]);
}
