//! `--replace-data`: what a replica holds is moved to a dated schema, whole, and can be moved back.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward::daemon::setup::{End, How, sql_by_hand};
use keyward::lab::Kind;
use keyward::lab::skip::lacks;

use crate::exact::assert_equal;
use crate::harness::{LINK_PASSWORD, OWN_PASSWORD, Pair, Server, is_done, refusals, region, replica_name};
use crate::killed::{ended_well, start_with};

const OLD_ROWS: &str = include_str!("old_rows.sql");

/// Rows on the replica that keyward did not bring there, outside its binlog.
fn give_old_rows(pair: &Pair) {
    pair.replica.sql(&format!(
        "SET GLOBAL log_bin_trust_function_creators = ON; SET sql_log_bin = 0; {OLD_ROWS}; \
         CREATE DATABASE keyward; CREATE TABLE keyward.beat (somebodys INT); INSERT INTO keyward.beat VALUES (5);"
    ));
}

/// The dated schema of `keystone`.
fn dated(server: &Server) -> String {
    server.sql(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'keystone\\_keyward\\_%' \
         ORDER BY 1 DESC LIMIT 1",
    )
}

/// Everything that a schema holds, as one text that does not name it.
fn contents(server: &Server, schema: &str) -> String {
    let tables = server.sql(&format!(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}' \
         AND table_type NOT IN ('VIEW', 'SEQUENCE') AND table_name NOT IN ('moved_by_keyward', 'log') ORDER BY 1"
    ));
    let mut text = String::new();
    for table in tables.lines().map(|name| format!("`{schema}`.`{}`", name.replace('`', "``"))) {
        text += &server.sql(&format!("SHOW CREATE TABLE {table}; CHECKSUM TABLE {table};"));
    }
    text += &server.sql(&format!("SHOW CREATE TABLE `{schema}`.log; SHOW CREATE SEQUENCE `{schema}`.counter"));
    for table in ["versions", "old_parts"] {
        let history =
            format!("SELECT id, ROW_START, ROW_END FROM `{schema}`.{table} FOR SYSTEM_TIME ALL ORDER BY 1, 2");
        text += &server.sql(&history);
    }
    for question in [
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata
         WHERE schema_name = 'S'",
        "SELECT table_name, view_definition, definer, security_type FROM information_schema.views
         WHERE table_schema = 'S' ORDER BY 1",
        "SELECT trigger_name, event_manipulation, event_object_table, action_order, action_statement, action_timing,
         sql_mode, definer FROM information_schema.triggers WHERE trigger_schema = 'S' ORDER BY 1",
        "SELECT routine_name, routine_type, routine_definition, sql_mode, definer, database_collation
         FROM information_schema.routines WHERE routine_schema = 'S' ORDER BY 1",
        "SELECT event_name, definer, time_zone, event_definition, interval_value, interval_field, starts
         FROM information_schema.events WHERE event_schema = 'S' ORDER BY 1",
        "SELECT constraint_name, unique_constraint_schema, delete_rule, table_name, referenced_table_name
         FROM information_schema.referential_constraints WHERE constraint_schema = 'S' ORDER BY 1",
    ] {
        text += &server.sql(&question.replace("'S'", &format!("'{schema}'")));
    }
    text.replace(schema, "S")
}

fn replace(pair: &Pair) -> How {
    How { replace_data: true, ..pair.admins() }
}

