//! `docs/openapi.json` against what is answered: nothing is answered that it does not describe, and nothing stands there
//! that nobody is ever answered.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::model::view::{CacheView, DoctorView, ExpiryView, FindingView, LevelView, PasswordView};
use crate::model::{Budget, Cause, Event, EventKind, Gate, RegionName, Verdict};

fn document() -> Value {
    serde_json::from_str(OPEN_API).unwrap()
}

/// Holds values against schemas, and remembers which members it has met.
struct Checker {
    document: Value,
    met: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Checker {
    fn new() -> Self {
        Self { document: document(), met: BTreeSet::new(), wrong: Vec::new() }
    }

    /// What is wrong with `value`, in place of being remembered.
    fn complaints(&mut self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let before = std::mem::take(&mut self.wrong);
        self.check(schema, value, at);
        std::mem::replace(&mut self.wrong, before)
    }

    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(path) = schema["$ref"].as_str() {
            let name = path.strip_prefix("#/components/schemas/").unwrap();
            let schema = self.document["components"]["schemas"][name].clone();
            assert!(schema.is_object(), "{path} leads nowhere");
            return self.check(&schema, value, name);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let complaints: Vec<_> = choices.iter().map(|choice| self.complaints(choice, value, at)).collect();
            if complaints.iter().filter(|wrong| wrong.is_empty()).count() != 1 {
                self.wrong.push(format!("{at}: {value} must be one of its choices: {complaints:?}"));
            }
            return;
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
            other => panic!("{at} has the type {other}"),
        };
        if !kinds.iter().any(|kind| is_a(value, kind)) {
            return self.wrong.push(format!("{at}: {value} is no {kinds:?}"));
        }
        let named = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
        let words = named("enum");
        let low = schema["minimum"].as_f64().zip(value.as_f64()).is_some_and(|(least, number)| number < least);
        let time =
            schema["format"] == "date-time" && value.as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_err());
        if low || time || !words.is_empty() && !value.is_null() && !words.contains(value) {
            self.wrong.push(format!("{at}: {value} is not allowed by {schema}"));
        }
        for item in value.as_array().into_iter().flatten() {
            self.check(&schema["items"], item, at);
        }
        let Some(members) = value.as_object() else { return };
        for required in named("required") {
            if !members.contains_key(required.as_str().unwrap()) {
                self.wrong.push(format!("{at} has no {required}"));
            }
        }
        for (name, member) in members {
            let place = format!("{at}.{name}");
            match schema["properties"].get(name) {
                Some(described) => self.check(described, member, &place),
                None if schema["additionalProperties"] == false => {
                    self.wrong.push(format!("{place} is answered and not described in docs/openapi.json"));
                }
                None => {}
            }
            if !member.is_null() && member.as_array().is_none_or(|list| !list.is_empty()) {
                self.met.insert(place);
            }
        }
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}

/// One event of each kind.
fn events() -> Vec<Event> {
    let (name, hook) = (|| "r2-db1".to_owned(), || "services".to_owned());
    let kinds = [
        EventKind::Transition { from: Phase::Remote, to: Phase::Suspect, cause: Cause::Auto },
        EventKind::Verdict { verdict: Verdict::MasterSilent.code().into(), on: true },
        EventKind::Hook { hook: hook(), event: "failover".into(), outcome: "ok".into(), seconds: 1.5 },
        EventKind::Level { hook: hook() },
        EventKind::Kept { replica: name() },
        EventKind::Verified { replica: name() },
        EventKind::Command { command: "pause".into(), user: "root".into() },
        EventKind::Daemon,
    ];
    let event = |what| Event {
        at: fixtures::at("2026-11-22T04:14:36Z"),
        region: (what != EventKind::Daemon).then(|| RegionName("RegionTwo".into())),
        episode: Some("20261122T041155-4f1c".into()),
        what,
        sentence: "why".into(),
    };
    let mut events: Vec<_> = kinds.into_iter().map(event).collect();
    events.push(Event { episode: None, ..events[0].clone() });
    events
}

