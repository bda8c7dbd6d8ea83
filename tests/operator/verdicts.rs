//! Every verdict appears and is told whether keyward acts, is paused, or may not act by its mode.

use keyward::model::command::Command;
use keyward::model::haproxy::{Haproxy, HaproxyLook, HaproxySocket};
use keyward::model::hook::{HookKind, HookSpec};
use keyward::model::observation::{ActingLock, Durability, ThreadState};
use keyward::model::phase::Mode;
use keyward::model::{EventKind, Phase, Reason, Verdict};

use crate::keystones::known;
use crate::rows::pause;
use crate::stage::{REASON, Stage, region, replica, rules};

/// What makes a verdict true, beginning with a healthy region.
fn bring_about(verdict: Verdict, stage: &mut Stage) {
    match verdict {
        Verdict::Healthy => {}
        Verdict::MasterSilent => {
            stage.master(false);
            return stage.pass(4);
        }
        Verdict::MasterUnreachable => stage.master(false),
        Verdict::MasterRefusesUs => stage.probe = Err(Reason::Login),
        Verdict::IdentityDown => stage.keystones.master = Err(Reason::ServerError),
        Verdict::IdentityRefusesUs => stage.keystones.master = Err(Reason::Login),
        Verdict::LocalLoginFails => stage.keystones.login = Some(Err(Reason::ServerError)),
        Verdict::Flapping => (0..4).for_each(|_| {
            stage.master(false);
            stage.pass(5);
            stage.master(true);
            stage.pass(5);
        }),
        Verdict::MasterLostTransactions => (stage.beat, stage.open, stage.applies) = (stage.beat - 5, false, false),
        Verdict::MasterAddressFailing => stage.standby = Err(Reason::Login),
        Verdict::ProbePathBroken => stage.probe = Err(Reason::Unreachable),
        Verdict::ReplicationStopped => link(stage).io = ThreadState::Stopped,
        Verdict::ErrantTransactions => stage.facts.written = "0-2-1".into(),
        Verdict::RowsDiffer => {
            let found = Ok((1, "differed from its master in 1 table(s)".to_owned()));
            stage.judge.handle_verified(stage.now(), &region(), &replica(), found);
        }
        Verdict::BeatsRefused => stage.beats_taken = false,
        Verdict::ReplicaUnreachable => stage.replica = Err(Reason::Refused),
        Verdict::ReplicaWritable => stage.facts.read_only = false,
        Verdict::DataTooOld => {
            stage.reload(|rules| rules.max_data_age = std::time::Duration::from_secs(11));
            stage.applies = false;
        }
        Verdict::WrongServer => stage.facts.identity.server_id = 9,
        Verdict::NotDedicated => stage.facts.galera = true,
        Verdict::Released => {
            stage.order(&Command::Release { region: region(), replica: None, reason: REASON.into() });
        }
        Verdict::AnotherDaemon => stage.facts.acting_lock = ActingLock::Other(7),
        Verdict::FilterGap => stage.facts.schemas.push("nova".into()),
        Verdict::NotDurable => stage.facts.filter_durability = Durability::Lost,
        Verdict::HookFailing => {
            stage.order(&Command::Failover { region: region(), force: true, reason: REASON.into() });
            stage.pass(1);
            stage.end_hooks(false);
            return stage.pass(1);
        }
        Verdict::HaproxyNotSet => haproxy_is_gone(stage),
        Verdict::StateBroken => stage.saved = Err("the state folder is full".into()),
    }
    stage.pass(15);
}

/// A reload brings a hook whose HAProxy does not answer.
fn haproxy_is_gone(stage: &mut Stage) {
    let proxy = Haproxy {
        socket: HaproxySocket::Unix("/run/haproxy/admin.sock".into()),
        remote: vec!["identity/k1".into()],
        local: vec!["identity/k2".into()],
    };
    let (name, kind) = ("haproxy".to_owned(), HookKind::Haproxy(proxy));
    let hook = HookSpec { name, kind, timeout: std::time::Duration::from_secs(60), optional: false };
    stage.reload(|rules| rules.hooks.insert(0, hook));
    let look =
        HaproxyLook { began: stage.now().mono, result: Err("HAProxy at /run/haproxy/admin.sock is gone".into()) };
    stage.judge.handle_haproxy(stage.now(), &region(), "haproxy", &look);
}

fn link(stage: &mut Stage) -> &mut keyward::model::observation::LinkFacts {
    let link = stage.facts.link.as_mut().unwrap();
    link.io_errno = 1236;
    link
}

#[test]
fn every_verdict_appears_whether_keyward_acts_or_not() {
    let holds: [(&str, Mode, bool); 4] = [
        ("acting", Mode::Auto, false),
        ("paused", Mode::Auto, true),
        ("manual", Mode::Manual, false),
        ("off", Mode::Off, false),
    ];
    for verdict in Verdict::ALL {
        let mut sentences = Vec::new();
        for (hold, mode, paused) in holds {
            let mut rules = known(rules(mode));
            if verdict == Verdict::MasterAddressFailing {
                rules.master_addresses.push("10.0.0.9:3306".parse().unwrap());
            }
            let mut stage = Stage::healthy(rules);
            if paused {
                stage.order(&pause());
            }
            bring_about(verdict, &mut stage);
            let view = stage.view();
            let held = view.verdicts.iter().find(|held| held.code == verdict.code());
            let held = held.unwrap_or_else(|| panic!("{hold}: no {verdict:?} in {:?}", view.verdicts));
            let told = EventKind::Verdict { verdict: verdict.code().to_owned(), on: true };
            let is_told = stage.told.iter().any(|event| event.what == told && event.region == Some(region()));
            assert_eq!(is_told, verdict != Verdict::Healthy, "{hold}: {verdict:?}");
            let acted = stage.phase().in_episode();
            let may = verdict == Verdict::HookFailing || (hold == "acting" && verdict == Verdict::MasterUnreachable);
            assert_eq!(acted, may, "{hold}, {verdict:?}: phase {}", stage.phase());
            sentences.push(held.sentence.clone());
        }
        sentences.dedup();
        assert_eq!(sentences.len(), 1, "{verdict:?} says different things: {sentences:?}");
    }
}

#[test]
fn a_paused_region_that_is_healed_is_healthy_again_and_says_so() {
    for verdict in [Verdict::MasterUnreachable, Verdict::ReplicaWritable, Verdict::BeatsRefused] {
        let mut stage = Stage::healthy(rules(Mode::Off));
        bring_about(verdict, &mut stage);
        stage.master(true);
        (stage.facts.read_only, stage.beats_taken) = (true, true);
        stage.pass(15);
        assert_eq!((stage.phase(), stage.verdicts()), (Phase::Remote, vec!["healthy".to_owned()]));
        let over = EventKind::Verdict { verdict: verdict.code().to_owned(), on: false };
        assert!(stage.told.iter().any(|event| event.what == over), "{verdict:?}");
    }
}
