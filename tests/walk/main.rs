//! An exhaustive walk over the pure judge: from every stop of a tour through all phases, every event of a closed
//! alphabet, and at every turn a crash of the daemon at each point of it, breadth first.
//!
//! States are told apart by what they are (`place`), not by when. What must hold on each edge is said in `promises`,
//! without a look at how the judge does it. No server, no daemon, no randomness.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod alphabet;
mod healing;
#[allow(dead_code, reason = "the operator's tests use the rest of it")]
#[path = "../operator/keystones.rs"]
mod keystones;
mod place;
mod promises;
#[allow(dead_code, reason = "the operator's tests use the rest of it")]
#[path = "../operator/stage.rs"]
mod stage;
mod table;
mod tour;
mod walker;

#[test]
fn every_event_and_every_crash_in_every_phase_keeps_the_promises() {
    let began = std::time::Instant::now();
    let table = walker::walk();
    println!("{table}\n{:.1} s", began.elapsed().as_secs_f64());
    let missing = table.missing();
    assert!(missing.is_empty(), "the walk never came to: {}", missing.join(", "));
}
