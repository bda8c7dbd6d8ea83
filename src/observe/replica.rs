//! The question that a look asks a replica's server, and the lock that lets one keyward act there.
//!
//! A lock left behind by an earlier connection of this very process is ended here, never taken for another daemon's.

use std::collections::VecDeque;

use super::looker::Question;
use super::master::server_statement;
use super::names::{ActingWish, NameTag};
use crate::dialect::answer::{Table, row, table};
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::fill;
use crate::dialect::{looks, privilege};
use crate::model::observation::{ActingLock, BeatRow, ReplicaFacts};
use crate::model::{Failure, Family, Reason, ReplicaName};
use crate::wire::connect::{Place, meaning};
use crate::wire::server::{Greeting, lock_question, unexpected};

const SETTINGS: Sql = sql!("look-replica");
const ORIGINS: Sql = sql!("look-origins");
const STATUS: Sql = sql!("look-status");
const RIGHTS: &str = include_str!("../../sql/common/look-rights.sql");
const SCHEMAS: &str = include_str!("../../sql/common/look-schemas.sql");
const MARK: Sql = sql!("look-mark");
const ACTING_TAKE: &str = include_str!("../../sql/common/look-acting-take.sql");
const ACTING_LEAVE: &str = include_str!("../../sql/common/look-acting-leave.sql");
const GHOST_FIND: Sql = sql!("ghost-find");
const GHOST_END: &str = include_str!("../../sql/common/ghost-end.sql");

/// How many earlier connections are remembered.
const GHOSTS: usize = 64;

/// Everything a replica's question needs to know about the configuration.
#[derive(Clone, Debug)]
pub struct ReplicaNames {
    /// This replica's own name.
    pub tag: NameTag,
    /// Those of the master's addresses.
    pub masters: Vec<NameTag>,
    /// Those of all other replicas.
    pub others: Vec<(ReplicaName, NameTag)>,
    /// Whether this daemon wants to act here.
    pub acting: ActingWish,
}

/// Asks for everything that a look at a replica shows.
#[derive(Debug)]
pub struct ReplicaQuestion {
    place: Place,
    names: ReplicaNames,
    family: Family,
    connection: u64,
    greeting: Option<Greeting>,
    ghosts: VecDeque<Greeting>,
    hunt: Option<Hunt>,
    /// Which connection held each of the master's names when the look began, 0 for none.
    held_before: Vec<u64>,
    /// Shown again when somebody has locked the table.
    beats: Vec<BeatRow>,
}

/// A look that found the acting lock held by an earlier connection of ours, and goes on to end that one.
#[derive(Debug)]
struct Hunt {
    facts: ReplicaFacts,
    ghost: Greeting,
    found: bool,
}

impl ReplicaQuestion {
    /// The question for the replica at `place`.
    pub fn new(place: Place, names: ReplicaNames) -> Self {
        Self {
            place,
            names,
            family: Family::default(),
            connection: 0,
            greeting: None,
            ghosts: VecDeque::new(),
            hunt: None,
            held_before: Vec::new(),
            beats: Vec::new(),
        }
    }

    /// Everything that a look asks in its one round trip, the beats last.
    fn look_statements(&self) -> String {
        let family = self.family;
        let mut statements = vec![
            server_statement(family, &self.names.tag),
            SETTINGS.fill(family, &[]),
            ORIGINS.fill(family, &[]),
            STATUS.fill(family, &[]),
            fill(RIGHTS, &[]),
            fill(SCHEMAS, &[]),
            MARK.fill(family, &[]),
        ];
        statements.extend(looks::filter_statements(family));
        statements.extend(looks::link_statements(family));
        for (place, master) in self.names.masters.iter().enumerate() {
            statements.push(lock_question(master.lock(), &format!("master_name_{place}_held")));
        }
        for (place, (_, other)) in self.names.others.iter().enumerate() {
            statements.push(lock_question(other.lock(), &format!("other_name_{place}_held")));
        }
        statements.push(fill(if self.names.acting.is_set() { ACTING_TAKE } else { ACTING_LEAVE }, &[]));
        statements.extend(looks::beat_statements(family));
        statements.join(";\n")
    }

    fn facts(&self, tables: &[Table]) -> Result<(bool, ReplicaFacts), String> {
        let mut facts = looks::replica(self.family, tables)?;
        for place in 0..self.names.masters.len() {
            facts.is_the_master |= held(tables, &format!("master_name_{place}_held"))?;
        }
        let held_all_through = |(master, before): (&NameTag, &u64)| *before != 0 && *before == master.held_by();
        facts.proven_not_master =
            !facts.is_the_master && self.names.masters.iter().zip(&self.held_before).all(held_all_through);
        for (place, (name, _)) in self.names.others.iter().enumerate() {
            if facts.is_also.is_none() && held(tables, &format!("other_name_{place}_held"))? {
                facts.is_also = Some(name.clone());
            }
        }
        let acting = row(tables, "acting_holder")?;
        facts.acting_lock = match (acting.number::<u64>("acting_holder")?, acting.number::<u64>("connection_id")?) {
            (None, _) => ActingLock::Free,
            (Some(holder), Some(own)) if holder == own => ActingLock::Ours,
            (Some(holder), _) => ActingLock::Other(holder),
        };
        let taken = row(tables, "name_taken")?.number::<u8>("name_taken")? == Some(1);
        Ok((taken, facts))
    }

