//! What is asked over SQL: one pair of servers, made bad by statements and good again.

use std::collections::BTreeSet;
use std::time::Duration;

use keyward::cli;
use keyward::cli::args::Doctor;
use keyward::cli::exit::Exit;
use keyward::config::schema::Account;
use keyward::daemon::clock;
use keyward::gather::{self, Wish};
use keyward::lab::{Kind, Lab, Spec, skip};
use keyward::model::Now;

use crate::common_settings::settings;
use crate::files;
use crate::stage::At::{Both, Master, Replica};
use crate::stage::{At, Found, Stage, found, missed, untried};

/// The groups of the catalogue that are tried here.
pub const GROUPS: [&str; 5] = [
    "Logins in the outage",
    "The two database servers",
    "Rights",
    "Keystone's service catalogue",
    "The files of the region's Keystone",
];

/// One bad state: where, how, the findings with a piece of their sentences, and how it is mended.
struct Case {
    at: At,
    broken: &'static str,
    findings: &'static [(&'static str, &'static str)],
    mended: &'static str,
}

const fn case(
    at: At,
    broken: &'static str,
    findings: &'static [(&'static str, &'static str)],
    mended: &'static str,
) -> Case {
    Case { at, broken, findings, mended }
}

/// What is wrong in Keystone's rows.
const ROWS: [Case; 16] = [
    case(
        Replica,
        "UPDATE alembic_version SET version_num = 'e8725d6fa226' WHERE version_num = '742c857f1dfb'",
        &[("schema-revision", "Keystone 28 (2025.2)")],
        "UPDATE alembic_version SET version_num = '742c857f1dfb' WHERE version_num = 'e8725d6fa226'",
    ),
    case(
        Both,
        "DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('0123456789ab')",
        &[("schema-release", "0123456789ab")],
        "DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('742c857f1dfb'), ('c88cdce8f248')",
    ),
    case(
        Replica,
        "UPDATE user SET last_active_at = UTC_DATE() WHERE id IN ('u1', 'u2')",
        &[("first-login-writes", "for the first time of a day")],
        "UPDATE user SET last_active_at = NULL",
    ),
    case(
        Replica,
        "UPDATE user SET last_active_at = IF(id = 'u1', UTC_DATE(), UTC_DATE() - INTERVAL 3 DAY) WHERE id IN ('u1', 'u2')",
        &[("first-login-writes", ""), ("service-users-not-today", "1 service user has not logged in today")],
        "UPDATE user SET last_active_at = NULL",
    ),
    // a release that wrote down logins long ago, and does so no more
    case(
        Replica,
        "UPDATE user SET last_active_at = UTC_DATE() - INTERVAL 30 DAY",
        &[],
        "UPDATE user SET last_active_at = NULL",
    ),
    case(
        Replica,
        "UPDATE local_user SET failed_auth_count = 2 WHERE name = 'neutron'",
        &[("failed-logins-service", "neutron")],
        "UPDATE local_user SET failed_auth_count = 0",
    ),
    case(
        Replica,
        "UPDATE local_user SET failed_auth_count = 1 WHERE name = 'ann'",
        &[("failed-logins", "1 user would get an error 500 for the right password")],
        "UPDATE local_user SET failed_auth_count = 0",
    ),
    case(
        Master,
        "INSERT INTO token (id, expires, valid) VALUES ('t1', UTC_TIMESTAMP() + INTERVAL 1 HOUR, 1), ('t2', '2016-01-01', 1)",
        &[("tokens-in-database", "2 tokens are in Keystone's database")],
        "DELETE FROM token WHERE id = 't1'",
    ),
    case(
        Master,
        "INSERT INTO trust (id, trustor_user_id, trustee_user_id, impersonation, remaining_uses) VALUES ('t', 'u1', 'u2', 0, 3)",
        &[("limited-trusts", "1 trust has a number of uses")],
        "UPDATE trust SET remaining_uses = NULL",
    ),
    case(
        Master,
        r#"INSERT INTO mapping (id, rules) VALUES ('sso', '[{"local": [{"group": {"id": "g"}}], "remote": []}]')"#,
        &[("outside-users", "the mapping sso")],
        r#"UPDATE mapping SET rules = '[{"local": [{"user": {"name": "{0}"}}], "remote": []}]'"#,
    ),
    case(
        Master,
        r#"INSERT INTO whitelisted_config VALUES ('default', 'identity', 'driver', '"ldap"')"#,
        &[("outside-users", "the domain Default come from LDAP")],
        "DELETE FROM whitelisted_config",
    ),
    case(
        Master,
        "UPDATE endpoint SET enabled = 0 WHERE region_id = 'RegionTwo'",
        &[("region-without-endpoints", "the region RegionTwo")],
        "UPDATE endpoint SET enabled = 1",
    ),
    case(
        Master,
        "INSERT INTO endpoint (id, interface, service_id, url, enabled, region_id) VALUES \
         ('x', 'public', 's9', 'https://a.b.c/v1', 1, 'RegionOne'), ('y', 'admin', 's9', 'https://a.b.c/v1', 1, 'RegionNine')",
        &[("endpoint-lost", "the region RegionNine, which does not exist"), ("endpoint-lost", "of the service s9")],
        "DELETE FROM endpoint WHERE id IN ('x', 'y')",
    ),
    case(
        Master,
        "UPDATE endpoint SET url = 'https://identity.regiontwo.example.org/v3' WHERE id = 'e3'",
        &[("identity-endpoint", "which is not a host of RegionOne"), ("endpoint-name", "identity.regiontwo")],
        "UPDATE endpoint SET url = 'https://identity.regionone.example.org/v3' WHERE id = 'e3'",
    ),
    case(
        Master,
        "UPDATE endpoint SET url = 'http://compute.regiontwo.example.org/v2.1' WHERE id = 'e2'",
        &[("endpoint-plain-http", "1 endpoint has no TLS"), ("endpoint-name", "http://compute.regiontwo")],
        "UPDATE endpoint SET url = 'https://compute.regiontwo.example.org/v2.1' WHERE id = 'e2'",
    ),
    case(
        Master,
        "UPDATE endpoint SET url = 'https://10.13.32.19:8774/v2.1' WHERE id = 'e1'",
        &[("endpoint-name", "1 endpoint is not called")],
        "UPDATE endpoint SET url = 'https://compute.regionone.example.org/v2.1' WHERE id = 'e1'",
    ),
];

