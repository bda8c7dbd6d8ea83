//! Plans of set-up as text: what was seen of a pair, and the steps that follow from it.

use std::time::Duration;

use keyward::model::Family;
use keyward::model::aside::{Move, Stage};
use keyward::model::observation::{Durability, LinkFacts, ServerIdentity, ThreadState};
use keyward::model::preflight::{
    BeatTable, DatabaseFacts, LinkAccount, LinkSettings, LinkWanted, Login, PairFacts, Schema, ServerSide, SourceSide,
};
use keyward::plan::steps::Step;
use keyward::plan::{by_hand, journal, setup, wanted::Wanted};

fn wanted() -> Wanted {
    Wanted {
        databases: vec!["keystone".into()],
        own_user: "keyward".into(),
        own_ssl_on_master: true,
        own_ssl_on_replica: true,
        link: LinkWanted {
            host: "10.13.32.19".into(),
            port: 3306,
            user: "keyward_repl".into(),
            ssl: true,
            verify: true,
            ca: "/etc/mysql/keyward-ca.pem".into(),
            cert: String::new(),
            key: String::new(),
            heartbeat: "1.000".into(),
        },
        beat_interval: Duration::from_secs(1),
        auto: false,
        mend: keyward::plan::wanted::Mend { place: "RegionTwo/r2-db1".into(), ..Default::default() },
    }
}

fn side(name: &str, server_id: u32, schemas: &[&str]) -> ServerSide {
    ServerSide {
        name: name.into(),
        identity: ServerIdentity { uid: format!("uid{server_id}"), server_id },
        version: "10.11.19-MariaDB-0+deb12u1-log".into(),
        log_bin: true,
        binlog_format: "ROW".into(),
        by_admin: true,
        schemas: schemas.iter().map(|name| Schema { name: (*name).into(), ..Schema::default() }).collect(),
        ..ServerSide::default()
    }
}

/// A master with keystone and a replica with nothing, both with an administrator.
fn fresh() -> PairFacts {
    PairFacts {
        master: side("master 10.13.32.19:3306", 1, &["keystone"]),
        source: SourceSide {
            databases: vec![DatabaseFacts { name: "keystone".into(), ..DatabaseFacts::default() }],
            link_account: LinkAccount::Missing,
            ..SourceSide::default()
        },
        replica: side("replica RegionTwo/r2-db1", 2, &[]),
        ..PairFacts::default()
    }
}

fn works(grants: &[&str]) -> Login {
    Login::Works {
        account: ("keyward".into(), "%".into()),
        grants: grants.iter().map(|grant| format!("GRANT {grant} TO `keyward`@`%`")).collect(),
    }
}

/// A pair on which nothing is left to do.
fn finished() -> PairFacts {
    let mut facts = fresh();
    facts.master.account = works(&["ALL PRIVILEGES ON *.*"]);
    facts.replica.account = works(&["ALL PRIVILEGES ON *.*"]);
    facts.source.beat_table = BeatTable::Right;
    facts.source.link_account = LinkAccount::Exists {
        account: ("keyward_repl".into(), "10.%".into()),
        grants: vec!["GRANT REPLICATION SLAVE ON *.* TO `keyward_repl`@`10.%`".into()],
    };
    facts.replica.schemas = side("", 2, &["keystone", "keyward"]).schemas;
    facts.copy.read_only = true;
    facts.copy.filter = "keystone.%,keyward.%".into();
    facts.copy.net_timeout_seconds = 4;
    facts.copy.stamp = Some(facts.replica.identity.clone());
    facts.copy.link = Some(LinkSettings {
        facts: LinkFacts {
            host: "10.13.32.19".into(),
            port: 3306,
            user: "keyward_repl".into(),
            io: ThreadState::Running,
            sql: ThreadState::Running,
            by_gtid: true,
            heartbeat_period: 1.0,
            ..LinkFacts::default()
        },
        connect_retry: 1,
        ssl: true,
        ssl_verify: true,
        ssl_ca: "/etc/mysql/keyward-ca.pem".into(),
        ..LinkSettings::default()
    });
    for durability in [
        &mut facts.copy.read_only_durability,
        &mut facts.copy.filter_durability,
        &mut facts.copy.net_timeout_durability,
    ] {
        *durability = Durability::Kept;
    }
    facts
}

