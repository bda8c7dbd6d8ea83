//! Masters that come and go for hours: never more failovers than the doubling of the way back allows.

use std::time::Duration;

use keyward::model::phase::Mode;
use keyward::model::{Cause, EventKind, Phase};

use crate::stage::{Stage, rules};

/// Three hours of a master that is dead for `dead` of every `period` seconds; the failovers.
fn failovers(failback_after: u64, dead: u64, period: u64) -> (usize, Stage) {
    let mut stage = Stage::healthy(keyward::judge::Rules {
        failback_after: Duration::from_secs(failback_after),
        unreachable_after: Duration::from_secs(7),
        ..rules(Mode::Auto)
    });
    for second in 0..3 * 3_600 {
        stage.master(second % period >= dead);
        stage.pass_with_hooks(1);
    }
    let automatic = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Transition { from: Phase::Remote | Phase::Suspect, to: Phase::Switching, cause: Cause::Auto }
        )
    };
    (stage.told.iter().filter(|event| automatic(&event.what)).count(), stage)
}

#[test]
fn a_master_that_dies_and_returns_causes_no_more_failovers_than_the_doubling_allows() {
    for (failback_after, dead, period) in
        [(5, 20, 60), (10, 20, 60), (1, 30, 60), (20, 40, 300), (60, 10, 60), (5, 20, 1_200)]
    {
        let (seen, stage) = failovers(failback_after, dead, period);
        // each asks for twice the health of the one before; once that is more than the master ever shows, it stays local
        let alive = period - dead;
        let mut allowed = 1;
        while failback_after << (allowed - 1) <= alive {
            allowed += 1;
        }
        println!("dead {dead} s of {period} s, failback_after {failback_after} s: {seen} failovers, {allowed} allowed");
        assert!((1..=allowed).contains(&(seen as u64)), "{seen} failovers, {allowed} allowed");
        // every silence counts, also those of an episode
        let silences = 3 * 3_600 / period;
        assert!(stage.view().flaps.abs_diff(silences) <= 1, "{} flaps in {silences} silences", stage.view().flaps);
        assert_eq!(stage.verdicts().contains(&"flapping".to_owned()), period <= 200, "{:?}", stage.verdicts());
    }
}

#[test]
fn a_master_that_stalls_for_less_than_the_patience_causes_none_and_is_flapping() {
    let (seen, stage) = failovers(60, 5, 10);
    assert_eq!((seen, stage.started.len()), (0, 0));
    let verdicts = stage.view().verdicts;
    let flapping = verdicts.iter().find(|verdict| verdict.code == "flapping").expect("it is told");
    assert!(flapping.sentence.contains("fell silent and came back 1080 times in 2h 59m"), "{}", flapping.sentence);
}

/// Why the way back waits, and until when, is shown all along.
#[test]
fn a_doubled_way_back_says_so() {
    let (_, mut stage) = failovers(20, 40, 300);
    stage.master(true);
    stage.pass_with_hooks(30);
    let back = stage.view().way_back.expect("it is local");
    let wanted = format!("doubled {} times for {0} failovers within an hour after an episode", back.doubled);
    assert!(back.doubled > 2 && back.sentence.contains(&wanted), "{}", back.sentence);
    assert_eq!(back.needed_seconds, f64::from(20 * (1 << back.doubled)));
    let earliest = back.earliest.expect("it is healthy");
    assert!(back.sentence.contains(&format!("at the earliest {}", keyward::model::time::stamp(earliest))));
    // and not twice: the region's own sentence says how it stands
    assert!(!stage.view().sentence.contains("the way back"), "{}", stage.view().sentence);
}
