//! Least privilege: what `--print-sql` prints is enough for everything that keyward does with its own account, and each
//! right of it that is taken away is missed by a step that says which.

mod linked;

use std::sync::Mutex;
use std::time::Duration;

use keyward::config::schema::Account;
use keyward::daemon::setup::{End, How, Progress, set_up_replica, sql_by_hand};
use keyward::dialect::grants::Grant;
use keyward::lab::Kind;
use keyward::lab::skip::lacks;
use keyward::model::Family;
use keyward::model::upkeep::UpkeepStep;
use keyward::plan::wanted;
use keyward::wire::connect::{Place, Target};

use crate::daily::{beat, look_at_master, look_at_replica, upkeep};
use crate::door::Door;
use crate::harness::{LINK_PASSWORD, OWN_PASSWORD, Pair, no_tls, region, replica_name, settings};

const DATABASE: &str = "keystone";

/// Something of everything that is copied, by definers who exist and who do not.
const EVERYTHING: &str = "
    SET GLOBAL log_bin_trust_function_creators = ON;
    CREATE TABLE keystone.parent (id INT PRIMARY KEY, word VARCHAR(20), KEY (word));
    CREATE TABLE keystone.child (id INT PRIMARY KEY, parent INT, CONSTRAINT f FOREIGN KEY (parent) REFERENCES keystone.parent (id));
    INSERT INTO keystone.parent VALUES (1, 'a'); INSERT INTO keystone.child VALUES (1, 1);
    CREATE FUNCTION keystone.f() RETURNS INT DETERMINISTIC RETURN 1;
    CREATE VIEW keystone.x AS SELECT keystone.f() AS n;
    CREATE DEFINER = nobody@'%' VIEW keystone.v AS SELECT * FROM keystone.user;
    CREATE VIEW keystone.w AS SELECT * FROM keystone.user;
    CREATE DEFINER = nobody@'%' PROCEDURE keystone.p() SELECT 1;
    CREATE TRIGGER keystone.t BEFORE INSERT ON keystone.user FOR EACH ROW SET NEW.id = TRIM(NEW.id);
    CREATE DEFINER = nobody@'%' EVENT keystone.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM keystone.user WHERE id = 'x';";

/// Rights without which a server does not refuse but shows less, and what that would hide. Only a look at the rights
/// themselves can miss them.
const TO_SEE: [(&str, &str); 10] = [
    ("EVENT on keystone.*", "events that must be copied"),
    ("TRIGGER on keystone.*", "triggers that must be copied"),
    ("SELECT on mysql.proc", "routines that must be copied"),
    ("SHOW_ROUTINE on *.*", "routines that must be copied"),
    ("PROCESS on *.*", "who reads from the replica and who stands in the way of read-only"),
    ("SHOW DATABASES on *.*", "what else the server holds"),
    ("SELECT on keystone.*", "what a replica holds"),
    ("SELECT on performance_schema.metadata_locks", "who stands in the way of a snapshot"),
    ("SELECT on performance_schema.threads", "who stands in the way of a snapshot"),
    ("SELECT on performance_schema.events_statements_current", "who stands in the way of a snapshot"),
];

