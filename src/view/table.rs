//! Tables: columns measured from the visible rows, figures aligned at the decimal point, rows written straight into the
//! buffer.
//!
//! Widths are kept and only grow while the same accounts are shown, so that columns do not jump while scrolling.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::draw_context::{DrawContext, cells, width};
use super::format::MISSING;
use crate::app::columns::{self, Align};
use crate::domain::money::write_grouped;

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    /// How cells are aligned and cut.
    pub(super) align: Align,
    /// Smallest width.
    pub(super) min: u16,
    /// Largest width; longer text ends in `…`.
    pub(super) max: u16,
    /// Rank: zero is always shown; without room, the highest rank goes first.
    pub(super) rank: u8,
}

impl Column {
    /// A column of words.
    pub(super) const fn text(title: &'static str, min: u16, max: u16, rank: u8) -> Self {
        Self { title, align: Align::Left, min, max, rank }
    }

    /// A column of figures.
    pub(super) const fn figure(title: &'static str, min: u16, max: u16, rank: u8) -> Self {
        Self { title, align: Align::Point, min, max, rank }
    }

    /// The column that names the account.
    pub(super) const fn account(min: u16, max: u16) -> Self {
        Self { title: "Account", align: Align::Name, min, max, rank: 0 }
    }
}

impl From<&columns::Column> for Column {
    fn from(declared: &columns::Column) -> Self {
        let columns::Column { title, align, min, max, rank, .. } = *declared;
        Self { title, align, min, max, rank }
    }
}

/// Measurements of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Measure {
    /// The widest cell.
    wide: u16,
    /// Most cells before a decimal point.
    whole: u16,
    /// Most cells for the decimal point and what follows.
    fraction: u16,
}

/// Fractions up to this length are aligned at the point; longer ones, as of crypto, would widen every row.
const ALIGNED: u16 = 5;

impl Measure {
    fn aligned(self) -> bool {
        self.fraction <= ALIGNED
    }

    fn width(self) -> u16 {
        if self.aligned() { self.wide.max(self.whole + self.fraction) } else { self.wide }
    }
}

/// Table state kept between frames.
#[derive(Debug, Default)]
pub(super) struct Memory {
    measures: Vec<Measure>,
    places: Vec<Place>,
}

impl Memory {
    /// Forgets the widths, when other accounts are shown.
    pub(super) fn reset(&mut self) {
        self.measures.clear();
    }
}

/// The placed column: where, and how wide.
#[derive(Debug, Clone, Copy)]
struct Place {
    column: usize,
    x: u16,
    width: u16,
}

/// A cell in the sheet.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    /// Cells before the decimal point; of a text, all.
    whole: u16,
    fraction: u16,
    /// Whether it is a figure, and not the mark of a missing one.
    figure: bool,
    style: Style,
}

/// The cells of the visible rows; the memory is reused every frame.
#[derive(Debug, Default)]
pub(super) struct CellBuffer {
    text: String,
    cells: Vec<Cell>,
}

impl CellBuffer {
    /// Removes all cells.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// Adds a text cell.
    pub(super) fn text(&mut self, text: &str, style: Style) {
        self.build(style, |out| out.push_str(text));
    }

    /// Adds a cell of mark, space and text.
    pub(super) fn marked(&mut self, mark: char, text: &str, style: Style) {
        self.build(style, |out| {
            out.push(mark);
            out.push(' ');
            out.push_str(text);
        });
    }

    /// Adds a text cell that a closure writes in place.
    pub(super) fn build(&mut self, style: Style, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        let whole = self.text.get(start..).map_or(0, width);
        self.cells.push(Cell { start, end: self.text.len(), whole, fraction: 0, figure: false, style });
    }

    /// Adds a figure with at least `places` decimals, or `--`.
    pub(super) fn figure(&mut self, value: Option<Decimal>, places: u32, style: Style, missing: Style) {
        self.signed_figure(value, places, "", style, missing);
    }

    /// As [`Self::figure`], shortened for lists: six significant digits, never fewer than `places` decimals, and never
    /// fewer digits before the point. A shortened figure is marked; details, copies and exports have all digits.
    pub(super) fn short_figure(&mut self, value: Option<Decimal>, places: u32, style: Style, missing: Style) {
        let Some((value, cut)) = value.map(|value| shortened(value, places)) else {
            self.text(MISSING, missing);
            return;
        };
        self.signed_figure(Some(value), places, "", style, missing);
        if cut && let Some(cell) = self.cells.last_mut() {
            self.text.push(CUT);
            cell.end = self.text.len();
            cell.fraction += 1;
        }
    }

