//! Gauges made from one snapshot: a region, replica or verdict that is gone leaves nothing stale behind.

use std::collections::BTreeMap;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::expiry;
use crate::model::identity::Obstacle;
use crate::model::view::{HookView, KeystoneView, RegionView, ReplicaView, Snapshot};
use crate::model::{Budget, Gate, Phase, Verdict};
use crate::report::{REVISION, VERSION};

/// Every gauge of `snapshot`; what it does not know has no series.
pub(super) fn families(
    snapshot: &Snapshot,
    last_tick: Option<f64>,
    files: &BTreeMap<&'static str, f64>,
) -> Vec<MetricFamily> {
    let mut out = Families::default();
    out.gauge(
        "keyward_build_info",
        "Always 1; the labels say which keyward this is.",
        &[("version", VERSION), ("revision", REVISION)],
        Some(1.0),
    );
    out.gauge(
        "keyward_last_tick_timestamp_seconds",
        "When the last round of looking and judging was completed.",
        &[],
        last_tick,
    );
    expiry::certificates(&mut out, snapshot, files);
    expiry::passwords(&mut out, snapshot);
    for region in &snapshot.regions {
        seen(&mut out, region);
        judged(&mut out, region, snapshot.looked);
        for hook in &region.hooks {
            level(&mut out, &region.name, hook);
        }
        for replica in &region.replicas {
            thread(&mut out, &region.name, replica);
            data(&mut out, &region.name, replica);
        }
    }
    if let Some(doctor) = &snapshot.doctor {
        super::doctor::families(&mut out, doctor);
    }
    out.by_name.into_values().collect()
}

/// What the region sees of the master.
fn seen(out: &mut Families, region: &RegionView) {
    let name = region.name.as_str();
    out.gauge(
        "keyward_master_up",
        "Whether any witness proves the master alive, as seen from the region.",
        &[("region", name)],
        region.master_up.map(f64::from),
    );
    // a link that was not watched for a while proves and disproves nothing yet
    let seen_once = region.replicas.iter().any(|replica| replica.version.is_some());
    let link = region.link_up.map(f64::from).or_else(|| seen_once.then_some(f64::NAN));
    // whoever logs in proves more than an answer
    let proof = |keystone: &KeystoneView| keystone.login_up.or(keystone.up);
    let identity = region.identity.as_ref();
    let witnesses = [
        ("probe", region.probe_up.map(f64::from)),
        ("link", link),
        ("identity", identity.and_then(proof).map(f64::from)),
    ];
    for (witness, up) in witnesses {
        out.gauge(
            "keyward_witness_up",
            "Whether the witness gave proof of life at the last look; NaN while that cannot be told yet.",
            &[("region", name), ("witness", witness)],
            up,
        );
    }
    let sides = [("db", region.silence_seconds), ("identity", identity.and_then(|keystone| keystone.silence_seconds))];
    for (side, silence) in sides {
        out.gauge(
            "keyward_silence_seconds",
            "Time since the last proof of life of the side; of one before a restart of keyward to a minute.",
            &[("region", name), ("side", side)],
            silence,
        );
    }
    for (site, keystone) in [("master", identity), ("local", region.local_identity.as_ref())] {
        if let Some(keystone) = keystone {
            self::keystone(out, name, site, keystone);
        }
    }
    out.counter(
        "keyward_master_flaps_total",
        "Times that the master fell silent for two looks or longer and was then proven alive.",
        &[("region", name)],
        region.flaps as f64,
    );
}

/// A Keystone: RegionOne's, or the region's own.
fn keystone(out: &mut Families, region: &str, site: &str, keystone: &KeystoneView) {
    let labels = [("region", region), ("site", site)];
    out.gauge(
        "keyward_identity_up",
        "Whether the Keystone answered as one at the last look; its database may be gone all the same.",
        &labels,
        keystone.up.map(f64::from),
    );
    out.gauge(
        "keyward_identity_login_up",
        "Whether the Keystone issued a token and found it valid at the last look; absent where nobody logs in.",
        &labels,
        keystone.login_up.map(f64::from),
    );
    out.gauge(
        "keyward_identity_validates",
        "Whether the Keystone found tokens valid at the last look: RegionOne's, or its own.",
        &labels,
        keystone.validates.map(f64::from).or((site == "local" && keystone.up == Some(false)).then_some(f64::NAN)),
    );
    for obstacle in Obstacle::ALL.into_iter().filter(|_| site == "local" && keystone.up.is_some()) {
        let holds = keystone.obstacle.as_ref().is_some_and(|held| held.code == obstacle.code());
        out.gauge(
            "keyward_local_login_obstacle",
            "1 for what keeps somebody who has not logged in today from logging in at the region's own Keystone.",
            &[("region", region), ("reason", obstacle.code())],
            Some(f64::from(holds)),
        );
    }
}