/// Wrong in the same words on either family.
const SAME_ID: Case =
    case(Replica, "SET GLOBAL server_id = 1", &[("server-id", "the same server_id 1")], "SET GLOBAL server_id = 2");
const SHORT_EXPIRY: Case = case(
    Master,
    "SET GLOBAL binlog_expire_logs_seconds = 3600",
    &[("binlog-expiry", "for 1h, less than max_data_age (1d)")],
    "SET GLOBAL binlog_expire_logs_seconds = 864000",
);

/// What is wrong with a MariaDB server and with rights on it.
const MARIADB: [Case; 7] = [
    SAME_ID,
    case(
        Master,
        "SET GLOBAL binlog_format = MIXED",
        &[("binlog-format", "is MIXED, but must be ROW")],
        "SET GLOBAL binlog_format = ROW",
    ),
    SHORT_EXPIRY,
    case(
        Replica,
        "GRANT READ_ONLY ADMIN ON *.* TO keystone@'%'",
        &[("keystone-account-writes", "it has READ_ONLY ADMIN on *.*")],
        "REVOKE READ_ONLY ADMIN ON *.* FROM keystone@'%'",
    ),
    case(
        Master,
        "REVOKE SHOW VIEW ON keystone.* FROM keyward@'%'",
        &[("own-rights", "lacks SHOW VIEW on keystone.*")],
        "GRANT SHOW VIEW ON keystone.* TO keyward@'%'",
    ),
    case(
        Replica,
        "ALTER USER keyward@'%' PASSWORD EXPIRE INTERVAL 30 DAY",
        &[("own-password", "expires one day, and the server does not tell when")],
        "ALTER USER keyward@'%' PASSWORD EXPIRE NEVER",
    ),
    case(
        Master,
        "ALTER USER CURRENT_USER() PASSWORD EXPIRE NEVER; SET GLOBAL default_password_lifetime = 30",
        &[("own-password", "expires one day"), ("link-password", "expire 30 days after they were set")],
        "SET GLOBAL default_password_lifetime = 0",
    ),
];