    /// As [`Self::figure`], with a prefix such as `+` or `▲ +`.
    pub(super) fn signed_figure(
        &mut self,
        value: Option<Decimal>,
        places: u32,
        before: &str,
        style: Style,
        missing: Style,
    ) {
        let Some(value) = value else {
            self.text(MISSING, missing);
            return;
        };
        let start = self.text.len();
        self.text.push_str(before);
        write_grouped(&mut self.text, value, places);
        let text = self.text.get(start..).unwrap_or_default();
        let fraction = text.find('.').map_or(0, |point| cells(text.len() - point));
        let whole = width(text) - fraction;
        self.cells.push(Cell { start, end: self.text.len(), whole, fraction, figure: true, style });
    }
}

/// Writes a figure as [`CellBuffer::short_figure`] does, in at most `wide` cells, or else as `~1.23e15`.
pub(super) fn write_within(out: &mut String, value: Decimal, wide: u16) {
    let (value, cut) = shortened(value, 0);
    let mut text = String::new();
    write_grouped(&mut text, value, 0);
    if cut {
        text.push(CUT);
    }
    if width(&text) <= wide || value.abs() < Decimal::ONE_THOUSAND {
        out.push_str(&text);
    } else {
        out.push_str(&scientific(&text));
    }
}

/// Significant digits of a figure in a list.
const SIGNIFICANT: u32 = 6;
/// Marks digits that were left out.
const CUT: char = '…';

/// A figure shortened for lists, and whether significant digits were left out.
fn shortened(value: Decimal, places: u32) -> (Decimal, bool) {
    let value = value.normalize();
    let digits = value.mantissa().unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    // Digits before the point; below one, the zeros after it are not significant.
    let keep = (SIGNIFICANT + value.scale()).saturating_sub(digits).max(places);
    // The mark takes a digit's place.
    if value.scale() <= keep + 1 {
        return (value, false);
    }
    let short = value.trunc_with_scale(keep);
    // Without any digits it would look like zero.
    if short.is_zero() { (value, false) } else { (short, true) }
}

/// What a table shows besides its cells.
pub(super) struct Rows {
    /// The selected row's place in the window, if visible.
    pub(super) selected: Option<usize>,
    /// Whether the pane has the focus.
    pub(super) focused: bool,
    /// The sort column, and whether the order is reversed.
    pub(super) sorted: Option<(usize, bool)>,
    /// The number of rows after which a line is left free for a rule.
    pub(super) rule: Option<usize>,
}

/// Width of the longer environment word, `PAPER`.
const LONGEST_WORD: u16 = 5;
const MIN_GAP: u16 = 1;
/// Columns of this rank and above are dropped rather than narrowed.
const LUXURY: u8 = 3;
const MAX_GAP: u16 = 3;
/// Characters that text columns give up before a column of the first ranks is dropped.
const SQUEEZE: u16 = 4;

