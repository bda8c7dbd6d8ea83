//! When the daemon compares a replica with its master: only while everything is well, and as often as the settings say.

use std::time::Duration;

use keyward::model::command::Command;
use keyward::model::observation::ThreadState;
use keyward::model::phase::Mode;
use keyward::model::{EventKind, Phase, Reason};

use crate::stage::{REASON, Stage, region, replica, rules};

const EVERY: Duration = Duration::from_secs(600);

type Breaks = fn(&mut Stage);

fn due(stage: &Stage) -> bool {
    stage.judge.verify_due(&region(), &replica(), EVERY, stage.now())
}

#[test]
fn a_healthy_replica_is_compared_once_in_a_while_and_not_at_once_after_a_restart() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    assert!(due(&stage));
    stage.judge.handle_verified(stage.now(), &region(), &replica(), Ok((0, "equal to its master".into())));
    stage.pass(599);
    assert!(!due(&stage));
    let written = serde_json::to_string(&stage.judge.memory()).unwrap();
    assert!(written.contains("equal to its master"), "{written}");
    stage.pass(1);
    assert!(due(&stage));
    let told = EventKind::Verified { replica: replica().to_string() };
    assert!(stage.told.iter().any(|event| event.what == told && event.sentence.contains("equal to its master")));
}

#[test]
fn a_comparison_that_failed_is_told_and_counts_for_nothing() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    stage.judge.handle_verified(stage.now(), &region(), &replica(), Err("the master is gone".into()));
    stage.pass(1);
    assert!(due(&stage) && stage.view().replicas[0].verified_at.is_none());
    assert!(
        stage.told.iter().any(|event| event.sentence.contains("could not be compared with its master: the master"))
    );
}

#[test]
fn nothing_is_compared_while_anything_is_wrong() {
    let wrong: [(&str, Breaks); 6] = [
        ("master", |stage| stage.probe = Err(Reason::Refused)),
        ("replica", |stage| stage.replica = Err(Reason::Refused)),
        ("thread", |stage| stage.facts.link.as_mut().unwrap().sql = ThreadState::Stopped),
        ("lag", |stage| stage.applies = false),
        ("writable", |stage| stage.facts.read_only = false),
        ("released", |stage| {
            stage.order(&Command::Release { region: region(), replica: None, reason: REASON.into() });
        }),
    ];
    for (what, breaks) in wrong {
        let mut stage = Stage::healthy(rules(Mode::Manual));
        breaks(&mut stage);
        stage.pass(15);
        assert!(!due(&stage), "{what}");
    }
    let mut stage = Stage::healthy(rules(Mode::Auto));
    stage.order(&Command::Failover { region: region(), force: true, reason: REASON.into() });
    stage.pass_with_hooks(5);
    assert_eq!(stage.phase(), Phase::Local);
    assert!(!due(&stage) && !stage.judge.may_verify(&region()));
}

#[test]
fn a_difference_is_a_verdict_until_it_is_gone_or_nobody_looks_any_more() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    let differs = |stage: &mut Stage, tables| {
        stage.judge.handle_verified(stage.now(), &region(), &replica(), Ok((tables, "differed in k.a".into())));
        stage.pass(1);
    };
    differs(&mut stage, 1);
    assert_eq!(stage.verdicts(), ["rows_differ"]);
    assert!(stage.sentences()[0].contains("differed in k.a"), "{:?}", stage.sentences());
    stage.pass(600);
    assert!(due(&stage), "what differs is looked at again");
    differs(&mut stage, 0);
    assert_eq!(stage.verdicts(), ["healthy"]);
    differs(&mut stage, 2);
    stage.judge.forget_verified();
    stage.pass(1);
    assert_eq!((stage.verdicts(), stage.view().replicas[0].differing_tables), (vec!["healthy".to_owned()], None));
}
