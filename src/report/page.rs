//! The status page: one HTML document without scripts, readable in light and dark, made from one snapshot.
//!
//! Every text that comes from settings, servers or people is escaped.

use std::fmt::Write;

use jiff::Timestamp;

use crate::model::Phase;
use crate::model::time::{friendly_seconds, stamp};
use crate::model::view::{GateView, HookView, KeystoneView, RegionView, Snapshot};

const STYLE: &str = include_str!("page.css");

/// The page for `snapshot`.
pub fn html(snapshot: &Snapshot) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let title: Vec<String> = snapshot.regions.iter().map(|view| format!("{} {}", view.name, view.phase)).collect();
    let title = escaped(&title.join(", "));
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n<meta http-equiv=\"refresh\" content=\"5\">\n");
    let _ = write!(page, "<title>{title} - keyward</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n");
    let _ = writeln!(
        page,
        "<header><h1>keyward</h1><p>The master is <b>{}</b> at {}.</p></header>\n<main>",
        escaped(&snapshot.master_region),
        escaped(&snapshot.master_addresses.join(", "))
    );
    if !snapshot.looked {
        page.push_str("<p class=\"warning\">Not every server has been looked at yet.</p>\n");
    }
    for view in &snapshot.regions {
        region(&mut page, view, snapshot.taken_at);
    }
    let at = snapshot.taken_at.map_or("not yet".to_owned(), stamp);
    let _ = write!(
        page,
        "</main>\n<footer><p>As of {at}. keyward {} ({}).</p>\n<nav><a href=\"/metrics\">metrics</a> \
         <a href=\"/api/v1/status\">status as JSON</a> <a href=\"/api/v1/events\">events as JSON</a> \
         <a href=\"/-/healthy\">healthy</a> <a href=\"/-/ready\">ready</a></nav></footer>\n</body>\n</html>\n",
        escaped(&snapshot.version),
        escaped(&snapshot.revision)
    );
    page
}

fn region(page: &mut String, view: &RegionView, now: Option<Timestamp>) {
    let tone = match view.phase {
        Phase::Remote => "fine",
        Phase::Suspect | Phase::Returning => "warning",
        Phase::Switching | Phase::Local => "critical",
    };
    let since = match (now, view.phase_since) {
        (Some(now), Some(since)) => format!("for {}", friendly_seconds(now.duration_since(since).as_secs() as f64)),
        _ => String::new(),
    };
    let _ = writeln!(
        page,
        "<section>\n<h2>{} <span class=\"tag {tone}\">{}</span> <small>{since}</small></h2>\n<p class=\"why\">{}</p>",
        escaped(&view.name),
        view.phase,
        escaped(&view.sentence)
    );
    page.push_str("<dl>\n");
    master(page, view);
    for (name, keystone) in [("identity", &view.identity), ("local identity", &view.local_identity)] {
        if let Some(keystone) = keystone {
            entry(page, name, &keystone_text(keystone));
        }
    }
    verdicts(page, view);
    let (class, word) = if view.ready { ("fine", "ready") } else { ("warning", "not ready") };
    entry(page, "failover", &format!("{} {}", tag(class, word), escaped(&view.ready_sentence)));
    for gate in &view.gates {
        let text = format!("{} {}", tag("warning", &gate.code), escaped(&gate.sentence));
        entry(page, "gate closed", &text);
    }
    if let Some(pause) = &view.paused {
        let until = pause.until.map_or("until it is resumed".to_owned(), |until| format!("until {}", stamp(until)));
        let text =
            format!("{} {until} by {}: {}", tag("warning", "paused"), escaped(&pause.user), escaped(&pause.reason));
        entry(page, "pause", &text);
    }
    if let Some(episode) = &view.episode {
        let by = if episode.manual { "by hand" } else { "by itself" };
        let text =
            format!("{}, turn {}, since {}, begun {by}", escaped(&episode.id), episode.turn, stamp(episode.started_at));
        entry(page, "episode", &text);
    }
    if let Some(back) = &view.way_back {
        let so_far = friendly_seconds(back.healthy_seconds.floor());
        let needed = friendly_seconds(back.needed_seconds);
        let text = format!("{so_far} of {needed} unbroken health; {}", escaped(&back.sentence));
        entry(page, "way back", &text);
    }
    for hook in &view.hooks {
        entry(page, "hook", &hook_text(hook));
    }
    page.push_str("</dl>\n");
    replicas(page, view);
    page.push_str("</section>\n");
}

fn master(page: &mut String, view: &RegionView) {
    let mut text = match view.master_up {
        Some(true) => tag("fine", "up"),
        Some(false) => tag("critical", "down"),
        None => tag("warning", "not known yet"),
    };
    match view.silence_seconds {
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

fn verdicts(page: &mut String, view: &RegionView) {
    for verdict in &view.verdicts {
        let class = match verdict.severity.as_str() {
            "fine" => "fine",
            "warning" => "warning",
            _ => "critical",
        };
        entry(page, "verdict", &format!("{} {}", tag(class, &verdict.code), escaped(&verdict.sentence)));
    }
}

fn hook_text(hook: &HookView) -> String {
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
        let _ = write!(text, ", next at {}", stamp(next));
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

fn replicas(page: &mut String, region: &RegionView) {
    page.push_str(
        "<div class=\"wide\"><table>\n<thead><tr><th>Replica</th><th>Address</th><th>Server</th><th>Lag</th>",
    );
    page.push_str("<th>Data age</th><th>I/O</th><th>SQL</th><th>Read-only</th></tr></thead>\n<tbody>\n");
    for view in &region.replicas {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&view.name),
            escaped(&view.address),
            state(view.up, "up", "down"),
            age(view.lag_seconds),
            age(view.data_age_seconds),
            state(view.io_running, "running", if view.io_connecting == Some(true) { "connecting" } else { "stopped" }),
            state(view.sql_running, "running", "stopped"),
            state(view.read_only, "yes", "no"),
        );
        let errors = [&view.failure, &view.io_error, &view.sql_error];
        for error in errors.into_iter().flatten().filter(|error| !error.is_empty()) {
            let _ = writeln!(page, "<tr class=\"error\"><td colspan=\"8\">{}</td></tr>", escaped(error));
        }
        // what closes the region's gate is said above
        let told = |gate: &&GateView| !region.gates.iter().any(|told| told.code == gate.code);
        for gate in view.gates.iter().filter(told) {
            let _ = writeln!(
                page,
                "<tr class=\"error\"><td colspan=\"8\">{} {}</td></tr>",
                tag("warning", &gate.code),
                escaped(&gate.sentence)
            );
        }
    }
    page.push_str("</tbody>\n</table></div>\n");
}

fn entry(page: &mut String, name: &str, text: &str) {
    let _ = writeln!(page, "<dt>{name}</dt><dd>{text}</dd>");
}

fn tag(class: &str, word: &str) -> String {
    format!("<span class=\"tag {class}\">{}</span>", escaped(word))
}

fn state(value: Option<bool>, yes: &str, no: &str) -> String {
    match value {
        Some(true) => yes.to_owned(),
        Some(false) => tag("critical", no),
        None => "not known".to_owned(),
    }
}

fn age(value: Option<f64>) -> String {
    value.map_or("not known".to_owned(), friendly_seconds)
}

/// Text that is safe between tags and inside quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
