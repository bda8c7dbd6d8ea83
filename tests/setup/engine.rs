//! The copy engine by itself: pieces, streams of one moment, long rows, settings, limits, and a lock that is not had.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::copy::{self, Copied, CopyError, Job};
use keyward::lab::Kind;
use keyward::lab::skip::lacks;
use keyward::model::Family;
use keyward::model::preflight::GlobalSetting;
use keyward::wire::connect::Target;
use keyward::wire::session::Session;

use crate::harness::{Pair, Server, StopAtEnd, admin};

/// Small, so that small tables are cut.
const PIECE: u64 = 32 * 1024;

/// Copies the schema `keystone` and nothing else; the position.
pub fn copy(pair: &Pair, target: Target, change: impl Fn(&mut Job<'_>)) -> Result<(String, Copied), CopyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let last = std::sync::Mutex::new(Copied::default());
    let from = admin(pair.master.socket());
    let position = runtime.block_on(async {
        let limit = Duration::from_secs(60);
        let mut source = Session::open(&from, "the master", limit).await.unwrap();
        let mut replica = Session::open(&target, "the replica", limit).await.unwrap();
        let mut job = Job {
            source: &mut source,
            source_target: &from,
            target: &mut replica,
            target_target: &target,
            schemas: &["keystone".to_owned()],
            mark: &|before: &[GlobalSetting]| format!("unfinished, {} settings to give back", before.len()),
            max_allowed_packet: 1 << 24,
            streams: 4,
            piece_bytes: PIECE,
            max_rate: None,
            progress: &|copied| *last.lock().unwrap() = copied,
        };
        change(&mut job);
        copy::run(job).await
    })?;
    Ok((position, last.into_inner().unwrap()))
}

pub fn pair_of(kind: Kind) -> Pair {
    Pair::new(Server::of_kind(kind, 1, &[]), Server::of_kind(kind, 2, &["innodb_flush_log_at_trx_commit=1"]))
}

pub fn as_root(pair: &Pair) -> Target {
    admin(pair.replica.socket())
}

/// Compares definition and rows of tables.
pub fn assert_same(pair: &Pair, tables: &[&str]) {
    for table in tables {
        for question in [format!("CHECKSUM TABLE keystone.{table}"), format!("SHOW CREATE TABLE keystone.{table}")] {
            assert_eq!(pair.master.sql(&question), pair.replica.sql(&question), "{question}");
        }
    }
}

/// Numbers from 1 on, as a table called n with the column i.
fn numbers(most: u32) -> String {
    format!(
        "(WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
         SELECT a.i + 1000 * (b.i - 1) AS i FROM n AS a JOIN n AS b ON b.i <= {most} DIV 1000) AS n"
    )
}

/// How often the master's statements went on to an index's next entry.
fn steps_in_indexes(pair: &Pair) -> u64 {
    let status = pair.master.sql("SHOW GLOBAL STATUS LIKE 'Handler_read_next'");
    status.split_whitespace().last().unwrap().parse().unwrap()
}