#[test]
fn what_a_replica_holds_is_moved_aside_whole_and_moved_back_by_the_printed_statements() {
    let pair = Pair::plain();
    give_old_rows(&pair);
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("already holds a schema keyward") && why.contains("--replace-data"), "{why}");
    let before = contents(&pair.replica, "keystone");
    let binlog = pair.replica.sql("SELECT @@gtid_binlog_pos");
    let (end, moved) = pair.set_up_telling(&replace(&pair));
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(&pair);
    assert_eq!(pair.replica.sql("SELECT @@gtid_binlog_pos"), binlog, "nothing of it may stand in the binlog");
    let dated = dated(&pair.replica);
    assert_eq!(contents(&pair.replica, &dated), before);
    let events = format!("SELECT status FROM information_schema.events WHERE event_schema = '{dated}'");
    assert_eq!(pair.replica.sql(&events), "DISABLED");
    assert_eq!(moved.iter().map(|one| one.of.as_str()).collect::<Vec<_>>(), ["keystone", "keyward"]);
    assert!(moved.iter().all(|one| one.left.is_empty()), "{moved:?}");
    assert!(matches!(pair.set_up(&pair.admins()), End::NothingToDo(_)));
    assert!(matches!(pair.set_up(&replace(&pair)), End::NothingToDo(_)), "it follows the master now");
    for one in &moved {
        let kept =
            format!("SELECT HEX(definition) FROM `{}`.moved_by_keyward WHERE kind = 'UNDO' ORDER BY number", one.into);
        let hex = |line: &str| line.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
        let printed: Vec<String> = one.undo.iter().map(|line| hex(line)).collect();
        assert_eq!(pair.replica.sql(&kept), printed.join("\n"), "who did not see them finds them there");
    }
    let mut undo = vec!["STOP SLAVE; SET sql_log_bin = 0; DROP DATABASE keystone; DROP DATABASE keyward;".to_owned()];
    undo.extend(moved.iter().flat_map(|one| one.undo.clone()));
    pair.replica.sql(&undo.join("\n"));
    assert_eq!(contents(&pair.replica, "keystone"), before);
    assert_eq!(pair.replica.sql("SELECT somebodys FROM keyward.beat"), "5");
    let status = "SELECT status FROM information_schema.events WHERE event_schema = 'keystone'";
    assert_eq!(pair.replica.sql(status), "ENABLED");
}

