//! What keyward sees of real Keystones: one that works, one whose database is dead or frozen, one that refuses its user,
//! one with other keys, and one on a read-only replica.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use keyward::config::schema::KeystoneLogin;
use keyward::lab::identity::{self, Keystone, Login, Release, Seed, Spec, lacks};
use keyward::lab::server::Server;
use keyward::lab::{self, Lab};
use keyward::model::identity::{IdentityLook, Obstacle};
use keyward::model::view::ExpiryView;
use keyward::model::{Moment, Now, Reason, WebUrl};
use keyward::observe::keystone::{Keystone as Looked, Tokens, look};
use tokio::sync::watch;

/// The project of the probes' users.
pub const PROJECT: &str = identity::ADMIN;
/// Logs in at both sides.
pub const PROBE: [&str; 2] = ["keyward-probe", "of-the-probe"];
/// Never logs in at RegionOne.
pub const LOCAL: [&str; 2] = ["keyward-local-probe", "of-the-local-probe"];

fn clock() -> Now {
    let wall = jiff::Timestamp::now();
    let since = Duration::from_millis(u64::try_from(wall.as_millisecond()).unwrap());
    Now { mono: Moment::from_boot(since), wall }
}

fn password([user, password]: [&str; 2]) -> KeystoneLogin {
    KeystoneLogin::Password {
        user: user.to_owned(),
        user_domain: "Default".to_owned(),
        project: PROJECT.to_owned(),
        project_domain: "Default".to_owned(),
        password: password.to_owned().into(),
    }
}

fn looked(keystone: &Keystone, login: Option<KeystoneLogin>, timeout: Duration) -> Looked {
    let server = keystone.address().parse().unwrap();
    let url = WebUrl { https: false, server, authority: keystone.address(), path: "/v3".into() };
    Looked { url, ca_file: None, login, interval: Duration::from_secs(1), timeout }
}

const PATIENT: Duration = Duration::from_secs(60);

/// One look; its parts as the reasons for which they failed.
async fn seen(keystone: &Looked, tokens: &Tokens) -> (IdentityLook, [Option<Option<Reason>>; 3]) {
    let look = look(keystone, tokens, clock).await;
    let reason = |part: &Result<(), keyward::model::Failure>| part.as_ref().err().map(|failure| failure.reason);
    let parts = [Some(reason(&look.discovery)), look.login.as_ref().map(reason), look.foreign.as_ref().map(reason)];
    let told = format!("{look:?}");
    for secret in [PROBE[1], LOCAL[1], "gAAAA"] {
        assert!(!told.contains(secret), "{told}");
    }
    (look, parts)
}

const WELL: Option<Option<Reason>> = Some(None);

fn failed(reason: Reason) -> Option<Option<Reason>> {
    Some(Some(reason))
}

/// RegionOne's Keystone, with the probes' users; the second has never logged in.
pub async fn region_one(lab: &Lab, server: &Server, seed: &Seed, keys: &Path) -> Keystone {
    let keystone = Keystone::start(lab, seed, Spec::new("k1", &server.address(), keys)).await.unwrap();
    seed.load(server, &keystone.address()).await.unwrap();
    let api = keystone.api();
    let admin = api.token(&Login::admin()).await.unwrap();
    for [user, password] in [PROBE, LOCAL] {
        api.add_member(&admin, user, password).await.unwrap();
    }
    keystone
}

