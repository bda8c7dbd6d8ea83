//! `status` and `events` for people: the same documents that `--json` prints, laid out to be read at 80 columns.

use std::time::Duration;

use jiff::Timestamp;

use super::sheet::{Sheet, Tone, Words, columns};
use crate::model::time::{friendly, friendly_seconds, stamp};
use crate::model::view::{DoctorView, GateView, HookView, KeystoneView, MasterView, RegionView, ReplicaView, Snapshot};
use crate::model::{Budget, Event, EventKind, Phase};

/// An outage budget below this, in seconds, is pointed out: a day.
const SHORT_BUDGET: f64 = 86_400.0;
/// A region's name that is longer does not move the others' lines of the overview.
const LONGEST_NAME: usize = 24;

/// Whether anything in a snapshot needs a person's eye: a verdict, a pause, an episode, or no full look yet.
pub fn is_degraded(snapshot: &Snapshot) -> bool {
    let fine = |region: &RegionView| {
        region.phase == Phase::Remote
            && region.paused.is_none()
            && !region.verdicts.is_empty()
            && region.verdicts.iter().all(|verdict| verdict.severity == "fine")
    };
    !snapshot.looked || !snapshot.regions.iter().all(fine)
}

/// The status sheet.
pub fn status(mut sheet: Sheet, snapshot: &Snapshot) -> String {
    let now = snapshot.taken_at;
    let mut head = Words::new().fact(Tone::Bold, &format!("keyward {}", snapshot.version));
    if let Some(now) = now {
        head = head.fact(Tone::Plain, &stamp(now));
        if let Some(started) = snapshot.started_at {
            head = head.fact(Tone::Plain, &format!("up {}", ago(now, started)));
        }
    }
    sheet.line(2, head);
    let at = snapshot.master_addresses.join(", ");
    sheet.line(2, Words::new().say(Tone::Plain, &format!("The master is {} at {at}.", snapshot.master_region)));
    if !snapshot.looked {
        sheet.line(2, Words::new().say(Tone::Warning, "Not every server has been looked at yet."));
    }
    if snapshot.regions.len() > 1 {
        sheet.gap();
        overview(&mut sheet, &snapshot.regions, now);
    }
    for view in &snapshot.regions {
        sheet.gap();
        region(&mut sheet, view, &snapshot.master_region, now);
    }
    if let Some(found) = snapshot.doctor.as_ref().and_then(DoctorView::summary) {
        sheet.gap();
        sheet.line(2, Words::new().say(Tone::Warning, &found));
    }
    sheet.into_text()
}

/// One line for each of several regions: what a window that is too low for all of them must show.
fn overview(sheet: &mut Sheet, regions: &[RegionView], now: Option<Timestamp>) {
    let room = regions.iter().map(|view| columns(&view.name)).max().unwrap_or_default().min(LONGEST_NAME);
    for view in regions {
        let gap = " ".repeat(room.saturating_sub(columns(&view.name)));
        let mut words = standing(view, now, &format!("{}{gap}", view.name));
        for verdict in &view.verdicts {
            words = words.fact(severity_tone(&verdict.severity), &verdict.code);
        }
        words = if view.ready { words } else { words.fact(Tone::Warning, "NOT ready") };
        sheet.line(4, words);
    }
}

/// A region's name, where it authenticates, since when, and what keeps it there.
fn standing(view: &RegionView, now: Option<Timestamp>, name: &str) -> Words {
    let mut head = Words::new().unit(Tone::Bold, name);
    head = head.fact(phase_tone(view.phase), &view.phase.code().to_uppercase());
    if let (Some(now), Some(since)) = (now, view.phase_since) {
        head = head.fact(Tone::Plain, &format!("for {}", ago(now, since)));
    }
    if view.mode != "auto" {
        head = head.fact(Tone::Warning, &format!("mode {}", view.mode));
    }
    if view.paused.is_some() {
        head = head.fact(Tone::Warning, "PAUSED");
    }
    head
}

