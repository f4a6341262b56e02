//! Laws that hold for whatever is live and whatever is wanted: ten thousand pairs, made by chance.
//!
//! What an organization may be like comes from `draft`; `live` makes it the sandbox's own state, `wanted` a manifest,
//! and `pair` joins the two. `service` is the sandbox without sockets, `play` carries plans out on it, `fewest` counts
//! what that should have taken. The laws stand in `laws`, what they found, cut down to a few lines, in `found`.
//!
//! Every pair is rehearsed, and its deletions are held against their causes. Every plan that can be applied as it is and
//! has something to do is carried out as well, in an order by chance: that is where calls are counted and where the
//! organization is looked at after each of them. The other pairs have no calls to send: there is nothing to do, or
//! something stands in the way. Every pair is planned again in doubt, one in twenty in another order, and one in
//! twenty-five imported.
//!
//! The same pairs are tried in every run; `BYLAWS_PAIRS=100000` tries that many more in each of the four shares.
//! A pair that breaks a law is told with its seed; `BYLAWS_PAIR=SEED cargo test --test it pairs::` plays it again.

mod access;
mod dice;
mod draft;
mod fewest;
mod found;
mod laws;
mod live;
mod pair;
mod play;
mod service;
mod tally;
mod wanted;

use std::hash::{BuildHasher, RandomState};

use bylaws::model::{Plan, Snapshot};

use dice::Dice;
use pair::{Manifest, Pair};
use service::Service;
use tally::Tally;

/// Pairs of each share that are the same in every run. With `BYLAWS_PAIRS=N` each share tries as many new ones.
const FIXED: usize = 2_500;
/// So many manifests, and so many organizations for each of them, come of one seed.
const SIDE: usize = 4;

/// The share whose first seed is this.
fn share(first: u64) {
    let service = Service::new();
    let mut tally = Tally::default();
    if let Ok(seed) = std::env::var("BYLAWS_PAIR") {
        return hold(seed.parse().unwrap(), &service, &mut tally);
    }
    let mut seeds = first..;
    while tally.pairs() < FIXED {
        hold(seeds.next().unwrap(), &service, &mut tally);
    }
    let fresh = std::env::var("BYLAWS_PAIRS").map_or(0, |it| it.parse::<usize>().unwrap());
    while tally.pairs() < FIXED + fresh {
        hold(RandomState::new().hash_one(first), &service, &mut tally);
    }
    tally.is_telling();
}

/// Holds all pairs of a seed to every law.
fn hold(seed: u64, service: &Service, tally: &mut Tally) {
    pairs(seed, service, &mut |pair, live, plan, dice| {
        if let Err(why) = laws_of(pair, live, plan, service, dice, tally) {
            let plan = bylaws::render::json::plan(plan);
            panic!("{why}\nthe pair of BYLAWS_PAIR={seed}\n{}\n--- plan\n{plan}", pair.told());
        }
    });
}

/// The pairs of a seed: some organizations and some manifests that come of one draft, each with each.
fn pairs(seed: u64, service: &Service, each: &mut dyn FnMut(&Pair, &Snapshot, &Plan, &mut Dice)) {
    let mut dice = Dice::new(seed);
    let origin = draft::any(&mut dice);
    // Some of what is written by chance is no manifest.
    let manifests: Vec<Manifest> =
        std::iter::repeat_with(|| Manifest::of(&mut dice, &origin)).filter_map(Result::ok).take(SIDE).collect();
    for _ in 0..SIDE {
        let mut there = draft::changed(&mut dice, &origin);
        // Whoever asks is there.
        there["members"]["alice"] = serde_json::json!({"role": "admin"});
        let state = live::state(&mut dice, &there);
        let token = if dice.chance(15) { "pul-gitops" } else { "pul-sandbox" };
        for manifest in &manifests {
            service.is(&state, token);
            if let Some((pair, live, plan)) = Pair::of(&mut dice, service, &state, manifest) {
                each(&pair, &live, &plan, &mut dice);
            }
        }
    }
}

fn laws_of(
    pair: &Pair,
    live: &Snapshot,
    plan: &Plan,
    service: &Service,
    dice: &mut Dice,
    tally: &mut Tally,
) -> laws::Held {
    tally.pair(pair, plan);
    laws::converges(plan)?;
    laws::deletions_have_a_cause(pair, plan)?;
    if dice.chance(5) {
        laws::twice_the_same(pair, live, plan)?;
        laws::order_is_nothing(pair, service, plan, dice)?;
        tally.count("planned in another order");
    }
    // With dice of its own: what is tried here makes no other pairs.
    if laws::doubt_takes_nothing(pair, service, plan, &mut dice.clone())? {
        tally.count("planned in doubt");
    }
    if dice.chance(4) && laws::imported_plans_empty(service)? > 5 {
        tally.count("imported");
    }
    if plan.status.applyable && !plan.is_empty() {
        // Drawn for nothing, so that the pairs that are the same in every run stay what they are.
        dice.next();
        let carried = laws::carried_out(pair, live, service, plan, dice)?;
        tally.count("carried out");
        if carried.gaps > 0 {
            tally.count("carried out with a gap that was told");
        }
        if carried.writes > 20 {
            tally.count("carried out with more than twenty writes");
        }
    }
    Ok(())
}

#[test]
fn laws_hold_for_the_first_share() {
    share(0);
}

#[test]
fn laws_hold_for_the_second_share() {
    share(10_000);
}

#[test]
fn laws_hold_for_the_third_share() {
    share(20_000);
}

#[test]
fn laws_hold_for_the_fourth_share() {
    share(30_000);
}
