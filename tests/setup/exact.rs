//! Every kind of table, value and object arrives byte for byte, and so do rows written meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::{Pair, Server, StopAtEnd, is_done};
use keyward::daemon::setup::End;
use keyward::model::Family;

const EVERYTHING: &str = include_str!("everything.sql");

/// Every table of the replicated schemas with all its columns, virtual and invisible ones too.
fn tables(server: &Server) -> Vec<(String, String)> {
    let lines = server.sql(
        "SELECT CONCAT('`', table_schema, '`.`', REPLACE(table_name, '`', '``'), '`'),
            GROUP_CONCAT(CONCAT(
                CASE WHEN data_type = 'float' THEN 'CAST(`'
                     WHEN numeric_precision IS NOT NULL AND data_type <> 'bit' THEN '(`' ELSE 'HEX(`' END,
                REPLACE(column_name, '`', '``'),
                IF(data_type = 'float', '` AS DOUBLE)', '`)')) ORDER BY ordinal_position SEPARATOR ', ')
         FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
         WHERE table_schema IN ('keystone', 'keyward', 'odd_name%') AND table_type = 'BASE TABLE'
         GROUP BY 1 ORDER BY 1",
    );
    lines
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(table, columns)| (table.to_owned(), columns.to_owned()))
        .collect()
}

/// Everything that can be said about the schemas' objects.
const OBJECTS: [&str; 7] = [
    "SELECT schema_name, default_character_set_name, default_collation_name, schema_comment
     FROM information_schema.schemata WHERE schema_name IN ('keystone', 'keyward', 'odd_name%') ORDER BY 1",
    "SELECT * FROM information_schema.columns WHERE table_schema IN ('keystone', 'keyward', 'odd_name%')
     ORDER BY table_schema, table_name, ordinal_position",
    "SELECT table_schema, table_name, view_definition, check_option, is_updatable, definer, security_type,
     character_set_client, collation_connection, algorithm FROM information_schema.views
     WHERE table_schema IN ('keystone', 'odd_name%') ORDER BY 1, 2",
    "SELECT trigger_schema, trigger_name, event_manipulation, event_object_table, action_order, action_statement,
     action_timing, sql_mode, definer, character_set_client, collation_connection, database_collation
     FROM information_schema.triggers WHERE trigger_schema IN ('keystone', 'odd_name%') ORDER BY 1, 2",
    "SELECT routine_schema, routine_name, routine_type, dtd_identifier, routine_definition, is_deterministic,
     sql_data_access, security_type, sql_mode, routine_comment, definer, character_set_client, collation_connection,
     database_collation FROM information_schema.routines WHERE routine_schema IN ('keystone', 'odd_name%')
     ORDER BY 1, 3, 2",
    "SELECT event_schema, event_name, definer, time_zone, event_definition, execute_at, interval_value,
     interval_field, sql_mode, starts, ends, on_completion, event_comment, character_set_client,
     collation_connection, database_collation
     FROM information_schema.events WHERE event_schema IN ('keystone', 'odd_name%') ORDER BY 1, 2",
    "SELECT constraint_schema, constraint_name, unique_constraint_name, match_option, update_rule, delete_rule,
     table_name, referenced_table_name FROM information_schema.referential_constraints
     WHERE constraint_schema IN ('keystone', 'odd_name%') ORDER BY 1, 2",
];

pub fn assert_equal(pair: &Pair) {
    let here = tables(&pair.master);
    assert_eq!(here, tables(&pair.replica), "the same tables must be there");
    assert!(here.len() > 1, "there must be something to compare");
    for (table, columns) in &here {
        for question in [
            format!("CHECKSUM TABLE {table}"),
            format!("SHOW CREATE TABLE {table}"),
            format!("SELECT {columns} FROM {table} ORDER BY {columns}"),
        ] {
            let question = format!("SET SESSION time_zone = '+00:00', sql_mode = ''; {question}");
            assert_eq!(pair.master.sql(&question), pair.replica.sql(&question), "{question}");
        }
    }
    for question in OBJECTS {
        let question = match pair.master.kind().family() {
            Family::MariaDb => question.to_owned(),
            // it has neither
            Family::MySql => question.replace(", schema_comment", "").replace(", algorithm", ""),
        };
        let question = format!("SET SESSION time_zone = '+00:00'; {question}");
        assert_eq!(pair.master.sql(&question), pair.replica.sql(&question), "{question}");
    }
}

#[test]
fn everything_a_database_can_hold_survives_byte_for_byte() {
    let mut pair = Pair::new(Server::plain(1), Server::plain(2));
    pair.settings.replication.databases.push("odd_name%".into());
    pair.master.sql("SET GLOBAL log_bin_trust_function_creators = ON");
    pair.replica.sql("SET GLOBAL log_bin_trust_function_creators = ON");
    pair.master.sql(EVERYTHING);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                pair.master.sql(&format!(
                    "INSERT INTO keystone.busy (word) VALUES ('during {number}'); \
                     UPDATE keystone.busy SET word = CONCAT(word, '+') WHERE id = {number}"
                ));
            }
            number
        });
        let writing = StopAtEnd(&stop);
        let end = pair.set_up(&pair.admins());
        std::thread::sleep(Duration::from_millis(200));
        drop(writing);
        let written = writer.join().unwrap();
        assert!(is_done(&end), "{end:?}");
        assert!(written > 5, "rows must have been written during the copy: {written}");
    });
    pair.catch_up();
    assert_equal(&pair);
    let asleep = pair.replica.sql("SELECT GROUP_CONCAT(DISTINCT status) FROM information_schema.events");
    assert_eq!(asleep.trim(), "SLAVESIDE_DISABLED");
    second_run_has_nothing_to_do(&pair);
    assert_eq!(pair.replica.sql("SELECT @@read_only, @@slave_net_timeout").trim(), "1\t4");
    let filter = pair.replica.sql("SELECT @@replicate_wild_do_table");
    // the client shows one backslash as two
    assert_eq!(filter.trim(), r"keystone.%,odd\\_name\\%.%,keyward.%");
}

fn second_run_has_nothing_to_do(pair: &Pair) {
    let counters = "SELECT variable_name, variable_value FROM information_schema.global_status
        WHERE variable_name REGEXP '^Com_(alter|change|create|delete|drop|flush|grant|insert|load|reset|slave|start|stop|truncate|update|revoke)|^Slave_connections'
        UNION ALL SELECT 'position', @@gtid_binlog_pos";
    let before = (pair.master.sql(counters), pair.replica.sql(counters));
    let end = pair.set_up(&pair.admins());
    assert!(matches!(end, End::NothingToDo(_)), "{end:?}");
    assert_eq!(before, (pair.master.sql(counters), pair.replica.sql(counters)));
    let own = pair.set_up(&keyward::daemon::setup::How::default());
    assert!(matches!(own, End::NothingToDo(_)), "keyward's own account must do for looking: {own:?}");
    assert_eq!(before, (pair.master.sql(counters), pair.replica.sql(counters)));
}
