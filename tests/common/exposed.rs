//! What `/metrics` can show: the text of a daemon that knows everything that can be known.

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use keyward::model::view::{
    CacheView, DoctorView, EpisodeView, ExpiryView, FindingView, HookView, KeystoneView, LevelView, PasswordView,
    RegionView, ReplicaView, Snapshot, WayBackView,
};
use keyward::model::{Budget, Event, EventKind, Phase, RegionName};
use keyward::report::Metrics;

fn keystone() -> KeystoneView {
    let known = Some(true);
    KeystoneView {
        up: known,
        login_up: known,
        validates: known,
        silence_seconds: Some(1.0),
        password: Some(ExpiryView::default()),
        ..KeystoneView::default()
    }
}

fn doctor() -> DoctorView {
    let number = Some(0);
    let cache = CacheView {
        server: "127.0.0.1:11211".into(),
        up: true,
        bytes: number,
        limit_bytes: number,
        evictions: number,
        touch_misses: number,
    };
    let password = PasswordView { expiry: Some(ExpiryView::default()), ..PasswordView::default() };
    let of_replica =
        PasswordView { region: Some("RegionTwo".into()), replica: Some("r2-db1".into()), ..password.clone() };
    DoctorView {
        checked_at: Timestamp::UNIX_EPOCH,
        critical: 0,
        warning: 1,
        info: 0,
        unasked: 1,
        caches: vec![cache],
        passwords: vec![password, of_replica],
        findings: vec![FindingView::default()],
    }
}

/// Everything that can be known is known.
fn snapshot() -> Snapshot {
    let replica = ReplicaView {
        name: "r2-db1".into(),
        up: Some(true),
        io_running: Some(true),
        sql_running: Some(true),
        lag_seconds: Some(0.0),
        data_age_seconds: Some(0.5),
        seconds_behind_master: Some(0),
        read_only: Some(true),
        filter_ok: Some(true),
        io_errno: Some(0),
        sql_errno: Some(0),
        missing_transactions: Some(0),
        errant_transactions: Some(0),
        outage_budget: Some(Budget::Unlimited),
        certificate_until: Some(Timestamp::UNIX_EPOCH),
        verified_at: Some(Timestamp::UNIX_EPOCH),
        differing_tables: Some(0),
        ..ReplicaView::default()
    };
    let region = RegionView {
        name: "RegionTwo".into(),
        phase: Phase::Local,
        master_up: Some(false),
        probe_up: Some(false),
        link_up: Some(false),
        silence_seconds: Some(12.0),
        identity: Some(keystone()),
        local_identity: Some(keystone()),
        episode: Some(EpisodeView {
            id: "RegionTwo-20261122T051416Z".into(),
            started_at: Timestamp::UNIX_EPOCH,
            turn: 1,
            manual: false,
            reason: "why".into(),
        }),
        hooks: vec![HookView {
            level: Some(LevelView { up: true, ok: Some(true), sentence: "why".into() }),
            name: "services".into(),
            attempt: 1,
            next_try: Some(Timestamp::UNIX_EPOCH),
            ..HookView::default()
        }],
        way_back: Some(WayBackView {
            healthy_seconds: 1.0,
            needed_seconds: 60.0,
            doubled: 0,
            earliest: None,
            sentence: "why".into(),
        }),
        replicas: vec![replica],
        ..RegionView::default()
    };
    Snapshot { looked: true, regions: vec![region], doctor: Some(doctor()), ..Snapshot::default() }
}

/// Every series that there can be, with its help.
pub fn exposed() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyward.toml");
    let settings = r#"
        account = { password = "a" }
        replication = { password = "b", tls = { mode = "disabled" } }
        tls = { mode = "disabled" }
        master = { addresses = ["10.0.0.1:3306"] }
        [[regions]]
        name = "RegionTwo"
        [[regions.replicas]]
        name = "r2-db1"
        address = "10.0.0.2:3306"
        [[regions.failover.hooks]]
        name = "services"
        command = ["/bin/true"]
    "#;
    fs::write(&file, settings).unwrap();
    let settings = keyward::config::load(Some(&file)).unwrap_or_else(|problems| panic!("{problems}"));
    let metrics = Metrics::new(&settings).unwrap();
    metrics.tick_done(Duration::from_millis(1), 1.0);
    metrics.certificates_read([("http", 1.0)].into());
    metrics.event(&Event {
        at: Timestamp::UNIX_EPOCH,
        region: Some(RegionName("RegionTwo".into())),
        episode: None,
        what: EventKind::Hook { hook: "services".into(), event: "failover".into(), outcome: "ok".into(), seconds: 1.0 },
        sentence: "why".into(),
    });
    metrics.render(&snapshot())
}
