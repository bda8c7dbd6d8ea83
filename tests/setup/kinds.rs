//! Set-up on every kind of server: what MariaDB 10.11 does, the others do as well, and no two families together.

use keyward::daemon::setup::{End, How, sql_by_hand};
use keyward::lab::Kind;
use keyward::lab::skip::lacks;
use keyward::model::Family;

use crate::harness::{LINK_PASSWORD, OWN_PASSWORD, Pair, Server, is_done, refusals, region, replica_name};

const ROWS: &str = "SELECT GROUP_CONCAT(id ORDER BY id) FROM keystone.user";

/// Sets a pair up from nothing, sees a row arrive, and finds nothing to do the second time.
fn from_nothing(master: Kind, replica: Kind) -> Pair {
    let pair = Pair::of_kinds(master, replica);
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    pair.master.sql("INSERT INTO keystone.user VALUES ('c')");
    pair.catch_up();
    assert_eq!(pair.replica.sql(ROWS), "a,b,c");
    let drop_in = match end {
        End::Done(drop_in) => drop_in,
        other => panic!("{other:?}"),
    };
    assert_eq!(pair.set_up(&pair.admins()), End::NothingToDo(drop_in.clone()), "as administrator");
    assert_eq!(pair.set_up(&How::default()), End::NothingToDo(drop_in), "as keyward");
    pair
}

#[test]
fn mysql_is_set_up_from_nothing_and_remembers_what_it_must() {
    if lacks(Kind::MySql97) {
        return;
    }
    let mut pair = from_nothing(Kind::MySql97, Kind::MySql97);
    let settings = "SELECT @@super_read_only, @@replica_net_timeout, @@skip_replica_start";
    assert_eq!(pair.replica.sql(settings), "1\t4\t0");
    assert_eq!(pair.replica.sql("SHOW TABLES IN keyward"), "beat", "no mark is left");
    let executed = pair.replica.sql("SELECT GTID_SUBTRACT(@@gtid_executed, '')");
    assert!(!executed.contains(&pair.replica.sql("SELECT @@server_uuid")), "no GTIDs of its own: {executed}");

    // a restart: nobody may write, nothing is applied unfiltered, and the next set-up makes it whole
    pair.replica.restart(&[]);
    assert_eq!(pair.replica.sql(settings), "1\t4\t1");
    pair.master.sql("CREATE DATABASE nova; INSERT INTO keystone.user VALUES ('d')");
    let end = pair.set_up(&How::default());
    assert!(is_done(&end), "keyward's own account must do for that: {end:?}");
    pair.catch_up();
    assert_eq!(pair.replica.sql(ROWS), "a,b,c,d");
    assert_eq!(pair.replica.sql("SHOW DATABASES LIKE 'nova'"), "");
    assert_eq!(pair.set_up(&How::default()), End::NothingToDo(Vec::new()));
}

#[test]
fn both_versions_of_mariadb_follow_each_other() {
    if lacks(Kind::MariaDb118) {
        return;
    }
    for (master, replica) in [
        (Kind::MariaDb118, Kind::MariaDb118),
        (Kind::MariaDb1011, Kind::MariaDb118),
        (Kind::MariaDb118, Kind::MariaDb1011),
    ] {
        let pair = from_nothing(master, replica);
        assert_eq!(pair.replica.sql("SELECT @@read_only, @@slave_net_timeout"), "1\t4", "{master:?} to {replica:?}");
    }
}

#[test]
fn the_two_families_are_kept_apart_with_a_sentence() {
    if lacks(Kind::MySql97) {
        return;
    }
    for (master, replica) in [(Kind::MySql97, Kind::MariaDb1011), (Kind::MariaDb1011, Kind::MySql97)] {
        let pair = Pair::of_kinds(master, replica);
        let why = refusals(pair.set_up(&pair.admins()));
        let [is, put] =
            [&pair.master, &pair.replica].map(|server| format!("{} {}", server.kind().family(), server.version()));
        for words in [is.as_str(), &put, "do not replicate to each other", "put a", "in the replica's place"] {
            assert!(why.contains(words), "{words}: {why}");
        }
        assert_eq!(why.lines().count(), 1, "{why}");
        assert_eq!(pair.replica.sql("SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'keyward%'"), "0");
    }
}

#[test]
fn mysql_that_is_not_ready_for_it_is_refused() {
    if lacks(Kind::MySql97) {
        return;
    }
    let lines = ["gtid_mode=OFF_PERMISSIVE", "enforce_gtid_consistency=WARN", "binlog_row_image=MINIMAL"];
    let mut pair = Pair::of_kinds(Kind::MySql97, Kind::MySql97);
    pair.master.restart(&lines);
    // an administrator's own transaction is in the way, and so is what keeps everybody from writing
    pair.replica.sql("CREATE USER somebody");
    let why = refusals(pair.set_up(&pair.admins()));
    for words in [
        "gtid_mode is OFF_PERMISSIVE; set it to ON",
        "enforce_gtid_consistency is WARN; set it to ON",
        "binlog_row_image is MINIMAL; set it to FULL",
        "has transactions of its own in the way",
        "RESET BINARY LOGS AND GTIDS there",
    ] {
        assert!(why.contains(words), "{words}: {why}");
    }
    // nothing in the way but what keeps everybody from writing, an administrator too
    let pair = Pair::new(Server::of_kind(Kind::MySql97, 1, &[]), pair.replica);
    pair.master.sql("CREATE DATABASE keystone");
    pair.replica.sql("RESET BINARY LOGS AND GTIDS; SET GLOBAL super_read_only = 1");
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("has super_read_only on") && why.contains("Create the account keyward@%"), "{why}");
    assert_eq!(pair.replica.sql("SELECT @@super_read_only, @@gtid_executed").trim(), "1", "nothing was changed");
}

