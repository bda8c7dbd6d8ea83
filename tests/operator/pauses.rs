//! A pause with an end, at every phase; and commands that change nothing say so.

use keyward::model::command::Command;
use keyward::model::phase::Mode;
use keyward::model::{EventKind, Phase, RegionName};

use crate::rows::{pause, stage_in};
use crate::stage::{REASON, Stage, USER, region, rules};

#[test]
fn a_pause_ends_by_itself_in_every_phase_and_says_so() {
    for phase in Phase::ALL {
        for busy in [true, false] {
            let mut stage = stage_in(phase, busy);
            let reply =
                stage.order(&Command::Pause { region: Some(region()), seconds: Some(60), reason: REASON.into() });
            assert!(reply.ok && reply.message.contains(&format!("in phase {phase}")), "{}", reply.message);
            assert!(reply.message.contains("paused until 2026-"), "{}", reply.message);
            let runs = busy && phase.in_episode();
            assert_eq!(reply.message.contains("runs now and will finish"), runs, "{}", reply.message);
            stage.pass_with_hooks(59);
            assert!(stage.memory().pause.is_some() && stage.view().paused.is_some());
            stage.pass_with_hooks(2);
            assert_eq!(stage.memory().pause, None);
            let told = stage.told.iter().rfind(|event| event.what == EventKind::Daemon).unwrap();
            let sentence = format!("the pause by {USER} ({REASON}) ended by itself; ");
            assert!(told.sentence.starts_with(&sentence) && told.sentence.len() > sentence.len(), "{}", told.sentence);
            assert_eq!(told.region, Some(region()));
            // what the pause held back happens now; nothing is held back where nothing was due
            let end = match phase {
                Phase::Remote | Phase::Returning => Phase::Remote,
                Phase::Suspect | Phase::Switching | Phase::Local => Phase::Local,
            };
            stage.until(end);
        }
    }
}

#[test]
fn a_second_pause_replaces_the_first_and_says_so() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    stage.order(&pause());
    let reply = stage.order(&Command::Pause { region: None, seconds: Some(5), reason: REASON.into() });
    assert!(reply.message.contains(&format!("this replaces the pause by {USER} ({REASON})")), "{}", reply.message);
    stage.pass(10);
    assert_eq!(stage.memory().pause, None);
    let reply = stage.order(&Command::Resume { region: None });
    assert!(reply.ok && reply.message.contains("was not paused, so nothing changes"), "{}", reply.message);
}

#[test]
fn a_pause_that_would_never_end_waits_for_resume() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    let reply = stage.order(&Command::Pause { region: None, seconds: Some(u64::MAX), reason: REASON.into() });
    assert!(reply.message.contains("until `keyward resume`"), "{}", reply.message);
}

#[test]
fn a_region_that_is_not_there_is_refused_and_that_is_told() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    let nine = RegionName("RegionNine".into());
    for command in [
        Command::Failover { region: nine.clone(), force: true, reason: REASON.into() },
        Command::Pause { region: Some(nine.clone()), seconds: None, reason: REASON.into() },
        Command::Adopt { region: nine, replica: None },
    ] {
        let reply = stage.order(&command);
        assert_eq!(reply.message, "there is no region RegionNine in the settings; they have RegionTwo");
        assert!(!reply.ok && reply.unknown);
        assert_eq!(stage.told.last().unwrap().region, None);
    }
}

#[test]
fn hooks_are_tested_only_when_none_is_at_work() {
    for phase in Phase::ALL {
        for busy in [true, false] {
            let mut stage = stage_in(phase, busy);
            let before = stage.memory().clone();
            let reply = stage.order(&Command::HookTest { region: region() });
            let idle = match phase {
                Phase::Remote | Phase::Suspect => true,
                Phase::Switching | Phase::Returning => false,
                Phase::Local => !busy,
            };
            assert_eq!(reply.ok, idle, "{phase}, busy {busy}: {}", reply.message);
            assert_eq!(*stage.memory(), before);
        }
    }
}
