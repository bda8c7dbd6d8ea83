//! Replicas that are broken: set-up says what it is and offers a command, and that command mends it.

use std::time::{Duration, Instant};

use keyward::daemon::setup::{End, How};

use crate::exact::assert_equal;
use crate::harness::{LINK_PASSWORD, Pair, Server, is_done, refusals};

const LIMIT: Duration = Duration::from_secs(60);

/// A pair that is set up.
fn whole() -> Pair {
    let pair = Pair::plain();
    assert!(is_done(&pair.set_up(&pair.admins())));
    pair.catch_up();
    pair
}

fn reseed(pair: &Pair) -> How {
    How { reseed: true, ..pair.admins() }
}

/// Waits until the replica's link shows an error with these words.
fn await_error(pair: &Pair, words: &str) {
    let began = Instant::now();
    loop {
        let status = pair.replica.sql("SHOW ALL SLAVES STATUS\\G");
        if status.contains(words) {
            return;
        }
        assert!(began.elapsed() < LIMIT, "{words:?} is not in {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Plain set-up is refused with these words; `--reseed` mends it, and the old rows are kept.
fn refused_then_reseeded(pair: &Pair, words: &[&str]) -> String {
    let rows = "SELECT GROUP_CONCAT(id ORDER BY id) FROM ";
    let old = pair.replica.sql(&format!("{rows} keystone.user"));
    let why = refusals(pair.set_up(&pair.admins()));
    for word in words.iter().chain(&["`keyward setup --region RegionTwo/r2-db1 --reseed`"]) {
        assert!(why.contains(word), "{word:?} is missing in: {why}");
    }
    let (end, moved) = pair.set_up_telling(&reseed(pair));
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(pair);
    let into = &moved.iter().find(|one| one.of == "keystone").unwrap().into;
    assert_eq!(pair.replica.sql(&format!("{rows} `{into}`.user")), old);
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
    why
}

#[test]
fn purged_binlogs_are_named_and_a_reseed_mends_them() {
    let pair = whole();
    pair.replica.sql("STOP SLAVE");
    purge(&pair.master);
    pair.replica.sql("START SLAVE");
    await_error(&pair, "have been purged");
    refused_then_reseeded(&pair, &["has purged the binlogs that replica RegionTwo/r2-db1 still needs", "1236"]);
}

/// Writes, and leaves no binlog with what it wrote.
pub fn purge(master: &Server) {
    master.sql(
        "INSERT INTO keystone.user VALUES ('purged'); FLUSH BINARY LOGS; INSERT INTO keystone.user VALUES ('later');",
    );
    let last = master.sql("SHOW BINARY LOGS");
    let last = last.lines().last().and_then(|line| line.split('\t').next()).unwrap();
    let began = Instant::now();
    while master.sql("SHOW BINARY LOGS").lines().count() > 1 {
        // what a replica still reads is not purged
        master.sql(&format!("PURGE BINARY LOGS TO '{last}'"));
        assert!(began.elapsed() < LIMIT, "the binlogs were never purged");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_duplicate_and_a_missing_row_are_named_with_table_and_key_and_never_skipped() {
    for (here, there, words, number) in [
        (
            "INSERT INTO keystone.user VALUES ('same')",
            "INSERT INTO keystone.user VALUES ('same')",
            ["already holds a row", "keystone.user ('same' for key 'PRIMARY')", "`keyward verify --region"],
            "1062",
        ),
        (
            "DELETE FROM keystone.user WHERE id = 'a'",
            "UPDATE keystone.user SET id = 'z' WHERE id = 'a'",
            ["lacks a row of keystone.user", "error 1032", "nothing is ever skipped"],
            "1032",
        ),
    ] {
        let pair = whole();
        pair.replica.sql(&format!("SET sql_log_bin = 0; {here}"));
        pair.master.sql(there);
        await_error(&pair, &format!("Error_code: {number}"));
        refused_then_reseeded(&pair, &words);
    }
}

#[test]
fn transactions_that_the_master_never_had_are_named_and_replaced_only_by_a_reseed() {
    let pair = whole();
    pair.replica.sql("INSERT INTO keystone.user VALUES ('errant'); INSERT INTO keystone.user VALUES ('errant too');");
    let state = pair.replica.sql("SELECT @@gtid_binlog_state");
    let mut found = Vec::new();
    let end = pair.set_up_finding(&pair.admins(), &mut found);
    // the server goes on with them, so that plain set-up does too, and says so
    assert!(matches!(end, End::NothingToDo(_)), "{end:?}");
    let said = found.join("\n");
    for word in ["has 2 transactions or more that master", "never had (0-2-", "--reseed", "`keyward verify"] {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
    assert_eq!(pair.replica.sql("SELECT @@gtid_binlog_state"), state, "never dropped silently");
    let (end, moved) = pair.set_up_telling(&reseed(&pair));
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(&pair);
    let old = moved.iter().find(|one| one.of == "keystone").unwrap();
    assert_eq!(pair.replica.sql(&format!("SELECT COUNT(*) FROM `{}`.user WHERE id LIKE 'errant%'", old.into)), "2");
    found.clear();
    assert!(matches!(pair.set_up_finding(&pair.admins(), &mut found), End::NothingToDo(_)));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_link_that_leads_elsewhere_is_pointed_back_when_the_master_has_what_the_replica_has() {
    let pair = whole();
    pair.master.sql("INSERT INTO keystone.user VALUES ('while it was away')");
    pair.catch_up();
    pair.replica
        .sql("STOP SLAVE; CHANGE MASTER TO MASTER_HOST = '192.0.2.1', MASTER_PORT = 3306, MASTER_USER = 'other'");
    pair.master.sql("INSERT INTO keystone.user VALUES ('later')");
    let mut found = Vec::new();
    let end = pair.set_up_finding(&pair.admins(), &mut found);
    assert!(is_done(&end), "{end:?}");
    assert!(found.join("\n").contains("replicates from 192.0.2.1:3306, not from master"), "{found:?}");
    pair.catch_up();
    assert_equal(&pair);
    // a position that the master has never reached
    pair.replica.sql("STOP SLAVE; SET GLOBAL gtid_slave_pos = '0-1-99999'; CHANGE MASTER TO MASTER_HOST = '192.0.2.1', MASTER_PORT = 3306");
    let words = ["replicates from 192.0.2.1:3306", "cannot go on from there", "0-1-99999", "has passed"];
    refused_then_reseeded(&pair, &words);
    // settings of the link that are not those of the settings
    pair.replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD = 7, MASTER_CONNECT_RETRY = 9; START SLAVE");
    found.clear();
    assert!(is_done(&pair.set_up_finding(&pair.admins(), &mut found)));
    assert!(found.join("\n").contains("differs from the settings in heartbeat period, retries"), "{found:?}");
    // a password that has expired: neither a set-up nor a copy anew mends that
    pair.master.sql("SET sql_log_bin = 0; ALTER USER keyward_repl@'%' PASSWORD EXPIRE; KILL USER keyward_repl");
    await_error(&pair, "1820");
    found.clear();
    let End::Failed(why) = pair.set_up_finding(&pair.admins(), &mut found) else { panic!("{found:?}") };
    for told in [&found.join("\n"), &why] {
        assert!(told.contains("the password of keyward_repl has expired"), "{found:?}, {why}");
        assert!(!told.contains("this set-up mends it"), "{found:?}");
    }
    pair.master.sql(&format!("SET sql_log_bin = 0; ALTER USER keyward_repl@'%' IDENTIFIED BY '{LINK_PASSWORD}'"));
    assert!(is_done(&pair.set_up(&pair.admins())));
    pair.catch_up();
}

#[test]
fn a_master_that_lost_transactions_is_not_followed_again_without_a_reseed() {
    let pair = whole();
    let region =
        keyward::judge::RegionMemory { lost: Some("it came back without 3 beats".into()), ..Default::default() };
    let memory = keyward::judge::Memory {
        version: keyward::judge::Memory::VERSION,
        instance: "here".into(),
        regions: [(crate::harness::region(), region)].into(),
        ..Default::default()
    };
    pair.replica.sql("STOP SLAVE");
    std::fs::write(pair.state.path().join("state.json"), serde_json::to_vec(&memory).unwrap()).unwrap();
    let why = refusals(pair.set_up(&pair.admins()));
    for word in ["transactions that the master has lost", "3 beats", "`keyward verify", "--reseed"] {
        assert!(why.contains(word), "{word:?} is missing in: {why}");
    }
    assert!(is_done(&pair.set_up(&reseed(&pair))));
    pair.catch_up();
    assert_equal(&pair);
}

#[test]
fn a_database_that_is_missing_and_a_link_that_is_gone_are_mended_by_a_reseed() {
    let mut pair = whole();
    pair.replica.sql("STOP SLAVE; RESET SLAVE ALL");
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("already holds a schema keyward") && why.contains("--replace-data"), "{why}");
    assert!(is_done(&pair.set_up(&How { replace_data: true, ..pair.admins() })));
    pair.catch_up();
    assert_equal(&pair);
    pair.master.sql("CREATE DATABASE `odd_name%`; CREATE TABLE `odd_name%`.t (id INT PRIMARY KEY)");
    pair.settings.replication.databases.push("odd_name%".into());
    refused_then_reseeded(&pair, &["replicates from", "does not hold odd_name%"]);
}
