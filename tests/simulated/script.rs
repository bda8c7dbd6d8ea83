//! What a timeline's text means: spans of time and settings.

use std::time::Duration;

use keyward::judge::Rules;
use keyward::model::hook::HookSpec;
use keyward::model::phase::{Failback, LocalIdentity, Mode, Trigger};

use super::core;
use super::keystone::known;

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

/// The rules of a timeline: as the defaults are, but for what its line of settings says.
pub fn rules(settings: &str) -> Rules {
    let mut rules = core::rules();
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
            ("keystones", span) => {
                let one = |url| Some(known(url, parse(span), Duration::from_secs(1)));
                (rules.identity, rules.local_identity) = (one("http://10.0.0.1:5000"), one("http://10.0.0.2:5000"));
            }
            ("trigger", word) => rules.trigger = Trigger::ALL.into_iter().find(|one| one.code() == word).unwrap(),
            ("require", "validates") => rules.require_local_identity = LocalIdentity::Validates,
            ("require", "first-login") => rules.require_local_identity = LocalIdentity::FirstLogin,
            (key, value) => panic!("no setting {key} = {value}"),
        }
    }
}

fn hooks(names: &str) -> Vec<HookSpec> {
    let spec = |name: &str| core::hook(name.trim_end_matches('?'), name.ends_with('?'), Duration::from_secs(60));
    names.split_whitespace().map(spec).collect()
}
