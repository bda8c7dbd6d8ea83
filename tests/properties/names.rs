//! Names and texts in SQL, tried on real servers: what is quoted comes back as it was, and means nothing else.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keyward::act::upkeep::perform;
use keyward::config::schema::{Account, Tls, TlsMode};
use keyward::dialect::grants::{self, Grant};
use keyward::dialect::text::{identifier, literal, wildcard_escape};
use keyward::lab::{Kind, Server};
use keyward::model::Family;
use keyward::model::upkeep::UpkeepStep;
use keyward::plan::wanted::filter;
use keyward::wire::connect::{Place, Target};
use keyward::wire::session::Session;
use proptest::prelude::*;

use crate::asked::{Asked, hold};

/// What quoting has to do with, more often than chance would have it.
fn hostile() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        '`', '\'', '"', '\\', '\0', '\n', '\r', '\t', '\u{1a}', '\u{8}', '%', '_', ';', '-', '#', '/', '*', ' ', '{',
        '}', '?', ':', '@', '😀', 'é', '漢', '\u{202e}', '\u{301}', 'n', 'Z', '0',
    ]);
    prop_oneof![
        3 => prop::collection::vec(awkward, 0..40).prop_map(|chars| chars.into_iter().collect()),
        1 => any::<String>(),
        1 => prop::sample::select(vec!["'; DROP DATABASE mysql; -- ", "`; SELECT 1", "/*! 1 */", "*/ --", "\\", "\\\\'"])
            .prop_map(str::to_owned),
    ]
}

/// Names that a server can hold: up to 64 characters of the basic plane, the last of them no space.
fn legal(name: &str) -> String {
    let kept = name.chars().filter(|c| *c != '\0' && *c <= '\u{ffff}').take(64).collect::<String>();
    let kept = kept.trim_end().to_owned();
    if kept.is_empty() { "`".to_owned() } else { kept }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// Keyward's own kind of connection, as root through the server's socket.
async fn session(server: &Server) -> Session {
    Session::open(&root(server), "the server", Duration::from_secs(30)).await.unwrap()
}

fn root(server: &Server) -> Target {
    Target {
        place: Place::Socket(server.socket()),
        account: Account { user: "root".into(), password: String::new().into() },
        tls: Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None },
        connect_timeout: Duration::from_secs(30),
    }
}

fn texts_and_names_arrive_as_they_were(kind: Kind) {
    let Some(asked) = Asked::of(kind) else { return };
    let session = std::cell::RefCell::new(asked.runtime.block_on(session(&asked.server)));
    hold(500, (hostile(), hostile()), |(text, name)| {
        // servers take invisible signs off either end of a column's name in a result
        let name = format!("n{}n", legal(&name).chars().take(60).collect::<String>());
        let statement = format!("SELECT HEX({}) AS {}, 7 AS last", literal(&text), identifier(&name));
        // in the mode that a server comes with, and in that of keyward's sessions
        prop_assert_eq!(asked.ask(&statement), Ok(vec![hex(&text), "7".to_owned()]));
        let line = asked.runtime.block_on(session.borrow_mut().line(&statement));
        let line = line.map_err(|trouble| TestCaseError::fail(format!("{trouble}: {statement}")))?;
        prop_assert_eq!(line.text(&name.to_lowercase()), hex(&text));
        Ok(())
    });
}

/// Every name stands for one thing: a schema, a table, a column and an index of that name.
fn things_bear_their_names(kind: Kind) {
    let Some(asked) = Asked::of(kind) else { return };
    let long = ["`".repeat(64), "%".repeat(64), "'\"`\\_%".repeat(10), "a b;--".repeat(10), "x".repeat(64)];
    let fixed = prop::sample::select(long.to_vec());
    hold(25, prop_oneof![1 => fixed, 4 => hostile()], |name| {
        let (name, quoted) = (legal(&name), identifier(&legal(&name)));
        // most signs take five bytes in the name of a file, and both names together have some 500
        let most = if name.chars().all(|c| c.is_ascii_alphanumeric()) { 64 } else { 40 };
        let short = legal(&name.chars().take(most).collect::<String>());
        let schema = identifier(&short);
        let table = format!("{schema}.{schema}");
        let made = asked.ask_all([
            &format!("CREATE DATABASE {schema}"),
            &format!("CREATE TABLE {table} ({quoted} INT, KEY {quoted} ({quoted}))"),
            &format!("INSERT INTO {table} ({quoted}) VALUES (7)"),
        ]);
        prop_assert!(made.is_ok(), "{made:?}");
        let text = literal(&name);
        let found = asked.ask(&format!(
            "SELECT COUNT(*) FROM information_schema.statistics
             WHERE BINARY table_schema = {0} AND BINARY table_name = {0}
               AND BINARY column_name = {text} AND BINARY index_name = {text}",
            literal(&short)
        ));
        prop_assert_eq!(found, Ok(vec!["1".to_owned()]));
        prop_assert_eq!(asked.ask(&format!("SELECT {quoted} FROM {table}")), Ok(vec!["7".to_owned()]));
        prop_assert_eq!(asked.ask(&format!("DROP DATABASE {schema}")), Ok(Vec::new()));
        Ok(())
    });
}

