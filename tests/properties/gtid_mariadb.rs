//! MariaDB's transaction ids: against a model of texts, and against histories in which every transaction is known.

use std::collections::{BTreeMap, BTreeSet};

use keyward::model::gtid::mariadb::{
    Positions, State, covers, errant, missing, parse, parse_state, text as printed, union,
};
use proptest::prelude::*;

use crate::tries;

/// Domain, server, number.
pub type Id = (u32, u32, u64);

/// Few domains and servers, so that they meet; numbers that meet, and the greatest.
pub fn id() -> impl Strategy<Value = Id> {
    let small = |most: u32| prop_oneof![6 => 0..=most, 1 => Just(u32::MAX)];
    (small(2), small(3), prop_oneof![6 => 0..=20_u64, 1 => u64::MAX - 1..=u64::MAX])
}

pub fn ids() -> impl Strategy<Value = Vec<Id>> {
    prop::collection::vec(id(), 0..8)
}

pub fn written(ids: &[Id]) -> String {
    ids.iter().map(|(domain, server, number)| format!("{domain}-{server}-{number}")).collect::<Vec<_>>().join(",")
}

fn last_of<K: Ord>(ids: &[Id], key: impl Fn(&Id) -> K) -> BTreeMap<K, u64> {
    let mut last = BTreeMap::new();
    for id in ids {
        let seen = last.entry(key(id)).or_insert(id.2);
        *seen = id.2.max(*seen);
    }
    last
}

proptest! {
    #![proptest_config(tries(2_000))]

    #[test]
    fn a_text_is_read_and_printed_as_the_model_says(ids in ids(), spaces in any::<bool>()) {
        let text = written(&ids);
        let text = if spaces { format!(" {} ", text.replace(',', " ,\n")) } else { text };
        prop_assert_eq!(parse(&text).unwrap(), last_of(&ids, |id| id.0));
        let state = parse_state(&text).unwrap();
        prop_assert_eq!(&state, &last_of(&ids, |id| (id.0, id.1)));
        prop_assert_eq!(parse_state(&printed(&state)).unwrap(), state);
    }

    #[test]
    fn positions_cover_each_other_exactly_when_nothing_is_missing(a in ids(), b in ids(), c in ids()) {
        let [one, other, third] = [&a, &b, &c].map(|ids| parse(&written(ids)).unwrap());
        let zero = |list: &Positions| list.values().any(|number| *number == 0);
        // a domain that is at 0 is a domain without a transaction
        prop_assert!(!covers(&one, &other) || missing(&other, &one) == 0);
        prop_assert!(zero(&other) || missing(&other, &one) > 0 || covers(&one, &other));
        prop_assert!(covers(&one, &one) && covers(&one, &Positions::new()));
        prop_assert!(!(covers(&one, &other) && covers(&other, &third)) || covers(&one, &third));
        let sum: u128 = one
            .iter()
            .map(|(domain, last)| u128::from(last.saturating_sub(other.get(domain).copied().unwrap_or(0))))
            .sum();
        prop_assert_eq!(u128::from(missing(&one, &other)), sum.min(u64::MAX.into()));
    }

    #[test]
    fn a_union_holds_both_and_nothing_else(a in ids(), b in ids()) {
        let [one, other] = [&a, &b].map(|ids| parse_state(&written(ids)).unwrap());
        let all: Vec<Id> = a.iter().chain(&b).copied().collect();
        prop_assert_eq!(union(&one, &other), parse_state(&written(&all)).unwrap());
        prop_assert_eq!(errant(&union(&one, &other), &one), 0);
        prop_assert_eq!(errant(&one, &union(&one, &State::new())), 0);
        // no pair of states makes it overflow
        errant(&one, &other);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9, \n+]{0,30}", any in ".{0,20}") {
        for text in [text, any] {
            prop_assert_eq!(parse(&text).is_ok(), parse_state(&text).is_ok());
        }
    }
}

