//! The question that a look asks the master.

use jiff::Timestamp;

use super::looker::Question;
use super::names::NameTag;
use crate::dialect::answer::{Table, row};
use crate::dialect::looks;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::literal;
use crate::model::observation::{BeatRow, MasterFacts};
use crate::model::{Failure, Family};
use crate::wire::connect::{Place, meaning};
use crate::wire::server::{Greeting, unexpected};

const SERVER: Sql = sql!("look-server");
const MASTER: Sql = sql!("look-master");

/// Asks which server it is, how far its binlog reaches, and for the beats.
#[derive(Debug)]
pub struct MasterQuestion {
    place: Place,
    tag: NameTag,
    family: Family,
    connection: u64,
    certificate_until: Option<Timestamp>,
    /// Shown again when somebody has locked the table.
    beats: Vec<BeatRow>,
}

impl MasterQuestion {
    /// The question for the master at `place`, whose name is `tag`.
    pub fn new(place: Place, tag: NameTag) -> Self {
        Self { place, tag, family: Family::default(), connection: 0, certificate_until: None, beats: Vec::new() }
    }
}

/// The statement that tells which server it is and takes the name there.
pub(super) fn server_statement(family: Family, tag: &NameTag) -> String {
    SERVER.fill(family, &[("name", &literal(tag.lock()))])
}

impl Question for MasterQuestion {
    type Facts = MasterFacts;

    fn connected(&mut self, connection: u64, greeting: Greeting) {
        self.connection = connection;
        self.family = greeting.family;
        self.certificate_until = greeting.certificate_until;
    }

    fn lost(&mut self) {
        self.tag.set_held_by(0);
    }

    fn statements(&mut self) -> String {
        let mut statements = vec![server_statement(self.family, &self.tag), MASTER.fill(self.family, &[])];
        statements.extend(looks::beat_statements(self.family));
        statements.join(";\n")
    }

    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<MasterFacts>, Failure> {
        let tables = answer.map_err(|error| meaning(&error))?;
        let read = || {
            let taken = row(&tables, "name_taken")?.number::<u8>("name_taken")? == Some(1);
            Ok((taken, looks::master(&tables)?))
        };
        let (taken, mut facts) = read().map_err(|why: String| unexpected(&self.place, &why))?;
        facts.certificate_until = self.certificate_until;
        self.tag.set_held_by(if taken { self.connection } else { 0 });
        if facts.beats_are_old {
            facts.beats.clone_from(&self.beats);
        } else {
            self.beats.clone_from(&facts.beats);
        }
        Ok(Some(facts))
    }
}