/// What the judge makes of it; verdicts and gates are not known before the first full look.
fn judged(out: &mut Families, region: &RegionView, looked: bool) {
    let name = region.name.as_str();
    for phase in Phase::ALL {
        out.gauge(
            "keyward_phase",
            "1 for the phase that the region is in, 0 for the others.",
            &[("region", name), ("phase", phase.code())],
            Some(f64::from(region.phase == phase)),
        );
    }
    out.gauge(
        "keyward_paused",
        "Whether an operator paused the region.",
        &[("region", name)],
        Some(f64::from(region.paused.is_some())),
    );
    let started = region.episode.as_ref().map(|episode| episode.started_at.as_millisecond() as f64 / 1_000.0);
    out.gauge(
        "keyward_episode_started_timestamp_seconds",
        "When the episode that is under way began; absent while there is none.",
        &[("region", name)],
        started,
    );
    for hook in &region.hooks {
        let labels = [("region", name), ("hook", hook.name.as_str())];
        out.gauge(
            "keyward_hook_attempts",
            "How often the hook was tried in this turn; 0 outside an episode.",
            &labels,
            Some(f64::from(hook.attempt)),
        );
        let next = hook.next_try.map(|at| at.as_millisecond() as f64 / 1_000.0);
        out.gauge(
            "keyward_hook_next_try_timestamp_seconds",
            "When a hook that failed is due again; absent while it is not.",
            &labels,
            next,
        );
    }
    out.gauge(
        "keyward_failback_after_seconds",
        "Unbroken health that the way back of the episode asks for, doublings included; absent while there is none.",
        &[("region", name)],
        region.way_back.as_ref().map(|back| back.needed_seconds),
    );
    if looked {
        diagnosed(out, region);
    }
}

/// Verdicts, gates and what follows from them.
fn diagnosed(out: &mut Families, region: &RegionView) {
    let name = region.name.as_str();
    for verdict in Verdict::ALL {
        let holds = region.verdicts.iter().any(|held| held.code == verdict.code());
        out.gauge(
            "keyward_verdict",
            "1 for each diagnosis that holds, 0 for the others.",
            &[("region", name), ("verdict", verdict.code())],
            Some(f64::from(holds)),
        );
    }
    for gate in Gate::ALL {
        let closed = region.gates.iter().any(|closed| closed.code == gate.code());
        out.gauge(
            "keyward_failover_gate_closed",
            "1 for each gate that would keep a failover from starting now, 0 for the others.",
            &[("region", name), ("gate", gate.code())],
            Some(f64::from(closed)),
        );
    }
    out.gauge(
        "keyward_failover_wanted",
        "Whether everything is down that the trigger asks for: a failover is due, unless a gate is closed.",
        &[("region", name)],
        Some(f64::from(region.wanted)),
    );
    out.gauge(
        "keyward_failover_ready",
        "Whether a failover now would be allowed and useful.",
        &[("region", name)],
        Some(f64::from(region.ready)),
    );
}

/// The HAProxy that a hook sets.
fn level(out: &mut Families, region: &str, hook: &HookView) {
    let Some(level) = &hook.level else { return };
    let labels = [("region", region), ("hook", hook.name.as_str())];
    out.gauge(
        "keyward_haproxy_up",
        "Whether the HAProxy of the hook answers on its socket and takes commands that change something.",
        &labels,
        Some(f64::from(level.up)),
    );
    out.gauge(
        "keyward_haproxy_level_ok",
        "Whether every server is as it must be now; NaN while the hook turns it and while that cannot be seen.",
        &labels,
        Some(level.ok.map_or(f64::NAN, f64::from)),
    );
}

