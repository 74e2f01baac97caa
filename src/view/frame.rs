//! The frame of a pane or overlay: border by kind of account, title, facts, and the tag PAPER or LIVE.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw_context::{DrawContext, width};
use super::scope::Kind;

/// With fewer cells than this, the note about missing data is left out.
const LEAST: u16 = 12;

/// The content of a frame's title line.
pub(super) struct Frame<'a> {
    /// The kind of account; decides border and tag.
    pub(super) kind: Kind,
    /// Whether the pane has the focus.
    pub(super) focused: bool,
    /// The digit that focuses the pane.
    pub(super) digit: Option<u8>,
    pub(super) title: &'a str,
    /// Facts after the title, most important first.
    pub(super) facts: &'a [(&'a str, Style)],
    /// What is missing, after the facts; cut to the room left.
    pub(super) lack: Option<&'a str>,
    /// The tag at the right end, for panes of an account.
    pub(super) tagged: bool,
}

impl DrawContext<'_> {
    /// Draws a frame; returns the area inside.
    pub(super) fn frame(&mut self, area: Rect, frame: &Frame<'_>) -> Rect {
        if area.width < 4 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let (theme, glyphs) = (self.theme, self.glyphs);
        let set = if frame.kind.is_live() { glyphs.live } else { glyphs.paper };
        let border = match (frame.kind.is_live(), frame.focused) {
            (false, false) => theme.border,
            (false, true) => theme.border_focused,
            (true, false) => theme.border_live,
            (true, true) => theme.border_live_focused,
        };
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..right {
            self.put(x, area.y, set.horizontal, border);
            self.put(x, bottom, set.horizontal, border);
        }
        for y in area.y + 1..bottom {
            self.put(area.x, y, set.vertical, border);
            self.put(right, y, set.vertical, border);
        }
        self.put(area.x, area.y, set.top_left, border);
        self.put(right, area.y, set.top_right, border);
        self.put(area.x, bottom, set.bottom_left, border);
        self.put(right, bottom, set.bottom_right, border);

        let end = if frame.tagged { self.tag_right(right, area.y, frame.kind) } else { right };
        self.title(area.x + 1, area.y, end.saturating_sub(area.x + 2), frame, border);
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    fn title(&mut self, x: u16, y: u16, max: u16, frame: &Frame<'_>, border: Style) {
        let (theme, glyphs) = (self.theme, self.glyphs);
        let style = if frame.focused { theme.title_focused } else { theme.title };
        let end = x + max;
        self.put(x, y, if frame.focused { glyphs.focus } else { ' ' }, style);
        let mut next = x + 1;
        if let Some(digit) = frame.digit {
            self.put(next, y, char::from(b'0' + digit.min(9)), style);
            self.put(next + 1, y, ' ', style);
            next += 2;
        }
        next = self.text(next, y, end.saturating_sub(next + 1), frame.title, style);
        // Only the title is highlighted: where a focused title is reversed, the facts next to it are not.
        self.put(next, y, ' ', border);
        next += 1;
        let rule = if frame.kind.is_live() { glyphs.live.horizontal } else { glyphs.paper.horizontal };
        for (index, (text, fact_style)) in frame.facts.iter().enumerate() {
            let lead = if index == 0 { rule } else { glyphs.dot };
            // Leave out a fact that would not fit at all; the first one may be cut.
            let needed = width(text) + 3;
            if next + needed > end && (index > 0 || next + 8 > end) {
                break;
            }
            self.put(next, y, lead, if index == 0 { border } else { theme.faint });
            self.put(next + 1, y, ' ', border);
            next = self.text(next + 2, y, end.saturating_sub(next + 3), text, *fact_style);
            self.put(next, y, ' ', border);
            next += 1;
        }
        if let Some(lack) = frame.lack.filter(|_| next + LEAST < end) {
            self.put(next, y, glyphs.dot, theme.faint);
            self.put(next + 1, y, ' ', border);
            next = self.text(next + 2, y, end.saturating_sub(next + 3), lack, theme.waiting);
            self.put(next, y, ' ', border);
        }
    }

    /// A horizontal rule with a word near its left end.
    pub(super) fn rule(&mut self, line: Rect, word: &str) {
        for x in line.x..line.right() {
            self.put(x, line.y, self.glyphs.paper.horizontal, self.theme.faint);
        }
        self.text(line.x + 2, line.y, line.width.saturating_sub(4), &format!(" {word} "), self.theme.dim);
    }

    /// Writes the tag left of `right`; returns where it starts.
    fn tag_right(&mut self, right: u16, y: u16, kind: Kind) -> u16 {
        let theme = self.theme;
        let start = match kind {
            Kind::Neutral => return right,
            Kind::Paper | Kind::Live => right.saturating_sub(8),
            Kind::Mixed => right.saturating_sub(15),
        };
        match kind {
            Kind::Neutral => {}
            Kind::Paper => {
                self.text(start, y, 7, " PAPER ", theme.tag_paper);
            }
            Kind::Live => {
                self.text(start + 1, y, 6, " LIVE ", theme.tag_live);
                return start + 1;
            }
            Kind::Mixed => {
                self.text(start, y, 8, " PAPER +", theme.tag_paper);
                self.text(start + 8, y, 6, " LIVE ", theme.tag_live);
            }
        }
        start
    }

    /// Writes the environment in a row of text; returns where the next text goes. LIVE is a filled block, PAPER plain.
    pub(super) fn tag(&mut self, x: u16, y: u16, max: u16, kind: Kind) -> u16 {
        match kind {
            Kind::Neutral => x,
            Kind::Paper => self.text(x, y, max, "PAPER", self.theme.tag_paper),
            Kind::Live => self.text(x, y, max, " LIVE ", self.theme.tag_live),
            Kind::Mixed => {
                let next = self.text(x, y, max, "PAPER+", self.theme.tag_paper);
                self.text(next, y, max.saturating_sub(next - x), " LIVE ", self.theme.tag_live)
            }
        }
    }

    /// The scroll bar on a frame's right edge: which part of `total` rows the window shows.
    pub(super) fn scroll_mark(&mut self, frame: Rect, first: usize, shown: usize, total: usize) {
        if total <= shown || frame.height < 4 {
            return;
        }
        let track = usize::from(frame.height - 2);
        let length = (track * shown / total).clamp(1, track);
        let room = track - length;
        let at = (room * first).div_ceil((total - shown).max(1)).min(room);
        for row in at..at + length {
            self.put(
                frame.right() - 1,
                frame.y + 1 + super::draw_context::cells(row),
                self.glyphs.thumb,
                self.theme.scroll,
            );
        }
    }
}
