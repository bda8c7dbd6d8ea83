//! Everything that set-up refuses before it begins: one sentence that says where and what to do, and nothing changed.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward::config::schema::{Tls, TlsMode};
use keyward::daemon::setup::{End, How};
use keyward::lab::port::Port;

use crate::harness::{Pair, Server, admin, is_done, refusals};

/// Everything a refused set-up could have changed on a server.
fn state(server: &Server) -> String {
    server.sql(
        "SELECT @@gtid_binlog_pos, @@gtid_slave_pos, @@read_only, @@slave_net_timeout, @@replicate_wild_do_table;
         SELECT user, host FROM mysql.user ORDER BY 1, 2; SHOW DATABASES; SHOW ALL SLAVES STATUS;",
    )
}

/// Runs a set-up that must be refused with all of these words, and must not change anything.
fn refused(pair: &Pair, how: &How, words: &[&str]) {
    let before = (state(&pair.master), state(&pair.replica));
    let why = refusals(pair.set_up(how));
    for word in words {
        assert!(why.contains(word), "{word:?} is missing in: {why}");
    }
    assert!(!why.contains('\n') && !why.contains("ass\\word"), "one sentence, no secret: {why}");
    assert_eq!(before, (state(&pair.master), state(&pair.replica)), "a refusal must change nothing");
}

#[test]
fn settings_of_the_servers_that_cannot_work_are_refused() {
    type Options = &'static [&'static str];
    // what a server has that was told nothing; only a master's matters
    const MIXED: Options = &["binlog_format=MIXED"];
    let rows: [(Options, Options, u32, Options); 4] = [
        (&["skip_log_bin"], MIXED, 2, &["master", "no binlog", "log_bin"]),
        (MIXED, MIXED, 2, &["master", "binlog_format MIXED", "ROW"]),
        (&[], MIXED, 1, &["both have server_id 1", "another one"]),
        (
            &[],
            &["binlog_format=MIXED", "replicate_ignore_db=keystone"],
            2,
            &["replica RegionTwo/r2-db1", "replicate_ignore_db = keystone", "option file"],
        ),
    ];
    for (master, replica, server_id, words) in rows {
        let pair = Pair::new(Server::start(1, master), Server::start(server_id, replica));
        pair.master.sql("CREATE DATABASE keystone");
        refused(&pair, &pair.admins(), words);
    }
}

#[test]
fn a_replica_that_is_not_free_for_keyward_is_refused() {
    let pair = Pair::plain();
    let rows: [(&str, &str, &[&str]); 6] = [
        ("CREATE DATABASE nova", "DROP DATABASE nova", &["also holds nova", "server of its own"]),
        (
            "CREATE DATABASE keystone COMMENT 'somebody'",
            "DROP DATABASE keystone",
            &[
                "already holds a schema keystone",
                "`keyward setup --region RegionTwo/r2-db1 --replace-data` moves it aside",
            ],
        ),
        (
            "CHANGE MASTER TO MASTER_HOST = '192.0.2.1', MASTER_USE_GTID = slave_pos",
            "RESET SLAVE ALL",
            &["replicates from 192.0.2.1:3306", "it has no GTID position", "--reseed"],
        ),
        (
            "CHANGE MASTER 'other' TO MASTER_HOST = '192.0.2.1'",
            "RESET SLAVE 'other' ALL",
            &["also replicates by connection other (192.0.2.1:3306)"],
        ),
        (
            "SET gtid_seq_no = 1000; CREATE USER somebody; DROP USER somebody",
            "RESET MASTER",
            &["GTIDs of its own in the way (0-2-1001", "RESET MASTER"],
        ),
        (
            "SET GLOBAL gtid_strict_mode = 1; SET gtid_seq_no = 1; CREATE USER somebody; DROP USER somebody",
            "RESET MASTER",
            &["GTIDs of its own in the way (0-2-2", "RESET MASTER"],
        ),
    ];
    for (make, undo, words) in rows {
        pair.replica.sql(&format!("SET sql_log_bin = {}; {make}", u8::from(make.contains("seq_no"))));
        refused(&pair, &pair.admins(), words);
        pair.replica.sql(&format!("SET sql_log_bin = 0; {undo}"));
    }
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "when all that is gone it must work: {end:?}");
}

