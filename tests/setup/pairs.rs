//! What set-up does on pairs in all kinds of states: by hand, over TLS, half repaired, restarted.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward::config::schema::{Tls, TlsMode};
use keyward::daemon::setup::{End, How, Progress, sql_by_hand};
use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Spec};
use keyward::model::Family;

use crate::exact::assert_equal;
use crate::harness::{
    LINK_PASSWORD, OWN_PASSWORD, Pair, Server, is_done, refusals, region, replica_name, set_up_telling,
};

/// Sets up and counts the rows that were handed over. The replica is not asked: a server may stand still where a table is
/// read over and over while it is loaded.
fn set_up_counting(pair: &Pair, copied: &AtomicU64) -> End {
    set_up_telling(&pair.settings, &pair.admins(), &|progress| {
        if let Progress::Copying(so_far) = progress {
            copied.store(so_far.rows, Ordering::Relaxed);
        }
    })
}

fn until_first_table_is_copied<T>(copied: &AtomicU64, worker: &std::thread::ScopedJoinHandle<'_, T>) {
    while copied.load(Ordering::Relaxed) < 3_000 {
        assert!(!worker.is_finished(), "it ended before its first table was copied");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_print_sql_prints_is_all_that_an_administrator_must_do() {
    let mut pair = Pair::plain();
    pair.settings.replication.databases.push("odd_name%".into());
    pair.master.sql(
        "CREATE DATABASE `odd_name%`; CREATE TABLE `odd_name%`.t (id INT PRIMARY KEY); INSERT INTO `odd_name%`.t VALUES (1);
         CREATE VIEW keystone.v AS SELECT * FROM keystone.user; CREATE PROCEDURE keystone.p() SELECT 1;
         CREATE EVENT keystone.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM keystone.user WHERE id = 'x';",
    );
    let (master, replica) = sql_by_hand(&pair.settings, Family::MariaDb, &region(), &replica_name()).unwrap();
    for (server, lines) in [(&pair.master, master), (&pair.replica, replica)] {
        let text = lines.join("\n");
        assert!(!text.contains(LINK_PASSWORD) && !text.contains("ass\\"), "{text}");
        let own = OWN_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        let filled =
            text.replace("<put account.password here>", &own).replace("<put replication.password here>", LINK_PASSWORD);
        server.sql(&filled);
        server.sql(&filled.replace("-- REVOKE", "REVOKE"));
        let rights = server.sql("SHOW GRANTS FOR keyward");
        assert!(!rights.contains("ALL PRIVILEGES") && !rights.contains("SUPER") && !rights.contains("BINLOG ADMIN"));
        let why = refusals(pair.set_up(&How::default()));
        assert!(why.contains("it lacks") || why.contains("login refused"), "{why}");
    }
    // the rights for setting up were taken away again above: each one must be missed
    let why = refusals(pair.set_up(&How { auto: true, ..How::default() }));
    for word in ["BINLOG ADMIN", "SET USER", "RELOAD", "TRIGGER", "on mysql.proc", "on odd_name%.*", "--replica-admin"]
    {
        assert!(why.contains(word), "{word} is missing in {why}");
    }
    let (master, replica) = sql_by_hand(&pair.settings, Family::MariaDb, &region(), &replica_name()).unwrap();
    for (server, lines) in [(&pair.master, master), (&pair.replica, replica)] {
        server.sql(&lines.join("\n"));
    }
    let end = pair.set_up(&How { auto: true, ..How::default() });
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(&pair);
    assert_eq!(pair.replica.sql("SELECT @@gtid_binlog_state NOT LIKE '%-2-%'").trim(), "1", "no GTIDs of its own");
}

#[test]
fn accounts_get_the_rights_they_need_and_no_more() {
    let pair = Pair::plain();
    assert!(is_done(&pair.set_up(&pair.admins())));
    let rights = |server: &Server, user: &str| {
        let lines = server.sql(&format!("SHOW GRANTS FOR {user}"));
        let line = |line: &str| line.split(" TO ").next().unwrap().replace("GRANT ", "");
        lines.lines().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        rights(&pair.master, "keyward"),
        "BINLOG MONITOR ON *.*\nSELECT, INSERT, UPDATE, DELETE ON `keyward`.*\nSELECT, SHOW VIEW ON `keystone`.*"
    );
    assert_eq!(rights(&pair.master, "keyward_repl"), "REPLICATION SLAVE ON *.*");
    assert_eq!(
        rights(&pair.replica, "keyward"),
        "PROCESS, SHOW DATABASES, READ_ONLY ADMIN, REPLICATION SLAVE ADMIN, SLAVE MONITOR ON *.*\n\
         SELECT ON `keyward`.*\nSELECT ON `keystone`.*"
    );
    assert_eq!(pair.master.sql("SELECT COUNT(*) FROM keyward.beat").trim(), "0", "set-up takes its own beat away");
}

#[test]
fn the_links_tls_is_proven_before_anything_is_copied() {
    for kind in [Kind::MariaDb1011, Kind::MySql97] {
        if !lacks(kind) {
            tls_is_proven_first(kind);
        }
    }
}

fn tls_is_proven_first(kind: Kind) {
    let (links, positions) = match kind.family() {
        Family::MariaDb => ("SHOW ALL SLAVES STATUS", "@@gtid_slave_pos, @@gtid_binlog_pos"),
        Family::MySql => ("SHOW REPLICA STATUS", "@@gtid_executed"),
    };
    let lab = Lab::new().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|name| lab.authority(name).unwrap());
    let certificate = right.server("server").unwrap();
    let with_tls = |server_id| Server::of(Spec::new("server", server_id).kind(kind).tls(&certificate));
    let mut pair = Pair::new(with_tls(1), with_tls(2));
    pair.master.sql("CREATE DATABASE keystone; CREATE TABLE keystone.user (id INT PRIMARY KEY)");
    let tls =
        |ca: &Path| Tls { mode: TlsMode::VerifyIdentity, ca_file: Some(ca.into()), cert_file: None, key_file: None };
    let [ca, wrong_ca] = [right, wrong].map(|authority| authority.ca_file());
    pair.settings.tls = tls(&ca);
    pair.settings.regions[0].replicas[0].tls = tls(&ca);
    for (wrong, words) in [
        (tls(&wrong_ca), ["cannot verify", "replication.tls.ca_file"]),
        (tls(Path::new("/nowhere/ca.pem")), ["/nowhere/ca.pem", "readable"]),
        (Tls { mode: TlsMode::Disabled, ..tls(&ca) }, ["is not let in", "TLS requirement"]),
    ] {
        // the account is made with the first of these, and must use TLS from then on
        pair.settings.regions[0].replicas[0].replication_tls = wrong;
        let End::Failed(why) = pair.set_up(&pair.admins()) else { panic!("must fail") };
        assert!(words.iter().all(|word| why.contains(word)), "{why}");
        let left = pair.replica.sql(&format!("{links}; SHOW DATABASES LIKE 'key%'"));
        assert_eq!(left, "", "nothing may be left");
        assert_eq!(pair.replica.sql(&format!("SELECT @@read_only, {positions}")).trim(), "0");
    }
    pair.settings.regions[0].replicas[0].replication_tls = tls(&ca);
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    // MariaDB's has lines of an option file to tell
    assert!(matches!(pair.set_up(&How::default()), End::NothingToDo(_)));
    let required = Tls { mode: TlsMode::Required, ca_file: None, cert_file: None, key_file: None };
    pair.settings.regions[0].replicas[0].replication_tls = required;
    assert!(is_done(&pair.set_up(&pair.admins())), "another TLS mode is a change of the link");
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
}

#[test]
fn a_link_may_check_the_ca_alone_where_the_certificate_names_another_host() {
    let lab = Lab::new().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|name| lab.authority(name).unwrap());
    let certificate = right.issue("elsewhere", &["DNS:elsewhere.example"]).unwrap();
    let master = Server::of(Spec::new("server", 1).tls(&certificate));
    let mut pair = Pair::new(master, Server::plain(2));
    pair.master.sql("CREATE DATABASE keystone; CREATE TABLE keystone.user (id INT PRIMARY KEY)");
    let tls = |mode, ca: &Path| Tls { mode, ca_file: Some(ca.into()), cert_file: None, key_file: None };
    let [ca, wrong_ca] = [right, wrong].map(|authority| authority.ca_file());
    for wrong in [tls(TlsMode::VerifyIdentity, &ca), tls(TlsMode::VerifyCa, &wrong_ca)] {
        pair.settings.regions[0].replicas[0].replication_tls = wrong;
        let End::Failed(why) = pair.set_up(&pair.admins()) else { panic!("must fail") };
        assert!(why.contains("cannot verify"), "{why}");
    }
    pair.settings.regions[0].replicas[0].replication_tls = tls(TlsMode::VerifyCa, &ca);
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
    pair.catch_up();
    assert_equal(&pair);
}

