//! Incomplete sequences: their kinds, and the characters at the end that may have been typed.

use std::time::Duration;

/// Characters closer than this were not typed; a single one this long counts as a key unless something contradicts it.
pub(super) const HAND: Duration = Duration::from_millis(30);
/// Longest pause that a network inserts into what a terminal sends at once.
pub(super) const CUT: Duration = Duration::from_millis(500);

/// What an escape sequence introduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ESC [`: keys, mouse, most reports.
    Csi,
    /// `ESC O`: keys.
    Ss3,
    /// `ESC ]`: colours, titles, the clipboard.
    Osc,
    /// `ESC P`: DCS.
    Dcs,
    /// `ESC X`, `ESC ^`, `ESC _`: SOS, PM and APC.
    String,
}

impl Kind {
    pub(super) fn of(introducer: u8) -> Option<Self> {
        match introducer {
            b'[' => Some(Self::Csi),
            b'O' => Some(Self::Ss3),
            b']' => Some(Self::Osc),
            b'P' => Some(Self::Dcs),
            b'X' | b'^' | b'_' => Some(Self::String),
            _ => None,
        }
    }

    /// The kind of a one-byte C1 introducer.
    pub(super) fn of_c1(byte: u8) -> Option<Self> {
        // A C1 control is its escape's second byte and 0x40.
        matches!(byte, 0x80..=0x9f).then(|| Self::of(byte - 0x40)).flatten()
    }

    /// Whether a string of this kind may start with this byte.
    pub(super) fn begins_with(self, byte: u8) -> bool {
        match self {
            // A number, or the `l` and `L` of a title.
            Self::Osc => matches!(byte, b'0'..=b'9' | b'l' | b'L'),
            Self::Dcs => matches!(byte, 0x20..=0x3f),
            Self::Csi | Self::Ss3 | Self::String => byte >= 0x20,
        }
    }
}

/// The bytes at the end of an incomplete sequence that each arrived singly.
#[derive(Debug, Default)]
pub(super) struct Alone {
    pub(super) bytes: Vec<u8>,
    /// How long they wait for the end of the sequence.
    pub(super) wait: Duration,
    /// Whether the first is an introducer after an Escape that was taken for the key.
    pub(super) introduced: bool,
}

impl Alone {
    /// Adds a byte that arrived this long after the last.
    pub(super) fn push(&mut self, byte: u8, gap: Duration) {
        let goes_on = matches!(byte, 0x80..=0xbf) && !self.bytes.is_empty();
        if gap < HAND && !goes_on {
            return self.clear();
        }
        if self.bytes.is_empty() {
            self.wait = wait(gap);
        }
        self.bytes.push(byte);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.introduced = false;
    }
}

/// How long a character waits that arrived this long after the last.
pub(super) fn wait(gap: Duration) -> Duration {
    if gap < CUT { CUT } else { HAND }
}
