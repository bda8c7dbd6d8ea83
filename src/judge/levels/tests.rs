use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::judge::memory::{Episode, HookMemory, Memory, Proof};
use crate::judge::{Judge, Rules};
use crate::model::command::Command;
use crate::model::haproxy::{AdminState, HaproxySocket};
use crate::model::hook::{HookEnd, HookEvent, HookOutcome};
use crate::model::phase::{Failback, LocalIdentity, Mode, Phase, Trigger};
use crate::model::view::RegionView;
use crate::model::{Moment, RegionName};

const HOOK: &str = "haproxy";

fn region() -> RegionName {
    RegionName("RegionTwo".into())
}

fn spec(name: &str, kind: HookKind) -> HookSpec {
    HookSpec { name: name.into(), kind, timeout: Duration::from_secs(60), optional: false }
}

fn rules(mode: Mode) -> Rules {
    let proxy = Haproxy {
        socket: HaproxySocket::Unix("/run/haproxy/admin.sock".into()),
        remote: vec!["identity/k1".into()],
        local: vec!["identity/k2".into()],
    };
    let services = HookKind::Exec { command: vec!["/bin/true".into()] };
    Rules {
        region: region(),
        master_region: RegionName("RegionOne".into()),
        master_addresses: vec!["10.0.0.1:3306".parse().unwrap()],
        schemas: Vec::new(),
        filter: String::new(),
        replicas: Vec::new(),
        hooks: vec![spec(HOOK, HookKind::Haproxy(proxy)), spec("services", services)],
        mode,
        trigger: Trigger::Master,
        identity: None,
        local_identity: None,
        require_local_identity: LocalIdentity::Off,
        failback: Failback::Auto,
        poll_interval: Duration::from_secs(1),
        probe_timeout: Duration::from_secs(1),
        beat_interval: Duration::from_secs(1),
        unreachable_after: Duration::from_secs(10),
        failback_after: Duration::from_secs(60),
        failback_max_lag: Duration::from_secs(5),
        max_data_age: Duration::from_secs(60),
    }
}

/// A judge, its HAProxy, and the time.
struct World {
    judge: Judge,
    seconds: u64,
}

impl World {
    fn new(mode: Mode, phase: Phase, direction: HookEvent, hook: HookMemory) -> Self {
        let episode = phase.in_episode().then(|| Episode {
            id: "e".into(),
            started_at: Timestamp::UNIX_EPOCH,
            manual: false,
            ordered: false,
            forced: false,
            reason: "why".into(),
            turn: 1,
            direction,
            doubled: 0,
            hooks: BTreeMap::from([
                (HOOK.to_owned(), hook),
                ("services".to_owned(), HookMemory { started: true, done: true, ..HookMemory::default() }),
            ]),
        });
        let mut memory = Memory::default();
        let mine = memory.regions.entry(region()).or_default();
        (mine.phase, mine.episode) = (phase, episode);
        mine.proof = Some(Proof { at: Timestamp::UNIX_EPOCH, master: "10.0.0.1:3306".into() });
        Self { judge: Judge::new(vec![rules(mode)], memory, 1, now(0)), seconds: 0 }
    }

    fn remote(mode: Mode) -> Self {
        Self::new(mode, Phase::Remote, HookEvent::Failover, HookMemory::default())
    }

    fn local() -> Self {
        Self::new(Mode::Auto, Phase::Local, HookEvent::Failover, turned_out())
    }

    fn now(&self) -> Now {
        now(self.seconds)
    }

    /// A second later HAProxy is seen with these states of k1 and k2; the sides that are to be set.
    fn sees(&mut self, k1: u32, k2: u32) -> Vec<Side> {
        let servers = [("identity/k1", k1), ("identity/k2", k2)];
        self.looks(Ok(HaproxyFacts {
            level: SocketLevel::Admin,
            backends: vec!["identity".into()],
            servers: servers.map(|(name, bits)| (name.to_owned(), AdminState(bits))).into(),
        }))
    }

    fn looks(&mut self, result: Result<HaproxyFacts, String>) -> Vec<Side> {
        self.seconds += 1;
        let look = HaproxyLook { began: self.now().mono, result };
        self.judge.handle_haproxy(self.now(), &region(), HOOK, &look);
        self.orders()
    }

    fn orders(&mut self) -> Vec<Side> {
        self.judge.step(self.now());
        self.judge.take_level_orders(true).into_iter().map(|order| order.side).collect()
    }

    fn was_set(&mut self, result: Result<Vec<Change>, String>) {
        self.judge.handle_level_ended(self.now(), &region(), HOOK, Some(result));
    }

    fn view(&self) -> RegionView {
        self.judge.views(self.now()).remove(0)
    }

    fn level(&self) -> LevelView {
        self.view().hooks[0].level.clone().unwrap()
    }

    fn told(&mut self) -> Vec<String> {
        self.judge.take_events().into_iter().map(|event| event.sentence).collect()
    }
}

fn now(seconds: u64) -> Now {
    let mono = Moment::default() + Duration::from_secs(seconds);
    Now { mono, wall: Timestamp::from_second(1_000 + seconds as i64).unwrap() }
}

