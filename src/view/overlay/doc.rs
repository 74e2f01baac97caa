//! Builds the lines of a detail overlay: headings, fields in columns, small tables, wrapped text.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::view::draw_context::{clean, width};
use crate::view::glyphs::Glyphs;
use crate::view::theme::Theme;

/// The lines of an overlay under construction.
pub(super) struct Doc<'a> {
    pub(super) lines: Vec<Line<'static>>,
    theme: &'a Theme,
    glyphs: &'a Glyphs,
    wide: usize,
}

/// A cell of a small table.
pub(super) type Cell = (String, Style);

impl<'a> Doc<'a> {
    /// An empty cell of this width.
    pub(super) fn new(theme: &'a Theme, glyphs: &'a Glyphs, wide: u16) -> Self {
        Self { lines: Vec::new(), theme, glyphs, wide: usize::from(wide.max(20)) }
    }

    /// Adds an empty line, unless the last line is empty or there is none.
    pub(super) fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.spans.is_empty()) {
            self.lines.push(Line::default());
        }
    }

    /// Adds a heading with a rule to the right edge.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        let rule = self.wide.saturating_sub(text.len() + 1);
        self.lines.push(Line::from(vec![
            Span::styled(format!("{text} "), self.theme.strong),
            Span::styled(self.glyphs.rule.to_string().repeat(rule), self.theme.faint),
        ]));
    }

    /// Adds a line of styled pieces.
    pub(super) fn pieces(&mut self, pieces: Vec<(String, Style)>) {
        self.lines
            .push(Line::from(pieces.into_iter().map(|(text, style)| Span::styled(text, style)).collect::<Vec<_>>()));
    }

    /// Adds text, wrapped.
    pub(super) fn text(&mut self, text: &str, style: Style) {
        for line in wrap(&clean(text), self.wide) {
            self.lines.push(Line::from(Span::styled(line, style)));
        }
    }

    /// Adds a line of code, wrapped with its own indentation.
    pub(super) fn code(&mut self, text: &str, style: Style) {
        let text = clean(text);
        let inner = text.trim_start();
        let indent = text.len() - inner.len();
        for line in wrap(inner, self.wide.saturating_sub(indent)) {
            self.lines.push(Line::from(Span::styled(format!("{}{line}", " ".repeat(indent)), style)));
        }
    }

    /// Adds labels and values, in two columns where both fit; a value that is too long gets lines of its own.
    pub(super) fn fields(&mut self, fields: &[(&str, String, Style)]) {
        let label = fields.iter().map(|(label, ..)| label.len()).max().unwrap_or(0) + 2;
        let longest = fields.iter().map(|(_, value, _)| usize::from(width(value))).max().unwrap_or(0);
        let half = self.wide / 2;
        let columns = if label + longest < half { 2 } else { 1 };
        let rows = fields.len().div_ceil(columns);
        for row in 0..rows {
            let mut spans = Vec::new();
            for column in 0..columns {
                let Some((name, value, style)) = fields.get(column * rows + row) else { continue };
                if column > 0 {
                    let used: usize = spans.iter().map(|span: &Span<'_>| usize::from(width(&span.content))).sum();
                    spans.push(Span::raw(" ".repeat(half.saturating_sub(used))));
                }
                spans.push(Span::styled(format!("{name:<label$}"), self.theme.dim));
                let mut parts = wrap(value, self.wide.saturating_sub(label)).into_iter();
                spans.push(Span::styled(parts.next().unwrap_or_default(), *style));
                if columns == 1 {
                    self.lines.push(Line::from(std::mem::take(&mut spans)));
                    for part in parts {
                        let indent = Span::raw(" ".repeat(label));
                        self.lines.push(Line::from(vec![indent, Span::styled(part, *style)]));
                    }
                }
            }
            if columns > 1 {
                self.lines.push(Line::from(spans));
            }
        }
    }

    /// Adds a small table. Columns whose title starts with a space hold figures and are right-aligned. Without enough
    /// room, the last column, an id, goes on lines of its own, because half an id is useless.
    pub(super) fn table(&mut self, titles: &[&str], rows: &[Vec<Cell>]) {
        let widths: Vec<usize> = titles
            .iter()
            .enumerate()
            .map(|(column, title)| {
                let cells = rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| usize::from(width(text)));
                cells.max().unwrap_or(0).max(title.trim_start().len())
            })
            .collect();
        let total: usize = widths.iter().map(|wide| wide + 2).sum::<usize>().saturating_sub(2);
        let below = total > self.wide;
        let beside = titles.len() - usize::from(below);
        let line = |cells: Vec<(&str, Style)>| {
            let mut spans = Vec::new();
            for ((text, style), (title, wide)) in cells.into_iter().zip(titles.iter().zip(&widths)) {
                let pad = " ".repeat(wide.saturating_sub(usize::from(width(text))));
                let text = if title.starts_with(' ') { format!("{pad}{text}  ") } else { format!("{text}{pad}  ") };
                spans.push(Span::styled(text, style));
            }
            // Trailing blanks would count as text that does not fit.
            if let Some(last) = spans.last_mut() {
                last.content = last.content.trim_end().to_owned().into();
            }
            Line::from(spans)
        };
        let heads = titles.iter().take(beside).map(|title| (title.trim_start(), self.theme.column));
        self.lines.push(line(heads.collect()));
        for row in rows {
            self.lines.push(line(row.iter().take(beside).map(|(text, style)| (text.as_str(), *style)).collect()));
            if let Some((text, style)) = row.get(beside) {
                let parts = wrap(text, self.wide.saturating_sub(2));
                self.lines.extend(parts.into_iter().map(|part| Line::from(Span::styled(format!("  {part}"), *style))));
            }
        }
    }
}

/// Breaks a text into lines of at most `wide` cells, between words where possible. A text without spaces breaks
/// anywhere, so that joining its lines gives the whole URL.
pub(super) fn wrap(text: &str, wide: usize) -> Vec<String> {
    let wide = wide.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let used = usize::from(width(&line));
        let long = usize::from(width(word));
        if used > 0 && used + 1 + long > wide {
            lines.push(std::mem::take(&mut line));
        } else if used > 0 {
            line.push(' ');
        }
        if long <= wide {
            line.push_str(word);
            continue;
        }
        for ch in word.chars() {
            let mut room = [0; 4];
            if usize::from(width(&line)) + usize::from(width(ch.encode_utf8(&mut room))) > wide {
                lines.push(std::mem::take(&mut line));
            }
            line.push(ch);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_without_room_beside_its_row_is_shown_in_full_below_it() {
        let (theme, id) = (Theme::default(), "3f1c0c52-0000-4000-8000-000000000021");
        let cell = |text: &str| (text.to_owned(), Style::new());
        for (wide, lines) in [(60, 2), (40, 3)] {
            let mut doc = Doc::new(&theme, &crate::view::glyphs::UNICODE, wide);
            doc.table(&["Time", " Qty", "Id"], &[vec![cell("13:46:16"), cell("50"), cell(id)]]);
            let text: Vec<String> = doc.lines.iter().map(ToString::to_string).collect();
            assert_eq!(text.len(), lines, "{text:?}");
            assert!(text.last().unwrap().ends_with(id), "{text:?}");
        }
    }

    #[test]
    fn wrapping_breaks_between_words_and_loses_nothing_of_a_url() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        let url = "https://a.example/authorize?x=1234567890&y=abcdefghij";
        assert!(wrap(url, 10).iter().all(|line| line.len() <= 10));
        assert_eq!(wrap(url, 10).concat(), url);
        assert_eq!(wrap("", 5), [""]);
    }
}