/// What happens to a master and its replica, in one domain each.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The master's server of this id writes: the master was replaced by another, or was not.
    Master(u32),
    /// The replica applies the next transactions.
    Apply(u8),
    /// Somebody writes on the replica.
    Replica,
    /// The master comes back without its last transactions.
    Restore(u8),
}

const REPLICA: u32 = 2;

/// A master and a replica with every transaction of their binlogs, in order.
#[derive(Debug, Default)]
struct World {
    master: Vec<Id>,
    /// Every transaction that the replica holds, its own too, and whether it applied it.
    replica: Vec<(Id, bool)>,
}

impl World {
    fn happen(&mut self, domain: u32, event: Event) {
        let next =
            |ids: &mut dyn Iterator<Item = Id>| ids.filter(|id| id.0 == domain).map(|id| id.2).max().unwrap_or(0) + 1;
        match event {
            Event::Master(server) => {
                let number = next(&mut self.master.iter().copied());
                self.master.push((domain, server, number));
            }
            Event::Apply(most) => {
                let next: Vec<Id> = self.not_applied().into_iter().take(most.into()).collect();
                self.replica.extend(next.into_iter().map(|id| (id, true)));
            }
            Event::Replica => {
                let number = next(&mut self.replica.iter().map(|(id, _)| *id));
                self.replica.push(((domain, REPLICA, number), false));
            }
            Event::Restore(lost) => {
                self.master.truncate(self.master.len().saturating_sub(lost.into()));
            }
        }
    }

    /// What the master sends: everything behind the replica's position in each domain, and nothing at all when it does
    /// not have the transaction at which the replica stands.
    fn not_applied(&self) -> Vec<Id> {
        let mut next = BTreeMap::new();
        for (domain, at) in self.slave_pos() {
            match self.master.iter().position(|id| *id == at) {
                Some(place) => next.insert(domain, place + 1),
                None => return Vec::new(),
            };
        }
        let all = self.master.iter().enumerate();
        all.filter(|(place, id)| *place >= next.get(&id.0).copied().unwrap_or(0)).map(|(_, id)| *id).collect()
    }

    /// How many transactions of the replica the master does not have.
    fn truth(&self) -> usize {
        let master: BTreeSet<Id> = self.master.iter().copied().collect();
        self.replica.iter().filter(|(id, _)| !master.contains(id)).count()
    }

    /// `gtid_slave_pos`: the last applied transaction of each domain.
    fn slave_pos(&self) -> BTreeMap<u32, Id> {
        self.replica.iter().filter(|(_, applied)| *applied).map(|(id, _)| (id.0, *id)).collect()
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop_oneof![4 => Just(1), 1 => Just(3)].prop_map(Event::Master),
        4 => (1..6_u8).prop_map(Event::Apply),
        2 => Just(Event::Replica),
        1 => (1..6_u8).prop_map(Event::Restore),
    ]
}

proptest! {
    #![proptest_config(tries(5_000))]

    /// Whether the replica's binlog holds what it applied is `log_slave_updates`.
    #[test]
    fn errant_transactions_are_never_overcounted(
        events in prop::collection::vec((prop_oneof![5 => Just(0), 1 => Just(9)], event()), 0..30),
        log_slave_updates in any::<bool>(),
    ) {
        let mut world = World::default();
        for (domain, event) in events {
            world.happen(domain, event);
        }
        let state = |ids: Vec<Id>| parse_state(&written(&ids)).unwrap();
        let master = state(world.master.clone());
        let logged = world.replica.iter().filter(|(_, applied)| log_slave_updates || !applied);
        let replica = state(logged.map(|(id, _)| *id).collect());
        let applied = state(world.slave_pos().into_values().collect());
        let all = union(&replica, &applied);
        let (counted, truth) = (errant(&master, &all), world.truth());
        prop_assert!(counted <= truth as u64, "{counted} > {truth}: {world:?}");
        // and none is called none: what a server wrote last is always known
        let beyond = all.iter().any(|(key, last)| master.get(key).is_none_or(|has| has < last));
        prop_assert_eq!(counted > 0, beyond, "{:?}", world);
    }
}
