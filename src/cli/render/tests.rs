use super::*;
use crate::model::view::{FindingView, LevelView};
use crate::model::{Cause, RegionName};
use crate::report::fixtures;

fn plain(width: usize, snapshot: &Snapshot) -> String {
    status(Sheet::new(width, false), snapshot)
}

#[test]
fn an_outage_reads_well_at_80_columns() {
    assert_eq!(plain(80, &fixtures::outage()), include_str!("outage.txt"));
}

#[test]
fn a_good_day_is_short() {
    assert_eq!(plain(80, &fixtures::good_day()), include_str!("good_day.txt"));
}

#[test]
fn what_is_not_known_is_said_so_and_never_0() {
    let text = plain(80, &fixtures::just_started());
    for said in
        ["Not every server has been looked at yet.", "lag not known", "data age not known", "never proven alive"]
    {
        assert!(text.contains(said), "{said}:\n{text}");
    }
    assert!(!text.contains("lag 0") && !text.contains("age 0") && !text.contains("runs"), "{text}");
}

#[test]
fn no_line_is_wider_than_asked_and_colours_change_nothing_but_colours() {
    let codes = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    for width in [40, 60, 80, 120] {
        let text = plain(width, &fixtures::outage());
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        // one word of the fixture is longer than the narrowest column
        assert!(longest <= width.max(60), "{longest} at {width}:\n{text}");
        assert!(text.lines().all(|line| line.trim_end() == line), "spaces at a line's end:\n{text}");
        let coloured = status(Sheet::new(width, true), &fixtures::outage());
        assert!(codes.is_match(&coloured));
        let bare: Vec<_> = codes.replace_all(&coloured, "").lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(bare, text.lines().collect::<Vec<_>>());
    }
}

#[test]
fn an_haproxy_is_told_below_its_hook() {
    let mut snapshot = fixtures::good_day();
    let sentence = "HAProxy at /run/haproxy/admin.sock serves identity/k1".to_owned();
    snapshot.regions[0].hooks[0].level = Some(LevelView { up: true, ok: Some(true), sentence });
    let text = plain(80, &snapshot);
    let told = "  hooks      services idle\n             HAProxy at /run/haproxy/admin.sock serves identity/k1\n";
    assert!(text.contains(told), "{text}");
}

#[test]
fn a_master_that_refuses_keyward_is_not_called_down() {
    let mut snapshot = fixtures::outage();
    assert!(plain(80, &snapshot).contains("  master     DOWN,"));
    snapshot.regions[0].verdicts[0].code = "master_refuses_us".into();
    let text = plain(80, &snapshot);
    assert!(text.contains("  master     REFUSES KEYWARD,") && !text.contains("DOWN"), "{text}");
}

#[test]
fn several_regions_begin_with_one_line_each() {
    let mut snapshot = fixtures::good_day();
    let mut other = fixtures::outage().regions.remove(0);
    other.name = "Region地域".into();
    snapshot.regions.push(other);
    snapshot.regions[1].phase_since = snapshot.regions[0].phase_since;
    let text = plain(120, &snapshot);
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.is_empty()).skip(1).take(3).collect();
    assert!(lines[0].starts_with("RegionTwo  REMOTE, for ") && lines[0].ends_with(", healthy"), "{text}");
    assert!(lines[1].starts_with("Region地域 LOCAL, for ") && lines[1].contains(", master_unreachable"), "{text}");
    assert_eq!(lines[2], "", "{text}");
    assert!(!plain(120, &fixtures::good_day()).contains(", healthy\n"), "one region needs none");
}

#[test]
fn wide_characters_count_for_the_columns_that_they_take() {
    for (text, wide) in [("abc", 3), ("地域", 4), ("Ü", 1), ("U\u{308}", 1), ("😀", 2), ("→ ✓", 3)] {
        assert_eq!(columns(text), wide, "{text}");
    }
    let mut snapshot = fixtures::outage();
    snapshot.regions[0].sentence = "地域 ".repeat(60);
    let longest = plain(80, &snapshot).lines().map(columns).max().unwrap();
    assert!((74..=80).contains(&longest), "{longest}");
    // what turns the direction of writing is no more welcome than what moves the cursor
    snapshot.regions[0].sentence = "a\u{202e}b".into();
    assert!(plain(80, &snapshot).contains("why        a b\n"));
}

