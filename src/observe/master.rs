//! The question that a look asks the master.

use super::looker::Question;
use super::names::NameTag;
use crate::dialect::answer::{Table, row};
use crate::dialect::mariadb;
use crate::dialect::text::{fill, literal};
use crate::model::Failure;
use crate::model::observation::{BeatRow, MasterFacts};
use crate::wire::connect::{Place, meaning};
use crate::wire::server::{Greeting, unexpected};

/// Asks which server it is, how far its binlog reaches, and for the beats.
#[derive(Debug)]
pub struct MasterQuestion {
    place: Place,
    tag: NameTag,
    statements: String,
    connection: u64,
    /// Shown again when somebody has locked the table.
    beats: Vec<BeatRow>,
}

impl MasterQuestion {
    /// The question for the master at `place`, whose name is `tag`.
    pub fn new(place: Place, tag: NameTag) -> Self {
        let statements = [
            server_statement(&tag),
            fill(include_str!("../../sql/mariadb/look-master.sql"), &[]),
            fill(include_str!("../../sql/mariadb/look-beats.sql"), &[]),
        ]
        .join(";\n");
        Self { place, tag, statements, connection: 0, beats: Vec::new() }
    }
}

/// The statement that tells which server it is and takes the name there.
pub(super) fn server_statement(tag: &NameTag) -> String {
    fill(include_str!("../../sql/mariadb/look-server.sql"), &[("name", &literal(tag.lock()))])
}

impl Question for MasterQuestion {
    type Facts = MasterFacts;

    fn connected(&mut self, connection: u64, _greeting: Greeting) {
        self.connection = connection;
    }

    fn lost(&mut self) {
        self.tag.set_held_by(0);
    }

    fn statements(&mut self) -> String {
        self.statements.clone()
    }

    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<MasterFacts>, Failure> {
        let tables = answer.map_err(|error| meaning(&error))?;
        let read = || {
            let taken = row(&tables, "name_taken")?.number::<u8>("name_taken")? == Some(1);
            Ok((taken, mariadb::master(&tables)?))
        };
        let (taken, mut facts) = read().map_err(|why: String| unexpected(&self.place, &why))?;
        self.tag.set_held_by(if taken { self.connection } else { 0 });
        if mariadb::beats_locked(&tables) {
            facts.beats.clone_from(&self.beats);
        } else {
            self.beats.clone_from(&facts.beats);
        }
        Ok(Some(facts))
    }
}
