//! The daemon's own examinations: now and then, one at a time, with what its settings name. It tries nobody's login.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock;
use super::inputs::Input;
use crate::config::Settings;
use crate::config::schema::Replica;
use crate::doctor::facts::{Cache, Facts};
use crate::doctor::{self, Finding, Report, Severity};
use crate::gather::{self, Wish};
use crate::model::view::{CacheView, DoctorView, FindingView, PasswordView};
use crate::model::{Moment, Now, RegionName};

/// How long after its start the daemon examines first: by then it knows its servers.
const FIRST: Duration = Duration::from_secs(10);
/// Limit of one examination; what hangs longer is tried again next time.
const LIMIT: Duration = Duration::from_secs(300);
/// Findings that are told by status and page; each region can make many.
const MOST_FINDINGS: usize = 20;

/// The examination under way, and what the last one found.
pub struct Doctors {
    every: Option<Duration>,
    due: Moment,
    running: bool,
    seen: Option<DoctorView>,
    told: Arc<Mutex<Told>>,
    sink: mpsc::Sender<Input>,
}

impl Doctors {
    /// Examines as often as the settings say; nothing runs yet.
    pub fn new(settings: &Settings, now: Now, sink: mpsc::Sender<Input>) -> Self {
        Self {
            every: settings.doctor.every,
            due: now.mono + FIRST,
            running: false,
            seen: None,
            told: Arc::default(),
            sink,
        }
    }

    /// Begins the examination that is due.
    pub fn begin_due(&mut self, settings: &Settings, now: Now) {
        let Some(every) = self.every else { return };
        if self.running || now.mono < self.due {
            return;
        }
        (self.running, self.due) = (true, now.mono + every);
        let (settings, sink, told) = (settings.clone(), self.sink.clone(), Arc::clone(&self.told));
        tokio::spawn(async move {
            let seen = tokio::time::timeout(LIMIT, examine(&settings, &told)).await.ok();
            // a closed channel means that the daemon ends
            let _ = sink.send(Input::Examined(seen.map(Box::new))).await;
        });
    }

    /// Takes in what one found; nothing when it was given up.
    pub fn handle_end(&mut self, seen: Option<DoctorView>) {
        self.running = false;
        let Some(mut seen) = seen else { return };
        if let Some(last) = &self.seen {
            keep(&mut seen, last);
        }
        self.seen = Some(seen);
    }

    /// What the last one found; absent before the first.
    pub fn seen(&self) -> Option<DoctorView> {
        self.seen.clone()
    }
}

async fn examine(settings: &Settings, told: &Mutex<Told>) -> DoctorView {
    let chosen: Vec<_> =
        settings.regions.iter().flat_map(|region| region.replicas.iter().map(|one| (&region.name, one))).collect();
    let facts = gather::facts(settings, &chosen, &Wish::of(settings), clock::now).await;
    let report = doctor::examine(&facts);
    tell(&report, &mut told.lock().unwrap_or_else(PoisonError::into_inner));
    view(&facts, &report, passwords(&facts, &chosen))
}

/// What could not be asked this time is as it was known: a counter and a date must not vanish with what they tell of.
fn keep(seen: &mut DoctorView, last: &DoctorView) {
    for cache in &mut seen.caches {
        let Some(known) = last.caches.iter().find(|known| known.server == cache.server) else { continue };
        cache.evictions = cache.evictions.or(known.evictions);
        cache.touch_misses = cache.touch_misses.or(known.touch_misses);
    }
    for password in &mut seen.passwords {
        let same = |known: &&PasswordView| (&known.region, &known.replica) == (&password.region, &password.replica);
        let known = last.passwords.iter().find(same).and_then(|known| known.expiry);
        password.expiry = password.expiry.or(known);
    }
}

/// What the log has been told, by its sentence, with the check that said it.
type Told = BTreeMap<String, &'static str>;

/// One line a finding that should be mended, when it appears and when it is gone, so that the metric's number can be looked
/// up. What stays is not told anew each time; nor is it gone while its check could not look.
fn tell(report: &Report, told: &mut Told) {
    let (appeared, gone) = changes(report, told);
    for finding in appeared {
        tracing::warn!(check = finding.id, severity = finding.severity.code(), "doctor: {}", finding.sentence);
    }
    for (sentence, check) in gone {
        tracing::info!(check, "doctor: no longer found: {sentence}");
    }
}

fn changes<'a>(report: &'a Report, told: &mut Told) -> (Vec<&'a Finding>, Told) {
    let found: Vec<&Finding> = urgent(report).collect();
    let appeared = found.iter().filter(|finding| !told.contains_key(&finding.sentence)).copied().collect();
    let blind = |check: &str| report.unasked.iter().any(|unasked| unasked.checks.contains(&check));
    let stays = |sentence: &str, check: &str| found.iter().any(|finding| finding.sentence == sentence) || blind(check);
    let (kept, gone) = std::mem::take(told).into_iter().partition(|(sentence, check)| stays(sentence, check));
    *told = kept;
    told.extend(found.iter().map(|finding| (finding.sentence.clone(), finding.id)));
    (appeared, gone)
}