fn cut_by_every_kind_of_key(kind: Kind) {
    let pair = pair_of(kind);
    let n = numbers(5_000);
    pair.master.sql(&format!(
        "CREATE DATABASE keystone CHARACTER SET utf8mb4; USE keystone; SET time_zone = '+00:00'; \
         CREATE TABLE members (e ENUM('b', 'a', 'c'), w VARCHAR(40) COLLATE utf8mb4_unicode_ci, i INT, x TEXT, \
            PRIMARY KEY (e, w, i)); \
         INSERT IGNORE INTO members SELECT IF(i < 1000, 0, 1 + i % 3), CONCAT(ELT(1 + i % 5, 'É', 'e', 'ß', 'zz ', '😀'), i DIV 7), i, REPEAT('x', 40) FROM {n}; \
         CREATE TABLE signed (a BIGINT, b DECIMAL(9,3), x VARCHAR(60), PRIMARY KEY (a, b)); \
         INSERT INTO signed SELECT (i DIV 4) - 600, -i / 8, REPEAT('y', 50) FROM {n}; \
         CREATE TABLE bytes (k VARBINARY(30) PRIMARY KEY, x VARCHAR(60)); \
         INSERT INTO bytes SELECT CONCAT(UNHEX(SHA2(i, 224)), '\\0'), REPEAT('z', 50) FROM {n}; \
         CREATE TABLE days (d DATE, t DATETIME, x VARCHAR(90), PRIMARY KEY (d, t)); \
         INSERT INTO days SELECT '1990-01-01' + INTERVAL i DIV 3 DAY, '2020-01-01' + INTERVAL i SECOND, REPEAT('d', 80) FROM {n}; \
         CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, x VARCHAR(90)); \
         INSERT INTO counted SELECT i * 2, REPEAT('c', 80) FROM {n}; \
         CREATE TABLE keyless (x VARCHAR(90)); \
         INSERT INTO keyless SELECT IF(i % 3, IF(i % 2, '', NULL), REPEAT('k', 80)) FROM {n}; \
         CREATE TABLE odd_key (k BIT(20) PRIMARY KEY, x VARCHAR(90)); \
         INSERT INTO odd_key SELECT i, REPEAT('o', 80) FROM {n}; \
         CREATE TABLE prefixed (k VARCHAR(90), x VARCHAR(90), PRIMARY KEY (k(20))); \
         INSERT INTO prefixed SELECT CONCAT(i, REPEAT('k', 60)), REPEAT('o', 80) FROM {n}; \
         ANALYZE TABLE members, signed, bytes, days, counted, keyless, odd_key, prefixed;"
    ));
    let before = steps_in_indexes(&pair);
    let (_, copied) = copy(&pair, as_root(&pair), |_| {}).unwrap();
    assert_eq!((copied.tables_done, copied.tables, copied.rows), (8, 8, 40_000));
    // each row once to find the pieces and once to read it, but behind a value that is no member of an ENUM
    let steps = steps_in_indexes(&pair) - before;
    assert!(steps < 70_000, "{steps} steps in indexes: pieces are found by reading those before them");
    assert_eq!(copied.lock.is_some(), kind.family() == Family::MySql, "MariaDB needs no lock");
    assert_same(&pair, &["members", "signed", "bytes", "days", "counted", "keyless", "odd_key", "prefixed"]);
    // many transactions, each a piece: the key was really used
    let pieces = pair.replica.sql("SHOW GLOBAL STATUS LIKE 'Com_load'");
    let pieces: u32 = pieces.split_whitespace().last().unwrap().parse().unwrap();
    assert!(pieces > 20, "{pieces} pieces");
    assert_eq!(pair.replica.sql("SELECT @@innodb_flush_log_at_trx_commit"), "1", "given back");
}

#[test]
fn tables_are_cut_by_every_kind_of_key_and_arrive_whole() {
    cut_by_every_kind_of_key(Kind::MariaDb1011);
}

#[test]
fn tables_of_newer_servers_are_cut_as_well() {
    for kind in [Kind::MariaDb118, Kind::MySql97] {
        if !lacks(kind) {
            cut_by_every_kind_of_key(kind);
        }
    }
}

