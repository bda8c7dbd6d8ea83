//! One region as a card: its state in a sentence first, then what Keyward waits for, the drawing, and the facts.

use std::fmt::Write;

use super::chart::{self, Mark};
use super::text::{age, ago, due, entry, escaped, state, tag, when};
use super::{Shown, path, waits};
use crate::model::time::{friendly_seconds, stamp};
use crate::model::view::{GateView, HookView, KeystoneView, RegionView, ReplicaView};
use crate::model::{Budget, Phase};

/// Where the runbook can be read; alerts lead there too.
const RUNBOOK: &str = "https://github.com/keyward/keyward/blob/main/docs/runbook.md";

/// A silence below this, in seconds, is none.
const FRESH: f64 = 3.0;

/// The colour and weight of a region's state.
pub fn tone(view: &RegionView) -> &'static str {
    match view.phase {
        _ if waits::is_blocked(view) => "critical",
        Phase::Remote if view.verdicts.iter().any(|verdict| verdict.severity == "critical") => "critical",
        Phase::Remote if view.paused.is_some() || view.verdicts.iter().any(|verdict| verdict.severity != "fine") => {
            "warning"
        }
        phase => phase_tone(phase),
    }
}

/// The same of the phase alone.
fn phase_tone(phase: Phase) -> &'static str {
    match phase {
        Phase::Remote => "fine",
        Phase::Suspect | Phase::Returning => "warning",
        Phase::Switching | Phase::Local => "critical",
    }
}

/// A region's state in a few words, for titles: `local, paused`.
pub fn words(view: &RegionView) -> String {
    let mut words = view.phase.code().to_owned();
    for (holds, word) in [(waits::is_blocked(view), ", blocked"), (view.paused.is_some(), ", paused")] {
        words.push_str(if holds { word } else { "" });
    }
    words
}

/// The card of the region with this place in the settings; `drawn` says which replicas get a chart.
pub fn region(page: &mut String, shown: &Shown, place: usize, drawn: &dyn Fn(&ReplicaView) -> bool) {
    let (view, now) = (&shown.snapshot.regions[place], shown.snapshot.taken_at);
    head(page, shown, place);
    let waits = waits::of(view, shown.snapshot.looked, now);
    if !waits.is_empty() {
        let items: String = waits.iter().map(|wait| format!("<li>{wait}</li>")).collect();
        let _ = writeln!(page, "<div class=\"waits\"><h3>Keyward waits for</h3><ul>{items}</ul></div>");
    }
    page.push_str("<div class=\"halves\">\n<div>\n");
    path::draw(page, view, &shown.snapshot.master_region);
    page.push_str("</div>\n<dl>\n");
    readiness(page, view);
    verdicts(page, view, place);
    master(page, view);
    for (name, keystone) in [("identity", &view.identity), ("local identity", &view.local_identity)] {
        if let Some(keystone) = keystone {
            entry(page, name, &keystone_text(keystone));
        }
    }
    // a closed gate says the same
    if let Some(pause) = view.paused.as_ref().filter(|_| !is_told_by_gate(view, "paused")) {
        let until = pause.until.map_or("until it is resumed".to_owned(), |until| format!("until {}", when(until)));
        let text =
            format!("{} {until} by {}: {}", tag("warning", "paused"), escaped(&pause.user), escaped(&pause.reason));
        entry(page, "pause", &text);
    }
    if view.mode != "auto" {
        entry(page, "mode", &tag("warning", &view.mode));
    }
    if let Some(episode) = &view.episode {
        let by = if episode.manual { "by hand" } else { "by itself" };
        let (id, turn, began) = (escaped(&episode.id), episode.turn, when(episode.started_at));
        let why = escaped(&episode.reason);
        entry(page, "episode", &format!("{id}, turn {turn}, since {began}, begun {by}: {why}"));
    }
    for hook in &view.hooks {
        entry(page, "hook", &hook_text(hook, now));
    }
    page.push_str("</dl>\n</div>\n");
    let marks = chart::marks(shown.events, &view.name, now);
    for replica in &view.replicas {
        let marks = drawn(replica).then_some(&marks[..]);
        self::replica(page, view, replica, &shown.history.line(&view.name, &replica.name), marks);
    }
    page.push_str("</section>\n");
}

