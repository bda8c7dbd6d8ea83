//! Each kind of difference is found and named, and equal servers are equal whatever they hold.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward::compare::{Compared, Pace};
use keyward::lab::Kind;
use keyward::lab::skip::lacks;

use crate::stage::Stage;

/// The same rows again and again, each kind of value that a damage can hide in.
const TABLES: &str = "
    CREATE TABLE user (id VARCHAR(64) PRIMARY KEY, name VARCHAR(64), enabled TINYINT, seen DATETIME(6), at TIMESTAMP NULL,
        d DOUBLE, f FLOAT, extra TEXT, raw VARBINARY(20), old VARCHAR(20) CHARACTER SET latin1);
    INSERT INTO user WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
        SELECT CONCAT('u', LPAD(i, 3, '0')), 'Anna', 1, '2026-01-01 10:00:00.000001', '2026-01-01 10:00:00', 0.1, 0.1, '',
            x'00ff', 'e' FROM n;
    CREATE TABLE assignment (type ENUM('UserProject','GroupProject') NOT NULL, actor VARCHAR(64) NOT NULL, role INT NOT NULL,
        PRIMARY KEY (type, actor, role));
    INSERT INTO assignment SELECT IF(enabled AND id < 'u500', 'UserProject', 'GroupProject'), id, 7 FROM user;
    CREATE TABLE keyless (a INT, b VARCHAR(10));
    INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, NULL);
    CREATE TABLE by_other_key (a INT, b INT NOT NULL, c INT, UNIQUE KEY (a), UNIQUE KEY (b));
    INSERT INTO by_other_key VALUES (1, 1, 1), (NULL, 2, 2);";

/// A damage to one row of `user`, by its id.
const DAMAGES: [(&str, &str); 14] = [
    ("u010", "name = 'Anna '"),
    ("u020", "name = 'anna'"),
    ("u030", "name = ''"),
    ("u040", "name = NULL"),
    ("u050", "extra = NULL"),
    ("u060", "extra = ' '"),
    ("u070", "seen = '2026-01-01 10:00:00.000002'"),
    ("u080", "at = '2026-01-01 10:00:01'"),
    ("u090", "d = 0.1 + 1.4e-17"),
    ("u100", "f = 0.10000001"),
    ("u110", "raw = x'01ff'"),
    ("u120", "old = x'e9'"),
    ("u130", "enabled = NULL"),
    ("u140", "enabled = 0"),
];

