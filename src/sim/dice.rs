//! The only source of randomness: seeded, and split into numbered streams so that one consumer does not affect another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use uuid::Uuid;

/// A stream of seeded random numbers.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream numbered `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number from 0 up to but not including `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The bias of the remainder is under one in a billion for the small ranges used here.
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.below(span)).unwrap_or(0))
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A roughly normal number with mean 0 and standard deviation 1,000.
    pub fn normal(&mut self) -> i64 {
        // Twelve uniforms on 0..4096 have a standard deviation of 4096; the sum of the halves of one draw is cheap.
        let (a, b, c) = (self.0.next_u64(), self.0.next_u64(), self.0.next_u64());
        let mut sum = 0_i64;
        for word in [a, b, c] {
            for shift in [0, 16, 32, 48] {
                sum += i64::try_from((word >> shift) & 0xfff).unwrap_or(0);
            }
        }
        (sum - 12 * 4095 / 2) * 1000 / 4096
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(items.len()).unwrap_or(0));
        items.get(usize::try_from(index).unwrap_or(0))
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    /// Eighty random bits, for the lower part of a ULID.
    pub fn bits80(&mut self) -> u128 {
        ((u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64())) & ((1 << 80) - 1)
    }
}

/// A UUID derived from `text` alone; assets keep their ids whatever the seed.
pub fn uuid_of(text: &str) -> Uuid {
    let seed = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Dice::new(seed, 77).uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, stream| (0..4).map(|_| Dice::new(seed, stream).uuid()).collect::<Vec<_>>();
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn normal_numbers_have_the_promised_spread() {
        let mut dice = Dice::new(7, 7);
        let draws: Vec<i64> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = draws.iter().sum::<i64>() / 20_000;
        let variance = draws.iter().map(|draw| draw * draw).sum::<i64>() / 20_000;
        assert!(mean.abs() < 30, "{mean}");
        assert!((900_000..1_100_000).contains(&variance), "{variance}");
    }
}