#[test]
fn killed_at_any_moment_of_a_move_the_next_run_goes_on_whichever_command_it_is() {
    let pair = Pair::plain();
    let random = &mut fastrand::Rng::with_seed(20_261_122);
    let mut whole = Duration::ZERO;
    let mut found = BTreeSet::new();
    for round in 0..16 {
        crate::killed::wipe(&pair);
        drop_dated(&pair.replica);
        give_old_rows(&pair);
        let before = contents(&pair.replica, "keystone");
        let began = Instant::now();
        let mut child = start_with(&pair, &["--replace-data"]);
        if round == 0 {
            assert!(child.wait().unwrap().success());
            whole = began.elapsed();
        } else {
            // the first half of a run: what comes later is a copy, whose interruptions are tested elsewhere
            std::thread::sleep(whole.mul_f64(0.6 * (f64::from(round - 1) + random.f64()) / 15.0));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let state = state_of(&pair.replica);
        // plain setup goes on with what had begun; what had not is refused as before
        let end = match pair.set_up(&pair.admins()) {
            End::Refused(why) if state == "untouched" => {
                assert!(why.join("; ").contains("--replace-data"), "{why:?}");
                assert_eq!(contents(&pair.replica, "keystone"), before);
                pair.set_up(&replace(&pair))
            }
            end => end,
        };
        println!("round {round}: {state}, ended {end:?}");
        assert!(ended_well(&end), "round {round}: {state}: {end:?}");
        found.insert(state);
        pair.catch_up();
        assert_equal(&pair);
        assert_eq!(contents(&pair.replica, &dated(&pair.replica)), before, "round {round}");
    }
    assert!(found.len() >= 2, "the kills met too little: {found:?}");
}

/// What a killed run left.
fn state_of(replica: &Server) -> String {
    let journals = "SELECT GROUP_CONCAT(DISTINCT SUBSTRING_INDEX(table_comment, ': ', -1) ORDER BY 1)
        FROM information_schema.tables WHERE table_name = 'moved_by_keyward'";
    let stages = replica.sql(journals);
    if stages == "NULL" { "untouched".to_owned() } else { stages }
}

fn drop_dated(replica: &Server) {
    let dated =
        replica.sql("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%\\_keyward\\_%'");
    let drops: String = dated.lines().map(|name| format!("DROP DATABASE `{name}`;")).collect();
    replica.sql(&format!("SET sql_log_bin = 0; {drops}"));
}

#[test]
fn keywards_own_account_moves_and_copies_with_exactly_the_printed_rights_and_misses_each_of_them() {
    let pair = Pair::new(Server::plain(1), Server::plain(2));
    for server in [&pair.master, &pair.replica] {
        server.sql("SET GLOBAL log_bin_trust_function_creators = ON");
    }
    let fit = OLD_ROWS.replace("ENGINE = Aria", "").replace("WITH SYSTEM VERSIONING", "");
    let fit = fit.split_inclusive(";\n").filter(|part| !part.contains("SEQUENCE") && !part.contains("old_parts"));
    let fit: String = fit.collect();
    pair.master.sql(&fit);
    let (master, replica) =
        sql_by_hand(&pair.settings, keyward::model::Family::MariaDb, &region(), &replica_name()).unwrap();
    let password = OWN_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    let filled = |lines: &[String]| {
        let text = lines.join("\n").replace("<put account.password here>", &password);
        text.replace("<put replication.password here>", LINK_PASSWORD)
    };
    pair.master.sql(&filled(&master));
    pair.replica.sql(&filled(&replica));
    assert!(is_done(&pair.set_up(&How::default())));
    pair.catch_up();
    let reseed = How { reseed: true, ..How::default() };
    let why = refusals(pair.set_up(&reseed));
    assert!(why.contains("CREATE VIEW") && why.contains("on keystone_keyward_%.*"), "{why}");
    let moving: Vec<&String> = replica.iter().filter(|line| line.starts_with("-- GRANT")).collect();
    assert_eq!(moving.len(), 3, "{moving:?}");
    for line in &moving {
        pair.replica.sql(&format!("SET sql_log_bin = 0; {}", line.replace("-- GRANT", "GRANT")));
    }
    let (end, moved) = pair.set_up_telling(&reseed);
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(&pair);
    assert!(moved.len() == 2 && moved.iter().all(|one| one.left.is_empty()), "{moved:?}");
    // where there is a dated schema, nobody can tell without them whether it is whole
    for line in &moving {
        let revoke = line.replace("-- GRANT", "REVOKE").replace(" TO ", " FROM ");
        pair.replica.sql(&format!("SET sql_log_bin = 0; {revoke}"));
    }
    pair.replica.sql("STOP SLAVE; RESET SLAVE ALL; SET sql_log_bin = 0; DROP DATABASE keyward; DROP DATABASE keystone");
    let why = refusals(pair.set_up(&How::default()));
    assert!(why.contains("on keystone_keyward_%.*"), "{why}");
}

#[test]
fn killed_at_any_moment_of_a_reseed_plain_set_up_goes_on_with_it() {
    let pair = Pair::plain();
    assert!(is_done(&pair.set_up(&pair.admins())));
    let random = &mut fastrand::Rng::with_seed(7);
    let mut whole = Duration::ZERO;
    let mut found = BTreeSet::new();
    for round in 0..14 {
        drop_dated(&pair.replica);
        pair.catch_up();
        // a row that a copy anew would not bring
        pair.replica.sql("SET sql_log_bin = 0; REPLACE INTO keystone.user VALUES ('old')");
        let rows = "SELECT GROUP_CONCAT(id ORDER BY id) FROM";
        let old = pair.replica.sql(&format!("{rows} keystone.user"));
        let began = Instant::now();
        let mut child = start_with(&pair, &["--reseed"]);
        if round == 0 {
            assert!(child.wait().unwrap().success());
            whole = began.elapsed();
        } else {
            std::thread::sleep(whole.mul_f64((f64::from(round - 1) + random.f64()) / 13.0));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let state = state_of(&pair.replica);
        let end = pair.set_up(&pair.admins());
        println!("round {round}: {state}, ended {end:?}");
        assert!(ended_well(&end), "round {round}: {state}: {end:?}");
        found.insert(state.clone());
        if state == "untouched" {
            pair.replica.sql("SET sql_log_bin = 0; DELETE FROM keystone.user WHERE id = 'old'");
        } else {
            assert_eq!(pair.replica.sql(&format!("{rows} `{}`.user", dated(&pair.replica))), old, "round {round}");
        }
        pair.catch_up();
        assert_equal(&pair);
    }
    assert!(found.len() >= 2, "the kills met too little: {found:?}");
}

#[test]
fn what_the_server_does_not_make_again_is_kept_as_text_and_everything_else_moves() {
    let pair = Pair::plain();
    give_old_rows(&pair);
    pair.replica.sql(
        "SET sql_log_bin = 0; CREATE TABLE keystone.gone (id INT); CREATE VIEW keystone.broken AS SELECT * FROM keystone.gone; \
         CREATE VIEW keystone.also_broken AS SELECT * FROM keystone.broken; DROP TABLE keystone.gone",
    );
    let (end, moved) = pair.set_up_telling(&replace(&pair));
    assert!(is_done(&end), "{end:?}");
    let keystone = moved.iter().find(|one| one.of == "keystone").unwrap();
    assert_eq!(keystone.left.len(), 2, "{:?}", keystone.left);
    assert!(keystone.left.iter().any(|left| left.starts_with("view broken: ")), "{:?}", keystone.left);
    let text = format!("SELECT definition FROM `{}`.moved_by_keyward WHERE name = 'broken'", keystone.into);
    assert!(pair.replica.sql(&text).contains("VIEW `broken`"), "{}", pair.replica.sql(&text));
    // the statements do all else before they fail where the server failed
    let undo = format!("STOP SLAVE; SET sql_log_bin = 0; DROP DATABASE keystone;\n{}", keystone.undo.join("\n"));
    let refusal = pair.replica.try_sql(&undo).unwrap_err();
    assert!(refusal.contains("broken"), "{refusal}");
    let there = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'keystone'";
    assert_eq!(pair.replica.sql(there), "13", "eleven tables, a sequence among them, and two views");
}

/// A replica whose log is on disk only now and then: what must be there, keyward itself puts there.
fn pair_that_flushes_late() -> Pair {
    let late = ["innodb_flush_log_at_trx_commit = 0", "log_bin_trust_function_creators = ON", "skip_slave_start"];
    let pair = Pair::new(Server::plain(1), Server::start(2, &late));
    pair.master.sql(
        "CREATE DATABASE keystone CHARACTER SET utf8mb4; CREATE TABLE keystone.user (id VARCHAR(64) PRIMARY KEY); \
         INSERT INTO keystone.user VALUES ('a'), ('b');",
    );
    pair
}

/// After a crash: plain set-up goes on, and what was moved is whole.
fn goes_on(pair: &Pair, before: &str, when: &str) {
    let state = state_of(&pair.replica);
    let end = pair.set_up(&pair.admins());
    println!("{when}: {state}, ended {end:?}");
    assert!(ended_well(&end), "{when}: {state}: {end:?}");
    pair.catch_up();
    assert_equal(pair);
    assert_eq!(contents(&pair.replica, &dated(&pair.replica)), before, "{when}");
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_move_loses_nothing() {
    let mut pair = pair_that_flushes_late();
    let random = &mut fastrand::Rng::with_seed(20_261_122);
    let mut found = BTreeSet::new();
    for round in 0..5 {
        crate::killed::wipe(&pair);
        drop_dated(&pair.replica);
        give_old_rows(&pair);
        let before = contents(&pair.replica, "keystone");
        let mut child = start_with(&pair, &["--replace-data"]);
        let begun = Instant::now();
        while state_of(&pair.replica) == "untouched" && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the move never began");
        }
        std::thread::sleep(Duration::from_millis(random.u64(0..60)));
        // what it began from is on disk long since
        pair.replica.restart(&[]);
        child.wait().unwrap();
        found.insert(state_of(&pair.replica));
        goes_on(&pair, &before, &format!("round {round}"));
    }
    assert!(found.iter().any(|state| state.contains("ing")), "no crash met a move: {found:?}");
}

/// MariaDB renames a table in partitions part by part, so a server that dies meanwhile would tear it.
#[test]
fn a_server_that_dies_while_tables_in_partitions_are_copied_and_dropped_loses_nothing() {
    let mut pair = pair_that_flushes_late();
    // (what holds the move up, the tables that are copied by then)
    for (hold, copied) in [
        ("LOCK TABLES keystone.old_parts WRITE", 1),
        ("START TRANSACTION; SELECT * FROM keystone.counted_parts", 3),
        ("START TRANSACTION; SELECT * FROM keystone.parts", 3),
    ] {
        crate::killed::wipe(&pair);
        drop_dated(&pair.replica);
        give_old_rows(&pair);
        let before = contents(&pair.replica, "keystone");
        // a lock would hold up that step too
        pair.replica.sql("SET GLOBAL read_only = 1");
        let mut holder = Command::new("mariadb")
            .args(["--no-defaults", "-uroot", "-e", &format!("{hold}; DO SLEEP(600)")])
            .arg(format!("--socket={}", pair.replica.socket().display()))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let threads = |which: &str| format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE {which}");
        until("it is held up", || pair.replica.sql(&threads("INFO LIKE 'DO SLEEP%'")) == "1");
        let mut child = start_with(&pair, &["--replace-data"]);
        until("the move waits", || pair.replica.sql(&threads("STATE LIKE 'Waiting for table metadata%'")) == "1");
        let written = format!("SELECT COUNT(*) FROM `{}`.moved_by_keyward WHERE kind = 'COPIED'", dated(&pair.replica));
        assert_eq!(pair.replica.sql(&written), copied.to_string(), "{hold}");
        pair.replica.restart(&[]);
        child.wait().unwrap();
        holder.wait().unwrap();
        goes_on(&pair, &before, hold);
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "not within 60 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The server cannot open it, as after a crash in a rename by hand.
#[test]
fn a_table_that_the_server_cannot_open_is_named_before_anything_is_touched() {
    let pair = Pair::plain();
    give_old_rows(&pair);
    pair.replica.sql("SET sql_log_bin = 0; CREATE TABLE keystone.torn (id INT) PARTITION BY HASH (id) PARTITIONS 2");
    let data = pair.replica.sql("SELECT @@datadir");
    std::fs::remove_file(format!("{data}/keystone/torn.par")).unwrap();
    pair.replica.sql("FLUSH TABLES");
    let failed = |end: End| match end {
        End::Failed(why) => why,
        other => panic!("expected a failure, not {other:?}"),
    };
    let why = failed(pair.set_up(&replace(&pair)));
    assert!(why.contains("cannot open its table `keystone`.`torn`"), "{why}");
    assert!(why.contains("DROP TABLE IF EXISTS `keystone`.`torn`"), "{why}");
    assert_eq!(state_of(&pair.replica), "untouched");
    pair.replica.sql("SET sql_log_bin = 0; DROP TABLE IF EXISTS keystone.torn");
    assert!(is_done(&pair.set_up(&replace(&pair))));
}

/// A stage that is on disk without what was written down before it would have objects dropped that nobody knows any more.
#[test]
fn a_stage_is_never_on_disk_without_what_was_written_before_it() {
    for kind in Kind::ALL.into_iter().filter(|kind| !lacks(*kind)) {
        let mut server = Server::of_kind(kind, 1, &["innodb_flush_log_at_trx_commit = 0"]);
        let statement = |text: &str, comment: &str| {
            let gaps = [("journal", "dated.moved_by_keyward"), ("comment", &*format!("'{comment}'"))];
            keyward::dialect::text::fill(text, &gaps)
        };
        let create = statement(include_str!("../../sql/common/journal-create.sql"), "recording");
        server.sql(&format!("CREATE DATABASE dated; {create}"));
        for round in 0..4 {
            let stage = statement(include_str!("../../sql/common/journal-stage.sql"), &format!("moving {round}"));
            server.sql(&format!(
                "INSERT INTO dated.moved_by_keyward (number, kind, name, definition, moved, client, moved_client, \
                 connection, collation, mode, zone) VALUES ({round}, 'VIEW', '', '', '', '', '', '', '', '', ''); {stage}"
            ));
            server.restart(&[]);
            let rows = server.sql("SELECT COUNT(*) FROM dated.moved_by_keyward");
            assert_eq!(
                rows,
                (round + 1).to_string(),
                "{kind:?}: {}",
                server.sql("SHOW CREATE TABLE dated.moved_by_keyward")
            );
        }
    }
}
