//! The lab itself on real servers: what the other tests and the demo stand on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

use std::time::Duration;

use keyward::lab::keystone::{self, Size};
use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Spec, program};
use keyward::model::Family;

/// Starts a server of this kind, writes to it, kills it, starts it again and stops it.
async fn lives_through_kill_and_stop(kind: Kind) {
    if lacks(kind) {
        return;
    }
    let lab = Lab::new().unwrap();
    let mut server = lab.start(Spec::new("one", 7).kind(kind)).await.unwrap();
    let version = server.value("SELECT VERSION()").await.unwrap().unwrap();
    assert!(version.starts_with(server.version()), "{version}");
    let expected = match kind {
        Kind::MariaDb1011 => "1",
        Kind::MariaDb118 => "11.8.",
        Kind::MySql97 => "9.",
    };
    assert!(version.starts_with(expected), "{kind:?}: {version}");
    assert_eq!(version.contains("MariaDB"), kind.family() == Family::MariaDb, "{version}");
    let asked = "SELECT @@server_id, @@log_bin, @@global.binlog_format, @@port";
    let port = server.port().to_string();
    assert_eq!(server.rows(asked).await.unwrap(), [["7", "1", "ROW", &port].map(|cell| Some(cell.to_owned()))]);

    keystone::load(&server, "keystone", Size { users: 300, projects: 40 }).await.unwrap();
    let content = keystone::content(&server, "keystone").await.unwrap();
    let rows = |content: &keystone::Content| content.values().map(|(rows, _)| rows).sum::<u64>();
    assert_eq!(rows(&content), 1585);
    server.kill9();
    assert!(server.sql("DO 1").await.is_err());
    server.start().await.unwrap();
    assert_eq!(keystone::content(&server, "keystone").await.unwrap(), content);
    server.sql("DELETE FROM keystone.endpoint").await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(rows(&keystone::content(&server, "keystone").await.unwrap()), 1555);
}

#[tokio::test]
async fn an_installed_mariadb_lives_through_kill_and_stop() {
    lives_through_kill_and_stop(Kind::MariaDb1011).await;
}

#[tokio::test]
async fn mariadb_11_8_lives_through_kill_and_stop() {
    lives_through_kill_and_stop(Kind::MariaDb118).await;
}

#[tokio::test]
async fn mysql_9_7_lives_through_kill_and_stop() {
    lives_through_kill_and_stop(Kind::MySql97).await;
}

#[tokio::test]
async fn each_mysql_has_a_uuid_of_its_own_and_knows_its_transactions() {
    if lacks(Kind::MySql97) {
        return;
    }
    let lab = Lab::new().unwrap();
    let spec = |name, id| Spec::new(name, id).kind(Kind::MySql97);
    let (one, two) = tokio::try_join!(lab.start(spec("one", 1)), lab.start(spec("two", 2))).unwrap();
    let uuid = one.value("SELECT @@server_uuid").await.unwrap().unwrap();
    assert_ne!(Some(&uuid), two.value("SELECT @@server_uuid").await.unwrap().as_ref());
    assert_eq!(one.value("SELECT @@gtid_executed").await.unwrap().as_deref(), Some(""));
    one.sql("CREATE DATABASE d").await.unwrap();
    assert_eq!(one.value("SELECT @@gtid_executed").await.unwrap(), Some(format!("{uuid}:1")));
}

#[tokio::test]
async fn an_account_of_mysql_logs_in_with_and_without_tls() {
    if lacks(Kind::MySql97) {
        return;
    }
    let lab = Lab::new().unwrap();
    let pair = lab.authority("ours").unwrap().server("one").unwrap();
    let server = lab.start(Spec::new("one", 1).kind(Kind::MySql97).tls(&pair)).await.unwrap();
    server.sql("CREATE USER someone@'%' IDENTIFIED BY 'x'").await.unwrap();
    let plugin = "SELECT plugin FROM mysql.user WHERE user = 'someone'";
    assert_eq!(server.value(plugin).await.unwrap().as_deref(), Some("caching_sha2_password"));
    server.client("someone", "x").run("DO 1").await.unwrap();
    assert!(server.client("someone", "y").run("DO 1").await.is_err());
    let client = program::find("mariadb", "mariadb-client-core").unwrap();
    let said = program::finish(&client, Duration::from_secs(20), |command| {
        command.args(["--no-defaults", "-h127.0.0.1", "-usomeone", "-px", "--ssl-verify-server-cert", "-N"]);
        command.args(["-e", "SHOW STATUS LIKE 'Ssl_cipher'"]).arg(format!("-P{}", server.port()));
        command.arg(format!("--ssl-ca={}", pair.ca.display()))
    });
    assert!(said.unwrap().contains("TLS_"), "the login was not protected");
}

#[test]
fn a_kind_that_is_not_here_is_named_with_the_way_to_get_it() {
    assert!(Lab::has(Kind::MariaDb1011));
    for kind in Kind::ALL.into_iter().filter(|kind| !Lab::has(*kind)) {
        let why = kind.fetched().unwrap_err().to_string();
        assert!(why.contains(kind.name()), "{why}");
    }
}