#[test]
fn a_right_that_mysqls_account_lost_comes_back_once_somebody_lets_set_up_write() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = from_nothing(Kind::MySql97, Kind::MySql97);
    pair.replica.sql(
        "SET sql_log_bin = 0; SET GLOBAL super_read_only = 0; REVOKE PROCESS ON *.* FROM keyward;
         SET GLOBAL super_read_only = 1",
    );
    let why = refusals(pair.set_up(&pair.admins()));
    assert!(why.contains("has super_read_only on") && why.contains("Allow keyward@%"), "{why}");
    pair.replica.sql("SET GLOBAL super_read_only = 0");
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    assert_eq!(pair.replica.sql("SELECT @@super_read_only"), "1", "and shut again");
    assert_eq!(pair.set_up(&How::default()), End::NothingToDo(Vec::new()));
}

#[test]
fn on_mysql_what_print_sql_prints_is_all_that_an_administrator_must_do() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = Pair::of_kinds(Kind::MySql97, Kind::MySql97);
    pair.replica.sql("SET GLOBAL log_bin_trust_function_creators = ON");
    pair.master.sql(
        "SET GLOBAL log_bin_trust_function_creators = ON;
         CREATE VIEW keystone.v AS SELECT * FROM keystone.user; CREATE PROCEDURE keystone.p() SELECT 1;
         CREATE FUNCTION keystone.f() RETURNS INT DETERMINISTIC RETURN 1;
         CREATE TRIGGER keystone.t BEFORE INSERT ON keystone.user FOR EACH ROW SET NEW.id = TRIM(NEW.id);
         CREATE EVENT keystone.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM keystone.user WHERE id = 'x';",
    );
    let auto = How { auto: true, ..How::default() };
    let print = || sql_by_hand(&pair.settings, Family::MySql, &region(), &replica_name()).unwrap();
    let fill = |lines: Vec<String>| {
        let own = OWN_PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
        let text = lines.join("\n").replace("<put account.password here>", &own);
        text.replace("<put replication.password here>", LINK_PASSWORD)
    };
    let (master, replica) = print();
    for (server, lines) in [(&pair.master, master), (&pair.replica, replica)] {
        server.sql(&fill(lines).replace("-- REVOKE", "REVOKE"));
    }
    // the rights for setting up were taken away again: each one must be missed
    let why = refusals(pair.set_up(&auto));
    for word in
        ["RELOAD", "CONNECTION_ADMIN", "PERSIST_RO_VARIABLES_ADMIN", "LOCK TABLES", "TRIGGER", "--print-sql=mysql"]
    {
        assert!(why.contains(word), "{word} is missing in {why}");
    }
    let (master, replica) = print();
    for (server, lines) in [(&pair.master, master), (&pair.replica, replica)] {
        server.sql(&fill(lines));
    }
    let end = pair.set_up(&auto);
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_eq!(pair.replica.sql(ROWS), "a,b");
    let objects = "SELECT GROUP_CONCAT(routine_name ORDER BY 1) FROM information_schema.routines WHERE routine_schema = 'keystone'";
    assert_eq!(pair.replica.sql(objects), "f,p");
}

#[test]
fn on_mysql_accounts_get_the_rights_they_need_and_no_more() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = Pair::of_kinds(Kind::MySql97, Kind::MySql97);
    assert!(is_done(&pair.set_up(&pair.admins())));
    let rights = |server: &Server, user: &str| {
        let lines = server.sql(&format!("SHOW GRANTS FOR {user}"));
        let line = |line: &str| line.split(" TO ").next().unwrap().replace("GRANT ", "").replace('`', "");
        // MySQL lists them in no order
        let mut lines: Vec<String> = lines.lines().map(line).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let seen: Vec<String> = rights(&pair.master, "keyward").lines().map(str::to_owned).collect();
    let wanted =
        ["REPLICATION CLIENT ON *.*", "SELECT, INSERT, UPDATE, DELETE ON keyward.*", "SELECT, SHOW VIEW ON keystone.*"];
    assert_eq!(seen, wanted);
    assert_eq!(rights(&pair.master, "keyward_repl"), "REPLICATION SLAVE ON *.*");
    let tables = [
        "replication_applier_filters",
        "replication_applier_global_filters",
        "replication_applier_status_by_worker",
        "replication_connection_configuration",
        "replication_connection_status",
        "replication_group_members",
    ]
    .map(|table| format!("SELECT ON performance_schema.{table}"));
    let seen: Vec<String> = rights(&pair.replica, "keyward").lines().map(str::to_owned).collect();
    let mut wanted = vec![
        "PROCESS, SHOW DATABASES, REPLICATION CLIENT ON *.*".to_owned(),
        "REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN ON *.*".to_owned(),
        "SELECT ON keystone.*".to_owned(),
        "SELECT ON keyward.*".to_owned(),
    ];
    wanted.extend(tables);
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
}

#[test]
fn what_a_kill_leaves_between_a_schema_and_its_mark_is_cleared_away() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = Pair::of_kinds(Kind::MySql97, Kind::MySql97);
    pair.replica.sql("SET sql_log_bin = 0; CREATE DATABASE keyward");
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_eq!(pair.replica.sql(ROWS), "a,b");
}
