//! Which schemas of a replica are moved aside before it is copied anew, and under which names.

use jiff::Span;
use jiff::civil::DateTime;

use super::journal::Journal;
use super::wanted::Wanted;
use crate::model::aside::{Move, dated};
use crate::model::preflight::PairFacts;

/// How a date stands in a name.
const DATE: &str = "%Y%m%d_%H%M%S";

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
            let into = free_name(facts, &name, place, &wanted.mend.date);
            moves.push(Move { of: name, into, stage: None });
        }
    }
    moves
}

/// The first dated name from `date` on that no schema of the replica has: a second move may follow within the second.
fn free_name(facts: &PairFacts, name: &str, place: usize, date: &str) -> String {
    let first = dated(name, place, date);
    let later = || {
        let date = DateTime::strptime(DATE, date).ok()?;
        let seconds = 1..=i64::try_from(facts.replica.schemas.len()).ok()?;
        let mut names = seconds.filter_map(|more| date.checked_add(Span::new().seconds(more)).ok());
        let of = |date: DateTime| dated(name, place, &date.strftime(DATE).to_string());
        names.find_map(|date| Some(of(date)).filter(|into| facts.replica.schema(into).is_none()))
    };
    if facts.replica.schema(&first).is_none() { first } else { later().unwrap_or(first) }
}

/// What of an interrupted copy is to be dropped: never a schema that is being moved.
pub fn droppable(journal: &Journal, moves: &[Move]) -> Vec<String> {
    let Journal::HalfDone(names) = journal else { return Vec::new() };
    names.iter().filter(|name| moves.iter().all(|one| one.of != **name)).cloned().collect()
}
