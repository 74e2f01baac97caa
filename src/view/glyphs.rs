//! Marks and frame characters: a Unicode set, and an ASCII set with the same widths.

/// The characters of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) top_left: char,
    pub(super) top_right: char,
    pub(super) bottom_left: char,
    pub(super) bottom_right: char,
    pub(super) horizontal: char,
    pub(super) vertical: char,
}

/// Every mark on the screen.
///
/// Invariant: each is one cell wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyphs {
    /// Connected.
    pub(super) on: char,
    /// Not connected: paused, or not linked.
    pub(super) off: char,
    /// In progress.
    pub(super) waiting: char,
    /// Partly done.
    pub(super) partial: char,
    /// Succeeded.
    pub(super) done: char,
    /// Failed, or ended otherwise.
    pub(super) cross: char,
    pub(super) up: char,
    pub(super) down: char,
    /// Arrow: leads to.
    pub(super) arrow: char,
    /// Separator between facts.
    pub(super) dot: char,
    /// Learned late, from REST.
    pub(super) late: char,
    /// Left of the selected row.
    pub(super) bar: char,
    /// Left of a marked row.
    pub(super) mark: char,
    /// Left of the title of the focused pane.
    pub(super) focus: char,
    /// Text is cut off here.
    pub(super) ellipsis: char,
    /// Replaces a character of a secret.
    pub(super) mask: char,
    /// The scroll bar.
    pub(super) thumb: char,
    /// The multiplication sign.
    pub(super) times: char,
    /// A rule between sections.
    pub(super) rule: char,
    /// Whether charts may use braille.
    pub(super) braille: bool,
    /// Borders of panes without an account and of paper accounts.
    pub(super) paper: Frame,
    /// Borders of live accounts.
    pub(super) live: Frame,
}

/// For terminals that can show Unicode.
pub(super) const UNICODE: Glyphs = Glyphs {
    on: '●',
    off: '○',
    waiting: '◌',
    partial: '◐',
    done: '✓',
    cross: '✗',
    up: '▲',
    down: '▼',
    arrow: '→',
    dot: '·',
    late: '↺',
    bar: '▌',
    mark: '◆',
    focus: '▸',
    ellipsis: '…',
    mask: '•',
    thumb: '┃',
    times: '×',
    rule: '─',
    braille: true,
    paper: Frame {
        top_left: '╭', top_right: '╮', bottom_left: '╰', bottom_right: '╯', horizontal: '─', vertical: '│'
    },
    live: Frame {
        top_left: '╔', top_right: '╗', bottom_left: '╚', bottom_right: '╝', horizontal: '═', vertical: '║'
    },
};

/// For all others (`[ui] ascii = true`).
pub(super) const ASCII: Glyphs = Glyphs {
    on: '*',
    off: 'o',
    waiting: '~',
    partial: '%',
    done: '+',
    cross: 'x',
    up: '^',
    down: 'v',
    arrow: '>',
    dot: '-',
    late: '@',
    bar: '>',
    mark: '+',
    focus: '>',
    ellipsis: '~',
    mask: '*',
    thumb: '#',
    times: 'x',
    rule: '-',
    braille: false,
    paper: Frame { top_left: '+', top_right: '+', bottom_left: '+', bottom_right: '+', horizontal: '-', vertical: '|' },
    live: Frame { top_left: '#', top_right: '#', bottom_left: '#', bottom_right: '#', horizontal: '=', vertical: '#' },
};

/// The ASCII replacement of a character.
///
/// An accented letter loses its accent; any other character becomes a placeholder.
pub(super) fn ascii(symbol: &str) -> &'static str {
    const LETTERS: &[(&str, &str)] = &[
        ("ÀÁÂÃÄÅĀĂĄ", "A"),
        ("àáâãäåāăą", "a"),
        ("ÇĆČ", "C"),
        ("çćč", "c"),
        ("ÈÉÊËĒĘĚ", "E"),
        ("èéêëēęě", "e"),
        ("ÌÍÎÏĪ", "I"),
        ("ìíîïī", "i"),
        ("ÑŃŇ", "N"),
        ("ñńň", "n"),
        ("ÒÓÔÕÖØŌ", "O"),
        ("òóôõöøō", "o"),
        ("ŚŠ", "S"),
        ("śšß", "s"),
        ("ÙÚÛÜŪŮ", "U"),
        ("ùúûüūů", "u"),
        ("ŹŻŽ", "Z"),
        ("źżž", "z"),
        ("·", "-"),
        ("–—‐‑", "-"),
        ("…", "~"),
        ("•", "*"),
        ("‘’", "'"),
        ("“”", "\""),
        ("×", "x"),
        ("\u{a0}", " "),
    ];
    let first = symbol.chars().next();
    let found = LETTERS.iter().find(|(letters, _)| first.is_some_and(|ch| letters.contains(ch)));
    found.map_or("?", |(_, plain)| plain)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthChar;

    use super::*;

    fn all(glyphs: &Glyphs) -> Vec<char> {
        let frame = |f: Frame| [f.top_left, f.top_right, f.bottom_left, f.bottom_right, f.horizontal, f.vertical];
        let mut marks = vec![
            glyphs.on,
            glyphs.off,
            glyphs.waiting,
            glyphs.partial,
            glyphs.done,
            glyphs.cross,
            glyphs.up,
            glyphs.down,
            glyphs.arrow,
            glyphs.dot,
            glyphs.late,
            glyphs.bar,
            glyphs.mark,
            glyphs.focus,
            glyphs.ellipsis,
            glyphs.mask,
            glyphs.thumb,
            glyphs.times,
            glyphs.rule,
        ];
        marks.extend(frame(glyphs.paper));
        marks.extend(frame(glyphs.live));
        marks
    }

    #[test]
    fn every_mark_is_one_cell_wide_and_the_ascii_ones_are_ascii() {
        for mark in all(&UNICODE) {
            assert_eq!(mark.width(), Some(1), "{mark}");
        }
        assert!(all(&ASCII).iter().all(char::is_ascii));
    }

    #[test]
    fn a_live_frame_differs_from_a_paper_frame_in_both_sets() {
        for glyphs in [UNICODE, ASCII] {
            assert_ne!(glyphs.live.horizontal, glyphs.paper.horizontal);
            assert_ne!(glyphs.live.vertical, glyphs.paper.vertical);
        }
    }
}
