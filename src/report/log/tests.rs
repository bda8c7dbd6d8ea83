use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::model::{Cause, RegionName};
use crate::report::fixtures;

/// What was logged, kept instead of written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The lines that `what` logs.
fn lines(format: LogFormat, journal: bool, what: impl FnOnce()) -> Vec<String> {
    let kept = Kept::default();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .event_format(Lines { format, journal })
        .with_writer(kept.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), what);
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn switching() -> Event {
    Event {
        at: fixtures::at("2026-11-22T04:14:36Z"),
        region: Some(RegionName("RegionTwo".into())),
        episode: Some("e1".into()),
        what: EventKind::Transition { from: Phase::Suspect, to: Phase::Switching, cause: Cause::Auto },
        sentence: "The master is gone.\nERROR forged".into(),
    }
}

fn verdict(code: &str, on: bool) -> Event {
    Event { what: EventKind::Verdict { verdict: code.into(), on }, ..switching() }
}

#[test]
fn plain_lines_carry_a_time_by_hand_and_a_priority_in_the_journal() {
    let by_hand = lines(LogFormat::Plain, false, || event(&switching()));
    let stamp =
        regex::Regex::new(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN  The master is gone. ERROR forged ").unwrap();
    assert_eq!(by_hand.len(), 1, "one event, one line: {by_hand:?}");
    assert!(stamp.is_match(&by_hand[0]), "{by_hand:?}");
    assert!(by_hand[0].ends_with("region=RegionTwo episode=e1 kind=transition from=suspect to=switching cause=auto"));
    let journal = lines(LogFormat::Plain, true, || event(&switching()));
    assert!(journal[0].starts_with("<4>The master is gone."), "{journal:?}");
}

#[test]
fn json_lines_are_objects_and_fields_cannot_pose_as_the_level() {
    let said = lines(LogFormat::Json, false, || {
        event(&switching());
        tracing::info!(level = "ERROR", odd = "a b=\"c\"", "two");
    });
    let first: serde_json::Value = serde_json::from_str(&said[0]).unwrap();
    assert_eq!((&first["level"], &first["to"]), (&"WARN".into(), &"switching".into()));
    assert_eq!(first["message"], "The master is gone.\nERROR forged");
    assert_eq!(first["verdict"], serde_json::Value::Null, "a member of another kind is absent");
    let second: serde_json::Value = serde_json::from_str(&said[1]).unwrap();
    assert_eq!((&second["level"], &second["odd"]), (&"INFO".into(), &"a b=\"c\"".into()));
}

#[test]
fn oslo_lines_match_what_kollas_fluentd_looks_for() {
    let said = lines(LogFormat::Oslo, false, || event(&switching()));
    // the expression of kolla's conf/filter and format, from the time to the request id
    let oslo = regex::Regex::new(
        r"^(?<Timestamp>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}) (?<Pid>\d+) (?<log_level>\S+) (?<python_module>\S+) (\[(req-\S+|-)[^\]]*\]) (?<Payload>.*)$",
    )
    .unwrap();
    let found = oslo.captures(&said[0]).unwrap_or_else(|| panic!("{said:?}"));
    assert_eq!(&found["log_level"], "WARNING");
    assert_eq!(&found["python_module"], "keyward.events");
    assert_eq!(found["Pid"].parse(), Ok(std::process::id()));
    assert_eq!(said.len(), 1);
}

#[test]
fn the_level_says_whether_a_human_is_needed_now() {
    assert_eq!(level(&verdict("master_unreachable", true).what), Level::ERROR);
    assert_eq!(level(&verdict("not_durable", true).what), Level::WARN);
    assert_eq!(level(&verdict("healthy", true).what), Level::INFO);
    assert_eq!(level(&verdict("master_unreachable", false).what), Level::INFO);
    let back = EventKind::Transition { from: Phase::Returning, to: Phase::Remote, cause: Cause::Auto };
    assert_eq!(level(&back), Level::INFO);
    let said = lines(LogFormat::Plain, true, || event(&verdict("replica_writable", true)));
    assert!(said[0].starts_with("<3>") && said[0].ends_with("verdict=replica_writable on=true"), "{said:?}");
}