/// Whether a failover would be allowed, and what keeps it from that; each reason once.
fn readiness(page: &mut String, view: &RegionView) {
    // it has failed over
    if !(view.ready && view.phase.in_episode()) {
        let (class, word) = if view.ready { ("fine", "ready") } else { ("warning", "not ready") };
        let told = view.gates.iter().any(|gate| gate.sentence == view.ready_sentence);
        let why = if told { String::new() } else { escaped(&view.ready_sentence) };
        entry(page, "failover", &format!("{} {why}", tag(class, word)));
    }
    for gate in &view.gates {
        let text = format!("{} {}", tag("warning", &gate.code), escaped(&gate.sentence));
        entry(page, "gate closed", &text);
    }
}

fn is_told_by_gate(view: &RegionView, code: &str) -> bool {
    view.gates.iter().any(|gate| gate.code == code)
}

fn head(page: &mut String, shown: &Shown, place: usize) {
    let (view, now) = (&shown.snapshot.regions[place], shown.snapshot.taken_at);
    let since = match (now, view.phase_since) {
        (Some(now), Some(since)) => format!("since {}, for {}", when(since), ago(since, now)),
        _ => String::new(),
    };
    let mut tags = tag(phase_tone(view.phase), view.phase.code());
    if waits::is_blocked(view) {
        tags.push_str(&tag("critical", "blocked"));
    }
    if view.paused.is_some() {
        tags.push_str(&tag("warning", "paused"));
    }
    let _ = writeln!(
        page,
        "<section class=\"card {}\" aria-labelledby=\"r{place}\">\n<h2 id=\"r{place}\">{} {tags}</h2>\n\
         <p class=\"since\">{since}</p>\n<p class=\"logins\">{}</p>\n<p class=\"why\">{}</p>",
        tone(view),
        escaped(&view.name),
        escaped(&view.logins(&shown.snapshot.master_region)),
        escaped(&view.sentence)
    );
}

/// A way to what the runbook says of a verdict. It has an id, so that it keeps the focus when the page is shown anew.
fn runbook(place: usize, code: &str) -> String {
    let code = escaped(code);
    format!("; <a id=\"do-{place}-{code}\" href=\"{RUNBOOK}#{code}\">what to do about {code}</a>")
}

fn verdicts(page: &mut String, view: &RegionView, place: usize) {
    for verdict in &view.verdicts {
        let class = match verdict.severity.as_str() {
            "fine" => "fine",
            "warning" => "warning",
            _ => "critical",
        };
        let told = view.gates.iter().any(|gate| gate.sentence == verdict.sentence);
        let why = if told { "the gate above says why".to_owned() } else { escaped(&verdict.sentence) };
        let what_to_do = if class == "fine" { String::new() } else { runbook(place, &verdict.code) };
        entry(page, "verdict", &format!("{} {why}{what_to_do}", tag(class, &verdict.code)));
    }
}

fn master(page: &mut String, view: &RegionView) {
    let mut text = match view.master_up {
        Some(true) => tag("fine", "up"),
        // it lives, which is all that keyward knows of it
        Some(false) if view.is_refused() => tag("critical", "refuses keyward"),
        Some(false) => tag("critical", "down"),
        None => tag("warning", "not known yet"),
    };
    match view.silence_seconds {
        // a proof that is fresh need not be counted
        Some(silence) if silence < FRESH => {}
        Some(silence) => {
            let _ = write!(text, " last proof of life {} ago", friendly_seconds(silence));
        }
        None => text.push_str(" never proven alive"),
    }
    if let Some(failure) = &view.master_failure {
        let _ = write!(text, "; last look: {}", escaped(failure));
    }
    entry(page, "master", &text);
    for address in view.masters.iter().filter(|_| view.masters.len() > 1) {
        let mut text = format!("{} {}", escaped(&address.address), state(address.up, "answers", "does not answer"));
        if address.takes_beats {
            text.push_str("; beats go here");
        }
        if let Some(failure) = &address.failure {
            let _ = write!(text, "; last look: {}", escaped(failure));
        }
        entry(page, "address", &text);
    }
}

