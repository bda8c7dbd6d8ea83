//! When something is due to the moment: a turn takes time, and several looks may be taken in before one decision.

use std::time::Duration;

use keyward::model::phase::Mode;
use keyward::model::{Phase, Reason};

use crate::stage::{Stage, rules};

#[test]
fn the_end_of_the_patience_is_asked_for_until_a_step_has_met_it() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    let proven = stage.now().mono;
    stage.master(false);
    stage.pass(9);
    let ends = Some(proven + Duration::from_secs(10));
    assert_eq!(stage.judge.poll_deadline(), ends);
    // the patience ends while that step is still carried out, and a look is taken in before anybody asks again
    stage.look();
    assert_eq!((stage.judge.poll_deadline(), stage.phase()), (ends, Phase::Suspect));
    stage.decide();
    assert_eq!((stage.judge.poll_deadline(), stage.phase()), (None, Phase::Switching));
}

#[test]
fn a_failed_look_breaks_the_health_also_when_the_next_one_is_taken_in_with_it() {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    stage.master(false);
    stage.until(Phase::Local);
    stage.master(true);
    stage.pass(15);
    stage.probe = Err(Reason::Refused);
    stage.look();
    stage.probe = Ok(());
    stage.look();
    stage.decide();
    stage.pass(15);
    assert_eq!(stage.phase(), Phase::Local, "healthy for 32 s, but not without a break");
    stage.until(Phase::Returning);
}