impl DrawContext<'_> {
    /// Writes titles and rows into `area`: one title line, then the rows of the sheet, without the `hidden` columns.
    pub(super) fn table(
        &mut self,
        area: Rect,
        columns: &[Column],
        hidden: impl Fn(usize) -> bool,
        buffer: &CellBuffer,
        memory: &mut Memory,
        rows: &Rows,
    ) -> Vec<(usize, Rect)> {
        measure(columns, buffer, memory);
        // The first cell is for the selection mark; the last separates figures from the frame.
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        place(inner, columns, hidden, memory);
        let mut headers = Vec::with_capacity(memory.places.len());
        for place in &memory.places {
            let Some(column) = columns.get(place.column) else { continue };
            let sorted = rows.sorted.filter(|(sorted, _)| *sorted == place.column);
            let style = if sorted.is_some() { self.theme.column_sorted } else { self.theme.column };
            match column.align {
                Align::Left | Align::Name => {
                    self.text(place.x, area.y, place.width, column.title, style);
                }
                Align::Point => self.right(place.x, area.y, place.width, column.title, style),
            }
            if let Some((_, reversed)) = sorted {
                let mark = if reversed { self.glyphs.up } else { self.glyphs.down };
                let beside = match column.align {
                    Align::Left | Align::Name => place.x + width(column.title).min(place.width),
                    Align::Point => (place.x + place.width).saturating_sub(width(column.title) + 1),
                };
                self.put(beside, area.y, mark, self.theme.column_sorted);
            }
            headers.push((place.column, Rect { x: place.x, y: area.y, width: place.width, height: 1 }));
        }
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        for (index, row) in buffer.cells.chunks(columns.len().max(1)).enumerate().take(usize::from(body.height)) {
            let y = body.y + cells(index) + u16::from(rows.rule.is_some_and(|after| index >= after));
            for place in &memory.places {
                let Some(cell) = row.get(place.column) else { continue };
                let align = columns.get(place.column).map_or(Align::Left, |column| column.align);
                let measured = memory.measures.get(place.column).copied().unwrap_or_default();
                self.cell(*place, y, cell, align, measured, buffer);
            }
            if rows.selected == Some(index) {
                self.select(Rect { y, height: 1, ..area }, rows.focused);
            }
        }
        headers
    }

    /// Highlights a row as selected.
    pub(super) fn select(&mut self, row: Rect, focused: bool) {
        let style = if focused { self.theme.selected } else { self.theme.selected_unfocused };
        self.restyle(row, style);
        let bar = if focused { self.theme.border_focused } else { self.theme.faint };
        self.put(row.x, row.y, self.glyphs.bar, style.patch(bar));
    }

    fn cell(&mut self, place: Place, y: u16, cell: &Cell, align: Align, measured: Measure, buffer: &CellBuffer) {
        let text = buffer.text.get(cell.start..cell.end).unwrap_or_default();
        let wide = cell.whole + cell.fraction;
        match align {
            Align::Left => {
                self.text(place.x, y, place.width, text, cell.style);
                return;
            }
            Align::Name => {
                let (word, name) = text.split_once(' ').unwrap_or((text, ""));
                let next = self.text(place.x, y, place.width, word, cell.style);
                // As much as next to the longer word, so that all rows of a narrow column show the same.
                let room = place.width.saturating_sub(LONGEST_WORD + 1);
                // One or two letters of a name are useless.
                if !name.is_empty() && (room >= 4 || width(name) <= room) {
                    self.put(next, y, ' ', cell.style);
                    self.middle(next + 1, y, room, name, cell.style);
                }
                return;
            }
            Align::Point => {}
        }
        // Align at the point if there is room, else at the right edge, else mark the figure as longer.
        let behind =
            if measured.aligned() && cell.figure { measured.fraction.saturating_sub(cell.fraction) } else { 0 };
        if wide + behind <= place.width {
            self.text(place.x + place.width - wide - behind, y, wide, text, cell.style);
        } else if wide <= place.width {
            self.text(place.x + place.width - wide, y, wide, text, cell.style);
        } else if cell.whole < place.width || !cell.figure {
            self.text(place.x, y, place.width, text, cell.style);
        } else {
            let short = scientific(text);
            self.right(place.x, y, place.width, &short, cell.style);
        }
    }
}

/// A figure too wide for its column even without decimals, as `~1.23e15`: never cut digits that look complete.
fn scientific(text: &str) -> String {
    let digits: String = text.split('.').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let sign = if text.contains('-') { "-" } else { "" };
    let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
    let after = rest.get(..2).unwrap_or(rest);
    format!("~{sign}{first}.{after}e{}", rest.len())
}

fn measure(columns: &[Column], buffer: &CellBuffer, memory: &mut Memory) {
    if memory.measures.len() != columns.len() {
        memory.measures = vec![Measure::default(); columns.len()];
    }
    for row in buffer.cells.chunks(columns.len().max(1)) {
        for (cell, measure) in row.iter().zip(&mut memory.measures) {
            measure.wide = measure.wide.max(cell.whole + cell.fraction);
            measure.whole = measure.whole.max(cell.whole);
            measure.fraction = measure.fraction.max(cell.fraction);
        }
    }
}

