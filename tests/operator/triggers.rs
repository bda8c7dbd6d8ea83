//! Which outage of RegionOne turns a region by which trigger, and what its own Keystone must be able to do before that.

use std::time::Duration;

use keyward::judge::{Judge, Memory, Rules};
use keyward::model::command::Command;
use keyward::model::phase::{LocalIdentity, Mode, Trigger};
use keyward::model::{Phase, Reason};

use crate::keystones::{INTERVAL, Keystones, known};
use crate::stage::{REASON, Stage, region, rules};

fn stage_with(trigger: Trigger) -> Stage {
    Stage::healthy(Rules { trigger, ..known(rules(Mode::Auto)) })
}

fn gates(stage: &Stage) -> Vec<String> {
    stage.view().gates.into_iter().map(|gate| gate.code).collect()
}

#[test]
fn each_trigger_turns_the_region_in_its_outages_and_in_no_other() {
    // database dead, Keystone dead, and the triggers that this turns the region by
    let cases = [
        (true, false, vec![Trigger::Master, Trigger::Either]),
        (false, true, vec![Trigger::Identity, Trigger::Either]),
        (true, true, Trigger::ALL.to_vec()),
    ];
    for trigger in Trigger::ALL {
        for (db, identity, turned_by) in &cases {
            let mut stage = stage_with(trigger);
            stage.master(!db);
            stage.keystones.master = if *identity { Err(Reason::TimedOut) } else { Ok(()) };
            stage.pass_with_hooks(9);
            assert!(!stage.phase().in_episode(), "{trigger:?}, {db}, {identity}: before the time");
            assert!(!stage.view().wanted, "{trigger:?}, {db}, {identity}: before the time");
            stage.pass_with_hooks(10);
            let turned = turned_by.contains(&trigger);
            assert_eq!(stage.view().wanted, turned, "{trigger:?}, {db}, {identity}");
            let expected = if turned { Phase::Local } else { stage.phase() };
            assert_eq!(
                (stage.phase(), stage.phase().in_episode()),
                (expected, turned),
                "{trigger:?}, {db}, {identity}"
            );
            assert_eq!(stage.verdicts().contains(&"master_unreachable".to_owned()), *db);
            assert_eq!(stage.verdicts().contains(&"identity_down".to_owned()), *identity);
            // a side that no trigger names makes nobody suspicious
            let named = (*db && trigger != Trigger::Identity) || (*identity && trigger != Trigger::Master);
            let suspected = stage.sentences().iter().any(|sentence| sentence.contains("is not proven alive"));
            assert_eq!(suspected, named, "{trigger:?}, {db}, {identity}: {:#?}", stage.sentences());
            if turned {
                let reason = stage.memory().episode.as_ref().unwrap().reason.clone();
                assert_eq!(reason.contains("RegionOne's master at"), *db && trigger != Trigger::Identity, "{reason}");
                assert_eq!(
                    reason.contains("RegionOne's Keystone at"),
                    *identity && trigger != Trigger::Master,
                    "{reason}"
                );
                stage.master(true);
                stage.keystones.master = Ok(());
                stage.until(Phase::Remote);
            }
        }
    }
}

#[test]
fn a_failover_that_a_gate_holds_back_is_wanted_all_the_same() {
    let mut stage = Stage::healthy(Rules { trigger: Trigger::Identity, ..known(rules(Mode::Off)) });
    stage.keystones.master = Err(Reason::TimedOut);
    stage.pass_with_hooks(30);
    assert_eq!((stage.phase().in_episode(), stage.view().wanted), (false, true));
    assert_eq!(gates(&stage), ["mode_off"]);
    stage.keystones.master = Ok(());
    stage.pass_with_hooks(10);
    assert!(!stage.view().wanted, "it works again");
}

#[test]
fn the_way_back_waits_for_every_witness_whatever_the_trigger() {
    for trigger in Trigger::ALL {
        for keystone in [Reason::TimedOut, Reason::Login] {
            let mut stage = stage_with(trigger);
            stage.master(false);
            stage.keystones.master = Err(Reason::TimedOut);
            stage.until(Phase::Local);
            stage.master(true);
            stage.keystones.master = Err(keystone);
            stage.pass_with_hooks(100);
            assert_eq!(stage.phase(), Phase::Local, "{trigger:?}: the Keystone lets nobody log in");
            let waits = stage.view().way_back.unwrap().sentence;
            assert!(waits.contains("RegionOne's Keystone at http://10.0.0.1:5000 lets nobody log in"), "{waits}");
            stage.keystones.master = Ok(());
            stage.pass_with_hooks(20);
            assert_eq!(stage.phase(), Phase::Local, "{trigger:?}: too early");
            stage.pass_with_hooks(8);
            assert_eq!(stage.phase(), Phase::Remote, "{trigger:?}");
        }
    }
}

