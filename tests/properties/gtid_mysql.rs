//! MySQL's transaction ids against a model: the set of every single number.

use std::collections::BTreeSet;

use keyward::model::gtid;
use keyward::model::gtid::mysql::{GtidSet, parse};
use proptest::prelude::*;

use crate::tries;

/// In the order in which servers print them.
const SERVERS: [&str; 3] = [
    "017130c5-e614-11f1-bab9-02fc00000001",
    "017130c5-e614-11f1-bab9-02fc000000aa",
    "94027dd9-e615-11f1-9f37-02fc00000001",
];
/// None, and others in the order in which servers print them.
const TAGS: [&str; 4] = ["", "_x", "backup", "backup2"];
/// The greatest number that a transaction may have.
const LAST: u64 = i64::MAX as u64 - 1;

/// One transaction: its server, its tag and its number.
pub type One = (usize, usize, u64);

/// A set as somebody wrote it, and what it holds.
#[derive(Clone, Debug)]
pub struct Written {
    pub text: String,
    pub holds: BTreeSet<One>,
}

/// Numbers close to each other, so that intervals touch, overlap and miss each other; at either end of what is allowed.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..=30_u64, 1 => LAST - 12..=LAST]
}

fn interval() -> impl Strategy<Value = (u64, u64)> {
    (number(), 0..=6_u64).prop_map(|(first, more)| (first, (first + more).min(LAST)))
}

/// Text of one interval with spaces and zeros where servers allow them.
fn shown((first, last): (u64, u64), manner: u8) -> String {
    match (first == last, manner) {
        (true, 0..3) => first.to_string(),
        (_, 0) => format!(" {first} - {last}"),
        (_, 1) => format!("00{first}-0{last} "),
        _ => format!("{first}-{last}"),
    }
}

/// Sets as people write them: members in any order and more than once, capitals, spaces, empty members.
pub fn written() -> impl Strategy<Value = Written> {
    let numbers = prop::collection::vec((interval(), 0..5_u8), 1..4);
    let under_a_tag = (0..TAGS.len(), any::<bool>(), numbers);
    let member = (0..SERVERS.len(), any::<bool>(), prop::collection::vec(under_a_tag, 1..3), 0..8_u8);
    prop::collection::vec(member, 0..5).prop_map(|members| {
        let (mut texts, mut holds) = (Vec::new(), BTreeSet::new());
        for (server, capitals, parts, empty) in members {
            let mut text = SERVERS[server].to_owned();
            let mut under = 0;
            for (tag, loud, numbers) in parts {
                // a tag counts until the next one; there is no way back to none
                if tag != 0 {
                    under = tag;
                    text.push(':');
                    text.push_str(&if loud { TAGS[tag].to_uppercase() } else { TAGS[tag].to_owned() });
                }
                for (interval, manner) in numbers {
                    text.push_str(&format!(":{}", shown(interval, manner)));
                    holds.extend((interval.0..=interval.1).map(|number| (server, under, number)));
                }
            }
            texts.push(if capitals { text.to_uppercase() } else { text });
            texts.extend((empty == 0).then(String::new));
        }
        Written { text: texts.join(",\n"), holds }
    })
}

/// The set as servers print it, on one line.
pub fn printed(holds: &BTreeSet<One>) -> String {
    let (mut text, mut before) = (String::new(), None);
    let mut rest = holds.iter().copied().peekable();
    while let Some((server, tag, first)) = rest.next() {
        if before.is_none_or(|(last, _)| last != server) {
            text.push_str(&format!("{}{}", if text.is_empty() { "" } else { "," }, SERVERS[server]));
        }
        if tag != 0 && before != Some((server, tag)) {
            text.push_str(&format!(":{}", TAGS[tag]));
        }
        before = Some((server, tag));
        let mut last = first;
        while rest.next_if(|next| *next == (server, tag, last + 1)).is_some() {
            last += 1;
        }
        text.push_str(&if first == last { format!(":{first}") } else { format!(":{first}-{last}") });
    }
    text
}