fn region(sheet: &mut Sheet, view: &RegionView, master_region: &str, now: Option<Timestamp>) {
    sheet.line(2, standing(view, now, &view.name));
    sheet.entry("logins", Words::new().say(Tone::Plain, &view.logins(master_region)));
    sheet.entry("why", Words::new().say(Tone::Plain, &view.sentence));
    master(sheet, view, now);
    for (label, view) in [("identity", &view.identity), ("local", &view.local_identity)] {
        if let Some(view) = view {
            keystone(sheet, label, view);
        }
    }
    verdicts(sheet, view);
    for replica in &view.replicas {
        // what closes the region's gate is said there
        let told = |gate: &&GateView| !view.gates.iter().any(|told| told.code == gate.code);
        self::replica(sheet, replica, &replica.gates.iter().filter(told).collect::<Vec<_>>());
    }
    for (index, hook) in view.hooks.iter().enumerate() {
        sheet.entry(if index == 0 { "hooks" } else { "" }, hook_words(hook, now));
        if let Some(level) = &hook.level {
            let tone = if level.up && level.ok != Some(false) { Tone::Plain } else { Tone::Bad };
            sheet.more(Words::new().say(tone, &level.sentence));
        }
    }
    episode(sheet, view, now);
    ready(sheet, view);
}

fn phase_tone(phase: Phase) -> Tone {
    match phase {
        Phase::Remote => Tone::Good,
        Phase::Suspect | Phase::Returning => Tone::Warning,
        Phase::Switching | Phase::Local => Tone::Bad,
    }
}

fn severity_tone(severity: &str) -> Tone {
    match severity {
        "fine" => Tone::Good,
        "warning" => Tone::Warning,
        _ => Tone::Bad,
    }
}

fn master(sheet: &mut Sheet, view: &RegionView, now: Option<Timestamp>) {
    let (tone, word) = match view.master_up {
        Some(true) => (Tone::Good, "up"),
        // it lives, which is all that keyward knows of it
        Some(false) if view.is_refused() => (Tone::Bad, "REFUSES KEYWARD"),
        Some(false) => (Tone::Bad, "DOWN"),
        None => (Tone::Warning, "not known yet"),
    };
    let mut words = Words::new().fact(tone, word);
    for (witness, up) in [("probe", view.probe_up), ("link", view.link_up)] {
        words = match up {
            Some(true) => words.fact(Tone::Plain, &format!("{witness} proves it")),
            Some(false) => words.fact(Tone::Warning, &format!("no proof by {witness}")),
            None => words.fact(Tone::Dim, &format!("{witness} not known")),
        };
    }
    words = match view.silence_seconds {
        // a proof that is fresh need not be counted in milliseconds
        Some(silence) if silence < 3.0 => words,
        Some(silence) => words.fact(Tone::Warning, &format!("silent for {}", friendly_seconds(silence))),
        None => words.fact(Tone::Warning, "never proven alive"),
    };
    sheet.entry("master", words);
    if let Some(failure) = &view.master_failure {
        sheet.more(Words::new().say(Tone::Warning, failure));
    }
    if view.masters.len() > 1 {
        view.masters.iter().for_each(|address| sheet.more(address_words(address)));
    }
    if let (Some(now), Some(deadline)) = (now, view.deadline) {
        let left = friendly(Duration::try_from(deadline.duration_since(now)).unwrap_or_default());
        sheet.more(Words::new().say(Tone::Warning, &format!("failover is due in {left}")));
    }
}

/// A Keystone: RegionOne's, or the region's own.
fn keystone(sheet: &mut Sheet, label: &str, view: &KeystoneView) {
    let mut words = Words::new().fact(Tone::Plain, &format!("Keystone at {}", view.url));
    words = match (view.up, view.login_up) {
        (None, _) => words.fact(Tone::Warning, "not looked at yet"),
        (Some(false), _) => words.fact(Tone::Bad, "DOWN"),
        (_, Some(true)) => words.fact(Tone::Good, "logs in"),
        (_, Some(false)) => words.fact(Tone::Bad, "NO LOGIN"),
        (Some(true), None) => words.fact(Tone::Good, "answers"),
    };
    words = match view.validates {
        Some(true) => words.fact(Tone::Plain, "tokens are valid"),
        Some(false) => words.fact(Tone::Bad, "TOKENS ARE NOT VALID"),
        None => words,
    };
    words = match view.silence_seconds {
        Some(silence) if view.failure.is_some() => {
            words.fact(Tone::Warning, &format!("silent for {}", friendly_seconds(silence)))
        }
        _ => words,
    };
    sheet.entry(label, words);
    if let Some(failure) = view.failure.as_ref().filter(|_| view.obstacle.is_none()) {
        sheet.more(Words::new().say(Tone::Warning, failure));
    }
}

/// One of several addresses of the master.
fn address_words(view: &MasterView) -> Words {
    let (tone, state) = match (view.up, &view.failure) {
        (Some(true), _) => (Tone::Plain, " answers".to_owned()),
        (_, Some(failure)) => (Tone::Warning, format!(": {failure}")),
        _ => (Tone::Dim, " not looked at yet".to_owned()),
    };
    let beats = if view.takes_beats { "; beats go here" } else { "" };
    Words::new().say(tone, &format!("{}{state}{beats}", view.address))
}

