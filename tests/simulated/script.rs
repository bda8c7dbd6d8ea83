//! What a timeline's text means: spans of time and settings.

use std::time::Duration;

use keyward::judge::Rules;
use keyward::model::RegionName;
use keyward::model::hook::{HookKind, HookSpec};
use keyward::model::phase::{Failback, Mode};

use super::setup::{region, replica};

/// A span of time, as in `1.5s`.
pub fn parse(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).expect("a duration has a unit"));
    let number: f64 = number.parse().unwrap();
    Duration::from_secs_f64(
        number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                _ => panic!("{text}"),
            },
    )
}

/// The rules of a timeline: small ones, but for what its line of settings says.
pub fn rules(settings: &str) -> Rules {
    let mut rules = Rules {
        region: region(),
        master_region: RegionName("RegionOne".into()),
        master_addresses: vec!["10.0.0.1:3306".parse().unwrap()],
        schemas: vec!["keystone".into(), "keyward".into()],
        filter: "keystone.%,keyward.%".into(),
        replicas: vec![(replica(0), "10.0.0.2:3306".parse().unwrap())],
        hooks: hooks("switch"),
        mode: Mode::Auto,
        failback: Failback::Auto,
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        beat_interval: Duration::from_secs(1),
        unreachable_after: Duration::from_secs(10),
        failback_after: Duration::from_secs(60),
        failback_max_lag: Duration::from_secs(5),
        max_data_age: Duration::from_secs(86_400),
    };
    set(&mut rules, settings);
    rules
}

/// Changes what the text says, and nothing else.
pub fn set(rules: &mut Rules, settings: &str) {
    for setting in settings.split(';').map(str::trim).filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').expect("KEY = VALUE");
        match (key.trim(), value.trim()) {
            ("hooks", names) => rules.hooks = hooks(names),
            ("mode", "auto") => rules.mode = Mode::Auto,
            ("mode", "manual") => rules.mode = Mode::Manual,
            ("mode", "off") => rules.mode = Mode::Off,
            ("failback", "manual") => rules.failback = Failback::Manual,
            ("poll_interval", span) => rules.poll_interval = parse(span),
            ("probe_timeout", span) => rules.probe_timeout = parse(span),
            ("unreachable_after", span) => rules.unreachable_after = parse(span),
            ("failback_after", span) => rules.failback_after = parse(span),
            ("max_data_age", span) => rules.max_data_age = parse(span),
            (key, value) => panic!("no setting {key} = {value}"),
        }
    }
}

fn hooks(names: &str) -> Vec<HookSpec> {
    let spec = |name: &str| HookSpec {
        name: name.trim_end_matches('?').to_owned(),
        kind: HookKind::Exec { command: vec!["/bin/true".into()] },
        timeout: Duration::from_secs(60),
        optional: name.ends_with('?'),
    };
    names.split_whitespace().map(spec).collect()
}
