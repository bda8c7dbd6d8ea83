//! Which of the master's addresses a replica's link moves to when its own is gone.
//!
//! Only to one that is shown to share the stream: it holds every transaction and every beat that the replica holds.
//! Nothing is moved away from an address that keyward alone cannot reach.

use std::time::Duration;

use super::beats::Beats;
use super::region::Region;
use super::replica::{Replica, points_at};
use crate::model::observation::{LinkFacts, MasterFacts, ReplicaFacts, ThreadState};
use crate::model::time::friendly;
use crate::model::{Address, Now, ReplicaName, gtid};

/// How long an address may lack our beats before it counts as one that does not share the stream.
const STRANGER_AFTER: Duration = Duration::from_secs(60);

impl Region {
    /// Where the link of a replica should move to; nothing while it should stay where it is.
    pub fn link_successor(&self, name: &ReplicaName, now: Now) -> Option<Address> {
        self.succession(self.replica(name)?, now)?.ok()
    }

    /// The address that takes a link over, or the sentence why none of those that answer may.
    pub(super) fn succession(&self, replica: &Replica, now: Now) -> Option<Result<Address, String>> {
        let facts = replica.facts().filter(|_| replica.failure.is_none())?;
        let link = facts.link.as_ref()?;
        let addresses = &self.rules.master_addresses;
        let own = points_at(link, addresses).filter(|own| self.is_gone_for(*own, replica, link, now))?;
        let mut why = Vec::new();
        for (place, address) in addresses.iter().enumerate().filter(|(place, _)| *place != own) {
            let Some(Some(seen)) = self.masters.get(place).filter(|_| self.db.is_up(place) == Some(true)) else {
                continue;
            };
            match difference(seen, facts, link) {
                None => return Some(Ok(address.clone())),
                Some(difference) => why.push(format!("{address} {difference}")),
            }
        }
        let taken = format!("{} is gone, and the link of {} cannot move", addresses[own], replica.name);
        (!why.is_empty()).then(|| Err(format!("{taken}: {}", why.join("; "))))
    }

    /// Which of the master's other addresses have not had our beats for long, although they answer.
    pub(super) fn strangers(&self, beats: &Beats, now: Now) -> Option<String> {
        let rules = &self.rules;
        if rules.master_addresses.len() < 2 || !beats.is_fresh(now.mono, rules.link_patience()) {
            return None;
        }
        let age = |seen: &MasterFacts| {
            let own = seen.beats.iter().find(|row| row.instance == beats.instance());
            own.map(|row| now.age_of(row.written_at))
        };
        let behind = |(place, address): (usize, &Address)| {
            let seen = self.masters.get(place)?.as_ref().filter(|_| self.db.is_up(place) == Some(true))?;
            match age(seen) {
                Some(age) if age <= STRANGER_AFTER => None,
                Some(age) => Some(format!("{address} has had no beat of ours for {}", friendly(age))),
                None if beats.taken_for(now.mono) <= STRANGER_AFTER => None,
                None => Some(format!("{address} has never had a beat of ours")),
            }
        };
        let found: Vec<String> = rules.master_addresses.iter().enumerate().filter_map(behind).collect();
        (!found.is_empty()).then(|| {
            format!(
                "{}, although all of master.addresses must share one stream of transactions: \
                 repair its replication, or take it out of the settings",
                found.join("; ")
            )
        })
    }

    /// Whether the address is gone for keyward and for the link alike, and nobody stopped the link by hand.
    fn is_gone_for(&self, place: usize, replica: &Replica, link: &LinkFacts, now: Now) -> bool {
        let patience = self.rules.link_patience();
        let gone = self.db.gone_since(place).is_some_and(|since| now.mono.since(since) >= patience);
        let by_hand = link.io == ThreadState::Stopped && link.io_errno == 0;
        gone && !by_hand && replica.link_up(now.mono, patience) == Some(false)
    }
}

/// What shows that a server does not share the replica's stream, or not yet.
fn difference(seen: &MasterFacts, facts: &ReplicaFacts, link: &LinkFacts) -> Option<String> {
    for held in [&facts.applied, &link.io_gtid] {
        if !gtid::covers(&seen.position, held) {
            return Some(format!("holds transactions up to {} and not up to {held}", seen.position));
        }
    }
    let has = |instance: &str| seen.beats.iter().find(|row| row.instance == instance).map(|row| row.number);
    if facts.beats.is_empty() {
        return Some("cannot be compared, because no beat has arrived on the replica".to_owned());
    }
    let missing = facts.beats.iter().find(|row| has(&row.instance).is_none_or(|number| number < row.number))?;
    Some(format!("lacks beat {} that has arrived on the replica", missing.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::BeatRow;

    fn beat(number: u64) -> Vec<BeatRow> {
        vec![BeatRow { instance: "here".into(), number, written_at: jiff::Timestamp::UNIX_EPOCH }]
    }

    fn answer(position: &str, number: u64) -> Option<String> {
        let seen = MasterFacts { position: position.into(), beats: beat(number), ..MasterFacts::default() };
        let facts = ReplicaFacts { applied: "0-1-100".into(), beats: beat(7), ..ReplicaFacts::default() };
        let link = LinkFacts { io_gtid: "0-1-105".into(), ..LinkFacts::default() };
        difference(&seen, &facts, &link)
    }

    #[test]
    fn only_a_server_with_every_transaction_and_every_beat_of_the_replica_shares_its_stream() {
        assert_eq!(answer("0-2-105", 7), None);
        assert!(answer("0-2-104", 7).unwrap().contains("not up to 0-1-105"), "received and not yet applied counts too");
        assert!(answer("1-2-900", 7).unwrap().contains("not up to 0-1-100"), "another stream");
        assert!(answer("0-2-900", 6).unwrap().contains("lacks beat 7"), "long enough, and of somebody else");
    }
}
