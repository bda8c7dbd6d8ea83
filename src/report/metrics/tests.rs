use std::process::{Command, Stdio};

use super::*;
use crate::lab::skip::skip;
use crate::model::RegionName;
use crate::model::view::{DoctorView, ExpiryView, PasswordView};
use crate::report::fixtures;

fn event(what: EventKind) -> Event {
    Event {
        at: fixtures::at("2026-11-22T04:14:36Z"),
        region: Some(RegionName("RegionTwo".into())),
        episode: None,
        what,
        sentence: "why".into(),
    }
}

fn transition(from: Phase, to: Phase, cause: Cause) -> Event {
    event(EventKind::Transition { from, to, cause })
}

/// The value of the one series that reads so, as text.
fn value(text: &str, series: &str) -> Option<String> {
    let mut found = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = found.next().map(str::to_owned);
    assert_eq!(found.next(), None, "{series} must stand once");
    value
}

#[test]
fn what_was_never_known_is_absent_and_counters_start_at_0() {
    let text = Metrics::new(&fixtures::settings()).unwrap().render(&fixtures::just_started());
    for absent in [
        "keyward_master_up",
        "keyward_witness_up",
        "keyward_silence_seconds",
        "keyward_identity_up",
        "keyward_identity_login_up",
        "keyward_identity_validates",
        "keyward_local_login_obstacle",
        "keyward_replica_up",
        "keyward_replica_lag_seconds",
        "keyward_replica_data_age_seconds",
        "keyward_replica_read_only",
        "keyward_replica_last_error",
        "keyward_verdict",
        "keyward_failover_gate_closed",
        "keyward_failover_ready",
        "keyward_last_tick_timestamp_seconds",
        "keyward_episode_started_timestamp_seconds",
    ] {
        assert!(!text.contains(absent), "{absent} is not known yet:\n{text}");
    }
    for zero in [
        r#"keyward_transitions_total{from="suspect",region="RegionTwo",to="switching"}"#,
        r#"keyward_failovers_total{cause="auto",region="RegionTwo"}"#,
        r#"keyward_failbacks_total{cause="manual",region="RegionTwo"}"#,
        r#"keyward_master_flaps_total{region="RegionTwo"}"#,
        r#"keyward_hook_runs_total{event="failover",hook="services",outcome="timeout",region="RegionTwo"}"#,
        r#"keyward_probe_failures_total{reason="timed_out",target="master"}"#,
        r#"keyward_probe_duration_seconds_count{target="replica"}"#,
        r#"keyward_probe_failures_total{reason="server_error",target="identity"}"#,
        r#"keyward_replica_writable_seen_total{region="RegionTwo",replica="r2-db1"}"#,
        r#"keyward_paused{region="RegionTwo"}"#,
    ] {
        assert_eq!(value(&text, zero).as_deref(), Some("0"), "{zero}\n{text}");
    }
    assert_eq!(value(&text, r#"keyward_phase{region="RegionTwo",phase="remote"}"#).as_deref(), Some("1"));
    assert!(value(&text, "process_start_time_seconds").is_some(), "the process is measured too");
}

#[test]
fn an_outage_reads_as_an_outage_and_leaves_nothing_stale() {
    let metrics = Metrics::new(&fixtures::settings()).unwrap();
    metrics.tick_done(Duration::from_millis(3), 1_795_320_876.25);
    let text = metrics.render(&fixtures::outage());
    for (series, expected) in [
        (r#"keyward_master_up{region="RegionTwo"}"#, "0"),
        (r#"keyward_witness_up{region="RegionTwo",witness="link"}"#, "0"),
        (r#"keyward_silence_seconds{region="RegionTwo",side="db"}"#, "161.2"),
        (r#"keyward_silence_seconds{region="RegionTwo",side="identity"}"#, "163"),
        (r#"keyward_witness_up{region="RegionTwo",witness="identity"}"#, "0"),
        (r#"keyward_identity_up{region="RegionTwo",site="master"}"#, "1"),
        (r#"keyward_identity_login_up{region="RegionTwo",site="master"}"#, "0"),
        (r#"keyward_identity_login_up{region="RegionTwo",site="local"}"#, "0"),
        (r#"keyward_identity_validates{region="RegionTwo",site="local"}"#, "1"),
        (r#"keyward_local_login_obstacle{region="RegionTwo",reason="read_only"}"#, "1"),
        (r#"keyward_local_login_obstacle{region="RegionTwo",reason="keys_differ"}"#, "0"),
        (r#"keyward_verdict{region="RegionTwo",verdict="master_unreachable"}"#, "1"),
        (r#"keyward_verdict{region="RegionTwo",verdict="healthy"}"#, "0"),
        (r#"keyward_phase{region="RegionTwo",phase="local"}"#, "1"),
        (r#"keyward_phase{region="RegionTwo",phase="remote"}"#, "0"),
        (r#"keyward_failover_gate_closed{region="RegionTwo",gate="paused"}"#, "1"),
        (r#"keyward_failover_gate_closed{region="RegionTwo",gate="never_seen"}"#, "0"),
        (r#"keyward_failover_ready{region="RegionTwo"}"#, "0"),
        (r#"keyward_paused{region="RegionTwo"}"#, "1"),
        (r#"keyward_episode_started_timestamp_seconds{region="RegionTwo"}"#, "1795320724.5"),
        (r#"keyward_replica_up{region="RegionTwo",replica="r2-db1"}"#, "1"),
        (r#"keyward_replica_io_running{region="RegionTwo",replica="r2-db1"}"#, "0"),
        (r#"keyward_replica_lag_seconds{region="RegionTwo",replica="r2-db1"}"#, "161.9"),
        (r#"keyward_replica_last_error{region="RegionTwo",replica="r2-db1",thread="io"}"#, "2003"),
        (r#"keyward_replica_last_error{region="RegionTwo",replica="r2-db1",thread="sql"}"#, "0"),
        (r#"keyward_replica_writable_seen_total{region="RegionTwo",replica="r2-db1"}"#, "2"),
        (r#"keyward_master_flaps_total{region="RegionTwo"}"#, "4"),
        (r#"keyward_failback_after_seconds{region="RegionTwo"}"#, "60"),
        ("keyward_last_tick_timestamp_seconds", "1795320876.25"),
        ("keyward_tick_duration_seconds_count", "1"),
    ] {
        assert_eq!(value(&text, series).as_deref(), Some(expected), "{series}\n{text}");
    }
    let behind = r#"keyward_replica_seconds_behind_master{region="RegionTwo",replica="r2-db1"}"#;
    assert_eq!(value(&text, behind).as_deref(), Some("NaN"), "the server says NULL");
    let after = metrics.render(&fixtures::good_day());
    assert!(!after.contains("keyward_episode_started"), "the episode is over:\n{after}");
    assert_eq!(
        value(&after, r#"keyward_witness_up{region="RegionTwo",witness="identity"}"#).as_deref(),
        Some("1"),
        "a login proves more than an answer"
    );
    assert_eq!(
        value(&after, r#"keyward_replica_lag_seconds{region="RegionTwo",replica="r2-db1"}"#).as_deref(),
        Some("0")
    );
}

#[test]
fn a_password_that_never_expires_is_told_from_one_that_nobody_dates() {
    let mut snapshot = fixtures::good_day();
    let expiry = |limited, at: Option<&str>| Some(ExpiryView { limited, at: at.map(|at| at.parse().unwrap()) });
    snapshot.regions[0].identity.as_mut().unwrap().password = expiry(true, Some("2026-12-01T00:00:00Z"));
    let replica =
        PasswordView { region: Some("RegionTwo".into()), replica: Some("r2-db1".into()), expiry: expiry(true, None) };
    snapshot.doctor = Some(DoctorView {
        passwords: vec![PasswordView { expiry: expiry(false, None), ..PasswordView::default() }, replica],
        ..DoctorView::default()
    });
    let text = Metrics::new(&fixtures::settings()).unwrap().render(&snapshot);
    let name = "keyward_password_expiry_timestamp_seconds";
    for (labels, expected) in [
        (r#"password="master""#, Some("+Inf")),
        (r#"password="replica",region="RegionTwo",replica="r2-db1""#, Some("NaN")),
        (r#"password="identity",region="RegionTwo""#, Some("1796083200")),
        (r#"password="local_identity",region="RegionTwo""#, None),
    ] {
        assert_eq!(value(&text, &format!("{name}{{{labels}}}")).as_deref(), expected, "{labels}\n{text}");
    }
}

#[test]
fn events_are_counted_once_each_and_an_episode_with_two_turns_is_one_failover() {
    use Phase::{Local, Remote, Returning, Suspect, Switching};
    let metrics = Metrics::new(&fixtures::settings()).unwrap();
    for (from, to) in [
        (Remote, Suspect),
        (Suspect, Remote),
        (Remote, Suspect),
        (Suspect, Switching),
        (Switching, Local),
        (Local, Returning),
        (Returning, Switching),
        (Switching, Local),
        (Local, Returning),
        (Returning, Remote),
    ] {
        metrics.event(&transition(from, to, Cause::Auto));
    }
    metrics.event(&transition(Remote, Switching, Cause::Manual));
    metrics.event(&event(EventKind::Hook {
        hook: "services".into(),
        event: "failover".into(),
        outcome: "failed".into(),
        seconds: 3.0,
    }));
    metrics.probe_done(Target::Master, Duration::from_secs(1), Some(Reason::TimedOut));
    let text = metrics.render(&fixtures::good_day());
    for (series, expected) in [
        (r#"keyward_failovers_total{cause="auto",region="RegionTwo"}"#, "1"),
        (r#"keyward_failovers_total{cause="manual",region="RegionTwo"}"#, "1"),
        (r#"keyward_failbacks_total{cause="auto",region="RegionTwo"}"#, "1"),
        (r#"keyward_transitions_total{from="switching",region="RegionTwo",to="local"}"#, "2"),
        (r#"keyward_hook_runs_total{event="failover",hook="services",outcome="failed",region="RegionTwo"}"#, "1"),
        (r#"keyward_hook_duration_seconds_sum{event="failover",hook="services",region="RegionTwo"}"#, "3"),
        (r#"keyward_probe_failures_total{reason="timed_out",target="master"}"#, "1"),
        (r#"keyward_probe_duration_seconds_count{target="master"}"#, "1"),
    ] {
        assert_eq!(value(&text, series).as_deref(), Some(expected), "{series}\n{text}");
    }
}

#[test]
fn every_metric_has_a_sentence_and_hostile_names_stay_inside_their_quotes() {
    let mut snapshot = fixtures::good_day();
    snapshot.regions[0].name = "a\"b\\c\nd".into();
    let text = Metrics::new(&fixtures::settings()).unwrap().render(&snapshot);
    assert!(text.contains(r#"keyward_master_up{region="a\"b\\c\nd"} 1"#), "{text}");
    for line in text.lines().filter(|line| line.starts_with("# HELP keyward_")) {
        assert!(line.ends_with('.'), "not a sentence: {line}");
    }
    assert!(!text.contains("secret"));
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let metrics = Metrics::new(&fixtures::settings()).unwrap();
    metrics.tick_done(Duration::from_millis(3), 1_795_320_876.0);
    let text = metrics.render(&fixtures::outage());
    let started =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = match started {
        Ok(child) => child,
        Err(error) => return skip(&format!("promtool (Debian package `prometheus`) cannot be started: {error}")),
    };
    std::io::Write::write_all(&mut promtool.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}\n{text}");
}