fn set(written: &Written) -> GtidSet {
    parse(&written.text).unwrap_or_else(|why| panic!("{why}"))
}

fn as_set(holds: BTreeSet<One>) -> GtidSet {
    parse(&printed(&holds)).unwrap()
}

/// Sets of long intervals, which no model can hold one by one.
fn wide() -> impl Strategy<Value = GtidSet> {
    let interval = (1..=LAST, 1..=LAST).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop::collection::vec((0..2_usize, interval), 0..6).prop_map(|all| {
        let members = all.iter().map(|(server, (first, last))| format!("{}:{first}-{last}", SERVERS[*server]));
        parse(&members.collect::<Vec<_>>().join(",")).unwrap()
    })
}

proptest! {
    #![proptest_config(tries(2_000))]

    #[test]
    fn a_text_is_read_counted_and_printed_as_the_model_says(a in written()) {
        let read = set(&a);
        prop_assert_eq!(read.to_string(), printed(&a.holds));
        prop_assert_eq!(read.count(), a.holds.len() as u64);
        prop_assert_eq!(read.is_empty(), a.holds.is_empty());
        prop_assert_eq!(parse(&read.to_string()).unwrap(), read);
    }

    #[test]
    fn sets_are_compared_joined_and_subtracted_as_the_model_says(a in written(), b in written()) {
        let (one, other) = (set(&a), set(&b));
        prop_assert_eq!(one.contains(&other), a.holds.is_superset(&b.holds));
        prop_assert_eq!(one == other, a.holds == b.holds);
        prop_assert_eq!(one.subtract(&other), as_set(&a.holds - &b.holds));
        prop_assert_eq!(one.union(&other), as_set(&a.holds | &b.holds));
    }

    #[test]
    fn what_is_missing_covered_and_errant_is_what_the_model_says(a in written(), b in written(), c in written()) {
        let lacks = |from: &BTreeSet<One>, of: &BTreeSet<One>| Some((from - of).len() as u64);
        prop_assert_eq!(gtid::missing(&a.text, &b.text), lacks(&a.holds, &b.holds));
        prop_assert_eq!(gtid::covers(&a.text, &b.text), a.holds.is_superset(&b.holds));
        prop_assert_eq!(gtid::errant(&[&a.text], &[&b.text, &c.text]), lacks(&(&b.holds | &c.holds), &a.holds));
    }

    #[test]
    fn the_laws_of_sets_hold_for_any_length(a in wide(), b in wide(), c in wide()) {
        let nothing = GtidSet::default();
        let common = |one: &GtidSet, other: &GtidSet| one.subtract(&one.subtract(other));
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(common(&a, &b), common(&b, &a));
        prop_assert_eq!(a.subtract(&b).union(&common(&a, &b)), a.clone());
        prop_assert_eq!(a.subtract(&b).subtract(&c), a.subtract(&b.union(&c)));
        prop_assert_eq!(a.subtract(&a), nothing.clone());
        prop_assert_eq!(a.union(&nothing), a.clone());
        prop_assert_eq!(common(&a.subtract(&b), &b), nothing);
        prop_assert!(a.union(&b).contains(&a) && a.contains(&a.subtract(&b)));
        prop_assert_eq!(a.contains(&b), a.union(&b) == a);
        let sum = a.count().saturating_add(b.subtract(&a).count());
        prop_assert_eq!(a.union(&b).count(), sum);
        prop_assert_eq!(parse(&a.to_string()).unwrap(), a);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9a-f:, \n_gZ{}+]{0,60}", any in ".{0,20}") {
        for text in [text.clone(), any, format!("{}:{text}", SERVERS[0])] {
            if let Ok(read) = parse(&text) {
                prop_assert_eq!(parse(&read.to_string()), Ok(read));
            }
        }
    }
}
