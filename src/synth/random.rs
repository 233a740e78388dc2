//! The stream of random numbers everything is drawn from: ChaCha8, integers only, so that no machine's floating point shows.
//! It must not know what is drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws of one seed.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of `seed`; `purpose` keeps independent streams of one seed apart.
    pub(super) fn new(seed: u64, purpose: [u8; 8]) -> Self {
        let mut key = [0; 32];
        let (first, second) = key.split_at_mut(8);
        first.copy_from_slice(&seed.to_le_bytes());
        second[..8].copy_from_slice(&purpose);
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 32 random bits.
    pub(super) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub(super) fn wide(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n` (0 when `n` is 0), by multiplication: the bias of n / 2^32 does not matter here.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        scale(u64::from(n), self.bits()) as u32
    }

    /// True `per_million` times in a million.
    pub(super) fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < per_million
    }

    /// One of `choices`, which are never empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        // Every caller passes a constant list with at least one entry, and `below(len) < len`.
        choices[self.below(choices.len() as u32) as usize]
    }

    /// How many of `n` fair coins (at most 64) show heads: an exact draw of Binomial(n, 1/2).
    pub(super) fn heads(&mut self, n: u32) -> u32 {
        let mask = if n >= 64 { u64::MAX } else { (1 << n) - 1 };
        (self.wide() & mask).count_ones()
    }
}

/// `amount` times a fraction in units of 2^-32, rounded down.
pub(super) fn scale(amount: u64, fraction: u32) -> u64 {
    ((u128::from(amount) * u128::from(fraction)) >> 32) as u64
}

/// A well-mixed function of `x` (splitmix64): the same everywhere, at once, without a stream.
pub(super) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
