//! When the daemon copies a replica anew by itself, and when it leaves that to an operator.

use keyward::judge::Judge;
use keyward::model::observation::{ActingLock, ThreadState};
use keyward::model::phase::Mode;

use crate::rows::pause;
use crate::stage::{Stage, identity, region, replica, rules};

/// A healthy region whose replica now lacks binlogs that the master has purged.
fn purged() -> Stage {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    stage.facts.proven_not_master = true;
    let link = stage.facts.link.as_mut().unwrap();
    (link.io, link.io_errno, link.purged) = (ThreadState::Stopped, 1236, true);
    stage
}

/// A second passes; whether a copy is begun in it.
fn begins(stage: &mut Stage) -> bool {
    stage.look();
    stage.decide();
    stage.judge.mark_reseeds(stage.now());
    let events = stage.judge.take_events();
    stage.facts.acting_lock = match stage.judge.regions()[0].wants_lock(&replica()) {
        true => ActingLock::Ours,
        false => ActingLock::Free,
    };
    stage.told.extend(events);
    !stage.judge.ready_reseeds().is_empty()
}

fn begins_within(stage: &mut Stage, seconds: u64) -> bool {
    (0..seconds).any(|_| begins(stage))
}

#[test]
fn purged_binlogs_are_answered_once_in_an_hour_and_told_before() {
    let mut stage = purged();
    assert!(begins_within(&mut stage, 5));
    let told = stage.sentences().join("\n");
    assert!(told.contains("has purged the binlogs that it still needs") && told.contains("auto_reseed"), "{told}");
    let gate = stage.view().gates.iter().any(|gate| gate.sentence.contains("is being copied anew"));
    assert!(gate && !stage.view().ready, "nobody may be sent to a replica that is half copied");
    assert!(!stage.judge.regions()[0].wants_lock(&replica()), "the copy needs the lock");
    stage.judge.handle_reseed_ended(&region(), &replica(), false);
    assert!(!begins_within(&mut stage, 3_500), "within the hour it is an operator's");
    assert!(begins_within(&mut stage, 200), "and after it the daemon's again");
    stage.judge.handle_reseed_ended(&region(), &replica(), true);
    let link = stage.facts.link.as_mut().unwrap();
    (link.io, link.io_errno, link.purged) = (ThreadState::Running, 0, false);
    assert!(!begins_within(&mut stage, 4_000) && stage.view().ready, "{:?}", stage.view().gates);
}

#[test]
fn a_copy_that_the_daemons_end_interrupted_goes_on_and_one_that_was_mended_by_hand_does_not() {
    for mended in [false, true] {
        let mut stage = purged();
        assert!(begins_within(&mut stage, 5));
        // killed and started again, and the link was forgotten on the way
        let memory = stage.judge.memory();
        stage.judge = Judge::new(vec![stage.rules.clone()], memory, 1, stage.now());
        stage.judge.handle_stamp(&region(), &replica(), Some(identity(2)));
        let link = stage.facts.link.take().unwrap();
        if mended {
            stage.facts.link = Some(keyward::model::observation::LinkFacts {
                io: ThreadState::Running,
                sql: ThreadState::Running,
                purged: false,
                io_errno: 0,
                ..link
            });
        }
        assert_eq!(begins_within(&mut stage, 10), !mended, "mended: {mended}");
    }
}

#[test]
fn nothing_is_copied_that_somebody_or_something_else_stands_before() {
    type Case = (&'static str, fn(&mut Stage));
    let cases: [Case; 6] = [
        ("the binlogs are there", |stage| stage.facts.link.as_mut().unwrap().purged = false),
        ("paused", |stage| {
            stage.order(&pause());
        }),
        ("mode manual", |stage| stage.reload(|rules| rules.mode = Mode::Manual)),
        ("the master does not answer", |stage| stage.master(false)),
        ("another server", |stage| stage.facts.identity = identity(9)),
        ("it may be the master", |stage| stage.facts.proven_not_master = false),
    ];
    for (why, change) in cases {
        let mut stage = purged();
        change(&mut stage);
        assert!(!begins_within(&mut stage, 60), "{why}");
    }
}