    fn look(&mut self, tables: &[Table]) -> Result<Option<ReplicaFacts>, Failure> {
        let unexpected = |why: String| unexpected(&self.place, &why);
        let mut lacks = privilege::blind_to(tables).map_err(unexpected)?;
        lacks.extend(looks::beats_denied(tables).then_some("the right SELECT in schema keyward"));
        if !lacks.is_empty() {
            let lacks = lacks.join(" and ");
            let detail = format!("keyward's account lacks {lacks}, without which the server hides what it holds");
            return Err(Failure { reason: Reason::Privilege, detail });
        }
        let (taken, mut facts) = self.facts(tables).map_err(unexpected)?;
        facts.certificate_until = self.greeting.as_ref().and_then(|greeting| greeting.certificate_until);
        self.names.tag.set_held_by(if taken { self.connection } else { 0 });
        if looks::beats_locked(tables) {
            facts.beats.clone_from(&self.beats);
        } else {
            self.beats.clone_from(&facts.beats);
        }
        if let ActingLock::Other(holder) = facts.acting_lock
            && let Some(ghost) = self.ghosts.iter().find(|ghost| ghost.connection_id == holder)
        {
            self.hunt = Some(Hunt { facts, ghost: ghost.clone(), found: false });
            return Ok(None);
        }
        Ok(Some(facts))
    }

    /// Goes on with the end of an earlier connection of ours.
    fn hunted(
        &mut self,
        mut hunt: Hunt,
        answer: mysql_async::Result<Vec<Table>>,
    ) -> Result<Option<ReplicaFacts>, Failure> {
        if !hunt.found {
            let found = answer.map_err(|error| meaning(&error))?;
            let host = table(&found, "ghost_host").and_then(|table| table.records().next());
            let host = host.map(|row| row.string("ghost_host")).transpose();
            let host = host.map_err(|why| unexpected(&self.place, &why))?;
            if host.as_ref() != Some(&hunt.ghost.connection_host) {
                self.ghosts.retain(|ghost| *ghost != hunt.ghost);
                if host.is_none() {
                    // it went by itself meanwhile, and the lock with it: the next look takes it
                    hunt.facts.acting_lock = ActingLock::Free;
                }
                return Ok(Some(hunt.facts));
            }
            let connection = hunt.ghost.connection_id;
            tracing::debug!(server = %self.place, connection, "ending a connection of ours that was left behind");
            self.hunt = Some(Hunt { found: true, ..hunt });
            return Ok(None);
        }
        match answer {
            // 1094: it went by itself
            Err(mysql_async::Error::Server(error)) if error.code == 1094 => {}
            ended => drop(ended.map_err(|error| meaning(&error))?),
        }
        // the next look takes it
        hunt.facts.acting_lock = ActingLock::Free;
        Ok(Some(hunt.facts))
    }
}

fn held(tables: &[Table], column: &str) -> Result<bool, String> {
    Ok(row(tables, column)?.text(column)?.is_some())
}

impl Question for ReplicaQuestion {
    type Facts = ReplicaFacts;

    fn connected(&mut self, connection: u64, greeting: Greeting) {
        self.connection = connection;
        self.family = greeting.family;
        // one that came back is no ghost
        self.ghosts.retain(|ghost| *ghost != greeting);
        self.greeting = Some(greeting);
    }

    fn lost(&mut self) {
        self.names.tag.set_held_by(0);
        self.hunt = None;
        self.ghosts.extend(self.greeting.take());
        while self.ghosts.len() > GHOSTS {
            self.ghosts.pop_front();
        }
    }

    fn statements(&mut self) -> String {
        let Some(Hunt { ghost, found, .. }) = &self.hunt else {
            self.held_before = self.names.masters.iter().map(NameTag::held_by).collect();
            return self.look_statements();
        };
        let id = ghost.connection_id.to_string();
        match found {
            // the id alone may be somebody else's by now: a restarted server counts from the beginning
            false => GHOST_FIND.fill(self.family, &[("id", &id)]),
            true => fill(GHOST_END, &[("id", &id)]),
        }
    }

    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<ReplicaFacts>, Failure> {
        match self.hunt.take() {
            Some(hunt) => self.hunted(hunt, answer),
            None => self.look(&answer.map_err(|error| meaning(&error))?),
        }
    }
}