/// Rights on a schema whose name holds wildcards are rights on no other.
fn a_right_on_one_schema_is_none_on_its_likes(kind: Kind) {
    let Some(asked) = Asked::of(kind) else { return };
    asked.ask("CREATE USER somebody@'%' IDENTIFIED BY 'x'").unwrap();
    let names = "[ab_%\\\\$`'-]{0,6}[_%][ab_%\\\\$`'-]{0,6}";
    hold(15, names, |name| {
        let like = name.replace('_', "x").replace('%', "xyz").replace('\\', "");
        let grant = Grant::schema(&name, &["SELECT", "INSERT"]);
        let all = [
            format!("CREATE DATABASE {}", identifier(&name)),
            format!("CREATE DATABASE {}", identifier(&like)),
            format!("GRANT {} ON {} TO somebody@'%'", grant.rights_text(), grant.scope_text()),
        ];
        prop_assert!(asked.ask_all([&*all[0], &*all[1], &*all[2]]).is_ok());
        let client = asked.server.client("somebody", "x");
        let seen = asked.runtime.block_on(client.rows("SHOW DATABASES")).unwrap();
        let system = ["information_schema", "performance_schema"];
        let seen: Vec<String> =
            seen.into_iter().flatten().flatten().filter(|n| !system.contains(&n.as_str())).collect();
        prop_assert_eq!(seen, vec![name.clone()]);
        // what the server says of the right is read as the right
        let lines = asked.runtime.block_on(client.rows("SHOW GRANTS")).unwrap();
        let read: Vec<Grant> = lines.iter().flatten().flatten().filter_map(|line| grants::parse(line)).collect();
        prop_assert_eq!(grants::missing(&read, std::slice::from_ref(&grant)), vec![]);
        prop_assert_eq!(grants::missing(&read, &[Grant::schema(&like, &["SELECT"])]).len(), 1);
        let all = [
            format!("REVOKE {} ON {} FROM somebody@'%'", grant.rights_text(), grant.scope_text()),
            format!("DROP DATABASE {}", identifier(&name)),
            format!("DROP DATABASE {}", identifier(&like)),
        ];
        prop_assert!(asked.ask_all([&*all[0], &*all[1], &*all[2]]).is_ok());
        Ok(())
    });
}

/// Schemas that the settings allow, each with one that its name would match as a pattern.
const REPLICATED: [(&str, &str); 4] = [("a_b", "axb"), ("_", "x"), ("c$_-d", "c$x-d"), ("gé_漢", "géx漢")];

/// A filter made of such names lets these through and no other.
fn a_filter_lets_the_named_schemas_through_and_no_other(kind: Kind) {
    let Some(master) = Asked::of(kind) else { return };
    let replica = Asked::second(kind);
    let port = master.server.port();
    let link = match kind.family() {
        Family::MariaDb => format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'r', MASTER_PASSWORD = 'r',
                 MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_USE_GTID = slave_pos"
        ),
        Family::MySql => format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'r',
                 SOURCE_PASSWORD = 'r', SOURCE_SSL = 1, SOURCE_AUTO_POSITION = 1"
        ),
    };
    master.ask_all(["CREATE USER r@'%' IDENTIFIED BY 'r'", "GRANT REPLICATION SLAVE ON *.* TO r@'%'"]).unwrap();
    let names: Vec<String> = REPLICATED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let steps = [UpkeepStep::SetFilter(filter(&names)), UpkeepStep::StartThreads];
    replica.ask(&link).unwrap();
    replica.runtime.block_on(perform(&root(&replica.server), &steps)).unwrap();
    for name in REPLICATED.iter().flat_map(|(name, like)| [like, name]) {
        let name = identifier(name);
        master.ask_all([&*format!("CREATE DATABASE {name}"), &*format!("CREATE TABLE {name}.t (a INT)")]).unwrap();
    }
    master.ask("CREATE DATABASE keyward").unwrap();
    let shown = || replica.runtime.block_on(replica.server.rows("SELECT schema_name FROM information_schema.schemata"));
    let seen = || {
        let system = ["information_schema", "performance_schema", "mysql", "sys"];
        let all = shown().unwrap().into_iter().flatten().flatten();
        all.filter(|name| !system.contains(&name.as_str())).collect::<BTreeSet<String>>()
    };
    // the last one made arrives last
    let patience = Instant::now() + Duration::from_secs(60);
    while !seen().contains("keyward") {
        assert!(Instant::now() < patience, "{:?}", seen());
        std::thread::sleep(Duration::from_millis(100));
    }
    let wanted: BTreeSet<String> = names.into_iter().chain(["keyward".to_owned()]).collect();
    assert_eq!(seen(), wanted);
}

macro_rules! on_every_kind {
    ($($property:ident),*) => {
        mod mariadb_10_11 {
            $(#[test] fn $property() { super::$property(super::Kind::MariaDb1011); })*
        }
        mod mariadb_11_8 {
            $(#[test] fn $property() { super::$property(super::Kind::MariaDb118); })*
        }
        mod mysql_9_7 {
            $(#[test] fn $property() { super::$property(super::Kind::MySql97); })*
        }
    };
}

on_every_kind!(
    texts_and_names_arrive_as_they_were,
    things_bear_their_names,
    a_right_on_one_schema_is_none_on_its_likes,
    a_filter_lets_the_named_schemas_through_and_no_other
);

#[test]
fn an_escaped_name_matches_itself_alone() {
    assert_eq!(wildcard_escape(r"a_b%c\d"), r"a\_b\%c\\d");
}
