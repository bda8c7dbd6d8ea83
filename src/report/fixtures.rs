//! Settings and snapshots for tests: one region as it is on a good day, and in an outage.

use std::io::Write as _;

use jiff::Timestamp;

use crate::config::schema::{Http, Settings};
use crate::model::view::{
    EpisodeView, GateView, HookView, KeystoneView, ObstacleView, PauseView, RegionView, ReplicaView, Snapshot,
    VerdictView, WayBackView,
};
use crate::model::{Budget, Phase};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `[http]` on a free port of the loopback.
pub(crate) fn http() -> Http {
    settings().http
}

/// What differs from the defaults.
const SETTINGS: &str = r#"
[account]
password = "secret"
[tls]
mode = "disabled"
[replication]
password = "secret"
[replication.tls]
mode = "disabled"
[master]
addresses = ["10.13.32.19:3306"]
[[regions]]
name = "RegionTwo"
failover.require_local_identity = "off"
[[regions.replicas]]
name = "r2-db1"
address = "10.13.131.137:3307"
[[regions.failover.hooks]]
name = "services"
kind = "exec"
command = ["/etc/keyward/hooks/local-auth"]
"#;

/// RegionTwo with one hook, no replica yet, and `[http]` on a free port of the loopback.
pub(crate) fn settings() -> Settings {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(SETTINGS.as_bytes()).unwrap();
    let mut settings = crate::config::load(Some(file.path())).unwrap();
    settings.http.listen.port = 0;
    settings.regions[0].replicas.clear();
    settings
}

/// Before the first look.
pub(crate) fn just_started() -> Snapshot {
    Snapshot {
        version: "0.1.0".into(),
        revision: "abc1234".into(),
        started_at: Some(at("2026-11-22T04:00:00Z")),
        taken_at: Some(at("2026-11-22T04:00:00Z")),
        master_region: "RegionOne".into(),
        master_addresses: vec!["10.13.32.19:3306".into()],
        regions: vec![RegionView {
            name: "RegionTwo".into(),
            mode: "auto".into(),
            sentence: "Waiting for the first look at every server.".into(),
            hooks: vec![HookView { name: "services".into(), state: "idle".into(), ..HookView::default() }],
            replicas: vec![ReplicaView {
                name: "r2-db1".into(),
                address: "10.13.131.137:3307".into(),
                ..ReplicaView::default()
            }],
            ..RegionView::default()
        }],
        ..Snapshot::default()
    }
}

/// Everything as it should be.
pub(crate) fn good_day() -> Snapshot {
    let mut snapshot = just_started();
    snapshot.looked = true;
    snapshot.taken_at = Some(at("2026-11-22T04:14:36.123Z"));
    let region = &mut snapshot.regions[0];
    region.phase_since = Some(at("2026-11-22T04:00:00Z"));
    region.sentence = "RegionOne's master answers; users sign in there.".into();
    (region.master_up, region.probe_up, region.link_up) = (Some(true), Some(true), Some(true));
    region.silence_seconds = Some(0.35);
    region.identity = Some(KeystoneView {
        url: "http://10.13.32.19:5000".into(),
        up: Some(true),
        login_up: Some(true),
        silence_seconds: Some(2.5),
        ..KeystoneView::default()
    });
    region.local_identity = Some(KeystoneView {
        url: "http://10.13.131.137:5000".into(),
        validates: Some(true),
        silence_seconds: None,
        ..region.identity.clone().unwrap()
    });
    region.verdicts = vec![VerdictView {
        code: "healthy".into(),
        severity: "fine".into(),
        sentence: "Master and replica are as they should be.".into(),
    }];
    region.ready = true;
    region.ready_sentence = "r2-db1 passes every gate.".into();
    let replica = &mut region.replicas[0];
    (replica.up, replica.guarded) = (Some(true), true);
    replica.version = Some("10.11.19-MariaDB-0+deb12u1".into());
    (replica.io_running, replica.sql_running, replica.read_only) = (Some(true), Some(true), Some(true));
    (replica.filter_ok, replica.durable) = (Some(true), Some(true));
    (replica.lag_seconds, replica.data_age_seconds, replica.seconds_behind_master) = (Some(0.0), Some(0.8), Some(0));
    (replica.io_errno, replica.sql_errno) = (Some(0), Some(0));
    (replica.errant_transactions, replica.outage_budget) = (Some(0), Some(Budget::Seconds(863_999.2)));
    snapshot
}