fn turned_out() -> HookMemory {
    HookMemory { started: true, done: true, attempt: 1, turned: Some(HookEvent::Failover), ..HookMemory::default() }
}

#[test]
fn what_was_lost_is_set_again_once_and_told() {
    let mut world = World::local();
    assert_eq!(world.sees(0x01, 0x04), []);
    assert_eq!(world.level().sentence, "HAProxy at /run/haproxy/admin.sock serves identity/k2");
    // a reload
    assert_eq!(world.sees(0x00, 0x05), [Side::Local]);
    assert_eq!((world.level().up, world.level().ok), (true, Some(false)));
    // while it is being set, and by a look that began before that was done, it is not ordered twice
    assert_eq!(world.sees(0x00, 0x05), []);
    let change =
        Change { server: "identity/k2".into(), was: AdminState(0x05), to: crate::model::haproxy::Setting::Ready };
    world.told();
    world.seconds += 1;
    world.was_set(Ok(vec![change]));
    assert_eq!(world.told(), ["HAProxy had lost what hook haproxy keeps there: identity/k2 was in maint, set ready"]);
    assert_eq!(world.orders(), []);
    assert_eq!(world.level().ok, None, "nobody has looked since");
    assert_eq!(world.sees(0x01, 0x04), []);
    assert_eq!(world.level().ok, Some(true));
    // and lost again
    assert_eq!(world.sees(0x00, 0x05), [Side::Local]);
}

#[test]
fn outside_an_episode_the_side_is_remote() {
    let mut world = World::remote(Mode::Auto);
    assert_eq!(world.sees(0x00, 0x00), [Side::Remote]);
}

#[test]
fn before_the_master_was_ever_seen_nobody_is_turned_towards_it() {
    let mut world = World::remote(Mode::Auto);
    let mut memory = world.judge.memory();
    memory.regions.get_mut(&region()).unwrap().proof = None;
    world.judge = Judge::new(vec![rules(Mode::Auto)], memory, 1, world.now());
    assert_eq!(world.sees(0x01, 0x00), []);
    assert!(world.level().sentence.ends_with("only observed: the master was never proven alive from here"));
}

#[test]
fn between_its_runs_the_side_is_that_of_the_last_success() {
    let wanted =
        |phase, direction, hook| World::new(Mode::Auto, phase, direction, hook).judge.regions()[0].wanted(HOOK);
    let (out, back) = (HookEvent::Failover, HookEvent::Failback);
    // the way back has begun, and another hook comes first
    let waiting = HookMemory { done: false, attempt: 0, ..turned_out() };
    assert_eq!(wanted(Phase::Returning, back, waiting), Some(Side::Local));
    // it failed, or nobody saw the end of its run: its own retries do it
    let failed = HookMemory { turned: None, done: false, ..turned_out() };
    assert_eq!(wanted(Phase::Switching, out, failed), None);
    let lost = HookMemory { running: Some(1), ..turned_out() };
    assert_eq!(wanted(Phase::Returning, back, lost), None);
    // one that never began has turned nothing
    assert_eq!(wanted(Phase::Switching, out, HookMemory::default()), Some(Side::Remote));
}

#[test]
fn a_run_of_the_hook_decides_the_side_by_its_end() {
    let mut world = World::new(Mode::Auto, Phase::Switching, HookEvent::Failover, HookMemory::default());
    world.judge.step(world.now());
    let starts = world.judge.take_starts(true);
    assert_eq!(starts.len(), 1, "the hook begins");
    assert_eq!(world.sees(0x00, 0x00), [], "its run is under way");
    let end = |world: &mut World, end: HookEnd| {
        let run = &starts[0].run;
        let outcome =
            HookOutcome { hook: HOOK.into(), event: run.event, turn: run.turn, attempt: 1, end, took: Duration::ZERO };
        world.judge.handle_hook(world.now(), &region(), &outcome);
    };
    end(&mut world, HookEnd::Failed("x".into()));
    assert_eq!(world.judge.regions()[0].wanted(HOOK), None);
    end(&mut world, HookEnd::Ok);
    assert_eq!(world.judge.regions()[0].wanted(HOOK), Some(Side::Local));
    world.seconds += 1;
    assert_eq!(world.orders(), [], "the last look began before the run ended");
    assert_eq!(world.sees(0x00, 0x00), [Side::Local]);
}

#[test]
fn paused_or_not_automatic_it_is_only_observed() {
    let mut world = World::local();
    let pause = Command::Pause { region: None, seconds: None, reason: "drill".into() };
    assert!(world.judge.handle_command(world.now(), &pause, "ann").ok);
    assert_eq!(world.sees(0x00, 0x05), []);
    let said = "hook haproxy: HAProxy at /run/haproxy/admin.sock is not as `local` needs it: identity/k2 is in maint, \
                identity/k1 is ready; it is only observed: the region is paused";
    let told = world.view().verdicts.into_iter().find(|verdict| verdict.code == "haproxy_not_set").unwrap();
    assert_eq!(told.sentence, said);
    assert!(world.judge.handle_command(world.now(), &Command::Resume { region: None }, "ann").ok);
    assert_eq!(world.orders(), [Side::Local]);

    for mode in [Mode::Manual, Mode::Off] {
        let mut world = World::remote(mode);
        assert_eq!(world.sees(0x01, 0x00), []);
        assert!(world.level().sentence.ends_with("it is only observed: mode is not \"auto\""), "{:?}", world.level());
    }
}