/// Rights that the set-up of an empty replica does without, and what needs them.
const FOR_OTHER_WORK: [(&str, &str); 4] = [
    ("ALTER ROUTINE on keystone.*", "moving a schema with routines aside"),
    ("SHOW VIEW on keystone.*", "moving a schema with views aside"),
    ("INDEX on keystone.*", "adding indexes behind the rows"),
    ("ALTER on", "adding indexes behind the rows, and marks in the place of a comment"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Master,
    Replica,
}

/// A pair whose accounts are made by what `--print-sql` prints, reached through a door each.
struct Stage {
    pair: Pair,
    doors: [Door; 2],
    family: Family,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn of(kind: Kind) -> Self {
        let mut pair = Pair::of_kinds(kind, kind);
        // else the server itself gives whoever creates a routine the rights to call and to drop it
        pair.replica.sql("SET GLOBAL log_bin_trust_function_creators = ON, GLOBAL automatic_sp_privileges = OFF");
        pair.master.sql(EVERYTHING);
        let doors = [&pair.master, &pair.replica].map(|server| Door::before(server.port()));
        let [master, replica] = [0, 1].map(|side: usize| format!("127.0.0.1:{}", doors[side].port));
        pair.settings = settings(&master, &replica, pair.state.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stage = Self { pair, doors, family: kind.family(), runtime };
        let (master, replica) = sql_by_hand(&stage.pair.settings, stage.family, &region(), &replica_name()).unwrap();
        stage.as_root(Side::Master, &filled(&master));
        stage.as_root(Side::Replica, &filled(&replica));
        stage
    }

    fn as_root(&self, side: Side, statements: &str) {
        match side {
            Side::Master => self.pair.master.sql(statements),
            Side::Replica => self.pair.replica.sql(&unlogged(statements)),
        };
    }

    /// Every right of a side, one by one, and whether only a set-up needs it.
    fn rights(&self, side: Side) -> Vec<(Grant, bool)> {
        let databases = [DATABASE.to_owned()];
        let lists = match side {
            Side::Master => [wanted::master_rights, wanted::master_setup_rights],
            Side::Replica => [wanted::replica_rights, wanted::replica_setup_rights],
        };
        let grants = lists.into_iter().zip([false, true]).flat_map(|(list, for_set_up)| {
            list(self.family, &databases).into_iter().map(move |grant| (grant, for_set_up))
        });
        let each = |(grant, for_set_up): (Grant, bool)| {
            grant.rights.iter().map(|right| (one(&grant, right), for_set_up)).collect::<Vec<_>>()
        };
        grants.flat_map(each).collect()
    }

    /// A set-up by keyward's own account, which is to begin from nothing or from a half-done one: the last step that it
    /// told of, and its end.
    fn set_up(&self) -> (String, End) {
        let step = Mutex::new("look at both servers".to_owned());
        let tell = |progress: Progress| {
            if let Progress::Step(sentence) = progress {
                *step.lock().unwrap() = sentence;
            }
        };
        let (region, replica, how) = (region(), replica_name(), How::default());
        let end = self.runtime.block_on(set_up_replica(&self.pair.settings, &region, &replica, &how, &tell));
        (step.into_inner().unwrap(), end)
    }

    /// Makes the replica what it was before any set-up that went past its copy.
    fn clear(&self) {
        let undo = match self.family {
            Family::MariaDb => {
                "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0; SET GLOBAL replicate_wild_do_table = '';
                 DROP DATABASE IF EXISTS keystone; DROP DATABASE IF EXISTS keyward; SET GLOBAL gtid_slave_pos = ''"
            }
            Family::MySql => {
                "STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = 0; SET GLOBAL read_only = 0;
                 RESET PERSIST; CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = ();
                 DROP DATABASE IF EXISTS keystone; DROP DATABASE IF EXISTS keyward; RESET BINARY LOGS AND GTIDS"
            }
        };
        self.as_root(Side::Replica, undo);
        for file in std::fs::read_dir(self.pair.state.path()).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    fn is_linked(&self) -> bool {
        let status = if self.family == Family::MySql { "SHOW REPLICA STATUS" } else { "SHOW ALL SLAVES STATUS" };
        !self.pair.replica.sql(status).is_empty()
    }

    fn target(&self, side: Side) -> Target {
        let server = if side == Side::Master { &self.pair.master } else { &self.pair.replica };
        Target {
            place: Place::Tcp(server.address().parse().unwrap()),
            account: Account { user: "keyward".into(), password: OWN_PASSWORD.into() },
            tls: no_tls(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

fn filled(lines: &[String]) -> String {
    let own = OWN_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    let text = lines.join("\n").replace("<put account.password here>", &own);
    text.replace("<put replication.password here>", LINK_PASSWORD)
}

fn unlogged(statements: &str) -> String {
    format!("SET SESSION sql_log_bin = 0; {statements}")
}

fn one(grant: &Grant, right: &str) -> Grant {
    Grant { scope: grant.scope.clone(), rights: [right.to_owned()].into() }
}

fn taken(grant: &Grant) -> String {
    format!("REVOKE {} ON {} FROM keyward@'%'", grant.rights_text(), grant.scope_text())
}

fn given(grant: &Grant) -> String {
    format!("GRANT {} ON {} TO keyward@'%'", grant.rights_text(), grant.scope_text())
}

type Attempt = (String, Result<(), String>);

impl Stage {
    /// What the daemon does all day long, by name, with what came of it.
    fn by_the_daemon(&self, side: Side) -> Vec<Attempt> {
        let target = self.target(side);
        let named = |name: &str, done| (name.to_owned(), done);
        self.runtime.block_on(async {
            if side == Side::Master {
                return vec![
                    named("look at the master", look_at_master(target.clone()).await),
                    named("beat", beat(target).await),
                ];
            }
            let mut done = vec![named("look at the replica", look_at_replica(target.clone()).await)];
            for step in [
                UpkeepStep::HoldSqlThread,
                UpkeepStep::SetFilter("keystone.%,keyward.%".into()),
                UpkeepStep::SetNetTimeout(4),
                UpkeepStep::SetReadOnly,
                UpkeepStep::StopThreads,
            ] {
                done.push(named(&step.to_string(), upkeep(target.clone(), step).await));
            }
            done
        })
    }

    /// A set-up that looks at its rights, and one whose right is taken away behind that look.
    fn by_set_up(&self, side: Side, grant: &Grant) -> Vec<Attempt> {
        let sentence = |end: End| match end {
            End::Done(_) | End::NothingToDo(_) => Ok(()),
            End::Refused(why) => Err(why.join("; ")),
            End::Failed(why) => Err(why),
            End::Planned => Err("it was only planned".to_owned()),
        };
        self.as_root(side, &taken(grant));
        let (step, end) = self.set_up();
        let seen = (format!("set-up: {step}"), sentence(end));
        self.as_root(side, &given(grant));

        if grant.rights.contains("DROP") {
            self.leave_half_done();
        }
        let door = self.take_unseen(side, grant);
        let (step, end) = self.set_up();
        assert!(door.is_disarmed(), "nobody knocked a second time: {end:?}");
        let unseen = (format!("set-up: {step}"), sentence(end));
        self.make_writable();
        self.as_root(side, &given(grant));
        if self.is_linked() {
            self.clear();
        }
        vec![seen, unseen]
    }

    /// Takes a right away behind the next set-up's look at its rights.
    fn take_unseen(&self, side: Side, grant: &Grant) -> &Door {
        let (root, statements) = match side {
            Side::Master => (self.pair.master.root().clone(), taken(grant)),
            Side::Replica => (self.pair.replica.root().clone(), unlogged(&taken(grant))),
        };
        let door = &self.doors[usize::from(side == Side::Replica)];
        door.before_the_second(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(root.run(&statements)).unwrap();
        });
        door
    }

    /// Leaves both schemas on the replica as an interrupted copy does.
    fn leave_half_done(&self) {
        let insert = Grant::schema(DATABASE, &["INSERT"]);
        self.take_unseen(Side::Replica, &insert);
        let (_, end) = self.set_up();
        assert!(matches!(end, End::Failed(_)), "{end:?}");
        self.make_writable();
        self.as_root(Side::Replica, &given(&insert));
    }

    /// Root too is stopped by MySQL's `super_read_only`.
    fn make_writable(&self) {
        if self.family == Family::MySql {
            self.pair.replica.sql("SET GLOBAL super_read_only = 0; SET GLOBAL read_only = 0");
        }
    }
}

fn every_right_is_needed_and_missed_by_name(kind: Kind) {
    if lacks(kind) {
        return;
    }
    let stage = Stage::of(kind);
    for side in [Side::Master, Side::Replica] {
        for (name, done) in stage.by_the_daemon(side) {
            assert_eq!(done, Ok(()), "{name} with all rights");
        }
    }
    stage.make_writable();
    stage.clear();
    let mut wrong = Vec::new();
    for side in [Side::Master, Side::Replica] {
        for (grant, for_set_up) in stage.rights(side) {
            let [right] = grant.rights.iter().collect::<Vec<_>>()[..] else { panic!("{grant:?}") };
            let mut attempts = stage.by_set_up(side, &grant);
            if !for_set_up {
                stage.as_root(side, &taken(&grant));
                attempts.extend(stage.by_the_daemon(side));
                stage.make_writable();
                stage.as_root(side, &given(&grant));
            }
            let what = format!("{side:?}: {}", grant.words());
            println!("{what}");
            let listed = |list: &[(&str, &str)]| list.iter().any(|(words, _)| grant.words().starts_with(words));
            for (place, (name, done)) in attempts.iter().enumerate() {
                println!("    {name}: {done:?}");
                // what is hidden may be missed later, by somebody who cannot know why
                let must_name = place == 0 || !listed(&TO_SEE);
                if let Err(why) = done
                    && must_name
                    && !why.to_uppercase().contains(right.as_str())
                {
                    wrong.push(format!("{what}: {name} does not name it: {why}"));
                }
            }
            let missed = |attempts: &[Attempt]| attempts.iter().any(|(_, done)| done.is_err());
            if !missed(&attempts[..1]) {
                wrong.push(format!("{what}: set-up does not look for it"));
            }
            if !missed(&attempts[1..]) && !listed(&TO_SEE) && !listed(&FOR_OTHER_WORK) {
                wrong.push(format!("{what}: nothing misses it"));
            }
            let always = side == Side::Replica && ["PROCESS", "SHOW DATABASES"].contains(&right.as_str());
            if always && !missed(&attempts[2..]) {
                wrong.push(format!("{what}: the daemon does not miss it"));
            }
        }
    }
    for right in wanted::link_rights().iter().flat_map(|grant| grant.rights.clone()) {
        stage.clear();
        stage.as_root(Side::Master, &format!("REVOKE {right} ON *.* FROM keyward_repl@'%'"));
        let (step, end) = stage.set_up();
        println!("{right} of the link's account: {step}: {end:?}");
        match end {
            End::Failed(why) if why.contains(&right) => {}
            other => wrong.push(format!("{right} of the link's account: {step}: {other:?}")),
        }
        stage.as_root(Side::Master, &format!("GRANT {right} ON *.* TO keyward_repl@'%'"));
    }
    let (step, end) = stage.set_up();
    assert!(matches!(end, End::Done(_)), "{step}: {end:?}");
    wrong.extend(stage.missed_by_verify());
    wrong.extend(stage.missed_by_moving_aside());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn on_mariadb_10_11_every_right_is_needed_and_missed_by_name() {
    every_right_is_needed_and_missed_by_name(Kind::MariaDb1011);
}

#[test]
fn on_mariadb_11_8_every_right_is_needed_and_missed_by_name() {
    every_right_is_needed_and_missed_by_name(Kind::MariaDb118);
}

#[test]
fn on_mysql_9_7_every_right_is_needed_and_missed_by_name() {
    every_right_is_needed_and_missed_by_name(Kind::MySql97);
}