async fn finds_each(kinds: (Kind, Kind)) {
    let stage = Stage::new(kinds, TABLES).await;
    let report = stage.verify().await;
    assert_eq!((report.differences, report.tables, report.rows), (vec![], 4, 900 + 900 + 3 + 2));

    // the plain exclusive or of checksums does not see the same change made to two rows
    stage.damage("UPDATE user SET name = 'Anno' WHERE id IN ('u301', 'u302')").await;
    let different = |id: &str| format!("keystone.user: different row: id={id}");
    assert_eq!(stage.differences().await, ["u301", "u302"].map(different));

    for (id, change) in DAMAGES {
        stage.damage(&format!("UPDATE user SET {change} WHERE id = '{id}'")).await;
    }
    let mut wanted: Vec<String> =
        DAMAGES.into_iter().map(|(id, _)| id).chain(["u301", "u302"]).map(different).collect();
    assert_eq!(stage.differences().await, wanted);

    stage.damage("DELETE FROM user WHERE id IN ('u001', 'u900')").await;
    stage.damage("INSERT INTO user (id) VALUES ('zzz'), ('000')").await;
    stage
        .damage("UPDATE assignment SET role = 8 WHERE actor = 'u500'; DELETE FROM assignment WHERE actor = 'u001'")
        .await;
    stage.damage("UPDATE keyless SET b = 'y' WHERE a = 1; UPDATE by_other_key SET c = 0 WHERE b = 2").await;
    wanted.extend(["u001", "u900"].map(|id| format!("keystone.user: missing row: id={id}")));
    wanted.extend(["000", "zzz"].map(|id| format!("keystone.user: extra row: id={id}")));
    wanted.extend([
        "keystone.assignment: missing row: type=UserProject, actor=u001, role=7".to_owned(),
        "keystone.assignment: missing row: type=GroupProject, actor=u500, role=7".to_owned(),
        "keystone.assignment: extra row: type=GroupProject, actor=u500, role=8".to_owned(),
        "keystone.by_other_key: different row: b=2".to_owned(),
        "keystone.keyless: rows differ, 3 on the master and 3 on the replica; without a key they have no names"
            .to_owned(),
    ]);
    let mut found = stage.differences().await;
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn every_difference_is_found_and_named_on_mariadb_10_11() {
    finds_each((Kind::MariaDb1011, Kind::MariaDb1011)).await;
}

#[tokio::test]
async fn every_difference_is_found_and_named_on_mariadb_11_8() {
    if !lacks(Kind::MariaDb118) {
        finds_each((Kind::MariaDb118, Kind::MariaDb118)).await;
    }
}

#[tokio::test]
async fn every_difference_is_found_and_named_between_two_releases_of_mariadb() {
    if !lacks(Kind::MariaDb118) {
        finds_each((Kind::MariaDb1011, Kind::MariaDb118)).await;
    }
}

#[tokio::test]
async fn every_difference_is_found_and_named_on_mysql_9_7() {
    if !lacks(Kind::MySql97) {
        finds_each((Kind::MySql97, Kind::MySql97)).await;
    }
}

#[tokio::test]
async fn tables_and_definitions_that_differ_are_named() {
    let stage = Stage::mariadb(TABLES).await;
    stage.master.sql("CREATE TABLE keystone.a (a INT PRIMARY KEY); CREATE VIEW keystone.v AS SELECT 1").await.unwrap();
    stage.catch_up().await;
    assert_eq!(stage.differences().await, [""; 0]);
    stage.damage("DROP TABLE keyless; CREATE TABLE more (a INT); ALTER TABLE a MODIFY a INT UNSIGNED NOT NULL").await;
    stage.damage("ALTER TABLE by_other_key DROP KEY a; ALTER TABLE assignment AUTO_INCREMENT = 4; DROP VIEW v").await;
    stage.damage("ALTER TABLE user MODIFY name VARCHAR(64) COLLATE utf8mb4_bin; INSERT INTO a VALUES (5)").await;
    assert_eq!(
        stage.differences().await,
        [
            "keystone.a: definition: a int(11) on the master, a int(10) unsigned on the replica",
            "keystone.by_other_key: definition: the replica lacks UNIQUE KEY `a` (`a`)",
            "keystone.keyless: missing: the replica has no such table",
            "keystone.more: extra: the master has no such table",
            "keystone.user: definition: `name` varchar(64) DEFAULT NULL on the master, `name` varchar(64) CHARACTER SET \
             utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL on the replica",
            "keystone.v: missing: the replica has no such table",
        ]
    );
}

#[tokio::test]
async fn when_very_much_differs_a_hundred_rows_are_named() {
    let stage = Stage::mariadb(TABLES).await;
    stage
        .damage(
            "INSERT INTO user (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             SELECT CONCAT('v', i) FROM n; DELETE FROM assignment",
        )
        .await;
    let found = stage.differences().await;
    let count = |start: &str| found.iter().filter(|sentence| sentence.starts_with(start)).count();
    assert_eq!((count("keystone.user: extra row: id=v"), count("keystone.assignment: missing row: ")), (100, 100));
    assert_eq!((count("keystone.user: more rows differ"), found.len()), (1, 202));
}

#[tokio::test]
async fn a_view_that_is_made_differently_is_named_where_the_account_may_see_it() {
    let stage =
        Stage::mariadb("CREATE TABLE t (a INT PRIMARY KEY, b INT); CREATE VIEW v AS SELECT a FROM t WHERE b > 0").await;
    assert_eq!(stage.differences().await, [""; 0]);
    stage.damage("ALTER VIEW v AS SELECT a FROM t WHERE b > 1").await;
    let found = stage.differences().await.join("; ");
    assert!(
        found.starts_with("keystone.v: definition: CREATE") && found.contains("`t`.`b` > 1 on the replica"),
        "{found}"
    );
    stage.replica.sql("SET SESSION sql_log_bin = 0; REVOKE SHOW VIEW ON keystone.* FROM keyward@'%'").await.unwrap();
    assert_eq!(stage.differences().await, [""; 0]);
}

/// Text of several character sets, some of whose bytes are what stands between values: no column flows into the next.
async fn keeps_columns_apart(kind: Kind) {
    let stage = Stage::new(
        (kind, kind),
        "CREATE TABLE sets (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET utf8mb4,
             c VARCHAR(20) CHARACTER SET utf16, d VARBINARY(20), e VARCHAR(20) CHARACTER SET ascii, f BLOB);
         INSERT INTO sets (id, a, b, d, e, f) VALUES (1, x'ff', 'x', x'fe', '', x'ff'), (2, x'ffff', '', x'ff', 'y', x'ff'),
             (3, NULL, NULL, NULL, NULL, NULL), (4, '', '', '', '', ''), (5, 'a', 'b', 'c', 'd', 'e')",
    )
    .await;
    assert_eq!(stage.differences().await, [""; 0]);
    for (id, change) in [
        (1, "d = x'feff', e = '', f = ''"),
        (2, "a = x'ff', b = '', d = x'ffff'"),
        (3, "a = x'fe'"),
        (4, "b = NULL, e = NULL"),
        (5, "a = '', b = 'ab'"),
    ] {
        stage.damage(&format!("UPDATE sets SET {change} WHERE id = {id}")).await;
    }
    assert_eq!(
        stage.differences().await,
        (1..=5).map(|id| format!("keystone.sets: different row: id={id}")).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn columns_do_not_flow_into_each_other_on_mariadb() {
    keeps_columns_apart(Kind::MariaDb1011).await;
}

#[tokio::test]
async fn columns_do_not_flow_into_each_other_on_mysql() {
    if !lacks(Kind::MySql97) {
        keeps_columns_apart(Kind::MySql97).await;
    }
}

/// A table whose one statement would take too long is walked in chunks instead, to the same end.
async fn a_slow_table_goes_by_chunks(kind: Kind) {
    let stage = Stage::new(
        (kind, kind),
        "CREATE TABLE big (type ENUM('a','b') NOT NULL, who VARCHAR(64) NOT NULL, id INT NOT NULL, n INT, text TEXT,
             PRIMARY KEY (type, who, id));
         CREATE TABLE ten (n INT PRIMARY KEY);
         INSERT INTO ten VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
         INSERT INTO big SELECT 1 + d.n % 2, SHA2(d.n, 224), a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n, d.n, ''
             FROM ten a, ten b, ten c, ten d, ten e WHERE e.n < 6",
    )
    .await;
    let hurried = Pace { longest_chunk: Duration::from_millis(1), ..Pace::BRISK };
    let (most, told) = (AtomicU64::new(0), AtomicU64::new(0));
    let tell = |now: Compared| {
        let before = told.swap(now.rows, Ordering::Relaxed);
        most.fetch_max(now.rows - before, Ordering::Relaxed);
    };
    let report = stage.verify_at(hurried, &tell).await.unwrap();
    assert_eq!((report.differences, report.rows), (vec![], 60_010));
    let most = most.into_inner();
    // a server's own clock for its statements is late on a busy machine, but not as late as that
    assert!(most < 60_000, "{most} rows in one chunk");
    stage.damage("UPDATE big SET n = n + 1 WHERE id IN (77, 78, 19999)").await;
    let found = stage.verify_at(hurried, &|_| {}).await.unwrap().differences;
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found, stage.verify().await.differences);
}

