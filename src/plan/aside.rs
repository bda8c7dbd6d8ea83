//! Which schemas of a replica are moved aside before it is copied anew, and under which names.

use super::journal::Journal;
use super::wanted::Wanted;
use crate::model::aside::{Move, dated};
use crate::model::preflight::PairFacts;

/// Whether everything is copied anew, whatever the replica holds: an operator asked for it, or a run that was asked
/// was interrupted.
pub fn is_anew(facts: &PairFacts, wanted: &Wanted) -> bool {
    is_open(facts) || wanted.mend.reseed || (wanted.mend.replace_data && !follows(facts, wanted))
}

/// Whether schemas are being moved aside and not all of them are.
pub fn is_open(facts: &PairFacts) -> bool {
    facts.copy.moves.iter().any(Move::is_open)
}

/// Whether the replica's link leads to the master.
pub fn follows(facts: &PairFacts, wanted: &Wanted) -> bool {
    let link = facts.copy.link.as_ref();
    link.is_some_and(|link| link.facts.host == wanted.link.host && link.facts.port == wanted.link.port)
}

/// The moves that are to be done: those that have begun, and one for every other schema that is whole. A schema that an
/// interrupted copy left is not: there is nothing in it that anybody could miss.
pub fn moves(facts: &PairFacts, wanted: &Wanted, journal: &Journal) -> Vec<Move> {
    if !is_anew(facts, wanted) {
        return Vec::new();
    }
    let mut moves: Vec<Move> = facts.copy.moves.iter().filter(|one| one.is_open()).cloned().collect();
    let half_done = |name: &str| matches!(journal, Journal::HalfDone(names) if names.iter().any(|one| one == name));
    for (place, name) in (1..).zip(wanted.schemas()) {
        let begun = moves.iter().any(|one| one.of == name);
        if !begun && facts.replica.schema(&name).is_some() && !half_done(&name) {
            let into = dated(&name, place, &wanted.mend.date);
            moves.push(Move { of: name, into, stage: None });
        }
    }
    moves
}

/// What of an interrupted copy is to be dropped: never a schema that is being moved.
pub fn droppable(journal: &Journal, moves: &[Move]) -> Vec<String> {
    let Journal::HalfDone(names) = journal else { return Vec::new() };
    names.iter().filter(|name| moves.iter().all(|one| one.of != **name)).cloned().collect()
}
