//! The numbers of `/metrics`: counters and histograms live here, gauges are made fresh from each snapshot.
//!
//! Only this module names the `prometheus` crate. No label holds an error text or a GTID, and what was never known
//! has no series: unknown is never 0.

mod doctor;
mod expiry;
mod gauges;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use crate::config::Settings;
use crate::model::hook::HookEvent;
use crate::model::view::Snapshot;
use crate::model::{Cause, Event, EventKind, Phase, Reason};

/// The changes of phase that can happen, so that each counter starts at 0 instead of appearing with its first 1.
const TRANSITIONS: [(Phase, Phase); 9] = [
    (Phase::Remote, Phase::Suspect),
    (Phase::Remote, Phase::Switching),
    (Phase::Suspect, Phase::Remote),
    (Phase::Suspect, Phase::Switching),
    (Phase::Switching, Phase::Local),
    (Phase::Switching, Phase::Returning),
    (Phase::Local, Phase::Returning),
    (Phase::Returning, Phase::Remote),
    (Phase::Returning, Phase::Switching),
];

/// Upper bounds in seconds for looks and ticks: from a query on the same host to a limit of some seconds.
const LOOK_BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Upper bounds in seconds for hooks.
const HOOK_BUCKETS: [f64; 13] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The side that a look went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The master.
    Master,
    /// A replica.
    Replica,
    /// A Keystone.
    Identity,
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 3] = [Target::Master, Target::Replica, Target::Identity];

    /// The value of the label `target`.
    pub fn code(self) -> &'static str {
        match self {
            Target::Master => "master",
            Target::Replica => "replica",
            Target::Identity => "identity",
        }
    }
}

/// Every counter and histogram, and the text that a scrape gets.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Bits of the last tick's time in seconds since 1970; 0 before the first.
    last_tick: AtomicU64,
    /// When the certificates in keyward's own files end, in seconds since 1970.
    certificates: Mutex<BTreeMap<&'static str, f64>>,
    tick_duration: Histogram,
    probe_duration: HistogramVec,
    probe_failures: IntCounterVec,
    transitions: IntCounterVec,
    failovers: IntCounterVec,
    failbacks: IntCounterVec,
    hook_runs: IntCounterVec,
    hook_duration: HistogramVec,
}