fn indexes_come_out_as_they_were(kind: Kind) {
    let pair = pair_of(kind);
    let n = numbers(20_000);
    pair.master.sql(&format!(
        "CREATE DATABASE keystone CHARACTER SET utf8mb4; USE keystone; \
         CREATE TABLE parent (id INT AUTO_INCREMENT, a VARCHAR(60) NOT NULL, b VARCHAR(40), c INT, extra VARCHAR(90) COMMENT 'it''s, (a)\nKEY', \
            PRIMARY KEY (id), KEY late (b(7), c) COMMENT 'é', UNIQUE KEY early (a), UNIQUE KEY maybe (b, a), KEY c (c), \
            CONSTRAINT `it's` CHECK (c <> 77777 OR a <> 'it''s')); \
         INSERT INTO parent SELECT i, CONCAT('a', i, REPEAT('-', 40)), IF(i % 9, CONCAT('b', i), NULL), i % 100, 'x' FROM {n}; \
         CREATE TABLE child (id INT PRIMARY KEY, a VARCHAR(60), me INT, x VARCHAR(40), \
            CONSTRAINT up FOREIGN KEY (a) REFERENCES parent (a) ON DELETE CASCADE ON UPDATE CASCADE, \
            CONSTRAINT self FOREIGN KEY (me) REFERENCES child (id)); \
         INSERT INTO child SELECT i, CONCAT('a', 20001 - i, REPEAT('-', 40)), NULL, REPEAT('x', 30) FROM {n}; \
         UPDATE child SET me = 20001 - id; CREATE TABLE small (id INT PRIMARY KEY, a VARCHAR(60), KEY (a), \
            CONSTRAINT of_parent FOREIGN KEY (a) REFERENCES parent (a)); ANALYZE TABLE parent, child, small;"
    ));
    copy(&pair, as_root(&pair), |_| {}).unwrap();
    assert_same(&pair, &["parent", "child", "small"]);
    // the keys hold what they say, in both directions
    let error = pair.replica.try_sql("INSERT INTO keystone.small VALUES (1, 'nobody')").unwrap_err();
    assert!(error.contains("1452"), "{error}");
    assert_eq!(pair.replica.sql("CHECK TABLE keystone.parent, keystone.child EXTENDED").matches("OK").count(), 2);
    // they were added, not made with the table
    let altered = pair.replica.sql("SHOW GLOBAL STATUS LIKE 'Com_alter_table'");
    assert!(altered.split_whitespace().last().unwrap().parse::<u32>().unwrap() >= 3, "{altered}");
}

#[test]
fn indexes_and_foreign_keys_that_come_later_are_as_they_were() {
    indexes_come_out_as_they_were(Kind::MariaDb1011);
}

#[test]
fn indexes_of_newer_servers_are_as_they_were_too() {
    for kind in [Kind::MariaDb118, Kind::MySql97] {
        if !lacks(kind) {
            indexes_come_out_as_they_were(kind);
        }
    }
}

/// Copies; where the writers' statements take longer than the lock may be waited for, as on a machine under load, it is
/// refused and has to be run again.
fn until_writers_let_it(pair: &Pair) {
    for _ in 0..20 {
        match copy(pair, as_root(pair), |_| {}) {
            Ok(_) => return,
            Err(error) => assert!(error.to_string().contains("run setup again"), "{error}"),
        }
        pair.replica.sql("DROP DATABASE IF EXISTS keystone");
    }
    panic!("it was refused twenty times");
}

fn all_streams_see_one_moment(kind: Kind) {
    let pair = pair_of(kind);
    let n = numbers(6_000);
    for table in ["a", "b", "c", "d"] {
        let schema = if table == "a" { "CREATE DATABASE keystone;" } else { "" };
        pair.master.sql(&format!(
            "{schema} CREATE TABLE keystone.{table} (id INT PRIMARY KEY, v BIGINT, x VARCHAR(90)); \
             INSERT INTO keystone.{table} SELECT i, 0, REPEAT('x', 80) FROM {n}; ANALYZE TABLE keystone.{table}"
        ));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _writing = StopAtEnd(&stop);
        for writer in 1..=2 {
            let (pair, stop) = (&pair, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let one = |table: &str, sign: char| {
                        format!("UPDATE keystone.{table} SET v = v {sign} 1 WHERE id % 500 = {writer};")
                    };
                    let all = [one("a", '+'), one("b", '-'), one("c", '+'), one("d", '-')].concat();
                    pair.master.sql(&format!("BEGIN; {all} COMMIT;").repeat(20));
                }
            });
        }
        for round in 0..4 {
            pair.replica.sql("DROP DATABASE IF EXISTS keystone");
            until_writers_let_it(&pair);
            let sums = pair.replica.sql(
                "SELECT (SELECT SUM(v) FROM keystone.a), -(SELECT SUM(v) FROM keystone.b), \
                    (SELECT SUM(v) FROM keystone.c), -(SELECT SUM(v) FROM keystone.d)",
            );
            let sums: Vec<&str> = sums.split_whitespace().collect();
            assert!(sums.iter().all(|sum| *sum == sums[0] && *sum != "NULL"), "round {round}: {sums:?}");
        }
    });
    assert_ne!(pair.master.sql("SELECT SUM(v) FROM keystone.a"), "0", "nothing was written meanwhile");
}