#[tokio::test]
async fn a_server_keeps_rows_and_port_through_kill_stop_and_freeze() {
    let lab = Lab::new().unwrap();
    let mut server = lab.start(Spec::new("one", 1)).await.unwrap();
    let port = server.port();
    server.sql("CREATE DATABASE d; CREATE TABLE d.t (a int PRIMARY KEY); INSERT INTO d.t VALUES (1)").await.unwrap();

    server.kill9();
    assert!(server.sql("DO 1").await.is_err());
    assert_eq!(server.pid(), None);
    server.start().await.unwrap();
    assert_eq!(server.value("SELECT COUNT(*) FROM d.t").await.unwrap().as_deref(), Some("1"));

    server.restart().await.unwrap();
    assert_eq!(server.value("SELECT @@port").await.unwrap(), Some(port.to_string()));

    server.freeze().unwrap();
    let frozen = tokio::time::timeout(Duration::from_millis(500), server.sql("DO 1")).await;
    assert!(frozen.is_err(), "a frozen server answered");
    server.thaw().unwrap();
    server.sql("DO 1").await.unwrap();
}

#[tokio::test]
async fn a_server_and_the_folder_go_with_their_owner() {
    let lab = Lab::new().unwrap();
    let folder = lab.folder().to_owned();
    let server = lab.start(Spec::new("one", 1)).await.unwrap();
    let process = format!("/proc/{}", server.pid().unwrap());
    drop(lab);
    assert!(folder.exists(), "the folder went before the server");
    drop(server);
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&process).exists());
}

#[tokio::test]
async fn a_server_that_cannot_start_is_quoted() {
    let lab = Lab::new().unwrap();
    let error = lab.start(Spec::new("one", 1).line("no_such_option=1")).await.unwrap_err().to_string();
    assert!(error.contains("one ended") && error.contains("no_such_option"), "{error}");
}

#[tokio::test]
async fn lines_of_a_spec_win_over_the_defaults() {
    let lab = Lab::new().unwrap();
    let spec = Spec::new("one", 7).line("skip_log_bin").line("binlog_format=MIXED").line("read_only=1");
    let server = lab.start(spec).await.unwrap();
    let rows = server.rows("SELECT @@server_id, @@log_bin, @@global.binlog_format, @@read_only").await.unwrap();
    assert_eq!(rows, [["7", "0", "MIXED", "1"].map(|cell| Some(cell.to_owned()))]);
}

#[tokio::test]
async fn two_servers_loaded_alike_hold_the_same_and_one_row_makes_the_difference() {
    let lab = Lab::new().unwrap();
    let (one, two) = tokio::try_join!(lab.start(Spec::new("one", 1)), lab.start(Spec::new("two", 2))).unwrap();
    let size = Size { users: 300, projects: 40 };
    tokio::try_join!(keystone::load(&one, "keystone", size), keystone::load(&two, "keystone", size)).unwrap();
    let content = keystone::content(&one, "keystone").await.unwrap();
    assert_eq!(content, keystone::content(&two, "keystone").await.unwrap());
    let counts: Vec<_> = content.iter().map(|(table, (rows, _))| (table.as_str(), *rows)).collect();
    let expected = [
        ("assignment", 601),
        ("endpoint", 30),
        ("local_user", 300),
        ("password", 300),
        ("project", 42),
        ("region", 2),
        ("role", 5),
        ("service", 5),
        ("user", 300),
    ];
    assert_eq!(counts, expected);
    two.sql("UPDATE keystone.user SET enabled = 1 - enabled LIMIT 1").await.unwrap();
    assert_ne!(content, keystone::content(&two, "keystone").await.unwrap());
}

#[tokio::test]
async fn certificates_are_accepted_by_their_own_authority_only() {
    let lab = Lab::new().unwrap();
    let (right, wrong) = (lab.authority("right").unwrap(), lab.authority("wrong").unwrap());
    let pair = right.server("one").unwrap();
    let server = lab.start(Spec::new("one", 1).tls(&pair).line("require_secure_transport=1")).await.unwrap();
    server.sql("CREATE USER someone@'%' IDENTIFIED BY 'x'").await.unwrap();
    let client = program::find("mariadb", "mariadb-client-core").unwrap();
    let login = |ca: std::path::PathBuf| {
        program::finish(&client, Duration::from_secs(20), |command| {
            command.args(["--no-defaults", "-h127.0.0.1", "-usomeone", "-px", "--ssl-verify-server-cert", "-eDO 1"]);
            command.arg(format!("-P{}", server.port())).arg(format!("--ssl-ca={}", ca.display()))
        })
    };
    login(right.ca_file()).unwrap();
    let error = login(wrong.ca_file()).unwrap_err().to_string();
    assert!(error.contains("TLS") || error.contains("SSL"), "{error}");
    assert!(server.client("someone", "x").run("DO 1").await.is_err(), "a login without TLS passed");
}

/// Runs twice: once as the owner that is to be killed, told so by the environment.
#[tokio::test]
async fn servers_end_with_an_owner_that_is_killed() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    const OWNER: &str = "KEYWARD_TEST_OWNER";
    if std::env::var_os(OWNER).is_some() {
        let lab = Lab::new().unwrap();
        let server = lab.start(Spec::new("one", 1)).await.unwrap();
        println!("\nserver {}", server.pid().unwrap());
        tokio::time::sleep(Duration::from_secs(120)).await;
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "servers_end_with_an_owner_that_is_killed", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let pid = lines.find_map(|line| line.unwrap().strip_prefix("server ").map(str::to_owned)).expect("a server");
    let command_line = || std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(!command_line().is_empty());
    owner.kill().unwrap();
    owner.wait().unwrap();
    for _ in 0..1000 {
        // a killed process that nobody has waited for yet has no command line
        if command_line().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server {pid} outlived its owner by 10 s");
}