/// The same on MySQL.
const MYSQL: [Case; 6] = [
    SAME_ID,
    SHORT_EXPIRY,
    case(
        Replica,
        "GRANT CONNECTION_ADMIN ON *.* TO keystone@'%'",
        &[("keystone-account-writes", "it has CONNECTION_ADMIN on *.*")],
        "REVOKE CONNECTION_ADMIN ON *.* FROM keystone@'%'",
    ),
    case(
        Replica,
        "SET GLOBAL super_read_only = 0",
        &[("replica-writable", "super_read_only is off"), ("lost-at-restart", "read_only")],
        "SET GLOBAL super_read_only = 1",
    ),
    case(
        Master,
        "ALTER USER keyward@'%' PASSWORD EXPIRE INTERVAL 30 DAY",
        &[("own-password", "does not tell when")],
        "GRANT SELECT (User, Host, password_last_changed, password_lifetime) ON mysql.user TO keyward@'%'",
    ),
    case(
        Master,
        "ALTER USER keyward@'%' PASSWORD EXPIRE INTERVAL 10 DAY",
        &[("own-password", "expires on 20")],
        "ALTER USER keyward@'%' PASSWORD EXPIRE NEVER",
    ),
];

fn assert_found(case: &Case, seen: &Found) {
    let ids: BTreeSet<&str> = case.findings.iter().map(|(id, _)| *id).collect();
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), ids, "after {}: {seen:#?}", case.broken);
    for (id, piece) in case.findings {
        assert!(seen[id].iter().any(|sentence| sentence.contains(piece)), "after {}: {seen:#?}", case.broken);
    }
}

async fn play(stage: &Stage, cases: &[Case], tried: &mut BTreeSet<&str>) {
    for case in cases {
        stage.change(case.at, case.broken).await;
        let report = stage.examine().await;
        assert_found(case, &found(&report));
        assert_eq!(missed(&report, &GROUPS), [""; 0], "after {}", case.broken);
        stage.change(case.at, case.mended).await;
        let report = stage.examine().await;
        assert_eq!(found(&report), Found::new(), "after {}", case.mended);
        tried.extend(case.findings.iter().map(|(id, _)| *id));
    }
}

fn an_hour_late() -> Now {
    let now = clock::now();
    Now { wall: now.wall.checked_sub(Duration::from_secs(3_600)).unwrap(), ..now }
}

#[tokio::test]
async fn every_check_over_sql_tells_good_from_bad_on_mariadb() {
    let (mut stage, drop_in) = Stage::new(Kind::default()).await;
    let mut tried = BTreeSet::new();

    // set up, and not yet in an option file
    let seen = found(&stage.examine().await);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), ["lost-at-restart"], "{seen:#?}");
    assert!(seen["lost-at-restart"][0].contains("read_only, the filter"), "{seen:#?}");
    tried.insert("lost-at-restart");
    for line in drop_in {
        stage.replica.add_line(&line).unwrap();
    }
    stage.replica.restart().await.unwrap();
    stage.set_up().await;
    let good = stage.examine().await;
    assert_eq!((found(&good), missed(&good, &GROUPS)), (Found::new(), vec![]), "{good:#?}");
    assert!(!good.is_degraded());

    play(&stage, &ROWS, &mut tried).await;
    play(&stage, &MARIADB, &mut tried).await;

    files::play(&stage, &mut tried).await;

    let seen = found(&stage.examine_by(&stage.wish(), an_hour_late).await);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), ["clock-difference"], "{seen:#?}");
    let sentences = &seen["clock-difference"];
    assert!(sentences.len() == 2 && sentences[0].contains("ahead of this host's"), "{sentences:?}");
    tried.insert("clock-difference");

    // what only a restart makes good again
    stage.change(Replica, "SET GLOBAL gtid_strict_mode = 0; SET GLOBAL read_only = 0").await;
    stage.change(Replica, "STOP SLAVE; SET GLOBAL replicate_wild_do_table = 'keystone.%'").await;
    let report = stage.examine().await;
    let seen = found(&report);
    let ids: Vec<&str> = seen.keys().copied().collect();
    assert_eq!(ids, ["gtid-strict", "lost-at-restart", "replica-filter", "replica-writable"], "{seen:#?}");
    assert!(seen["replica-filter"][0].contains("keystone.%; it must be keystone.%,keyward.%"), "{seen:#?}");
    assert!(report.is_degraded());
    tried.extend(ids);
    assert_eq!(untried(&GROUPS, &tried), [""; 0], "not seen in its bad state");

    what_cannot_be_asked_is_said(&mut stage).await;
}