#[test]
fn all_streams_see_one_moment_of_a_busy_master() {
    all_streams_see_one_moment(Kind::MariaDb1011);
    if !lacks(Kind::MySql97) {
        all_streams_see_one_moment(Kind::MySql97);
    }
}

#[test]
fn a_replica_that_takes_no_load_data_gets_inserts() {
    let pair = Pair::new(Server::plain(1), Server::start(2, &["local_infile=0"]));
    pair.master.sql(
        "CREATE DATABASE keystone CHARACTER SET utf8mb4; CREATE TABLE keystone.t (id INT PRIMARY KEY, e ENUM('1', '2', ''), \
         s SET('a', '1'), x BLOB, u UUID, KEY (e)); \
         INSERT INTO keystone.t VALUES (1, '2', '1', '\\'\\\\\\0\\n', UUID()), (2, '', '', '', NULL), (3, NULL, NULL, NULL, NULL);",
    );
    pair.replica.sql(
        "CREATE USER plain IDENTIFIED BY 'p'; GRANT ALL ON keystone.* TO plain; \
         GRANT BINLOG ADMIN, READ_ONLY ADMIN ON *.* TO plain",
    );
    let mut plain = as_root(&pair);
    plain.account.user = "plain".into();
    plain.account.password = "p".into();
    copy(&pair, plain, |_| {}).unwrap();
    assert_same(&pair, &["t"]);
    assert_eq!(pair.replica.sql("SHOW GLOBAL STATUS LIKE 'Com_load'"), "Com_load\t0");
    pair.replica.sql("DROP DATABASE keystone");
    copy(&pair, as_root(&pair), |_| {}).unwrap();
    assert_same(&pair, &["t"]);
    assert_ne!(pair.replica.sql("SHOW GLOBAL STATUS LIKE 'Com_load'"), "Com_load\t0");
    assert_eq!(pair.replica.sql("SELECT @@local_infile"), "0", "given back");
}

#[test]
fn long_rows_arrive_and_longer_ones_are_named() {
    let pair = Pair::new(Server::start(1, &["max_allowed_packet=64M"]), Server::start(2, &["max_allowed_packet=64M"]));
    pair.master.sql(
        "CREATE DATABASE keystone; CREATE TABLE keystone.long_ones (id INT PRIMARY KEY, x LONGBLOB); \
         INSERT INTO keystone.long_ones VALUES (1, REPEAT('0123456789abcde\\n', 300000)), (2, 'short'); \
         CREATE TABLE keystone.longer_ones (id INT PRIMARY KEY, x LONGBLOB); \
         INSERT INTO keystone.longer_ones VALUES (1, REPEAT('0123456789abcde\\n', 1048000)); \
         ANALYZE TABLE keystone.long_ones, keystone.longer_ones",
    );
    copy(&pair, as_root(&pair), |job| job.max_allowed_packet = 64 << 20).unwrap();
    assert_same(&pair, &["long_ones", "longer_ones"]);
    pair.replica.sql("DROP DATABASE keystone");
    pair.master.sql("INSERT INTO keystone.long_ones VALUES (3, REPEAT('0123456789abcdef', 1048576))");
    let why = copy(&pair, as_root(&pair), |_| {}).unwrap_err().to_string();
    assert!(why.contains("keystone.long_ones") && why.contains("16 MiB"), "{why}");
    assert!(pair.replica.sql("SHOW CREATE DATABASE keystone").contains("unfinished"), "and it is marked");
}

