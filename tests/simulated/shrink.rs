//! From a long schedule that breaks a promise to a short one that breaks the same.

use super::fault::Step;
use super::reference::Broken;
use super::setup::Setup;
use super::world::World;

/// How often a schedule is tried while shrinking.
const TRIES: usize = 3_000;

fn breaks(setup: &Setup, steps: &[Step], promise: &str) -> bool {
    let mut world = World::new(setup.clone(), steps, false);
    world.play();
    world.reference.broken().is_some_and(|broken| broken.promise == promise)
}

/// The shortest schedule found that breaks the same promise: whole parts are left out, then single entries, and in the
/// end the waits are shortened.
pub fn shrink(setup: &Setup, steps: &[Step], promise: &str) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let mut tries = TRIES;
    let mut part = steps.len().div_ceil(2);
    while part > 0 && tries > 0 {
        let before = steps.len();
        let mut at = 0;
        while at < steps.len() && tries > 0 {
            tries -= 1;
            let mut fewer = steps.clone();
            let gone: u64 = fewer.drain(at..(at + part).min(steps.len())).map(|step| step.wait).sum();
            if let Some(next) = fewer.get_mut(at) {
                next.wait += gone;
            }
            if breaks(setup, &fewer, promise) {
                steps = fewer;
            } else {
                at += part;
            }
        }
        if part > 1 || steps.len() == before {
            part /= 2;
        }
    }
    hurry(setup, &mut steps, promise);
    steps
}

/// Shortens the waits as far as the same promise stays broken.
fn hurry(setup: &Setup, steps: &mut [Step], promise: &str) {
    for at in 0..steps.len() {
        for part in [0, 16, 4, 2] {
            let mut sooner = steps.to_vec();
            sooner[at].wait = sooner[at].wait.checked_div(part).unwrap_or(0);
            if breaks(setup, &sooner, promise) {
                steps.copy_from_slice(&sooner);
                break;
            }
        }
    }
}

/// Everything that a person needs to see what went wrong.
pub fn report(setup: &Setup, steps: &[Step], found: &Broken) -> String {
    let shrunk = shrink(setup, steps, found.promise);
    let mut world = World::new(setup.clone(), &shrunk, true);
    world.play();
    let detail = world.reference.broken().map(|broken| broken.detail.clone()).unwrap_or_default();
    let list: String = shrunk.iter().map(|step| format!("    {step}\n")).collect();
    let end = world.daemon.as_ref().map(|daemon| {
        let view = daemon.core.view(world.now());
        let gates: Vec<&str> = view.gates.iter().map(|gate| gate.code.as_str()).collect();
        format!("{}: {}; closed gates: {}", view.phase, view.sentence, gates.join(" "))
    });
    format!(
        "seed {}: the promise \"{}\" was broken: {detail}\n  settings: {}\n  {} of {} entries of the schedule are \
         enough:\n{list}  what happened, the last part of {:.3} s:\n{}  in the end {}\n  again: make simulate SEED={}\n",
        setup.seed,
        found.promise,
        setup.words(),
        shrunk.len(),
        steps.len(),
        world.t as f64 / 1_000.0,
        world.story.text(),
        end.as_deref().unwrap_or("the daemon is down"),
        setup.seed,
    )
}
