//! Bursts that drive the region into a corner where chance hardly ever leads it: a gate that stays closed for long, a
//! phase that is reached by force, hooks that begin again and again there, and then whatever is rare.

use keyward::model::{Gate, Phase};

use super::fault::{Fault, Kind, Point, Step};
use super::setup::{Setup, pick};
use super::time::{Ms, ms};

/// The gates, the rarely closed ones more often.
const GATES: [Gate; 18] = [
    Gate::LocalIdentityDown,
    Gate::LocalIdentityDown,
    Gate::ModeManual,
    Gate::ModeOff,
    Gate::Released,
    Gate::ModeOff,
    Gate::ModeOff,
    Gate::NotDedicated,
    Gate::NotDedicated,
    Gate::NotDedicated,
    Gate::ReplicaWritable,
    Gate::ReplicaWritable,
    Gate::AnotherDaemon,
    Gate::WrongServer,
    Gate::NeverSeen,
    Gate::ModeManual,
    Gate::Released,
    Gate::Paused,
];

const PHASES: [Phase; 10] = [
    Phase::Switching,
    Phase::Suspect,
    Phase::Local,
    Phase::Local,
    Phase::Local,
    Phase::Returning,
    Phase::Returning,
    Phase::Returning,
    Phase::Switching,
    Phase::Suspect,
];

/// Kinds that strike in some worlds only, or hardly ever elsewhere.
const RARE: [Kind; 6] =
    [Kind::ProxyDown, Kind::ProxyWeak, Kind::ProxyReload, Kind::Unshared, Kind::SqlByHand, Kind::ReloadPatience];

/// A burst under way to its corner.
struct Corner<'a> {
    random: &'a mut fastrand::Rng,
    steps: &'a mut Vec<Step>,
    poll: Ms,
    /// Longer than the burst is.
    long: Ms,
    /// How many hooks there are, and in what time all of them have run.
    count: u32,
    hooks: Ms,
}

/// Draws one burst.
pub fn draw(setup: &Setup, random: &mut fastrand::Rng, steps: &mut Vec<Step>) {
    let phase = pick(random, &PHASES);
    // elsewhere somebody in the manual mode soon orders something that leads out of suspicion
    let gate = if phase == Phase::Suspect && random.bool() { Gate::ModeManual } else { pick(random, &GATES) };
    let hooks = setup.hook_takes.iter().sum::<Ms>() + 4 * setup.poll();
    let (long, count) = (40_000 + 4 * setup.unreachable(), setup.hook_takes.len() as u32);
    let mut corner = Corner { random, steps, poll: setup.poll(), long, count, hooks };
    let firm = matches!(gate, Gate::ReplicaWritable | Gate::WrongServer | Gate::NotDedicated);
    if phase == Phase::Suspect {
        // it may come back within the burst: then beats are ordered before anybody has seen it alive
        let away = if corner.random.bool() { corner.long } else { corner.random.u64(1_000..=corner.long) };
        corner.now(0, Kind::MasterCrash, away, 32);
        corner.close(3 * setup.poll() + setup.probe_timeout(), gate, setup);
    } else {
        if !firm {
            corner.close(0, gate, setup);
        }
        corner.now(2 * setup.poll(), Kind::FailoverForce, 0, 0);
        let beside = if phase == Phase::Switching { 0 } else { hooks };
        if firm {
            corner.close(beside, gate, setup);
        }
        corner.enter(if firm { 0 } else { beside }, phase);
    }
    let fewest = if phase == Phase::Suspect { 1 } else { 10 };
    for _ in 0..corner.random.usize(fewest..=24) {
        corner.strike(phase.in_episode());
    }
    corner.leave(phase.in_episode());
}