#[test]
fn while_another_required_hook_runs_it_waits() {
    let mut world = World::local();
    world.judge = {
        let mut memory = world.judge.memory();
        let episode = memory.regions.get_mut(&region()).unwrap().episode.as_mut().unwrap();
        // begun and lost in a restart: due at once
        episode
            .hooks
            .insert("services".into(), HookMemory { started: true, running: Some(1), ..HookMemory::default() });
        Judge::new(vec![rules(Mode::Auto)], memory, 1, world.now())
    };
    world.judge.step(world.now());
    assert_eq!(world.judge.take_starts(true).len(), 1);
    assert_eq!(world.sees(0x00, 0x05), []);
    let outcome = HookOutcome {
        hook: "services".into(),
        event: HookEvent::Failover,
        turn: 1,
        attempt: 1,
        end: HookEnd::Ok,
        took: Duration::ZERO,
    };
    world.judge.handle_hook(world.now(), &region(), &outcome);
    assert_eq!(world.orders(), [Side::Local]);
}

#[test]
fn a_setting_that_fails_is_tried_again_with_growing_pauses_and_told() {
    let mut world = World::local();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let began = world.seconds;
        while world.sees(0x00, 0x05).is_empty() {
            assert!(world.seconds < began + 60, "never tried again");
        }
        pauses.push(world.seconds - began);
        world.was_set(Err("HAProxy is stubborn".into()));
        assert_eq!(world.level().sentence, "HAProxy is stubborn");
    }
    assert!(pauses.windows(2).all(|two| two[0] <= two[1]) && pauses[3] > pauses[0] + 1, "{pauses:?}");
    // seen right once, the next loss is set at once
    assert_eq!(world.sees(0x01, 0x04), []);
    assert_eq!(world.sees(0x00, 0x05), [Side::Local]);
}

#[test]
fn nothing_is_set_where_nothing_can_be() {
    let mut world = World::local();
    assert_eq!(world.looks(Err("HAProxy is gone".into())), []);
    assert_eq!(
        (world.level().up, world.level().ok, world.level().sentence),
        (false, None, "HAProxy is gone".to_owned())
    );
    let low = HaproxyFacts { level: SocketLevel::Operator, backends: Vec::new(), servers: BTreeMap::new() };
    assert_eq!(world.looks(Ok(low)), []);
    assert!(!world.level().up && world.level().sentence.contains("has level operator"), "{:?}", world.level());
    let named = HaproxyFacts { level: SocketLevel::Admin, backends: vec!["other".into()], servers: BTreeMap::new() };
    assert_eq!(world.looks(Ok(named)), []);
    assert_eq!((world.level().up, world.level().ok), (true, Some(false)));
    assert!(!world.view().ready);
    // a server that no command can make ready
    assert_eq!(world.sees(0x01, 0x20), []);
    assert!(world.level().sentence.contains("its name has no address"), "{:?}", world.level());
}

#[test]
fn with_an_unsaved_memory_only_the_local_side_is_set() {
    let mut world = World::local();
    let facts = |k1, k2| {
        let servers = [("identity/k1", k1), ("identity/k2", k2)];
        Ok(HaproxyFacts {
            level: SocketLevel::Admin,
            backends: Vec::new(),
            servers: servers.map(|(name, bits)| (name.to_owned(), AdminState(bits))).into(),
        })
    };
    let look = |world: &mut World, result| {
        world.seconds += 1;
        let look = HaproxyLook { began: world.now().mono, result };
        world.judge.handle_haproxy(world.now(), &region(), HOOK, &look);
        world.judge.step(world.now());
        world.judge.take_level_orders(false).len()
    };
    assert_eq!(look(&mut world, facts(0x00, 0x05)), 1);
    let mut world = World::remote(Mode::Auto);
    assert_eq!(look(&mut world, facts(0x01, 0x00)), 0);
    assert_eq!(world.orders(), [Side::Remote], "it is ordered again when the memory is saved");
}

#[test]
fn a_reload_of_the_settings_forgets_what_was_seen_of_another_socket() {
    let mut world = World::local();
    world.sees(0x01, 0x04);
    world.judge.handle_rules(vec![rules(Mode::Auto)]);
    assert!(world.view().hooks[0].level.is_some());
    let mut moved = rules(Mode::Auto);
    let HookKind::Haproxy(proxy) = &mut moved.hooks[0].kind else { panic!("not haproxy") };
    proxy.socket = HaproxySocket::Unix("/run/other.sock".into());
    world.judge.handle_rules(vec![moved]);
    assert!(world.view().hooks[0].level.is_none());
}
