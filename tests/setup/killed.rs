//! Set-up as a process of its own: killed at any moment and run again, and how much memory it takes.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::daemon::setup::End;
use keyward::lab::Kind;
use keyward::lab::program::peak_kib;
use keyward::lab::skip::lacks;
use keyward::model::Family;

use crate::exact::assert_equal;
use crate::harness::{LINK_PASSWORD, OWN_PASSWORD, Pair, Server, StopAtEnd, is_done};

/// `keyward setup`, the real program, with administrators on both sides.
fn start(pair: &Pair) -> Child {
    start_with(pair, &[])
}

/// The same with more options.
pub fn start_with(pair: &Pair, options: &[&str]) -> Child {
    let state = pair.state.path().display();
    let settings = pair.state.path().join("keyward.toml");
    let (master, replica) = (pair.master.address(), pair.replica.address());
    let text = format!(
        r#"state_dir = "{state}"
[control]
socket = "{state}/control.sock"
[account]
password = '''{OWN_PASSWORD}'''
[tls]
mode = "disabled"
[replication]
password = '''{LINK_PASSWORD}'''
beat_interval = "500ms"
[replication.tls]
mode = "disabled"
[master]
addresses = ["{master}"]
[[regions]]
name = "RegionTwo"
[[regions.replicas]]
name = "r2-db1"
address = "{replica}"
"#
    );
    fs::write(&settings, text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_keyward"))
        .arg("--config")
        .arg(settings)
        .args(["setup", "--master-admin"])
        .arg(pair.master.socket())
        .arg("--replica-admin")
        .arg(pair.replica.socket())
        .envs([("KEYWARD_MASTER_ADMIN_PASSWORD", ""), ("KEYWARD_REPLICA_ADMIN_PASSWORD", "")])
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

const FLUSHING: &str = "SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog";

/// Makes the replica's server what it was before anybody set it up.
pub fn wipe(pair: &Pair) {
    pair.replica.sql(match pair.replica.kind().family() {
        Family::MariaDb => {
            "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0; DROP DATABASE IF EXISTS keystone; \
             DROP DATABASE IF EXISTS keyward; DROP USER IF EXISTS keyward; RESET MASTER; SET GLOBAL gtid_slave_pos = ''; \
             SET GLOBAL replicate_wild_do_table = ''; SET GLOBAL slave_net_timeout = 60;"
        }
        Family::MySql => {
            "STOP REPLICA; RESET REPLICA ALL; RESET PERSIST; SET GLOBAL super_read_only = 0; SET GLOBAL read_only = 0; \
             DROP DATABASE IF EXISTS keystone; DROP DATABASE IF EXISTS keyward; DROP USER IF EXISTS keyward; \
             CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = (); SET GLOBAL replica_net_timeout = 60; \
             RESET BINARY LOGS AND GTIDS;"
        }
    });
    let _ = fs::remove_dir_all(pair.state.path().join("stamps"));
}

pub fn fill(master: &Server, tables: u32, rows: u32, bytes: u32) {
    master.sql("CREATE DATABASE keystone CHARACTER SET utf8mb4");
    let depth = match master.kind().family() {
        Family::MariaDb => "max_recursive_iterations",
        Family::MySql => "cte_max_recursion_depth",
    };
    for table in 0..tables {
        master.sql(&format!(
            "CREATE TABLE keystone.t{table} (id INT PRIMARY KEY AUTO_INCREMENT, word VARBINARY({bytes}), KEY (word(20)))"
        ));
        master.sql(&format!(
            "SET SESSION {depth} = {rows}; \
             INSERT INTO keystone.t{table} \
             WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < {rows}) \
             SELECT seq, LEFT(REPEAT(UNHEX(SHA2(seq, 512)), {bytes} / 64 + 1), {bytes}) FROM n;"
        ));
    }
    master.sql("CREATE TABLE keystone.busy (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(100))");
}

#[test]
fn killed_at_any_moment_and_run_again_it_finishes_and_all_rows_are_equal() {
    kill_at_any_moment(Kind::MariaDb1011);
}

#[test]
fn on_mysql_too_a_killed_setup_is_finished_by_the_next() {
    if !lacks(Kind::MySql97) {
        kill_at_any_moment(Kind::MySql97);
    }
}

fn kill_at_any_moment(kind: Kind) {
    let strict = ["innodb_flush_log_at_trx_commit=1", "sync_binlog=1"];
    let pair = Pair::new(Server::of_kind(kind, 1, &[]), Server::of_kind(kind, 2, &strict));
    fill(&pair.master, 4, 4_000, 600);
    let began = Instant::now();
    assert!(start(&pair).wait().unwrap().success());
    let whole = began.elapsed();
    println!("undisturbed: {whole:?}");
    assert_equal(&pair);
    let seed = 20_261_122;
    let mut random = fastrand::Rng::with_seed(seed);
    let stop = AtomicBool::new(false);
    let mut found = BTreeSet::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                pair.master.sql("INSERT INTO keystone.busy (word) VALUES (UUID()); DO SLEEP(0.01)");
            }
        });
        let writing = StopAtEnd(&stop);
        for round in 0..10 {
            wipe(&pair);
            // spread over the whole run, and a little beyond it
            let at = whole.mul_f64((f64::from(round) + random.f64()) / 9.5);
            let mut child = start(&pair);
            std::thread::sleep(at);
            child.kill().unwrap();
            child.wait().unwrap();
            let state = state_of(&pair);
            let relaxed = format!("flushing {}", pair.replica.sql(FLUSHING));
            let end = pair.set_up(&pair.admins());
            println!("seed {seed} round {round}: killed after {at:?}, found {state}, ended {end:?}");
            assert!(ended_well(&end), "round {round}: {state}: {end:?}");
            found.insert(state);
            found.insert(relaxed);
            assert_eq!(pair.replica.sql(FLUSHING), "1\t1", "round {round}: given back by the next run");
            pair.catch_up();
            let again = pair.set_up(&pair.admins());
            assert!(matches!(again, End::NothingToDo(_)), "round {round}: {again:?}");
        }
        drop(writing);
        writer.join().unwrap();
    });
    pair.catch_up();
    assert_equal(&pair);
    assert!(found.contains("half done"), "no kill met the copy: {found:?}");
    assert!(found.contains("flushing 2\t0"), "no kill met the loading: {found:?}");
}

