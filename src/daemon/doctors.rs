//! The daemon's own examinations: now and then, one at a time, with what its settings name. It tries nobody's login.

use std::time::Duration;

use tokio::sync::mpsc;

use super::clock;
use super::inputs::Input;
use crate::config::Settings;
use crate::doctor::facts::{Cache, Facts};
use crate::doctor::{self, Report, Severity};
use crate::gather::{self, Wish};
use crate::model::view::{CacheView, DoctorView};
use crate::model::{Moment, Now};

/// How long after its start the daemon examines first: by then it knows its servers.
const FIRST: Duration = Duration::from_secs(10);
/// Limit of one examination; what hangs longer is tried again next time.
const LIMIT: Duration = Duration::from_secs(300);

/// The examination under way, and what the last one found.
pub struct Doctors {
    every: Option<Duration>,
    due: Moment,
    running: bool,
    seen: Option<DoctorView>,
    sink: mpsc::Sender<Input>,
}

impl Doctors {
    /// Examines as often as the settings say; nothing runs yet.
    pub fn new(settings: &Settings, now: Now, sink: mpsc::Sender<Input>) -> Self {
        Self { every: settings.doctor.every, due: now.mono + FIRST, running: false, seen: None, sink }
    }

    /// Begins the examination that is due.
    pub fn begin_due(&mut self, settings: &Settings, now: Now) {
        let Some(every) = self.every else { return };
        if self.running || now.mono < self.due {
            return;
        }
        (self.running, self.due) = (true, now.mono + every);
        let (settings, sink) = (settings.clone(), self.sink.clone());
        tokio::spawn(async move {
            let seen = tokio::time::timeout(LIMIT, examine(&settings)).await.ok();
            // a closed channel means that the daemon ends
            let _ = sink.send(Input::Examined(seen.map(Box::new))).await;
        });
    }

    /// Takes in what one found; nothing when it was given up.
    pub fn handle_end(&mut self, seen: Option<DoctorView>) {
        self.running = false;
        self.seen = seen.or_else(|| self.seen.take());
    }

    /// What the last one found; absent before the first.
    pub fn seen(&self) -> Option<DoctorView> {
        self.seen.clone()
    }
}

async fn examine(settings: &Settings) -> DoctorView {
    let chosen: Vec<_> =
        settings.regions.iter().flat_map(|region| region.replicas.iter().map(|one| (&region.name, one))).collect();
    let facts = gather::facts(settings, &chosen, &Wish::of(settings), clock::now).await;
    let report = doctor::examine(&facts);
    tell(&report);
    view(&facts, &report)
}

/// One line a finding that should be mended, so that the metric's number can be looked up.
fn tell(report: &Report) {
    for finding in report.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        tracing::warn!(check = finding.id, severity = finding.severity.code(), "doctor: {}", finding.sentence);
    }
}

fn view(facts: &Facts, report: &Report) -> DoctorView {
    let caches = facts.caches.iter().flatten().map(cache).collect();
    DoctorView {
        checked_at: facts.now,
        critical: report.count(Severity::Critical),
        warning: report.count(Severity::Warning),
        info: report.count(Severity::Info),
        unasked: report.unasked.len(),
        caches,
    }
}

fn cache(cache: &Cache) -> CacheView {
    let of = |read: fn(&crate::doctor::facts::CacheStats) -> u64| cache.stats.as_ref().ok().map(read);
    CacheView {
        server: cache.name.clone(),
        up: cache.stats.is_ok(),
        bytes: of(|stats| stats.bytes),
        limit_bytes: of(|stats| stats.limit_bytes),
        evictions: of(|stats| stats.evictions),
        touch_misses: of(|stats| stats.touch_misses),
    }
}