#[test]
fn a_pair_that_lost_its_settings_gets_them_back_and_keeps_its_rows() {
    let mut pair = Pair::plain();
    let End::Done(drop_in) = pair.set_up(&pair.admins()) else { panic!("must be done") };
    let wanted = "[mariadb]\nreplicate_wild_do_table = keystone.%\nreplicate_wild_do_table = keyward.%\nread_only = ON\n\
                  skip_slave_start = ON\nslave_net_timeout = 4";
    assert_eq!(drop_in.join("\n"), wanted);
    pair.replica.restart(&["skip_slave_start"]);
    pair.master.sql("INSERT INTO keystone.user VALUES ('while it was away')");
    let end = pair.set_up(&How::default());
    assert!(is_done(&end), "keyward's own account must do for repairing: {end:?}");
    pair.catch_up();
    assert_equal(&pair);
    // with the drop-in in force there is nothing left to say, and nothing was lost
    pair.replica.restart(&drop_in.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(is_done(&pair.set_up(&How::default())), "the threads were held and must be started");
    assert_eq!(pair.set_up(&How::default()), End::NothingToDo(Vec::new()));
}

#[test]
fn a_pair_that_somebody_else_set_up_only_gets_the_stamp() {
    let pair = Pair::plain();
    assert!(is_done(&pair.set_up(&pair.admins())));
    let stamp = pair.state.path().join("stamps/RegionTwo__r2-db1.json");
    let first = std::fs::read(&stamp).unwrap();
    std::fs::remove_file(&stamp).unwrap();
    let before = pair.replica.sql("SHOW STATUS LIKE 'Slave_connections'; SELECT @@gtid_binlog_pos");
    assert!(is_done(&pair.set_up(&How::default())));
    assert_eq!(before, pair.replica.sql("SHOW STATUS LIKE 'Slave_connections'; SELECT @@gtid_binlog_pos"));
    let identity = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap()["identity"].clone();
    assert_eq!(identity(&first), identity(&std::fs::read(&stamp).unwrap()));
    // and a stamp of another server is not believed
    let other = String::from_utf8(first).unwrap().replace("\"server_id\": 2", "\"server_id\": 3");
    std::fs::write(&stamp, other).unwrap();
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("not the server that was set up before"), "{why}");
}