#[test]
fn tables_that_a_snapshot_cannot_hold_still_are_refused() {
    let pair = Pair::plain();
    for (make, undo, words) in [
        ("CREATE TABLE keystone.m (id INT) ENGINE = MyISAM", "DROP TABLE keystone.m", ["keystone.m", "engine MyISAM"]),
        ("CREATE SEQUENCE keystone.s", "DROP SEQUENCE keystone.s", ["keystone.s", "a sequence"]),
        (
            "CREATE TABLE keystone.v (id INT) WITH SYSTEM VERSIONING",
            "DROP TABLE keystone.v",
            ["keystone.v", "system-versioned"],
        ),
    ] {
        pair.master.sql(make);
        refused(&pair, &pair.admins(), &words);
        pair.master.sql(undo);
    }
    let mut pair = pair;
    pair.settings.replication.databases.push("nothing_like_this".into());
    refused(&pair, &pair.admins(), &["master", "no schema nothing_like_this", "replication.databases"]);
}

#[test]
fn the_masters_own_address_is_refused_and_the_master_stays_writable() {
    let mut pair = Pair::plain();
    pair.settings.regions[0].replicas[0].address = pair.master.address().parse().unwrap();
    let how = How { replica_admin: Some(admin(pair.master.socket())), ..pair.admins() };
    refused(&pair, &how, &["are the same server", "correct the replica's address"]);
    // another name of the same server, too
    pair.settings.regions[0].replicas[0].address.host = "127.1".into();
    refused(&pair, &how, &["are the same server"]);
    assert_eq!(pair.master.sql("SELECT @@read_only").trim(), "0");
}

#[test]
fn an_administrator_of_another_server_than_the_address_is_noticed() {
    let pair = Pair::plain();
    pair.replica.sql("SET sql_log_bin = 0; CREATE USER keyward IDENTIFIED BY 'own-p\\'ass\\\\word'");
    let how = How { replica_admin: Some(admin(pair.master.socket())), ..pair.admins() };
    refused(&pair, &how, &["replica RegionTwo/r2-db1", "another server"]);
}

#[test]
fn servers_that_do_not_let_keyward_in_are_named() {
    let mut pair = Pair::plain();
    refused(&pair, &How::default(), &["master 127.0.0.1", "account.password", "--master-admin", "--print-sql"]);
    pair.master.sql("CREATE USER keyward IDENTIFIED BY 'another'");
    refused(&pair, &pair.admins(), &["has the account keyward", "account.password", "by hand"]);
    pair.master.sql("DROP USER keyward");
    let mut how = pair.admins();
    how.master_admin.as_mut().unwrap().account.user = "nobody-there".into();
    refused(&pair, &how, &["--master-admin", "login"]);
    let verify = Tls { mode: TlsMode::VerifyIdentity, ca_file: None, cert_file: None, key_file: None };
    pair.settings.tls = verify;
    refused(&pair, &pair.admins(), &["master 127.0.0.1", "TLS", "tls.ca_file"]);
    pair.settings.tls.mode = TlsMode::Disabled;
    let nobody = Port::take().unwrap();
    pair.settings.regions[0].replicas[0].address.port = nobody.number();
    refused(&pair, &pair.admins(), &["replica RegionTwo/r2-db1", "connection refused", "correct the address"]);
}

