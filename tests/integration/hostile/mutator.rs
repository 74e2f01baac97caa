//! Mutates seeds with a seeded generator, so that a run can be repeated exactly.

/// An xorshift generator.
pub(super) struct Mutator(u64);

const SPICE: &[&[u8]] = &[
    b"null",
    b"\"\"",
    b"{}",
    b"[]",
    b"-",
    b"-1",
    b"0",
    b"1e400",
    b"99999999999999999999999999999999",
    b"0.000000000000000000001",
    b"NaN",
    b"true",
    b"\\u0000",
    b"\\ud800",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\0",
    b"\xff",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"fill",
    b"trade_bust",
    b"trade_correct",
    b"partial_fill",
    b"canceled",
    b"filled",
    b"2026-11-24T15:00:00Z",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"#",
    b"?",
    b"//",
    b"state=",
    b"code=",
    b"error=",
    b"\x81",
    b"\xdc",
    b"\xdd",
];

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    /// A seed with up to eight mutations, sometimes spliced with another seed.
    pub(super) fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.roll(seeds.len())].clone();
        for _ in 0..=self.roll(8) {
            let at = self.roll(bytes.len() + 1);
            match self.roll(8) {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                2 if at < bytes.len() => bytes[at] = u8::try_from(self.roll(256)).unwrap(),
                3 => drop(bytes.splice(at..at, SPICE[self.roll(SPICE.len())].iter().copied())),
                4 => {
                    let end = at + self.roll((bytes.len() - at).min(200) + 1);
                    let piece = bytes[at..end].to_vec();
                    let to = self.roll(bytes.len() + 1);
                    drop(bytes.splice(to..to, piece));
                }
                5 => {
                    let end = at + self.roll((bytes.len() - at).min(60) + 1);
                    drop(bytes.splice(at..end, SPICE[self.roll(SPICE.len())].iter().copied()));
                }
                6 => {
                    let other = &seeds[self.roll(seeds.len())];
                    let from = self.roll(other.len() + 1);
                    let to = from + self.roll((other.len() - from).min(200) + 1);
                    drop(bytes.splice(at..at, other[from..to].to_vec()));
                }
                _ if self.roll(6) == 0 => bytes.truncate(at.max(1)),
                _ => {}
            }
        }
        bytes
    }
}
