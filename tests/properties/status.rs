//! Rows of a replication status, as the servers of every kind printed them in four states: read in full, and with
//! columns that are absent, empty or odd. `tests/fixtures/status` holds them, `column: value`, a result behind each `--`.

use keyward::dialect::answer::Table;
use keyward::dialect::looks::links;
use keyward::lab::Kind;
use keyward::model::Family;
use keyward::model::observation::ThreadState::{Connecting, Running, Stopped};
use keyward::model::preflight::LinkSettings;
use proptest::prelude::*;

use crate::tries;

const STATES: [&str; 4] = ["healthy", "duplicate", "stopped", "connecting"];

/// Columns that are text or may be unknown: empty is a value of theirs. A switch that says nothing is off.
const MAY_BE_EMPTY: [&str; 26] = [
    "Master_Host",
    "Source_Host",
    "Master_User",
    "Source_User",
    "Last_IO_Error",
    "Last_SQL_Error",
    "worker_error",
    "Seconds_Behind_Master",
    "Seconds_Behind_Source",
    "Source_Retry_Count",
    "Gtid_IO_Pos",
    "Retrieved_Gtid_Set",
    "Master_Log_File",
    "Source_Log_File",
    "Using_Gtid",
    "Auto_Position",
    "Master_SSL_Allowed",
    "Source_SSL_Allowed",
    "Master_SSL_Verify_Server_Cert",
    "Source_SSL_Verify_Server_Cert",
    "Master_SSL_CA_File",
    "Source_SSL_CA_File",
    "Master_SSL_Cert",
    "Source_SSL_Cert",
    "Connection_name",
    "Channel_Name",
];

fn status(kind: Kind, state: &str) -> Vec<Table> {
    let place = env!("CARGO_MANIFEST_DIR");
    let file = format!("{place}/tests/fixtures/status/{}-{state}.txt", kind.name());
    let text = std::fs::read_to_string(&file).unwrap();
    let result = |block: &str| {
        let cells = block.lines().map(|line| line.split_once(':').unwrap());
        let value = |text: &str| Some(text.trim().to_owned()).filter(|text| text != "NULL");
        let (columns, row) = cells.map(|(name, text)| (name.to_owned(), value(text))).unzip();
        Table { columns, rows: vec![row] }
    };
    text.split("--\n").filter(|block| !block.is_empty()).map(result).collect()
}

fn read(family: Family, tables: &[Table]) -> Result<LinkSettings, String> {
    let mut links = links(family, tables)?;
    assert_eq!(links.len(), 1);
    Ok(links.remove(0).1)
}

#[test]
fn every_state_is_read_as_what_it_is() {
    for kind in Kind::ALL {
        for state in STATES {
            let link = read(kind.family(), &status(kind, state)).unwrap();
            let facts = &link.facts;
            let threads = match state {
                "healthy" => (Running, Running),
                "duplicate" => (Running, Stopped),
                "stopped" => (Stopped, Stopped),
                _ => (Connecting, Running),
            };
            assert_eq!((facts.io, facts.sql), threads, "{kind:?} {state}");
            assert_eq!(facts.seconds_behind, (state == "healthy").then_some(0), "{kind:?} {state}");
            assert_eq!((facts.host.as_str(), facts.user.as_str()), ("127.0.0.1", "r"));
            assert!(facts.port > 0 && facts.heartbeats > 0 && facts.log_number == 1 && facts.log_position > 4);
            assert!(facts.by_gtid && !link.ssl_verify && link.connect_retry == 1);
            // unless it is told otherwise, MariaDB speaks TLS since 11.4
            assert_eq!(link.ssl, kind != Kind::MariaDb1011);
            assert_eq!(facts.heartbeat_period, 0.2);
            assert_eq!(facts.io_errno, if state == "connecting" { 2003 } else { 0 }, "{kind:?} {state}");
            let fails = ["duplicate", "stopped"].contains(&state);
            assert_eq!(facts.sql_errno, if fails { 1062 } else { 0 }, "{kind:?} {state}");
            assert_eq!(facts.sql_error.contains("Duplicate entry 'a'"), fails, "{}", facts.sql_error);
        }
    }
}

