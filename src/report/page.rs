//! The status page: one HTML document made from the last snapshot, the newest events and each replica's lag over the
//! last quarter of an hour. It needs nothing from elsewhere and is whole without JavaScript.
//!
//! Without JavaScript it loads itself anew every few seconds; with it (`page.js`) only its middle is replaced. Every text
//! that comes from settings, servers, hooks or people is escaped, and the browser is forbidden to run or load anything
//! but the page's own style and script, which it knows by their hashes. The page has a limit however many regions and
//! replicas there are: texts are cut, and few charts and events are shown.

use std::cmp::Ordering;
use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use self::text::{clock, escaped, tag};
use super::history::History;
use crate::model::view::{DoctorView, RegionView, ReplicaView, Snapshot};
use crate::model::{Event, EventKind};

mod card;
mod chart;
mod path;
mod text;
mod waits;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// How often the page loads itself anew without JavaScript, in seconds.
const REFRESH: u32 = 5;
/// Events shown.
const EVENTS: usize = 15;
/// Findings of the doctor shown with their sentences.
const FINDINGS: usize = 10;
/// Charts drawn: those of the replicas that lag most.
const CHARTS: usize = 12;
/// Regions named in the title.
const NAMED: usize = 4;

/// What the page is made from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The last snapshot.
    pub snapshot: &'a Snapshot,
    /// Every replica's lag.
    pub history: &'a History,
    /// The newest events, oldest first.
    pub events: &'a [Event],
    /// Whether rounds of looks complete.
    pub awake: bool,
}

/// The value of `Content-Security-Policy`: the page's style, its script, its icon, and asking for the page again.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The page.
pub fn html(shown: &Shown) -> String {
    let mut page = String::with_capacity(32 * 1024);
    head(&mut page, shown);
    let snapshot = shown.snapshot;
    let _ = writeln!(
        page,
        "<main id=\"main\">\n<p id=\"lead\">As of {}. The master is <b>{}</b> at {}.</p>",
        snapshot.taken_at.map_or("not yet".to_owned(), text::when),
        escaped(&snapshot.master_region),
        escaped(&snapshot.master_addresses.join(", "))
    );
    if !shown.awake {
        page.push_str(
            "<p class=\"warning\">Keyward has completed no round of looks lately: what stands here is old.</p>\n",
        );
    }
    if !snapshot.looked {
        page.push_str("<p class=\"warning\">Not every server has been looked at yet.</p>\n");
    }
    overview(&mut page, snapshot);
    let charts = charts(shown);
    for place in 0..snapshot.regions.len() {
        let drawn = |replica: &ReplicaView| charts.contains(&(place, replica.name.as_str()));
        card::region(&mut page, shown, place, &drawn);
    }
    if let Some(doctor) = &snapshot.doctor {
        findings(&mut page, doctor);
    }
    events(&mut page, shown);
    page.push_str("</main>\n");
    foot(&mut page, snapshot);
    page
}

fn head(page: &mut String, shown: &Shown) {
    let tone = worst_tone(shown.snapshot);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <noscript><meta http-equiv=\"refresh\" content=\"{REFRESH}\"></noscript>\n<title>{}</title>\n\
         <link id=\"icon\" rel=\"icon\" href=\"{}\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">to the regions</a>\n\
         <header><h1>keyward</h1><p id=\"notice\" role=\"alert\" hidden></p>\n\
         <svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"6\" \
         height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 6L6 0\"/></pattern></defs></svg></header>\n",
        escaped(&title(shown.snapshot)),
        icon(tone),
    );
}

/// The state first, because tabs are narrow: `RegionTwo local, paused; 3 remote - keyward`.
fn title(snapshot: &Snapshot) -> String {
    let (plain, others): (Vec<_>, Vec<_>) = snapshot.regions.iter().partition(|view| card::words(view) == "remote");
    let mut parts: Vec<String> =
        others.iter().take(NAMED).map(|view| format!("{} {}", view.name, card::words(view))).collect();
    if others.len() > NAMED {
        parts.push(format!("{} more", others.len() - NAMED));
    }
    match plain[..] {
        [] => {}
        [only] if others.is_empty() => parts.push(format!("{} remote", only.name)),
        _ => parts.push(format!("{} remote", plain.len())),
    }
    parts.push("keyward".to_owned());
    let last = parts.pop().unwrap_or_default();
    format!("{} - {last}", parts.join("; "))
}

fn worst_tone(snapshot: &Snapshot) -> &'static str {
    let tones: Vec<&str> = snapshot.regions.iter().map(card::tone).collect();
    ["critical", "warning"].into_iter().find(|tone| tones.contains(tone)).unwrap_or("fine")
}

/// The state as the tab's icon, told apart by its shape too.
fn icon(tone: &str) -> &'static str {
    match tone {
        "critical" => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
             height='16' rx='2' fill='%23b3261e'/%3E%3Cpath d='M4 4l8 8M12 4l-8 8' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
        }
        "warning" => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 0l8 15H0z' \
             fill='%23e0a100'/%3E%3Cpath d='M8 5v5M8 12v1' stroke='%23000' stroke-width='2'/%3E%3C/svg%3E"
        }
        _ => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' \
             r='8' fill='%2313653a'/%3E%3Cpath d='M4 8l3 3 5-6' stroke='%23fff' stroke-width='2' fill='none'/%3E%3C/svg%3E"
        }
    }
}

