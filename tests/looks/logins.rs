//! Login plugins: what keyward's account may be made with, over TLS and without.

use std::time::Duration;

use keyward::config::schema::{Tls, TlsMode};
use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Spec};
use keyward::model::{Family, Reason};
use keyward::wire::server::{Patience, open};
use keyward::wire::session::Session;

use crate::server::{PASSWORD, Server, target};

const PATIENCE: Patience =
    Patience { idle: Duration::from_secs(30), statement: Duration::from_secs(5), lock: Duration::ZERO };

/// Makes an account called `kw` and logs in by both ways that keyward has, and with a wrong password.
async fn log_in(server: &Server, identified: &str, tls: Tls) {
    let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    server.sql(&format!("DROP USER IF EXISTS kw; CREATE USER kw {}", identified.replace("{}", &password)));
    let mut target = target(server.port());
    (target.account.user, target.tls) = ("kw".to_owned(), tls);
    // the first time a server works out whether the password is right, then it may remember
    for _ in 0..2 {
        let (_conn, greeting) = open(&target, PATIENCE).await.unwrap_or_else(|why| panic!("{identified}: {why}"));
        assert_eq!(greeting.family, server.kind().family());
        let mut session = Session::open(&target, "it", Duration::from_secs(5)).await.unwrap();
        let encrypted = session.line("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await.unwrap().text("value");
        assert_eq!(encrypted.is_empty(), target.tls.mode == TlsMode::Disabled, "{identified}: {encrypted}");
    }
    target.account.password = "wrong".to_owned().into();
    let failure = open(&target, PATIENCE).await.map(|_| ()).unwrap_err();
    assert_eq!(failure.reason, Reason::Login, "{identified}: {failure}");
}

#[tokio::test]
async fn every_login_plugin_works_over_tls_and_without() {
    let lab = Lab::new().unwrap();
    let authority = lab.authority("login").unwrap();
    let certificate = authority.server("server").unwrap();
    let verified =
        || Tls { mode: TlsMode::VerifyIdentity, ca_file: Some(authority.ca_file()), cert_file: None, key_file: None };
    let plain = || Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None };
    for kind in Kind::ALL {
        if lacks(kind) {
            continue;
        }
        let server = Server::of(Spec::new("server", 1).kind(kind).tls(&certificate));
        let plugins: &[&str] = match kind {
            // the others are in a package that is not needed here for anything else
            Kind::MariaDb1011 => &["IDENTIFIED VIA mysql_native_password USING PASSWORD('{}')"],
            Kind::MariaDb118 => {
                server.sql("INSTALL SONAME 'auth_ed25519'; INSTALL SONAME 'auth_parsec'");
                &[
                    "IDENTIFIED VIA mysql_native_password USING PASSWORD('{}')",
                    "IDENTIFIED VIA ed25519 USING PASSWORD('{}')",
                    "IDENTIFIED VIA parsec USING PASSWORD('{}')",
                ]
            }
            Kind::MySql97 => &["IDENTIFIED WITH caching_sha2_password BY '{}'"],
        };
        for identified in plugins {
            log_in(&server, identified, plain()).await;
            log_in(&server, identified, verified()).await;
        }
    }
}

#[tokio::test]
async fn an_account_that_mysql_does_not_have_is_a_login_refused_whatever_it_pretends() {
    if lacks(Kind::MySql97) {
        return;
    }
    let server = Server::start_of(Kind::MySql97, &[]);
    assert_eq!(server.kind().family(), Family::MySql);
    // it asks some for sha256_password, which keyward does not speak, and the others for what it does
    for number in 0..20 {
        let mut target = target(server.port());
        target.account.user = format!("nobody{number}");
        let failure = open(&target, PATIENCE).await.map(|_| ()).unwrap_err();
        assert_eq!(failure.reason, Reason::Login, "{failure}");
    }
}

#[tokio::test]
async fn a_challenge_that_ends_in_a_zero_refuses_nobody() {
    if lacks(Kind::MariaDb118) {
        return;
    }
    let server = Server::start_of(Kind::MariaDb118, &[]);
    let password = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    server.sql("INSTALL SONAME 'auth_ed25519'");
    server.sql(&format!("CREATE USER kw IDENTIFIED VIA ed25519 USING PASSWORD('{password}')"));
    let mut target = target(server.port());
    target.account.user = "kw".to_owned();
    // eight of these have such a challenge, twice in a row next to none
    let mut refused = 0;
    for _ in 0..2_048 {
        match open(&target, PATIENCE).await {
            Ok(_) => {}
            Err(failure) if failure.reason == Reason::Login => refused += 1,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(refused <= 1, "{refused} of 2048 logins were refused");
}