#[tokio::test]
async fn a_slow_table_goes_by_chunks_on_mariadb() {
    a_slow_table_goes_by_chunks(Kind::MariaDb1011).await;
}

#[tokio::test]
async fn a_slow_table_goes_by_chunks_on_mysql() {
    if !lacks(Kind::MySql97) {
        a_slow_table_goes_by_chunks(Kind::MySql97).await;
    }
}

/// The database that set-up promises to copy byte for byte, made by the client that knows DELIMITER.
#[tokio::test]
async fn every_kind_of_table_and_value_is_equal_to_itself() {
    let mut stage = Stage::mariadb("DROP DATABASE keystone").await;
    stage.settings.replication.databases = vec!["keystone".into(), "odd_name%".into()];
    for server in [&stage.master, &stage.replica] {
        server.sql("SET GLOBAL log_bin_trust_function_creators = 1").await.unwrap();
    }
    let input = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/setup/everything.sql")).unwrap();
    let socket = format!("--socket={}", stage.master.socket().display());
    let fed = std::process::Command::new("mariadb").args(["--no-defaults", "-uroot", &socket]).stdin(input).status();
    assert!(fed.unwrap().success());
    for server in [&stage.master, &stage.replica] {
        server.sql("SET SESSION sql_log_bin = 0; GRANT SELECT ON `odd_name\\%`.* TO keyward@'%'").await.unwrap();
    }
    stage.catch_up().await;
    let report = stage.verify().await;
    assert_eq!((report.differences, report.restless), (vec![], vec![]));
    assert!(report.tables > 12 && report.rows > 30, "{} tables, {} rows", report.tables, report.rows);

    stage
        .damage(
            "UPDATE texts SET lb = CONCAT(LEFT(lb, 69999), x'fe') WHERE id = 1; UPDATE texts SET en = 1 WHERE id = 6",
        )
        .await;
    stage.damage("UPDATE texts SET sj = x'8e62' WHERE id = 4; UPDATE numbers SET bits = bits ^ 1 WHERE id = 0").await;
    stage.damage("UPDATE numbers SET d = 5e-324 * 2 WHERE id = 5; UPDATE texts SET u16 = 'x' WHERE id = 2").await;
    let named = |table: &str, id: u8| format!("keystone.{table}: different row: id={id}");
    let wanted = [("numbers", 0), ("numbers", 5), ("texts", 1), ("texts", 2), ("texts", 4), ("texts", 6)];
    assert_eq!(stage.differences().await, wanted.map(|(table, id)| named(table, id)));
}
