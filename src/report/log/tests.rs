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
        regex::Regex::new(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z WARN  The master is gone. ERROR forged ").unwrap();
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

/// The two expressions by which kolla-ansible's fluentd reads the logs of OpenStack's services: where a line begins, and
/// what its parts are. They say what `templates/conf/input/00-global.conf.j2` of its role `fluentd` says (master, 2025;
/// earlier releases keep the file in role `common`), put together here from the names of their parts.
fn of_kolla() -> (regex::Regex, regex::Regex) {
    let first = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}.\d{3} \d+ \S+ \S+ \[.*\]";
    let part = |name: &str| format!(r"(?<{name}>\S+)");
    let parts = |names: &[&str]| names.iter().map(|name| part(name)).collect::<Vec<_>>().join(" ");
    let user = parts(&["user_id", "tenant_id", "domain_id", "system_scope", "user_domain", "project_domain"]);
    let context = format!("(?:None|req-){}? (?:None|req-){} {user}", part("global_request_id"), part("request_id"));
    let head = parts(&["log_level", "python_module"]);
    let whole = format!(r"^(?<Timestamp>\S+ \S+) (?<Pid>\d+) {head} (?:\[{context}\])?(?<Payload>.*)?$");
    (regex::Regex::new(first).unwrap(), regex::Regex::new(&whole).unwrap())
}

#[test]
fn oslo_lines_are_read_by_the_expressions_of_kollas_fluentd() {
    let (first, whole) = of_kolla();
    // a line of Keystone's, with a request behind it
    let keystone = "2026-11-22 05:03:35.123 7 INFO keystone.server [None req-1 u t - - default default] Hello";
    assert!(first.is_match(keystone) && &whole.captures(keystone).unwrap()["Payload"] == " Hello");
    let said = lines(LogFormat::Oslo, false, || {
        event(&switching());
        tracing::info!(server = "a b", "what a server said\r\n2026-11-22 05:03:35.123 7 INFO forged [-] line\u{1b}[2J");
    });
    assert_eq!(said.len(), 2, "one event, one line: {said:?}");
    // how releases before 2023.2 know where a line begins
    let older = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}.\d{3} \d+ \S+ \S+ \[(req-\S+( \S+){5}|-)\]";
    let older = regex::Regex::new(older).unwrap();
    for (line, level) in said.iter().zip(["WARNING", "INFO"]) {
        assert!(first.is_match(line) && older.is_match(line), "{line}");
        let found = whole.captures(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((&found["log_level"], found["Pid"].parse()), (level, Ok(std::process::id())));
        let at = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", &found["Timestamp"]).unwrap();
        assert_eq!(at.strftime("%F %T%.3f").to_string(), found["Timestamp"], "the time is read by kolla's %F %T.%L");
        assert!(found.name("request_id").is_none(), "no request is behind it");
    }
    let found = whole.captures(&said[0]).unwrap();
    assert_eq!(&found["python_module"], "keyward.events");
    assert!(found["Payload"].starts_with("[-] The master is gone. ERROR forged region=RegionTwo"), "{said:?}");
}

#[test]
fn every_transition_is_one_line_with_its_sentence_in_every_format() {
    for format in [LogFormat::Plain, LogFormat::Json, LogFormat::Oslo] {
        let said = lines(format, false, || {
            for (from, to) in Phase::ALL.iter().flat_map(|from| Phase::ALL.iter().map(move |to| (*from, *to))) {
                let sentence = format!("because of {from} and {to}");
                let what = EventKind::Transition { from, to, cause: Cause::Auto };
                event(&Event { what, sentence, ..switching() });
            }
        });
        assert_eq!(said.len(), Phase::ALL.len().pow(2));
        for (line, (from, to)) in
            said.iter().zip(Phase::ALL.iter().flat_map(|from| Phase::ALL.iter().map(move |to| (from, to))))
        {
            assert!(line.contains(&format!("because of {from} and {to}")), "{line}");
        }
    }
}

#[test]
fn the_journal_gets_the_priority_before_every_format() {
    for format in [LogFormat::Plain, LogFormat::Json, LogFormat::Oslo] {
        let by_hand = lines(format, false, || event(&switching()));
        let journal = lines(format, true, || event(&switching()));
        assert!(journal[0].starts_with("<4>") && !by_hand[0].starts_with('<'), "{journal:?}");
        let said = lines(format, true, || {
            event(&verdict("master_unreachable", true));
            event(&verdict("healthy", true));
        });
        assert!(said[0].starts_with("<3>") && said[1].starts_with("<6>"), "{said:?}");
    }
    let json = &lines(LogFormat::Json, true, || event(&switching()))[0];
    let object: serde_json::Value = serde_json::from_str(json.strip_prefix("<4>").unwrap()).unwrap();
    assert_eq!(object["level"], "WARN");
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