/// Chooses which columns are shown, how wide, and where.
fn place(area: Rect, columns: &[Column], hidden: impl Fn(usize) -> bool, memory: &mut Memory) {
    let wanted = |index: usize, column: &Column| {
        let measured = memory.measures.get(index).copied().unwrap_or_default();
        // The sort mark needs a cell next to the title.
        let title = width(column.title) + u16::from(column.align != Align::Point);
        measured.width().max(title).max(column.min).min(column.max)
    };
    let mut shown: Vec<(usize, u16)> = columns
        .iter()
        .enumerate()
        .filter(|(index, _)| !hidden(*index))
        .map(|(index, column)| (index, wanted(index, column)))
        .collect();
    let total = |shown: &[(usize, u16)], gap: u16| {
        let gaps = cells(shown.len().saturating_sub(1)) * gap;
        shown.iter().map(|(_, wide)| *wide).sum::<u16>() + gaps
    };
    let rank = |index: usize| columns.get(index).map_or(0, |column| column.rank);
    let minimum = |index: usize| columns.get(index).map_or(0, |column| column.min.max(cells(column.title.len())));
    loop {
        let last = shown.iter().map(|(index, _)| rank(*index)).max().unwrap_or(0);
        let gap = if last >= LUXURY { MIN_GAP + 1 } else { MIN_GAP };
        // Narrow text columns before dropping important columns.
        let squeeze = if last <= 1 { SQUEEZE } else { 0 };
        if last == 0 || total(&shown, gap) <= area.width + squeeze {
            break;
        }
        shown.retain(|(index, _)| rank(*index) != last);
    }
    // No column may be dropped now: narrow them to their minimum, text before figures.
    let mut over = total(&shown, MIN_GAP).saturating_sub(area.width);
    let words = |index: usize| columns.get(index).is_some_and(|column| column.align != Align::Point);
    for turn in [true, false] {
        for (index, wide) in shown.iter_mut().filter(|(index, _)| words(*index) == turn) {
            let gives = wide.saturating_sub(minimum(*index)).min(over);
            *wide -= gives;
            over -= gives;
        }
    }
    let gap = (MIN_GAP..=MAX_GAP).rev().find(|gap| total(&shown, *gap) <= area.width).unwrap_or(MIN_GAP);
    memory.places.clear();
    let mut x = area.x;
    for (index, wide) in shown {
        let wide = wide.min(area.right().saturating_sub(x));
        if wide == 0 {
            break;
        }
        memory.places.push(Place { column: index, x, width: wide });
        x = x.saturating_add(wide + gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_too_wide_for_its_column_never_shows_only_its_first_digits() {
        assert_eq!(scientific("123,456,789,012,345.67"), "~1.23e14");
        assert_eq!(scientific("-9,000,000.00"), "~-9.00e6");
    }

    #[test]
    fn names_that_differ_at_the_end_differ_when_cut_and_their_word_stays() {
        use crate::view::{Theme, glyphs};
        let cut = |text: &str, wide: u16| {
            let area = Rect::new(0, 0, wide, 1);
            let mut buf = ratatui::buffer::Buffer::empty(area);
            let theme = Theme::default();
            let (mut hits, mut links) = (Vec::new(), Vec::new());
            let mut ctx = DrawContext {
                buf: &mut buf,
                theme: &theme,
                glyphs: &glyphs::UNICODE,
                hits: &mut hits,
                links: &mut links,
                cursor: None,
            };
            let mut buffer = CellBuffer::default();
            buffer.text(text, Style::new());
            let place = Place { column: 0, x: 0, width: wide };
            ctx.cell(place, 0, &buffer.cells[0], Align::Name, Measure::default(), &buffer);
            buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
        };
        assert_eq!(cut("PAPER Alpaca", 14), "PAPER Alpaca  ");
        assert_eq!(cut("PAPER Alpaca 2", 11), "PAPER Alp…2");
        assert_eq!(cut("PAPER Alpaca 3", 11), "PAPER Alp…3");
        // One blank is the second cell of a wide character, one is left by the next that did not fit.
        assert_eq!(cut("PAPER 株式会社 2", 12), "PAPER 株  … 2");
        assert_eq!(cut("LIVE Alpaca", 6), "LIVE  ");
    }

    #[test]
    fn columns_give_way_by_rank_and_never_leave_the_area() {
        let column = |title, rank| Column { title, align: Align::Left, min: 4, max: 20, rank };
        let columns = [column("alpha", 0), column("beta", 2), column("gamma", 1)];
        let mut memory = Memory::default();
        let mut buffer = CellBuffer::default();
        for text in ["0123456789", "0123456789", "0123456789"] {
            buffer.text(text, Style::new());
        }
        measure(&columns, &buffer, &mut memory);
        for (wide, expected) in [(40, vec![0, 1, 2]), (25, vec![0, 2]), (12, vec![0]), (6, vec![0])] {
            let area = Rect { x: 3, y: 0, width: wide, height: 5 };
            place(area, &columns, |_| false, &mut memory);
            assert_eq!(memory.places.iter().map(|place| place.column).collect::<Vec<_>>(), expected, "{wide}");
            assert!(memory.places.iter().all(|place| place.x + place.width <= area.right()));
        }
    }

    #[test]
    fn a_list_truncates_after_six_digits_and_marks_it() {
        let text = |value: &str, places: u32| {
            let mut buffer = CellBuffer::default();
            buffer.short_figure(Some(value.parse().unwrap()), places, Style::new(), Style::new());
            buffer.text.clone()
        };
        assert_eq!(text("0.123456789", 0), "0.123456…");
        assert_eq!(text("12.345678901", 0), "12.3456…");
        assert_eq!(text("0.000012345678", 2), "0.0000123456…");
        assert_eq!(text("1234567.8912", 2), "1,234,567.89…");
        assert_eq!(text("1234567.891", 0), "1,234,567…", "no digit before the point is cut");
        assert_eq!(text("48123.45", 2), "48,123.45", "cents stay");
        assert_eq!(text("408.1125", 2), "408.1125", "a mark in the place of one digit would save nothing");
        assert_eq!(text("100.000000", 0), "100", "zeros say nothing");
        assert_eq!(text("-0.5", 2), "-0.50");
        assert_eq!(text("79228162514264337593543950335", 0), "79,228,162,514,264,337,593,543,950,335");
    }
}