#[test]
fn a_server_cannot_speak_to_the_terminal() {
    let mut snapshot = fixtures::outage();
    snapshot.regions[0].master_failure = Some("bad \x1b[2J\r\nevil\u{9b}31m".into());
    snapshot.regions[0].hooks[0].name = "\x07bell".into();
    let text = plain(80, &snapshot);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn anything_that_needs_an_eye_is_degraded() {
    assert!(!is_degraded(&fixtures::good_day()));
    assert!(is_degraded(&fixtures::just_started()), "not looked at yet");
    assert!(is_degraded(&fixtures::outage()));
    let changed = |change: fn(&mut RegionView)| {
        let mut snapshot = fixtures::good_day();
        change(&mut snapshot.regions[0]);
        is_degraded(&snapshot)
    };
    assert!(changed(|region| region.phase = Phase::Suspect));
    assert!(changed(|region| region.paused = fixtures::outage().regions[0].paused.clone()));
    assert!(changed(|region| region.verdicts[0].severity = "warning".into()));
    assert!(!changed(|region| region.mode = "manual".into()), "a chosen mode is no fault");
}

#[test]
fn events_say_when_where_what_and_why() {
    let event = |what, sentence: &str| Event {
        at: fixtures::at("2026-11-22T04:14:36.123Z"),
        region: Some(RegionName("RegionTwo".into())),
        episode: None,
        what,
        sentence: sentence.into(),
    };
    let list = [
        Event { region: None, ..event(EventKind::Daemon, "Keyward 0.1.0 started.") },
        event(
            EventKind::Transition { from: Phase::Suspect, to: Phase::Switching, cause: Cause::Auto },
            "The master gave no proof of life for 10s, and the probe was refused 11 times.",
        ),
        event(
            EventKind::Hook {
                hook: "services".into(),
                event: "failover".into(),
                outcome: "failed".into(),
                seconds: 3.25,
            },
            "Exit status 1.",
        ),
        event(EventKind::Command { command: "pause".into(), user: "root".into() }, "Maintenance."),
    ];
    let text = events(Sheet::new(80, false), &list);
    assert_eq!(
        text,
        "2026-11-22 04:14:36 UTC daemon
             Keyward 0.1.0 started.
2026-11-22 04:14:36 UTC RegionTwo suspect -> switching (auto)
             The master gave no proof of life for 10s, and the probe was refused
             11 times.
2026-11-22 04:14:36 UTC RegionTwo hook services for failover: failed after 3.2s
             Exit status 1.
2026-11-22 04:14:36 UTC RegionTwo pause by root
             Maintenance.
"
    );
}

#[test]
fn one_reason_is_said_once_and_what_the_doctor_found_stands_last() {
    let mut snapshot = fixtures::outage();
    let region = &mut snapshot.regions[0];
    region.ready_sentence.clone_from(&region.gates[0].sentence);
    let why = region.gates[0].sentence.clone();
    snapshot.doctor = Some(DoctorView {
        checked_at: fixtures::at("2026-11-22T04:10:00Z"),
        critical: 1,
        warning: 0,
        info: 0,
        unasked: 0,
        caches: Vec::new(),
        passwords: Vec::new(),
        findings: vec![FindingView { check: "failed-logins".into(), ..FindingView::default() }],
    });
    let text = plain(200, &snapshot);
    assert_eq!(text.matches(&why).count(), 1, "{text}");
    let last = "\n\nNot ready for an outage: 1 critical (failed-logins). See `keyward doctor`.\n";
    assert!(text.ends_with(last), "{text}");
    // it has failed over: nobody asks whether it could
    let region = &mut snapshot.regions[0];
    (region.ready, region.gates) = (true, Vec::new());
    let text = plain(200, &snapshot);
    assert!(!text.contains("  failover ") && text.contains("  way back "), "{text}");
    snapshot.regions[0].phase = Phase::Returning;
    assert!(!plain(200, &snapshot).contains("  way back "), "it is under way");
}
