use std::time::Duration;

use super::*;
use crate::model::view::{FindingView, GateView, KeystoneView, LevelView, VerdictView};
use crate::model::{Cause, Moment, Phase, RegionName};
use crate::report::fixtures::{self, at};

fn page(snapshot: &Snapshot, events: &[Event]) -> String {
    html(&Shown { snapshot, history: &History::default(), events, awake: true })
}

fn transition(time: &str, from: Phase, to: Phase) -> Event {
    Event {
        at: at(time),
        region: Some(RegionName("RegionTwo".into())),
        episode: None,
        what: EventKind::Transition { from, to, cause: Cause::Auto },
        sentence: "RegionOne's master gave no proof of life for 10.1s.".into(),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

/// The fixture of an outage with `text` wherever a server, a setting, a hook or a person can put one.
fn outage_saying(text: &str) -> (Snapshot, Vec<Event>) {
    let mut snapshot = fixtures::outage();
    snapshot.master_region = text.into();
    snapshot.master_addresses = vec![text.into()];
    let region = &mut snapshot.regions[0];
    region.name = text.into();
    region.sentence = text.into();
    region.mode = text.into();
    region.master_failure = Some(text.into());
    region.ready_sentence = text.into();
    let keystone = KeystoneView { url: text.into(), failure: Some(text.into()), ..KeystoneView::default() };
    (region.identity, region.local_identity) = (Some(keystone.clone()), Some(keystone));
    region.verdicts[0].sentence = text.into();
    region.verdicts[0].code = text.into();
    region.gates[0].sentence = text.into();
    region.gates[0].code = text.into();
    region.episode.as_mut().unwrap().id = text.into();
    region.hooks[0].last_failure = Some(text.into());
    region.hooks[0].name = text.into();
    region.hooks[0].level = Some(LevelView { up: false, ok: None, sentence: text.into() });
    region.way_back.as_mut().unwrap().sentence = text.into();
    region.paused.as_mut().unwrap().reason = text.into();
    region.paused.as_mut().unwrap().user = text.into();
    let replica = &mut region.replicas[0];
    replica.name = text.into();
    replica.address = text.into();
    replica.failure = Some(text.into());
    replica.io_error = Some(text.into());
    replica.sql_error = Some(text.into());
    replica.upkeep = Some(text.into());
    replica.gates[0].sentence = text.into();
    let kinds = [
        EventKind::Verdict { verdict: text.into(), on: true },
        EventKind::Verdict { verdict: text.into(), on: false },
        EventKind::Hook { hook: text.into(), event: text.into(), outcome: text.into(), seconds: 1.0 },
        EventKind::Level { hook: text.into() },
        EventKind::Kept { replica: text.into() },
        EventKind::Verified { replica: text.into() },
        EventKind::Command { command: text.into(), user: text.into() },
    ];
    let mut event = transition("2026-11-22T04:12:05Z", Phase::Suspect, Phase::Local);
    (event.region, event.sentence) = (Some(RegionName(text.into())), text.into());
    let events = kinds.into_iter().map(|what| Event { what, ..event.clone() }).chain([event.clone()]).collect();
    (snapshot, events)
}

#[test]
fn whatever_comes_from_outside_is_escaped_and_cut() {
    let bad = "</title></style><script>alert(\"1\")</script>'\u{202e}\u{1b}[2J";
    let (snapshot, events) = outage_saying(bad);
    let text = page(&snapshot, &events);
    assert!(!text.contains("<script>alert") && !text.contains("(\"1\")") && !text.contains("\u{202e}"), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(text.matches("&lt;script&gt;").count() >= 49, "{}", text.matches("&lt;script&gt;").count());
    for own in ["<script>", "</script>", "<style>", "</style>", "</title>"] {
        assert_eq!(text.matches(own).count(), 1, "{own}");
    }

    let (snapshot, events) = outage_saying(&"é&".repeat(50_000));
    let text = page(&snapshot, &events);
    assert!(text.len() < 200_000, "{} bytes", text.len());
    assert!(text.contains("…"));
}

#[test]
fn the_policy_names_the_style_and_the_script_that_are_in_the_page() {
    let text = page(&fixtures::outage(), &[]);
    for (directive, start, end) in [("style-src", "<style>", "</style>"), ("script-src", "<script>", "</script>")] {
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, between(&text, start, end).as_bytes()));
        assert!(POLICY.contains(&format!("{directive} 'sha256-{hash}';")), "{directive}: {}", *POLICY);
    }
    for piece in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(POLICY.contains(piece), "{piece}");
    }
    assert!(!POLICY.contains("unsafe"));
    // the policy would take the force of such attributes
    for forbidden in [" style=", " onclick=", " onload=", "javascript:", "src=\"http", "<link rel=\"stylesheet"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    // nothing leads away but to the runbook
    let away = text.matches("href=\"http").count();
    assert_eq!((away, text.matches("/docs/runbook.md#").count()), (1, 1));
}

#[test]
fn the_title_says_the_state_first() {
    let titled = |snapshot: &Snapshot| between(&page(snapshot, &[]), "<title>", "</title>").to_owned();
    assert_eq!(titled(&fixtures::good_day()), "RegionTwo remote - keyward");
    assert_eq!(titled(&fixtures::outage()), "RegionTwo local, paused - keyward");
    let mut many = fixtures::good_day();
    for name in ["RegionThree", "RegionFour"] {
        many.regions.push(RegionView { name: name.into(), ..many.regions[0].clone() });
    }
    many.regions[1].phase = Phase::Suspect;
    many.regions[1].verdicts[0].code = "master_unreachable".into();
    many.regions[1].gates = vec![GateView { code: "data_too_old".into(), sentence: "It is 2 days old.".into() }];
    let text = page(&many, &[]);
    assert_eq!(between(&text, "<title>", "</title>"), "RegionThree suspect, blocked; 2 remote - keyward");
    assert!(
        text.contains("<a id=\"to-r1\" href=\"#r1\">RegionThree</a> <span class=\"tag critical\">suspect, blocked")
    );
    assert!(titled(&Snapshot::default()).ends_with("keyward"), "nothing is known before the first snapshot");
}

#[test]
fn what_it_waits_for_is_said_with_its_time() {
    let mut snapshot = fixtures::outage();
    let text = page(&snapshot, &[]);
    for piece in [
        "Hook services to succeed; it is tried again at <time datetime=\"2026-11-22T04:14:40Z\">2026-11-22 04:14:40 UTC</time> (in 4s).",
        "<li>it waits for unbroken health. (in 46s)</li>",
        "<b>keyward resume</b>, or the end of the pause at",
        "(in 1h 45m)",
    ] {
        assert!(text.contains(piece), "{piece}: {text}");
    }
    let region = &mut snapshot.regions[0];
    (region.phase, region.way_back, region.paused, region.hooks) = (Phase::Suspect, None, None, Vec::new());
    assert!(
        page(&snapshot, &[])
            .contains("Every gate to be open, or the master's return, without a time limit: <b>paused</b> keeps users")
    );
    snapshot.regions[0].gates.clear();
    snapshot.regions[0].deadline = Some(at("2026-11-22T04:14:39Z"));
    assert!(page(&snapshot, &[]).contains("A sign of life from the master until <time"));
    assert!(!page(&fixtures::good_day(), &[]).contains("waits for"), "there is nothing to wait for");
    assert!(page(&fixtures::just_started(), &[]).contains("<li>The first look at every server.</li>"));
}

#[test]
fn a_loop_that_stands_still_is_said() {
    let snapshot = fixtures::good_day();
    let text = html(&Shown { snapshot: &snapshot, history: &History::default(), events: &[], awake: false });
    assert!(text.contains("no round of looks lately: what stands here is old"), "{text}");
    assert!(!page(&snapshot, &[]).contains("no round of looks"));
}

#[test]
fn a_gap_of_the_chart_is_hatched_and_never_drawn_as_zero() {
    let mut text = String::new();
    let points = [Some(0.5), Some(0.5), None, None, Some(2.0)];
    chart::draw(&mut text, "r2-db1", &points, &[]);
    let line = between(&text, "class=\"lag\" d=\"", "\"");
    // 2 s is the upper edge at 18, 0.5 s a quarter of the way up from 82; 0 would be drawn at 82
    assert_eq!(line, "M312.0 66.0h0L313.8 66.0M319.1 18.0h0");
    assert_eq!(text.matches("class=\"gap\"").count(), 2, "before the first point, and between: {text}");
    assert!(text.contains(">not known</text>"), "the long one has room for its word");
    assert_eq!(chart::caption(&points, None), "Lag: not known now, at most 2s in 15 minutes");
    assert_eq!(chart::caption(&[None], Some(0.25)), "Lag: 250ms now, not known in the last 15 minutes");
}

#[test]
fn an_even_line_is_two_points_and_a_full_one_reaches_both_edges() {
    let mut text = String::new();
    chart::draw(&mut text, "r2-db1", &[Some(0.0); 500], &[]);
    assert_eq!(between(&text, "class=\"lag\" d=\"", "\""), "M0.9 82.0h0L319.1 82.0");
    assert!(!text.contains("class=\"gap\""));
}

#[test]
fn transitions_are_marked_where_they_were_and_close_ones_once() {
    let events = [
        transition("2026-11-22T03:00:00Z", Phase::Remote, Phase::Suspect),
        transition("2026-11-22T04:05:00Z", Phase::Remote, Phase::Suspect),
        transition("2026-11-22T04:12:00Z", Phase::Suspect, Phase::Switching),
        transition("2026-11-22T04:12:05Z", Phase::Switching, Phase::Local),
    ];
    let marks = chart::marks(&events, "RegionTwo", Some(at("2026-11-22T04:14:36Z")));
    let mut text = String::new();
    chart::draw(&mut text, "r2-db1", &[Some(1.0)], &marks);
    assert!(text.contains("transitions: suspect, local\""), "{text}");
    assert_eq!(text.matches("class=\"mark\"").count(), 2);
    // the newer word stands behind its line, the older one has room too
    assert!(text.contains("<text x=\"264.5\" y=\"11\" text-anchor=\"start\">local</text>"), "{text}");
    assert!(text.contains("text-anchor=\"start\">suspect</text>"), "{text}");
    assert_eq!(chart::marks(&events, "RegionNine", Some(at("2026-11-22T04:14:36Z"))), []);
    assert_eq!(chart::marks(&events, "RegionTwo", None), []);
}

#[test]
fn the_drawing_says_the_state_in_words_and_where_users_sign_in() {
    let drawn = |snapshot: &Snapshot| {
        let mut text = String::new();
        path::draw(&mut text, &snapshot.regions[0], "RegionOne");
        text
    };
    let good = drawn(&fixtures::good_day());
    for piece in [">✓ up<", ">✓ up, read-only<", ">copies<", "Users sign in at the master"] {
        assert!(good.contains(piece), "{piece}: {good}");
    }
    let outage = drawn(&fixtures::outage());
    for piece in [">✕ down<", ">✕ takes writes<", ">cut<", "Users sign in at the region itself"] {
        assert!(outage.contains(piece), "{piece}: {outage}");
    }
    let mut given_up = fixtures::outage();
    given_up.regions[0].phase = Phase::Suspect;
    assert!(drawn(&given_up).contains("● users are sent here"), "nobody signs in at a master that is down");
    let before = drawn(&fixtures::just_started());
    assert_eq!(before.matches("? not known").count(), 2, "{before}");
    let mut many = fixtures::good_day();
    many.regions[0].replicas = (0..200)
        .map(|number| ReplicaView { name: format!("db{number}"), ..many.regions[0].replicas[0].clone() })
        .collect();
    many.regions[0].replicas[150].io_running = Some(false);
    let many = drawn(&many);
    assert!(many.contains("and 194 more below") && many.contains(">db150<"), "those in trouble come first: {many}");
}

/// The worst that 200 replicas can make of the page: each in trouble, with the longest messages and jagged lines.
#[test]
fn the_page_has_a_limit_with_200_replicas() {
    let long = "error connecting to master <keyward_repl@10.13.32.19> & retry ".repeat(40);
    let (mut snapshot, events) = outage_saying(&long);
    let history = History::default();
    let one = snapshot.regions[0].clone();
    let replicas: Vec<ReplicaView> =
        (0..200).map(|number| ReplicaView { name: format!("r2-db{number}"), ..one.replicas[0].clone() }).collect();
    let spread = |number: usize| RegionView {
        name: format!("Region{number}"),
        replicas: vec![replicas[number].clone()],
        ..one.clone()
    };
    let layouts = [
        (vec![RegionView { replicas: replicas.clone(), ..one.clone() }], 900_000),
        ((0..200).map(spread).collect(), 3_500_000),
    ];
    for (regions, most) in layouts {
        snapshot.regions = regions;
        for point in 0..300_u64 {
            for replica in snapshot.regions.iter_mut().flat_map(|region| &mut region.replicas) {
                replica.lag_seconds = (point % 3 > 0).then_some((point % 7) as f64);
            }
            history.note(&snapshot.regions, Moment::from_boot(Duration::from_secs(point * 5)));
        }
        let text = html(&Shown { snapshot: &snapshot, history: &history, events: &events, awake: true });
        println!("{} bytes", text.len());
        assert!(text.len() < most, "{} bytes", text.len());
        assert_eq!(text.matches("class=\"chart\"").count(), CHARTS);
        assert_eq!(text.matches("<div class=\"replica\">").count(), 200);
    }
}

#[test]
fn somebody_who_was_woken_reads_first_whether_users_can_log_in_and_what_to_do() {
    let text = page(&fixtures::outage(), &[]);
    let (logins, why) = (text.find("class=\"logins\">").unwrap(), text.find("class=\"why\">").unwrap());
    assert!(
        logins < why && text.contains("<p class=\"logins\">Users log in at RegionTwo, but not who has not"),
        "{text}"
    );
    let way = "docs/runbook.md#master_unreachable\">what to do about master_unreachable</a>";
    assert!(text.contains(way), "{text}");
    assert!(text.contains("begun by itself: RegionOne&#39;s master is unreachable."), "{text}");
    assert!(!page(&fixtures::good_day(), &[]).contains("what to do about"), "on a good day there is nothing to do");
    let lead = between(&text, "<p id=\"lead\">", "</p>");
    assert!(lead.starts_with("As of <time datetime=\"2026-11-22T04:14:36Z\">2026-11-22 04:14:36 UTC<"), "{lead}");
}

#[test]
fn one_reason_is_given_once() {
    let mut snapshot = fixtures::good_day();
    let region = &mut snapshot.regions[0];
    let why = "r2-db1 was released to a human";
    (region.ready, region.ready_sentence) = (false, why.into());
    region.gates = vec![GateView { code: "released".into(), sentence: why.into() }];
    region.verdicts[0] = VerdictView { code: "released".into(), severity: "warning".into(), sentence: why.into() };
    assert_eq!(page(&snapshot, &[]).matches(why).count(), 1);
    let region = &mut snapshot.regions[0];
    region.paused = fixtures::outage().regions[0].paused.clone();
    region.gates.push(GateView { code: "paused".into(), sentence: "root paused it: maintenance of the racks".into() });
    assert_eq!(page(&snapshot, &[]).matches("maintenance of the racks").count(), 1);
    // where it is the only one who says so, the pause is told
    snapshot.regions[0].gates.clear();
    assert_eq!(page(&snapshot, &[]).matches("maintenance of the racks").count(), 1);
}

#[test]
fn an_episode_speaks_of_no_second_failover_and_on_the_way_home_of_no_way_back() {
    let mut snapshot = fixtures::outage();
    let region = &mut snapshot.regions[0];
    (region.ready, region.gates) = (true, Vec::new());
    let text = page(&snapshot, &[]);
    assert!(!text.contains("<dt>failover</dt>") && text.contains("it waits for unbroken health"), "{text}");
    snapshot.regions[0].phase = Phase::Returning;
    assert!(!page(&snapshot, &[]).contains("it waits for unbroken health"), "the way back is under way");
}

#[test]
fn what_the_doctor_found_stands_there_with_the_names_of_its_checks() {
    let mut snapshot = fixtures::good_day();
    assert!(!page(&snapshot, &[]).contains("Before the next outage"), "it has not looked yet");
    let finding = FindingView { check: "utf8".into(), severity: "warning".into(), sentence: "<b>why</b>".into() };
    let mut found = DoctorView {
        checked_at: at("2026-11-22T04:10:00Z"),
        warning: 1,
        info: 2,
        findings: vec![finding],
        ..DoctorView::default()
    };
    snapshot.doctor = Some(found.clone());
    let text = page(&snapshot, &[]);
    for piece in
        ["Before the next outage", "To be mended before an outage: 1 warning (utf8).", "&lt;b&gt;why&lt;/b&gt;"]
    {
        assert!(text.contains(piece), "{piece}: {text}");
    }
    (found.warning, found.findings) = (0, Vec::new());
    snapshot.doctor = Some(found);
    assert!(!page(&snapshot, &[]).contains("Before the next outage"), "nothing is to be mended");
}

#[test]
fn a_master_that_refuses_keyward_is_not_called_down() {
    let mut snapshot = fixtures::outage();
    let region = &mut snapshot.regions[0];
    region.phase = Phase::Remote;
    region.verdicts[0].code = "master_refuses_us".into();
    let text = page(&snapshot, &[]);
    assert!(text.contains(">refuses keyward</span>") && text.contains("✕ refuses us"), "{text}");
    assert!(!text.contains(">down<") && !text.contains("✕ down") && !text.contains("nobody can log in"), "{text}");
}
