//! Moving aside and copying anew on the other kinds of servers.

use std::time::{Duration, Instant};

use keyward::daemon::setup::{End, How};
use keyward::lab::Kind;
use keyward::lab::skip::lacks;
use keyward::model::Family;

use crate::broken::purge;
use crate::harness::{Pair, is_done, refusals};

const OLD_ROWS: &str = "
CREATE DATABASE keystone CHARACTER SET utf8mb4;
USE keystone;
CREATE TABLE project (id VARCHAR(64) PRIMARY KEY, name VARCHAR(64), FULLTEXT (name));
CREATE TABLE assignment (id INT PRIMARY KEY AUTO_INCREMENT, project VARCHAR(64),
    CONSTRAINT of_project FOREIGN KEY (project) REFERENCES project (id) ON DELETE CASCADE);
CREATE TABLE tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id));
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(200));
CREATE TABLE user (id VARCHAR(64) PRIMARY KEY);
DELIMITER $$
CREATE FUNCTION projects() RETURNS INT READS SQL DATA BEGIN RETURN (SELECT COUNT(*) FROM project); END$$
CREATE PROCEDURE touch() BEGIN INSERT INTO log (word) VALUES ('touched; and more'); END$$
CREATE TRIGGER keystone.first AFTER INSERT ON keystone.project FOR EACH ROW
    BEGIN INSERT INTO log (word) VALUES (CONCAT('first ', NEW.id)); END$$
CREATE TRIGGER second AFTER INSERT ON project FOR EACH ROW INSERT INTO log (word) VALUES (CONCAT('second ', NEW.id))$$
CREATE EVENT tick ON SCHEDULE EVERY 1 DAY STARTS '2099-01-01 00:00:00' DO INSERT INTO log (word) VALUES ('tick')$$
DELIMITER ;
CREATE VIEW names AS SELECT p.name, a.id FROM project p LEFT JOIN assignment a ON a.project = p.id;
CREATE VIEW a_view_of_views AS SELECT names.name, projects() AS number FROM names;
INSERT INTO project VALUES ('p1', 'one'), ('p2', 'zwei');
INSERT INTO assignment (project) VALUES ('p1'), ('p2'), ('p2');
INSERT INTO tree VALUES (1, NULL), (2, 1); INSERT INTO user VALUES ('old');
";

/// Everything in a schema, as one text that does not name it.
fn contents(pair: &Pair, schema: &str) -> String {
    let questions = [
        "SELECT * FROM S.project ORDER BY id; SELECT * FROM S.assignment ORDER BY id; SELECT * FROM S.tree ORDER BY id;
         SELECT word FROM S.log ORDER BY id; SELECT * FROM S.a_view_of_views ORDER BY 1; SELECT * FROM S.user;",
        "SELECT trigger_name, event_manipulation, event_object_table, action_order, action_statement, action_timing,
         sql_mode, definer FROM information_schema.triggers WHERE trigger_schema = 'S' ORDER BY 1;",
        "SELECT routine_name, routine_type, routine_definition, sql_mode, definer
         FROM information_schema.routines WHERE routine_schema = 'S' ORDER BY 1;",
        "SELECT event_name, definer, time_zone, event_definition, interval_value, interval_field, starts
         FROM information_schema.events WHERE event_schema = 'S' ORDER BY 1;",
        "SELECT constraint_name, unique_constraint_schema, delete_rule, table_name, referenced_table_name
         FROM information_schema.referential_constraints WHERE constraint_schema = 'S' ORDER BY 1;",
    ];
    pair.replica
        .sql(&questions.join("\n").replace("'S'", &format!("'{schema}'")).replace("S.", &format!("{schema}.")))
        .replace(schema, "S")
}

/// What keeps even set-up from writing is an operator's to take away.
fn unlock(pair: &Pair, how: &How) {
    if pair.replica.kind().family() == Family::MySql {
        let why = refusals(pair.set_up(how));
        assert!(why.contains("super_read_only"), "{why}");
        pair.replica.sql("SET GLOBAL super_read_only = 0");
    }
}