/// The master is gone, the region serves itself, a hook is being tried again, an operator has paused it.
pub(crate) fn outage() -> Snapshot {
    let mut snapshot = good_day();
    let region = &mut snapshot.regions[0];
    region.phase = Phase::Local;
    region.phase_since = Some(at("2026-11-22T04:12:05Z"));
    region.sentence = "RegionOne's master at 10.13.32.19:3306 gave no proof of life for 10.1s: the probe was refused \
                       11 times and the link is dead. Users sign in at RegionTwo."
        .into();
    (region.master_up, region.probe_up, region.link_up) = (Some(false), Some(false), Some(false));
    region.master_failure = Some("connection refused (10.13.32.19:3306: os error 111)".into());
    region.silence_seconds = Some(161.2);
    let identity = region.identity.as_mut().unwrap();
    (identity.up, identity.login_up) = (Some(true), Some(false));
    identity.failure = Some("answered with an error of its own (the login was answered with 500)".into());
    identity.silence_seconds = Some(163.0);
    let local = region.local_identity.as_mut().unwrap();
    local.login_up = Some(false);
    local.failure.clone_from(&region.identity.as_ref().unwrap().failure);
    local.obstacle =
        Some(ObstacleView { code: "read_only".into(), sentence: "It knows tokens, and a login breaks there.".into() });
    region.verdicts = vec![VerdictView {
        code: "master_unreachable".into(),
        severity: "critical".into(),
        sentence: "No witness has proven the master alive for 2m 41s, longer than unreachable_after (10s).".into(),
    }];
    region.ready = false;
    region.ready_sentence = "An operator paused the region.".into();
    region.gates =
        vec![GateView { code: "paused".into(), sentence: "root paused it: maintenance of the racks.".into() }];
    region.episode = Some(EpisodeView {
        id: "20261122T041155-4f1c".into(),
        started_at: at("2026-11-22T04:12:04.500Z"),
        turn: 1,
        manual: false,
        reason: "RegionOne's master is unreachable.".into(),
    });
    region.hooks[0] = HookView {
        name: "services".into(),
        optional: false,
        state: "retrying".into(),
        attempt: 3,
        last_failure: Some("exit status 1".into()),
        next_try: Some(at("2026-11-22T04:14:40.500Z")),
        level: None,
    };
    region.way_back = Some(WayBackView {
        healthy_seconds: 12.7,
        needed_seconds: 60.0,
        doubled: 0,
        earliest: Some(at("2026-11-22T04:15:23Z")),
        sentence: "it waits for unbroken health.".into(),
    });
    region.flaps = 4;
    region.paused = Some(PauseView {
        until: Some(at("2026-11-22T06:00:00Z")),
        reason: "maintenance of the racks".into(),
        user: "root".into(),
    });
    let replica = &mut region.replicas[0];
    (replica.io_running, replica.read_only) = (Some(false), Some(false));
    (replica.lag_seconds, replica.data_age_seconds, replica.seconds_behind_master) = (Some(161.9), Some(161.9), None);
    (replica.errant_transactions, replica.outage_budget) = (Some(3), Some(Budget::Seconds(3_438.1)));
    replica.io_errno = Some(2003);
    replica.io_error = Some("error connecting to master 'keyward_repl@10.13.32.19:3306'".into());
    replica.gates = vec![GateView { code: "replica_writable".into(), sentence: "It takes writes.".into() }];
    replica.upkeep = Some("Made read-only again at 04:14:35.".into());
    replica.writable_seen = 2;
    snapshot
}