async fn what_cannot_be_asked_is_said(stage: &mut Stage) {
    let eyes = stage.examine_by(&Wish::default(), clock::now).await;
    let reason = |id| eyes.unasked.iter().find(|unasked| unasked.checks.contains(&id)).unwrap().why.as_str();
    assert!(reason("keystone-account-writes").contains("--replica-admin"), "{:#?}", eyes.unasked);
    assert!(reason("conf-token-provider").contains("--keystone-conf"), "{:#?}", eyes.unasked);

    stage.change(Master, "REVOKE SELECT ON keystone.* FROM keyward@'%'").await;
    let blind = stage.examine().await;
    assert!(found(&blind)["own-rights"][0].contains("lacks SELECT on keystone.*"), "{blind:#?}");
    assert!(blind.unasked.iter().any(|unasked| unasked.checks.contains(&"endpoint-lost")), "{blind:#?}");

    let asked = Doctor { json: true, ..Doctor::default() };
    assert_eq!(cli::doctor::run(&stage.settings, &asked).await.unwrap(), Exit::Degraded);
    stage.master.stop().await.unwrap();
    let silent = stage.examine().await;
    let of_master = silent.unasked.iter().find(|unasked| unasked.why.starts_with("master 127.0.0.1:")).unwrap();
    assert!(
        of_master.checks.contains(&"binlog-format") && of_master.checks.contains(&"schema-revision"),
        "{of_master:?}"
    );
}

#[tokio::test]
async fn mysql_is_judged_in_its_own_words() {
    if skip::lacks(Kind::MySql97) {
        return;
    }
    let (stage, _) = Stage::new(Kind::MySql97).await;
    let good = stage.examine().await;
    assert_eq!((found(&good), missed(&good, &GROUPS)), (Found::new(), vec![]), "{good:#?}");
    play(&stage, &MYSQL, &mut BTreeSet::new()).await;
    play(&stage, &ROWS[..3], &mut BTreeSet::new()).await;
}

#[tokio::test]
async fn mariadb_118_tells_when_a_password_expires() {
    if skip::lacks(Kind::MariaDb118) {
        return;
    }
    let lab = Lab::new().unwrap();
    let server = lab.start(Spec::new("m", 1).kind(Kind::MariaDb118)).await.unwrap();
    server.sql("CREATE USER keyward@'%' IDENTIFIED BY 'a' PASSWORD EXPIRE INTERVAL 10 DAY").await.unwrap();
    let account = |user: &str| Account { user: user.into(), password: "a".to_owned().into() };
    let accounts = [account("keyward"), account("keyward_repl")];
    let settings = settings(&server.address(), &server.address(), lab.folder(), accounts);
    let at = async |zone: &str| {
        server.sql(&format!("SET GLOBAL time_zone = '{zone}'")).await.unwrap();
        let expiry = gather::facts(&settings, &[], &Wish::default(), clock::now).await.master.own_password.unwrap();
        assert!(expiry.limited);
        expiry.at.unwrap()
    };
    let (told, elsewhere) = (at("SYSTEM").await, at("+05:00").await);
    assert_eq!(told, elsewhere, "whatever its time zone");
    let days = told.duration_since(clock::now().wall).as_secs_f64() / 86_400.0;
    assert!((9.9..=10.0).contains(&days), "{days} days");
}