fn verdicts(sheet: &mut Sheet, view: &RegionView) {
    for (index, verdict) in view.verdicts.iter().enumerate() {
        let tone = severity_tone(&verdict.severity);
        let words = Words::new().unit(tone, &format!("{}:", verdict.code)).say(Tone::Plain, &verdict.sentence);
        sheet.entry(if index == 0 { "verdicts" } else { "" }, words);
    }
}

fn replica(sheet: &mut Sheet, view: &ReplicaView, gates: &[&GateView]) {
    let (tone, word) = match view.up {
        Some(true) => (Tone::Good, "up"),
        Some(false) => (Tone::Bad, "DOWN"),
        None => (Tone::Warning, "not known yet"),
    };
    let mut head =
        Words::new().unit(Tone::Bold, &view.name).unit(Tone::Plain, &format!("at {}", view.address)).fact(tone, word);
    if let Some(version) = &view.version {
        head = head.fact(Tone::Dim, version);
    }
    if view.up == Some(true) && !view.guarded {
        head = head.fact(Tone::Warning, "looked at only");
    }
    sheet.entry("replica", head);
    let mut facts = Words::new();
    for (name, seconds) in [("lag", view.lag_seconds), ("data age", view.data_age_seconds)] {
        let value = seconds.map_or("not known".to_owned(), friendly_seconds);
        facts = facts.fact(Tone::Plain, &format!("{name} {value}"));
    }
    for (name, running) in [("I/O", view.io_running), ("SQL", view.sql_running)] {
        facts = match running {
            Some(true) => facts.fact(Tone::Plain, &format!("{name} runs")),
            Some(false) if name == "I/O" && view.io_connecting == Some(true) => facts.fact(Tone::Bad, "I/O connecting"),
            Some(false) => facts.fact(Tone::Bad, &format!("{name} STOPPED")),
            None => facts,
        };
    }
    facts = match view.read_only {
        Some(true) => facts.fact(Tone::Plain, "read-only"),
        Some(false) => facts.fact(Tone::Bad, "WRITABLE"),
        None => facts,
    };
    facts = match view.outage_budget {
        Some(Budget::Seconds(seconds)) => {
            let tone = if seconds < SHORT_BUDGET { Tone::Warning } else { Tone::Plain };
            facts.fact(tone, &format!("outage budget {}", roughly(seconds)))
        }
        Some(Budget::Unlimited) => facts.fact(Tone::Plain, "outage budget unlimited"),
        None => facts,
    };
    facts = match view.errant_transactions {
        Some(count @ 1..) => facts.fact(Tone::Warning, &format!("{count} errant transaction(s)")),
        _ => facts,
    };
    facts = match (view.verified_at, view.differing_tables) {
        (Some(at), Some(0)) => facts.fact(Tone::Plain, &format!("verified {}", stamp(at))),
        (Some(at), Some(tables)) => facts.fact(Tone::Warning, &format!("{tables} table(s) DIFFERED {}", stamp(at))),
        _ => facts,
    };
    facts = if view.filter_ok == Some(false) { facts.fact(Tone::Bad, "filter is wrong") } else { facts };
    facts = if view.durable == Some(false) { facts.fact(Tone::Warning, "not durable") } else { facts };
    sheet.more(facts);
    if let Some(failure) = &view.failure {
        sheet.more(Words::new().say(Tone::Bad, failure));
    }
    let errors = [("I/O", view.io_errno, &view.io_error), ("SQL", view.sql_errno, &view.sql_error)];
    for (thread, errno, error) in errors {
        if let Some(errno) = errno.filter(|errno| *errno != 0) {
            let text = format!("{thread} error {errno}: {}", error.as_deref().unwrap_or_default());
            sheet.more(Words::new().say(Tone::Bad, &text));
        }
    }
    for gate in gates {
        sheet.more(gate_words(gate));
    }
    if let Some(upkeep) = &view.upkeep {
        sheet.more(Words::new().say(Tone::Dim, upkeep));
    }
}

/// A long span in the two units that matter.
fn roughly(seconds: f64) -> String {
    let unit = match seconds {
        86_400.0.. => 3_600.0,
        3_600.0.. => 60.0,
        _ => 1.0,
    };
    friendly_seconds((seconds / unit).floor() * unit)
}

fn gate_words(gate: &GateView) -> Words {
    Words::new().unit(Tone::Warning, &format!("gate {}:", gate.code)).say(Tone::Plain, &gate.sentence)
}

