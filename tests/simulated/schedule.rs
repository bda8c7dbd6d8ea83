//! Schedules drawn from a seed: bursts of faults, each in a mood of its own, with calm and outages between.

use super::corner;
use super::fault::{Fault, Kind, Point, Step};
use super::setup::{Setup, pick};
use super::time::{Ms, ms};

/// Kinds that strike more often in one mood than in another.
const MOODS: [&[Kind]; 14] = [
    &[Kind::Suspend, Kind::Starved, Kind::Frozen, Kind::Frozen, Kind::Starved, Kind::MasterFreeze],
    &[Kind::FailoverForce, Kind::FailbackForce, Kind::ClockStep, Kind::HookHangs, Kind::StateUnwritable],
    &[Kind::ReplicaLags, Kind::MasterCrash, Kind::ReloadFailback, Kind::StateUnwritable, Kind::MasterCrash],
    &[Kind::MasterCrash, Kind::MasterFreeze, Kind::PartitionBoth, Kind::MasterSlow],
    &[Kind::ProbeCut, Kind::ProbeRejected, Kind::LinkCut, Kind::AnswersLost, Kind::LinkOneWay, Kind::Loss],
    &[Kind::LoginRefused, Kind::TooMany, Kind::BeatsRefused, Kind::MasterSlow, Kind::ClockStep, Kind::Suspend],
    &[Kind::HookFails, Kind::HookHangs, Kind::HookSlow, Kind::HookHalf, Kind::ReloadHooks, Kind::Killed],
    &[Kind::Killed, Kind::Stopped, Kind::StateUnwritable, Kind::Starved, Kind::Frozen, Kind::Suspend],
    &[Kind::Failover, Kind::FailoverForce, Kind::Failback, Kind::FailbackForce, Kind::Pause, Kind::Resume],
    &[Kind::ReplicaDown, Kind::ReplicaRestart, Kind::ReplicaLags, Kind::ReplicaWritable, Kind::ReplicaPathCut],
    &[Kind::Frozen, Kind::MasterFreeze, Kind::Frozen, Kind::PartitionBoth, Kind::Frozen, Kind::MasterFreeze],
    &[Kind::Unshared, Kind::MasterCrash, Kind::Unshared, Kind::MasterFreeze, Kind::Unshared, Kind::BeatsRefused],
    &[Kind::Frozen, Kind::MasterCrash, Kind::Frozen, Kind::MasterFreeze, Kind::Frozen, Kind::MasterCrash],
    &[Kind::IdentityDown, Kind::IdentityHangs, Kind::IdentityRefuses, Kind::LocalIdentityDown, Kind::MasterCrash],
];

/// Those from here on only come where a bug is hunted in them.
const DRAWN: usize = 12;

/// Orders and faults that last until somebody undoes them: rare, or nothing else would ever be seen.
const STICKY: [Kind; 8] = [
    Kind::Pause,
    Kind::Release,
    Kind::ReloadMode,
    Kind::ReloadFailback,
    Kind::StateLost,
    Kind::StateDamaged,
    Kind::SqlByHand,
    Kind::ReloadPatience,
];

/// How many faults a schedule has, more or less.
const LENGTH: usize = 160;

/// The schedule of a seed; with a `focus` every burst is mostly of this one mood.
pub fn draw(setup: &Setup, focus: Option<usize>) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(setup.seed ^ 0xfa_17);
    let mut steps = Vec::new();
    while steps.len() < LENGTH {
        if focus.is_none() && random.u32(..3) == 0 {
            corner::draw(setup, &mut random, &mut steps);
            if random.bool() {
                steps.push(trial(&mut random));
            }
            continue;
        }
        let burst = random.usize(8..=50);
        let mood = focus.map_or_else(|| pick(&mut random, &MOODS[..DRAWN]), |focus| MOODS[focus]);
        let pace = pick(&mut random, &[setup.poll(), 2 * setup.poll(), 3 * setup.poll(), setup.unreachable() / 3]);
        let dark = random.bool();
        for _ in 0..burst {
            draw_one(setup, &mut random, (mood, focus.is_some()), (pace, dark), &mut steps);
        }
        if random.u32(..3) > 0 {
            steps.push(trial(&mut random));
        }
    }
    steps.push(trial(&mut random));
    steps
}

fn trial(random: &mut fastrand::Rng) -> Step {
    let kind = if random.u32(..3) > 0 { Kind::Outage } else { Kind::Calm };
    let fault = Fault { kind, lasts: 0, arg: random.u32(..3) };
    Step { wait: 0, point: Point::Idle, keen: false, fault }
}

fn draw_kind(random: &mut fastrand::Rng, (mood, focused): (&[Kind], bool), dark: bool) -> Kind {
    if dark && random.u32(..6) == 0 {
        return pick(random, &[Kind::MasterCrash, Kind::MasterFreeze, Kind::PartitionBoth]);
    }
    if random.u32(..3) == 0 || focused && random.u32(..8) > 0 {
        return pick(random, mood);
    }
    loop {
        let kind = pick(random, Kind::ALL);
        if !kind.is_trial() && (!STICKY.contains(&kind) || random.u32(..3) == 0) {
            return kind;
        }
    }
}

fn draw_one(
    setup: &Setup,
    random: &mut fastrand::Rng,
    mood: (&[Kind], bool),
    (pace, dark): (Ms, bool),
    steps: &mut Vec<Step>,
) {
    let kind = draw_kind(random, mood, dark);
    let unreachable = setup.unreachable();
    let gap = ms(setup.rules.gap_limit());
    let spans = [setup.poll(), 3 * setup.poll(), unreachable / 2, unreachable + 3 * setup.probe_timeout()];
    let longer = [2 * unreachable, ms(setup.rules.failback_after) + unreachable, 4 * unreachable];
    let lasts = if random.bool() { pick(random, &spans) } else { pick(random, &longer) };
    let lasts = match kind {
        Kind::Killed | Kind::Stopped if random.bool() => random.u64(1..=100),
        Kind::StateLost | Kind::StateDamaged => random.u64(1..=500),
        // just long enough for a gap in the watching, or just too short for one: a silence with hardly a look in it
        Kind::Suspend | Kind::Starved | Kind::Frozen => match random.u32(..4) {
            0 => gap + random.u64(1..=unreachable / 2),
            1 | 2 => gap - random.u64(0..=gap / 2),
            _ => lasts,
        },
        Kind::StateUnwritable => lasts.min(3 * unreachable),
        _ => lasts,
    };
    let arg = match kind {
        Kind::MasterSlow => setup.probe_timeout() as u32 / 4 + random.u32(..3 * setup.probe_timeout() as u32),
        Kind::Loss => random.u32(1..60),
        _ => random.u32(..64),
    };
    let point = if kind.is_request() || random.u32(..3) == 0 { Point::Idle } else { pick(random, Point::ALL) };
    if point == Point::Down && !kind.is_death() && random.bool() {
        let fault = Fault { kind: Kind::Killed, lasts: random.u64(100..=2_000), arg: 0 };
        steps.push(Step { wait: 0, point: Point::Idle, keen: false, fault });
    }
    let wait = random.u64(0..=2 * pace);
    steps.push(Step { wait, point, keen: random.bool(), fault: Fault { kind, lasts, arg } });
}