#[test]
fn one_failed_login_breaks_the_health() {
    let mut stage = stage_with(Trigger::Master);
    stage.master(false);
    stage.until(Phase::Local);
    stage.master(true);
    stage.pass_with_hooks(15);
    stage.keystones.master = Err(Reason::ServerError);
    stage.pass_with_hooks(INTERVAL);
    stage.keystones.master = Ok(());
    stage.pass_with_hooks(15);
    assert_eq!(stage.phase(), Phase::Local, "unbroken health begins anew");
}

#[test]
fn a_keystone_that_refuses_us_lives() {
    for trigger in [Trigger::Identity, Trigger::Either] {
        let mut stage = stage_with(trigger);
        stage.keystones.master = Err(Reason::Login);
        stage.pass(200);
        assert!(!stage.phase().in_episode(), "{trigger:?}");
        assert_eq!((stage.verdicts(), stage.view().deadline), (vec!["identity_refuses_us".to_owned()], None));
        // from its first failing look on the silence counts
        stage.keystones.master = Err(Reason::Refused);
        stage.pass(8);
        assert!(!stage.phase().in_episode(), "{trigger:?}");
        let due = stage.view().deadline.expect("it says when").duration_since(stage.now().wall).as_secs();
        assert!((1..=6).contains(&due), "{trigger:?}: due in {due} s");
        stage.pass_with_hooks(8);
        assert_eq!(stage.phase(), Phase::Local, "{trigger:?}");
    }
}

#[test]
fn a_keystone_that_was_never_seen_at_work_turns_nothing() {
    for trigger in Trigger::ALL {
        let mut stage = Stage::fresh(Rules { trigger, ..known(rules(Mode::Auto)) });
        stage.keystones.master = Err(Reason::Unresolved);
        stage.pass_with_hooks(60);
        assert!(!stage.phase().in_episode(), "{trigger:?}: a wrong address is no outage");
        let asked = matches!(trigger, Trigger::Identity | Trigger::Both);
        assert_eq!(gates(&stage), if asked { vec!["never_seen"] } else { vec![] }, "{trigger:?}");
        stage.master(false);
        stage.pass_with_hooks(20);
        assert_eq!(stage.phase() == Phase::Local, !asked, "{trigger:?}: the database counts");
    }
}

#[test]
fn a_keystone_that_was_seen_before_a_restart_was_seen() {
    let mut stage = stage_with(Trigger::Identity);
    let memory = Memory { version: 1, ..stage.judge.memory() };
    stage.judge = Judge::new(vec![stage.rules.clone()], memory, 1, stage.now());
    stage.judge.handle_stamp(&region(), &crate::stage::replica(), Some(crate::stage::identity(2)));
    stage.keystones.master = Err(Reason::TimedOut);
    stage.pass_with_hooks(20);
    assert_eq!(stage.phase(), Phase::Local);
}

#[test]
fn after_a_failback_by_hand_no_trigger_fires_for_the_same_outage() {
    // what is dead, and what must come back before anything is done by itself
    for (trigger, db) in
        [(Trigger::Identity, false), (Trigger::Either, false), (Trigger::Either, true), (Trigger::Both, true)]
    {
        let mut stage = stage_with(trigger);
        stage.master(!(db || trigger == Trigger::Both));
        let keystone_dies = !db || trigger == Trigger::Both;
        stage.keystones.master = if keystone_dies { Err(Reason::TimedOut) } else { Ok(()) };
        stage.until(Phase::Local);
        assert!(stage.order(&Command::Failback { region: region(), force: true, reason: REASON.into() }).ok);
        stage.pass_with_hooks(100);
        assert!(!stage.phase().in_episode(), "{trigger:?}, database {db}: it rests");
        assert!(stage.view().ready_sentence.contains("rests until"), "{}", stage.view().ready_sentence);
        stage.master(true);
        stage.keystones.master = Ok(());
        stage.pass_with_hooks(4);
        assert!(stage.view().ready, "{}", stage.view().ready_sentence);
    }
}