#[test]
fn a_definition_changed_during_the_copy_makes_it_begin_again() {
    let pair = Pair::plain();
    fill(&pair.master, 30);
    // two tables that look alike change places: only a look at the definitions can tell
    pair.master.sql(
        "DO SLEEP(1.1); CREATE TABLE keystone.t29_new LIKE keystone.t29; INSERT INTO keystone.t29_new VALUES (1, 'new')",
    );
    let copied = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| set_up_counting(&pair, &copied));
        until_first_table_is_copied(&copied, &worker);
        pair.master.sql(
            "RENAME TABLE keystone.t29 TO keystone.x, keystone.t29_new TO keystone.t29, keystone.x TO keystone.t29_new;
             ALTER TABLE keystone.t0 ADD COLUMN more INT; CREATE TABLE keystone.fresh (id INT PRIMARY KEY);
             CREATE VIEW keystone.v AS SELECT * FROM keystone.fresh",
        );
        let end = worker.join().unwrap();
        assert!(is_done(&end), "{end:?}");
    });
    pair.catch_up();
    assert_equal(&pair);
}

#[test]
fn a_table_emptied_or_dropped_during_the_copy_makes_it_begin_again() {
    let pair = Pair::plain();
    fill(&pair.master, 20);
    let copied = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| set_up_counting(&pair, &copied));
        until_first_table_is_copied(&copied, &worker);
        pair.master.sql("TRUNCATE keystone.t9; DROP TABLE keystone.t8; ALTER TABLE keystone.t7 DROP COLUMN word");
        let end = worker.join().unwrap();
        assert!(is_done(&end), "{end:?}");
    });
    pair.catch_up();
    assert_equal(&pair);
}

fn fill(master: &Server, tables: u32) {
    for table in 0..tables {
        master.sql(&format!(
            "CREATE TABLE keystone.t{table} (id INT PRIMARY KEY, word VARCHAR(500)); \
             SET SESSION max_recursive_iterations = 3000; INSERT INTO keystone.t{table} \
             WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 3000) \
             SELECT seq, REPEAT('x', 500) FROM n"
        ));
    }
}