/// Where there are several regions: each with its state, as a way to its card.
fn overview(page: &mut String, snapshot: &Snapshot) {
    if snapshot.regions.len() < 2 {
        return;
    }
    page.push_str("<nav aria-label=\"Regions\"><ul class=\"overview\">\n");
    for (place, view) in snapshot.regions.iter().enumerate() {
        let state = tag(card::tone(view), &card::words(view));
        let _ = writeln!(page, "<li><a id=\"to-r{place}\" href=\"#r{place}\">{}</a> {state}</li>", escaped(&view.name));
    }
    page.push_str("</ul></nav>\n");
}

/// The replicas that get a chart: all, or those whose lag is not known now or was greatest.
fn charts<'a>(shown: &Shown<'a>) -> Vec<(usize, &'a str)> {
    let lag = |region: &RegionView, replica: &ReplicaView| match replica.lag_seconds {
        None => f32::INFINITY,
        Some(_) => chart::worst(&shown.history.line(&region.name, &replica.name)).unwrap_or(0.0),
    };
    let regions = shown.snapshot.regions.iter().enumerate();
    let mut all: Vec<(f32, usize, &str)> = regions
        .flat_map(|(place, region)| {
            region.replicas.iter().map(move |replica| (lag(region, replica), place, replica.name.as_str()))
        })
        .collect();
    all.sort_by(|one, other| other.0.partial_cmp(&one.0).unwrap_or(Ordering::Equal));
    all.into_iter().take(CHARTS).map(|(_, place, name)| (place, name)).collect()
}

/// What the daemon's last examination found, for those who are awake by day.
fn findings(page: &mut String, doctor: &DoctorView) {
    let Some(summary) = doctor.summary() else { return };
    let tone = if doctor.critical > 0 { "critical" } else { "warning" };
    let _ = writeln!(
        page,
        "<section class=\"card {tone}\" aria-labelledby=\"doctor\">\n<h2 id=\"doctor\">Before the next outage</h2>\n\
         <p class=\"since\">examined {}</p>\n<p>{}</p>\n<dl class=\"found\">",
        text::when(doctor.checked_at),
        escaped(&summary)
    );
    for finding in doctor.findings.iter().take(FINDINGS) {
        let class = if finding.severity == "critical" { "critical" } else { "warning" };
        text::entry(page, &tag(class, &finding.check), &escaped(&finding.sentence));
    }
    page.push_str("</dl>\n</section>\n");
}

fn events(page: &mut String, shown: &Shown) {
    page.push_str("<section class=\"card\" aria-labelledby=\"events\">\n<h2 id=\"events\">Last events</h2>\n");
    if shown.events.is_empty() {
        page.push_str("<p>Nothing has happened yet.</p>\n</section>\n");
        return;
    }
    page.push_str("<table>\n<thead><tr><th scope=\"col\">When (UTC)</th><th scope=\"col\">What and why</th></tr></thead>\n<tbody>\n");
    for event in shown.events.iter().rev().take(EVENTS) {
        let named = event.region.as_ref().filter(|_| shown.snapshot.regions.len() > 1);
        let region = named.map(|region| format!("{}: ", escaped(&region.0))).unwrap_or_default();
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{region}{} {}</td></tr>",
            clock(event.at, shown.snapshot.taken_at),
            what(&event.what),
            escaped(&event.sentence)
        );
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

/// What happened, in one or two words that stand out.
fn what(kind: &EventKind) -> String {
    match kind {
        EventKind::Transition { from, to, .. } => tag("idle", &format!("{from} → {to}")),
        EventKind::Verdict { verdict, on: true } => tag("idle", verdict),
        EventKind::Verdict { verdict, on: false } => tag("idle", &format!("no longer {verdict}")),
        EventKind::Hook { hook, outcome, .. } if outcome == "ok" => tag("fine", &format!("hook {hook} ok")),
        EventKind::Hook { hook, outcome, .. } => tag("critical", &format!("hook {hook} {outcome}")),
        EventKind::Level { hook } => tag("idle", &format!("{hook} set again")),
        EventKind::Kept { replica } => tag("idle", &format!("upkeep of {replica}")),
        EventKind::Verified { replica } => tag("idle", &format!("{replica} compared")),
        EventKind::Command { command, user } => tag("idle", &format!("{command} by {user}")),
        EventKind::Daemon => tag("idle", "keyward"),
    }
}

fn foot(page: &mut String, snapshot: &Snapshot) {
    let _ = write!(
        page,
        "<footer id=\"foot\"><p>keyward {} ({})</p>\n<nav aria-label=\"Other paths\"><a href=\"/metrics\">metrics</a> \
         <a href=\"/api/v1/status\">status as JSON</a> <a href=\"/api/v1/events\">events as JSON</a> \
         <a href=\"/-/healthy\">healthy</a> <a href=\"/-/ready\">ready</a></nav></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        escaped(&snapshot.version),
        escaped(&snapshot.revision)
    );
}

#[cfg(test)]
mod tests;