fn keystone_text(view: &KeystoneView) -> String {
    let mut text = format!("{} {}", escaped(&view.url), state(view.up, "answers", "does not answer"));
    if view.login_up.is_some() {
        let _ = write!(text, "; {}", state(view.login_up, "logs in", "does not log in"));
    }
    if view.validates.is_some() {
        let _ = write!(text, "; {}", state(view.validates, "tokens are valid", "tokens are not valid"));
    }
    if let Some(failure) = &view.failure {
        let _ = write!(text, "; last look: {}", escaped(failure));
    }
    text
}

fn hook_text(hook: &HookView, now: Option<jiff::Timestamp>) -> String {
    let class = match hook.state.as_str() {
        "done" => "fine",
        "retrying" => "critical",
        "running" | "waiting" => "warning",
        _ => "idle",
    };
    let optional = if hook.optional { " (optional)" } else { "" };
    let mut text = format!("{}{optional} {}", escaped(&hook.name), tag(class, &hook.state));
    if hook.attempt > 0 {
        let _ = write!(text, " attempt {}", hook.attempt);
    }
    if let Some(next) = hook.next_try {
        let _ = write!(text, ", next at {}", due(next, now));
    }
    if let Some(failure) = &hook.last_failure {
        let _ = write!(text, "; last time: {}", escaped(failure));
    }
    if let Some(level) = &hook.level {
        let (class, word) = if level.up && level.ok != Some(false) { ("fine", "set") } else { ("critical", "not set") };
        let _ = write!(text, "; {} {}", tag(class, word), escaped(&level.sentence));
    }
    text
}

/// One replica; its chart is drawn where there are marks for it.
fn replica(page: &mut String, region: &RegionView, view: &ReplicaView, points: &[Option<f32>], marks: Option<&[Mark]>) {
    let _ = writeln!(
        page,
        "<div class=\"replica\">\n<h3>Replica {} <small>{}</small></h3>\n<div class=\"halves\">\n<dl class=\"facts\">",
        escaped(&view.name),
        escaped(&view.address)
    );
    let io = if view.io_connecting == Some(true) { "connecting" } else { "stopped" };
    for (name, text) in [
        ("server", state(view.up, "up", "down")),
        ("lag", age(view.lag_seconds)),
        ("data age", age(view.data_age_seconds)),
        ("read-only", state(view.read_only, "yes", "no")),
        ("I/O thread", state(view.io_running, "running", io)),
        ("SQL thread", state(view.sql_running, "running", "stopped")),
        ("outage budget", view.outage_budget.map_or("not known".to_owned(), budget)),
    ] {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{text}</dd></div>");
    }
    page.push_str("</dl>\n<figure>\n");
    if let Some(marks) = marks {
        chart::draw(page, &view.name, points, marks);
    }
    let _ = writeln!(page, "<figcaption>{}</figcaption>\n</figure>\n</div>", chart::caption(points, view.lag_seconds));
    for error in [&view.failure, &view.io_error, &view.sql_error].into_iter().flatten().filter(|text| !text.is_empty())
    {
        let _ = writeln!(page, "<p class=\"error\">{}</p>", escaped(error));
    }
    if let Some(errant) = view.errant_transactions.filter(|errant| *errant > 0) {
        let _ = writeln!(page, "<p class=\"error\">It has {errant} transactions that the master has not.</p>");
    }
    // what closes the region's gate is said above
    let told = |gate: &&GateView| !region.gates.iter().any(|told| told.code == gate.code);
    for gate in view.gates.iter().filter(told) {
        let _ = writeln!(page, "<p>{} {}</p>", tag("warning", &gate.code), escaped(&gate.sentence));
    }
    if let Some(upkeep) = &view.upkeep {
        let _ = writeln!(page, "<p class=\"soft\">Upkeep: {}</p>", escaped(upkeep));
    }
    if let Some(at) = view.verified_at {
        let differing = view.differing_tables.unwrap_or_default();
        let _ = writeln!(
            page,
            "<p class=\"soft\">Compared with the master at {}: {differing} tables differed.</p>",
            stamp(at)
        );
    }
    page.push_str("</div>\n");
}

fn budget(budget: Budget) -> String {
    match budget {
        Budget::Seconds(seconds) => friendly_seconds(seconds),
        Budget::Unlimited => "unlimited".to_owned(),
    }
}