#[test]
fn a_limited_copy_takes_its_time() {
    let pair = pair_of(Kind::MariaDb1011);
    pair.master.sql(&format!(
        "CREATE DATABASE keystone; CREATE TABLE keystone.t (id INT PRIMARY KEY, x VARCHAR(250)); \
         INSERT INTO keystone.t SELECT i, REPEAT('x', 240) FROM {}; ANALYZE TABLE keystone.t",
        numbers(5_000)
    ));
    let began = Instant::now();
    let (_, copied) = copy(&pair, as_root(&pair), |job| job.max_rate = Some(400_000)).unwrap();
    let least = (copied.bytes - 200_000) / 400;
    assert!(began.elapsed() >= Duration::from_millis(least), "{} bytes in {:?}", copied.bytes, began.elapsed());
    assert_same(&pair, &["t"]);
}

#[test]
fn a_lock_that_cannot_be_had_at_once_is_not_waited_for_and_who_holds_it_up_is_named() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = pair_of(Kind::MySql97);
    pair.master.sql(
        "CREATE DATABASE keystone; CREATE TABLE keystone.t (id INT PRIMARY KEY); INSERT INTO keystone.t VALUES (1); \
         CREATE TABLE keystone.held (id INT PRIMARY KEY); INSERT INTO keystone.held VALUES (1)",
    );
    std::thread::scope(|scope| {
        // whoever only reads is in nobody's way; whoever has written and not committed is
        let _report = scope.spawn(|| pair.master.try_sql("SELECT id, SLEEP(100) AS slow_report FROM keystone.t"));
        let holder = scope.spawn(|| {
            pair.master.try_sql("BEGIN; UPDATE keystone.held SET id = id + 1000; DO SLEEP(100 + 0 * 4711); ROLLBACK")
        });
        let seen = |what: &str| {
            format!(
                "SELECT id FROM performance_schema.processlist WHERE info LIKE '%{what}%' AND id <> CONNECTION_ID()"
            )
        };
        for what in ["slow_report FROM", "0 * 4711"] {
            while pair.master.sql(&seen(what)).is_empty() {
                assert!(!holder.is_finished(), "it ended");
            }
        }
        let stop = AtomicBool::new(false);
        let longest = std::thread::scope(|inner| {
            let writer = inner.spawn(|| {
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    pair.master.sql("INSERT INTO keystone.t SELECT MAX(id) + 1 FROM keystone.t");
                    longest = longest.max(began.elapsed());
                }
                longest
            });
            let writing = StopAtEnd(&stop);
            let why = copy(&pair, as_root(&pair), |_| {}).unwrap_err().to_string();
            drop(writing);
            assert!(why.contains("0 * 4711") && why.contains("root@localhost"), "{why}");
            writer.join().unwrap()
        });
        // two seconds are promised; the rest is for a machine that has other things to do
        assert!(longest < Duration::from_secs(30), "a writer stood still for {longest:?}");
        println!("a writer stood still for {longest:?}");
        assert_eq!(pair.replica.sql("SHOW DATABASES LIKE 'keystone'"), "", "nothing was begun");
        pair.master.sql(&format!("KILL {}", pair.master.sql(&seen("0 * 4711"))));
        let (_, copied) = copy(&pair, as_root(&pair), |_| {}).unwrap();
        println!("{:?}", copied.lock.unwrap());
        assert_same(&pair, &["t"]);
        pair.master.sql(&format!("KILL {}", pair.master.sql(&seen("slow_report FROM"))));
    });
}