/// A Keystone whose database is well, refuses us, is frozen and is dead.
async fn what_is_seen_of_a_dying_keystone(release: Release) {
    if lacks(release) {
        return;
    }
    let lab = Lab::new().unwrap();
    let mut server = lab.start(lab::Spec::new("r1", 1)).await.unwrap();
    let seed = Seed::of(&lab, release).await.unwrap();
    let keys = lab.folder().join("keys");
    seed.copy_keys(&keys).unwrap();
    let mut keystone = region_one(&lab, &server, &seed, &keys).await;

    let (keep, kept) = watch::channel(None);
    let keeps = Tokens::Kept(keep);
    let by_password = looked(&keystone, Some(password(PROBE)), PATIENT);
    assert_eq!(seen(&by_password, &keeps).await.1, [WELL, WELL, None]);
    assert!(kept.borrow().is_some(), "the good token is kept");
    assert_eq!(seen(&by_password, &keeps).await.0.password, Some(ExpiryView::default()), "its password never expires");
    let ends = Timestamp::now().as_second() + 86_400;
    let moment =
        format!("UPDATE keystone.password SET expires_at_int = {ends} * 1000000, expires_at = FROM_UNIXTIME({ends})");
    server.sql(&format!("SET time_zone = '+00:00'; {moment}")).await.unwrap();
    let soon = ExpiryView { limited: true, at: Some(Timestamp::from_second(ends).unwrap()) };
    // Keystone keeps users in memory for a while, but not where it has no cache
    assert_eq!(seen(&by_password, &keeps).await.0.password, Some(soon));
    let asks = Tokens::Asked(kept);
    assert_eq!(seen(&looked(&keystone, None, PATIENT), &asks).await.1, [WELL, None, WELL]);

    let token = keystone.api().token(&Login::password(PROBE[0], PROBE[1]).project(PROJECT)).await.unwrap();
    let user = keystone.api().validate(&token, &token).await.unwrap().body["token"]["user"]["id"].clone();
    let path = format!("/v3/users/{}/application_credentials", user.as_str().unwrap());
    let credential = serde_json::json!({"application_credential": {"name": "keyward", "secret": "of-the-credential"}});
    let made = keystone.api().ask("POST", &token, &path, Some(credential)).await.unwrap().expect_status(201).unwrap();
    let id = made.body["application_credential"]["id"].as_str().unwrap().to_owned();
    let credential = KeystoneLogin::ApplicationCredential { id, secret: "of-the-credential".to_owned().into() };
    assert_eq!(seen(&looked(&keystone, Some(credential), PATIENT), &asks).await.1, [WELL, WELL, WELL]);

    let wrong = looked(&keystone, Some(password([PROBE[0], "wrong"])), PATIENT);
    let (look, parts) = seen(&wrong, &asks).await;
    assert_eq!((parts, Obstacle::of(&look).unwrap().0), ([WELL, failed(Reason::Login), WELL], Obstacle::Refused));
    assert!(!look.proof().unwrap_err().reason.is_evidence(), "it lives");

    server.freeze().unwrap();
    let (look, parts) = seen(&looked(&keystone, Some(password(PROBE)), Duration::from_secs(3)), &asks).await;
    let late = failed(Reason::TimedOut);
    assert_eq!(
        (parts, look.proof().unwrap_err().reason.is_evidence()),
        ([WELL, late, late], true),
        "GET /v3 stays 200"
    );
    server.thaw().unwrap();
    server.kill9();
    // a worker that has not been connected yet tries again and again: it hangs where the others answer 5xx
    let hasty = Looked { timeout: Duration::from_secs(3), ..by_password.clone() };
    let begun = Instant::now();
    loop {
        let (look, _) = seen(&hasty, &asks).await;
        let login = look.login.clone().unwrap().unwrap_err();
        assert!(look.discovery.is_ok() && login.reason.is_evidence(), "GET /v3 stays 200: {look:?}");
        if matches!(login.reason, Reason::ServerError | Reason::Reset) {
            assert!(matches!(Obstacle::of(&look).unwrap().0, Obstacle::Down | Obstacle::TooSlow), "{look:?}");
            break;
        }
        assert!(begun.elapsed() < PATIENT, "no worker answers: {look:?}");
    }

    keystone.process().kill9();
    let gone = failed(Reason::Refused);
    until(&by_password, &asks, [gone, gone, gone]).await;
}

