//! The daemon beside real Keystones: RegionOne's hangs while its database lives, and the region turns by it.

use keyward::lab::identity::{self, Keystone, Release, Seed, Spec, lacks};
use keyward::lab::{self, Lab};
use keyward::model::Phase;

use crate::daemon::{Daemon, has_verdict};
use crate::pair::{DROP_IN, Pair, set_up};
use crate::settings::Wishes;
use crate::witness::{LOCAL, PROBE, PROJECT, change_keys, region_one};

/// Patience with Keystones on a machine under load.
fn wishes(one: &Keystone, two: &Keystone) -> Wishes {
    let url = |keystone: &Keystone| format!("identity_url = \"http://{}/v3\"", keystone.address());
    let login = |[user, password]: [&str; 2]| {
        format!("user = \"{user}\"\npassword = \"{password}\"\nproject = \"{PROJECT}\"\n")
    };
    let patience = "interval = \"1s\"\ntimeout = \"5s\"\n";
    let tables = format!("[identity]\n{}{patience}[identity.local]\n{}", login(PROBE), login(LOCAL));
    let failover = "trigger = \"identity\"\nrequire_local_identity = \"first-login\"".to_owned();
    Wishes { unreachable_after: "16s", more: [url(one), url(two), failover, tables], ..Wishes::default() }
}

async fn is(daemon: &Daemon, name: &str, labels: &[(&str, &str)], value: f64) {
    daemon.until_metric(name, labels, |found| found == value).await;
}

#[tokio::test]
async fn a_keystone_that_hangs_turns_the_region_while_its_database_lives() {
    let release = Release::Debian;
    if lacks(release) {
        return;
    }
    let lab = Lab::new().unwrap();
    let replica = lab::Spec::new("r2", 2).lines(&DROP_IN);
    let (master, replica) = tokio::try_join!(lab.start(lab::Spec::new("r1", 1)), lab.start(replica)).unwrap();
    let seed = Seed::of(&lab, release).await.unwrap();
    let (keys, theirs) = (lab.folder().join("keys"), lab.folder().join("their-keys"));
    seed.copy_keys(&keys).unwrap();
    seed.copy_keys(&theirs).unwrap();
    let mut one = region_one(&lab, &master, &seed, &keys).await;
    let two = Keystone::start(&lab, &seed, Spec::new("k2", &replica.address(), &theirs)).await.unwrap();
    let pair = Pair { master, replica, lab };
    let mut daemon = Daemon::new(&pair, "keyward", wishes(&one, &two));
    set_up(&pair, &daemon).await;
    identity::seed::account(&pair.replica).await.unwrap();
    daemon.start().await;

    daemon.until_healthy().await;
    is(&daemon, "keyward_identity_login_up", &[("site", "master")], 1.0).await;
    is(&daemon, "keyward_identity_login_up", &[("site", "local")], 1.0).await;
    is(&daemon, "keyward_witness_up", &[("witness", "identity")], 1.0).await;
    is(&daemon, "keyward_identity_validates", &[("site", "local")], 1.0).await;

    one.process().freeze().unwrap();
    let region = daemon.until_phase(Phase::Local).await;
    assert!(has_verdict(&region, "identity_down") && region.master_up == Some(true), "{region:#?}");
    let why = region.episode.unwrap().reason;
    assert!(why.contains("RegionOne's Keystone at http://") && why.contains("has let nobody log in for"), "{why}");
    // the last token from before the outage is asked about all along
    is(&daemon, "keyward_identity_validates", &[("site", "local")], 1.0).await;
    assert!(!daemon.region().await.ready_sentence.contains("own Keystone"));
    one.process().thaw().unwrap();
    daemon.until_phase(Phase::Remote).await;
    daemon.until_healthy().await;

    change_keys(&theirs);
    is(&daemon, "keyward_local_login_obstacle", &[("reason", "keys_differ")], 1.0).await;
    is(&daemon, "keyward_failover_ready", &[], 0.0).await;
    daemon.until_told(&["RegionTwo's own Keystone at", "does not take a token of RegionOne's"]).await;

    for file in ["log", "state/state.json"] {
        let text = std::fs::read_to_string(daemon.folder.join(file)).unwrap();
        assert!([PROBE[1], LOCAL[1], "gAAAA"].iter().all(|secret| !text.contains(secret)), "{file}: {text}");
    }
}