fn steps(facts: &PairFacts) -> String {
    match setup::plan(facts, &wanted()) {
        Ok(plan) => plan.lines().join("\n"),
        Err(why) => why.join("\n"),
    }
}

#[test]
fn an_empty_replica_gets_everything() {
    assert_eq!(
        steps(&fresh()),
        " 1. Create the account keyward@%, which must use TLS, on master 10.13.32.19:3306.
 2. Allow keyward@% on master 10.13.32.19:3306: BINLOG MONITOR on *.*; DELETE, INSERT, SELECT, UPDATE on keyward.*; SELECT, SHOW VIEW on keystone.*.
 3. Create the account keyward@%, which must use TLS, on replica RegionTwo/r2-db1.
 4. Allow keyward@% on replica RegionTwo/r2-db1: PROCESS, READ_ONLY ADMIN, REPLICATION SLAVE ADMIN, SHOW DATABASES, SLAVE MONITOR on *.*; SELECT on keyward.*; SELECT on keystone.*.
 5. Create the account keyward_repl@%, which must use TLS, on master 10.13.32.19:3306.
 6. Allow keyward_repl@% on master 10.13.32.19:3306: REPLICATION SLAVE on *.*.
 7. Create schema keyward with table beat on master 10.13.32.19:3306.
 8. Prove that replica RegionTwo/r2-db1 can log in at master 10.13.32.19:3306 for replication.
 9. Make replica RegionTwo/r2-db1 read-only.
10. Copy keyward and keystone from one snapshot of master 10.13.32.19:3306 to replica RegionTwo/r2-db1, and set its GTID position.
11. Let only keystone.%,keyward.% through on replica RegionTwo/r2-db1.
12. Set slave_net_timeout to 4 s on replica RegionTwo/r2-db1.
13. Point replica RegionTwo/r2-db1 at master 10.13.32.19:3306, by GTID.
14. Start replication on replica RegionTwo/r2-db1 and see both threads run.
15. Write a beat on master 10.13.32.19:3306 and see it arrive on replica RegionTwo/r2-db1.
16. Take the marks of an unfinished set-up off replica RegionTwo/r2-db1.
17. Record which server replica RegionTwo/r2-db1 is."
    );
}

#[test]
fn a_finished_pair_needs_nothing_and_each_loss_only_what_brings_it_back() {
    assert_eq!(steps(&finished()), "");
    assert_eq!(setup::plan(&finished(), &wanted()).unwrap().drop_in, Vec::<String>::new());
    let after = |change: fn(&mut PairFacts)| {
        let mut facts = finished();
        change(&mut facts);
        steps(&facts)
    };
    assert_eq!(after(|facts| facts.copy.stamp = None), " 1. Record which server replica RegionTwo/r2-db1 is.");
    assert_eq!(after(|facts| facts.copy.read_only = false), " 1. Make replica RegionTwo/r2-db1 read-only.");
    assert_eq!(
        after(|facts| facts.copy.filter = String::new()),
        " 1. Stop replication on replica RegionTwo/r2-db1.
 2. Let only keystone.%,keyward.% through on replica RegionTwo/r2-db1.
 3. Start replication on replica RegionTwo/r2-db1 and see both threads run.
 4. Write a beat on master 10.13.32.19:3306 and see it arrive on replica RegionTwo/r2-db1."
    );
    assert_eq!(
        after(|facts| facts.replica.schemas[0].comment = journal::mark("a1", &[])),
        " 1. Take the marks of an unfinished set-up off replica RegionTwo/r2-db1."
    );
}

#[test]
fn what_an_interrupted_run_left_is_dropped_and_made_again_and_nothing_else_is() {
    let mut facts = finished();
    facts.copy.stamp = None;
    for schema in &mut facts.replica.schemas {
        schema.comment = journal::mark("a1", &[]);
    }
    let text = steps(&facts);
    let first = " 1. Drop keystone, keyward and the link, which an interrupted set-up left half done on replica";
    assert!(text.starts_with(&first.replace("keystone, keyward", "keystone and keyward")), "{text}");
    assert!(text.contains("Copy keyward and keystone"), "{text}");
    facts.replica.schemas[0].comment = "mine".into();
    assert!(steps(&facts).contains("already holds a schema keystone"), "{}", steps(&facts));
}

