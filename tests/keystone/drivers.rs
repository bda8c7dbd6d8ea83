//! The drivers of the Python package in `keystone/`, in a real Keystone on a replica that `keyward setup` made.
//!
//! The package's own tests (`make test-keystone-drivers`) look at each write; here is what users see.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyward::config::schema::Account;
use keyward::daemon::setup::{End, How, set_up_replica};
use keyward::lab::identity::{self, Keystone, Login, Release, Seed, Spec, lacks};
use keyward::lab::skip::skip;
use keyward::lab::{self, Lab, Server};
use keyward::wire::connect::{Place, Target};

use crate::common_settings::{no_tls, region, replica_name, settings};

const SWITCHED_OFF: &str = "[identity]\ndriver = sql\n[shadow_users]\ndriver = sql\n";
/// The state of the login bookkeeping of every user.
const BOOKKEEPING: &str = "SELECT l.name, l.failed_auth_count, l.failed_auth_at, u.last_active_at \
    FROM keystone.local_user l JOIN keystone.user u ON u.id = l.user_id ORDER BY l.name";

/// The folder with the package as it is now; `None` where it cannot be built, and then the test counts as skipped.
fn installed() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new(root.join("scripts/build-keystone-drivers")).output().unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    match built.status.code() {
        Some(0) => return Some(root.join("target/keystone/drivers")),
        Some(75) => skip(said.trim()),
        other => panic!("scripts/build-keystone-drivers ended with {other:?}: {said}"),
    }
    None
}

/// The replica follows the master, by `keyward setup` and its administrators; Keystone's account is made as by hand.
async fn set_up(lab: &Lab, master: &Server, replica: &Server) {
    let account = |user: &str| Account { user: user.into(), password: "of-keyward".into() };
    let accounts = [account("keyward"), account("keyward_repl")];
    let state = lab.folder().join("state");
    std::fs::create_dir(&state).unwrap();
    let settings = settings(&master.address(), &replica.address(), &state, accounts);
    let admin = |server: &Server| Target {
        place: Place::Socket(server.socket()),
        account: Account { user: "root".into(), password: "".into() },
        tls: no_tls(),
        connect_timeout: Duration::from_secs(20),
    };
    let how = How { master_admin: Some(admin(master)), replica_admin: Some(admin(replica)), ..How::default() };
    let end = set_up_replica(&settings, &region(), &replica_name(), &how, &|_| {}).await;
    assert!(matches!(end, End::Done(_)), "{end:?}");
    identity::seed::account(replica).await.unwrap();
}

/// Waits until the replica has applied what the master has now.
async fn catch_up(master: &Server, replica: &Server) {
    let position = master.value("SELECT @@gtid_binlog_pos").await.unwrap().unwrap();
    let waited = replica.value(&format!("SELECT MASTER_GTID_WAIT('{position}', 60)")).await.unwrap();
    assert_eq!(waited.as_deref(), Some("0"));
}

/// What the password `password` gets; `None` where Keystone drops the connection, as uWSGI does for an error.
async fn status(keystone: &Keystone, password: &str) -> Option<u16> {
    let login = Login::password(identity::ADMIN, password).project(identity::ADMIN);
    // more than a machine under load needs, so that no answer is one
    keystone.api().limit(Duration::from_secs(120)).login(&login).await.ok().map(|reply| reply.status)
}

async fn logins_work_on_a_read_only_replica(release: Release) {
    if lacks(release) {
        return;
    }
    let Some(installed) = installed() else { return };
    let (right, wrong) = (identity::ADMIN_PASSWORD, "wrong");
    let lab = Lab::new().unwrap();
    let (one, two) = (lab::Spec::new("r1", 1), lab::Spec::new("r2", 2).line("read_only=1"));
    let (master, replica) = tokio::try_join!(lab.start(one), lab.start(two)).unwrap();
    let seed = Seed::of(&lab, release).await.unwrap();
    seed.load(&master, "127.0.0.1:5000").await.unwrap();
    set_up(&lab, &master, &replica).await;
    let keys = lab.folder().join("keys");
    seed.copy_keys(&keys).unwrap();
    let spec = Spec::new("k2", &replica.address(), &keys).drivers(&installed);
    let mut keystone = Keystone::start(&lab, &seed, spec).await.unwrap();

    assert_eq!(status(&keystone, wrong).await, Some(401));
    // nobody has logged in to this database yet, so this is the first login of the day
    assert_eq!(status(&keystone, right).await, Some(201));
    assert_eq!(status(&keystone, wrong).await, Some(401));
    let token = keystone.api().token(&Login::admin()).await.unwrap();
    assert_eq!(keystone.api().validate(&token, &token).await.unwrap().status, 200);
    // somebody else's wrong password, counted by RegionOne
    let failed = "UPDATE keystone.local_user SET failed_auth_count = 2, failed_auth_at = UTC_TIMESTAMP()";
    master.sql(failed).await.unwrap();
    catch_up(&master, &replica).await;
    assert_eq!(status(&keystone, right).await, Some(201));
    // only the bookkeeping of logins is skipped
    let created = keystone.api().create_user(&token, "eve", "of-eve").await;
    assert!(created.as_ref().map_or(true, |reply| reply.status == 500), "{created:?}");
    let rows = master.rows(BOOKKEEPING).await.unwrap();
    assert_eq!(replica.rows(BOOKKEEPING).await.unwrap(), rows, "something was written to the replica");
    let log = std::fs::read_to_string(keystone.log_file()).unwrap();
    assert!(log.contains("writes of login bookkeeping, because the database refuses them"), "{log}");

    // and without the drivers, in the same place
    keystone.stop().await.unwrap();
    let conf = std::fs::read_to_string(keystone.conf_file()).unwrap();
    std::fs::write(keystone.conf_file(), format!("{conf}{SWITCHED_OFF}")).unwrap();
    keystone.start_again().await.unwrap();
    for password in [right, wrong] {
        let got = status(&keystone, password).await;
        assert!(got.is_none_or(|status| status == 500), "a login needs no driver of ours: {got:?}");
    }
}

#[tokio::test]
async fn logins_work_on_a_read_only_replica_of_the_keystone_of_debian() {
    logins_work_on_a_read_only_replica(Release::Debian).await;
}

#[tokio::test]
async fn logins_work_on_a_read_only_replica_of_the_newest_keystone() {
    logins_work_on_a_read_only_replica(Release::Newest).await;
}