/// What the region's own Keystone answers, and whether that is enough for each requirement and for being ready.
#[test]
fn the_regions_own_keystone_closes_the_gate_by_what_is_required_of_it() {
    let good = Keystones::default();
    let broken = Some(Err(Reason::ServerError));
    let cases = [
        ("all well", good, [true, true, true], true, None),
        ("no first login", Keystones { login: broken, ..good }, [true, true, false], false, Some("read_only")),
        (
            "keys differ",
            Keystones { foreign: Some(Err(Reason::Token)), ..good },
            [true, true, true],
            false,
            Some("keys_differ"),
        ),
        (
            "keys differ, and nobody logs in",
            Keystones { foreign: Some(Err(Reason::Token)), login: None, ..good },
            [true, false, false],
            false,
            Some("keys_differ"),
        ),
        (
            "nothing works behind it",
            Keystones { foreign: broken, login: broken, ..good },
            [true, false, false],
            false,
            Some("down"),
        ),
        (
            "it is gone",
            Keystones {
                discovery: Err(Reason::Refused),
                foreign: Some(Err(Reason::Refused)),
                login: Some(Err(Reason::Refused)),
                ..good
            },
            [true, false, false],
            false,
            Some("down"),
        ),
        (
            "a login hangs",
            Keystones { login: Some(Err(Reason::TimedOut)), ..good },
            [true, true, false],
            false,
            Some("too_slow"),
        ),
        (
            "a login is refused",
            Keystones { login: Some(Err(Reason::Login)), ..good },
            [true, true, false],
            false,
            Some("refused"),
        ),
        ("no token to ask about", Keystones { foreign: None, ..good }, [true, true, true], true, None),
    ];
    let required = [LocalIdentity::Off, LocalIdentity::Validates, LocalIdentity::FirstLogin];
    for (name, keystones, opens, ready, code) in cases {
        for (require_local_identity, open) in required.into_iter().zip(opens) {
            let mut stage = Stage::fresh(Rules { require_local_identity, ..known(rules(Mode::Auto)) });
            stage.keystones = keystones;
            stage.pass(20);
            let what = format!("{name}, {require_local_identity:?}");
            let view = stage.view();
            assert_eq!(gates(&stage), if open { vec![] } else { vec!["local_identity_down"] }, "{what}");
            assert_eq!(view.ready, ready && open, "{what}: {}", view.ready_sentence);
            let obstacle = view.local_identity.unwrap().obstacle;
            assert_eq!(obstacle.as_ref().map(|obstacle| obstacle.code.as_str()), code, "{what}");
            if let Some(obstacle) = obstacle {
                assert!(stage.verdicts().contains(&"local_login_fails".to_owned()), "{what}");
                assert!(view.ready_sentence.contains(&obstacle.sentence), "{what}: {}", view.ready_sentence);
            }
            stage.master(false);
            stage.pass_with_hooks(20);
            assert_eq!(stage.phase() == Phase::Local, open, "{what}");
        }
    }
}

/// Nobody logs in anywhere: all that can be asked of the region's own Keystone is that it answers.
#[test]
fn without_anybody_who_logs_in_an_answer_is_enough() {
    let mut rules = Rules { require_local_identity: LocalIdentity::Validates, ..known(rules(Mode::Auto)) };
    [&mut rules.identity, &mut rules.local_identity].into_iter().flatten().for_each(|one| one.logs_in = false);
    for (discovery, opens) in [(Ok(()), true), (Err(Reason::Refused), false)] {
        let mut stage = Stage::fresh(rules.clone());
        stage.keystones = Keystones { discovery, login: None, foreign: None, ..Keystones::default() };
        stage.pass(20);
        assert_eq!(gates(&stage).is_empty(), opens);
        stage.master(false);
        stage.pass_with_hooks(20);
        assert_eq!(stage.phase() == Phase::Local, opens);
    }
}

#[test]
fn one_bad_look_at_the_regions_own_keystone_is_a_doubt() {
    let rules = Rules { require_local_identity: LocalIdentity::FirstLogin, ..known(rules(Mode::Auto)) };
    let mut stage = Stage::healthy(rules);
    stage.keystones.login = Some(Err(Reason::TimedOut));
    stage.pass(INTERVAL);
    assert!(stage.view().ready && gates(&stage).is_empty());
    stage.pass(INTERVAL);
    assert_eq!((stage.view().ready, gates(&stage)), (false, vec!["local_identity_down".to_owned()]));
    stage.keystones.login = Some(Ok(()));
    stage.pass(INTERVAL);
    assert!(stage.view().ready && gates(&stage).is_empty());
}

