//! Settings about Keystones: what is read, and every way in which they cannot work.

use std::time::Duration;

use super::{SHORT, read};
use crate::config::schema::{KeystoneLogin, LocalIdentity, Trigger};

const MASTER: &str = "identity_url = \"http://10.0.0.1:5000/v3\"";
const LOCAL: &str = "identity_url = \"http://10.0.0.2:5000/v3\"";
const PROBE: &str = "user = \"probe\"\npassword = \"s3cret\"";
const OTHER: &str = "user = \"other\"\npassword = \"s3cret\"";

/// The short settings with lines in `[master]`, `[identity]`, `[identity.local]`, the region and its failover.
fn with(lines: [&str; 5]) -> String {
    let [master, identity, local, region, failover] = lines;
    SHORT
        .replacen("[master]", &format!("[identity]\n{identity}\n[identity.local]\n{local}\n[master]\n{master}"), 1)
        .replacen("name = \"RegionTwo\"", &format!("name = \"RegionTwo\"\n{region}"), 1)
        .replacen("[regions.failover]", &format!("[regions.failover]\n{failover}"), 1)
}

fn said(lines: [&str; 5]) -> String {
    read(&with(lines)).expect_err("these settings must be refused").to_string()
}

#[test]
fn keystones_and_their_logins_are_read() {
    let failover = "trigger = \"either\"\nunreachable_after = \"20s\"\nrequire_local_identity = \"first-login\"";
    let settings = read(&with([MASTER, PROBE, OTHER, LOCAL, failover])).unwrap();
    let identity = &settings.identity;
    assert_eq!((identity.interval, identity.timeout), (Duration::from_secs(5), Duration::from_secs(3)));
    let Some(KeystoneLogin::Password { user, user_domain, project, .. }) = &identity.login else { panic!() };
    assert_eq!((user.as_str(), user_domain.as_str(), project.as_str()), ("probe", "Default", "service"));
    assert!(!format!("{settings:?}").contains("s3cret"));
    let region = &settings.regions[0];
    assert_eq!(
        (region.failover.trigger, region.failover.require_local_identity),
        (Trigger::Either, LocalIdentity::FirstLogin)
    );
    let url = region.identity_url.as_ref().unwrap();
    assert_eq!((url.authority.as_str(), url.path.expose()), ("10.0.0.2:5000", "/v3"));
    let below = MASTER.replace("/v3", "/identity/v3/");
    let settings = read(&with([&below, PROBE, "", "", ""])).unwrap();
    assert_eq!(settings.master.identity_url.unwrap().path.expose(), "/identity/v3");
    let credential = "application_credential = \"1\"\napplication_credential_secret = \"s3cret\"";
    let settings = read(&with([MASTER, credential, "", "", ""])).unwrap();
    assert!(matches!(settings.identity.login, Some(KeystoneLogin::ApplicationCredential { .. })));
}

#[test]
fn nothing_is_asked_of_a_keystone_that_nobody_looks_at() {
    let settings = read(SHORT).unwrap();
    assert!(settings.identity.login.is_none() && settings.master.identity_url.is_none());
    assert_eq!(settings.regions[0].failover.require_local_identity, LocalIdentity::Validates);
}

/// What stands in the tables, and the sentence about it.
const REFUSED: &[([&str; 5], &str)] = &[
    (
        ["identity_url = \"http://x:5000\"", "", "", "", ""],
        "master.identity_url: must be the address of a Keystone's third version, ending in /v3",
    ),
    (
        ["identity_url = \"http://a:b@x/v3\"", "", "", "", ""],
        "master.identity_url: must not hold a user name or password; they belong into [identity]",
    ),
    (
        ["", PROBE, "", "", ""],
        "identity: logs in at RegionOne's Keystone; write its address as identity_url into [master]",
    ),
    (
        ["", "", OTHER, "", ""],
        "identity.local: logs in at a region's own Keystone; write its address as identity_url into [[regions]]",
    ),
    (
        [MASTER, PROBE, PROBE, LOCAL, ""],
        "identity.local.user: \"probe\" is identity.user too, which logs in at RegionOne all day; name one that never does: \
         only its login shows whether somebody who has not logged in today can",
    ),
    ([MASTER, "password = \"s3cret\"", "", "", ""], "identity.password: needs user: without it nobody logs in"),
    (
        [MASTER, "application_credential = \"1\"", "", "", ""],
        "identity.application_credential_secret_file: is missing: an application credential has a secret",
    ),
    (
        [
            MASTER,
            "application_credential = \"1\"\nuser = \"a\"\npassword = \"b\"\napplication_credential_secret = \"c\"",
            "",
            "",
            "",
        ],
        "identity.application_credential: give either user or application_credential, not both",
    ),
    (
        [MASTER, "ca_file = \"/ca.pem\"", "", "", ""],
        "identity.ca_file: needs an identity_url that begins with https://: nothing is verified without TLS",
    ),
    ([MASTER, "interval = \"1ms\"", "", "", ""], "identity.interval: is 1ms, but must be from 100ms to 5m"),
    (
        ["", "", "", "", "trigger = \"identity\""],
        "regions[0].failover.trigger: is \"identity\", which needs identity_url in [master]: nothing else looks at its Keystone",
    ),
    (
        [MASTER, "", "", "", "trigger = \"both\""],
        "regions[0].failover.unreachable_after: is 10s, but must be at least 14s for trigger = \"both\": 3 x identity.timeout \
         (3s) + identity.interval (5s)",
    ),
    (
        ["", "", "", "", "trigger = \"eihter\""],
        "regions[0].failover.trigger: \"eihter\" is not known; use \"master\", \"identity\", \"either\" or \"both\"",
    ),
    (
        [MASTER, PROBE, "", MASTER, ""],
        "regions[0].identity_url: is master.identity_url; a region's own Keystone is another one",
    ),
    (
        [MASTER, PROBE, "", LOCAL, "require_local_identity = \"first-login\""],
        "regions[0].failover.require_local_identity: is \"first-login\", which needs the region's identity_url and a user in \
         [identity.local]: only the first login of a day with a password shows it",
    ),
];

#[test]
fn every_contradiction_is_said_in_one_sentence() {
    for (lines, sentence) in REFUSED {
        assert_eq!(said(*lines), *sentence, "{lines:?}");
    }
}