fn rows_are_equal(pair: &Pair) {
    pair.catch_up();
    let rows = "SELECT GROUP_CONCAT(id ORDER BY id) FROM keystone.user";
    assert_eq!(pair.master.sql(rows), pair.replica.sql(rows));
}

fn moves_aside_and_back(kind: Kind) {
    if lacks(kind) {
        return;
    }
    let pair = Pair::of_kinds(kind, kind);
    pair.replica.sql(&format!("SET GLOBAL log_bin_trust_function_creators = ON; SET sql_log_bin = 0; {OLD_ROWS}"));
    let before = contents(&pair, "keystone");
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("already holds a schema keystone") && why.contains("--replace-data"), "{why}");
    let (end, moved) = pair.set_up_telling(&How { replace_data: true, ..pair.admins() });
    assert!(is_done(&end), "{end:?}");
    rows_are_equal(&pair);
    let [one] = moved.as_slice() else { panic!("{moved:?}") };
    assert!(one.left.is_empty(), "{:?}", one.left);
    assert_eq!(contents(&pair, &one.into), before);
    let events = format!("SELECT status FROM information_schema.events WHERE event_schema = '{}'", one.into);
    assert_eq!(pair.replica.sql(&events), "DISABLED");
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
    if kind.family() == Family::MySql {
        pair.replica.sql("SET GLOBAL super_read_only = 0");
    }
    let undo = format!("STOP REPLICA; SET sql_log_bin = 0; DROP DATABASE keystone;\n{}", one.undo.join("\n"));
    pair.replica.sql(&undo);
    assert_eq!(contents(&pair, "keystone"), before);
}

fn copies_anew(kind: Kind) {
    if lacks(kind) {
        return;
    }
    let pair = Pair::of_kinds(kind, kind);
    assert!(is_done(&pair.set_up(&pair.admins())));
    pair.catch_up();
    let reseed = How { reseed: true, ..pair.admins() };
    // purged binlogs
    pair.replica.sql("STOP REPLICA");
    purge(&pair.master);
    pair.replica.sql("START REPLICA");
    refused_with(&pair, &["has purged the binlogs", "--reseed"]);
    unlock(&pair, &reseed);
    assert!(is_done(&pair.set_up(&reseed)));
    rows_are_equal(&pair);
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
    // a row too many
    unlock(&pair, &reseed);
    pair.replica.sql("SET sql_log_bin = 0; INSERT INTO keystone.user VALUES ('same')");
    pair.master.sql("INSERT INTO keystone.user VALUES ('same')");
    refused_with(&pair, &["already holds a row", "keystone.user ('same' for key", "`keyward verify"]);
    assert!(is_done(&pair.set_up(&reseed)));
    rows_are_equal(&pair);
    // transactions of its own
    unlock(&pair, &reseed);
    pair.replica.sql("INSERT INTO keystone.user VALUES ('errant')");
    let mut found = Vec::new();
    pair.set_up_finding(&pair.admins(), &mut found);
    assert!(found.join("\n").contains("has a transaction or more that master"), "{found:?}");
    unlock(&pair, &reseed);
    assert!(is_done(&pair.set_up(&reseed)));
    rows_are_equal(&pair);
    found.clear();
    assert!(matches!(pair.set_up_finding(&pair.admins(), &mut found), End::NothingToDo(_)));
    assert_eq!(found, [""; 0]);
}

/// Waits until plain set-up is refused with these words.
fn refused_with(pair: &Pair, words: &[&str]) {
    let began = Instant::now();
    loop {
        let said = match pair.set_up(&How { dry_run: true, ..pair.admins() }) {
            End::Refused(why) => why.join("\n"),
            other => format!("{other:?}"),
        };
        if words.iter().all(|word| said.contains(word)) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{words:?} are missing in: {said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn mariadb_118_moves_aside_and_back() {
    moves_aside_and_back(Kind::MariaDb118);
}

#[test]
fn mysql_moves_aside_and_back() {
    moves_aside_and_back(Kind::MySql97);
}

#[test]
fn mariadb_118_copies_anew() {
    copies_anew(Kind::MariaDb118);
}

#[test]
fn mysql_copies_anew() {
    copies_anew(Kind::MySql97);
}