/// The last token of RegionOne's is gone with the process, and RegionOne gives no other.
#[test]
fn a_restart_in_the_outage_remembers_that_tokens_were_valid() {
    let rules = Rules { require_local_identity: LocalIdentity::Validates, ..known(rules(Mode::Auto)) };
    for known_before in [true, false] {
        let mut stage = Stage::fresh(rules.clone());
        stage.keystones.login = None;
        stage.keystones.foreign = known_before.then_some(Ok(()));
        stage.pass(20);
        let memory = stage.judge.memory();
        stage.judge = Judge::new(vec![rules.clone()], memory, 1, stage.now());
        stage.judge.handle_stamp(&region(), &crate::stage::replica(), Some(crate::stage::identity(2)));
        stage.master(false);
        stage.keystones = Keystones { master: Err(Reason::TimedOut), foreign: None, ..stage.keystones };
        stage.pass_with_hooks(30);
        assert_eq!(stage.phase() == Phase::Local, known_before, "{:?}", stage.view().gates);
    }
}

#[test]
fn an_operator_passes_the_gate_by_force_alone() {
    let rules = Rules { require_local_identity: LocalIdentity::FirstLogin, ..known(rules(Mode::Auto)) };
    let mut stage = Stage::healthy(rules);
    stage.keystones.login = Some(Err(Reason::ServerError));
    stage.pass(3 * INTERVAL);
    let order = |force| Command::Failover { region: region(), force, reason: REASON.into() };
    let refused = stage.order(&order(false));
    assert!(!refused.ok && refused.message.contains("local_identity_down"), "{}", refused.message);
    assert!(stage.order(&order(true)).ok);
}

#[test]
fn a_reload_of_the_trigger_moves_no_phase_and_counts_from_the_next_decision_on() {
    let mut stage = stage_with(Trigger::Master);
    stage.keystones.master = Err(Reason::TimedOut);
    stage.pass(30);
    assert_eq!(stage.phase(), Phase::Remote);
    stage.reload(|rules| rules.trigger = Trigger::Either);
    stage.pass_with_hooks(5);
    assert_eq!(stage.phase(), Phase::Local);
    stage.reload(|rules| rules.trigger = Trigger::Both);
    stage.pass_with_hooks(5);
    assert_eq!(stage.phase(), Phase::Local);
}

/// What a side should be, told once more: silent for the patience, and two looks failed in it.
#[derive(Default)]
struct Expected {
    proven: u64,
    failed: u64,
}

impl Expected {
    fn note(&mut self, second: u64, lives: bool) {
        if lives {
            *self = Self { proven: second, failed: 0 };
        } else {
            self.failed += 1;
        }
    }

    fn is_down(&self, second: u64) -> bool {
        self.failed >= 2 && second >= self.proven + 10
    }
}

#[test]
fn random_outages_of_either_side_turn_the_region_at_the_second_they_should() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut turned = [0; 4];
    for (index, trigger) in Trigger::ALL.into_iter().cycle().take(400).enumerate() {
        let mut stage = stage_with(trigger);
        let (mut db, mut identity) = (Expected::default(), Expected::default());
        db.note(stage.seconds, true);
        identity.note(stage.seconds, true);
        let (mut db_lives, mut identity_lives) = (true, true);
        for _ in 0..120 {
            db_lives ^= random.u32(..8) == 0;
            identity_lives ^= random.u32(..8) == 0;
            stage.master(db_lives);
            stage.keystones.master = if identity_lives { Ok(()) } else { Err(Reason::ServerError) };
            stage.pass(1);
            db.note(stage.seconds, db_lives);
            if stage.seconds.is_multiple_of(INTERVAL) {
                identity.note(stage.seconds, identity_lives);
            }
            let (db, identity) = (db.is_down(stage.seconds), identity.is_down(stage.seconds));
            let down = match trigger {
                Trigger::Master => db,
                Trigger::Identity => identity,
                Trigger::Either => db || identity,
                Trigger::Both => db && identity,
            };
            assert_eq!(stage.phase() == Phase::Switching, down, "{trigger:?}, world {index}, second {}", stage.seconds);
            if down {
                turned[index % 4] += 1;
                break;
            }
        }
    }
    println!("turned, by trigger: {turned:?} of 100 each");
    assert!(turned.into_iter().all(|turned| turned > 20), "{turned:?}");
    assert_eq!(Duration::from_secs(INTERVAL), stage_with(Trigger::Both).rules.identity.unwrap().interval);
}