impl Metrics {
    /// All counters at 0 for every region and hook of the settings.
    ///
    /// # Errors
    /// Two metrics of the same name, which no settings can bring about.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let counter =
            |name, help, labels: &[&str]| registered(&registry, IntCounterVec::new(Opts::new(name, help), labels)?);
        let histogram = |name, help, buckets: &[f64], labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            registered(&registry, HistogramVec::new(options, labels)?)
        };
        let tick_options = HistogramOpts::new(
            "keyward_tick_duration_seconds",
            "How long one round of looking at every server and judging took.",
        );
        let metrics = Self {
            last_tick: AtomicU64::new(0),
            certificates: Mutex::default(),
            tick_duration: registered(&registry, Histogram::with_opts(tick_options.buckets(LOOK_BUCKETS.to_vec()))?)?,
            probe_duration: histogram(
                "keyward_probe_duration_seconds",
                "How long one look at a server took, whatever came of it.",
                &LOOK_BUCKETS,
                &["target"],
            )?,
            probe_failures: counter(
                "keyward_probe_failures_total",
                "Looks that failed, by the reason.",
                &["target", "reason"],
            )?,
            transitions: counter(
                "keyward_transitions_total",
                "Changes of a region's phase.",
                &["region", "from", "to"],
            )?,
            failovers: counter(
                "keyward_failovers_total",
                "Episodes begun: the region left the master's region for its own Keystone. The cause says who began it.",
                &["region", "cause"],
            )?,
            failbacks: counter(
                "keyward_failbacks_total",
                "Episodes ended: every required hook of the way back has succeeded. The cause says who began the way back.",
                &["region", "cause"],
            )?,
            hook_runs: counter(
                "keyward_hook_runs_total",
                "Hook runs that ended, by how they ended.",
                &["region", "hook", "event", "outcome"],
            )?,
            hook_duration: histogram(
                "keyward_hook_duration_seconds",
                "How long a hook ran, whatever came of it.",
                &HOOK_BUCKETS,
                &["region", "hook", "event"],
            )?,
            registry,
        };
        metrics.prepare(settings);
        Ok(metrics)
    }

    /// Makes the counters of regions and hooks that a reload of the settings has brought start at 0.
    pub fn prepare(&self, settings: &Settings) {
        for target in Target::ALL {
            self.probe_duration.with_label_values(&[target.code()]);
            for reason in Reason::ALL {
                self.probe_failures.with_label_values(&[target.code(), reason.code()]);
            }
        }
        for region in &settings.regions {
            let name = region.name.0.as_str();
            for (from, to) in TRANSITIONS {
                self.transitions.with_label_values(&[name, from.code(), to.code()]);
            }
            for cause in [Cause::Auto, Cause::Manual] {
                self.failovers.with_label_values(&[name, cause.code()]);
                self.failbacks.with_label_values(&[name, cause.code()]);
            }
            for hook in &region.failover.hooks {
                for event in [HookEvent::Failover, HookEvent::Failback, HookEvent::Test] {
                    for outcome in ["ok", "failed", "timeout"] {
                        self.hook_runs.with_label_values(&[name, &hook.name, event.code(), outcome]);
                    }
                }
            }
        }
    }

    /// One look at a server ended, by `failure` or well.
    pub fn probe_done(&self, target: Target, took: Duration, failure: Option<Reason>) {
        self.probe_duration.with_label_values(&[target.code()]).observe(took.as_secs_f64());
        if let Some(reason) = failure {
            self.probe_failures.with_label_values(&[target.code(), reason.code()]).inc();
        }
    }

    /// One round of looking and judging was completed, at `at_unix_seconds` of the wall clock.
    pub fn tick_done(&self, took: Duration, at_unix_seconds: f64) {
        self.tick_duration.observe(took.as_secs_f64());
        self.last_tick.store(at_unix_seconds.to_bits(), Ordering::Relaxed);
    }

    /// The certificates in keyward's own files end then, in seconds since 1970; what is not named keeps its last end.
    pub fn certificates_read(&self, ends: BTreeMap<&'static str, f64>) {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).extend(ends);
    }

    /// Counts an event.
    ///
    /// A failover is counted when `switching` is entered from outside an episode, a failback when `remote` is reached
    /// from `returning`; each with the transition's cause.
    pub fn event(&self, event: &Event) {
        let Some(region) = event.region.as_ref().map(|region| region.0.as_str()) else { return };
        match &event.what {
            EventKind::Transition { from, to, cause } => {
                self.transitions.with_label_values(&[region, from.code(), to.code()]).inc();
                match (from, to) {
                    (Phase::Remote | Phase::Suspect, Phase::Switching) => {
                        self.failovers.with_label_values(&[region, cause.code()]).inc();
                    }
                    (Phase::Returning, Phase::Remote) => {
                        self.failbacks.with_label_values(&[region, cause.code()]).inc();
                    }
                    _ => {}
                }
            }
            EventKind::Hook { hook, event, outcome, seconds } => {
                self.hook_runs.with_label_values(&[region, hook, event, outcome]).inc();
                self.hook_duration.with_label_values(&[region, hook, event]).observe(*seconds);
            }
            EventKind::Verdict { .. }
            | EventKind::Level { .. }
            | EventKind::Kept { .. }
            | EventKind::Verified { .. }
            | EventKind::Command { .. }
            | EventKind::Daemon => {}
        }
    }

    /// The answer to a scrape, in Prometheus' text format, sorted by name.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        let mut families = self.registry.gather();
        families.extend(gauges::families(snapshot, self.last_tick(), &self.certificates()));
        families.retain(|family| !family.get_metric().is_empty());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        // the format knows it with its sign only
        encode(&families).replace(" inf\n", " +Inf\n")
    }

    fn certificates(&self) -> BTreeMap<&'static str, f64> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn last_tick(&self) -> Option<f64> {
        match self.last_tick.load(Ordering::Relaxed) {
            0 => None,
            bits => Some(f64::from_bits(bits)),
        }
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// One family at a time, so that one that cannot be written does not take the others with it.
fn encode(families: &[MetricFamily]) -> String {
    let encoder = TextEncoder::new();
    let mut text = String::with_capacity(32 * 1024);
    for family in families {
        if let Err(error) = encoder.encode_utf8(std::slice::from_ref(family), &mut text) {
            tracing::error!(metric = family.name(), %error, "a metric cannot be written");
        }
    }
    text
}

#[cfg(test)]
mod tests;