#[test]
fn another_keyward_at_work_is_named_and_a_dry_run_changes_nothing() {
    let pair = Pair::plain();
    let before = (state(&pair.master), state(&pair.replica));
    let dry = How { dry_run: true, ..pair.admins() };
    assert_eq!(pair.set_up(&dry), End::Planned);
    assert_eq!(before, (state(&pair.master), state(&pair.replica)));
    assert_eq!(std::fs::read_dir(pair.state.path()).unwrap().count(), 0);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| pair.replica.try_sql("SELECT GET_LOCK('keyward.acting', 0); SELECT SLEEP(30)"));
        while pair.replica.sql("SELECT IS_USED_LOCK('keyward.acting') IS NOT NULL").trim() != "1" {
            assert!(!holder.is_finished(), "the lock was never taken");
        }
        refused(&pair, &pair.admins(), &["another keyward acts on replica RegionTwo/r2-db1", "of root from localhost"]);
        let id = pair.replica.sql("SELECT IS_USED_LOCK('keyward.acting')");
        pair.replica.sql(&format!("KILL {}", id.trim()));
        let _ = holder.join().unwrap();
    });
    let held = How { held_lock: Some(4_711), ..pair.admins() };
    refused(&pair, &held, &["lock", "was lost"]);
}

#[test]
fn who_holds_read_only_back_is_named() {
    let pair = Pair::plain();
    let mut holder = Command::new("mariadb")
        .args(["--no-defaults", "-uroot", "-e", "LOCK TABLES mysql.help_topic WRITE; DO SLEEP(600)"])
        .arg(format!("--socket={}", pair.replica.socket().display()))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let asleep = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'";
    let began = Instant::now();
    let thread = loop {
        let thread = pair.replica.sql(asleep);
        if !thread.is_empty() {
            break thread;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nobody holds the lock");
    };
    let End::Failed(why) = pair.set_up(&pair.admins()) else { panic!("it went on") };
    assert!(why.contains("1205") && why.contains(&format!("thread {thread} of root@localhost, in Query for")), "{why}");
    pair.replica.sql(&format!("KILL {thread}"));
    holder.wait().unwrap();
    assert!(is_done(&pair.set_up(&pair.admins())));
}

#[test]
fn a_state_dir_that_is_not_there_is_named_before_anything_changes() {
    let mut pair = Pair::plain();
    pair.settings.state_dir = pair.state.path().join("nowhere");
    refused(&pair, &pair.admins(), &["nowhere", "create it"]);
}

#[test]
fn auto_setup_touches_only_an_empty_replica() {
    let pair = Pair::plain();
    let auto = How { auto: true, ..pair.admins() };
    pair.replica.sql("SET sql_log_bin = 0; CREATE DATABASE keystone");
    refused(&pair, &auto, &["is not empty"]);
    pair.replica.sql("SET sql_log_bin = 0; DROP DATABASE keystone");
    assert!(is_done(&pair.set_up(&auto)));
    assert!(matches!(pair.set_up(&auto), End::NothingToDo(_)));
    // killed before its last step: only that is done
    std::fs::remove_dir_all(pair.state.path().join("stamps")).unwrap();
    assert!(is_done(&pair.set_up(&auto)));
    assert!(matches!(pair.set_up(&auto), End::NothingToDo(_)));
    pair.replica.sql("STOP SLAVE; SET GLOBAL replicate_wild_do_table = ''");
    refused(&pair, &auto, &["is not empty"]);
}

#[test]
fn nothing_is_copied_in_the_middle_of_an_episode_unless_it_is_forced() {
    let pair = Pair::plain();
    let episode = keyward::judge::RegionMemory { phase: keyward::model::Phase::Local, ..Default::default() };
    let memory = keyward::judge::Memory {
        version: keyward::judge::Memory::VERSION,
        instance: "here".into(),
        regions: [(crate::harness::region(), episode)].into(),
        ..Default::default()
    };
    std::fs::write(pair.state.path().join("state.json"), serde_json::to_vec(&memory).unwrap()).unwrap();
    refused(&pair, &pair.admins(), &["is in phase local", "--force"]);
    assert!(is_done(&pair.set_up(&How { force: true, ..pair.admins() })));
}