/// The replica's server and its replication threads.
fn thread(out: &mut Families, region: &str, replica: &ReplicaView) {
    let labels = [("region", region), ("replica", replica.name.as_str())];
    let up = replica.up.map(f64::from);
    // of a server that was seen once, what cannot be seen now is NaN: a series must not vanish with what it tells of
    let seen_once = |now: Option<f64>| now.or_else(|| replica.version.is_some().then_some(f64::NAN));
    out.gauge("keyward_replica_up", "Whether the last look at the replica succeeded.", &labels, up);
    out.gauge(
        "keyward_replica_io_running",
        "Whether the replica's I/O thread runs and is connected to the master; NaN while the replica cannot be asked.",
        &labels,
        seen_once(replica.io_running.map(f64::from)),
    );
    out.gauge(
        "keyward_replica_sql_running",
        "Whether the replica's SQL thread runs; NaN while the replica cannot be asked.",
        &labels,
        seen_once(replica.sql_running.map(f64::from)),
    );
    for (thread, errno) in [("io", replica.io_errno), ("sql", replica.sql_errno)] {
        out.gauge(
            "keyward_replica_last_error",
            "The number of the replication thread's last error; 0 means none.",
            &[labels[0], labels[1], ("thread", thread)],
            // a replica without a link has no error of one
            errno.or_else(|| replica.version.is_some().then_some(0)).map(f64::from),
        );
    }
    out.gauge(
        "keyward_replica_seconds_behind_master",
        "Seconds_Behind_Master as the replica's server says it; NaN while it says NULL or cannot be asked.",
        &labels,
        seen_once(replica.seconds_behind_master.map(|seconds| seconds as f64)),
    );
}

/// How old and how well protected the replica's data are.
fn data(out: &mut Families, region: &str, replica: &ReplicaView) {
    let labels = [("region", region), ("replica", replica.name.as_str())];
    out.gauge(
        "keyward_replica_lag_seconds",
        "Age of the oldest beat that is committed on the master and missing on the replica; 0 when none is missing.",
        &labels,
        replica.lag_seconds,
    );
    out.gauge(
        "keyward_replica_data_age_seconds",
        "Time since the newest beat that the replica shows was committed.",
        &labels,
        replica.data_age_seconds,
    );
    out.gauge(
        "keyward_replica_missing_transactions",
        "Transactions of the master's last known position that the replica has not applied.",
        &labels,
        replica.missing_transactions.map(|count| count as f64),
    );
    out.gauge(
        "keyward_replica_errant_transactions",
        "Transactions on the replica that the master does not have, at least.",
        &labels,
        replica.errant_transactions.map(|count| count as f64),
    );
    out.gauge(
        "keyward_replica_outage_budget_seconds",
        "How long the link can stay down before the master purges what the replica still needs; +Inf without a limit.",
        &labels,
        replica.outage_budget.map(Budget::seconds),
    );
    out.gauge(
        "keyward_verify_differing_tables",
        "Tables that differed when the daemon last compared the replica with its master.",
        &labels,
        replica.differing_tables.map(|tables| tables as f64),
    );
    out.gauge(
        "keyward_verify_last_timestamp_seconds",
        "When the daemon last compared the replica with its master.",
        &labels,
        replica.verified_at.map(|at| at.as_millisecond() as f64 / 1_000.0),
    );
    out.gauge(
        "keyward_replica_read_only",
        "Whether the last successful look says that the replica takes no writes.",
        &labels,
        replica.read_only.map(f64::from),
    );
    out.gauge(
        "keyward_replica_filter_ok",
        "Whether the replication filter is the configured one.",
        &labels,
        replica.filter_ok.map(f64::from),
    );
    out.counter(
        "keyward_replica_writable_seen_total",
        "Times that the replica was found taking writes since the daemon started.",
        &labels,
        replica.writable_seen as f64,
    );
}

/// Metric families in the making.
#[derive(Default)]
pub(super) struct Families {
    by_name: BTreeMap<&'static str, MetricFamily>,
}

impl Families {
    /// One more series, unless its value is unknown.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: Option<f64>) {
        let Some(value) = value else { return };
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_gauge(gauge);
        self.add(name, help, MetricType::GAUGE, metric);
    }

    /// One more series of a counter that is kept elsewhere.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: f64) {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_counter(counter);
        self.add(name, help, MetricType::COUNTER, metric);
    }

    fn add(&mut self, name: &'static str, help: &str, kind: MetricType, metric: Metric) {
        let family = self.by_name.entry(name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(kind);
            family
        });
        family.mut_metric().push(metric);
    }
}

fn pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}