#[test]
fn when_either_server_dies_during_the_copy_the_next_run_finishes() {
    let mut pair = Pair::new(Server::plain(1), Server::start(2, &["innodb_flush_log_at_trx_commit=1"]));
    fill(&pair.master, 4, 4_000, 600);
    for round in 0..4 {
        wipe(&pair);
        let mut child = start(&pair);
        let began = Instant::now();
        while pair.replica.try_sql("SELECT COUNT(*) FROM keystone.t3").is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the copy never began");
        }
        std::thread::sleep(Duration::from_millis(80 * round));
        let dying = if round % 2 == 0 { &mut pair.master } else { &mut pair.replica };
        dying.kill9();
        let status = child.wait().unwrap();
        println!("round {round}: {status} after {:?}", began.elapsed());
        dying.restart(&[]);
        let end = pair.set_up(&pair.admins());
        assert!(is_done(&end) || matches!(end, End::NothingToDo(_)), "round {round}: {end:?}");
        assert_eq!(pair.replica.sql("SELECT @@innodb_flush_log_at_trx_commit"), "1", "round {round}");
        pair.catch_up();
        assert_equal(&pair);
    }
}

/// Whether the pair is as it should be now.
pub fn ended_well(end: &End) -> bool {
    is_done(end) || matches!(end, End::NothingToDo(_))
}

fn state_of(pair: &Pair) -> String {
    let comment = match pair.replica.kind().family() {
        Family::MariaDb => "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = 'keyward'",
        Family::MySql => {
            "SELECT table_comment FROM information_schema.tables
                WHERE table_schema = 'keyward' AND table_name = 'keyward_unfinished'"
        }
    };
    match pair.replica.sql(comment).trim() {
        "" if pair.replica.sql("SHOW DATABASES LIKE 'keyward'").is_empty() => "nothing".to_owned(),
        "" => "whole".to_owned(),
        _ => "half done".to_owned(),
    }
}

#[test]
fn a_copy_takes_little_memory_whatever_the_tables_size() {
    let pair = Pair::new(Server::plain(1), Server::plain(2));
    fill(&pair.master, 1, 200_000, 1_000);
    let size = pair.master.sql("SELECT SUM(LENGTH(word)) FROM keystone.t0");
    let began = Instant::now();
    let mut child = start(&pair);
    let mut peak = 0;
    let status = loop {
        peak = peak_kib(child.id()).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success());
    println!("{} bytes copied in {:?}; peak memory {peak} KiB", size.trim(), began.elapsed());
    assert!(peak > 1024 && peak < 64 * 1024, "{peak} KiB");
}