#[test]
fn all_reasons_are_said_at_once() {
    let mut facts = fresh();
    facts.master.log_bin = false;
    facts.replica.galera = true;
    facts.copy.own_replicas = 1;
    facts.replica.identity.server_id = 1;
    facts.replica.schemas = side("", 1, &["nova", "keystone"]).schemas;
    facts.replica.gtid_binlog_pos = "0-1-5".into();
    assert_eq!(steps(&facts).lines().count(), 7, "{}", steps(&facts));
    // two families, or a server that is too old, leave nothing else to be said
    (facts.replica.version, facts.replica.family) = ("9.7.4-2".into(), Family::MySql);
    assert_eq!(
        steps(&facts),
        "master 10.13.32.19:3306 is MariaDB 10.11.19-MariaDB-0+deb12u1-log and replica RegionTwo/r2-db1 is MySQL 9.7.4-2: \
         the two do not replicate to each other; put a MariaDB server in the replica's place"
    );
    (facts.master.version, facts.master.family) = ("8.0.44".into(), Family::MySql);
    assert_eq!(
        steps(&facts),
        "master 10.13.32.19:3306 is MySQL 8.0.44, which is too old: this release needs 8.4.0 or later: upgrade it"
    );
}

const ONE: &str = "017130c5-e614-11f1-bab9-02fc00000001";

#[test]
fn mysql_is_made_read_only_for_administrators_when_nothing_is_left_to_write() {
    let mut facts = fresh();
    for side in [&mut facts.master, &mut facts.replica] {
        (side.version, side.family) = ("8.4.3".into(), Family::MySql);
        side.gtid_binlog_pos = format!("{ONE}:1-9");
    }
    (facts.copy.super_read_only, facts.copy.remembers) = (Some(false), true);
    let plan = setup::plan(&facts, &wanted()).unwrap();
    let place = |step: &Step| plan.steps.iter().position(|other| other == step).unwrap();
    let finished = plan.steps.iter().position(|step| matches!(step, Step::Finish { .. })).unwrap();
    assert!(place(&Step::SetReadOnly) < place(&Step::StartLink));
    assert!(place(&Step::HoldThreads) < place(&Step::ConfigureLink));
    assert!(finished < place(&Step::SetSuperReadOnly) && place(&Step::SetSuperReadOnly) < place(&Step::Stamp));
    assert_eq!(plan.drop_in[0], "[mysqld]");

    // a release without the setting writes rows all the same; another value is refused
    facts.master.binlog_format.clear();
    assert!(setup::plan(&facts, &wanted()).is_ok());
    facts.master.binlog_format = "MIXED".into();
    assert!(steps(&facts).contains("has binlog_format MIXED"), "{}", steps(&facts));

    // what the replica alone has is never dropped silently
    facts.replica.gtid_binlog_pos = format!("{ONE}:1-10");
    assert!(steps(&facts).contains("has transactions of its own in the way"), "{}", steps(&facts));
}

#[test]
fn what_an_administrator_runs_by_hand_reads_well() {
    let text = by_hand::for_replica(Family::MariaDb, &wanted()).join("\n");
    let beginning = "-- On the replica. Put the password of the settings where the text says so.
-- The first statement keeps the replica from making GTIDs of its own.
SET SESSION sql_log_bin = 0;
CREATE USER IF NOT EXISTS `keyward`@`%` IDENTIFIED BY '<put account.password here>' REQUIRE SSL;
GRANT PROCESS, READ_ONLY ADMIN, REPLICATION SLAVE ADMIN, SHOW DATABASES, SLAVE MONITOR ON *.* TO `keyward`@`%`;
GRANT SELECT ON `keyward`.* TO `keyward`@`%`;
GRANT SELECT ON `keystone`.* TO `keyward`@`%`;
-- Only while keyward sets the replica up by itself:
GRANT BINLOG ADMIN, RELOAD, SET USER ON *.* TO `keyward`@`%`;";
    assert!(text.starts_with(beginning), "{text}");
}

fn moving(of: &str, stage: Stage) -> Move {
    Move { of: of.into(), into: format!("{of}_keyward_20261122_120000"), stage: Some(stage) }
}

fn sentences(facts: &PairFacts, wanted: &Wanted) -> String {
    match setup::plan(facts, wanted) {
        Ok(plan) => plan.lines().join("\n"),
        Err(why) => panic!("{why:?}"),
    }
}

