//! Properties, tried with the same inputs in every run: a check fails because of what changed, not of chance.
//!
//! `ARBTEST_BUDGET_MS=60000` has every property searched for new counterexamples for that long instead, and
//! `ARBTEST_SEED=…`, which a failure prints, plays one of them again.

use std::ops::RangeInclusive;

use arbtest::arbitrary::{Result, Unstructured};

/// Tries a law `count` times, with more and more bytes at hand.
pub fn tried(count: u32, sizes: RangeInclusive<u32>, mut law: impl FnMut(&mut Unstructured) -> Result<()>) {
    let (least, most) = sizes.into_inner();
    if ["ARBTEST_SEED", "ARBTEST_BUDGET_MS"].iter().any(|it| std::env::var_os(it).is_some()) {
        return arbtest::arbtest(law).size_min(least).size_max(most).run();
    }
    for index in 0..count {
        let size = least + (u64::from(most - least) * u64::from(index) / u64::from(count)) as u32;
        // Neighbouring seeds of a simple generator are alike at first.
        let seed = index.wrapping_add(1).wrapping_mul(0x9e37_79b9);
        arbtest::arbtest(&mut law).seed((u64::from(seed) << 32) | u64::from(size)).run();
    }
}