/// Looks until it sees this.
async fn until(keystone: &Looked, tokens: &Tokens, wanted: [Option<Option<Reason>>; 3]) -> IdentityLook {
    let begun = Instant::now();
    loop {
        let (look, parts) = seen(keystone, tokens).await;
        if parts == wanted {
            return look;
        }
        assert!(begun.elapsed() < PATIENT, "{look:?} is not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_dying_keystone_of_debian_is_seen_as_one() {
    what_is_seen_of_a_dying_keystone(Release::Debian).await;
}

#[tokio::test]
async fn a_dying_newest_keystone_is_seen_as_one() {
    what_is_seen_of_a_dying_keystone(Release::Newest).await;
}

/// A Keystone on a read-only replica, which has RegionOne's keys, then others, and whose login for a first time of the
/// day is what its release makes of it.
async fn what_is_seen_on_a_replica(release: Release, first_login: Result<(), Obstacle>) {
    if lacks(release) {
        return;
    }
    let lab = Lab::new().unwrap();
    let master = lab.start(lab::Spec::new("r1", 1)).await.unwrap();
    let replica = lab.start(lab::Spec::new("r2", 2)).await.unwrap();
    let seed = Seed::of(&lab, release).await.unwrap();
    let keys = lab.folder().join("keys");
    seed.copy_keys(&keys).unwrap();
    let one = region_one(&lab, &master, &seed, &keys).await;
    follow(&master, &replica).await;
    identity::seed::account(&replica).await.unwrap();
    replica.sql("SET GLOBAL read_only = 1").await.unwrap();
    let theirs = lab.folder().join("their-keys");
    seed.copy_keys(&theirs).unwrap();
    let two = Keystone::start(&lab, &seed, Spec::new("k2", &replica.address(), &theirs)).await.unwrap();

    let (keep, kept) = watch::channel(None);
    let (keeps, asks) = (Tokens::Kept(keep), Tokens::Asked(kept));
    assert_eq!(seen(&looked(&one, Some(password(PROBE)), PATIENT), &keeps).await.1, [WELL, WELL, None]);
    let local = looked(&two, Some(password(LOCAL)), PATIENT);
    let (look, _) = seen(&local, &asks).await;
    assert_eq!((look.discovery.is_ok(), look.validates()), (true, Some(true)), "{look:?}");
    let obstacle = Obstacle::of(&look).map(|found| found.0);
    assert_eq!(obstacle, first_login.err(), "{look:?}");
    // a wrong password is to be counted, which no replica takes
    let (look, _) = seen(&looked(&two, Some(password([LOCAL[0], "wrong"])), PATIENT), &asks).await;
    assert_eq!(Obstacle::of(&look).map(|found| found.0), Some(Obstacle::ReadOnly), "{look:?}");

    // other keys count without a restart
    change_keys(&theirs);
    let begun = Instant::now();
    loop {
        let (look, _) = seen(&local, &asks).await;
        if let Some((Obstacle::KeysDiffer, failure)) = Obstacle::of(&look) {
            assert_eq!(failure.reason, Reason::Token, "{look:?}");
            break;
        }
        // a worker may know the token from its cache for a moment
        assert!(begun.elapsed() < PATIENT, "{look:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Puts other keys of tokens in the place of these.
pub fn change_keys(keys: &Path) {
    for (index, file) in std::fs::read_dir(keys.join("fernet-keys")).unwrap().enumerate() {
        let digit = char::from(b'A' + u8::try_from(index).unwrap());
        std::fs::write(file.unwrap().path(), format!("{}=", digit.to_string().repeat(43))).unwrap();
    }
}

/// Copies the master's schema by hand, so that the replica has the rows and no link: only reading counts here.
async fn follow(master: &Server, replica: &Server) {
    let dump = std::process::Command::new("mariadb-dump")
        .args(["--user=root", "--databases", "keystone", "--single-transaction"])
        .arg(format!("--socket={}", master.socket().display()))
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    replica.sql(&String::from_utf8(dump.stdout).unwrap()).await.unwrap();
}

#[tokio::test]
async fn the_keystone_of_debian_logs_in_on_a_replica() {
    what_is_seen_on_a_replica(Release::Debian, Ok(())).await;
}

#[tokio::test]
async fn the_newest_keystone_breaks_at_the_first_login_on_a_replica() {
    what_is_seen_on_a_replica(Release::Newest, Err(Obstacle::ReadOnly)).await;
}