fn hook_words(hook: &HookView, now: Option<Timestamp>) -> Words {
    let tone = match hook.state.as_str() {
        "done" => Tone::Good,
        "retrying" => Tone::Bad,
        "running" | "waiting" => Tone::Warning,
        _ => Tone::Plain,
    };
    let mut words = Words::new().unit(Tone::Bold, &hook.name).fact(tone, &hook.state);
    if hook.optional {
        words = words.fact(Tone::Dim, "optional");
    }
    if hook.attempt > 0 {
        words = words.fact(Tone::Plain, &format!("attempt {}", hook.attempt));
    }
    if let (Some(now), Some(next)) = (now, hook.next_try) {
        let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        words = words.fact(Tone::Plain, &format!("next in {}", friendly(left)));
    }
    match &hook.last_failure {
        Some(failure) => words.fact(Tone::Plain, "last time:").say(Tone::Warning, failure),
        None => words,
    }
}

fn episode(sheet: &mut Sheet, view: &RegionView, now: Option<Timestamp>) {
    if let Some(episode) = &view.episode {
        let by = if episode.manual { "begun by hand:" } else { "begun by itself:" };
        let mut words = Words::new().fact(Tone::Bold, &episode.id).fact(Tone::Plain, &format!("turn {}", episode.turn));
        if let Some(now) = now {
            words = words.fact(Tone::Plain, &format!("for {}", ago(now, episode.started_at)));
        }
        sheet.entry("episode", words.fact(Tone::Plain, by).say(Tone::Plain, &episode.reason));
    }
    if let Some(back) = view.way_back.as_ref().filter(|_| view.phase != Phase::Returning) {
        sheet.entry("way back", Words::new().say(Tone::Plain, &back.sentence));
    }
    if let Some(pause) = &view.paused {
        let until = pause.until.map_or("until `keyward resume`".to_owned(), |until| format!("until {}", stamp(until)));
        let by = format!("by {}: {}", pause.user, pause.reason);
        sheet.entry("paused", Words::new().say(Tone::Warning, &until).say(Tone::Plain, &by));
    }
}

fn ready(sheet: &mut Sheet, view: &RegionView) {
    if view.ready && view.phase.in_episode() {
        return;
    }
    let (tone, word) = if view.ready { (Tone::Good, "ready.") } else { (Tone::Warning, "NOT ready.") };
    let told = view.gates.iter().any(|gate| gate.sentence == view.ready_sentence);
    let why = if told { "" } else { view.ready_sentence.as_str() };
    sheet.entry("failover", Words::new().unit(tone, word).say(Tone::Plain, why));
    for gate in &view.gates {
        sheet.more(gate_words(gate));
    }
}

/// The events, oldest first.
pub fn events(mut sheet: Sheet, events: &[Event]) -> String {
    for event in events {
        let (tone, what) = event_words(&event.what);
        let mut head = Words::new().unit(Tone::Dim, &stamp(event.at));
        if let Some(region) = &event.region {
            head = head.unit(Tone::Bold, &region.0);
        }
        sheet.line(2, head.unit(tone, &what));
        sheet.entry("", Words::new().say(Tone::Plain, &event.sentence));
    }
    sheet.into_text()
}

fn event_words(what: &EventKind) -> (Tone, String) {
    match what {
        EventKind::Transition { from, to, cause } => (phase_tone(*to), format!("{from} -> {to} ({})", cause.code())),
        EventKind::Verdict { verdict, on: true } if verdict == "healthy" => (Tone::Good, format!("verdict {verdict}")),
        EventKind::Verdict { verdict, on: true } => (Tone::Warning, format!("verdict {verdict}")),
        EventKind::Verdict { verdict, on: false } => (Tone::Plain, format!("verdict {verdict} is over")),
        EventKind::Hook { hook, event, outcome, seconds } => {
            let tone = if outcome == "ok" { Tone::Good } else { Tone::Bad };
            (tone, format!("hook {hook} for {event}: {outcome} after {}", friendly_seconds(*seconds)))
        }
        EventKind::Level { hook } => (Tone::Warning, format!("hook {hook} set again")),
        EventKind::Verified { replica } | EventKind::Kept { replica } => (Tone::Plain, format!("replica {replica}")),
        EventKind::Command { command, user } => (Tone::Plain, format!("{command} by {user}")),
        EventKind::Daemon => (Tone::Plain, "daemon".to_owned()),
    }
}

fn ago(now: Timestamp, then: Timestamp) -> String {
    friendly_seconds(now.duration_since(then).as_secs() as f64)
}

#[cfg(test)]
mod tests;