/// The outage, and what else can be known of a region.
fn everything() -> Snapshot {
    let mut snapshot = fixtures::outage();
    snapshot.started_at = snapshot.taken_at;
    let cache = CacheView {
        server: "10.13.131.137:11211".into(),
        up: true,
        bytes: Some(1),
        limit_bytes: Some(2),
        evictions: Some(0),
        touch_misses: Some(0),
    };
    snapshot.doctor = snapshot.taken_at.map(|checked_at| DoctorView {
        checked_at,
        critical: 1,
        warning: 2,
        info: 3,
        unasked: 4,
        caches: vec![cache],
        passwords: vec![PasswordView {
            region: Some("RegionTwo".into()),
            replica: Some("r2-db1".into()),
            expiry: Some(ExpiryView { limited: true, at: Some(checked_at) }),
        }],
        findings: vec![FindingView { check: "utf8".into(), severity: "warning".into(), sentence: "why".into() }],
    });
    let region = &mut snapshot.regions[0];
    for keystone in [&mut region.identity, &mut region.local_identity].into_iter().flatten() {
        keystone.password = Some(ExpiryView { limited: true, at: region.phase_since });
    }
    region.deadline = region.phase_since;
    region.master_certificate_until = region.phase_since;
    region.master_position = Some("0-1-7".into());
    region.hooks[0].level = Some(LevelView { up: true, ok: Some(false), sentence: "why".into() });
    region.masters = vec![crate::model::view::MasterView {
        address: "10.13.32.19:3306".into(),
        up: Some(false),
        failure: Some("why".into()),
        takes_beats: true,
    }];
    let replica = &mut region.replicas[0];
    (replica.failure, replica.sql_error, replica.applied) =
        (Some("why".into()), Some("why".into()), Some("0-1-7".into()));
    (replica.io_connecting, replica.seconds_behind_master) = (Some(true), Some(3));
    (replica.missing_transactions, replica.differing_tables) = (Some(3), Some(1));
    replica.verified_at = region.phase_since;
    replica.certificate_until = region.phase_since;
    let mut endless = replica.clone();
    endless.outage_budget = Some(Budget::Unlimited);
    region.replicas.push(endless);
    snapshot
}

#[tokio::test]
async fn what_is_answered_is_described_and_what_is_described_is_answered() {
    let lab = lab(&fixtures::http(), fixtures::just_started()).await;
    for event in events() {
        lab.events.push(event);
    }
    let mut checker = Checker::new();
    for snapshot in
        [Snapshot::default(), fixtures::just_started(), fixtures::good_day(), fixtures::outage(), everything()]
    {
        lab.snapshot.send(Arc::new(snapshot)).unwrap();
        let paths = checker.document["paths"].as_object().unwrap().clone();
        assert_eq!(paths.len(), 3);
        for (path, described) in paths {
            let got = ask(&lab, "GET", &path).await;
            assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")), "{path}");
            let schema = described["get"]["responses"]["200"]["content"]["application/json"]["schema"].clone();
            checker.check(&schema, &serde_json::from_str(&got.body).unwrap(), &path);
            for (method, path, status) in
                [("POST", path.clone(), 405), ("GET", format!("{path}?{}", "x".repeat(PATH_BYTES)), 414)]
            {
                let refused = ask(&lab, method, &path).await;
                let form = described["get"]["responses"][status.to_string()]["$ref"].as_str().unwrap();
                let form = checker.document.pointer(form.strip_prefix('#').unwrap()).unwrap().clone();
                assert_eq!(refused.status, status, "{method} {path}");
                let schema = form["content"]["application/json"]["schema"].clone();
                checker.check(&schema, &serde_json::from_str(&refused.body).unwrap(), &path);
            }
        }
    }
    assert!(checker.wrong.is_empty(), "{:#?}", checker.wrong);
    let schemas = checker.document["components"]["schemas"].as_object().unwrap();
    let described = schemas.iter().flat_map(|(name, schema)| {
        schema["properties"].as_object().into_iter().flatten().map(move |(member, schema)| {
            assert!(schema["description"].as_str().is_some_and(|text| text.ends_with(['.', '?'])), "{name}.{member}");
            format!("{name}.{member}")
        })
    });
    let never: Vec<_> = described.filter(|member| !checker.met.contains(member)).collect();
    assert!(never.is_empty(), "described and never answered: {never:?}");
}

#[test]
fn closed_sets_are_those_of_the_program() {
    let document = document();
    let words = |pointer: &str| -> Vec<String> {
        serde_json::from_value(document.pointer(&format!("/components/schemas/{pointer}/enum")).unwrap().clone())
            .unwrap()
    };
    let verdicts = Verdict::ALL.map(|verdict| verdict.code().to_owned());
    assert_eq!(words("Verdict/properties/code"), verdicts);
    assert_eq!(words("VerdictEvent/properties/verdict"), verdicts);
    assert_eq!(words("Gate/properties/code"), Gate::ALL.map(|gate| gate.code().to_owned()));
    assert_eq!(words("Phase"), Phase::ALL.map(|phase| phase.code().to_owned()));
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let schema = |name: &str| serde_json::json!({ "$ref": format!("#/components/schemas/{name}") });
    let right = serde_json::json!({ "code": "paused", "sentence": "why" });
    let mut checker = Checker::new();
    assert!(checker.complaints(&schema("Gate"), &right, "").is_empty());
    for wrong in [
        serde_json::json!({ "code": "paused" }),
        serde_json::json!({ "code": "nonsense", "sentence": "why" }),
        serde_json::json!({ "code": "paused", "sentence": 1 }),
        serde_json::json!({ "code": "paused", "sentence": "why", "more": 1 }),
        serde_json::json!(["paused"]),
    ] {
        assert!(!checker.complaints(&schema("Gate"), &wrong, "").is_empty(), "{wrong}");
    }
    let event = serde_json::json!({ "kind": "level", "at": "yesterday", "region": null, "sentence": "", "hook": "x" });
    assert!(!checker.complaints(&schema("Event"), &event, "").is_empty());
}