impl Corner<'_> {
    fn now(&mut self, wait: Ms, kind: Kind, lasts: Ms, arg: u32) {
        self.steps.push(Step { wait, point: Point::Idle, keen: false, fault: Fault { kind, lasts, arg } });
    }

    /// Closes a gate, on every replica where it is one of theirs.
    fn close(&mut self, wait: Ms, gate: Gate, setup: &Setup) {
        let long = self.long;
        match gate {
            Gate::ModeOff => self.now(wait, Kind::ReloadMode, 0, 3),
            Gate::ModeManual => self.now(wait, Kind::ReloadMode, 0, 1),
            Gate::Paused => self.now(wait, Kind::Pause, 0, 0),
            Gate::Released => self.now(wait, Kind::Release, 0, 1),
            Gate::LocalIdentityDown => self.now(wait, Kind::LocalIdentityDown, long, 0),
            Gate::NeverSeen => {
                // without a state, without a master, and with no beat that is young enough to prove it
                self.now(wait, Kind::MasterCrash, long, 32);
                self.now(0, Kind::StateLost, 100, 0);
                self.now(ms(setup.rules.max_data_age).min(60_000) + 200, Kind::ReplicaLags, long, 0);
            }
            _ => {
                let kind = match gate {
                    Gate::NotDedicated => Kind::ForeignLink,
                    Gate::WrongServer => Kind::WrongServer,
                    _ => Kind::OtherDaemon,
                };
                for replica in 0..setup.rules.replicas.len() as u32 {
                    self.now(if replica == 0 { wait } else { 0 }, kind, long, replica);
                    // nobody makes it read-only again while another daemon acts there
                    if gate == Gate::ReplicaWritable {
                        self.now(2 * self.poll, Kind::ReplicaWritable, 0, replica);
                    }
                }
            }
        }
    }

    /// Goes on from the way out to the phase, with hooks that fail and so begin again and again.
    fn enter(&mut self, wait: Ms, phase: Phase) {
        let place = if phase == Phase::Returning { self.random.u32(..self.count) } else { 0 };
        let optional = 4 * self.random.u32(..2);
        self.now(wait, Kind::HookFails, self.long, place);
        match phase {
            Phase::Local => self.now(0, Kind::ReloadHooks, 0, 1 + optional),
            Phase::Returning => self.now(0, Kind::FailbackForce, 0, 0),
            _ => {}
        }
    }

    /// Strikes with anything that leaves the corner as it is, or nearly.
    fn strike(&mut self, hooks_begin: bool) {
        let kind = loop {
            let kind = pick(self.random, Kind::ALL);
            let ends = matches!(kind, Kind::StateLost | Kind::StateDamaged);
            if !kind.is_trial() && !kind.is_request() && !ends {
                break if self.random.u32(..4) == 0 { pick(self.random, &RARE) } else { kind };
            }
        };
        let lasts = if kind.is_death() { self.random.u64(1..=100) } else { self.random.u64(1..=4 * self.poll) };
        self.strike_with(kind, lasts, hooks_begin);
    }

    fn strike_with(&mut self, kind: Kind, lasts: Ms, hooks_begin: bool) {
        let point = match self.random.u32(..12) {
            _ if kind.is_request() => Point::Idle,
            0..4 if hooks_begin => Point::HookBegun,
            4 | 5 => Point::Down,
            _ => pick(self.random, Point::ALL),
        };
        if point == Point::Down {
            let down = self.random.u64(200..=1_500);
            self.now(self.poll, Kind::Killed, down, 0);
        }
        let wait = self.random.u64(0..=if point == Point::Down { 200 } else { 800 });
        let fault = Fault { kind, lasts, arg: self.random.u32(..64) };
        self.steps.push(Step { wait, point, keen: self.random.bool(), fault });
    }

    /// Ends it with one of the rare kinds and takes the orders back.
    fn leave(&mut self, hooks_begin: bool) {
        let lost = if self.random.u32(..5) < 2 { Kind::StateLost } else { Kind::StateDamaged };
        for kind in [Kind::SqlByHand, lost] {
            let lasts = self.random.u64(1..=500);
            self.strike_with(kind, lasts, hooks_begin);
        }
        self.now(self.hooks, Kind::ReloadMode, 0, 0);
        self.now(0, Kind::Adopt, 0, 1);
        self.now(0, Kind::Resume, 0, 0);
        self.now(0, Kind::FailbackForce, 0, 0);
    }
}