#[test]
fn a_move_that_has_begun_is_ended_first_whichever_command_comes_and_nothing_of_it_is_dropped() {
    let mut facts = finished();
    facts.copy.link = None;
    facts.copy.moves = vec![moving("keystone", Stage::Moving)];
    // schema keyward is gone already, and keystone still has the mark of a set-up that was whole
    facts.replica.schemas =
        vec![Schema { comment: journal::mark("a1", &[]), ..side("", 2, &["keystone"]).schemas.remove(0) }];
    let said = sentences(&facts, &wanted());
    assert!(said.contains("Move keystone to keystone_keyward_20261122_120000"), "{said}");
    assert!(!said.contains("Drop") && !said.contains("Write down"), "{said}");
    let at = |word: &str| said.find(word).unwrap_or_else(|| panic!("{word} is missing in {said}"));
    assert!(at("Prove that") < at("Move keystone") && at("Move keystone") < at("Copy keyward and keystone"), "{said}");
    // what has not begun yet joins it, under a date of its own
    facts.copy.moves = vec![moving("keystone", Stage::Recording)];
    facts.replica.schemas = side("", 2, &["keystone", "keyward"]).schemas;
    let mut wanted = wanted();
    wanted.mend.date = "20261122_130000".into();
    let said = sentences(&facts, &wanted);
    assert!(said.contains("Write down on replica RegionTwo/r2-db1 that keyward will be moved aside"), "{said}");
    assert!(said.contains("and keyward to keyward_keyward_20261122_130000"), "{said}");
    // a move that was ended within the same second has that name
    let name = "keyward_keyward_20261122_130000".to_owned();
    facts.replica.schemas.push(Schema { name, ..Schema::default() });
    assert!(sentences(&facts, &wanted).contains("and keyward to keyward_keyward_20261122_130001"));
    facts.replica.schemas.pop();
    // one that was ended is history
    facts.copy.moves = vec![moving("keystone", Stage::Moved)];
    let why = setup::plan(&facts, &wanted).unwrap_err().join("\n");
    assert!(why.contains("already holds a schema keyward"), "{why}");
}

#[test]
fn a_dated_schema_makes_no_server_a_strangers_and_its_journal_must_be_seen() {
    let mut facts = finished();
    facts.copy.stamp = None;
    facts.replica.schemas.push(Schema { name: "keystone_keyward_20261122_120000".into(), ..Schema::default() });
    assert!(sentences(&facts, &wanted()).contains("Record which server"), "it is keyward's own");
    facts.copy.link = None;
    facts.replica.schemas.retain(|schema| schema.name.contains("_keyward_"));
    facts.replica.by_admin = false;
    facts.replica.account = works(&["ALL PRIVILEGES ON `keystone`.*", "ALL PRIVILEGES ON `keyward`.*"]);
    let why = setup::plan(&facts, &wanted()).unwrap_err().join("\n");
    assert!(why.contains("on keystone_keyward_%.*"), "{why}");
}

#[test]
fn a_link_that_leads_elsewhere_is_pointed_back_only_where_nothing_is_lost() {
    let mut facts = finished();
    let link = facts.copy.link.as_mut().unwrap();
    (link.facts.host, link.facts.by_gtid) = ("10.0.0.9".into(), true);
    facts.master.gtid_binlog_pos = "0-1-100".into();
    facts.master.gtid_binlog_state = "0-1-100".into();
    facts.replica.gtid_slave_pos = "0-1-90".into();
    let said = sentences(&facts, &wanted());
    assert!(said.contains("Point replica RegionTwo/r2-db1 at master"), "{said}");
    for (position, binlog, word) in [
        ("0-1-101", "", "has passed"),
        ("", "", "no GTID position"),
        ("0-1-90", "0-2-91", "never had (0-2-91)"),
        ("0-7-90", "", "never had (0-7-90)"),
    ] {
        facts.replica.gtid_slave_pos = position.into();
        facts.replica.gtid_binlog_state = binlog.into();
        let why = setup::plan(&facts, &wanted()).unwrap_err().join("\n");
        assert!(why.contains(word) && why.contains("--region RegionTwo/r2-db1 --reseed"), "{position}: {why}");
    }
}