/// One cell of one status: its kind, state, table and column.
fn cell() -> impl Strategy<Value = (Kind, Vec<Table>, usize, usize)> {
    (prop::sample::select(Kind::ALL.to_vec()), prop::sample::select(STATES.to_vec())).prop_flat_map(|(kind, state)| {
        let tables = status(kind, state);
        (Just(kind), Just(tables.clone()), 0..tables.len(), any::<prop::sample::Index>()).prop_map(
            |(kind, tables, table, column)| {
                let column = column.index(tables[table].columns.len());
                (kind, tables, table, column)
            },
        )
    })
}

proptest! {
    #![proptest_config(tries(3_000))]

    #[test]
    fn a_column_that_is_not_there_is_named_or_was_not_needed((kind, mut tables, table, column) in cell()) {
        let whole = read(kind.family(), &tables).unwrap();
        let name = tables[table].columns.remove(column);
        tables[table].rows[0].remove(column);
        // without the column that tells a replica status it is none
        if ["Connection_name", "Channel_Name"].contains(&name.as_str()) {
            return Ok(());
        }
        match read(kind.family(), &tables) {
            Ok(link) => prop_assert_eq!(link, whole),
            Err(why) => prop_assert!(why.contains(&name) || name == "details_of", "{}: {}", name, why),
        }
    }

    #[test]
    fn an_empty_column_is_no_zero((kind, mut tables, table, column) in cell(), null in any::<bool>()) {
        let whole = read(kind.family(), &tables).unwrap();
        let name = tables[table].columns[column].clone();
        tables[table].rows[0][column] = (!null).then(String::new);
        match read(kind.family(), &tables) {
            Ok(link) => prop_assert!(link == whole || MAY_BE_EMPTY.contains(&name.as_str()), "{}: {:?}", name, link),
            Err(why) => prop_assert!(why.contains(&name) || name == "details_of" || name == "Channel_Name", "{}: {}", name, why),
        }
    }

    #[test]
    fn an_odd_value_is_read_as_it_stands_or_refused(
        (kind, mut tables, table, column) in cell(),
        odd in prop_oneof![
            "-?[0-9]{1,25}", "[0-9]{1,3}[.,][0-9]{1,3}", any::<String>(),
            prop::sample::select(vec!["yes", "YES", "ON", "0x10", " 1", "1e3", "NaN", "inf", "-0"]).prop_map(str::to_owned),
        ],
    ) {
        let whole = read(kind.family(), &tables).unwrap();
        let name = tables[table].columns[column].clone();
        tables[table].rows[0][column] = Some(odd.clone());
        let Ok(link) = read(kind.family(), &tables) else { return Ok(()) };
        let (is, was) = (link.facts, whole.facts);
        // a number that was there is gone only where a zero stands
        let zero = odd.parse::<f64>().is_ok_and(|number| number == 0.0);
        for (is, was) in [
            (u64::from(is.port), u64::from(was.port)),
            (is.heartbeats, was.heartbeats),
            (is.log_position, was.log_position),
            (is.io_errno.into(), was.io_errno.into()),
            (is.sql_errno.into(), was.sql_errno.into()),
            (link.connect_retry, whole.connect_retry),
        ] {
            prop_assert!(is != 0 || was == 0 || zero, "{} = {:?}", name, odd);
        }
        // and no thread stands still, or runs, by a word that is none
        for (is, was) in [(is.io, was.io), (is.sql, was.sql)] {
            prop_assert!(is == was || ["Yes", "No", "Connecting", "Preparing"].contains(&odd.as_str()), "{name} = {odd:?}");
        }
        prop_assert!(is.heartbeat_period.is_finite(), "{} = {:?}", name, odd);
    }
}
