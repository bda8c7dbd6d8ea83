//! `keyward doctor`: what would go wrong in an outage, for people and for machines.

use std::path::Path;

use serde_json::json;

use super::exit::{BadInput, Exit};
use super::setup::choose;
use super::sheet::{Sheet, Tone, Words};
use super::{admin, args, output};
use crate::config::{self, Settings};
use crate::daemon::clock;
use crate::doctor::{self, Finding, Report, Severity, handbook};
use crate::gather::{self, Wish};

/// The version of the JSON document; it grows when a member is taken away or means something else.
const VERSION: u32 = 1;

/// `keyward doctor` with the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings; or no such region.
pub fn command(path: Option<&Path>, asked: &args::Doctor) -> anyhow::Result<Exit> {
    if asked.catalogue {
        output::write(&handbook::page())?;
        return Ok(Exit::Done);
    }
    let settings = config::load(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(run(&settings, asked));
    runtime.shutdown_background();
    end
}

/// Looks at everything once and says what it found.
///
/// # Errors
/// [`BadInput`]: no such region or replica, or an option that cannot be used.
pub async fn run(settings: &Settings, asked: &args::Doctor) -> anyhow::Result<Exit> {
    let report = look(settings, asked).await?;
    match asked.json {
        true => output::line(&document(&report).to_string())?,
        false => {
            let mut sheet = Sheet::for_stdout();
            show(&mut sheet, &report);
            output::write(&sheet.into_text())?;
        }
    }
    Ok(if report.is_degraded() { Exit::Degraded } else { Exit::Done })
}

/// Looks at everything once.
///
/// # Errors
/// As [`run`].
pub async fn look(settings: &Settings, asked: &args::Doctor) -> anyhow::Result<Report> {
    let chosen = choose(settings, asked.region.as_ref()).map_err(BadInput)?;
    let mut wish = Wish::of(settings);
    wish.replica_admin = replica_admin(settings, asked, &chosen).map_err(BadInput)?;
    wish.service_confs.clone_from(&asked.service_conf);
    wish.haproxy_cfg.clone_from(&asked.haproxy_cfg);
    // what is said now wins over what the settings say
    if !asked.keystone_conf.is_empty() {
        wish.keystone_confs.clone_from(&asked.keystone_conf);
    }
    if !asked.memcached.is_empty() {
        wish.memcached.clone_from(&asked.memcached);
    }
    wish.fingerprints = asked.fingerprints.clone().or(wish.fingerprints);
    Ok(doctor::examine(&gather::facts(settings, &chosen, &wish, clock::now).await))
}

fn replica_admin(
    settings: &Settings,
    asked: &args::Doctor,
    chosen: &super::setup::Chosen<'_>,
) -> Result<Option<crate::wire::connect::Target>, String> {
    let Some(text) = &asked.replica_admin else { return Ok(None) };
    admin::at_replica(text, chosen, settings.connect_timeout).map(Some)
}

/// The document of `--json`.
pub fn document(report: &Report) -> serde_json::Value {
    let count = |severity| report.count(severity);
    json!({
        "version": VERSION,
        "checked_at": clock::wall().to_string(),
        "checks": report.checks,
        "counts": {
            "critical": count(Severity::Critical),
            "warning": count(Severity::Warning),
            "info": count(Severity::Info),
        },
        "findings": report.findings,
        "unasked": report.unasked,
    })
}

/// The report for people.
pub fn show(sheet: &mut Sheet, report: &Report) {
    for severity in Severity::ALL {
        let findings: Vec<&Finding> = report.findings.iter().filter(|finding| finding.severity == severity).collect();
        if findings.is_empty() {
            continue;
        }
        let (heading, tone) = match severity {
            Severity::Critical => ("CRITICAL", Tone::Bad),
            Severity::Warning => ("WARNING", Tone::Warning),
            Severity::Info => ("INFO", Tone::Bold),
        };
        sheet.line(0, Words::new().say(tone, heading));
        for same in findings.chunk_by(|a, b| a.id == b.id) {
            show_check(sheet, tone, same);
        }
        sheet.gap();
    }
    if !report.unasked.is_empty() {
        sheet.line(0, Words::new().say(Tone::Bold, "NOT LOOKED AT"));
        for unasked in &report.unasked {
            let checks = unasked.checks.join(", ");
            sheet.entry("", Words::new().say(Tone::Plain, &format!("{}.", unasked.why)).say(Tone::Dim, &checks));
        }
        sheet.gap();
    }
    sheet.line(0, Words::new().say(Tone::Plain, &summary(report)));
}

/// One check's findings: the sentences, then once why and how.
fn show_check(sheet: &mut Sheet, tone: Tone, same: &[&Finding]) {
    let Some(first) = same.first() else { return };
    sheet.line(0, Words::new().say(tone, first.id));
    for finding in same {
        sheet.entry("what", Words::new().say(Tone::Plain, &finding.sentence));
    }
    sheet.entry("why", Words::new().say(Tone::Dim, first.why));
    sheet.entry("how", Words::new().say(Tone::Plain, first.mend));
}

fn summary(report: &Report) -> String {
    let [critical, warning, info] = Severity::ALL.map(|severity| report.count(severity));
    let missed = match report.unasked.len() {
        0 => String::new(),
        1 => "; one thing was not looked at".to_owned(),
        many => format!("; {many} things were not looked at"),
    };
    match report.findings.len() {
        0 => format!("{} checks: nothing found{missed}.", report.checks),
        _ => format!("{} checks: {critical} critical, {warning} warnings, {info} infos{missed}.", report.checks),
    }
}