fn view(facts: &Facts, report: &Report, passwords: Vec<PasswordView>) -> DoctorView {
    let caches = facts.caches.iter().flatten().map(cache).collect();
    DoctorView {
        checked_at: facts.now,
        critical: report.count(Severity::Critical),
        warning: report.count(Severity::Warning),
        info: report.count(Severity::Info),
        unasked: report.unasked.len(),
        caches,
        passwords,
        findings: urgent(report).take(MOST_FINDINGS).map(finding).collect(),
    }
}

/// What should be mended, the most urgent first.
fn urgent(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity != Severity::Info)
}

fn finding(finding: &Finding) -> FindingView {
    FindingView {
        check: finding.id.to_owned(),
        severity: finding.severity.code().to_owned(),
        sentence: finding.sentence.clone(),
    }
}

fn passwords(facts: &Facts, chosen: &[(&RegionName, &Replica)]) -> Vec<PasswordView> {
    let master = PasswordView { expiry: facts.master.own_password.clone().ok(), ..PasswordView::default() };
    let replicas = chosen.iter().zip(&facts.replicas).map(|((region, replica), side)| PasswordView {
        region: Some(region.0.clone()),
        replica: Some(replica.name.0.clone()),
        expiry: side.own_password.clone().ok(),
    });
    std::iter::once(master).chain(replicas).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Unasked;
    use crate::model::view::ExpiryView;

    #[test]
    fn a_finding_is_told_when_it_appears_and_when_it_is_gone_and_not_each_time() {
        let finding = |id, severity| Finding { id, severity, sentence: format!("{id} is wrong"), why: "", mend: "" };
        let (a, b) = (finding("a", Severity::Warning), finding("b", Severity::Critical));
        let note = finding("c", Severity::Info);
        let mut told = Told::new();
        let mut course = |findings: &[&Finding], blind: &[&'static str]| {
            let unasked = vec![Unasked { why: String::new(), checks: blind.to_vec() }];
            let findings = findings.iter().map(|&finding| finding.clone()).collect();
            let report = Report { findings, unasked, checks: 3 };
            let (appeared, gone) = changes(&report, &mut told);
            (appeared.iter().map(|finding| finding.id).collect::<Vec<_>>(), gone.into_values().collect::<Vec<_>>())
        };
        let nothing = (vec![], vec![]);
        assert_eq!(course(&[&a, &note], &[]), (vec!["a"], vec![]));
        assert_eq!(course(&[&a, &b, &note], &[]), (vec!["b"], vec![]));
        assert_eq!(course(&[&a, &b], &[]), nothing);
        // the master is gone, and with it what `b` goes by
        assert_eq!(course(&[&a], &["b"]), nothing);
        assert_eq!(course(&[&a, &b], &[]), nothing, "it was never mended");
        assert_eq!(course(&[&b], &["b"]), (vec![], vec!["a"]));
        assert_eq!(course(&[], &[]), (vec![], vec!["b"]));
        assert_eq!(course(&[&b], &[]), (vec!["b"], vec![]));
    }

    #[test]
    fn what_could_not_be_asked_this_time_is_as_it_was_known() {
        let cache = |up, evictions| CacheView { server: "m:11211".into(), up, evictions, ..CacheView::default() };
        let password = |replica: Option<&str>, expiry| PasswordView {
            region: replica.map(|_| "RegionTwo".into()),
            replica: replica.map(Into::into),
            expiry,
        };
        let never = Some(ExpiryView::default());
        let soon = Some(ExpiryView { limited: true, at: Some(clock::now().wall) });
        let seen = |caches, passwords| DoctorView { caches, passwords, ..DoctorView::default() };
        let (sink, _keep) = mpsc::channel(1);
        let mut doctors = Doctors::new(&crate::report::fixtures::settings(), clock::now(), sink);
        doctors
            .handle_end(Some(seen(vec![cache(true, Some(7))], vec![password(None, soon), password(Some("a"), never)])));
        let silent = vec![password(None, None), password(Some("a"), None), password(Some("b"), None)];
        doctors.handle_end(Some(seen(vec![cache(false, None)], silent)));
        doctors.handle_end(None);
        let known = doctors.seen().unwrap();
        assert_eq!(known.caches, [cache(false, Some(7))], "a counter does not vanish");
        assert_eq!(
            known.passwords,
            [password(None, soon), password(Some("a"), never), password(Some("b"), None)],
            "nor does a date, and none is taken for another's"
        );
    }
}
