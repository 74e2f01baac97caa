//! Writes text straight into the buffer: cut with `…`, aware of wide characters, safe against control characters.
//!
//! Panes draw with this alone, because building ratatui widgets takes three quarters of a frame's time.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::glyphs::Glyphs;
use super::theme::Theme;
use super::{Hit, Hyperlink};
use crate::app::msg::HitTarget;

/// A width in cells; anything longer than a screen is capped.
pub(super) fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The width of a text in cells.
pub(super) fn width(text: &str) -> u16 {
    if text.is_ascii() { cells(text.len()) } else { cells(text.width()) }
}

pub(super) use crate::domain::text::clean;

/// The context of drawing a frame.
pub(super) struct DrawContext<'a> {
    pub(super) buf: &'a mut Buffer,
    pub(super) theme: &'a Theme,
    pub(super) glyphs: &'static Glyphs,
    pub(super) hits: &'a mut Vec<Hit>,
    pub(super) links: &'a mut Vec<Hyperlink>,
    /// The position of the terminal's cursor: the focused text field.
    pub(super) cursor: Option<Position>,
}

impl DrawContext<'_> {
    /// Writes one character.
    pub(super) fn put(&mut self, x: u16, y: u16, ch: char, style: Style) {
        if let Some(cell) = self.buf.cell_mut(Position { x, y }) {
            cell.set_char(ch).set_style(style);
        }
    }

    /// Writes text into at most `max` cells, ending in `…` if it does not fit; returns where the next text goes.
    pub(super) fn text(&mut self, x: u16, y: u16, max: u16, text: &str, style: Style) -> u16 {
        let area = *self.buf.area();
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return x;
        }
        let max = max.min(area.right() - x);
        if max == 0 {
            return x;
        }
        let fits = width(text) <= max;
        let room = if fits { max } else { max - 1 };
        let mut next =
            if text.is_ascii() { self.ascii(x, y, room, text, style) } else { self.graphemes(x, y, room, text, style) };
        if !fits {
            // A wide character may have left a free cell before the mark.
            while next < x + room {
                self.put(next, y, ' ', style);
                next += 1;
            }
            self.put(next, y, self.glyphs.ellipsis, style);
            next += 1;
        }
        next
    }

    fn ascii(&mut self, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let start = self.buf.index_of(x, y);
        let row = self.buf.content.iter_mut().skip(start).take(usize::from(room));
        let mut next = x;
        for (cell, byte) in row.zip(text.bytes()) {
            let ch = if byte.is_ascii_control() { char::REPLACEMENT_CHARACTER } else { char::from(byte) };
            cell.set_char(ch).set_style(style);
            next += 1;
        }
        next
    }

    fn graphemes(&mut self, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
        let mut next = x;
        for grapheme in text.graphemes(true) {
            let wide = width(grapheme);
            if wide == 0 || grapheme.chars().any(char::is_control) {
                continue;
            }
            if next + wide > x + room {
                break;
            }
            if let Some(cell) = self.buf.cell_mut(Position { x: next, y }) {
                cell.set_symbol(grapheme).set_style(style);
            }
            for hidden in next + 1..next + wide {
                if let Some(cell) = self.buf.cell_mut(Position { x: hidden, y }) {
                    // The terminal fills this cell itself; it must be empty for frames to be compared.
                    cell.reset();
                    cell.set_style(self.theme.base.patch(style));
                }
            }
            next += wide;
        }
        next
    }

    /// Writes text into at most `max` cells, cut in the middle if it does not fit: `Alp…r 2`.
    pub(super) fn middle(&mut self, x: u16, y: u16, max: u16, text: &str, style: Style) -> u16 {
        if width(text) <= max || max < 4 {
            return self.text(x, y, max, text, style);
        }
        // Most labels start alike and differ at the end, but people look for the start.
        let tail = (max / 3).max(1);
        let mut room = tail;
        let fits = |grapheme: &&str| {
            let left = room.checked_sub(width(grapheme));
            room = left.unwrap_or(room);
            left.is_some()
        };
        let end: usize = text.graphemes(true).rev().take_while(fits).map(str::len).sum();
        let (head, tail_text) = text.split_at_checked(text.len() - end).unwrap_or((text, ""));
        let next = self.text(x, y, max - tail, head, style);
        self.text(next, y, tail, tail_text, style)
    }

    /// Writes text right-aligned in `max` cells.
    pub(super) fn right(&mut self, x: u16, y: u16, max: u16, text: &str, style: Style) {
        let used = width(text).min(max);
        self.text(x + (max - used), y, used, text, style);
    }

    /// Writes pieces of text one after another into at most `max` cells; returns where the next text goes.
    pub(super) fn pieces(&mut self, x: u16, y: u16, max: u16, pieces: &[(&str, Style)]) -> u16 {
        let end = x.saturating_add(max);
        let mut next = x;
        for (text, style) in pieces {
            if next >= end {
                break;
            }
            next = self.text(next, y, end - next, text, *style);
        }
        next
    }

    /// Fills an area with spaces of a style.
    pub(super) fn clear(&mut self, area: Rect, style: Style) {
        let area = area.intersection(*self.buf.area());
        for y in area.top()..area.bottom() {
            let start = self.buf.index_of(area.left(), y);
            for cell in self.buf.content.iter_mut().skip(start).take(usize::from(area.width)) {
                cell.reset();
                cell.set_style(self.theme.base.patch(style));
            }
        }
    }

    /// Applies a style to a row: selection or flash. The LIVE block keeps its own style.
    pub(super) fn restyle(&mut self, area: Rect, style: Style) {
        let block = self.theme.tag_live.bg;
        let area = area.intersection(*self.buf.area());
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let Some(cell) = self.buf.cell_mut(Position { x, y }) else { continue };
                if block == Some(cell.bg) {
                    continue;
                }
                // Without colours the block is reversed; on a reversed row it must not be.
                let reversed = cell.modifier.contains(Modifier::REVERSED);
                cell.set_style(style);
                if reversed && style.add_modifier.contains(Modifier::REVERSED) {
                    cell.modifier.remove(Modifier::REVERSED);
                }
            }
        }
    }

    /// Registers an area for the mouse.
    pub(super) fn hit(&mut self, area: Rect, target: HitTarget) {
        self.hits.push(Hit::Area(area, target));
    }

    /// Draws a text field, scrolled so that the cursor is visible, and places the terminal's cursor.
    pub(super) fn field(&mut self, area: Rect, value: &str, cursor: u16, masked: bool) {
        let style = self.theme.input;
        self.clear(Rect { height: 1, ..area }, style);
        if area.width == 0 {
            return;
        }
        let (shown, cursor) = if masked {
            let mask = self.glyphs.mask;
            (Cow::Owned(value.chars().map(|_| mask).collect::<String>()), cells(value.chars().count()).min(cursor))
        } else {
            (clean(value), cursor)
        };
        let skip = cursor.saturating_sub(area.width - 1);
        let mut left = skip;
        let rest = shown.trim_start_matches(|ch: char| {
            let wide = cells(ch.width().unwrap_or(0));
            let cut = left > 0;
            left = left.saturating_sub(wide);
            cut
        });
        let mut room = area.width;
        let visible: String = rest
            .chars()
            .take_while(|ch| {
                let wide = cells(ch.width().unwrap_or(0));
                let fits = wide <= room;
                room = room.saturating_sub(wide);
                fits
            })
            .collect();
        self.text(area.x, area.y, area.width, &visible, style);
        self.cursor = Some(Position { x: area.x + cursor - skip, y: area.y });
    }
}
