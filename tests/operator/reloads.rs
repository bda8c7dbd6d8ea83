//! Settings that are read again move no phase: what they change counts from the next decision on.

use std::time::Duration;

use keyward::judge::Rules;
use keyward::model::Phase;
use keyward::model::phase::{Failback, Mode};

use crate::rows::stage_in;

/// Every setting that a reload takes over, changed so that it would matter at once.
const CHANGES: [fn(&mut Rules); 9] = [
    |rules| rules.mode = Mode::Manual,
    |rules| rules.mode = Mode::Off,
    |rules| rules.unreachable_after = Duration::from_secs(4),
    |rules| rules.unreachable_after = Duration::from_secs(600),
    |rules| rules.failback = Failback::Manual,
    |rules| rules.failback_after = Duration::from_secs(600),
    |rules| rules.failback_max_lag = Duration::ZERO,
    |rules| rules.max_data_age = Duration::from_secs(11),
    |rules| rules.hooks.reverse(),
];

#[test]
fn a_reload_moves_no_phase_and_starts_no_hook() {
    for phase in Phase::ALL {
        for busy in [true, false] {
            for change in CHANGES {
                let mut stage = stage_in(phase, busy);
                let (told, started) = (stage.told.len(), stage.started.len());
                let before = stage.memory().clone();
                // asserts that the phase is the same right after
                stage.reload(change);
                assert_eq!((*stage.memory()).clone(), before, "{phase}, busy {busy}");
                assert_eq!((stage.told.len(), stage.started.len()), (told, started));
            }
        }
    }
}

/// Every phase, left alone for a while after a reload that changes nothing, is where it was without one.
#[test]
fn a_reload_that_changes_nothing_changes_nothing_later_either() {
    for phase in Phase::ALL {
        let end = |reload: bool| {
            let mut stage = stage_in(phase, true);
            if reload {
                stage.reload(|_| {});
            }
            stage.pass_with_hooks(40);
            (stage.memory().clone(), stage.started.clone())
        };
        assert_eq!(end(true), end(false), "{phase}");
    }
}

#[test]
fn what_the_way_back_asks_for_follows_the_settings_within_an_episode() {
    let mut stage = stage_in(Phase::Local, false);
    stage.master(true);
    stage.reload(|rules| rules.failback_after = Duration::from_secs(120));
    stage.pass_with_hooks(110);
    assert_eq!(stage.phase(), Phase::Local);
    let back = stage.view().way_back.unwrap();
    assert_eq!((back.needed_seconds, back.doubled), (120.0, 0));
    assert!(back.sentence.contains("of 2m, at the earliest 2026-"), "{}", back.sentence);
    stage.reload(|rules| rules.failback_after = Duration::from_secs(20));
    stage.until(Phase::Remote);
}

/// A hook that is taken out of the settings holds nothing back any more, and one that is put in counts in this turn.
#[test]
fn hooks_may_come_and_go_in_the_middle_of_a_turn() {
    let mut stage = stage_in(Phase::Switching, false);
    stage.reload(|rules| rules.hooks.retain(|hook| hook.name != "first"));
    let added = stage.rules.hooks[0].clone();
    stage.reload(|rules| rules.hooks.push(keyward::model::hook::HookSpec { name: "third".into(), ..added }));
    stage.until(Phase::Local);
    let tail: Vec<&str> = stage.started.iter().map(String::as_str).filter(|hook| !hook.ends_with("beside")).collect();
    assert_eq!(tail, ["failover first", "failover second", "failover third"]);
}
